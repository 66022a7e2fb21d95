"""AutoAttack through its public interface, where the package autoattack is installed."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.robustness.attack_setting import Setting, Try
from netsparse.robustness.foolbox_engine import torch_seeded_from
from netsparse.robustness.square import sides

NAMES = {"linf": "Linf", "l2": "L2"}
TARGETS = 9
"""Other classes that its standard version aims at, one after the other."""


def auto_attack(setting: Setting, eps: float) -> Try:
    """Return the standard version of AutoAttack.

    References
    ----------
    Croce, Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks,
    arXiv:2003.01690
    """
    try:
        ensemble = importlib.import_module("autoattack").AutoAttack
    except ImportError:
        expected = "'fgsm', 'pgd', 'square', ..., because the package autoattack is not installed"
        fix = "pip install git+https://github.com/fra31/auto-attack"
        raise InvalidOption("attack", "'auto'", expected, fix) from None
    if setting.n_classes < 4:
        given, expected = f"'auto' for {setting.n_classes} classes", "4 classes or more, which its losses compare"
        raise InvalidOption("attack", given, expected, "attack='pgd'")
    return _Auto(ensemble, setting, eps)


class _Auto:
    """One run of the ensemble on a batch."""

    def __init__(self, ensemble: Any, setting: Setting, eps: float) -> None:
        self.ensemble, self.setting, self.eps = ensemble, setting, eps

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> Tensor:
        seed = int(rng.integers(2**31))
        options = {"norm": NAMES[self.setting.norm], "eps": self.eps, "version": "standard", "verbose": False}
        attack = self.ensemble(_Pictures(model).eval(), seed=seed, device=str(x.device), **options)
        targets = min(TARGETS, self.setting.n_classes - 1)
        attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = targets
        pictures = x.view(-1, *sides(self.setting.shape, x.shape[1]))
        with torch_seeded_from(rng, x.device):
            return attack.run_standard_evaluation(pictures, y, bs=len(x)).detach().view(x.shape)


class _Pictures(nn.Module):
    """A model of rows, asked for pictures (n, channels, height, width)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.flatten(1))
