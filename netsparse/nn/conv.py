"""`SparseConv2d`: a convolution whose kernel is a `BipartiteGraph` between places of a patch and output channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, InvalidSize
from netsparse.graph import BipartiteGraph
from netsparse.nn.images import feature_major
from netsparse.nn.inputs import check_kind
from netsparse.nn.kernels import EdgeIndex
from netsparse.nn.kernels.convolution import SparseConvolution, tell
from netsparse.nn.kernels.dispatch import convolution_kernel_name
from netsparse.nn.kernels.patches import Patches
from netsparse.nn.layer import SparseLayer
from netsparse.typing import Seed


class SparseConv2d(SparseLayer):
    """A convolution over images that stores only the edges of `graph`, called like an `nn.Conv2d`.

    Source unit s = (c * kh + r) * kw + q is place (r, q) of channel c in a patch, as `nn.Unfold` lays patches out, and
    a target unit is an output channel: y_t(i, j) = f(b_t + sum over edges e = (s, t) of w_e x_c(i + r - padding,
    j + q - padding)). All patches share the weights.

    Two ways to compute it. "dense" is dense compute: the weights are scattered into the kernel (n_out, channels, kh,
    kw) of torch's convolution, which does as much work as that of an nn.Conv2d, and of the gradients it finds those at
    edges are kept. Any other kernel computes on the edges alone: `native_cpu` as one multiply-add per edge over whole
    images, the others on unrolled patches (n_in, positions * batch), which are kh * kw times as large as the images.
    Inside, those have their images feature-major, as linear layers have their units: the result is a view of a
    contiguous (n_out, height', width', batch) buffer, which elementwise functions keep, the next sparse layer reads
    without a copy, and `netsparse.nn.images` normalises and pools as it lies.

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
        See `netsparse.nn.kernels`; "auto" chooses between "native_cpu" and "dense" by density and batch,
        see `netsparse.nn.kernels.dispatch.convolution_kernel_name`.

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
        self.kernel_size = height, width  # pyright: ignore[reportIncompatibleVariableOverride]
        if graph.n_in % (height * width):
            expected = f"a multiple of {height * width}, the places of a patch of {height} x {width}"
            raise InvalidSize("inputs of a convolution", f"{graph.n_in} units", expected, "channels * kh * kw")
        if padding == "same" and not (height % 2 and width % 2):
            given = f"'same' for patches of {height} x {width}"
            raise InvalidOption("padding", given, "odd sizes, or a number of zeros", "padding=0")
        self.padding = (height // 2, width // 2) if padding == "same" else _pair("padding", padding, least=0)
        self._patches = Patches(self.kernel_size, self.stride, self.padding)

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
        _check_images(self, x)
        kernel = self._kernels.get(len(x)) or self.kernel_for(len(x))
        if not kernel.is_sparse:
            return self._dense(x)
        weight, bias = self._parameters["weight"], self._parameters.get("bias")
        images, index = feature_major(x), self._index
        y: Any = SparseConvolution.apply(images, weight, bias, index, self._patches, kernel, self.slope, self.watch)
        return y.permute(3, 0, 1, 2)

    def dense_kernel(self) -> Tensor:
        """Return the dense kernel (n_out, channels, kh, kw), 0 where no edge is; gradients flow to the weights."""
        weight, shape = self.weight, (self.n_out, self.in_channels, *self.kernel_size)
        if self._index.is_complete:
            return weight.view(shape)
        return weight.new_zeros(self.n_out * self.n_in).index_copy(0, self._places(), weight).view(shape)

    def _places(self) -> Tensor:
        """Return where in the dense kernel, laid out flat, each weight is."""
        if self._places_of is not self._index:
            self._places_of, self._places_now = self._index, self._index.targets() * self.n_in + self._index.indices
        return self._places_now

    _places_of: EdgeIndex | None = None
    _places_now: Tensor

    def _dense(self, x: Tensor) -> Tensor:
        kernel, watch = self.dense_kernel(), self.watch
        if watch is not None and kernel.requires_grad:
            kernel.register_hook(lambda gradient: tell(watch, gradient.detach().reshape(self.n_out, self.n_in)))
        y = nn.functional.conv2d(x, kernel, self.bias, self.stride, self.padding)
        if self.slope is None:
            return y
        return nn.functional.leaky_relu(y, self.slope) if self.slope else torch.relu(y)

    def _kernel_name(self, batch: int) -> str:
        device, dtype = self.weight.device, self.weight.dtype
        return convolution_kernel_name(self.backend, self.graph, batch=batch, device=device, dtype=dtype)

    def extra_repr(self) -> str:
        """Describe the layer in one line."""
        return f"{super().extra_repr()}, patches {self.kernel_size}, stride {self.stride}, padding {self.padding}"


def _check_images(layer: SparseConv2d, x: Tensor) -> None:
    channels, (height, width) = layer.in_channels, layer.kernel_size
    subject = f"input of {layer.name or 'a convolution'}"
    if x.dim() != 4 or x.shape[1] != channels:
        given, expected = f"shape {tuple(x.shape)}", f"(batch, {channels}, height, width)"
        raise InvalidSize(subject, given, expected, f"x.reshape(-1, {channels}, height, width)")
    if min(layer._patches.size_of_result(*x.shape[2:])) < 1:
        given, expected = f"images of {x.shape[2]} x {x.shape[3]}", f"at least one patch of {height} x {width}"
        raise InvalidSize(subject, given, expected, "larger images, or padding")


def _pair(name: str, value: Any, least: int = 1) -> tuple[int, int]:
    parts = tuple(value) if isinstance(value, tuple | list) else (value, value)
    whole = [isinstance(part, int | np.integer) and not isinstance(part, bool) and part >= least for part in parts]
    if len(parts) != 2 or not all(whole):
        expected = f"a whole number of at least {least}, or two of them"
        raise InvalidOption(name, repr(value), expected, f"{name}={max(least, 1)}")
    return int(parts[0]), int(parts[1])
