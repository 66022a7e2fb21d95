"""Optimizer state follows its edge: momentum and moments of survivors are carried, newborn edges start at zero."""

from __future__ import annotations

import torch
from torch import Tensor

from netsparse.graph import EdgeMap


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
    """
    survivors = edge_map.survivors
    new = values.new_empty(len(survivors) + len(edge_map.added))
    to, at = torch.as_tensor(edge_map.old_to_new[survivors]).long(), torch.as_tensor(survivors)
    new[to.to(values.device)] = values[at.to(values.device)]
    new[torch.from_dlpack(edge_map.added).long().to(values.device)] = newborn
    return new


def carry_state(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, edge_map: EdgeMap) -> None:
    """Bring every per-edge tensor of `parameter`'s optimizer state along, in place.

    A state tensor is per edge if it has the parameter's shape (momentum buffers, Adam's moments); step counters and the
    like stay. Call it before the parameter itself changes its length.
    """
    state = optimizer.state.get(parameter, {})
    for name, value in state.items():
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            state[name] = carried(value, edge_map)
