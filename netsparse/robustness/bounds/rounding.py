"""`Rounding`: how far a model's own floating-point arithmetic may be from the function it stands for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

OURS = 2.0**-53
"""Unit roundoff of the bounds themselves, which are taken in double precision."""


@dataclass(frozen=True)
class Rounding:
    """The arithmetic of a model, bounded from outside, so that a certificate holds for what the model really returns.

    A sum of n products in a float type of unit roundoff u, in any order and with or without fused operations, is off by
    at most gamma(n) = n u / (1 - n u) times the sum of the products' absolute values, and by what underflows: Higham,
    Accuracy and stability of numerical algorithms, SIAM 2002, doi:10.1137/1.9780898718027, chapters 2 to 4. The bounds'
    own arithmetic, double precision, is counted on top.

    Parameters
    ----------
    unit : float
        Unit roundoff u of the model's dtype.
    tiny : float
        Most that an operation loses where numbers underflow.
    largest : float
        Largest number of that dtype; beyond it nothing is certain.
    """

    unit: float
    tiny: float
    largest: float

    @classmethod
    def of(cls, dtype: torch.dtype) -> Rounding:
        """Return the arithmetic of a float type.

        Examples
        --------
        >>> Rounding.of(torch.float32).unit == 2.0**-24
        True
        """
        info = torch.finfo(dtype)
        return cls(info.eps / 2, info.tiny, info.max)

    def gamma(self, n: int, *, inputs: float = 0.0) -> float:
        """Return the relative error of a sum of `n` products and a constant; inf where there is no bound.

        Parameters
        ----------
        n : int
            Number of products.
        inputs : float
            Relative error by which the hardware rounds the product of two numbers before it adds (TF32, say).

        Examples
        --------
        >>> Rounding.of(torch.float32).gamma(1000) < 1e-4, Rounding.of(torch.bfloat16).gamma(1000)
        (True, inf)
        """
        share = (n + 2) * self.unit
        return share / (1.0 - share) + inputs + 16 * (n + 4) * OURS if share < 0.5 else math.inf

    def few(self, n: int = 16) -> float:
        """Return the relative error of up to `n` operations on one number."""
        return n * (self.unit + OURS)


def shortened_inputs(*, is_convolution: bool, on_cuda: bool) -> float:
    """Return by how much torch may shorten a product's factors in float32, as its settings allow here and now.

    torch's matmul precision "high" allows TF32 (11 bits), "medium" bfloat16 (8 bits); convolutions on a GPU are counted
    as TF32 whatever the settings, because cuDNN has its own, on by default.

    Examples
    --------
    >>> shortened_inputs(is_convolution=True, on_cuda=True)
    0.001953125
    """
    allowed = {"highest": 0.0, "high": 2.0**-9, "medium": 2.0**-6}[torch.get_float32_matmul_precision()]
    return max(allowed, 2.0**-9) if is_convolution and on_cuda else allowed
