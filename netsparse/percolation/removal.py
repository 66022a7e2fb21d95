"""`Removal`: which edges or units go, in which order, and how many edges are gone with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from netsparse.graph.frozen import frozen, index_dtype
from netsparse.typing import EdgeIds, Int, UnitIds

EDGES, UNITS = "edges", "units"


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """One trial of a removal, written as a sequence of edges whatever is removed.

    A unit takes all its edges along, so that the removal of units is a removal of edges in batches: everything that is
    watched while edges go can be watched while units go.

    Attributes
    ----------
    of : {"edges", "units"}
        What is removed one by one.
    items : int array of shape (n_items,)
        The edge ids (layer by layer, each in canonical order) or the units (numbered through the levels), first
        removed first.
    edges : int array of shape (n_edges,)
        A permutation of the edge ids, first gone first; those that never go are at the end.
    gone : int array of shape (n_items + 1,)
        `edges[:gone[m]]` are gone once `items[:m]` are removed; gone[0] is 0.
    """

    of: str
    items: Int[np.ndarray, "item"]
    edges: EdgeIds
    gone: Int[np.ndarray, "step"]

    @property
    def n_items(self) -> int:
        """Number of removals."""
        return len(self.items)

    @classmethod
    def of_edges(cls, order: EdgeIds) -> Removal:
        """Return the removal of single edges in the given order, a permutation of the edge ids (trusted).

        Examples
        --------
        >>> Removal.of_edges(np.array([2, 0, 1])).gone.tolist()
        [0, 1, 2, 3]
        """
        order = frozen(order)
        return cls(EDGES, order, order, frozen(np.arange(len(order) + 1)))

    @classmethod
    def of_units(cls, units: UnitIds, ends: Int[np.ndarray, "edge 2"], n_units: int) -> Removal:
        """Return the removal of whole units in the given order, each with all its remaining edges.

        Parameters
        ----------
        units : int array of shape (n_items,)
            Different units, numbered through the levels, first removed first (trusted); others stay.
        ends : int array of shape (n_edges, 2)
            The two units of each edge; within a batch edges keep their order.
        n_units : int
            Number of units on all levels.

        Examples
        --------
        >>> path = np.array([[0, 3], [1, 3], [1, 4], [2, 4]])
        >>> removal = Removal.of_units(np.array([4, 3]), path, 5)
        >>> removal.edges.tolist(), removal.gone.tolist()
        ([2, 3, 0, 1], [0, 2, 4])
        """
        turn = np.full(n_units, len(units), dtype=np.int64)
        turn[units] = np.arange(len(units))
        batch = np.minimum(turn[ends[:, 0]], turn[ends[:, 1]])
        starts = np.zeros(len(units) + 2, dtype=np.int64)
        np.cumsum(np.bincount(batch, minlength=len(units) + 1), out=starts[1:])
        edges = _in_batches(batch, starts[:-1].copy(), np.empty(len(batch), dtype=index_dtype(len(batch))))
        return cls(UNITS, frozen(units), frozen(edges), frozen(starts[:-1]))


@njit(cache=True, nogil=True)
def _in_batches(batch, place, out):
    """Sort edges by the batch they are in, those of one batch by id; `place` says where each batch begins."""
    for edge in range(len(batch)):
        out[place[batch[edge]]] = edge
        place[batch[edge]] += 1
    return out
