"""`lottery_tickets`: train, cut the smallest weights, rewind, again: sparse networks by iterative magnitude pruning."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseModel
from netsparse.nn.init import INITS
from netsparse.provenance import provenance
from netsparse.rewiring.magnitude_cut import CUTS
from netsparse.rng import seeds
from netsparse.train.attacks import Attack
from netsparse.train.lock import only_writer
from netsparse.train.lottery.folder import begin, read_ticket, write_tables, write_ticket
from netsparse.train.lottery.options import as_attacks, as_model, as_rates, check_early_step, state_digest, whole
from netsparse.train.lottery.result import LotteryResult, Ticket
from netsparse.train.lottery.rewind import REWINDS, next_start, pruned
from netsparse.train.lottery.rounds import Game
from netsparse.train.objectives import Objective, named_objective
from netsparse.train.optimizers import MakeOptimizer
from netsparse.train.processes import n_processes
from netsparse.train.run_folder import open_folder
from netsparse.train.schedules import MakeScheduler
from netsparse.train.settings import described
from netsparse.train.splits import first_to_the_end, held_back
from netsparse.typing import Seed

ADAM = {"lr": 0.0012, "weight_decay": 0.0}
VALIDATION_AT = ("start", "end")
PUBLISHED_ATTACKS: Mapping[str, Attack] = {
    "fgsm": Attack(0.3, steps=1, step_size=0.3, labels="predicted", random_start=False),
    "pgd": Attack(0.3, steps=10, step_size=0.05, labels="predicted", random_start=True),
}
"""The two attacks of Cosentino et al., arXiv:1912.02386, as their code runs them: on the labels the model predicts."""


def lottery_tickets(
    network: Iterable[int] | SparseNetwork | BipartiteGraph | SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    rounds: int = 20,
    rates: float | Sequence[float] | None = None,
    cut: str = "inclusive",
    rewind: str = "init",
    early_step: int | None = None,
    objective: str | Objective = "natural",
    attacks: Mapping[str, Attack] | None = None,
    epochs: int = 60,
    batch_size: int = 60,
    optimizer: str | MakeOptimizer = "adam",
    lr: float | None = None,
    lr_schedule: str | MakeScheduler = "constant",
    weight_decay: float | None = None,
    validation: int | None = None,
    validation_at: str = "start",
    init: str = "glorot_uniform",
    bias: bool = False,
    activation: str | float = "relu",
    backend: str = "auto",
    precision: str = "float32",
    device: str = "cpu",
    callbacks: Sequence[Callable[[Ticket], object]] = (),
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> LotteryResult:
    """Find sparse networks by iterative magnitude pruning: train, remove the smallest weights, rewind, and again.

    Round 0 trains the network as it is. Every later round removes from each layer the edges of smallest |w| after the
    last epoch of the round before, see `netsparse.rewiring.magnitude_cut.magnitude_cut`, and trains those that are
    left. The defaults are the protocol of Cosentino et al.: with `[784, 300, 100, 10]` and MNIST the rounds 0, 3, 8,
    11, 15 and 18 have 100, 51.3, 16.9, 8.7, 3.6 and 1.8 % of the weights. Theirs is also
    `objective=Natural(label_smoothing=0.1)`, or `AdversarialTraining(0.3, 10, step_size=0.05, mix=0.5,
    labels="predicted", label_smoothing=0.1)`, measured under `PUBLISHED_ATTACKS`.

    Parameters
    ----------
    network : sequence of int, SparseNetwork, BipartiteGraph or SparseModel
        Units on each level, for complete layers; a wiring to begin with; or a model, which is copied and of which the
        sparse layers are pruned. Where it is no model, the last layer gives the logits and pixels are not normalised.
    data : str, path or Dataset
        See `fit`.
    rounds : int
        Rounds of pruning, after round 0.
    rates : float or sequence of float, optional
        Share of the remaining edges that a round removes, for all layers or one per layer. Default: 0.2, and 0.1 in the
        last of several layers.
    cut : {"inclusive", "exact"}
        Whether round(rate * n) + 1 edges go, as published, or round(rate * n).
    rewind : {"init", "early", "round0_final", "random", "continued"}
        What the edges that are left start from in a new round:

        - "init": their weights before the first step of round 0. The published text; Frankle and Carbin.
        - "early": their weights after `early_step` steps of round 0. Frankle et al., "late resetting".
        - "round0_final": their weights at the end of round 0. What the released code of Cosentino et al. does where its
          text says "original weights".
        - "random": a fresh draw by `init` in every round.
        - "continued": the weights at the end of the round before.

        Biases, a dense head and any other value of the model go the same way. The optimizer always starts anew.
    early_step : int, optional
        For "early" alone: 0 is "init", all steps of a round are "round0_final".
    objective : str or Objective
        What training minimises.
    attacks : mapping of str to Attack, optional
        Names and attacks under which each round is measured, on all splits.
    epochs, batch_size, optimizer, lr, lr_schedule, weight_decay
        Of each round, see `fit`. "adam" has the rate 0.0012 and no weight decay here; for others what `fit` takes.
    validation : int, optional
        Training images held back, see `fit`.
    validation_at : {"start", "end"}
        Whether these are the first training images, as in the protocol, or the last, as in `fit`.
    init : str
        How weights are drawn, see `netsparse.nn.init`.
    bias, activation, backend
        How the model is built, see `SparseMLP`; not for a model.
    precision, device
        See `fit`.
    callbacks : sequence of functions
        Called after every round, when it is on the disk, as `callback(ticket)`.
    out : path, optional
        Folder for the rounds (`round-00`, ... each whole or absent, see `read_tickets`), the model before round 0
        (initial.safetensors), the settings (lottery.json), and tickets.csv, history.csv, layers.csv and timing.csv,
        written anew after every round.
    resume : bool
        Go on after the last whole round in `out`, with the same arguments (`rounds` may differ): on the same machine
        with the same number of threads the result is the same to the last bit as if nothing had happened. Callbacks are
        called for new rounds only.
    progress : bool
        Whether to show a progress bar for each round.
    data_dir : path, optional
        See `fit`.
    rng : int or numpy.random.Generator
        Source of everything that is drawn, each round from its own seed.

    Returns
    -------
    LotteryResult
        Tickets and tables. Early stopping is at the epoch of lowest validation loss, the plain cross-entropy on clean
        images, found once per epoch; pruning takes the last epoch's weights.

    Raises
    ------
    InvalidOption, UnknownName, InvalidSize, InvalidSeed
        For inputs that do not fit, and under torchrun: a lottery is played by one process.
    RunExists
        If `out` holds a run and `resume` is false, or another process writes it.
    DatasetNotFound, DatasetCorrupt, NotWritable, DiskFull, InvalidFile, TrainingDiverged
        See `fit`. Rounds that were written stay.

    Notes
    -----
    Early stopping is ours in two ways: the authors' code looks every 500 steps, and at what training minimises, with
    smoothed labels and, in adversarial training, attacked images. Adam is torch's: its epsilon is 1e-8, added to the
    corrected root of the second moment; in TensorFlow, which they used, it is 1e-7 and added before the correction.

    References
    ----------
    Cosentino, Zaiter, Pei, Zhu, The Search for Sparse, Robust Neural Networks, arXiv:1912.02386. Frankle and Carbin,
    The Lottery Ticket Hypothesis, arXiv:1803.03635. Frankle, Dziugaite, Roy, Carbin, Stabilizing the Lottery Ticket
    Hypothesis, arXiv:1903.01611.

    Examples
    --------
    >>> result = lottery_tickets([64, 20, 10], "digits", rounds=2, rates=0.5, epochs=1, progress=False, rng=0)
    >>> result.layers["n_edges"].tolist()
    [1280, 200, 639, 99, 318, 48]
    >>> result.model(2).network
    SparseNetwork(64-20-10, 366 edges, density 0.247)
    """
    rounds = whole("rounds", rounds, 0)
    epochs, batch_size = whole("epochs", epochs, 1), whole("batch_size", batch_size, 1)
    for name, value, table in (
        ("cut", cut, CUTS), ("rewind", rewind, REWINDS), ("validation_at", validation_at, VALIDATION_AT),
        ("init", init, INITS),
    ):  # fmt: skip
        if value not in table:
            raise unknown_name(name, value, table)
    attacks = as_attacks(attacks)
    if n_processes() > 1:
        expected = "one, because every process would play all rounds"
        raise InvalidOption("lottery_tickets", f"{n_processes()} processes", expected, "it without torchrun")
    if resume and out is None:
        raise InvalidOption("resume", "True without a folder", "the folder of the lottery", "out='runs/lottery'")
    if optimizer == "adam":
        lr = ADAM["lr"] if lr is None else lr
        weight_decay = ADAM["weight_decay"] if weight_decay is None else weight_decay
    first_seed, *round_seeds = seeds(rng, 1 + 2 * (rounds + 1), purpose="lottery tickets")
    dataset = load(data, data_dir=data_dir)
    n_held_back = held_back(len(dataset.x_train), validation)
    build = {"bias": bias, "activation": activation, "backend": backend}
    template = as_model(network, dataset, first_seed, init=init, **build)
    shares = as_rates(rates, len(template.sparse_layers()))
    game = Game(
        template,
        first_to_the_end(dataset, n_held_back) if validation_at == "start" else dataset,
        n_held_back,
        named_objective(objective).objective,
        attacks,
        early_step,
        torch.device(device),
        {
            "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, "lr": lr, "lr_schedule": lr_schedule,
            "weight_decay": weight_decay, "precision": precision, "progress": progress,
        },
    )  # fmt: skip
    check_early_step(rewind, early_step, epochs * game.steps_per_epoch)
    folder = None if out is None else open_folder(Path(out), resume=resume)
    settings = {} if folder is None else {
        name: described(value)
        for name, value in {
            "network": template.network, "model": template, "start": state_digest(template), "data": game.dataset,
            "rates": str(shares), "cut": cut, "rewind": rewind, "early_step": early_step, "init": init,
            "objective": game.objective, "attacks": repr(dict(attacks)), "validation": n_held_back,
            "device": game.device.type, "seed": first_seed,
            **{name: value for name, value in game.fit_options.items() if name != "progress"},
        }.items()
    }  # fmt: skip
    origin = {} if folder is None else provenance(settings, seed=first_seed)
    tickets: list[Ticket] = []
    with nullcontext() if folder is None else only_writer(folder):
        if folder is not None:
            while resume and len(tickets) <= rounds and (saved := read_ticket(folder, len(tickets), settings)):
                tickets.append(saved)
            if not tickets:
                begin(folder, template, origin)
        for number in range(len(tickets), rounds + 1):
            play, redraw = round_seeds[2 * number : 2 * number + 2]
            if number == 0:
                start = {name: tensor.detach().clone() for name, tensor in template.state_dict().items()}
            else:
                left = pruned(tickets[-1], shares, cut)
                start = next_start(rewind, left, tickets[0], tickets[-1], template, init, redraw)
            ticket = game.played(number, start, play)
            tickets.append(ticket)
            if folder is not None:
                write_ticket(folder, ticket, origin)
                write_tables(folder, LotteryResult(tuple(tickets), template))
            for callback in callbacks:
                callback(ticket)
        result = LotteryResult(tuple(tickets), template)
        if folder is not None:
            write_tables(folder, result)
    return result
