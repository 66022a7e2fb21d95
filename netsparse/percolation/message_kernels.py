"""Compiled kernels of message passing: sweeps over the messages of a graph, for probabilities and for mean sizes.

Units are ranked by `leaves_first`, and edges are sorted by the higher of their two units: those of unit i are
`starts[i] .. starts[i + 1] - 1`, with the lower units in `low`. Two messages belong to an edge: `up` arrives at the
higher unit, `down` at the lower one; each is the probability that the edge does not lead its unit to the giant
component. Every kernel runs along the edges in that order and looks up nothing but numbers per unit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import EdgeVector, Float, Int, UnitIds

EdgeStarts = Int[np.ndarray, "start"]
"""Edges `starts[i] .. starts[i + 1] - 1` have unit i as the higher of their units."""

LowUnits = Int[np.ndarray, "edge"]
"""The lower unit of each edge."""

PerUnit = Float[np.ndarray, "unit"]
"""One number for each unit."""


@njit(cache=True, nogil=True)
def leaves_first(n_units: int, ends: Int[np.ndarray, "edge 2"]) -> UnitIds:
    """Return the units in an order in which leaves are taken off again and again, the 2-core last.

    What a tree sends towards the core is then settled by one sweep up, and what it receives by one sweep down. A unit
    that is down to one edge finds it as the exclusive-or of the ids of its edges.

    Examples
    --------
    >>> leaves_first(5, np.array([[0, 2], [1, 2], [0, 3], [1, 3], [4, 3]])).tolist()
    [4, 0, 1, 2, 3]
    """
    order = np.empty(n_units, dtype=np.int64)
    degrees, last = np.zeros(n_units, dtype=np.int64), np.zeros(n_units, dtype=np.int64)
    for edge in range(len(ends)):
        for unit in ends[edge]:
            degrees[unit] += 1
            last[unit] ^= edge
    gone = degrees <= 1
    n_found = n_done = 0
    for unit in range(n_units):
        if gone[unit]:
            order[n_found] = unit
            n_found += 1
    while n_done < n_found:
        unit = order[n_done]
        n_done += 1
        if degrees[unit] == 1:
            edge = last[unit]
            head = ends[edge, 0] + ends[edge, 1] - unit
            degrees[head] -= 1
            last[head] ^= edge
            if degrees[head] == 1 and not gone[head]:
                gone[head] = True
                order[n_found] = head
                n_found += 1
    for unit in range(n_units):
        if not gone[unit]:
            order[n_found] = unit
            n_found += 1
    return order


@njit(cache=True, nogil=True)
def sweep(up: EdgeVector, down: EdgeVector, kept: EdgeVector, starts: EdgeStarts, low: LowUnits) -> float:
    """Send all messages anew, first those up, in the order of the units, then those down; return the largest change.

    u_{i<-j} = 1 - p (1 - prod over k != i of u_{j<-k}). A product without one factor is the product divided by it;
    factors of 0 are counted aside.
    """
    n_units = len(starts) - 1
    largest = 0.0
    product, zeros = np.ones(n_units), np.zeros(n_units, dtype=np.int32)
    for edge in range(len(low)):
        product[low[edge]], zeros[low[edge]] = _times(product[low[edge]], zeros[low[edge]], down[edge])
    for unit in range(n_units):
        for edge in range(starts[unit], starts[unit + 1]):
            others = _without(product[low[edge]], zeros[low[edge]], down[edge])
            fresh = 1.0 - kept[edge] * (1.0 - others)
            largest = max(largest, abs(fresh - up[edge]))
            up[edge] = fresh
            product[unit], zeros[unit] = _times(product[unit], zeros[unit], fresh)
    product[:], zeros[:] = 1.0, 0
    for unit in range(n_units - 1, -1, -1):
        first, last = starts[unit], starts[unit + 1]
        total, n_zero = product[unit], zeros[unit]
        for edge in range(first, last):
            total, n_zero = _times(total, n_zero, up[edge])
        for edge in range(first, last):
            fresh = 1.0 - kept[edge] * (1.0 - _without(total, n_zero, up[edge]))
            largest = max(largest, abs(fresh - down[edge]))
            down[edge] = fresh
            product[low[edge]], zeros[low[edge]] = _times(product[low[edge]], zeros[low[edge]], fresh)
    return largest


@njit(cache=True, nogil=True)
def growth_sweep(
    growth_up: EdgeVector,
    growth_down: EdgeVector,
    up: EdgeVector,
    down: EdgeVector,
    kept: EdgeVector,
    starts: EdgeStarts,
    low: LowUnits,
) -> float:
    """Send the derivatives of all messages anew, as `sweep` does the messages; return the largest relative change.

    u(z) = 1 - p + p z prod u(z) gives u' = p (prod u + (prod u)') at z = 1.
    """
    n_units = len(starts) - 1
    largest = 0.0
    below, above = _all_growing(n_units), _all_growing(n_units)
    for edge in range(len(low)):
        _multiply(above, low[edge], down[edge], growth_down[edge])
    for unit in range(n_units):
        below[unit] = above[unit]
        for edge in range(starts[unit], starts[unit + 1]):
            others, growth = _without_growing(below[low[edge]], down[edge], growth_down[edge])
            fresh = kept[edge] * (others + growth)
            largest = max(largest, abs(fresh - growth_up[edge]) / max(1.0, fresh))
            growth_up[edge] = fresh
            _multiply(below, unit, up[edge], fresh)
    above[:] = _all_growing(n_units)
    for unit in range(n_units - 1, -1, -1):
        for edge in range(starts[unit], starts[unit + 1]):
            _multiply(above, unit, up[edge], growth_up[edge])
        for edge in range(starts[unit], starts[unit + 1]):
            others, growth = _without_growing(above[unit], up[edge], growth_up[edge])
            fresh = kept[edge] * (others + growth)
            largest = max(largest, abs(fresh - growth_down[edge]) / max(1.0, fresh))
            growth_down[edge] = fresh
            _multiply(above, low[edge], down[edge], fresh)
    return largest


@njit(cache=True, nogil=True)
def products(up: EdgeVector, down: EdgeVector, starts: EdgeStarts, low: LowUnits) -> PerUnit:
    """Multiply the messages that arrive at each unit: its probability not to be in the giant component."""
    found = np.ones(len(starts) - 1)
    for unit in range(len(found)):
        for edge in range(starts[unit], starts[unit + 1]):
            found[unit] *= up[edge]
            found[low[edge]] *= down[edge]
    return found


@njit(cache=True, nogil=True)
def product_growth(
    growth_up: EdgeVector,
    growth_down: EdgeVector,
    up: EdgeVector,
    down: EdgeVector,
    starts: EdgeStarts,
    low: LowUnits,
) -> PerUnit:
    """Differentiate z times the product of the messages that arrive at each unit by z, at z = 1."""
    found = _all_growing(len(starts) - 1)
    for unit in range(len(found)):
        for edge in range(starts[unit], starts[unit + 1]):
            _multiply(found, unit, up[edge], growth_up[edge])
            _multiply(found, low[edge], down[edge], growth_down[edge])
    total = np.empty(len(found))
    for unit in range(len(found)):
        value, growth = _without_growing(found[unit], 1.0, 0.0)
        total[unit] = value + growth
    return total


@njit(cache=True, nogil=True)
def _times(product, zeros, factor):
    if factor == 0.0:
        return product, zeros + 1
    return product * factor, zeros


@njit(cache=True, nogil=True)
def _without(product, zeros, factor):
    if factor == 0.0:
        return product if zeros == 1 else 0.0
    return product / factor if zeros == 0 else 0.0


@njit(cache=True, nogil=True)
def _all_growing(n_units):
    """Return empty products, each as: factors other than 0, their sum of u' / u, number of 0s, their u'."""
    found = np.zeros((n_units, 4))
    found[:, 0] = 1.0
    return found


@njit(cache=True, nogil=True)
def _multiply(found, unit, message, growth):
    if message == 0.0:
        found[unit, 2] += 1.0
        found[unit, 3] += growth
    else:
        found[unit, 0] *= message
        found[unit, 1] += growth / message


@njit(cache=True, nogil=True)
def _without_growing(product, message, growth):
    """Return the product without one factor, and its derivative."""
    factors, rate, zeros, zero_growth = product[0], product[1], product[2], product[3]
    if message == 0.0:
        zeros, zero_growth = zeros - 1.0, zero_growth - growth
    else:
        factors, rate = factors / message, rate - growth / message
    if zeros == 0.0:
        return factors, factors * rate
    return 0.0, factors * zero_growth if zeros == 1.0 else 0.0
