"""How many edges there are, and how they are spread over the units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from netsparse.errors import unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.metrics.matrices import Graph, magnitudes, present, undirected_edges, weighted_layers
from netsparse.typing import Float, Int

SIDES = ("in", "out", "all")
"""Whose degrees: the fan-in of the targets, the fan-out of the sources, or all edges at every unit."""


class DegreeStatistics(NamedTuple):
    """Mean, population standard deviation, minimum and maximum over units; `n_isolated` of them have degree 0."""

    mean: float
    std: float
    min: float
    max: float
    n_isolated: int


class DegreeDistribution(NamedTuple):
    """The degrees that occur, increasing, and the share of units that have each; the shares sum to 1."""

    degree: Int[np.ndarray, "k"] | Float[np.ndarray, "k"]
    share: Float[np.ndarray, "k"]


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
        of target units that nothing enters. Mean, std and max are inf where a strength leaves the range of float64.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=2)
    >>> fan_in_statistics(graph)
    DegreeStatistics(mean=1.5, std=1.5, min=0.0, max=3.0, n_isolated=1)
    """
    return _statistics(_strengths(graph, weights, "in"))


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
    return _statistics(_strengths(graph, weights, "out"))


def degrees(
    graph: Graph, weights: Any = None, *, side: str = "all"
) -> Int[np.ndarray, "unit"] | Float[np.ndarray, "unit"]:
    """Degree of each unit; with weights, its strength: the sum of |w| over its edges.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts.
    side : {"all", "in", "out"}
        "in": the fan-in of the target units, layer after layer. "out": the fan-out of the source units, layer after
        layer; behind a joint these are a layer's inputs (patch positions). "all": the edges into and out of every
        unit of the undirected whole, inputs first; a pair that a joint contracts from several edges counts as often.

    Returns
    -------
    array of shape (sum of n_out,), (sum of n_in,) or (sum(graph.sizes),)
        int64 edge counts without weights, float64 strengths with weights, inf where their sum leaves that range.

    Raises
    ------
    UnknownName
        For another side.
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=2)
    >>> degrees(graph).tolist(), degrees(graph, side="in").tolist(), degrees(graph, [0.5, -1, 0], side="in").tolist()
    ([1, 1, 1, 3, 0], [3, 0], [1.5, 0.0])
    """
    strengths = _strengths(graph, weights, side)
    return strengths.astype(np.int64) if weights is None else strengths


def degree_distribution(graph: Graph, weights: Any = None, *, side: str = "all") -> DegreeDistribution:
    """Share of units of each degree that occurs; with weights, of each strength.

    Parameters
    ----------
    graph, weights, side
        As for `degrees`.

    Returns
    -------
    DegreeDistribution
        `degree` (increasing; isolated units have degree 0) and `share`.

    Raises
    ------
    UnknownName, InvalidEdgeVector
        As `degrees`.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=2)
    >>> degree, share = degree_distribution(graph)
    >>> degree.tolist(), share.tolist()
    ([0, 1, 3], [0.2, 0.6, 0.2])
    """
    found, counts = np.unique(degrees(graph, weights, side=side), return_counts=True)
    return DegreeDistribution(found, counts / counts.sum())


def degree_gini(graph: Graph, weights: Any = None, *, side: str = "all") -> float:
    """Gini coefficient of the degrees: how unequally the edges are shared out among the units.

    G = sum_i sum_j |k_i - k_j| / (2 n^2 mean(k)), over the n units of `degrees`; isolated units take part.

    Parameters
    ----------
    graph, weights, side
        As for `degrees`; with weights the coefficient is that of the strengths.

    Returns
    -------
    float
        In [0, 1 - 1/n]: 0 where all units have the same degree, and by our definition where there are no edges;
        1 - 1/n where one unit has all of them.

    Raises
    ------
    UnknownName, InvalidEdgeVector
        As `degrees`.

    Notes
    -----
    C. Gini, Variabilità e mutabilità (1912), without the correction for small n.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=2)
    >>> degree_gini(graph, side="out"), degree_gini(graph, side="in")
    (0.0, 0.5)
    """
    if weights is not None:
        # weights below 1, so that no sum of large ones overflows
        vectors = magnitudes(graph, weights)
        power = np.frexp(max(vector.max(initial=0.0) for vector in vectors))[1]
        vectors = [np.ldexp(vector, -power) for vector in vectors]
        weights = vectors[0] if isinstance(graph, BipartiteGraph) else vectors
    strengths = np.sort(_strengths(graph, weights, side))
    if strengths[-1] == 0:
        return 0.0
    strengths /= strengths[-1]  # equal ones are now 1 and cancel exactly
    n = len(strengths)
    ranks = 2.0 * np.arange(1, n + 1) - n - 1
    return float(ranks @ strengths / (n * strengths.sum()))


def _strengths(graph: Graph, weights: Any, side: str) -> Float[np.ndarray, "unit"]:
    if not isinstance(side, str) or side not in SIDES:
        raise unknown_name("side", side, SIDES)
    if side == "all":
        sources, targets, strength = undirected_edges(graph, weights)
        n_units = sum(graph.sizes)
        strengths = [np.bincount(units, strength, minlength=n_units) for units in (sources, targets)]
        with np.errstate(over="ignore"):
            return strengths[0] + strengths[1]
    pairs = weighted_layers(graph, weights)
    if side == "in":
        return np.concatenate([np.bincount(layer.targets, w, minlength=layer.n_out) for layer, w in pairs])
    return np.concatenate([np.bincount(layer.sources, w, minlength=layer.n_in) for layer, w in pairs])


def _statistics(pooled: Float[np.ndarray, "unit"]) -> DegreeStatistics:
    low, high = float(pooled.min()), float(pooled.max())
    mean = std = high
    if np.isfinite(high):
        # a sum of large strengths, and the squares of large and of tiny ones, would leave the range of floats
        power = np.frexp(high)[1]
        scaled = np.ldexp(pooled, -power)
        mean, std = (float(np.ldexp(value, power)) for value in (scaled.mean(), scaled.std()))
    return DegreeStatistics(mean, std, low, high, int(np.count_nonzero(pooled == 0)))
