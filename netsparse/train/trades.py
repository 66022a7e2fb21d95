"""`TRADES`: cross-entropy on clean images, and how far an attack can move the prediction."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.train.adversarial import AdversarialObjective
from netsparse.train.attack import Attack
from netsparse.train.divergence import divergence, log_probabilities
from netsparse.train.natural import Natural


class TRADES(AdversarialObjective):
    """Cross-entropy on the clean images, and `beta` times how far an attack moves what the model tells about them.

    L = CE(f(x), y) + beta mean KL(p(x) || p(x')), with p the softmax of f and x' what ten steps of gradient ascent on
    KL(p(x) || p(x')) find from x + 0.001 N(0, 1): no label has a part in the attack. Both predictions are
    differentiated, the attack is not. The training accuracy is counted on the clean images. With `beta=0` it is
    `Natural`, and nothing is attacked.

    Where the model has batch norms they take the statistics of the clean batch in its pass and of the attacked batch in
    the other one (and running averages of both); the attack takes the running ones.

    Parameters
    ----------
    eps : float
        Radius of the attack, see `Attack`.
    steps : int
        Of the attack.
    step_size : float, optional
        Of the attack; None: 2.5 eps / steps, which for eps = 8/255 and ten steps is the 2/255 of Ozdenizci and
        Legenstein.
    beta : float
        Weight of the second term, at least 0; 6 in the paper's comparison with others and in their code.
    norm : {"linf", "l2"}
        See `Attack`.
    random_start : bool or {"uniform", "gaussian"}
        See `Attack`; there is no gradient at the image itself.
    label_smoothing : float
        Of the cross-entropy, see `Natural`; not in the paper.

    Attributes
    ----------
    attack : Attack
        On the divergence.
    draws : bool
        Whether it is to be called with random numbers: unless `beta` is 0.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible numbers and names.

    References
    ----------
    Zhang, Yu, Jiao, Xing, El Ghaoui, Jordan, Theoretically principled trade-off between robustness and accuracy,
    arXiv:1901.08573.

    Examples
    --------
    >>> TRADES(8 / 255, steps=3).draws, TRADES(8 / 255, beta=0.0).draws
    (True, False)
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
        label_smoothing: float = 0.0,
    ) -> None:
        more: dict[str, Any] = {"norm": norm, "random_start": random_start, "loss": "kl"}
        super().__init__(Attack(eps, steps=steps, step_size=step_size, **more))
        self.beta, self.clean = checked_beta(beta), Natural(label_smoothing)

    @property
    def attacks(self) -> bool:
        """Whether the second term counts."""
        return self.beta > 0.0

    def loss(self, model: nn.Module, x: Tensor, changed: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the logits of the clean images."""
        loss, logits = self.clean(model, x, y)
        if not self.attacks:
            return loss, logits
        moved = divergence(log_probabilities(logits), log_probabilities(model(changed)))
        return loss + self.beta * moved.mean(), logits

    def __repr__(self) -> str:
        return f"TRADES({self.attack!r}, beta={self.beta}, label_smoothing={self.clean.label_smoothing})"


def checked_beta(beta: Any) -> float:
    """Return the weight of a divergence as a float; raises `InvalidOption`."""
    if not isinstance(beta, Real) or isinstance(beta, bool) or not math.isfinite(beta) or beta < 0.0:
        raise InvalidOption("beta", repr(beta), "a finite number, at least 0", "beta=6.0")
    return float(beta)
