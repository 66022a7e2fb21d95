"""npz files and folders of npy files: arrays of numbers, and nothing is unpickled."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidFile


def expected(arrays, name):
    return Dataset.from_arrays(**arrays, name=name)


def test_an_npz_file_alone_and_in_a_folder(tmp_path, arrays):
    path = tmp_path / "letters.npz"
    np.savez_compressed(path, **arrays, extra=[1])
    assert load(path) == expected(arrays, "letters")
    assert load(str(path)) == load(path)
    assert load(tmp_path) == load(path)


def test_a_folder_of_npy_files(tmp_path, arrays):
    folder = tmp_path / "letters"
    folder.mkdir()
    for role, array in arrays.items():
        np.save(folder / f"{role}.npy", array)
    assert load(folder) == expected(arrays, "letters")
    (folder / "y_test.npy").unlink()
    with pytest.raises(InvalidFile, match=r"only x_train\.npy, y_train\.npy, x_test\.npy"):
        load(folder)


def test_two_npz_in_a_folder(tmp_path, arrays):
    for name in ("a", "b"):
        np.savez(tmp_path / name, **arrays)
    with pytest.raises(InvalidFile, match=r"given a\.npz, b\.npz"):
        load(tmp_path)


def test_missing_arrays(tmp_path, arrays):
    path = tmp_path / "half.npz"
    np.savez(path, x_train=arrays["x_train"], y_train=arrays["y_train"])
    with pytest.raises(InvalidFile, match=r"given x_train, y_train; no x_test, y_test"):
        load(path)


def test_arrays_that_do_not_fit_name_the_file(tmp_path, arrays):
    path = tmp_path / "labels.npz"
    np.savez(path, **{**arrays, "y_train": arrays["y_train"][:3]})
    with pytest.raises(InvalidFile, match=r"y_train in '.*labels\.npz': given 3 labels, expected 12 labels"):
        load(path)


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_objects_are_refused_and_never_unpickled(tmp_path, arrays):
    sprung = tmp_path / "sprung"
    trap = np.array([Trap(sprung)], dtype=object)
    path = tmp_path / "trap.npz"
    np.savez(path, **{**arrays, "y_test": trap})
    with pytest.raises(InvalidFile, match="Python objects"):
        load(path)
    folder = tmp_path / "npy"
    folder.mkdir()
    for role in arrays:
        np.save(folder / f"{role}.npy", trap)
    with pytest.raises(InvalidFile, match="Python objects"):
        load(folder)
    bare = tmp_path / "bare.npz"
    bare.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(InvalidFile, match="Python objects"):
        load(bare)
    assert not sprung.exists()
    pickle.loads(bare.read_bytes()).close()
    assert sprung.exists()  # the trap was a real one


def test_damaged_files(tmp_path, arrays):
    path = tmp_path / "whole.npz"
    np.savez_compressed(path, **arrays)
    whole = path.read_bytes()
    damaged = tmp_path / "damaged.npz"
    for end in range(0, len(whole), 7):
        damaged.write_bytes(whole[:end])
        with pytest.raises(InvalidFile, match=r"damaged\.npz"):
            load(damaged)
    middle = len(whole) // 4
    damaged.write_bytes(whole[:middle] + bytes(8) + whole[middle + 8 :])
    with pytest.raises(InvalidFile, match=r"damaged\.npz"):
        load(damaged)


def test_a_single_array_under_the_name_of_an_archive(tmp_path, arrays):
    path = tmp_path / "single.npz"
    with path.open("wb") as file:
        np.save(file, arrays["x_train"])
    with pytest.raises(InvalidFile, match="a single array"):
        load(path)
