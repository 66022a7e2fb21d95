"""Components along a whole removal in one union-find pass (Newman and Ziff): edges come back, last one first."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.percolation.edge_ends import EdgeEnds
from netsparse.percolation.removal import UNITS, Removal
from netsparse.typing import Float, Int

Points = Int[np.ndarray, "point"]
"""Numbers of removed items (edges or units) at which a curve is recorded, increasing."""

Recorded = Int[np.ndarray, "point"] | Float[np.ndarray, "point"]
"""What was seen at these points: a number of units or components (int32), or a real number (float64)."""

BLOCK = 2048
"""Edges that are fetched together: several cache misses are in flight, and what is fetched stays in the cache."""


def component_counts(
    sizes: tuple[int, ...], ends: EdgeEnds, removal: Removal, points: Points, out: dict[str, np.ndarray]
) -> None:
    """Watch the connected components while edges or units go, in one pass over the edges.

    Edges are added to the empty graph in reverse removal order and components are merged by a weighted union-find
    with path halving, so that the whole curve costs little more than one pass over the edges. A histogram of
    component sizes gives the second largest: a merge lifts it by no more than the size of the smaller part, so that
    all steps down together are O(units log units). The sum of squared sizes is kept up to date by the same merges.

    Parameters
    ----------
    sizes : tuple of int
        Number of units on each level; `sum(sizes)` units in all.
    ends : int array of shape (n_edges, 2)
        The two units of each edge, numbered over all levels. Direction does not matter, parallel edges are fine.
    removal : Removal
        What goes, and in which order (trusted).
    points : int array of shape (n_points,)
        Numbers of removed items, increasing, each from 0 to `removal.n_items` (trusted).
    out : dict of str to array of shape (n_points,)
        What is wanted of the following is filled in: `giant_component` and `second_component` in units and
        `n_components` as a count, int32; `susceptibility`, float64: the mean size of the component of a random unit
        outside the largest component, sum of s^2 / sum of s over the other components. Of equally large components one
        is the largest. A unit without edges is a component of size 1, a unit that was removed is none. Where there is
        no other component, the second one and the susceptibility are 0; where no unit is left, everything is.

    References
    ----------
    M. E. J. Newman, R. M. Ziff, Fast Monte Carlo algorithm for site or bond percolation, Physical Review E 64,
    016706 (2001), https://doi.org/10.1103/PhysRevE.64.016706

    Examples
    --------
    >>> path = np.array([[0, 3], [1, 3], [1, 4], [2, 4]], dtype=np.int32)
    >>> removal = Removal.of_edges(np.array([1, 0, 2, 3], dtype=np.int32))
    >>> seen = {"giant_component": np.empty(5, np.int32), "susceptibility": np.empty(5)}
    >>> component_counts((3, 2), path, removal, np.arange(5), seen)
    >>> seen["giant_component"].tolist(), seen["susceptibility"].tolist()
    ([5, 3, 3, 2, 1], [0.0, 2.0, 1.0, 1.0, 1.0])
    """
    n_units = sum(sizes)
    wanted = (
        out.get("giant_component", NOT_WANTED),
        out.get("second_component", NOT_WANTED),
        out.get("n_components", NOT_WANTED),
        out.get("susceptibility", NO_MEAN),
    )
    _record(n_units, _merges(n_units, ends, removal.edges), removal.gone, points, removal.of == UNITS, wanted)


NOT_WANTED, NO_MEAN = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float64)


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
def _merges(n_units, ends, order):
    """Add the edges to the empty graph, last one first, and note the components after each merge.

    Entry k holds with n_units - k components: from the edge `at[k]` on, which made the k-th merge, until the next.
    """
    at = np.empty(n_units, dtype=np.int64)
    giant = np.empty(n_units, dtype=np.int32)
    second = np.empty(n_units, dtype=np.int32)
    squares = np.empty(n_units, dtype=np.int64)
    # a root stores minus the size of its component, every other unit a unit nearer to its root
    parent = np.full(n_units, -1, dtype=np.int32)
    n_of_size = np.zeros(n_units + 1, dtype=np.int32)
    n_of_size[1] = n_units
    n_of_size[0] = 1  # where the walk down for the second component ends
    largest, runner_up, total, merge = 1, min(n_units - 1, 1), np.int64(n_units), 0
    at[0], giant[0], second[0], squares[0] = len(order), largest, runner_up, total
    block = np.empty((BLOCK, 2), dtype=ends.dtype)
    start = len(order)
    for edge in range(len(order) - 1, -1, -1):
        if edge < start:
            start = max(0, start - BLOCK)
            for place in range(start, edge + 1):
                block[place - start, 0], block[place - start, 1] = ends[order[place], 0], ends[order[place], 1]
        one, other = block[edge - start, 0], block[edge - start, 1]
        above, beside = parent[one], parent[other]
        if above == beside and above >= 0:
            continue  # below the same unit: most edges, once there is a giant
        big, small = _find(parent, one), _find(parent, other)
        if big == small:
            continue
        if parent[big] > parent[small]:
            big, small = small, big
        size_big, size_small = -parent[big], -parent[small]
        merged = size_big + size_small
        parent[big], parent[small] = -merged, big
        n_of_size[size_big] -= 1
        n_of_size[size_small] -= 1
        n_of_size[merged] += 1
        total += 2 * np.int64(size_big) * np.int64(size_small)
        if merged > largest:
            if size_big < largest:
                runner_up = largest  # overtaken; where the giant itself grew, the walk must not start from it
            largest = merged
        elif merged > runner_up:
            runner_up = merged
        while n_of_size[runner_up] == 0:
            runner_up -= 1
        merge += 1
        at[merge], giant[merge], second[merge], squares[merge] = edge, largest, runner_up, total
        if merge == n_units - 1:
            break  # connected, and all other edges leave it so
    return at[: merge + 1], giant[: merge + 1], second[: merge + 1], squares[: merge + 1]


@njit(cache=True, nogil=True)
def _record(n_units, merges, gone, points, of_units, wanted):
    """Read the merges at every point, and take removed units out of the count; arrays of length 0 are not wanted."""
    at, largest, runner_up, squares = merges
    giant, second, components, means = wanted
    point = len(points) - 1
    for merge in range(len(at)):
        next_at = at[merge + 1] if merge + 1 < len(at) else -1
        first, next_one, left, mean, read = 0, 0, 0, 0.0, False
        while point >= 0 and gone[points[point]] > next_at:
            if of_units or not read:
                # a removed unit has lost all its edges and stands among the components as one of size 1: it is none
                absent = points[point] if of_units else 0
                left = n_units - merge - absent
                first = largest[merge] if left > 0 else 0
                next_one = runner_up[merge] if left > 1 else 0
                mean = 0.0
                if left > 1:
                    size = np.int64(first)
                    mean = (squares[merge] - absent - size * size) / (n_units - absent - size)
                read = True
            if len(giant):
                giant[point] = first
            if len(second):
                second[point] = next_one
            if len(components):
                components[point] = left
            if len(means):
                means[point] = mean
            point -= 1
