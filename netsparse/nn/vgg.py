"""`VGG`: convolutions and linear layers over the wiring that `netsparse.generators.vgg` draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor, nn

from netsparse.errors import InvalidNetwork, InvalidSize
from netsparse.generators.convolutional import BLOCKS, PLACES, as_image_shape, halvings, in_a_row
from netsparse.graph import SparseNetwork
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.images import max_pooled, normalised
from netsparse.nn.layer import torch_seeded
from netsparse.nn.linear import SparseLinear
from netsparse.nn.model import SparseModel, same_joints
from netsparse.nn.normalize import Normalize
from netsparse.rng import spawn
from netsparse.typing import Seed

MOMENTUM, EPS = 0.1, 1e-5
"""Of batch normalisation: the share of the new batch in the running means, as torch counts it; added to variances."""


class VGG(SparseModel):
    """A VGG network over a sparse wiring: all its weights but those of batch normalisation and biases are edges.

    Each convolution of 3 x 3 (stride 1, no bias) is followed by batch normalisation and ReLU, each block but the last
    by max pooling of 2 x 2; then three linear layers with biases, ReLU between them. The last one gives the logits.

    Parameters
    ----------
    network : SparseNetwork
        What `netsparse.generators.vgg` draws for images of this shape; its number of layers says which VGG it is.
    shape : (channels, height, width)
        Of an image; (height, width) is one of one channel.
    init, backend : str
        See `SparseConv2d` and `SparseLinear`.
    normalization : (float, float)
        Mean and standard deviation that the inputs, which live in [0, 1], are normalised by inside the model.
    rng : int or numpy.random.Generator, optional
        Source of all initial weights; None takes a seed from torch's own generator.

    Attributes
    ----------
    depth : int
        Number of sparse layers.
    shape : (int, int, int)
        Of an image.
    layers, norms : nn.ModuleList
        All sparse layers, and the `nn.BatchNorm2d` behind each convolution.
    halved_behind : frozenset of int
        Convolutions that max pooling follows.

    Raises
    ------
    InvalidNetwork, InvalidSize, InvalidOption, UnknownName, InvalidSeed
        If the network is none of a VGG for images of this shape, and for impossible options.

    Notes
    -----
    Order of the layers, momentum and epsilon of batch normalisation, biases and head are those of the code of
    Ozdenizci, Legenstein, Training adversarially robust sparse networks via Bayesian connectivity sampling, ICML 2021,
    which starts from `init="he_dense"`; the default here keeps the signal's size at any density.

    Batch normalisation learns from the images that go through the model together: training in parts (`accumulate`, or
    several processes) normalises each part by itself, as it is usual.

    References
    ----------
    Simonyan, Zisserman, Very deep convolutional networks, arXiv:1409.1556.

    Examples
    --------
    >>> import torch
    >>> from netsparse.generators import vgg
    >>> model = VGG(vgg(11, density=0.05, width=0.125, rng=0), rng=0)
    >>> model(torch.rand(2, 3, 32, 32)).shape, model.network.n_edges
    (torch.Size([2, 10]), 7687)
    """

    head = None

    def __init__(
        self,
        network: SparseNetwork,
        *,
        shape: Sequence[int] = (3, 32, 32),
        init: str = "he_sparse",
        backend: str = "auto",
        normalization: tuple[float, float] = (0.0, 1.0),
        rng: Seed | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(network, SparseNetwork):
            raise InvalidNetwork("network", type(network).__name__, "a SparseNetwork", "generators.vgg(...)")
        self.shape = as_image_shape(shape)
        _check_network(network, self.shape)
        self.depth, self.joints = len(network.layers), network.joints
        self.n_features, self.n_classes = int(np.prod(self.shape)), network.sizes[-1]
        children = spawn(torch_seeded() if rng is None else rng, self.depth, purpose="weights")
        options = [{"init": init, "backend": backend, "rng": child} for child in children]
        layers = list(zip(network.layers, options, strict=True))
        self.normalize = Normalize(*normalization)
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        n_convolutions = self.depth - 3
        for k, (graph, option) in enumerate(layers):
            if k < n_convolutions:
                self.layers.append(SparseConv2d(graph, 3, bias=False, **option))
                self.norms.append(nn.BatchNorm2d(graph.n_out, eps=EPS, momentum=MOMENTUM))
            else:
                self.layers.append(SparseLinear(graph, activation="relu" if k < self.depth - 1 else None, **option))
        for k, layer in enumerate(self.sparse_layers()):
            layer.name = f"layer {k}"  # what errors call it
        ends = np.cumsum(BLOCKS[self.depth]) - 1
        self.halved_behind = frozenset(ends[halvings(self.depth, *self.shape[1:])].tolist())

    def forward(self, x: Tensor) -> Tensor:
        """Map images (batch, channels, height, width), or flattened (batch, n_features), to logits (batch, n_classes).

        Raises
        ------
        InvalidSize, InvalidOption
            If an input does not have as many features as the network has inputs; for another dtype or device, or
            something that is no tensor; in training, for a single image whose maps shrink to one pixel.
        """
        x = self.laid_out(x)
        n_convolutions = len(self.norms)
        for k, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=False)):
            x = layer(x)
            learns = norm.training or norm.running_mean is None
            if learns and x.shape[0] * x.shape[2] * x.shape[3] == 1:
                given, expected = "one image, of one pixel there", "two images or more, whose spread it learns"
                raise InvalidSize(f"batch normalisation behind layer {k}", given, expected, "another batch_size")
            x = nn.functional.relu(normalised(norm, x))  # type: ignore[arg-type]
            if k in self.halved_behind:
                x = max_pooled(x, 2)
        x = x.flatten(1)
        for layer in self.layers[n_convolutions:]:  # type: ignore[union-attr]
            x = layer(x)
        return x

    def options(self) -> dict[str, Any]:
        """Return the shape of an image."""
        return {"shape": list(self.shape)}

    def laid_out(self, x: Tensor) -> Tensor:
        """Return images normalised, as the view (batch, channels, height, width) of a feature-major buffer."""
        rows = self.normalize(self.checked_rows(x))
        return rows.reshape(len(rows), *self.shape)

    @property
    def numbers_per_sample(self) -> int:
        """Numbers that an evaluation holds at a time for each sample: the largest layer's inputs and outputs."""
        channels, height, width = self.shape
        before, largest = channels * height * width, 0
        for k, layer in enumerate(self.sparse_layers()):
            is_convolution = layer.kernel_size is not None
            after = layer.n_out * (height * width if is_convolution else 1)
            largest = max(largest, before + after)
            if k in self.halved_behind:
                height, width = height // 2, width // 2
                after = layer.n_out * height * width
            before = after
        return largest

    @property
    def features(self) -> nn.Sequential:
        """The convolutional part, module by module: convolution, batch normalisation, ReLU, pooling; a view."""
        parts: list[nn.Module] = []
        for k, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=False)):
            parts += [layer, norm, nn.ReLU(), *([nn.MaxPool2d(2)] if k in self.halved_behind else [])]
        return nn.Sequential(*parts)

    @property
    def classifier(self) -> nn.Sequential:
        """The three linear layers, with the ReLU between them inside; a view."""
        return nn.Sequential(*list(self.layers)[len(self.norms) :])

    def _fix_features(self, n_features: int) -> str:
        return "generators.vgg(shape=data.shape, ...) and VGG(network, shape=data.shape)"


def _check_network(network: SparseNetwork, shape: tuple[int, int, int]) -> None:
    fix = f"generators.vgg(11, density=0.01, shape={shape}, rng=0)"
    depth = len(network.layers)
    if depth not in BLOCKS:
        raise InvalidNetwork("network", f"{depth} layers", "one of " + ", ".join(map(str, BLOCKS)), fix)
    channels, height, width = shape
    for halved in halvings(depth, height, width):
        if halved:
            height, width = height // 2, width // 2
    sizes, convolutions = network.sizes, depth - 3
    expected = [channels * PLACES, *(n * PLACES for n in sizes[1:convolutions])]
    expected += [sizes[convolutions] * height * width, *sizes[convolutions + 1 : -1]]
    for k, (layer, n_in) in enumerate(zip(network.layers, expected, strict=True)):
        if layer.n_in != n_in:
            raise InvalidNetwork(f"layer {k}", f"{layer.n_in} inputs", f"{n_in} for images of shape {shape}", fix)
    for k, (below, above) in enumerate(pairwise(network.layers)):
        if not same_joints((network.joints[k],), (in_a_row(below.n_out, above.n_in),)):
            raise InvalidNetwork(f"joints[{k}]", "another order", "the positions of each channel in a row", fix)
