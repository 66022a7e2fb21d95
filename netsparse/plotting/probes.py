"""A trained network under perturbation: accuracy against the strength of a probe, for one probe or for many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from netsparse.errors import InvalidOption, unknown_name
from netsparse.plotting.bands import CHANCE, checked_table, legend_beside, line_and_band
from netsparse.plotting.canvas import axes, colours, plain

FIX = "mean_over_trials(probe(model, data, 'sign_flip', rng=0))"
COLUMNS = ("strength", "quantity", "mean")
WIDE = 100  # times the smallest strength: more than this has a logarithmic axis, with a place for 0
BOUNDED = ("accuracy", "giant_component", "second_component", "outputs_reachable", "active_units")  # shares, 0 to 1
# what the strength of a probe counts; another probe's axis says "strength"
STRENGTHS = {
    "link_removal": "fraction of edges removed",
    "unit_removal": "fraction of units removed",
    "magnitude_pruning": "fraction of edges pruned",
    "weight_shuffle": "fraction of weights shuffled",
    "sign_flip": "fraction of signs flipped",
    "multiplicative_noise": "relative noise, sigma",
    "additive_noise": "noise / rms weight, sigma",
    "binarisation": "fraction of weights binarised",
    "degree_preserving_rewiring": "swaps per edge",
    "random_topology": "fraction of edges moved",
}


def probe_curves(
    means: Mapping[str, pd.DataFrame] | pd.DataFrame,
    *,
    by: str | None = None,
    quantity: str = "accuracy",
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one probe's effect on several models: the mean against the strength, with the 95 % interval as a band.

    Parameters
    ----------
    means : mapping of str to DataFrame, or DataFrame
        Name of a model -> the table of one probe averaged by `netsparse.robustness.mean_over_trials` or
        `mean_over_models`: strength, quantity, mean, low, high (and probe, options). Or one such table.
    by : str, optional
        For one table, the column that tells the lines apart, such as "options" or "rule". Not needed where the table
        holds one line.
    quantity : str
        Which quantity of the table.
    chance : float, optional
        The value of a guess, a thin horizontal line.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: a line per model, in the order given, told in the legend to the right. Strengths over more
        than two decades are on a logarithmic axis, with a place for 0.

    Raises
    ------
    InvalidOption
        For something else than such tables, and where a line would hold several probes.
    UnknownName
        For a quantity or a column that is not in the table.

    Examples
    --------
    >>> table = pd.DataFrame({"strength": [0.0, 0.5], "quantity": "accuracy", "mean": [0.9, 0.4]})
    >>> ax = probe_curves({"SET": table, "static": table.assign(mean=[0.8, 0.2])}, chance=0.1)
    >>> [line.get_label() for line in ax.lines[:2]]
    ['SET', 'static']
    """
    lines = {name: _one_line(name, rows) for name, rows in _lines(means, by, quantity).items()}
    ax = plain(axes(ax, width=8.0))
    _draw(ax, lines, colours(lines), quantity, chance)
    ax.set(xlabel=strength_label(lines, "strength"), ylabel=_label(quantity))
    handles = list(ax.lines[: len(lines)]) if len(lines) > 1 else []
    legend_beside(ax, [*handles, *_chance_key(chance)])
    return ax


def probe_grid(
    means: Mapping[str, pd.DataFrame] | pd.DataFrame,
    *,
    by: str | None = None,
    quantity: str = "accuracy",
    chance: float | None = None,
    columns: int = 3,
    figure: Figure | SubFigure | None = None,
) -> dict[str, Axes]:
    """Draw several probes side by side: a panel per probe (and its options), in each a line per model.

    Parameters
    ----------
    means : mapping of str to DataFrame, or DataFrame
        As for `probe_curves`, with the columns probe and options; a model may lack a probe.
    by : str, optional
        For one table, the column that tells the models apart; without it every panel has one line.
    quantity : str
        Which quantity of the table.
    chance : float, optional
        The value of a guess, a thin horizontal line.
    columns : int
        Panels in a row.
    figure : Figure or SubFigure, optional
        Where to draw; a new one if not given.

    Returns
    -------
    dict of str to Axes
        Panels by their title, in the order of the tables: the probe, with its options where there are several. All
        share the vertical axis.

    Raises
    ------
    InvalidOption, UnknownName
        As `probe_curves`; and for `columns` below 1.

    Examples
    --------
    >>> table = pd.DataFrame({"probe": ["sign_flip", "binarisation"], "options": "", "strength": 0.5})
    >>> panels = probe_grid(table.assign(quantity="accuracy", mean=[0.4, 0.8]), columns=2)
    >>> list(panels), panels["binarisation"].lines[0].get_ydata().tolist()
    (['sign flip', 'binarisation'], [0.8])
    """
    if not isinstance(columns, int) or isinstance(columns, bool) or columns < 1:
        raise InvalidOption("columns", repr(columns), "a whole number of at least 1", "columns=3")
    lines = _lines(means, by, quantity)
    for name, rows in lines.items():
        checked_table(name, rows, ("probe", "options"), FIX)
    titles = _titles(pd.concat(list(lines.values()), ignore_index=True))
    columns = min(columns, len(titles))
    n_rows = -(-len(titles) // columns)
    if figure is None:
        figure = plt.figure(figsize=(0.9 + 2.7 * columns + 1.2, 0.3 + 2.3 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, columns, sharey=True, squeeze=False)
    palette = colours(lines)
    panels: dict[str, Axes] = {}
    for ax, (title, (probe, options)) in zip(grid.flat, titles.items(), strict=False):
        shown = {name: rows[(rows["probe"] == probe) & (rows["options"] == options)] for name, rows in lines.items()}
        shown = {name: _one_line(name, rows) for name, rows in shown.items() if len(rows)}
        _draw(plain(ax), shown, palette, quantity, chance)
        ax.set_title(title, fontsize="medium")
        ax.set_xlabel(STRENGTHS.get(probe, "strength"))
        panels[title] = ax
    for ax in grid.flat[len(titles) :]:
        ax.set_axis_off()
    for ax in grid[:, 0]:
        ax.set_ylabel(_label(quantity))
    handles = [_key(name, palette[name]) for name in lines] if len(lines) > 1 else []
    legend_beside(grid[0, -1], [*handles, *_chance_key(chance)])
    return panels


def strength_label(lines: Mapping[str, pd.DataFrame], otherwise: str) -> str:
    """Return what the strength counts if all tables are of one known probe, else what to write otherwise.

    Examples
    --------
    >>> strength_label({"SET": pd.DataFrame({"probe": ["sign_flip"]})}, "strength")
    'fraction of signs flipped'
    """
    probes = {probe for rows in lines.values() if "probe" in rows for probe in rows["probe"]}
    return STRENGTHS.get(probes.pop(), otherwise) if len(probes) == 1 else otherwise


def _lines(means: Any, by: str | None, quantity: str) -> dict[str, pd.DataFrame]:
    """Return the rows of the quantity for each line, by its name."""
    if isinstance(means, Mapping):
        if not means:
            raise InvalidOption("means", "no tables", "a table per model", "{'SET': " + FIX + "}")
        tables = {str(name): checked_table(f"means[{name!r}]", table, COLUMNS, FIX) for name, table in means.items()}
    else:
        table = checked_table("means", means, COLUMNS, FIX)
        if by is None:
            tables = {"": table}
        elif by not in table.columns:
            raise unknown_name("by", by, table.columns)
        else:
            tables = {str(name): rows for name, rows in table.groupby(by, sort=False)}
    rows_of = {name: _told(table[table["quantity"] == quantity]) for name, table in tables.items()}
    for name, rows in rows_of.items():
        if not len(rows):
            raise unknown_name("quantity", quantity, dict.fromkeys(tables[name]["quantity"]))
    return rows_of


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with options as text: none at all comes back from a CSV file as NaN."""
    return rows.assign(options=rows["options"].fillna("").astype(str)) if "options" in rows else rows


def _one_line(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows if every strength is there once."""
    if rows["strength"].duplicated().any():
        told = [column for column in ("probe", "options") if column in rows and rows[column].nunique() > 1]
        given = f"several rows per strength{' in ' + repr(name) if name else ''}"
        fix = f"by={told[0]!r}, or a part of the table" if told else "by= the column that tells the rows apart"
        raise InvalidOption("means", given, "one probe and one row per strength and line", fix)
    return rows


def _draw(
    ax: Axes, lines: Mapping[str, pd.DataFrame], palette: Mapping[str, str], quantity: str, chance: float | None
) -> None:
    bounds = (0.0, 1.0) if quantity in BOUNDED else (0.0, math.inf)
    for name, rows in lines.items():
        line = line_and_band(ax, rows, along="strength", colour=palette[name], within=bounds, **_look())
        line.set_label(name or _label(quantity))
    if chance is not None:
        ax.axhline(chance, zorder=0, **CHANCE)
    ax.set_ylim(*((0.0, 1.02) if quantity in BOUNDED else (0.0, None)))
    strengths = np.concatenate([np.asarray(rows["strength"], dtype=float) for rows in lines.values()])
    positive = strengths[strengths > 0]
    if len(positive) and positive.max() > WIDE * positive.min():
        smallest = float(positive.min())
        ax.set_xscale("symlog", linthresh=smallest, linscale=0.5)
        decades = 10.0 ** np.arange(math.ceil(math.log10(smallest) - 1e-9), math.log10(positive.max()) + 1e-9)
        ax.xaxis.set_major_locator(FixedLocator([0.0, *decades]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlim(-smallest / 2, 1.3 * float(positive.max()))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda strength, _: f"{strength:g}"))


def _look() -> dict[str, Any]:
    return {"marker": "o", "markersize": 3, "linewidth": 1.6}


def _key(name: str, colour: str) -> Line2D:
    return Line2D([], [], color=colour, label=name, **_look())


def _chance_key(chance: float | None) -> list[Line2D]:
    return [] if chance is None else [Line2D([], [], label="chance", **CHANCE)]


def _titles(rows: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the title of each pair of probe and options: options are named where a probe has several."""
    pairs = rows[["probe", "options"]].drop_duplicates()
    several = pairs["probe"].duplicated(keep=False)
    return {
        _label(probe) + (f"\n{options}" if named else ""): (probe, options)
        for (probe, options), named in zip(pairs.itertuples(index=False, name=None), several, strict=True)
    }


def _label(name: str) -> str:
    return name.replace("_", " ")
