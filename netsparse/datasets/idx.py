"""IDX files (the format of MNIST), and folders of them."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np

from netsparse.datasets.compressed import read_bytes
from netsparse.datasets.dataset import Dataset
from netsparse.datasets.foreign import dataset_from_files
from netsparse.errors import InvalidFile

# third byte of the file: type of its numbers, big-endian
DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

NAME = re.compile(r"(train|t10k|test)[-_](images|labels)([-.]idx\d+-ubyte|\.idx\d*)?(\.gz)?")
ROLES = {
    ("train", "images"): "x_train",
    ("train", "labels"): "y_train",
    ("t10k", "images"): "x_test",
    ("t10k", "labels"): "y_test",
    ("test", "images"): "x_test",
    ("test", "labels"): "y_test",
}
HINT = (
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (.gz or not)"
)


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the array in an IDX file, gzipped or not, of any of the six IDX types and any rank.

    The format: two zero bytes, a byte for the type, a byte for the rank, one big-endian uint32 per dimension, then the
    numbers, big-endian, last dimension fastest.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    numpy.ndarray
        In native byte order, read-only.

    Raises
    ------
    InvalidFile
        For a wrong magic number, a truncated file and one that goes on after its last number.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, http://yann.lecun.com/exdb/mnist/

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3]) + bytes([5, 0, 4]))
    >>> read_idx(path).tolist()
    [5, 0, 4]
    """
    return parse_idx(read_bytes(path), path)


def parse_idx(data: bytes, path: str | os.PathLike[str]) -> np.ndarray:
    """Read the array in the bytes `data` of an IDX file; `path` is named in errors. See `read_idx`."""
    subject, fix = f"IDX file '{path}'", "another copy of it"
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in DTYPES:
        magic = data[:4].hex(" ") or "nothing"
        raise InvalidFile(subject, f"magic number {magic}", "00 00, a type from 08 to 0e, a rank", "an IDX file")
    dtype, rank = np.dtype(DTYPES[data[2]]), data[3]
    start = 4 + 4 * rank
    if len(data) < start:
        raise InvalidFile(subject, f"{len(data)} bytes", f"a header of {start} bytes", fix)
    shape = tuple(int.from_bytes(data[k : k + 4], "big") for k in range(4, start, 4))
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise InvalidFile(subject, f"{len(data):,} bytes", f"{expected:,} bytes for an array of shape {shape}", fix)
    try:
        array = np.frombuffer(data, dtype=dtype, offset=start, count=math.prod(shape)).reshape(shape)
    except ValueError as error:  # an empty array, or of a rank beyond what numpy knows
        raise InvalidFile(subject, f"shape {shape}", "an array that numpy can hold", "an IDX file of images") from error
    native = array.astype(dtype.newbyteorder("="), copy=False)
    native.setflags(write=False)
    return native


def read_idx_folder(folder: Path) -> Dataset | None:
    """Read the data set in a folder with the four standard IDX names, or None if it holds no such name.

    Raises
    ------
    InvalidFile
        If one of the four is missing, present twice or damaged, or if they do not fit together.
    """
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = NAME.fullmatch(path.name)
        if match and path.is_file():
            # an unpacked file sorts before its .gz, and is faster to read
            files.setdefault(ROLES[match[1], match[2]], {}).setdefault(path.name.removesuffix(".gz"), path)
    if not files:
        return None
    for role in ("x_train", "y_train", "x_test", "y_test"):
        names = list(files.get(role, ()))
        if len(names) != 1:
            given = f"{', '.join(names) or 'no file'} for {role}"
            raise InvalidFile(f"IDX folder '{folder}'", given, "one file each for images and labels", HINT)
    paths = {role: next(iter(found.values())) for role, found in files.items()}
    return dataset_from_files({role: read_idx(path) for role, path in paths.items()}, paths, name=folder.resolve().name)
