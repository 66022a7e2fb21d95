"""How far two predictions are apart: the Kullback-Leibler divergence, image by image."""

from __future__ import annotations

import torch
from torch import Tensor


def log_probabilities(logits: Tensor) -> Tensor:
    """Return the logarithm of the softmax of logits (n, n_classes), in float32 at least.

    Examples
    --------
    >>> log_probabilities(torch.zeros(1, 2, dtype=torch.bfloat16)).exp()
    tensor([[0.5000, 0.5000]])
    """
    half = logits.dtype in (torch.float16, torch.bfloat16)
    return torch.log_softmax(logits, 1, dtype=torch.float32 if half else None)


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return KL(p || q) = sum over classes of p (log p - log q) for each image, (n,), differentiable in both.

    Parameters
    ----------
    log_p, log_q : Tensor of shape (n, n_classes)
        Logarithms of probabilities, see `log_probabilities`.

    Examples
    --------
    >>> p, q = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]])
    >>> divergence(p.log(), q.log())  # 0.5 log 2 + 0.5 log(2/3)
    tensor([0.1438])
    """
    return (log_p.exp() * (log_p - log_q)).sum(1)
