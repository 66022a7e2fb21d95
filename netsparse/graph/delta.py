"""Change as data: an `EdgeDelta` is proposed, `apply` merges it, the `EdgeMap` says where every edge went."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import DuplicateEdge, EdgeOutOfRange, InvalidEdges, InvalidEdgeVector, InvalidGraph
from netsparse.graph.bipartite import BipartiteGraph, as_pairs, pair_keys
from netsparse.graph.checks import as_array, as_edge_vector, as_unit_ids
from netsparse.graph.frozen import Frozen, frozen
from netsparse.typing import EdgeIds, EdgeMask, Int, UnitIds


class EdgeDelta(Frozen):
    """Edges to remove from a graph and pairs to add to it.

    An added pair may equal a removed one: it is then a newborn edge, not a survivor. A rule that keeps an edge
    leaves it out of both lists.

    Parameters
    ----------
    removed : int array of shape (n_removed,)
        Ids of edges of the graph the delta will be applied to.
    added_sources, added_targets : int arrays of shape (n_added,)
        Pairs of units to connect.
    values : float array of shape (n_added,), optional
        Weights of the newborn edges, aligned with the added pairs; None means 0.

    Raises
    ------
    InvalidEdges, InvalidEdgeVector
        For arrays of the wrong type or of unequal length.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> after, edge_map = apply(graph, EdgeDelta([0], [2], [0]))
    >>> after.sources.tolist(), edge_map.old_to_new.tolist(), edge_map.added.tolist()
    ([1, 2], [-1, 0], [1])
    """

    __slots__ = ("added_sources", "added_targets", "removed", "values")
    removed: EdgeIds
    added_sources: UnitIds
    added_targets: UnitIds
    values: np.ndarray | None

    def __init__(self, removed: Any = (), added_sources: Any = (), added_targets: Any = (), values: Any = None) -> None:
        given = {"removed": removed, "added_sources": added_sources, "added_targets": added_targets}
        ids = [_own(as_unit_ids(name, units)) for name, units in given.items()]
        if len(ids[1]) != len(ids[2]):
            counts = f"{len(ids[1])} sources and {len(ids[2])} targets"
            raise InvalidEdges("added pairs", counts, "as many sources as targets", "arrays of the same length")
        if values is not None:
            values = _own(as_edge_vector("values", values, len(ids[1])))
        self._fill(removed=ids[0], added_sources=ids[1], added_targets=ids[2], values=values)

    @property
    def n_removed(self) -> int:
        """Number of edges that go."""
        return len(self.removed)

    @property
    def n_added(self) -> int:
        """Number of edges that come."""
        return len(self.added_sources)

    @property
    def is_density_preserving(self) -> bool:
        """Whether as many edges come as go."""
        return self.n_removed == self.n_added

    def inverse(self, graph: BipartiteGraph) -> EdgeDelta:
        """Return the delta that leads from `apply(graph, self)[0]` back to `graph`.

        Raises
        ------
        EdgeOutOfRange, DuplicateEdge
            If this delta does not fit `graph`.
        """
        _, edge_map = apply(graph, self)
        return EdgeDelta(edge_map.added, graph.sources[self.removed], graph.targets[self.removed])

    def __reduce__(self) -> tuple[Any, ...]:
        return EdgeDelta, (self.removed, self.added_sources, self.added_targets, self.values)

    def __repr__(self) -> str:
        return f"EdgeDelta({self.n_removed:,} removed, {self.n_added:,} added)"


class EdgeMap(Frozen):
    """Where the edges of a graph went.

    Parameters
    ----------
    old_to_new : int array of shape (n_edges before,)
        New id of each old edge; -1 for an edge that is gone.
    added : int array of shape (n_added,)
        New id of each added pair, in the delta's order.
    """

    __slots__ = ("added", "old_to_new")
    old_to_new: EdgeIds
    added: EdgeIds

    def __init__(self, old_to_new: np.ndarray, added: np.ndarray) -> None:
        self._fill(old_to_new=_own(old_to_new), added=_own(added))

    @property
    def survivors(self) -> EdgeIds:
        """Old ids of the edges that are still there, increasing; survivors never change their relative order."""
        return np.flatnonzero(self.old_to_new >= 0)

    @property
    def n_edges(self) -> int:
        """Number of edges after the change."""
        return int(np.count_nonzero(self.old_to_new >= 0)) + len(self.added)

    def __reduce__(self) -> tuple[Any, ...]:
        return EdgeMap, (self.old_to_new, self.added)

    def __repr__(self) -> str:
        return f"EdgeMap({len(self.old_to_new):,} edges before, {self.n_edges:,} after)"


def apply(graph: BipartiteGraph, delta: EdgeDelta) -> tuple[BipartiteGraph, EdgeMap]:
    """Return the changed graph, and where every edge went: one linear merge, only the added pairs are sorted.

    The source-sorted index of the new graph (`by_source`) is not merged along: counting-sorting it on first use is
    linear too and, measured, cheaper than the merge itself.

    Raises
    ------
    EdgeOutOfRange
        If a removed id or an added unit does not exist.
    DuplicateEdge
        If an id is removed twice, a pair is added twice, or an added pair is already an edge that stays.
    InvalidGraph, InvalidEdges
        If `graph` or `delta` is something else.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1)
    >>> apply(graph, EdgeDelta(removed=[0]))[0].n_edges
    0
    """
    _check_types(graph, delta)
    keep = _kept(graph, delta.removed)
    added_sources, added_targets = as_pairs(delta.added_sources, delta.added_targets, graph.n_in, graph.n_out)
    order, is_added = _merge(
        pair_keys(graph.sources[keep], graph.targets[keep], graph.n_in),
        pair_keys(added_sources, added_targets, graph.n_in),
        graph.n_in,
    )
    indices = np.empty(len(is_added), dtype=graph.indices.dtype)
    indices[~is_added] = graph.indices[keep]
    indices[is_added] = added_sources[order]
    fan_in = graph.fan_in - np.bincount(graph.targets[delta.removed], minlength=graph.n_out)
    fan_in += np.bincount(added_targets, minlength=graph.n_out)
    indptr = np.zeros(graph.n_out + 1, dtype=np.int64)
    np.cumsum(fan_in, out=indptr[1:])

    old_to_new = np.full(graph.n_edges, -1, dtype=graph.indptr.dtype)
    old_to_new[keep] = np.flatnonzero(~is_added)
    added = np.empty(len(order), dtype=graph.indptr.dtype)
    added[order] = np.flatnonzero(is_added)
    after = BipartiteGraph.from_canonical(graph.n_in, graph.n_out, indptr, indices)
    return after, EdgeMap(old_to_new, added)


def diff(before: BipartiteGraph, after: BipartiteGraph) -> EdgeDelta:
    """Return the delta that leads from `before` to `after`; edges in both are in neither list.

    Raises
    ------
    InvalidGraph, InvalidEdges
        If one is no graph, or the two have different sizes.

    Examples
    --------
    >>> a = BipartiteGraph.from_edges([0], [0], n_in=2, n_out=1)
    >>> b = BipartiteGraph.from_edges([1], [0], n_in=2, n_out=1)
    >>> diff(a, b), apply(a, diff(a, b))[0] == b
    (EdgeDelta(1 removed, 1 added), True)
    """
    _check_graph("before", before)
    _check_graph("after", after)
    if before.sizes != after.sizes:
        given = f"{before.n_in} -> {before.n_out} and {after.n_in} -> {after.n_out}"
        raise InvalidEdges("diff", given, "two graphs between the same units", "graphs of equal n_in and n_out")
    old = pair_keys(before.sources, before.targets, before.n_in)
    new = pair_keys(after.sources, after.targets, after.n_in)
    born = ~_is_in(new, old)
    return EdgeDelta(np.flatnonzero(~_is_in(old, new)), after.sources[born], after.targets[born])


def carry(values: np.ndarray, edge_map: EdgeMap, *, fill: Any = 0.0) -> np.ndarray:
    """Bring an edge vector along: survivors keep their value, newborn edges get `fill`.

    Parameters
    ----------
    values : array of shape (n_edges before, ...)
        Any quantity per edge; trailing axes are carried along.
    edge_map : EdgeMap
        What `apply` returned.
    fill : scalar or array of shape (n_added, ...)
        Value of the newborn edges, in the order of the delta's added pairs.

    Returns
    -------
    array of shape (n_edges after, ...), of the same dtype.

    Raises
    ------
    InvalidEdgeVector
        If `values` does not have one entry per old edge, or `fill` one per added pair.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> _, edge_map = apply(graph, EdgeDelta([0], [2], [0]))
    >>> carry(np.array([0.5, 0.7]), edge_map).tolist()
    [0.7, 0.0]
    """
    values, fill = as_array("values", values), as_array("fill", fill)
    if values.ndim == 0 or len(values) != len(edge_map.old_to_new):
        n_old = len(edge_map.old_to_new)
        expected = f"one entry per old edge, shape ({n_old},) or ({n_old}, ...)"
        raise InvalidEdgeVector("values", f"shape {values.shape}", expected, "values in canonical edge order")
    if fill.ndim and fill.shape != (len(edge_map.added), *values.shape[1:]):
        expected = f"a number, or one entry per added pair, shape ({len(edge_map.added)}, ...)"
        raise InvalidEdgeVector("fill", f"shape {fill.shape}", expected, "fill=delta.values")
    survivors = edge_map.survivors
    carried = np.empty((len(survivors) + len(edge_map.added), *values.shape[1:]), dtype=values.dtype)
    carried[edge_map.old_to_new[survivors]] = values[survivors]
    carried[edge_map.added] = fill
    return carried


def subgraph(graph: BipartiteGraph, alive: EdgeMask) -> tuple[BipartiteGraph, EdgeMap]:
    """Return the graph of the edges for which `alive` is True (all units stay), and where they went.

    Raises
    ------
    InvalidEdgeVector
        If `alive` is not one truth value per edge.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    >>> subgraph(graph, np.array([False, True]))[0].sources.tolist()
    [1]
    """
    alive = as_edge_vector("alive", alive, graph.n_edges)
    if alive.dtype != bool:
        given, fix = f"{alive.dtype} values", "apply(graph, EdgeDelta(removed=ids)) to remove edges by id"
        raise InvalidEdgeVector("alive", given, "one truth value per edge", fix)
    return apply(graph, EdgeDelta(np.flatnonzero(~alive)))


def _check_graph(name: str, graph: Any) -> None:
    if not isinstance(graph, BipartiteGraph):
        raise InvalidGraph(name, type(graph).__name__, "a BipartiteGraph", "network.layers[0]")


def _check_types(graph: Any, delta: Any) -> None:
    _check_graph("graph", graph)
    if not isinstance(delta, EdgeDelta):
        raise InvalidEdges(
            "delta", type(delta).__name__, "an EdgeDelta", "EdgeDelta(removed, added_sources, added_targets)"
        )


def _own(array: np.ndarray) -> np.ndarray:
    """Freeze `array`, or a copy of it where somebody else could still write to it."""
    return frozen(array.copy()) if array.flags.writeable or array.base is not None else array


def _kept(graph: BipartiteGraph, removed: Int[np.ndarray, "removed"]) -> EdgeMask:
    if len(removed) and (removed.min() < 0 or removed.max() >= graph.n_edges):
        worst = int(removed[(removed < 0) | (removed >= graph.n_edges)][0])
        raise EdgeOutOfRange(
            "removed edge id", str(worst), f"ids 0 to {graph.n_edges - 1}", "ids of this graph's edges"
        )
    keep = np.ones(graph.n_edges, dtype=bool)
    keep[removed] = False
    if graph.n_edges - np.count_nonzero(keep) != len(removed):
        ids, counts = np.unique(removed, return_counts=True)
        raise DuplicateEdge(
            "removed edge id", f"{ids[counts > 1][0]} twice", "every id at most once", "numpy.unique(removed)"
        )
    return keep


def _merge(
    kept: Int[np.ndarray, "kept"], added: Int[np.ndarray, "added"], n_in: int
) -> tuple[Int[np.ndarray, "added"], np.ndarray]:
    """Merge the sorted keys `kept` with the unsorted `added`.

    Returns the order that sorts `added`, and for each position of the merged sequence whether it is an added one.
    """
    order = np.argsort(added, kind="stable")
    added = added[order]
    before = np.searchsorted(kept, added)
    clash = np.flatnonzero(added[1:] == added[:-1])
    if len(kept):
        taken = np.flatnonzero(kept[np.minimum(before, len(kept) - 1)] == added)
        clash = np.concatenate([clash, taken])
    if len(clash):
        pair = f"({int(added[clash[0]]) % n_in}, {int(added[clash[0]]) // n_in})"
        expected = "a pair that is free, and added once"
        raise DuplicateEdge("added edge (source, target)", pair, expected, "~graph.has_edges(sources, targets) first")
    is_added = np.zeros(len(kept) + len(added), dtype=bool)
    is_added[before + np.arange(len(added))] = True
    return order, is_added


def _is_in(keys: Int[np.ndarray, "edge"], others: Int[np.ndarray, "other"]) -> EdgeMask:
    """Tell for each of the sorted `keys` whether it is among the sorted `others`."""
    if not len(others):
        return np.zeros(len(keys), dtype=bool)
    position = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    return others[position] == keys
