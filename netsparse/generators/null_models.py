"""Null models: a given graph at random again, with its edge count or with every degree kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidGraph, InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph, EdgeDelta, SparseNetwork, apply, carry
from netsparse.graph.checks import as_edge_vector
from netsparse.graph.free_pairs import sample_free_keys
from netsparse.graph.pairs import pair_keys
from netsparse.rng import as_rng, spawn
from netsparse.typing import EdgeIds, EdgeVector, Seed, UnitIds

BLOCK = 1 << 20  # proposals drawn at once


def density_preserving(graph: BipartiteGraph, *, weights: Any = None, rng: Seed) -> EdgeDelta:
    """Move every edge to a pair drawn at random: the Erdos-Renyi graph with the same edge count.

    Parameters
    ----------
    graph : BipartiteGraph
        The layer to randomise.
    weights : array of shape (n_edges,), optional
        Travel with their edges: they become the delta's `values`.
    rng : int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    EdgeDelta
        Edge `removed[i]` moves to the i-th added pair, so that `carry(v, edge_map, fill=v[delta.removed])` brings any
        edge vector `v` along. Edges drawn onto the pair where they were are in neither list.

    Raises
    ------
    InvalidGraph, InvalidEdgeVector, InvalidSeed
        For something else than one layer, for weights that do not fit, and for no seed.

    Notes
    -----
    Uniform over all graphs with these units and this many edges; which edge goes where is uniform too. O(edges).

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=4)
    >>> random_graph, _ = apply(graph, density_preserving(graph, rng=0))
    >>> random_graph.n_edges, random_graph.fan_in.tolist()
    (3, [0, 1, 1, 1])
    """
    graph, rng = _as_layer(graph), as_rng(rng)
    keys = sample_free_keys(np.empty(0, dtype=np.int64), graph.n_in * graph.n_out, graph.n_edges, rng)
    keys = rng.permutation(keys)
    targets = keys // graph.n_in
    return _moves(graph, keys - targets * graph.n_in, targets, weights)


def degree_preserving(
    graph: BipartiteGraph, *, weights: Any = None, signs: Any = None, swaps_per_edge: float = 10, rng: Seed
) -> EdgeDelta:
    """Shuffle the wiring while every unit keeps its degree: a Markov chain of edge swaps.

    A proposal draws two edges (a, x) and (b, y) and turns them into (a, y) and (b, x); where one of these is an edge
    already, nothing happens and the proposal still counts. In the biadjacency matrix it is the swap of a
    checkerboard [[1, 0], [0, 1]].

    Parameters
    ----------
    graph : BipartiteGraph
        The layer to randomise.
    weights : array of shape (n_edges,), optional
        Travel with the edge's source: every source keeps its outgoing weights, in another order of targets. They
        become the delta's `values`.
    signs : array of shape (n_edges,), optional
        Real numbers but NaN, or bool; only edges whose numbers have the same sign (-1, 0 or 1) are swapped, so that
        every unit keeps its number of positive and of negative edges. `signs=weights` is the usual choice.
    swaps_per_edge : float
        Proposals over number of edges; half a proposal is rounded up to one.
    rng : int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    EdgeDelta
        Edge `removed[i]` keeps its source and gets the target of the i-th added pair, so that
        `carry(v, edge_map, fill=v[delta.removed])` brings any edge vector `v` along. An added pair may equal a removed
        one: it is then another edge's.

    Raises
    ------
    InvalidGraph, InvalidEdgeVector, InvalidOption, InvalidSeed
        For something else than one layer, for edge vectors that do not fit, for an impossible number of swaps, and for
        no seed.

    Notes
    -----
    Proposals are symmetric and refusals count as steps, so the uniform distribution over all simple graphs with these
    degrees is stationary; swaps reach all of them (Ryser, Canad. J. Math. 9, 371 (1957), doi:10.4153/CJM-1957-044-3).
    Leaving refused proposals out, as many programs do, would favour graphs with many possible swaps (Artzy-Randrup and
    Stone, Phys. Rev. E 72, 056708 (2005), doi:10.1103/PhysRevE.72.056708). How many steps make the start forgotten is
    not proven for general degrees; ten per edge are the custom (Milo et al., arXiv:cond-mat/0312028). With `signs` the
    distribution is uniform over what swaps within a sign can reach; that this is everything is not proven. The chain
    runs on edges, O(swaps) with a hash table of the pairs.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 1, 1], n_in=4, n_out=2)
    >>> shuffled, _ = apply(graph, degree_preserving(graph, rng=1))
    >>> shuffled.fan_in.tolist(), shuffled.fan_out.tolist(), shuffled.sources.tolist()
    ([2, 2], [1, 1, 1, 1], [2, 3, 0, 1])
    """
    from netsparse.generators.swaps import pair_table, swap

    graph, rng = _as_layer(graph), as_rng(rng)
    n_swaps = math.floor(_as_swaps(swaps_per_edge) * graph.n_edges + 0.5)
    order, starts = _by_sign(graph, signs)
    ends = np.stack([graph.sources[order], graph.targets[order]], axis=1).astype(np.int64)
    table = pair_table(pair_keys(ends[:, 0], ends[:, 1], graph.n_in))
    first_of, size_of = np.repeat(starts[:-1], np.diff(starts)), np.repeat(np.diff(starts), np.diff(starts))
    for begin in range(0, n_swaps, BLOCK):
        n_here = min(BLOCK, n_swaps - begin)
        one = rng.integers(graph.n_edges, size=n_here)
        other = first_of[one] + rng.integers(size_of[one])  # of the same sign: as likely the other way round
        swap(ends, table, one, other, graph.n_in)
    moved = np.empty(graph.n_edges, dtype=np.int64)
    moved[order] = ends[:, 1]
    return _moves(graph, graph.sources.astype(np.int64), moved, weights)


NullModel = Callable[..., EdgeDelta]
"""Called as `null_model(graph, weights=..., rng=...)`."""

NULL_MODELS: dict[str, NullModel] = {"density": density_preserving, "degree": degree_preserving}
"""What a graph can be compared with, by what is kept."""


def randomized(
    graph: BipartiteGraph | SparseNetwork, null_model: str | NullModel, *, weights: Any = None, rng: Seed
) -> tuple[Any, Any]:
    """Return a randomised copy of a layer or of every layer of a network, and the weights that travelled along.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    null_model : {"density", "degree"} or callable
        A name from `NULL_MODELS`, or a function called as `null_model(layer, weights=..., rng=...)` that returns an
        `EdgeDelta`, such as `functools.partial(degree_preserving, swaps_per_edge=30)`.
    weights : edge vector, or one per layer, optional
        Travel with their edges.
    rng : int or numpy.random.Generator
        Each layer draws from its own child generator.

    Returns
    -------
    graph : BipartiteGraph or SparseNetwork
        Of the same sizes and joints.
    weights : edge vector, tuple of them, or None
        As given: of a layer one vector, of a network one per layer, None where none were given.

    Raises
    ------
    UnknownName, InvalidGraph, InvalidEdgeVector, InvalidSeed
        For an unknown null model, something else than a layer or a network, weights that do not fit, and for no seed.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> net = layered([6, 4, 3], density=0.5, rng=0)
    >>> randomized(net, "degree", rng=0)
    (SparseNetwork(6-4-3, 18 edges, density 0.5), None)
    """
    if not isinstance(graph, BipartiteGraph | SparseNetwork):
        expected = "a BipartiteGraph or a SparseNetwork"
        raise InvalidGraph(
            "graph", f"a {type(graph).__name__}", expected, "randomized(result.network, 'degree', rng=0)"
        )
    if isinstance(null_model, str) and null_model in NULL_MODELS:
        null_model = NULL_MODELS[null_model]
    elif not callable(null_model):
        raise unknown_name("null_model", null_model, NULL_MODELS)
    vectors = (None,) * len(graph.layers) if weights is None else graph.edge_vectors(weights)
    children = spawn(rng, len(graph.layers), purpose="null model")
    drawn = [_applied(*each, null_model) for each in zip(graph.layers, vectors, children, strict=True)]
    layers, moved = [layer for layer, _ in drawn], tuple(vector for _, vector in drawn)
    if isinstance(graph, BipartiteGraph):
        return layers[0], moved[0]
    return SparseNetwork(layers, graph.joints), None if weights is None else moved


def _as_layer(graph: Any) -> BipartiteGraph:
    if not isinstance(graph, BipartiteGraph):
        fix = "randomized, which takes every layer of a network"
        raise InvalidGraph("graph", f"a {type(graph).__name__}", "a BipartiteGraph", fix)
    return graph


def _as_swaps(value: Any) -> float:
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # a whole number beyond every float
        number = math.inf
    if not 0 <= number < math.inf:
        raise InvalidOption("swaps_per_edge", repr(value), "a number of at least 0", "swaps_per_edge=10")
    return number


def _applied(
    layer: BipartiteGraph, vector: EdgeVector | None, rng: np.random.Generator, null_model: NullModel
) -> tuple[BipartiteGraph, EdgeVector | None]:
    delta = null_model(layer, weights=vector, rng=rng)
    after, edge_map = apply(layer, delta)
    return after, None if vector is None else carry(vector, edge_map, fill=delta.values)


def _moves(graph: BipartiteGraph, sources: UnitIds, targets: UnitIds, weights: Any) -> EdgeDelta:
    """Return the delta that moves edge e to (sources[e], targets[e]), its weight with it."""
    moved = np.flatnonzero((sources != graph.sources) | (targets != graph.targets))
    values = None if weights is None else as_edge_vector("weights", weights, graph.n_edges)[moved]
    return EdgeDelta(moved, sources[moved], targets[moved], values)


def _by_sign(graph: BipartiteGraph, signs: Any) -> tuple[EdgeIds, np.ndarray]:
    """Return edge ids with equal signs beside each other, and where each sign starts and the last one ends."""
    if signs is None:
        return np.arange(graph.n_edges), np.array([0, graph.n_edges])
    values = as_edge_vector("signs", signs, graph.n_edges)
    if values.dtype.kind not in "fiub" and len(values):
        raise InvalidEdgeVector("signs", f"dtype {values.dtype}", "real numbers", "signs=numpy.sign(weights)")
    if values.dtype.kind == "f" and np.isnan(values).any():
        given = f"nan at edge {int(np.argmax(np.isnan(values)))}"
        raise InvalidEdgeVector("signs", given, "numbers with a sign", "signs=numpy.nan_to_num(weights)")
    kinds = (values > 0).astype(np.int64) - (values < 0)
    return np.argsort(kinds, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(kinds + 1, minlength=3))])
