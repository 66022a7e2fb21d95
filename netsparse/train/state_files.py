"""A run's state as a folder of three files: written whole or not at all, checked before it is believed.

`tensors.safetensors` holds model, optimizer state and best model, `arrays.npz` wirings and orders, `manifest.json`
everything else and, of the other two, sizes and SHA-256. Nothing unpickles.

In every format, now and to come, the manifest is a JSON object with the whole number `format` and `checksum`, the
SHA-256 of the object without that entry, keys sorted, as `json.dumps` writes it: so a damaged manifest is told from one
that a newer version wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from netsparse.atomic import atomic_path
from netsparse.errors import InvalidFile

FORMAT = 1
TENSORS, ARRAYS, MANIFEST = "tensors.safetensors", "arrays.npz", "manifest.json"
CHUNK = 2**20

DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
"""What safetensors calls them."""


class Damaged(Exception):
    """Files do not hold what was written; the message says how that shows."""


class Contents(NamedTuple):
    """What the three files hold."""

    tensors: dict[str, Tensor]
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]


def write_state(place: Path, contents: Contents) -> None:
    """Write a new folder at `place`: built under another name, synchronised with the disk, renamed.

    A tensor that several names share is written once. What is in the folder is on the disk when it appears; that
    includes nothing else of the run.

    Raises
    ------
    DiskFull, NotWritable
        If it cannot be written; nothing is left then.
    """
    tensors, same = _distinct(contents.tensors)
    with atomic_path(place) as temporary, _discarded_on_error(temporary):
        shutil.rmtree(temporary, ignore_errors=True)  # of a process of the same number that was killed
        temporary.mkdir()
        _write_tensors(temporary / TENSORS, tensors)
        with (temporary / ARRAYS).open("wb") as file:
            np.savez(file, **contents.arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for an array
        files = {name: {"bytes": size, "sha256": sha} for name, size, sha in map(_sum_of, _both(temporary))}
        manifest = {**contents.facts, "format": FORMAT, "same": same, "files": files}
        text = json.dumps({**manifest, "checksum": _checksum(manifest)}, indent=1, default=_plain)
        (temporary / MANIFEST).write_text(text + "\n", encoding="utf-8")
        for path in (*_both(temporary), temporary / MANIFEST, temporary):
            synchronise(path)
        if place.exists():  # damaged, or of a resumption that went back further
            discard(place)
    synchronise(place.parent)


def read_state(place: Path) -> Contents:
    """Read what `write_state` wrote.

    Raises
    ------
    Damaged
        If a file is missing, cut short or changed.
    InvalidFile
        If it is whole and of another format.
    """
    facts = _manifest(place)
    for path in _both(place):
        expected = facts["files"][path.name]
        try:
            _, size, checksum = _sum_of(path)
        except OSError as error:
            raise Damaged(f"{path.name}: {error.strerror or error}") from error
        if size != expected["bytes"]:
            raise Damaged(f"{path.name} has {size} bytes, not {expected['bytes']}")
        if checksum != expected["sha256"]:
            raise Damaged(f"{path.name} is not what was written, by its SHA-256")
    try:
        with safe_open(place / TENSORS, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        tensors |= {name: tensors[other] for name, other in facts["same"].items()}
        with np.load(place / ARRAYS, allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, SafetensorError, ValueError, LookupError, zipfile.BadZipFile) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
    return Contents(tensors, arrays, facts)


def discard(place: Path) -> None:
    """Remove a folder; where that is interrupted, no half of it is left under its name."""
    condemned = place.with_name(f".{place.name}.{os.getpid()}.old.tmp")
    shutil.rmtree(condemned, ignore_errors=True)
    os.replace(place, condemned)
    shutil.rmtree(condemned, ignore_errors=True)


def synchronise(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _manifest(place: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        checksum = manifest.pop("checksum")
        if checksum != _checksum(manifest):
            raise Damaged(f"{MANIFEST} is not what was written, by its checksum")
        if manifest["format"] == FORMAT:
            return manifest
    except OSError as error:
        raise Damaged(f"{MANIFEST}: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Damaged(f"{MANIFEST} is no manifest") from error
    expected, fix = f"format {FORMAT}, which this version reads", "the version of netsparse that wrote it"
    raise InvalidFile(f"checkpoint '{place}'", f"format {manifest['format']}", expected, fix)


def _checksum(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return a numpy number as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} in a manifest")


def _both(place: Path) -> tuple[Path, Path]:
    return place / TENSORS, place / ARRAYS


def _sum_of(path: Path) -> tuple[str, int, str]:
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        return path.name, file.tell(), checksum


def _distinct(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors of different memory, and which names mean one of them."""
    first: dict[Any, str] = {}
    same = {}
    for name, tensor in tensors.items():
        key = (tensor.device, tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
        if first.setdefault(key, name) != name:
            same[name] = first[key]
    return {name: tensors[name] for name in first.values()}, same


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file one tensor at a time: serialising all of them first would take their memory again."""
    header, end = {}, 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for tensor in tensors.values():
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            for part in flat.split(CHUNK):
                file.write(part.view(torch.uint8).numpy().data)


@contextmanager
def _discarded_on_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
