"""Images that are changed a little so that a model errs: the fast gradient sign, and its iteration, projected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.rng import as_rng
from netsparse.train.attack import Attack
from netsparse.train.samples import check_logits, labelled_samples
from netsparse.typing import Seed

__all__ = ["Attack", "fgsm", "images", "pgd"]


def fgsm(model: nn.Module, x: Any, *, eps: float, labels: Any = None, norm: str = "linf") -> Tensor:
    """Return images one step of length `eps` up the gradient of the loss: x' = clip(x + eps sign(dL/dx), 0, 1).

    L is the cross-entropy of the model in evaluation mode, with the given labels or those it predicts for `x`. With
    `norm="l2"` the step goes along the gradient, made to the length `eps`: x' = clip(x + eps g / |g|, 0, 1).

    Parameters
    ----------
    model : nn.Module
        From images (n, ...) to logits (n, n_classes); its normalisation is its own first part. Its parameters, their
        gradients and what `recorded_gradients` sees of it are left alone.
    x : tensor or array of shape (n, ...)
        Images in [0, 1].
    eps : float
        Most that a pixel changes by, in [0, 1]; with "l2" the Euclidean length of the change of a whole image.
    labels : tensor or array of shape (n,), optional
        True labels; None: the classes that the model itself tells, so that no true label leaks into the attack.
    norm : {"linf", "l2"}
        How changes are measured.

    Returns
    -------
    Tensor
        Of the shape and dtype of `x`, on its device.

    Raises
    ------
    InvalidOption, InvalidSize, UnknownName
        For pixels outside [0, 1], labels that are no classes or not one per image, an `eps` that is no length or longer
        than the cube of all images, an unknown norm, and a model that returns probabilities instead of logits.

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
    attack = Attack(eps, steps=1, random_start=False, norm=norm)
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
    random_start: bool | str = True,
    norm: str = "linf",
    rng: Seed | None = None,
) -> Tensor:
    """Return images found by steps of gradient ascent on the loss, projected onto the ball |x' - x| <= eps and [0, 1].

    x'_0 = x + u with u uniform in the ball, or x; then x'_(k+1) = P(x'_k + step_size d_k), with d = sign(dL/dx') and P
    the nearest point of the L-infinity ball within [0, 1], or with d = g / |g|, g = dL/dx', and P the way back into the
    Euclidean ball and then into [0, 1], see `netsparse.train.norms`. L is the cross-entropy of the model in evaluation
    mode, with the given labels or those it predicts for `x`.

    Of several restarts each image keeps the first that the model errs on; those that follow leave it alone. Where the
    model errs on none it keeps the one of largest loss, the first of equals. So an image counts as robust if all fail.

    Parameters
    ----------
    model, x, eps, labels, norm
        See `fgsm`.
    step_size : float
        Length of a step, for each pixel or, with "l2", of the whole image.
    steps : int
        How many.
    restarts : int
        How often to start; more than one only from random starts.
    random_start : bool or {"uniform", "gaussian", "none"}
        Whether to start at a random point of the ball instead of at the image, see `Attack`.
    rng : int or numpy.random.Generator, optional
        Source of the random starts; needed for them alone.

    Returns
    -------
    Tensor
        Of the shape and dtype of `x`, on its device.

    Raises
    ------
    InvalidOption, InvalidSize, UnknownName, InvalidSeed
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
    more = {"random_start": random_start, "restarts": restarts, "norm": norm}
    attack = Attack(eps, steps=steps, step_size=step_size, **more)
    return _attacked(attack, model, x, labels, as_rng(rng) if attack.random_start else None)  # type: ignore[arg-type]


def _attacked(attack: Attack, model: nn.Module, x: Any, labels: Any, rng: np.random.Generator | None) -> Tensor:
    if labels is None:
        attack, labels = replace(attack, labels="predicted"), np.zeros(np.shape(x)[:1], dtype=np.int64)
    x, y = images(model, x, labels)
    return attack(model, x, y, rng)


def images(model: nn.Module, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return images and labels as tensors that an attack on `model` can be called with.

    Parameters
    ----------
    model : nn.Module
        Asked for the logits of a few images.
    x, y : tensors or arrays of shape (n, ...) and (n,)
        Images in [0, 1] (others would be moved by the clipping alone) and labels.

    Raises
    ------
    InvalidOption, InvalidSize
        For pixels outside [0, 1] or that are no numbers, labels that are no classes or not one per image, and a model
        that returns probabilities, or logits that are not finite.
    """
    x, y = labelled_samples(model, x if isinstance(x, Tensor) else np.asarray(x), y)
    if x.numel():
        low, high = (value.item() for value in torch.aminmax(x))
        if not (low >= 0.0 and high <= 1.0):
            fix = "SparseMLP(..., normalization=(mean, std)), which normalises inside the model"
            raise InvalidOption("x", f"values from {low:g} to {high:g}", "images in [0, 1]", fix)
        check_logits(model, x, y)
    return x, y
