"""The layers inside a torch module, in the order in which they were registered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netsparse.errors import InvalidNetwork
from netsparse.graph import BipartiteGraph
from netsparse.interop.torch_layers import HeldLayer, held

if TYPE_CHECKING:
    import torch
    from torch import nn

MASKS = ("weight_mask", "mask")
"""Names of a tensor of the weight's shape that says which entries are edges; the first one is pruning's in torch."""

WEIGHT = frozenset({"weight", "weight_orig"})
"""Names of the weight, without and with pruning."""


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
        yield _held(wired, name, graph=wired.graph, groups=1, patch=_patch_of(wired))
        return
    if isinstance(module, torch.nn.Linear) or _is_masked_linear(module, parameters):
        yield _held(module, name)
        return
    if isinstance(module, torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d):
        yield _held(module, name, groups=module.groups)
        return
    if not isinstance(module, torch.nn.LayerNorm | torch.nn.RMSNorm):  # one number per entry, of any shape
        for key, parameter in parameters.items():
            if parameter.ndim >= 2:
                given = f"{kind} with a parameter {key!r} that is not the weight of a linear layer or a convolution"
                expected = "linear layers and convolutions"
                raise InvalidNetwork(subject, given, expected, "from_torch(model.classifier), one part of it")
    masks = {key: getattr(module, key, None) for key in MASKS}
    for key, child in module.named_children():
        for layer in layers_of_module(child, f"{name}.{key}" if name else key, seen):
            refuse_outer_mask(subject, masks, layer)
            yield layer


def has_graph(module: nn.Module) -> bool:
    """Tell whether a module says its wiring: a graph, and a weight with one entry per edge."""
    graph = getattr(module, "graph", None)
    return isinstance(graph, BipartiteGraph) and getattr(_weight_now(module), "shape", None) == (graph.n_edges,)


def _patch_of(wired: Any) -> tuple[int, ...] | None:
    """Return the kernel's shape of a convolution over a graph, None for a linear layer."""
    size = getattr(wired, "kernel_size", None)
    sides = () if size is None else tuple(size) if isinstance(size, tuple | list) else (size,)
    n_places = math.prod(side for side in sides if isinstance(side, int))
    if not sides or n_places < 1 or len(sides) > 3 or wired.graph.n_in % n_places:
        return None
    return sides


def _is_masked_linear(module: Any, parameters: dict[str, Any]) -> bool:
    """Tell whether a module of somebody's own is a linear layer under a mask, laid out as in torch."""
    import torch

    shape = (getattr(module, "out_features", None), getattr(module, "in_features", None))
    others = [key for key, value in parameters.items() if value.ndim >= 2 and key not in {*MASKS, *WEIGHT}]
    masks = (getattr(module, key, None) for key in MASKS)
    masked = any(isinstance(mask, torch.Tensor) and mask.shape == shape for mask in masks)
    return masked and not others and getattr(_weight_now(module), "shape", None) == shape


def _held(module: Any, name: str, *, graph: BipartiteGraph | None = None, **convolution: Any) -> HeldLayer:
    weight, tensors = _weight_now(module), {key: getattr(module, key, None) for key in MASKS}
    mask = mask_of(f"layer {name!r}", weight, tensors)
    return HeldLayer(name, weight, mask=mask, graph=graph, **convolution)


def _weight_now(module: Any) -> Any:
    """Return the weight before any mask that a call in evaluation mode would use now; the module stays as it is."""
    import torch
    from torch.nn.utils.parametrize import is_parametrized
    from torch.nn.utils.spectral_norm import SpectralNorm
    from torch.nn.utils.weight_norm import WeightNorm

    # under pruning and the older hooks module.weight is as old as the last forward call
    if getattr(module, "weight_mask", None) is not None and hasattr(module, "weight_orig"):
        return module.weight_orig
    with torch.no_grad():
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm) and hook.name == "weight":
                return hook.compute_weight(module)
            if isinstance(hook, SpectralNorm) and hook.name == "weight":
                return hook.compute_weight(module, do_power_iteration=False)
        if not is_parametrized(module, "weight"):
            return getattr(module, "weight", None)
        # spectral norm takes a step of its iteration, and keeps it, whenever it is evaluated in training mode
        training = [part for part in module.parametrizations.weight.modules() if part.training]
        try:
            for part in training:
                part.training = False
            return module.weight
        finally:
            for part in training:
                part.training = True


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


def refuse_outer_mask(subject: str, tensors: dict[str, Any], layer: HeldLayer) -> None:
    """Refuse a mask that a module keeps beside a layer inside it and that would change what is read from that layer.

    Raises
    ------
    InvalidNetwork
        If a tensor named as a mask has the shape of the layer's weight, and is zero where the weight is not.
    """
    import torch

    if layer.mask is not None or layer.is_wired or layer.weight.is_meta or layer.weight.layout != torch.strided:
        return
    weight = held(layer.weight)
    for key in MASKS:
        mask = tensors.get(key)
        if not isinstance(mask, torch.Tensor) or mask.shape != weight.shape or mask.is_meta:
            continue
        if bool(((held(mask).to(weight.device) == 0) & (weight != 0)).any()):
            given = f"a {key} outside layer {layer.name!r} that is zero where its weight is not"
            fix = f"register_buffer('mask', mask) on layer {layer.name!r}"
            raise InvalidNetwork(subject, given, "masks inside the layers that they mask", fix)
