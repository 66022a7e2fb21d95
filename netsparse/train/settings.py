"""What a call of `fit` was asked for, as names and values that a later call can be compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
import torch

from netsparse.datasets import Dataset
from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseModel
from netsparse.rewiring import RewiringRule
from netsparse.train.digests import digest, graph_digest

LONGEST = 200
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def described(value: Any) -> Any:
    """Return what JSON can keep of a setting: equal for equal settings, in every process.

    A wiring and a data set are described by their digests, a rule by its parameters, a function by its name, any other
    object by its class and attributes. A model is described by what it is built of, without wiring and weights: a
    resumed run fills it with those that were saved.

    Examples
    --------
    >>> described(0.5), described(np.int64(3)), described(max)
    (0.5, 3, 'builtins.max')
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, BipartiteGraph):
        return described(SparseNetwork([value]))
    if isinstance(value, SparseNetwork):
        return f"{value!r}, {digest(*(graph_digest(graph) for graph in value.layers)).hex()[:16]}"
    if isinstance(value, SparseModel):
        return _built(value)
    if isinstance(value, Dataset):
        arrays = (value.x_train, value.y_train, value.x_test, value.y_test)
        return f"{value!r}, {digest(*arrays).hex()[:16]}"
    if isinstance(value, RewiringRule):
        return repr(value)
    if isinstance(value, np.random.Generator):
        return f"Generator, {digest(repr(value.bit_generator.state).encode()).hex()[:16]}"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    attributes = ", ".join(f"{name}={part!r}" for name, part in sorted(getattr(value, "__dict__", {}).items()))
    return ADDRESS.sub("", f"{type(value).__qualname__}({attributes or repr(value)})")


def _built(model: SparseModel) -> str:
    parts = {name: value for name, value in model.options().items() if name != "n_classes"}
    parts["backend"] = ", ".join(dict.fromkeys(layer.backend for layer in model.sparse_layers()))
    sizes = "-".join(map(str, model.network.sizes))
    return f"{type(model).__qualname__} of {sizes}, {model.n_classes} classes, {parts}"


def group_options(optimizer: torch.optim.Optimizer) -> str:
    """Return the options of an optimizer's groups, which a function that makes it does not tell."""
    groups = [
        {name: described(value) for name, value in group.items() if name != "params"} for group in _groups(optimizer)
    ]
    return f"{type(optimizer).__qualname__} {groups}"


def _groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    return optimizer.param_groups


def check_same(given: Mapping[str, Any], stored: Mapping[str, Any], run: str) -> None:
    """Compare the settings of a call with those of the run that it wants to go on with.

    Raises
    ------
    InvalidOption
        For the first that differs.
    """
    for name in [*given, *(name for name in stored if name not in given)]:
        if given.get(name) != stored.get(name):
            here, there = _short(given.get(name), stored.get(name))
            fix = f"{name} as it was, or a new folder instead of '{run}'"
            raise InvalidOption(name, here, f"{there}, as in the run to be resumed", fix)


def _short(*values: Any) -> list[str]:
    """Return different values as texts; of long ones the part where they begin to differ."""
    texts = [repr(value) for value in values]
    start = 0
    if max(map(len, texts)) > LONGEST:
        differing = (k for k, characters in enumerate(zip_longest(*texts)) if len(set(characters)) > 1)
        start = max(0, next(differing, 0) - 40)
    return [
        "..." * (start > 0) + text[start : start + LONGEST] + "..." * (len(text) > start + LONGEST) for text in texts
    ]
