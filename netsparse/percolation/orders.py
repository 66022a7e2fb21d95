"""In which order edges are removed: permutations of the edge ids, over all edges pooled or the same share per layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numba import njit

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.frozen import index_dtype
from netsparse.rng import as_rng, spawn
from netsparse.typing import EdgeIds, Int, Seed

EdgesPerLayer = Int[np.ndarray, "layer"]
"""Number of edges of each layer."""

Arrange = Callable[[EdgeIds], EdgeIds]
"""Puts some edge ids into the order in which they are removed among themselves."""


def random_order(
    graph_or_network: BipartiteGraph | SparseNetwork, *, scope: str = "layer", rng: Seed | None = None
) -> EdgeIds:
    """Draw a uniformly random removal order.

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
    UnknownName, InvalidSeed
        For another scope, and for no seed.

    Examples
    --------
    >>> one_of_two, two_of_three = BipartiteGraph.from_mask([[1, 1]]), BipartiteGraph.from_mask([[1], [1]])
    >>> order = random_order(SparseNetwork([one_of_two, two_of_three]), rng=0)
    >>> sorted(int(edge) // 2 for edge in order[:2])
    [0, 1]
    """
    if not isinstance(scope, str) or scope not in SCOPES:
        raise unknown_name("scope", scope, SCOPES)
    counts = np.array([layer.n_edges for layer in graph_or_network.layers], dtype=np.int64)
    return SCOPES[scope](counts, as_rng(rng).permuted)  # type: ignore[arg-type]  # None is refused by as_rng, in its own words


def pooled(counts: EdgesPerLayer, arrange: Arrange) -> EdgeIds:
    """Arrange the edges of all layers as one list; `counts` are the layers' numbers of edges."""
    n_edges = int(counts.sum())
    return arrange(np.arange(n_edges, dtype=index_dtype(n_edges)))


def layer_by_layer(counts: EdgesPerLayer, arrange: Arrange) -> EdgeIds:
    """Arrange each layer's edges by themselves and merge them so that all lose the same fraction at every point."""
    n_edges, stops = int(counts.sum()), np.cumsum(counts)
    ids = np.arange(n_edges, dtype=index_dtype(n_edges))
    order, turns = np.empty_like(ids), _turns(counts)
    for k, (count, stop) in enumerate(zip(counts, stops, strict=True)):
        order[turns == k] = arrange(ids[stop - count : stop])
    return order


@njit(cache=True, nogil=True)
def _turns(counts):
    """Say for each removal which layer it takes from.

    Layer k's j-th edge (from 0) may not go before j M / E_k and must go by (j + 1) M / E_k; among the layers that may,
    the one with the earliest deadline goes. Such a schedule exists for all layer sizes and keeps every layer within one
    edge of its share at all times (Steiner and Yeomans, Management Science 39, 728, 1993, doi 10.1287/mnsc.39.6.728).
    """
    total = counts.sum()
    turns = np.empty(total, dtype=np.int16)
    done = np.zeros(len(counts), dtype=np.int64)
    release = np.where(counts > 0, 1, total + 1)  # a layer without edges never has its turn
    deadline = -(-total // np.maximum(counts, 1))
    for m in range(1, total + 1):
        turn = -1
        for k in range(len(counts)):
            if release[k] <= m and (turn < 0 or deadline[k] < deadline[turn]):
                turn = k
        turns[m - 1] = turn
        done[turn] += 1
        release[turn] = done[turn] * total // counts[turn] + 1  # past the end once all its edges are gone
        deadline[turn] = -(-(done[turn] + 1) * total // counts[turn])
    return turns


SCOPES: dict[str, Callable[[EdgesPerLayer, Arrange], EdgeIds]] = {"layer": layer_by_layer, "network": pooled}

ORDERS: dict[str, Callable[..., EdgeIds]] = {"random": random_order}


def removal_orders(
    graph_or_network: BipartiteGraph | SparseNetwork,
    *,
    order: Any = "random",
    scope: str = "layer",
    trials: int = 1,
    rng: Seed | None = None,
) -> Iterator[EdgeIds]:
    """Go through the removal orders of all trials.

    `percolate` goes through these; whoever removes edges from something else (a trained model) and passes the same
    arguments with the same int seed removes the same edges in the same trials.

    Parameters
    ----------
    graph_or_network : BipartiteGraph or SparseNetwork
        Whose edges.
    order : str or int array of shape (n_edges,)
        A name from `ORDERS`, or a permutation of the edge ids (layer by layer, each in canonical order), first removed
        first; this one is its own single trial, and `scope` does not touch it.
    scope : {"layer", "network"}
        See `random_order`.
    trials : int
        Number of orders.
    rng : int or numpy Generator
        Each trial gets a generator spawned from it. Not needed for an order given as an array.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSeed
        For unknown names, an array that is not a permutation of the edge ids, trials below 1 or repeated trials of one
        array, and a random order without a seed.

    Examples
    --------
    >>> graph = BipartiteGraph.from_mask([[1, 1], [0, 1]])
    >>> [order.tolist() for order in removal_orders(graph, order=[2, 0, 1])]
    [[2, 0, 1]]
    """
    _check_network(graph_or_network)
    if not isinstance(trials, int | np.integer) or isinstance(trials, bool) or trials < 1:
        raise InvalidOption("trials", repr(trials), "a whole number of at least 1", "trials=10")
    if not isinstance(order, str):
        if trials != 1:
            raise InvalidOption(
                "trials", f"{trials} for one given order", "one trial, as all would be the same", "trials=1"
            )
        return iter([as_order(order, graph_or_network.n_edges)])
    if order not in ORDERS:
        raise unknown_name("order", order, ORDERS)
    if not isinstance(scope, str) or scope not in SCOPES:
        raise unknown_name("scope", scope, SCOPES)
    rule = ORDERS[order]
    generators = spawn(as_rng(rng), int(trials), purpose="removal")  # type: ignore[arg-type]  # None is refused by as_rng, in its own words
    return (rule(graph_or_network, scope=scope, rng=generator) for generator in generators)


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
    array = np.asarray(order)
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


def _check_network(graph_or_network: object) -> None:
    if not isinstance(graph_or_network, BipartiteGraph | SparseNetwork):
        given, expected = type(graph_or_network).__name__, "a BipartiteGraph or a SparseNetwork"
        raise InvalidOption("graph_or_network", given, expected, "BipartiteGraph.from_scipy(matrix) or result.network")
