"""What happened in a run, as tidy tables: one row per epoch and split, times kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from netsparse.graph import BipartiteGraph, EdgeDelta
from netsparse.metrics import active_inputs, active_outputs, giant_component

COUNTS = ("edges_dropped", "edges_grown")
PER_LAYER = {
    "active_inputs": active_inputs,
    "active_outputs": active_outputs,
    "giant_component": giant_component,
}
"""Measured on every layer's graph after each epoch, before rewiring; column `layer<k>_<name>`."""


@dataclass
class Rewired:
    """What the rewirings of one epoch changed, added up."""

    n: int = 0
    dropped: int = 0
    grown: int = 0
    turnover: float = 0.0
    by_layer: list[float] = field(default_factory=list)

    def add(self, changes: Sequence[tuple[BipartiteGraph, EdgeDelta]]) -> list[int]:
        """Add one rewiring, return how many edges of each layer are new: no edges right before.

        Costs a look at the changed pairs alone, whatever the number of edges.
        """
        counts = [fresh(graph, delta) for graph, delta in changes]
        self.n += 1
        self.dropped += sum(delta.n_removed for _, delta in changes)
        self.grown += sum(delta.n_added for _, delta in changes)
        self.turnover += _share(sum(counts), sum(graph.n_edges for graph, _ in changes))
        shares = [_share(count, graph.n_edges) for (graph, _), count in zip(changes, counts, strict=True)]
        self.by_layer = [a + b for a, b in zip(self.by_layer or [0.0] * len(shares), shares, strict=True)]
        return counts


@dataclass
class History:
    """Collects the rows of `TrainResult.history` and `TrainResult.timing`."""

    rows: list[dict[str, object]] = field(default_factory=list)
    times: list[dict[str, float]] = field(default_factory=list)
    rewired: Rewired = field(default_factory=Rewired)

    def add(self, epoch: int, split: str, loss: float, accuracy: float) -> None:
        """Add one row; the rewiring columns stay empty until the epoch is closed."""
        self.rows.append({"epoch": epoch, "split": split, "loss": loss, "accuracy": accuracy})

    def add_layers(self, graphs: Sequence[BipartiteGraph]) -> None:
        """Measure every layer and write the values into the epoch's training row."""
        row = self._training_row()
        for k, graph in enumerate(graphs):
            for name, metric in PER_LAYER.items():
                row[f"layer{k}_{name}"] = metric(graph)

    def close(self, epoch: int, seconds: Mapping[str, float]) -> None:
        """End an epoch: write what its rewirings changed into its training row, and the time it took.

        Turnover is how many edges are new, over how many there were before: a dropped edge grown again at once does not
        count. Over several rewirings in one epoch the shares add up. (`Topology` divides by the edges there are now,
        which is another number where a layer gains or loses some.)
        """
        if self.rewired.n:
            row, rewired = self._training_row(), self.rewired
            row.update(edges_dropped=rewired.dropped, edges_grown=rewired.grown, turnover=rewired.turnover)
            row.update({f"layer{k}_turnover": share for k, share in enumerate(rewired.by_layer)})
        self.rewired = Rewired()
        self.times.append({"epoch": epoch, **{f"{name}_seconds": spent for name, spent in seconds.items()}})

    def _training_row(self) -> dict[str, object]:
        return next(row for row in reversed(self.rows) if row["split"] == "train")

    def frame(self) -> pd.DataFrame:
        """Return the history: epoch, split, loss, accuracy, edges_dropped, edges_grown, turnover, layer<k>_<metric>."""
        head = ["epoch", "split", "loss", "accuracy", *COUNTS, "turnover"]
        rest = dict.fromkeys(name for row in self.rows for name in row if name not in head)
        return pd.DataFrame(self.rows, columns=[*head, *rest]).astype(dict.fromkeys(COUNTS, "Int64"))

    def timing(self) -> pd.DataFrame:
        """Return the seconds of each epoch: training, evaluation, rewiring."""
        return pd.DataFrame(self.times, columns=["epoch", "train_seconds", "evaluate_seconds", "rewire_seconds"])


def by_layer(history: pd.DataFrame) -> pd.DataFrame:
    """Return the per-layer columns of a history in long form: epoch, layer, metric, value.

    Examples
    --------
    >>> history = pd.DataFrame({"epoch": [1], "split": ["train"], "layer0_turnover": [0.25]})
    >>> by_layer(history).to_dict("records")
    [{'epoch': 1, 'layer': 0, 'metric': 'turnover', 'value': 0.25}]
    """
    columns = [name for name in history.columns if name.startswith("layer") and "_" in name]
    long = history[history["split"] == "train"].melt("epoch", columns, "column", "value").dropna(subset="value")
    names = long["column"].str.extract(r"^layer(?P<layer>\d+)_(?P<metric>.+)$")
    table = long.assign(layer=names["layer"].astype(int), metric=names["metric"])
    return table[["epoch", "layer", "metric", "value"]].sort_values(["epoch", "layer", "metric"], ignore_index=True)


def fresh(graph: BipartiteGraph, delta: EdgeDelta) -> int:
    """Return how many of the added pairs were no edges of `graph`, the graph before.

    An added pair that was one is among the removed: all others are still edges, and no edge is added twice.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> fresh(graph, EdgeDelta(removed=[0, 1], added_sources=[0, 2], added_targets=[0, 0]))
    1
    """
    if not delta.n_removed or not delta.n_added:
        return delta.n_added
    return delta.n_added - graph.count_edges(delta.added_sources, delta.added_targets, delta.addresses()[1:])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
