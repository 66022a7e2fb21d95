"""The ball around each image that an attack stays in: how a step goes in it, and how a point of it is drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor


class Ball(ABC):
    """The images of [0, 1] that are at most `eps` away from each image of a batch.

    Parameters
    ----------
    x : Tensor of shape (n, ...)
        The middles, in [0, 1].
    eps : float
        The radius.
    """

    def __init__(self, x: Tensor, eps: float) -> None:
        self.x, self.eps = x, eps

    @staticmethod
    @abstractmethod
    def largest(n_pixels: int) -> float:
        """Return the radius from which on the ball around any image holds the whole cube [0, 1]^n_pixels."""

    @staticmethod
    @abstractmethod
    def uniform(eps: float, like: Tensor, rng: np.random.Generator) -> Tensor:
        """Draw one offset per image, uniform in the ball of radius `eps` around 0, whatever the cube."""

    @abstractmethod
    def projected(self, at: Tensor) -> Tensor:
        """Return images of the ball, the given ones where they are in it."""

    @abstractmethod
    def climbed(self, at: Tensor, gradient: Tensor, length: float) -> Tensor:
        """Return where a step of this length up the gradient leads, projected; may overwrite the gradient."""


class LInfBall(Ball):
    """No pixel is more than `eps` away; a step has the same length in every pixel whose gradient is not 0.

    The projection is the nearest point of ball and cube.
    """

    def __init__(self, x: Tensor, eps: float) -> None:
        super().__init__(x, eps)
        self._low, self._high = (x - eps).clamp_(min=0.0), (x + eps).clamp_(max=1.0)

    @staticmethod
    def largest(n_pixels: int) -> float:
        """Return 1."""
        return 1.0

    @staticmethod
    def uniform(eps: float, like: Tensor, rng: np.random.Generator) -> Tensor:
        """Draw every pixel uniformly in [-eps, eps]."""
        drawn = rng.random(tuple(like.shape), dtype=_dtype(like))
        return torch.from_numpy(drawn).mul_(2.0 * eps).sub_(eps).to(like.device, like.dtype)

    def projected(self, at: Tensor) -> Tensor:
        """Return the nearest images of the ball."""
        return torch.clamp(at, self._low, self._high)

    def climbed(self, at: Tensor, gradient: Tensor, length: float) -> Tensor:
        """Return P(at + length sign(gradient))."""
        return torch.add(at, gradient.sign_(), alpha=length).clamp_(self._low, self._high)


class L2Ball(Ball):
    """The Euclidean distance of a whole image is at most `eps`; a step goes along the gradient, made to length 1.

    What is too far away is drawn back along the line to the middle, and then clipped to [0, 1]. Clipping moves no
    pixel away from the middle, so that the result is in both ball and cube; it need not be their nearest point.
    Distances hold up to the rounding of the images' dtype.

    Examples
    --------
    >>> ball = L2Ball(torch.tensor([[0.5, 0.5]]), 0.5)
    >>> ball.projected(torch.tensor([[0.5 + 1.2, 0.5 + 1.6]]))
    tensor([[0.8000, 0.9000]])
    """

    @staticmethod
    def largest(n_pixels: int) -> float:
        """Return the diagonal of the cube."""
        return float(np.sqrt(n_pixels))

    @staticmethod
    def uniform(eps: float, like: Tensor, rng: np.random.Generator) -> Tensor:
        """Draw a direction, and a distance whose n_pixels-th power is uniform."""
        dtype = _dtype(like)
        direction = rng.standard_normal((len(like), like[:1].numel()), dtype=dtype)
        distance = eps * rng.random((len(like), 1), dtype=dtype) ** (1.0 / max(1, direction.shape[1]))
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        offsets = direction * (distance / np.maximum(length, np.finfo(dtype).tiny)).astype(dtype)
        return torch.from_numpy(offsets).reshape(like.shape).to(like.device, like.dtype)

    def projected(self, at: Tensor) -> Tensor:
        """Return images of the ball and the cube."""
        away = at - self.x
        share = self.eps / _lengths(away).clamp_(min=max(self.eps, torch.finfo(away.dtype).tiny))
        return torch.addcmul(self.x, away, share).clamp_(0.0, 1.0)

    def climbed(self, at: Tensor, gradient: Tensor, length: float) -> Tensor:
        """Return P(at + length gradient / |gradient|), and P(at) where the gradient is 0."""
        if not gradient.numel():
            return at
        # first to a largest entry of 1: squares of small gradients would be 0
        tiny = torch.finfo(gradient.dtype).tiny
        gradient = gradient.div_(gradient.abs().amax(_pixels(gradient), keepdim=True).clamp_(min=tiny))
        lengths = _lengths(gradient)
        lengths.masked_fill_(lengths == 0.0, 1.0)  # not a tiny number: length / tiny is inf, and 0 * inf no number
        return self.projected(torch.addcmul(at, gradient, length / lengths))


NORMS: dict[str, type[Ball]] = {"linf": LInfBall, "l2": L2Ball}
"""The balls by the names of their norms."""


def _pixels(x: Tensor) -> tuple[int, ...]:
    """Return the axes of an image."""
    return tuple(range(1, x.dim()))


def _lengths(x: Tensor) -> Tensor:
    """Return the Euclidean length of each image, in a shape that multiplies images."""
    return (x * x).sum(_pixels(x), keepdim=True).sqrt_()  # six times faster than a norm where images lie in columns


def _dtype(like: Tensor) -> type[np.float32] | type[np.float64]:
    return np.float64 if like.dtype is torch.float64 else np.float32
