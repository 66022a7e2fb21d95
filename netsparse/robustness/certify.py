"""Certified accuracy: the share of images that no attack within a radius can make a model err on, proven."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption, unknown_name
from netsparse.robustness.attack_options import as_radii, at_least_one, check_fits, first_samples
from netsparse.robustness.attacked import batch_that_fits, check_is_model
from netsparse.robustness.bounds.margins import Margins
from netsparse.robustness.bounds.parts import parts_of
from netsparse.robustness.bounds.sets import through_boxes
from netsparse.robustness.interval_bounds import images_around, interval_margins, rounding_of
from netsparse.robustness.lipschitz import lipschitz_margins
from netsparse.robustness.perturbation import check_choice
from netsparse.train import evaluate
from netsparse.train.attacks import images
from netsparse.train.left_alone import left_alone
from netsparse.train.norms import NORMS
from netsparse.train.splits import Splits

METHODS: dict[str, tuple[Callable[..., Tensor], ...]] = {
    "interval": (interval_margins,),
    "lipschitz": (lipschitz_margins,),
    "best": (interval_margins, lipschitz_margins),
}
"""How lower bounds of z_y - z_j are found; an image is certified where one of them is above 0 for all j."""

FEW = 8
"""Images on which a model is compared with its parts before anything is proven."""


def certified_accuracy(
    model: nn.Module,
    data: str | os.PathLike[str] | Dataset,
    *,
    eps: float | Iterable[float],
    method: str = "interval",
    norm: str = "linf",
    n_samples: int | None = None,
    batch_size: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Prove for how many test images a model is right on every image within balls of several radii.

    Never above the accuracy under any attack in the same ball, which is never above the clean one. How far below says
    nothing about the model alone: bounds are loose, the more so the deeper a model is, unless it was trained for them.

    Parameters
    ----------
    model : nn.Module
        A SparseMLP, a VGG or an nn.Sequential of modules with known bounds; in evaluation mode, and left alone.
    data : str, path or Dataset
        Whose test set is used, see `netsparse.datasets.load`.
    eps : float or several
        Increasing radii; 0, the clean images, is put in front. At most 1, and sqrt(n_features) for "l2".
    method : {"interval", "lipschitz", "best"}
        Interval bound propagation, the product of spectral norms, or either of the two, image by image.
    norm : {"linf", "l2"}
        Of the balls: the largest change of a pixel, or the Euclidean length of the change of an image.
    n_samples : int, optional
        Only the first so many test images.
    batch_size : int, optional
        Images at a time; where not given 512, or as many as whose outputs of all layers take 128 MiB (1 GiB on a GPU).
    data_dir : path, optional
        Where data sets lie or land.

    Returns
    -------
    DataFrame
        One row per eps: probe ("certified"), options, strength (eps), trial (0: nothing is random), accuracy (the
        certified one), eps, norm, method, n_samples, clean_accuracy. At eps 0 the accuracy is, bit for bit, that of
        `netsparse.train.evaluate`.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSize
        For unknown names, radii that are none, a module without bounds, and a model that does not fit the data.

    Notes
    -----
    What is proven holds for the model as it computes: bounds are taken in double precision and widened by what its own
    dtype may be off, in any order of its sums (`Rounding`). Not covered are autocast, and convolutions that are not
    computed as sums of products but by fast transforms (Winograd, FFT), which cuDNN may choose on a GPU.

    References
    ----------
    Gowal et al., arXiv:1810.12715 (interval); Tsuzuku, Sato, Sugiyama, arXiv:1802.04034 (lipschitz).

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> table = certified_accuracy(model, "digits", eps=[0.001, 1.0], n_samples=100)
    >>> table["eps"].tolist(), bool(table["accuracy"].is_monotonic_decreasing), table["accuracy"].tolist()[-1]
    ([0.0, 0.001, 1.0], True, 0.0)
    """
    _check_names(method, norm)
    batch_size = None if batch_size is None else at_least_one("batch_size", batch_size)
    dataset = load(data, data_dir=data_dir)
    radii = as_radii(eps, norm, dataset.n_features)
    n_samples = first_samples(n_samples, len(dataset.x_test), "test")
    check_is_model("model", model)
    check_fits(model, dataset.n_features, dataset.n_classes)
    certifier = _Certifier(model, method, norm)
    parameter = next(model.parameters(), torch.zeros(()))
    splits = Splits.of(dataset, 0, parameter.device, parameter.dtype)
    x, y = splits.x_test[:n_samples], splits.y_test[:n_samples]
    _, clean = evaluate(model, x, y)
    proven = certifier.over_radii(x, y, radii[1:], batch_size)
    accuracies = [clean, *(float(each.double().mean()) for each in proven)]
    columns = {
        "probe": "certified",
        "options": f"method={method}, norm={norm}",
        "strength": list(radii),
        "trial": 0,
        "accuracy": accuracies,
        "eps": list(radii),
        "norm": norm,
        "method": method,
        "n_samples": n_samples,
        "clean_accuracy": clean,
    }
    return pd.DataFrame(columns)


def certified(
    model: nn.Module,
    x: Any,
    y: Any,
    eps: float,
    *,
    method: str = "interval",
    norm: str = "linf",
    batch_size: int | None = None,
) -> Tensor:
    """Tell for which images a model provably gives their own class to every image in [0, 1] within `eps`.

    Parameters
    ----------
    model : nn.Module
        As for `certified_accuracy`.
    x : tensor or array of shape (n, ...)
        Images in [0, 1].
    y : tensor or array of shape (n,)
        Their classes.
    eps : float
        Radius of the ball.
    method, norm, batch_size
        As for `certified_accuracy`.

    Returns
    -------
    bool tensor of shape (n,)
        True is a proof. False says nothing but at eps 0, where it says that the model errs.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSize
        As `certified_accuracy`, and for images outside [0, 1] and labels that are no classes.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(1, 2))
    >>> with torch.no_grad():  # the classes meet at 0.5
    ...     _ = model[0].weight.copy_(torch.tensor([[-1.0], [1.0]])), model[0].bias.copy_(torch.tensor([0.5, -0.5]))
    >>> certified(model, torch.tensor([[0.1], [0.4], [0.9]]), torch.tensor([0, 0, 1]), 0.2)
    tensor([ True, False,  True])
    """
    _check_names(method, norm)
    batch_size = None if batch_size is None else at_least_one("batch_size", batch_size)
    check_is_model("model", model)
    x, y = images(model, x, y)
    *_, radius = as_radii([eps], norm, x[:1].numel() or 1)
    certifier = _Certifier(model, method, norm)
    if radius == 0.0 or not len(x):
        return certifier.right(x, y)
    return certifier.over_radii(x, y, (radius,), batch_size)[0]


class _Certifier:
    """A model taken apart once, for any number of images and radii."""

    def __init__(self, model: nn.Module, method: str, norm: str) -> None:
        self.model, self.norm, self.rounding = model, norm, rounding_of(model)
        self.parts, self.bounds = parts_of(model), METHODS[method]
        self.margins = Margins(self.parts)

    @torch.no_grad()
    def over_radii(self, x: Tensor, y: Tensor, radii: Sequence[float], batch_size: int | None) -> list[Tensor]:
        """Return for each radius which of the images are proven."""
        self._check_parts(x[:FEW])
        batch = batch_size or batch_that_fits(self.model, x)
        found: list[list[Tensor]] = [[] for _ in radii]
        for some, labels in zip(x.split(batch), y.split(batch), strict=True):
            right = self.right(some, labels)
            for proven, eps in zip(found, radii, strict=True):
                # the model's own word as well: whatever happens, no accuracy is above the clean one
                proven.append(right & self._are_proven(some, labels, eps))
        return [torch.cat(proven) for proven in found]

    def _are_proven(self, x: Tensor, y: Tensor, eps: float) -> Tensor:
        sure = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for margins in self.bounds:
            # a bound that is no number is above nothing
            sure |= (margins(self.margins, x, y, eps, norm=self.norm, rounding=self.rounding) > 0).all(dim=1)
        return sure

    @torch.no_grad()
    def _check_parts(self, x: Tensor) -> None:
        """Raise unless the model's logits are what its parts make of the images: a hook, say, may change them."""
        box = through_boxes(self.parts, images_around(x, 0.0, "linf", self.rounding))
        with left_alone(self.model):
            logits = self.model(x)
        if bool(((logits < box.lower) | (logits > box.upper)).any()):
            given, expected = "logits outside their bounds at eps 0", "a model that does what its parts do, no more"
            raise InvalidOption("model", given, expected, "a model without forward hooks and parametrizations")

    @torch.no_grad()
    def right(self, x: Tensor, y: Tensor) -> Tensor:
        """Return which images the model is right on."""
        with left_alone(self.model):
            return self.model(x).argmax(1) == y


def _check_names(method: Any, norm: Any) -> None:
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    check_choice("norm", norm, list(NORMS))
