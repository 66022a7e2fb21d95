"""Compiled passes over wedges, paths of two edges: 4-cycles and pairwise overlaps of neighbourhoods."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def count_four_cycles(indptr, neighbours):
    """Count the 4-cycles of a simple graph whose units are numbered by rising degree, neighbours sorted.

    Every cycle is seen once, at its highest unit: the wedges that start there and stay below it are counted by
    where they end, and any two with the same end close a cycle. A wedge is walked only over a middle unit whose
    degree is no larger than that of its start, so that the work is O(sum over edges of the smaller degree), which is
    at most O(edges^1.5), and a hub is never a middle unit of more than its equals.
    """
    n_units = len(indptr) - 1
    seen = np.zeros(n_units, dtype=np.int64)
    n_cycles = 0
    for top in range(n_units):
        for i in range(indptr[top], indptr[top + 1]):
            middle = neighbours[i]
            if middle >= top:
                break
            for j in range(indptr[middle], indptr[middle + 1]):
                end = neighbours[j]
                if end >= top:
                    break
                n_cycles += seen[end]
                seen[end] += 1
        for i in range(indptr[top], indptr[top + 1]):
            middle = neighbours[i]
            if middle >= top:
                break
            for j in range(indptr[middle], indptr[middle + 1]):
                end = neighbours[j]
                if end >= top:
                    break
                seen[end] = 0
    return n_cycles


@njit(cache=True, nogil=True)
def mean_overlaps(indptr, neighbours, mode):
    """Average over the units two steps away how much of the neighbourhoods is shared; 0 where there is none.

    The shared number is divided by the size of the union (`mode` 0), of the smaller (1) or of the larger
    neighbourhood (2). One counter per unit is all the memory; O(sum of squared degrees) time.
    """
    n_units = len(indptr) - 1
    shared = np.zeros(n_units, dtype=np.int64)
    reached = np.empty(n_units, dtype=np.int64)
    means = np.zeros(n_units)
    for unit in range(n_units):
        degree = indptr[unit + 1] - indptr[unit]
        n_reached = 0
        for i in range(indptr[unit], indptr[unit + 1]):
            middle = neighbours[i]
            for j in range(indptr[middle], indptr[middle + 1]):
                end = neighbours[j]
                if end == unit:
                    continue
                if shared[end] == 0:
                    reached[n_reached] = end
                    n_reached += 1
                shared[end] += 1
        total = 0.0
        for i in range(n_reached):
            end = reached[i]
            other = indptr[end + 1] - indptr[end]
            if mode == 0:
                size = degree + other - shared[end]
            elif mode == 1:
                size = min(degree, other)
            else:
                size = max(degree, other)
            total += shared[end] / size
            shared[end] = 0
        if n_reached:
            means[unit] = total / n_reached
    return means
