"""What an attack on images is built from, and what comes of it: one attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

Try = Callable[[nn.Module, Tensor, Tensor, np.random.Generator], Tensor]
"""One attempt: model, images in [0, 1] as rows, true labels, source of randomness -> changed images."""


@dataclass(frozen=True)
class Setting:
    """What an attack is built from, checked.

    Attributes
    ----------
    norm : {"linf", "l2"}
        Of the ball around an image.
    steps : int or None
        Steps or queries; None for an attack that counts none.
    step_size : float or None
        Length of a step; None: it follows from eps.
    shape : tuple of int
        Of an image before it was flattened.
    n_classes : int
        Number of logits.
    source : nn.Module or None
        The model that images are made on to be tried on another.
    """

    norm: str
    steps: int | None
    step_size: float | None
    shape: tuple[int, ...]
    n_classes: int
    source: nn.Module | None

    def length(self, eps: float) -> float:
        """Return the length of a step within a ball of radius `eps`: 2.5 eps / steps, eps for a single one."""
        if self.step_size is not None:
            return self.step_size
        return eps if self.steps in (None, 1) else 2.5 * eps / self.steps
