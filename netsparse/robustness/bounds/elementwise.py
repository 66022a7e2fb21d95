"""Parts that mix nothing, or only take the largest of a few: scales, activations, max pooling, other shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from netsparse.robustness.bounds.rounding import OURS, Rounding
from netsparse.robustness.bounds.sets import Ball, Box, over_samples

SLACK = 1.0 + 16 * OURS


@dataclass(frozen=True, eq=False)
class Scale:
    """y = (x - mean) * factor + shift with fixed numbers: normalisation, batch normalisation in evaluation mode.

    Parameters
    ----------
    mean, factor, shift : tensors
        In a shape that goes with the inputs, in double precision.
    rounding : Rounding
        The model's; it may compute this in any order.
    """

    mean: Tensor
    factor: Tensor
    shift: Tensor
    rounding: Rounding

    @property
    def lipschitz(self) -> float:
        """The largest factor's absolute value."""
        return float(self.factor.abs().max()) * SLACK

    def _at(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.factor + self.shift

    def _lost(self, largest: Tensor) -> Tensor:
        size = (largest + self.mean.abs()) * self.factor.abs() + self.shift.abs()
        lost = self.rounding.few() * size + (self.factor.abs() + 4.0) * self.rounding.tiny
        return torch.where(size < self.rounding.largest / 4, lost, math.inf)

    def box(self, box: Box) -> Box:
        """Return both ends scaled, and exchanged where the factor is negative."""
        ends, lost = (self._at(box.lower), self._at(box.upper)), self._lost(box.largest)
        scaled = Box(torch.minimum(*ends) - lost, torch.maximum(*ends) + lost)
        if box.centre is None or box.distance is None or self.factor.numel() > 1:
            return scaled
        distance = over_samples(box.distance, box.centre)
        most = self._lost(box.centre.abs() + distance).flatten(1).amax(1)
        distance = (box.distance * self.factor.abs() + most * _side(box.centre)) * SLACK
        return replace(scaled, centre=self._at(box.centre), distance=distance)

    def ball(self, ball: Ball) -> Ball:
        """Return the centre scaled, the distances by the largest factor."""
        centre, factor = self._at(ball.centre), self.lipschitz
        constant = (self.mean * self.factor).abs() + self.shift.abs()
        size = factor * ball.norm + constant.expand(centre.shape[1:]).norm()
        added = self.rounding.few() * size + (factor + 4.0) * self.rounding.tiny * _side(centre)
        error = torch.where(size < self.rounding.largest / 4, factor * ball.error + added, math.inf)
        return Ball(centre, factor * ball.radius * SLACK, error)


@dataclass(frozen=True)
class Activation:
    """f(z) = z for z > 0 and slope z elsewhere; with a negative slope it falls first, and its smallest value is f(0).

    Parameters
    ----------
    slope : float
        Any finite number.
    rounding : Rounding
        The model's.
    """

    slope: float
    rounding: Rounding

    @property
    def lipschitz(self) -> float:
        """The steeper of its two sides."""
        return max(1.0, abs(self.slope) * (1.0 + self.rounding.few()))

    def _at(self, z: Tensor) -> Tensor:
        return torch.where(z > 0, z, self.slope * z)

    def _lost(self, values: Tensor) -> Tensor | float:
        """Return what the model's multiplication by the slope may be off: nothing for ReLU."""
        return 0.0 if self.slope in (0.0, 1.0) else self.rounding.few(4) * values + self.rounding.tiny

    def box(self, box: Box) -> Box:
        """Return the smallest and the largest value on each interval."""
        low, high = self._at(box.lower), self._at(box.upper)
        lower, upper = torch.minimum(low, high), torch.maximum(low, high)
        if self.slope < 0:
            lower = torch.where((box.lower < 0) & (box.upper > 0), 0.0, lower)
        lost = self._lost(torch.maximum(lower.abs(), upper.abs()))
        return Box(lower - lost, upper + lost)

    def ball(self, ball: Ball) -> Ball:
        """Return f of the centre, the distances by the steeper slope."""
        steep = self.lipschitz
        lost = 0.0
        if self.slope not in (0.0, 1.0):
            lost = self.rounding.few(4) * abs(self.slope) * ball.norm + self.rounding.tiny * _side(ball.centre)
        return Ball(self._at(ball.centre), steep * ball.radius * SLACK, steep * ball.error * SLACK + lost)


@dataclass(frozen=True)
class MaxPool:
    """The largest of the values in a window, window by window; monotone, and never rounded.

    Parameters
    ----------
    pool : nn.MaxPool2d
        Says windows, steps and padding.
    overlap : int
        Largest number of windows that a value lies in.
    """

    pool: nn.MaxPool2d
    overlap: int

    @property
    def lipschitz(self) -> float:
        """1 for windows side by side: the largest values of a window differ by no more than the windows do."""
        return math.sqrt(self.overlap) * (1.0 if self.overlap == 1 else SLACK)

    def box(self, box: Box) -> Box:
        """Return both ends pooled."""
        return Box(self.pool(box.lower), self.pool(box.upper))

    def ball(self, ball: Ball) -> Ball:
        """Return the centre pooled."""
        return Ball(self.pool(ball.centre), self.lipschitz * ball.radius, self.lipschitz * ball.error)


@dataclass(frozen=True)
class Reshape:
    """The same numbers, laid out otherwise within each sample.

    Parameters
    ----------
    shape : tuple of int
        Of one sample; (-1,) flattens it.
    """

    shape: tuple[int, ...]
    lipschitz: float = 1.0

    def box(self, box: Box) -> Box:
        """Return the same intervals."""
        centre = None if box.centre is None else self._laid(box.centre)
        return Box(self._laid(box.lower), self._laid(box.upper), centre, box.distance)

    def ball(self, ball: Ball) -> Ball:
        """Return the same ball."""
        return replace(ball, centre=self._laid(ball.centre))

    def _laid(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), *self.shape)


def _side(x: Tensor) -> float:
    """Return by how much a bound on every number of a sample grows to one on their L2 norm."""
    return math.sqrt(max(1, x[0].numel() if len(x) else 1)) * SLACK
