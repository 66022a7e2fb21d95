"""Uniform samples of free sources, target by target: random wiring with every fan-in fixed."""

from __future__ import annotations

import numpy as np

from netsparse.typing import Int


def sample_free_sources(
    edges: Int[np.ndarray, "edge"], n_in: int, counts: Int[np.ndarray, "target"], rng: np.random.Generator
) -> Int[np.ndarray, "key"]:
    """Draw counts[t] distinct sources for every target t that are none of its neighbours, all sets equally likely.

    Sources are drawn with replacement, and those that are taken or came before are drawn again. Where a target will
    have more than half of all sources, its free ones are listed instead and a random part is taken, so that either
    way the work is O(log) per edge that is there or wanted, never n_in x n_out.

    Parameters
    ----------
    edges : int array of shape (n_edges,)
        Pair keys `target * n_in + source` of the pairs already taken, sorted.
    n_in : int
        Number of sources.
    counts : int array of shape (n_out,)
        How many each target gets; trusted to be no more than it has left.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    int array of shape (counts.sum(),)
        Pair keys, sorted.

    Examples
    --------
    >>> keys = sample_free_sources(np.array([0, 1, 4]), 3, np.array([1, 2]), np.random.default_rng(0))
    >>> keys.tolist()
    [2, 3, 5]
    """
    counts = counts.astype(np.int64)
    is_crowded = 2 * (counts + np.bincount(edges // n_in, minlength=len(counts))) > n_in
    listed = _part_of_all(edges, n_in, np.where(is_crowded, counts, 0), rng)
    drawn = _by_rejection(edges, n_in, np.where(is_crowded, 0, counts), rng)
    return _merged(listed, drawn)


def _part_of_all(
    edges: Int[np.ndarray, "edge"], n_in: int, counts: Int[np.ndarray, "target"], rng: np.random.Generator
) -> Int[np.ndarray, "key"]:
    """List every free pair of the targets that want some, shuffle each target's, and keep as many as are wanted."""
    rows = np.flatnonzero(counts)
    free = _without((rows[:, None] * n_in + np.arange(n_in)).ravel(), edges)
    order = np.lexsort((rng.random(len(free)), free // n_in))
    row = free // n_in  # the shuffle stays inside a target, so this is the order of targets after it too
    starts = np.searchsorted(row, rows)
    place = np.arange(len(free)) - np.repeat(starts, np.diff(np.append(starts, len(free))))
    return np.sort(free[order][place < counts[row]])


def _by_rejection(
    edges: Int[np.ndarray, "edge"], n_in: int, counts: Int[np.ndarray, "target"], rng: np.random.Generator
) -> Int[np.ndarray, "key"]:
    """Draw what is missing until nothing is: the first distinct free sources of an endless series of draws."""
    keys = np.empty(0, dtype=np.int64)
    missing = counts.copy()
    while missing.any():
        drawn = np.repeat(np.arange(len(counts)), missing) * n_in
        drawn += rng.integers(n_in, size=len(drawn))
        drawn.sort()
        fresh = drawn[np.diff(drawn, prepend=-1) > 0]
        fresh = _without(_without(fresh, edges), keys)
        missing -= np.bincount(fresh // n_in, minlength=len(counts))
        keys = _merged(keys, fresh)
    return keys


def _merged(one: Int[np.ndarray, "key"], other: Int[np.ndarray, "key"]) -> Int[np.ndarray, "key"]:
    return np.sort(np.concatenate([one, other]), kind="stable")  # timsort: two sorted runs are merged in linear time


def _without(keys: Int[np.ndarray, "key"], others: Int[np.ndarray, "key"]) -> Int[np.ndarray, "key"]:
    """Return the sorted `keys` that are not among the sorted `others`."""
    if not len(others):
        return keys
    position = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    return keys[others[position] != keys]
