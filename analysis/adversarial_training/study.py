"""What adversarial training does to a network of 1 % of its weights: accuracy under attack, certified accuracy.

    python analysis/adversarial_training/study.py [FOLDER] [--collect]

MLPs of three sparse layers on MNIST and Fashion-MNIST, rewired after every epoch (SET) or not at all, trained with four
objectives; then attacked with many restarts over a grid of eps, up the cross-entropy and up the margin, and certified.
config.json says how. A run that was cut
off goes on from its last epoch, what is finished is skipped, and several processes may share a folder. Data are looked
for in $NETSPARSE_DATA or data/, and downloaded where absent.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tables import ATTACKS, PROOFS, collect, write

import netsparse as ns

HERE = Path(__file__).parent
CONFIG: dict[str, Any] = json.loads((HERE / "config.json").read_text(encoding="utf-8"))


def cells() -> Iterator[tuple[str, str, str, int]]:
    """Go through data set, rule, objective and seed of every run."""
    for seed in CONFIG["seeds"]:
        for data in CONFIG["data"]:
            for objective in CONFIG["objectives"]:
                for rule in CONFIG["rules"]:
                    yield data, rule, objective, seed


def run(folder: Path, data: str, rule: str, objective: str, seed: int) -> None:
    """Train and attack one network, unless it is done or another process is at it; its tables are written last."""
    out = folder / f"{data}-{rule}-{objective}-seed{seed}"
    if (out / "curves.csv").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    dataset = ns.datasets.load(data)
    network = ns.generators.layered([dataset.n_features, *CONFIG["widths"]], density=CONFIG["density"], rng=seed)
    options = CONFIG["objectives"][objective]
    try:
        result = ns.train.fit(
            network,
            dataset,
            rewiring=None if rule == "static" else rule,
            objective=ns.train.OBJECTIVES[objective](**options),
            epochs=CONFIG["epochs"],
            checkpoint=ns.train.Checkpoints(every_epochs=1),
            out=out / "run",
            resume=True,
            progress=False,
            rng=seed,
            **CONFIG["fit"],
        )
    except ns.errors.RunExists:
        return
    model, options = result.model, {**CONFIG["attack"], "rng": seed, "progress": False}
    curves = [ns.robustness.adversarial(model, dataset, attack=name, **options).assign(kind=name) for name in ATTACKS]
    curves += [
        ns.robustness.certified_accuracy(model, dataset, **CONFIG["certify"], method=name).assign(kind=name)
        for name in PROOFS
    ]
    labels = {"data": data, "rule": rule, "objective": objective, "model_seed": seed}
    table = pd.concat(curves, ignore_index=True)[["kind", "eps", "accuracy"]].assign(**labels)
    write(table, out / "curves.csv")
    print(out.name, table[table["kind"] == "margin"].set_index("eps")["accuracy"].to_dict(), flush=True)


def main() -> None:
    """Do what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs/adversarial_training"))
    parser.add_argument("--collect", action="store_true", help="only make tables and figures")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for cell in () if asked.collect else cells():
        run(asked.folder, *cell)
    collect(asked.folder, HERE)


if __name__ == "__main__":
    main()
