"""torch: one layer as a sparse tensor that shares its memory, any tensor or model read back."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from netsparse.errors import InvalidEdges, InvalidEdgeVector, InvalidNetwork, unknown_name
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.checks import as_edge_vector
from netsparse.interop.columns import as_layer
from netsparse.typing import EdgeVector

if TYPE_CHECKING:
    import torch
    from torch import nn

Layer = tuple[BipartiteGraph, EdgeVector]


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
def from_torch(source: torch.Tensor, *, include_head: bool = True) -> Layer: ...
@overload
def from_torch(source: nn.Module, *, include_head: bool = True) -> tuple[SparseNetwork, tuple[EdgeVector, ...]]: ...
def from_torch(source: Any, *, include_head: bool = True) -> Any:
    """Read one layer from a weight tensor (n_out x n_in), or a whole network from a model.

    In a dense tensor an exact zero is no edge; in a sparse one (COO, CSR, CSC) every stored entry is an edge, zeros
    too. In a model, layers are read in the order in which their modules were registered:

    - a module with a `graph` (a BipartiteGraph) and a 1-D `weight` is read from its graph, zeros included;
    - a `torch.nn.Linear` is read from its weight, where an exact zero is no edge; under a pruning mask
      (`torch.nn.utils.prune`) the mask says which pairs are edges.

    Activations, normalisation and biases are passed over. Values are copies: training on does not change them.

    Parameters
    ----------
    source : torch.Tensor or torch.nn.Module
        What to read, on any device.
    include_head : bool
        Of a model: False leaves out the last layer if it is a `torch.nn.Linear`, the dense read-out of a classifier.

    Returns
    -------
    graph, values : BipartiteGraph, array of shape (n_edges,)
        For a tensor; dtype kept (bfloat16, which numpy does not have, becomes float32).
    network, weights : SparseNetwork, tuple of arrays
        For a model, one edge vector per layer.

    Raises
    ------
    InvalidEdges, DuplicateEdge, InvalidSize
        If a tensor is not a matrix, lies on the meta device (where there are no values), stores a pair twice, or
        has no rows or no columns.
    InvalidNetwork
        If a model has no linear layer, has weights of another kind (convolutions, embeddings), or its layers do not
        fit onto each other.

    Examples
    --------
    >>> import torch
    >>> graph, values = from_torch(torch.tensor([[0.0, 0.5], [2.0, 0.0]]))
    >>> graph, values.tolist()
    (BipartiteGraph(2 -> 2, 2 edges, density 0.5), [0.5, 2.0])
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    >>> network, weights = from_torch(model)
    >>> network
    SparseNetwork(4-3-2, 18 edges, density 1)
    """
    import torch

    if isinstance(source, torch.Tensor):
        return _from_tensor(source)
    if isinstance(source, torch.nn.Module):
        return _from_module(source, include_head)
    given, expected = type(source).__name__, "a torch.Tensor or a torch.nn.Module"
    raise InvalidNetwork("source", given, expected, "from_torch(model)")


def _from_tensor(tensor: torch.Tensor) -> Layer:
    import torch

    tensor = _held(tensor)
    if tensor.ndim != 2 or tensor.dense_dim() not in (0, 2):
        given = f"shape {tuple(tensor.shape)}, layout {tensor.layout}"
        raise InvalidEdges("tensor", given, "one number per pair, shape (n_out, n_in)", "tensor.flatten(1)")
    n_out, n_in = tensor.shape
    if tensor.layout == torch.strided:
        pairs = tensor.nonzero().T
        values = tensor[pairs[0], pairs[1]]
    else:
        stored = tensor if tensor.layout == torch.sparse_coo else tensor.to_sparse_coo()
        # the public accessors would add up a pair stored twice; it is an error here, as it is from scipy
        pairs, values = stored._indices(), stored._values()
    targets, sources = pairs.cpu().numpy()
    graph = BipartiteGraph.from_edges(sources, targets, n_in=n_in, n_out=n_out)
    return graph, _to_numpy(values)[np.lexsort((sources, targets))]


def _from_module(model: nn.Module, include_head: bool) -> tuple[SparseNetwork, tuple[EdgeVector, ...]]:
    import torch

    found = list(_linear_modules(model, "", set()))
    if found and not include_head and isinstance(found[-1][1], torch.nn.Linear):
        found.pop()
    if not found:
        given = f"{type(model).__name__} without a linear layer" + ("" if include_head else " below its head")
        raise InvalidNetwork("model", given, "at least one layer", "torch.nn.Sequential(torch.nn.Linear(...))")
    for (_, below), (name, above) in itertools.pairwise(found):
        if _n_out(below) != _n_in(above):
            given = f"{_n_in(above)} inputs after a layer of {_n_out(below)} outputs"
            fix = "a model whose modules are registered in the order in which they are called"
            raise InvalidNetwork(f"layer {name!r}", given, "as many inputs as outputs below", fix)
    layers, weights = zip(*(_from_layer(module) for _, module in found), strict=True)
    return SparseNetwork(layers), weights


def _linear_modules(module: nn.Module, name: str, seen: set[nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers inside `module`, each once; refuse weights that are no layer of a SparseNetwork."""
    import torch

    if module in seen:
        return
    seen.add(module)
    subject, parameters = f"module {name or 'model'!r}", dict(module.named_parameters(recurse=False))
    if any(map(torch.nn.parameter.is_lazy, parameters.values())):
        given = f"{type(module).__name__} without a shape"
        raise InvalidNetwork(subject, given, "parameters with a shape", "one forward call first")
    if isinstance(module, torch.nn.Linear) or _has_graph(module):
        yield name, module
        return
    for key, parameter in parameters.items():
        if parameter.ndim >= 2:
            given = f"{type(module).__name__} with a parameter {key!r} that is not the weight of a linear layer"
            raise InvalidNetwork(subject, given, "linear layers", "from_torch(model.classifier), one part of it")
    for key, child in module.named_children():
        yield from _linear_modules(child, f"{name}.{key}" if name else key, seen)


def _has_graph(module: nn.Module) -> bool:
    graph, weight = getattr(module, "graph", None), getattr(module, "weight", None)
    return isinstance(graph, BipartiteGraph) and getattr(weight, "shape", None) == (graph.n_edges,)


def _n_in(module: Any) -> int:
    return module.graph.n_in if _has_graph(module) else module.in_features


def _n_out(module: Any) -> int:
    return module.graph.n_out if _has_graph(module) else module.out_features


def _from_layer(module: Any) -> Layer:
    if _has_graph(module):
        return module.graph, _to_numpy(module.weight).copy()
    mask = getattr(module, "weight_mask", None)
    if mask is None:
        return _from_tensor(module.weight)
    graph, _ = _from_tensor(mask)
    # module.weight is as old as the last forward call: after an optimizer step only weight_orig is up to date
    return graph, _to_numpy(module.weight_orig * mask)[graph.targets, graph.sources]


def _held(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that has values, without its gradient."""
    if tensor.is_meta:
        given = f"shape {tuple(tensor.shape)} on the meta device"
        raise InvalidEdges("tensor", given, "a tensor with values", "model.to_empty(device='cpu') and its state_dict")
    return tensor.detach()


def _to_numpy(tensor: torch.Tensor) -> np.ndarray:
    import torch

    tensor = _held(tensor).cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


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
