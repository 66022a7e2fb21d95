"""Data sets as numpy files: one `.npz`, or a folder with an `.npz` or four `.npy`; nothing is ever unpickled."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from netsparse.datasets.dataset import Dataset
from netsparse.datasets.foreign import ROLES, dataset_from_files
from netsparse.errors import InvalidFile

FIX = "numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...) with arrays of numbers"
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path) -> Dataset:
    """Read the data set in an `.npz` file with the arrays x_train, y_train, x_test and y_test.

    Raises
    ------
    InvalidFile
        For a damaged file, missing arrays, arrays of Python objects and arrays that do not fit together.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "corners.npz"
    >>> np.savez(path, x_train=np.eye(2), y_train=[0, 1], x_test=np.eye(2), y_test=[0, 1])
    >>> read_npz(path)
    Dataset('corners', 2 training and 2 test samples of shape (2,), 2 classes)
    """
    subject, expected = f"npz file '{path}'", f"the arrays {', '.join(ROLES)}"
    with _opened(path) as file:
        if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:  # an .npy under another name
            raise InvalidFile(subject, "a single array", expected, FIX)
        with zipfile.ZipFile(file) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            missing = [role for role in ROLES if role not in members]
            if missing:
                given = f"{', '.join(members) or 'no arrays'}; no {', '.join(missing)}"
                raise InvalidFile(subject, given, expected, FIX)
            arrays = {}
            for role in ROLES:
                with archive.open(members[role]) as member:
                    arrays[role] = _array(member, members[role].file_size, f"{path}:{role}")
    return dataset_from_files(arrays, dict.fromkeys(ROLES, path), name=path.stem)


def read_npz_folder(folder: Path) -> Dataset | None:
    """Read the data set in a folder with four `.npy` (x_train, y_train, x_test, y_test) or one `.npz`; else None.

    Raises
    ------
    InvalidFile
        As `read_npz`; also when some of the four, or several `.npz`, are there.
    """
    present = [role for role in ROLES if (folder / f"{role}.npy").is_file()]
    if present:
        if len(present) < len(ROLES):
            given = ", ".join(f"{role}.npy" for role in present)
            raise InvalidFile(f"folder '{folder}'", f"only {given}", f"all of {', '.join(ROLES)}", "the .npy of each")
        paths = {role: folder / f"{role}.npy" for role in ROLES}
        arrays = {}
        for role, path in paths.items():
            with _opened(path) as file:
                arrays[role] = _array(file, os.fstat(file.fileno()).st_size, str(path))
        return dataset_from_files(arrays, paths, name=folder.resolve().name)
    archives = sorted(folder.glob("*.npz"))
    if len(archives) > 1:
        given = ", ".join(path.name for path in archives)
        raise InvalidFile(f"folder '{folder}'", given, "one .npz file", f"the file itself, '{archives[0]}'")
    return read_npz(archives[0]) if archives else None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file; whatever goes wrong in the block is the file's fault, and one line."""
    try:
        with path.open("rb") as file:
            yield file
    except InvalidFile:
        raise
    except Exception as error:  # zip and npy readers fail in every way on a file made or damaged by chance
        raise _damaged(str(path), str(error) or type(error).__name__) from error


def _array(file: IO[bytes], n_bytes: int, where: str) -> np.ndarray:
    """Read one `.npy` of `n_bytes`; its header is believed only if the file is as long as it promises."""
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise _damaged(where, f"npy version {version}")
    shape, _, dtype = HEADERS[version](file)
    if dtype.kind not in "biufc":
        given = "Python objects" if dtype.hasobject else f"entries of type {dtype}"
        raise InvalidFile(f"numpy file '{where}'", given, "arrays of numbers", FIX)
    promised, held = math.prod(shape) * dtype.itemsize, n_bytes - file.tell()
    if min(shape, default=0) < 0 or promised > held:
        raise _damaged(where, f"{held:,} bytes for an array of shape {shape} and type {dtype}")
    file.seek(0)
    return npy.read_array(file, allow_pickle=False)


def _damaged(where: str, reason: str) -> InvalidFile:
    return InvalidFile(f"numpy file '{where}'", f"a damaged file ({reason})", "a whole .npz or .npy file", FIX)
