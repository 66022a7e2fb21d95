"""`netsparse train --tensorboard`: event files in the run folder, or one line where the package is absent."""

import importlib.util

from netsparse.train import tensorboard as room

TRAIN = ["train", "--widths", "20", "--density", "0.2", "--epochs", "1", "--name", "board", "--tensorboard"]


def test_the_run_folder_holds_event_files_or_nothing_is_begun(cli, tmp_path):
    code, _, stderr = cli(*TRAIN)
    if importlib.util.find_spec("tensorboard") is None:
        assert code == 2
        assert "pip install 'netsparse[tensorboard]'" in stderr
        assert list(tmp_path.iterdir()) == []
    else:
        assert code == 0, stderr
        assert list((tmp_path / "runs" / "board" / "tensorboard").glob("events.*"))


def test_the_callback_is_told_of_the_run(cli, tmp_path, monkeypatch):
    told = []

    class Board:
        def __init__(self, folder):
            self.folder = folder

        def on_epoch_end(self, state):
            told.append((self.folder.name, state.epoch))

    monkeypatch.setattr("netsparse.train.TensorBoard", Board)
    assert cli(*TRAIN)[0] == 0
    assert told == [("tensorboard", 1)]
    assert room.TensorBoard is not Board
