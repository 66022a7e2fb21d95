"""What is proven and what is broken: certified, attacked and clean accuracy on one axis of radii."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from netsparse.errors import InvalidOption
from netsparse.plotting.bands import BAND, CHANCE, checked_table, legend_beside
from netsparse.plotting.canvas import axes, colours, plain

COLUMNS = ("eps", "accuracy", "norm")
CERTIFIED = "certified_accuracy(model, data, eps=[0.01, 0.02])"
ATTACKED = "adversarial(model, data, eps=[0.01, 0.02], rng=0)"
LABELS = {"linf": r"$\epsilon$, $L_\infty$", "l2": r"$\epsilon$, $L_2$"}
CLEAN: dict[str, Any] = {"linestyle": ":", "linewidth": 1.1}
BROKEN: dict[str, Any] = {"linestyle": "-", "linewidth": 1.6, "marker": "o", "markersize": 3}
PROVEN: dict[str, Any] = {"linestyle": "--", "linewidth": 1.6, "marker": "s", "markersize": 3}

Tables = Mapping[str, pd.DataFrame] | pd.DataFrame


def certified_and_attacked(
    certified: Tables,
    attacked: Tables | None = None,
    *,
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the certified accuracy of models (dashed), that under attack (solid) and the clean one (dotted) over eps.

    The accuracy that no attack of this norm can take and that which the best one leaves are the same number, which lies
    between the two lines: the shaded part is what neither proof nor attack has decided.

    Parameters
    ----------
    certified : mapping of str to DataFrame, or DataFrame
        Name of a model -> its table from `netsparse.robustness.certified_accuracy`: eps, accuracy, norm. Or one table.
    attacked : mapping of str to DataFrame, or DataFrame, optional
        The same from `netsparse.robustness.adversarial`, for the same images, norm and models, or some of them. Several
        trials are averaged.
    chance : float, optional
        The accuracy of a guess, a thin horizontal line.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: two or three lines per model, told in the legend to the right.

    Raises
    ------
    InvalidOption
        For something else than such tables, attacks on a model without certificates, several norms, and several methods
        in one line.

    Examples
    --------
    >>> table = pd.DataFrame({"eps": [0.0, 0.1], "accuracy": [0.9, 0.3], "norm": "linf"})
    >>> ax = certified_and_attacked(table, table.assign(accuracy=[0.9, 0.5]))
    >>> [line.get_ydata().tolist() for line in ax.lines]
    [[0.9, 0.9], [0.9, 0.5], [0.9, 0.3]]
    """
    proven = _lines("certified", certified, "method", CERTIFIED)
    broken = {} if attacked is None else _lines("attacked", attacked, "attack", ATTACKED)
    if alone := [name for name in broken if name not in proven]:
        given = f"a table of {alone[0]!r} without certificates"
        raise InvalidOption("attacked", given, "models of certified: " + ", ".join(map(repr, proven)), CERTIFIED)
    norms = {norm for rows in (*proven.values(), *broken.values()) for norm in rows["norm"]}
    if len(norms) > 1:
        given = "several norms: " + ", ".join(sorted(map(str, norms)))
        raise InvalidOption("tables", given, "one norm in one picture", "norm='linf' in both, or a picture for each")
    ax = plain(axes(ax, width=7.2))
    for name, colour in colours(proven).items():
        below, above = proven[name], broken.get(name)
        both = below if above is None else pd.concat([below, above])
        if len(clean := both[both["eps"] == 0.0]):
            level = float(clean["accuracy"].iloc[0])
            ax.plot([0.0, both["eps"].max()], [level, level], color=colour, **CLEAN)
        if above is not None:
            ax.plot(above["eps"], above["accuracy"], color=colour, **BROKEN)
            _shade(ax, below, above, colour)
        ax.plot(below["eps"], below["accuracy"], color=colour, **PROVEN)
    if chance is not None:
        ax.axhline(chance, zorder=0, **CHANCE)
    ax.set(xlabel=LABELS.get(norms.pop(), r"$\epsilon$"), ylabel="accuracy", ylim=(0.0, 1.02))
    ax.set_xlim(left=0.0)
    legend_beside(ax, _keys(proven, broken, chance))
    return ax


def _shade(ax: Axes, below: pd.DataFrame, above: pd.DataFrame, colour: str) -> None:
    """Shade what lies between the two lines, as far as both go."""
    low, high = max(below["eps"].min(), above["eps"].min()), min(below["eps"].max(), above["eps"].max())
    grid = np.unique(np.concatenate([below["eps"], above["eps"]]))
    grid = grid[(grid >= low) & (grid <= high)]
    if len(grid) > 1:
        proven, left = (np.interp(grid, rows["eps"], rows["accuracy"]) for rows in (below, above))
        ax.fill_between(grid, proven, left, color=colour, alpha=BAND, linewidth=0)


def _keys(proven: Mapping[str, Any], broken: Mapping[str, Any], chance: float | None) -> list[Line2D | Patch]:
    palette = colours(proven)
    runs = [Line2D([], [], color=palette[name], linewidth=4, label=name) for name in proven] if len(proven) > 1 else []
    kinds: list[Line2D | Patch] = [*runs, Line2D([], [], color="0.3", label="clean", **CLEAN)]
    if broken:
        kinds.append(Line2D([], [], color="0.3", label="under attack", **BROKEN))
    kinds.append(Line2D([], [], color="0.3", label="certified", **PROVEN))
    if broken:
        kinds.append(Patch(color="0.3", alpha=BAND, linewidth=0, label="undecided"))
    return kinds if chance is None else [*kinds, Line2D([], [], label="chance", **CHANCE)]


def _lines(subject: str, tables: Any, kind: str, fix: str) -> dict[str, pd.DataFrame]:
    """Return one row per eps for each model, in the order of eps."""
    named = tables if isinstance(tables, Mapping) else {"": tables}
    if not named:
        raise InvalidOption(subject, "no tables", "a table per model", "{'TRADES': " + fix + "}")
    lines: dict[str, pd.DataFrame] = {}
    for name, table in named.items():
        where = f"{subject}[{name!r}]" if isinstance(tables, Mapping) else subject
        rows = checked_table(where, table, COLUMNS, fix)
        if not len(rows):
            raise InvalidOption(where, "no rows", "a row per eps", fix)
        if kind in rows and rows[kind].nunique() > 1:
            given = f"{kind}s {', '.join(map(str, rows[kind].unique()))} in one line"
            raise InvalidOption(where, given, "one for each line", f"table[table[{kind!r}] == {rows[kind].iloc[0]!r}]")
        if rows.duplicated(["eps", *(["trial"] if "trial" in rows else [])]).any():
            raise InvalidOption(where, "several rows for one eps", "the table of one model in each line", fix)
        means = rows.groupby(["norm", "eps"], sort=True)["accuracy"].mean()
        lines[str(name)] = means.reset_index()
    return lines
