"""Every kernel over sizes, densities and batches: the measurements that `backend="auto"` chooses by."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from netsparse.bench.rounds import Step, round_robin
from netsparse.generators import erdos_renyi
from netsparse.nn.kernels import KERNELS, EdgeIndex, Kernel, kernel_name
from netsparse.rng import as_rng
from netsparse.typing import Seed

UNITS = (100, 300, 1000, 4000)
DENSITIES = (0.003, 0.01, 0.03, 0.1, 0.3)
BATCHES = (1, 32, 128, 1024)
LARGEST_DENSE = 2**28
"""Pairs of a layer beyond which nobody wants the dense kernel timed: a gigabyte of float32."""


def kernel_table(
    units: Iterable[int] = UNITS,
    densities: Iterable[float] = DENSITIES,
    batches: Iterable[int] = BATCHES,
    *,
    rounds: int = 3,
    device: str | torch.device = "cpu",
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time a layer n -> n with bias and ReLU, forward and all gradients, by every kernel that can compute there.

    The kernels are called as `SparseLinear` calls them, without autograd around them. `reference` is left out, which is
    made to be read.

    Parameters
    ----------
    units, densities, batches : iterables
        Every combination is a row of the grid; those with a density that leaves no edge are left out.
    rounds, device, rng
        As for `training_table`.

    Returns
    -------
    DataFrame
        Columns device, n, density, batch, kernel, microseconds (of the fastest step), fastest (whether it is that), and
        auto (whether `backend="auto"` chooses it).

    Examples
    --------
    >>> table = kernel_table([30], [0.1], [4], rounds=1)
    >>> int(table["fastest"].sum()), int(table["auto"].sum())
    (1, 1)
    """
    device, rng = torch.device(device), as_rng(rng)
    rows: list[dict[str, object]] = []
    for n, density, batch in itertools.product(units, densities, batches):
        n_edges = round(density * n * n)
        if n_edges == 0:
            continue
        graph = erdos_renyi(n, n, n_edges=n_edges, rng=rng)
        index = EdgeIndex.of(graph, device)
        drawn = [rng.random(shape, dtype=np.float32) for shape in ((n_edges,), (n,), (n, batch), (n, batch))]
        tensors = [torch.from_numpy(array - np.float32(0.5)).to(device) for array in drawn]
        there = {name: kernel for name, kernel in KERNELS.items() if _is_there(name, kernel, device, n)}
        steps = {name: _layer(kernel, index, *tensors) for name, kernel in there.items()}
        least = {name: t.min() for name, t in round_robin(steps, rounds=rounds, burst=0.05, device=device).items()}
        chosen = kernel_name("auto", graph, batch=batch, device=device)
        fastest = min(least, key=lambda name: least[name])
        rows += [
            {
                "device": device.type,
                "n": n,
                "density": density,
                "batch": batch,
                "kernel": name,
                "microseconds": 1e6 * float(seconds),
                "fastest": name == fastest,
                "auto": name == chosen,
            }
            for name, seconds in least.items()
        ]
    return pd.DataFrame(rows)


def _is_there(name: str, kernel: Kernel, device: torch.device, n: int) -> bool:
    if name == "reference" or (name == "dense" and n * n > LARGEST_DENSE):
        return False
    return kernel.why_not(device, torch.float32) is None


def _layer(kernel: Kernel, index: EdgeIndex, weight: Tensor, bias: Tensor, x: Tensor, g: Tensor) -> Step:
    def step() -> object:
        _, signs = kernel.forward(index, weight, bias, x, 0.0)
        return kernel.backward(index, weight, x, signs, 0.0, g, (True, True, True))

    return step
