"""Uniform samples of pairs that are not edges: how random graphs start, and where random growth puts its edges."""

from __future__ import annotations

import numpy as np

from netsparse.errors import NotEnoughFreePairs
from netsparse.graph.bipartite import BipartiteGraph
from netsparse.graph.checks import as_count, as_unit_ids
from netsparse.graph.compiled import address, native_function
from netsparse.graph.pairs import pair_keys
from netsparse.rng import as_rng
from netsparse.typing import EdgeIds, Int, Seed, UnitIds


def free_pairs(
    graph: BipartiteGraph, n_pairs: int, *, without: EdgeIds | None = None, rng: Seed
) -> tuple[UnitIds, UnitIds]:
    """Draw `n_pairs` distinct pairs that are not edges of `graph`, every set of them equally likely.

    Pairs are drawn with replacement, and the first `n_pairs` different ones that are no edges are taken; where more
    than half of the free pairs are wanted they are listed instead, which is then linear in the result. Time and memory
    are linear in the pairs wanted (times a bisection) or, where they are listed, in the edges: never n_in x n_out.

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
    gone = NOBODY if without is None else np.sort(as_unit_ids("without", without))
    return free_pairs_without(graph, gone, as_count("n_pairs", n_pairs), as_rng(rng))


def free_pairs_without(
    graph: BipartiteGraph, gone: EdgeIds, n_pairs: int, rng: np.random.Generator
) -> tuple[UnitIds, UnitIds]:
    """Draw as `free_pairs`, where `gone` are increasing ids of edges whose places count as free; trusted, no check."""
    n_in = graph.n_in
    n_all = n_in * graph.n_out
    n_free = n_all - graph.n_edges + len(gone)
    if _is_listed(n_pairs, n_free):
        edges = np.delete(pair_keys(graph.sources, graph.targets, n_in), gone)
        keys = sample_free_keys(edges, n_all, n_pairs, rng)
        targets = keys // n_in
        return keys - targets * n_in, targets
    drawn = rng.integers(n_all, size=_enough(n_pairs, n_all, n_free))
    while len((pairs := first_free(graph, drawn, n_pairs, gone))[0]) < n_pairs:
        drawn = np.concatenate([drawn, rng.integers(n_all, size=_enough(n_pairs - len(pairs[0]), n_all, n_free))])
    return pairs


def first_free(
    graph: BipartiteGraph, keys: Int[np.ndarray, "drawn"], n_pairs: int, gone: EdgeIds
) -> tuple[UnitIds, UnitIds]:
    """Return the first `n_pairs` different free pairs among those drawn, in canonical order; fewer where that is all.

    Where all keys `target * n_in + source` are equally likely, so is every set of free pairs. `gone` are sorted ids of
    edges whose places count as free. Trusted, no check.
    """
    return native_first_free(graph, keys, n_pairs, gone) or numpy_first_free(graph, keys, n_pairs, gone)


def native_first_free(
    graph: BipartiteGraph, keys: Int[np.ndarray, "drawn"], n_pairs: int, gone: EdgeIds
) -> tuple[UnitIds, UnitIds] | None:
    """Look in compiled code; None where there is none."""
    find = native_function("first_free", graph.indices.dtype)
    if find is None:
        return None
    sources, targets = np.empty(n_pairs, dtype=np.int64), np.empty(n_pairs, dtype=np.int64)
    n_found = find(
        len(keys),
        address(keys),
        n_pairs,
        graph.n_in,
        graph.n_out,
        *graph.addresses(),
        len(gone),
        address(gone),
        address(sources),
        address(targets),
    )
    return (sources, targets) if n_found == n_pairs else (sources[:n_found], targets[:n_found])


def numpy_first_free(
    graph: BipartiteGraph, keys: Int[np.ndarray, "drawn"], n_pairs: int, gone: EdgeIds
) -> tuple[UnitIds, UnitIds]:
    """Look in numpy."""
    keys, turns = np.unique(keys, return_index=True)
    is_free = graph.are_free(keys, gone)
    keys, turns = keys[is_free], turns[is_free]
    if len(keys) > n_pairs:
        keys = keys[turns < np.partition(turns, n_pairs)[n_pairs]]
    targets = keys // graph.n_in
    return keys - targets * graph.n_in, targets


NOBODY = np.empty(0, dtype=np.int64)


def _enough(n_pairs: int, n_all: int, n_free: int) -> int:
    """Return how many to draw so that most probably as many are free and different."""
    return int(1.1 * n_pairs * n_all / max(n_free, 1)) + 16


def sample_free_keys(
    edges: Int[np.ndarray, "edge"], n_all: int, n_keys: int, rng: np.random.Generator
) -> Int[np.ndarray, "key"]:
    """Draw `n_keys` distinct numbers below `n_all` that are not among the sorted `edges`; returned sorted."""
    n_free = n_all - len(edges)
    if _is_listed(n_keys, n_free):
        free = np.ones(n_all, dtype=bool)  # n_all <= n_edges + 2 n_keys: linear in what is there
        free[edges] = False
        return np.sort(rng.choice(np.flatnonzero(free), n_keys, replace=False, shuffle=False))
    keys = np.empty(0, dtype=np.int64)
    while len(keys) < n_keys:  # drawn with replacement; what is taken is rejected, the surplus goes at random
        drawn = rng.integers(n_all, size=_enough(n_keys - len(keys), n_all, n_free))
        drawn.sort()  # sorted needles walk through the edges instead of jumping
        keys = np.concatenate([keys, _not_in(drawn, edges)])
        keys.sort()
        first = np.ones(len(keys), dtype=bool)
        np.not_equal(keys[1:], keys[:-1], out=first[1:])
        keys = keys[first]
    stays = np.ones(len(keys), dtype=bool)
    stays[rng.choice(len(keys), len(keys) - n_keys, replace=False, shuffle=False)] = False
    return keys[stays]


def _is_listed(n_keys: int, n_free: int) -> bool:
    """Tell whether so many are wanted that all free ones are listed; there must be as many."""
    if n_keys > n_free:
        given, expected = f"{n_keys} new edges", f"at most the {n_free} free pairs"
        raise NotEnoughFreePairs("new edges", given, expected, "a lower density or a smaller fraction")
    return 2 * n_keys > n_free


def _not_in(keys: np.ndarray, edges: np.ndarray) -> np.ndarray:
    if not len(edges):
        return keys
    position = np.minimum(np.searchsorted(edges, keys), len(edges) - 1)
    return keys[edges[position] != keys]
