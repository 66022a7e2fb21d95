"""Inputs on their way into a model: normalised and made feature-major in one pass, compiled where it can be."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch
from torch import Tensor

from netsparse.native import native_library

_NUMBERS: dict[torch.dtype, Any] = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}


class Columns(torch.autograd.Function):
    """x (batch, n) to (x - mean) / std as a contiguous (n, batch)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Read every number of x once."""
        ctx.save_for_backward(std)
        return _columns(x, mean, std)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        """Return the gradient of x."""
        (std,) = ctx.saved_tensors
        return grads[0].t() / std, None, None


def normalized_columns(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return (x - mean) / std of x (batch, n) as the transposed view, (batch, n) again, of a feature-major buffer."""
    # images need no gradient unless somebody attacks them
    result: Any = Columns.apply(x, mean, std) if x.requires_grad else _columns(x, mean, std)
    return result.t()


def _columns(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    on_cpu = x.device.type == mean.device.type == "cpu" and x.dtype == mean.dtype
    as_it_lies = on_cpu and x.stride(1) == 1 and not x.is_neg()
    function = _compiled(x.dtype) if as_it_lies else None
    if function is None:
        return ((x - mean) / std).t().contiguous()
    batch, n = x.shape
    out = x.new_empty(n, batch)
    function(x.data_ptr(), out.data_ptr(), mean.item(), std.item(), n, batch, x.stride(0))
    return out


@cache
def _compiled(dtype: torch.dtype) -> Any:
    library = native_library("inputs")
    if library is None or dtype not in _NUMBERS:
        return None
    function = getattr(library, f"columns_{str(dtype).removeprefix('torch.')}")
    function.argtypes = [ctypes.c_void_p] * 2 + [_NUMBERS[dtype]] * 2 + [ctypes.c_int64] * 3
    function.restype = None
    return function
