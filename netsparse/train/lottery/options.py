"""What `lottery_tickets` is asked for, checked, and made into what the rounds need."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from netsparse.datasets import Dataset
from netsparse.errors import InvalidOption
from netsparse.generators import complete
from netsparse.generators.budget import as_sizes
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseMLP, SparseModel
from netsparse.rewiring.magnitude_cut import checked_rate
from netsparse.train.attacks import Attack
from netsparse.train.digests import digest


def as_model(network: Any, dataset: Dataset, seed: int, *, init: str, **build: Any) -> SparseModel:
    """Return the model of round 0: over complete layers, over a wiring, or a copy of the given one, on the CPU.

    Raises
    ------
    InvalidSize, InvalidOption
        For options that a given model would not follow, and for data that the model does not fit.
    """
    if isinstance(network, SparseModel):
        default = {"bias": False, "activation": "relu", "backend": "auto"}
        given = ", ".join(f"{name}={value!r}" for name, value in build.items() if value != default[name])
        if given:
            expected, fix = "a model that is pruned as it is", "them when the model is built, SparseMLP(network, ...)"
            raise InvalidOption("options of a given model", given, expected, fix)
        model = copy.deepcopy(network).cpu()
    else:
        if isinstance(network, BipartiteGraph):
            network = SparseNetwork([network])
        elif not isinstance(network, SparseNetwork):
            sizes = as_sizes(network)
            network = SparseNetwork([complete(n_in, n_out) for n_in, n_out in pairwise(sizes)])
        model = SparseMLP(network, head=None, init=init, rng=seed, **build)
    model.check_data(dataset.n_features, dataset.n_classes)
    return model


def as_rates(rates: float | Sequence[float] | None, n_layers: int) -> tuple[float, ...]:
    """Return one rate per layer: those given, or 0.2 and 0.1 in the last of several; raises `InvalidOption`."""
    if rates is None:
        return (0.2,) * max(1, n_layers - 1) + (0.1,) * (n_layers > 1)
    each = list(rates) if isinstance(rates, Iterable) and not isinstance(rates, str) else [rates] * n_layers
    if len(each) != n_layers:
        raise InvalidOption("rates", f"{len(each)} of them", f"one per sparse layer ({n_layers})", "rates=0.2")
    return tuple(checked_rate("rates", rate) for rate in each)


def as_attacks(attacks: Any) -> Mapping[str, Attack]:
    """Return attacks by name; raises `InvalidOption`."""
    attacks = {} if attacks is None else attacks
    named = isinstance(attacks, Mapping) and all(isinstance(name, str) and name != "none" for name in attacks)
    if not named or not all(isinstance(attack, Attack) for attack in attacks.values()):
        fix = "attacks={'pgd': Attack(0.3, steps=10, step_size=0.05)}"
        raise InvalidOption("attacks", repr(attacks), "Attack objects by name, none of them called 'none'", fix)
    return attacks


def check_early_step(rewind: str, early_step: Any, n_steps: int) -> None:
    """Raise `InvalidOption` unless there is an early step exactly where one is looked at, among those of a round."""
    if rewind != "early":
        if early_step is not None:
            expected = f"none with rewind={rewind!r}, which does not look at it"
            raise InvalidOption("early_step", repr(early_step), expected, "rewind='early'")
        return
    whole = isinstance(early_step, int | np.integer) and not isinstance(early_step, bool)
    if not whole or not 0 <= early_step <= n_steps:
        expected = f"a whole number of the {n_steps} steps of round 0"
        raise InvalidOption("early_step", repr(early_step), expected, f"early_step={min(500, n_steps)}")


def whole(name: str, value: Any, least: int) -> int:
    """Return a whole number as Python's; raises `InvalidOption`."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InvalidOption(name, repr(value), f"a whole number, at least {least}", f"{name}=10")
    return int(value)


def state_digest(model: SparseModel) -> str:
    """Return a text that is equal for models of equal wiring and values."""
    state = [tensor.detach().cpu().reshape(-1) for tensor in model.state_dict().values()]
    parts = [tensor.view(torch.uint8).numpy() for tensor in state]
    return digest(*parts).hex()[:16]
