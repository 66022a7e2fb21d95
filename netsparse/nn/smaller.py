"""Layers without some of their units: fewer sources, fewer targets, the same numbers on what is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.graph import BipartiteGraph
from netsparse.nn.layer import SparseLayer, as_tensor, shallow_copy
from netsparse.nn.selecting import SelectingLinear
from netsparse.typing import EdgeMask, Float, UnitIds


def smaller_graph(graph: BipartiteGraph, edges: EdgeMask, sources: UnitIds, targets: UnitIds) -> BipartiteGraph:
    """Return the graph of some edges between some units, numbered anew in their order; edges keep their order.

    Parameters
    ----------
    graph : BipartiteGraph
        The whole.
    edges : bool array of shape (n_edges,)
        Which edges stay; their ends do, too.
    sources, targets : int arrays
        Which units stay, increasing.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 2, 1], [0, 0, 2], n_in=4, n_out=3)
    >>> small = smaller_graph(graph, np.array([True, True, False]), np.array([0, 2]), np.array([0, 1]))
    >>> small, small.sources.tolist()
    (BipartiteGraph(2 -> 2, 2 edges, density 0.5), [0, 1])
    """
    indptr = np.zeros(len(targets) + 1, dtype=np.int64)
    np.cumsum(np.bincount(graph.targets[edges], minlength=graph.n_out)[targets], out=indptr[1:])
    indices = np.searchsorted(sources, graph.sources[edges])
    return BipartiteGraph.from_canonical(len(sources), len(targets), indptr, indices)


def smaller_layer(
    layer: SparseLayer,
    graph: BipartiteGraph,
    edges: EdgeMask,
    targets: UnitIds,
    shift: Float[np.ndarray, "n_out"] | None = None,
) -> SparseLayer:
    """Return a layer of the same class over a smaller graph; it shares nothing with this one.

    Parameters
    ----------
    layer : SparseLayer
        The whole.
    graph : BipartiteGraph
        See `smaller_graph`.
    edges, targets
        What stays of its edges and its target units.
    shift : float array of shape (n_out,), optional
        What is added to the biases.
    """
    small = shallow_copy(layer)
    small.watch = None
    if isinstance(layer, SelectingLinear):
        small._buffers["inputs"] = layer.inputs.clone()
    small.weight = _like(layer.weight, layer.edge_weights()[edges])
    if layer.bias is not None:
        small.bias = _like(layer.bias, _shifted(layer.bias, shift)[targets])
    small._wire(graph)
    return small


def selecting(layer: SparseLayer, inputs: UnitIds, n_given: int) -> SelectingLinear:
    """Return a linear layer that selects its inputs first, with the very parameters of `layer`.

    A layer that selects already goes on selecting among what it was given first.
    """
    if isinstance(layer, SelectingLinear):
        inputs, n_given = layer.inputs.numpy(force=True)[inputs], layer.n_given
    front = SelectingLinear.__new__(SelectingLinear)
    vars(front).update(vars(shallow_copy(layer)))
    front.n_given = n_given
    front._buffers["inputs"] = torch.tensor(inputs, dtype=torch.int64, device=layer.weight.device)
    return front


def smaller_norm(norm: nn.BatchNorm2d, channels: UnitIds, shift: Float[np.ndarray, "channel"]) -> nn.BatchNorm2d:
    """Return batch normalisation of some channels; with `shift` added to what enters it, in evaluation mode."""
    small = shallow_copy(norm)
    small.num_features = len(channels)
    for name, parameter in norm.named_parameters():
        setattr(small, name, _like(parameter, _double(parameter)[channels]))
    for name in ("running_mean", "running_var"):
        values = _double(getattr(norm, name)) - (shift if name == "running_mean" else 0.0)
        small._buffers[name] = as_tensor(values[channels], getattr(norm, name))
    small._buffers["num_batches_tracked"] = norm.num_batches_tracked.clone()  # type: ignore[union-attr]
    return small


def smaller_head(head: nn.Linear, units: UnitIds, read: np.ndarray, shift: np.ndarray) -> nn.Linear:
    """Return a dense head that reads some units, 0 of those that are not `read`, with `shift` added to its biases."""
    small = shallow_copy(head)
    small.in_features = len(units)
    small.weight = _like(head.weight, (_double(head.weight) * read)[:, units])
    small.bias = _like(head.bias, _shifted(head.bias, shift))
    return small


def _like(parameter: Tensor, values: np.ndarray) -> nn.Parameter:
    return nn.Parameter(as_tensor(values, parameter), requires_grad=parameter.requires_grad)


def _double(values: Tensor) -> np.ndarray:
    return values.detach().double().numpy(force=True)


def _shifted(values: Tensor, shift: Any) -> np.ndarray:
    return _double(values) if shift is None else _double(values) + shift
