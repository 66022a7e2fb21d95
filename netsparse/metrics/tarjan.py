"""One depth-first search for all bridges and articulation points: Tarjan's low points, without recursion."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import Bool, EdgeMask, UnitIds


def cut_edges_and_units(n_units: int, sources: UnitIds, targets: UnitIds) -> tuple[EdgeMask, Bool[np.ndarray, "unit"]]:
    """Tell of each edge and of each unit whether the component it lies in falls apart without it.

    Edges are taken as undirected. The search notes when it first came to each unit, and the earliest unit that can be
    reached from what lies below it by one edge back up (its low point). An edge down is a bridge where nothing below
    it leads back to its upper end or higher; its upper end is an articulation point where nothing leads higher.
    Which edge the search came down on is remembered by its id, so that a parallel edge counts as a way back.

    Parameters
    ----------
    n_units : int
        Number of units.
    sources, targets : int arrays of shape (n_edges,)
        The two ends of each edge; parallel edges are fine (trusted).

    Returns
    -------
    is_bridge : bool array of shape (n_edges,)
    is_articulation : bool array of shape (n_units,)

    Notes
    -----
    R. Tarjan, Depth-first search and linear graph algorithms, SIAM Journal on Computing 1, 146 (1972),
    https://doi.org/10.1137/0201010. Linear in units and edges.

    Examples
    --------
    >>> bridge, articulation = cut_edges_and_units(3, np.array([0, 0, 1]), np.array([1, 1, 2]))
    >>> bridge.tolist(), articulation.tolist()
    ([False, False, True], [False, True, False])
    """
    return _search(n_units, sources.astype(np.int64, copy=False), targets.astype(np.int64, copy=False))


@njit(cache=True, nogil=True)
def _search(n_units, sources, targets):
    n_edges = len(sources)
    # the edges at every unit, by a counting sort over both ends
    start = np.zeros(n_units + 1, dtype=np.int64)
    for edge in range(n_edges):
        start[sources[edge] + 1] += 1
        start[targets[edge] + 1] += 1
    for unit in range(n_units):
        start[unit + 1] += start[unit]
    place = start[:-1].copy()
    at = np.empty(2 * n_edges, dtype=np.int64)
    for edge in range(n_edges):
        for end in (sources[edge], targets[edge]):
            at[place[end]] = edge
            place[end] += 1

    is_bridge = np.zeros(n_edges, dtype=np.bool_)
    is_articulation = np.zeros(n_units, dtype=np.bool_)
    found = np.full(n_units, -1, dtype=np.int64)
    low = np.zeros(n_units, dtype=np.int64)
    came_by = np.full(n_units, -1, dtype=np.int64)
    coming = start[:-1].copy()  # next edge to look at, for every unit
    stack = np.empty(n_units, dtype=np.int64)
    clock = 0
    for root in range(n_units):
        if found[root] >= 0:
            continue
        n_branches, depth = 0, 1
        stack[0] = root
        found[root] = low[root] = clock
        clock += 1
        while depth:
            unit = stack[depth - 1]
            if coming[unit] < start[unit + 1]:
                edge = at[coming[unit]]
                coming[unit] += 1
                if edge == came_by[unit]:
                    continue
                other = sources[edge] + targets[edge] - unit
                if found[other] >= 0:
                    low[unit] = min(low[unit], found[other])
                else:
                    came_by[other] = edge
                    found[other] = low[other] = clock
                    clock += 1
                    stack[depth] = other
                    depth += 1
                continue
            depth -= 1
            if not depth:
                break
            above = stack[depth - 1]
            low[above] = min(low[above], low[unit])
            if low[unit] > found[above]:
                is_bridge[came_by[unit]] = True
            if above == root:
                n_branches += 1
            elif low[unit] >= found[above]:
                is_articulation[above] = True
        is_articulation[root] = n_branches > 1
    return is_bridge, is_articulation
