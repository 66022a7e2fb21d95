"""Change as data: an `EdgeDelta` is proposed, `apply` merges it, the `EdgeMap` says where every edge went."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import InvalidEdges, InvalidEdgeVector, InvalidGraph
from netsparse.graph.bipartite import BipartiteGraph
from netsparse.graph.checks import as_edge_vector, as_unit_ids
from netsparse.graph.compiled import address
from netsparse.graph.edge_map import EdgeMap, carry, owned
from netsparse.graph.frozen import Frozen, frozen
from netsparse.graph.merge import merged
from netsparse.graph.pairs import pair_keys
from netsparse.typing import EdgeIds, EdgeMask, Int, UnitIds

__all__ = ["EdgeDelta", "EdgeMap", "apply", "carry", "diff", "subgraph", "survivors"]


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

    __slots__ = ("_at", "added_sources", "added_targets", "removed", "values")
    removed: EdgeIds
    added_sources: UnitIds
    added_targets: UnitIds
    values: np.ndarray | None
    _at: tuple[int, int, int]  # where the three lie in memory

    def __init__(self, removed: Any = (), added_sources: Any = (), added_targets: Any = (), values: Any = None) -> None:
        gone, sources, targets = (
            as_unit_ids("removed", removed),
            as_unit_ids("added_sources", added_sources),
            as_unit_ids("added_targets", added_targets),
        )
        n_removed, n_added = len(gone), len(sources)
        if n_added != len(targets):
            counts = f"{n_added} sources and {len(targets)} targets"
            raise InvalidEdges("added pairs", counts, "as many sources as targets", "arrays of the same length")
        if values is not None:
            values = owned(as_edge_vector("values", values, n_added))
        ends = n_removed, n_removed + n_added
        ids = np.concatenate((gone, sources, targets))  # one array: copied, frozen and asked for its address once
        at = address(ids)
        removed, sources, targets = (frozen(ids)[: ends[0]], ids[ends[0] : ends[1]], ids[ends[1] :])
        self._fill(removed=removed, added_sources=sources, added_targets=targets, values=values)
        self._fill(_at=(at, at + ends[0] * ids.itemsize, at + ends[1] * ids.itemsize))

    def addresses(self) -> tuple[int, int, int]:
        """Where `removed`, `added_sources` and `added_targets` lie in memory, for compiled code."""
        return self._at

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


def apply(graph: BipartiteGraph, delta: EdgeDelta) -> tuple[BipartiteGraph, EdgeMap]:
    """Return the changed graph, and where every edge went: one linear merge, only what changes is sorted.

    `targets`, `by_source` and `targets_by_source` are merged in the same pass where `graph` has been asked for them
    before and the compiled library is there; otherwise they are made again when first asked for.

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
    return _applied(graph, delta, with_index=True)


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


def survivors(graph: BipartiteGraph, removed: EdgeIds) -> tuple[BipartiteGraph, EdgeMap]:
    """Return the graph without the edges `removed`, and where the others went, for a look at what is left.

    As `apply`, but no index is brought along: cheap where the graph is only asked which pairs are free.

    Raises
    ------
    InvalidEdges, EdgeOutOfRange, DuplicateEdge
        If `removed` are not distinct ids of edges of `graph`.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    >>> survivors(graph, np.array([0]))[0].sources.tolist()
    [1]
    """
    return _applied(graph, EdgeDelta(removed), with_index=False)


def _applied(graph: BipartiteGraph, delta: EdgeDelta, *, with_index: bool) -> tuple[BipartiteGraph, EdgeMap]:
    arrays = delta.removed, delta.added_sources, delta.added_targets
    change = merged(graph, *arrays, with_index=with_index, at=delta.addresses())
    return change.graph, EdgeMap.of(graph, change)


def _check_graph(name: str, graph: Any) -> None:
    if not isinstance(graph, BipartiteGraph):
        raise InvalidGraph(name, type(graph).__name__, "a BipartiteGraph", "network.layers[0]")


def _check_types(graph: Any, delta: Any) -> None:
    _check_graph("graph", graph)
    if not isinstance(delta, EdgeDelta):
        raise InvalidEdges(
            "delta", type(delta).__name__, "an EdgeDelta", "EdgeDelta(removed, added_sources, added_targets)"
        )


def _is_in(keys: Int[np.ndarray, "edge"], others: Int[np.ndarray, "other"]) -> EdgeMask:
    """Tell for each of the sorted `keys` whether it is among the sorted `others`."""
    if not len(others):
        return np.zeros(len(keys), dtype=bool)
    position = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    return others[position] == keys
