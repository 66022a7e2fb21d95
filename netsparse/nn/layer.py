"""`SparseLayer`: what every layer over a `BipartiteGraph` is: one weight per edge, and a wiring that may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidEdgeVector, InvalidGraph
from netsparse.graph import BipartiteGraph, EdgeMap
from netsparse.graph.checks import as_edge_vector
from netsparse.nn.activation import slope_of
from netsparse.nn.init import initial_weights
from netsparse.nn.kernels import KERNELS, EdgeIndex, Kernel, kernel_name
from netsparse.nn.kernels.dispatch import BATCH
from netsparse.nn.kernels.product import Watch
from netsparse.nn.optimizer import carried, carry_in_place, carry_state, stays_in_place
from netsparse.rng import as_rng
from netsparse.typing import EdgeVector, Seed

Module = TypeVar("Module", bound=nn.Module)


class SparseLayer(nn.Module):
    """A layer over a bipartite graph, of whatever kind: one Parameter along its edges, a wiring that may change.

    What a subclass adds is `forward`.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring.
    bias : bool
        Whether each target unit has a bias, initially 0.
    activation : None, {"relu", "leaky_relu"} or float
        The function f: f(z) = z for z > 0, and elsewhere 0, 0.01 z or that number times z.
    backend : str
        Which kernel computes the products, see `netsparse.nn.kernels`.
    init : {"he_sparse", "he_dense", "glorot_uniform"}
        How the weights start, see `netsparse.nn.init`.
    rng : int or numpy.random.Generator, optional
        Source of the initial weights; None takes a seed from torch's own generator, as every `nn.Module` does.

    Attributes
    ----------
    graph : BipartiteGraph
        The current wiring; changed by `rewire` alone.
    weight : Parameter of shape (n_edges,)
        In canonical edge order.
    slope : float or None
        Of the activation on the negative side; None without one.
    kernel : str
        Name of the kernel that computed the last batch of a size not seen before, or would compute one of 128.
    kernel_size : (int, int) or None
        Of a convolution.
    name : str or None
        What errors call the layer; a model gives each of its own one.
    watch : callable or None
        Called in every backward pass as `watch(x, g)`, whose product g x^T is the gradient of every pair (n_out, n_in),
        edge or not: what gradients of pairs that are no edges are made of. Of a convolution, whose patches have to be
        gone through for it, only where its weights ask for a gradient.
    indptr, indices : buffers
        The wiring inside `state_dict`, so that a checkpoint carries its topology; loading one rewires the layer.

    Raises
    ------
    InvalidGraph, UnknownName, InvalidSeed
        If `graph` is none, or for an unknown activation, backend or init, or an impossible seed.
    """

    graph: BipartiteGraph
    indptr: Tensor
    indices: Tensor
    name: str | None = None
    kernel_size: tuple[int, int] | None = None
    _index: EdgeIndex

    def __init__(
        self,
        graph: BipartiteGraph,
        *,
        bias: bool = True,
        activation: str | float | None = None,
        backend: str = "auto",
        init: str = "he_sparse",
        rng: Seed | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(graph, BipartiteGraph):
            fix = "BipartiteGraph.from_mask(mask) or network.layers[0]"
            raise InvalidGraph("graph", type(graph).__name__, "a BipartiteGraph", fix)
        self.slope = slope_of(activation)
        generator = torch_seeded() if rng is None else as_rng(rng)
        self.backend = backend
        self.watch: Watch | None = None
        weights = initial_weights(graph, init, generator)
        self.weight = nn.Parameter(torch.tensor(weights, dtype=torch.get_default_dtype()))
        self._wire(graph)
        self.bias = nn.Parameter(torch.zeros(graph.n_out)) if bias else None

    def _wire(self, graph: BipartiteGraph) -> None:
        self._index_there(graph)
        self._choose_again()

    def _index_there(self, graph: BipartiteGraph) -> None:
        index = EdgeIndex.of(graph, self.weight.device)
        # what a module does with attributes and buffers, without its checks: every rewiring comes through here
        self.__dict__.update(graph=graph, _index=index)
        self._buffers["indptr"], self._buffers["indices"] = index.indptr, index.indices

    def _choose_again(self) -> None:
        self._kernels: dict[int, Kernel] = {}
        # one asked for by name need not compute where the layer is at this moment: it may be about to be moved
        self.kernel = self.backend if self.backend in KERNELS else self._kernel_name(BATCH)

    def _kernel_name(self, batch: int) -> str:
        device, dtype = self.weight.device, self.weight.dtype
        return kernel_name(self.backend, self.graph, batch=batch, device=device, dtype=dtype)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[misc]
        if self._index.indptr.device != self.weight.device:
            self._index_there(self.graph)
        self._choose_again()  # a kernel for float32 need not be one for float64
        return self

    @property
    def n_in(self) -> int:
        """Number of source units."""
        return self.graph.n_in

    @property
    def n_out(self) -> int:
        """Number of target units."""
        return self.graph.n_out

    def kernel_for(self, batch: int) -> Kernel:
        """Choose the kernel for a batch, and remember it: it holds until the layer is rewired or moved.

        Raises
        ------
        InvalidOption
            If the kernel asked for by name cannot compute on the layer's device or in its dtype.
        """
        self.kernel = self._kernel_name(batch)
        self._kernels[batch] = KERNELS[self.kernel]
        return self._kernels[batch]

    def edge_weights(self) -> EdgeVector:
        """Return a copy of the weights as a numpy edge vector; bfloat16, which numpy does not have, becomes float32."""
        weight = self.weight.detach()
        return (weight.float() if weight.dtype is torch.bfloat16 else weight).numpy(force=True).copy()

    def sparse_weight(self) -> Tensor:
        """Return W (n_out x n_in) as a torch sparse CSR tensor that shares this layer's values and index arrays."""
        size = (self.n_out, self.n_in)
        return torch.sparse_csr_tensor(self.indptr, self.indices, self.weight.detach(), size, check_invariants=False)

    def with_edges(self, graph: BipartiteGraph, weight: EdgeVector) -> Self:
        """Return a layer with other edges that shares the bias with this one; this one stays as it is.

        Parameters
        ----------
        graph : BipartiteGraph
            Of the same n_in and n_out; where it equals this layer's, the index arrays are shared as well.
        weight : array of shape (n_edges,)
            One entry per edge of `graph`, copied, in this layer's dtype and on its device.

        Returns
        -------
        a layer of the same class
            Its weight is a new Parameter of its own.

        Raises
        ------
        InvalidGraph, InvalidEdgeVector
            For something else than a graph between as many units, or an array that does not fit it or holds no real
            numbers.
        """
        if not isinstance(graph, BipartiteGraph) or graph.sizes != self.graph.sizes:
            given = repr(graph) if isinstance(graph, BipartiteGraph) else type(graph).__name__
            expected = f"a BipartiteGraph of {self.n_in} sources and {self.n_out} targets"
            raise InvalidGraph("with_edges", given, expected, "subgraph(layer.graph, keep)[0]")
        values = as_tensor(as_edge_vector("weight", weight, graph.n_edges), self.weight)
        layer = shallow_copy(self)
        layer.weight = nn.Parameter(values, requires_grad=self.weight.requires_grad)
        if graph is not self.graph and graph != self.graph:
            layer._wire(graph)
        return layer

    def rewire(
        self,
        graph: BipartiteGraph,
        edge_map: EdgeMap,
        optimizer: torch.optim.Optimizer | None = None,
        *,
        newborn: np.ndarray | None = None,
    ) -> None:
        """Take over a changed graph: weights and optimizer state follow their edges.

        Parameters
        ----------
        graph, edge_map : BipartiteGraph, EdgeMap
            What `netsparse.graph.apply` returned for this layer's graph; not checked again where these are the very
            objects. The Parameter stays the same object, and keeps its storage where as many edges come as go.
        optimizer : torch.optim.Optimizer, optional
            The optimizer that holds this layer's weight; its per-edge state is carried, newborn edges start at 0.
        newborn : array of shape (n_added,), optional
            Weights of the newborn edges (`delta.values`); None means 0.

        Raises
        ------
        InvalidGraph, InvalidEdgeVector
            If graph, map or newborn weights do not belong to this layer; layer and optimizer are then as before.
        """
        if not edge_map.leads(self.graph, graph):  # what `apply` made together fits; anything else is compared
            self._check_change(graph, edge_map)
        weight, same_size = self.weight, graph.n_edges == self.graph.n_edges
        if newborn is not None:
            newborn = as_edge_vector("newborn", newborn, len(edge_map.added))
            values = torch.tensor(newborn, dtype=weight.dtype, device=weight.device)
            added = torch.from_numpy(edge_map.added.astype(np.int64)).to(weight.device)
        moved = None if stays_in_place(weight, edge_map) else carried(weight.detach(), edge_map)
        if optimizer is not None:  # everything is checked: from here on nothing fails
            carry_state(optimizer, weight, edge_map)
        if moved is None:
            carry_in_place(weight, edge_map)
            weight.grad = None
        else:
            self._set_weight(moved)
        if newborn is not None:
            weight.data[added] = values  # pyright: ignore[reportPossiblyUnboundVariable]
        self._index_there(graph)
        if not same_size:
            self._choose_again()

    def _check_change(self, graph: BipartiteGraph, edge_map: EdgeMap) -> None:
        fix = "graph, edge_map = netsparse.apply(layer.graph, delta)"
        if graph.sizes != self.graph.sizes or edge_map.n_edges != graph.n_edges:
            given = f"{graph!r} with a map to {edge_map.n_edges} edges"
            raise InvalidGraph("rewire", given, f"a change of {self.graph!r}", fix)
        if edge_map.n_before != self.graph.n_edges:
            given = f"a map from {edge_map.n_before} edges"
            raise InvalidEdgeVector("rewire", given, f"a map from this layer's {self.graph.n_edges} edges", fix)
        old = edge_map.survivors
        new = edge_map.old_to_new[old]
        same = (self.graph.sources[old] == graph.sources[new]) & (self.graph.targets[old] == graph.targets[new])
        if not same.all():
            raise InvalidGraph("rewire", "a map of another graph", f"a change of {self.graph!r}", fix)

    def _set_weight(self, values: Tensor) -> None:
        if len(values) == len(self.weight):
            self.weight.data.copy_(values)  # the Parameter keeps its storage where the count is constant
            self.weight.grad = None
            return
        self.weight.grad = None
        # a loss that is still held keeps the node that gathers gradients, which knows the old shape:
        # another dtype in between makes torch forget it
        other = torch.float64 if values.dtype is torch.float32 else torch.float32
        self.weight.data = values.new_empty(0, dtype=other)
        self.weight.data = values

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **kwargs: Any) -> None:
        indptr, indices, weight = (state_dict.get(f"{prefix}{name}") for name in ("indptr", "indices", "weight"))
        # the buffers are the graph's own arrays, into which nothing may ever be copied: without a weight for every edge
        # of a whole wiring there is nothing to load
        state_dict = {name: value for name, value in state_dict.items() if name not in self._wiring(prefix)}
        if isinstance(indptr, Tensor) and isinstance(indices, Tensor) and isinstance(weight, Tensor):
            graph = BipartiteGraph(self.n_in, self.n_out, indptr.cpu().numpy(), indices.cpu().numpy())
            if weight.shape != (graph.n_edges,):
                given, expected = f"shape {tuple(weight.shape)}", f"({graph.n_edges},), one entry per edge"
                raise InvalidEdgeVector(f"{prefix}weight", given, expected, "the state dict of a layer of this class")
            if graph != self.graph:
                self._set_weight(self.weight.detach().new_zeros(graph.n_edges))
                self._wire(graph)
            state_dict |= self._wiring(prefix)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _wiring(self, prefix: str) -> dict[str, Tensor]:
        return {f"{prefix}indptr": self.indptr, f"{prefix}indices": self.indices}

    def extra_repr(self) -> str:
        """Describe the layer in one line."""
        sparse = "truly sparse" if KERNELS[self.kernel].is_sparse else "dense compute"
        return f"{self.graph!r}, bias={self.bias is not None}, negative slope {self.slope}, {self.kernel} ({sparse})"


def shallow_copy(module: Module) -> Module:
    """Return a module with the very parameters, buffers and children of `module`, any of which may then be exchanged.

    Only the tables that hold them are copied: what is set on the copy is not set on the original.
    """
    copy = module.__new__(type(module))
    vars(copy).update({k: v.copy() if isinstance(v, dict | set) else v for k, v in vars(module).items()})
    return copy


def as_tensor(values: np.ndarray, like: Tensor) -> Tensor:
    """Return a copy of an array, whatever its strides and byte order, in the dtype and on the device of `like`.

    Raises
    ------
    InvalidEdgeVector
        If it does not hold real numbers.
    """
    if values.dtype.kind not in "fiub":
        given, fix = f"dtype {values.dtype}", "numpy.asarray(weights, dtype=float)"
        raise InvalidEdgeVector("weights", given, "real numbers", fix)
    plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
    return torch.tensor(plain, dtype=like.dtype, device=like.device)


def torch_seeded() -> np.random.Generator:
    """Return a numpy generator seeded from torch's global one, for modules built without `rng`."""
    return as_rng(int(torch.randint(2**62, ()).item()))
