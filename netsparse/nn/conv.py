"""`SparseConv2d`: a convolution whose kernel is a `BipartiteGraph` between places of a patch and output channels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, InvalidSize
from netsparse.graph import BipartiteGraph
from netsparse.nn.inputs import check_kind
from netsparse.nn.kernels import SparseProduct
from netsparse.nn.kernels.product import Watch
from netsparse.nn.layer import SparseLayer
from netsparse.typing import Seed


class SparseConv2d(SparseLayer):
    """A convolution over images that stores only the edges of `graph`, called like an `nn.Conv2d`.

    Source unit s = (c * kh + r) * kw + q is place (r, q) of channel c in a patch, as `nn.Unfold` lays patches out, and
    a target unit is an output channel: y_t(i, j) = f(b_t + sum over edges e = (s, t) of w_e x_c(i + r - padding,
    j + q - padding)). All patches share the weights.

    Two ways to compute it. "dense" scatters the weights into the dense kernel (n_out, channels, kh, kw) and takes
    torch's convolution: as much work and as many gradients as an nn.Conv2d has, of which those at edges are kept. Any
    other kernel multiplies the unrolled patches (n_in, batch * positions) on the edges alone.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring; n_in is the number of input channels times kh * kw.
    kernel_size : int or (int, int)
        Height and width of a patch.
    stride : int
        Step between patches, in both directions.
    padding : "same" or int
        Zeros around the image. "same" keeps its size at stride 1, for kernels of odd sizes.
    bias, activation, init, rng
        See `SparseLayer`.
    backend : {"auto", "dense", ...}
        "dense", or a kernel for the unrolled patches, see `netsparse.nn.kernels`.

    Attributes
    ----------
    in_channels, out_channels : int
        As nn.Conv2d calls them.
    kernel_size, stride, padding
        As given, as pairs of int.

    Raises
    ------
    InvalidGraph, InvalidOption, InvalidSize, UnknownName, InvalidSeed
        If `graph` is none, its n_in is no multiple of the kernel's places, or an option is impossible.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 4, 13], [0, 0, 1], n_in=18, n_out=4)  # two channels, patches of 3 x 3
    >>> layer = SparseConv2d(graph, 3, rng=0)
    >>> layer(torch.rand(5, 2, 8, 8)).shape
    torch.Size([5, 4, 8, 8])
    """

    kernel_size: tuple[int, int]

    def __init__(
        self,
        graph: BipartiteGraph,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: str | int = "same",
        bias: bool = True,
        activation: str | float | None = None,
        backend: str = "auto",
        init: str = "he_sparse",
        rng: Seed | None = None,
    ) -> None:
        height, width = _pair("kernel_size", kernel_size)
        self.stride = _pair("stride", stride)
        super().__init__(graph, bias=bias, activation=activation, backend=backend, init=init, rng=rng)
        self.kernel_size = height, width
        if graph.n_in % (height * width):
            expected = f"a multiple of {height * width}, the places of a patch of {height} x {width}"
            raise InvalidSize("inputs of a convolution", f"{graph.n_in} units", expected, "channels * kh * kw")
        if padding == "same" and not (height % 2 and width % 2):
            given = f"'same' for patches of {height} x {width}"
            raise InvalidOption("padding", given, "odd sizes, or a number of zeros", "padding=0")
        self.padding = (height // 2, width // 2) if padding == "same" else _pair("padding", padding, least=0)

    @property
    def in_channels(self) -> int:
        """Number of input channels."""
        return self.n_in // math.prod(self.kernel_size)

    @property
    def out_channels(self) -> int:
        """Number of output channels."""
        return self.n_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, n_out, height', width').

        Raises
        ------
        InvalidSize, InvalidOption
            For another number of axes or channels, images smaller than a patch, another dtype or device.
        """
        check_kind(self, x)
        size = _size_of_result(self, x)
        if self.backend == "dense" or self.backend == "auto":
            return self._dense(x)
        return self._unrolled(x, size)

    def dense_kernel(self) -> Tensor:
        """Return the dense kernel (n_out, channels, kh, kw), 0 where no edge is; gradients flow to the weights."""
        weight = self.weight
        flat = weight.new_zeros(self.n_out * self.n_in).index_copy(0, self._places(), weight)
        return flat.view(self.n_out, self.in_channels, *self.kernel_size)

    def _places(self) -> Tensor:
        """Return where in the dense kernel, laid out flat, each weight is."""
        if self._places_of is not self._index:
            self._places_of, self._places_now = self._index, self._index.targets() * self.n_in + self._index.indices
        return self._places_now

    _places_of: Any = None
    _places_now: Tensor

    def _dense(self, x: Tensor) -> Tensor:
        kernel = self.dense_kernel()
        if self.watch is not None and kernel.requires_grad:
            kernel.register_hook(_told(self.watch, self.n_in))
        y = nn.functional.conv2d(x, kernel, self.bias, self.stride, self.padding)
        return y if self.slope is None else torch.where(y > 0, y, self.slope * y)

    def _unrolled(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        columns = unrolled(x, self.kernel_size, self.stride, self.padding)
        n = columns.shape[1]
        kernel = self._kernels.get(n) or self.kernel_for(n)
        y: Any = SparseProduct.apply(columns, self.weight, self.bias, self._index, kernel, self.slope, self.watch)
        return y.view(self.n_out, len(x), *size).transpose(0, 1)

    def extra_repr(self) -> str:
        """Describe the layer in one line."""
        return f"{super().extra_repr()}, patches {self.kernel_size}, stride {self.stride}, padding {self.padding}"


def unrolled(x: Tensor, kernel_size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    """Return the patches of images (batch, channels, height, width) as columns (channels * kh * kw, batch * positions).

    The rows are in the order of `nn.Unfold`, the columns image by image and position by position.
    """
    patches = nn.functional.unfold(x, kernel_size, padding=padding, stride=stride)
    return patches.transpose(0, 1).reshape(patches.shape[1], -1)


def _told(watch: Watch, n_in: int) -> Callable[[Tensor], None]:
    """Return a hook that hands a dense gradient on as two factors whose product it is."""

    def see(gradient: Tensor) -> None:
        matrix = gradient.detach().reshape(-1, n_in)
        n_out = len(matrix)
        one = torch.eye(min(n_in, n_out), dtype=matrix.dtype, device=matrix.device)
        if n_out <= n_in:
            watch(matrix.t(), one)
        else:
            watch(one, matrix)

    return see


def _size_of_result(layer: SparseConv2d, x: Tensor) -> tuple[int, int]:
    channels, (height, width) = layer.in_channels, layer.kernel_size
    if x.dim() != 4 or x.shape[1] != channels:
        given, expected = f"shape {tuple(x.shape)}", f"(batch, {channels}, height, width)"
        raise InvalidSize(
            f"input of {layer.name or 'a convolution'}", given, expected, f"x.reshape(-1, {channels}, ...)"
        )
    sizes = [side + 2 * pad for side, pad in zip(x.shape[2:], layer.padding, strict=True)]
    if sizes[0] < height or sizes[1] < width:
        given, expected = f"images of {x.shape[2]} x {x.shape[3]}", f"at least one patch of {height} x {width}"
        raise InvalidSize(f"input of {layer.name or 'a convolution'}", given, expected, "larger images, or padding")
    steps = zip(sizes, layer.kernel_size, layer.stride, strict=True)
    rows, columns = ((side - patch) // step + 1 for side, patch, step in steps)
    return rows, columns


def _pair(name: str, value: Any, least: int = 1) -> tuple[int, int]:
    parts = tuple(value) if isinstance(value, tuple | list) else (value, value)
    whole = [isinstance(part, int | np.integer) and not isinstance(part, bool) and part >= least for part in parts]
    if len(parts) != 2 or not all(whole):
        expected = f"a whole number of at least {least}, or two of them"
        raise InvalidOption(name, repr(value), expected, f"{name}={max(least, 1)}")
    return int(parts[0]), int(parts[1])
