"""The autograd function of a sparse convolution: forward and all gradients through one kernel, truly on the edges."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel, before_activation
from netsparse.nn.kernels.mixed import as_autocast_says
from netsparse.nn.kernels.operands import misfit
from netsparse.nn.kernels.patches import Patches
from netsparse.nn.kernels.product import Watch, differentiable


class SparseConvolution(torch.autograd.Function):
    """y = f(W * x + b) with x (channels, height, width, batch) and y (n_out, height', width', batch), both contiguous.

    May be differentiated twice, like `SparseProduct`: a backward pass that makes a graph of itself is computed in plain
    torch by `Reference`, whose memory is that of a batch of unrolled patches on every edge.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        index: EdgeIndex,
        patches: Patches,
        kernel: Kernel,
        slope: float | None,
        watch: Watch | None,
    ) -> Tensor:
        """Compute f(W * x + b); the bias (n_out,) is left out where it is None, f where `slope` is (see `Kernel`)."""
        if weight.shape != index.indices.shape:
            raise misfit(weight, index.indices.shape)
        if bias is not None and bias.shape != (index.n_out,):
            raise misfit(bias, (index.n_out,))
        given = x
        kernel, x = as_autocast_says(kernel, x)
        ctx.rounds = x is not given
        y, signs = kernel.convolve(index, patches, weight, bias, x, slope)
        ctx.save_for_backward(x, weight, signs)
        ctx.index, ctx.patches, ctx.kernel, ctx.slope, ctx.watch = index, patches, kernel, slope, watch
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        """Compute the gradients of x, weight and bias, each only if needed."""
        x, weight, signs = ctx.saved_tensors
        g = grads[0].contiguous()
        wanted = ctx.needs_input_grad[:3]
        if ctx.watch is not None and wanted[1]:
            with torch.no_grad():
                inner = before_activation(g, signs, ctx.slope).to(weight.dtype)
                tell(ctx.watch, ctx.patches.dense_gradient(x.to(weight.dtype), inner))
        kernel = differentiable(ctx) if torch.is_grad_enabled() else ctx.kernel
        own = kernel.convolve_back(ctx.index, ctx.patches, weight, x, signs, ctx.slope, g, wanted)
        return *own, None, None, None, None, None


def tell(watch: Watch, dense_gradient: Tensor) -> None:
    """Hand a dense gradient (n_out, n_in) on as two factors whose product it is, one of them the identity."""
    n_out, n_in = dense_gradient.shape
    one = torch.eye(min(n_in, n_out), dtype=dense_gradient.dtype, device=dense_gradient.device)
    if n_out <= n_in:
        watch(dense_gradient.t(), one)
    else:
        watch(one, dense_gradient)
