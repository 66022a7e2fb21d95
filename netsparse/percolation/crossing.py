"""The threshold where the curves of two sizes cross: a ratio that does not depend on the size at the critical point."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from netsparse.errors import InvalidOption
from netsparse.percolation.curve import PercolationCurve
from netsparse.percolation.half_samples import half_samples, half_width
from netsparse.percolation.interval import PerPoint
from netsparse.percolation.threshold import Threshold
from netsparse.typing import Float

Rows = Float[np.ndarray, "trial point"]
"""An observable of each trial along a grid of fractions."""

MOST_POINTS = 8192
"""Finer than the scatter of any curve that fits in memory."""

MOST_PAIRS = 63
"""Of trials or groups of trials, over both curves: 64 half samples."""

SEARCHED = 1 / 4
"""Share of the maximum of the susceptibility down to which a crossing is looked for."""


def crossing(smaller: PercolationCurve, larger: PercolationCurve) -> Threshold:
    """Return the threshold at which the curves of a smaller and a larger network of one kind meet.

    What is compared is R = <chi> / (<S^2> / N), with chi the mean component size without the largest, S the units of
    the largest, N all units and means over trials: what the other components add to the mean component size, over what
    the largest adds. At the critical point both grow with the same power of N (1/3 in mean field, gamma / nu-bar in
    general), so that R is the same number at every size; with fewer edges kept it grows with the size (chi stays
    finite), with more it falls to 0. Hence the crossing needs no exponent, and its distance from the critical fraction
    of the infinite network vanishes faster with the size than that of a peak.

    Parameters
    ----------
    smaller, larger : PercolationCurve
        With "giant_component" and "susceptibility", of networks with different numbers of units that are removed
        from in the same way. Numbers of edges may differ: fractions of removed edges (or units) are compared.

    Returns
    -------
    Threshold
        `error` is the half-width of the 95 % interval, by balanced half samples of the trials of both curves (with as
        many degrees of freedom as the curve with fewer trials has pairs of them), NaN with one trial in either. It is
        the scatter of the removals; that another graph of the same kind would cross elsewhere is not in it.

    Raises
    ------
    InvalidOption
        For what is no curve, if `larger` has no more units than `smaller`, if one is of edges and the other of units,
        and where the two do not cross within the transition of the smaller one.
    UnknownName
        If one of the two observables is not on record.

    Notes
    -----
    Only the `transition` of the smaller curve is searched, down to a quarter of its peak: far below it all components
    are of a few units, far beyond it there is nothing but a giant. Curves are read at up to 8193 evenly spaced
    fractions and straight in between; where noise makes them cross three or five times, the middle crossing is taken.
    The method is that of Binder (1981); the ratio is ours. The second over the giant component would do as well, but
    with few edges kept it tends to 1 at every size, which leaves the place where two such curves meet to the noise.

    References
    ----------
    K. Binder, Finite size scaling analysis of Ising model block distribution functions, Zeitschrift fur Physik B 43,
    119 (1981), https://doi.org/10.1007/BF01293604

    Examples
    --------
    >>> from netsparse.generators import biregular
    >>> from netsparse.percolation import percolate
    >>> curves = [percolate(biregular(n, n, fan_in=3, rng=n), trials=40, rng=n) for n in (200, 3_000)]
    >>> found = crossing(*curves)
    >>> abs(found.fraction_kept - 1 / 2) < 0.02, found.error < 0.02
    (True, True)
    """
    for name, curve in {"smaller": smaller, "larger": larger}.items():
        if not isinstance(curve, PercolationCurve):
            fix = f"{name}=percolate(network, trials=20, rng=0)"
            raise InvalidOption(name, type(curve).__name__, "a PercolationCurve", fix)
    n_small, n_large = sum(smaller.sizes), sum(larger.sizes)
    if n_large <= n_small:
        given, expected = f"{n_large:,} units beside {n_small:,}", "more units than the smaller curve's network has"
        raise InvalidOption("larger", given, expected, "crossing(smaller, larger) with networks of two sizes")
    if smaller.of != larger.of:
        given = f"{larger.of} removed from it beside {smaller.of}"
        raise InvalidOption("larger", given, f"a curve of {smaller.of} too", "one order for both curves")
    n_points = min(max(len(smaller.fraction_removed), len(larger.fraction_removed)) - 1, MOST_POINTS)
    grid = np.linspace(0.0, 1.0, max(n_points, 1) + 1)
    curves = (smaller, larger)
    giants = [_on(grid, curve, "giant_component") for curve in curves]
    others = [_on(grid, curve, "susceptibility") for curve in curves]
    inside = np.flatnonzero(transition(others[0], SEARCHED))
    span = slice(inside[0], inside[-1] + 1)
    grid, others = grid[span], [rows[:, span] for rows in others]
    squares = [n * rows[:, span] ** 2 for n, rows in zip((n_small, n_large), giants, strict=True)]

    def met(taken: list[Bool[np.ndarray, "trial"]]) -> float:
        other = [rows[trials].mean(axis=0) for rows, trials in zip(others, taken, strict=True)]
        square = [rows[trials].mean(axis=0) for rows, trials in zip(squares, taken, strict=True)]
        # has the sign of R(larger) - R(smaller), and nothing to divide by where all units are gone
        return _meeting(grid, other[1] * square[0] - other[0] * square[1])

    n_trials = [curve.n_trials for curve in curves]
    removed = met([np.ones(n, dtype=bool) for n in n_trials])
    if removed in (grid[0], grid[-1]):
        given = f"curves of {n_small:,} and {n_large:,} units that do not cross"
        expected = "a larger one that is below at the start of the transition and above at its end"
        raise InvalidOption("curves", given, expected, "more trials, or sizes further apart")
    error = np.nan
    if min(n_trials) > 1:
        halves = half_samples(n_trials, MOST_PAIRS)
        moved = np.array([met(list(taken)) for taken in zip(*halves, strict=True)])
        error = half_width(moved, removed, min(*n_trials, MOST_PAIRS) // 2)
    return Threshold(1.0 - removed, removed, error, "finite_size_crossing")


def transition(peaked: Rows, share: float) -> Bool[np.ndarray, "point"]:
    """Say at which points a network is in its transition: where a peaked observable has a share of its maximum.

    That is the window in which several large components compete. It is read off the curve itself, needs no exponent,
    and shrinks with the size as the critical window does. The definition is ours.

    Parameters
    ----------
    peaked : array of shape (n_trials, n_points)
        The susceptibility or the second component of each trial; their mean is what counts.
    share : float
        Least share of the maximum.

    Examples
    --------
    >>> transition(np.array([[0, 1, 3, 4, 2, 1]]), 1 / 2).tolist()
    [False, False, True, True, True, False]
    """
    mean = peaked.mean(axis=0)
    return mean >= share * mean.max()


def _on(grid: PerPoint, curve: PercolationCurve, observable: str) -> Rows:
    points = curve.fraction_removed
    return np.stack([np.interp(grid, points, row) for row in curve.values(observable)])


def _meeting(grid: PerPoint, difference: PerPoint) -> float:
    """Return the middle one of the places where the difference rises through 0.

    A difference that starts above 0 has risen at the start of the grid at the latest, one that ends below 0 has yet to.
    """
    points, heights = grid[difference != 0], difference[difference != 0]
    points, heights = np.concatenate([grid[:1], points, grid[-1:]]), np.concatenate([[-1.0], heights, [1.0]])
    changes = np.flatnonzero((heights[:-1] < 0) != (heights[1:] < 0))
    before = changes[len(changes) // 2]  # an odd number of changes: the middle one rises, as the first and last do
    low, high = heights[before], heights[before + 1]
    return float(points[before] + (points[before + 1] - points[before]) * low / (low - high))
