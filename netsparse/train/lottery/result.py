"""`LotteryResult`: what every round of iterative magnitude pruning started from, ended with and was worth."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from torch import Tensor

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import SparseNetwork
from netsparse.nn import SparseModel
from netsparse.train.result import Snapshot
from netsparse.typing import EdgeVector

State = Mapping[str, Tensor]
"""A model's `state_dict` on the CPU, wiring included."""

MOMENTS = ("last", "early_stop")
"""After the last epoch of a round, and after the epoch of lowest validation loss (the first of equals)."""


@dataclass(frozen=True, repr=False)
class Ticket:
    """One round: a wiring, the weights that training started from, and what became of them.

    Parameters
    ----------
    round : int
        0 for the network before any pruning.
    network : SparseNetwork
        The edges that are left.
    start : dict
        The model's `state_dict` before the first step.
    last : Snapshot
        The model after the last epoch.
    early_stop : Snapshot, optional
        The model after the epoch of lowest validation loss; None without a validation split.
    rewound : dict, optional
        In round 0, where later rounds are to start from it: the `state_dict` after the early step.
    rows, history, seconds
        This round's part of the tables of `LotteryResult`.
    """

    round: int
    network: SparseNetwork
    start: State
    last: Snapshot
    early_stop: Snapshot | None
    rewound: State | None
    rows: Sequence[Mapping[str, Any]]
    history: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]

    @property
    def start_weights(self) -> tuple[EdgeVector, ...]:
        """One edge vector per sparse layer before the first step, copied."""
        return tuple(self.start[f"layers.{k}.weight"].numpy().copy() for k in range(len(self.network.layers)))

    @property
    def weights(self) -> tuple[EdgeVector, ...]:
        """One edge vector per sparse layer after the last epoch."""
        return self.last.weights

    def __repr__(self) -> str:
        return f"Ticket(round {self.round}: {self.network!r}, last={self.last!r}, early_stop={self.early_stop!r})"


@dataclass(frozen=True, repr=False)
class LotteryResult:
    """The rounds of `netsparse.train.lottery_tickets`.

    Parameters
    ----------
    tickets : tuple of Ticket
        One per round, round 0 first.
    template : SparseModel
        What the models are built like; its wiring and weights do not matter.
    """

    tickets: tuple[Ticket, ...]
    template: SparseModel

    @property
    def table(self) -> pd.DataFrame:
        """One row per round, moment ("last", "early_stop"), split and attack ("none" for clean images).

        Columns: round, n_edges, density, moment, epoch, step, split, attack, loss, accuracy. The loss is the plain
        cross-entropy by the true labels, and the accuracy too is by them, whatever the objective and the attack take.
        """
        names = ["round", "n_edges", "density", "moment", "epoch", "step", "split", "attack", "loss", "accuracy"]
        return pd.DataFrame([row for ticket in self.tickets for row in ticket.rows], columns=names)

    @property
    def history(self) -> pd.DataFrame:
        """Loss and accuracy of every epoch: round, epoch, split, loss, accuracy, as `TrainResult.history`."""
        rows = [{"round": ticket.round, **row} for ticket in self.tickets for row in ticket.history]
        return pd.DataFrame(rows, columns=["round", "epoch", "split", "loss", "accuracy"])

    @property
    def layers(self) -> pd.DataFrame:
        """Edges that are left in every layer: round, layer, n_edges, density."""
        rows = [
            {"round": ticket.round, "layer": k, "n_edges": graph.n_edges, "density": graph.density}
            for ticket in self.tickets
            for k, graph in enumerate(ticket.network.layers)
        ]
        return pd.DataFrame(rows, columns=["round", "layer", "n_edges", "density"])

    @property
    def timing(self) -> pd.DataFrame:
        """Seconds that the epochs of each round took: round, train_seconds, evaluate_seconds; attacks come on top."""
        rows = [{"round": ticket.round, **ticket.seconds} for ticket in self.tickets]
        return pd.DataFrame(rows, columns=["round", "train_seconds", "evaluate_seconds"])

    def summary(self) -> pd.DataFrame:
        """Return one row per round: edges left, density, and the test accuracy at both moments and under all attacks.

        Columns `<moment>` and `<moment>_<attack>`.
        """
        table = self.table.query("split == 'test'")
        columns = table["moment"].str.cat(table["attack"], sep="_").str.removesuffix("_none")
        wide = table.assign(column=columns).pivot(
            index=["round", "n_edges", "density"], columns="column", values="accuracy"
        )
        return wide[list(dict.fromkeys(columns))].rename_axis(columns=None).reset_index()

    def model(self, round: int = -1, moment: str = "last") -> SparseModel:
        """Return the model of a round, on the CPU, a copy of its own.

        Parameters
        ----------
        round : int
            From 0, or from -1 backwards.
        moment : {"start", "last", "early_stop"}
            Before its first step, after its last, or after the epoch of lowest validation loss.

        Raises
        ------
        InvalidOption, UnknownName
            For a round that there is not, or another moment.
        """
        if not -len(self.tickets) <= round < len(self.tickets):
            raise InvalidOption("round", repr(round), f"0 to {len(self.tickets) - 1}", "round=0")
        ticket = self.tickets[round]
        states = {"start": ticket.start, "last": ticket.last.state}
        if ticket.early_stop is not None:
            states["early_stop"] = ticket.early_stop.state
        if moment not in states:
            raise unknown_name("moment", moment, states)
        return loaded(self.template, states[moment])

    def __repr__(self) -> str:
        last = self.tickets[-1]
        return f"LotteryResult({len(self.tickets)} rounds, {self.template.network!r} to {last.network!r})"

    def _repr_html_(self) -> str:
        return self.summary().to_html(index=False)


def loaded(template: SparseModel, state: State) -> SparseModel:
    """Return a model built like `template` with the wiring and the values of `state`; nothing is shared."""
    model = copy.deepcopy(template)
    values = {name: tensor.clone() for name, tensor in state.items()}
    model.to(device="cpu", dtype=values["layers.0.weight"].dtype)
    model.load_state_dict(values)
    return model
