"""The tables and the figure of the study, from the rows of its runs."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

import netsparse as ns

PARTS = {"rules": "results.csv", "long": "long.csv"}
SERIES = ("turnover", "itop_rate", "kept_from_start", "fan_out_gini")


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all."""
    half = path.with_suffix(".half")
    table.to_csv(half, index=False)
    half.rename(path)


def collect(folder: Path, out: Path) -> None:
    """Write every run's row, means over seeds, the options that were tried, and the figure."""
    found = sorted((folder / "options").glob("*/row.csv"))
    if found:
        tried = pd.concat([pd.read_csv(path) for path in found], ignore_index=True)
        write(tried[["data", "rule", "seed", "epochs", "validation_accuracy"]], out / "options.csv")
    for part, name in PARTS.items():
        found = sorted((folder / part).glob("*/row.csv"))
        if found:
            rows = pd.concat([pd.read_csv(path) for path in found], ignore_index=True)
            write(rows.sort_values(["data", "rule", "seed"]), out / name)
            write(means(rows), out / name.replace(".csv", "_means.csv"))
    figure = over_time(folder / "rules")
    figure.savefig(out / "topology.png", format="png", metadata={"Software": None})


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means and half-widths of the 95 % interval of Student's t over seeds, the best on validation first."""
    table = []
    for (data, rule, epochs), runs in rows.groupby(["data", "rule", "epochs"]):
        line = {"data": data, "rule": rule, "epochs": epochs, "seeds": len(runs)}
        for name in runs.columns.difference(["data", "rule", "epochs", "seed"], sort=False):
            line[name] = runs[name].mean()
            if name.endswith("accuracy") and len(runs) > 1:
                line[f"{name}_interval"] = stats.t.ppf(0.975, len(runs) - 1) * runs[name].sem()
        table.append(line)
    return pd.DataFrame(table).sort_values(["data", "validation_accuracy"], ascending=[True, False])


def over_time(folder: Path, data: str = "fashion-mnist") -> Figure:
    """Draw how the wiring of the first layer moves, a line per rule, the mean over seeds."""
    tables = {}
    for path in sorted(folder.glob(f"{data}-*/run/topology.csv")):
        name = path.parent.parent.name.removeprefix(f"{data}-").rsplit("-seed", 1)[0]
        tables.setdefault(name, []).append(pd.read_csv(path))
    tables = {name.replace("_", " "): pd.concat(parts) for name, parts in tables.items() if len(parts[0])}
    with mpl.rc_context({"font.size": 9, "figure.dpi": 130}):
        figure = Figure(figsize=(10.0, 7.0), layout="constrained")
        panels = figure.subplots(2, 2)
        for quantity, ax in zip(SERIES, panels.flat, strict=True):
            ns.plotting.topology_history(tables, quantity, layer=0, legend=False, ax=ax)
        handles = panels[0, 0].get_legend_handles_labels()
        figure.legend(*handles, ncols=4, frameon=False, loc="outside upper center")
    return figure
