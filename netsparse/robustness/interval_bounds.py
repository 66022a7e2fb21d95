"""`interval_bounds`: an interval for every logit of a model that holds it for all images of a ball."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.robustness.attack_options import as_radii
from netsparse.robustness.attacked import check_is_model
from netsparse.robustness.bounds.margins import Margins
from netsparse.robustness.bounds.parts import parts_of
from netsparse.robustness.bounds.rounding import Rounding
from netsparse.robustness.bounds.sets import Box, through_boxes
from netsparse.robustness.perturbation import check_choice
from netsparse.train.norms import NORMS


@torch.no_grad()
def interval_bounds(model: nn.Module, x: Tensor, eps: float, *, norm: str = "linf") -> tuple[Tensor, Tensor]:
    """Return lower and upper bounds of the logits for all images in [0, 1] within `eps` of `x`.

    Interval bound propagation, layer by layer: centre W c + b, radius |W| r, with the layers' own sparse products, see
    `Affine`. The bounds hold for the logits as the model computes them, in its own dtype and any order of its sums.

    Parameters
    ----------
    model : nn.Module
        A SparseMLP, a VGG or an nn.Sequential of the modules in `MODULES`; seen in evaluation mode, and left alone.
    x : tensor of shape (batch, ...)
        Images in [0, 1].
    eps : float
        Radius of the ball; in [0, 1] for "linf", any length of at least 0 for "l2".
    norm : {"linf", "l2"}
        Of the ball. An L2 ball is met exactly by the first sums, one by one, and is intervals from there on.

    Returns
    -------
    lower, upper : tensors of shape (batch, n_classes)
        In double precision; infinite where nothing is certain (a number beyond the model's dtype).

    Raises
    ------
    InvalidOption, InvalidSize
        For a module without bounds, and for an impossible eps, norm or image.

    References
    ----------
    Gowal et al., On the effectiveness of interval bound propagation for training verifiably robust models,
    arXiv:1810.12715. What rounding adds is ours.

    Examples
    --------
    >>> from netsparse import BipartiteGraph, SparseNetwork
    >>> from netsparse.nn import SparseMLP
    >>> graph = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> model = SparseMLP(SparseNetwork([graph]), head=None, rng=0)
    >>> with torch.no_grad():
    ...     model.layers[0].weight.copy_(torch.tensor([1.0, -1.0, 2.0])).tolist()
    [1.0, -1.0, 2.0]
    >>> lower, upper = interval_bounds(model, torch.tensor([[0.5, 0.5]]), 0.25)
    >>> lower.round(decimals=4).tolist(), upper.round(decimals=4).tolist()
    ([[-0.5, 0.5]], [[0.5, 1.5]])
    """
    check_choice("norm", norm, list(NORMS))
    x = checked_images(x)
    *_, radius = as_radii([eps], norm, x[:1].numel())
    box = images_around(x, radius, norm, rounding_of(model))
    box = through_boxes(parts_of(model), box)
    return box.lower.masked_fill(box.lower.isnan(), -torch.inf), box.upper.masked_fill(box.upper.isnan(), torch.inf)


def interval_margins(
    margins: Margins, x: Tensor, labels: Tensor, eps: float, *, norm: str, rounding: Rounding
) -> Tensor:
    """Return how far the logit of each image's class is above every other, at least: (batch, n_classes).

    Parameters
    ----------
    margins : Margins
        Of the model.
    x, labels : tensors (batch, ...), (batch,)
        Checked.
    eps, norm, rounding
        The ball and the model's arithmetic.
    """
    return margins.of_boxes(images_around(x, eps, norm, rounding), labels)


def images_around(x: Tensor, eps: float, norm: str, rounding: Rounding) -> Box:
    """Return a box that holds all images in [0, 1] within `eps` of `x`, also after rounding them to the model's dtype.

    Examples
    --------
    >>> box = images_around(torch.tensor([[0.0, 0.5]]), 0.25, "linf", Rounding.of(torch.float32))
    >>> box.lower.round(decimals=5).tolist(), box.upper.round(decimals=5).tolist()
    ([[0.0, 0.25]], [[0.25, 0.75]])
    """
    x = x.detach().double()
    around = eps + rounding.few(4) * (x.abs() + eps)
    lower, upper = (x - around).clamp_(min=0.0), (x + around).clamp_(max=1.0)
    if norm == "linf":
        return Box(lower, upper)
    return Box(lower, upper, x, l2_distance(x, eps, rounding))


def l2_distance(x: Tensor, eps: float, rounding: Rounding) -> Tensor:
    """Return the distance (batch,) of the farthest image of an L2 ball, measured and rounded in the model's dtype."""
    return eps * (1.0 + rounding.gamma(x[:1].numel())) + rounding.few(4) * (x.flatten(1).norm(dim=1) + eps)


def checked_images(x: Any) -> Tensor:
    """Return images, checked: a tensor of floating-point numbers in [0, 1].

    Raises
    ------
    InvalidOption
        For anything else.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.dim() < 2:
        given = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise InvalidOption("x", given, "a floating-point tensor (batch, ...)", "torch.as_tensor(x).float()")
    if x.numel() and not (x.min() >= 0.0 and x.max() <= 1.0):
        fix = "SparseMLP(..., normalization=(mean, std)), which normalises inside the model"
        raise InvalidOption("x", f"values from {x.min():g} to {x.max():g}", "images in [0, 1]", fix)
    return x


def rounding_of(model: nn.Module) -> Rounding:
    """Return the arithmetic of a model: that of its first parameter's float type."""
    check_is_model("model", model)
    return Rounding.of(next((parameter.dtype for parameter in model.parameters()), torch.float32))
