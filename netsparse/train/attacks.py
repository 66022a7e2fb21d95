"""Images that are changed a little so that a model errs: the fast gradient sign, and its iteration, projected."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, unknown_name
from netsparse.rng import as_rng
from netsparse.train.left_alone import left_alone
from netsparse.train.samples import labelled_samples
from netsparse.typing import Seed

LABELS = ("true", "predicted")


def fgsm(model: nn.Module, x: Any, *, eps: float, labels: Any = None) -> Tensor:
    """Return images one step of length `eps` up the gradient of the loss: x' = clip(x + eps sign(dL/dx), 0, 1).

    L is the cross-entropy of the model in evaluation mode, with the given labels or those it predicts for `x`.

    Parameters
    ----------
    model : nn.Module
        From images (n, ...) to logits (n, n_classes); its normalisation is its own first part. Its parameters, their
        gradients and what `recorded_gradients` sees of it are left alone.
    x : tensor or array of shape (n, ...)
        Images in [0, 1].
    eps : float
        Most that a pixel changes by.
    labels : tensor or array of shape (n,), optional
        True labels; None: the classes that the model itself tells, so that no true label leaks into the attack.

    Returns
    -------
    Tensor
        Of the shape and dtype of `x`, on its device.

    Raises
    ------
    InvalidOption, InvalidSize
        For pixels outside [0, 1], labels that are no classes or not one per image, and an `eps` that is no length.

    References
    ----------
    Goodfellow, Shlens, Szegedy, Explaining and harnessing adversarial examples, arXiv:1412.6572, section 4; the labels
    that the model predicts: Kurakin, Goodfellow, Bengio, Adversarial machine learning at scale, arXiv:1611.01236.

    Examples
    --------
    >>> model = nn.Linear(2, 2, bias=False)
    >>> model.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> fgsm(model, [[0.75, 0.25]], eps=0.125)
    tensor([[0.6250, 0.3750]])
    """
    attack = Attack(eps, steps=1, step_size=eps, random_start=False)
    return _attacked(attack, model, x, labels, None)


def pgd(
    model: nn.Module,
    x: Any,
    *,
    eps: float,
    step_size: float,
    steps: int,
    labels: Any = None,
    restarts: int = 1,
    random_start: bool = True,
    rng: Seed | None = None,
) -> Tensor:
    """Return images found by steps of gradient ascent on the loss, projected onto the ball |x' - x| <= eps and [0, 1].

    x'_0 = x + u with u uniform in [-eps, eps] for each pixel, or x; then x'_(k+1) = P(x'_k + step_size
    sign(dL/dx'_k)), P the nearest point of the L-infinity ball within [0, 1]. L is the cross-entropy of the model in
    evaluation mode, with the given labels or those it predicts for `x`.

    Of several restarts each image keeps the one that the model errs on and, among those or where it errs on none, the
    one of largest loss, the first of equals.

    Parameters
    ----------
    model, x, eps, labels
        See `fgsm`.
    step_size : float
        Length of a step, for each pixel.
    steps : int
        How many.
    restarts : int
        How often to start; more than one only from random starts.
    random_start : bool
        Whether to start at a random point of the ball instead of at the image.
    rng : int or numpy.random.Generator, optional
        Source of the random starts; needed for them alone.

    Returns
    -------
    Tensor
        Of the shape and dtype of `x`, on its device.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidSeed
        See `fgsm`; for impossible numbers, restarts without randomness, and a random start without `rng`.

    References
    ----------
    Madry, Makelov, Schmidt, Tsipras, Vladu, Towards deep learning models resistant to adversarial attacks,
    arXiv:1706.06083.

    Examples
    --------
    >>> model = nn.Linear(2, 2, bias=False)
    >>> model.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> pgd(model, [[0.75, 0.25]], eps=0.25, step_size=0.125, steps=10, random_start=False)
    tensor([[0.5000, 0.5000]])
    """
    attack = Attack(eps, steps=steps, step_size=step_size, random_start=random_start, restarts=restarts)
    return _attacked(attack, model, x, labels, as_rng(rng) if random_start else None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Attack:
    """An attack as a value: projected gradient ascent of so many steps; one step from the image itself is FGSM.

    Parameters
    ----------
    eps : float
        Most that a pixel changes by.
    steps : int
        How many steps.
    step_size : float, optional
        Length of one; None: 2.5 eps / steps, which reaches the boundary from anywhere in the ball (the proportion of
        Madry et al., arXiv:1706.06083), and eps for a single step.
    labels : {"true", "predicted"}
        Whose loss it climbs: that of the true labels, or of those that the model predicts for the clean image.
    random_start : bool
        Whether it starts at a random point of the ball.
    restarts : int
        How often, see `pgd`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible numbers and names.

    Examples
    --------
    >>> Attack(0.3, steps=10)
    Attack(eps=0.3, steps=10, step_size=0.075, labels='true', random_start=True, restarts=1)
    """

    eps: float
    _: KW_ONLY
    steps: int = 1
    step_size: float | None = None
    labels: str = "true"
    random_start: bool = True
    restarts: int = 1

    def __post_init__(self) -> None:
        _check_length("eps", self.eps, 0.0, "eps=0.1")
        for name in ("steps", "restarts"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise InvalidOption(name, repr(value), "a whole number, at least 1", f"{name}=10")
            object.__setattr__(self, name, int(value))
        object.__setattr__(self, "eps", float(self.eps))
        default = self.eps if self.steps == 1 else 2.5 * self.eps / self.steps
        _check_length("step_size", default if self.step_size is None else self.step_size, 0.0, f"step_size={default}")
        object.__setattr__(self, "step_size", float(default if self.step_size is None else self.step_size))
        if self.labels not in LABELS:
            raise unknown_name("labels", self.labels, LABELS)
        if not isinstance(self.random_start, bool):
            raise InvalidOption("random_start", repr(self.random_start), "True or False", "random_start=True")
        if self.restarts > 1 and not self.random_start:
            expected = "1, because without a random start all of them are the same"
            raise InvalidOption("restarts", str(self.restarts), expected, "random_start=True")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        """Return the changed images of a batch `x` (n, ...) with labels `y` (n,); trusted, see `fgsm` for checks.

        Parameters
        ----------
        model : nn.Module
            Left alone, see `left_alone`.
        x, y : tensors
            Images in [0, 1], and true labels, which are not looked at where `labels` is "predicted".
        rng : numpy.random.Generator, optional
            Source of a random start; the numbers are numpy's and so the same on every device.
        """
        with left_alone(model), torch.enable_grad():
            x = x.detach()
            y = y if self.labels == "true" else _predicted(model, x)
            low, high = (x - self.eps).clamp_(min=0.0), (x + self.eps).clamp_(max=1.0)
            best = self._climb(model, x, y, low, high, rng)
            if self.restarts == 1:
                return best
            errs, loss = _harm(model, best, y)
            for _ in range(self.restarts - 1):
                other = self._climb(model, x, y, low, high, rng)
                others_errs, others_loss = _harm(model, other, y)
                better = (others_errs & ~errs) | ((others_errs == errs) & (others_loss > loss))
                for ours, theirs in ((best, other), (errs, others_errs), (loss, others_loss)):
                    ours[better] = theirs[better]
            return best

    def _climb(
        self, model: nn.Module, x: Tensor, y: Tensor, low: Tensor, high: Tensor, rng: np.random.Generator | None
    ) -> Tensor:
        at = x
        if self.random_start:
            at = torch.clamp(x + _uniform(self.eps, x, rng), low, high)
        step_size = float(self.step_size or 0.0)
        for _ in range(self.steps):
            at = at.detach().requires_grad_(True)
            # a sum: the gradient of an image is the same in every batch, and does not underflow in a large one
            loss = nn.functional.cross_entropy(model(at), y, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, at)
            at = torch.clamp(at.detach().add(gradient.sign_(), alpha=step_size), low, high)
        return at.detach()


def _attacked(attack: Attack, model: nn.Module, x: Any, labels: Any, rng: np.random.Generator | None) -> Tensor:
    if labels is None:
        attack, labels = replace(attack, labels="predicted"), np.zeros(np.shape(x)[:1], dtype=np.int64)
    x, y = images(model, x, labels)
    return attack(model, x, y, rng)


def images(model: nn.Module, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return checked images and labels; pixels outside [0, 1] would be moved by the clipping alone."""
    x, y = labelled_samples(model, x if isinstance(x, Tensor) else np.asarray(x), y)
    if x.numel():
        low, high = (value.item() for value in torch.aminmax(x))
        if not (low >= 0.0 and high <= 1.0):
            fix = "SparseMLP(..., normalization=(mean, std)), which normalises inside the model"
            raise InvalidOption("x", f"values from {low:g} to {high:g}", "images in [0, 1]", fix)
    return x, y


@torch.no_grad()
def _predicted(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).argmax(1)


@torch.no_grad()
def _harm(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each image whether the model errs on it, and its loss."""
    logits = model(x)
    return logits.argmax(1) != y, nn.functional.cross_entropy(logits, y, reduction="none")


def _uniform(eps: float, like: Tensor, rng: np.random.Generator | None) -> Tensor:
    if rng is None:
        raise InvalidOption("rng", "None for a random start", "a numpy Generator", "rng=numpy.random.default_rng(0)")
    drawn = rng.random(tuple(like.shape), dtype=np.float64 if like.dtype is torch.float64 else np.float32)
    return torch.from_numpy(drawn).mul_(2.0 * eps).sub_(eps).to(like.device, like.dtype)


def _check_length(name: str, value: Any, least: float, fix: str) -> None:
    if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value) or value < least:
        raise InvalidOption(name, repr(value), f"a finite number, at least {least:g}", fix)
