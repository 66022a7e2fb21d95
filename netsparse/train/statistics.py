"""Running means of batch normalisation, of processes that train together each on its share of a batch."""

from __future__ import annotations

import torch
from torch import nn

from netsparse.train.ranks import Ranks


@torch.no_grad()
def share_statistics(model: nn.Module, ranks: Ranks, weight: float) -> None:
    """Replace the running means and variances of batch normalisation by their weighted mean over all processes.

    Each process normalises its own share of a batch by that share's mean and spread, as it is usual. What evaluation
    normalises by is the same everywhere after it: the mean as it would be of the whole batch, the variance without the
    spread between the shares.

    Parameters
    ----------
    model : nn.Module
        The same on all processes; modules in evaluation mode are left as they are.
    ranks : Ranks
        The processes; one alone has nobody to share with.
    weight : float
        This process's part of the batch; the sum over all processes is 1.

    Raises
    ------
    RankLost
        If another process has ended or does not answer.

    Examples
    --------
    >>> from netsparse.train.ranks import Alone
    >>> norm = nn.BatchNorm2d(2)
    >>> share_statistics(norm, Alone(), 1.0)
    >>> norm.running_var.tolist()
    [1.0, 1.0]
    """
    if ranks.size == 1:
        return
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    kept = [
        part for norm in norms if norm.training for part in (norm.running_mean, norm.running_var) if part is not None
    ]
    if kept:
        shared = ranks.sum(torch.cat(kept) * weight)
        for part, mean in zip(kept, shared.split([len(part) for part in kept]), strict=True):
            part.copy_(mean)
