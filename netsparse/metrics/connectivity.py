"""Connected components of the undirected graph over all units, and the units that take part at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.metrics.matrices import Graph, labels_of, present, undirected_edges
from netsparse.typing import Int, UnitIds


def component_labels(graph: Graph, weights: Any = None) -> UnitIds:
    """Component of each unit, edges taken as undirected: 0 is the largest component, then by size.

    Equally large components are ordered by their first unit. Every isolated unit is a component of its own.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network, all levels together.
    weights : edge vector, or one per layer, optional
        With weights, edges whose weight is exactly 0 count as absent.

    Returns
    -------
    int array of shape (sum(graph.sizes),)
        Units are numbered through the levels: inputs first, then the outputs of each layer.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([1, 1], [0, 1], n_in=2, n_out=2)
    >>> component_labels(graph).tolist()
    [1, 0, 0, 0]
    """
    sources, targets, _ = undirected_edges(graph, weights)
    return labels_of(sum(graph.sizes), sources, targets)


def component_sizes(graph: Graph, weights: Any = None) -> Int[np.ndarray, "component"]:
    """Count the units in each component, largest first; isolated units are components of size 1.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> component_sizes(BipartiteGraph.from_edges([1, 1], [0, 1], n_in=2, n_out=2)).tolist()
    [3, 1]
    """
    return np.bincount(component_labels(graph, weights))


def n_components(graph: Graph, weights: Any = None) -> int:
    """Count the connected components over all units; an isolated unit is one.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> n_components(BipartiteGraph.from_edges([], [], n_in=2, n_out=3))
    5
    """
    return len(component_sizes(graph, weights))


def giant_component(graph: Graph, weights: Any = None) -> float:
    """Fraction of all units that lie in the largest component, in (0, 1]; 1 means connected.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> giant_component(BipartiteGraph.from_edges([1, 1], [0, 1], n_in=2, n_out=2))
    0.75
    """
    return float(component_sizes(graph, weights)[0] / sum(graph.sizes))


def active_inputs(graph: Graph, weights: Any = None) -> float:
    """Fraction of source units with at least one outgoing edge; in a network over the inputs of all layers.

    With weights, edges whose weight is exactly 0 count as absent.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> active_inputs(BipartiteGraph.from_edges([0, 0], [0, 1], n_in=4, n_out=2))
    0.25
    """
    pairs = zip(graph.layers, present(graph, weights), strict=True)
    reached = [np.bincount(layer.sources[mask], minlength=layer.n_in) > 0 for layer, mask in pairs]
    return float(np.concatenate(reached).mean())


def active_outputs(graph: Graph, weights: Any = None) -> float:
    """Fraction of target units with at least one incoming edge; in a network over the outputs of all layers.

    With weights, edges whose weight is exactly 0 count as absent.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> active_outputs(BipartiteGraph.from_edges([0, 0], [0, 1], n_in=4, n_out=2))
    1.0
    """
    pairs = zip(graph.layers, present(graph, weights), strict=True)
    reached = [np.bincount(layer.targets[mask], minlength=layer.n_out) > 0 for layer, mask in pairs]
    return float(np.concatenate(reached).mean())
