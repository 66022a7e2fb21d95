"""Optimizers by name, their default learning rates, and how the rate falls over a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch

from netsparse.errors import InvalidOption, unknown_name

MakeOptimizer = Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True, slots=True)
class OptimizerKind:
    """How to build a named optimizer, and the options it takes with their values where none are given."""

    make: Callable[..., torch.optim.Optimizer]
    defaults: Mapping[str, float]


OPTIMIZERS = {
    "sgd": OptimizerKind(torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}),
    "adam": OptimizerKind(torch.optim.Adam, {"lr": 0.001, "weight_decay": 5e-4}),
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
    lr: float | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
) -> torch.optim.Optimizer:
    """Return the named optimizer over `parameters`, or what the given function makes of them.

    Raises
    ------
    UnknownName, InvalidOption
        For an unknown name, for an option that is negative, not finite or that the optimizer does not have, and for
        options beside a function.
    """
    options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
    given = {name: value for name, value in options.items() if value is not None}
    if not isinstance(optimizer, str):
        return _made(optimizer, parameters, given)
    if optimizer not in OPTIMIZERS:
        raise unknown_name("optimizer", optimizer, OPTIMIZERS)
    kind = OPTIMIZERS[optimizer]
    for name, value in given.items():
        if name not in kind.defaults:
            raise InvalidOption(name, repr(value), f"no {name}, which {optimizer} does not have", "optimizer='sgd'")
        if not isinstance(value, Real) or not 0.0 <= value < float("inf"):
            raise InvalidOption(name, repr(value), "a finite number, at least 0", f"{name}={kind.defaults[name]}")
    return kind.make(parameters, **{**kind.defaults, **given})


def _made(
    optimizer: Any, parameters: Iterable[torch.nn.Parameter], given: Mapping[str, float]
) -> torch.optim.Optimizer:
    fix = "lambda parameters: torch.optim.SGD(parameters, lr=0.1)"
    if given:
        expected = "none beside a function, which brings its own"
        raise InvalidOption(", ".join(given), "with optimizer=<function>", expected, fix)
    made = optimizer(parameters) if callable(optimizer) and not isinstance(optimizer, torch.optim.Optimizer) else None
    if not isinstance(made, torch.optim.Optimizer):
        raise InvalidOption("optimizer", repr(optimizer), "a name or a function from parameters to an optimizer", fix)
    return made


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
