"""Models on disk: safetensors with the wiring inside, and what rebuilds the module. Nothing unpickles."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from netsparse.atomic import atomic_path
from netsparse.errors import FileAbsent, InvalidFile, NetsparseError
from netsparse.generators.convolutional import in_a_row
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import KERNELS, SparseModel
from netsparse.nn.kinds import built, kind_of

FORMAT = 2
FIRST_FORMAT = 1
"""What was written when an MLP was all there was; read as well."""
CPU = torch.device("cpu")


def save_model(model: SparseModel, path: str | os.PathLike[str]) -> None:
    """Write `model` to `path`, whole or not at all: every tensor of its `state_dict`, wiring included.

    The same model gives the same bytes: no time, no path, one metadata entry (a JSON object with sorted keys).

    A model of a class of one's own is written as the class in `netsparse.nn.kinds.MODELS` that it is based on.

    Raises
    ------
    DiskFull, NotWritable
        If there is no room, or no such folder; an older file at `path` is then still whole.
    InvalidOption
        For a model that is based on none of them.
    """
    settings = {
        "format": FORMAT,
        "kind": kind_of(model),
        "options": model.options(),
        "sizes": model.network.sizes,
        "inputs": [layer.n_in for layer in model.sparse_layers()],
        "kernels": [layer.kernel_size for layer in model.sparse_layers()],
        "backends": [layer.backend for layer in model.sparse_layers()],
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    # serialised in memory: save_file would hide the operating system's errors and make files for the owner's eyes only
    content = save(tensors, metadata={"netsparse": json.dumps(settings, sort_keys=True)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def load_model(path: str | os.PathLike[str]) -> SparseModel:
    """Read a model that `save_model` wrote, with its topology, on the CPU of this machine or another.

    A backend that cannot compute there (compiled where a compiler was, or for a GPU) becomes "auto".

    Raises
    ------
    FileAbsent, InvalidFile
        If the file is not there, truncated or not a netsparse model.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})["netsparse"])
            if settings["format"] not in (FIRST_FORMAT, FORMAT):
                raise ValueError(f"format {settings['format']}, this version reads formats up to {FORMAT}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        model = _rebuilt(settings, tensors)
    except (SafetensorError, OSError, LookupError, ValueError, TypeError, RuntimeError, NetsparseError) as error:
        expected, fix = (
            "a whole file written by save_model",
            "netsparse.train.load_model('runs/<run>/model.safetensors')",
        )
        if isinstance(error, FileNotFoundError):
            raise FileAbsent(f"model file '{path}'", "no such file", expected, fix) from error
        reason = f"{type(error).__name__}: {error}"
        raise InvalidFile(f"model file '{path}'", reason, expected, fix) from error
    return model


def _rebuilt(settings: dict[str, Any], tensors: dict[str, Any]) -> SparseModel:
    if settings["format"] == FIRST_FORMAT:
        options = {name: settings[name] for name in ("n_classes", "head", "bias", "activation")}
        settings = {**settings, "kind": "SparseMLP", "options": options, "inputs": settings["sizes"][:-1]}
    network = wired(settings["inputs"], settings["sizes"], tensors)
    backend, dtype = settings["backends"][0], tensors["layers.0.weight"].dtype
    if backend in KERNELS and any(KERNELS[backend].why_not(CPU, each) for each in (torch.get_default_dtype(), dtype)):
        backend = "auto"
    rng = np.random.default_rng(0)  # every drawn weight is overwritten by the file's
    model = built(settings["kind"], network, settings["options"], backend=backend, rng=rng)
    model.to(dtype)
    model.load_state_dict(tensors)
    return model


def wired(inputs: Sequence[int], sizes: Sequence[int], tensors: Mapping[str, Any]) -> SparseNetwork:
    """Return the wiring that the tensors of a `state_dict` hold.

    Parameters
    ----------
    inputs : sequence of int
        n_in of each layer.
    sizes : sequence of int
        Units of the inputs and of each layer.
    tensors : mapping
        `layers.0.indptr`, `layers.0.indices` and so on, on the CPU.

    Raises
    ------
    InvalidNetwork, InvalidEdges
        If they are no wiring of so many units.
    """
    layers = [
        BipartiteGraph(n_in, n_out, tensors[f"layers.{k}.indptr"].numpy(), tensors[f"layers.{k}.indices"].numpy())
        for k, (n_in, n_out) in enumerate(zip(inputs, sizes[1:], strict=True))
    ]
    return SparseNetwork(layers, [in_a_row(below.n_out, above.n_in) for below, above in pairwise(layers)])
