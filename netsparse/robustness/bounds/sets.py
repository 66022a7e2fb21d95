"""What is known of the activations for all images around one: an interval each, or a distance from a centre."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Box:
    """Every activation lies in its interval, for every image of the set, as the model computes it.

    Parameters
    ----------
    lower, upper : tensors (batch, ...)
        Ends of the intervals, in double precision.
    centre, distance : tensors (batch, ...) and (batch,), optional
        Where the activations also lie within an L2 distance of a centre: images of an L2 ball, up to the first sums.
    """

    lower: Tensor
    upper: Tensor
    centre: Tensor | None = None
    distance: Tensor | None = None

    @property
    def largest(self) -> Tensor:
        """Largest absolute value in each interval."""
        return torch.maximum(self.lower.abs(), self.upper.abs())

    @property
    def middle_and_half(self) -> tuple[Tensor, Tensor]:
        """Middle of each interval, and half its length."""
        return (self.lower + self.upper) / 2, (self.upper - self.lower) / 2


@dataclass(frozen=True)
class Ball:
    """The activations lie within a distance of `centre`, for every image of the set.

    Parameters
    ----------
    centre : tensor (batch, ...)
        Activations of the images themselves, in double precision.
    radius : tensor (batch,)
        L2 distance that exact activations of an image of the set have from it at most.
    error : tensor (batch,)
        L2 distance that activations as the model computes them have from exact ones at most.
    """

    centre: Tensor
    radius: Tensor
    error: Tensor

    @property
    def norm(self) -> Tensor:
        """Largest L2 norm of activations in the set (batch,), as the model computes them."""
        return self.centre.flatten(1).norm(dim=1) + self.radius + self.error


class Part(Protocol):
    """One step of a model: how it maps what is known."""

    @property
    def lipschitz(self) -> float:
        """Factor by which the L2 distance of two activations grows at most."""
        ...

    def box(self, box: Box) -> Box:
        """Return intervals that hold every output."""
        ...

    def ball(self, ball: Ball) -> Ball:
        """Return a centre and distances that hold every output."""
        ...


def through_boxes(parts: Iterable[Part], box: Box) -> Box:
    """Return the intervals behind several parts."""
    return reduce(lambda known, part: part.box(known), parts, box)


def through_balls(parts: Iterable[Part], ball: Ball) -> Ball:
    """Return the centre and the distances behind several parts."""
    return reduce(lambda known, part: part.ball(known), parts, ball)


def over_samples(values: Tensor, like: Tensor) -> Tensor:
    """Return one number per sample (batch,) in a shape that goes with `like` (batch, ...).

    Examples
    --------
    >>> over_samples(torch.ones(5), torch.zeros(5, 3, 2, 2)).shape
    torch.Size([5, 1, 1, 1])
    """
    return values.view(-1, *[1] * (like.dim() - 1))
