"""IDX files and folders."""

from __future__ import annotations

import gzip
import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsparse.datasets import load, read_idx
from netsparse.datasets.idx import parse_idx
from netsparse.errors import InvalidFile

ARRAYS = hnp.arrays(
    st.sampled_from([np.dtype(kind) for kind in ("u1", "i1", "i2", "i4", "f4", "f8")]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4),
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@given(array=ARRAYS, zipped=st.booleans())
def test_what_was_written_is_read(idx_bytes, folder, array, zipped):
    data = idx_bytes(array)
    path = folder / "array"
    path.write_bytes(gzip.compress(data) if zipped else data)
    found = read_idx(path)
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, array)


@given(array=ARRAYS, data=st.data())
def test_no_part_of_a_file_is_taken_for_the_whole(idx_bytes, array, data):
    whole = idx_bytes(array)
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(InvalidFile):
        parse_idx(whole[:end], "part")
    with pytest.raises(InvalidFile, match="bytes"):
        parse_idx(whole + b"\0", "longer")


@given(st.binary(max_size=40) | st.binary(max_size=9).map(lambda tail: b"\0\0\x08\1\0\0\0\2" + tail))
def test_arbitrary_bytes_are_an_array_or_one_clear_line(data):
    rank = data[3] if len(data) > 3 else 0
    sizes = [int.from_bytes(data[k : k + 4], "big") for k in range(4, 4 + 4 * rank, 4)]
    width = {0x08: 1, 0x09: 1, 0x0B: 2, 0x0C: 4, 0x0D: 4, 0x0E: 8}.get(data[2] if len(data) > 2 else 0)
    if data[:2] == b"\0\0" and width and len(data) == 4 + 4 * rank + width * math.prod(sizes):
        assert parse_idx(data, "noise").shape == tuple(sizes)
    else:
        with pytest.raises(InvalidFile, match=r"^IDX file 'noise': given [^\n]*$"):
            parse_idx(data, "noise")


def test_no_part_of_a_gzip_file_is_taken_for_the_whole(tmp_path, idx_bytes):
    whole = gzip.compress(idx_bytes(np.arange(50, dtype=np.uint8)))
    path = tmp_path / "labels.gz"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(InvalidFile, match=r"labels\.gz"):
            read_idx(path)
    path.write_bytes(whole[:30] + bytes([whole[30] ^ 255]) + whole[31:])
    with pytest.raises(InvalidFile, match=r"labels\.gz"):
        read_idx(path)


@pytest.mark.parametrize("head", [b"\1\0\x08\1", b"\0\0\x07\1", b"\0\0\x0a\1", b"PK\3\4", b""])
def test_wrong_magic_number(tmp_path, head):
    path = tmp_path / "noise"
    path.write_bytes(head + bytes([0, 0, 0, 1, 7]) if head else b"")
    with pytest.raises(InvalidFile, match="magic number"):
        read_idx(path)


def test_a_rank_that_numpy_does_not_know():
    with pytest.raises(InvalidFile, match="numpy can hold"):
        parse_idx(bytes([0, 0, 8, 255]) + bytes([0, 0, 0, 1]) * 255 + b"\7", "deep")


def test_an_absent_file_is_one_line(tmp_path):
    with pytest.raises(InvalidFile, match="No such file"):
        read_idx(tmp_path / "nowhere")


NAMES = {
    "published": "{t10k}-{kind}-idx{rank}-ubyte",
    "unpacked by hand": "{t10k}-{kind}.idx{rank}-ubyte",
    "short": "{t10k}-{kind}",
    "zipped": "{t10k}-{kind}-idx{rank}-ubyte.gz",
    "test instead of t10k": "{test}_{kind}.gz",
}


def put(folder, arrays, idx_bytes, pattern):
    for role, array in arrays.items():
        axis, part = role.split("_")
        name = pattern.format(
            t10k={"train": "train", "test": "t10k"}[part],
            test=part,
            kind={"x": "images", "y": "labels"}[axis],
            rank=array.ndim,
        )
        data = idx_bytes(array)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


@pytest.mark.parametrize("names", NAMES)
def test_a_folder_of_idx_files_is_a_data_set(tmp_path, arrays, idx_bytes, names):
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "README.txt").write_text("not mine")
    put(folder, arrays, idx_bytes, NAMES[names])
    data = load(folder)
    assert (data.name, data.shape, data.n_classes) == ("letters", (4, 3), 3)
    np.testing.assert_array_equal(data.x_train, arrays["x_train"].reshape(12, 12) / np.float32(255))
    np.testing.assert_array_equal(data.y_test, arrays["y_test"])


def test_an_unpacked_file_beside_its_gz_is_no_second_file(tmp_path, arrays, idx_bytes):
    put(tmp_path, arrays, idx_bytes, NAMES["published"])
    put(tmp_path, arrays, idx_bytes, NAMES["zipped"])
    assert load(tmp_path).shape == (4, 3)


def test_a_folder_named_like_an_idx_file_is_none(tmp_path, arrays, idx_bytes):
    put(tmp_path, arrays, idx_bytes, NAMES["zipped"])
    (tmp_path / "train-images-idx3-ubyte").mkdir()  # as some tools unpack
    assert load(tmp_path).shape == (4, 3)
    (tmp_path / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(InvalidFile, match="no file for x_train"):
        load(tmp_path)


def test_a_folder_with_missing_double_or_unfitting_files(tmp_path, arrays, idx_bytes):
    put(tmp_path, arrays, idx_bytes, NAMES["published"])
    labels = tmp_path / "train-labels-idx1-ubyte"

    (tmp_path / "test-images").write_bytes(idx_bytes(arrays["x_test"]))
    with pytest.raises(InvalidFile, match="t10k-images-idx3-ubyte, test-images for x_test"):
        load(tmp_path)
    (tmp_path / "test-images").unlink()

    labels.write_bytes(idx_bytes(arrays["y_train"][:-1]))
    with pytest.raises(InvalidFile, match=r"train-labels-idx1-ubyte': given 11 labels, expected 12 labels"):
        load(tmp_path)

    labels.write_bytes(idx_bytes(arrays["y_train"].astype(np.int8) - 1))
    with pytest.raises(InvalidFile, match=r"train-labels-idx1-ubyte': given labels from -1 to 1"):
        load(tmp_path)

    labels.unlink()
    with pytest.raises(InvalidFile, match="no file for y_train"):
        load(tmp_path)
