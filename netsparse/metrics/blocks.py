"""Blocks of the weight matrix that hold few edges or none: zero vectors, singleton vectors, block occupancy.

These are what structured hardware can skip. The matrix is W (n_out x n_in). Their expectation for a uniformly random
layer of the same size is in `netsparse.metrics.block_baselines`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import InvalidGraph, InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph, EdgeDelta
from netsparse.graph.checks import as_edge_vector
from netsparse.metrics.matrices import Graph, present, present_layers
from netsparse.typing import Int

AXES = ("in", "out")


def zero_vectors(graph: Graph, weights: Any = None, *, axis: str = "out") -> float:
    """Fraction of zero vectors: units that no edge leaves (`axis="out"`) or that none enters (`axis="in"`).

    The vector W[:, s] of source unit s runs over the outputs, the vector W[t, :] of target unit t over the inputs; a
    vector is zero where none of its entries is an edge.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; in a network the vectors of all layers are pooled.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.
    axis : {"out", "in"}
        What the vectors run over.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    UnknownName
        For another axis.
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    "out" is the last axis of weights kept in TensorFlow's order (height, width, in, out), along which experiments on
    structured rewiring count; that a source unit of a convolution is one input of one patch position is then meant. The
    number depends strongly on shape and density: compare it with `expected_zero_vectors`.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 1], n_in=4, n_out=2)
    >>> zero_vectors(graph), zero_vectors(graph, axis="in")
    (0.5, 0.0)
    """
    return _fraction_holding(graph, weights, axis, 0)


def singleton_vectors(graph: Graph, weights: Any = None, *, axis: str = "out") -> float:
    """Fraction of singleton vectors: units that exactly one edge leaves (`axis="out"`) or enters (`axis="in"`).

    Parameters
    ----------
    graph, weights, axis
        As `zero_vectors`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    UnknownName, InvalidEdgeVector
        As `zero_vectors`.

    Notes
    -----
    Compare it with `expected_singleton_vectors`; `singleton_pruning` turns these vectors into zero vectors.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 1], n_in=4, n_out=2)
    >>> singleton_vectors(graph), singleton_vectors(graph, axis="in")
    (0.25, 0.5)
    """
    return _fraction_holding(graph, weights, axis, 1)


def singleton_pruning(graph: BipartiteGraph, weights: Any = None, *, axis: str = "out") -> EdgeDelta:
    """Singleton pruning: remove every edge that is alone in its vector along `axis`.

    Afterwards no vector of that axis holds exactly one edge; along the other axis new singletons may have appeared.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring of one layer.
    weights : edge vector, optional
        With weights, an edge whose weight is exactly 0 does not count: another one may be alone beside it, and it goes
        itself where no two others are left.
    axis : {"out", "in"}
        What the vectors run over, as in `zero_vectors`.

    Returns
    -------
    EdgeDelta
        The edges to remove; none are added. `netsparse.apply(graph, delta)` carries it out.

    Raises
    ------
    InvalidGraph
        If `graph` is not a BipartiteGraph.
    UnknownName, InvalidEdgeVector
        As `zero_vectors`.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 1], n_in=4, n_out=2)
    >>> singleton_pruning(graph).removed.tolist(), singleton_pruning(graph, axis="in").removed.tolist()
    ([2], [0])
    """
    if not isinstance(graph, BipartiteGraph):
        fix = "[singleton_pruning(layer) for layer in network.layers]"
        raise InvalidGraph("graph", type(graph).__name__, "a BipartiteGraph", fix)
    check_axis(axis)
    if weights is not None:
        weights = as_edge_vector("weights", weights, graph.n_edges)
    (mask,) = present(graph, weights)
    units = graph.sources if axis == "out" else graph.targets
    held = np.bincount(units[mask], minlength=max(graph.sizes))
    return EdgeDelta(np.flatnonzero(held[units] <= 1))


def block_occupancy(graph: Graph, weights: Any = None, *, block_shape: tuple[int, int]) -> float:
    """Block occupancy: the fraction of blocks of the weight matrix that hold at least one edge.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; in a network the blocks of all layers are pooled.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.
    block_shape : (int, int)
        Rows (target units) and columns (source units) of a block. The blocks tile W (n_out x n_in) from its first
        entry on; those at the far borders are cut off.

    Returns
    -------
    float
        In [0, 1]; the density itself for blocks of shape (1, 1).

    Raises
    ------
    InvalidOption
        If `block_shape` is not two whole numbers of at least 1.
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    The inverse of what block-sparse kernels gain: they compute every occupied block whole. Compare it with
    `expected_block_occupancy`.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1, 4], [0, 1, 2], n_in=5, n_out=3)
    >>> round(block_occupancy(graph, block_shape=(2, 2)), 6)
    0.333333
    """
    rows, columns = as_block_shape(block_shape)
    n_occupied, n_blocks = 0, 0
    for layer, mask in present_layers(graph, weights):
        high, wide = min(rows, layer.n_out), min(columns, layer.n_in)  # larger ones hold no more, and may be no int64
        across = -(-layer.n_in // wide)
        keys = (layer.targets[mask].astype(np.int64) // high) * across + layer.sources[mask] // wide
        n_occupied += len(np.unique(keys))
        n_blocks += across * -(-layer.n_out // high)
    return n_occupied / n_blocks


def check_axis(axis: object) -> None:
    """Raise `UnknownName` for an axis that is neither "in" nor "out"."""
    if not isinstance(axis, str) or axis not in AXES:
        raise unknown_name("axis", axis, AXES)


def as_block_shape(block_shape: Any) -> tuple[int, int]:
    """Return rows and columns of a block as plain ints; raises `InvalidOption`."""
    shape = tuple(block_shape) if isinstance(block_shape, tuple | list) else ()
    if len(shape) != 2 or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0 for n in shape):
        expected = "two whole numbers of at least 1, rows and columns"
        raise InvalidOption("block_shape", repr(block_shape), expected, "block_shape=(4, 4)")
    return int(shape[0]), int(shape[1])


def _fraction_holding(graph: Graph, weights: Any, axis: str, n_edges: int) -> float:
    check_axis(axis)
    pairs = present_layers(graph, weights)
    counts = np.concatenate([_edges_per_vector(layer, mask, axis) for layer, mask in pairs])
    return float((counts == n_edges).mean())


def _edges_per_vector(layer: BipartiteGraph, mask: np.ndarray, axis: str) -> Int[np.ndarray, "vector"]:
    if axis == "out":
        return np.bincount(layer.sources[mask], minlength=layer.n_in)
    return np.bincount(layer.targets[mask], minlength=layer.n_out)
