"""torch: one layer as a sparse tensor that shares its memory; any tensor, model or state dict read back."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidNetwork, unknown_name
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.checks import as_edge_vector, as_size
from netsparse.interop.columns import as_layer
from netsparse.interop.kernels import KernelShapes
from netsparse.interop.torch_layers import HeldLayer, Layer, check_inputs, layer_of, network_of
from netsparse.interop.torch_modules import layers_of_module
from netsparse.interop.torch_state import layers_of_state
from netsparse.typing import EdgeVector

if TYPE_CHECKING:
    import torch
    from torch import nn


def to_torch(graph: BipartiteGraph, values: Any = None, *, layout: Literal["csr", "coo"] = "csr") -> torch.Tensor:
    """Return the weight matrix W (n_out x n_in) of one layer as a sparse torch tensor.

    In the CSR layout the tensor shares the graph's index arrays and `values`, without a copy; in the COO layout it
    shares `values` alone, because torch wants one int64 array of both indices there. The graph's arrays are read-only:
    torch does not know that, so never write into the tensor's indices.

    Parameters
    ----------
    graph : BipartiteGraph
        The layer.
    values : array or torch.Tensor of shape (n_edges,), optional
        One number per edge; ones of torch's default dtype where not given. A tensor is used as it is, on its device
        (the indices follow it there) and with its gradient.
    layout : {"csr", "coo"}
        Layout of the tensor. A COO tensor is coalesced.

    Raises
    ------
    InvalidNetwork
        If `graph` is no BipartiteGraph.
    InvalidEdgeVector, UnknownName
        If `values` does not have one entry per edge, or is not of a type torch has; for an unknown layout.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 2, 1], [1, 0, 1], n_in=3, n_out=2)
    >>> to_torch(graph, [5.0, 6.0, 7.0]).to_dense().tolist()
    [[0.0, 0.0, 5.0], [6.0, 7.0, 0.0]]
    """
    import torch

    graph = as_layer(graph)
    if layout not in ("csr", "coo"):
        raise unknown_name("layout", layout, ("csr", "coo"))
    if values is None:
        values = torch.ones(graph.n_edges)
    elif isinstance(values, torch.Tensor):
        if values.shape != (graph.n_edges,):
            given = f"a tensor of shape {tuple(values.shape)}"
            expected = f"one entry per edge, shape ({graph.n_edges},)"
            raise InvalidEdgeVector("values", given, expected, "values in canonical edge order")
    else:
        values = _shared(as_edge_vector("values", values, graph.n_edges))
    shape = (graph.n_out, graph.n_in)
    # the indices of a graph are canonical by construction: torch need not check them again
    if layout == "csr":
        _spend_csr_warning()
        rows, columns = (_shared(array).to(values.device) for array in (graph.indptr, graph.indices))
        return torch.sparse_csr_tensor(rows, columns, values, shape, check_invariants=False)
    pairs = torch.from_numpy(np.stack([graph.targets, graph.sources]).astype(np.int64)).to(values.device)
    return torch.sparse_coo_tensor(pairs, values, shape, is_coalesced=True, check_invariants=False)


@overload
def from_torch(source: torch.Tensor, *, include_head: bool = True, n_in: int | None = None) -> Layer: ...
@overload
def from_torch(
    source: nn.Module | Mapping[str, Any], *, include_head: bool = True, n_in: int | None = None
) -> tuple[SparseNetwork, tuple[EdgeVector, ...]]: ...
def from_torch(source: Any, *, include_head: bool = True, n_in: int | None = None) -> Any:
    """Read one layer from a weight tensor (n_out x n_in), or a whole network from a model or its state dict.

    In a dense tensor an exact zero is no edge; in a sparse one (COO, CSR, CSC) every stored entry is an edge, zeros
    too. In a model, layers are read in the order in which their modules were registered:

    - a module with a `graph` (a BipartiteGraph) and a 1-D `weight` is read from its graph, zeros included; one with a
      `kernel_size` beside it, as a `netsparse.nn.SparseConv2d`, is a convolution;
    - a `torch.nn.Linear` is read from its weight, where an exact zero is no edge; so is any module of one's own that
      has `in_features`, `out_features`, a `weight` of shape (out_features, in_features) and a mask of that shape;
    - a `torch.nn.Conv2d` (Conv1d, Conv3d) is read as the matrix that multiplies unrolled patches: its inputs are the
      entries of a patch over all channels, input = (channel * n_rows + row) * n_cols + col, the order of
      `torch.nn.Unfold`, its outputs the output channels. An output has edges inside its own group only. Stride,
      padding and dilation do not change the wiring.

    Under a mask the mask says which pairs are edges: the one of `torch.nn.utils.prune`, or any tensor `weight_mask` or
    `mask` of the weight's shape, in the same module; one in a module around it is an error where it would change what
    is read. Parametrized weights (`torch.nn.utils.parametrize`), and those of the older hooks of
    `torch.nn.utils.weight_norm` and `spectral_norm`, are read as a call in evaluation mode would use them now; the
    model is not changed by it.

    Layers meet in joints: behind a convolution, a patch entry is fed by its channel, and feature f of a linear layer by
    channel f // (in_features // out_channels), as `torch.nn.Flatten` lays them out; after global pooling, where
    in_features = out_channels, there is no joint. Normalisation, activations, pooling, dropout and biases are passed
    over. A module registered twice is one layer. Only chains can be read: which tensors a `forward` adds, joins or
    skips is not in its modules, so the shortcuts of a residual network are not seen, and an error is all that tells
    where two layers do not fit. Values are copies: training on does not change them.

    A state dict has tensors only. In it `weight` (or `weight_orig`) with two axes is a linear layer, with three to five
    a convolution, with one beside `indptr` and `indices` a `netsparse.nn.SparseLinear`; other tensors of one axis are
    passed over. Embeddings and transposed convolutions cannot be told from these. Groups are not in a state dict: one
    group is assumed, or depthwise where a kernel has one input channel above several. A module registered twice is two
    layers. Checkpoints are unwrapped (`state_dict`, `model_state_dict`, `model`).

    Parameters
    ----------
    source : torch.Tensor, torch.nn.Module or mapping of str to torch.Tensor
        What to read, on any device.
    include_head : bool
        Of a model: False leaves out the last layer if it is a `torch.nn.Linear`, the dense read-out of a classifier.
    n_in : int, optional
        Of a state dict: number of inputs of the first layer, where it is a `SparseLinear`, whose state does not hold
        it (isolated inputs at the end would be lost).

    Returns
    -------
    graph, values : BipartiteGraph, array of shape (n_edges,)
        For a tensor; dtype kept (bfloat16 and float8, which numpy does not have, become float32).
    network, weights : SparseNetwork, tuple of arrays
        For a model, one edge vector per layer.

    Raises
    ------
    InvalidEdges, DuplicateEdge, InvalidSize
        If a tensor is not a matrix, lies on the meta device (where there are no values), stores a pair twice, or
        has no rows or no columns; if `n_in` is no number of units.
    InvalidNetwork
        If a model has no layer, has weights of another kind (transposed convolutions, embeddings, attention), a mask
        outside the layer that it masks, in a state dict weights that only the model can compute (`weight_norm`,
        `spectral_norm`), or its layers do not fit onto each other.
    InvalidOption
        If `n_in` is given and the first layer has another number of inputs.

    Notes
    -----
    A convolution as a bipartite graph between patch entries and output channels is ours; as a matrix product it is the
    im2col of Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing",
    IWFHR 2006 (hal:inria-00112631).

    Examples
    --------
    >>> import torch
    >>> graph, values = from_torch(torch.tensor([[0.0, 0.5], [2.0, 0.0]]))
    >>> graph, values.tolist()
    (BipartiteGraph(2 -> 2, 2 edges, density 0.5), [0.5, 2.0])
    >>> layers = torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(2 * 4 * 4, 3)
    >>> network, weights = from_torch(torch.nn.Sequential(*layers))
    >>> network, network.joints[0][[0, 15, 16, 31]].tolist()
    (SparseNetwork(9-2-3, 114 edges, density 1), [0, 0, 1, 1])
    """
    import torch

    n_in = None if n_in is None else as_size("n_in", n_in)
    if isinstance(source, torch.Tensor):
        graph, values = layer_of(source)
        check_inputs(n_in, graph.n_in)
        return graph, values
    return network_of(_layers(source, include_head), n_in)


def kernel_shapes(source: Any, *, include_head: bool = True) -> KernelShapes:
    """Return the shape of each layer's convolution kernel, None for a linear layer: `kernels` of `write_graphml`.

    Parameters
    ----------
    source : torch.nn.Module or mapping of str to torch.Tensor
        A model or a state dict, with the layers that `from_torch` finds in it.
    include_head : bool
        As for `from_torch`.

    Raises
    ------
    InvalidNetwork
        As `from_torch`, as far as it lies in single layers.

    Examples
    --------
    >>> import torch
    >>> kernel_shapes(torch.nn.Sequential(torch.nn.Conv2d(1, 2, (3, 5)), torch.nn.Flatten(), torch.nn.Linear(8, 3)))
    ((3, 5), None)
    """
    return tuple(layer.kernel for layer in _layers(source, include_head))


def _layers(source: Any, include_head: bool) -> list[HeldLayer]:
    import torch

    if isinstance(source, Mapping):
        return layers_of_state(source, include_head)
    if not isinstance(source, torch.nn.Module):
        given, expected = type(source).__name__, "a torch.Tensor, a torch.nn.Module or a state dict"
        raise InvalidNetwork("source", given, expected, "from_torch(model)")
    layers = list(layers_of_module(source))
    if layers and not include_head and layers[-1].is_head:
        layers.pop()
    if not layers:
        given = f"{type(source).__name__} without a linear layer or a convolution"
        given += "" if include_head else " below its head"
        raise InvalidNetwork("model", given, "at least one layer", "torch.nn.Sequential(torch.nn.Linear(...))")
    return layers


def _shared(array: np.ndarray) -> torch.Tensor:
    """Return a tensor on the memory of `array`."""
    import torch

    array = np.ascontiguousarray(array)
    try:
        # from_numpy warns about a read-only array; from_dlpack aliases it silently
        return torch.from_numpy(array) if array.flags.writeable else torch.from_dlpack(array)
    except (TypeError, ValueError, BufferError) as error:  # ValueError: the bytes of another machine's order
        fix = "values.astype('float32')"
        raise InvalidEdgeVector("values", f"dtype {array.dtype}", "numbers of a type torch has", fix) from error


@functools.cache
def _spend_csr_warning() -> None:
    """Make torch's first CSR tensor, the one whose beta-state warning is shown once per process, in silence."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.sparse_csr_tensor(torch.tensor([0, 0]), torch.tensor([], dtype=torch.int64), torch.tensor([]), (1, 1))
