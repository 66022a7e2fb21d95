"""The inner loop of preferential attachment: units arrive one by one and choose partners by their degrees."""

from __future__ import annotations

import numpy as np
from numba import njit

PATIENCE = 16  # draws per partner before the rest is chosen in one pass over all


@njit(cache=True, nogil=True)
def grow(order, n_in, n_edges, attractiveness, rng):
    """Return sources and targets of the edges that the units in `order` bring, at most `n_edges` of them.

    Numbers below n_in are sources, the others targets. After k arrivals k / n_units of the edges should be there, and
    every arrival brings what is missing, as far as there are partners.
    """
    n_units = len(order)
    share, rest = n_edges // n_units, n_edges % n_units
    ends = np.empty((2, n_edges), dtype=np.int64)
    present = np.empty((2, n_units), dtype=np.int64)
    n_present = np.zeros(2, dtype=np.int64)
    degree = np.zeros(n_units, dtype=np.int64)
    chosen_by = np.full(n_units, -1, dtype=np.int64)
    n_placed = 0
    for k in range(n_units):
        unit = order[k]
        own = 0 if unit < n_in else 1
        other = 1 - own
        due = (k + 1) * share + (k + 1) * rest // n_units
        n_wanted = min(due - n_placed, n_present[other])
        if n_wanted:
            here = present[other, : n_present[other]]
            _choose(ends[other], n_placed, here, degree, n_wanted, attractiveness, chosen_by, k, rng)
        for i in range(n_placed, n_placed + n_wanted):
            ends[own, i] = unit
            degree[ends[other, i]] += 1
        degree[unit] = n_wanted
        n_placed += n_wanted
        present[own, n_present[own]] = unit
        n_present[own] += 1
    return ends[0, :n_placed], ends[1, :n_placed] - n_in


@njit(cache=True, nogil=True)
def _choose(ends, n_ends, present, degree, n_wanted, attractiveness, chosen_by, k, rng):
    """Write `n_wanted` distinct units from `present` behind the first `n_ends` of `ends`, by degree + attractiveness.

    A unit is at the end of as many edges as its degree, so a random end is a unit drawn by its degree.
    """
    n_chosen = 0
    if n_wanted == len(present):
        for unit in present:
            ends[n_ends + n_chosen] = unit
            n_chosen += 1
        return
    if 2 * n_wanted <= len(present):
        total = n_ends + attractiveness * len(present)
        for _ in range(PATIENCE * n_wanted):
            place = rng.random() * total
            if place < n_ends:
                unit = ends[np.int64(place)]
            else:
                unit = present[min(np.int64((place - n_ends) / attractiveness), len(present) - 1)]
            if chosen_by[unit] != k:
                chosen_by[unit] = k
                ends[n_ends + n_chosen] = unit
                n_chosen += 1
            if n_chosen == n_wanted:
                return
    # an exponential race draws without replacement too, and goes on from where the draws have stopped
    times = np.empty(len(present))
    for i in range(len(present)):
        waiting = chosen_by[present[i]] != k
        times[i] = rng.standard_exponential() / (degree[present[i]] + attractiveness) if waiting else np.inf
    for i in np.argsort(times)[: n_wanted - n_chosen]:
        ends[n_ends + n_chosen] = present[i]
        n_chosen += 1
