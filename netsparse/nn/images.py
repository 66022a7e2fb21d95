"""Images as they lie in memory between sparse convolutions: batch normalisation and max pooling without a copy.

Sparse layers give and take activations feature-major: (channels, height, width, batch), seen from outside as a view
(batch, channels, height, width). torch's own modules take such views for scattered numbers and copy them, or read them
in steps; seen from another side they are contiguous, and the very functions of torch run at full speed.
"""

from __future__ import annotations

from torch import Tensor, nn


def feature_major(x: Tensor) -> Tensor:
    """Return images (batch, channels, height, width) as (channels, height, width, batch), contiguous.

    Those that lie so already are not copied.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(5, 2, 8, 8)
    >>> lying = feature_major(x)
    >>> lying.shape, feature_major(lying.permute(3, 0, 1, 2)).data_ptr() == lying.data_ptr()
    (torch.Size([2, 8, 8, 5]), True)
    """
    seen = x.permute(1, 2, 3, 0)
    if not seen.is_contiguous() and x.is_contiguous():  # torch transposes matrices faster than it permutes axes
        return x.flatten(1).t().contiguous().view(seen.shape)
    return seen.contiguous()


def normalised(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Return what a batch normalisation makes of images (batch, channels, height, width), lying as they do.

    The module is called as it is: its running means, its mode, its hooks.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(2, 8, 8, 5).permute(3, 0, 1, 2)
    >>> torch.allclose(normalised(nn.BatchNorm2d(2), x), nn.BatchNorm2d(2)(x), atol=1e-6)
    True
    """
    if not _is_feature_major(x):
        return norm(x)
    batch, channels, height, width = x.shape
    # one image of as many channels: a channel's mean does not ask which image a number is from
    flat = x.permute(1, 2, 3, 0).view(1, channels, height * width, batch)
    return norm(flat).view(channels, height, width, batch).permute(3, 0, 1, 2)


def max_pooled(x: Tensor, size: int) -> Tensor:
    """Return images (batch, channels, height, width) halved, for a size of 2, by taking maxima, lying as they do.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(2, 8, 8, 5).permute(3, 0, 1, 2)
    >>> torch.equal(max_pooled(x, 2), nn.functional.max_pool2d(x, 2))
    True
    """
    if not _is_feature_major(x):
        return nn.functional.max_pool2d(x, size)
    return nn.functional.max_pool2d(x.transpose(0, 1), size).transpose(0, 1)  # torch calls this channels_last


def _is_feature_major(x: Tensor) -> bool:
    return not x.is_contiguous() and x.permute(1, 2, 3, 0).is_contiguous()
