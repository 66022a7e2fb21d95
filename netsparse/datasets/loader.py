"""`load`: a data set by its name, from a path, or handed through."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from typing import Any

from netsparse.datasets.cifar import read_cifar
from netsparse.datasets.dataset import Dataset
from netsparse.datasets.digits import read_digits
from netsparse.datasets.foreign import dataset_from_files
from netsparse.datasets.idx import parse_idx, read_idx_folder
from netsparse.datasets.locate import as_path, verified_contents
from netsparse.datasets.manifest import SOURCES, Source
from netsparse.datasets.npz import read_npz, read_npz_folder
from netsparse.errors import DatasetNotFound, InvalidFile, InvalidOption, UnknownName

FOLDER = "an .npz file, or a folder of IDX or numpy files"


def read_idx_source(source: Source, *, data_dir: str | os.PathLike[str] | None, download: bool) -> Dataset:
    """Read a published data set whose files are IDX: MNIST and its relatives.

    Raises
    ------
    DatasetNotFound, DatasetCorrupt, InvalidFile
        As `verified_contents` and `read_idx`.
    """
    arrays, places = {}, {}
    for content, where, data in verified_contents(source, data_dir=data_dir, download=download):
        arrays[content.role], places[content.role] = parse_idx(data, where), where
    return dataset_from_files(arrays, places, name=source.name, shape=source.shape, n_classes=source.n_classes)


READERS: dict[str, Callable[..., Dataset]] = {
    "cifar10": read_cifar,
    "digits": read_digits,
    "fashion-mnist": read_idx_source,
    "mnist": read_idx_source,
}
"""Reader of every data set that has a name."""


def load(data: Any, *, data_dir: str | os.PathLike[str] | None = None, download: bool = True) -> Dataset:
    """Return the data set behind a name, a path or a `Dataset`.

    Parameters
    ----------
    data : Dataset, str or path
        A `Dataset` is returned as it is. A name (`digits`, `mnist`, `fashion-mnist`, `cifar10`) wins over a path of the
        same spelling. A path leads to an `.npz` file with x_train, y_train, x_test and y_test, or to a folder with one,
        with these four as `.npy`, or with the four standard IDX files.
    data_dir : str or path, optional
        Where the named data sets lie; by default the environment variable NETSPARSE_DATA, else `data`.
    download : bool
        Whether absent files are downloaded into `data_dir`.

    Returns
    -------
    Dataset
        With pixel values in [0, 1].

    Raises
    ------
    UnknownName, InvalidOption
        If `data` is neither a known name nor a path, or no string at all.
    DatasetNotFound, DatasetCorrupt
        If files are absent and cannot be downloaded, or are not the published ones.
    InvalidFile
        If the files of a path do not make a data set.

    Examples
    --------
    >>> load("digits")
    Dataset('digits', 1438 training and 359 test samples of shape (8, 8), 10 classes)
    """
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, str | os.PathLike):
        expected, fix = f"a Dataset, one of {', '.join(READERS)}, or a path", "Dataset.from_arrays(...)"
        raise InvalidOption("data", f"a {type(data).__name__}", expected, fix)
    if isinstance(data, str) and data in READERS:
        return READERS[data](SOURCES[data], data_dir=data_dir, download=download)
    path = as_path("data", data)
    if data and path.is_dir():  # an empty string is no name of the working directory
        try:
            found = read_npz_folder(path) or read_idx_folder(path)
        except PermissionError as error:
            given = error.strerror or "no permission"
            raise InvalidFile(f"folder '{path}'", given, "a folder that can be read", "another folder") from error
        if found is None:
            raise InvalidFile(
                f"folder '{path}'", "neither", FOLDER, "a folder with x_train.npy or train-images-idx3-ubyte"
            )
        return found
    if path.is_file():
        if path.suffix != ".npz":
            raise InvalidFile(f"file '{path}'", f"a '{path.suffix}' file", FOLDER, "the folder that holds it")
        return read_npz(path)
    if isinstance(data, os.PathLike) or path.suffix or {os.sep, os.altsep} & set(data):
        raise DatasetNotFound("data", f"'{path}', which does not exist", FOLDER, f"one of {', '.join(READERS)}")
    close = difflib.get_close_matches(data.lower(), READERS, n=1, cutoff=0.5) or ["digits"]
    raise UnknownName("data", repr(data), f"one of {', '.join(READERS)}, or the path of {FOLDER}", f"data={close[0]!r}")
