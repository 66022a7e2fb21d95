"""Components along a whole removal in one union-find pass (Newman and Ziff): edges come back, last one first."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.percolation.removal import UNITS, Removal
from netsparse.typing import Float, Int

EdgeEnds = Int[np.ndarray, "edge 2"]
"""The two units at the ends of each edge, numbered over all levels, in canonical edge order."""

Points = Int[np.ndarray, "point"]
"""Numbers of removed items (edges or units) at which a curve is recorded, increasing."""

Recorded = Int[np.ndarray, "point"] | Float[np.ndarray, "point"]
"""What was seen at these points: a number of units or components (int32), or a real number (float64)."""


def component_counts(sizes: tuple[int, ...], ends: EdgeEnds, removal: Removal, points: Points) -> dict[str, Recorded]:
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

    Returns
    -------
    dict of str to array of shape (n_points,)
        `giant_component` and `second_component` in units and `n_components` as a count, int32; `susceptibility`,
        float64: the mean size of the component of a random unit outside the largest component, sum of s^2 / sum of s
        over the other components. Of equally large components one is the largest. A unit without edges is a component
        of size 1, a unit that was removed is none. Where there is no other component, the second one and the
        susceptibility are 0; where no unit is left, everything is.

    References
    ----------
    M. E. J. Newman, R. M. Ziff, Fast Monte Carlo algorithm for site or bond percolation, Physical Review E 64,
    016706 (2001), https://doi.org/10.1103/PhysRevE.64.016706

    Examples
    --------
    >>> path = np.array([[0, 3], [1, 3], [1, 4], [2, 4]], dtype=np.int32)
    >>> removal = Removal.of_edges(np.array([1, 0, 2, 3], dtype=np.int32))
    >>> seen = component_counts((3, 2), path, removal, np.arange(5))
    >>> seen["giant_component"].tolist(), seen["second_component"].tolist()
    ([5, 3, 3, 2, 1], [0, 2, 1, 1, 1])
    >>> seen["susceptibility"].tolist()
    [0.0, 2.0, 1.0, 1.0, 1.0]
    """
    # one gather beforehand keeps several cache misses in flight; inside the loop every edge would wait for its own
    returning = ends.take(removal.edges, axis=0)
    found = _recorded(sum(sizes), *_merges(sum(sizes), returning), removal.gone, points, removal.of == UNITS)
    names = ("giant_component", "second_component", "n_components", "susceptibility")
    return dict(zip(names, found, strict=True))


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
def _merges(n_units, ends):
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
    at[0], giant[0], second[0], squares[0] = len(ends), largest, runner_up, total
    for edge in range(len(ends) - 1, -1, -1):
        above, beside = parent[ends[edge, 0]], parent[ends[edge, 1]]
        if above == beside and above >= 0:
            continue  # below the same unit: most edges, once there is a giant
        big, small = _find(parent, ends[edge, 0]), _find(parent, ends[edge, 1])
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
def _recorded(n_units, at, largest, runner_up, squares, gone, points, of_units):
    """Read the merges at every point, and take removed units out of the count."""
    giant = np.empty(len(points), dtype=np.int32)
    second = np.empty(len(points), dtype=np.int32)
    components = np.empty(len(points), dtype=np.int32)
    susceptibility = np.empty(len(points), dtype=np.float64)
    merge, read = 0, -1
    first, next_one, left, mean = 0, 0, 0, 0.0
    for point in range(len(points) - 1, -1, -1):
        present_from = gone[points[point]]
        while merge + 1 < len(at) and at[merge + 1] >= present_from:
            merge += 1
        if of_units or merge != read:
            # a removed unit has lost all its edges and stands among the components as one of size 1: it is none
            absent = points[point] if of_units else 0
            left = n_units - merge - absent
            first = largest[merge] if left > 0 else 0
            next_one = runner_up[merge] if left > 1 else 0
            mean = 0.0
            if left > 1:
                size = np.int64(first)
                mean = (squares[merge] - absent - size * size) / (n_units - absent - size)
            read = merge
        giant[point], second[point], components[point], susceptibility[point] = first, next_one, left, mean
    return giant, second, components, susceptibility
