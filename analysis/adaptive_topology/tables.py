"""The tables of the study: one row per model and probe, and curves averaged over models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import netsparse as ns

LABELS = ["data", "rule", "include_head"]
CHANCE = 0.1


def read(folder: Path, pattern: str) -> pd.DataFrame:
    """Return all tables of that name in the runs' folders, one below the other."""
    paths = sorted(folder.glob(f"*/{pattern}"), key=lambda path: (path.parent.name, len(path.name), path.name))
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def collect(folder: Path, out: Path) -> None:
    """Write results.csv (a row per model and probe), curves.csv (means over models) and thresholds.csv."""
    probes = read(folder, "probe-*.csv").fillna({"options": ""})
    keys = [*LABELS, "probe", "options", "model"]
    rows = [{**dict(zip(keys, key, strict=True)), **summary(table)} for key, table in probes.groupby(keys, sort=False)]
    pd.DataFrame(rows).sort_values(keys, ignore_index=True).round(6).to_csv(out / "results.csv", index=False)
    means = ns.robustness.mean_over_models(probes, by=LABELS)
    shown = means["quantity"].isin(["accuracy", "giant_component"])
    means[shown].round(4).to_csv(out / "curves.csv", index=False)
    thresholds = read(folder, "thresholds.csv").sort_values(["data", "rule", "model"], ignore_index=True)
    thresholds.round(5).to_csv(out / "thresholds.csv", index=False)


def summary(table: pd.DataFrame) -> dict[str, float]:
    """Return the clean accuracy, the area under the mean accuracy, and where it falls halfway to chance."""
    mean = table.groupby("strength")["accuracy"].mean()
    strengths, accuracy = mean.index.to_numpy(), mean.to_numpy()
    return {
        "trials": table["trial"].nunique(),
        "clean_accuracy": accuracy[0],
        "mean_accuracy": float(np.trapezoid(accuracy, strengths) / (strengths[-1] - strengths[0])),
        "half_strength": first_below(strengths, accuracy, (accuracy[0] + CHANCE) / 2),
        "accuracy_at_strongest": accuracy[-1],
    }


def first_below(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """Return where y first falls to the level, between points along a straight line; NaN where it never does."""
    below = np.flatnonzero(y <= level)
    if not len(below) or below[0] == 0:
        return float("nan")
    k = below[0]
    return float(x[k - 1] + (x[k] - x[k - 1]) * (y[k - 1] - level) / (y[k - 1] - y[k]))
