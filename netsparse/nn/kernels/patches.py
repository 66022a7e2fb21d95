"""`Patches`: how a convolution cuts images into patches, and the products over patches that are unrolled."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Patches:
    """Patches of kernel_size, a stride apart, on images with a border of `padding` zeros; pairs are (height, width).

    Images are feature-major: (channels, height, width, batch), contiguous, so that the numbers of one position, and of
    those beside it, follow each other in memory.

    Examples
    --------
    >>> patches = Patches((3, 3), (1, 1), (1, 1))
    >>> patches.size_of_result(8, 8)
    (8, 8)
    >>> patches.unrolled(torch.rand(2, 8, 8, 5)).shape
    torch.Size([18, 320])
    """

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    @property
    def n_places(self) -> int:
        """Number of places in a patch, of one channel."""
        return self.kernel_size[0] * self.kernel_size[1]

    def size_of_result(self, height: int, width: int) -> tuple[int, int]:
        """Return how many patches there are in each direction; below 1 where the images are too small."""
        (down, along), (kh, kw) = self.padding, self.kernel_size
        return (height + 2 * down - kh) // self.stride[0] + 1, (width + 2 * along - kw) // self.stride[1] + 1

    def unrolled(self, x: Tensor) -> Tensor:
        """Return the patches of images as columns (channels * kh * kw, height' * width' * batch), rows as `nn.Unfold`.

        kh * kw times as large as the images.
        """
        (kh, kw), (down, along) = self.kernel_size, self.stride
        views = self._padded(x).unfold(1, kh, down).unfold(2, kw, along)
        channels = x.shape[0]
        return views.permute(0, 4, 5, 1, 2, 3).reshape(channels * self.n_places, -1)

    def folded(self, columns: Tensor, like: Tensor) -> Tensor:
        """Return the transpose of `unrolled`: images shaped as `like` in which overlapping patches add up."""
        channels, height, width, batch = like.shape
        rows, across = self.size_of_result(height, width)
        parts = columns.view(channels, self.n_places, rows, across, batch)
        images = self._padded(columns.new_zeros(like.shape))
        for place in range(self.n_places):
            self._seen(images, place, rows, across).add_(parts[:, place])
        down, along = self.padding
        return images[:, down : down + height, along : along + width].contiguous()

    def dense_gradient(self, x: Tensor, g: Tensor) -> Tensor:
        """Return the gradient of every pair (n_out, n_in), edge or not, from g (n_out, height', width', batch).

        One matrix product for each place of a patch: never more than a copy of the images is held.
        """
        channels, n_out = x.shape[0], g.shape[0]
        matrix = g.new_empty(n_out, channels, self.n_places)
        padded, flat = self._padded(x), g.reshape(n_out, -1)
        for place in range(self.n_places):
            seen = self._seen(padded, place, *g.shape[1:3])
            matrix[:, :, place] = flat @ seen.reshape(channels, -1).t()
        return matrix.view(n_out, -1)

    def _padded(self, x: Tensor) -> Tensor:
        down, along = self.padding
        return torch.nn.functional.pad(x, (0, 0, along, along, down, down)) if down or along else x

    def _seen(self, padded: Tensor, place: int, rows: int, across: int) -> Tensor:
        """Return what each patch has at one of its places, a view (channels, height', width', batch)."""
        top, left = divmod(place, self.kernel_size[1])
        down, along = self.stride
        return padded[:, top : top + down * (rows - 1) + 1 : down, left : left + along * (across - 1) + 1 : along]
