"""What a training step costs as the network grows: linear in the edges."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch

from netsparse.bench.machine import available_memory
from netsparse.bench.peers import N_CLASSES, netsparse_step
from netsparse.bench.rounds import round_robin
from netsparse.bench.training import N_INPUTS
from netsparse.generators import layered
from netsparse.rng import spawn
from netsparse.typing import Seed

EDGES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
DENSITY = 0.01

LAYERS = 3


def edge_table(
    n_edges: Iterable[int] = EDGES,
    *,
    fan_in: int | None = None,
    batch: int = 128,
    rounds: int = 3,
    device: str | torch.device = "cpu",
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time our training step of 784-W-W-W-10 against the number of edges, units growing along.

    Parameters
    ----------
    n_edges : iterable of int
        Edges of each network, almost. A network that would not fit into the memory that is free now is left out.
    fan_in : int, optional
        None keeps the density at 1 %, so that W grows as the square root of the edges. A number keeps the mean fan-in,
        so that W grows as the edges do: activations then leave the caches soon, and every edge waits for the memory.
    batch, rounds, device, rng
        As for `training_table`.

    Returns
    -------
    DataFrame
        Columns n_edges, width, batch, ms_min, ms_median, ns_per_edge (of the minimum).

    Examples
    --------
    >>> edge_table([10_000], batch=4, rounds=1)["width"].tolist()
    [538]
    >>> edge_table([9_600], fan_in=32, batch=4, rounds=1)["width"].tolist()
    [100]
    """
    device, counts = torch.device(device), list(n_edges)
    rows: list[dict[str, object]] = []
    for count, generator in zip(counts, spawn(rng, len(counts), purpose="benchmark"), strict=True):
        width = width_of(count) if fan_in is None else max(fan_in, round(count / (LAYERS * fan_in)))
        wanted = count if fan_in is None else [fan_in * width] * LAYERS
        free = available_memory()
        if device.type == "cpu" and free is not None and needed(width, count, batch) > free:
            continue
        network = layered([N_INPUTS, *[width] * LAYERS], n_edges=wanted, rng=generator)
        x = torch.from_numpy(generator.random((batch, N_INPUTS), dtype=np.float32)).to(device)
        y = torch.from_numpy(generator.integers(N_CLASSES, size=batch)).to(device)
        step = netsparse_step(network, x, y)
        seconds = round_robin({"netsparse": step}, rounds=rounds, burst=0.3, device=device)["netsparse"]
        least = float(seconds.min())
        rows.append(
            {
                "n_edges": network.n_edges,
                "width": width,
                "batch": batch,
                "ms_min": 1e3 * least,
                "ms_median": 1e3 * float(np.median(seconds)),
                "ns_per_edge": 1e9 * least / network.n_edges,
            }
        )
    return pd.DataFrame(rows)


def edge_slope(table: pd.DataFrame) -> float:
    """Return the exponent a of cost ~ n_edges^a, fitted by least squares to the logarithms; 1 is linear.

    Examples
    --------
    >>> round(edge_slope(pd.DataFrame({"n_edges": [10, 100, 1000], "ms_min": [1.0, 10.0, 100.0]})), 6)
    1.0
    """
    x, y = np.log(table["n_edges"].to_numpy(float)), np.log(table["ms_min"].to_numpy(float))
    return float(np.polyfit(x, y, 1)[0])


def width_of(n_edges: int) -> int:
    """Return W for which 784-W-W-W has so many edges at a density of 1 %.

    Examples
    --------
    >>> width_of(27_840)
    1000
    """
    return round((math.sqrt(N_INPUTS**2 + 8 * n_edges / DENSITY) - N_INPUTS) / 4)


def needed(width: int, n_edges: int, batch: int) -> int:
    """Return an upper bound on the bytes that such a network takes while it is made and trained.

    Six buffers of activations and gradients of a batch, and 80 bytes an edge: indices both ways, weight, gradient,
    momentum, and what sorting and drawing need for a moment.
    """
    return 6 * 4 * width * batch + 80 * n_edges
