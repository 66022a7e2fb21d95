"""Figures of `netsparse robustness`: accuracy against strength, the wiring beside it, degrees and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from netsparse.cli.probed import split_options
from netsparse.cli.trained import Trained
from netsparse.percolation.critical import non_backtracking_threshold
from netsparse.percolation.simulation import percolate
from netsparse.plotting.probes import probe_curves, probe_grid
from netsparse.plotting.robustness import structure_and_function
from netsparse.plotting.weights import before_and_after
from netsparse.robustness.averages import mean_over_trials
from netsparse.robustness.evaluation import wiring_of
from netsparse.robustness.perturbation import Probe
from netsparse.robustness.saliency_order import with_saliency

POINTS = 200


def probe_figure(
    table: pd.DataFrame, runs: Sequence[Trained], probes: Sequence[Probe], *, include_head: bool, seed: int
) -> Figure:
    """Draw the accuracy of every run under every probe.

    A single removal of edges by its name has structure and function on one axis; a single probe one panel with a line
    per run, or per setting; several probes a panel each.
    """
    if len(probes) > 1:
        table = table.assign(options=split_options(table)[1])  # legends and titles say what differs
    means = {run.name: mean_over_trials(table[table["run"] == run.name].drop(columns="run")) for run in runs}
    chances = {1 / run.dataset.n_classes for run in runs}
    chance = chances.pop() if len(chances) == 1 else None
    if len(probes) == 1 and probes[0].name in ("link_removal", "magnitude_pruning"):
        return _with_structure(means, runs, probes[0], _trials(table), chance, include_head, seed)
    if len(probes) == 1:
        figure = Figure(figsize=(8.0, 4.0), layout="constrained")  # with the legend beside it
        probe_curves(means, chance=chance, ax=figure.subplots())
        return figure
    if len(runs) == 1 and len({probe.name for probe in probes}) == 1:
        figure = Figure(figsize=(8.0, 4.0), layout="constrained")  # with the legend beside it
        probe_curves(means[runs[0].name], by="options", chance=chance, ax=figure.subplots())
        return figure
    columns = min(3, len(probes))
    n_rows = -(-len(probes) // columns)
    figure = Figure(figsize=(2.1 + 2.7 * columns, 0.5 + 2.4 * n_rows), layout="constrained")
    probe_grid(means, chance=chance, columns=columns, figure=figure)
    return figure


def before_and_after_figure(table: pd.DataFrame, run: Trained, probe: Probe, *, include_head: bool) -> Figure:
    """Draw degrees and weights of a run before and after its first trial, as strong as it leaves edges.

    Where every strength takes all of them, the strongest.
    """
    first = table[table["trial"] == table["trial"].min()]
    leaves_edges = first[(first["n_edges"] > 0) & (first["strength"] > 0)]
    strongest = (leaves_edges if len(leaves_edges) else first).sort_values("strength").iloc[-1]
    before = wiring_of(run.model, include_head=include_head)
    after = probe.start(before, rng=int(strongest["seed"]))(float(strongest["strength"]))
    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    before_and_after(*((wiring.probed, wiring.probed_weights) for wiring in (before, after)), figure=figure)
    figure.suptitle(
        f"{run.name}: {probe.name.replace('_', ' ')}, strength {strongest['strength']:g}", fontsize="medium"
    )
    return figure


def _with_structure(
    means: dict[str, pd.DataFrame], runs: Sequence[Trained], probe: Probe, trials: int, chance: float | None,
    include_head: bool, seed: int,
) -> Figure:  # fmt: skip
    """Draw the accuracy of every run beside what is left of its wiring when the same edges go, all counts of them."""
    frames, measured, predicted = {}, {}, {}
    for run in runs:
        own = with_saliency(probe, run.model, run.dataset, include_head=include_head)
        order: Any = getattr(own, "order", "weight_ascending")
        wiring = wiring_of(run.model, include_head=include_head)
        options = {"scope": getattr(own, "scope", "layer"), "trials": trials, "rng": seed}
        curve = percolate(wiring.probed, order=order, weights=wiring.probed_weights, **options)
        frames[run.name] = curve.to_frame(points=POINTS)
        measured[run.name] = curve.threshold().fraction_removed
        if order == "random":
            predicted[run.name] = 1 - non_backtracking_threshold(wiring.probed)
    figure = Figure(figsize=(8.0, 4.4), layout="constrained")
    options = {"thresholds": measured, "predicted": predicted, "chance": chance}
    structure_and_function(frames, means, ax=figure.subplots(), **options)
    return figure


def _trials(table: pd.DataFrame) -> int:
    return int(table["trial"].nunique())
