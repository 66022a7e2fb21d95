"""Dead ends: edges that lie on no path from an input to an output, and the network that is left without them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from netsparse.graph import BipartiteGraph, EdgeDelta, SparseNetwork
from netsparse.metrics.connectivity import path_units
from netsparse.metrics.matrices import Graph
from netsparse.typing import Bool, EdgeIds, EdgeMask, EdgeVector, UnitIds


class Compressed(NamedTuple):
    """A network reduced to the units that take part in its function, and the way back.

    Attributes
    ----------
    network : SparseNetwork
        The smaller network.
    weights : tuple of edge vectors, or None
        The weights that were given, one vector per layer of the smaller network.
    units : tuple of int arrays
        For each level, the units of the original that were kept, increasing: unit i of the smaller level is
        `units[level][i]`. Inputs `x` of the original become `x[units[0]]`.
    edges : tuple of int arrays
        For each layer, the edge ids of the original that were kept, increasing: `values[edges[k]]` brings any edge
        vector along.
    """

    network: SparseNetwork
    weights: tuple[EdgeVector, ...] | None
    units: tuple[UnitIds, ...]
    edges: tuple[EdgeIds, ...]


def chain_removal(graph: Graph, weights: Any = None) -> tuple[EdgeDelta, ...]:
    """Remove the edges that lie on no directed path from an input to an output.

    An edge into a hidden unit that no edge leaves is dead, and so are, one level further back, the edges into units
    whose outgoing edges were all dead; likewise forwards from hidden units that no edge enters. What is left after
    both sweeps is every edge from a reached unit to a used one. Units of the first and the last level never start a
    chain: their missing edges are no fault of the hidden ones.

    Parameters
    ----------
    graph : SparseNetwork or BipartiteGraph
        The wiring. A single layer has no hidden units and loses nothing.
    weights : edge vector, or one per layer, optional
        With weights, an edge whose weight is exactly 0 counts as absent: it carries no path, and is itself removed.
        Without weights the newborn edges of a rewiring step, which start at 0, count like all others.

    Returns
    -------
    tuple of EdgeDelta
        One per layer; `removed` in increasing order, nothing added. `netsparse.graph.apply` applies it.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    The chain removal of Cannistraci-Hebb training: Y. Zhang, J. Zhao, W. Wu, A. Muscoloni, C. V. Cannistraci,
    Epitopological learning and Cannistraci-Hebb network shape intelligence brain-inspired theory for ultra-sparse
    advantage in deep learning, ICLR 2024.

    Examples
    --------
    >>> first = BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2)
    >>> second = BipartiteGraph.from_edges([1], [0], n_in=2, n_out=1)
    >>> [delta.removed.tolist() for delta in chain_removal(SparseNetwork([first, second]))]
    [[0], []]
    """
    vectors = None if weights is None else graph.edge_vectors(weights)
    return tuple(EdgeDelta(np.flatnonzero(~alive)) for alive in _alive(graph, vectors, _on_path(graph, vectors)))


def compressed(graph: Graph, weights: Any = None) -> Compressed:
    """Cut a network down to the units and edges on its input-output paths: the same function from fewer units.

    Hidden units and inputs that lie on no path are dropped, with their edges. All units of the last level stay, so
    that a classifier keeps its classes. Behind a joint a unit stays or goes with all input positions that read it, so
    that a convolution keeps its patches whole.

    Parameters
    ----------
    graph : SparseNetwork or BipartiteGraph
        The wiring.
    weights : edge vector, or one per layer, optional
        With weights, edges whose weight is exactly 0 count as absent and are dropped.

    Returns
    -------
    Compressed
        `network`, `weights`, `units`, `edges`.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    The compressed network of U. Evci, T. Gale, J. Menick, P. S. Castro, E. Elsen, Rigging the lottery: making all
    tickets winners, ICML 2020, https://arxiv.org/abs/1911.11134. There units without incoming or without outgoing
    edges go; here also those that only lead to such units.

    The function of a network is kept where a unit that receives nothing puts out nothing (no bias, and an activation
    with f(0) = 0 such as ReLU). The bias of a unit that is used but not reached must be moved by hand: it
    adds a constant to what comes behind.

    A level has at least one unit. Where no path is left at all, the first unit of each hidden level and the first
    input stay behind, without edges.

    Examples
    --------
    >>> first = BipartiteGraph.from_edges([0, 2], [0, 1], n_in=3, n_out=2)
    >>> second = BipartiteGraph.from_edges([1], [0], n_in=2, n_out=2)
    >>> small = compressed(SparseNetwork([first, second]), [[0.5, 2.0], [-1.0]])
    >>> small.network, [units.tolist() for units in small.units], [w.tolist() for w in small.weights]
    (SparseNetwork(1-1-2, 2 edges, density 0.667), [[2], [1], [0, 1]], [[2.0], [-1.0]])
    """
    vectors = None if weights is None else graph.edge_vectors(weights)
    on_path = _on_path(graph, vectors)
    kept = _kept_units(graph, on_path)
    edges = tuple(np.flatnonzero(alive) for alive in _alive(graph, vectors, on_path))
    layers: list[BipartiteGraph] = []
    joints: list[UnitIds | None] = []
    for k, layer in enumerate(graph.layers):
        joint = _joint_below(graph, k)
        if joint is None:
            entries = kept[k]
        else:
            entries = np.flatnonzero(np.isin(joint, kept[k]))
            joint = np.searchsorted(kept[k], joint[entries])
        if k:
            joints.append(joint)
        # both renumberings increase, so that the edges that stay also stay in canonical order
        sources = np.searchsorted(entries, layer.sources[edges[k]])
        targets = np.searchsorted(kept[k + 1], layer.targets[edges[k]])
        layers.append(BipartiteGraph.from_edges(sources, targets, n_in=len(entries), n_out=len(kept[k + 1])))
    values = None if vectors is None else tuple(vector[ids] for vector, ids in zip(vectors, edges, strict=True))
    return Compressed(SparseNetwork(layers, joints), values, kept, edges)


def _joint_below(graph: Graph, k: int) -> UnitIds | None:
    """Return the joint between layer k and the one before it; None where they share units, and for the first."""
    return graph.joints[k - 1] if k and isinstance(graph, SparseNetwork) else None


def _on_path(graph: Graph, vectors: tuple[EdgeVector, ...] | None) -> list[Bool[np.ndarray, "unit"]]:
    """Tell for each level which of its units lie on an input-output path."""
    weights = vectors[0] if vectors is not None and isinstance(graph, BipartiteGraph) else vectors
    return np.split(path_units(graph, weights), np.cumsum(graph.sizes)[:-1])


def _alive(
    graph: Graph, vectors: tuple[EdgeVector, ...] | None, on_path: list[Bool[np.ndarray, "unit"]]
) -> list[EdgeMask]:
    """Tell for each layer which edges lie on an input-output path."""
    masks: list[EdgeMask] = []
    for k, layer in enumerate(graph.layers):
        joint = _joint_below(graph, k)
        sources = layer.sources if joint is None else joint[layer.sources]
        alive = on_path[k][sources] & on_path[k + 1][layer.targets]
        masks.append(alive if vectors is None else alive & (vectors[k] != 0))
    return masks


def _kept_units(graph: Graph, on_path: list[Bool[np.ndarray, "unit"]]) -> tuple[UnitIds, ...]:
    """Return for each level the units that stay: those on paths, all of the last level, never none."""
    kept = [np.flatnonzero(mask) for mask in on_path[:-1]]
    for level, units in enumerate(kept):
        if not len(units):
            joint = _joint_below(graph, level)
            # behind a joint the unit that stays has to feed some input, for the next layer needs one
            kept[level] = np.array([0 if joint is None else joint[0]], dtype=np.int64)
    return (*kept, np.arange(graph.sizes[-1]))
