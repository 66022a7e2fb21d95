"""CIFAR-10: pickled batches, read without trusting them."""

from __future__ import annotations

import io
import os
import pickle
from typing import Any

import numpy as np

from netsparse.datasets.dataset import Dataset
from netsparse.datasets.foreign import dataset_from_files
from netsparse.datasets.locate import corrupt, verified_contents
from netsparse.datasets.manifest import Source


def read_cifar(source: Source, *, data_dir: str | os.PathLike[str] | None, download: bool) -> Dataset:
    """Read a `source` of pickled batches; every batch passes its md5 and sha256 before it is opened.

    Raises
    ------
    DatasetNotFound, DatasetCorrupt
        As `verified_contents`; also for a batch that holds anything else than bytes, numbers, lists, dictionaries and
        one array of bytes.
    """
    batches: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    places: dict[str, str] = {}
    for content, where, data in verified_contents(source, data_dir=data_dir, download=download):
        batches[content.name] = parse_batch(data, where)
        places[content.role] = where
    # an archive has an order of its own; the manifest's is the published order of the training images
    contents = [content for file in source.files for content in file.contents]
    arrays = {}
    for role in ("train", "test"):
        parts = [batches.pop(content.name) for content in contents if content.role == role]
        arrays[f"x_{role}"] = np.concatenate([pixels for pixels, _ in parts])
        arrays[f"y_{role}"] = np.concatenate([labels for _, labels in parts])
        del parts  # 150 MB that the conversion to float32 can use
    paths = {f"{axis}_{role}": where for role, where in places.items() for axis in "xy"}
    return dataset_from_files(arrays, paths, name=source.name, shape=source.shape, n_classes=source.n_classes)


def parse_batch(data: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, n_features) uint8 and labels (n,) of one pickled batch; `where` is named in errors.

    Raises
    ------
    DatasetCorrupt
        If the pickle is damaged, asks for any foreign class or function, or lacks pixels or labels.
    """
    try:
        batch = _BatchUnpickler(io.BytesIO(data), encoding="bytes").load()
        pixels, labels = batch[b"data"].pixels, np.array(batch[b"labels"], dtype=np.int64)
    except Exception as error:  # a pickle made by hand can fail in every way
        given = f"{type(error).__name__}: {error}"
        raise corrupt(where, given, "a pickled dictionary of data and labels", where) from error
    if pixels.ndim != 2 or labels.shape != pixels.shape[:1]:
        given = f"pixels of shape {pixels.shape} and labels of shape {labels.shape}"
        raise corrupt(where, given, "one row of pixels per label", where)
    return pixels, labels


class _Pixels:
    """Stands in for the numpy array of a batch: takes its shape and bytes, and nothing else."""

    __slots__ = ("pixels",)

    def __init__(self, *_: Any) -> None:
        self.pixels = np.empty(0, dtype=np.uint8)

    def __setstate__(self, state: tuple[int, tuple[int, ...], _ByteType, bool, bytes]) -> None:
        _, shape, kind, by_columns, raw = state
        if not isinstance(kind, _ByteType) or by_columns or not isinstance(raw, bytes):
            raise pickle.UnpicklingError("an array that is not a C-ordered array of bytes")
        self.pixels = np.frombuffer(raw, dtype=np.uint8).reshape(shape)


class _ByteType:
    """Stands in for numpy's dtype: uint8 and no other."""

    __slots__ = ()

    def __init__(self, kind: bytes, *_: Any) -> None:
        if kind != b"u1":
            raise pickle.UnpicklingError(f"an array of {kind!r}")

    def __setstate__(self, state: object) -> None:
        pass


class _BatchUnpickler(pickle.Unpickler):
    """Unpickler that knows the three names in a CIFAR-10 batch, each as a stand-in that can do no harm."""

    ALLOWED = {  # noqa: RUF012 - a literal table, never written to
        ("numpy.core.multiarray", "_reconstruct"): _Pixels,
        ("numpy", "ndarray"): _Pixels,
        ("numpy", "dtype"): _ByteType,
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} asked for, which no batch needs") from None
