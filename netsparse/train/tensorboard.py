"""`TensorBoard`: a callback that writes a run's numbers where TensorBoard shows them while it trains."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from netsparse.errors import InvalidOption
from netsparse.train.state import TrainState

LAYER = re.compile(r"layer(\d+)_(.+)")


class TensorBoard:
    """Writes the history of a run as TensorBoard's event files, one point per epoch.

    Curves are `loss/<split>` and `accuracy/<split>` for each split, `learning_rate` (of the epoch's last step, the
    first parameter group's), `turnover`, `edges_dropped`, `edges_grown`, and `layer<k>/<metric>`: the columns of
    `TrainResult.history`. What a rewiring changed is known once its epoch is over, and so written with the next one.
    Of several processes that train together only the first writes. A resumed run writes on from its epoch: points that
    a killed run wrote beyond it are hidden.

    Parameters
    ----------
    folder : path
        Where the event files go, made if need be; look at it with `tensorboard --logdir FOLDER`.

    Raises
    ------
    InvalidOption
        If the package `tensorboard` is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if find_spec("tensorboard") is None:
            given, fix = "no package tensorboard in this environment", "pip install 'netsparse[tensorboard]'"
            raise InvalidOption("TensorBoard", given, "the package that writes its files", fix)
        self.folder = Path(folder)
        self._writer: Any = None
        self._written: set[tuple[int, str]] = set()

    def on_train_begin(self, state: TrainState) -> None:
        """Open the event file."""
        if torch.distributed.is_available() and torch.distributed.is_initialized() and torch.distributed.get_rank():
            return
        from torch.utils.tensorboard import SummaryWriter  # imports tensorboard, which need not be there

        next_epoch = state.epoch if state.is_within_epoch else state.epoch + 1
        self._written = set()
        self._writer = SummaryWriter(str(self.folder), purge_step=next_epoch if next_epoch > 1 else None)

    def on_epoch_end(self, state: TrainState) -> None:
        """Write the epoch's numbers and what the rewirings of the one before changed."""
        if self._writer is None:
            return
        self._write(state.epoch, "learning_rate", state.optimizer.param_groups[0]["lr"])
        self._write_rows(state)

    def on_train_end(self, state: TrainState) -> None:
        """Write what is left, and close the file."""
        if self._writer is None:
            return
        self._write_rows(state)
        self._writer.close()
        self._writer = None

    def _write_rows(self, state: TrainState) -> None:
        for row in state.history.rows[-6:]:  # at most three splits of this epoch and of the one before
            for name, value in row.items():
                if name not in ("epoch", "split"):
                    self._write(row["epoch"], _tag(name, str(row["split"])), value)
        self._writer.flush()

    def _write(self, epoch: Any, tag: str, value: Any) -> None:
        if value is not None and (epoch, tag) not in self._written:
            self._written.add((epoch, tag))
            self._writer.add_scalar(tag, float(value), epoch)

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "_writer": None, "_written": set()}


def _tag(column: str, split: str) -> str:
    """Return the curve's name for a column of the history.

    Examples
    --------
    >>> _tag("loss", "test"), _tag("layer0_active_inputs", "train"), _tag("turnover", "train")
    ('loss/test', 'layer0/active_inputs', 'turnover')
    """
    if column in ("loss", "accuracy"):
        return f"{column}/{split}"
    layer = LAYER.fullmatch(column)
    return f"layer{layer[1]}/{layer[2]}" if layer else column
