"""The greatest flow through a directed network, and with it the smallest cut: Dinic's algorithm on float capacities."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import Bool, EdgeVector, UnitIds


def source_side(
    n_units: int, sources: UnitIds, targets: UnitIds, capacities: EdgeVector, *, n_inputs: int, n_outputs: int
) -> Bool[np.ndarray, "unit"]:
    """Tell of each unit whether it lies on the input side of a smallest cut between the first and the last units.

    As much as possible is sent from the first `n_inputs` units to the last `n_outputs`. In the end the units that
    could still receive more are the input side, and the edges that lead out of it are full: a smallest cut. Each
    push takes exactly what the fullest edge of its path has left, so that rounding cannot keep an edge from being full.

    Parameters
    ----------
    n_units : int
        Number of units; inputs first, outputs last (trusted).
    sources, targets : int arrays of shape (n_edges,)
        Each edge carries from its source to its target; parallel edges are fine.
    capacities : float array of shape (n_edges,)
        How much each edge can carry, finite and at least 0.

    Returns
    -------
    bool array of shape (n_units,)
        True for all inputs and False for all outputs.

    Notes
    -----
    E. A. Dinic, Algorithm for solution of a problem of maximum flow in networks with power estimation, Soviet
    Mathematics Doklady 11, 1277 (1970): shortest paths first, all of one length at once; no more than n_units rounds,
    in layered networks a few.

    Examples
    --------
    >>> chain = np.array([0, 1]), np.array([1, 2]), np.array([2.0, 1.0])
    >>> source_side(3, *chain, n_inputs=1, n_outputs=1).tolist()
    [True, True, False]
    """
    ends = (sources.astype(np.int64, copy=False), targets.astype(np.int64, copy=False))
    return _saturate(n_units, *ends, capacities.astype(np.float64), n_inputs, n_outputs)


@njit(cache=True, nogil=True)
def _saturate(n_units, sources, targets, capacities, n_inputs, n_outputs):
    n_edges = len(sources)
    # arc e runs along edge e, arc e + n_edges back against it
    start = np.zeros(n_units + 1, dtype=np.int64)
    for edge in range(n_edges):
        start[sources[edge] + 1] += 1
        start[targets[edge] + 1] += 1
    for unit in range(n_units):
        start[unit + 1] += start[unit]
    place = start[:-1].copy()
    arcs = np.empty(2 * n_edges, dtype=np.int64)
    for edge in range(n_edges):
        arcs[place[sources[edge]]] = edge
        place[sources[edge]] += 1
        arcs[place[targets[edge]]] = edge + n_edges
        place[targets[edge]] += 1
    left = np.zeros(2 * n_edges, dtype=np.float64)
    left[:n_edges] = capacities

    first_output = n_units - n_outputs
    level = np.empty(n_units, dtype=np.int64)
    queue = np.empty(n_units, dtype=np.int64)
    coming = np.empty(n_units, dtype=np.int64)
    path = np.empty(n_units, dtype=np.int64)  # arcs from an input to where the search stands
    while _levels(level, queue, start, arcs, left, sources, targets, n_inputs, first_output):
        coming[:] = start[:-1]
        for source in range(n_inputs):
            depth, unit = 0, source
            while True:
                if unit >= first_output:
                    depth = _push(path, depth, left, n_edges)
                    unit = _tail(path[depth], sources, targets, n_edges)
                    continue
                advanced = False
                while coming[unit] < start[unit + 1]:
                    arc = arcs[coming[unit]]
                    other = targets[arc] if arc < n_edges else sources[arc - n_edges]
                    if left[arc] > 0 and level[other] == level[unit] + 1:
                        path[depth] = arc
                        depth += 1
                        unit = other
                        advanced = True
                        break
                    coming[unit] += 1
                if advanced:
                    continue
                if depth == 0:
                    break
                depth -= 1  # a dead end: never come here again in this round
                unit = _tail(path[depth], sources, targets, n_edges)
                coming[unit] += 1
    return level >= 0


@njit(cache=True, nogil=True)
def _levels(level, queue, start, arcs, left, sources, targets, n_inputs, first_output):
    """Set the distance of each unit from the inputs over arcs with room left; tell whether an output has one."""
    n_edges = len(sources)
    level[:] = -1
    for unit in range(n_inputs):
        level[unit] = 0
        queue[unit] = unit
    head, tail, reached = 0, n_inputs, False
    while head < tail:
        unit = queue[head]
        head += 1
        for position in range(start[unit], start[unit + 1]):
            arc = arcs[position]
            other = targets[arc] if arc < n_edges else sources[arc - n_edges]
            if left[arc] > 0 and level[other] < 0:
                level[other] = level[unit] + 1
                queue[tail] = other
                tail += 1
                reached = reached or other >= first_output
    return reached


@njit(cache=True, nogil=True)
def _push(path, depth, left, n_edges):
    """Send as much as the path can carry; return the number of its arcs before the first that is full now."""
    amount = left[path[0]]
    for step in range(1, depth):
        amount = min(amount, left[path[step]])
    full = depth
    for step in range(depth - 1, -1, -1):
        arc = path[step]
        left[arc] -= amount
        left[arc + n_edges if arc < n_edges else arc - n_edges] += amount
        if left[arc] == 0:
            full = step
    return full


@njit(cache=True, nogil=True)
def _tail(arc, sources, targets, n_edges):
    """Return the unit that an arc leaves."""
    return sources[arc] if arc < n_edges else targets[arc - n_edges]
