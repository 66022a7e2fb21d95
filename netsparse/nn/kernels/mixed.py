"""Mixed precision in a sparse layer: activations kept in 16 bits, products in the precision of the weights."""

from __future__ import annotations

import torch
from torch import Tensor

from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel
from netsparse.nn.kernels.patches import Patches


def as_autocast_says(kernel: Kernel, x: Tensor) -> tuple[Kernel, Tensor]:
    """Return kernel and inputs as they are, or inside `torch.autocast` a `HalfStorage` of it and the inputs rounded.

    Examples
    --------
    >>> from netsparse.nn.kernels import KERNELS
    >>> with torch.autocast("cpu", dtype=torch.bfloat16):
    ...     kernel, x = as_autocast_says(KERNELS["reference"], torch.rand(3, 2))
    >>> type(kernel).__name__, x.dtype
    ('HalfStorage', torch.bfloat16)
    """
    device = x.device.type
    if not torch.is_autocast_enabled(device):
        return kernel, x
    dtype = torch.get_autocast_dtype(device)
    return HalfStorage(kernel, dtype), x.to(dtype)


class HalfStorage(Kernel):
    """A layer that takes and gives activations in 16 bits, computed by another kernel in the precision of the weights.

    What is stored for the backward pass takes half the bytes; every sum over edges or over the batch is taken in the
    weights' precision, and the gradients of weights and biases are in it. One rounding of each activation and of each
    gradient that goes on to the layer below is all that is lost. A sum that rounds to 0 counts as not above 0 in the
    backward pass.

    Parameters
    ----------
    kernel : Kernel
        What computes.
    dtype : torch.dtype
        Of the activations, `torch.bfloat16` or `torch.float16`.
    """

    def __init__(self, kernel: Kernel, dtype: torch.dtype) -> None:
        self.kernel, self.dtype, self.is_sparse = kernel, dtype, kernel.is_sparse

    def spmm(self, index: EdgeIndex, weight: Tensor, x: Tensor) -> Tensor:
        """Return W x, rounded."""
        with _as_written(x):
            return self.kernel.spmm(index, weight, x.to(weight.dtype)).to(self.dtype)

    def spmm_t(self, index: EdgeIndex, weight: Tensor, g: Tensor) -> Tensor:
        """Return W^T g, rounded."""
        with _as_written(g):
            return self.kernel.spmm_t(index, weight, g.to(weight.dtype)).to(self.dtype)

    def sddmm(self, index: EdgeIndex, g: Tensor, x: Tensor) -> Tensor:
        """Return the entries of g x^T at the edges, in single precision: there are no weights to follow."""
        with _as_written(x):
            return self.kernel.sddmm(index, g.float(), x.float())

    def why_not(self, device: torch.device, dtype: torch.dtype) -> str | None:
        """Return what the other kernel says."""
        return self.kernel.why_not(device, dtype)

    def forward(
        self, index: EdgeIndex, weight: Tensor, bias: Tensor | None, x: Tensor, slope: float | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return y and what the signs are read from, both rounded; one tensor where they are one."""
        with _as_written(x):
            y, signs = self.kernel.forward(index, weight, bias, x.to(weight.dtype), slope)
        rounded = y.to(self.dtype)
        return rounded, rounded if signs is y else None if signs is None else signs.to(self.dtype)

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
        """Return the gradient of x, rounded, and those of weight and bias as they are."""
        wide = weight.dtype
        signs = None if signs is None else signs.to(wide)
        with _as_written(x):
            grad_x, grad_weight, grad_bias = self.kernel.backward(
                index, weight, x.to(wide), signs, slope, g.to(wide), wanted
            )
        return None if grad_x is None else grad_x.to(self.dtype), grad_weight, grad_bias

    def convolve(
        self, index: EdgeIndex, patches: Patches, weight: Tensor, bias: Tensor | None, x: Tensor, slope: float | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return y and what the signs are read from, both rounded; one tensor where they are one."""
        with _as_written(x):
            y, signs = self.kernel.convolve(index, patches, weight, bias, x.to(weight.dtype), slope)
        rounded = y.to(self.dtype)
        return rounded, rounded if signs is y else None if signs is None else signs.to(self.dtype)

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
        """Return the gradient of x, rounded, and those of weight and bias as they are."""
        wide = weight.dtype
        signs = None if signs is None else signs.to(wide)
        with _as_written(x):
            grad_x, grad_weight, grad_bias = self.kernel.convolve_back(
                index, patches, weight, x.to(wide), signs, slope, g.to(wide), wanted
            )
        return None if grad_x is None else grad_x.to(self.dtype), grad_weight, grad_bias


def _as_written(x: Tensor) -> torch.autocast:
    """Return a context in which torch computes in the dtypes that are given: autocast would narrow the products."""
    return torch.autocast(x.device.type, enabled=False)
