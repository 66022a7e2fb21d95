"""`EdgeMap` and `carry`: where the edges of a graph went, and how what they hold goes with them."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector
from netsparse.graph.bipartite import BipartiteGraph
from netsparse.graph.checks import as_array
from netsparse.graph.compiled import address, addresses, native_function
from netsparse.graph.frozen import Frozen, frozen
from netsparse.graph.merge import Merged
from netsparse.typing import EdgeIds, Int

Runs = tuple[Int[np.ndarray, "removed"], Int[np.ndarray, "added"]]
"""Old ids of the removed and new ids of the newborn edges, both increasing."""


class EdgeMap(Frozen):
    """Where the edges of a graph went.

    What `apply` returns keeps only the ids that changed, and finds `old_to_new` when it is asked for.

    Parameters
    ----------
    old_to_new : int array of shape (n_edges before,)
        New id of each old edge; -1 for an edge that is gone.
    added : int array of shape (n_added,)
        New id of each added pair, in the delta's order.
    """

    __slots__ = ("_at", "_ends", "_old_to_new", "_runs", "added", "n_before")
    added: Int[np.ndarray, "added"]
    n_before: int
    _old_to_new: EdgeIds | None
    _runs: Runs | None
    _at: tuple[int, ...]  # where the two lie in memory
    _ends: tuple[Any, Any]  # weak: a map that is kept does not keep two graphs

    def __init__(self, old_to_new: np.ndarray, added: np.ndarray) -> None:
        self._fill(_old_to_new=owned(old_to_new), added=owned(added), n_before=len(old_to_new))
        self._fill(_runs=None, _ends=(), _at=())

    @classmethod
    def of(cls, before: BipartiteGraph, change: Merged) -> EdgeMap:
        """Wrap what the merge found, which nobody else holds: trusted, not checked, not copied."""
        edge_map = object.__new__(cls)
        runs = (frozen(change.removed), frozen(change.born))
        edge_map._fill(
            _old_to_new=None if change.old_to_new is None else frozen(change.old_to_new),
            _runs=runs,
            _at=change.at or tuple(addresses(*runs)),
            _ends=(weakref.ref(before), weakref.ref(change.graph)),
            added=frozen(change.added),
            n_before=len(before.indices),
        )
        return edge_map

    @property
    def old_to_new(self) -> EdgeIds:
        """New id of each old edge; -1 for an edge that is gone."""
        if self._old_to_new is None and self._runs is not None:
            removed, born = self._runs
            keep, survives = np.ones(self.n_before, dtype=bool), np.ones(self.n_edges, dtype=bool)
            keep[removed] = survives[born] = False
            old_to_new = np.full(self.n_before, -1, dtype=self.added.dtype)
            old_to_new[keep] = np.flatnonzero(survives)
            self._fill(_old_to_new=frozen(old_to_new))
        return self._old_to_new  # pyright: ignore[reportReturnType] - one of the two is always there

    @property
    def runs(self) -> Runs | None:
        """Old ids of the removed and new ids of the newborn edges, both increasing; None for a map made by hand.

        All edges in between keep their order, so that the two lists say everything that `old_to_new` says.
        """
        return self._runs

    def run_addresses(self) -> tuple[int, ...]:
        """Where the two lists of `runs` lie in memory, for compiled code."""
        return self._at

    @property
    def survivors(self) -> EdgeIds:
        """Old ids of the edges that are still there, increasing; survivors never change their relative order."""
        return np.flatnonzero(self.old_to_new >= 0)

    @property
    def n_edges(self) -> int:
        """Number of edges after the change."""
        if self._runs is not None:
            return self.n_before - len(self._runs[0]) + len(self._runs[1])
        return int(np.count_nonzero(self.old_to_new >= 0)) + len(self.added)

    def leads(self, before: BipartiteGraph, after: BipartiteGraph) -> bool:
        """Tell whether `apply` made this map together with these very objects, so that it needs no check."""
        return bool(self._ends) and self._ends[0]() is before and self._ends[1]() is after

    def __reduce__(self) -> tuple[Any, ...]:
        return EdgeMap, (self.old_to_new, self.added)

    def __deepcopy__(self, memo: dict[int, Any]) -> EdgeMap:
        return self  # a value

    def __repr__(self) -> str:
        return f"EdgeMap({self.n_before:,} edges before, {self.n_edges:,} after)"


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
    >>> from netsparse.graph import EdgeDelta, apply
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> _, edge_map = apply(graph, EdgeDelta([0], [2], [0]))
    >>> carry(np.array([0.5, 0.7]), edge_map).tolist()
    [0.7, 0.0]
    """
    values, fill = as_array("values", values), as_array("fill", fill)
    if values.ndim == 0 or len(values) != edge_map.n_before:
        n_old = edge_map.n_before
        expected = f"one entry per old edge, shape ({n_old},) or ({n_old}, ...)"
        raise InvalidEdgeVector("values", f"shape {values.shape}", expected, "values in canonical edge order")
    if fill.ndim and fill.shape != (len(edge_map.added), *values.shape[1:]):
        expected = f"a number, or one entry per added pair, shape ({len(edge_map.added)}, ...)"
        raise InvalidEdgeVector("fill", f"shape {fill.shape}", expected, "fill=delta.values")
    carried = np.empty((edge_map.n_edges, *values.shape[1:]), dtype=values.dtype)
    if not _move_runs(values, edge_map, carried):
        survivors = edge_map.survivors
        carried[edge_map.old_to_new[survivors]] = values[survivors]
    carried[edge_map.added] = fill
    return carried


def _move_runs(values: np.ndarray, edge_map: EdgeMap, out: np.ndarray) -> bool:
    """Move the survivors' entries run by run in compiled code; False where that cannot be done."""
    move = native_function("carry", edge_map.added.dtype)
    if move is None or edge_map.runs is None or values.dtype.hasobject:
        return False
    removed, born = edge_map.runs
    values = np.ascontiguousarray(values)
    width = values.nbytes // len(values) if len(values) else 0
    (at_removed, at_born), (at_values, at_out) = edge_map.run_addresses(), addresses(values, out)
    move(edge_map.n_before, len(removed), at_removed, len(born), at_born, width, at_values, at_out)
    return True


def can_move_within(edge_map: EdgeMap) -> bool:
    """Tell whether `move_within` can: the number of edges stays, and there is compiled code."""
    runs = edge_map.runs
    return (
        runs is not None
        and len(runs[0]) == len(runs[1])
        and native_function("carry_within", edge_map.added.dtype) is not None
    )


def move_within(at: int, width: int, edge_map: EdgeMap) -> None:
    """Move the entries, `width` bytes per edge, of an array that stays at address `at`; newborn ones become zero.

    Trusted: `can_move_within`, and there are `edge_map.n_before` entries.
    """
    move = native_function("carry_within", edge_map.added.dtype)
    spare = np.empty(edge_map.n_before * width, dtype=np.uint8)
    move(edge_map.n_before, len(edge_map.added), *edge_map.run_addresses(), width, at, address(spare))


def owned(array: np.ndarray) -> np.ndarray:
    """Freeze `array`, or a copy of it where somebody else could still write to it."""
    return frozen(array.copy()) if array.flags.writeable or array.base is not None else array
