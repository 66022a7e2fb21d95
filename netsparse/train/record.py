"""What a run measures after each epoch, remembers, and writes into its folder."""

from __future__ import annotations

import math
from pathlib import Path

from netsparse.atomic import write_text
from netsparse.errors import InvalidOption, TrainingDiverged
from netsparse.train.checkpoint import save_model
from netsparse.train.objectives import evaluate
from netsparse.train.result import Snapshot, TrainResult
from netsparse.train.splits import Splits
from netsparse.train.state import TrainState
from netsparse.train.tables import write_table

MODEL, BEST, HISTORY, TIMING, TOPOLOGY = FILES = (
    "model.safetensors", "best.safetensors", "history.csv", "timing.csv", "topology.csv",
)  # fmt: skip


class Record:
    """Measures the model on all splits, keeps the last and the best, writes the run's files.

    Parameters
    ----------
    splits : Splits
        The images.
    folder : Path, optional
        Where the files go; None writes none.
    """

    def __init__(self, splits: Splits, folder: Path | None) -> None:
        self.splits, self.folder = splits, folder

    def measure(self, state: TrainState, train: tuple[float, float]) -> None:
        """Measure an epoch that has ended with the loss and accuracy `train`; fill `state.row`, write the models.

        Raises
        ------
        TrainingDiverged
            If a loss or weight is not finite; the last good epoch stays on disk.
        NotWritable, DiskFull
            From writing.
        """
        rows, model = {"train": train}, state.model
        if len(self.splits.x_validation):
            rows["validation"] = evaluate(model, self.splits.x_validation, self.splits.y_validation)
        rows["test"] = evaluate(model, self.splits.x_test, self.splits.y_test)
        # the test set chooses nothing, not even when to stop; weights that broke in the very last step are caught here
        watched = {f"{split} loss": loss for split, (loss, _) in rows.items() if split != "test"}
        watched["sum of weights"] = sum(parameter.detach().abs().sum().item() for parameter in model.parameters())
        for name, value in watched.items():
            if not math.isfinite(value):
                raise self._diverged(name, value, state.epoch)
        for split, (loss, accuracy) in rows.items():
            state.history.add(state.epoch, split, loss, accuracy)
        state.history.add_layers([layer.graph for layer in model.sparse_layers()])
        accuracies = {split: accuracy for split, (_, accuracy) in rows.items()}
        state.row = {"loss": train[0], **accuracies}
        self._remember(state, accuracies.get("validation", math.nan), accuracies["test"])

    def _diverged(self, name: str, value: float, epoch: int) -> TrainingDiverged:
        good = "no good epoch yet" if epoch == 1 else f"epoch {epoch - 1} was the last good one"
        where = "" if self.folder is None or epoch == 1 else f", kept in {self.folder / MODEL}"
        given = f"{name} {value} in epoch {epoch} ({good}{where})"
        return TrainingDiverged("training", given, "a finite number", "a smaller learning rate (lr=0.01, --lr 0.01)")

    def _remember(self, state: TrainState, validation: float, test: float) -> None:
        state.last = Snapshot.of(state.model, state.epoch, validation, test)
        if state.best is None or math.isnan(validation) or validation > state.best.validation_accuracy:
            state.best = state.last
        if self.folder is not None:
            save_model(state.model, self.folder / MODEL)
            if state.best is state.last and not math.isnan(validation):
                save_model(state.model, self.folder / BEST)

    def write_tables(self, state: TrainState) -> None:
        """Write history, timing and, of a run with a rule, what it has changed anew."""
        if self.folder is not None:
            if state.rule is not None:
                write_text(self.folder / TOPOLOGY, state.topology.csv())
            write_table(state.history.frame(), self.folder / HISTORY)
            write_table(state.history.timing(), self.folder / TIMING)

    def result(self, state: TrainState) -> TrainResult:
        """Return what the run leaves behind; raises `InvalidOption` if no epoch has ended."""
        if state.last is None or state.best is None:
            raise InvalidOption("epochs", "0", "at least one epoch", "epochs=10")
        topology = state.topology
        frames = state.history.frame(), state.history.timing(), topology.frame(), topology.degrees_frame()
        return TrainResult(state.model, state.initial, state.last, state.best, *frames, topology.ages_frame())
