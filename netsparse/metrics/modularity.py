"""Communities of units and Barber's modularity, whose null model knows that a graph has two sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph.checks import as_unit_ids
from netsparse.metrics.matrices import Graph, labels_of, undirected_edges
from netsparse.rng import spawn
from netsparse.typing import EdgeVector, Seed, UnitIds

ROUNDING = 1e-12  # no partition is better for this little


def barber_modularity(graph: Graph, communities: Any, weights: Any = None) -> float:
    """Barber's modularity of given communities: the edges inside them, beyond those that strengths alone explain.

    Q = 1/E sum over pairs (i, j) of (B_ij - k_i d_j / E) [c_i = c_j]
      = sum over communities c of L_c / E - K_c D_c / E^2

    with B the biadjacency matrix, k and d the degrees of its two sides, E the number of edges, L_c the edges inside c,
    K_c and D_c the degrees on either side of c added up. With weights, |w| in place of 1 throughout.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, whose two sides are the even and the odd levels.
    communities : int array of shape (sum(graph.sizes),)
        The community of each unit, units numbered through the levels; any integers.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts. Edges that a joint contracts onto the same pair add up.

    Returns
    -------
    float
        In (-1, 1); 0 where all units are in one community, and without edges.

    Raises
    ------
    InvalidEdges, InvalidOption
        If `communities` are not integers, or not one per unit.
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    Barber, Phys. Rev. E 76, 066102 (2007), doi:10.1103/PhysRevE.76.066102. Newman's modularity, which expects edges
    inside one side too, is never larger. Even against odd levels as the two sides of a network is ours.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> matching = BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2)
    >>> barber_modularity(matching, [0, 1, 0, 1]), barber_modularity(matching, [0, 0, 0, 0])
    (0.5, 0.0)
    """
    rows, columns, strength = _sides(graph, weights)
    labels = as_unit_ids("communities", communities)
    n_units = sum(graph.sizes)
    if len(labels) != n_units:
        expected = f"one community per unit, {n_units} in all"
        raise InvalidOption("communities", f"{len(labels)} labels", expected, "communities(graph, rng=0)")
    if not len(strength):
        return 0.0
    names, places = np.unique(labels, return_inverse=True)
    total = strength.sum()
    inside = strength[places[rows] == places[columns]].sum() / total
    even = np.bincount(places[rows], strength, minlength=len(names)) / total
    odd = np.bincount(places[columns], strength, minlength=len(names)) / total
    return float(inside - even @ odd)


def communities(graph: Graph, weights: Any = None, *, method: str = "louvain", rng: Seed) -> UnitIds:
    """Community of each unit, found by a search for large Barber modularity: 0 is the largest, then by size.

    Equally large communities are ordered by their first unit. A unit without edges is a community of its own.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, so that a community may run through several levels.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts.
    method : {"louvain", "leiden"}
        "louvain": the one of networkx. "leiden": the one of igraph, which came closer to the maximum wherever both were
        tried; igraph is licensed under the GPL and is loaded by the first call.
    rng : int or numpy.random.Generator
        Source of randomness: the order in which units are visited.

    Returns
    -------
    int array of shape (sum(graph.sizes),)
        Units numbered through the levels. Both methods climb to a local maximum; other seeds may find a better one.
        Where the connected components are at least as good, these are the communities (ours).

    Raises
    ------
    UnknownName
        For another method.
    InvalidOption
        For "leiden" with an igraph older than 1.0.
    InvalidSeed
        If `rng` is neither a seed nor a numpy Generator.
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    Both searches see the edges as arcs from one side to the other: in the null model of directed modularity only pairs
    across the two sides are left, and it is Barber's. Blondel et al., J. Stat. Mech. P10008 (2008),
    doi:10.1088/1742-5468/2008/10/P10008; Traag, Waltman and van Eck, Sci. Rep. 9, 5233 (2019),
    doi:10.1038/s41598-019-41695-z; Leicht and Newman, Phys. Rev. Lett. 100, 118703 (2008),
    doi:10.1103/PhysRevLett.100.118703. "leiden" hands igraph a random number generator of its own for the time of the
    call, so that two threads should not call it at once.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> matching = BipartiteGraph.from_edges([0, 1], [1, 0], n_in=2, n_out=3)
    >>> communities(matching, rng=0).tolist()
    [0, 1, 1, 0, 2]
    """
    if not isinstance(method, str) or method not in METHODS:
        raise unknown_name("method", method, METHODS)
    seed = int(spawn(rng, 1, purpose="communities")[0].integers(2**31))
    rows, columns, strength = _sides(graph, weights)
    n_units = sum(graph.sizes)
    if not len(strength):
        return np.arange(n_units)
    found = METHODS[method](n_units, rows, columns, strength, seed)
    # a unit that nothing joins has no say in the search, and may be left anywhere
    joined = np.zeros(n_units, dtype=bool)
    joined[rows] = joined[columns] = True
    found[~joined] = n_units + np.flatnonzero(~joined)
    parts = labels_of(n_units, rows, columns)
    gain = barber_modularity(graph, found, weights) - barber_modularity(graph, parts, weights)
    return _by_size(found) if gain > ROUNDING else parts


def modularity(graph: Graph, weights: Any = None, *, method: str = "louvain", rng: Seed) -> float:
    """Modularity of the wiring: Barber's Q of the communities that a search finds, a lower bound on the maximum.

    Parameters
    ----------
    graph, weights, method, rng
        As `communities`.

    Returns
    -------
    float
        In [0, 1); 1 - 1/n for n equal complete blocks, 0 without edges. Random graphs have a positive one too: compare
        with a null model of the same degrees before calling a graph modular.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSeed, InvalidEdgeVector
        As `communities`.

    Notes
    -----
    The communities of maximum modularity are NP-hard to find. Barber, Phys. Rev. E 76, 066102 (2007),
    doi:10.1103/PhysRevE.76.066102.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> modularity(BipartiteGraph.from_edges(range(4), range(4), n_in=4, n_out=4), rng=0)
    0.75
    """
    return barber_modularity(graph, communities(graph, weights, method=method, rng=rng), weights)


def _louvain(n_units: int, rows: UnitIds, columns: UnitIds, strength: EdgeVector, seed: int) -> UnitIds:
    import networkx as nx
    import scipy.sparse as sp

    arcs = sp.coo_array((strength, (rows, columns)), shape=(n_units, n_units)).tocsr().tocoo()
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n_units))
    graph.add_weighted_edges_from(zip(arcs.row.tolist(), arcs.col.tolist(), arcs.data.tolist(), strict=True))
    labels = np.empty(n_units, dtype=np.int64)
    for k, members in enumerate(nx.community.louvain_communities(graph, weight="weight", seed=seed)):
        labels[list(members)] = k
    return labels


def _leiden(n_units: int, rows: UnitIds, columns: UnitIds, strength: EdgeVector, seed: int) -> UnitIds:
    import random

    import igraph

    if int(igraph.__version__.split(".")[0]) < 1:
        given = f"'leiden' with igraph {igraph.__version__}"
        raise InvalidOption("method", given, "igraph 1.0 or newer", "method='louvain'")
    graph = igraph.Graph(n=n_units, edges=np.column_stack([rows, columns]), directed=True)
    # the constant Potts model with strengths as unit sizes is directed modularity; igraph 1.0 gets the strengths wrong
    # where it is asked for modularity by name
    sizes = [np.bincount(units, strength, minlength=n_units).tolist() for units in (rows, columns)]
    igraph.set_random_number_generator(random.Random(seed))
    try:
        found = graph.community_leiden(
            objective_function="CPM",
            weights=strength.tolist(),
            resolution=1 / strength.sum(),
            node_weights=sizes[0],
            node_in_weights=sizes[1],
            n_iterations=-1,
        )
    finally:
        igraph.set_random_number_generator(random)  # what igraph starts with
    return np.array(found.membership, dtype=np.int64)


METHODS: dict[str, Callable[[int, UnitIds, UnitIds, EdgeVector, int], UnitIds]] = {
    "louvain": _louvain,
    "leiden": _leiden,
}


def _sides(graph: Graph, weights: Any) -> tuple[UnitIds, UnitIds, EdgeVector]:
    """Return the unit on an even level and the one on an odd level of each present edge, and |w|."""
    sources, targets, strength = undirected_edges(graph, weights)
    is_even = np.repeat(np.arange(len(graph.sizes)) % 2 == 0, graph.sizes)[sources]
    scale = strength.max() if len(strength) else 1.0
    # sums and products of tiny or huge weights would leave the range of floats
    return np.where(is_even, sources, targets), np.where(is_even, targets, sources), strength / scale


def _by_size(labels: UnitIds) -> UnitIds:
    _, first, places, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[places]
