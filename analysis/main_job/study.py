"""The main job on real images: `netsparse run` for every data set, split and seed, collected into results.csv.

    python analysis/main_job/study.py [FOLDER]

Finished runs in FOLDER (default runs/main_job) are skipped, so an interrupted study goes on where it stopped. Data
are looked for in $NETSPARSE_DATA or data/, and downloaded where absent.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
CONFIG = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
MEASURED = [
    "test_accuracy", "test_accuracy_at_best_validation", "algebraic_connectivity_giant",
    "percolation_threshold", "r_index", "area_under_accuracy",
]  # fmt: skip


def cells() -> list[dict[str, object]]:
    """Every combination of data set, validation split and seed."""
    return [
        {"data": data, "epochs": epochs, "validation": validation, "seed": seed}
        for data, epochs in CONFIG["epochs"].items()
        for validation in CONFIG["validation"]
        for seed in CONFIG["seeds"]
    ]


def run(cell: dict[str, object], folder: Path) -> pd.DataFrame:
    """Run one cell unless it is finished, and return its summary with the cell's settings."""
    split = "default" if cell["validation"] is None else f"v{cell['validation']}"
    name = f"{cell['data']}-{split}-seed{cell['seed']}"
    if not (folder / name / "summary.csv").exists():
        options = ["--data", cell["data"], "--epochs", cell["epochs"], "--seed", cell["seed"], "--name", name]
        options += [] if cell["validation"] is None else ["--validation", cell["validation"]]
        command = [sys.executable, "-m", "netsparse", "run", *options, "--out", folder, "--compare", CONFIG["compare"]]
        subprocess.run([str(part) for part in command], check=True)
    return pd.read_csv(folder / name / "summary.csv").assign(**{**cell, "validation": split})


def main() -> None:
    """Run everything, write results.csv (one row per run), keep one figure, print mean and deviation over seeds."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/main_job")
    table = pd.concat([run(cell, folder) for cell in cells()], ignore_index=True)
    table.drop(columns="seconds_per_epoch").to_csv(HERE / "results.csv", index=False)
    shutil.copy(folder / "fashion-mnist-v0-seed0" / "figures" / "robustness.png", HERE / "robustness.png")
    by = table.groupby(["data", "validation", "run"], sort=False)[MEASURED]
    print(by.agg(["mean", "std"]).round(4).T.unstack().to_string())


if __name__ == "__main__":
    main()
