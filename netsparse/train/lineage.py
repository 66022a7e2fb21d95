"""`Lineage`: when each edge of one layer was born, and which of its pairs have ever been edges."""

from __future__ import annotations

import numpy as np

from netsparse.graph import BipartiteGraph, EdgeDelta, diff
from netsparse.graph.lookup import locate
from netsparse.metrics.distance import jaccard_of
from netsparse.typing import EdgeMask, EdgeVector, Int

FEW = 4096
"""Grown pairs that wait to be worked in, however small the layer is."""


class Lineage:
    """The past of one layer's edges.

    A change is only noted. All that wait are worked in together, in one pass over the edges, when
    somebody asks or a quarter as many pairs have grown as there are edges. Nothing of size n_in x n_out is kept: beside
    some bytes per edge the memory grows by 8 bytes with every pair that becomes an edge for the first time.

    Parameters
    ----------
    graph : BipartiteGraph
        The layer at the start, where all edges are of age 0.

    Attributes
    ----------
    start, epoch, graph : BipartiteGraph
        The wiring at the start, when the epoch began, and now.

    Examples
    --------
    >>> from netsparse.graph import apply
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=4, n_out=1)
    >>> past, delta = Lineage(graph), EdgeDelta([0], [3], [0])
    >>> past.change(5, graph, delta, apply(graph, delta)[0])
    >>> past.births.tolist(), past.n_visited, past.distance_to_start
    ([0, 5], 3, 0.6666666666666667)
    """

    def __init__(self, graph: BipartiteGraph) -> None:
        self.start = self.epoch = self.graph = graph
        self._base = graph  # what the vectors below belong to: the wiring before the changes that wait
        self._births: EdgeVector = np.zeros(graph.n_edges, dtype=np.int32)
        self._from_start: EdgeMask = np.ones(graph.n_edges, dtype=bool)
        self._from_epoch: EdgeMask = self._from_start.copy()
        self._strangers: Int[np.ndarray, "pair"] = np.empty(0, dtype=np.int64)  # visited, and no edges at the start
        self._waiting: list[tuple[int, EdgeDelta]] = []
        self._n_waiting = 0

    def change(self, step: int, before: BipartiteGraph, delta: EdgeDelta, after: BipartiteGraph) -> None:
        """Take note that `delta` led from `before` to `after` at optimizer step `step`.

        A change from somewhere else to `before`, of which nobody told, is noted as of the same step.
        """
        if before is not self.graph and before != self.graph:
            self._waiting.append((step, diff(self.graph, before)))
        self._waiting.append((step, delta))
        self._n_waiting += len(delta.added_sources)
        self.graph = after
        if self._n_waiting > max(FEW, after.n_edges // 4):
            self._work_in()

    def begin_epoch(self) -> None:
        """Compare with the wiring of this moment from now on."""
        self._work_in()
        self.epoch = self.graph
        self._from_epoch = np.ones(self.graph.n_edges, dtype=bool)

    @property
    def births(self) -> EdgeVector:
        """Step after which each edge was born, shape (n_edges,), 0 for those of the start; a grown pair is born anew.

        To be read, not written.
        """
        self._work_in()
        return self._births

    @property
    def n_visited(self) -> int:
        """Number of pairs that are or have been edges."""
        self._work_in()
        return self.start.n_edges + len(self._strangers)

    @property
    def n_kept(self) -> int:
        """Number of pairs that are edges and were at the start, whatever they were in between."""
        self._work_in()
        return int(np.count_nonzero(self._from_start))

    @property
    def distance_to_start(self) -> float:
        """Jaccard distance of the edges to those of the start, see `netsparse.metrics.jaccard_distance`."""
        return jaccard_of(self.n_kept, self.start.n_edges + self.graph.n_edges)

    @property
    def distance_to_epoch(self) -> float:
        """Jaccard distance of the edges to those with which the epoch began."""
        self._work_in()
        return jaccard_of(int(np.count_nonzero(self._from_epoch)), self.epoch.n_edges + self.graph.n_edges)

    def _work_in(self) -> None:
        """Bring everything from the wiring before the waiting changes to the wiring now."""
        if not self._waiting:
            return
        base, now = self._base, self.graph
        steps = np.repeat(
            np.array([step for step, _ in self._waiting], dtype=np.int32),
            [len(delta.added_sources) for _, delta in self._waiting],
        )
        sources = np.concatenate([delta.added_sources for _, delta in self._waiting]).astype(np.int64, copy=False)
        targets = np.concatenate([delta.added_targets for _, delta in self._waiting]).astype(np.int64, copy=False)
        self._waiting, self._n_waiting, self._base = [], 0, now
        places, is_there = locate(now.indptr, now.indices, now.addresses(), sources, targets)
        ids = places[is_there]
        is_old = np.ones(now.n_edges, dtype=bool)
        is_old[ids] = False
        # an edge that has not grown meanwhile was there before: whatever is gone and not back needs no look
        old = now.indices[is_old].astype(np.int64), all_targets(now)[is_old]
        places = locate(base.indptr, base.indices, base.addresses(), *old)[0]

        def brought(vector: np.ndarray, newborn: np.ndarray) -> np.ndarray:
            new = np.empty(now.n_edges, dtype=vector.dtype)
            new[is_old] = vector[places]
            new[ids] = newborn  # of a pair that grew more than once the last entry holds
            return new

        was_at_start = self.start.has_edges(sources, targets)
        self._births = brought(self._births, steps[is_there])
        self._from_start = brought(self._from_start, was_at_start[is_there])
        self._from_epoch = brought(self._from_epoch, self.epoch.has_edges(sources[is_there], targets[is_there]))
        self._visit(targets[~was_at_start] * now.n_in + sources[~was_at_start])

    def _visit(self, keys: Int[np.ndarray, "pair"]) -> None:
        keys = np.unique(keys)
        if len(self._strangers):
            at = np.minimum(np.searchsorted(self._strangers, keys), len(self._strangers) - 1)
            keys = keys[self._strangers[at] != keys]
        if len(keys):
            # two sorted runs: a stable sort merges them
            self._strangers = np.sort(np.concatenate([self._strangers, keys]), kind="stable")

    # for a checkpoint -------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what makes the same lineage again beside the wiring at the start and now."""
        births, epoch = self.births, self.epoch
        return {
            "births": births, "strangers": self._strangers,
            "epoch_indptr": epoch.indptr, "epoch_indices": epoch.indices,
        }  # fmt: skip

    @classmethod
    def of(cls, start: BipartiteGraph, graph: BipartiteGraph, arrays: dict[str, np.ndarray]) -> Lineage:
        """Return the lineage whose `arrays` these are, of a layer that is wired as `graph` now."""
        past = cls(start)
        past.graph = past._base = graph
        past.epoch = BipartiteGraph(start.n_in, start.n_out, arrays["epoch_indptr"], arrays["epoch_indices"])
        past._births, past._strangers = arrays["births"], arrays["strangers"]
        ends = graph.sources, all_targets(graph)
        past._from_start, past._from_epoch = (of.has_edges(*ends) for of in (start, past.epoch))
        return past


def all_targets(graph: BipartiteGraph) -> Int[np.ndarray, "edge"]:
    """Return the target of every edge; unlike `graph.targets` it is not kept, and so not carried by every change."""
    return np.repeat(np.arange(graph.n_out), graph.fan_in)
