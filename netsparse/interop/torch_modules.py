"""The layers inside a torch module, in the order in which they were registered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netsparse.errors import InvalidNetwork
from netsparse.graph import BipartiteGraph
from netsparse.interop.torch_layers import HeldLayer

if TYPE_CHECKING:
    import torch
    from torch import nn

MASKS = ("weight_mask", "mask")
"""Names of a tensor of the weight's shape that says which entries are edges; the first one is pruning's in torch."""


def layers_of_module(module: nn.Module, name: str = "", seen: set[nn.Module] | None = None) -> Iterator[HeldLayer]:
    """Yield the layers inside `module`, each once; refuse weights that are no layer of a SparseNetwork.

    Raises
    ------
    InvalidNetwork
        For parameters of two axes or more that belong to another kind of module, and for lazy modules.
    """
    import torch

    seen = set() if seen is None else seen
    if module in seen:
        return
    seen.add(module)
    kind, subject = type(module).__name__, f"module {name or 'model'!r}"
    parameters = dict(module.named_parameters(recurse=False))
    if any(map(torch.nn.parameter.is_lazy, parameters.values())):
        raise InvalidNetwork(subject, f"{kind} without a shape", "parameters with a shape", "one forward call first")
    if has_graph(module):
        wired: Any = module
        yield HeldLayer(name, wired.weight, graph=wired.graph)
        return
    if isinstance(module, torch.nn.Linear):
        yield _held(module, name, None)
        return
    if isinstance(module, torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d):
        yield _held(module, name, module.groups)
        return
    if not isinstance(module, torch.nn.LayerNorm | torch.nn.RMSNorm):  # one number per entry, of any shape
        for key, parameter in parameters.items():
            if parameter.ndim >= 2:
                given = f"{kind} with a parameter {key!r} that is not the weight of a linear layer or a convolution"
                expected = "linear layers and convolutions"
                raise InvalidNetwork(subject, given, expected, "from_torch(model.classifier), one part of it")
    for key, child in module.named_children():
        yield from layers_of_module(child, f"{name}.{key}" if name else key, seen)


def has_graph(module: nn.Module) -> bool:
    """Tell whether a module says its wiring: a graph, and a weight with one entry per edge."""
    graph, weight = getattr(module, "graph", None), getattr(module, "weight", None)
    return isinstance(graph, BipartiteGraph) and getattr(weight, "shape", None) == (graph.n_edges,)


def _held(module: Any, name: str, groups: int | None) -> HeldLayer:
    tensors = {key: getattr(module, key, None) for key in MASKS}
    # under pruning module.weight is as old as the last forward call: only weight_orig is up to date
    pruned = tensors["weight_mask"] is not None and hasattr(module, "weight_orig")
    weight = module.weight_orig if pruned else module.weight
    return HeldLayer(name, weight, mask=mask_of(f"layer {name!r}", weight, tensors), groups=groups)


def mask_of(subject: str, weight: torch.Tensor, tensors: dict[str, Any]) -> torch.Tensor | None:
    """Return the mask among a layer's tensors, None where there is none.

    Raises
    ------
    InvalidNetwork
        If pruning's mask does not have the shape of the weight.
    """
    import torch

    for key in MASKS:
        mask = tensors.get(key)
        if isinstance(mask, torch.Tensor) and mask.shape == weight.shape:
            return mask
        if isinstance(mask, torch.Tensor) and key == "weight_mask":
            given = f"a weight_mask of shape {tuple(mask.shape)}"
            raise InvalidNetwork(subject, given, f"the weight's shape {tuple(weight.shape)}", "torch.nn.utils.prune")
    return None
