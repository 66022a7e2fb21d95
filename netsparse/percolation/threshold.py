"""Where a network falls apart: the percolation threshold read off the curves of single trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netsparse.percolation.interval import mean_interval
from netsparse.percolation.newman_ziff import Counts
from netsparse.typing import Float

PerTrial = Float[np.ndarray, "trial"]
"""One number per trial."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A percolation threshold with its uncertainty.

    Attributes
    ----------
    fraction_kept, fraction_removed : float
        Where it lies, as fractions of all edges; they add up to 1. NaN where there is no threshold.
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


def second_component_peak(counts: Counts) -> float:
    """Find the number of removed edges at which the second largest component is largest, in one trial.

    Where the maximum is held at several counts, the middle one of these counts is taken (the lower middle one of an
    even number): the curve is a step function, and its top lasts from the moment a part breaks off until it breaks up.
    There is no peak, and the result is NaN, where the second component never has an edge, or where it is already at its
    maximum before anything is removed: such a network is in pieces from the start, or never makes a second piece.
    These conventions are ours.

    Examples
    --------
    >>> second_component_peak(np.array([0, 1, 3, 3, 3, 1, 1]))
    3.0
    >>> second_component_peak(np.array([4, 4, 2, 1]))
    nan
    """
    top = counts.max()
    at_top = np.flatnonzero(counts == top)
    if top < 2 or at_top[0] == 0:
        return float("nan")
    return float(at_top[(len(at_top) - 1) // 2])


# name -> the observable it is read from, and how it is read in one trial
METHODS: dict[str, tuple[str, Callable[[Counts], float]]] = {
    "second_component": ("second_component", second_component_peak),
}


def mean_threshold(n_removed: PerTrial, n_edges: int, method: str) -> Threshold:
    """Average the positions found in single trials; one trial without a peak makes the mean undefined.

    Examples
    --------
    >>> mean_threshold(np.array([4.0, 6.0]), 10, "second_component").fraction_removed
    0.5
    """
    mean, half_width = mean_interval(n_removed[:, None] / max(n_edges, 1))
    removed = float(mean[0])
    return Threshold(1.0 - removed, removed, float(half_width[0]), method)
