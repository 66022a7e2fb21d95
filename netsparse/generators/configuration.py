"""Simple bipartite graphs with prescribed degrees: stubs paired at random, repeated pairs repaired by swaps."""

from __future__ import annotations

import numpy as np

from netsparse.errors import InvalidDegree
from netsparse.graph.bipartite import BipartiteGraph, pair_keys
from netsparse.typing import Int

ROUNDS, RESTARTS = 300, 10


def simple_graph(
    fan_in: Int[np.ndarray, "n_out"], fan_out: Int[np.ndarray, "n_in"], rng: np.random.Generator
) -> BipartiteGraph:
    """Return a random simple graph whose units have exactly the given degrees.

    The stubs of the bipartite configuration model are paired uniformly at random; then each surplus copy of a repeated
    pair swaps its source with that of a random edge wherever both new pairs are free, until no pair repeats. Close to
    uniform over the simple graphs with these degrees, not exactly so. Graphs with more than half of all pairs are
    drawn as the complement of one with fewer, so that repair stays quick at every density.

    Raises
    ------
    InvalidDegree
        If no simple graph was found for these degrees.
    """
    n_in, n_out = len(fan_out), len(fan_in)
    n_edges = int(fan_in.sum())
    if 2 * n_edges > n_in * n_out:
        holes = simple_graph(n_in - fan_in, n_out - fan_out, rng)
        present = np.ones(n_in * n_out, dtype=bool)  # fewer than 2 n_edges pairs in all: linear in the result
        present[pair_keys(holes.sources, holes.targets, n_in)] = False
        return BipartiteGraph.from_sorted_keys(np.flatnonzero(present), n_in=n_in, n_out=n_out)
    targets = np.repeat(np.arange(n_out), fan_in)
    stubs = np.repeat(np.arange(n_in), fan_out)
    for _ in range(RESTARTS):
        sources = rng.permutation(stubs)
        for _ in range(ROUNDS):
            if not _repair(sources, targets, n_in, rng):
                keys = np.sort(pair_keys(sources, targets, n_in))
                return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)
    sources = _round_robin(fan_in, fan_out)
    keys = np.sort(pair_keys(sources, targets, n_in))
    if not np.array_equal(np.bincount(sources, minlength=n_in), fan_out) or (keys[1:] == keys[:-1]).any():
        given = f"degrees up to {fan_in.max()} in and {fan_out.max()} out"
        raise InvalidDegree("degrees", given, "degrees of some simple bipartite graph", "smaller or more even degrees")
    return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)


def _repair(sources: np.ndarray, targets: np.ndarray, n_in: int, rng: np.random.Generator) -> int:
    """Swap the sources of surplus copies with those of random edges, in place; return how many copies there were."""
    keys = pair_keys(sources, targets, n_in)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    surplus = order[1:][ordered[1:] == ordered[:-1]]
    if not len(surplus):
        return 0
    partner = rng.integers(len(keys), size=len(surplus))
    new = np.concatenate([targets[surplus] * n_in + sources[partner], targets[partner] * n_in + sources[surplus]])
    found = np.minimum(np.searchsorted(ordered, new), len(ordered) - 1)
    free = ((ordered[found] != new) & _occurs_once(new)).reshape(2, -1).all(axis=0)
    free &= _occurs_once(np.concatenate([surplus, partner])).reshape(2, -1).all(axis=0)
    a, b = surplus[free], partner[free]
    sources[a], sources[b] = sources[b], sources[a]
    return len(surplus)


def _occurs_once(values: np.ndarray) -> np.ndarray:
    order = np.argsort(values)
    repeats = values[order][1:] == values[order][:-1]
    once = np.empty(len(values), dtype=bool)
    once[order] = ~(np.append(repeats, False) | np.insert(repeats, 0, False))
    return once


def _round_robin(fan_in: np.ndarray, fan_out: np.ndarray) -> np.ndarray:
    """Deal the sources out in turn, the ones of highest degree first: simple whenever degrees differ by at most one."""
    by_degree = np.argsort(-fan_out, kind="stable")
    return by_degree[np.arange(int(fan_in.sum())) % len(fan_out)]
