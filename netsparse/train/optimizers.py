"""Optimizers by name and their default learning rates, in one pass over all parameters where torch can."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from netsparse.errors import InvalidOption, unknown_name
from netsparse.train.schedules import SCHEDULES, LearningRate
from netsparse.train.sgdw import SGDW

__all__ = ["OPTIMIZERS", "SCHEDULES", "LearningRate", "MakeOptimizer", "OptimizerKind", "build_optimizer"]

MakeOptimizer = Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True, slots=True)
class OptimizerKind:
    """How to build a named optimizer, and the options it takes with their values where none are given."""

    make: Callable[..., torch.optim.Optimizer]
    defaults: Mapping[str, float]


OPTIMIZERS = {
    "sgd": OptimizerKind(torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}),
    "sgdw": OptimizerKind(SGDW, {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}),
    "adam": OptimizerKind(torch.optim.Adam, {"lr": 0.001, "weight_decay": 5e-4}),
}


def build_optimizer(
    optimizer: str | MakeOptimizer,
    parameters: Iterable[torch.nn.Parameter],
    *,
    lr: float | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
) -> torch.optim.Optimizer:
    """Return the named optimizer over `parameters`, or what the given function makes of them.

    A named one takes torch's fused step where all parameters are on the CPU or a CUDA device. State that follows its
    edges through a rewiring, see `netsparse.nn.carry_state`, is the same there.

    Raises
    ------
    UnknownName, InvalidOption
        For an unknown name, for an option that is negative, not finite or that the optimizer does not have, for options
        beside a function, and for an optimizer that evaluates the loss by itself (LBFGS).
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
    parameters = list(parameters)
    made = kind.make(parameters, **{**kind.defaults, **given}, fused=_all_in_one_pass(parameters))
    _start_momenta(made)
    return made


def _all_in_one_pass(parameters: Sequence[Any]) -> bool:
    """Whether torch has its fused step for all of these: a few calls over all edges, not a dozen for every layer."""
    return all(
        isinstance(parameter, Tensor) and parameter.is_floating_point() and parameter.device.type in ("cpu", "cuda")
        for parameter in parameters
    )


def _start_momenta(optimizer: torch.optim.Optimizer) -> None:
    """Give every parameter the momentum 0 that it starts from; the first step is the same to the bit.

    torch makes the buffers in the first step, and its fused SGD fails where some parameters have theirs and others do
    not: a layer that gets its first gradient later than the rest.
    """
    for group in optimizer.param_groups:
        if group.get("momentum", 0.0) and group["fused"]:
            for parameter in group["params"]:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


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
    closure = inspect.signature(made.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        expected = "an optimizer that steps by the gradients of one batch"
        raise InvalidOption("optimizer", f"{type(made).__name__}, which asks for the loss again", expected, fix)
    return made
