"""What a training step minimises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from numbers import Real
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, unknown_name
from netsparse.nn import SparseMLP
from netsparse.train.samples import labelled_samples
from netsparse.train.threads import in_threads

USUAL_BATCH, MEMORY = 512, {"cpu": 2**27, "cuda": 2**30}
"""Samples that a model is asked for at a time, and bytes that they may take, on the CPU for each thread."""


class Objective(Protocol):
    """Called once per batch; returns the scalar loss and the logits that the training accuracy is counted on.

    One that draws random numbers has an attribute `draws` that is true, and is called as `objective(model, x, y,
    rng=generator)` with the run's own generator, or with None. Processes that train together draw from streams of their
    own, so that one process alone draws other numbers than several.
    """

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


def named_objective(objective: str | Objective) -> Checked:
    """Return the objective, or the one of that name, with its first result looked at.

    Raises
    ------
    UnknownName, InvalidOption
        For another name or what cannot be called; when it is called first, for a result that is not what `Objective`
        says.
    """
    if not isinstance(objective, str):
        if isinstance(objective, type) or not callable(objective):
            raise InvalidOption("objective", repr(objective), "an object called as objective(model, x, y)", "Natural()")
        return Checked(objective)
    if objective not in OBJECTIVES:
        raise unknown_name("objective", objective, OBJECTIVES)
    return Checked(OBJECTIVES[objective]())


class Checked:
    """An objective whose first result is looked at: later ones come from the same lines of code.

    Parameters
    ----------
    objective : Objective
        What computes.
    """

    _rng: np.random.Generator | None = None

    def __init__(self, objective: Objective) -> None:
        self.objective, self._is_known = objective, False

    @property
    def draws(self) -> bool:
        """Whether the objective draws random numbers."""
        return getattr(self.objective, "draws", False)

    def draw_from(self, rng: np.random.Generator) -> None:
        """Let an objective that draws random numbers draw them from `rng`."""
        self._rng = rng

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the objective does; raises `InvalidOption` for a first result that cannot be trained on."""
        drawn = {"rng": self._rng} if self.draws else {}
        result = self.objective(model, x, y, **drawn)
        if not self._is_known:
            _check_result(self.objective, result, len(x), getattr(model, "n_classes", None))
            self._is_known = True
        return result

    def __repr__(self) -> str:
        return repr(self.objective)


def _check_result(objective: Objective, result: Any, n_samples: int, n_classes: int | None) -> None:
    subject, fix = f"objective {objective!r}", "return torch.nn.functional.cross_entropy(logits, y), logits"
    if not isinstance(result, tuple) or len(result) != 2 or not all(isinstance(part, Tensor) for part in result):
        parts = result if isinstance(result, tuple) else (result,)
        given = f"a result of {', '.join(type(part).__name__ for part in parts) or 'nothing'}"
        raise InvalidOption(subject, given, "two tensors, the loss and the logits", fix)
    loss, logits = result
    if loss.dim() or not loss.is_floating_point():
        given = f"a loss of shape {tuple(loss.shape)} and {loss.dtype}"
        raise InvalidOption(subject, given, "a scalar of floating point, such as a mean over the batch", fix)
    if not loss.requires_grad:
        expected = "one that has a gradient: no detach, no no_grad, and a model with a parameter to train"
        raise InvalidOption(subject, "a loss without gradient", expected, fix)
    if logits.dim() != 2 or len(logits) != n_samples or logits.shape[1] != (n_classes or logits.shape[1]):
        expected = f"({n_samples}, {n_classes or 'n_classes'}), one row per sample"
        raise InvalidOption(subject, f"logits of shape {tuple(logits.shape)}", expected, fix)


def evaluate(
    model: nn.Module, x: Tensor | np.ndarray, y: Tensor | np.ndarray, *, batch_size: int | None = None
) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy of `model` on `x` (n, n_in), `y` (n,), in evaluation mode.

    Arrays are taken as well, in the model's dtype and on its device.

    The model is asked for small batches side by side, each on one of torch's threads, and the losses are added up
    sample by sample in double precision: on the CPU the result does not depend on `torch.set_num_threads`. A batch is
    512 samples, or as many as take 128 MiB in two levels of a wider network (1 GiB on a GPU); training takes more.

    An empty set gives (nan, nan).

    Raises
    ------
    InvalidSize, InvalidOption
        For inputs that are no floating-point numbers, labels that are no classes of the model, and different numbers of
        them; for shapes, dtypes and devices of tensors what the model itself says.
    """
    x, y = labelled_samples(model, x, y)
    batch_size = _usual_batch(model, x) if batch_size is None else batch_size
    n_threads = 1 if x.is_cuda else torch.get_num_threads()
    was_training = model.training
    model.eval()
    try:
        return loss_and_accuracy(model, x.split(batch_size), y.split(batch_size), n_threads=n_threads)
    finally:
        model.train(was_training)


def _usual_batch(model: nn.Module, x: Tensor) -> int:
    if not isinstance(model, SparseMLP):
        return USUAL_BATCH
    sizes = (*model.network.sizes, model.n_classes)
    a_sample = x.element_size() * max(units + following for units, following in pairwise(sizes))
    return max(1, min(USUAL_BATCH, MEMORY["cuda" if x.is_cuda else "cpu"] // a_sample))


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
