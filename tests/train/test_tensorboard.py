"""TensorBoard: what its own reader reads back is the history of the run; without the package one line says so."""

import importlib.util
import math
import sys
from typing import ClassVar

import pandas as pd
import pytest

import netsparse as ns
from netsparse import errors
from netsparse.train import fit
from netsparse.train import tensorboard as room
from netsparse.train.tensorboard import TensorBoard

installed = importlib.util.find_spec("tensorboard") is not None


def test_without_the_package_one_line_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    with pytest.raises(errors.InvalidOption, match=r"tensorboard.*pip install 'netsparse\[tensorboard\]'") as caught:
        TensorBoard(tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


class Recorder:
    """Stands where torch's writer would, and keeps what it is given."""

    made: ClassVar[list] = []

    def __init__(self, folder, purge_step=None):
        self.folder, self.purge_step, self.points, self.is_open = folder, purge_step, {}, True
        Recorder.made.append(self)

    def add_scalar(self, tag, value, step):
        assert self.is_open
        assert (tag, step) not in self.points
        self.points[tag, step] = value

    def flush(self):
        assert self.is_open

    def close(self):
        self.is_open = False


@pytest.fixture
def recorder(monkeypatch):
    Recorder.made = []
    monkeypatch.setattr(room, "find_spec", lambda name: True)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", type(sys)("torch.utils.tensorboard"))
    sys.modules["torch.utils.tensorboard"].SummaryWriter = Recorder
    return Recorder


def run(board, **options):
    network = ns.generators.layered([64, 30, 20], density=0.1, rng=0)
    return fit(network, "digits", callbacks=[board], **{"epochs": 3, "progress": False, "rng": 0, **options})


def expected_points(history):
    points = {}
    for row in history.to_dict("records"):
        for column, value in row.items():
            if column in ("epoch", "split") or pd.isna(value):
                continue
            layer, _, metric = column.partition("_")
            tag = f"{layer}/{metric}" if layer.startswith("layer") else column
            points[f"{tag}/{row['split']}" if tag in ("loss", "accuracy") else tag, row["epoch"]] = value
    return points


@pytest.mark.parametrize("rule", [None, ns.rewiring.SET()])
def test_every_number_of_the_history_is_written_once(recorder, tmp_path, rule):
    result = run(TensorBoard(tmp_path), rewiring=rule)
    (writer,) = recorder.made
    rates = {step: value for (tag, step), value in writer.points.items() if tag == "learning_rate"}
    others = {key: value for key, value in writer.points.items() if key[0] != "learning_rate"}
    assert others == pytest.approx(expected_points(result.history))
    assert ("turnover", 1) in others if rule else ("turnover", 1) not in others
    steps = math.ceil((1438 - 287) / 128)
    assert rates == pytest.approx({epoch: 0.1 * (1 - (epoch * steps - 1) / (3 * steps)) for epoch in (1, 2, 3)})
    assert not writer.is_open
    assert (writer.folder, writer.purge_step) == (str(tmp_path), None)


def test_one_callback_serves_several_runs(recorder, tmp_path):
    board = TensorBoard(tmp_path)
    for _ in range(2):
        run(board, epochs=1)
    assert recorder.made[0].points == recorder.made[1].points


def test_a_resumed_run_hides_what_the_killed_one_wrote_beyond_it(recorder, tmp_path):
    class Resumed:
        """A state as it is at the start of a run that resumes."""

        def __init__(self, epoch, is_within_epoch):
            self.epoch, self.is_within_epoch = epoch, is_within_epoch

    for state, first in ((Resumed(0, False), None), (Resumed(4, False), 5), (Resumed(4, True), 4)):
        TensorBoard(tmp_path).on_train_begin(state)
        assert recorder.made[-1].purge_step == first


def test_other_processes_than_the_first_write_nothing(recorder, tmp_path, monkeypatch):
    monkeypatch.setattr(room.torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(room.torch.distributed, "get_rank", lambda: 1)
    board = TensorBoard(tmp_path / "events")
    for moment in (board.on_train_begin, board.on_epoch_end, board.on_train_end):
        moment(None)
    assert not recorder.made


@pytest.mark.skipif(not installed, reason="needs the package tensorboard")
def test_its_own_reader_reads_the_history_back(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = run(TensorBoard(tmp_path / "events"), rewiring=ns.rewiring.SET())
    reader = EventAccumulator(str(tmp_path / "events"))
    reader.Reload()
    points = {(tag, event.step): event.value for tag in reader.Tags()["scalars"] for event in reader.Scalars(tag)}
    points = {key: value for key, value in points.items() if key[0] != "learning_rate"}
    assert points == pytest.approx(expected_points(result.history), rel=1e-6)
