"""One convolution, forward and its gradients, on edges and densely: what `backend="auto"` chooses by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from netsparse.bench.rounds import Step, round_robin
from netsparse.errors import unknown_name
from netsparse.generators import erdos_renyi
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.images import feature_major
from netsparse.nn.kernels import KERNELS, Kernel
from netsparse.nn.kernels.native_cpu import NativeCpu
from netsparse.rng import as_rng
from netsparse.typing import Seed

LAYERS = ((3, 64, 32), (64, 64, 32), (64, 128, 16), (128, 256, 8), (256, 512, 4), (512, 512, 2))
"""Channels on either side and side of the images, of a VGG's convolutions at width 1: one for each size of images."""
WIDTHS = (0.125, 1.0)
DENSITIES = (0.01, 0.05, 0.1)
LARGEST_UNROLLED = 2**30
"""Bytes of unrolled patches beyond which nobody wants them timed."""


class Case(NamedTuple):
    """What a contestant is given: a layer, images and the gradient of its result, (batch, channels, side, side)."""

    layer: SparseConv2d
    x: Tensor
    g: Tensor


class Unrolled(NativeCpu):
    """Compiled products on patches that are unrolled, as kernels compute that know of linear layers alone."""

    convolve = Kernel.convolve
    convolve_back = Kernel.convolve_back


def _conv2d(case: Case) -> tuple[nn.Module, Tensor, Tensor]:
    layer, x, g = case
    conv = nn.Conv2d(x.shape[1], g.shape[1], layer.kernel_size, padding=layer.padding, bias=False).to(x.device)
    with torch.no_grad():
        conv.weight.copy_(layer.dense_kernel())
    return conv, x, g


def _scattered(case: Case) -> tuple[nn.Module, Tensor, Tensor]:
    layer, x, g = case
    return SparseConv2d(layer.graph, layer.kernel_size, bias=False, backend="dense", rng=0).to(x.device), x, g


def _unrolled(case: Case) -> tuple[nn.Module, Tensor, Tensor]:
    # a layer that finds its kernel chosen already
    layer, x, g = _edges(case)
    layer._kernels[len(x)] = Unrolled()
    return layer, x, g


def _edges(case: Case) -> tuple[SparseConv2d, Tensor, Tensor]:
    layer, x, g = case
    own = SparseConv2d(layer.graph, layer.kernel_size, bias=False, backend="native_cpu", rng=0).to(x.device)
    return own, feature_major(x).permute(3, 0, 1, 2), feature_major(g).permute(3, 0, 1, 2)


CONTESTANTS: dict[str, Callable[[Case], tuple[nn.Module, Tensor, Tensor]]] = {
    "conv2d": _conv2d,
    "scattered": _scattered,
    "unrolled": _unrolled,
    "edges": _edges,
}
"""`conv2d` is torch's layer, `scattered` the "dense" backend, `edges` the "native_cpu" one."""


def convolution_table(
    layers: Iterable[tuple[int, int, int]] = LAYERS,
    widths: Iterable[float] = WIDTHS,
    densities: Iterable[float] = DENSITIES,
    *,
    batch: int = 128,
    rounds: int = 3,
    device: str | torch.device = "cpu",
    contestants: Sequence[str] = tuple(CONTESTANTS),
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time convolutions of 3 x 3 patches with padding: y and, from a given gradient of y, those of inputs and weights.

    Everyone gets images and gradients in the memory layout its own layers leave them in.

    Parameters
    ----------
    layers : iterable of (int, int, int)
        Channels on either side, and side of the images, at width 1.
    widths, densities : iterables of float
        Factors on the channels (not on 3, those of an image), and shares of the pairs that are edges; every combination
        is timed, but for those that leave no edge.
    batch : int
        Images per step.
    rounds, device, rng
        As for `training_table`.
    contestants : sequence of str
        Names from `CONTESTANTS`; one that cannot compute there is left out.

    Returns
    -------
    DataFrame
        Columns channels, n_out, side, density, n_edges, contestant, ms_min (of a step), speedup (over `conv2d`),
        ms_attack (of y and the gradient of the inputs alone, which an attack takes), auto (whether `backend="auto"`
        computes so).

    Raises
    ------
    UnknownName
        For an unknown contestant.

    Examples
    --------
    >>> table = convolution_table([(3, 8, 4)], [1.0], [0.5], batch=2, rounds=1, contestants=["conv2d", "scattered"])
    >>> table[["contestant", "n_edges"]].to_dict("list")
    {'contestant': ['conv2d', 'scattered'], 'n_edges': [108, 108]}
    """
    for name in contestants:
        if name not in CONTESTANTS:
            raise unknown_name("contestant", name, CONTESTANTS)
    device, generator = torch.device(device), as_rng(rng)
    timing: dict[str, Any] = {"rounds": rounds, "burst": 0.05, "device": device}
    rows: list[dict[str, Any]] = []
    for (before, after, side), width, density in itertools.product(layers, widths, densities):
        channels = before if before == 3 else max(1, round(before * width))
        n_out = max(1, round(after * width))
        n_edges = round(density * channels * 9 * n_out)
        if n_edges == 0:
            continue
        layer = SparseConv2d(erdos_renyi(9 * channels, n_out, n_edges=n_edges, rng=generator), 3, bias=False, rng=0)
        drawn = [generator.random((batch, n, side, side), dtype=np.float32) for n in (channels, n_out)]
        case = Case(layer.to(device), *(torch.from_numpy(array).to(device) for array in drawn))
        there = [name for name in contestants if _is_there(name, case)]
        about = {"channels": channels, "n_out": n_out, "side": side, "density": density, "n_edges": n_edges}
        steps, attacks = (
            {name: _step(*CONTESTANTS[name](case), attacks=attacks) for name in there} for attacks in (False, True)
        )
        least, attacked = (
            {name: 1e3 * float(times.min()) for name, times in round_robin(each, **timing).items()}
            for each in (steps, attacks)
        )
        chosen = "edges" if layer.kernel_for(batch).is_sparse else "scattered"
        rows += [
            {
                **about,
                "contestant": name,
                "ms_min": milliseconds,
                "speedup": least.get("conv2d", float("nan")) / milliseconds,
                "ms_attack": attacked[name],
                "auto": name == chosen,
            }
            for name, milliseconds in least.items()
        ]
    return pd.DataFrame(rows)


def _is_there(name: str, case: Case) -> bool:
    on_edges = KERNELS["native_cpu"].why_not(case.x.device, case.x.dtype) is None
    unrolled = 9 * case.x.numel() * case.x.element_size()
    return {"unrolled": on_edges and unrolled <= LARGEST_UNROLLED, "edges": on_edges}.get(name, True)


def _step(module: nn.Module, x: Tensor, g: Tensor, *, attacks: bool) -> Step:
    x = x.detach().requires_grad_()
    module.requires_grad_(not attacks)
    wanted = [x] if attacks else [x, *module.parameters()]
    return lambda: torch.autograd.grad(module(x), wanted, g)
