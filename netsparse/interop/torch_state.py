"""Trained weights without their model: a torch state dict, in memory or in a file; nothing unpickles code."""

from __future__ import annotations

import json
import os
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from netsparse.errors import InvalidFile, InvalidNetwork, NetsparseError
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.checks import as_size
from netsparse.interop.assembly import Origin
from netsparse.interop.files import opened
from netsparse.interop.torch_layers import HeldLayer, network_of, to_numpy
from netsparse.interop.torch_modules import WEIGHT, mask_of, refuse_outer_mask
from netsparse.interop.torch_order import in_fitting_order
from netsparse.typing import EdgeVector

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Under which names checkpoints keep the state dict of the model."""

WEIGHTS = frozenset({"weight", "weight_orig", "weight_mask", "mask", "bias", "indptr", "indices"})
EXPECTED = "a state dict that torch.save or safetensors wrote"
SAVE = "torch.save(model.state_dict(), path)"


def read_torch(
    path: str | os.PathLike[str], *, include_head: bool = True, n_in: int | None = None
) -> tuple[SparseNetwork, tuple[EdgeVector, ...]]:
    """Read a network from a file of trained weights: what `torch.save(model.state_dict(), path)` wrote, or safetensors.

    The tensors are read as by `from_torch(state_dict)`. Files of torch are loaded with `weights_only=True` onto the
    CPU, so that no code of theirs runs; a whole pickled module is refused. Files that end in `.safetensors` do not keep
    the order of their tensors: modules whose names differ in their number alone (`fc1` and `fc2`, `layers.0` and
    `layers.1`) come in the order of the numbers, others (`features` and `classifier`) in the one order in which their
    layers fit onto each other; where there are several such orders, that is an error.

    Parameters
    ----------
    path : path
        The file. A model that netsparse saved (`model.safetensors`) says its sizes and its order itself.
    include_head : bool
        False leaves out the last layer if it is linear and dense in memory, the read-out of a classifier.
    n_in : int, optional
        Number of inputs of the first layer, where it is a `SparseLinear`, whose state does not hold it.

    Returns
    -------
    network : SparseNetwork
    weights : tuple of arrays
        One edge vector per layer.

    Raises
    ------
    InvalidFile
        If the file is absent (also a FileNotFoundError), damaged, holds a pickled module or other objects, holds no
        layer or layers that do not fit onto each other, fits in several orders, or stands for a tensor larger than
        itself.
    InvalidSize
        If `n_in` is no number of units.

    Examples
    --------
    >>> import tempfile, torch
    >>> path = Path(tempfile.mkdtemp()) / "model.pt"
    >>> torch.save(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2)).state_dict(), path)
    >>> network, weights = read_torch(path)
    >>> network
    SparseNetwork(4-3-2, 18 edges, density 1)
    """
    n_in = None if n_in is None else as_size("n_in", n_in)
    origin = Origin(f"torch file '{path}'", InvalidFile, SAVE)
    opened(origin, path, EXPECTED).close()
    try:
        if str(path).lower().endswith(".safetensors"):
            return network_of(*_from_safetensors(origin, path, include_head, n_in))
        found = _unwrapped(_loaded(origin, path))
        _check_promises(origin, os.path.getsize(path), found)
        return network_of(layers_of_state(found, include_head), n_in)
    except InvalidFile:
        raise
    except MemoryError as error:  # a sparse tensor may have any number of rows
        raise origin.bad("layers that do not fit into memory", EXPECTED) from error
    except NetsparseError as error:
        raise origin.bad(f"{error.subject} with {error.given}", error.expected, error.fix) from error


def layers_of_state(state: Any, include_head: bool = True) -> list[HeldLayer]:
    """Return the layers of a state dict in its order, without the head if it is not wanted.

    Raises
    ------
    InvalidNetwork
        If there is no layer, or a tensor of two axes or more that belongs to none.
    """
    return _without_head(_layers(_unwrapped(state)), include_head)


def _unwrapped(state: Any) -> dict[str, Any]:
    """Return the tensors of a state dict, out of the checkpoint around it."""
    import torch

    state = {"weight": state} if isinstance(state, torch.Tensor) else state
    while isinstance(state, Mapping):
        inner = next((state[name] for name in WRAPPERS if isinstance(state.get(name), Mapping)), None)
        if inner is None:
            return {str(name): value for name, value in state.items() if isinstance(value, torch.Tensor)}
        state = inner
    given, expected = f"an object of type {type(state).__name__}", "a mapping of names to tensors"
    raise InvalidNetwork("state dict", given, expected, "model.state_dict()")


def _layers(tensors: Mapping[str, Any]) -> list[HeldLayer]:
    modules: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        prefix, _, leaf = name.rpartition(".")
        modules.setdefault(prefix, {})[leaf] = tensor
    layers = []
    for name, module in modules.items():
        for leaf, tensor in module.items():
            if leaf not in WEIGHTS and tensor.ndim >= 2:
                raise _stray(f"{name}.{leaf}" if name else leaf, tensor)
        if "weight_orig" in module and "weight_mask" not in module and module["weight_orig"].ndim >= 2:
            # what the hook of spectral_norm divides; read as it is, every weight would be off by a factor
            raise _stray(f"{name}.weight_orig" if name else "weight_orig", module["weight_orig"])
        weight = module.get("weight_orig", module.get("weight"))
        if weight is None:
            continue
        rows = tuple(module[key] for key in ("indptr", "indices") if key in module)
        if len(rows) == 2 and all(tensor.ndim == 1 for tensor in (weight, *rows)):
            layers.append(HeldLayer(name, weight, mask=mask_of(f"layer {name!r}", weight, module), rows=rows))
        elif weight.ndim in (2, 3, 4, 5) and getattr(module.get("bias"), "shape", None) != weight.shape:
            # one bias per entry, instead of one per output: a normalisation of whole images, passed over
            layers.append(HeldLayer(name, weight, mask=mask_of(f"layer {name!r}", weight, module)))
    for name, module in modules.items():
        if not WEIGHT & module.keys():
            for layer in layers:
                if layer.name.startswith(f"{name}." if name else ""):
                    refuse_outer_mask(f"module {name or 'model'!r}", module, layer)
    return layers


def _without_head(layers: list[HeldLayer], include_head: bool) -> list[HeldLayer]:
    kept = list(layers)
    if kept and not include_head and kept[-1].is_head:
        kept.pop()
    if not kept:
        given = "no linear layer and no convolution" + ("" if include_head else " below the head")
        raise InvalidNetwork("state dict", given, "at least one layer", "model.state_dict()")
    return kept


def _stray(name: str, tensor: Any) -> InvalidNetwork:
    given = f"shape {tuple(tensor.shape)}"
    expected = "weights of linear layers and convolutions alone"
    if ".parametrizations." in f".{name}" or name.rpartition(".")[2] in ("weight_orig", "weight_g", "weight_v"):
        return InvalidNetwork(f"tensor {name!r}", given, "weights without parametrizations", "from_torch(model)")
    return InvalidNetwork(
        f"tensor {name!r}", given, expected, "leaving that tensor out of the mapping, if it belongs to no layer"
    )


# files ---------------------------------------------------------------------------------------------------------------


def _loaded(origin: Origin, path: str | os.PathLike[str]) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about files that it refuses one line later
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        if found is None:
            raise origin.bad("no file of torch, or a damaged one", EXPECTED) from error
        given = f"a pickled {found[1]}, which would run code of the file"
        raise origin.bad(given, EXPECTED) from error
    except Exception as error:  # torch's reader fails in every way on a file made or damaged by chance
        reason = (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0]
        raise origin.bad(f"no file of torch, or a damaged one ({reason})", EXPECTED) from error


def _check_promises(origin: Origin, n_bytes: int, tensors: Mapping[str, Any]) -> None:
    """Refuse a tensor larger than the file: one number in it can stand for any number of entries."""
    import torch

    for name, tensor in tensors.items():
        promised = tensor.numel() * tensor.element_size()
        if tensor.layout == torch.strided and not tensor.is_meta and promised > n_bytes:
            given = f"{promised:,} bytes for {name!r} in a file of {n_bytes:,}"
            raise origin.bad(given, EXPECTED, f"{SAVE} after tensor.contiguous()")


def _from_safetensors(
    origin: Origin, path: str | os.PathLike[str], include_head: bool, n_in: int | None
) -> tuple[list[HeldLayer], int | None]:
    from safetensors import safe_open

    try:
        with safe_open(Path(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            settings = json.loads((file.metadata() or {}).get("netsparse", "null"))
        saved = [] if settings is None else _saved(settings, tensors)
    except Exception as error:  # the reader's own errors have no common base; a header may hold anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise origin.bad(f"a damaged or foreign file ({reason})", "a whole .safetensors file") from error
    if settings is None:
        return _without_head(in_fitting_order(_layers(tensors), n_in), include_head), n_in
    if n_in is not None and saved[0].graph is not None:
        first = BipartiteGraph(n_in, saved[0].graph.n_out, saved[0].graph.indptr, saved[0].graph.indices)
        saved[0] = replace(saved[0], graph=first)
    head = {name: tensor for name, tensor in tensors.items() if name.startswith("head.")}
    return _without_head(saved + _layers(head), include_head), n_in


def _saved(settings: dict[str, Any], tensors: Mapping[str, Any]) -> list[HeldLayer]:
    """Return the sparse layers of a file of `netsparse.train.save_model`, which says their sizes and their order."""
    sizes = [as_size("sizes", size) for size in settings["sizes"]]
    inputs = settings.get("inputs", sizes[:-1])  # files that were written before there were convolutions have none
    kernels = settings.get("kernels", [None] * len(inputs))
    layers = []
    for k, (n_in, n_out, kernel) in enumerate(zip(inputs, sizes[1:], kernels, strict=True)):
        name, patch = f"layers.{k}", None if kernel is None else tuple(as_size("kernel", side) for side in kernel)
        indptr, indices = (to_numpy(tensors[f"{name}.{part}"]) for part in ("indptr", "indices"))
        graph = BipartiteGraph(n_in, n_out, indptr, indices)
        layers.append(HeldLayer(name, tensors[f"{name}.weight"], graph=graph, groups=1, patch=patch))
    if not layers:
        raise InvalidNetwork("sizes", f"{len(sizes)} of them", "two or more", "save_model(model, path)")
    return layers
