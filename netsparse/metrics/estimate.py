"""`Estimate`: a number that was sampled, with its standard error."""

from __future__ import annotations

from typing import NamedTuple


class Estimate(NamedTuple):
    """A value and its standard error; the error is 0 where the value is exact up to rounding.

    Examples
    --------
    >>> Estimate(2.5, 0.1).value
    2.5
    """

    value: float
    error: float
