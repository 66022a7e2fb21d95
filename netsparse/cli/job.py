"""The main job: train, measure, percolate, remove links - each run into its own folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from netsparse.cli.config import RunConfig
from netsparse.datasets import Dataset
from netsparse.errors import unknown_name
from netsparse.graph import SparseNetwork
from netsparse.metrics import summarize
from netsparse.nn import KERNELS, SparseModel
from netsparse.percolation import PercolationCurve, percolate
from netsparse.percolation.critical import non_backtracking_threshold
from netsparse.provenance import provenance
from netsparse.rewiring import RULES
from netsparse.robustness import area_under_accuracy, link_removal
from netsparse.train import RunFolder, TrainConfig, TrainResult, fit
from netsparse.train.ranks import Alone, Ranks
from netsparse.train.resume import Checkpoints
from netsparse.train.state import TrainState

POINTS = 200

STATIC = {"rule": "static", "rule_options": {}, "fraction": None, "every": None}
COMPARISONS: dict[str, Callable[[RunConfig], RunConfig]] = {
    "static": lambda config: config.model_copy(update=STATIC),
    "dense": lambda config: config.model_copy(update={**STATIC, "generator": "complete", "density": 1.0}),
}
"""What a run can be compared with: the same start without rewiring, and the same widths with every edge."""


def idle_rule(config: TrainConfig, result: TrainResult) -> str | None:
    """Return a line about a rule that has changed nothing in a whole run, which is hardly what was meant; else None."""
    rule, rewirings = config.rewiring(), result.topology
    if rule is None or rewirings[["dropped", "grown"]].to_numpy().any():
        return None
    if len(rewirings):
        n = int(rewirings.groupby("layer")["rewirings"].sum().max())
        return f"rule '{config.rule}' has changed nothing in {n} rewirings: see its options in --rule list"
    period, fix = (
        (f"{rule.every_epochs} epochs", "--epochs") if rule.every is None else (f"{rule.every} steps", "--every")
    )
    span = f"from {rule.since:g} to {rule.until:g} of the run, before its end"
    return f"rule '{config.rule}' has changed nothing: it is due every {period}, {span}; try another {fix}"


def unused_budget(config: TrainConfig, network: SparseNetwork) -> str | None:
    """Return a line about a published start that has fewer edges than its density allows, and how they come; else None.

    The rules that it is published for add what is missing in their first step if they know the density.
    """
    if config.allocation != "published" or config.rule_options.get("density") is not None:
        return None
    budget = int(config.density * sum(layer.n_in * layer.n_out for layer in network.layers))
    if network.n_edges >= budget:
        return None
    can_grow = {"fraction", "density"} <= RULES[config.rule].options().keys()
    fix = (
        f"--rule-option density={config.density:g} adds the others" if can_grow else "--allocation scaled has them all"
    )
    return f"the published start has {network.n_edges:,} of {budget:,} edges of density {config.density:g}: {fix}"


@dataclass(frozen=True)
class Outcome:
    """A trained network with everything the main job measures on it."""

    name: str
    config: RunConfig
    result: TrainResult
    metrics: pd.DataFrame
    curve: PercolationCurve
    predicted_threshold: float
    removal: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """Return the run's row of the summary table."""
        last, threshold = self.result.last, self.curve.threshold()
        whole = self.metrics.query("stage == 'trained' and layer == 'network'").set_index("metric")["value"]
        return {
            "run": self.name,
            "edges": last.network.n_edges,
            "sparsity": last.network.sparsity,
            "zero_weights": float(np.mean(np.concatenate(last.weights) == 0)) if last.network.n_edges else math.nan,
            "test_accuracy": last.test_accuracy,
            **at_best_validation(self.result),
            **{name: float(whole[name]) for name in WHOLE_NETWORK if name in whole},
            "percolation_threshold": threshold.fraction_removed,
            "percolation_threshold_error": threshold.error,
            "predicted_threshold": self.predicted_threshold,
            "r_index": self.curve.r_index,
            "area_under_accuracy": area_under_accuracy(self.removal),
            "seconds_per_epoch": float(self.result.timing["train_seconds"].median()),
        }


SPECTRAL = ("spectral_gap", "normalized_spectral_gap", "ramanujan_excess", "algebraic_connectivity_giant")
WHOLE_NETWORK = ("isolated_outputs", "giant_component", *SPECTRAL)


def at_best_validation(result: TrainResult) -> dict[str, float]:
    """Return the summary's entries on the model that was best on validation; NaN where there was no validation."""
    known = not math.isnan(result.best.validation_accuracy)
    return {
        "test_accuracy_at_best_validation": result.best.test_accuracy if known else math.nan,
        "best_validation_epoch": result.best.epoch if known else math.nan,
    }


def parse_comparisons(text: str, main: str) -> list[str]:
    """Return the names in "static,dense", without the main run's own; "none" is an empty list.

    Raises
    ------
    UnknownName
        The message lists the comparisons.
    """
    names = [name.strip() for name in text.split(",") if name.strip() not in ("", "none")]
    for name in names:
        if name not in COMPARISONS:
            raise unknown_name("compare", name, {**COMPARISONS, "none": None})
    return [name for name in dict.fromkeys(names) if name != main]


def train_into(
    folder: RunFolder,
    config: TrainConfig,
    network: SparseNetwork | SparseModel,
    dataset: Dataset,
    *,
    device: str,
    checkpoint: Checkpoints | None = None,
    resume: bool = False,
    ranks: Ranks | None = None,
    callbacks: Sequence[object] = (),
    started: Mapping[str, object] | None = None,
    earlier: Sequence[object] = (),
) -> TrainResult:
    """Write config.json and provenance.json, then train with every epoch's files in the folder.

    Before the first step provenance.json tells the kernels that the layers are going to use, afterwards those that
    computed the last batch. `started` goes into it as it is: how the run was called, beside its settings; so does
    `earlier`, who worked on a run that is resumed. Of several processes the first one writes.
    """
    torch.set_num_threads(config.threads)
    ranks = Alone() if ranks is None else ranks
    settings = config.model_dump(mode="json")
    call = {"device": device, "processes": ranks.size, **(started or {})}
    origin = {**provenance(settings, seed=config.seed), "started": call, **({"earlier": earlier} if earlier else {})}
    if ranks.is_first and not resume:
        folder.write_json("config.json", settings)
        folder.write_json("provenance.json", origin)
    return fit(
        network,
        dataset,
        rewiring=config.rewiring(),
        out=folder.path,
        device=device,
        checkpoint=checkpoint,
        resume=resume,
        callbacks=[*callbacks, *([_Computed(folder, origin)] if ranks.is_first else [])],
        ranks=ranks,
        **config.fit_options(),
    )


class _Computed:
    """Writes into provenance.json what computes the layers, as soon as it is known."""

    def __init__(self, folder: RunFolder, origin: Mapping[str, object]) -> None:
        self.folder, self.origin = folder, origin

    def on_train_begin(self, state: TrainState) -> None:
        """Write what the layers would use for a usual batch."""
        kernels = [layer.kernel for layer in state.model.sparse_layers()]
        compute = {"kernels": kernels, "truly_sparse": [KERNELS[kernel].is_sparse for kernel in kernels]}
        compute["threads"] = torch.get_num_threads()
        self.folder.write_json("provenance.json", {**self.origin, "compute": compute})

    on_train_end = on_train_begin


def study(
    name: str,
    folder: RunFolder,
    config: RunConfig,
    network: SparseNetwork,
    dataset: Dataset,
    *,
    device: str,
    say: Callable[[str], None],
) -> Outcome:
    """Train one network, measure, percolate and probe it, and write the tables."""
    result = train_into(folder, config, network, dataset, device=device)
    idle = idle_rule(config, result)
    if idle is not None:
        say(f"{name}: {idle}")
    say(f"{name}: measuring the graph")
    stages = (("initial", result.initial, None), ("trained", result.network, result.weights))
    metrics = pd.concat(
        [summarize(wiring, weights=weights).assign(stage=stage) for stage, wiring, weights in stages], ignore_index=True
    )
    folder.write_table("metrics.csv", metrics[["stage", *metrics.columns.drop("stage")]])
    say(f"{name}: percolation, {config.trials} trials")
    curve = percolate(result.network, trials=config.trials, rng=config.seed)
    folder.write_table("percolation.csv", curve.to_frame(points=POINTS))
    predicted = predicted_threshold(result.network)
    say(f"{name}: accuracy under link removal, {config.trials} trials")
    removal = link_removal(result.model, dataset, trials=config.trials, rng=config.seed)
    folder.write_table("link_removal.csv", removal)
    return Outcome(name, config, result, metrics, curve, predicted, removal)


def predicted_threshold(network: SparseNetwork) -> float:
    """Return the fraction of edges removed at the threshold that theory has, NaN where it has none.

    1 - 1/lambda of the non-backtracking eigenvalue lambda of the undirected unit graph; a forest has no giant component
    to lose.
    """
    kept = non_backtracking_threshold(network)
    return 1.0 - kept if kept <= 1.0 else math.nan
