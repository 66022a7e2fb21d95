"""Where a network falls apart: the percolation threshold read off the curves of single trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from netsparse.percolation.interval import mean_interval
from netsparse.percolation.newman_ziff import Points, Recorded
from netsparse.typing import Float

PerTrial = Float[np.ndarray, "trial"]
"""One number per trial."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A percolation threshold with its uncertainty.

    Attributes
    ----------
    fraction_kept, fraction_removed : float
        Where it lies, as fractions of all items (edges or units); they add up to 1. NaN where there is no threshold.
    error : float
        Half-width of the 95 % interval of the mean over trials (Student's t); NaN with one trial. It measures the
        scatter between trials, not the shift of a finite network against an infinite one.
    method : str
        How it was found.
    """

    fraction_kept: float
    fraction_removed: float
    error: float
    method: str


class Method(NamedTuple):
    """A way to find a threshold: the observable whose peak it is (None where two curves are needed), and in words."""

    observable: str | None
    definition: str


CROSSING = "finite_size_crossing"

METHODS: dict[str, Method] = {
    "second_component": Method("second_component", "where the second largest component is largest"),
    "susceptibility": Method("susceptibility", "where the mean component size without the largest is largest"),
    CROSSING: Method(None, "where two sizes agree in a ratio that depends on the size everywhere else"),
}


def peak(values: Recorded, n_removed: Points) -> float:
    """Find the number of removed items at which `second_component` or `susceptibility` is largest, in one trial.

    Where the maximum is held at several points, the middle one of these points is taken (the lower middle one of an
    even number): the second component is a step function, and its top lasts from the moment a part breaks off until it
    breaks up. There is no peak, and the result is NaN, where no component but the largest ever has an edge (both
    observables stay at 1 or below: single units, or nothing beside the largest), or where the maximum is already there
    before anything is removed: such a network is in pieces from the start, or never makes a larger second piece. These
    conventions are ours.

    Parameters
    ----------
    values : array of shape (n_points,)
        In units (second component) or mean units (susceptibility).
    n_removed : int array of shape (n_points,)
        The number of removed items at each point.

    Examples
    --------
    >>> peak(np.array([0, 1, 3, 3, 3, 1, 1]), np.arange(7))
    3.0
    >>> peak(np.array([4, 4, 2, 1]), np.arange(4))
    nan
    """
    top = values.max()
    at_top = np.flatnonzero(values == top)
    if top <= 1 or at_top[0] == 0:
        return float("nan")
    return float(n_removed[at_top[(len(at_top) - 1) // 2]])


def mean_threshold(n_removed: PerTrial, n_items: int, method: str) -> Threshold:
    """Average the positions found in single trials; one trial without a peak makes the mean undefined.

    Examples
    --------
    >>> mean_threshold(np.array([4.0, 6.0]), 10, "second_component").fraction_removed
    0.5
    """
    mean, half_width = mean_interval(n_removed[:, None] / max(n_items, 1))
    removed = float(mean[0])
    return Threshold(1.0 - removed, removed, float(half_width[0]), method)
