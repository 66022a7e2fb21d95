"""The giant component, the paths and the accuracy of a network on one axis: the fraction of edges removed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from netsparse.plotting.canvas import axes, colours, plain

STRUCTURE = {"giant_component": "--", "outputs_reachable": ":"}


def structure_and_function(
    percolation: Mapping[str, pd.DataFrame],
    accuracy: Mapping[str, pd.DataFrame],
    *,
    thresholds: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what is left of the wiring (dashed, dotted) and of the accuracy (solid, points) as edges are removed.

    Parameters
    ----------
    percolation : mapping of str to DataFrame
        Name of a run -> `PercolationCurve.to_frame()`: observable, fraction_removed, mean, low, high.
    accuracy : mapping of str to DataFrame
        Name of a run -> a `link_removal` table averaged by `mean_over_trials`: quantity, fraction_removed, mean, ...
    thresholds : mapping of str to float, optional
        Fraction removed at the percolation threshold of each run, drawn as a vertical line.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into.
    """
    ax = plain(axes(ax, width=7.2, height=4.4))
    for name, colour in colours(accuracy).items():
        curve = accuracy[name].query("quantity == 'accuracy'")
        _line(ax, curve, "o-", colour, width=1.8)
        for observable, style in STRUCTURE.items():
            rows = percolation[name]
            _line(ax, rows[rows["observable"] == observable], style, colour, width=1.3)
        if thresholds is not None and math.isfinite(thresholds[name]):
            ax.axvline(thresholds[name], color=colour, linewidth=0.8, alpha=0.6)
    ax.set(xlabel="fraction of edges removed", ylabel="share of units, accuracy", xlim=(0, 1), ylim=(0, 1.02))
    runs = [Line2D([], [], color=colour, linewidth=4, label=name) for name, colour in colours(accuracy).items()]
    ax.add_artist(ax.legend(handles=runs, frameon=False, fontsize="small", loc="lower left"))
    styles = {"test accuracy": "o-", "giant component": "--", "outputs reachable": ":"}
    kinds = [Line2D([], [], color="0.3", label=label, **_style(style)) for label, style in styles.items()]
    if thresholds is not None and any(math.isfinite(thresholds[name]) for name in accuracy):
        kinds.append(Line2D([], [], color="0.3", linewidth=0.8, label="percolation threshold"))
    ax.legend(handles=kinds, frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0.14, 0.0))
    return ax


def _line(ax: Axes, rows: pd.DataFrame, style: str, colour: str, *, width: float) -> None:
    ax.plot(rows["fraction_removed"], rows["mean"], color=colour, linewidth=width, **_style(style))
    ax.fill_between(
        rows["fraction_removed"], rows["low"].clip(0, 1), rows["high"].clip(0, 1), color=colour, alpha=0.18, linewidth=0
    )


def _style(style: str) -> dict[str, Any]:
    return {"marker": "o", "markersize": 3, "linestyle": "-"} if style == "o-" else {"linestyle": style}
