"""What happened in a run, as tidy tables: one row per epoch and split, times kept apart."""

from __future__ import annotations

from collections.abc import Sequence
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
class History:
    """Collects the rows of `TrainResult.history` and `TrainResult.timing`."""

    rows: list[dict[str, object]] = field(default_factory=list)
    times: list[dict[str, float]] = field(default_factory=list)

    def add(self, epoch: int, split: str, loss: float, accuracy: float) -> None:
        """Add one row; the rewiring columns stay empty until `add_rewiring`."""
        self.rows.append({"epoch": epoch, "split": split, "loss": loss, "accuracy": accuracy})

    def add_layers(self, graphs: Sequence[BipartiteGraph]) -> None:
        """Measure every layer and write the values into the epoch's training row."""
        row = self._training_row()
        for k, graph in enumerate(graphs):
            for name, metric in PER_LAYER.items():
                row[f"layer{k}_{name}"] = metric(graph)

    def add_rewiring(self, changes: Sequence[tuple[BipartiteGraph, EdgeDelta]]) -> None:
        """Write the rewiring that follows this epoch into its training row.

        Turnover is the share of edges that were not there before: a dropped edge grown again at once does not count.
        """
        row = self._training_row()
        dropped = sum(delta.n_removed for _, delta in changes)
        grown = sum(delta.n_added for _, delta in changes)
        fresh = [int((~g.has_edges(d.added_sources, d.added_targets)).sum()) for g, d in changes]
        before = sum(graph.n_edges for graph, _ in changes)
        row.update(edges_dropped=dropped, edges_grown=grown, turnover=_share(sum(fresh), before))
        for k, ((graph, _), count) in enumerate(zip(changes, fresh, strict=True)):
            row[f"layer{k}_turnover"] = _share(count, graph.n_edges)

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


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
