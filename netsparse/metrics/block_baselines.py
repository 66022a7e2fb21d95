"""What a uniformly random layer would show: exact expectations of zero vectors, singletons and occupied blocks.

Exactly n_edges of the N = n_in n_out pairs are edges, every set of them equally likely; counts are hypergeometric.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.metrics.blocks import as_block_shape, check_axis
from netsparse.metrics.matrices import Graph, present_layers


def expected_zero_vectors(graph: Graph, weights: Any = None, *, axis: str = "out") -> float:
    """Fraction of zero vectors to expect, over all layers with the same n_in, n_out and n_edges.

    C(N - L, E) / C(N, E), with N = n_in n_out pairs, E edges and vectors of length L (n_out for `axis="out"`, n_in
    for "in"); about (1 - density)^L.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        Only its sizes and edge counts matter; in a network the vectors of all layers are pooled.
    weights : edge vector, or one per layer, optional
        Edges whose weight is exactly 0 are not counted.
    axis : {"out", "in"}
        What the vectors run over.

    Returns
    -------
    float
        In [0, 1], exact but for rounding.

    Raises
    ------
    UnknownName, InvalidEdgeVector
        As `zero_vectors`.

    Notes
    -----
    The null model of a fixed edge count is ours, chosen because every generator and rule here keeps it.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> wide, narrow = (erdos_renyi(1000, n_out, density=0.01, rng=0) for n_out in (512, 64))
    >>> round(expected_zero_vectors(wide), 4), round(expected_zero_vectors(narrow), 2)
    (0.0058, 0.53)
    """
    check_axis(axis)
    return _mean_over_vectors(graph, weights, axis, empty_probability)


def expected_singleton_vectors(graph: Graph, weights: Any = None, *, axis: str = "out") -> float:
    """Fraction of singleton vectors to expect, over all layers with the same n_in, n_out and n_edges.

    L C(N - L, E - 1) / C(N, E), with N, E and L as in `expected_zero_vectors`.

    Parameters
    ----------
    graph, weights, axis
        As `expected_zero_vectors`.

    Returns
    -------
    float
        In [0, 1], exact but for rounding.

    Raises
    ------
    UnknownName, InvalidEdgeVector
        As `zero_vectors`.

    Notes
    -----
    The null model is that of `expected_zero_vectors`.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> round(expected_singleton_vectors(erdos_renyi(2, 2, n_edges=2, rng=0)), 6)
    0.666667
    """
    check_axis(axis)
    return _mean_over_vectors(graph, weights, axis, _singleton_probability)


def expected_block_occupancy(graph: Graph, weights: Any = None, *, block_shape: tuple[int, int]) -> float:
    """Block occupancy to expect, over all layers with the same n_in, n_out and n_edges.

    The mean over blocks of 1 - C(N - L, E) / C(N, E), with L the number of entries of a block; blocks that a border
    cuts off are smaller and are counted as such.

    Parameters
    ----------
    graph, weights
        As `expected_zero_vectors`.
    block_shape : (int, int)
        Rows (target units) and columns (source units) of a block.

    Returns
    -------
    float
        In [0, 1], exact but for rounding.

    Raises
    ------
    InvalidOption, InvalidEdgeVector
        As `block_occupancy`.

    Notes
    -----
    The null model is that of `expected_zero_vectors`.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> graph = erdos_renyi(100, 100, density=0.05, rng=0)
    >>> round(expected_block_occupancy(graph, block_shape=(1, 1)), 6), round(
    ...     expected_block_occupancy(graph, block_shape=(4, 4)), 3
    ... )
    (0.05, 0.56)
    """
    rows, columns = as_block_shape(block_shape)
    occupied, n_blocks = 0.0, 0
    for layer, mask in present_layers(graph, weights):
        n_pairs, n_edges = layer.n_in * layer.n_out, int(np.count_nonzero(mask))
        for height, n_high in _pieces(layer.n_out, rows):
            for width, n_wide in _pieces(layer.n_in, columns):
                occupied += n_high * n_wide * -np.expm1(_log_empty(n_pairs, height * width, n_edges))
                n_blocks += n_high * n_wide
    return float(occupied / n_blocks)


def empty_probability(n_pairs: int, n_chosen: int, n_edges: int) -> float:
    """Probability that none of `n_chosen` given pairs is an edge: C(N - L, E) / C(N, E).

    Examples
    --------
    >>> round(empty_probability(4, 2, 1), 12), empty_probability(4, 2, 3)
    (0.5, 0.0)
    """
    return float(np.exp(_log_empty(n_pairs, n_chosen, n_edges)))


def _log_empty(n_pairs: int, n_chosen: int, n_edges: int) -> float:
    # the product of (1 - E / (N - i)) for i < L, or the same with E and L swapped; differences of log-gamma functions
    # would lose as many digits as N has
    few, many = sorted((n_chosen, n_edges))
    if few + many > n_pairs:
        return -np.inf
    return float(np.log1p(-many / (n_pairs - np.arange(few, dtype=np.float64))).sum())


def _singleton_probability(n_pairs: int, length: int, n_edges: int) -> float:
    if n_edges == 0:
        return 0.0
    # any of the entries is the edge, and then the others of the vector are none of the remaining edges
    return length * n_edges / n_pairs * empty_probability(n_pairs - 1, length - 1, n_edges - 1)


def _mean_over_vectors(graph: Graph, weights: Any, axis: str, probability: Any) -> float:
    total, n_vectors = 0.0, 0
    for layer, mask in present_layers(graph, weights):
        count, length = (layer.n_in, layer.n_out) if axis == "out" else (layer.n_out, layer.n_in)
        total += count * probability(layer.n_in * layer.n_out, length, int(np.count_nonzero(mask)))
        n_vectors += count
    return total / n_vectors


def _pieces(n: int, size: int) -> list[tuple[int, int]]:
    """Return (length, how many) of the whole pieces of `size` in `n`, and of what is left over."""
    return [(length, count) for length, count in ((size, n // size), (n % size, 1)) if length and count]
