"""Uniform samples of pairs that are not edges: how random graphs start, and where random growth puts its edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netsparse.errors import NotEnoughFreePairs
from netsparse.graph.bipartite import BipartiteGraph, pair_keys
from netsparse.graph.checks import as_count
from netsparse.rng import as_rng
from netsparse.typing import EdgeIds, Int, Seed, UnitIds


def free_pairs(
    graph: BipartiteGraph, n_pairs: int, *, without: EdgeIds | None = None, rng: Seed
) -> tuple[UnitIds, UnitIds]:
    """Draw `n_pairs` distinct pairs that are not edges of `graph`, every set of them equally likely.

    Pairs are drawn with replacement and those that are edges or were drawn before are rejected; where more than half
    of the free pairs are wanted they are listed instead, which is then linear in the result. Time and memory are
    linear in the pairs wanted (times a bisection) or, where they are listed, in the edges: never n_in x n_out.

    Parameters
    ----------
    graph : BipartiteGraph
        Whose edges are taken.
    n_pairs : int
        How many to draw.
    without : int array, optional
        Distinct ids of edges that count as gone, their places as free.
    rng : int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    sources, targets : int arrays of shape (n_pairs,)
        In canonical order.

    Raises
    ------
    InvalidOption, NotEnoughFreePairs
        If `n_pairs` is not a whole number of at least 0, or the graph has fewer free pairs.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=2)
    >>> sources, targets = free_pairs(graph, 2, rng=0)
    >>> sources.tolist(), targets.tolist()
    ([0, 1], [1, 1])
    """
    rng, n_pairs, n_in = as_rng(rng), as_count("n_pairs", n_pairs), graph.n_in
    gone = np.empty(0, dtype=np.int64) if without is None else np.sort(without)
    n_all = n_in * graph.n_out
    n_free = n_all - graph.n_edges + len(gone)
    if _is_listed(n_pairs, n_free):
        edges = np.delete(pair_keys(graph.sources, graph.targets, n_in), gone)
        keys = sample_free_keys(edges, n_all, n_pairs, rng)
    else:
        keys = _sampled(n_all, n_free, n_pairs, lambda drawn: drawn[graph.are_free(drawn, gone)], rng)
    targets = keys // n_in
    return keys - targets * n_in, targets


def sample_free_keys(
    edges: Int[np.ndarray, "edge"], n_all: int, n_keys: int, rng: np.random.Generator
) -> Int[np.ndarray, "key"]:
    """Draw `n_keys` distinct numbers below `n_all` that are not among the sorted `edges`; returned sorted."""
    n_free = n_all - len(edges)
    if _is_listed(n_keys, n_free):
        free = np.ones(n_all, dtype=bool)  # n_all <= n_edges + 2 n_keys: linear in what is there
        free[edges] = False
        return np.sort(rng.choice(np.flatnonzero(free), n_keys, replace=False, shuffle=False))
    return _sampled(n_all, n_free, n_keys, lambda drawn: _not_in(drawn, edges), rng)


def _is_listed(n_keys: int, n_free: int) -> bool:
    """Tell whether so many are wanted that all free ones are listed; there must be as many."""
    if n_keys > n_free:
        given, expected = f"{n_keys} new edges", f"at most the {n_free} free pairs"
        raise NotEnoughFreePairs("new edges", given, expected, "a lower density or a smaller fraction")
    return 2 * n_keys > n_free


def _sampled(
    n_all: int,
    n_free: int,
    n_keys: int,
    only_free: Callable[[Int[np.ndarray, "drawn"]], Int[np.ndarray, "free"]],
    rng: np.random.Generator,
) -> Int[np.ndarray, "key"]:
    """Draw with replacement and reject what is taken, until there are enough; the surplus goes at random."""
    keys = np.empty(0, dtype=np.int64)
    while len(keys) < n_keys:
        missing = n_keys - len(keys)
        drawn = rng.integers(n_all, size=int(1.1 * missing * n_all / n_free) + 16)
        drawn.sort()  # sorted needles walk through the edges instead of jumping
        keys = np.concatenate([keys, only_free(drawn)])
        keys.sort()
        first = np.ones(len(keys), dtype=bool)
        np.not_equal(keys[1:], keys[:-1], out=first[1:])
        keys = keys[first]
    stays = np.ones(len(keys), dtype=bool)
    stays[rng.choice(len(keys), len(keys) - n_keys, replace=False, shuffle=False)] = False
    return keys[stays]


def _not_in(keys: np.ndarray, edges: np.ndarray) -> np.ndarray:
    if not len(edges):
        return keys
    position = np.minimum(np.searchsorted(edges, keys), len(edges) - 1)
    return keys[edges[position] != keys]
