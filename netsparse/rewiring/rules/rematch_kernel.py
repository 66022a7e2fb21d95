"""The compiled half of degree-preserving growth: freed stubs are matched again at random, without repeated pairs."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.rewiring.growth.key_set import empty_set, holds, insert, remove


@njit(cache=True, nogil=True)
def rematch(sources, targets, taken, n_in, n_swaps, rng):
    """Exchange the targets of pairs until every pair is free and none repeats, then go on at random; in place.

    Parameters
    ----------
    sources, targets : int64 arrays of shape (n_pairs,)
        Stubs, pair by pair; the targets are written over.
    taken : int64 array of shape (n_taken,)
        Keys `target * n_in + source` of pairs that are not to be made.
    n_in : int
        Number of sources.
    n_swaps : int
        Exchanges that are proposed once every pair is free.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    bool
        False where the search was given up: as many tries in a row failed as there are pairs, and 100 more. The targets
        are then in some order or other.
    """
    n = len(sources)
    table = empty_set(len(taken) + n)
    for key in taken:
        insert(table, key + 1)
    is_placed, waiting, n_waiting = np.zeros(n, dtype=np.bool_), np.empty(n, dtype=np.int64), 0
    for i in range(n):
        is_placed[i] = insert(table, targets[i] * n_in + sources[i] + 1)
        if not is_placed[i]:
            waiting[n_waiting] = i
            n_waiting += 1
    n_failed = 0
    while n_waiting:
        place = np.int64(rng.random() * n_waiting)
        i, j = waiting[place], np.int64(rng.random() * n)
        if not is_placed[i] and not _exchange(i, j, sources, targets, is_placed, table, n_in):
            n_failed += 1
            if n_failed > n + 100:
                return False
            continue
        n_failed = 0
        n_waiting -= 1
        waiting[place] = waiting[n_waiting]
    for _ in range(n_swaps):
        i, j = np.int64(rng.random() * n), np.int64(rng.random() * n)
        _exchange(i, j, sources, targets, is_placed, table, n_in)
    return True


@njit(cache=True, nogil=True)
def _exchange(i, j, sources, targets, is_placed, table, n_in):
    """Exchange the targets of two pairs where both new ones are free, and tell whether they were."""
    s, t, u, v = sources[i], targets[i], sources[j], targets[j]
    if s == u or t == v or holds(table, v * n_in + s + 1) or holds(table, t * n_in + u + 1):
        return False
    if is_placed[i]:
        remove(table, t * n_in + s + 1)
    if is_placed[j]:
        remove(table, v * n_in + u + 1)
    insert(table, v * n_in + s + 1)
    insert(table, t * n_in + u + 1)
    targets[i], targets[j] = v, t
    is_placed[i] = is_placed[j] = True
    return True
