"""What a training step costs as the network grows: linear in the edges."""

from __future__ import annotations

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
FAN_IN = 32
"""Mean fan-in of every unit: units grow with the edges, so that nothing but their number changes."""


def edge_table(
    n_edges: Iterable[int] = EDGES,
    *,
    batch: int = 128,
    rounds: int = 3,
    device: str | torch.device = "cpu",
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time our training step of 784-W-W-W-10 at a mean fan-in of 32 against the number of edges.

    Parameters
    ----------
    n_edges : iterable of int
        Edges of each network, about; W = n_edges / 96. A network that would not fit into the memory that is free now
        is left out.
    batch, rounds, device, rng
        As for `training_table`.

    Returns
    -------
    DataFrame
        Columns n_edges, width, batch, ms_min, ms_median, ns_per_edge (of the minimum).

    Examples
    --------
    >>> edge_table([9600], batch=4, rounds=1)["width"].tolist()
    [100]
    """
    device, counts = torch.device(device), list(n_edges)
    rows: list[dict[str, object]] = []
    for count, generator in zip(counts, spawn(rng, len(counts), purpose="benchmark"), strict=True):
        width = max(FAN_IN, round(count / (3 * FAN_IN)))
        free = available_memory()
        if device.type == "cpu" and free is not None and needed(width, batch) > free:
            continue
        network = layered([N_INPUTS, width, width, width], n_edges=[FAN_IN * width] * 3, rng=generator)
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


def needed(width: int, batch: int) -> int:
    """Return an upper bound on the bytes that such a network takes while it is made and trained.

    Six buffers of activations and gradients of a batch, and 80 bytes an edge: indices both ways, weight, gradient,
    momentum, and what sorting and drawing need for a moment.
    """
    return 6 * 4 * width * batch + 80 * 3 * FAN_IN * width
