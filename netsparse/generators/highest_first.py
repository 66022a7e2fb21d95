"""One simple graph for any degrees that have one: every target takes the sources that have most to give."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import Int


def realization(
    fan_in: Int[np.ndarray, "n_out"], fan_out: Int[np.ndarray, "n_in"], rng: np.random.Generator
) -> Int[np.ndarray, "edge"]:
    """Return the pair keys `target * n_in + source`, unsorted, of a simple graph with these degrees.

    The targets come in random order, and each takes the sources with the largest residual degrees, drawn by lot
    among equals at the start. If the degrees have a simple graph at all, what is left has one after every step (Gale
    1957, doi:10.2140/pjm.1957.7.1073; Ryser 1957), so this cannot get stuck. The caller has checked that they do.

    Examples
    --------
    >>> keys = realization(np.array([3, 2, 1]), np.array([3, 2, 1]), np.random.default_rng(0))
    >>> sorted(keys.tolist())
    [0, 1, 2, 3, 4, 6]
    """
    shuffled = rng.permutation(len(fan_out))
    order = shuffled[np.argsort(-fan_out[shuffled], kind="stable")].astype(np.int64)
    left = fan_out[order].astype(np.int64)
    return _take_highest(rng.permutation(len(fan_in)), fan_in.astype(np.int64), order, left)


@njit(cache=True, nogil=True)
def _take_highest(targets, fan_in, order, left):
    """Fill target after target; `left`, the residual degrees in the order of sources, never stops falling."""
    n_in = len(order)
    keys = np.empty(left.sum(), dtype=np.int64)
    n_keys = 0
    for target in targets:
        degree = fan_in[target]
        if degree == 0:
            continue
        # sources before `first` have more to give than the last one taken, those from `end` on have less
        least = left[degree - 1]
        first = _n_above(left, least)
        end = _n_above(left, least - 1)
        # equals are taken from their end, so that one edge less leaves them in order
        for place in range(end - (degree - first), end):
            keys[n_keys] = target * n_in + order[place]
            left[place] -= 1
            n_keys += 1
        for place in range(first):
            keys[n_keys] = target * n_in + order[place]
            left[place] -= 1
            n_keys += 1
    return keys


@njit(cache=True, nogil=True)
def _n_above(left, bound):
    """Count the entries above `bound` of the falling array `left`."""
    low, high = 0, len(left)
    while low < high:
        middle = (low + high) // 2
        if left[middle] > bound:
            low = middle + 1
        else:
            high = middle
    return low
