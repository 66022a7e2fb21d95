"""From inputs to outputs along a whole removal order: one pass in the direction of the layers, no search per count."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.percolation.newman_ziff import Counts, EdgeEnds
from netsparse.typing import EdgeIds, Int

StartUnits = Int[np.ndarray, "start"]
"""Units that count as reached from the beginning."""

LastReached = Int[np.ndarray, "unit"]
"""The largest number of removed edges at which each unit is still reached."""


def outputs_reachable(sizes: tuple[int, ...], ends: EdgeEnds, order: EdgeIds) -> dict[str, Counts]:
    """Count the units of the last level that at least one input reaches, for every number of removed edges.

    Parameters
    ----------
    sizes : tuple of int
        Number of units on each level, inputs first.
    ends : int array of shape (n_edges, 2)
        Source and target unit of each edge, numbered over all levels, all edges into a level before those out of it.
    order : int array of shape (n_edges,)
        A permutation of the edge ids, first removed first (trusted).

    Returns
    -------
    dict of str to int32 array of shape (n_edges + 1,)
        `outputs_reachable`; entry m holds after the removal of `order[:m]`.

    Examples
    --------
    >>> chain = np.array([[0, 1], [1, 2]], dtype=np.int32)
    >>> outputs_reachable((1, 1, 1), chain, np.array([1, 0], dtype=np.int32))["outputs_reachable"].tolist()
    [1, 0, 0]
    """
    last = last_reached(sum(sizes), np.arange(sizes[0]), ends, positions(order))
    return {"outputs_reachable": _still_reached(last[-sizes[-1] :], len(order))}


def inputs_connected(sizes: tuple[int, ...], ends: EdgeEnds, order: EdgeIds) -> dict[str, Counts]:
    """Count the inputs that reach at least one unit of the last level, for every number of removed edges.

    Arguments and result are those of `outputs_reachable`, the key is `inputs_connected`.

    Examples
    --------
    >>> chain = np.array([[0, 1], [1, 2]], dtype=np.int32)
    >>> inputs_connected((1, 1, 1), chain, np.array([1, 0], dtype=np.int32))["inputs_connected"].tolist()
    [1, 0, 0]
    """
    n_units = sum(sizes)
    backwards = np.ascontiguousarray(ends[::-1, ::-1])
    outputs = np.arange(n_units - sizes[-1], n_units)
    last = last_reached(n_units, outputs, backwards, np.ascontiguousarray(positions(order)[::-1]))
    return {"inputs_connected": _still_reached(last[: sizes[0]], len(order))}


def positions(order: EdgeIds) -> EdgeIds:
    """Return for each edge how many edges go before it: the inverse permutation of `order`."""
    position = np.empty_like(order)
    position[order] = np.arange(len(order), dtype=order.dtype)
    return position


def last_reached(n_units: int, start: StartUnits, ends: EdgeEnds, position: EdgeIds) -> LastReached:
    """Return for each unit the largest number of removed edges at which a `start` unit still reaches it.

    An edge is present as long as no more than `position` edges are gone, a path as long as its first edge to go, a
    unit is reached as long as the longest-lived path to it: last(v) = max over edges u -> v of
    min(last(u), position(u -> v)), the widest path of a network without cycles. Edges arrive level by level, so
    one pass over them settles it, and no search is repeated for any number of edges.

    Returns
    -------
    int array of shape (n_units,)
        n_edges for the start units themselves, -1 for units without a path from them.

    References
    ----------
    M. Pollack, The maximum capacity through a network, Operations Research 8, 733 (1960),
    https://doi.org/10.1287/opre.8.5.733

    Examples
    --------
    >>> two_ways = np.array([[0, 1], [0, 2], [1, 3], [2, 3]], dtype=np.int32)
    >>> last_reached(5, np.array([0]), two_ways, np.array([0, 2, 3, 1], dtype=np.int32)).tolist()
    [4, 0, 2, 1, -1]
    """
    last = np.full(n_units, -1, dtype=position.dtype)
    last[start] = len(position)
    _widest_paths(last, ends, position)
    return last


@njit(cache=True, nogil=True)
def _widest_paths(last, ends, position):
    for edge in range(len(position)):
        target = ends[edge, 1]
        last[target] = max(last[target], min(last[ends[edge, 0]], position[edge]))


def _still_reached(last: LastReached, n_edges: int) -> Counts:
    """Count, for every number m of removed edges, the units with `last >= m`."""
    ends_at = np.bincount(last[last >= 0], minlength=n_edges + 1)
    return np.cumsum(ends_at[::-1])[::-1].astype(np.int32)
