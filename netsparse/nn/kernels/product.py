"""The autograd function of a sparse layer: forward and all gradients through one kernel, truly on the edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from netsparse.errors import InvalidOption
from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel, before_activation
from netsparse.nn.kernels.mixed import HalfStorage, as_autocast_says
from netsparse.nn.kernels.operands import misfit
from netsparse.nn.kernels.reference import Reference

Watch = Callable[[Tensor, Tensor], None]
"""Called in the backward pass as `watch(x, g)`: inputs (n_in, batch), gradient of W x + b (n_out, batch)."""


class SparseProduct(torch.autograd.Function):
    """y = f(W x + b) with x (n_in, batch) and y (n_out, batch), both contiguous; W's entries are the edge weights.

    May be differentiated twice: a backward pass that makes a graph of itself (`create_graph=True`) is computed in plain
    torch by `Reference`, whose memory is that of a batch on every edge.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        index: EdgeIndex,
        kernel: Kernel,
        slope: float | None,
        watch: Watch | None,
    ) -> Tensor:
        """Compute f(W x + b); the bias (n_out,) is left out where it is None, f where `slope` is (see `Kernel`)."""
        if weight.shape != index.indices.shape:  # some kernels would repeat a single number
            raise misfit(weight, index.indices.shape)
        if bias is not None and bias.shape != (index.n_out,):
            raise misfit(bias, (index.n_out,))
        given = x
        kernel, x = as_autocast_says(kernel, x)
        ctx.rounds = x is not given
        y, signs = kernel.forward(index, weight, bias, x, slope)
        ctx.save_for_backward(x, weight, signs)
        ctx.index, ctx.kernel, ctx.slope, ctx.watch = index, kernel, slope, watch
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None, None, None]:
        """Compute the gradients of x, weight and bias, each only if needed."""
        x, weight, signs = ctx.saved_tensors
        g = grads[0].contiguous()
        if ctx.watch is not None:
            ctx.watch(x.to(weight.dtype), before_activation(g, signs, ctx.slope).to(weight.dtype))
        wanted = ctx.needs_input_grad[:3]
        kernel = differentiable(ctx) if torch.is_grad_enabled() else ctx.kernel
        grad_x, grad_weight, grad_bias = kernel.backward(ctx.index, weight, x, signs, ctx.slope, g, wanted)
        return grad_x, grad_weight, grad_bias, None, None, None, None


def differentiable(ctx: Any) -> Kernel:
    """Return a kernel that autograd sees through, in the same numbers as the one of the forward pass."""
    if not isinstance(ctx.kernel, HalfStorage):
        return Reference()
    if ctx.rounds and ctx.needs_input_grad[0]:  # only what it was rounded to is kept, and that is nobody's output
        dtype = ctx.kernel.dtype
        given, expected = f"of an input that autocast rounded to {dtype}", f"an input in {dtype}, or no autocast"
        raise InvalidOption("second derivative", given, expected, f"x.to({dtype}) before the layer")
    return HalfStorage(Reference(), ctx.kernel.dtype)
