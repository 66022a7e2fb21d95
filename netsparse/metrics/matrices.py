"""What the metrics look at: the undirected edges of a graph or a network, with |w| where weights are given.

One rule holds for every metric of this room. Without weights each edge counts 1. With weights it counts |w|, and an
edge whose weight is exactly 0 counts as absent. Units are numbered through the levels: inputs first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from netsparse.errors import InvalidEdgeVector, InvalidGraph
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.typing import EdgeMask, EdgeVector, UnitIds

Graph = BipartiteGraph | SparseNetwork
"""What every metric takes."""


def check_graph(graph: Any) -> None:
    """Check what every metric is given first; raises `InvalidGraph`."""
    if not isinstance(graph, Graph):
        fix = "BipartiteGraph.from_scipy(W), W of shape (n_out, n_in), or interop.from_networkx(graph)"
        raise InvalidGraph("graph", type(graph).__name__, "a BipartiteGraph or a SparseNetwork", fix)


def magnitudes(graph: Graph, weights: Any) -> tuple[EdgeVector, ...]:
    """Return |w| for each layer as float64; ones where `weights` is None.

    Raises
    ------
    InvalidGraph
        If `graph` is neither a BipartiteGraph nor a SparseNetwork.
    InvalidEdgeVector
        If the weights do not fit the edges, are not real numbers, or are not all finite.
    """
    check_graph(graph)
    if weights is None:
        return tuple(np.ones(layer.n_edges) for layer in graph.layers)
    return tuple(_absolute(k, vector) for k, vector in enumerate(graph.edge_vectors(weights)))


def present(graph: Graph, weights: Any) -> tuple[EdgeMask, ...]:
    """Tell for each layer which edges count as present: all of them, or those with a weight other than 0."""
    return tuple(vector > 0 for vector in magnitudes(graph, weights))


def present_layers(graph: Graph, weights: Any) -> Iterator[tuple[BipartiteGraph, EdgeMask]]:
    """Yield each layer with its `present` edges."""
    masks = present(graph, weights)
    return zip(graph.layers, masks, strict=True)


def weighted_layers(graph: Graph, weights: Any) -> Iterator[tuple[BipartiteGraph, EdgeVector]]:
    """Yield each layer with its `magnitudes`."""
    values = magnitudes(graph, weights)
    return zip(graph.layers, values, strict=True)


def undirected_edges(graph: Graph, weights: Any) -> tuple[UnitIds, UnitIds, EdgeVector]:
    """Return the present edges as pairs of units of the whole graph, and |w| (1 without weights) of each.

    A pair that a joint contracts from several edges is listed several times.
    """
    strength = np.concatenate(magnitudes(graph, weights))
    sources, targets = graph.unit_edges()
    if weights is None:
        return sources, targets, strength
    kept = strength > 0
    return sources[kept], targets[kept], strength[kept]


def labels_of(n_units: int, sources: UnitIds, targets: UnitIds) -> UnitIds:
    """Return the component of each unit: 0 is the largest, equally large ones are ordered by their first unit."""
    edges = sp.coo_array((np.ones(len(sources), dtype=np.int8), (sources, targets)), shape=(n_units, n_units))
    found = sp.csgraph.connected_components(edges.tocsr(), directed=False)[1]
    sizes = np.bincount(found)
    first = np.empty(len(sizes), dtype=np.int64)
    first[found[::-1]] = np.arange(n_units)[::-1]  # of several assignments the last one stays
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[found]


def places_in(groups: np.ndarray) -> np.ndarray:
    """Return the place of each element among the elements of its own group, in their order: 0, 1, 2 ..."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    place = np.empty(len(groups), dtype=np.int64)
    place[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place


def _absolute(k: int, vector: np.ndarray) -> EdgeVector:
    if vector.dtype.kind not in "fiub":
        fix = "numpy.asarray(weights, dtype=float)"
        raise InvalidEdgeVector(f"weights of layer {k}", f"dtype {vector.dtype}", "real numbers", fix)
    values = np.abs(vector.astype(np.float64))
    if not np.isfinite(values).all():
        worst = int(np.flatnonzero(~np.isfinite(values))[0])
        given = f"{float(vector[worst])} at edge {worst}"
        raise InvalidEdgeVector(f"weights of layer {k}", given, "finite numbers", "numpy.nan_to_num(weights)")
    return values
