"""What a training step minimises."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Protocol

import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, unknown_name


class Objective(Protocol):
    """Called once per batch; returns the scalar loss and the logits that the training accuracy is counted on."""

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Compute loss and logits of a batch `x` (batch, n_in) in [0, 1] with labels `y` (batch,)."""
        ...


class Natural:
    """Cross-entropy on the images as they are.

    Parameters
    ----------
    label_smoothing : float
        Share of the probability spread over all classes, in [0, 1).

    Raises
    ------
    InvalidOption
        If `label_smoothing` is outside [0, 1).
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        if not isinstance(label_smoothing, Real) or not 0.0 <= label_smoothing < 1.0:
            raise InvalidOption("label_smoothing", repr(label_smoothing), "a share in [0, 1)", "label_smoothing=0.1")
        self.label_smoothing = label_smoothing

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean cross-entropy and the logits."""
        logits = model(x)
        return nn.functional.cross_entropy(logits, y, label_smoothing=self.label_smoothing), logits

    def __repr__(self) -> str:
        return f"Natural(label_smoothing={self.label_smoothing})"


OBJECTIVES: dict[str, Callable[[], Objective]] = {"natural": Natural}


def named_objective(objective: str | Objective) -> Objective:
    """Return the objective itself, or the one of that name; raises `UnknownName`, `InvalidOption`."""
    if not isinstance(objective, str):
        if isinstance(objective, type) or not callable(objective):
            raise InvalidOption("objective", repr(objective), "an object called as objective(model, x, y)", "Natural()")
        return objective
    if objective not in OBJECTIVES:
        raise unknown_name("objective", objective, OBJECTIVES)
    return OBJECTIVES[objective]()


@torch.no_grad()
def evaluate(model: nn.Module, x: Tensor, y: Tensor, *, batch_size: int = 2048) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy of `model` on `x` (n, n_in), `y` (n,), in evaluation mode.

    An empty set gives (nan, nan).
    """
    was_training = model.training
    model.eval()
    loss, correct = x.new_zeros((), dtype=torch.float64), 0
    for start in range(0, len(x), batch_size):
        logits, labels = model(x[start : start + batch_size]), y[start : start + batch_size]
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum").double()
        correct += int((logits.argmax(1) == labels).sum())
    model.train(was_training)
    return (loss.item() / len(x), correct / len(x)) if len(x) else (float("nan"), float("nan"))
