"""From inputs to outputs along a whole removal: one pass in the direction of the layers, no search per count."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.percolation.edge_ends import EdgeEnds
from netsparse.percolation.newman_ziff import Points, Recorded
from netsparse.percolation.removal import Removal
from netsparse.typing import EdgeIds, Int

StartUnits = Int[np.ndarray, "start"]
"""Units that count as reached from the beginning."""

LastReached = Int[np.ndarray, "unit"]
"""The largest number of removed edges at which each unit is still reached."""


def reached_from_inputs(
    sizes: tuple[int, ...], ends: EdgeEnds, removal: Removal, points: Points, out: dict[str, np.ndarray]
) -> None:
    """Count the units that at least one input reaches, beyond the inputs and on the last level.

    Parameters
    ----------
    sizes : tuple of int
        Number of units on each level, inputs first.
    ends : int array of shape (n_edges, 2)
        Source and target unit of each edge, numbered over all levels, all edges into a level before those out of it.
    removal : Removal
        What goes, and in which order (trusted). A removed unit has no edges left, so that nothing reaches it.
    points : int array of shape (n_points,)
        Numbers of removed items, increasing (trusted).
    out : dict of str to int32 array of shape (n_points,)
        `units_reachable` and `outputs_reachable` are filled in where wanted.

    Examples
    --------
    >>> chain = np.array([[0, 1], [1, 2]], dtype=np.int32)
    >>> removal = Removal.of_edges(np.array([1, 0], dtype=np.int32))
    >>> seen = {name: np.empty(3, np.int32) for name in ("units_reachable", "outputs_reachable")}
    >>> reached_from_inputs((1, 1, 1), chain, removal, np.arange(3), seen)
    >>> seen["units_reachable"].tolist(), seen["outputs_reachable"].tolist()
    ([2, 1, 0], [1, 0, 0])
    """
    last = _from_inputs(sizes, ends, positions(removal.edges))
    for name, units in (("units_reachable", last[sizes[0] :]), ("outputs_reachable", last[-sizes[-1] :])):
        if name in out:
            _still_there(units, removal, points, out[name])


def reaching_outputs(
    sizes: tuple[int, ...], ends: EdgeEnds, removal: Removal, points: Points, out: dict[str, np.ndarray]
) -> None:
    """Count the inputs that reach at least one unit of the last level.

    Arguments are those of `reached_from_inputs`, `inputs_connected` is filled in.

    Examples
    --------
    >>> chain = np.array([[0, 1], [1, 2]], dtype=np.int32)
    >>> removal = Removal.of_edges(np.array([1, 0], dtype=np.int32))
    >>> seen = {"inputs_connected": np.empty(3, np.int32)}
    >>> reaching_outputs((1, 1, 1), chain, removal, np.arange(3), seen)
    >>> seen["inputs_connected"].tolist()
    [1, 0, 0]
    """
    last = _to_outputs(sizes, ends, positions(removal.edges))
    _still_there(last[: sizes[0]], removal, points, out["inputs_connected"])


def on_paths(
    sizes: tuple[int, ...], ends: EdgeEnds, removal: Removal, points: Points, out: dict[str, np.ndarray]
) -> None:
    """Count the units on a directed path from an input to an output.

    Arguments are those of `reached_from_inputs`, `active_units` is filled in. A unit lies on a path as long as an input
    reaches it and it reaches an output: until the earlier of the two ends.

    Examples
    --------
    >>> fork = np.array([[0, 1], [0, 2], [1, 3]], dtype=np.int32)
    >>> removal = Removal.of_edges(np.array([1, 0, 2], dtype=np.int32))
    >>> seen = {"active_units": np.empty(4, np.int32)}
    >>> on_paths((1, 2, 1), fork, removal, np.arange(4), seen)
    >>> seen["active_units"].tolist()
    [3, 3, 0, 0]
    """
    position = positions(removal.edges)
    last = np.minimum(_from_inputs(sizes, ends, position), _to_outputs(sizes, ends, position))
    _still_there(last, removal, points, out["active_units"])


def positions(order: EdgeIds) -> EdgeIds:
    """Return for each edge how many edges go before it: the inverse permutation of `order`."""
    return _inverse(order, np.empty_like(order))


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


def _from_inputs(sizes: tuple[int, ...], ends: EdgeEnds, position: EdgeIds) -> LastReached:
    return last_reached(sum(sizes), np.arange(sizes[0]), ends, position)


def _to_outputs(sizes: tuple[int, ...], ends: EdgeEnds, position: EdgeIds) -> LastReached:
    n_units = sum(sizes)
    # views: the kernel walks the edges backwards, and each from its target to its source
    return last_reached(n_units, np.arange(n_units - sizes[-1], n_units), ends[::-1, ::-1], position[::-1])


def _still_there(last: LastReached, removal: Removal, points: Points, out: Recorded) -> None:
    _survivors(last, len(removal.edges), removal.gone, points, out)


@njit(cache=True, nogil=True)
def _inverse(order, position):
    for place in range(len(order)):
        position[order[place]] = place
    return position


@njit(cache=True, nogil=True)
def _widest_paths(last, ends, position):
    for edge in range(len(position)):
        target = ends[edge, 1]
        last[target] = max(last[target], min(last[ends[edge, 0]], position[edge]))


@njit(cache=True, nogil=True)
def _survivors(last, n_edges, gone, points, counts):
    """Count, for every point, the units that are reached with that many edges gone."""
    ending_at = np.zeros(n_edges + 1, dtype=np.int32)
    for unit in range(len(last)):
        if last[unit] >= 0:
            ending_at[last[unit]] += 1
    alive, n_gone = 0, n_edges + 1
    for point in range(len(points) - 1, -1, -1):
        while n_gone > gone[points[point]]:
            n_gone -= 1
            alive += ending_at[n_gone]
        counts[point] = alive
