"""`Kernel`: what computes a sparse layer, forward and backward, on feature-major operands."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.patches import Patches


class Kernel(ABC):
    """Three products on the edges of a layer, and the layer made of them.

    Activations are feature-major: x (n_in, batch), y and g (n_out, batch), contiguous; the weights are one entry per
    edge. A kernel supplies the products; where it can do bias, activation and several products in one pass it overrides
    `forward` and `backward` too, which are the same arithmetic step by step.

    The activation is f(z) = z for z > 0 and `slope` z elsewhere, so that one number says it: 0 is ReLU, 0.01 leaky
    ReLU, a negative one the other half of all-ReLU; None is no activation.
    """

    is_sparse = True
    """Whether work and memory are in proportion to the edges."""

    @abstractmethod
    def spmm(self, index: EdgeIndex, weight: Tensor, x: Tensor) -> Tensor:
        """Return W x: (n_out, batch) from x (n_in, batch)."""

    @abstractmethod
    def spmm_t(self, index: EdgeIndex, weight: Tensor, g: Tensor) -> Tensor:
        """Return W^T g: (n_in, batch) from g (n_out, batch)."""

    @abstractmethod
    def sddmm(self, index: EdgeIndex, g: Tensor, x: Tensor) -> Tensor:
        """Return the entries of g x^T at the edges: (n_edges,)."""

    def why_not(self, device: torch.device, dtype: torch.dtype) -> str | None:
        """Return why this kernel cannot compute there in a few words, None where it can."""
        return None

    def forward(
        self, index: EdgeIndex, weight: Tensor, bias: Tensor | None, x: Tensor, slope: float | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return y = f(W x + b), and what `backward` reads the sign of W x + b from (None without an activation).

        That is y itself unless the slope is negative, which hides the sign.
        """
        z = self.spmm(index, weight, x)
        if bias is not None:
            z.add_(bias[:, None])
        if slope is None:
            return z, None
        if slope < 0.0:
            return torch.where(z > 0, z, slope * z), z
        y = torch.nn.functional.leaky_relu_(z, slope) if slope else z.relu_()
        return y, y

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
        """Return the gradients of x, weight and bias, each only if it is `wanted`, from g, that of y.

        With g' = g f'(W x + b): W^T g', the entries of g' x^T at the edges, and the batch sum of g'. `g` is left as is.
        """
        g = before_activation(g, signs, slope)
        grad_x = self.spmm_t(index, weight, g) if wanted[0] else None
        grad_weight = self.sddmm(index, g, x) if wanted[1] else None
        return grad_x, grad_weight, g.sum(1) if wanted[2] else None

    def convolve(
        self, index: EdgeIndex, patches: Patches, weight: Tensor, bias: Tensor | None, x: Tensor, slope: float | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return y = f(W * x + b), a convolution, and what `convolve_back` reads the sign of W * x + b from.

        x (channels, height, width, batch) and y (n_out, height', width', batch), contiguous; n_in = channels * kh * kw.
        Unless a kernel can do without, the patches are unrolled.
        """
        shape = (index.n_out, *patches.size_of_result(*x.shape[1:3]), x.shape[3])
        flat, signs = self.forward(index, weight, bias, patches.unrolled(x), slope)
        y = flat.view(shape)
        return y, None if signs is None else y if signs is flat else signs.view(shape)

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
        g = before_activation(g, signs, slope).view(index.n_out, -1)
        grad_x = patches.folded(self.spmm_t(index, weight, g), x) if wanted[0] else None
        grad_weight = self.sddmm(index, g, patches.unrolled(x)) if wanted[1] else None
        return grad_x, grad_weight, g.sum(1) if wanted[2] else None


def before_activation(g: Tensor, signs: Tensor | None, slope: float | None) -> Tensor:
    """Return g f'(W x + b), the gradient of what went into the activation; g itself where there is none."""
    if signs is None or slope is None:
        return g
    return torch.where(signs > 0, g, slope * g if slope else 0.0)
