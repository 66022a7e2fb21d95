"""How adaptively trained, static and dense networks break: every probe on every trained model, into results.csv.

    python analysis/adaptive_topology/study.py [FOLDER] [--train | --probe | --collect]

Trains (SET, static, dense of the same widths, dense with as many weights) x data sets x seeds into FOLDER (default
runs/adaptive_topology), probes every model, and collects tables and figures beside this file. What is finished is
skipped, so an interrupted study goes on where it stopped. Data are looked for in $NETSPARSE_DATA or data/, and
downloaded where absent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from figures import draw_figures
from tables import collect

import netsparse as ns

HERE = Path(__file__).parent
CONFIG: dict[str, Any] = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
INPUTS = 784


def cells() -> Iterator[tuple[str, str, int, str]]:
    """Go through every data set, rule and seed with the name of its folder, the quick ones first."""
    for slow in (False, True):
        for seed in CONFIG["seeds"]:
            for data in CONFIG["data"]:
                for rule in CONFIG["rules"]:
                    if (rule == "dense") == slow:
                        yield data, rule, seed, f"{data}-{rule}-seed{seed}"


def train(folder: Path) -> None:
    """Train every model that is not there yet; a half-trained one begins again."""
    torch.set_num_threads(1)
    for data, rule, seed, name in cells():
        if (folder / name / "done").exists():
            continue
        settings, out = CONFIG["rules"][rule], folder / name
        for file in out.glob("*"):
            file.unlink()
        if out.exists():
            out.rmdir()
        network = ns.generators.layered(
            [INPUTS, *settings["widths"]], density=settings["density"], generator=settings["generator"], rng=seed
        )
        rewiring = None if settings["rewiring"] is None else ns.rewiring.SET(fraction=settings["rewiring"])
        options = {"epochs": CONFIG["epochs"][rule], "validation": CONFIG["validation"], "progress": False, "rng": seed}
        result = ns.train.fit(network, data, rewiring=rewiring, out=out, **options)
        (out / "done").touch()
        print(f"{name}: {result.test_accuracy:.4f}", flush=True)


def probe(folder: Path) -> None:
    """Probe every trained model, each probe into a file of its own, and percolate the wirings."""
    for data, rule, seed, name in cells():
        if not (folder / name / "done").exists():
            continue
        model = ns.train.load_model(folder / name / "model.safetensors")
        for k, settings in enumerate(CONFIG["probes"]):
            path = folder / name / f"probe-{k}.csv"
            trials = settings["trials"].get(rule)
            if trials is None or path.exists():
                continue
            measure, head = getattr(ns.robustness, settings["probe"]), settings.get("include_head", False)
            options = {**settings["options"], **strengths(settings["steps"])}
            table = measure(model, data, trials=trials, include_head=head, rng=seed, **options)
            write(table.assign(data=data, rule=rule, model=seed, include_head=head), path)
            print(f"{name}: {settings['probe']} {settings['options']}", flush=True)
        if not (folder / name / "percolation.csv").exists() and rule != "dense":
            percolate(model, data, rule, seed, folder / name)


def strengths(steps: int | dict[str, float] | None) -> dict[str, Any]:
    """Return at which strengths a probe looks: so many steps from 0 to 1, or to a largest one, or its own."""
    if isinstance(steps, dict):
        return {"strengths": np.linspace(0.0, steps["largest"], int(steps["number"]) + 1).tolist()}
    return {} if steps is None else {"fractions": steps}


def percolate(model: ns.nn.SparseMLP, data: str, rule: str, seed: int, out: Path) -> None:
    """Write the wiring's own curves and thresholds, simulated and predicted."""
    curve = ns.percolation.percolate(model.network, trials=10, rng=seed)
    prediction = ns.percolation.predict(model.network)
    about = {"data": data, "rule": rule, "model": seed}
    simulated = curve.to_frame(points=100).assign(source="simulation")
    predicted = prediction.to_frame().assign(source="theory")
    found = {method: curve.threshold(method).fraction_removed for method in ("second_component", "susceptibility")}
    found |= {name: 1 - kept for name, kept in prediction.thresholds.items()}
    found |= {"half_of_outputs": curve.half_point("outputs_reachable").fraction_removed, "r_index": curve.r_index}
    write(pd.DataFrame([{**about, **found}]), out / "thresholds.csv")
    write(pd.concat([simulated, predicted], ignore_index=True).assign(**about), out / "percolation.csv")


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all."""
    half = path.with_suffix(".half")
    table.to_csv(half, index=False)
    half.rename(path)


def main() -> None:
    """Do all stages, or the one that is named."""
    stages = [part for part in sys.argv[1:] if part.startswith("--")]
    places = [part for part in sys.argv[1:] if not part.startswith("--")]
    folder = Path(places[0] if places else "runs/adaptive_topology")
    folder.mkdir(parents=True, exist_ok=True)
    if not stages or "--train" in stages:
        train(folder)
    if not stages or "--probe" in stages:
        probe(folder)
    if not stages or "--collect" in stages:
        collect(folder, HERE)
        draw_figures(folder, HERE)


if __name__ == "__main__":
    main()
