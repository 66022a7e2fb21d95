"""How the learning rate goes over a run: torch's schedulers by name, or any of them by a function."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import lr_scheduler

from netsparse.errors import InvalidOption, unknown_name

MakeScheduler = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]

WARMUP = 0.05
"""Share of the run in which "warmup_cosine" rises, our choice."""


def _by_factor(factor: Callable[[float], float]) -> Callable[[torch.optim.Optimizer, int], lr_scheduler.LRScheduler]:
    """Return what makes the scheduler of a factor on the first rate, given the progress in [0, 1) through the run."""
    return lambda optimizer, n_steps: lr_scheduler.LambdaLR(optimizer, lambda step: factor(step / n_steps))


def _warmup_cosine(progress: float) -> float:
    if progress < WARMUP:
        return 0.01 + 0.99 * progress / WARMUP
    return 0.5 * (1.0 + math.cos(math.pi * (progress - WARMUP) / (1.0 - WARMUP)))


def _one_cycle(optimizer: torch.optim.Optimizer, n_steps: int) -> lr_scheduler.LRScheduler:
    # the momentum is the user's: torch's cycle of it would overwrite what was asked for
    highest = [group["lr"] for group in optimizer.param_groups]
    return lr_scheduler.OneCycleLR(optimizer, highest, total_steps=max(n_steps, 2), cycle_momentum=False)


SCHEDULES: dict[str, Callable[[torch.optim.Optimizer, int], lr_scheduler.LRScheduler]] = {
    "linear": _by_factor(lambda progress: 1.0 - progress),
    "constant": _by_factor(lambda progress: 1.0),
    "cosine": lambda optimizer, n_steps: lr_scheduler.CosineAnnealingLR(optimizer, n_steps),
    "warmup_cosine": _by_factor(_warmup_cosine),
    "step": lambda optimizer, n_steps: lr_scheduler.MultiStepLR(
        optimizer, [math.ceil(n_steps / 2), math.ceil(3 * n_steps / 4)]
    ),
    "exponential": lambda optimizer, n_steps: lr_scheduler.ExponentialLR(optimizer, 0.01 ** (1.0 / n_steps)),
    "one_cycle": _one_cycle,
}
"""How to make the scheduler of a name for an optimizer and a number of steps.

The rate falls from its first value to 0 along a line or half a cosine wave; it stays; it rises from a hundredth in the
first twentieth of the run and then follows the cosine; it falls to a tenth after a half and after three quarters; it
falls by the same factor at every step, to a hundredth at the end; or it rises from a 25th to the given rate in the
first three tenths and falls from there to nearly 0 (the one cycle of Smith and Topin, arXiv:1708.07120, without
momentum's).
"""


class LearningRate:
    """Sets the rate of every parameter group at each optimizer step.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Whose rates are the ones that the schedule starts from.
    schedule : str or function
        A name in `SCHEDULES`, or a function from the optimizer to one of `torch.optim.lr_scheduler`'s schedulers,
        stepped once per optimizer step.
    n_steps : int
        Optimizer steps of the whole run.

    Raises
    ------
    UnknownName, InvalidOption
        For another name, or a function that does not return such a scheduler of this optimizer. One that asks for a
        measured value at every step (`ReduceLROnPlateau`) is none.

    Examples
    --------
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=0.2)
    >>> rate = LearningRate(optimizer, "linear", 4)
    >>> for step in range(4):
    ...     rate.set(step)
    ...     print(optimizer.param_groups[0]["lr"])
    0.2
    0.15000000000000002
    0.1
    0.05
    """

    def __init__(self, optimizer: torch.optim.Optimizer, schedule: str | MakeScheduler, n_steps: int) -> None:
        self.scheduler = _scheduler(optimizer, schedule, max(n_steps, 1))
        self.step = 0
        self._optimizer = optimizer
        self._first = [_numbers(group) for group in optimizer.param_groups]

    def set(self, step: int) -> None:
        """Set the rates for step number `step`, counted from 0, the one that comes next or a later one.

        Raises
        ------
        InvalidOption
            For a step that is past: a schedule runs forward.
        """
        if step < self.step:
            raise InvalidOption("step", str(step), f"at least {self.step}", "rate.load_state_dict({'step': 0})")
        while self.step < step:
            self._advance()

    def _advance(self) -> None:
        if self.step:
            self.scheduler.step()
        else:
            with _without_optimizer_steps():
                self.scheduler.step()
        self.step += 1

    def state_dict(self) -> dict[str, int]:
        """Return how far the schedule has run: all that there is to know, for the same schedule."""
        return {"step": self.step}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Run the schedule of a new run's optimizer to where it was: the same arithmetic, so the same bits.

        The optimizer's other options are as they were; whether they were restored before or are later does not matter.
        """
        if self.step != 0:
            raise InvalidOption("learning rate", f"at step {self.step}", "one that has not begun", "a new LearningRate")
        for group, first in zip(self._optimizer.param_groups, self._first, strict=True):
            group.update(first)
        with _without_optimizer_steps():  # schedulers inside others take their first step later
            self.set(state["step"])


@contextmanager
def _without_optimizer_steps() -> Iterator[None]:
    """Let a schedule run ahead of its optimizer: torch suspects a mistake there, which a loss scaler may well do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"(?s).*optimizer\.step\(\)", UserWarning)
        yield


def _numbers(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: group[name] for name in ("lr", "initial_lr", "momentum", "betas") if name in group}


def _scheduler(
    optimizer: torch.optim.Optimizer, schedule: str | MakeScheduler, n_steps: int
) -> lr_scheduler.LRScheduler:
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise unknown_name("lr_schedule", schedule, SCHEDULES)
        return SCHEDULES[schedule](optimizer, n_steps)
    fix = "lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1000)"
    expected = "a name or a function from an optimizer to a scheduler of it that is stepped without a measured value"
    if not callable(schedule):
        raise InvalidOption("lr_schedule", repr(schedule), expected, fix)
    try:
        made = schedule(optimizer)
    except (TypeError, ValueError) as error:
        raise InvalidOption("lr_schedule", f"{schedule!r}, which fails ({error})", expected, fix) from error
    wrong = not isinstance(made, lr_scheduler.LRScheduler) or isinstance(made, lr_scheduler.ReduceLROnPlateau)
    if wrong or getattr(made, "optimizer", optimizer) is not optimizer:
        raise InvalidOption("lr_schedule", f"a function that returns {made!r}", expected, fix)
    return made
