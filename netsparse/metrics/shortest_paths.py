"""Compiled breadth-first searches over the undirected graph: sums of distances, and Brandes' dependencies."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import EdgeIds, Float, Int, UnitIds

ArcStarts = Int[np.ndarray, "unit+1"]
"""Arcs `indptr[u] .. indptr[u + 1] - 1` leave unit u; every edge is two arcs, one each way."""

ArcHeads = Int[np.ndarray, "arc"]
"""The unit each arc leads to."""

# numbers of shortest paths are mantissa * STEP ** power, which has no largest value
STEP = 2.0**512
INVERSE_STEP = 2.0**-512


def arcs(n_units: int, sources: UnitIds, targets: UnitIds) -> tuple[ArcStarts, ArcHeads, EdgeIds]:
    """Return the edges as arcs both ways, sorted by the unit they leave, and the edge behind each arc.

    Edges that join the same two units stay separate arcs.

    Examples
    --------
    >>> indptr, heads, edges = arcs(3, np.array([0, 1]), np.array([2, 2]))
    >>> indptr.tolist(), heads.tolist(), edges.tolist()
    ([0, 1, 2, 4], [2, 2, 0, 1], [0, 1, 0, 1])
    """
    tails, heads = np.concatenate([sources, targets]), np.concatenate([targets, sources])
    order = np.argsort(tails, kind="stable")
    indptr = np.zeros(n_units + 1, dtype=np.int64)
    np.cumsum(np.bincount(tails, minlength=n_units), out=indptr[1:])
    return indptr, heads[order].astype(np.int32), order % max(1, len(sources))


@njit(cache=True, nogil=True)
def _n_set(bits):
    """Count the ones among 64 bits, first in pairs, then in nibbles, then in bytes."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, nogil=True)
def distance_sum(indptr: ArcStarts, heads: ArcHeads, sources: UnitIds) -> np.int64:
    """Sum the distances in edges from each of the distinct `sources` to all units it reaches.

    64 searches run side by side, one in each bit of a word, so that an arc that many of them cross at the same
    distance is looked at once for all (Then et al., Proc. VLDB Endow. 8, 449 (2014), doi:10.14778/2735496.2735507).
    """
    n_units = len(indptr) - 1
    nothing = np.uint64(0)
    seen = np.zeros(n_units, dtype=np.uint64)
    here = np.zeros(n_units, dtype=np.uint64)  # the searches for which a unit is at the present distance
    ahead = np.zeros(n_units, dtype=np.uint64)  # ... and at the next one
    present = np.empty(n_units, dtype=np.int64)
    coming = np.empty(n_units, dtype=np.int64)
    total = np.int64(0)
    for first in range(0, len(sources), 64):
        seen[:] = nothing
        n_present = 0
        for i in range(first, min(first + 64, len(sources))):
            unit = sources[i]
            here[unit] = np.uint64(1) << np.uint64(i - first)
            seen[unit] = here[unit]
            present[n_present] = unit
            n_present += 1
        distance = 0
        while n_present:
            distance += 1
            n_coming = 0
            for i in range(n_present):
                unit = present[i]
                for arc in range(indptr[unit], indptr[unit + 1]):
                    head = heads[arc]
                    fresh = here[unit] & ~seen[head]
                    if fresh != nothing:
                        if ahead[head] == nothing:
                            coming[n_coming] = head
                            n_coming += 1
                        ahead[head] |= fresh
            for i in range(n_present):
                here[present[i]] = nothing
            for i in range(n_coming):
                unit = coming[i]
                here[unit] = ahead[unit]
                seen[unit] |= ahead[unit]
                total += distance * _n_set(ahead[unit])
                ahead[unit] = nothing
            present, coming = coming, present
            n_present = n_coming
    return total


@njit(cache=True, nogil=True)
def dependencies(
    indptr: ArcStarts, heads: ArcHeads, sources: UnitIds
) -> tuple[Float[np.ndarray, "unit"], Float[np.ndarray, "arc"]]:
    """Sum over the `sources` s and all units t the fraction of shortest paths from s to t through each unit and arc.

    The ends s and t of a path do not count as units on it. An arc is credited where it leads back towards s, so that
    both arcs of an edge together hold the edge's share. Parallel arcs are different paths.

    Brandes' accumulation: delta(v) = sum over the units w behind v of (number of arcs) * sigma(v) / sigma(w) *
    (1 + delta(w)), with sigma the number of shortest paths from s. O(sources * arcs) time, O(units + arcs) memory.
    """
    n_units = len(indptr) - 1
    of_units = np.zeros(n_units)
    of_arcs = np.zeros(len(heads))
    distance = np.full(n_units, -1, dtype=np.int32)
    n_paths = np.zeros(n_units)
    power = np.zeros(n_units, dtype=np.int32)
    delta = np.zeros(n_units)
    queue = np.empty(n_units, dtype=np.int64)
    for source in sources:
        distance[source], n_paths[source], power[source] = 0, 1.0, 0
        queue[0] = source
        first, last = 0, 1
        while first < last:
            unit = queue[first]
            first += 1
            if n_paths[unit] >= STEP:  # all paths to it are in by now
                n_paths[unit] *= INVERSE_STEP
                power[unit] += 1
            paths, of_power, next_distance = n_paths[unit], power[unit], distance[unit] + 1
            for arc in range(indptr[unit], indptr[unit + 1]):
                head = heads[arc]
                if distance[head] < 0:
                    distance[head], n_paths[head], power[head] = next_distance, paths, of_power
                    queue[last] = head
                    last += 1
                elif distance[head] == next_distance:
                    gap = of_power - power[head]
                    if gap > 0:
                        n_paths[head] *= INVERSE_STEP if gap == 1 else 0.0
                        power[head] = of_power
                    if gap >= 0:
                        n_paths[head] += paths
                    elif gap == -1:
                        n_paths[head] += paths * INVERSE_STEP
        for i in range(last - 1, 0, -1):
            unit = queue[i]
            share, of_power, distance_before = (1.0 + delta[unit]) / n_paths[unit], power[unit], distance[unit] - 1
            for arc in range(indptr[unit], indptr[unit + 1]):
                head = heads[arc]
                if distance[head] == distance_before:
                    part = n_paths[head] * share
                    if power[head] != of_power:
                        part *= INVERSE_STEP if of_power - power[head] == 1 else 0.0
                    delta[head] += part
                    of_arcs[arc] += part
            of_units[unit] += delta[unit]
        for i in range(last):
            unit = queue[i]
            distance[unit], delta[unit] = -1, 0.0
    return of_units, of_arcs
