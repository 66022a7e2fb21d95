"""`TrainResult`: what a run leaves behind, last and best-on-validation side by side."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch

from netsparse.graph import SparseNetwork
from netsparse.nn import SparseModel
from netsparse.typing import EdgeVector


@dataclass(frozen=True, repr=False)
class Snapshot:
    """A model at the end of one epoch, before that epoch's rewiring.

    Parameters
    ----------
    epoch : int
        Counted from 1.
    validation_accuracy, test_accuracy : float
        Accuracy there; the test accuracy was never used to choose anything. NaN without a validation split.
    network : SparseNetwork
        The wiring of that epoch.
    state : dict
        Copy of the model's `state_dict`; the index arrays in it are the network's own.
    """

    epoch: int
    validation_accuracy: float
    test_accuracy: float
    network: SparseNetwork
    state: dict[str, torch.Tensor]

    @property
    def weights(self) -> tuple[EdgeVector, ...]:
        """One edge vector per sparse layer, of the copy's memory."""
        names = (f"layers.{k}.weight" for k in range(len(self.network.layers)))
        return tuple(self.state[name].cpu().numpy() for name in names)

    def __repr__(self) -> str:
        accuracies = f"validation {self.validation_accuracy:.4f}, test {self.test_accuracy:.4f}"
        return f"Snapshot(epoch {self.epoch}: {accuracies}, {self.network!r})"

    @classmethod
    def of(cls, model: SparseModel, epoch: int, validation_accuracy: float, test_accuracy: float) -> Snapshot:
        """Copy the model as it is; its index arrays never change in place and are shared."""
        state = {name: tensor.detach() for name, tensor in model.state_dict().items()}
        copied = {name: tensor if name.endswith(WIRING) else tensor.clone() for name, tensor in state.items()}
        return cls(epoch, validation_accuracy, test_accuracy, model.network, copied)


WIRING = (".indptr", ".indices")


@dataclass(frozen=True, repr=False)
class TrainResult:
    """The outcome of `netsparse.train.fit`.

    Parameters
    ----------
    model : SparseModel
        The model after the last epoch.
    initial : SparseNetwork
        The wiring before the first step.
    last, best : Snapshot
        After the last epoch, and at the epoch of highest validation accuracy (the first of equals); without a
        validation split both are the last.
    history : DataFrame
        One row per epoch and split (train, validation, test): loss, accuracy, and in the training row the rewiring
        that followed (edges_dropped, edges_grown, turnover) and per-layer metrics (layer<k>_<name>).
    timing : DataFrame
        Seconds per epoch.
    topology : DataFrame
        One row per rewiring and layer: epoch, step and layer; edges, dropped, grown, new (no edges right before the
        rewiring) and turnover = new / edges; itop_rate, the share of all pairs that are or have been edges (R_s of Liu,
        Yin, Mocanu, Pechenizkiy, arXiv:2102.02887); kept_from_start, the share of the pairs of the start that are edges
        now, whatever they were in between; distance_to_start and distance_to_last_epoch, Jaccard distances to the edges
        of the start and to those that the last epoch left; mean, quantiles and maximum of the ages in optimizer steps;
        maximum, standard deviation and Gini coefficient of fan-in and fan-out. Where a rule rewires often, a row sums
        up as many rewirings as `rewirings` says: there are 8 rows per epoch and layer at most. Without rows for a run
        without a rule, as the two that follow.
    degrees : DataFrame
        How many units have which degree, at the start (epoch 0) and at the end of each epoch before the rewiring that
        follows it: epoch, layer, side ("in": fan-in of targets, "out": fan-out of sources), degree, n_units.
    ages : DataFrame
        How many edges are how old at the same moments: epoch, layer, born (the epoch in which they grew, 0 for the
        start), age_from and age_to (their ages in optimizer steps, inclusive), n_edges.
    """

    model: SparseModel
    initial: SparseNetwork
    last: Snapshot
    best: Snapshot
    history: pd.DataFrame
    timing: pd.DataFrame
    topology: pd.DataFrame
    degrees: pd.DataFrame
    ages: pd.DataFrame

    @property
    def network(self) -> SparseNetwork:
        """The wiring after the last epoch."""
        return self.last.network

    @property
    def weights(self) -> tuple[EdgeVector, ...]:
        """One edge vector per sparse layer after the last epoch."""
        return self.last.weights

    @property
    def test_accuracy(self) -> float:
        """Accuracy of the last model on the test set."""
        return self.last.test_accuracy

    def summary(self) -> pd.DataFrame:
        """Return the last and the best model in two rows."""
        rows = [
            {
                "model": name,
                "epoch": snapshot.epoch,
                "validation_accuracy": snapshot.validation_accuracy,
                "test_accuracy": snapshot.test_accuracy,
                "n_edges": snapshot.network.n_edges,
                "sparsity": snapshot.network.sparsity,
            }
            for name, snapshot in (("last", self.last), ("best on validation", self.best))
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return f"TrainResult(last={self.last!r}, best={self.best!r})"

    def _repr_html_(self) -> str:
        return self.summary().to_html(index=False)
