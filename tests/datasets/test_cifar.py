"""CIFAR-10: batches in a folder or an archive, and pickles that must not run."""

from __future__ import annotations

import copyreg
import io
import pickle
import tarfile
import warnings

import numpy as np
import pytest

from netsparse.datasets import load
from netsparse.datasets.cifar import parse_batch
from netsparse.errors import DatasetCorrupt, DatasetNotFound, InvalidFile

PIXELS = np.arange(60, dtype=np.uint8).reshape(5, 12)
LABELS = [0, 1, 2, 1, 0]


def put(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def test_a_batch_is_read_as_numpy_reads_it(batch):
    data = batch(PIXELS, LABELS)
    pixels, labels = parse_batch(data, "batch")
    np.testing.assert_array_equal(pixels, PIXELS)
    np.testing.assert_array_equal(labels, LABELS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the name numpy.core is an old one
        oracle = pickle.loads(data, encoding="bytes")
    np.testing.assert_array_equal(oracle[b"data"], pixels)


@pytest.mark.parametrize("folder", [".", "cifar10"])
@pytest.mark.parametrize("packed", [True, False])
def test_layouts(tmp_path, small_cifar, folder, packed):
    members, archive = small_cifar()
    put(tmp_path / folder, {"cifar-10-python.tar.gz": archive} if packed else members)
    data = load("cifar10", data_dir=tmp_path, download=False)
    assert (data.name, data.shape, data.n_classes) == ("cifar10", (3, 2, 2), 3)
    batches = [parse_batch(member, name) for name, member in members.items()]
    np.testing.assert_array_equal(data.x_train, np.vstack([batches[0][0], batches[1][0]]) / np.float32(255))
    np.testing.assert_array_equal(data.y_train, np.concatenate([batches[0][1], batches[1][1]]))
    np.testing.assert_array_equal(data.x_test, batches[2][0] / np.float32(255))


def test_a_missing_batch_is_missing_data(tmp_path, small_cifar):
    members, _ = small_cifar()
    members.pop("cifar-10-batches-py/data_batch_2")
    put(tmp_path, members)
    with pytest.raises(DatasetNotFound, match=r"no cifar-10-python\.tar\.gz"):
        load("cifar10", data_dir=tmp_path, download=False)


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_with_a_foreign_function_is_refused_even_with_the_right_checksum(
    tmp_path, small_cifar, batch, protocol
):
    sprung = tmp_path / "sprung"
    trap = pickle.dumps([Trap(sprung)], protocol=protocol)  # bytes would need a function themselves before protocol 3
    names = [f"cifar-10-batches-py/{name}" for name in ("data_batch_1", "test_batch")]
    members, _ = small_cifar({names[0]: trap, names[1]: batch(PIXELS, LABELS)})
    put(tmp_path, members)
    with pytest.raises(DatasetCorrupt, match=r"\.open asked for"):
        load("cifar10", data_dir=tmp_path, download=False)
    assert not sprung.exists()
    pickle.loads(trap)[0].close()
    assert sprung.exists()  # the trap was a real one


def test_an_unverified_pickle_is_not_even_opened(tmp_path, small_cifar, monkeypatch):
    members, _ = small_cifar()
    name = "cifar-10-batches-py/data_batch_1"
    put(tmp_path, {**members, name: members[name][:-1] + b"0"})

    def opened(*_, **__):
        raise AssertionError("the unpickler was started")

    monkeypatch.setattr("netsparse.datasets.cifar._BatchUnpickler", opened)
    with pytest.raises(DatasetCorrupt, match="md5"):
        load("cifar10", data_dir=tmp_path, download=False)


def test_the_extension_registry_is_no_back_door(batch):
    copyreg.add_extension("io", "open", 200)
    try:
        with pytest.raises(DatasetCorrupt, match=r"io\.open asked for"):
            parse_batch(b"\x80\x02\x82\xc8.", "batch")
    finally:
        copyreg.remove_extension("io", "open", 200)


REFUSED = {
    "a damaged pickle": lambda whole: whole[: len(whole) // 2],
    "nothing": lambda whole: b"",
    "no dictionary": lambda whole: pickle.dumps([1, 2], 2),
    "no pixels": lambda whole: pickle.dumps({b"labels": [0]}, 3),
    "pixels that are no array": lambda whole: pickle.dumps({b"data": [1], b"labels": [0]}, 3),
    "labels that are no numbers": lambda whole: whole.replace(b"](K\0", b"](N"),
    "labels of another count": lambda whole: whole.replace(b"](K\0", b"]("),
    "objects in the array": lambda whole: whole.replace(b"U\x02u1", b"U\x02O8"),
    "wider numbers in the array": lambda whole: whole.replace(b"U\x02u1", b"U\x02u8"),
    "a shape with too many bytes": lambda whole: whole.replace(b"M\x0c\0\x86", b"M\x0d\0\x86"),
    "an array by columns": lambda whole: whole.replace(b"\x89T", b"\x88T"),
    "a dotted name": lambda whole: whole.replace(b"cnumpy\ndtype", b"cnumpy\ndtype.type"),
    "another numpy function": lambda whole: whole.replace(b"cnumpy\ndtype", b"cnumpy\nload"),
    "a persistent id": lambda whole: b"\x80\x02Pname\n.",
    "state put on a class": lambda whole: b"\x80\x02cnumpy\ndtype\n}U\x01aK\x01sb.",
}


@pytest.mark.parametrize("case", REFUSED)
def test_pickles_that_hold_anything_else(batch, case):
    whole = batch(PIXELS, LABELS)
    made = REFUSED[case](whole)
    assert made != whole
    with pytest.raises(DatasetCorrupt, match="data file 'batch'") as caught:
        parse_batch(made, "batch")
    assert "\n" not in str(caught.value)


def test_damaged_archives(tmp_path, small_cifar):
    _, archive = small_cifar()
    path = tmp_path / "cifar-10-python.tar.gz"
    for end in (0, 10, len(archive) // 2):
        path.write_bytes(archive[:end])
        with pytest.raises(DatasetCorrupt, match=r"cifar-10-python\.tar\.gz"):
            load("cifar10", data_dir=tmp_path)


def test_an_archive_without_a_batch_or_with_a_link_in_its_place(tmp_path, small_cifar):
    members, _ = small_cifar()
    name = "cifar-10-batches-py/data_batch_1"
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        for member, data in members.items():
            info = tarfile.TarInfo(f"./{member}")
            if member == name:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    with pytest.raises(DatasetCorrupt, match=f"no {name} in it"):
        load("cifar10", data_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-python.tar.gz"]  # nothing was extracted


def test_a_label_outside_the_classes(tmp_path, small_cifar, batch):
    members, _ = small_cifar(
        {f"cifar-10-batches-py/{name}": batch(PIXELS, [0, 1, 2, 1, 9]) for name in ("data_batch_1", "test_batch")}
    )
    put(tmp_path, members)
    with pytest.raises(InvalidFile, match=r"data_batch_1': given labels from 0 to 9"):
        load("cifar10", data_dir=tmp_path)
