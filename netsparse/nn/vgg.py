"""`VGG`: convolutions and linear layers over the wiring that `netsparse.generators.vgg` draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from netsparse.errors import InvalidNetwork
from netsparse.generators.convolutional import BLOCKS, PLACES, as_image_shape, halvings
from netsparse.graph import SparseNetwork
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.layer import SparseLayer, torch_seeded
from netsparse.nn.linear import SparseLinear
from netsparse.nn.model import SparseModel
from netsparse.nn.normalize import Normalize
from netsparse.rng import spawn
from netsparse.typing import Seed

MOMENTUM = 0.1
"""Of the running means of batch normalisation, as torch counts it: the share of the new batch."""


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

    Raises
    ------
    InvalidNetwork, InvalidSize, InvalidOption, UnknownName, InvalidSeed
        If the network is none of a VGG for images of this shape, and for impossible options.

    Notes
    -----
    Order of the layers, momentum and epsilon of batch normalisation, biases and head are those of the code of
    Ozdenizci, Legenstein, Training adversarially robust sparse networks via Bayesian connectivity sampling, ICML 2021,
    which starts from `init="he_dense"`; the default here keeps the signal's size at any density.

    References
    ----------
    Simonyan, Zisserman, Very deep convolutional networks, arXiv:1409.1556.

    Examples
    --------
    >>> import torch
    >>> from netsparse.generators import vgg
    >>> model = VGG(vgg(11, density=0.05, width=0.125, rng=0), rng=0)
    >>> model(torch.rand(2, 3, 32, 32)).shape, model.network.n_edges
    (torch.Size([2, 10]), 7781)
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
        features: list[nn.Module] = []
        at = 0
        for n_convolutions, halved in zip(BLOCKS[self.depth], halvings(self.depth, *self.shape[1:]), strict=True):
            for graph, option in layers[at : at + n_convolutions]:
                norm = nn.BatchNorm2d(graph.n_out, eps=1e-5, momentum=MOMENTUM)
                features += [SparseConv2d(graph, 3, bias=False, **option), norm, nn.ReLU()]
            at += n_convolutions
            if halved:
                features.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(
            *(
                SparseLinear(graph, activation="relu" if k < 2 else None, **option)
                for k, (graph, option) in enumerate(layers[at:])
            )
        )
        for k, layer in enumerate(self.sparse_layers()):
            layer.name = f"layer {k}"  # what errors call it

    def forward(self, x: Tensor) -> Tensor:
        """Map images (batch, channels, height, width), or flattened (batch, n_features), to logits (batch, n_classes).

        Raises
        ------
        InvalidSize, InvalidOption
            If an input does not have as many features as the network has inputs; for another dtype or device, or
            something that is no tensor.
        """
        rows = self.checked_rows(x)
        x = self.normalize(rows).reshape(len(rows), *self.shape)
        return self.classifier(self.features(x).flatten(1))

    def sparse_layers(self) -> list[SparseLayer]:
        """Return the sparse layers, inputs first."""
        return [part for part in (*self.features, *self.classifier) if isinstance(part, SparseLayer)]

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
        joint, repeats = network.joints[k], above.n_in // below.n_out
        if repeats > 1 and not np.array_equal(joint, np.repeat(np.arange(below.n_out), repeats)):
            raise InvalidNetwork(f"joints[{k}]", "another order", "the positions of each channel in a row", fix)
