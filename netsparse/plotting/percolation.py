"""Percolation, simulated and predicted, in one picture: what is left as edges or units go, and where it breaks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter

from netsparse.errors import InvalidOption, unknown_name
from netsparse.percolation.curve import PercolationCurve
from netsparse.percolation.prediction import Prediction
from netsparse.percolation.threshold import CROSSING, METHODS
from netsparse.plotting.bands import darker, legend_beside, line_and_band
from netsparse.plotting.canvas import axes, colours, plain

SHOWN = ("giant_component", "outputs_reachable")
POINTS = 400  # of a curve in a picture
UNBOUNDED = ("susceptibility", "n_components", "log_path_count")  # all other observables are shares, 0 to 1
PEAKS = tuple(method for method in METHODS if method != CROSSING)  # of one curve alone; also what they are read off
TINY = 1e-300  # stands for 0 on a logarithmic axis, far below it
CURVE, PREDICTION = "percolate(network, trials=20, rng=0)", "predict(network)"
MARKERS = ("", "s", "^", "D", "v", "x")  # tell observables apart where colours tell runs apart
SIMULATED = {"linewidth": 2.4, "alpha": 0.75}
THEORY = {"linewidth": 1.3, "linestyle": (0, (4, 2))}
# vertical marks of predicted thresholds and what they are called; others are dash-dotted
PREDICTED = {"non_backtracking": (0, (6, 2)), "generating_functions": (0, (1, 1.5))}
SAID = {"non_backtracking": "non-backtracking"}
HALVES = {
    "outputs_reachable": "half of the outputs reached",
    "inputs_connected": "half of the inputs connected",
    "units_reachable": "half of the units reached",
    "active_units": "half of the units active",
}

Keys = dict[str, Line2D]
"""What the legend says, each once."""


def percolation(
    curves: PercolationCurve | Mapping[str, PercolationCurve],
    prediction: Prediction | Mapping[str, Prediction] | None = None,
    *,
    observables: str | Iterable[str] = SHOWN,
    method: str | None = "second_component",
    ax: Axes | None = None,
) -> Axes:
    """Draw simulation and theory together: what is left of one network or of several as edges or units go.

    The mean over trials is a solid line in its 95 % band, its prediction a dashed line. A vertical solid line is the
    threshold found in the simulation, in the band of its error; dashed and dotted ones are the predicted thresholds.
    Input-output reachability is a smooth crossover without a threshold: a point marks where half of it is left.

    Parameters
    ----------
    curves : PercolationCurve, or mapping of str to PercolationCurve
        What was simulated. One curve has a colour per observable; of several, each has a colour, and markers tell the
        observables apart.
    prediction : Prediction, or mapping of str to Prediction, optional
        `netsparse.percolation.predict` of the same network, for random removal; of several curves, of those by the same
        names. Observables without a prediction have no dashed line.
    observables : str or iterable of str
        What to draw; must be on record in every curve.
    method : {"second_component", "susceptibility"}, optional
        How the simulated threshold is read off, see `PercolationCurve.threshold`; None for no mark. There is none
        either where a curve does not have the observable of that name.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into. The legend stands to the right; for a single curve it gives the fractions removed at the
        marks in numbers. Predicted thresholds outside 0 to 1 (the network never percolates) are not drawn.

    Raises
    ------
    InvalidOption
        For something else than curves and predictions, curves of edges beside curves of units, and a prediction by a
        name that no curve has or of the removal of the other.
    UnknownName
        For an observable that is not on record, or another method.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.percolation import percolate
    >>> net = layered([50, 60, 40], density=0.1, rng=0)
    >>> ax = percolation(percolate(net, trials=5, rng=0), observables="giant_component")
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.lines[0].get_ydata()[-1].round(4).tolist()
    ('fraction of edges removed', 'share of units', 0.0067)
    """
    runs, theories, removed = _checked(curves, prediction, method)
    names = _recorded([observables] if isinstance(observables, str) else list(observables), runs)
    alone = len(runs) == 1
    ax = plain(axes(ax, width=9.2, height=4.4))
    keys = _run_keys(runs, alone)
    for title, colour in colours(runs).items():
        palette = colours(names) if alone else dict.fromkeys(names, colour)
        _curves(ax, runs[title], theories.get(title), palette, keys, alone)
        _half_points(ax, runs[title], palette, keys, alone)
        _thresholds(ax, runs[title], theories.get(title), method, "0.3" if alone else colour, keys, alone)
    shares = not set(names) & set(UNBOUNDED)
    ax.set(xlabel=f"fraction of {removed} removed", ylabel="share of units" if shares else "observable", xlim=(0, 1))
    if shares:
        ax.set_ylim(0, 1.02)
    legend_beside(ax, keys.values())
    return ax


def susceptibility(
    curves: PercolationCurve | Mapping[str, PercolationCurve],
    prediction: Prediction | Mapping[str, Prediction] | None = None,
    *,
    method: str | None = "susceptibility",
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean component size without the largest one, simulated and predicted, on a logarithmic axis.

    It peaks where the network falls apart; the prediction, of an infinite network, diverges there. The second panel
    beside `percolation`.

    Parameters
    ----------
    curves : PercolationCurve, or mapping of str to PercolationCurve
        What was simulated, with the observable "susceptibility" on record.
    prediction : Prediction, or mapping of str to Prediction, optional
        As for `percolation`.
    method : {"second_component", "susceptibility"}, optional
        As for `percolation`: how the simulated threshold is read off.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into, from 0.8 upwards: a mean over trials lies below 1, one unit, where some of them have no
        component but the largest (0).

    Raises
    ------
    InvalidOption, UnknownName
        As `percolation`.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.percolation import percolate
    >>> net = layered([50, 60, 40], density=0.1, rng=0)
    >>> ax = susceptibility(percolate(net, observables="susceptibility", trials=5, rng=0))
    >>> ax.get_yscale(), float(ax.lines[0].get_ydata()[-1])
    ('log', 1.0)
    """
    runs, theories, removed = _checked(curves, prediction, method)
    names = _recorded(["susceptibility"], runs)
    alone = len(runs) == 1
    ax = plain(axes(ax, width=9.2, height=4.4))
    ax.set_yscale("log")
    keys, drawn = _run_keys(runs, alone), list[Line2D]()
    for title, colour in colours(runs).items():
        drawn += _curves(ax, runs[title], theories.get(title), dict.fromkeys(names, colour), keys, alone)
        _thresholds(ax, runs[title], theories.get(title), method, "0.3" if alone else colour, keys, alone)
    largest = max([1.0, *(float(np.nanmax(line.get_ydata(), initial=1.0)) for line in drawn)])
    # below 1 lie means over trials that have no other component yet; theory may reach any height
    ax.set_ylim(0.8, 1.8 * largest)
    ax.yaxis.set_major_formatter(LogFormatter())
    ax.set(xlabel=f"fraction of {removed} removed", ylabel="mean size of the other components", xlim=(0, 1))
    legend_beside(ax, keys.values())
    return ax


# what was given -------------------------------------------------------------------------------------------------------


def _checked(
    curves: Any, prediction: Any, method: Any
) -> tuple[dict[str, PercolationCurve], dict[str, Prediction], str]:
    """Return curves and predictions by name, and what is removed, edges or units."""
    if method is not None and method not in PEAKS:
        raise unknown_name("method", method, PEAKS)
    runs = dict(curves) if isinstance(curves, Mapping) else {"": curves}
    if not runs or not all(isinstance(curve, PercolationCurve) for curve in runs.values()):
        bad = [curve for curve in runs.values() if not isinstance(curve, PercolationCurve)]
        given = type(bad[0]).__name__ if bad else "no curve"
        raise InvalidOption("curves", given, "a PercolationCurve, or a mapping from names to them", CURVE)
    if isinstance(prediction, Mapping):
        theories = dict(prediction)
    else:
        theories = {} if prediction is None else dict.fromkeys(runs, prediction)
        if theories and len(runs) > 1:
            given = f"one prediction for {len(runs)} curves"
            raise InvalidOption("prediction", given, "a mapping by the names of the curves", f"{{'SET': {PREDICTION}}}")
    for name, theory in theories.items():
        if name not in runs:
            raise InvalidOption("prediction", repr(name), "names of the curves: " + ", ".join(runs), PREDICTION)
        if not isinstance(theory, Prediction):
            raise InvalidOption("prediction", type(theory).__name__, "a Prediction", PREDICTION)
        if theory.of != runs[name].of:
            given, expected = f"removal of {theory.of}", f"removal of {runs[name].of}, as in the curve"
            raise InvalidOption("prediction", given, expected, f"predict(network, of={runs[name].of!r})")
    removed = {curve.of for curve in runs.values()}
    if len(removed) > 1:
        given = "curves of edges and of units"
        raise InvalidOption("curves", given, "either, they have different axes", "a picture for each")
    return runs, theories, removed.pop()


def _recorded(names: list[str], runs: Mapping[str, PercolationCurve]) -> list[str]:
    for curve in runs.values():
        for name in names:
            if name not in curve.observables:
                raise unknown_name("observables", name, curve.observables)
    return names


# what is drawn --------------------------------------------------------------------------------------------------------


def _curves(
    ax: Axes, curve: PercolationCurve, theory: Prediction | None, palette: Mapping[str, str], keys: Keys, alone: bool
) -> list[Line2D]:
    """Draw the observables of one curve, solid, and their predictions, dashed; return the solid lines."""
    frame = curve.to_frame(points=POINTS)
    predicted = None if theory is None else theory.to_frame()
    log = ax.get_yscale() == "log"
    simulated: list[Line2D] = []
    for place, (name, colour) in enumerate(palette.items()):
        within = (TINY if log else 0.0, math.inf) if name in UNBOUNDED else (0.0, 1.0)
        marker = "" if alone else MARKERS[place % len(MARKERS)]
        look = {**SIMULATED, "marker": marker, "markersize": 5, "markevery": (0.03 * place, 0.09)}
        rows = _finite(frame, name, log)
        simulated.append(line_and_band(ax, rows, along="fraction_removed", colour=colour, within=within, **look))
        _key(keys, name.replace("_", " "), colour, alone, **look)
        if predicted is not None and name in set(predicted["observable"]):
            rows = _finite(predicted, name, log)
            line_and_band(ax, rows, along="fraction_removed", colour=darker(colour), **THEORY)
    if predicted is not None and set(palette) & set(predicted["observable"]):
        _key(keys, "predicted", "0.3", alone, **THEORY)
    return simulated


def _finite(frame: pd.DataFrame, name: str, positive: bool) -> pd.DataFrame:
    """Return the rows of an observable, with gaps where a value is infinite, or 0 on a logarithmic axis."""
    rows = frame[frame["observable"] == name].copy()
    shown = np.isfinite(rows["mean"]) & ((rows["mean"] > 0) | (not positive))
    columns = [column for column in ("mean", "low", "high") if column in rows]
    rows[columns] = rows[columns].where(shown)
    return rows


def _half_points(ax: Axes, curve: PercolationCurve, palette: Mapping[str, str], keys: Keys, alone: bool) -> None:
    """Draw a point where half of a crossover is left, with its error."""
    for name, colour in palette.items():
        if name in HALVES:
            half = curve.half_point(name)
            if math.isfinite(half.fraction_removed):
                height = float(curve.values(name)[:, 0].mean()) / 2
                look = {"marker": "o", "markersize": 7, "markeredgecolor": "white", "linestyle": "none"}
                if math.isfinite(half.error):
                    ends = [half.fraction_removed - half.error, half.fraction_removed + half.error]
                    ax.plot(ends, [height, height], color=colour, linewidth=1.5, zorder=4)
                ax.plot([half.fraction_removed], [height], color=colour, zorder=5, **look)
                _key(keys, HALVES[name], colour, alone, _number(half.fraction_removed, half.error), **look)


def _thresholds(
    ax: Axes,
    curve: PercolationCurve,
    theory: Prediction | None,
    method: str | None,
    colour: str,
    keys: Keys,
    alone: bool,
) -> None:
    """Draw the simulated threshold in the band of its error, and the predicted ones beside it."""
    if method is not None and method in curve.observables:
        found = curve.threshold(method)
        at, error = found.fraction_removed, found.error
        if math.isfinite(at):
            if math.isfinite(error):
                ax.axvspan(at - error, at + error, color=colour, alpha=0.15, linewidth=0)
            ax.axvline(at, color=colour, linewidth=1.1)
            _key(keys, "threshold, simulated", colour, alone, _number(at, error), linewidth=1.1)
    for name, kept in ({} if theory is None else theory.thresholds).items():
        at = 1.0 - kept
        if 0.0 <= at <= 1.0:
            look = {"linewidth": 1.3, "linestyle": PREDICTED.get(name, "-.")}
            ax.axvline(at, color=darker(colour), **look)
            _key(keys, f"threshold, {SAID.get(name, name.replace('_', ' '))}", colour, alone, _number(at), **look)


def _run_keys(runs: Mapping[str, PercolationCurve], alone: bool) -> Keys:
    found = {} if alone else colours(runs)
    return {f"run {name}": Line2D([], [], color=colour, linewidth=4, label=name) for name, colour in found.items()}


def _key(keys: Keys, label: str, colour: str, alone: bool, number: str = "", **look: Any) -> None:
    """Add a line to the legend unless it is there; of several runs it is grey and tells no numbers."""
    look = {property_: value for property_, value in look.items() if property_ != "markevery"}  # has no place on a key
    said = f"{label}: {number}" if alone and number else label
    keys.setdefault(label, Line2D([], [], color=colour if alone else "0.3", label=said, **look))


def _number(value: float, error: float = math.nan) -> str:
    return f"{value:.3f}" + (f" ± {error:.3f}" if math.isfinite(error) else "")
