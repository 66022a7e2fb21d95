"""How many edges there are, and how they are spread over the units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from netsparse.metrics.matrices import Graph, magnitudes, present


class DegreeStatistics(NamedTuple):
    """Mean, population standard deviation, minimum and maximum over units; `n_isolated` of them have degree 0."""

    mean: float
    std: float
    min: float
    max: float
    n_isolated: int


def density(graph: Graph, weights: Any = None) -> float:
    """Fraction of all possible pairs that are edges: n_edges / (n_in * n_out), summed over layers first.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        With weights, edges whose weight is exactly 0 count as absent.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2)
    >>> density(graph), density(graph, [0.3, 0.0])
    (0.5, 0.25)
    """
    n_present = sum(int(np.count_nonzero(mask)) for mask in present(graph, weights))
    return n_present / sum(layer.n_in * layer.n_out for layer in graph.layers)


def sparsity(graph: Graph, weights: Any = None) -> float:
    """Fraction of all possible pairs that are not edges: 1 - `density`.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> sparsity(BipartiteGraph.from_edges([0], [0], n_in=2, n_out=2))
    0.75
    """
    return 1.0 - density(graph, weights)


def fan_in_statistics(graph: Graph, weights: Any = None) -> DegreeStatistics:
    """Spread of the fan-in over target units; with weights, of the strength sum |w| over incoming edges.

    In a network the target units of all layers are pooled.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts.

    Returns
    -------
    DegreeStatistics
        mean, std (population), min, max in edges per unit (or in units of the weights), and `n_isolated`, the number
        of target units that nothing enters.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=2)
    >>> fan_in_statistics(graph)
    DegreeStatistics(mean=1.5, std=1.5, min=0.0, max=3.0, n_isolated=1)
    """
    pairs = zip(graph.layers, magnitudes(graph, weights), strict=True)
    return _statistics([np.bincount(layer.targets, w, minlength=layer.n_out) for layer, w in pairs])


def fan_out_statistics(graph: Graph, weights: Any = None) -> DegreeStatistics:
    """Spread of the fan-out over source units; with weights, of the strength sum |w| over outgoing edges.

    In a network the source units of all layers are pooled; behind a joint these are a layer's inputs (patch
    positions), not the channels that feed them.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts.

    Returns
    -------
    DegreeStatistics
        As `fan_in_statistics`, over source units.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=2, n_out=2)
    >>> fan_out_statistics(graph, [0.5, -0.25]).max
    0.75
    """
    pairs = zip(graph.layers, magnitudes(graph, weights), strict=True)
    return _statistics([np.bincount(layer.sources, w, minlength=layer.n_in) for layer, w in pairs])


def _statistics(degrees: list[np.ndarray]) -> DegreeStatistics:
    pooled = np.concatenate(degrees)
    spread = (float(pooled.mean()), float(pooled.std()), float(pooled.min()), float(pooled.max()))
    return DegreeStatistics(*spread, int(np.count_nonzero(pooled == 0)))
