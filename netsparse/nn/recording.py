"""`recorded_gradients`: what the sparse layers of a model see in the backward passes of a `with` block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from netsparse.errors import InvalidNetwork
from netsparse.nn.gradients import PairGradients, Reduce
from netsparse.nn.layer import SparseLayer


@contextmanager
def recorded_gradients(model: nn.Module, reduce: Reduce | None = None) -> Iterator[list[PairGradients]]:
    """Record what the sparse layers of a model see in the backward passes inside the block.

    Forward and backward passes belong inside; several of them add up. A loss that was scaled gives scaled gradients.
    Inputs and gradients of the layers are kept as long as the result is, so let go of it after use.

    Parameters
    ----------
    model : Module
        A `SparseMLP`, a `VGG`, a `SparseLinear`, or any module that has some of them inside.
    reduce : callable, optional
        Sums a tensor over processes, see `PairGradients`; a process may then have seen no samples at all.

    Yields
    ------
    list of PairGradients
        One per sparse layer, in the order of `model.sparse_layers()` or of `model.modules()`.

    Raises
    ------
    InvalidNetwork
        If the model has no sparse layers.

    Examples
    --------
    >>> import torch
    >>> from netsparse.graph import BipartiteGraph
    >>> from netsparse.nn import SparseLinear
    >>> layer = SparseLinear(BipartiteGraph.from_edges([0], [0], n_in=2, n_out=1), rng=0)
    >>> with recorded_gradients(layer) as grads:
    ...     layer(torch.tensor([[1.0, 2.0], [0.0, 1.0]])).sum().backward()
    >>> grads[0].at_pairs([0, 1], [0, 0])
    array([1., 3.], dtype=float32)
    """
    layers = _sparse_layers(model)
    records = [PairGradients(layer.graph, reduce=reduce) for layer in layers]
    if reduce is not None:
        for layer, record in zip(layers, records, strict=True):  # a batch of none: zeros of the right type and place
            record.add(*(layer.weight.detach().new_empty(size, 0) for size in layer.graph.sizes))
    before = [layer.watch for layer in layers]
    is_open = [True]

    def watch(record: PairGradients, outer: Callable[[Tensor, Tensor], None] | None) -> Callable[..., None]:
        def see(x: Tensor, g: Tensor) -> None:
            if is_open:  # an autograd graph made inside may be used again later
                record.add(x, g)
            if outer is not None:
                outer(x, g)

        return see

    try:
        for layer, record in zip(layers, records, strict=True):
            layer.watch = watch(record, layer.watch)
        yield records
    finally:
        is_open.clear()
        for layer, outer in zip(layers, before, strict=True):
            layer.watch = outer


def _sparse_layers(model: Any) -> list[SparseLayer]:
    listed = getattr(model, "sparse_layers", None)
    modules = model.modules() if isinstance(model, nn.Module) else ()
    layers = listed() if listed else [module for module in modules if isinstance(module, SparseLayer)]
    if not layers:
        raise InvalidNetwork("model", type(model).__name__, "a module with sparse layers", "SparseMLP(network, 10)")
    return layers
