"""`MART`: training on attacked images that weighs more what the model does not know anyway."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from netsparse.train.adversarial import AdversarialObjective
from netsparse.train.attack import Attack
from netsparse.train.divergence import divergence, log_probabilities
from netsparse.train.trades import checked_beta


class MART(AdversarialObjective):
    """Cross-entropy with a margin on attacked images, and how far they moved, for unsure images more.

    L = mean over images of -log p_y(x') - log(1 - max_{k != y} p_k(x')) + beta KL(p(x) || p(x')) (1 - p_y(x)), with p
    the softmax of the logits and x' what ten steps of gradient ascent on the cross-entropy with the true labels find
    from x + 0.001 N(0, 1). All of it but the attack is differentiated, the last factor included. The training accuracy
    is counted on the clean images. Batch norms: see `TRADES`.

    As in the authors' public code the second logarithm is that of 1.0001 - max p_k + 1e-12, which stays finite. Theirs
    has 1.0000001 in the last factor, and 1e-12 beside p(x'), which are left out here.

    Parameters
    ----------
    eps, steps, step_size, norm, random_start
        Of the attack, see `Attack` and `TRADES`.
    beta : float
        Weight of the last term, at least 0; 6 in the code of Ozdenizci and Legenstein and where the authors' loss is
        told nothing.

    Attributes
    ----------
    attack : Attack
        On the cross-entropy with the true labels.
    draws : bool
        Whether it is to be called with random numbers: for a random start.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible numbers and names.

    References
    ----------
    Wang, Zou, Yi, Bailey, Ma, Gu, Improving adversarial robustness requires revisiting misclassified examples, ICLR
    2020, openreview.net/forum?id=rklOg6EFwS; the formula is that of the authors' code.

    Examples
    --------
    >>> MART(8 / 255).attack.random_start
    'gaussian'
    """

    def __init__(
        self,
        eps: float,
        steps: int = 10,
        *,
        step_size: float | None = None,
        beta: float = 6.0,
        norm: str = "linf",
        random_start: bool | str = "gaussian",
    ) -> None:
        more: dict[str, Any] = {"norm": norm, "random_start": random_start}
        super().__init__(Attack(eps, steps=steps, step_size=step_size, **more))
        self.beta = checked_beta(beta)

    def loss(self, model: nn.Module, x: Tensor, changed: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the logits of the clean images."""
        logits = model(x)
        log_p, log_q = log_probabilities(logits), log_probabilities(model(changed))
        true = y[:, None]
        wrong = log_q.exp().scatter(1, true, 0.0).max(1).values
        margin = -log_q.gather(1, true).squeeze(1) - torch.log(1.0001 - wrong + 1e-12)
        unsure = 1.0 - log_p.gather(1, true).squeeze(1).exp()
        return (margin + self.beta * divergence(log_p, log_q) * unsure).mean(), logits

    def __repr__(self) -> str:
        return f"MART({self.attack!r}, beta={self.beta})"
