"""Compiled walks over paths of three edges: the scores of all sources against a few targets."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import Float, Int, UnitIds

Bounds = Int[np.ndarray, "row_bound"]
Table = Float[np.ndarray, "degree"]


@njit(cache=True, nogil=True)
def add_community_scores(
    indptr: Bounds,
    sources: UnitIds,
    source_indptr: Bounds,
    targets: UnitIds,
    first: int,
    outside: Table,
    inside: Table,
    scores: Float[np.ndarray, "row n_in"],
) -> None:
    """Add to `scores` what each unit of the local communities counts: one row for each target from `first` on.

    A unit with i edges inside the community of a pair and e outside counts `outside[e] * inside[i]`. Rows hold wrong
    numbers where there are edges.
    """
    n_in = len(source_indptr) - 1
    shared = np.zeros(len(indptr) - 1, dtype=np.int64)
    reached = np.empty(len(indptr) - 1, dtype=np.int64)
    common = np.zeros(n_in, dtype=np.int32)
    counts = np.zeros(len(outside), dtype=np.float64)  # at 0 for what no path reaches
    for row in range(len(scores)):
        v, into = first + row, scores[row]
        n_reached = _overlaps(indptr, sources, source_indptr, targets, v, shared, reached)
        for k in range(n_reached):  # a on the side of v: its edges to sources of v are inside
            a = reached[k]
            within, degree = shared[a], indptr[a + 1] - indptr[a]
            shared[a] = 0
            if within == degree:
                continue  # all its sources have edges to v
            value = outside[degree - 1 - within] * inside[within]
            for j in range(indptr[a], indptr[a + 1]):
                into[sources[j]] += value
        for i in range(indptr[v], indptr[v + 1]):  # b on the side of u: its edges to targets of u are inside
            b = sources[i]
            degree = source_indptr[b + 1] - source_indptr[b]
            n_steps = 0
            for j in range(source_indptr[b], source_indptr[b + 1]):
                a = targets[j]
                if a != v:
                    n_steps += indptr[a + 1] - indptr[a]
                    for k in range(indptr[a], indptr[a + 1]):
                        common[sources[k]] += 1
            for within in range(1, degree):
                counts[within] = outside[degree - 1 - within] * inside[within]
            if n_steps > n_in:
                for u in range(n_in):
                    into[u] += counts[common[u]]
                common[:] = 0
                continue
            for j in range(source_indptr[b], source_indptr[b + 1]):
                a = targets[j]
                if a != v:
                    for k in range(indptr[a], indptr[a + 1]):
                        u = sources[k]
                        into[u] += counts[common[u]]  # 0 the second time
                        common[u] = 0


@njit(cache=True, nogil=True)
def add_path_scores(
    indptr: Bounds,
    sources: UnitIds,
    source_indptr: Bounds,
    targets: UnitIds,
    first: int,
    outside: Table,
    inside: Table,
    by_degree: Table,
    scores: Float[np.ndarray, "row n_in"],
) -> None:
    """Add to `scores` what each path u-a-b-v counts: one row for each target v from `first` on.

    It is the product over a and b of `by_degree[k] * outside[e] * inside[i]`, for a unit with k edges in all, i inside
    the community of the pair and e outside. Rows hold wrong numbers where there are edges.
    """
    n_in = len(source_indptr) - 1
    shared = np.zeros(len(indptr) - 1, dtype=np.int64)
    reached = np.empty(len(indptr) - 1, dtype=np.int64)
    factor = np.zeros(len(indptr) - 1, dtype=np.float64)
    common = np.zeros(n_in, dtype=np.int32)
    counts = np.zeros(len(outside), dtype=np.float64)  # at 0 for what no path reaches
    summed = np.zeros(n_in, dtype=np.float64)
    for row in range(len(scores)):
        v, into = first + row, scores[row]
        n_reached = _overlaps(indptr, sources, source_indptr, targets, v, shared, reached)
        for k in range(n_reached):
            a = reached[k]
            within, degree = shared[a], indptr[a + 1] - indptr[a]
            shared[a] = 0
            factor[a] = 0.0  # all its sources have edges to v
            if within < degree:
                factor[a] = by_degree[degree] * outside[degree - 1 - within] * inside[within]
        for i in range(indptr[v], indptr[v + 1]):
            b = sources[i]
            degree = source_indptr[b + 1] - source_indptr[b]
            n_steps = 0
            for j in range(source_indptr[b], source_indptr[b + 1]):
                a = targets[j]
                if a != v:
                    n_steps += indptr[a + 1] - indptr[a]
                    value = factor[a]
                    for k in range(indptr[a], indptr[a + 1]):
                        common[sources[k]] += 1
                        summed[sources[k]] += value
            for within in range(1, degree):
                counts[within] = by_degree[degree] * outside[degree - 1 - within] * inside[within]
            if n_steps > n_in:
                for u in range(n_in):
                    into[u] += summed[u] * counts[common[u]]
                common[:] = 0
                summed[:] = 0.0
                continue
            for j in range(source_indptr[b], source_indptr[b + 1]):
                a = targets[j]
                if a != v:
                    for k in range(indptr[a], indptr[a + 1]):
                        u = sources[k]
                        into[u] += summed[u] * counts[common[u]]  # 0 the second time
                        common[u] = 0
                        summed[u] = 0.0


@njit(cache=True, nogil=True)
def _overlaps(indptr, sources, source_indptr, targets, v, shared, reached):
    """Count the sources that each other target shares with v; return how many targets were reached."""
    n_reached = 0
    for i in range(indptr[v], indptr[v + 1]):
        b = sources[i]
        for j in range(source_indptr[b], source_indptr[b + 1]):
            a = targets[j]
            if a != v:
                if shared[a] == 0:
                    reached[n_reached] = a
                    n_reached += 1
                shared[a] += 1
    return n_reached
