"""The tables and the figure of the study, from the curves of its runs."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

OBJECTIVES = ("natural", "adversarial", "trades", "mart")
COLOURS = dict(zip(OBJECTIVES, ("#555555", "#0072B2", "#D55E00", "#009E73"), strict=True))
ATTACKS, PROOFS = ("pgd", "margin"), ("interval", "lipschitz")
STYLES = {"pgd": (0, (1, 1)), "margin": "-", "interval": "--", "lipschitz": "-."}


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all."""
    half = path.with_suffix(".half")
    table.to_csv(half, index=False)
    half.rename(path)


def collect(folder: Path, out: Path) -> None:
    """Write every run's curves, their means over seeds and the figure, if one of the runs is done."""
    runs = [pd.read_csv(path) for path in sorted(folder.glob("*/curves.csv"))]
    if not runs:
        return
    rows = pd.concat(runs, ignore_index=True)
    write(rows, out / "results.csv")
    table = means(rows)
    write(table, out / "results_means.csv")
    figure_of(table).savefig(out / "curves.png", format="png", metadata={"Software": None})


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means and half-widths of the 95 % interval of Student's t over seeds."""
    by = ["data", "rule", "objective", "kind", "eps"]
    table = rows.groupby(by)["accuracy"].agg(["mean", "sem", "count"]).reset_index()
    table["interval"] = stats.t.ppf(0.975, (table["count"] - 1).clip(lower=1)) * table["sem"]
    return table.rename(columns={"mean": "accuracy", "count": "seeds"}).drop(columns="sem")


def figure_of(table: pd.DataFrame) -> Figure:
    """Draw accuracy under attack and certified accuracy over eps, a line per objective, a panel per data and rule."""
    shown = [key for key, _ in table.groupby(["data", "rule"])]
    with mpl.rc_context({"font.size": 9, "figure.dpi": 130}):
        figure = Figure(figsize=(4.4 * len(shown), 3.9), layout="constrained")
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)
        for ax, (name, rule) in zip(panels[0], shown, strict=True):
            here = table[(table["data"] == name) & (table["rule"] == rule)]
            for objective in OBJECTIVES:
                for kind, style in STYLES.items():
                    line = here[(here["objective"] == objective) & (here["kind"] == kind)]
                    ax.plot(line["eps"], line["accuracy"], linestyle=style, color=COLOURS[objective], lw=1.3)
            ax.set(title=f"{name}, {rule}", ylim=(0, 1), xlabel="eps (L-infinity)")
        panels[0, 0].set_ylabel("accuracy")
        for objective in OBJECTIVES:
            panels[0, 0].plot([], [], color=COLOURS[objective], label=objective)
        names = {
            "pgd": "under PGD",
            "margin": "under PGD on the margin",
            "interval": "certified, intervals",
            "lipschitz": "certified, Lipschitz",
        }
        for kind, style in STYLES.items():
            panels[0, 0].plot([], [], linestyle=style, color="0.3", label=names[kind])
        handles = panels[0, 0].get_legend_handles_labels()
        figure.legend(*handles, ncols=4, frameon=False, loc="outside upper center")
    return figure
