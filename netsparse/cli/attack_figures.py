"""The figure of `netsparse attack`: accuracy against eps, a line per run and attack."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from matplotlib.figure import Figure

from netsparse.cli.attacked import labelled
from netsparse.plotting.adversarial import accuracy_under_attack


def attack_figure(table: pd.DataFrame, chances: Collection[float]) -> Figure:
    """Draw the accuracy of every run under every attack; the accuracy of a guess where it is the same for all runs."""
    what = labelled(table)
    named = [
        part for part, differs in ((table["run"], table["run"].nunique() > 1), (what, what.nunique() > 1)) if differs
    ]
    lines = table["run"] if not named else named[0] if len(named) == 1 else named[0] + ", " + named[1]
    figure = Figure(figsize=(8.0, 4.2), layout="constrained")  # with the legend beside it
    tables = {str(name): part for name, part in table.groupby(lines, sort=False)}
    ax = figure.subplots()
    accuracy_under_attack(tables, chance=next(iter(chances)) if len(chances) == 1 else None, ax=ax)
    if (table["probe"] == "certified").any():
        ax.set_ylabel("accuracy under attack, certified accuracy")
    return figure
