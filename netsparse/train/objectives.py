"""What a training step minimises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from inspect import Parameter, signature
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, unknown_name
from netsparse.nn import SparseModel
from netsparse.train.adversarial import AdversarialTraining, MixedTraining
from netsparse.train.left_alone import left_alone
from netsparse.train.mart import MART
from netsparse.train.natural import Natural
from netsparse.train.samples import labelled_samples
from netsparse.train.threads import in_threads
from netsparse.train.trades import TRADES

__all__ = [
    "OBJECTIVES",
    "REQUIRED",
    "Checked",
    "Natural",
    "Objective",
    "evaluate",
    "loss_and_accuracy",
    "named_objective",
    "objective_of",
    "objective_options",
    "usual_batch",
]

USUAL_BATCH, MEMORY = 512, {"cpu": 2**27, "cuda": 2**30}
"""Samples that a model is asked for at a time, and bytes that they may take, on the CPU for each thread."""
REQUIRED = Parameter.empty
"""Stands for the default of an option that has none."""


class Objective(Protocol):
    """Called once per batch; returns the scalar loss and the logits that the training accuracy is counted on.

    One that draws random numbers has an attribute `draws` that is true, and is called as `objective(model, x, y,
    rng=generator)` with the run's own generator, or with None. Processes that train together draw from streams of their
    own, so that one process alone draws other numbers than several. One that has a method `check(model, x, y)` may
    refuse a model there, before it is called for the first time.
    """

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Compute loss and logits of a batch `x` (batch, n_in) in [0, 1] with labels `y` (batch,)."""
        ...


OBJECTIVES: dict[str, type] = {
    "natural": Natural,
    "adversarial": AdversarialTraining,
    "mixed": MixedTraining,
    "trades": TRADES,
    "mart": MART,
}
"""The classes of the named objectives; all but the first need an `eps`."""


def objective_options(name: str) -> dict[str, Any]:
    """Return the options of a named objective with their values where none are given; `REQUIRED` where there are none.

    Raises
    ------
    UnknownName
        For another name.

    Examples
    --------
    >>> objective_options("natural")
    {'label_smoothing': 0.0}
    >>> objective_options("trades")["beta"], objective_options("trades")["eps"] is REQUIRED
    (6.0, True)
    """
    if not isinstance(name, str) or name not in OBJECTIVES:
        raise unknown_name("objective", name, OBJECTIVES)
    return {option.name: option.default for option in signature(OBJECTIVES[name]).parameters.values()}


def objective_of(name: str, options: Mapping[str, Any] | None = None) -> Objective:
    """Return the objective of a name, made with options.

    Parameters
    ----------
    name : str
        One in `OBJECTIVES`.
    options : mapping of str to anything, optional
        Its parameters by name, see `objective_options`.

    Raises
    ------
    UnknownName, InvalidOption
        For another name, an option that it does not have, one that is missing, and an impossible value.

    Examples
    --------
    >>> objective_of("trades", {"eps": 8 / 255, "beta": 1.0}).beta
    1.0
    """
    given, known = dict(options or {}), objective_options(name)
    for option, value in given.items():
        if option not in known:
            near = get_close_matches(str(option), known, n=1)
            fix = f"{near[0]}={value!r}" if near else f"leaving out {option}"
            raise InvalidOption(f"option of objective '{name}'", repr(option), f"one of {', '.join(known)}", fix)
    for option, default in known.items():
        if default is REQUIRED and given.get(option) is None:
            expected = "how much an attack may change a pixel, in [0, 1]"
            raise InvalidOption(option, f"none for objective '{name}'", expected, f"{option}=8/255")
    return OBJECTIVES[name](**given)


def named_objective(objective: str | Objective, **options: Any) -> Checked:
    """Return the objective, or the one of that name and those options, with its first result looked at.

    Raises
    ------
    UnknownName, InvalidOption
        See `objective_of`; for what cannot be called, and for options beside an object; when it is called first, for a
        result that is not what `Objective` says.

    Examples
    --------
    >>> named_objective("mixed", eps=0.3, steps=5).objective.mix
    0.5
    """
    if isinstance(objective, str):
        return Checked(objective_of(objective, options))
    if isinstance(objective, type) or not callable(objective):
        raise InvalidOption("objective", repr(objective), "an object called as objective(model, x, y)", "Natural()")
    if options:
        expected = "none beside an object, which has its own"
        raise InvalidOption("options of an objective", ", ".join(options), expected, "objective='trades'")
    return Checked(objective)


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
        if not self._is_known and hasattr(self.objective, "check"):
            self.objective.check(model, x, y)  # type: ignore[attr-defined]
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

    Arrays are taken as well, in the model's dtype and on its device. The model is left alone.

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
    batch_size = usual_batch(model, x) if batch_size is None else batch_size
    n_threads = 1 if x.is_cuda else torch.get_num_threads()
    with left_alone(model):
        return loss_and_accuracy(model, x.split(batch_size), y.split(batch_size), n_threads=n_threads)


def usual_batch(model: nn.Module, x: Tensor) -> int:
    """Return how many of the samples `x` (n, ...) the model is asked for at a time where nothing is said.

    512, or as many as take `MEMORY` in the largest layer of a `SparseModel`.
    """
    if not isinstance(model, SparseModel):
        return USUAL_BATCH
    a_sample = x.element_size() * model.numbers_per_sample
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
