"""`SparseModel`: what every whole model over a `SparseNetwork` is to training, probes and rules."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Self

import numpy as np
from torch import Tensor, nn

from netsparse.errors import InvalidNetwork, InvalidOption, InvalidSize
from netsparse.graph import SparseNetwork
from netsparse.graph.checks import as_array
from netsparse.nn.inputs import check_kind
from netsparse.nn.layer import SparseLayer, as_tensor, shallow_copy
from netsparse.nn.normalize import Normalize
from netsparse.rewiring import LayerState
from netsparse.typing import EdgeVector, UnitIds


class SparseModel(nn.Module):
    """A classifier whose sparse layers are, in order, the layers of a `SparseNetwork`; inputs live in [0, 1].

    A subclass builds its layers, sets the attributes below and adds `forward`, `options` and `laid_out`.

    Attributes
    ----------
    layers : nn.ModuleList
        The sparse layers, inputs first: `layers.0.weight` is the first one's weights in every model's `state_dict`.
    n_features, n_classes : int
        Numbers of an input, flattened, and of logits.
    normalize : Normalize
        Its first part.
    head : nn.Linear or None
        A dense read-out behind the last sparse layer, if it has one.
    joints : tuple
        How its layers meet, see `SparseNetwork`.
    """

    layers: nn.ModuleList
    n_features: int
    n_classes: int
    normalize: Normalize
    head: nn.Linear | None
    joints: tuple[UnitIds | None, ...]

    def sparse_layers(self) -> list[SparseLayer]:
        """Return the sparse layers, inputs first."""
        return list(self.layers)  # type: ignore[arg-type]

    def options(self) -> dict[str, Any]:
        """Return what a model of the same kind is built with beside its network, in words that JSON knows."""
        raise NotImplementedError

    def laid_out(self, x: Tensor) -> Tensor:
        """Return inputs (batch, ...) normalised, and laid out in memory as the first layer reads them.

        A model whose `normalize` is exchanged for `nn.Identity()` makes of them, bit for bit and without a copy, what
        this one makes of `x`: for inputs that are gone through with many wirings.

        Raises
        ------
        InvalidSize, InvalidOption
            As `checked_rows`.
        """
        raise NotImplementedError

    @property
    def numbers_per_sample(self) -> int:
        """Numbers that an evaluation holds at a time for each sample: the largest layer's inputs and outputs."""
        sizes = (*self.network.sizes, self.n_classes)
        return max(units + following for units, following in pairwise(sizes))

    def layer_states(self) -> list[LayerState]:
        """Return what a rewiring rule may see of every sparse layer: graph, weights, how it meets the one below."""
        joints = (None, *self.joints)
        return [
            LayerState(k, layer.graph, layer.edge_weights(), kernel_size=layer.kernel_size, joint=joint)
            for k, (layer, joint) in enumerate(zip(self.sparse_layers(), joints, strict=True))
        ]

    @property
    def network(self) -> SparseNetwork:
        """The current wiring."""
        return SparseNetwork([layer.graph for layer in self.sparse_layers()], self.joints)

    @property
    def weights(self) -> tuple[EdgeVector, ...]:
        """One edge vector per sparse layer, copied to numpy."""
        return tuple(layer.edge_weights() for layer in self.sparse_layers())

    def with_edges(self, network: SparseNetwork, weights: Any, head: np.ndarray | None = None) -> Self:
        """Return a model with other edges that shares every other tensor with this one; this one stays as it is.

        Nothing is copied but the new weights: biases, normalisation and, unless given, the dense head are the same
        tensors in both models, so that training one trains them in the other, and moving one moves them.

        Parameters
        ----------
        network : SparseNetwork
            Of the same sizes and joints. The index arrays of a layer that is unchanged are shared.
        weights : sequence of edge vectors
            One per sparse layer.
        head : array of shape (n_classes, n_in), optional
            Other weights of the dense head.

        Returns
        -------
        a model of the same class

        Raises
        ------
        InvalidNetwork, InvalidEdgeVector, InvalidOption, InvalidSize
            For a network of other sizes or joints, weights that do not fit it or are no real numbers, a head for a
            model that has none, or of another shape.

        Examples
        --------
        >>> from netsparse.generators import layered
        >>> from netsparse.graph import subgraph
        >>> from netsparse.nn import SparseMLP
        >>> model = SparseMLP(layered([64, 100], density=0.05, rng=0), n_classes=10, rng=0)
        >>> strong = np.abs(model.weights[0]) > 0.5
        >>> graph, _ = subgraph(model.network.layers[0], strong)
        >>> other = model.with_edges(SparseNetwork([graph]), [model.weights[0][strong]])
        >>> other.network.n_edges, model.network.n_edges, other.head.weight is model.head.weight
        (170, 320, True)
        """
        own = self.network
        if not isinstance(network, SparseNetwork) or network.sizes != own.sizes:
            given = repr(network) if isinstance(network, SparseNetwork) else type(network).__name__
            expected = f"a SparseNetwork of the sizes {'-'.join(map(str, own.sizes))}"
            raise InvalidNetwork("with_edges", given, expected, "model.network.replace(0, graph)")
        if not same_joints(network.joints, self.joints):
            given, expected = "other joints between its layers", "those of the model's own network"
            raise InvalidNetwork("network", given, expected, "model.network.replace(0, graph)")
        changed: dict[nn.Module, nn.Module] = {
            layer: layer.with_edges(graph, weight)
            for layer, graph, weight in zip(
                self.sparse_layers(), network.layers, network.edge_vectors(weights), strict=True
            )
        }
        model = _exchanged(self, changed)
        if head is not None:
            model.head = _other_head(self.head, head)
        return model

    def check_data(self, n_features: int, n_classes: int) -> None:
        """Raise `InvalidSize`, `InvalidOption` unless the model takes such inputs and tells as many classes apart."""
        if n_features != self.n_features:
            expected = f"{n_features}, the number of features of the data"
            raise InvalidSize("network inputs", f"{self.n_features} units", expected, self._fix_features(n_features))
        if n_classes > self.n_classes:
            expected = f"at least {n_classes}, the number of classes of the data"
            fix = f"{type(self).__name__}(network, n_classes={n_classes})"
            raise InvalidOption("n_classes", str(self.n_classes), expected, fix)

    def _fix_features(self, n_features: int) -> str:
        return f"a network of {n_features} inputs"

    def checked_rows(self, x: Any) -> Tensor:
        """Return inputs (batch, ...) as rows (batch, n_features).

        Raises
        ------
        InvalidSize, InvalidOption
            If an input does not have as many features as the network has inputs; for another dtype or device, or
            something that is no tensor.
        """
        check_kind(self.sparse_layers()[0], x)  # normalised, whole numbers would pass for fractions
        n = self.n_features
        if x.dim() < 2 or (x.shape[0] and math.prod(x.shape[1:]) != n):
            expected, fix = f"(batch, {n}) or more axes with {n} features", f"x.reshape(-1, {n})"
            raise InvalidSize("input", f"shape {tuple(x.shape)}", expected, fix)
        return x.reshape(x.shape[0], n)


def same_joints(one: tuple[UnitIds | None, ...], other: tuple[UnitIds | None, ...]) -> bool:
    """Tell whether two sequences of joints say the same."""
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(
        a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs
    )


def _exchanged(module: Any, changed: dict[nn.Module, nn.Module]) -> Any:
    """Return a module with some of those inside exchanged; all others share their tensors with the ones here."""
    if module in changed:
        return changed[module]
    copy = shallow_copy(module)  # their training flags are their own, too
    for name, child in module.named_children():
        copy._modules[name] = _exchanged(child, changed)
    return copy


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
