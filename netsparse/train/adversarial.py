"""Training on attacked images, and how well a model does on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
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
from netsparse.train.natural import Natural
from netsparse.train.samples import check_logits
from netsparse.train.threads import in_threads
from netsparse.typing import Seed


class AdversarialObjective(ABC):
    """An objective on images and on what an attack makes of them and the weights of this step.

    The attacked images are taken as given: no gradient flows through the attack, which sees the model in evaluation
    mode and leaves it alone. What a subclass adds is the loss of both; its passes are in training mode.

    Parameters
    ----------
    attack : Attack
        What changes the images, anew in every step.

    Attributes
    ----------
    draws : bool
        Whether it is to be called with random numbers: for a random start.
    """

    def __init__(self, attack: Attack) -> None:
        self.attack = attack

    @property
    def attacks(self) -> bool:
        """Whether the loss looks at attacked images at all."""
        return True

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers."""
        return self.attacks and bool(self.attack.random_start)

    @abstractmethod
    def loss(self, model: nn.Module, x: Tensor, changed: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch and of what the attack has made of it, and the logits that accuracy counts on."""

    def check(self, model: nn.Module, x: Tensor, y: Tensor) -> None:
        """Refuse a model that cannot be attacked, see `netsparse.train.samples.check_logits`."""
        if self.attacks:
            check_logits(model, x, y)

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the loss, and the logits that the training accuracy is counted on.

        Without `rng` a random start takes its seed from torch's own generator.
        """
        if not self.attacks:
            return self.loss(model, x, x, y)
        if self.draws and rng is None:
            rng = torch_seeded()
        return self.loss(model, x, self.attack(model, x, y, rng), y)


class AdversarialTraining(AdversarialObjective):
    """Cross-entropy on images that are attacked anew in every step, or on them and the clean ones.

    L = (1 - mix) CE(f(x), y) + mix CE(f(x'), y), with x' what the attack makes of x and the weights of this step, taken
    as given: no gradient flows through the attack, which sees the model in evaluation mode. The training accuracy is
    counted on the clean images, or on the attacked ones where those alone count.

    Parameters
    ----------
    eps, steps, step_size, norm, labels, random_start
        Of the attack, see `Attack`; `steps=1, random_start=False` is FGSM. The ten steps of eps/4 that are taken where
        nothing is said are those of Ozdenizci and Legenstein, with their eps = 8/255.
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
    Cosentino, Zaiter, Pei, Zhu, arXiv:1912.02386; Ozdenizci, Legenstein, Training adversarially robust sparse networks
    via Bayesian connectivity sampling, ICML 2021.

    Examples
    --------
    >>> AdversarialTraining(0.3, mix=0.5).attack
    Attack(eps=0.3, steps=10, step_size=0.075, labels='true', random_start=True, restarts=1)
    """

    def __init__(
        self,
        eps: float,
        steps: int = 10,
        *,
        step_size: float | None = None,
        mix: float = 1.0,
        norm: str = "linf",
        labels: str = "true",
        random_start: bool | str = True,
        label_smoothing: float = 0.0,
    ) -> None:
        more: dict[str, Any] = {"norm": norm, "labels": labels, "random_start": random_start}
        super().__init__(Attack(eps, steps=steps, step_size=step_size, **more))
        if not isinstance(mix, Real) or isinstance(mix, bool) or not 0.0 < mix <= 1.0:
            raise InvalidOption("mix", repr(mix), "the attacked images' share of the loss, in (0, 1]", "mix=0.5")
        self.mix, self.clean = float(mix), Natural(label_smoothing)

    def loss(self, model: nn.Module, x: Tensor, changed: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mixed loss, and the logits of the clean images, or of the attacked ones."""
        loss, logits = self.clean(model, changed, y)
        if self.mix == 1.0:
            return loss, logits
        clean, logits = self.clean(model, x, y)
        return (1.0 - self.mix) * clean + self.mix * loss, logits

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.attack!r}, mix={self.mix}, label_smoothing={self.clean.label_smoothing})"


class MixedTraining(AdversarialTraining):
    """Half the loss on the clean images, half on the attacked ones, as in the code of Cosentino et al.

    It is `AdversarialTraining` with other values where nothing is said: `mix=0.5`, and attacks on the labels that the
    model predicts. (Their label smoothing of 0.1 is an option here.)

    Parameters
    ----------
    eps, steps, step_size, mix, norm, labels, random_start, label_smoothing
        See `AdversarialTraining`.

    References
    ----------
    Cosentino, Zaiter, Pei, Zhu, The search for sparse, robust neural networks, arXiv:1912.02386.

    Examples
    --------
    >>> MixedTraining(0.3, step_size=0.05).mix
    0.5
    """

    def __init__(
        self,
        eps: float,
        steps: int = 10,
        *,
        step_size: float | None = None,
        mix: float = 0.5,
        norm: str = "linf",
        labels: str = "predicted",
        random_start: bool | str = True,
        label_smoothing: float = 0.0,
    ) -> None:
        more: dict[str, Any] = {"labels": labels, "random_start": random_start, "label_smoothing": label_smoothing}
        super().__init__(eps, steps, step_size=step_size, mix=mix, norm=norm, **more)


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
