"""What a training step minimises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from numbers import Real
from typing import Protocol

import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, unknown_name
from netsparse.train.threads import in_threads


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


def evaluate(model: nn.Module, x: Tensor, y: Tensor, *, batch_size: int = 512) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy of `model` on `x` (n, n_in), `y` (n,), in evaluation mode.

    The model is asked for small batches side by side, each on one of torch's threads, and the losses are added up
    sample by sample in double precision: on the CPU the result does not depend on `torch.set_num_threads`.

    An empty set gives (nan, nan).
    """
    n_threads = 1 if x.is_cuda else torch.get_num_threads()
    was_training = model.training
    model.eval()
    try:
        return loss_and_accuracy(model, x.split(batch_size), y.split(batch_size), n_threads=n_threads)
    finally:
        model.train(was_training)


def loss_and_accuracy(
    model: nn.Module, inputs: Sequence[Tensor], labels: Sequence[Tensor], *, n_threads: int
) -> tuple[float, float]:
    """Return what `evaluate` does, of a model in evaluation mode and inputs and labels in batches."""
    measured = in_threads(partial(_measured, model), list(zip(inputs, labels, strict=True)), n_threads)
    losses, hits = (torch.cat(parts).cpu().numpy() for parts in zip(*measured, strict=True))
    return (float(losses.mean()), float(hits.mean())) if len(losses) else (float("nan"), float("nan"))


@torch.no_grad()
def _measured(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the loss of each sample, and whether the largest logit is at its label."""
    x, labels = batch
    logits = model(x)
    losses = nn.functional.cross_entropy(logits, labels, reduction="none").double()
    return losses, logits.argmax(1) == labels
