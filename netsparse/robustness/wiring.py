"""`Wiring`: what a probe changes, the graphs and the weights of a trained model, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidNetwork, InvalidOption
from netsparse.graph import SparseNetwork, carry, subgraph
from netsparse.typing import EdgeMask, EdgeVector


@dataclass(frozen=True, slots=True, eq=False)
class Wiring:
    """The graphs and the weights of a trained model, and how many of its layers may be changed.

    Attributes
    ----------
    network : SparseNetwork
        All layers; a dense head is the last, complete one.
    weights : tuple of edge vectors
        One per layer, in canonical edge order. They may be somebody else's memory: never written to.
    n_probed : int
        Layers 0 to n_probed - 1 may be changed. A dense head lies beyond, unless it is included.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> network = layered([4, 3, 2], density=0.5, rng=0)
    >>> wiring = Wiring.of(network, [np.ones(layer.n_edges) for layer in network.layers], n_probed=1)
    >>> wiring.probed, wiring.without(np.arange(9) < 2).network
    (SparseNetwork(4-3, 6 edges, density 0.5), SparseNetwork(4-3-2, 7 edges, density 0.389))
    """

    network: SparseNetwork
    weights: tuple[EdgeVector, ...]
    n_probed: int

    @classmethod
    def of(cls, network: Any, weights: Any, n_probed: int | None = None) -> Wiring:
        """Return the wiring, checked at the door.

        Parameters
        ----------
        network : SparseNetwork
            All layers.
        weights : sequence of edge vectors
            One per layer. Whole numbers become float64, floats stay of their own kind.
        n_probed : int, optional
            How many layers, counted from the inputs, may be changed; all of them where not given.

        Raises
        ------
        InvalidNetwork, InvalidEdgeVector, InvalidOption
            For something else than a network, weights that do not fit, are no real numbers or are not all finite, and
            an impossible number of layers.
        """
        if not isinstance(network, SparseNetwork):
            given, fix = f"a {type(network).__name__}", "model.network, or SparseNetwork([graph])"
            raise InvalidNetwork("network", given, "a SparseNetwork", fix)
        vectors = tuple(_as_weights(k, vector) for k, vector in enumerate(network.edge_vectors(weights)))
        n_layers = len(network.layers)
        n_probed = n_layers if n_probed is None else n_probed
        is_whole = isinstance(n_probed, int | np.integer) and not isinstance(n_probed, bool)
        if not is_whole or not 1 <= n_probed <= n_layers:
            expected = f"a whole number of layers, 1 to {n_layers}"
            raise InvalidOption("n_probed", repr(n_probed), expected, f"n_probed={n_layers}")
        return cls(network, vectors, int(n_probed))

    @property
    def probed(self) -> SparseNetwork:
        """The layers that may be changed, as a network of their own: what structure is measured on."""
        if self.n_probed == len(self.network.layers):
            return self.network
        return SparseNetwork(self.network.layers[: self.n_probed], self.network.joints[: self.n_probed - 1])

    @property
    def probed_weights(self) -> tuple[EdgeVector, ...]:
        """The weights of the layers that may be changed."""
        return self.weights[: self.n_probed]

    @property
    def n_edges_per_layer(self) -> list[int]:
        """Number of edges of each layer that may be changed."""
        return [layer.n_edges for layer in self.network.layers[: self.n_probed]]

    def with_weights(self, probed: Sequence[EdgeVector]) -> Wiring:
        """Return the same graphs with other weights in the layers that may be changed (trusted to fit)."""
        return replace(self, weights=(*probed, *self.weights[self.n_probed :]))

    def without(self, gone: EdgeMask) -> Wiring:
        """Return the wiring of the edges that are left, with their weights; the units stay.

        Parameters
        ----------
        gone : bool array of shape (n,)
            Which edges go, layer by layer in canonical order (trusted); edges past its end stay, so that n may be the
            number of edges of the layers that may be changed, or of all.
        """
        layers, weights, start = list(self.network.layers), list(self.weights), 0
        for k, layer in enumerate(self.network.layers):
            here = gone[start : start + layer.n_edges]
            start += layer.n_edges
            if here.any():
                layers[k], edge_map = subgraph(layer, ~here)
                weights[k] = carry(weights[k], edge_map)
        return replace(self, network=SparseNetwork(layers, self.network.joints), weights=tuple(weights))


def _as_weights(k: int, vector: np.ndarray) -> EdgeVector:
    if vector.dtype.kind not in "fiu":
        given, fix = f"dtype {vector.dtype}", "numpy.asarray(weights, dtype=float)"
        raise InvalidEdgeVector(f"weights[{k}]", given, "real numbers", fix)
    if not np.isfinite(vector).all():
        edge = int(np.argmin(np.isfinite(vector)))
        given, fix = f"{float(vector[edge])} at edge {edge}", "the weights of a model whose training did not diverge"
        raise InvalidEdgeVector(f"weights[{k}]", given, "finite numbers", fix)
    return vector if vector.dtype.kind == "f" else vector.astype(np.float64)
