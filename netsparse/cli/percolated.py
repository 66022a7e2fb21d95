"""What `percolate` found: a curve and a prediction, as one table, as a few numbers for people, as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from netsparse.cli.measured import NARROWEST, number
from netsparse.graph import SparseNetwork
from netsparse.percolation.curve import PercolationCurve
from netsparse.percolation.half_point import HalfPoint
from netsparse.percolation.prediction import Prediction, predict
from netsparse.percolation.reach import reach_curves
from netsparse.percolation.removal import UNITS
from netsparse.percolation.simulation import percolate

READ_FROM = ("giant_component", "second_component", "susceptibility", "outputs_reachable")
"""What thresholds, R index and half point are read from, always watched; written unless told otherwise."""

AT_POINTS = "log_path_count"
"""The one observable that is counted anew at every point, so at those of the table alone."""

PRECISION = 1e-6  # of the predicted half point; more digits than a table shows

METHODS = {"second_component": "second component largest", "susceptibility": "susceptibility largest"}
THEORIES = {"non_backtracking": "non-backtracking eigenvalue", "generating_functions": "generating functions"}
CROSSOVERS = {"simulation": "simulated crossover", "theory": "predicted crossover"}
NAMES = {"simulation": "simulated threshold, ", "theory": "predicted threshold, "}


@dataclass(frozen=True)
class Percolated:
    """A network, its curve at every number of removals, and what theory says of it, if it was asked."""

    network: SparseNetwork
    curve: PercolationCurve
    prediction: Prediction | None
    observables: Sequence[str]
    points: int
    at_points: PercolationCurve | None

    @classmethod
    def of(
        cls, network: SparseNetwork, *, observables: Sequence[str], points: int, theory: bool, workers: int | None,
        seed: int, **how: Any,
    ) -> Percolated:  # fmt: skip
        """Percolate a network and predict it; `how` goes to `netsparse.percolation.percolate`."""
        how |= {"workers": joblib.cpu_count() if workers is None else workers, "rng": seed}
        watched = dict.fromkeys([*READ_FROM, *observables])
        curve = percolate(network, observables=[name for name in watched if name != AT_POINTS], **how)
        paths = None
        if AT_POINTS in observables:
            paths = percolate(network, observables=AT_POINTS, points=points, **how)
        one_layer = len(network.layers) == 1  # theory of a layer alone is richer than that of a network
        prediction = None
        if theory:
            prediction = predict(network.layers[0] if one_layer else network, points=points, of=curve.of)
        return cls(network, curve, prediction, observables, points, paths)

    def table(self) -> pd.DataFrame:
        """Return source (simulation, theory), observable, n_removed, fraction_removed, mean, low, high."""
        frames = [self.curve.to_frame(points=self.points)]
        frames += [] if self.at_points is None else [self.at_points.to_frame()]
        simulated = pd.concat(frames, ignore_index=True).assign(source="simulation")
        parts = [simulated.astype({"n_removed": "Int64"})]
        if self.prediction is not None:
            theory = self.prediction.to_frame().assign(source="theory")
            empty = {"n_removed": pd.array([pd.NA] * len(theory), dtype="Int64"), "low": math.nan, "high": math.nan}
            parts.append(theory.assign(**empty))
        table = pd.concat([part[list(COLUMNS)] for part in parts], ignore_index=True)
        asked = {name: k for k, name in enumerate(self.observables)}
        table = table[table["observable"].isin(list(asked))]
        by_name = table["observable"].map(asked)
        return table.iloc[by_name.argsort(kind="stable")].reset_index(drop=True)

    def thresholds(self) -> list[dict[str, Any]]:
        """Return the simulated thresholds and the predicted ones as records, NaN and infinity as None."""
        measured = [self.curve.threshold(method) for method in METHODS]
        records: list[dict[str, Any]] = [
            {"source": "simulation", "method": found.method, "fraction_removed": found.fraction_removed,
             "fraction_kept": found.fraction_kept, "error": found.error}
            for found in measured
        ]  # fmt: skip
        for method, kept in ({} if self.prediction is None else self.prediction.thresholds).items():
            removed = 1 - kept if kept <= 1 else None  # not even the whole network has a giant component
            theory = {"source": "theory", "method": method, "fraction_removed": removed, "fraction_kept": kept}
            records.append({**theory, "error": None})
        return [{name: _ready(value) for name, value in record.items()} for record in records]

    def half_points(self) -> list[dict[str, Any]]:
        """Return where half of the outputs are reached no more, simulated and predicted, as records."""
        halves = {"simulation": self.curve.half_point("outputs_reachable")}
        if self.prediction is not None:
            halves["theory"] = predicted_half_point(self.network, self.prediction)
        names = ("observable", "fraction_removed", "fraction_kept", "error")
        return [
            {"source": source, **{name: _ready(getattr(half, name)) for name in names}}
            for source, half in halves.items()
        ]


COLUMNS = ("source", "observable", "n_removed", "fraction_removed", "mean", "low", "high")


def predicted_half_point(network: SparseNetwork, prediction: Prediction) -> HalfPoint:
    """Return where theory sees half of the outputs, to six digits whatever the points of the prediction.

    Between points far apart a straight line is no curve: half of the outputs below 784 inputs are reached with a
    thousandth of the edges.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> network = layered([784, 30], density=1.0, rng=0)
    >>> half = predicted_half_point(network, predict(network, points=4))
    >>> bool(abs(half.fraction_kept - (1 - 0.5 ** (1 / 784))) < 1e-6)
    True
    """
    coarse = prediction.half_point("outputs_reachable")
    if math.isnan(coarse.fraction_removed):
        return coarse
    grid = prediction.fraction_removed
    after = int(np.searchsorted(grid, coarse.fraction_removed))
    low, high = float(grid[max(after - 1, 0)]), float(grid[min(after, len(grid) - 1)])
    half = prediction.values("outputs_reachable")[0] / 2
    while high - low > PRECISION:
        removed = np.linspace(low, high, 9)
        reached = reach_curves(network, 1 - removed)["outputs_reachable"]
        reached = reached * (1 - removed) if prediction.of == UNITS else reached
        last = int(np.flatnonzero(reached >= half)[-1]) if (reached >= half).any() else 0
        low, high = float(removed[last]), float(removed[min(last + 1, 8)])
    return HalfPoint("outputs_reachable", 1 - (low + high) / 2, (low + high) / 2, math.nan)


def print_percolated(result: Percolated, place: str | Path, settings: Mapping[str, Any], *, as_json: bool) -> None:
    """Print R index, thresholds and half point, as a table or as JSON."""
    curve = result.curve
    if as_json:
        numbers = {"r_index": curve.r_index, "thresholds": result.thresholds(), "half_points": result.half_points()}
        about = {"file": str(place), "sizes": list(result.network.sizes), "n_edges": result.network.n_edges}
        about |= {"removed": curve.of, "n_items": curve.n_items, "trials": curve.n_trials}
        typer.echo(json.dumps({**about, **settings, **numbers}, indent=2, allow_nan=False))
        return
    console = Console()
    if not console.is_terminal and console.width < NARROWEST:
        console = Console(width=NARROWEST)
    trials = "1 trial" if curve.n_trials == 1 else f"{curve.n_trials} trials"
    how = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items() if name != "seed")
    heading = f"{place}: {result.network!r}, {how}, {trials}"
    console.print(heading, soft_wrap=True, highlight=False, markup=False)
    printed = Table(header_style="bold")
    printed.add_column("fraction of the " + curve.of, no_wrap=True)
    printed.add_column("removed", justify="right", no_wrap=True)
    printed.add_column("kept", justify="right", no_wrap=True)
    for record in result.thresholds():
        method = str(record["method"])
        how = {**METHODS, **THEORIES}.get(method, method.replace("_", " "))
        printed.add_row(f"{NAMES[record['source']]}{how}", *_both(record))
    printed.add_section()
    for record in result.half_points():
        printed.add_row(f"half of the outputs reached, {CROSSOVERS[record['source']]}", *_both(record))
    printed.add_section()
    printed.add_row("R index, area under the giant component", number(curve.r_index), "")
    console.print(printed)
    for note in _notes(result):
        console.print(note, style="dim", highlight=False)


def _notes(result: Percolated) -> list[str]:
    notes = []
    thresholds, half_points = result.thresholds(), result.half_points()
    if any(record["error"] is not None for record in [*thresholds, *half_points]):
        notes.append("± is the half-width of the 95 % interval of the mean over trials")
    if any(record["fraction_removed"] is None for record in thresholds):
        notes.append("- where there is no peak, or no giant component to lose")
    elif any(record["fraction_removed"] is None for record in half_points):
        notes.append("- where no output is reached from the start, or half of them to the end")
    return notes


def _both(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return the fraction removed, with its interval, and the fraction kept."""
    removed, kept, error = record["fraction_removed"], record["fraction_kept"], record["error"]
    if removed is None:
        return "-", "-"
    interval = "" if error is None else f" ± {error:.4f}"
    return f"{removed:.4f}{interval}", f"{kept:.4f}"


def _ready(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
