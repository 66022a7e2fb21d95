"""`fit`: train a sparse network, rewiring it between epochs."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption, TrainingDiverged
from netsparse.graph import BipartiteGraph, EdgeDelta, SparseNetwork, apply
from netsparse.nn import SparseMLP, as_device
from netsparse.rewiring import RewiringRule, named_rule
from netsparse.rng import spawn
from netsparse.train.checkpoint import save_model
from netsparse.train.history import History
from netsparse.train.objectives import Objective, evaluate, named_objective
from netsparse.train.optimizers import LearningRate, MakeOptimizer, build_optimizer
from netsparse.train.progress import progress_bar
from netsparse.train.result import Snapshot, TrainResult
from netsparse.train.run_folder import open_folder
from netsparse.train.splits import Splits
from netsparse.train.tables import write_table
from netsparse.typing import Seed

BUILD = {"head": "dense", "init": "he_sparse", "activation": "relu", "backend": "auto"}


def fit(
    network: SparseNetwork | BipartiteGraph | SparseMLP,
    data: str | os.PathLike[str] | Dataset,
    *,
    rewiring: str | RewiringRule | None = None,
    epochs: int,
    objective: str | Objective = "natural",
    batch_size: int = 128,
    optimizer: str | MakeOptimizer = "sgd",
    lr: float | None = None,
    lr_schedule: str = "linear",
    momentum: float | None = None,
    weight_decay: float | None = None,
    validation: int | None = None,
    head: str | None = "dense",
    init: str = "he_sparse",
    activation: str = "relu",
    backend: str = "auto",
    device: str = "cpu",
    callbacks: Sequence[Callable[[int, SparseMLP, dict[str, float]], None]] = (),
    out: str | os.PathLike[str] | None = None,
    progress: bool = True,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> TrainResult:
    """Train a sparse network on images, on its edges only, rewiring it between epochs.

    Parameters
    ----------
    network : SparseNetwork, BipartiteGraph or SparseMLP
        The wiring to start from, or a model to train on (in place).
    data : str, path or Dataset
        A name ("digits", "mnist", "fashion-mnist", "cifar10"), a folder or file, or a `Dataset`.
    rewiring : None, str or RewiringRule
        None trains the given wiring as it is. A rule changes it after every epoch but the last; losses and accuracies
        are measured before the change.
    epochs : int
        Passes over the training images.
    objective : str or Objective
        "natural": cross-entropy.
    batch_size : int
        Images per step; a new random order in every epoch.
    optimizer : str or function
        "sgd" (default lr 0.1, momentum 0.9, weight decay 5e-4) or "adam" (lr 0.001, weight decay 5e-4), or a function
        from parameters to a torch optimizer, which then brings its own lr, momentum and weight decay.
    lr, momentum, weight_decay : float, optional
        As torch's optimizers define them; only for an optimizer given by name.
    lr_schedule : {"linear", "constant"}
        The rate falls linearly to 0 over the run, or stays.
    validation : int, optional
        Number of training images held back for validation, taken from the end. Default: 10,000, or a fifth of the
        training images where that is fewer. 0 trains on all of them.
    head, init, activation, backend
        How the model is built from a network, see `SparseMLP`; not for a model, which is trained as it is.
    device : str
        Where to compute, "cpu" or "cuda".
    callbacks : sequence of callables
        Called after every epoch as `callback(epoch, model, row)` with the epoch's numbers, before rewiring.
    out : path, optional
        Folder for history.csv, timing.csv, model.safetensors (last good epoch) and, with a
        validation split, best.safetensors, written anew
        after every epoch. A folder that already holds a run is refused.
    progress : bool
        Whether to show a progress bar.
    data_dir : path, optional
        Where data sets lie or land, see `netsparse.datasets.load`.
    rng : int or numpy.random.Generator
        Source of initial weights, batch order and rewiring; the same seed gives the same result to the last bit on the
        same machine with the same number of threads (`torch.get_num_threads()`).

    Returns
    -------
    TrainResult
        Last and best-on-validation model, history, timing. The test set is measured every epoch and chooses nothing.

    Raises
    ------
    InvalidSize, InvalidOption, UnknownName, InvalidSeed
        For inputs that do not fit.
    DatasetNotFound, DatasetCorrupt
        See `netsparse.datasets.load`.
    RunExists, NotWritable, DiskFull
        From writing `out`.
    TrainingDiverged
        If the training or validation loss, or a weight, is no longer finite; files in `out` then hold the last good
        epoch.

    Examples
    --------
    >>> import netsparse as ns
    >>> net = ns.generators.layered([64, 100, 100], density=0.05, rng=0)
    >>> result = fit(net, "digits", rewiring=ns.rewiring.SET(), epochs=2, progress=False, rng=0)
    >>> result.history["split"].tolist()
    ['train', 'validation', 'test', 'train', 'validation', 'test']
    """
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise InvalidOption(name, repr(value), "a whole number, at least 1", f"{name}=10")
    rule = None if rewiring is None else named_rule(rewiring)
    step_loss = named_objective(objective)
    model_rng, batch_rng, rewire_rng = spawn(rng, 3, purpose="training")
    dataset = load(data, data_dir=data_dir)
    splits = Splits.of(dataset, validation, as_device(device))
    build = {"head": head, "init": init, "activation": activation, "backend": backend}
    model = _as_model(network, dataset, splits, model_rng, **build)
    model.check_data(dataset.n_features, dataset.n_classes)
    model.to(splits.x_train.device)
    torch_optimizer = build_optimizer(
        optimizer, model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay
    )
    steps_per_epoch = math.ceil(len(splits.x_train) / batch_size)
    rate = LearningRate(torch_optimizer, lr_schedule, epochs * steps_per_epoch)
    run = _Run(model, splits, None if out is None else open_folder(Path(out)))
    with progress_bar(dataset.name, epochs, show=progress) as bar:
        for epoch in range(1, epochs + 1):
            clock = [time.perf_counter()]
            order = torch.from_numpy(batch_rng.permutation(len(splits.x_train)))
            train = _one_epoch(run, torch_optimizer, rate, step_loss, order, batch_size, (epoch - 1) * steps_per_epoch)
            clock.append(time.perf_counter())
            row = run.measure(epoch, train)
            for callback in callbacks:
                callback(epoch, model, row)
            clock.append(time.perf_counter())
            if rule is not None and epoch < epochs:
                run.history.add_rewiring(_rewire(model, torch_optimizer, rule, epoch - 1, rewire_rng))
            run.finish_epoch(epoch, clock)
            bar.set_postfix({name: f"{value:.3f}" for name, value in row.items()}, refresh=False)
            bar.update()
    return run.result()


class _Run:
    """The moving parts of one call of `fit`: measures, remembers the best, writes the files."""

    def __init__(self, model: SparseMLP, splits: Splits, folder: Path | None) -> None:
        self.model, self.splits, self.folder = model, splits, folder
        self.history = History()
        self.initial = model.network
        self.last: Snapshot | None = None
        self.best: Snapshot | None = None

    def measure(self, epoch: int, train: tuple[float, float]) -> dict[str, float]:
        """Measure all splits; a loss or weight that is not finite ends the run, the last good epoch stays on disk."""
        rows = {"train": train}
        if len(self.splits.x_validation):
            rows["validation"] = evaluate(self.model, self.splits.x_validation, self.splits.y_validation)
        rows["test"] = evaluate(self.model, self.splits.x_test, self.splits.y_test)
        # the test set chooses nothing, not even when to stop; weights that broke in the very last step are caught here
        watched = {f"{split} loss": loss for split, (loss, _) in rows.items() if split != "test"}
        watched["sum of weights"] = sum(parameter.detach().abs().sum().item() for parameter in self.model.parameters())
        for name, value in watched.items():
            if not math.isfinite(value):
                good = "no good epoch yet" if epoch == 1 else f"epoch {epoch - 1} was the last good one"
                where = "" if self.folder is None or epoch == 1 else f", kept in {self.folder / 'model.safetensors'}"
                given = f"{name} {value} in epoch {epoch} ({good}{where})"
                raise TrainingDiverged(
                    "training", given, "a finite number", "a smaller learning rate (lr=0.01, --lr 0.01)"
                )
        for split, (loss, accuracy) in rows.items():
            self.history.add(epoch, split, loss, accuracy)
        self.history.add_layers([layer.graph for layer in self.model.sparse_layers()])
        accuracies = {split: accuracy for split, (_, accuracy) in rows.items()}
        self._remember(epoch, accuracies.get("validation", math.nan), accuracies["test"])
        return {"loss": train[0], **accuracies}

    def _remember(self, epoch: int, validation: float, test: float) -> None:
        self.last = Snapshot.of(self.model, epoch, validation, test)
        if self.best is None or math.isnan(validation) or validation > self.best.validation_accuracy:
            self.best = self.last
        if self.folder is not None:
            save_model(self.model, self.folder / "model.safetensors")
            if self.best is self.last and not math.isnan(validation):
                save_model(self.model, self.folder / "best.safetensors")

    def finish_epoch(self, epoch: int, clock: list[float]) -> None:
        """Write the tables; `clock` holds the times before training, after it and after evaluation."""
        seconds = np.diff([*clock, time.perf_counter()])
        names = ("train_seconds", "evaluate_seconds", "rewire_seconds")
        self.history.times.append({"epoch": epoch, **dict(zip(names, seconds.tolist(), strict=True))})
        if self.folder is not None:
            write_table(self.history.frame(), self.folder / "history.csv")
            write_table(self.history.timing(), self.folder / "timing.csv")

    def result(self) -> TrainResult:
        """Return what the run leaves behind."""
        if self.last is None or self.best is None:
            raise InvalidOption("epochs", "0", "at least one epoch", "epochs=10")
        frames = self.history.frame(), self.history.timing()
        return TrainResult(self.model, self.initial, self.last, self.best, *frames)


def _one_epoch(
    run: _Run,
    optimizer: torch.optim.Optimizer,
    rate: LearningRate,
    objective: Objective,
    order: Tensor,
    batch_size: int,
    first_step: int,
) -> tuple[float, float]:
    """Train on every image once; return the mean loss and accuracy seen on the way."""
    x, y = run.splits.x_train, run.splits.y_train
    order = order.to(x.device)
    loss_sum, correct = x.new_zeros((), dtype=torch.float64), x.new_zeros((), dtype=torch.int64)
    run.model.train()
    for step, batch in enumerate(order.split(batch_size)):
        rate.set(first_step + step)
        labels = y[batch]
        loss, logits = objective(run.model, x[batch], labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach().double() * len(batch)
        correct += (logits.detach().argmax(1) == labels).sum()
    return loss_sum.item() / len(x), correct.item() / len(x)


def _rewire(
    model: SparseMLP,
    optimizer: torch.optim.Optimizer,
    rule: RewiringRule,
    step: int,
    rng: np.random.Generator,
) -> list[tuple[BipartiteGraph, EdgeDelta]]:
    """Let the rule propose and every layer take over its change; return the graphs before, and the deltas."""
    states = model.layer_states()
    deltas = rule.propose_all(states, step=step, rng=rng)
    for layer, delta in zip(model.sparse_layers(), deltas, strict=True):
        graph, edge_map = apply(layer.graph, delta)
        layer.rewire(graph, edge_map, optimizer, newborn=delta.values)
    return [(state.graph, delta) for state, delta in zip(states, deltas, strict=True)]


def _as_model(
    network: SparseNetwork | BipartiteGraph | SparseMLP,
    dataset: Dataset,
    splits: Splits,
    rng: np.random.Generator,
    **build: Any,
) -> SparseMLP:
    """Build the model, or take the given one as it is; raises `InvalidOption` for build options it would not follow."""
    if isinstance(network, SparseMLP):
        if build != BUILD:
            given = ", ".join(f"{name}={value!r}" for name, value in build.items() if value != BUILD[name])
            fix = "them when the model is built, SparseMLP(network, ...)"
            raise InvalidOption("options of a given model", given, "a model that is trained as it is", fix)
        return network
    network = SparseNetwork([network]) if isinstance(network, BipartiteGraph) else network
    return SparseMLP(network, dataset.n_classes, normalization=splits.moments(), rng=rng, **build)
