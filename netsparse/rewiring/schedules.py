"""How much is replaced as training goes on: the shape of the fraction over the share of the run that is done."""

from __future__ import annotations

import math
from collections.abc import Callable


def constant(t: float) -> float:
    """Return 1 at every time: SET."""
    return 1.0


def cosine(t: float) -> float:
    """Return (1 + cos(pi t)) / 2, falling from 1 to 0: RigL, Evci et al., arXiv:1911.11134, equation 1.

    Examples
    --------
    >>> cosine(0.0), round(cosine(0.5), 9), cosine(1.0)
    (1.0, 0.5, 0.0)
    """
    return (1.0 + math.cos(math.pi * t)) / 2.0


def linear(t: float) -> float:
    """Return 1 - t: the inverse power of exponent 1 in Evci et al., arXiv:1911.11134, appendix."""
    return 1.0 - t


def inverse_power(t: float) -> float:
    """Return (1 - t)^3, after the pruning schedule of Zhu and Gupta, arXiv:1710.01878.

    Examples
    --------
    >>> inverse_power(0.0), inverse_power(0.5), inverse_power(1.0)
    (1.0, 0.125, 0.0)
    """
    return (1.0 - t) ** 3


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "inverse_power": inverse_power,
}
"""From t, the share of the time in which the rule acts, in [0, 1], to a factor in [0, 1]."""
