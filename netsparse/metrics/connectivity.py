"""Connected components of the undirected graph over all units, and the units that take part at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.metrics.matrices import Graph, labels_of, present, present_layers, undirected_edges
from netsparse.typing import Bool, Int, UnitIds


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
    pairs = present_layers(graph, weights)
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
    pairs = present_layers(graph, weights)
    reached = [np.bincount(layer.targets[mask], minlength=layer.n_out) > 0 for layer, mask in pairs]
    return float(np.concatenate(reached).mean())


def dead_inputs(graph: Graph, weights: Any = None) -> UnitIds:
    """Units of the first level that no edge leaves: features of the data that the network never sees.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        With weights, edges whose weight is exactly 0 count as absent.

    Returns
    -------
    int array
        Ids of the units, increasing.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> dead_inputs(BipartiteGraph.from_edges([0, 0, 2], [0, 1, 1], n_in=4, n_out=2)).tolist()
    [1, 3]
    """
    mask = present(graph, weights)[0]
    first = graph.layers[0]
    return np.flatnonzero(np.bincount(first.sources[mask], minlength=first.n_in) == 0)


def reached_units(graph: Graph, weights: Any = None) -> Bool[np.ndarray, "unit"]:
    """Tell of each unit whether a directed path leads to it from at least one input; an input reaches itself.

    One pass over the edges, level by level in the direction of the layers. Behind a joint a unit is reached once, at
    whichever input positions it is read.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; a graph is a network of one layer.
    weights : edge vector, or one per layer, optional
        With weights, edges whose weight is exactly 0 count as absent.

    Returns
    -------
    bool array of shape (sum(graph.sizes),)
        Units are numbered through the levels, inputs first.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> reached_units(BipartiteGraph.from_edges([0, 0], [0, 2], n_in=2, n_out=3)).tolist()
    [True, True, True, False, True]
    """
    return _reached(graph, _levels(graph, weights))


def used_units(graph: Graph, weights: Any = None) -> Bool[np.ndarray, "unit"]:
    """Tell of each unit whether a directed path leads from it to at least one output; an output uses itself.

    The mirror image of `reached_units`, with the same arguments and result.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> used_units(BipartiteGraph.from_edges([0, 0], [0, 2], n_in=2, n_out=3)).tolist()
    [True, False, True, True, True]
    """
    return _used(graph, _levels(graph, weights))


def unreached_units(graph: Graph, weights: Any = None) -> UnitIds:
    """Units without a directed path from any input: what they compute does not depend on the data.

    Parameters
    ----------
    graph, weights
        As for `reached_units`.

    Returns
    -------
    int array
        Ids of the units, numbered through the levels, increasing; never an input.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> unreached_units(BipartiteGraph.from_edges([0, 0], [0, 2], n_in=2, n_out=3)).tolist()
    [3]
    """
    return np.flatnonzero(~reached_units(graph, weights))


def unused_units(graph: Graph, weights: Any = None) -> UnitIds:
    """Units without a directed path to any output: what they compute is thrown away.

    Parameters
    ----------
    graph, weights
        As for `reached_units`.

    Returns
    -------
    int array
        Ids of the units, numbered through the levels, increasing; never an output.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> unused_units(BipartiteGraph.from_edges([0, 0], [0, 2], n_in=2, n_out=3)).tolist()
    [1]
    """
    return np.flatnonzero(~used_units(graph, weights))


def path_units(graph: Graph, weights: Any = None) -> Bool[np.ndarray, "unit"]:
    """Tell of each unit whether it lies on a directed path from an input to an output.

    These are the units that take part in the function of the network: reached and used. An input without edges lies
    on no path, and neither does an output without edges.

    Parameters
    ----------
    graph, weights
        As for `reached_units`.

    Returns
    -------
    bool array of shape (sum(graph.sizes),)
        Units are numbered through the levels, inputs first.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> path_units(BipartiteGraph.from_edges([0, 0], [0, 2], n_in=2, n_out=3)).tolist()
    [True, False, True, False, True]
    """
    levels = _levels(graph, weights)
    return _reached(graph, levels) & _used(graph, levels)


def active_units(graph: Graph, weights: Any = None) -> float:
    """Fraction of all units that lie on a directed path from an input to an output, in [0, 1].

    The definition is ours; what the literature calls active neurons are often those with any edge at all
    (`active_inputs`, `active_outputs`), before the dead ends are swept away.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> active_units(BipartiteGraph.from_edges([0, 0], [0, 2], n_in=2, n_out=3))
    0.6
    """
    return float(path_units(graph, weights).mean())


Levels = list[tuple[UnitIds, UnitIds]]


def _levels(graph: Graph, weights: Any) -> Levels:
    """Return the present edges of each layer as pairs of units numbered through the levels."""
    masks = present(graph, weights)
    ends = np.cumsum([layer.n_edges for layer in graph.layers])[:-1]
    sources, targets = (np.split(units, ends) for units in graph.unit_edges())
    return [(sources[k][mask], targets[k][mask]) for k, mask in enumerate(masks)]


def _reached(graph: Graph, levels: Levels) -> Bool[np.ndarray, "unit"]:
    reached = np.zeros(sum(graph.sizes), dtype=bool)
    reached[: graph.sizes[0]] = True
    for sources, targets in levels:
        reached[targets[reached[sources]]] = True
    return reached


def _used(graph: Graph, levels: Levels) -> Bool[np.ndarray, "unit"]:
    used = np.zeros(sum(graph.sizes), dtype=bool)
    used[-graph.sizes[-1] :] = True
    for sources, targets in reversed(levels):
        used[sources[used[targets]]] = True
    return used
