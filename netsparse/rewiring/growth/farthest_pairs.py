"""The free pairs whose two values are farthest apart, without looking at all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.typing import Float, UnitIds


def farthest_pairs(
    graph: BipartiteGraph,
    at_source: Float[np.ndarray, "n_in"],
    at_target: Float[np.ndarray, "n_out"],
    n: int,
    *,
    room_at_source: UnitIds,
    room_at_target: UnitIds,
) -> tuple[UnitIds, UnitIds]:
    """Return up to `n` free pairs in the order of falling |f_s - f_t|, as far as units have room for them.

    The pair farthest apart is taken first, then the farthest of those whose source and target still have room, and so
    on; equally far ones in canonical order. Only the extremes are looked at: time is O((n + edges of the sources seen)
    log n_in) beside two sorts.

    Parameters
    ----------
    graph : BipartiteGraph
        Whose edges are not taken.
    at_source, at_target : float arrays of shape (n_in,), (n_out,)
        f.
    n : int
        How many pairs.
    room_at_source, room_at_target : int arrays of shape (n_in,), (n_out,)
        How many of them a unit may be part of.

    Returns
    -------
    sources, targets : int arrays
        In the order in which they are taken; fewer than `n` where there is no room for more.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0], [1], n_in=2, n_out=2)
    >>> room = np.ones(2, dtype=np.int64)
    >>> values = np.array([3.0, 1.0]), np.array([1.0, 0.0])
    >>> [units.tolist() for units in farthest_pairs(graph, *values, 2, room_at_source=room, room_at_target=room)]
    [[0, 1], [0, 1]]
    """
    search = _Search(graph, room_at_source, room_at_target)
    falling, rising = _Side(at_source, at_target, search), _Side(-at_source, -at_target, search)
    heap: list[tuple[float, int, int, int, int]] = []
    sides = falling, rising
    for which, side in enumerate(sides):
        side.enter_next(heap, which)
    while heap and len(search.sources) < n:
        distance, t, s, which, place = heappop(heap)
        if distance > 0:
            break  # all pairs have been seen from the other side
        side = sides[which]
        if place < 0:  # what had entered was a bound; the source of the next lower one enters now
            side.enter_next(heap, which)
        if not search.room_s[s]:
            continue
        if place >= 0 and search.room_t[t] and t not in search.neighbours(s):
            search.take(s, t)
        if search.room_s[s]:
            side.enter(heap, which, s, max(place, 0))
    return np.array(search.sources, dtype=np.int64), np.array(search.targets, dtype=np.int64)


class _Search:
    """What is taken and what is left, for both directions."""

    def __init__(self, graph: BipartiteGraph, room_s: UnitIds, room_t: UnitIds) -> None:
        self.graph, self.starts, self.ends = graph, graph.by_source[0], graph.targets_by_source
        self.room_s, self.room_t = room_s.tolist(), room_t.tolist()
        self.sources: list[int] = []
        self.targets: list[int] = []
        self._neighbours: dict[int, set[int]] = {}

    def neighbours(self, s: int) -> set[int]:
        if s not in self._neighbours:
            self._neighbours[s] = set(self.ends[self.starts[s] : self.starts[s + 1]].tolist())
        return self._neighbours[s]

    def take(self, s: int, t: int) -> None:
        self.room_s[s] -= 1
        self.room_t[t] -= 1
        self.neighbours(s).add(t)
        self.sources.append(s)
        self.targets.append(t)


class _Side:
    """The pairs with f_s >= f_t: sources from the highest on, each with the targets from the lowest on."""

    def __init__(self, at_source: np.ndarray, at_target: np.ndarray, search: _Search) -> None:
        self.search, self.f_s, self.f_t = search, at_source.tolist(), at_target.tolist()
        self.order_t: list[int] = np.argsort(at_target, kind="stable").tolist()
        self.next_t = list(range(len(self.order_t) + 1))
        self.waiting: Iterator[int] = iter(np.argsort(-at_source, kind="stable").tolist())

    def enter_next(self, heap: list[tuple[float, int, int, int, int]], which: int) -> None:
        """Let the next source enter with what it could reach at most."""
        place = self._available(0)
        if place == len(self.order_t):
            return
        for s in self.waiting:
            if self.search.room_s[s]:
                t = self.order_t[place]
                heappush(heap, (self.f_t[t] - self.f_s[s], t, s, which, -1))
                return

    def enter(self, heap: list[tuple[float, int, int, int, int]], which: int, s: int, place: int) -> None:
        """Let a source enter with the first of its targets from a place on that is free and has room."""
        known = self.search.neighbours(s)
        place = self._available(place)
        while place < len(self.order_t) and self.order_t[place] in known:
            place = self._available(place + 1)
        if place < len(self.order_t):
            t = self.order_t[place]
            heappush(heap, (self.f_t[t] - self.f_s[s], t, s, which, place))

    def _available(self, place: int) -> int:
        """Return the first place from this one on whose target has room; shortcuts are remembered."""
        end, next_t = place, self.next_t
        while True:
            while next_t[end] != end:
                end = next_t[end]
            if end == len(self.order_t) or self.search.room_t[self.order_t[end]]:
                break
            next_t[end] = end + 1
        while next_t[place] != end and place != end:
            next_t[place], place = end, next_t[place]
        return end
