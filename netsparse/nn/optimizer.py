"""Optimizer state follows its edge: momentum and moments of survivors are carried, newborn edges start at zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from netsparse.graph import EdgeMap, carry
from netsparse.graph.edge_map import can_move_within, move_within

BITS = {torch.bfloat16: torch.int16}
"""Types that numpy does not have, and those of the same width that they travel as."""
MOMENTA = ("momentum_buffer", "exp_avg")
"""What optimizers call their running mean of the gradients."""


def carried(values: Tensor, edge_map: EdgeMap, newborn: Tensor | float = 0.0) -> Tensor:
    """Bring a tensor with one entry per edge along; the torch twin of `netsparse.graph.carry`.

    Parameters
    ----------
    values : tensor of shape (n_edges before,)
        Any quantity per edge.
    edge_map : EdgeMap
        Where the edges went.
    newborn : float or tensor of shape (n_added,)
        Value of the newborn edges, in the order of the delta's added pairs.

    Returns
    -------
    tensor of shape (n_edges after,), of the same dtype and on the same device.

    Raises
    ------
    InvalidEdgeVector
        If `values` does not have one entry per old edge, or `newborn` one per added pair.
    """
    on_cpu, has_bits = values.device.type == "cpu", values.dtype in BITS
    if on_cpu and not has_bits and not isinstance(newborn, Tensor):
        return torch.from_numpy(carry(values.numpy(), edge_map, fill=newborn))
    fill = torch.as_tensor(newborn, dtype=values.dtype, device=values.device)
    if on_cpu:
        return torch.from_numpy(carry(_bits(values), edge_map, fill=_bits(fill))).view(values.dtype)
    return _carried_there(values, edge_map, fill)


def _carried_there(values: Tensor, edge_map: EdgeMap, fill: Tensor) -> Tensor:
    """Carry on another device: only the ids that changed travel there."""
    if edge_map.runs is None:
        host = carried(values.cpu(), edge_map, fill.cpu())
        return host.to(values.device)
    removed, born = (torch.from_dlpack(ids).to(values.device).long() for ids in edge_map.runs)
    keep = torch.ones(edge_map.n_before, dtype=torch.bool, device=values.device)
    survives = torch.ones(edge_map.n_edges, dtype=torch.bool, device=values.device)
    keep[removed], survives[born] = False, False
    new = values.new_empty(edge_map.n_edges)
    new[survives] = values[keep]
    new[torch.from_dlpack(edge_map.added).to(values.device).long()] = fill
    return new


def _bits(values: Tensor) -> np.ndarray:
    values = values.detach()
    return values.view(BITS[values.dtype]).numpy() if values.dtype in BITS else values.numpy()


def carry_state(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, edge_map: EdgeMap) -> None:
    """Bring every per-edge tensor of `parameter`'s optimizer state along, in place.

    A state tensor is per edge if it has the parameter's shape (momentum buffers, Adam's moments); step counters and the
    like stay. Call it before the parameter itself changes its length.
    """
    state, names = optimizer.state.get(parameter, {}), list(_per_edge(optimizer, parameter))
    apart = len({parameter.data_ptr(), *(state[n].data_ptr() for n in names)}) > len(names)
    for name in names:
        if apart and stays_in_place(state[name], edge_map):
            carry_in_place(state[name], edge_map)
        else:
            state[name] = carried(state[name], edge_map)


def momentum_of(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> np.ndarray:
    """Return the optimizer's running mean of a parameter's gradients: momentum, or Adam's first moment; else zeros.

    Momentum as torch keeps it is a decaying sum, 1 / (1 - momentum) times a mean: the factor is the same for all edges.
    """
    state = optimizer.state.get(parameter, {})
    for name in MOMENTA:
        value = state.get(name)
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            value = value.detach()
            return (value.float() if value.dtype in BITS else value).numpy(force=True)
    return np.zeros(parameter.shape, dtype=np.float32)


def state_at(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, ids: np.ndarray) -> dict[str, Tensor]:
    """Return a copy of what the edges `ids` have of every per-edge tensor of `parameter`'s optimizer state."""
    at = torch.from_numpy(np.array(ids, dtype=np.int64)).to(parameter.device)
    return {name: value[at] for name, value in _per_edge(optimizer, parameter).items()}


def set_state_at(
    optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, ids: np.ndarray, values: Mapping[str, Tensor]
) -> None:
    """Give the edges `ids` what `state_at` returned, in place."""
    at = torch.from_numpy(np.array(ids, dtype=np.int64)).to(parameter.device)
    for name, value in _per_edge(optimizer, parameter).items():
        value[at] = values[name]


def forget_state(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> None:
    """Set every per-edge tensor of `parameter`'s optimizer state to 0, in place; step counters stay."""
    for value in _per_edge(optimizer, parameter).values():
        value.zero_()


def _per_edge(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> dict[str, Tensor]:
    state = optimizer.state.get(parameter, {})
    return {n: value for n, value in state.items() if isinstance(value, Tensor) and value.shape == parameter.shape}


def stays_in_place(values: Tensor, edge_map: EdgeMap) -> bool:
    """Tell whether a tensor with one entry per edge can be brought along in its own memory.

    It can on the CPU where compiled code is, by a change that keeps the number of edges.
    """
    return (
        values.device.type == "cpu"
        and values.shape == (edge_map.n_before,)
        and values.is_contiguous()
        and can_move_within(edge_map)
    )


def carry_in_place(values: Tensor, edge_map: EdgeMap) -> None:
    """Bring a tensor along that `stays_in_place`, newborn edges at 0."""
    move_within(values.data_ptr(), values.element_size(), edge_map)
