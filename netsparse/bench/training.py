"""A whole training step on edges, beside the peers that do the same work: the table `netsparse bench train` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch

from netsparse.bench.peers import CONTESTANTS, N_CLASSES, present
from netsparse.bench.rounds import round_robin
from netsparse.errors import unknown_name
from netsparse.generators import layered
from netsparse.rng import spawn
from netsparse.typing import Seed

N_INPUTS = 784
SIZES = ((1000, 0.01), (4000, 0.01), (4000, 0.1))
"""Width and density of the networks that are promised to be fast."""


def training_table(
    sizes: Iterable[tuple[int, float]] = SIZES,
    *,
    batch: int = 128,
    rounds: int = 5,
    device: str | torch.device = "cpu",
    contestants: Sequence[str] = tuple(CONTESTANTS),
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time whole training steps of 784-W-W-W-10, forward, backward and optimizer, contestants taking turns.

    Parameters
    ----------
    sizes : iterable of (int, float)
        Width W and density of each network.
    batch : int
        Images per step.
    rounds : int
        Turns of each contestant, see `round_robin`.
    device : str or torch.device
        Where to compute.
    contestants : sequence of str
        Names from `CONTESTANTS`; one that is not installed, or cannot compute there, is left out.
    rng : int or numpy.random.Generator
        Source of wiring and images.

    Returns
    -------
    DataFrame
        Columns width, density, n_edges, batch, contestant, ms_min and ms_median (milliseconds a step), speedup (over
        masked dense, by the minima; NaN where it did not compete).

    Raises
    ------
    UnknownName, InvalidSize, InvalidDensity
        For an unknown contestant, and for impossible sizes.

    Examples
    --------
    >>> table = training_table([(50, 0.1)], rounds=1, contestants=["masked_dense", "netsparse"])
    >>> table["contestant"].tolist(), table["n_edges"].tolist()
    (['masked_dense', 'netsparse'], [4420, 4420])
    """
    for name in contestants:
        if name not in CONTESTANTS:
            raise unknown_name("contestant", name, CONTESTANTS)
    device, sizes = torch.device(device), list(sizes)
    rows: list[dict[str, object]] = []
    for (width, density), generator in zip(sizes, spawn(rng, len(sizes), purpose="benchmark"), strict=True):
        network = layered([N_INPUTS, width, width, width], density=density, rng=generator)
        x = torch.from_numpy(generator.random((batch, N_INPUTS), dtype=np.float32)).to(device)
        y = torch.from_numpy(generator.integers(N_CLASSES, size=batch)).to(device)
        steps = {name: CONTESTANTS[name](network, x, y) for name in present(contestants, device)}
        about = {"width": width, "density": density, "n_edges": network.n_edges, "batch": batch}
        rows += times_table(round_robin(steps, rounds=rounds, device=device), about, "masked_dense")
    return pd.DataFrame(rows)


def times_table(times: dict[str, np.ndarray], about: dict[str, object], baseline: str) -> list[dict[str, object]]:
    """Return a row per contestant: what it is about, ms_min, ms_median and the speedup over `baseline`."""
    least = {name: float(seconds.min()) for name, seconds in times.items()}
    slowest = least.get(baseline, float("nan"))
    return [
        {
            **about,
            "contestant": name,
            "ms_min": 1e3 * least[name],
            "ms_median": 1e3 * float(np.median(seconds)),
            "speedup": slowest / least[name],
        }
        for name, seconds in times.items()
    ]
