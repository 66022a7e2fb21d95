"""Rewiring rules side by side: the same networks, budgets, data and settings, one rule each, into results.csv.

    python analysis/rewiring_rules/study.py [FOLDER] [--only NAME ...]

Trains rules x data sets x seeds into FOLDER (default runs/rewiring_rules) and collects the tables beside this file.
What is finished is skipped, so an interrupted study goes on where it stopped; several processes may share a folder.
Data are looked for in $NETSPARSE_DATA or data/, and downloaded where absent.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import netsparse as ns

HERE = Path(__file__).parent
CONFIG: dict[str, Any] = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
INPUTS = 784


def cells() -> Iterator[tuple[str, str, int]]:
    """Go through every seed, data set and rule."""
    for seed in CONFIG["seeds"]:
        for data in CONFIG["data"]:
            for name in CONFIG["rules"]:
                yield data, name, seed


def train(folder: Path, data: str, name: str, seed: int) -> None:
    """Train one cell that no process has taken yet; the row of its numbers is written last."""
    out = folder / f"{data}-{name}-seed{seed}"
    try:
        out.mkdir(parents=True)
    except FileExistsError:
        return
    torch.set_num_threads(1)
    settings = CONFIG["rules"][name]
    network = ns.generators.layered(
        [INPUTS, *CONFIG["widths"]],
        density=settings.get("density", CONFIG["density"]),
        generator=settings.get("generator", CONFIG["generator"]),
        rng=seed,
    )
    rule = ns.rewiring.RULES[settings["rule"]](**settings.get("options", {})) if "rule" in settings else None
    epochs = settings.get("epochs", CONFIG["epochs"])
    options = {**CONFIG["fit"], **settings.get("fit", {})}
    result = ns.train.fit(
        network, data, rewiring=rule, epochs=epochs, checkpoint=None, out=out / "run", progress=False, rng=seed, **options
    )
    row = {"data": data, "rule": name, "seed": seed, **measured(result)}
    write(pd.DataFrame([row]), out / "row.csv")
    print(f"{out.name}: {row['validation_accuracy']:.4f} {row['test_accuracy']:.4f}", flush=True)


def measured(result: ns.train.TrainResult) -> dict[str, float]:
    """Return the numbers of a run, all of its last epoch."""
    history = result.history
    last = history[history["epoch"] == history["epoch"].max()].set_index("split")
    row = {
        "edges": result.network.n_edges,
        "validation_accuracy": last.loc["validation", "accuracy"],
        "test_accuracy": last.loc["test", "accuracy"],
        "turnover": history["turnover"].sum(),
    }
    for k, layer in enumerate(result.network.layers):
        if layer.density < 1.0:
            row[f"layer{k}_gap"] = ns.metrics.normalized_spectral_gap(layer)
    seconds = result.timing.filter(like="_seconds").median()
    return {**row, **{f"{name}_per_epoch": value for name, value in seconds.items()}}


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all."""
    half = path.with_suffix(".half")
    table.to_csv(half, index=False)
    half.rename(path)


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs/rewiring_rules"))
    parser.add_argument("--only", nargs="*", default=list(CONFIG["rules"]))
    asked = parser.parse_args()
    for data, name, seed in cells():
        if name in asked.only:
            train(asked.folder, data, name, seed)


if __name__ == "__main__":
    main()
