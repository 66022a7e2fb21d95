"""The autograd function of a sparse layer: forward and both gradients through one kernel, truly on the edges."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from netsparse.nn.kernels.index import EdgeIndex


class SparseProduct(torch.autograd.Function):
    """y = W x + b with x (n_in, batch) and y (n_out, batch), both contiguous; W's entries are the 1-D edge weights."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, index: EdgeIndex, kernel: ModuleType
    ) -> Tensor:
        """Compute W x + b; the bias (n_out,) is added in place, or left out where it is None."""
        ctx.save_for_backward(x, weight)
        ctx.index, ctx.kernel = index, kernel
        y = kernel.spmm(index, weight, x)
        return y if bias is None else y.add_(bias[:, None])

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator hides the names
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        """Compute W^T g for x, the entries of g x^T at the edges, and the batch sum of g for b, each only if needed."""
        x, weight = ctx.saved_tensors
        g = grads[0].contiguous()
        grad_x = ctx.kernel.spmm_t(ctx.index, weight, g) if ctx.needs_input_grad[0] else None
        grad_weight = ctx.kernel.sddmm(ctx.index, g, x) if ctx.needs_input_grad[1] else None
        grad_bias = g.sum(1) if ctx.needs_input_grad[2] else None
        return grad_x, grad_weight, grad_bias, None, None
