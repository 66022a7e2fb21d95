"""`lipschitz_bound`: by how much the logits of a model change at most when its input does."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from netsparse.robustness.attack_options import at_least_one
from netsparse.robustness.attacked import check_is_model
from netsparse.robustness.bounds.margins import Margins
from netsparse.robustness.bounds.parts import parts_of
from netsparse.robustness.bounds.rounding import OURS, Rounding
from netsparse.robustness.bounds.sets import Ball
from netsparse.robustness.interval_bounds import l2_distance
from netsparse.robustness.perturbation import check_choice
from netsparse.train.norms import NORMS


def lipschitz_bound(model: nn.Module, *, norm: str = "l2", n_features: int | None = None) -> float:
    """Return a number L for which |f(x) - f(x')|_2 <= L |x - x'|, f the logits: the product over all parts.

    A layer counts with its spectral norm, from a proven upper bound (see `spectral_norm_bound`; a convolution with
    sqrt(patches per pixel) times that of its matrix), an activation of slope s with max(1, |s|), normalisation with
    1 / std, batch normalisation with the largest of its factors, max pooling over windows side by side with 1. Of exact
    arithmetic: `certified` counts rounding as well.

    Parameters
    ----------
    model : nn.Module
        As for `interval_bounds`.
    norm : {"l2", "linf"}
        Of x - x'. For "linf" it is sqrt(n_features) times the other: |d|_2 <= sqrt(n) |d|_inf.
    n_features : int, optional
        Numbers of an input; for "linf" of a model that has no such attribute.

    Returns
    -------
    float
        inf where a weight is not finite.

    Raises
    ------
    InvalidOption
        For a module without bounds, an unknown norm, and an unknown number of features.

    References
    ----------
    Tsuzuku, Sato, Sugiyama, Lipschitz-margin training, arXiv:1802.04034.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> from netsparse.graph import SparseNetwork
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(SparseNetwork([complete(4, 9)]), head=None, normalization=(0.0, 0.5), rng=0)
    >>> _ = torch.nn.init.ones_(model.layers[0].weight)
    >>> round(lipschitz_bound(model), 4), round(lipschitz_bound(model, norm="linf"), 4)  # 6 / 0.5, times 2
    (12.0, 24.0)
    """
    check_choice("norm", norm, list(NORMS))
    check_is_model("model", model)
    factor = math.prod(part.lipschitz for part in parts_of(model)) * (1.0 + 1000 * OURS)
    if norm == "l2":
        return factor
    n_features = getattr(model, "n_features", None) if n_features is None else n_features
    return factor * math.sqrt(at_least_one("n_features", n_features)) * (1.0 + 4 * OURS)


def lipschitz_margins(
    margins: Margins, x: Tensor, labels: Tensor, eps: float, *, norm: str, rounding: Rounding
) -> Tensor:
    """Return how far the logit of each image's class is above every other, at least: (batch, n_classes).

    z_y - z_j at the image itself, less |w_y - w_j|_2 L eps with L the product of all parts before the last sums: closer
    than sqrt(2) |W|_2, of which |w_y - w_j|_2 is at most the value (arXiv:1802.04034 has both). Less what rounding adds
    in the model, whose part in L2 norm grows with the same factors (ours).

    Parameters
    ----------
    margins : Margins
        Of the model.
    x, labels : tensors (batch, ...), (batch,)
        Checked.
    eps, norm, rounding
        The ball and the model's arithmetic. An L-inf ball lies in the L2 ball of radius sqrt(n) eps.
    """
    x = x.detach().double()
    if norm == "linf":
        eps = eps * math.sqrt(x[:1].numel()) * (1.0 + 8 * OURS)
    return margins.of_balls(Ball(x, l2_distance(x, eps, rounding), torch.zeros_like(x.flatten(1)[:, 0])), labels)
