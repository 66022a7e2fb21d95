"""The figures of the study, drawn from the tables of the runs."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from tables import CHANCE, read

import netsparse as ns

RULES = ("set", "static", "small_dense", "dense")
# which panels there are, in which order, and the short names of the options in their titles
SHOWN = {
    ("link_removal", "order=random, scope=layer"): "random",
    ("link_removal", "order=weight_descending, scope=layer"): "strongest first",
    ("link_removal", "order=weight_ascending, scope=layer"): "weakest first",
    ("unit_removal", "order=random_units, scope=layer, levels=hidden"): "random",
    ("unit_removal", "order=unit_degree, scope=layer, levels=hidden"): "largest degree first",
    ("weight_shuffle", "within=layer, keep_signs=False"): "within layers",
    ("weight_shuffle", "within=layer, keep_signs=True"): "signs kept",
    ("sign_flip", "scope=layer"): "",
    ("multiplicative_noise", ""): "",
    ("additive_noise", ""): "",
    ("binarisation", "scope=layer"): "",
    ("degree_preserving_rewiring", "keep_signs=False"): "",
    ("random_topology", ""): "",
}


def draw_figures(folder: Path, out: Path) -> None:
    """Draw structure and function on one axis, and every probe on every kind of network."""
    probes = read(folder, "probe-*.csv").fillna({"options": ""})
    probes = probes[~probes["include_head"]]
    curves, thresholds = read(folder, "percolation.csv"), read(folder, "thresholds.csv")
    with mpl.rc_context({"font.size": 9, "figure.dpi": 130}):
        save(collapse(probes, curves, thresholds), out / "collapse.png")
        for data, table in probes.groupby("data"):
            save(panels(table), out / f"probes-{data}.png")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG without the name of the program that drew it."""
    figure.savefig(path, format="png", metadata={"Software": None})


def collapse(probes: pd.DataFrame, curves: pd.DataFrame, thresholds: pd.DataFrame) -> Figure:
    """Accuracy and wiring as edges go at random, measured and predicted threshold; a panel per data set."""
    names = sorted(probes["data"].unique())
    figure = Figure(figsize=(7.6, 3.9 * len(names)), layout="constrained")
    for data, ax in zip(names, figure.subplots(len(names), 1, squeeze=False)[:, 0], strict=True):
        wiring, function, measured, predicted = {}, {}, {}, {}
        for rule in ("set", "static"):
            of = f"data == '{data}' and rule == '{rule}'"
            removal = probes.query(f"{of} and probe == 'link_removal' and options == 'order=random, scope=layer'")
            function[rule] = ns.robustness.mean_over_models(removal)
            wiring[rule] = over_models(curves.query(f"{of} and source == 'simulation'"))
            measured[rule] = float(thresholds.query(of)["second_component"].mean())
            predicted[rule] = float(thresholds.query(of)["non_backtracking"].mean())
        ns.plotting.structure_and_function(
            wiring, function, thresholds=measured, predicted=predicted, chance=CHANCE, ax=ax
        )
        ax.set_title(data)
    return figure


def over_models(curves: pd.DataFrame) -> pd.DataFrame:
    """Return curves averaged over models, with the interval of Student's t over them."""
    keys = ["observable", "n_removed", "fraction_removed"]
    each = curves.rename(columns={"mean": "value"}).assign(strength=lambda table: table["fraction_removed"])
    each = each.assign(probe=each["observable"], options="", trial=0)
    means = ns.robustness.mean_over_models(each, of=["value"])
    return means.rename(columns={"probe": "observable", "strength": "fraction_removed"}).drop(columns=["quantity"])[
        [key for key in keys if key != "n_removed"] + ["mean", "low", "high"]
    ]


def panels(table: pd.DataFrame) -> Figure:
    """Accuracy against strength for every probe, a line per kind of network, bands over models."""
    figure = Figure(figsize=(10.4, 11.6), layout="constrained")
    means = {}
    for rule in RULES:
        rows = table[table["rule"] == rule]
        parts = [
            rows[(rows["probe"] == probe) & (rows["options"] == options)].assign(options=label)
            for (probe, options), label in SHOWN.items()
        ]
        means[rule.replace("_", " ")] = ns.robustness.mean_over_models(pd.concat(parts, ignore_index=True))
    ns.plotting.probe_grid(means, chance=CHANCE, figure=figure)
    return figure
