"""Noise within a ball around an image: what an attack that looks at nothing reaches."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from netsparse.train.norms import NORMS


def uniform_noise(x: Tensor, eps: float, norm: str, rng: np.random.Generator) -> Tensor:
    """Return x + u clipped to [0, 1], u uniform in the ball of radius eps.

    Parameters
    ----------
    x : Tensor of shape (n_images, n_pixels)
        Images in [0, 1].
    eps : float
        Radius.
    norm : {"linf", "l2"}
        Of the ball.
    rng : numpy.random.Generator
        Source of the noise; its numbers are the same on every device.

    Examples
    --------
    >>> noisy = uniform_noise(torch.full((2, 3), 0.5), 0.25, "linf", np.random.default_rng(0))
    >>> bool(((noisy - 0.5).abs() <= 0.25).all()), noisy.unique().numel()
    (True, 6)
    """
    return (x + NORMS[norm].uniform(eps, x, rng)).clamp_(0.0, 1.0)


def gaussian_noise(x: Tensor, eps: float, norm: str, rng: np.random.Generator) -> Tensor:
    """Return x + z clipped to [0, 1], z normal noise that stays in the ball of radius eps; its widths are ours.

    "linf": every pixel normal with standard deviation eps / 2, cut off at -eps and eps. "l2": a uniform direction of
    length eps, which is where normal noise of many pixels lies.

    Parameters
    ----------
    x, eps, norm, rng
        See `uniform_noise`.

    Examples
    --------
    >>> noisy = gaussian_noise(torch.full((2, 50), 0.5), 0.25, "l2", np.random.default_rng(0))
    >>> (noisy - 0.5).norm(dim=1)
    tensor([0.2500, 0.2500])
    """
    drawn = rng.standard_normal(tuple(x.shape), dtype=np.float64 if x.dtype is torch.float64 else np.float32)
    noise = torch.from_numpy(drawn).to(x.device, x.dtype)
    if norm == "linf":
        noise = (0.5 * eps * noise).clamp_(-eps, eps)
    else:
        noise *= eps / noise.norm(dim=1, keepdim=True).clamp_(min=torch.finfo(x.dtype).tiny)
    return (x + noise).clamp_(0.0, 1.0)
