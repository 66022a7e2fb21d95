"""Whom to drop: `(weights, n_drop, rng) -> edge ids`, exact counts, ties broken at random."""

from __future__ import annotations

import numpy as np

from netsparse.typing import EdgeIds, EdgeVector


def smallest_magnitude(weights: EdgeVector, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Return the `n_drop` edges of smallest |w|.

    Examples
    --------
    >>> smallest_magnitude(np.array([0.5, -0.1, 0.2, -0.9]), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    return _of_ranks(np.abs(weights), 0, n_drop, rng)


def smallest_sign_wise(weights: EdgeVector, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Return the positive edges closest to zero and the negative edges closest to zero, in proportion to their numbers.

    Edges of weight exactly zero lie between the two cuts and go first. The published code cuts at an element's value
    and removes the fraction of each sign; that the total is exactly `n_drop` is ours.

    References
    ----------
    Mocanu et al., Scalable training of artificial neural networks with adaptive sparse connectivity inspired by
    network science, Nature Communications 9, 2383 (2018), doi:10.1038/s41467-018-04316-3.

    Examples
    --------
    >>> weights = np.array([0.5, -0.8, 0.2, -0.9, 0.3, 0.4])
    >>> smallest_sign_wise(weights, 3, np.random.default_rng(0)).tolist()
    [1, 2, 4]
    """
    n_negative, n_positive = int(np.count_nonzero(weights < 0)), int(np.count_nonzero(weights > 0))
    signed = n_negative + n_positive
    n_zero = len(weights) - signed
    if n_drop <= n_zero:
        return np.sort(rng.choice(np.flatnonzero(weights == 0), n_drop, replace=False, shuffle=False))
    from_positive = round((n_drop - n_zero) * n_positive / signed)
    # in increasing order of the weights what goes is one stretch: negative ones up to zero, zeros, positive ones
    stop = n_negative + n_zero + from_positive
    return _of_ranks(weights, stop - n_drop, stop, rng)


def _of_ranks(values: EdgeVector, start: int, stop: int, rng: np.random.Generator) -> EdgeIds:
    """Return the edges `start` to `stop - 1` in increasing order of the values, found without sorting them.

    Where several edges share the value at one end and not all of them belong, those that do are drawn at random.
    """
    if start == stop:
        return np.empty(0, dtype=np.int64)
    low, high = np.partition(values, (start, stop - 1))[[start, stop - 1]]
    at_low = np.flatnonzero(values == low)
    if low == high:
        return np.sort(rng.choice(at_low, stop - start, replace=False, shuffle=False))
    between = np.flatnonzero((values > low) & (values < high))
    from_low = np.count_nonzero(values <= low) - start
    at_high = np.flatnonzero(values == high)
    ends = [
        ids if n == len(ids) else rng.choice(ids, n, replace=False, shuffle=False)
        for ids, n in ((at_low, from_low), (at_high, stop - start - from_low - len(between)))
    ]
    return np.sort(np.concatenate([*ends, between]))
