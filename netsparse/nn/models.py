"""Whole models over a `SparseNetwork`."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidNetwork, InvalidOption, InvalidSize
from netsparse.graph import SparseNetwork
from netsparse.graph.checks import as_array
from netsparse.nn.activation import slope_of
from netsparse.nn.inputs import check_kind
from netsparse.nn.linear import SparseLinear, as_tensor, shallow_copy, torch_seeded
from netsparse.nn.normalize import Normalize
from netsparse.rewiring import LayerState
from netsparse.rng import spawn
from netsparse.typing import EdgeVector, Seed


class SparseMLP(nn.Module):
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
    rng : int or numpy.random.Generator, optional
        Source of all initial weights; None takes a seed from torch's own generator.

    Raises
    ------
    InvalidNetwork
        If it is none, or has joints (an MLP has none).
    InvalidOption, UnknownName, InvalidSeed
        If head and number of classes do not fit, and for impossible names, moments or seeds.

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
        rng: Seed | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(network, SparseNetwork):
            raise InvalidNetwork("network", type(network).__name__, "a SparseNetwork", "SparseNetwork([graph])")
        if any(joint is not None for joint in network.joints):
            raise InvalidNetwork("network", "joints between its layers", "layers that meet unit by unit", "joints=None")
        n_classes = _checked_classes(network, head, n_classes)
        children = spawn(torch_seeded() if rng is None else rng, len(network.layers) + 1, purpose="weights")
        last = len(network.layers) - 1
        self.normalize = Normalize(*normalization)
        self.layers = nn.ModuleList(
            SparseLinear(
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
        self.n_classes, self.activation = n_classes, activation

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (batch, ...), flattened to (batch, n_in), to logits (batch, n_classes).

        Raises
        ------
        InvalidSize, InvalidOption
            If an input does not have as many features as the network has inputs; for another dtype or device, or
            something that is no tensor.
        """
        check_kind(self.layers[0], x)  # normalised, whole numbers would pass for fractions
        n_in = self.sparse_layers()[0].n_in
        if x.dim() < 2 or (x.shape[0] and math.prod(x.shape[1:]) != n_in):
            expected, fix = f"(batch, {n_in}) or more axes with {n_in} features", f"x.reshape(-1, {n_in})"
            raise InvalidSize("input", f"shape {tuple(x.shape)}", expected, fix)
        x = self.normalize(x.reshape(x.shape[0], n_in))
        for layer in self.layers:
            x = layer(x)
        if self.head is None:
            return x
        # the product of Linear, written feature-major: neither the last layer's output nor its gradient is transposed
        return torch.addmm(self.head.bias[:, None], self.head.weight, x.t()).t()

    def with_edges(self, network: SparseNetwork, weights: Any, head: np.ndarray | None = None) -> SparseMLP:
        """Return a model with other edges that shares every other tensor with this one; this one stays as it is.

        Nothing is copied but the new weights: biases, normalisation and, unless given, the dense head are the same
        tensors in both models, so that training one trains them in the other, and moving one moves them.

        Parameters
        ----------
        network : SparseNetwork
            Of the same sizes, without joints. The index arrays of a layer that is unchanged are shared.
        weights : sequence of edge vectors
            One per sparse layer.
        head : array of shape (n_classes, n_in), optional
            Other weights of the dense head.

        Returns
        -------
        SparseMLP

        Raises
        ------
        InvalidNetwork, InvalidEdgeVector, InvalidOption, InvalidSize
            For a network of other sizes or with joints, weights that do not fit it or are no real numbers, a head for a
            model that has none, or of another shape.

        Examples
        --------
        >>> from netsparse.generators import layered
        >>> from netsparse.graph import subgraph
        >>> model = SparseMLP(layered([64, 100], density=0.05, rng=0), n_classes=10, rng=0)
        >>> strong = np.abs(model.weights[0]) > 0.5
        >>> graph, _ = subgraph(model.network.layers[0], strong)
        >>> other = model.with_edges(SparseNetwork([graph]), [model.weights[0][strong]])
        >>> other.network.n_edges, model.network.n_edges, other.head.weight is model.head.weight
        (170, 320, True)
        """
        layers = self.sparse_layers()
        if not isinstance(network, SparseNetwork) or network.sizes != self.network.sizes:
            given = repr(network) if isinstance(network, SparseNetwork) else type(network).__name__
            expected = f"a SparseNetwork of the sizes {'-'.join(map(str, self.network.sizes))}"
            raise InvalidNetwork("with_edges", given, expected, "model.network.replace(0, graph)")
        if any(joint is not None for joint in network.joints):
            raise InvalidNetwork("network", "joints between its layers", "layers that meet unit by unit", "joints=None")
        edge_vectors = network.edge_vectors(weights)
        model = shallow_copy(self)
        for name, child in self.named_children():  # their training flags are their own, too
            setattr(model, name, shallow_copy(child))
        for k, (layer, graph, weight) in enumerate(zip(layers, network.layers, edge_vectors, strict=True)):
            model.layers[k] = layer.with_edges(graph, weight)
        if head is not None:
            model.head = _other_head(self.head, head)
        return model

    def check_data(self, n_features: int, n_classes: int) -> None:
        """Raise `InvalidSize`, `InvalidOption` unless the model takes such inputs and tells as many classes apart."""
        n_in = self.sparse_layers()[0].n_in
        if n_features != n_in:
            fix = f"generators.layered([{n_features}, ...], density=0.01, rng=0)"
            raise InvalidSize(
                "network inputs", f"{n_in} units", f"{n_features}, the number of features of the data", fix
            )
        if n_classes > self.n_classes:
            expected = f"at least {n_classes}, the number of classes of the data"
            raise InvalidOption(
                "n_classes", str(self.n_classes), expected, f"SparseMLP(network, n_classes={n_classes})"
            )

    def sparse_layers(self) -> list[SparseLinear]:
        """Return the sparse layers, inputs first."""
        return list(self.layers)  # type: ignore[arg-type]

    def layer_states(self) -> list[LayerState]:
        """Return what a rewiring rule may see: graph and weights of every sparse layer."""
        layers = self.sparse_layers()
        return [LayerState(k, layer.graph, layer.edge_weights()) for k, layer in enumerate(layers)]

    @property
    def network(self) -> SparseNetwork:
        """The current wiring."""
        return SparseNetwork([layer.graph for layer in self.sparse_layers()])

    @property
    def weights(self) -> tuple[EdgeVector, ...]:
        """One edge vector per sparse layer, copied to numpy."""
        return tuple(layer.edge_weights() for layer in self.sparse_layers())


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


def _other_head(head: nn.Linear | None, values: np.ndarray) -> nn.Linear:
    if head is None:
        raise InvalidOption("head", "weights", "None, because the last layer of this model is sparse", "head=None")
    values, old = as_array("head", values), head.weight
    if values.shape != old.shape:
        fix = "weights.reshape(n_classes, n_in)"
        raise InvalidSize("head", f"shape {values.shape}", f"{tuple(old.shape)}, (n_classes, n_in)", fix)
    other = shallow_copy(head)
    other.weight = nn.Parameter(as_tensor(values, old), requires_grad=old.requires_grad)
    return other


def _dense_head(n_in: int, n_classes: int, rng: np.random.Generator) -> nn.Linear:
    # its default initialisation would draw from torch's global generator
    head = cast(nn.Linear, nn.utils.skip_init(nn.Linear, n_in, n_classes))
    bound = 1.0 / math.sqrt(n_in)  # torch's own default for a Linear, drawn from our generator
    with torch.no_grad():
        for parameter in (head.weight, head.bias):
            parameter.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(parameter.shape))))
    return head
