"""Initial weights of a sparse layer, by the number of edges that really arrive at a unit - or by the dense one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netsparse.errors import unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.typing import EdgeVector

ROWS = 2**16
"""Target units whose weights are scaled at a time."""


def he_sparse(graph: BipartiteGraph, rng: np.random.Generator) -> EdgeVector:
    """Draw N(0, 2 / fan_in(target)) per edge, with the sparse fan-in of its own target unit.

    Keeps the variance of the signal through ReLU layers whatever the density: He et al., arXiv:1502.01852, with the
    fan-in of each unit as in Evci et al., Gradient Flow in Sparse Neural Networks, arXiv:2010.03533.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=50, n_out=1)
    >>> he_sparse(graph, np.random.default_rng(0)).shape
    (2,)
    """
    scale = np.sqrt(2.0 / np.maximum(graph.fan_in, 1))  # per unit: nothing but the weights is as long as the edges
    weights = rng.normal(size=graph.n_edges)
    for first in range(0, graph.n_out, ROWS):
        rows = slice(first, first + ROWS)
        start, end = graph.indptr[first], graph.indptr[min(first + ROWS, graph.n_out)]
        weights[start:end] *= np.repeat(scale[rows], graph.fan_in[rows])
    return weights


def he_dense(graph: BipartiteGraph, rng: np.random.Generator) -> EdgeVector:
    """Draw N(0, 2 / n_in) per edge, as if the layer were dense: what masking a dense layer does.

    At 1 % density the signal then shrinks tenfold per layer. He et al., arXiv:1502.01852.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=50, n_out=1)
    >>> he_dense(graph, np.random.default_rng(0)).shape
    (2,)
    """
    weights = rng.normal(size=graph.n_edges)
    weights *= np.sqrt(2.0 / graph.n_in)
    return weights


def glorot_uniform(graph: BipartiteGraph, rng: np.random.Generator) -> EdgeVector:
    """Draw U(-l, l) per edge with l = sqrt(6 / (n_in + n_out)), as if the layer were dense: "Xavier" initialisation.

    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010. Keras'
    default, and so what the lottery tickets of Cosentino et al., arXiv:1912.02386, start from: their layers are
    complete at first.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=5, n_out=1)
    >>> bool(np.abs(glorot_uniform(graph, np.random.default_rng(0))).max() < 1.0)
    True
    """
    limit = np.sqrt(6.0 / (graph.n_in + graph.n_out))
    return rng.uniform(-limit, limit, graph.n_edges)


INITS: dict[str, Callable[[BipartiteGraph, np.random.Generator], EdgeVector]] = {
    "he_sparse": he_sparse,
    "he_dense": he_dense,
    "glorot_uniform": glorot_uniform,
}


def initial_weights(graph: BipartiteGraph, init: str, rng: np.random.Generator) -> EdgeVector:
    """Draw the weights of `graph` by the named scheme; raises `UnknownName`."""
    if init not in INITS:
        raise unknown_name("init", init, INITS)
    return INITS[init](graph, rng)
