"""`Topology`: what the rewirings of a run did to its wiring, as tidy tables a notebook can plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from netsparse.graph import BipartiteGraph, EdgeDelta
from netsparse.train.lineage import Lineage
from netsparse.typing import EdgeVector, Int

ROWS_PER_EPOCH = 8
"""At most, per layer: where a rule rewires more often a row sums several rewirings up."""

QUANTILES = {"age_q10": 0.1, "age_median": 0.5, "age_q90": 0.9}
SIDES = ("in", "out")
COUNTS = ("epoch", "step", "layer", "rewirings", "edges", "dropped", "grown", "new")
AGES = ("age_mean", *QUANTILES, "age_max")
SPREADS = tuple(f"fan_{side}_{name}" for side in SIDES for name in ("max", "std", "gini"))
COLUMNS = (
    *COUNTS, "turnover", "itop_rate", "kept_from_start", "distance_to_start", "distance_to_last_epoch", *AGES, *SPREADS,
)  # fmt: skip
DEGREES = ("epoch", "layer", "side", "degree", "n_units")
BORN = ("epoch", "layer", "born", "age_from", "age_to", "n_edges")


class Topology:
    """Collects `TrainResult.topology`, `.degrees` and `.ages` of a run; all processes keep the same.

    Parameters
    ----------
    layers : sequence of BipartiteGraph
        The wiring at the start; none for a run that is never rewired, of which nothing is kept.
    steps_per_epoch : int
        Optimizer steps of an epoch.
    every : int
        Rewirings that one row sums up, at most; the end of an epoch ends a row too.

    Examples
    --------
    >>> from netsparse.graph import apply
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=4, n_out=1)
    >>> delta = EdgeDelta([0], [3], [0])
    >>> topology = Topology([graph], steps_per_epoch=5)
    >>> topology.add(1, 5, [(graph, delta, apply(graph, delta)[0], 1)])
    >>> topology.frame()[["epoch", "edges", "new", "turnover", "itop_rate", "kept_from_start"]].to_dict("records")
    [{'epoch': 1, 'edges': 2, 'new': 1, 'turnover': 0.5, 'itop_rate': 0.75, 'kept_from_start': 0.5}]
    """

    def __init__(self, layers: Sequence[BipartiteGraph] = (), *, steps_per_epoch: int = 1, every: int = 1) -> None:
        self.lineages = [Lineage(graph) for graph in layers]
        self.steps_per_epoch, self.every = steps_per_epoch, every
        self.rows: list[tuple[float, ...]] = []
        self._lines: list[str] = []
        self._degrees: list[Int[np.ndarray, "row 5"]] = []
        self._ages: list[Int[np.ndarray, "row 6"]] = []
        self._forget()
        for k, past in enumerate(self.lineages):
            self._degrees += _degree_rows(0, k, past.graph)

    def _forget(self) -> None:
        self._n, self._at = 0, (0, 0)
        self._dropped, self._grown, self._new = ([0] * len(self.lineages) for _ in range(3))

    # recording --------------------------------------------------------------------------------------------------------

    def add(
        self, epoch: int, step: int, changes: Sequence[tuple[BipartiteGraph, EdgeDelta, BipartiteGraph, int]]
    ) -> None:
        """Add one rewiring: of each layer the graph before, the delta, the graph after, and how many edges are new."""
        self._n, self._at = self._n + 1, (epoch, step)
        for k, (before, delta, after, new) in enumerate(changes):
            self.lineages[k].change(step, before, delta, after)
            self._dropped[k] += len(delta.removed)
            self._grown[k] += len(delta.added_sources)
            self._new[k] += new
        if self._n >= self.every:
            self._write()

    def ages(self, layer: int, step: int) -> EdgeVector:
        """Return the age of each edge of a layer in optimizer steps, shape (n_edges,)."""
        return step - self.lineages[layer].births.astype(np.int64)

    def measure(self, epoch: int, step: int) -> None:
        """Keep the distributions of degrees and ages at the end of an epoch, before a rewiring that follows it."""
        for k, past in enumerate(self.lineages):
            self._degrees += _degree_rows(epoch, k, past.graph)
            # ceil: an edge that was born by the rewiring after the last step of an epoch belongs to that epoch
            counts = np.bincount(-(-past.births // self.steps_per_epoch))
            born = np.flatnonzero(counts)
            oldest = step - np.where(born, (born - 1) * self.steps_per_epoch + 1, 0)
            youngest = step - np.minimum(born * self.steps_per_epoch, step)
            columns = np.full(len(born), epoch), np.full(len(born), k), born, youngest, oldest, counts[born]
            self._ages.append(np.stack(columns, axis=1))

    def close(self) -> None:
        """End an epoch: what its rewirings have left to be written is written."""
        if self._n:
            self._write()
        for past in self.lineages:
            past.begin_epoch()

    def _write(self) -> None:
        epoch, step = self._at  # of the last rewiring
        for k, past in enumerate(self.lineages):
            n_edges, n_pairs = past.graph.n_edges, past.graph.n_in * past.graph.n_out
            counts = epoch, step, k, self._n, n_edges, self._dropped[k], self._grown[k], self._new[k]
            self._append(
                (
                    *counts,
                    self._new[k] / n_edges if n_edges else math.nan,
                    past.n_visited / n_pairs,
                    past.n_kept / past.start.n_edges if past.start.n_edges else math.nan,
                    past.distance_to_start,
                    past.distance_to_epoch,
                    *_age_summary(past.births, step),
                    *_spread(past.graph.fan_in),
                    *_spread(past.graph.fan_out),
                )
            )
        self._forget()

    def _append(self, row: tuple[float, ...]) -> None:
        self.rows.append(row)
        n = len(COUNTS)
        values = [*(str(int(value)) for value in row[:n]), *("" if v != v else repr(float(v)) for v in row[n:])]
        self._lines.append(",".join(values) + "\n")

    # tables -----------------------------------------------------------------------------------------------------------

    def frame(self) -> pd.DataFrame:
        """Return one row per rewiring and layer, or per several rewirings, see `TrainResult.topology`."""
        table = pd.DataFrame(np.array(self.rows, dtype=float).reshape(-1, len(COLUMNS)), columns=list(COLUMNS))
        return table.astype(dict.fromkeys(COUNTS, np.int64))

    def csv(self) -> str:
        """Return the text of `frame()`, whose lines were made row by row: an epoch costs only what is new."""
        return "".join([",".join(COLUMNS) + "\n", *self._lines])

    def degrees_frame(self) -> pd.DataFrame:
        """Return how many units have which degree, at the start (epoch 0) and after each epoch."""
        table = pd.DataFrame(_stacked(self._degrees, DEGREES), columns=list(DEGREES))
        return table.assign(side=np.array(SIDES)[table["side"].to_numpy()].astype(object))

    def ages_frame(self) -> pd.DataFrame:
        """Return how many edges were born in which epoch, after each epoch; `born` is 0 for edges of the start."""
        return pd.DataFrame(_stacked(self._ages, BORN), columns=list(BORN))

    # for a checkpoint -------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays, beside the wiring at the start and now."""
        arrays = {
            "rows": np.array(self.rows, dtype=float).reshape(-1, len(COLUMNS)),
            "degrees": _stacked(self._degrees, DEGREES),
            "ages": _stacked(self._ages, BORN),
            "pending": np.array([self._n, *self._at]),
            "counts": np.array([self._dropped, self._grown, self._new], dtype=np.int64),
        }
        for k, past in enumerate(self.lineages):
            arrays |= {f"{name}_{k}": array for name, array in past.arrays().items()}
        return arrays

    def restore(
        self, start: Sequence[BipartiteGraph], layers: Sequence[BipartiteGraph], arrays: dict[str, np.ndarray]
    ) -> None:
        """Take over what `arrays` returned, for a model that is wired as `layers` now."""
        self.rows, self._lines = [], []
        for row in arrays["rows"].tolist():
            self._append(tuple(row))
        self._degrees, self._ages = [arrays["degrees"]], [arrays["ages"]]
        self._n, *at = arrays["pending"].tolist()
        self._at = (at[0], at[1])
        self._dropped, self._grown, self._new = arrays["counts"].tolist()
        of_layer = [
            {name.removesuffix(f"_{k}"): array for name, array in arrays.items() if name.endswith(f"_{k}")}
            for k in range(len(layers))
        ]
        self.lineages = [Lineage.of(*parts) for parts in zip(start, layers, of_layer, strict=True)]


def _degree_rows(epoch: int, layer: int, graph: BipartiteGraph) -> list[Any]:
    rows = []
    for side, degrees in enumerate((graph.fan_in, graph.fan_out)):
        counts = np.bincount(degrees)
        found = np.flatnonzero(counts)
        same = (np.full(len(found), value) for value in (epoch, layer, side))
        rows.append(np.stack((*same, found, counts[found]), axis=1))
    return rows


def _age_summary(births: EdgeVector, step: int) -> tuple[float, ...]:
    """Return mean, quantiles and maximum of the ages; a quantile is the least age that such a share does not exceed."""
    n = len(births)
    if not n:
        return (math.nan,) * len(AGES)
    if step < 4 * n:
        counts = np.bincount(births)
        born = np.flatnonzero(counts)
        counts = counts[born]
    else:
        born, counts = np.unique(births, return_counts=True)
    upto = np.cumsum(counts)  # edges born until then: the oldest first
    places = [int(np.searchsorted(upto, n - math.ceil(q * n - 1e-9) + 1)) for q in QUANTILES.values()]
    return (
        step - float(born @ counts) / n,
        *(float(step - born[place]) for place in places),
        float(step - born[0]),
    )


def _spread(degrees: Int[np.ndarray, "unit"]) -> tuple[float, float, float]:
    """Return maximum, population standard deviation and Gini coefficient, as `netsparse.metrics` defines them."""
    ordered, n = np.sort(degrees).astype(float), len(degrees)
    if not ordered[-1]:
        return 0.0, 0.0, 0.0
    total = ordered.sum()
    variance = max(float(ordered @ ordered) / n - (total / n) ** 2, 0.0)
    gini = float((2.0 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))
    return float(ordered[-1]), math.sqrt(variance), max(gini, 0.0)


def _stacked(parts: Sequence[np.ndarray], columns: Sequence[str]) -> np.ndarray:
    return np.concatenate([np.empty((0, len(columns)), dtype=np.int64), *parts])
