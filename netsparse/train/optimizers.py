"""Optimizers by name, their default learning rates, and how the rate falls over a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from netsparse.errors import InvalidOption, unknown_name

MakeOptimizer = Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True, slots=True)
class OptimizerKind:
    """How to build a named optimizer, and the learning rate it starts with where none is given."""

    make: Callable[..., torch.optim.Optimizer]
    lr: float
    has_momentum: bool


OPTIMIZERS = {
    "sgd": OptimizerKind(torch.optim.SGD, 0.1, has_momentum=True),
    "adam": OptimizerKind(torch.optim.Adam, 0.001, has_momentum=False),
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "linear": lambda progress: 1.0 - progress,
    "constant": lambda progress: 1.0,
}
"""Factor on the learning rate at `progress` in [0, 1) through the run."""


def build_optimizer(
    optimizer: str | MakeOptimizer,
    parameters: Iterable[torch.nn.Parameter],
    *,
    lr: float | None,
    momentum: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """Return the named optimizer over `parameters`, or what the given function makes of them.

    Raises
    ------
    UnknownName, InvalidOption
        For an unknown name, and for a learning rate or decay that is negative or not finite.
    """
    if not isinstance(optimizer, str):
        return optimizer(parameters)
    if optimizer not in OPTIMIZERS:
        raise unknown_name("optimizer", optimizer, OPTIMIZERS)
    kind = OPTIMIZERS[optimizer]
    lr = kind.lr if lr is None else lr
    for name, value in (("lr", lr), ("weight_decay", weight_decay), ("momentum", momentum)):
        if not isinstance(value, int | float) or not 0.0 <= value < float("inf"):
            raise InvalidOption(
                name, repr(value), "a finite number, at least 0", f"{name}={kind.lr if name == 'lr' else 0.0}"
            )
    options = {"momentum": momentum} if kind.has_momentum else {}
    return kind.make(parameters, lr=lr, weight_decay=weight_decay, **options)


class LearningRate:
    """Sets the rate of every parameter group at each step: the group's first rate times the schedule's factor."""

    def __init__(self, optimizer: torch.optim.Optimizer, schedule: str, n_steps: int) -> None:
        if schedule not in SCHEDULES:
            raise unknown_name("lr_schedule", schedule, SCHEDULES)
        self.factor, self.n_steps, self.groups = SCHEDULES[schedule], max(n_steps, 1), optimizer.param_groups
        self.first = [group["lr"] for group in self.groups]

    def set(self, step: int) -> None:
        """Set the rate for step number `step`, counted from 0."""
        factor = self.factor(step / self.n_steps)
        for group, lr in zip(self.groups, self.first, strict=True):
            group["lr"] = lr * factor
