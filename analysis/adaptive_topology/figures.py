"""The figures of the study, drawn from the tables of the runs."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from tables import CHANCE, read

import netsparse as ns

RULES = ("set", "static", "small_dense", "dense")
SHOWN = {
    "link_removal": ["order=random, scope=layer", "order=weight_descending, scope=layer"],
    "unit_removal": None, "weight_shuffle": None, "sign_flip": None, "multiplicative_noise": None,
    "additive_noise": None, "binarisation": None, "degree_preserving_rewiring": None, "random_topology": None,
}  # fmt: skip


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
    keep = pd.Series(False, index=table.index)
    for probe, options in SHOWN.items():
        keep |= (table["probe"] == probe) & (True if options is None else table["options"].isin(options))
    figure = Figure(figsize=(10.4, 12.0), layout="constrained")
    means = {
        rule: ns.robustness.mean_over_models(rows)
        for rule in RULES
        if len(rows := table[keep & (table["rule"] == rule)])
    }
    ns.plotting.probe_grid(means, chance=CHANCE, figure=figure)
    return figure
