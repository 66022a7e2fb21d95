"""Training on attacked images, and how well a model does on them."""

from __future__ import annotations

from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.nn.layer import torch_seeded
from netsparse.rng import streams
from netsparse.train.attacks import Attack, images
from netsparse.train.left_alone import left_alone
from netsparse.train.objectives import Natural
from netsparse.train.threads import in_threads
from netsparse.typing import Seed


class AdversarialTraining:
    """Cross-entropy on images that are attacked anew in every step, or on them and the clean ones.

    L = (1 - mix) CE(f(x), y) + mix CE(f(x'), y), with x' what the attack makes of x and the weights of this step, taken
    as given: no gradient flows through the attack, which sees the model in evaluation mode.

    Parameters
    ----------
    eps, steps, step_size, labels, random_start
        Of the attack, see `Attack`; `steps=1, random_start=False` is FGSM.
    mix : float
        Share of the attacked images in the loss, in (0, 1]: 1 trains on them alone (Madry et al.), 0.5 is the loss of
        Goodfellow et al. and of Cosentino et al.
    label_smoothing : float
        See `Natural`; the attack climbs the loss without it.

    Attributes
    ----------
    draws : bool
        Whether it is to be called with random numbers: for a random start.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible numbers and names.

    References
    ----------
    Madry, Makelov, Schmidt, Tsipras, Vladu, arXiv:1706.06083; Goodfellow, Shlens, Szegedy, arXiv:1412.6572, section 6;
    Cosentino, Zaiter, Pei, Zhu, arXiv:1912.02386.

    Examples
    --------
    >>> AdversarialTraining(0.3, 10, mix=0.5).attack
    Attack(eps=0.3, steps=10, step_size=0.075, labels='true', random_start=True, restarts=1)
    """

    def __init__(
        self,
        eps: float,
        steps: int,
        *,
        step_size: float | None = None,
        mix: float = 1.0,
        labels: str = "true",
        random_start: bool = True,
        label_smoothing: float = 0.0,
    ) -> None:
        self.attack = Attack(eps, steps=steps, step_size=step_size, labels=labels, random_start=random_start)
        if not isinstance(mix, Real) or isinstance(mix, bool) or not 0.0 < mix <= 1.0:
            raise InvalidOption("mix", repr(mix), "the attacked images' share of the loss, in (0, 1]", "mix=0.5")
        self.mix, self.clean = float(mix), Natural(label_smoothing)

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers."""
        return self.attack.random_start

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the loss, and the logits of the clean images, or of the attacked ones where those alone count.

        Without `rng` a random start takes its seed from torch's own generator.
        """
        if self.draws and rng is None:
            rng = torch_seeded()
        loss, logits = self.clean(model, self.attack(model, x, y, rng), y)
        if self.mix == 1.0:
            return loss, logits
        clean, logits = self.clean(model, x, y)
        return (1.0 - self.mix) * clean + self.mix * loss, logits

    def __repr__(self) -> str:
        return f"AdversarialTraining({self.attack!r}, mix={self.mix}, label_smoothing={self.clean.label_smoothing})"


def evaluate_attacked(
    model: nn.Module, x: Any, y: Any, attack: Attack, *, batch_size: int = 512, rng: Seed
) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy, by the true labels, on images that `attack` has changed.

    Batches are worked through side by side, each on one of torch's threads and with its own stream of random numbers:
    the result does not depend on `torch.set_num_threads`. An empty set gives (nan, nan).

    Parameters
    ----------
    model : nn.Module
        Left alone, see `left_alone`.
    x, y : tensors or arrays of shape (n, ...) and (n,)
        Images in [0, 1] and true labels.
    attack : Attack
        Of the model itself.
    batch_size : int
        Images at a time.
    rng : int or numpy.random.Generator
        Source of random starts.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidSeed
        See `fgsm`.

    Examples
    --------
    >>> model = nn.Linear(2, 2, bias=False)
    >>> model.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> x, y = torch.tensor([[0.75, 0.25], [0.5, 0.75]]), torch.tensor([0, 1])
    >>> [evaluate_attacked(model, x, y, Attack(eps, random_start=False), rng=0)[1] for eps in (0.0, 0.2, 0.3)]
    [1.0, 0.5, 0.0]
    """
    x, y = images(model, x, y)
    n_threads = 1 if x.is_cuda else torch.get_num_threads()
    batches = list(zip(x.split(batch_size), y.split(batch_size), strict=True))
    children = streams(rng, len(batches), purpose="attacks")
    with left_alone(model):  # once, around all threads: what each does inside changes nothing then
        work = [(*batch, child) for batch, child in zip(batches, children, strict=True)]
        measured = in_threads(partial(_measured, model, attack), work, n_threads)
    losses, hits = (torch.cat(parts).cpu().numpy() for parts in zip(*measured, strict=True))
    return (float(losses.mean()), float(hits.mean())) if len(losses) else (float("nan"), float("nan"))


def _measured(
    model: nn.Module, attack: Attack, batch: tuple[Tensor, Tensor, np.random.Generator]
) -> tuple[Tensor, Tensor]:
    x, y, rng = batch
    changed = attack(model, x, y, rng)
    with torch.no_grad():
        logits = model(changed)
        return nn.functional.cross_entropy(logits, y, reduction="none").double(), logits.argmax(1) == y
