"""What a run folder shows at a glance: the summary, and figures with every comparison drawn over the main run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from netsparse.cli.job import POINTS, Outcome
from netsparse.cli.pictures import save
from netsparse.datasets import Dataset
from netsparse.plotting import accuracy_history, degree_distribution, input_fan_out, structure_and_function
from netsparse.robustness import mean_over_trials
from netsparse.train import RunFolder


def export(folder: RunFolder, outcomes: Sequence[Outcome], dataset: Dataset) -> pd.DataFrame:
    """Write summary.csv and the figures of the runs so far, and return the summary."""
    draw_figures(outcomes, dataset, folder.path / "figures")
    table = pd.DataFrame([outcome.summary() for outcome in outcomes])
    folder.write_table("summary.csv", table)
    return table


def draw_figures(outcomes: Sequence[Outcome], dataset: Dataset, folder: Path) -> None:
    """Draw training, robustness, degrees and inputs into `folder` as PNG; raises `DiskFull`."""
    folder.mkdir(exist_ok=True)
    save(training(outcomes), folder / "training.png")
    save(robustness(outcomes, 1 / dataset.n_classes), folder / "robustness.png")
    save(degrees(outcomes), folder / "degrees.png")
    save(inputs(outcomes, dataset.shape), folder / "inputs.png")


def training(outcomes: Sequence[Outcome]) -> Figure:
    """Accuracy over the epochs."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    accuracy_history({outcome.name: outcome.result.history for outcome in outcomes}, ax=figure.subplots())
    return figure


def robustness(outcomes: Sequence[Outcome], chance: float) -> Figure:
    """Percolation and accuracy under link removal on one axis, above the accuracy of a guess."""
    figure = Figure(figsize=(8.0, 4.4), layout="constrained")
    structure_and_function(
        {outcome.name: outcome.curve.to_frame(points=POINTS) for outcome in outcomes},
        {outcome.name: mean_over_trials(outcome.removal) for outcome in outcomes},
        thresholds={outcome.name: outcome.curve.threshold().fraction_removed for outcome in outcomes},
        predicted={outcome.name: outcome.predicted_threshold for outcome in outcomes},
        chance=chance,
        ax=figure.subplots(),
    )
    return figure


def degrees(outcomes: Sequence[Outcome]) -> Figure:
    """Fan-out distribution of the trained networks."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    degree_distribution({outcome.name: outcome.result.network for outcome in outcomes}, ax=figure.subplots())
    return figure


def inputs(outcomes: Sequence[Outcome], shape: tuple[int, ...]) -> Figure:
    """Fan-out of the input pixels, one image per run; complete layers look the same everywhere and are left out."""
    sparse = [outcome for outcome in outcomes if outcome.result.network.layers[0].density < 1.0] or list(outcomes)
    figure = Figure(figsize=(3.1 * len(sparse) + 0.6, 3.2), layout="constrained")
    largest = max(int(outcome.result.network.layers[0].fan_out.max()) for outcome in sparse)
    for ax, outcome in zip(figure.subplots(1, len(sparse), squeeze=False)[0], sparse, strict=True):
        options = {"title": outcome.name, "largest": largest, "colorbar": outcome is sparse[-1]}
        input_fan_out(outcome.result.network, shape, ax=ax, **options)
    return figure
