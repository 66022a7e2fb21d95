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
    return np.sort(_closest_to_zero(np.arange(len(weights)), weights, n_drop, rng))


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
    zeros, positive, negative = (np.flatnonzero(sign) for sign in (weights == 0, weights > 0, weights < 0))
    from_zeros = min(n_drop, len(zeros))
    signed = len(positive) + len(negative)
    from_positive = round((n_drop - from_zeros) * len(positive) / signed) if signed else 0
    parts = (
        _closest_to_zero(zeros, weights, from_zeros, rng),
        _closest_to_zero(positive, weights, from_positive, rng),
        _closest_to_zero(negative, weights, n_drop - from_zeros - from_positive, rng),
    )
    return np.sort(np.concatenate(parts))


def _closest_to_zero(ids: EdgeIds, weights: EdgeVector, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    shuffled = rng.permutation(ids)
    order = np.argsort(np.abs(weights[shuffled]), kind="stable")
    return shuffled[order[:n_drop]]
