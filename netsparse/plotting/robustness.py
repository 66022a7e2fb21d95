"""The giant component, the paths and the accuracy of a network on one axis: the fraction of edges removed."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from netsparse.plotting.canvas import axes, colours, plain

STRUCTURE = {"giant_component": "--", "outputs_reachable": ":"}
LABELS = {"giant_component": "giant component", "outputs_reachable": "outputs reachable", "accuracy": "test accuracy"}


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
    """
    ax = plain(axes(ax, width=7.2, height=4.4))
    for name, colour in colours(accuracy).items():
        curve = accuracy[name].query("quantity == 'accuracy'")
        label = f"{name}: {LABELS['accuracy']}"
        ax.plot(curve["fraction_removed"], curve["mean"], "o-", color=colour, markersize=3, linewidth=1.8, label=label)
        ax.fill_between(curve["fraction_removed"], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)
        for observable, style in STRUCTURE.items():
            rows = percolation[name].query("observable == @observable")
            label = f"{name}: {LABELS[observable]}"
            ax.plot(rows["fraction_removed"], rows["mean"], style, color=colour, linewidth=1.3, label=label)
            ax.fill_between(rows["fraction_removed"], rows["low"], rows["high"], color=colour, alpha=0.12, linewidth=0)
        if thresholds is not None:
            ax.axvline(thresholds[name], color=colour, linewidth=0.8, alpha=0.6)
    ax.set(xlabel="fraction of edges removed", ylabel="share of units, accuracy", xlim=(0, 1), ylim=(0, 1.02))
    ax.legend(frameon=False, fontsize="x-small", loc="lower left")
    return ax
