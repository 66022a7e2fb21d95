"""Scaling collapse: threshold and exponents that put the curves of networks of all sizes on one curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numba import njit
from scipy.optimize import minimize

from netsparse.errors import InvalidOption, NotConverged, unknown_name
from netsparse.percolation.crossing import Rows, transition
from netsparse.percolation.curve import PercolationCurve
from netsparse.percolation.half_samples import half_samples, half_width
from netsparse.percolation.interval import PerPoint, mean_interval

MEAN_FIELD: dict[str, tuple[float, float]] = {
    "giant_component": (1 / 3, 1 / 3),
    "second_component": (1 / 3, 1 / 3),
    "susceptibility": (1 / 3, -1 / 3),
}
"""Width and height exponents of uncorrelated random graphs: nu-bar = 3, beta = 1, gamma = 1."""

POINTS = 32
"""Points of each curve that are put on one another; more are no more independent of each other."""

HALF = 1 / 2
LEAST_OVERLAP = 1 / 2
NO_COLLAPSE = 1e9  # instead of infinity, of which the minimiser would take differences
MOST_PAIRS = 31

Parameters = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Collapse:
    """Curves of several sizes on one curve, y = f(x) with x = (p - p_c) N^w and y = value * N^h.

    Attributes
    ----------
    observable : str
        What the curves are of.
    threshold, threshold_error : float
        p_c as a fraction kept, and the half-width of its 95 % interval; the error of what was given is 0.
    width_exponent, width_error : float
        w = 1 / nu-bar: the critical window is N^(-w) wide.
    height_exponent, height_error : float
        h = beta / nu-bar for the giant and the second component, -gamma / nu-bar for the susceptibility.
    quality : float
        Mean squared distance of the points from the common curve in units of its error; about 1 or below for a good
        collapse (the points of one trial are correlated, so that it is no chi-squared), large for a bad one.
    """

    observable: str
    threshold: float
    threshold_error: float
    width_exponent: float
    width_error: float
    height_exponent: float
    height_error: float
    quality: float
    _table: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the points that were put on one another.

        Returns
        -------
        pandas.DataFrame
            Columns n_units, fraction_kept, mean, error (half-width of the 95 % interval over trials), and scaled x, y,
            y_error.
        """
        table = self._table.copy()
        sizes = table["n_units"].to_numpy(dtype=np.float64)
        table["x"] = (table["fraction_kept"] - self.threshold) * sizes**self.width_exponent
        table["y"] = table["mean"] * sizes**self.height_exponent
        table["y_error"] = table["error"] * sizes**self.height_exponent
        return table


class _Window(NamedTuple):
    """One curve within its transition: a fraction kept and an error per point, and the values of every trial."""

    n_units: int
    kept: PerPoint
    rows: Rows
    error: PerPoint


def scaling_collapse(
    curves: Sequence[PercolationCurve],
    *,
    observable: str = "giant_component",
    threshold: float | None = None,
    exponents: tuple[float, float] | None = None,
) -> Collapse:
    r"""Find the threshold and the exponents with which the curves of several sizes fall onto one.

    value(p, N) = N^(-h) f((p - p_c) N^w) near the threshold p_c. The quality minimised over p_c, w and h is that of
    Houdayer and Hartmann: for each point, a straight line through the two points on either side of it on each other
    curve says where the common curve should be, and S is the mean of (y - Y)^2 / (dy^2 + dY^2) over all points.

    Parameters
    ----------
    curves : sequence of PercolationCurve
        Of networks of one kind with at least two different numbers of units, two trials or more each. Beside the
        observable they need "second_component" or "susceptibility", which say where the transition is.
    observable : {"giant_component", "second_component", "susceptibility"}
        What is put on one curve.
    threshold : float, optional
        p_c, as a fraction kept, if known (from theory); fitted otherwise.
    exponents : (float, float), optional
        w and h if known; fitted otherwise.

    Returns
    -------
    Collapse
        Errors are half-widths of 95 % intervals, by balanced half samples of the trials of all curves; they know
        nothing of corrections to scaling, which for the giant component of biregular graphs of 3,000 to 100,000 units
        lift the width exponent by 0.04.

    Raises
    ------
    UnknownName, InvalidOption
        For another observable, fewer than two sizes, curves of a single trial, or a mixture of edges and units.
    NotConverged
        If the curves cannot be brought to overlap.

    Notes
    -----
    Only the transition of each curve enters: where its mean second component (or susceptibility) is at least half its
    maximum, 32 evenly spaced points of it. Further away there is no scaling, but the size-independent giant component
    of the infinite network on one side, and components of a few units on the other; and this window, other than one
    in multiples of N^(-w), needs no exponent and does not move with those that are fitted.

    Mean field (Erdos-Renyi, biregular, degree exponent above 4) has w = 1/3 and h = 1/3, or -1/3 for the
    susceptibility: nu-bar = 3, beta = gamma = 1.

    References
    ----------
    J. Houdayer, A. K. Hartmann, Low-temperature behavior of two-dimensional Gaussian Ising spin glasses, Physical
    Review B 70, 014418 (2004), https://doi.org/10.1103/PhysRevB.70.014418

    D. Stauffer, A. Aharony, Introduction to Percolation Theory, Taylor and Francis (1994),
    https://doi.org/10.1201/9781315274386

    Examples
    --------
    >>> from netsparse.generators import biregular
    >>> from netsparse.percolation import percolate
    >>> curves = [percolate(biregular(n, n, fan_in=3, rng=n), trials=20, rng=n) for n in (200, 800, 3_200)]
    >>> found = scaling_collapse(curves, threshold=1 / 2)
    >>> 0.2 < found.width_exponent < 0.5, 0.2 < found.height_exponent < 0.5
    (True, True)
    """
    if not isinstance(observable, str) or observable not in MEAN_FIELD:
        raise unknown_name("observable", observable, MEAN_FIELD)
    _check_given(threshold, exponents)
    windows = [_window(curve, observable) for curve in _checked(curves)]
    n_trials = [len(window.rows) for window in windows]
    # from the peaks, which lie within a window of the threshold, and from mean field
    start = np.mean([window.kept.mean() for window in windows[-2:]]) if threshold is None else float(threshold)
    width, height = MEAN_FIELD[observable] if exponents is None else (float(part) for part in exponents)
    first: Parameters = (float(start), width, height)
    steps = ((windows[-1].kept.max() - windows[-1].kept.min()) / 2, 0.05, 0.05)
    free = np.array([threshold is None, exponents is None, exponents is None])
    best, quality = _best(windows, [window.rows.mean(axis=0) for window in windows], first, steps, free)
    halves = half_samples(n_trials, MOST_PAIRS)
    moved = np.array(
        [
            _best(windows, [w.rows[t].mean(axis=0) for w, t in zip(windows, taken, strict=True)], best, steps, free)[0]
            for taken in zip(*halves, strict=True)
        ]
    )
    n_pairs = min(*n_trials, 2 * (MOST_PAIRS // len(windows))) // 2
    errors = [half_width(moved[:, k], best[k], n_pairs) if free[k] else 0.0 for k in range(3)]
    table = pd.concat([_as_frame(window) for window in windows], ignore_index=True)
    return Collapse(observable, best[0], errors[0], best[1], errors[1], best[2], errors[2], quality, table)


def collapse_quality(x: Sequence[PerPoint], y: Sequence[PerPoint], error: Sequence[PerPoint]) -> float:
    r"""Return how far scaled curves are from lying on each other, S of Houdayer and Hartmann.

    S = mean of (y_ij - Y_ij)^2 / (dy_ij^2 + dY_ij^2) over the points j of the curves i; Y_ij with its error dY_ij is
    the height at x_ij of the straight line fitted (weights 1 / dy^2) through the two points on either side of x_ij on
    every other curve that reaches there. Points that no other curve reaches are left out.

    Parameters
    ----------
    x, y, error : sequences of float arrays of shape (n_points,)
        One per curve; x increases along each.

    Returns
    -------
    float
        inf where fewer than half of the points are reached by another curve.

    References
    ----------
    J. Houdayer, A. K. Hartmann, Physical Review B 70, 014418 (2004), https://doi.org/10.1103/PhysRevB.70.014418

    Examples
    --------
    >>> line, one = np.array([0.0, 1.0, 2.0]), np.ones(3)
    >>> collapse_quality([line, line + 0.5], [line, line + 0.5], [one, one])
    0.0
    """
    stops = np.cumsum([0, *(len(points) for points in x)])
    return float(_quality(np.concatenate(x), np.concatenate(y), np.concatenate(error), stops))


@njit(cache=True, nogil=True)
def _quality(x, y, error, stops):
    total, reached = 0.0, 0
    for i in range(len(stops) - 1):
        rights = stops[:-1].copy()  # on each curve the first point that is not left of x[j], which only moves right
        for j in range(stops[i], stops[i + 1]):
            one, first, second, heights, moments = 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(len(stops) - 1):
                right = rights[k]
                while right < stops[k + 1] and x[right] < x[j]:
                    right += 1
                rights[k] = right
                if k == i or right == stops[k] or right == stops[k + 1]:
                    continue
                for near in (right - 1, right):
                    weight = 1.0 / error[near] ** 2
                    # measured from the point itself: no differences of large sums, and Y is the height at 0
                    distance = x[near] - x[j]
                    one += weight
                    first += weight * distance
                    second += weight * distance**2
                    heights += weight * y[near]
                    moments += weight * distance * y[near]
            determinant = one * second - first**2
            if determinant > 1e-12 * one * second:
                expected = (second * heights - first * moments) / determinant
                total += (y[j] - expected) ** 2 / (error[j] ** 2 + second / determinant)
                reached += 1
    return total / reached if reached and reached >= LEAST_OVERLAP * len(x) else np.inf


def _best(
    windows: Sequence[_Window],
    means: Sequence[PerPoint],
    first: Parameters,
    steps: tuple[float, float, float],
    free: np.ndarray,
) -> tuple[Parameters, float]:
    """Minimise the quality over the free ones of threshold, width and height exponent."""
    sizes = np.repeat([float(window.n_units) for window in windows], POINTS)
    kept, error = (np.concatenate([window[part] for window in windows]) for part in (1, 3))
    mean, stops = np.concatenate(means), POINTS * np.arange(len(windows) + 1)

    def complete(moved: np.ndarray) -> Parameters:
        parameters = np.array(first)
        parameters[free] = moved
        return (float(parameters[0]), float(parameters[1]), float(parameters[2]))

    def quality(moved: np.ndarray) -> float:
        p_c, width, height = complete(moved)
        if width <= 0:
            return NO_COLLAPSE
        scale = sizes**height
        return min(_quality((kept - p_c) * sizes**width, mean * scale, error * scale, stops), NO_COLLAPSE)

    if not free.any():
        return first, quality(np.empty(0))
    start = np.array(first)[free]
    simplex = np.vstack([start, start + np.diag(np.array(steps)[free])])
    found = minimize(
        quality,
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-4 * steps[0], "fatol": 1e-4, "maxiter": 600, "maxfev": 1200},
    )
    if found.fun >= NO_COLLAPSE:
        expected = "a threshold and exponents at which they overlap"
        raise NotConverged("curves", "no overlap of their transitions", expected, "sizes closer together, more trials")
    return complete(found.x), float(found.fun)


def _window(curve: PercolationCurve, observable: str) -> _Window:
    """Read a curve at evenly spaced points of its transition, fraction kept increasing."""
    peaked = "second_component" if "second_component" in curve.observables else "susceptibility"
    inside = np.flatnonzero(transition(curve.values(peaked), HALF))
    removed = curve.fraction_removed
    points = np.linspace(removed[inside[-1]], removed[inside[0]], POINTS)
    rows = np.stack([np.interp(points, removed, row) for row in curve.values(observable)])
    error = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
    # where all trials agree the error is that of one part in a thousand: no point is infinitely certain
    error = np.maximum(error, 1e-3 * np.abs(rows).mean())
    return _Window(sum(curve.sizes), 1.0 - points, rows, error)


def _as_frame(window: _Window) -> pd.DataFrame:
    mean, error = mean_interval(window.rows)
    return pd.DataFrame({"n_units": window.n_units, "fraction_kept": window.kept, "mean": mean, "error": error})


def _checked(curves: Sequence[PercolationCurve]) -> list[PercolationCurve]:
    fix = "[percolate(network, trials=20, rng=0) for network in (small, medium, large)]"
    if not isinstance(curves, Sequence) or not all(isinstance(curve, PercolationCurve) for curve in curves):
        raise InvalidOption("curves", type(curves).__name__, "a list of PercolationCurve", fix)
    ordered = sorted(curves, key=lambda curve: sum(curve.sizes))
    n_sizes = len({sum(curve.sizes) for curve in ordered})
    if n_sizes < 2:
        raise InvalidOption("curves", f"{n_sizes} different numbers of units", "at least 2", fix)
    if len({curve.of for curve in ordered}) > 1:
        raise InvalidOption("curves", "edges removed in some, units in others", "one of them in all", fix)
    if min(curve.n_trials for curve in ordered) < 2:
        raise InvalidOption("curves", "one of a single trial", "at least 2 trials in each, which give its error", fix)
    return ordered


def _check_given(threshold: object, exponents: object) -> None:
    if threshold is not None and not _is_number(threshold):
        raise InvalidOption("threshold", repr(threshold), "a fraction kept, or None to fit it", "threshold=0.5")
    pair = exponents if isinstance(exponents, tuple | list) else ()
    if exponents is not None and (len(pair) != 2 or not all(_is_number(part) for part in pair)):
        expected = "the two exponents of width and height, or None to fit them"
        raise InvalidOption("exponents", repr(exponents), expected, "exponents=(1/3, 1/3)")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(float(value))
