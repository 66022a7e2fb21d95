"""Where reachability has fallen to half: the one number for curves that fall smoothly and have no threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netsparse.percolation.interval import mean_interval
from netsparse.percolation.newman_ziff import Points, Recorded
from netsparse.percolation.threshold import PerTrial

CROSSOVERS = ("outputs_reachable", "inputs_connected", "units_reachable", "active_units")
"""Observables along directed paths, which have a half point and no threshold."""


@dataclass(frozen=True, slots=True)
class HalfPoint:
    """Where an observable of directed paths has fallen to half of its value with nothing removed.

    It is the middle of a crossover, not a critical fraction: paths from inputs to outputs have as many edges as there
    are layers, whatever the width. At a kept fraction p each of them is whole with probability p^depth, and a unit is
    reached by an event on a neighbourhood of bounded depth: its probability is a smooth function of p, and wider
    layers do not sharpen it. Nothing diverges, so that there is nothing for a threshold to be.

    Attributes
    ----------
    observable : str
        Which one.
    fraction_kept, fraction_removed : float
        Where the half lies, as fractions of all items; they add up to 1. NaN where a trial starts at 0 or never falls
        to half.
    error : float
        Half-width of the 95 % interval of the mean over trials (Student's t); NaN with one trial.
    """

    observable: str
    fraction_kept: float
    fraction_removed: float
    error: float


def half_removed(values: Recorded, n_removed: Points) -> float:
    """Find where a curve first falls to half of its first value, in one trial; linear between recorded points.

    NaN where it starts at 0, or never falls that far.

    Examples
    --------
    >>> half_removed(np.array([8, 6, 2, 0]), np.array([0, 10, 20, 30]))
    15.0
    """
    half = values[0] / 2
    below = np.flatnonzero(values <= half)
    if half == 0 or len(below) == 0:
        return float("nan")
    after = below[0]
    before = after - 1  # the curve starts above its half
    share = (values[before] - half) / (values[before] - values[after])
    return float(n_removed[before] + share * (n_removed[after] - n_removed[before]))


def mean_half_point(n_removed: PerTrial, n_items: int, observable: str) -> HalfPoint:
    """Average the positions found in single trials; one trial without a half point makes the mean undefined.

    Examples
    --------
    >>> mean_half_point(np.array([4.0, 6.0]), 10, "active_units").fraction_kept
    0.5
    """
    mean, half_width = mean_interval(n_removed[:, None] / max(n_items, 1))
    removed = float(mean[0])
    return HalfPoint(observable, 1.0 - removed, removed, float(half_width[0]))
