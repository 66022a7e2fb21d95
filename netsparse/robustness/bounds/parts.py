"""`parts_of`: a model as the list of parts that bounds are known for; anything else is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn

from netsparse.errors import InvalidOption
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.layer import SparseLayer
from netsparse.nn.linear import SparseLinear
from netsparse.nn.models import SparseMLP
from netsparse.nn.normalize import Normalize
from netsparse.nn.selecting import SelectingLinear
from netsparse.nn.vgg import VGG
from netsparse.robustness.bounds.affine import dense_sums, sparse_sums
from netsparse.robustness.bounds.elementwise import Activation, MaxPool, Reshape, Scale
from netsparse.robustness.bounds.rounding import Rounding
from netsparse.robustness.bounds.sets import Part

FLAT = Reshape((-1,))


def parts_of(module: nn.Module, rounding: Rounding | None = None) -> list[Part]:
    """Return what a module does to an input, as a list of parts, in evaluation mode.

    Parameters
    ----------
    module : nn.Module
        Of exactly one of the classes of `MODULES`: a subclass may do something else, and no false certificate is given.
    rounding : Rounding, optional
        How it computes; what its parameters say where not given.

    Raises
    ------
    InvalidOption
        For a module without bounds, or one whose weights are in no float type.

    Examples
    --------
    >>> [type(part).__name__ for part in parts_of(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU()))]
    ['Reshape', 'Affine', 'Activation']
    """
    if type(module) not in MODULES:
        known = ", ".join(kind.__name__ for kind in MODULES)
        given, fix = f"a part of class {type(module).__name__}", "adversarial(model, data, eps=0.1, rng=0), an attack"
        raise InvalidOption("model", given, f"parts with known bounds ({known})", fix)
    if rounding is None:
        rounding = Rounding.of(next((p.dtype for p in module.parameters()), torch.float32))
    return list(MODULES[type(module)](module, rounding))


def _in_turn(modules: Iterable[nn.Module], rounding: Rounding) -> list[Part]:
    # not .children(), which tells a module that is there twice once
    return [part for module in modules for part in parts_of(module, rounding)]


def _mlp(model: SparseMLP, rounding: Rounding) -> list[Part]:
    head = [] if model.head is None else parts_of(model.head, rounding)
    return [FLAT, *parts_of(model.normalize, rounding), *_in_turn(model.layers, rounding), *head]


def _vgg(model: VGG, rounding: Rounding) -> list[Part]:
    parts = [FLAT, *parts_of(model.normalize, rounding), Reshape(tuple(model.shape))]
    relu, halved = Activation(0.0, rounding), MaxPool(nn.MaxPool2d(2), 1)
    for k, layer in enumerate(model.layers):
        if k < len(model.norms):
            parts += [*parts_of(layer, rounding), *parts_of(model.norms[k], rounding), relu]
            parts += [halved] if k in model.halved_behind else []
        else:
            parts += [*([FLAT] if k == len(model.norms) else []), *parts_of(layer, rounding)]
    return parts


def _sparse(layer: SparseLayer, rounding: Rounding) -> list[Part]:
    sums = sparse_sums(layer, rounding)
    return [sums] if layer.slope is None else [sums, Activation(layer.slope, rounding)]


def _normalize(module: Normalize, rounding: Rounding) -> list[Part]:
    mean, std = module.mean.double(), module.std.double()
    return [Scale(mean, 1.0 / std, torch.zeros_like(mean), rounding)]


def _batch_norm(module: nn.BatchNorm1d | nn.BatchNorm2d, rounding: Rounding) -> list[Part]:
    mean, variance = module.running_mean, module.running_var
    if mean is None or variance is None:
        given, expected = "batch normalisation by the batch at hand", "one with running means, as after training"
        raise InvalidOption("model", given, expected, f"{type(module).__name__}(n, track_running_stats=True)")
    factor = torch.rsqrt(variance.double() + module.eps)
    factor = factor if module.weight is None else factor * module.weight.detach().double()
    shift = torch.zeros_like(factor) if module.bias is None else module.bias.detach().double()
    places = (-1, 1, 1) if isinstance(module, nn.BatchNorm2d) else (-1,)
    return [Scale(mean.double().view(places), factor.view(places), shift.view(places), rounding)]


def _max_pool(module: nn.MaxPool2d, rounding: Rounding) -> list[Part]:
    size, stride, dilation = (_pair(value) for value in (module.kernel_size, module.stride, module.dilation))
    overlap = 1
    for side, step, spread in zip(size, stride, dilation, strict=True):
        overlap *= -(-side // step) if spread == 1 else side
    pool = nn.MaxPool2d(size, stride, module.padding, module.dilation, ceil_mode=module.ceil_mode)  # no indices
    return [MaxPool(pool, overlap)]


def _flatten(module: nn.Flatten, rounding: Rounding) -> list[Part]:
    if (module.start_dim, module.end_dim) != (1, -1):
        given = f"Flatten({module.start_dim}, {module.end_dim})"
        raise InvalidOption("model", given, "one that keeps the samples apart and nothing else", "nn.Flatten()")
    return [FLAT]


def _pair(value: Any) -> tuple[int, int]:
    one, other = value if isinstance(value, tuple | list) else (value, value)
    return int(one), int(other)


MODULES: dict[type[nn.Module], Callable[[Any, Rounding], Sequence[Part]]] = {
    SparseMLP: _mlp,
    VGG: _vgg,
    nn.Sequential: _in_turn,
    Normalize: _normalize,
    SparseLinear: _sparse,
    SelectingLinear: _sparse,
    SparseConv2d: _sparse,
    nn.Linear: lambda layer, rounding: [dense_sums(layer, rounding)],
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: lambda module, rounding: [Activation(0.0, rounding)],
    nn.LeakyReLU: lambda module, rounding: [Activation(float(module.negative_slope), rounding)],
    nn.MaxPool2d: _max_pool,
    nn.Flatten: _flatten,
    nn.Identity: lambda module, rounding: [],
    nn.Dropout: lambda module, rounding: [],
}
"""How each class of module is taken apart; a class of your own is added by one line."""
