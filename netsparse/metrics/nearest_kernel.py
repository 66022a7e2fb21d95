"""Compiled sum behind the expected nearest neighbour distance: over places in the matrix and entries around each."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def mean_distances(n_in, columns, n_out, rows, across, down, radius, survival):
    """Return the expected distance from each place (column, row) of an n_in x n_out matrix to the nearest edge.

    Steps across and down come nearest first, with their length in `radius`, each standing for those to either side that
    stay inside the matrix; `survival[m]` is the probability that m entries are all free, 0 beyond its end. The distance
    is the integral of that probability over the radius, a step function.
    """
    means = np.zeros((len(columns), len(rows)))
    beside, above = np.empty(across.max() + 1, dtype=np.int64), np.empty(down.max() + 1, dtype=np.int64)
    for x in range(len(columns)):
        _count_at(columns[x], n_in, beside)
        for y in range(len(rows)):
            _count_at(rows[y], n_out, above)
            n_entries, reached, distance = 0, 0.0, 0.0
            for k in range(1, len(radius)):  # the first step is none at all
                distance += (radius[k] - reached) * survival[n_entries]
                reached = radius[k]
                n_entries += beside[across[k]] * above[down[k]]
                if n_entries >= len(survival):
                    break
            means[x, y] = distance
    return means


@njit(cache=True, nogil=True)
def _count_at(place, n, counts):
    """Count the places 0, 1, 2 ... steps away from `place` to either side, of those from 0 to n - 1."""
    counts[0] = 1
    for step in range(1, len(counts)):
        counts[step] = (place >= step) + (place + step < n)
