"""Whose turn it is: layers (or levels) lose the same share at every point, or everything is one pool."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from netsparse.graph.frozen import index_dtype
from netsparse.typing import Float, Int

Counts = Int[np.ndarray, "group"]
"""Number of items (edges, units) of each group; the items are numbered group by group."""

Positions = Int[np.ndarray, "item"]
"""Items by their number."""

Turns = Int[np.ndarray, "removal"]
"""The group that each removal takes from."""


def each_by_itself(counts: Counts) -> Counts:
    """Every layer (level) is a group of its own, and all groups lose the same fraction at every point.

    After m of M removals, a group of E_k items has lost m E_k / M of them, rounded down or up.
    """
    return counts


def pooled(counts: Counts) -> Int[np.ndarray, "1"]:
    """All items are one group, whatever layer (level) they are from."""
    return counts.sum(keepdims=True)


SCOPES: dict[str, Callable[[Counts], Int[np.ndarray, "group"]]] = {"layer": each_by_itself, "network": pooled}
"""How the items of layers (levels) with these numbers of items are grouped."""


def turns(counts: Counts) -> Turns:
    """Say for each removal which group it takes from, so that all groups lose the same fraction at every point.

    Group k's j-th item (from 0) may not go before j M / E_k and must go by (j + 1) M / E_k; among the groups that may,
    the one with the earliest deadline goes. Such a schedule exists for all group sizes and keeps every group within one
    item of its share at all times (Steiner and Yeomans, Management Science 39, 728, 1993, doi:10.1287/mnsc.39.6.728).

    Examples
    --------
    >>> turns(np.array([2, 4])).tolist()
    [1, 0, 1, 1, 0, 1]
    """
    dtype = np.int16 if len(counts) <= np.iinfo(np.int16).max else np.int32
    total = int(counts.sum())
    if len(counts) == 1:
        return np.zeros(total, dtype=dtype)
    return _earliest_deadline(counts, np.empty(total, dtype=dtype))


def shuffled(counts: Counts, rng: np.random.Generator) -> Positions:
    """Return all positions, those of each group in a uniformly random order.

    Examples
    --------
    >>> first_group, second_group = np.split(shuffled(np.array([3, 2]), np.random.default_rng(0)), [3])
    >>> sorted(first_group.tolist()), sorted(second_group.tolist())
    ([0, 1, 2], [3, 4])
    """
    total = int(counts.sum())
    # numpy's own shuffle takes five times as long
    return _shuffled(counts, rng.random(total), np.empty(total, dtype=index_dtype(total)))


def merged(arranged: Positions, counts: Counts, whose: Turns) -> Positions:
    """Merge what is arranged group by group into one sequence in which each group comes when it is its turn.

    Each group gives its first items, as many as it has turns in `whose`.

    Examples
    --------
    >>> merged(np.array([7, 6, 5, 2, 1]), np.array([3, 2]), np.array([1, 0, 0])).tolist()
    [2, 7, 6]
    """
    if len(counts) == 1:
        return arranged[: len(whose)]
    return _merged(arranged, np.cumsum(counts) - counts, whose)


@njit(cache=True, nogil=True)
def _earliest_deadline(counts, out):
    total = len(out)
    done = np.zeros(len(counts), dtype=np.int64)
    release = np.where(counts > 0, 1, total + 1)  # a group without items never has its turn
    deadline = -(-total // np.maximum(counts, 1))
    for m in range(1, total + 1):
        turn = -1
        for k in range(len(counts)):
            if release[k] <= m and (turn < 0 or deadline[k] < deadline[turn]):
                turn = k
        out[m - 1] = turn
        done[turn] += 1
        release[turn] = done[turn] * total // counts[turn] + 1  # past the end once all its items are gone
        deadline[turn] = -(-(done[turn] + 1) * total // counts[turn])
    return out


@njit(cache=True, nogil=True)
def _shuffled(counts: Counts, uniform: Float[np.ndarray, "item"], out: Positions) -> Positions:
    """Fisher and Yates' shuffle from the inside out; `uniform` are numbers in [0, 1), one per item."""
    start = 0
    for count in counts:
        for i in range(count):
            j = start + int(uniform[start + i] * (i + 1))
            out[start + i] = out[j]
            out[j] = start + i
        start += count
    return out


@njit(cache=True, nogil=True)
def _merged(arranged, starts, whose):
    place = starts.copy()
    out = np.empty(len(whose), dtype=arranged.dtype)
    for m in range(len(whose)):
        out[m] = arranged[place[whose[m]]]
        place[whose[m]] += 1
    return out
