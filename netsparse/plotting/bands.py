"""A mean with its 95 % interval: a line and a band, in the colour of its run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D

from netsparse.errors import InvalidOption

BAND = 0.18  # opacity
CHANCE: dict[str, Any] = {"color": "0.25", "linewidth": 0.9, "linestyle": (0, (8, 2, 1, 2))}  # no run looks like it


def line_and_band(
    ax: Axes, rows: pd.DataFrame, *, along: str, colour: str, within: tuple[float, float] | None = None, **look: Any
) -> Line2D:
    """Draw the column `mean` against the column `along`, and the band from `low` to `high` where there are any.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    rows : DataFrame
        One row per point, in any order.
    along : str
        The column of the horizontal axis.
    colour : str
        Of the line and, lighter, of the band.
    within : (float, float), optional
        What the quantity can be at most; an interval of a mean may reach beyond, its band does not.
    **look
        Further properties of the line.

    Returns
    -------
    Line2D
        The line.

    Examples
    --------
    >>> from netsparse.plotting.canvas import axes
    >>> rows = pd.DataFrame({"x": [0.0, 1.0], "mean": [1.0, 0.5], "low": [1.0, 0.4], "high": [1.0, 0.6]})
    >>> line_and_band(axes(None), rows, along="x", colour="k").get_ydata().tolist()
    [1.0, 0.5]
    """
    rows = rows.sort_values(along, kind="stable")
    if len(rows) == 1:
        # a line through one point is nothing
        look |= {"marker": look.get("marker") or "o", "markevery": None, "clip_on": False}
    (line,) = ax.plot(rows[along], rows["mean"], color=colour, **look)
    if {"low", "high"} <= set(rows.columns):
        low, high = (rows[side].to_numpy(dtype=float) for side in ("low", "high"))
        if within is not None:
            low, high = np.clip(low, *within), np.clip(high, *within)
        ax.fill_between(rows[along], low, high, color=colour, alpha=BAND, linewidth=0)
    return line


def darker(colour: str) -> str:
    """Return the colour with less light: a prediction beside what was simulated.

    Examples
    --------
    >>> darker("#ff0000")
    '#8c0000'
    """
    red, green, blue = to_rgb(colour)
    return to_hex((0.55 * red, 0.55 * green, 0.55 * blue))


def legend_beside(ax: Axes, handles: Iterable[Any], *, title: str | None = None) -> None:
    """Write the legend to the right of the axes, where it hides nothing; none without handles."""
    handles = list(handles)
    if handles:
        place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
        look = {"frameon": False, "fontsize": "small", "title_fontsize": "small", "alignment": "left"}
        ax.legend(handles=handles, title=title, **look, **place)


def checked_table(subject: str, table: Any, columns: Iterable[str], fix: str) -> pd.DataFrame:
    """Return `table` if it is a DataFrame with these columns, else raise `InvalidOption` that names what is absent.

    Examples
    --------
    >>> checked_table("means", pd.DataFrame({"strength": [0.0]}), ["strength"], "mean_over_trials(table)").shape
    (1, 1)
    """
    columns = list(columns)
    expected = "a table with columns " + ", ".join(columns)
    if not isinstance(table, pd.DataFrame):
        raise InvalidOption(subject, type(table).__name__, expected, fix)
    absent = [column for column in columns if column not in table.columns]
    if absent:
        raise InvalidOption(subject, "a table without " + ", ".join(absent), expected, fix)
    return table
