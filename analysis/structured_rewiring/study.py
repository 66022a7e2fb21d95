"""Where edges grow, and what it leaves empty: the structured-rewiring thesis on CIFAR-10, at three sizes.

    python analysis/structured_rewiring/study.py [--preset quick|cpu|paper] [FOLDER] [--collect]

A VGG11 under three rules (birth anywhere, next to random edges, next to the strongest edges), three settings (99 and
95 % sparsity with natural training, 95 % with TRADES) and several seeds; and the thesis's outlook, 98 % cut to 99 %.
All presets run this same code; config.json says what they are. A run that was cut off goes on from its last epoch,
what is finished is skipped, and several processes may share a folder. `--collect` makes the tables and figures beside
this file from the runs that are there.
CIFAR-10 is looked for in $NETSPARSE_DATA or data/, and downloaded where absent.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tables import collect, write

import netsparse as ns

HERE = Path(__file__).parent
CONFIG: dict[str, Any] = json.loads((HERE / "config.json").read_text(encoding="utf-8"))


def cells(preset: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Go through setting, rule and seed of every run, the cheap settings first."""
    for seed in preset["seeds"]:
        for setting in CONFIG["settings"]:
            for rule in rules(setting):
                yield setting, rule, seed


def rules(setting: str) -> dict[str, str]:
    """Return the rules of a setting by the names that tables give them."""
    return CONFIG["settings"][setting].get("rules", CONFIG["rules"])


def model_of(setting: str, seed: int, preset: dict[str, Any]) -> ns.nn.VGG:
    """Return the network that a run starts from: the same for all rules of a setting and seed."""
    network = ns.generators.vgg(
        CONFIG["depth"],
        density=CONFIG["settings"][setting]["density"],
        width=preset["width"],
        allocation=preset["allocation"],
        rng=seed,
    )
    return ns.nn.VGG(network, init=CONFIG["init"], rng=seed)


def objective_of(setting: str, preset: dict[str, Any]) -> Any:
    """Return what a run minimises."""
    if CONFIG["settings"][setting]["objective"] == "natural":
        return "natural"
    trades = preset["trades"]
    return ns.train.TRADES(
        share(CONFIG["eps"]), trades["steps"], step_size=share(trades["step_size"]), beta=trades["beta"]
    )


def share(pair: list[int]) -> float:
    """Return a fraction that config.json holds as two whole numbers."""
    return pair[0] / pair[1]


def train(folder: Path, data: ns.datasets.Dataset, cell: tuple[str, str, int], preset: dict[str, Any]) -> None:
    """Train and measure one run, unless it is done or another process is at it; its row is written last."""
    setting, rule, seed = cell
    out = folder / f"{setting}-{rule}-seed{seed}".replace(" ", "-")
    if (out / "row.csv").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    start = time.perf_counter()
    try:
        result = ns.train.fit(
            model_of(setting, seed, preset),
            data,
            rewiring=ns.rewiring.RULES[rules(setting)[rule]](density=CONFIG["settings"][setting]["density"]),
            objective=objective_of(setting, preset),
            epochs=preset["epochs"],
            checkpoint=ns.train.Checkpoints(every_epochs=1),
            out=out / "run",
            resume=True,
            device=device,
            progress=False,
            rng=seed,
            **CONFIG["fit"],
        )
    except ns.errors.RunExists:
        return
    labels = {"setting": setting, "rule": rule, "seed": seed}
    row = {**labels, "epochs": preset["epochs"], **measured(result.model, data, preset, seed)}
    row["seconds"] = time.perf_counter() - start
    layers = pd.concat(
        [
            of_layers(result.model.network, "trained"),
            of_layers(ns.train.singleton_pruned(result.model).network, "pruned"),
        ]
    )
    write(layers.assign(**labels), out / "layers.csv")
    write(pd.DataFrame([row]), out / "row.csv")
    print(f"{out.name}: test {row['accuracy']:.4f}, under attack {row['robust_accuracy']:.4f}", flush=True)


def measured(model: ns.nn.VGG, data: ns.datasets.Dataset, preset: dict[str, Any], seed: int) -> dict[str, float]:
    """Return how good a trained network is, and what the removal of its singleton vectors leaves of it."""
    attack = ns.train.Attack(share(CONFIG["eps"]), **{k: preset["attack"][k] for k in ("steps", "restarts")})
    attacked = slice(preset["attack"]["images"])
    row: dict[str, float] = {}
    for moment, net in (("", model), ("pruned_", ns.train.singleton_pruned(model))):
        robust = ns.train.evaluate_attacked(net, data.x_test[attacked], data.y_test[attacked], attack, rng=seed)[1]
        clean = ns.train.evaluate(net, data.x_test[attacked], data.y_test[attacked])[1]
        row |= {
            f"{moment}edges": net.network.n_edges,
            f"{moment}accuracy": ns.train.evaluate(net, data.x_test, data.y_test)[1],
            f"{moment}robust_accuracy": robust,
            f"{moment}generalization_gap": clean - robust,
        }
    return row


def of_layers(network: ns.SparseNetwork, moment: str) -> pd.DataFrame:
    """Return a row per layer: its vectors, along the output channels, and the share that is empty."""
    return pd.DataFrame(
        {
            "moment": moment,
            "layer": k,
            "vectors": graph.n_in,
            "length": graph.n_out,
            "edges": graph.n_edges,
            "zero_vectors": ns.metrics.zero_vectors(graph),
        }
        for k, graph in enumerate(network.layers)
    )


def main() -> None:
    """Do what is missing of a preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs/structured_rewiring"))
    parser.add_argument("--preset", choices=CONFIG["presets"], default="quick")
    parser.add_argument("--collect", action="store_true", help="only make tables and figures")
    asked = parser.parse_args()
    preset, folder = CONFIG["presets"][asked.preset], asked.folder / asked.preset
    torch.set_num_threads(1)
    if not asked.collect:
        data = ns.datasets.load(CONFIG["data"])
        n = preset["images"]
        data = replace(data, x_train=data.x_train[:n], y_train=data.y_train[:n])
        for cell in cells(preset):
            train(folder, data, cell, preset)
    collect(folder, asked.preset, HERE)


if __name__ == "__main__":
    main()
