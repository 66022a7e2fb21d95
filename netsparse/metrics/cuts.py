"""Where a network falls apart: bridges, articulation points, and the smallest cut between inputs and outputs."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from netsparse.metrics.matrices import Graph, magnitudes, present
from netsparse.typing import Bool, EdgeMask, UnitIds


class MinCut(NamedTuple):
    """The smallest cut between all inputs and all outputs.

    Attributes
    ----------
    value : float
        Number of edges of the cut, or the sum of their |w|; 0 where no path is left to cut.
    edges : tuple of bool arrays
        For each layer, which edges the cut consists of. There may be other cuts of the same value; this is the one
        nearest to the inputs.
    """

    value: float
    edges: tuple[EdgeMask, ...]


def bridges(graph: Graph, weights: Any = None) -> tuple[EdgeMask, ...]:
    """Tell for each layer which edges are bridges: the only connection between the two sides they join.

    Edges are taken as undirected; without a bridge one component becomes two. Edges that a joint contracts onto the
    same pair of units stand in for each other and are no bridges.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network, all levels together.
    weights : edge vector, or one per layer, optional
        With weights, edges whose weight is exactly 0 count as absent; they are no bridges.

    Returns
    -------
    tuple of bool arrays of shape (n_edges,)
        One mask per layer, one layer for a BipartiteGraph. `sum(mask.sum() for mask in bridges(graph))` counts them.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    R. Tarjan, A note on finding the bridges of a graph, Information Processing Letters 2, 160 (1974),
    https://doi.org/10.1016/0020-0190(74)90003-9. Linear in units and edges.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> square_and_tail = BipartiteGraph.from_edges([0, 1, 0, 1, 2], [0, 0, 1, 1, 1], n_in=3, n_out=2)
    >>> [mask.tolist() for mask in bridges(square_and_tail)]
    [[False, False, False, False, True]]
    """
    return _cuts(graph, weights)[0]


def articulation_points(graph: Graph, weights: Any = None) -> UnitIds:
    """Units whose loss splits the component they lie in.

    Edges are taken as undirected. The inputs and the outputs count like all other units; a unit with at most one
    neighbour is never one.

    Parameters
    ----------
    graph, weights
        As for `bridges`.

    Returns
    -------
    int array
        Ids of the units, numbered through the levels (inputs first), increasing.

    Raises
    ------
    InvalidEdgeVector
        As `bridges`.

    Notes
    -----
    R. Tarjan, Depth-first search and linear graph algorithms, SIAM Journal on Computing 1, 146 (1972),
    https://doi.org/10.1137/0201010. Linear in units and edges.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> articulation_points(BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)).tolist()
    [1, 2]
    """
    return np.flatnonzero(_cuts(graph, weights)[1])


def min_cut(graph: Graph, weights: Any = None) -> MinCut:
    """Fewest edges, or the least sum of |w|, whose removal separates all inputs from all outputs.

    Paths are directed, from the first level through all layers to the last. By the theorem of Menger (with weights:
    of Ford and Fulkerson) the value is also the number of input-output paths that share no edge, or the greatest flow
    through edges of capacity |w|. For a BipartiteGraph each edge is a path, and the cut takes them all.

    Parameters
    ----------
    graph : SparseNetwork or BipartiteGraph
        The wiring.
    weights : edge vector, or one per layer, optional
        Capacities |w|; an edge whose weight is exactly 0 is never part of the cut.

    Returns
    -------
    MinCut
        `value` and `edges`. The value is the sum over the edges of the cut: exact as a count; with weights the cut is
        a smallest one up to the rounding of float64 sums, and a sum that float64 cannot hold is inf.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    L. R. Ford, D. R. Fulkerson, Maximal flow through a network, Canadian Journal of Mathematics 8, 399 (1956),
    https://doi.org/10.4153/CJM-1956-045-5. Each edge counts on its own; a unit that many input positions read behind
    a joint passes on all it gets.

    Examples
    --------
    >>> from netsparse import BipartiteGraph, SparseNetwork
    >>> wide = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=1)
    >>> narrow = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=1, n_out=2)
    >>> value, edges = min_cut(SparseNetwork([wide, narrow]))
    >>> value, [mask.tolist() for mask in edges]
    (2.0, [[False, False, False], [True, True]])
    """
    from netsparse.metrics.dinic import source_side

    capacities = np.concatenate(magnitudes(graph, weights))
    sources, targets = graph.unit_edges()
    sizes = graph.sizes
    near = source_side(sum(sizes), sources, targets, capacities, n_inputs=sizes[0], n_outputs=sizes[-1])
    cut = near[sources] & ~near[targets] & (capacities > 0)
    try:
        value = math.fsum(capacities[cut])
    except OverflowError:
        value = math.inf
    return MinCut(value, _per_layer(graph, cut))


def _cuts(graph: Graph, weights: Any) -> tuple[tuple[EdgeMask, ...], Bool[np.ndarray, "unit"]]:
    from netsparse.metrics.tarjan import cut_edges_and_units

    kept = np.concatenate(present(graph, weights))
    sources, targets = graph.unit_edges()
    is_bridge = np.zeros(len(kept), dtype=bool)
    is_bridge[kept], is_articulation = cut_edges_and_units(sum(graph.sizes), sources[kept], targets[kept])
    return _per_layer(graph, is_bridge), is_articulation


def _per_layer(graph: Graph, mask: EdgeMask) -> tuple[EdgeMask, ...]:
    return tuple(np.split(mask, np.cumsum([layer.n_edges for layer in graph.layers])[:-1]))
