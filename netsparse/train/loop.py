"""`fit`: check, build, and train epoch by epoch."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.native import keep_freed_memory
from netsparse.nn import SparseMLP, SparseModel
from netsparse.nn.kinds import kind_of
from netsparse.rewiring import RewiringRule, named_rule
from netsparse.rng import spawn
from netsparse.train.callbacks import Callbacks
from netsparse.train.epoch import Augment, Engine
from netsparse.train.lock import only_writer
from netsparse.train.memory import memory_named
from netsparse.train.objectives import Objective, named_objective
from netsparse.train.optimizers import MakeOptimizer, build_optimizer
from netsparse.train.precision import Precision, named_precision
from netsparse.train.processes import world
from netsparse.train.progress import progress_bar
from netsparse.train.ranks import Ranks
from netsparse.train.record import Record
from netsparse.train.result import TrainResult
from netsparse.train.resume import Checkpoints, Keeper
from netsparse.train.rewire import Rewiring
from netsparse.train.run_folder import open_folder
from netsparse.train.schedules import LearningRate, MakeScheduler
from netsparse.train.settings import described, group_options
from netsparse.train.splits import Splits
from netsparse.train.state import TrainState
from netsparse.typing import Seed

EVERY_FIVE_MINUTES = Checkpoints()
BUILD = {"head": "dense", "init": "he_sparse", "activation": "relu", "backend": "auto"}


def fit(
    network: SparseNetwork | BipartiteGraph | SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    rewiring: str | RewiringRule | None = None,
    epochs: int,
    objective: str | Objective = "natural",
    augment: Augment | None = None,
    batch_size: int = 128,
    accumulate: int = 1,
    precision: str | Precision = "float32",
    optimizer: str | MakeOptimizer = "sgd",
    lr: float | None = None,
    lr_schedule: str | MakeScheduler = "linear",
    momentum: float | None = None,
    weight_decay: float | None = None,
    validation: int | None = None,
    head: str | None = "dense",
    init: str = "he_sparse",
    activation: str | float = "relu",
    backend: str = "auto",
    device: str = "cpu",
    callbacks: Sequence[Any] = (),
    out: str | os.PathLike[str] | None = None,
    checkpoint: Checkpoints | None = EVERY_FIVE_MINUTES,
    resume: bool = False,
    progress: bool = True,
    data_dir: str | os.PathLike[str] | None = None,
    ranks: Ranks | None = None,
    rng: Seed,
) -> TrainResult:
    """Train a sparse network on images, on its edges only, rewiring it on the way.

    Parameters
    ----------
    network : SparseNetwork, BipartiteGraph or SparseModel
        The wiring to start from, or a model to train on (in place).
    data : str, path or Dataset
        A name ("digits", "mnist", "fashion-mnist", "cifar10"), a folder or file, or a `Dataset`.
    rewiring : None, str or RewiringRule
        None trains the given wiring as it is. A rule changes it after every epoch but the last, when losses and
        accuracies have been measured, or, made with `every=n`, after every n-th optimizer step but the last.
    epochs : int
        Passes over the training images.
    objective : str or Objective
        A name that needs no options ("natural": cross-entropy), or an object such as `TRADES(8 / 255)`.
    augment : callable, optional
        Changes the images of every step at random, such as `ShiftAndFlip()`; called as `augment(x, shape, rng)`.
    batch_size : int
        Images per step; a new random order in every epoch.
    accumulate : int
        Parts that a batch is worked through in, one after the other, for less memory; their gradients add up to the
        whole batch's.
    precision : str or Precision
        "float32", "float64", "bfloat16" or, on CUDA, "float16"; see `netsparse.train.precision`.
    optimizer : str or function
        "sgd" (default lr 0.1, momentum 0.9, weight decay 5e-4) or "adam" (lr 0.001, weight decay 5e-4), or a function
        from parameters to a torch optimizer, which then brings its own lr, momentum and weight decay.
    lr, momentum, weight_decay : float, optional
        As torch's optimizers define them; only for an optimizer given by name.
    lr_schedule : str or function
        "linear": the rate falls linearly to 0 over the run; "constant": it stays; for others see
        `netsparse.train.schedules`. Or a function from the optimizer to one of torch's schedulers, which is stepped
        once per optimizer step.
    validation : int, optional
        Number of training images held back for validation, taken from the end. Default: 10,000, or a fifth of the
        training images where that is fewer. 0 trains on all of them.
    head, init, activation, backend
        How the model is built from a network, see `SparseMLP`; not for a model, which is trained as it is.
    device : str
        Where to compute, "cpu" or "cuda".
    callbacks : sequence
        Functions called after every epoch, before the rewiring that follows it, as `callback(state)` with the run's
        `TrainState` (`state.epoch`, `state.row` with the epoch's numbers, `state.model` ...), and objects with any of
        the methods `on_train_begin(state)`, `on_rewire(state, changes)`, `on_epoch_end(state)`, `on_train_end(state)`.
    out : path, optional
        Folder for history.csv, timing.csv, model.safetensors (last good epoch), with a rule topology.csv and, with a
        validation split, best.safetensors, written anew after every epoch. A folder that already holds a run is
        refused, unless it is to be resumed.
    checkpoint : Checkpoints, optional
        When to save all there is to go on with the run if it is cut off, into `out`/checkpoints; None: never.
    resume : bool
        Go on with the run in `out`, called with the same arguments, from its newest whole checkpoint: on the same
        machine with the same number of threads the result is the same to the last bit as if nothing had happened.
        A run of which nothing was saved starts from the beginning, one that has ended is returned at once. The wiring
        or the weights of a given model do not matter then; callbacks, and whatever else keeps numbers of its own,
        start anew.
    progress : bool
        Whether to show a progress bar.
    data_dir : path, optional
        Where data sets lie or land, see `netsparse.datasets.load`.
    ranks : Ranks, optional
        The processes that train together, as an open `with world() as ranks:` block knows them, see
        `netsparse.train.world`. None: those that torchrun started, without it this process alone.
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
        From writing `out`; where another process is writing it, too.
    InvalidFile
        If the newest checkpoint has a format that this version does not read.
    OutOfMemory
        If something does not fit; the message says its size.
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
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("accumulate", accumulate)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise InvalidOption(name, repr(value), "a whole number, at least 1", f"{name}=10")
    epochs, batch_size, accumulate = int(epochs), int(batch_size), int(accumulate)  # torch takes none of numpy's
    if augment is not None and (isinstance(augment, type) or not callable(augment)):
        raise InvalidOption("augment", repr(augment), "an object called as augment(x, shape, rng)", "ShiftAndFlip()")
    if checkpoint is not None and not isinstance(checkpoint, Checkpoints):
        expected, fix = "a Checkpoints, or None for none", "checkpoint=Checkpoints(every_epochs=1)"
        raise InvalidOption("checkpoint", repr(checkpoint), expected, fix)
    rule = None if rewiring is None else named_rule(rewiring)
    build = {"head": head, "init": init, "activation": activation, "backend": backend}
    step_loss, called = named_objective(objective), Callbacks(callbacks)
    if resume and out is None:
        raise InvalidOption("resume", "True without a folder", "the folder of the run", "out='runs/first'")
    keep_freed_memory()
    with memory_named("training"), world() if ranks is None else nullcontext(ranks) as ranks:
        place = ranks.device(device)
        numbers = named_precision(precision, place)
        seed = described(rng)
        model_rng, batch_rng, rewire_rng, noise_rng = spawn(rng, 4, purpose="training")
        dataset = ranks.after_first(lambda: load(data, data_dir=data_dir))
        splits = Splits.of(dataset, validation, place, numbers.dtype)
        model = _as_model(network, dataset, splits, model_rng, **build)
        if out is not None:
            kind_of(model)  # one that no file could say how to build again is refused before it is trained
        model.check_data(dataset.n_features, dataset.n_classes)
        model.to(device=place, dtype=numbers.dtype)
        for layer in model.sparse_layers():
            layer.kernel_for(batch_size)  # one that cannot compute here is refused before anything is written
        torch_optimizer = build_optimizer(
            optimizer, model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay
        )
        asked = {} if out is None else {
            "network": network, "data": dataset, "rewiring": rule, "epochs": epochs, "objective": step_loss,
            "batch_size": batch_size, "accumulate": accumulate, "precision": numbers.name,
            "optimizer": group_options(torch_optimizer), "lr_schedule": lr_schedule,
            "validation": len(splits.x_validation), **build, "device": place.type, "rng": seed,
            **({} if augment is None else {"augment": augment}),
        }  # fmt: skip
        settings = {name: described(value) for name, value in asked.items()}
        steps_per_epoch = math.ceil(len(splits.x_train) / batch_size)
        n_steps = epochs * steps_per_epoch
        schedule = LearningRate(torch_optimizer, lr_schedule, n_steps)
        work = Rewiring(rule, steps_per_epoch=steps_per_epoch, n_steps=n_steps, ranks=ranks, callbacks=called)
        state = TrainState(
            model, torch_optimizer, schedule, numbers, batch_rng, rewire_rng, initial=model.network, rule=rule,
            topology=work.topology([layer.graph for layer in model.sparse_layers()]), window=work.window(),
            noise=noise_rng,
        )  # fmt: skip
        engine = Engine(splits, step_loss, work, ranks, batch_size, accumulate, augment, dataset.shape)
        ranks.same_start(model, state.initial, {"seed": batch_rng.bit_generator.state})
        work.start(state)  # whatever it sets, a checkpoint that the run goes on from sets again
        folder = None if out is None else Path(out)
        if folder is not None:
            ranks.after_first(lambda: open_folder(folder, resume=resume or not ranks.is_first))
        with only_writer(folder) if folder is not None and ranks.is_first else nullcontext():
            keeper = Keeper(checkpoint, folder, settings, ranks)
            if resume:
                keeper.resume(state, epochs)
                from_there = {"checkpoint": state.step, "generators": state.batches.bit_generator.state}
                ranks.same_start(model, model.network, from_there)
            keeper.begin()
            record = Record(splits, folder if ranks.is_first else None)
            try:
                _train(state, epochs, engine, record, keeper, called, name=dataset.name, progress=progress)
            finally:
                keeper.end()
        return record.result(state)


def _train(
    state: TrainState,
    epochs: int,
    engine: Engine,
    record: Record,
    keeper: Keeper,
    callbacks: Callbacks,
    *,
    name: str,
    progress: bool,
) -> None:
    """Train from wherever the state is to the last epoch."""
    if _is_over(state, epochs):
        return
    with progress_bar(name, epochs, show=progress and engine.ranks.is_first) as bar:
        bar.update(state.epoch - state.is_within_epoch)
        callbacks.on_train_begin(state)
        while not _is_over(state, epochs):
            train = engine.train_epoch(state, after_step=keeper.after_step)
            _end_epoch(state, train, engine, record, callbacks)
            keeper.after_epoch(state, is_last=state.epoch == epochs)
            bar.set_postfix({name: f"{value:.3f}" for name, value in state.row.items()}, refresh=False)
            bar.update()
        callbacks.on_train_end(state)


def _is_over(state: TrainState, epochs: int) -> bool:
    return state.epoch == epochs and not state.is_within_epoch


def _end_epoch(
    state: TrainState, train: tuple[float, float], engine: Engine, record: Record, callbacks: Callbacks
) -> None:
    """Measure, tell, rewire and write, in this order: what is measured is the network that was trained."""
    start = time.perf_counter()
    record.measure(state, train)
    callbacks.on_epoch_end(state)
    state.seconds["evaluate"] = time.perf_counter() - start
    state.topology.measure(state.epoch, state.step)
    if engine.rewiring.is_due_after_epoch(state.step):
        engine.rewire(state)
    state.history.close(state.epoch, state.seconds)
    state.topology.close()
    state.end_epoch()
    record.write_tables(state)


def _as_model(
    network: SparseNetwork | BipartiteGraph | SparseModel,
    dataset: Dataset,
    splits: Splits,
    rng: np.random.Generator,
    **build: Any,
) -> SparseModel:
    """Build the model, or take the given one as it is; raises `InvalidOption` for build options it would not follow."""
    if isinstance(network, SparseModel):
        if build != BUILD:
            given = ", ".join(f"{name}={value!r}" for name, value in build.items() if value != BUILD[name])
            fix = "them when the model is built, SparseMLP(network, ...)"
            raise InvalidOption("options of a given model", given, "a model that is trained as it is", fix)
        return network
    network = SparseNetwork([network]) if isinstance(network, BipartiteGraph) else network
    return SparseMLP(network, dataset.n_classes, normalization=splits.moments(), rng=rng, **build)
