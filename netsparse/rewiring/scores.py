"""Whom to drop: `(weights, n_drop, rng) -> edge ids`, exact counts, ties broken at random."""

from __future__ import annotations

import numpy as np

from netsparse.rewiring.closest import native_any_sign, native_sign_wise, numpy_any_sign, numpy_sign_wise
from netsparse.typing import EdgeIds, EdgeVector


def smallest_magnitude(weights: EdgeVector, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Return the `n_drop` edges of smallest |w|.

    Examples
    --------
    >>> smallest_magnitude(np.array([0.5, -0.1, 0.2, -0.9]), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    return (native_any_sign(weights, n_drop) or numpy_any_sign(weights, n_drop)).drawn(rng)


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
    return (native_sign_wise(weights, n_drop) or numpy_sign_wise(weights, n_drop)).drawn(rng)
