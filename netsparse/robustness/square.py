"""The square attack: random squares of +-eps, kept where they help; looks at logits alone, never at a gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

HALVED_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which the area of the squares is halved, as in the authors' code."""


@dataclass(frozen=True)
class Square:
    """Random search for an image within the L-infinity ball that a model errs on; a black-box attack.

    It starts from x + eps s, s one random sign for each column of each channel. Every further query draws a square, at
    a place of its own for each image, and one random sign for each channel; inside the square the image becomes x + eps
    sign, clipped to [0, 1]. The change is kept where the margin f_y - max_{k != y} f_k falls, and an image is left as
    soon as its margin is negative. The side of the squares is sqrt(p h w), rounded, with p = `area` at first and halved
    nine times on the way.

    Parameters
    ----------
    eps : float
        Most that a pixel changes by.
    queries : int
        How often the model is asked about each image.
    shape : tuple of int
        Of an image before it was flattened: (height, width) or (channels, height, width); of any other shape the
        pixels are one row, and the squares are segments of it.
    area : float
        Share of the image that the first squares cover.

    References
    ----------
    Andriushchenko, Croce, Flammarion, Hein, Square Attack: a query-efficient black-box adversarial attack via random
    search, arXiv:1912.00049. The schedule is that of the authors' code, and 0.8 that of AutoAttack (arXiv:2003.01690);
    unlike their code, ours does not draw again where a square changes nothing, and squares may fill the image.

    Examples
    --------
    >>> model = nn.Linear(4, 2, bias=False)
    >>> model.weight.data = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    >>> attack = Square(0.25, queries=50, shape=(2, 2))
    >>> attack(model, torch.full((1, 4), 0.5), torch.tensor([0]), np.random.default_rng(0))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    eps: float
    queries: int = 1000
    shape: tuple[int, ...] = ()
    area: float = 0.8

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> Tensor:
        """Return the changed images of rows `x` (n, n_pixels) with labels `y` (n,); the model is only asked."""
        with torch.no_grad():
            return self._search(model, x, y, rng)

    def _search(self, model: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> Tensor:
        channels, height, width = sides(self.shape, x.shape[1])
        clean = x.view(-1, channels, height, width)
        stripes = _signs(rng, (len(x), channels, 1, width), x)
        best = (clean + self.eps * stripes).clamp_(0.0, 1.0)
        margin = _margin(model, best, y)
        rows, columns = (torch.arange(n, device=x.device) for n in (height, width))
        for query in range(1, self.queries):
            alive = torch.nonzero(margin >= 0.0).flatten()  # a tie may be an error or not: go on
            if not len(alive):
                break
            side = self._side(query, height, width)
            high, wide = min(side, height), min(side, width)
            top, left = (
                torch.from_numpy(rng.integers(0, room + 1, (len(alive), 1))).to(x.device)
                for room in (height - high, width - wide)
            )
            inside = ((rows >= top) & (rows < top + high))[:, None, :, None] & (
                (columns >= left) & (columns < left + wide)
            )[:, None, None, :]
            signs = _signs(rng, (len(alive), channels, 1, 1), x)
            tried = torch.where(inside, (clean[alive] + self.eps * signs).clamp_(0.0, 1.0), best[alive])
            found = _margin(model, tried, y[alive])
            better = found < margin[alive]
            best[alive[better]], margin[alive[better]] = tried[better], found[better]
        return best.view(x.shape)

    def _side(self, query: int, height: int, width: int) -> int:
        halvings = sum(query > share * self.queries for share in HALVED_AT)
        return max(1, round(math.sqrt(self.area * height * width / 2**halvings)))


def sides(shape: tuple[int, ...], n_pixels: int) -> tuple[int, int, int]:
    """Return channels, height and width of an image of this shape; one row of pixels where it is no picture.

    Examples
    --------
    >>> sides((28, 28), 784), sides((3, 32, 32), 3072), sides((30,), 30)
    ((1, 28, 28), (3, 32, 32), (1, 1, 30))
    """
    if math.prod(shape) == n_pixels and len(shape) in (2, 3):
        channels, height, width = (1, *shape)[-3:]
        return channels, height, width
    return 1, 1, n_pixels


def _signs(rng: np.random.Generator, shape: tuple[int, ...], like: Tensor) -> Tensor:
    return torch.from_numpy(2.0 * rng.integers(0, 2, shape) - 1.0).to(like.device, like.dtype)


def _margin(model: nn.Module, images: Tensor, y: Tensor) -> Tensor:
    """Return by how much the logit of the true class exceeds the largest other one."""
    logits = model(images.flatten(1))
    own = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], -math.inf)
    return own[:, 0] - others.amax(1)
