"""The tables and the figure of the study, from the rows of its runs."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

import netsparse as ns

SETTINGS = ("99 natural", "95 natural", "95 TRADES", "98 to 99 natural")
RULES = ("unstructured", "structured", "weight-based", "prune-aware")
COLOURS = dict(zip(RULES, ("#0072B2", "#D55E00", "#009E73", "#555555"), strict=True))

EMPTY = ("zero_vectors", "expected", "excess")
"""Ends of the names of columns about empty vectors."""


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all."""
    half = path.with_suffix(".half")
    table.to_csv(half, index=False)
    half.rename(path)


def collect(folder: Path, preset: str, out: Path) -> None:
    """Write every run's row, means over seeds, layers, and the figure of a preset, if one of its runs is done."""
    runs = [pd.read_csv(path) for path in sorted(folder.glob("*/row.csv"))]
    if not runs:
        return
    rows = pd.concat(runs, ignore_index=True)
    layers = beside_chance(pd.concat([pd.read_csv(path) for path in sorted(folder.glob("*/layers.csv"))]))
    rows = rows[[name for name in rows.columns if not name.endswith(EMPTY)]].merge(of_networks(layers))
    write(rows.sort_values(["setting", "rule", "seed"]), out / f"{preset}.csv")
    write(means(rows), out / f"{preset}_means.csv")
    by = ["setting", "rule", "moment", "layer"]
    write(layers.drop(columns="seed").groupby(by, as_index=False).mean(), out / f"{preset}_layers.csv")
    figure_of(layers).savefig(out / f"{preset}_layers.png", format="png", metadata={"Software": None})


def beside_chance(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the layers with the share of vectors that would be empty had the trained edges been placed at random.

    Of pruned layers that is the share with one edge at most: those that the same pruning leaves empty.
    """
    of_run = ["setting", "rule", "seed", "layer"]
    trained = layers[layers["moment"] == "trained"][[*of_run, "edges"]].rename(columns={"edges": "trained_edges"})
    layers = layers.merge(trained, on=of_run)
    held = {"trained": (0,), "pruned": (0, 1)}
    expected = [
        ns.metrics.vector_moments(row.vectors, row.length, row.trained_edges, held[row.moment])[0] / row.vectors
        for row in layers.itertuples()
    ]
    return layers.assign(expected=expected, excess=layers["zero_vectors"] - expected)


def of_networks(layers: pd.DataFrame) -> pd.DataFrame:
    """Return a row per network: means over its layers, and the excess over all vectors alike."""
    found = []
    for (setting, rule, seed), run in layers.groupby(["setting", "rule", "seed"]):
        line = {"setting": setting, "rule": rule, "seed": seed}
        for moment, prefix in (("trained", ""), ("pruned", "pruned_")):
            here = run[run["moment"] == moment]
            line |= {f"{prefix}{name}": here[name].mean() for name in ("zero_vectors", "expected", "excess")}
            line[f"{prefix}pooled_excess"] = (here["excess"] * here["vectors"]).sum() / here["vectors"].sum()
        found.append(line)
    return pd.DataFrame(found)


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means and half-widths of the 95 % interval of Student's t over seeds."""
    table = []
    for setting in SETTINGS:
        for rule in RULES:
            runs = rows[(rows["setting"] == setting) & (rows["rule"] == rule)]
            if not len(runs):
                continue
            line = {"setting": setting, "rule": rule, "seeds": len(runs), "epochs": runs["epochs"].iloc[0]}
            for name in runs.columns.difference(["setting", "rule", "seed", "epochs"], sort=False):
                line[name] = runs[name].mean()
                if len(runs) > 1:
                    line[f"{name}_interval"] = stats.t.ppf(0.975, len(runs) - 1) * runs[name].sem()
            table.append(line)
    return pd.DataFrame(table)


def figure_of(layers: pd.DataFrame) -> Figure:
    """Draw, layer by layer, how many more vectors are empty than at random, trained and pruned; bars span the seeds."""
    settings = [setting for setting in SETTINGS if setting in set(layers["setting"])]
    with mpl.rc_context({"font.size": 9, "figure.dpi": 130}):
        figure = Figure(figsize=(3.4 * len(settings), 5.6), layout="constrained")
        panels = figure.subplots(2, len(settings), sharex=True, sharey="row", squeeze=False)
        for column, setting in enumerate(settings):
            for row, moment in enumerate(("trained", "pruned")):
                ax = panels[row, column]
                here = layers[(layers["setting"] == setting) & (layers["moment"] == moment)]
                for rule in RULES:
                    of_rule = here[here["rule"] == rule].groupby("layer")["excess"]
                    if not len(of_rule):
                        continue
                    mean = of_rule.mean()
                    ax.plot(mean.index, mean, "o-", ms=3, lw=1.2, color=COLOURS[rule], label=rule)
                    ax.fill_between(mean.index, of_rule.min(), of_rule.max(), color=COLOURS[rule], alpha=0.15, lw=0)
                ax.axhline(0.0, color="0.6", lw=0.8, zorder=0)
                if row == 0:
                    ax.set_title(setting)
                else:
                    ax.set_xlabel("layer")
                if column == 0:
                    ax.set_ylabel(f"{moment}: zero vectors - expected")
        named = {
            label: handle for ax in panels[0] for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
        }
        figure.legend(named.values(), named.keys(), ncols=4, frameon=False, loc="outside upper center")
    return figure
