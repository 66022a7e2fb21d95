"""Betweenness: how many shortest paths run through a unit, and through an edge."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.metrics.matrices import Graph, present, undirected_edges
from netsparse.metrics.sources import drawn_sources
from netsparse.typing import EdgeIds, EdgeVector, Float, Seed


def betweenness(
    graph: Graph, weights: Any = None, *, n_sources: int | None = None, rng: Seed | None = None
) -> Float[np.ndarray, "unit"]:
    """Betweenness centrality of each unit: the number of pairs of other units whose shortest paths run through it.

    b(v) = sum over unordered pairs {s, t} without v of sigma_st(v) / sigma_st, with sigma_st the number of shortest
    paths between s and t and sigma_st(v) that of those through v. Paths follow the wiring both ways and count edges,
    not weights.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.
    n_sources : int, optional
        Estimate from the paths that start at this many units, drawn without replacement among those with edges, and
        scale up; exact where not given, and where there are no more units than that.
    rng : int or numpy.random.Generator, optional
        Source of randomness, needed with `n_sources`.

    Returns
    -------
    float array of shape (sum(graph.sizes),)
        In pairs of units, not normalized; units are numbered through the levels. 0 for isolated units and for those
        with one edge; pairs without a path count 0.

    Raises
    ------
    InvalidOption, InvalidSeed
        For an impossible number of sources, and for a sample without a seed.
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    Freeman, Sociometry 40, 35 (1977), doi:10.2307/3033543; computed as Brandes, J. Math. Sociol. 25, 163 (2001),
    doi:10.1080/0022250X.2001.9990249, in O(units * edges). The estimate is unbiased (Brandes and Pich, Int. J.
    Bifurcation Chaos 17, 2303 (2007), doi:10.1142/S0218127407018403); that only units with edges are drawn is ours
    (no other one starts a path). Edges that a joint contracts onto the same pair of units are so many different
    paths (ours). Numbers of shortest paths never overflow.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> star = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=1)
    >>> betweenness(star).tolist()
    [0.0, 0.0, 0.0, 3.0]
    """
    of_units, _, _ = _shares(graph, weights, n_sources, rng)
    return of_units


def edge_betweenness(
    graph: Graph, weights: Any = None, *, n_sources: int | None = None, rng: Seed | None = None
) -> tuple[EdgeVector, ...]:
    """Betweenness centrality of each edge: the number of pairs of units whose shortest paths run through it.

    b(e) = sum over unordered pairs {s, t} of sigma_st(e) / sigma_st, with sigma_st the number of shortest paths
    between s and t and sigma_st(e) that of those over e; the ends of the edge count as pairs too.

    Parameters
    ----------
    graph, weights, n_sources, rng
        As `betweenness`.

    Returns
    -------
    tuple of float arrays, each of shape (n_edges of the layer,)
        One edge vector per layer (a BipartiteGraph is one layer), in pairs of units, not normalized. At least 1 for an
        edge that no parallel one doubles (1 / m for one of m parallel edges), exactly 0 for an edge of weight 0. All
        together are the sum of all distances.

    Raises
    ------
    InvalidOption, InvalidSeed, InvalidEdgeVector
        As `betweenness`.

    Notes
    -----
    Girvan and Newman, Proc. Natl. Acad. Sci. 99, 7821 (2002), doi:10.1073/pnas.122653799; otherwise as `betweenness`.
    An estimate from few sources may be 0 for an edge that is there.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> [vector.tolist() for vector in edge_betweenness(path)]
    [[3.0, 4.0, 3.0]]
    """
    _, of_arcs, edge_of_arc = _shares(graph, weights, n_sources, rng)
    kept = np.concatenate(present(graph, weights))
    flat = np.zeros(len(kept))
    flat[kept] = np.bincount(edge_of_arc, of_arcs, minlength=int(np.count_nonzero(kept)))
    return tuple(np.split(flat, np.cumsum([layer.n_edges for layer in graph.layers])[:-1]))


def _shares(
    graph: Graph, weights: Any, n_sources: int | None, rng: Seed | None
) -> tuple[Float[np.ndarray, "unit"], Float[np.ndarray, "arc"], EdgeIds]:
    """Return what each unit and each arc carries over unordered pairs, and the edge behind each arc."""
    from netsparse.metrics.shortest_paths import arcs, dependencies

    sources, targets, _ = undirected_edges(graph, weights)
    indptr, heads, edge_of_arc = arcs(sum(graph.sizes), sources, targets)
    connected = np.flatnonzero(np.diff(indptr))
    drawn = drawn_sources(connected, n_sources, rng)
    of_units, of_arcs = dependencies(indptr, heads, drawn)
    # every pair was met from both ends
    scale = 0.5 * len(connected) / max(1, len(drawn))
    return scale * of_units, scale * of_arcs, edge_of_arc
