"""Input normalisation as the first part of a model, so that attacks and probes work on inputs in [0, 1]."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.nn.columns import normalized_columns


class Normalize(nn.Module):
    """Map x to (x - mean) / std with two fixed numbers.

    Parameters
    ----------
    mean, std : float
        Of the training inputs.

    Raises
    ------
    InvalidOption
        If one is not finite, or `std` is not above 0.

    Examples
    --------
    >>> Normalize(0.5, 0.25)(torch.tensor([0.5, 1.0])).tolist()
    [0.0, 2.0]
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        super().__init__()
        if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
            raise InvalidOption("normalization", f"mean {mean}, std {std}", "finite numbers, std above 0", "(0.0, 1.0)")
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("std", torch.tensor(float(std)))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, any shape; (batch, n) comes back as the transposed view of a feature-major buffer."""
        return normalized_columns(x, self.mean, self.std) if x.dim() == 2 else (x - self.mean) / self.std
