"""Paths: how many lead from the inputs to the outputs, how deep signals get, and how far units are apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import EdgeOutOfRange
from netsparse.graph.checks import as_unit_ids
from netsparse.metrics.matrices import Graph, check_graph, labels_of, magnitudes, present, undirected_edges
from netsparse.metrics.path_sums import log_of, log_sum, path_sums, steps
from netsparse.metrics.sources import drawn_sources
from netsparse.typing import Float, Seed, UnitIds


def log_path_count(graph: Graph, weights: Any = None) -> float:
    """Natural logarithm of the number of directed paths from any input to any output.

    ln of the sum of all entries of W_L ... W_2 W_1, with W_k the 0/1 matrix of layer k.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; the paths of a single layer are its edges.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.

    Returns
    -------
    float
        -inf where no input reaches an output.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    One sweep over the levels, O(edges), in numbers with an exponent of their own: no depth overflows, and few paths
    are never lost beside many. Edges that a joint contracts onto the same pair of units are so many different paths
    (ours).

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> dense = layered([3, 10, 10, 2], density=1.0, rng=0)
    >>> round(float(np.exp(log_path_count(dense))), 6)
    600.0
    """
    values = tuple(mask.astype(np.float64) for mask in present(graph, weights))
    return log_sum(*path_sums(graph, values, np.ones(graph.sizes[0])))


def log_path_weight(graph: Graph, weights: Any = None) -> float:
    """Natural logarithm of the sum over all input-output paths of the product of |w| along the path.

    ln of the sum of all entries of |W_L| ... |W_2| |W_1|. The sum is the l1 path norm, and the loss of which synaptic
    flow pruning takes the gradient.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts. Without weights every edge counts 1, which gives
        `log_path_count`.

    Returns
    -------
    float
        -inf where no path is without an edge of weight 0.

    Raises
    ------
    InvalidEdgeVector
        As `log_path_count`.

    Notes
    -----
    Neyshabur, Tomioka and Srebro, arXiv:1503.00036 (path norm); Tanaka et al., arXiv:2006.05467 (synaptic flow).
    Computed as `log_path_count`: neither overflow nor underflow at any depth.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(float(np.exp(log_path_weight(complete(2, 1), [0.5, -0.25]))), 6)
    0.75
    """
    return log_sum(*path_sums(graph, magnitudes(graph, weights), np.ones(graph.sizes[0])))


def log_path_counts_between(
    graph: Graph, weights: Any = None, *, inputs: Any, outputs: Any
) -> Float[np.ndarray, "input output"]:
    """Natural logarithms of the numbers of directed paths between the given inputs and the given outputs.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.
    inputs, outputs : int arrays
        Units of the first level, and of the last level, numbered from 0 on each.

    Returns
    -------
    float array of shape (len(inputs), len(outputs))
        -inf where there is no path.

    Raises
    ------
    EdgeOutOfRange, InvalidEdges
        For units that do not exist, and for what is no array of units.
    InvalidEdgeVector
        As `log_path_count`.

    Notes
    -----
    One sweep as in `log_path_count` for each input, O(len(inputs) * edges).

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> dense = layered([3, 10, 2], density=1.0, rng=0)
    >>> np.exp(log_path_counts_between(dense, inputs=[0, 2], outputs=[1])).round(6).tolist()
    [[10.0], [10.0]]
    """
    check_graph(graph)
    inputs = _units_of("inputs", inputs, graph.sizes[0])
    outputs = _units_of("outputs", outputs, graph.sizes[-1])
    values = tuple(mask.astype(np.float64) for mask in present(graph, weights))
    logs = np.full((len(inputs), len(outputs)), -np.inf)
    for row, unit in zip(logs, inputs, strict=True):
        size, power = path_sums(graph, values, (np.arange(graph.sizes[0]) == unit).astype(np.float64))
        reached = size[outputs] > 0
        there = outputs[reached]
        row[reached] = log_of(size[there], power[there])
    return logs


def effective_depth(graph: Graph, weights: Any = None) -> float:
    """Effective depth: the mean number of layers that a random walk from the inputs gets through.

    sum over layers k of p_k, with p_k the probability to arrive at the outputs of layer k. The walk starts at an input
    with an edge, each equally likely; at every unit it takes one of the outgoing edges with a probability
    proportional to |w| (equally likely without weights), and it ends where there is none.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts, and an edge whose weight is exactly 0 is none.

    Returns
    -------
    float
        In layers: from 1 to the number of layers, which it reaches where no walk meets a dead end, that is where every
        unit that an input reaches leads on to an output. 0.0 where no input has an edge.

    Raises
    ------
    InvalidEdgeVector
        As `log_path_count`.

    Notes
    -----
    Ours. A mean over paths, each counted once, would hide dead ends: paths multiply from layer to layer, so that
    nearly all of those that exist are of full length however many units lead nowhere. O(edges).

    Examples
    --------
    >>> from netsparse import BipartiteGraph, SparseNetwork
    >>> fork = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=1, n_out=2)
    >>> half = BipartiteGraph.from_edges([0], [0], n_in=2, n_out=1)
    >>> effective_depth(SparseNetwork([fork, half]))
    1.5
    """
    check_graph(graph)
    walkers, depth = np.ones(graph.sizes[0]), 0.0
    pairs = zip(steps(graph), magnitudes(graph, weights), strict=True)
    for k, ((units, layer), strength) in enumerate(pairs):
        alive = strength > 0
        units, targets, strength = units[alive], layer.targets[alive], strength[alive]
        largest = np.zeros(graph.sizes[k])
        np.maximum.at(largest, units, strength)
        strength = strength / largest[units]  # a sum of huge or of tiny weights would leave the range of floats
        total = np.bincount(units, strength, minlength=graph.sizes[k])
        if k == 0:
            walkers = (total > 0) / max(1, np.count_nonzero(total))
        walkers = np.bincount(targets, walkers[units] * strength / total[units], minlength=layer.n_out)
        depth += float(walkers.sum())
    return min(depth, float(len(graph.layers)))


def mean_path_length(
    graph: Graph, weights: Any = None, *, n_sources: int | None = None, rng: Seed | None = None
) -> float:
    """Mean path length: the mean distance between two units of the giant component.

    sum of d(u, v) over ordered pairs of different units / (n (n - 1)), with d the number of edges on a shortest path,
    which may follow edges both ways, and n the units of the giant component.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.
    n_sources : int, optional
        Estimate from the distances to this many units, drawn without replacement; exact where not given, and where
        there are no more units than that.
    rng : int or numpy.random.Generator, optional
        Source of randomness, needed with `n_sources`.

    Returns
    -------
    float
        In edges, at least 1; 0.0 without edges. Where several components are equally large, the mean over the pairs
        inside all of these (ours).

    Raises
    ------
    InvalidOption, InvalidSeed
        For an impossible number of sources, and for a sample without a seed.
    InvalidEdgeVector
        As `log_path_count`.

    Notes
    -----
    Watts and Strogatz, Nature 393, 440 (1998), doi:10.1038/30918; taking the giant component alone is the custom. The
    estimate is unbiased. Breadth-first searches run 64 at a time, O(units * edges) at worst.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> mean_path_length(complete(2, 2))
    1.3333333333333333
    """
    from netsparse.metrics.shortest_paths import arcs, distance_sum

    sources, targets, _ = undirected_edges(graph, weights)
    labels = labels_of(sum(graph.sizes), sources, targets)
    sizes = np.bincount(labels)
    n_tied = np.count_nonzero(sizes == sizes[0])
    drawn = drawn_sources(np.flatnonzero(labels < n_tied), n_sources, rng)
    if len(sources) == 0:
        return 0.0
    indptr, heads, _ = arcs(len(labels), sources, targets)
    return float(distance_sum(indptr, heads, drawn) / (len(drawn) * (sizes[0] - 1)))


def _units_of(name: str, units: Any, n_units: int) -> UnitIds:
    units = as_unit_ids(name, units)
    outside = units[(units < 0) | (units >= n_units)]
    if len(outside):
        raise EdgeOutOfRange(name, f"unit {outside[0]}", f"units 0 to {n_units - 1}", f"{name}=[0]")
    return units
