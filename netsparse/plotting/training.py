"""Accuracy over the epochs of one run or several."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from netsparse.plotting.canvas import axes, colours, plain


def accuracy_history(
    histories: Mapping[str, pd.DataFrame], *, splits: tuple[str, ...] = ("test", "train"), ax: Axes | None = None
) -> Axes:
    """Draw accuracy against epoch, a colour per run and a line style per split.

    Parameters
    ----------
    histories : mapping of str to DataFrame
        Name of a run -> its history, as `netsparse.train.fit` returns it.
    splits : tuple of str
        Which splits to draw: solid, dashed, dotted.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into.
    """
    ax = plain(axes(ax))
    for name, colour in colours(histories).items():
        for split, style in zip(splits, itertools.cycle(("-", "--", ":", "-."))):
            rows = histories[name][histories[name]["split"] == split]
            width = 1.8 if style == "-" else 1.0
            marker = "o" if len(rows) <= 20 else ""
            ax.plot(
                rows["epoch"],
                rows["accuracy"],
                style,
                color=colour,
                linewidth=width,
                marker=marker,
                markersize=3,
                label=f"{name}, {split}",
            )
    ax.set(xlabel="epoch", ylabel="accuracy")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    lowest = min(float(history["accuracy"].quantile(0.05)) for history in histories.values())
    highest = max(float(history["accuracy"].max()) for history in histories.values())
    ax.set_ylim(max(0.0, lowest - 0.05), min(1.005, highest + 0.02))
    ax.legend(frameon=False, fontsize="small", loc="lower right")
    return ax
