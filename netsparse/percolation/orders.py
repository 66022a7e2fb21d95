"""The table of removal orders by name, and the removals of all trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.checks import as_array
from netsparse.graph.frozen import index_dtype
from netsparse.percolation.edge_orders import ByWeight, DegreeProduct, EdgeBetweenness, Random
from netsparse.percolation.order import RemovalOrder, check_network, check_scope, layer_counts
from netsparse.percolation.removal import Removal
from netsparse.percolation.scopes import merged, shuffled, turns
from netsparse.percolation.unit_orders import RandomUnits, UnitDegree
from netsparse.rng import as_rng, seeds
from netsparse.typing import EdgeIds, Seed

ORDERS: dict[str, RemovalOrder] = {
    "random": Random(),
    "weight_ascending": ByWeight(descending=False),
    "weight_descending": ByWeight(descending=True),
    "degree_product": DegreeProduct(),
    "edge_betweenness": EdgeBetweenness(),
    "sampled_edge_betweenness": EdgeBetweenness(n_sources=256),
    "adaptive_degree_product": DegreeProduct(recompute_every=1),
    "adaptive_edge_betweenness": EdgeBetweenness(n_sources=256, recompute_every=0.05),
    "random_units": RandomUnits(),
    "unit_degree": UnitDegree(),
    "adaptive_unit_degree": UnitDegree(recompute_every=1),
}
"""Every removal order by name; `definition` says who goes first, `of` whether edges or units go."""


def random_order(
    graph_or_network: BipartiteGraph | SparseNetwork, *, scope: str = "layer", rng: Seed | None = None
) -> EdgeIds:
    """Draw a uniformly random removal order of the edges.

    Parameters
    ----------
    graph_or_network : BipartiteGraph or SparseNetwork
        Its edges are numbered layer by layer, each layer in canonical order (the order of `unit_edges()`).
    scope : {"layer", "network"}
        "layer": every layer loses the same fraction at every point. After m of M removals, layer k with E_k edges
        has lost m E_k / M of them, rounded down or up; which ones is uniform. "network": every order of all edges
        pooled is equally likely.
    rng : int or numpy Generator
        Source of randomness.

    Returns
    -------
    int array of shape (n_edges,)
        A permutation of the edge ids, first removed first.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSeed
        For another scope, for something that is no network, and for no seed.

    Examples
    --------
    >>> one_of_two, two_of_three = BipartiteGraph.from_mask([[1, 1]]), BipartiteGraph.from_mask([[1], [1]])
    >>> order = random_order(SparseNetwork([one_of_two, two_of_three]), rng=0)
    >>> sorted(int(edge) // 2 for edge in order[:2])
    [0, 1]
    """
    check_network(graph_or_network)
    check_scope(scope)
    generator = as_rng(rng)  # type: ignore[arg-type]  # None is refused by as_rng, in its own words
    counts = layer_counts(graph_or_network, scope)
    return merged(shuffled(counts, generator), counts, turns(counts))


def removals(
    graph_or_network: BipartiteGraph | SparseNetwork,
    *,
    order: Any = "random",
    scope: str = "layer",
    trials: int = 1,
    weights: Any = None,
    levels: Any = None,
    rng: Seed | None = None,
) -> Iterator[Removal]:
    """Go through the removals of all trials.

    `percolate` goes through these; whoever removes edges from something else (a trained model) and passes the same
    arguments with the same int seed removes the same edges in the same trials.

    Parameters
    ----------
    graph_or_network : BipartiteGraph or SparseNetwork
        Whose edges or units.
    order : str, RemovalOrder or int array of shape (n_edges,)
        A name from `ORDERS`, an order object, or a permutation of the edge ids (layer by layer, each in canonical
        order), first removed first; this one is its own single trial, and `scope` does not touch it.
    scope : {"layer", "network"}
        Whether every layer (for units every level) loses the same fraction at every point, or all are pooled.
    trials : int
        Number of removals.
    weights : edge vector, or one per layer, optional
        For the orders that need them; ignored by all others.
    levels : None, "hidden", "inputs", "outputs" or sequence of int
        Which levels lose units, for orders of units; all where None.
    rng : int or numpy Generator
        Draws random orders and breaks ties. Each trial has its own seed, `seeds(rng, trials, purpose="removal")`, with
        which `ORDERS[order].removal(graph_or_network, ..., rng=seed)` repeats it. Not needed for an order given as an
        array.

    Returns
    -------
    iterator of Removal
        Each is drawn when it is asked for; what all trials share is computed once, before the first.

    Raises
    ------
    UnknownName, InvalidOption, InvalidEdgeVector, InvalidSeed
        For unknown names, an array that is not a permutation of the edge ids, trials below 1 or repeated trials of one
        array, weights that are missing or do not fit, levels that do not exist or are given for edges, and no seed.

    Examples
    --------
    >>> graph = BipartiteGraph.from_mask([[1, 1], [0, 1]])
    >>> [removal.edges.tolist() for removal in removals(graph, order=[2, 0, 1])]
    [[2, 0, 1]]
    >>> [removal.items.tolist() for removal in removals(graph, order="weight_ascending", weights=[3, -1, 2], rng=0)]
    [[1, 2, 0]]
    """
    return (draw() for draw in draws(graph_or_network, order, scope, trials, weights, levels, rng))


def draws(
    graph_or_network: BipartiteGraph | SparseNetwork,
    order: Any,
    scope: str,
    trials: int,
    weights: Any,
    levels: Any,
    rng: Seed | None,
) -> Iterator[Callable[[], Removal]]:
    """Go through the same trials as `removals`, each still to be drawn: in whichever thread calls it."""
    check_network(graph_or_network)
    if not isinstance(trials, int | np.integer) or isinstance(trials, bool) or trials < 1:
        raise InvalidOption("trials", repr(trials), "a whole number of at least 1", "trials=10")
    if isinstance(order, str):
        if order not in ORDERS:
            raise unknown_name("order", order, ORDERS)
        order = ORDERS[order]
    if isinstance(order, RemovalOrder):
        trial_seeds = seeds(rng, int(trials), purpose="removal")  # type: ignore[arg-type]  # None is refused by as_rng, in its own words
        draw = order.start(graph_or_network, scope=scope, weights=weights, levels=levels)
        return (partial(draw, as_rng(seed)) for seed in trial_seeds)
    check_scope(scope)
    if trials != 1:
        given = f"{trials} for one given order"
        raise InvalidOption("trials", given, "one trial, as all would be the same", "trials=1")
    if levels is not None:
        given = f"{levels!r} for an order of edges"
        raise InvalidOption("levels", given, "None (levels are of units)", "order='random_units'")
    given_removal = Removal.of_edges(as_order(order, graph_or_network.n_edges))
    return iter([lambda: given_removal])


def as_order(order: Any, n_edges: int) -> EdgeIds:
    """Return a given removal order, checked.

    Raises
    ------
    InvalidOption
        If it is not an integer array that holds every edge id 0 .. n_edges - 1 once.

    Examples
    --------
    >>> as_order([2, 0, 1], 3).tolist()
    [2, 0, 1]
    """
    array = as_array("order", order)
    expected = f"every edge id from 0 to {n_edges - 1} once, first removed first" if n_edges else "no edge ids"
    fix = "order='random' or order=numpy.argsort(scores)"
    if array.shape != (n_edges,) or (n_edges and array.dtype.kind not in "iu"):
        given = f"{array.dtype} of shape {array.shape}" if array.ndim else f"{order!r}"
        raise InvalidOption("order", given, expected, fix)
    outside = np.flatnonzero((array < 0) | (array >= n_edges))
    if len(outside):
        raise InvalidOption("order", f"edge {array[outside[0]]} at position {outside[0]}", expected, fix)
    array = array.astype(index_dtype(n_edges))
    repeated = np.flatnonzero(np.bincount(array, minlength=n_edges) > 1)
    if len(repeated):
        raise InvalidOption("order", f"edge {repeated[0]} more than once", expected, fix)
    return array
