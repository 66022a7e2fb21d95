"""npz files and folders of npy files: arrays of numbers, and nothing is unpickled."""

from __future__ import annotations

import contextlib
import io
import pickle
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsparse.datasets import Dataset, load
from netsparse.datasets.npz import _array, _opened
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
    with pytest.raises(InvalidFile, match="not a zip file"):
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


def header(text):
    return np.lib.format.MAGIC_PREFIX + b"\1\0" + len(text).to_bytes(2, "little") + text.encode("latin-1")


HEADERS = {
    "a shape that goes on": "{'descr':'<f4','fortran_order':False,'shape':(4, 2),  ",
    "no dictionary": "[1, 2]",
    "no Python": "{'descr': <f4",
    "a shape that is none": "{'descr':'<f4','fortran_order':False,'shape':4}",
    "a negative shape": "{'descr':'<f4','fortran_order':False,'shape':(-4, -2)}",
    "a shape beyond memory": f"{{'descr':'<f4','fortran_order':False,'shape':({10**12}, 2)}}",
    "a shape beyond all numbers": f"{{'descr':'<f4','fortran_order':False,'shape':({10**30}, 2)}}",
    "a type that is none": "{'descr':'<q9','fortran_order':False,'shape':(4, 2)}",
    "a type without bytes": f"{{'descr':'|V0','fortran_order':False,'shape':({10**12}, 2)}}",
    "a number without end": "{'descr':'<f4','fortran_order':False,'shape':(" + "9" * 5000 + ",)}",
    "brackets without end": "(" * 5000,
    "a null byte": "{'descr':'<f4\0','fortran_order':False,'shape':(4, 2)}",
}


def put_npz(path, arrays, role, data):
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{name}.npy", data if name == role else buffer.getvalue())


def refused(path):
    with pytest.raises(InvalidFile, match=r"^numpy file '[^\n]*$"):
        load(path)


@pytest.mark.parametrize("case", HEADERS)
def test_headers_that_promise_what_is_not_there(tmp_path, arrays, case):
    data = header(HEADERS[case]) + bytes(32)
    put_npz(tmp_path / "one.npz", arrays, "x_test", data)
    refused(tmp_path / "one.npz")
    folder = tmp_path / "four"
    folder.mkdir()
    for role, array in arrays.items():
        np.save(folder / f"{role}.npy", array)
    (folder / "y_train.npy").write_bytes(data)
    refused(folder)


def test_no_array_is_made_before_the_bytes_are_there(tmp_path, arrays, monkeypatch):
    monkeypatch.setattr("numpy.lib.format.read_array", lambda *_, **__: pytest.fail("an array was made"))
    put_npz(tmp_path / "one.npz", arrays, "x_train", header(HEADERS["a shape beyond memory"]) + bytes(32))
    refused(tmp_path / "one.npz")


@given(st.text(st.characters(max_codepoint=255), max_size=60) | st.sampled_from(sorted(HEADERS.values())), st.data())
def test_any_header_is_an_array_or_one_line(text, data):
    position = data.draw(st.integers(0, len(text)))
    text = text[:position] + data.draw(st.sampled_from(["", "(", "'", "-1", "\\", "\0", "{"])) + text[position:]
    raw = header(text) + bytes(32)
    with warnings.catch_warnings(), contextlib.suppress(InvalidFile):
        warnings.simplefilter("ignore")  # the compiler's opinion of the header
        assert _read(raw).nbytes <= len(raw)


def _read(raw):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.npy"
        path.write_bytes(raw)
        with _opened(path) as file:
            return _array(file, len(raw), str(path))


def test_an_encrypted_member(tmp_path, arrays):
    path = tmp_path / "locked.npz"
    np.savez(path, **arrays)
    whole = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = whole.find(signature)
        while start >= 0:
            whole[start + flags] |= 1
            start = whole.find(signature, start + 1)
    path.write_bytes(whole)
    with pytest.raises(InvalidFile, match="encrypted"):
        load(path)


def test_arrays_by_columns(tmp_path, arrays):
    path = tmp_path / "letters.npz"
    np.savez(path, **{role: np.asfortranarray(array) for role, array in arrays.items()})
    assert load(path) == expected(arrays, "letters")


def test_a_single_array_under_the_name_of_an_archive(tmp_path, arrays):
    path = tmp_path / "single.npz"
    with path.open("wb") as file:
        np.save(file, arrays["x_train"])
    with pytest.raises(InvalidFile, match="a single array"):
        load(path)
