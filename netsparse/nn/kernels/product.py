"""The autograd function of a sparse layer: forward and both gradients through one kernel, truly on the edges."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from netsparse.nn.kernels.index import EdgeIndex


class SparseProduct(torch.autograd.Function):
    """y = W x with x (n_in, batch) and y (n_out, batch), both contiguous; W's entries are the 1-D edge weights."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, index: EdgeIndex, kernel: ModuleType) -> Tensor:
        """Compute W x."""
        ctx.save_for_backward(x, weight)
        ctx.index, ctx.kernel = index, kernel
        return kernel.spmm(index, weight, x)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator hides the names
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Compute W^T g for the input and the entries of g x^T at the edges for the weights, each only if needed."""
        x, weight = ctx.saved_tensors
        g = grads[0].contiguous()
        grad_x = ctx.kernel.spmm_t(ctx.index, weight, g) if ctx.needs_input_grad[0] else None
        grad_weight = ctx.kernel.sddmm(ctx.index, g, x) if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight, None, None
