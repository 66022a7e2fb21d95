"""The giant component, the paths and the accuracy of a network on one axis: the fraction removed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from netsparse.errors import InvalidOption
from netsparse.plotting.bands import CHANCE, checked_table, legend_beside, line_and_band
from netsparse.plotting.canvas import axes, colours, plain
from netsparse.plotting.probes import strength_label

STRUCTURE = {"giant_component": "--", "outputs_reachable": ":"}
MEASURED, PREDICTED = {"linestyle": "-", "linewidth": 0.9}, {"linestyle": (0, (1.5, 1.5)), "linewidth": 1.6}
FRAMES = "{'SET': curve.to_frame(points=200)}"
MEANS = "{'SET': mean_over_trials(link_removal(model, data, rng=0))}"


def structure_and_function(
    percolation: Mapping[str, pd.DataFrame],
    accuracy: Mapping[str, pd.DataFrame],
    *,
    thresholds: Mapping[str, float] | None = None,
    predicted: Mapping[str, float] | None = None,
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what is left of the wiring (dashed, dotted) and of the accuracy (solid, points) as edges or units go.

    Parameters
    ----------
    percolation : mapping of str to DataFrame
        Name of a run -> `PercolationCurve.to_frame()`: observable, fraction_removed, mean, low, high.
    accuracy : mapping of str to DataFrame
        Name of a run -> the table of one probe averaged by `netsparse.robustness.mean_over_trials`: quantity, strength,
        mean, low, high, where the strength is the fraction removed.
    thresholds : mapping of str to float, optional
        Fraction removed at the percolation threshold found in each run, a thin vertical line. NaN and absent names
        have none.
    predicted : mapping of str to float, optional
        The same as theory has it, a dotted vertical line; those outside 0 to 1 (a network that never percolates) have
        none.
    chance : float, optional
        The accuracy of a guess, a thin horizontal line.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: for each run the accuracy, the giant component, the outputs reached, and its thresholds.

    Raises
    ------
    InvalidOption
        For something else than mappings of such tables, a run without its percolation, and a table of several probes.

    Examples
    --------
    >>> structure = {"observable": "giant_component", "fraction_removed": [0, 1], "mean": [1, 0.1]}
    >>> function = {"quantity": "accuracy", "strength": [0, 1], "mean": [0.9, 0.1]}
    >>> ax = structure_and_function({"SET": pd.DataFrame(structure)}, {"SET": pd.DataFrame(function)}, chance=0.1)
    >>> ax.lines[0].get_ydata().tolist()
    [0.9, 0.1]
    """
    wirings, functions = _checked(percolation, accuracy)
    ax = plain(axes(ax, width=8.0, height=4.4))
    palette = colours(functions)
    measured, theory = _inside(thresholds), _inside(predicted)
    for name, colour in palette.items():
        rows, structure = functions[name], wirings[name]
        _line(ax, rows[rows["quantity"] == "accuracy"], "strength", "o-", colour, width=1.8)
        for observable, style in STRUCTURE.items():
            _line(ax, structure[structure["observable"] == observable], "fraction_removed", style, colour, width=1.3)
        for places, look in ((measured, MEASURED), (theory, PREDICTED)):
            if name in places:
                ax.axvline(places[name], color=colour, alpha=0.7, **look)
    if chance is not None:
        ax.axhline(chance, zorder=0, **CHANCE)
    ax.set(
        xlabel=strength_label(functions, "fraction removed"),
        ylabel="share of units, accuracy",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    runs = [Line2D([], [], color=colour, linewidth=4, label=name) for name, colour in palette.items()]
    styles = {"test accuracy": "o-", "giant component": "--", "outputs reachable": ":"}
    kinds = [Line2D([], [], color="0.3", label=label, **_style(style)) for label, style in styles.items()]
    if any(name in measured for name in palette):
        kinds.append(Line2D([], [], color="0.3", label="threshold, simulated", **MEASURED))
    if any(name in theory for name in palette):
        kinds.append(Line2D([], [], color="0.3", label="threshold, predicted", **PREDICTED))
    if chance is not None:
        kinds.append(Line2D([], [], label="chance", **CHANCE))
    legend_beside(ax, [*runs, *kinds])
    return ax


def _checked(percolation: Any, accuracy: Any) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    expected = "a mapping from names of runs to tables"
    for subject, given, fix in (("percolation", percolation, FRAMES), ("accuracy", accuracy, MEANS)):
        if not isinstance(given, Mapping):
            raise InvalidOption(subject, type(given).__name__, expected, fix)
    if alone := [name for name in accuracy if name not in percolation]:
        raise InvalidOption("percolation", f"no table of {alone[0]!r}", "one for each run of accuracy", FRAMES)
    wirings: dict[str, pd.DataFrame] = {}
    functions: dict[str, pd.DataFrame] = {}
    for name in accuracy:
        columns = ("observable", "fraction_removed", "mean")
        wirings[name] = checked_table(f"percolation[{name!r}]", percolation[name], columns, FRAMES)
        subject = f"accuracy[{name!r}]"
        rows = checked_table(subject, accuracy[name], ("quantity", "strength", "mean"), MEANS)
        told = [column for column in ("probe", "options") if column in rows.columns]
        if told and len(rows[told].drop_duplicates()) > 1:
            given = "; ".join(" ".join(row) for row in rows[told].drop_duplicates().astype(str).to_numpy().tolist())
            raise InvalidOption(subject, f"probes {given}", "one probe", "means[means['probe'] == 'link_removal']")
        functions[name] = rows
    return wirings, functions


def _inside(places: Mapping[str, float] | None) -> dict[str, float]:
    """Return the thresholds that lie on the axis."""
    return {name: float(at) for name, at in (places or {}).items() if math.isfinite(at) and 0.0 <= at <= 1.0}


def _line(ax: Axes, rows: pd.DataFrame, along: str, style: str, colour: str, *, width: float) -> None:
    line_and_band(ax, rows, along=along, colour=colour, within=(0.0, 1.0), linewidth=width, **_style(style))


def _style(style: str) -> dict[str, Any]:
    return {"marker": "o", "markersize": 3, "linestyle": "-"} if style == "o-" else {"linestyle": style}
