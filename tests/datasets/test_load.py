"""`load`: names, paths, and the data sets themselves handed through."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from netsparse.datasets import READERS, SOURCES, Dataset, data_folder, load
from netsparse.errors import DatasetNotFound, InvalidFile, InvalidOption, UnknownName


def test_a_data_set_is_handed_through():
    data = Dataset.from_arrays(np.eye(2), [0, 1], np.eye(2), [0, 1])
    assert load(data) is data


def test_digits():
    data = load("digits")
    assert (data.name, data.shape, data.n_classes) == ("digits", (8, 8), 10)
    assert (len(data.x_train), len(data.x_test)) == (1438, 359)
    assert data.x_train.max() == 1
    np.testing.assert_array_equal(data.x_train * 16, np.round(data.x_train * 16))
    every = np.bincount(np.concatenate([data.y_train, data.y_test]))
    np.testing.assert_array_equal(np.bincount(data.y_test), np.round(0.2 * every))


def test_digits_hold_every_scan_once():
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    data = load("digits")
    found = np.column_stack([np.vstack([data.x_train, data.x_test]) * 16, np.concatenate([data.y_train, data.y_test])])
    published = np.column_stack([pixels, labels])
    np.testing.assert_array_equal(
        np.unique(found, axis=0, return_counts=True)[1], np.unique(published, axis=0, return_counts=True)[1]
    )
    np.testing.assert_array_equal(np.unique(found, axis=0), np.unique(published, axis=0))


def test_the_split_of_the_digits_is_part_of_their_definition():
    data = load("digits")
    digest = hashlib.sha256(data.x_test.tobytes() + data.y_train.astype("<i8").tobytes()).hexdigest()
    assert digest == "d091c2199175ca27e6089d15d0a8ec915cf00d4b50fddf204cafd1fd45edbc4a"


def test_an_unknown_name_lists_the_known_ones_and_says_that_a_path_will_do():
    with pytest.raises(UnknownName) as caught:
        load("FASHION_MNIST")
    line = str(caught.value)
    assert all(name in line for name in READERS)
    assert "path" in line
    assert line.endswith("try data='fashion-mnist'")
    with pytest.raises(UnknownName, match="given ''"):
        load("")


@pytest.mark.parametrize("data", ["./letters", "letters.npz", "some/letters"])
def test_a_path_that_does_not_exist(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetNotFound, match="which does not exist"):
        load(data)
    with pytest.raises(DatasetNotFound, match="which does not exist"):
        load(tmp_path / "letters")


def test_files_and_folders_that_hold_no_data_set(tmp_path):
    with pytest.raises(InvalidFile, match="folder with"):
        load(tmp_path)
    note = tmp_path / "notes.txt"
    note.write_text("nothing")
    with pytest.raises(InvalidFile, match=r"a '\.txt' file"):
        load(note)


@pytest.mark.parametrize("data", [None, 3, np.eye(2), (np.eye(2), [0, 1])])
def test_anything_else(data):
    with pytest.raises(InvalidOption, match="from_arrays"):
        load(data)


@pytest.mark.parametrize("path", ["~nouser/x", "x" * 5000, "./" + "x" * 300, "a\0b", "\ud800/x"])
@pytest.mark.parametrize("how", ["data", "data_dir", "NETSPARSE_DATA"])
def test_paths_that_no_file_can_have(path, how, monkeypatch):
    if how == "NETSPARSE_DATA":
        monkeypatch.setattr("os.environ", {**os.environ, how: path})
    with pytest.raises(DatasetNotFound, match=f"^{how}: given ") as caught:
        load(path) if how == "data" else load("mnist", data_dir=path if how == "data_dir" else None, download=False)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("data_dir", [5, 0, b"data", ["data"]])
def test_a_data_folder_of_the_wrong_type(data_dir):
    with pytest.raises(InvalidOption, match="data_dir: given an object of type"):
        load("mnist", data_dir=data_dir, download=False)


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", denied)
    with pytest.raises(InvalidFile, match="given Permission denied"):
        load(tmp_path)


def test_a_name_wins_over_a_folder_of_the_same_name(tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("digits").name == "digits"
    with pytest.raises(InvalidFile):
        load("./digits")


def test_where_data_sets_are_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("NETSPARSE_DATA", str(tmp_path))
    assert data_folder("elsewhere").name == "elsewhere"
    assert data_folder() == tmp_path
    monkeypatch.setenv("NETSPARSE_DATA", "")
    assert str(data_folder()) == "data"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder("~/x") == tmp_path / "x"


def test_every_reader_has_a_source_and_every_source_a_reader():
    assert READERS.keys() == SOURCES.keys()


def test_the_room_waits_for_no_heavy_package():
    heavy = ("torch", "sklearn", "pandas", "pooch", "requests")
    code = f"import sys, netsparse.datasets; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
