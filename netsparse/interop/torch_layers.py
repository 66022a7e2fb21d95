"""Layers as torch holds them, linear and convolutional, put together as one network with its joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from netsparse.errors import InvalidEdges, InvalidNetwork, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.checks import as_edge_vector
from netsparse.typing import EdgeVector, UnitIds

if TYPE_CHECKING:
    import torch

Layer = tuple[BipartiteGraph, EdgeVector]
IN_ORDER = "a model whose modules are registered in the order in which they are called, or one part of it"


@dataclass(frozen=True, slots=True)
class HeldLayer:
    """One layer as a module or a state dict holds it: nothing is copied or computed yet.

    `weight` is a matrix (n_out, n_in), a kernel (n_out, channels of a group, ...) or, beside `graph` or `rows`, one
    entry per edge. `rows` are `(indptr, indices)`, a wiring whose number of inputs is not known; `groups` is None
    where nobody says how a convolution is divided. `patch` is the shape of the kernel of a convolution whose weight has
    one entry per edge.
    """

    name: str
    weight: torch.Tensor
    mask: torch.Tensor | None = None
    graph: BipartiteGraph | None = None
    rows: tuple[torch.Tensor, torch.Tensor] | None = None
    groups: int | None = None
    patch: tuple[int, ...] | None = None

    @property
    def is_wired(self) -> bool:
        """Whether the layer says which pairs are edges; otherwise they are the entries that are not zero."""
        return self.graph is not None or self.rows is not None

    @property
    def kernel(self) -> tuple[int, ...] | None:
        """Shape of the kernel of a convolution, None for a linear layer."""
        if self.is_wired:
            return self.patch
        return None if self.weight.ndim < 3 else tuple(self.weight.shape[2:])

    @property
    def is_head(self) -> bool:
        """Whether it can be the dense read-out of a classifier: a linear layer that is a matrix in memory."""
        return not self.is_wired and self.kernel is None

    @property
    def n_out(self) -> int:
        """Number of output units or channels."""
        if self.graph is not None:
            return self.graph.n_out
        return self.weight.shape[0] if self.rows is None else len(self.rows[0]) - 1

    @property
    def subject(self) -> str:
        """How errors call it."""
        return f"layer {self.name!r}"


class Meeting(NamedTuple):
    """How a layer meets the one below: its inputs, its groups and the joint between the two."""

    n_in: int
    groups: int
    joint: UnitIds | None


def network_of(held: Sequence[HeldLayer], n_in: int | None = None) -> tuple[SparseNetwork, tuple[EdgeVector, ...]]:
    """Return the layers as a network, and one edge vector per layer; `n_in` is for a first layer that does not know.

    Raises
    ------
    InvalidNetwork, InvalidOption
        If two layers do not fit onto each other, or `n_in` is missing or wrong.
    """
    layers, weights, joints = [], [], []
    below: HeldLayer | None = None
    for layer in held:
        met = meeting(layer, below, n_in)
        graph, values = _read(layer, met)
        layers.append(graph)
        weights.append(values)
        if below is not None:
            joints.append(met.joint)
        below = layer
    return SparseNetwork(layers, joints), tuple(weights)


def meeting(layer: HeldLayer, below: HeldLayer | None, n_in: int | None = None) -> Meeting:
    """Return how `layer` meets the layer `below` (None: it is the first one), from their shapes alone.

    Raises
    ------
    InvalidNetwork, InvalidOption
        If it does not.
    """
    if layer.kernel is not None:
        met = _convolution(layer, layer.kernel, below)
    elif layer.rows is not None:
        met = Meeting(_inputs_of_rows(layer, layer.rows[1], below, n_in), 1, None)
    else:
        width = layer.weight.shape[1] if layer.graph is None else layer.graph.n_in
        met = Meeting(width, 1, None if below is None else _flattened(layer, below, width))
    if below is None:
        check_inputs(n_in, met.n_in)
    return met


def check_inputs(n_in: int | None, found: int) -> None:
    """Refuse a number of inputs other than the one that the first layer has."""
    if n_in is not None and n_in != found:
        given = f"{n_in!r} for a first layer of {found} inputs"
        raise InvalidOption("n_in", given, f"{found}, or nothing", "n_in=None")


def _convolution(layer: HeldLayer, kernel: tuple[int, ...], below: HeldLayer | None) -> Meeting:
    """Feed a patch: it covers all channels of the layer below, channel by channel, place by place in the kernel."""
    n_places = math.prod(kernel)
    per_group = layer.weight.shape[1] if layer.graph is None else layer.graph.n_in // n_places
    groups = layer.groups or 1
    if below is not None and layer.groups is None and per_group == 1 and layer.n_out % below.n_out == 0:
        groups = below.n_out  # depthwise: one input channel cannot stand for many in any other way
    channels = per_group * groups
    if below is None:
        return Meeting(channels * n_places, groups, None)
    if channels != below.n_out:
        given = f"{channels} input channels after {_outputs(below)}"
        raise InvalidNetwork(layer.subject, given, "as many input channels as channels below", IN_ORDER)
    joint = None if n_places == 1 else np.repeat(np.arange(channels), n_places)
    return Meeting(channels * n_places, groups, joint)


def _flattened(layer: HeldLayer, below: HeldLayer, width: int) -> UnitIds | None:
    """Feed a linear layer: by the units below, or by the positions of its channels, channel by channel."""
    if width == below.n_out:
        return None
    if below.kernel is not None and width % below.n_out == 0:
        return np.arange(width) // (width // below.n_out)
    expected = "as many inputs as outputs below"
    if below.kernel is not None:
        expected = f"{below.n_out} inputs or a multiple, flattened channel by channel"
    raise InvalidNetwork(layer.subject, f"{width} inputs after {_outputs(below)}", expected, IN_ORDER)


def _inputs_of_rows(layer: HeldLayer, indices: torch.Tensor, below: HeldLayer | None, n_in: int | None) -> int:
    if below is None:
        if n_in is None:
            given = "indices without a number of inputs"
            raise InvalidNetwork(layer.subject, given, "that number, which they do not hold", "n_in=784")
        return n_in
    if below.kernel is not None:
        given = "indices without a number of inputs after a convolution"
        raise InvalidNetwork(layer.subject, given, "the module, which knows that number", "from_torch(model)")
    if len(indices) and int(indices.max()) >= below.n_out:
        given = f"input {int(indices.max())} after {_outputs(below)}"
        fix = "from_torch(model), which knows convolutions, or modules in the order in which they are called"
        raise InvalidNetwork(layer.subject, given, "as many inputs as outputs below", fix)
    return below.n_out


def _outputs(below: HeldLayer) -> str:
    return f"a layer of {below.n_out} {'outputs' if below.kernel is None else 'channels'}"


def _read(layer: HeldLayer, met: Meeting) -> Layer:
    if layer.rows is not None:
        indptr, indices = map(to_numpy, layer.rows)
        return _wired(layer, BipartiteGraph(met.n_in, layer.n_out, indptr, indices))
    if layer.graph is not None:
        return _wired(layer, layer.graph)
    weight = layer.weight.detach()
    pattern = weight if layer.mask is None else layer.mask
    if weight.ndim == 2 and layer.mask is None:
        return layer_of(weight)
    sources, targets, values = _entries(_rows_of(pattern))
    if layer.mask is not None:
        values = to_numpy(_rows_of(held(weight) * held(layer.mask)))[targets, sources]
    # a group of outputs reads its own channels: its columns in the kernel start where the group's channels do
    per_group, n_out = met.n_in // met.groups, layer.n_out
    sources = sources + targets // (n_out // met.groups) * per_group
    return BipartiteGraph.from_edges(sources, targets, n_in=met.n_in, n_out=n_out), values


def _wired(layer: HeldLayer, graph: BipartiteGraph) -> Layer:
    """Return a wiring and its weights; under a mask without the edges that it leaves out."""
    values = as_edge_vector(f"weight of {layer.subject}", to_numpy(layer.weight), graph.n_edges)
    if layer.mask is None:
        return graph, values.copy()
    stays = to_numpy(layer.mask) != 0
    values = to_numpy(held(layer.weight) * held(layer.mask))[stays]
    kept = BipartiteGraph.from_edges(graph.sources[stays], graph.targets[stays], n_in=graph.n_in, n_out=graph.n_out)
    return kept, values


def layer_of(tensor: torch.Tensor) -> Layer:
    """Return the graph and values of a weight matrix (n_out x n_in) of any layout."""
    tensor = held(tensor)
    if tensor.ndim != 2 or tensor.dense_dim() not in (0, 2):
        raise _no_matrix(tensor)
    sources, targets, values = _entries(tensor)
    n_out, n_in = tensor.shape
    graph = BipartiteGraph.from_edges(sources, targets, n_in=n_in, n_out=n_out)
    return graph, values[np.lexsort((sources, targets))]


def _entries(matrix: torch.Tensor) -> tuple[UnitIds, UnitIds, np.ndarray]:
    """Return sources, targets and values of what a matrix stores: row by row where it is dense."""
    import torch

    matrix = held(matrix)
    if matrix.layout == torch.strided:
        pairs = matrix.nonzero().T
        values = matrix[pairs[0], pairs[1]]
    else:
        if matrix.layout != torch.sparse_coo:
            _check_pointers(matrix)
        stored = matrix if matrix.layout == torch.sparse_coo else matrix.to_sparse_coo()
        # the public accessors would add up a pair stored twice; it is an error here, as it is from scipy
        pairs, values = stored._indices(), stored._values()
    targets, sources = pairs.cpu().numpy()
    return sources, targets, to_numpy(values)


def _check_pointers(matrix: torch.Tensor) -> None:
    """Refuse row (or column) pointers that lead out of the indices: torch believes them and reads beyond its memory."""
    import torch

    by_rows = matrix.layout in (torch.sparse_csr, torch.sparse_bsr)
    pointers = to_numpy(matrix.crow_indices() if by_rows else matrix.ccol_indices())
    indices = matrix.col_indices() if by_rows else matrix.row_indices()
    n_blocks = matrix.shape[0 if by_rows else 1]
    if matrix.layout in (torch.sparse_bsr, torch.sparse_bsc):
        n_blocks //= matrix.values().shape[1 if by_rows else 2]
    fit = len(pointers) == n_blocks + 1 and len(indices) == len(matrix.values())
    if not fit or pointers[0] != 0 or pointers[-1] != len(indices) or (pointers[1:] < pointers[:-1]).any():
        given = f"{len(pointers)} pointers for {n_blocks} {'rows' if by_rows else 'columns'}, {len(indices)} indices"
        expected = f"{n_blocks + 1} that do not decrease, the first one 0, the last one the number of indices"
        raise InvalidEdges("sparse tensor", given, expected, "torch.sparse_coo_tensor(...)")


def _rows_of(weight: torch.Tensor) -> torch.Tensor:
    """Return a kernel as the matrix that multiplies unrolled patches, in the order of `torch.nn.Unfold`."""
    import torch

    if weight.layout != torch.strided:
        raise _no_matrix(weight)
    return weight.flatten(1)


def held(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that has values, without its gradient and in a type that can be searched for zeros."""
    if tensor.is_meta:
        given = f"shape {tuple(tensor.shape)} on the meta device"
        raise InvalidEdges("tensor", given, "a tensor with values", "model.to_empty(device='cpu') and its state_dict")
    if tensor.is_quantized or tensor.is_mkldnn or tensor.is_nested:
        kind = "a quantized" if tensor.is_quantized else "a nested" if tensor.is_nested else "an mkldnn"
        fix = {"a quantized": "tensor.dequantize()", "an mkldnn": "tensor.to_dense()"}.get(kind, "tensor.unbind()[0]")
        raise InvalidEdges("tensor", f"{kind} tensor", "plain numbers, dense or sparse", fix)
    tensor = tensor.detach()
    return tensor.float() if tensor.is_floating_point() and tensor.dtype.itemsize == 1 else tensor


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Return the values as an array, on the tensor's memory where they can be; bfloat16 and float8 become float32."""
    import torch

    tensor = held(tensor).cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _no_matrix(tensor: Any) -> InvalidEdges:
    given = f"shape {tuple(tensor.shape)}, layout {tensor.layout}"
    return InvalidEdges("tensor", given, "one number per pair, shape (n_out, n_in)", "tensor.flatten(1)")
