"""`SparseMLP`: a multilayer perceptron over a `SparseNetwork`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidNetwork, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn.activation import slope_of
from netsparse.nn.layer import torch_seeded
from netsparse.nn.linear import SparseLinear
from netsparse.nn.model import SparseModel
from netsparse.nn.normalize import Normalize
from netsparse.nn.selecting import SelectingLinear
from netsparse.rng import spawn
from netsparse.typing import Seed


class SparseMLP(SparseModel):
    """A multilayer perceptron over a sparse network, by default with a dense last layer.

    Parameters
    ----------
    network : SparseNetwork
        One `SparseLinear` per layer.
    n_classes : int, optional
        Number of logits; needed for `head="dense"`.
    head : {"dense", None}
        "dense": every sparse layer is followed by the activation and an ordinary `nn.Linear` gives the logits.
        None: the last sparse layer gives the logits, one per unit of the last level.
    bias : bool
        Whether the sparse layers have biases (the dense head always has).
    activation : str or float
        See `SparseLinear`, and "all_relu": slopes of -0.6 and 0.6 in turn.
    init, backend : str
        See `SparseLinear`.
    normalization : (float, float)
        Mean and standard deviation that the inputs, which live in [0, 1], are normalised by inside the model.
    selected : (int array, int), optional
        Which features the inputs of the network are, and how many features there are, see `SelectingLinear`: what
        `compact` leaves. None: every feature is an input, in order.
    rng : int or numpy.random.Generator, optional
        Source of all initial weights; None takes a seed from torch's own generator.

    Raises
    ------
    InvalidNetwork
        If it is none, or has joints (an MLP has none).
    InvalidOption, UnknownName, InvalidSeed
        If head and number of classes do not fit, and for impossible names, moments, features or seeds.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> model = SparseMLP(layered([64, 100, 100], density=0.05, rng=0), n_classes=10, rng=0)
    >>> model(torch.rand(7, 64)).shape, model.network.n_edges
    (torch.Size([7, 10]), 820)
    """

    def __init__(
        self,
        network: SparseNetwork,
        n_classes: int | None = None,
        *,
        head: str | None = "dense",
        bias: bool = True,
        activation: str | float = "relu",
        init: str = "he_sparse",
        backend: str = "auto",
        normalization: tuple[float, float] = (0.0, 1.0),
        selected: tuple[Sequence[int], int] | None = None,
        rng: Seed | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(network, SparseNetwork):
            raise InvalidNetwork("network", type(network).__name__, "a SparseNetwork", "SparseNetwork([graph])")
        if any(joint is not None for joint in network.joints):
            fix = "nn.VGG(network, shape=(3, 32, 32)) for convolutions"
            raise InvalidNetwork("network", "joints between its layers", "layers that meet unit by unit", fix)
        n_classes = _checked_classes(network, head, n_classes)
        children = spawn(torch_seeded() if rng is None else rng, len(network.layers) + 1, purpose="weights")
        last = len(network.layers) - 1
        self.normalize = Normalize(*normalization)
        self.layers = nn.ModuleList(
            (SparseLinear if k or selected is None else partial(_selecting, selected))(
                graph,
                bias=bias,
                activation=None if head is None and k == last else slope_of(activation, k),
                backend=backend,
                init=init,
                rng=child,
            )
            for k, (graph, child) in enumerate(zip(network.layers, children[:-1], strict=True))
        )
        for k, layer in enumerate(self.sparse_layers()):
            layer.name = f"layer {k}"  # what errors call it
        self.head = None if head is None else _dense_head(network.sizes[-1], n_classes, children[-1])
        self.n_features = network.layers[0].n_in if selected is None else selected[1]
        self.n_classes, self.activation = n_classes, activation
        self.joints = network.joints

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (batch, ...), flattened to (batch, n_in), to logits (batch, n_classes).

        Raises
        ------
        InvalidSize, InvalidOption
            If an input does not have as many features as the network has inputs; for another dtype or device, or
            something that is no tensor.
        """
        x = self.normalize(self.checked_rows(x))
        for layer in self.layers:
            x = layer(x)
        if self.head is None:
            return x
        # the product of Linear, written feature-major: neither the last layer's output nor its gradient is transposed
        return torch.addmm(self.head.bias[:, None], self.head.weight, x.t()).t()

    def options(self) -> dict[str, Any]:
        """Return number of classes, head, bias and activation, and the features that it selects, if it does."""
        first = self.sparse_layers()[0]
        options = {
            "n_classes": self.n_classes,
            "head": None if self.head is None else "dense",
            "bias": first.bias is not None,
            "activation": self.activation,
        }
        if isinstance(first, SelectingLinear):
            options["selected"] = [first.inputs.tolist(), first.n_given]
        return options

    def laid_out(self, x: Tensor) -> Tensor:
        """Return inputs normalised, as the transposed view (batch, n_in) of a feature-major buffer."""
        return self.normalize(self.checked_rows(x)).t().contiguous().t()

    def _fix_features(self, n_features: int) -> str:
        return f"generators.layered([{n_features}, ...], density=0.01, rng=0)"


def _selecting(selected: Any, graph: BipartiteGraph, **options: Any) -> SelectingLinear:
    if not isinstance(selected, tuple | list) or len(selected) != 2 or not isinstance(selected[1], int | np.integer):
        expected = "a pair of the features that are inputs and how many features there are, or None"
        raise InvalidOption("selected", repr(selected), expected, "selected=([0, 2, 3], 4)")
    return SelectingLinear(graph, *selected, **options)


def _checked_classes(network: SparseNetwork, head: str | None, n_classes: int | None) -> int:
    if head not in ("dense", None):
        raise InvalidOption("head", repr(head), "'dense' or None", "head='dense'")
    outputs = network.sizes[-1]
    if head is None:
        if n_classes not in (None, outputs):
            expected = f"the {outputs} units of the last level, because head=None makes them the logits"
            raise InvalidOption("n_classes", repr(n_classes), expected, "head='dense'")
        return outputs
    if not isinstance(n_classes, int | np.integer) or isinstance(n_classes, bool) or n_classes < 1:
        raise InvalidOption("n_classes", repr(n_classes), "the number of classes for the dense head", "n_classes=10")
    return int(n_classes)


def _dense_head(n_in: int, n_classes: int, rng: np.random.Generator) -> nn.Linear:
    # its default initialisation would draw from torch's global generator
    head = cast(nn.Linear, nn.utils.skip_init(nn.Linear, n_in, n_classes))
    bound = 1.0 / math.sqrt(n_in)  # torch's own default for a Linear, drawn from our generator
    with torch.no_grad():
        for parameter in (head.weight, head.bias):
            parameter.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(parameter.shape))))
    return head
