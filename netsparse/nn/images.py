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


def _is_feature_major(x: Tensor) -> bool:
    return x.dim() == 4 and not x.is_contiguous() and x.permute(1, 2, 3, 0).is_contiguous()


class ImageNorm(nn.BatchNorm2d):
    """torch's batch normalisation over images, as fast on feature-major ones; same parameters, same state dict.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(2, 8, 8, 5).permute(3, 0, 1, 2)
    >>> torch.allclose(ImageNorm(2)(x), nn.BatchNorm2d(2)(x), atol=1e-6)
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (batch, channels, height, width) by channel; the result lies as the input does."""
        if not _is_feature_major(input):
            return super().forward(input)
        batch, channels, height, width = input.shape
        # one image of as many channels: its numbers are the same, wherever they came from
        flat = input.permute(1, 2, 3, 0).view(1, channels, height * width, batch)
        return super().forward(flat).view(channels, height, width, batch).permute(3, 0, 1, 2)


class ImageMaxPool(nn.MaxPool2d):
    """torch's max pooling over images, faster on feature-major ones.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(2, 8, 8, 5).permute(3, 0, 1, 2)
    >>> torch.equal(ImageMaxPool(2)(x), nn.MaxPool2d(2)(x))
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool (batch, channels, height, width); the result lies as the input does."""
        if not _is_feature_major(input):
            return super().forward(input)
        return super().forward(input.transpose(0, 1)).transpose(0, 1)  # what torch calls channels_last
