"""Where theory puts the threshold: from the degrees of one layer, and from the paths that never turn round."""

from __future__ import annotations

import math

import numpy as np

from netsparse.errors import InvalidGraph
from netsparse.metrics.matrices import Graph, check_graph
from netsparse.metrics.non_backtracking import non_backtracking_eigenvalue
from netsparse.typing import UnitIds


def generating_function_threshold(graph: Graph) -> float:
    r"""Critical fraction of kept edges of a random bipartite graph with the degrees of this one.

    p_c = 1 / sqrt(kappa_in kappa_out), kappa = <k (k - 1)> / <k>, the mean number of further edges of a unit that is
    found by following an edge, over the fan-ins and over the fan-outs of the graph as they are. For a biregular graph
    p_c = 1 / sqrt((d_1 - 1) (d_2 - 1)).

    Parameters
    ----------
    graph : BipartiteGraph
        One layer; a network of a single layer counts as one.

    Returns
    -------
    float
        Above 1 where the graph has no giant component even before anything is removed; inf where no unit of one side
        has two edges. It is the same for the removal of units on both sides at random.

    Raises
    ------
    InvalidGraph
        For a network of several layers, whose degrees on both sides of a level are correlated.

    See Also
    --------
    non_backtracking_threshold : for this very wiring, and for whole networks.

    References
    ----------
    M. E. J. Newman, S. H. Strogatz, D. J. Watts, Random graphs with arbitrary degree distributions and their
    applications, Physical Review E 64, 026118 (2001), https://doi.org/10.1103/PhysRevE.64.026118 (their condition for
    a giant component; that thinning at random divides both kappa by 1 / p gives the fraction).

    Examples
    --------
    >>> from netsparse.generators import biregular
    >>> round(generating_function_threshold(biregular(60, 20, fan_in=9, rng=0)), 6)  # 1 / sqrt(8 * 2)
    0.25
    """
    check_graph(graph)
    layer, *further = graph.layers
    if further:
        expected, fix = "one layer", "non_backtracking_threshold(network), or network.layers[0] as the graph"
        raise InvalidGraph("graph", f"a network of {len(graph.layers)} layers", expected, fix)
    growth = _mean_excess_degree(layer.fan_in) * _mean_excess_degree(layer.fan_out)
    return 1 / math.sqrt(growth) if growth > 0 else math.inf


def non_backtracking_threshold(graph: Graph) -> float:
    r"""Fraction of kept edges below which message passing finds no giant component in this very wiring.

    p_c = 1 / mu_1, with mu_1 the leading eigenvalue of the non-backtracking matrix of the undirected graph of all
    units.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, and the one formula to use for it.

    Returns
    -------
    float
        A lower bound of the true threshold in general, tight on large graphs that are trees locally. 1 where every
        component has at most one cycle, and inf for forests, neither of which percolates at all.

    Raises
    ------
    NotConverged
        As `netsparse.metrics.non_backtracking_eigenvalue`, which warns where a fallback has answered.

    Notes
    -----
    Deep and narrow networks, and heavily clustered ones, fall apart earlier than the bound says: paths that meet again
    are counted as if they led to new units.

    References
    ----------
    B. Karrer, M. E. J. Newman, L. Zdeborova, Percolation on sparse networks, Physical Review Letters 113, 208702
    (2014), https://doi.org/10.1103/PhysRevLett.113.208702; K. E. Hamilton, L. P. Pryadko, Tight lower bound for
    percolation threshold on an infinite graph, ibid. 208701, https://doi.org/10.1103/PhysRevLett.113.208701

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(non_backtracking_threshold(complete(3, 9)), 6)  # 1 / sqrt(2 * 8)
    0.25
    """
    growth = non_backtracking_eigenvalue(graph)
    return 1 / growth if growth > 0 else math.inf


def _mean_excess_degree(degrees: UnitIds) -> float:
    # sums of products of large degrees leave the range of 32-bit integers
    degrees = degrees.astype(np.float64)
    total = float(degrees.sum())
    return float((degrees * (degrees - 1)).sum()) / total if total else 0.0
