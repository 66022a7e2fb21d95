"""A round of a lottery: train from a start, remember the moments that count, and measure them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from netsparse.datasets import Dataset
from netsparse.nn import SparseModel
from netsparse.rng import spawn
from netsparse.train.adversarial import evaluate_attacked
from netsparse.train.attacks import Attack
from netsparse.train.loop import fit
from netsparse.train.lottery.result import MOMENTS, State, Ticket, loaded
from netsparse.train.objectives import Objective, evaluate
from netsparse.train.result import WIRING, Snapshot
from netsparse.train.splits import Splits
from netsparse.train.state import TrainState


@dataclass(frozen=True)
class Game:
    """What stays the same over the rounds.

    Parameters
    ----------
    template : SparseModel
        What every round's model is built like.
    dataset : Dataset
        The images, those held back for validation at the end.
    validation : int
        How many these are.
    objective : Objective
        What a step minimises.
    attacks : mapping of str to Attack
        Under which the models are measured.
    early_step : int, optional
        After how many steps of round 0 the weights are kept.
    device : torch.device
        Where to compute.
    fit_options : mapping
        The other arguments of `fit`.
    """

    template: SparseModel
    dataset: Dataset
    validation: int
    objective: Objective
    attacks: Mapping[str, Attack]
    early_step: int | None
    device: torch.device
    fit_options: Mapping[str, Any]

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return math.ceil((len(self.dataset.x_train) - self.validation) / self.fit_options["batch_size"])

    def played(self, number: int, start: State, seed: int) -> Ticket:
        """Train from `start`, measure, and return the round."""
        fit_rng, attack_rng = spawn(seed, 2, purpose="round")
        model, lowest = loaded(self.template, start), LowestLoss()
        early = _EarlyStep(self.objective, self.early_step if number == 0 else None)
        with torchs_own_seeded(seed, self.device):
            result = fit(
                model, self.dataset, validation=self.validation, objective=early, callbacks=[lowest],
                device=str(self.device), checkpoint=None, rng=fit_rng, **self.fit_options,
            )  # fmt: skip
        if early.is_still_to_come:  # after the very last step
            early.remember(model)
        history: Any = result.history[["epoch", "split", "loss", "accuracy"]].to_dict("records")
        seconds: Any = result.timing[["train_seconds", "evaluate_seconds"]].sum().to_dict()
        moments = {"last": result.last} | ({} if lowest.snapshot is None else {"early_stop": lowest.snapshot})
        splits = Splits.of(self.dataset, self.validation, self.device, next(model.parameters()).dtype)
        rows: list[dict[str, Any]] = []
        for moment, rng in zip(moments, spawn(attack_rng, len(MOMENTS), purpose="attacks"), strict=False):
            rows += [
                {"round": number, "n_edges": model.network.n_edges, "density": model.network.density, "moment": moment,
                 "epoch": moments[moment].epoch, "step": moments[moment].epoch * self.steps_per_epoch, **row}
                for row in self._measured(moments[moment].state, splits, rng)
            ]  # fmt: skip
        here = {moment: _on_cpu(snapshot) for moment, snapshot in moments.items()}
        return Ticket(
            number, model.network, start, here["last"], here.get("early_stop"), early.kept, rows, history, seconds
        )

    def _measured(self, state: State, splits: Splits, rng: Any) -> Iterator[dict[str, Any]]:
        model = loaded(self.template, state).to(self.device)
        images = {"train": (splits.x_train, splits.y_train), "test": (splits.x_test, splits.y_test)}
        if len(splits.x_validation):
            images["validation"] = splits.x_validation, splits.y_validation
        for split, (x, y) in images.items():
            loss, accuracy = evaluate(model, x, y)
            yield {"split": split, "attack": "none", "loss": loss, "accuracy": accuracy}
            for name, attack in self.attacks.items():
                loss, accuracy = evaluate_attacked(model, x, y, attack, rng=rng)
                yield {"split": split, "attack": name, "loss": loss, "accuracy": accuracy}


class LowestLoss:
    """A callback that keeps the model of the epoch of lowest validation loss, the first of equals.

    Attributes
    ----------
    snapshot : Snapshot or None
        None before the first epoch and without a validation split.
    """

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self._loss = math.inf

    def on_epoch_end(self, state: TrainState) -> None:
        """Look at the epoch that has ended."""
        found: list[Any] = [
            row["loss"]
            for row in state.history.rows[-3:]
            if row["split"] == "validation" and row["epoch"] == state.epoch
        ]
        if found and found[0] < self._loss:
            self._loss = found[0]
            row = state.row
            self.snapshot = Snapshot.of(state.model, state.epoch, row["validation"], row["test"])


class _EarlyStep:
    """An objective that keeps the weights it sees after so many steps: it is called once before each."""

    def __init__(self, objective: Objective, step: int | None) -> None:
        self.objective, self.step = objective, step
        self.draws = getattr(objective, "draws", False)
        self._n_calls = 0
        self.kept: State | None = None

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, **drawn: Any) -> tuple[Tensor, Tensor]:
        if self._n_calls == self.step:
            self.remember(model)
        self._n_calls += 1
        return self.objective(model, x, y, **drawn)

    def __repr__(self) -> str:
        return repr(self.objective)

    @property
    def is_still_to_come(self) -> bool:
        return self.step is not None and self.kept is None

    def remember(self, model: nn.Module) -> None:
        self.kept = {
            name: tensor.detach() if name.endswith(WIRING) else tensor.detach().cpu().clone()
            for name, tensor in model.state_dict().items()
        }


@contextmanager
def torchs_own_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Let what draws from torch's own generator in a block (dropout) draw the same each time; restore it afterwards."""
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield


def _on_cpu(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, state={name: tensor.cpu() for name, tensor in snapshot.state.items()})
