"""Models under attack: accuracy against eps, and clean against robust accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.special import ndtri

from netsparse.errors import InvalidOption, unknown_name
from netsparse.plotting.bands import CHANCE, checked_table, legend_beside, line_and_band
from netsparse.plotting.canvas import axes, colours, plain

CONFIDENCE = 0.95
FIX = "adversarial(model, data, eps=[0.1, 0.2], rng=0)"
COLUMNS = ("eps", "accuracy", "n_samples", "clean_accuracy")
TOLD = ("norm", "attack", "engine", "restarts")  # one line holds one of each
NORMS = {"linf": r"$\epsilon$, $L_\infty$", "l2": r"$\epsilon$, $L_2$"}
REACH = 0.02  # of the axes beyond the outermost interval


def accuracy_under_attack(
    tables: Mapping[str, pd.DataFrame] | pd.DataFrame,
    *,
    by: str | None = None,
    chance: float | None = None,
    intervals: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the accuracy of several models against the radius of the attack, with 95 % intervals as bands.

    Parameters
    ----------
    tables : mapping of str to DataFrame, or DataFrame
        Name of a model -> its table from `netsparse.robustness.adversarial`: eps, accuracy, n_samples, clean_accuracy.
        Or one such table. Several trials are averaged.
    by : str, optional
        For one table, the column that tells the lines apart, such as "attack" or "rule".
    chance : float, optional
        The accuracy of a guess, a thin horizontal line.
    intervals : bool
        Whether to draw how far the accuracy on all images of the kind may be away (Wilson's 95 % interval for that many
        images). It says nothing about other models trained alike; trials of the same images do not narrow it.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: a line per model, in the order given, told in the legend to the right.

    Raises
    ------
    InvalidOption, UnknownName
        For something else than such tables, a line that would hold several attacks, and a column that is not there.

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. 22, 209 (1927),
    https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> table = pd.DataFrame({"eps": [0.0, 0.1], "accuracy": [0.9, 0.3], "n_samples": 100, "clean_accuracy": 0.9})
    >>> ax = accuracy_under_attack({"natural": table, "TRADES": table.assign(accuracy=[0.8, 0.6])})
    >>> [line.get_label() for line in ax.lines]
    ['natural', 'TRADES']
    """
    lines = {name: _points(name, rows) for name, rows in _lines(tables, by).items()}
    ax = plain(axes(ax, width=7.2))
    for name, colour in colours(lines).items():
        rows = lines[name] if intervals else lines[name].drop(columns=["low", "high"])
        line = line_and_band(ax, rows, along="eps", colour=colour, marker="o", markersize=3, linewidth=1.6)
        line.set_label(name or "accuracy")
    if chance is not None:
        ax.axhline(chance, zorder=0, **CHANCE)
    norms = {norm for rows in lines.values() for norm in rows["norm"]}
    label = NORMS.get(norms.pop(), r"$\epsilon$") if len(norms) == 1 else r"$\epsilon$"
    ax.set(xlabel=label, ylabel="accuracy under attack", ylim=(0.0, 1.02))
    ax.set_xlim(left=0.0)
    legend_beside(ax, [*(ax.lines[: len(lines)] if len(lines) > 1 else []), *_chance_key(chance)])
    return ax


def clean_and_robust(
    tables: Mapping[str, pd.DataFrame] | pd.DataFrame,
    *,
    eps: float | None = None,
    by: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw robust against clean accuracy, a point per model with 95 % intervals.

    A thin line, where it is in sight, is the diagonal: no gap between the two.

    Parameters
    ----------
    tables, by, ax
        See `accuracy_under_attack`.
    eps : float, optional
        The radius; the largest that all tables have where not given.

    Returns
    -------
    Axes
        The axes drawn into: a point per model, told in the legend to the right.

    Raises
    ------
    InvalidOption, UnknownName
        As `accuracy_under_attack`; for a radius that a table does not have.

    Examples
    --------
    >>> table = pd.DataFrame({"eps": [0.0, 0.1], "accuracy": [0.9, 0.3], "n_samples": 100, "clean_accuracy": 0.9})
    >>> ax = clean_and_robust({"natural": table})
    >>> len(ax.containers), ax.get_xlabel()
    (1, 'clean accuracy')
    """
    lines = {name: _points(name, rows) for name, rows in _lines(tables, by).items()}
    shared = sorted(set.intersection(*(set(rows["eps"]) for rows in lines.values())))
    if not shared or (eps is not None and eps not in shared):
        given = f"{eps:g}" if eps is not None else "no radius that all tables have"
        expected = "one that all tables have" + (": " + ", ".join(f"{at:g}" for at in shared) if shared else "")
        raise InvalidOption("eps", given, expected, f"eps={shared[-1]:g}" if shared else FIX)
    radius = shared[-1] if eps is None else eps
    ax = plain(axes(ax, width=7.2))
    across: list[float] = []
    along: list[float] = []
    for name, colour in colours(lines).items():
        rows = lines[name]
        (robust,) = rows[rows["eps"] == radius].to_dict("records")
        clean_low, clean_high = wilson(robust["clean_accuracy"], robust["n_samples"])
        x, y = robust["clean_accuracy"], robust["mean"]
        width, height = ([[x - clean_low], [clean_high - x]], [[y - robust["low"]], [robust["high"] - y]])
        ax.errorbar(x, y, yerr=height, xerr=width, fmt="o", color=colour, markersize=5, elinewidth=1.0, label=name)
        across += [clean_low, clean_high]
        along += [robust["low"], robust["high"]]
    left, right = max(0.0, min(across) - REACH), min(1.0, max(across) + REACH)
    bottom, top = max(0.0, min(along) - REACH), min(1.0, max(along) + REACH)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.set(xlabel="clean accuracy", ylabel=rf"accuracy at $\epsilon$ = {radius:g}")
    handles, _ = ax.get_legend_handles_labels()
    handles = handles if len(lines) > 1 else []
    if top > left:  # robust accuracy is never above the clean one: the line is above all points, or out of sight
        ax.axline((0.0, 0.0), slope=1.0, zorder=0, **CHANCE)
        handles.append(Line2D([], [], label="no gap", **CHANCE))
    legend_beside(ax, handles)
    return ax


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share that was found in `n` independent samples.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(0.5, 100)], [round(end, 3) for end in wilson(0.0, 10)]
    ([0.404, 0.596], [0.0, 0.278])
    """
    z = float(ndtri((1 + CONFIDENCE) / 2))
    middle, scale = share + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _points(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per eps: accuracies averaged over trials, and the interval of so many images."""
    for column in TOLD:
        if column in rows and rows[column].nunique() > 1:
            kinds = ", ".join(map(str, rows[column].unique()))
            of_line = f"several in one line{f' ({name})' if name else ''}: {kinds}"
            raise InvalidOption(column, of_line, "one for each line", f"by={column!r}, or a part of the table")
    if "trial" in rows and rows.duplicated(["eps", "trial"]).any():
        given = f"several rows for one eps and trial{f' in {name!r}' if name else ''}"
        raise InvalidOption("tables", given, "the table of one model in each line", "by= the column of the models")
    means = rows.groupby("eps", sort=True)[["accuracy", "n_samples", "clean_accuracy"]].mean().reset_index()
    means = means.rename(columns={"accuracy": "mean"})
    ends = [wilson(mean, n) for mean, n in zip(means["mean"], means["n_samples"], strict=True)]
    low, high = np.array(ends).T
    return means.assign(low=low, high=high, norm=rows["norm"].iloc[0] if "norm" in rows else "")


def _lines(tables: Any, by: str | None) -> dict[str, pd.DataFrame]:
    """Return the rows of each line by its name."""
    if isinstance(tables, Mapping):
        if not tables:
            raise InvalidOption("tables", "no tables", "a table per model", "{'TRADES': " + FIX + "}")
        found = {str(name): checked_table(f"tables[{name!r}]", rows, COLUMNS, FIX) for name, rows in tables.items()}
    else:
        table = checked_table("tables", tables, COLUMNS, FIX)
        if by is not None and by not in table.columns:
            raise unknown_name("by", by, table.columns)
        found = {"": table} if by is None else {str(name): rows for name, rows in table.groupby(by, sort=False)}
    if empty := [name for name, rows in found.items() if not len(rows)]:
        raise InvalidOption("tables", f"no rows{f' of {empty[0]!r}' if empty[0] else ''}", "a row per eps", FIX)
    if not found:
        raise InvalidOption("tables", "no rows", "a row per eps", FIX)
    return found


def _chance_key(chance: float | None) -> list[Line2D]:
    return [] if chance is None else [Line2D([], [], label="chance", **CHANCE)]
