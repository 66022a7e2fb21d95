"""Small-scale structure of the wiring: 4-cycles, the shortest cycles a bipartite graph can have, and clustering."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from netsparse.errors import unknown_name
from netsparse.metrics.matrices import Graph, undirected_edges
from netsparse.typing import Float, Int

OVERLAPS = ("dot", "min", "max")


def four_cycles(graph: Graph, weights: Any = None) -> int:
    """Count the 4-cycles of the wiring: two units of one side that share two neighbours, each cycle once.

    sum over pairs of units {u, v} of C(|N(u) & N(v)|, 2), taken over the pairs of one side. No cycle of a bipartite
    graph is shorter.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, in which a cycle may run over two layers.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.

    Returns
    -------
    int
        The exact number. Edges that a joint contracts onto the same pair of units count once.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    Units are numbered by degree and every cycle is found at its highest one, in O(sum over edges of the smaller degree)
    time and O(edges) memory. Chiba and Nishizeki, SIAM J. Comput. 14, 210 (1985), doi:10.1137/0214017; for bipartite
    graphs Wang et al., Proc. VLDB Endow. 12, 1139 (2019), doi:10.14778/3339490.3339497.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> four_cycles(complete(4, 3))
    18
    """
    indptr, neighbours = _neighbourhoods(*_pairs(graph, weights), by_degree=True)
    from netsparse.metrics.wedges import count_four_cycles

    return int(count_four_cycles(indptr, neighbours))


def bipartite_clustering(graph: Graph, weights: Any = None) -> float:
    """Bipartite clustering coefficient of the wiring: the fraction of paths of three edges that are closed.

    4 C4 / L3, with C4 the number of 4-cycles and L3 = sum over edges (u, v) of (k_u - 1) (k_v - 1) that of the paths
    with three edges (each 4-cycle holds four). 0 where there is no such path, 1 for complete graphs.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InvalidEdgeVector
        As `four_cycles`.

    Notes
    -----
    Robins and Alexander, Comput. Math. Organ. Theory 10, 69 (2004), doi:10.1023/B:CMOT.0000032580.12184.c0. Edges that
    a joint contracts onto the same pair of units count once (ours).

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 0, 1, 2], [0, 0, 1, 1, 1], n_in=3, n_out=2)
    >>> round(bipartite_clustering(graph), 6)
    0.666667
    """
    n_units, rows, columns = _pairs(graph, weights)
    degrees = np.bincount(rows, minlength=n_units) + np.bincount(columns, minlength=n_units)
    n_paths = int(((degrees[rows] - 1) * (degrees[columns] - 1)).sum())
    return 4 * four_cycles(graph, weights) / n_paths if n_paths else 0.0


def local_clustering(graph: Graph, weights: Any = None, *, mode: str = "dot") -> Float[np.ndarray, "unit"]:
    """Clustering coefficient of each unit: how much of its neighbourhood it shares with the units two steps away.

    The mean of |N(u) & N(v)| / |N(u) | N(v)| over the units v that share a neighbour with u.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.
    mode : {"dot", "min", "max"}
        Divide by the union of the two neighbourhoods (the Jaccard index), by the smaller one or by the larger one.

    Returns
    -------
    float array of shape (sum(graph.sizes),)
        In [0, 1], units numbered through the levels; 0 for a unit with nothing two steps away.

    Raises
    ------
    UnknownName
        For another mode.
    InvalidEdgeVector
        As `four_cycles`.

    Notes
    -----
    O(sum of squared degrees) time. Latapy, Magnien and Del Vecchio, Social Networks 30, 31 (2008),
    doi:10.1016/j.socnet.2007.04.006. Edges that a joint contracts onto the same pair of units count once (ours).

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> local_clustering(graph).tolist(), local_clustering(graph, mode="min").tolist()
    ([0.5, 0.5, 0.5, 0.5], [1.0, 1.0, 1.0, 1.0])
    """
    if not isinstance(mode, str) or mode not in OVERLAPS:
        raise unknown_name("mode", mode, OVERLAPS)
    indptr, neighbours = _neighbourhoods(*_pairs(graph, weights), by_degree=False)
    from netsparse.metrics.wedges import mean_overlaps

    return mean_overlaps(indptr, neighbours, OVERLAPS.index(mode))


def _pairs(graph: Graph, weights: Any) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of units and the joined pairs, each once although a joint may contract several edges."""
    sources, targets, _ = undirected_edges(graph, weights)
    n_units = sum(graph.sizes)
    if any(joint is not None for joint in getattr(graph, "joints", ())):
        sources, targets = np.divmod(np.unique(sources * n_units + targets), n_units)
    return n_units, sources, targets


def _neighbourhoods(
    n_units: int, rows: np.ndarray, columns: np.ndarray, *, by_degree: bool
) -> tuple[Int[np.ndarray, "unit+1"], Int[np.ndarray, "half_edge"]]:
    """Return the neighbours of every unit, sorted, as CSR arrays; units renumbered by rising degree where asked."""
    if by_degree:
        degrees = np.bincount(rows, minlength=n_units) + np.bincount(columns, minlength=n_units)
        rank = np.empty(n_units, dtype=np.int64)
        rank[np.argsort(degrees, kind="stable")] = np.arange(n_units)
        rows, columns = rank[rows], rank[columns]
    ends = (np.concatenate([rows, columns]), np.concatenate([columns, rows]))
    adjacency = sp.coo_array((np.ones(2 * len(rows), dtype=np.int8), ends), shape=(n_units, n_units)).tocsr()
    adjacency.sort_indices()
    return adjacency.indptr.astype(np.int64), adjacency.indices.astype(np.int64)
