"""`TrainState` taken apart into tensors, arrays and facts, and put together again to the last bit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.train.history import History, Rewired
from netsparse.train.ranks import Ranks
from netsparse.train.result import WIRING, Snapshot
from netsparse.train.state import TrainState
from netsparse.train.state_files import Contents

COUNTS = ("epoch", "step", "position", "n_rewirings")


def packed(state: TrainState, ranks: Ranks) -> Contents:
    """Return all of a state that a file can keep; every process calls it, each has the sums of its own images.

    Gradients that wait for a rewiring are not among it: nothing is saved while a state `is_collecting`.

    Raises
    ------
    InvalidOption
        If the optimizer keeps something else than tensors and numbers, or the rule something else than arrays of them.
    """
    device = next(state.model.parameters()).device
    tensors = {f"model.{name}": tensor for name, tensor in state.model.state_dict().items()}
    tensors["generator.torch"] = torch.get_rng_state()
    if device.type == "cuda":
        tensors["generator.cuda"] = torch.cuda.get_rng_state(device)
    sums = ranks.gather(state.sums)
    arrays = {"order": state.order.cpu().numpy(), "sums": sums.cpu().numpy()}
    for k, graph in enumerate(state.initial.layers):
        arrays |= {f"initial_indptr_{k}": graph.indptr, f"initial_indices_{k}": graph.indices}
    if state.rule is not None:
        arrays |= {f"topology.{name}": array for name, array in state.topology.arrays().items()}
        arrays |= {f"rule.{name}": _plain(name, array) for name, array in state.rule.memory().items()}
    facts: dict[str, Any] = {name: getattr(state, name) for name in COUNTS}
    facts |= {
        "row": state.row,
        "seconds": state.seconds,
        "history": asdict(state.history),
        "schedule": state.schedule.state_dict(),
        "precision": state.precision.state_dict(),
        "generators": {name: generator.bit_generator.state for name, generator in _generators(state).items()},
        "optimizer": _pack_optimizer(state.optimizer, tensors),
        "last": _numbers(state.last),
        "best": _numbers(state.best),
    }
    if state.best is not None:
        tensors |= {f"best.{name}": tensor for name, tensor in state.best.state.items()}
    return Contents(tensors, arrays, facts)


def unpack(contents: Contents, state: TrainState, ranks: Ranks) -> None:
    """Fill a state that was built from the same settings, in place; torch's generators go on from where they were."""
    tensors, arrays, facts = contents
    device = next(state.model.parameters()).device
    # tensors that were read may lie in their file, which is removed one day: what is kept as it is must not
    model = _under("model.", tensors)
    state.model.load_state_dict({name: t.clone() if name.endswith(WIRING) else t for name, t in model.items()})
    _unpack_optimizer(state.optimizer, facts["optimizer"], tensors)
    state.schedule.load_state_dict(facts["schedule"])
    state.precision.load_state_dict(facts["precision"])
    for name in COUNTS:
        setattr(state, name, facts[name])
    state.row, state.seconds = facts["row"], facts["seconds"]
    history = facts["history"]
    state.history = History(history["rows"], history["times"], Rewired(**history["rewired"]))
    for name, generator in _generators(state).items():
        if name in facts["generators"]:
            generator.bit_generator.state = facts["generators"][name]
    like = state.initial
    state.initial = _wired(like, arrays, "initial_indptr_{}", "initial_indices_{}")
    if state.rule is not None:
        layers = [layer.graph for layer in state.model.sparse_layers()]
        state.topology.restore(state.initial.layers, layers, _under("topology.", arrays))
        state.rule.remember(_under("rule.", arrays))
    state.order = torch.from_numpy(arrays["order"]).to(device)
    state.sums = torch.from_numpy(_own_sums(arrays["sums"], ranks)).to(device)
    best = _under("best.", tensors)
    copied = {name: best[name].clone() for name in state.model.state_dict() if name in best}  # a file has its own order
    state.best = _snapshot(facts["best"], copied, like, device)
    torch.set_rng_state(tensors["generator.torch"])
    if device.type == "cuda" and "generator.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["generator.cuda"], device)


def restore_last(contents: Contents, state: TrainState) -> None:
    """Make the model as it is the last snapshot again, of a run that has ended: no rewiring has followed it."""
    state.last = Snapshot.of(state.model, **contents.facts["last"])
    if state.best is not None and state.best.epoch == state.last.epoch:
        state.best = state.last


def check_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """Raise `InvalidOption` if the optimizer keeps something else than tensors and numbers."""
    _pack_optimizer(optimizer, {})


def _generators(state: TrainState) -> dict[str, np.random.Generator]:
    generators = {"batches": state.batches, "rewiring": state.rewiring}
    return generators if state.noise is None else generators | {"noise": state.noise}


def _own_sums(sums: np.ndarray, ranks: Ranks) -> np.ndarray:
    if len(sums) == ranks.size:
        return sums[ranks.rank].copy()
    return sums.sum(0) if ranks.is_first else np.zeros(2)  # another number of processes goes on with the run


def _numbers(snapshot: Snapshot | None) -> dict[str, Any] | None:
    if snapshot is None:
        return None
    return {name: getattr(snapshot, name) for name in ("epoch", "validation_accuracy", "test_accuracy")}


def _snapshot(
    numbers: dict[str, Any] | None, tensors: dict[str, Tensor], like: SparseNetwork, device: torch.device
) -> Snapshot | None:
    if numbers is None:
        return None
    arrays = {name: tensor.numpy() for name, tensor in tensors.items() if name.endswith(WIRING)}
    network = _wired(like, arrays, "layers.{}.indptr", "layers.{}.indices")
    state = {name: tensor.to(device) for name, tensor in tensors.items()}
    return Snapshot(network=network, state=state, **numbers)


def _wired(like: SparseNetwork, arrays: dict[str, np.ndarray], indptr: str, indices: str) -> SparseNetwork:
    """Return the wiring that arrays of these names hold, between the units that `like` has."""
    layers = [
        BipartiteGraph(graph.n_in, graph.n_out, arrays[indptr.format(k)], arrays[indices.format(k)])
        for k, graph in enumerate(like.layers)
    ]
    return SparseNetwork(layers, like.joints)


def _under(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _plain(name: str, array: Any) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.hasobject:
        expected, fix = "arrays of numbers, which a checkpoint can keep", "one array per thing that is remembered"
        raise InvalidOption(f"memory of the rule, '{name}'", f"dtype {array.dtype}", expected, fix)
    return array


def _pack_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Put the optimizer's tensors among `tensors`, return the rest: parameters by their place, options of groups."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        "state": [
            _pack_entries(f"optimizer.{k}", optimizer.state[parameter], tensors, parameter.device)
            if parameter in optimizer.state
            else None
            for k, parameter in enumerate(parameters)
        ],
        "groups": [
            _pack_entries(f"group.{g}", _options(group), tensors, parameters[0].device)
            for g, group in enumerate(optimizer.param_groups)
        ],
    }


def _unpack_optimizer(optimizer: torch.optim.Optimizer, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for parameter, entries in zip(parameters, facts["state"], strict=True):
        if entries is not None:
            optimizer.state[parameter] = _unpack_entries(entries, tensors, parameter.device)
    for group, entries in zip(optimizer.param_groups, facts["groups"], strict=True):
        group.update(_unpack_entries(entries, tensors, parameters[0].device))


def _options(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "params"}


def _pack_entries(
    prefix: str, entries: dict[str, Any], tensors: dict[str, Tensor], device: torch.device
) -> dict[str, Any]:
    packed_entries = {}
    for name, value in entries.items():
        if isinstance(value, Tensor):
            tensors[f"{prefix}.{name}"] = value
            # arithmetic on another layout may round differently, and Adam counts its steps on the CPU
            there = {"strides": list(value.stride()), "on_cpu": value.device.type == "cpu" != device.type}
            packed_entries[name] = {"tensor": f"{prefix}.{name}", **there}
        elif isinstance(value, tuple) and all(part is None or isinstance(part, int | float) for part in value):
            packed_entries[name] = {"tuple": list(value)}
        elif value is None or isinstance(value, bool | int | float | str):
            packed_entries[name] = value
        else:
            given, fix = f"{type(value).__name__} '{name}'", "optimizer='sgd', or checkpoint=None"
            raise InvalidOption("optimizer state", given, "tensors and numbers, which a checkpoint can keep", fix)
    return packed_entries


def _unpack_entries(entries: dict[str, Any], tensors: dict[str, Tensor], device: torch.device) -> dict[str, Any]:
    values = {}
    for name, value in entries.items():
        if isinstance(value, dict) and "tensor" in value:
            stored = tensors[value["tensor"]]
            values[name] = torch.empty_strided(
                stored.shape, value["strides"], dtype=stored.dtype, device="cpu" if value["on_cpu"] else device
            ).copy_(stored)
        else:
            values[name] = tuple(value["tuple"]) if isinstance(value, dict) else value
    return values
