"""Models on disk: safetensors with the wiring inside, and what rebuilds the module. Nothing unpickles."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from netsparse.atomic import atomic_path
from netsparse.errors import FileAbsent, InvalidFile, NetsparseError
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import KERNELS, SparseMLP

FORMAT = 1
CPU = torch.device("cpu")


def save_model(model: SparseMLP, path: str | os.PathLike[str]) -> None:
    """Write `model` to `path`, whole or not at all: every tensor of its `state_dict`, wiring included.

    The same model gives the same bytes: no time, no path, one metadata entry (a JSON object with sorted keys).

    Raises
    ------
    DiskFull, NotWritable
        If there is no room, or no such folder; an older file at `path` is then still whole.
    """
    layers = model.sparse_layers()
    settings = {
        "format": FORMAT,
        "sizes": model.network.sizes,
        "n_classes": model.n_classes,
        "head": None if model.head is None else "dense",
        "bias": layers[0].bias is not None,
        "activation": model.activation,
        "backends": [layer.backend for layer in layers],
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    # serialised in memory: save_file would hide the operating system's errors and make files for the owner's eyes only
    content = save(tensors, metadata={"netsparse": json.dumps(settings, sort_keys=True)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def load_model(path: str | os.PathLike[str]) -> SparseMLP:
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
            if settings["format"] != FORMAT:
                raise ValueError(f"format {settings['format']}, this version reads format {FORMAT}")
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


def _rebuilt(settings: dict[str, Any], tensors: dict[str, Any]) -> SparseMLP:
    sizes = settings["sizes"]
    layers = [
        BipartiteGraph(
            sizes[k], sizes[k + 1], tensors[f"layers.{k}.indptr"].numpy(), tensors[f"layers.{k}.indices"].numpy()
        )
        for k in range(len(sizes) - 1)
    ]
    names = {"head": settings["head"], "bias": settings["bias"], "activation": settings["activation"]}
    rng = np.random.default_rng(0)  # every drawn weight is overwritten by the file's
    backend, dtype = settings["backends"][0], tensors["layers.0.weight"].dtype
    if backend in KERNELS and any(KERNELS[backend].why_not(CPU, each) for each in (torch.get_default_dtype(), dtype)):
        backend = "auto"
    model = SparseMLP(SparseNetwork(layers), settings["n_classes"], backend=backend, rng=rng, **names)
    model.to(dtype)
    model.load_state_dict(tensors)
    return model
