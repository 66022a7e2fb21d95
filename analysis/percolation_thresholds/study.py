"""Percolation thresholds of random graphs from 1e3 to 1e6 units, extrapolated to infinity and set beside theory.

    python analysis/percolation_thresholds/study.py [FOLDER [WORKERS]]

Every cell (ensemble, size, seed) that is finished in FOLDER (default runs/percolation_thresholds) is skipped, so an
interrupted study goes on where it stopped.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from ensembles import ensembles

from netsparse.percolation import FiniteSizeFit, ensemble_thresholds, finite_size_fit, generating_function_threshold

HERE = Path(__file__).parent
CONFIG = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
ENSEMBLES = ensembles(CONFIG["mean_degree"], CONFIG["power_laws"])


def cell(name: str, n_units: int, seed: int, folder: Path) -> pd.DataFrame:
    """Find the thresholds of one ensemble at one size, unless they are on disk."""
    file = folder / f"{name.replace(' ', '-').replace(',', '')}-{n_units}-seed{seed}.csv"
    if not file.exists():
        ensemble = ENSEMBLES[name]
        rng = np.random.default_rng([seed, n_units, list(ENSEMBLES).index(name)])
        table = ensemble_thresholds(
            lambda rng: ensemble.draw(n_units, rng),
            CONFIG["trials"],
            method=CONFIG["methods"],
            critical=generating_function_threshold if ensemble.critical is None else lambda graph: ensemble.critical,
            rng=rng,
        )
        part = file.with_suffix(".part")
        table.to_csv(part, index=False)
        part.rename(file)
    return pd.read_csv(file).assign(ensemble=name, run=seed)


def means(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Average over trials: the threshold kept, theory, and their difference with its standard error."""
    table = table.assign(shift=table["fraction_kept"] - table["critical"])
    groups = table.groupby(by, sort=False)
    return groups.agg(
        n_units=("n_units", "first"),
        trials=("shift", "size"),
        mean=("fraction_kept", "mean"),
        theory=("critical", "mean"),
        shift=("shift", "mean"),
        standard_error=("shift", "sem"),
    ).reset_index()


def fit(rows: pd.DataFrame, powers: int, least: int = 0) -> FiniteSizeFit:
    """Extrapolate the difference from theory; at infinite size it should be 0."""
    rows = rows[rows["n_units"] >= 0.9 * least]
    return finite_size_fit(rows["n_units"], rows["shift"], rows["standard_error"], powers=powers)


# how the shift is fitted: number of powers of N^(-1/3), and the smallest networks taken in
FITS = {"N^(-1/3)": (1, 0), "N^(-1/3) from 10,000": (1, 10_000), "N^(-1/3) and N^(-2/3)": (2, 0)}


def fits(rows: pd.DataFrame) -> pd.DataFrame:
    """Fit every ensemble and method (and run, where they are told apart) in every way."""
    by = [column for column in ("ensemble", "method", "run") if column in rows]
    found = []
    for key, group in rows.groupby(by, sort=False):
        for said, (powers, least) in FITS.items():
            best = fit(group, powers, least)
            found.append(
                dict(zip(by, key, strict=True))
                | {"fit": said, "trials": group["trials"].min(), "theory": group["theory"].iloc[-1]}
                | {"limit_less_theory": best.threshold, "error": best.error, "amplitude": best.amplitude}
                | {"chi2": best.chi2, "dof": best.dof, "p_value": best.p_value}
                | {"within": abs(best.threshold) <= best.error}
            )
    return pd.DataFrame(found)


def draw(rows: pd.DataFrame, file: Path) -> None:
    """Draw the thresholds of all sizes relative to theory, with the two-power fit down to infinite size."""
    mpl.use("Agg")
    from netsparse.plotting import finite_size

    rows = rows[rows["method"] == "second_component"]
    relative = rows.assign(
        mean=1 + rows["shift"] / rows["theory"], error=1.96 * rows["standard_error"] / rows["theory"]
    )
    tables = dict(list(relative.groupby("ensemble", sort=False)))
    fitted = {
        name: finite_size_fit(table["n_units"], table["mean"], table["error"] / 1.96, powers=2)
        for name, table in tables.items()
    }
    ax = finite_size(tables, fits=fitted)
    ax.axhline(1.0, color="black", linewidth=1.0, linestyle=(0, (5, 3)), zorder=1)
    ax.set_ylabel("fraction kept at the threshold / theory")
    ax.figure.savefig(file, dpi=150, bbox_inches="tight")


def main() -> None:
    """Run all cells, write results.csv (pooled) and fits.csv (pooled, then single runs), draw, and print the fits."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/percolation_thresholds")
    folder.mkdir(parents=True, exist_ok=True)
    cells = list(product(CONFIG["seeds"], sorted(CONFIG["n_units"]), ENSEMBLES))
    with ProcessPoolExecutor(int(sys.argv[2]) if len(sys.argv) > 2 else 1) as pool:
        waiting = [pool.submit(cell, name, n_units, seed, folder) for seed, n_units, name in cells]
        table = pd.concat([done.result() for done in waiting], ignore_index=True)
    # the unequal layers have a few units less than asked for: trials of one size are those of one n_units
    pooled = means(table, ["ensemble", "method", table["n_units"].rename("size")]).drop(columns="size")
    single = means(table, ["ensemble", "method", "run", table["n_units"].rename("size")]).drop(columns="size")
    pooled.round(8).to_csv(HERE / "results.csv", index=False)
    together, runs = fits(pooled).assign(run="all"), fits(single)
    print(together.round(6).to_string())
    pd.concat([together[runs.columns], runs]).round(8).to_csv(HERE / "fits.csv", index=False)
    print(runs.groupby(["ensemble", "method", "fit"], sort=False)["within"].agg(["sum", "size"]).to_string())
    draw(pooled, HERE / "thresholds.png")


if __name__ == "__main__":
    main()
