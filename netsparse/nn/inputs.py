"""What a sparse layer is given, checked at its door: one line that names the layer and both values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netsparse.errors import InvalidOption, InvalidSize, NetsparseError

# Every training step comes through here once per layer: the weight is read where `nn.Module` keeps it, which takes a
# tenth of the time that the attribute does, and what is wrong is found out only once something is.


def check_input(layer: Any, x: Tensor) -> None:
    """Raise unless `x` is something that the layer can compute with.

    Parameters
    ----------
    layer : SparseLinear
        Or another module with a `weight`, a `graph` and, if it has a place in a model, a `name`.
    x : tensor of shape (..., n_in)
        In the weights' dtype, or inside `torch.autocast` in any floating-point one, and on their device.

    Raises
    ------
    InvalidSize, InvalidOption
        For another shape, another dtype or device, or something that is no tensor.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> from netsparse.nn import SparseLinear
    >>> layer = SparseLinear(erdos_renyi(6, 4, density=0.5, rng=0), rng=0)
    >>> check_input(layer, torch.rand(2, 6))
    >>> check_input(layer, torch.rand(2, 6).double())
    Traceback (most recent call last):
    ...
    netsparse.errors.InvalidOption: input of a layer from 6 to 4 units: given dtype torch.float64, \
expected torch.float32, that of its weights; try x.to(torch.float32)
    """
    weight = layer._parameters["weight"]
    if not (
        isinstance(x, Tensor)
        and x.dtype is weight.dtype
        and x.device == weight.device
        and x.dim()
        and x.shape[-1] == layer.graph.n_in
    ):
        error = _wrong_kind(layer, x) or _wrong_shape(layer, x)
        if error is not None:
            raise error


def check_kind(layer: Any, x: Tensor) -> None:
    """Raise what `check_input` does for dtype, device and what is no tensor, whatever the shape.

    For a model that reshapes and normalises first: arithmetic would hide that its input holds integers.
    """
    weight = layer._parameters["weight"]
    if not (isinstance(x, Tensor) and x.dtype is weight.dtype and x.device == weight.device):
        error = _wrong_kind(layer, x)
        if error is not None:
            raise error


def _wrong_kind(layer: Any, x: Any) -> NetsparseError | None:
    weight = layer._parameters["weight"]
    if not isinstance(x, Tensor):
        given = f"{type(x).__module__}.{type(x).__name__}".removeprefix("builtins.")
        return InvalidOption(_subject(layer), given, "a torch tensor", f"torch.as_tensor(x, dtype={weight.dtype})")
    if x.device != weight.device:
        expected = f"{weight.device}, that of its weights"
        return InvalidOption(_subject(layer), f"a tensor on {x.device}", expected, f"x.to('{weight.device}')")
    mixes = x.is_floating_point() and torch.is_autocast_enabled(x.device.type)
    if x.dtype is not weight.dtype and not mixes:
        scaled = " / 255" if x.dtype is torch.uint8 else ""
        expected = f"{weight.dtype}, that of its weights"
        return InvalidOption(_subject(layer), f"dtype {x.dtype}", expected, f"x.to({weight.dtype}){scaled}")
    return None


def _wrong_shape(layer: Any, x: Tensor) -> NetsparseError | None:
    n_in = layer.graph.n_in
    if x.dim() and x.shape[-1] == n_in:
        return None
    given, expected = f"shape {tuple(x.shape)}", f"(..., n_in={n_in})"
    return InvalidSize(_subject(layer), given, expected, f"x.reshape(-1, {n_in})")


def _subject(layer: Any) -> str:
    name = getattr(layer, "name", None) or "a layer"
    return f"input of {name} from {layer.graph.n_in} to {layer.graph.n_out} units"
