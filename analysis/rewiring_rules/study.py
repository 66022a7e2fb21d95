"""Rewiring rules side by side: the same networks, edges, epochs and data, one rule each, into results.csv.

    python analysis/rewiring_rules/study.py [FOLDER] [--options | --rules | --long | --collect]

Four parts, one after the other unless one is named: a search for options on a seed of its own and the validation images
of one data set, from which config.json was filled in by hand; rules x data sets x seeds; the two rules that are best on
validation, for longer; and the tables and the figure beside this file. What is finished is skipped, so an interrupted
study goes on where it stopped, and several processes may share a folder. The test set chooses nothing. Data are looked
for in $NETSPARSE_DATA or data/, and downloaded where absent.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tables import collect, write

import netsparse as ns

HERE = Path(__file__).parent
CONFIG: dict[str, Any] = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
INPUTS = 784


def cells(part: str, folder: Path) -> Iterator[tuple[str, str, int, int, dict[str, Any]]]:
    """Go through data set, name, seed, epochs and settings of every run of a part."""
    if part == "options":
        for name, settings in CONFIG["search"]["candidates"].items():
            yield CONFIG["search"]["data"], name, CONFIG["search"]["seed"], CONFIG["epochs"], settings
        return
    names, epochs = list(CONFIG["rules"]), CONFIG["epochs"]
    if part == "long":
        names, epochs = best_on_validation(folder / "rules"), CONFIG["long"]["epochs"]
    for seed in CONFIG["seeds"]:
        for name in names:
            for data in CONFIG["data"]:
                yield data, name, seed, epochs, CONFIG["rules"][name]


def best_on_validation(folder: Path) -> list[str]:
    """Return the rules of highest validation accuracy, averaged over data sets and seeds; dense networks are none."""
    table = pd.concat([pd.read_csv(path) for path in folder.glob("*/row.csv")])
    rules = table[table["rule"].map(lambda name: "rule" in CONFIG["rules"][name])]
    means = rules.groupby("rule")["validation_accuracy"].mean().sort_values(ascending=False)
    return means.index[: CONFIG["long"]["rules"]].tolist()


def train(folder: Path, data: str, name: str, seed: int, epochs: int, settings: dict[str, Any]) -> None:
    """Train one cell that no process has taken yet; the row of its numbers is written last."""
    out = folder / f"{data}-{name}-seed{seed}"
    try:
        out.mkdir(parents=True)
    except FileExistsError:
        return
    network = ns.generators.layered(
        [INPUTS, *CONFIG["widths"]],
        density=settings.get("density", CONFIG["density"]),
        generator=settings.get("generator", CONFIG["generator"]),
        rng=seed,
    )
    rule = ns.rewiring.RULES[settings["rule"]](**settings.get("options", {})) if "rule" in settings else None
    options = {**CONFIG["fit"], **settings.get("fit", {})}
    start = time.process_time()
    result = ns.train.fit(
        network,
        data,
        rewiring=rule,
        epochs=epochs,
        checkpoint=None,
        out=out / "run",
        progress=False,
        rng=seed,
        **options,
    )
    row = {"data": data, "rule": name, "seed": seed, "epochs": epochs, **measured(result)}
    row["cpu_seconds_per_epoch"] = (time.process_time() - start) / epochs
    write(pd.DataFrame([row]), out / "row.csv")
    print(f"{folder.name}/{out.name}: validation {row['validation_accuracy']:.4f}", flush=True)


def measured(result: ns.train.TrainResult) -> dict[str, float]:
    """Return the numbers of a run, all of its last epoch."""
    history = result.history
    last = history[history["epoch"] == history["epoch"].max()].set_index("split")
    row: dict[str, float] = {
        "edges": result.network.n_edges,
        "validation_accuracy": last.loc["validation", "accuracy"],
        "test_accuracy": last.loc["test", "accuracy"],
        "new_edges": result.topology["new"].sum() if len(result.topology) else 0,
        "dropped_edges": result.topology["dropped"].sum() if len(result.topology) else 0,
    }
    for k, layer in enumerate(result.network.layers):
        if layer.density < 1.0:
            row[f"layer{k}_gap"] = ns.metrics.normalized_spectral_gap(layer)
            row[f"layer{k}_edges"] = layer.n_edges
            row[f"layer{k}_active_inputs"] = ns.metrics.active_inputs(layer)
            row[f"layer{k}_max_fan_out"] = int(layer.fan_out.max())
    return row


def main() -> None:
    """Do what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs/rewiring_rules"))
    parts = parser.add_mutually_exclusive_group()
    for part in ("options", "rules", "long", "collect"):
        parts.add_argument(f"--{part}", dest="part", action="store_const", const=part)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for part in ("options", "rules", "long") if asked.part is None else [asked.part]:
        if part != "collect":
            for data, name, seed, epochs, settings in cells(part, asked.folder):
                train(asked.folder / part, data, name, seed, epochs, settings)
    if asked.part in (None, "collect"):
        collect(asked.folder, HERE)


if __name__ == "__main__":
    main()
