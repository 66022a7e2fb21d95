"""foolbox as a second opinion: the same attacks, written by others."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.robustness.attack_setting import Setting, Try

PGD = {"linf": "LinfPGD", "l2": "L2PGD"}
FGSM = {"linf": "LinfFastGradientAttack", "l2": "L2FastGradientAttack"}


def foolbox_pgd(setting: Setting, eps: float) -> Try:
    """Return foolbox's projected gradient ascent with the same number and length of steps as ours, one random start."""
    attacks = _foolbox().attacks
    return _Foolbox(getattr(attacks, PGD[setting.norm])(steps=setting.steps, abs_stepsize=setting.length(eps)), eps)


def foolbox_fgsm(setting: Setting, eps: float) -> Try:
    """Return foolbox's single step of length eps from the image itself."""
    return _Foolbox(getattr(_foolbox().attacks, FGSM[setting.norm])(random_start=False), eps)


class _Foolbox:
    """One attempt by an attack of foolbox."""

    def __init__(self, attack: Any, eps: float) -> None:
        self.attack, self.eps = attack, eps

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> Tensor:
        foolbox = _foolbox()
        wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=x.device)
        with torch_seeded_from(rng, x.device), torch.enable_grad():
            _, changed, _ = self.attack(wrapped, x, foolbox.criteria.Misclassification(y), epsilons=self.eps)
        return changed.detach()


@contextmanager
def torch_seeded_from(rng: np.random.Generator, device: torch.device) -> Iterator[None]:
    """Let torch's own generators start from a number of `rng` in a block; afterwards they are where they were.

    Examples
    --------
    >>> with torch_seeded_from(np.random.default_rng(0), torch.device("cpu")):
    ...     first = torch.rand(1)
    >>> with torch_seeded_from(np.random.default_rng(0), torch.device("cpu")):
    ...     print(torch.equal(first, torch.rand(1)))
    True
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(rng.integers(2**31)))
        yield


def _foolbox() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it imports from scipy.ndimage is deprecated there
            return importlib.import_module("foolbox")
    except ImportError:
        expected, fix = "the package foolbox, which is not installed", "pip install 'netsparse[attacks]'"
        raise InvalidOption("engine", "'foolbox'", expected, fix) from None
