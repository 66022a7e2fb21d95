"""`Attack`: how images are changed so that a model errs, as a value: projected gradient ascent on its loss."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, unknown_name
from netsparse.train.divergence import divergence, log_probabilities
from netsparse.train.left_alone import left_alone
from netsparse.train.norms import NORMS

LABELS = ("true", "predicted")
LOSSES = ("cross_entropy", "margin", "kl")
STARTS: dict[str, bool | str] = {"uniform": True, "gaussian": "gaussian", "none": False}
GAUSSIAN = 0.001
"""Standard deviation of a Gaussian start, in every pixel: that of TRADES and MART."""


@dataclass(frozen=True, repr=False)
class Attack:
    """An attack as a value: projected gradient ascent of so many steps; one step from the image itself is FGSM.

    x'_0 = x + u, then x'_(k+1) = P(x'_k + step_size d_k), where P leads back into the ball |x' - x| <= eps and [0, 1]
    (see `netsparse.train.norms`). With norm "linf" d is the sign of the gradient of the loss, pixel by pixel; with "l2"
    the gradient divided by its Euclidean length, image by image.

    Parameters
    ----------
    eps : float
        Radius of the ball: with "linf" the most that a pixel changes by, at most 1; with "l2" the most that a whole
        image does, at most sqrt(n_pixels).
    steps : int
        How many steps.
    step_size : float, optional
        Length of one; None: 2.5 eps / steps, which reaches the boundary from anywhere in the ball (the proportion of
        Madry et al., arXiv:1706.06083), and eps for a single step.
    labels : {"true", "predicted"}
        Whose loss it climbs: that of the true labels, or of those that the model predicts for the clean image.
    random_start : bool or {"uniform", "gaussian", "none"}
        True, "uniform": u is uniform in the ball. "gaussian": u is normal with a standard deviation of 0.001 in each
        pixel, and x'_0 projected (the projection is ours). False, "none": u = 0.
    restarts : int
        How often, see `pgd`.
    norm : {"linf", "l2"}
        Of what the ball is made.
    loss : {"cross_entropy", "margin", "kl"}
        What it climbs: the cross-entropy with the labels; how far the largest logit of another class is above that of
        the label, max over j != y of z_j - z_y, whose gradient does not fade where the model is sure, and which finds
        more on models trained with TRADES; or KL(p(x) || p(x')), how far the prediction moves.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible numbers and names; for several restarts without a random start; for a "kl" that starts at the
        image, where its gradient is 0.

    Examples
    --------
    >>> Attack(0.3, steps=10)
    Attack(eps=0.3, steps=10, step_size=0.075, labels='true', random_start=True, restarts=1)
    >>> Attack(1.0, steps=5, norm="l2", random_start="gaussian", loss="kl").step_size
    0.5
    """

    eps: float
    _: KW_ONLY
    steps: int = 1
    step_size: float | None = None
    labels: str = "true"
    random_start: bool | str = True
    restarts: int = 1
    norm: str = "linf"
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        for name, table in (("norm", NORMS), ("loss", LOSSES), ("labels", LABELS)):
            if getattr(self, name) not in table:
                raise unknown_name(name, getattr(self, name), table)
        _check_length("eps", self.eps, "eps=8/255")
        if self.norm == "linf" and self.eps > 1.0:
            fix = f"eps={self.eps:g}/255" if self.eps <= 255 else "eps=8/255"
            raise InvalidOption("eps", repr(self.eps), "at most 1, because pixels are in [0, 1]", fix)
        for name in ("steps", "restarts"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise InvalidOption(name, repr(value), "a whole number, at least 1", f"{name}=10")
            object.__setattr__(self, name, int(value))
        object.__setattr__(self, "eps", float(self.eps))
        default = self.eps if self.steps == 1 else 2.5 * self.eps / self.steps
        step_size = default if self.step_size is None else self.step_size
        _check_length("step_size", step_size, f"step_size={default}")
        object.__setattr__(self, "step_size", float(step_size))
        object.__setattr__(self, "random_start", _start(self.random_start))
        if self.restarts > 1 and not self.random_start:
            expected = "1, because without a random start all of them are the same"
            raise InvalidOption("restarts", str(self.restarts), expected, "random_start=True")
        if self.loss == "kl" and not self.random_start:
            expected = "a start beside the image, because at it the divergence has no gradient"
            raise InvalidOption("random_start", "False with loss='kl'", expected, "random_start='gaussian'")

    def __repr__(self) -> str:
        # what is as it always was is left out: runs are told apart by this
        usual = {"norm": "linf", "loss": "cross_entropy"}
        shown = [f"{name}={value!r}" for name, value in vars(self).items() if usual.get(name) != value]
        return f"Attack({', '.join(shown)})"

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        """Return the changed images of a batch `x` (n, ...) with labels `y` (n,); trusted, see `fgsm` for checks.

        Costs `steps` forward and backward passes, of the images alone; one more forward pass for predicted labels or
        "kl", and with several restarts one more after each. Restarts after the first run on the images that the model
        still gets right.

        Parameters
        ----------
        model : nn.Module
            Left alone, see `left_alone`.
        x, y : tensors
            Images in [0, 1], and true labels, which are not looked at where `labels` is "predicted".
        rng : numpy.random.Generator, optional
            Source of a random start; the numbers are numpy's and so the same on every device, and those of an image do
            not depend on what becomes of the others.

        Raises
        ------
        InvalidOption
            For a random start without `rng`, and a radius beyond the diagonal of the cube.
        """
        largest = NORMS[self.norm].largest(x[:1].numel())
        if self.eps > largest and len(x):
            expected = f"at most {largest:g}, the diagonal of the cube of {x[:1].numel()} pixels"
            raise InvalidOption("eps", repr(self.eps), expected, f"eps={min(1.0, largest):g}")
        with left_alone(model), torch.enable_grad():
            x = x.detach()
            y, target = self._targets(model, x, y)
            best = self._climb(model, x, target, self._offsets(x, rng))
            if self.restarts == 1:
                return best
            errs, loss = self._harm(model, best, y, target)
            for _ in range(self.restarts - 1):
                right = (~errs).nonzero().flatten()
                if not len(right):
                    break
                offsets = self._offsets(x, rng)
                other = self._climb(model, x[right], target[right], None if offsets is None else offsets[right])
                others_errs, others_loss = self._harm(model, other, y[right], target[right])
                better = others_errs | (others_loss > loss[right])
                for ours, theirs in ((best, other), (errs, others_errs), (loss, others_loss)):
                    ours[right[better]] = theirs[better]
            return best

    def _targets(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the labels that count as right, and what the loss compares with: them, or the clean prediction."""
        if self.labels == "true" and self.loss != "kl":
            return y, y
        with torch.no_grad(), self._precision(x, is_first=True):
            logits = model(x)
        y = y if self.labels == "true" else logits.argmax(1)
        return y, log_probabilities(logits) if self.loss == "kl" else y

    def _offsets(self, x: Tensor, rng: np.random.Generator | None) -> Tensor | None:
        """Return where to start from each image, None for at it."""
        if not self.random_start:
            return None
        if rng is None:
            fix = "rng=numpy.random.default_rng(0)"
            raise InvalidOption("rng", "None for a random start", "a numpy Generator", fix)
        if self.random_start != "gaussian":
            return NORMS[self.norm].uniform(self.eps, x, rng)
        drawn = rng.standard_normal(tuple(x.shape), dtype=np.float64 if x.dtype is torch.float64 else np.float32)
        return torch.from_numpy(drawn).mul_(GAUSSIAN).to(x.device, x.dtype)

    def _climb(self, model: nn.Module, x: Tensor, target: Tensor, offsets: Tensor | None) -> Tensor:
        ball = NORMS[self.norm](x, self.eps)
        at = x if offsets is None else ball.projected(x + offsets)
        step_size = float(self.step_size or 0.0)
        for step in range(self.steps):
            at = at.detach().requires_grad_(True)
            with self._precision(x, is_first=step == 0):
                # a sum: the gradient of an image is the same in every batch, and does not underflow in a large one
                loss = self._losses(model(at), target).sum()
            (gradient,) = torch.autograd.grad(loss, at)
            at = ball.climbed(at.detach(), gradient, step_size)
        return at.detach()

    def _precision(self, x: Tensor, *, is_first: bool) -> AbstractContextManager[Any]:
        """Return the context of a forward pass: no autocast for the clean prediction and the first step of "kl".

        Next to the image the prediction has moved by less than half precision tells apart, and the first step would go
        anywhere: measured on MNIST, the divergence found was a tenth to a fifth smaller; like this it is that of
        float32.
        """
        return torch.autocast(x.device.type, enabled=False) if is_first and self.loss == "kl" else nullcontext()

    def _losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each image."""
        if self.loss == "kl":
            return divergence(target, log_probabilities(logits))
        if self.loss == "margin":
            own = target[:, None]
            return logits.scatter(1, own, -math.inf).amax(1) - logits.gather(1, own).squeeze(1)
        return nn.functional.cross_entropy(logits, target, reduction="none")

    @torch.no_grad()
    def _harm(self, model: nn.Module, x: Tensor, y: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return for each image whether the model errs on it, and its loss."""
        logits = model(x)
        return logits.argmax(1) != y, self._losses(logits, target)


def _start(given: Any) -> bool | str:
    if isinstance(given, bool):
        return given
    if isinstance(given, str):
        if given not in STARTS:
            raise unknown_name("random_start", given, STARTS)
        return STARTS[given]
    names = ", ".join(repr(name) for name in STARTS)
    raise InvalidOption("random_start", repr(given), f"True or False, or one of {names}", "random_start=True")


def _check_length(name: str, value: Any, fix: str) -> None:
    if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value) or value < 0.0:
        raise InvalidOption(name, repr(value), "a finite number, at least 0", fix)
