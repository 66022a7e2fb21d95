"""Files of the command line: a network out of whatever holds one, and a new file that takes nobody's place."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from netsparse.errors import FileAbsent, InvalidFile, InvalidOption, NotWritable

if TYPE_CHECKING:
    from netsparse.graph import SparseNetwork

TORCH = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
READ = (".graphml", ".npz", *TORCH)
IN_FOLDER = ("model.safetensors", "network.graphml")
"""What a run folder holds its trained network in, the first that is there."""


class NetworkFile(NamedTuple):
    """What was found: the network, its weights if it has any, and the file; whether a dense head was left out."""

    network: SparseNetwork
    weights: tuple[Any, ...] | None
    path: Path
    left_out: bool = False


def read_network(path: Path, *, include_head: bool = False, n_in: int | None = None) -> NetworkFile:
    """Read the network in a file or a run folder; the suffix says how.

    `.graphml` and `.npz` hold a network as netsparse writes them, `.safetensors`, `.pt`, `.pth`, `.bin` and `.ckpt`
    trained weights, which are read without running any code of theirs. A run folder stands for its model, or for its
    network.graphml.

    Parameters
    ----------
    path : path
        The file or the folder.
    include_head : bool
        Whether the dense read-out of trained weights is a layer too. Which one it is: in a model of netsparse the head;
        in other files the last layer, if it is linear, complete and not the only one.
    n_in : int, optional
        Number of inputs, for trained weights that do not say it.

    Raises
    ------
    FileAbsent, InvalidFile
        If nothing is there, or it holds no network.
    InvalidOption
        For a suffix that says nothing, and for `include_head` or `n_in` beside a file that holds no trained weights.
    """
    path = _in_folder(path) if _is_folder(path) else path
    suffix = path.suffix.lower()
    if not os.path.lexists(path):
        raise FileAbsent(f"file '{path}'", "no such file", "a network, trained weights or a run folder", EXAMPLE)
    if suffix not in READ:
        given = f"the suffix '{path.suffix}'" if suffix else "a name without a suffix"
        raise InvalidOption(f"file '{path}'", given, f"one of {', '.join(READ)}, or a run folder", EXAMPLE)
    if suffix in TORCH:
        return _trained(path, include_head, n_in)
    if include_head or n_in is not None:
        name = "include_head" if include_head else "n_in"
        raise InvalidOption(
            name.replace("_", "-"), f"a {suffix} file", "trained weights: " + ", ".join(TORCH), "leaving it out"
        )
    from netsparse.interop import read_graphml, read_npz

    try:
        return NetworkFile(*(read_graphml if suffix == ".graphml" else read_npz)(path), path)
    except InvalidFile as error:
        fix = error.fix if isinstance(error, FileAbsent) else EXAMPLE
        raise type(error)(error.subject, error.given, f"a network in {suffix}", fix) from error


EXAMPLE = "what 'netsparse generate' or 'netsparse run' wrote"


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # Path.is_dir raises for a name that is too long


def _in_folder(folder: Path) -> Path:
    for name in IN_FOLDER:
        if (folder / name).exists():
            return folder / name
    expected = f"a run folder, which holds {' or '.join(IN_FOLDER)}"
    raise InvalidFile(f"folder '{folder}'", "a folder without a network", expected, EXAMPLE)


def _trained(path: Path, include_head: bool, n_in: int | None) -> NetworkFile:
    from netsparse.interop import read_torch

    settings = _settings(path)
    if settings is not None and not include_head:
        return NetworkFile(
            *read_torch(path, include_head=False, n_in=n_in),
            path,
            left_out=settings.get("options", settings).get("head") is not None,
        )
    network, weights = read_torch(path, n_in=n_in)
    if not include_head and len(network.layers) > 1 and network.layers[-1].density == 1:
        below, those = read_torch(path, include_head=False, n_in=n_in)  # keeps the layer if it is a convolution
        return NetworkFile(below, those, path, left_out=len(below.layers) < len(network.layers))
    return NetworkFile(network, weights, path)


def _settings(path: Path) -> dict[str, Any] | None:
    """Return what a model of netsparse says about itself; None for other files, and for those that cannot be read."""
    if path.suffix.lower() != ".safetensors":
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            settings = json.loads((file.metadata() or {}).get("netsparse", "null"))
    except (SafetensorError, OSError, ValueError):
        return None  # the reader of the tensors says what is wrong with it
    return settings if isinstance(settings, dict) else None


def check_new_file(path: Path, suffixes: Sequence[str], option: str = "out") -> str:
    """Return the suffix of a file to be written, before the work that fills it; `option` is how it was asked for.

    Raises
    ------
    InvalidOption
        If the suffix is none of `suffixes`.
    NotWritable
        If something is there, so that nothing is ever overwritten, or nothing can ever be there.
    FileAbsent
        If its folder is not there.
    """
    from netsparse.interop.files import checked_target

    example = f"--{option} {path.stem.lstrip('.') or 'network'}{suffixes[0]}"
    if path.suffix.lower() not in suffixes:
        raise InvalidOption(option, repr(str(path)), f"a file that ends in {' or '.join(suffixes)}", example)
    checked_target(path, str(path))
    try:
        taken = path.exists() or path.is_symlink()
    except OSError as error:  # a name too long, say
        given = error.strerror or str(error)
        raise NotWritable(f"file '{path}'", given, "a path the system can take", example) from error
    if taken:
        fix = f"another name (--{option} FILE), or moving the old file away"
        raise NotWritable(f"file '{path}'", "a file that exists", "a new one", fix)
    return path.suffix.lower()
