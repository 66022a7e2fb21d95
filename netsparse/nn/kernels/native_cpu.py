"""Kernel in compiled C++ for the CPU: whole layers in one call, sums held in vector registers, OpenMP over rows."""

from __future__ import annotations

import ctypes
import math
import threading
from functools import cache
from typing import Any

import torch
from torch import Tensor

from netsparse.native import native_library, why_no_native
from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel
from netsparse.nn.kernels.operands import misfit, readable
from netsparse.nn.kernels.patches import Patches

TYPES = {torch.float32: "f32", torch.float64: "f64", torch.int32: "i32", torch.int64: "i64"}
ALONE_BELOW = 150_000
"""Multiply-adds below which one thread does a product by itself: waking another one costs as much."""

LARGEST_SCRATCH = 2**26
"""Bytes of room that a thread keeps between its steps."""

_kept = threading.local()
_LONG, _INT, _POINTER, _DOUBLE = ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_double
ARGUMENTS = {
    "forward": (_LONG, _LONG, _INT, *[_POINTER] * 7, _INT, _DOUBLE),
    "backward": (_LONG, _LONG, _LONG, _INT, *[_POINTER] * 9, _DOUBLE, *[_POINTER] * 4),
    "convolve": (_LONG, _LONG, _POINTER, _INT, *[_POINTER] * 7, _INT, _DOUBLE),
    "convolve_back": (_LONG, _LONG, _POINTER, _INT, *[_POINTER] * 9, _DOUBLE, *[_POINTER] * 4),
}
LIBRARIES = {"forward": "products", "backward": "products", "convolve": "conv", "convolve_back": "conv"}


class NativeCpu(Kernel):
    """Compiled C++: bias and activation in the product, all gradients in one pass over the edges.

    In a convolution every edge is one multiply-add over all positions that it leads to: no patch is unrolled.

    The same bits for any number of threads: `torch.set_num_threads` says how many.
    """

    def why_not(self, device: torch.device, dtype: torch.dtype) -> str | None:
        """Return why this kernel cannot compute there in a few words, None where it can."""
        if device.type != "cpu":
            return "it computes on the CPU"
        if dtype not in (torch.float32, torch.float64):
            return "it computes in float32 and float64"
        return why_no_native("products") or why_no_native("conv")

    def spmm(self, index: EdgeIndex, weight: Tensor, x: Tensor) -> Tensor:
        """Return W x: (n_out, batch) from x (n_in, batch)."""
        return self.forward(index, weight, None, x, None)[0]

    def spmm_t(self, index: EdgeIndex, weight: Tensor, g: Tensor) -> Tensor:
        """Return W^T g: (n_in, batch) from g (n_out, batch)."""
        return self._backward(index, weight, None, None, None, g, (True, False, False))[0]  # type: ignore[return-value]

    def sddmm(self, index: EdgeIndex, g: Tensor, x: Tensor) -> Tensor:
        """Return the entries of g x^T at the edges: (n_edges,)."""
        return self._backward(index, None, x, None, None, g, (False, True, False))[1]  # type: ignore[return-value]

    def forward(
        self, index: EdgeIndex, weight: Tensor, bias: Tensor | None, x: Tensor, slope: float | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return y = f(W x + b) and what `backward` reads the sign of W x + b from."""
        batch = x.shape[1]
        x, weight = readable(x, (index.n_in, batch), x), readable(weight, index.indices.shape, x)
        bias = None if bias is None else readable(bias, (index.n_out,), x)
        y = x.new_empty(index.n_out, batch)
        z = torch.empty_like(y) if slope is not None and slope < 0.0 else None
        _function("forward", x.dtype, index.indices.dtype)(
            index.n_out,
            batch,
            _threads(index, batch),
            index.indptr.data_ptr(),
            index.indices.data_ptr(),
            weight.data_ptr(),
            None if bias is None else bias.data_ptr(),
            x.data_ptr(),
            y.data_ptr(),
            None if z is None else z.data_ptr(),
            slope is not None,
            slope or 0.0,
        )
        return y, None if slope is None else y if z is None else z

    def backward(
        self,
        index: EdgeIndex,
        weight: Tensor,
        x: Tensor,
        signs: Tensor | None,
        slope: float | None,
        g: Tensor,
        wanted: tuple[bool, bool, bool],
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Return the gradients of x, weight and bias, each only if it is `wanted`, from g, that of y."""
        return self._backward(index, weight, x, signs, slope, g, wanted)

    def _backward(
        self,
        index: EdgeIndex,
        weight: Tensor | None,
        x: Tensor | None,
        signs: Tensor | None,
        slope: float | None,
        g: Tensor,
        wanted: tuple[bool, bool, bool],
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        batch = g.shape[1]
        g = readable(g, (index.n_out, batch), g)
        weight = None if weight is None else readable(weight, index.indices.shape, g)
        x = None if x is None else readable(x, (index.n_in, batch), g)
        signs = None if signs is None else readable(signs, (index.n_out, batch), g)
        before = None if signs is None else _scratch(g)
        # of an empty batch nothing is written
        empty = g.new_empty if batch else g.new_zeros
        grad_x = empty(index.n_in, batch) if wanted[0] else None
        grad_weight = empty(index.indices.shape[0]) if wanted[1] else None
        grad_bias = empty(index.n_out) if wanted[2] else None
        own = (weight, x, g, signs)
        results = (before, grad_x, grad_weight, grad_bias)
        _function("backward", g.dtype, index.indices.dtype)(
            index.n_in,
            index.n_out,
            batch,
            _threads(index, batch),
            index.indptr.data_ptr(),
            index.indices.data_ptr(),
            index.source_indptr.data_ptr(),
            index.source_targets.data_ptr(),
            index.by_source.data_ptr(),
            *(None if each is None else each.data_ptr() for each in own),
            slope or 0.0,
            *(None if each is None else each.data_ptr() for each in results),
        )
        return grad_x, grad_weight, grad_bias

    def convolve(
        self, index: EdgeIndex, patches: Patches, weight: Tensor, bias: Tensor | None, x: Tensor, slope: float | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return y = f(W * x + b), a convolution, and what `convolve_back` reads the sign of W * x + b from."""
        shape, size = _shape(index, patches, x)
        x, weight = readable(x, tuple(x.shape), x), readable(weight, index.indices.shape, x)
        bias = None if bias is None else readable(bias, (index.n_out,), x)
        y = x.new_empty(size)
        z = torch.empty_like(y) if slope is not None and slope < 0.0 else None
        if y.numel():
            _function("convolve", x.dtype, index.indices.dtype)(
                index.n_in,
                index.n_out,
                shape,
                _threads(index, math.prod(size[1:])),
                index.indptr.data_ptr(),
                index.indices.data_ptr(),
                weight.data_ptr(),
                None if bias is None else bias.data_ptr(),
                x.data_ptr(),
                y.data_ptr(),
                None if z is None else z.data_ptr(),
                slope is not None,
                slope or 0.0,
            )
        return y, None if slope is None else y if z is None else z

    def convolve_back(
        self,
        index: EdgeIndex,
        patches: Patches,
        weight: Tensor,
        x: Tensor,
        signs: Tensor | None,
        slope: float | None,
        g: Tensor,
        wanted: tuple[bool, bool, bool],
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Return the gradients of x, weight and bias, each only if it is `wanted`, from g, that of y."""
        shape, size = _shape(index, patches, x)
        g, x = readable(g, size, g), readable(x, tuple(x.shape), g)
        weight = readable(weight, index.indices.shape, g)
        signs = None if signs is None else readable(signs, size, g)
        before = None if signs is None else _scratch(g)
        grad_x = torch.empty_like(x) if wanted[0] else None
        grad_weight = torch.zeros_like(weight) if wanted[1] else None
        grad_bias = (g.new_empty if g.numel() else g.new_zeros)(index.n_out) if wanted[2] else None
        own = (weight, x, g, signs)
        results = (before, grad_x, grad_weight, grad_bias)
        if g.numel():
            _function("convolve_back", g.dtype, index.indices.dtype)(
                index.n_in,
                index.n_out,
                shape,
                _threads(index, math.prod(size[1:])),
                index.indptr.data_ptr(),
                index.indices.data_ptr(),
                index.source_indptr.data_ptr(),
                index.source_targets.data_ptr(),
                index.by_source.data_ptr(),
                *(None if each is None else each.data_ptr() for each in own),
                slope or 0.0,
                *(None if each is None else each.data_ptr() for each in results),
            )
        return grad_x, grad_weight, grad_bias


def _shape(index: EdgeIndex, patches: Patches, x: Tensor) -> tuple[Any, tuple[int, int, int, int]]:
    """Return what compiled code is told of images and patches, and the shape of the result.

    Raises
    ------
    InvalidSize
        If the images do not have as many channels as the edges begin at, or are smaller than a patch.
    """
    channels, height, width, batch = x.shape
    rows, across = patches.size_of_result(height, width)
    if channels * patches.n_places != index.n_in or rows < 1 or across < 1:
        raise misfit(x, (index.n_in // patches.n_places, *patches.kernel_size, batch))
    numbers = (channels, height, width, rows, across, *patches.kernel_size, *patches.stride, *patches.padding, batch)
    return (_LONG * len(numbers))(*numbers), (index.n_out, rows, across, batch)


@cache
def _function(name: str, values: torch.dtype, ids: torch.dtype) -> Any:
    function = getattr(native_library(LIBRARIES[name]), f"netsparse_{name}_{TYPES[values]}_{TYPES[ids]}")
    function.argtypes, function.restype = ARGUMENTS[name], None
    return function


def _scratch(like: Tensor) -> Tensor:
    """Return room for as many numbers as `like` holds, this thread's own and the same again at the next call.

    Memory that is new at every step costs more than the pass that fills it: the system clears it page by page.
    """
    if like.numel() * like.element_size() > LARGEST_SCRATCH:
        return torch.empty_like(like)
    kept = getattr(_kept, "scratch", None)
    if kept is None or kept.dtype != like.dtype or kept.numel() < like.numel():
        kept = _kept.scratch = like.new_empty(like.numel())
    return kept


def _threads(index: EdgeIndex, batch: int) -> int:
    return torch.get_num_threads() if index.indices.shape[0] * batch > ALONE_BELOW else 1
