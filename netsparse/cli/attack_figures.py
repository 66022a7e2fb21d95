"""The figure of `netsparse attack`: accuracy against eps, a line per run and attack, and what is proven."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from matplotlib.figure import Figure

from netsparse.cli.attacked import labelled
from netsparse.plotting.adversarial import accuracy_under_attack
from netsparse.plotting.certified import certified_and_attacked


def attack_figure(table: pd.DataFrame, chances: Collection[float]) -> Figure:
    """Draw the accuracy of every run under every attack; the accuracy of a guess where it is the same for all runs.

    One attack and one proof of a run share a colour, with what neither has decided between them; several have a line
    each.
    """
    chance = next(iter(chances)) if len(chances) == 1 else None
    what = labelled(table)
    figure = Figure(figsize=(8.0, 4.2), layout="constrained")  # with the legend beside it
    ax = figure.subplots()
    proven = table["probe"] == "certified"
    if what[proven].nunique() == what[~proven].nunique() == 1:
        certified_and_attacked(_by(table[proven], "run"), _by(table[~proven], "run"), chance=chance, ax=ax)
        return figure
    labels = table.assign(what=what)
    differing = [name for name in ("run", "what") if labels[name].nunique() > 1] or ["run"]
    lines = table.assign(line=labels[differing].agg(", ".join, axis=1))
    accuracy_under_attack(_by(lines, "line"), chance=chance, ax=ax)
    if proven.any():
        ax.set_ylabel("accuracy under attack, certified accuracy")
    return figure


def _by(table: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    return {str(name): part for name, part in table.groupby(column, sort=False)}
