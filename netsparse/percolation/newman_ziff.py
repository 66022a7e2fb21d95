"""Components along a whole removal order in one union-find pass (Newman and Ziff): edges come back, last one first."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import EdgeIds, Int

EdgeEnds = Int[np.ndarray, "edge 2"]
"""The two units at the ends of each edge, numbered over all levels, in canonical edge order."""

Counts = Int[np.ndarray, "point"]
"""A number of units (or components) for every number of removed edges, 0 to n_edges."""


def component_counts(sizes: tuple[int, ...], ends: EdgeEnds, order: EdgeIds) -> dict[str, Counts]:
    """Count components and the units of the two largest ones, for every number of removed edges.

    Edges are added to the empty graph in reverse removal order and components are merged by a weighted union-find
    with path halving, so that the whole curve costs little more than one pass over the edges. A histogram of
    component sizes gives the second largest: a merge lifts it by no more than the size of the smaller part, so that
    all steps down together are O(units log units).

    Parameters
    ----------
    sizes : tuple of int
        Number of units on each level; `sum(sizes)` units in all.
    ends : int array of shape (n_edges, 2)
        The two units of each edge, numbered over all levels. Direction does not matter, parallel edges are fine.
    order : int array of shape (n_edges,)
        A permutation of the edge ids, first removed first (trusted).

    Returns
    -------
    dict of str to int32 array of shape (n_edges + 1,)
        `giant_component` and `second_component` in units, `n_components` as a count; entry m holds after the removal
        of `order[:m]`. A unit without edges is a component of size 1; the second component is 0 where only one
        component is left, and equals the giant one where two are largest.

    References
    ----------
    M. E. J. Newman, R. M. Ziff, Fast Monte Carlo algorithm for site or bond percolation, Physical Review E 64,
    016706 (2001), https://doi.org/10.1103/PhysRevE.64.016706

    Examples
    --------
    >>> path = np.array([[0, 3], [1, 3], [1, 4], [2, 4]], dtype=np.int32)
    >>> counts = component_counts((3, 2), path, np.array([1, 0, 2, 3], dtype=np.int32))
    >>> counts["giant_component"].tolist(), counts["second_component"].tolist()
    ([5, 3, 3, 2, 1], [0, 2, 1, 1, 1])
    """
    giant, second, components = _union_find(sum(sizes), ends, order)
    return {"giant_component": giant, "second_component": second, "n_components": components}


@njit(cache=True, nogil=True)
def _find(parent, unit):
    while parent[unit] >= 0:
        above = parent[unit]
        if parent[above] < 0:
            return above
        parent[unit] = parent[above]
        unit = parent[above]
    return unit


@njit(cache=True, nogil=True)
def _union_find(n_units, ends, order):
    n_edges = len(order)
    giant = np.empty(n_edges + 1, dtype=np.int32)
    second = np.empty(n_edges + 1, dtype=np.int32)
    components = np.empty(n_edges + 1, dtype=np.int32)
    # a root stores minus the size of its component, every other unit a unit nearer to its root
    parent = np.full(n_units, -1, dtype=np.int32)
    n_of_size = np.zeros(n_units + 1, dtype=np.int32)
    n_of_size[1] = n_units
    n_of_size[0] = 1  # where the walk down for the second component ends
    largest, runner_up, n_components = 1, min(n_units - 1, 1), n_units
    giant[n_edges], second[n_edges], components[n_edges] = largest, runner_up, n_components
    for m in range(n_edges - 1, -1, -1):
        edge = order[m]
        big, small = _find(parent, ends[edge, 0]), _find(parent, ends[edge, 1])
        if big != small:
            if parent[big] > parent[small]:
                big, small = small, big
            size_big, size_small = -parent[big], -parent[small]
            merged = size_big + size_small
            parent[big], parent[small] = -merged, big
            n_of_size[size_big] -= 1
            n_of_size[size_small] -= 1
            n_of_size[merged] += 1
            n_components -= 1
            if merged > largest:
                if size_big < largest:
                    runner_up = largest  # overtaken; where the giant itself grew, the walk must not start from it
                largest = merged
            elif merged > runner_up:
                runner_up = merged
            while n_of_size[runner_up] == 0:
                runner_up -= 1
        giant[m], second[m], components[m] = largest, runner_up, n_components
    return giant, second, components
