"""Small data sets on disk, in the formats of the published ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

import numpy as np
import pytest

from netsparse.datasets.manifest import SOURCES, Content, Source, SourceFile

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def to_idx(array):
    array = np.asarray(array)
    head = bytes([0, 0, IDX_CODES[array.dtype.str[1:]], array.ndim])
    return (
        head
        + b"".join(n.to_bytes(4, "big") for n in array.shape)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


def to_batch(pixels, labels, *, kind=b"u1"):
    """One CIFAR batch, opcode by opcode as Python 2 and the numpy of its day wrote it."""

    def text(raw):
        return b"U" + bytes([len(raw)]) + raw

    rows, columns = pixels.shape
    raw = pixels.tobytes()
    return (
        b"\x80\x02}("
        + (
            text(b"batch_label")
            + text(b"a batch")
            + text(b"labels")
            + b"]("
            + b"".join(b"K" + bytes([y]) for y in labels)
            + b"e"
        )
        + (text(b"data") + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text(b"b") + b"\x87R")
        + (b"(K\x01" + b"M" + rows.to_bytes(2, "little") + b"M" + columns.to_bytes(2, "little") + b"\x86")
        + (
            b"cnumpy\ndtype\n"
            + text(kind)
            + b"K\0K\x01\x87R(K\x03"
            + text(b"|")
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
        )
        + (b"\x89T" + len(raw).to_bytes(4, "little") + raw + b"tb" + b"u.")
    )


def content(name, role, data, md5=None):
    return Content(name, role, len(data), hashlib.sha256(data).hexdigest(), md5)


def source_file(name, packed, contents, urls=()):
    return SourceFile(name, tuple(urls), len(packed), hashlib.sha256(packed).hexdigest(), tuple(contents))


@pytest.fixture
def arrays():
    rng = np.random.default_rng(5)
    return {
        "x_train": rng.integers(0, 256, (12, 4, 3), dtype=np.uint8),
        "y_train": np.arange(12, dtype=np.uint8) % 3,
        "x_test": rng.integers(0, 256, (6, 4, 3), dtype=np.uint8),
        "y_test": np.arange(6, dtype=np.uint8) % 3,
    }


@pytest.fixture
def idx_files(arrays):
    """Name and unpacked bytes of the four files of a small MNIST."""
    return {IDX_NAMES[role]: to_idx(array) for role, array in arrays.items()}


@pytest.fixture
def packed_files(idx_files):
    return {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in idx_files.items()}


@pytest.fixture
def declare(monkeypatch):
    """Put a source into the manifest in the place of a published one."""

    def declare(name, files, *, shape, n_classes=3, folders=None):
        source = Source(name, "small", "none", "none", "none", shape, n_classes, folders or (name,), tuple(files))
        monkeypatch.setitem(SOURCES, name, source)
        return source

    return declare


@pytest.fixture
def small_mnist(declare, idx_files, packed_files):
    """The small MNIST as `mnist` of the manifest; call it with the mirrors, and get the packed files."""

    def small_mnist(*mirrors, n_classes=3):
        roles = dict(zip(IDX_NAMES.values(), IDX_NAMES, strict=True))
        files = [
            source_file(
                f"{name}.gz",
                packed_files[f"{name}.gz"],
                [content(name, roles[name], data)],
                [f"{mirror}/{name}.gz" for mirror in mirrors],
            )
            for name, data in idx_files.items()
        ]
        declare("mnist", files, shape=(4, 3), n_classes=n_classes, folders=("mnist", "MNIST/raw"))
        return packed_files

    return small_mnist


@pytest.fixture
def small_cifar(declare):
    """The bytes of a small CIFAR-10 (members and archive), declared as `cifar10` of the manifest."""

    def small_cifar(members=None, *, urls=()):
        rng = np.random.default_rng(6)
        if members is None:
            members = {
                f"cifar-10-batches-py/{name}": to_batch(rng.integers(0, 256, (5, 12), dtype=np.uint8), [0, 1, 2, 1, 0])
                for name in ("data_batch_1", "data_batch_2", "test_batch")
            }
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, data in reversed(members.items()):  # the published archive is not in order either
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        contents = [
            content(name, "test" if "test" in name else "train", data, hashlib.md5(data).hexdigest())
            for name, data in members.items()
        ]
        file = source_file("cifar-10-python.tar.gz", buffer.getvalue(), contents, urls)
        declare("cifar10", [file], shape=(3, 2, 2), folders=("cifar10", "."))
        return members, buffer.getvalue()

    return small_cifar


@pytest.fixture
def batch():
    return to_batch


@pytest.fixture(scope="session")
def idx_bytes():
    return to_idx
