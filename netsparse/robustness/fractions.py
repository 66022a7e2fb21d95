"""Fractions as the strengths of a probe: a number of steps, or the fractions themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netsparse.errors import InvalidOption


def as_fractions(fractions: int | Sequence[float]) -> tuple[float, ...]:
    """Return the fractions that k steps mean, 0, 1/k, ..., 1, or the given ones, checked.

    Raises
    ------
    InvalidOption
        For no step, and for what is not a list of increasing fractions in [0, 1].

    Examples
    --------
    >>> as_fractions(4), as_fractions([0.1, 0.2])
    ((0.0, 0.25, 0.5, 0.75, 1.0), (0.1, 0.2))
    """
    expected, fix = "a number of steps, or increasing fractions in [0, 1]", "fractions=20"
    if isinstance(fractions, int | np.integer) and not isinstance(fractions, bool) and fractions >= 1:
        return tuple(k / int(fractions) for k in range(int(fractions) + 1))
    try:
        shares = np.asarray(fractions, dtype=float)
    except (TypeError, ValueError):
        raise InvalidOption("fractions", repr(fractions), expected, fix) from None
    if shares.ndim != 1 or not len(shares) or not ((shares >= 0) & (shares <= 1)).all() or (np.diff(shares) <= 0).any():
        raise InvalidOption("fractions", repr(fractions), expected, fix)
    return tuple(shares.tolist())
