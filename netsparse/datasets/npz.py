"""Data sets as numpy files: one `.npz`, or a folder with an `.npz` or four `.npy`; nothing is ever unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from netsparse.datasets.dataset import Dataset
from netsparse.datasets.foreign import ROLES, dataset_from_files
from netsparse.errors import InvalidFile

FIX = "numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...) with arrays of numbers"


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
    with _opened(path) as opened:
        if isinstance(opened, np.ndarray):  # an .npy under another name
            raise InvalidFile(subject, "a single array", expected, FIX)
        missing = [role for role in ROLES if role not in opened.files]
        if missing:
            given = f"{', '.join(opened.files) or 'no arrays'}; no {', '.join(missing)}"
            raise InvalidFile(subject, given, expected, FIX)
        arrays = {role: opened[role] for role in ROLES}
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
        arrays = {role: _npy(path) for role, path in paths.items()}
        return dataset_from_files(arrays, paths, name=folder.resolve().name)
    archives = sorted(folder.glob("*.npz"))
    if len(archives) > 1:
        given = ", ".join(path.name for path in archives)
        raise InvalidFile(f"folder '{folder}'", given, "one .npz file", f"the file itself, '{archives[0]}'")
    return read_npz(archives[0]) if archives else None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        # opened here, because numpy leaves the file of a damaged archive open
        with path.open("rb") as file:
            yield np.load(file, allow_pickle=False)
    except InvalidFile:
        raise
    except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, error) from error


def _npy(path: Path) -> Any:
    with _opened(path) as array:
        return array


def _damaged(path: Path, error: Exception) -> InvalidFile:
    # numpy says "pickled" or "object" both for object arrays and for files that are no numpy files at all
    if "pickle" in str(error):
        return InvalidFile(f"numpy file '{path}'", "Python objects or no numpy file", "arrays of numbers", FIX)
    return InvalidFile(f"numpy file '{path}'", f"a damaged file ({error})", "a whole .npz or .npy file", FIX)
