"""Peak memory and time of networks with millions of units, stage by stage, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

import pandas as pd
import torch

from netsparse.bench.machine import available_memory
from netsparse.errors import InvalidOption

NETWORKS = ((1_000_000, 20_000_000, 32), (50_000_000, 100_000_000, 16))
"""Hidden units, edges and batch of the networks that are promised to fit, below 3 and 20 GB."""

GIB = 2**30


def memory_table(
    networks: Iterable[tuple[int, int, int]] = NETWORKS, *, steps: int = 3, device: str | torch.device = "cpu"
) -> pd.DataFrame:
    """Build networks with three hidden layers of a great many units, train a few steps, and say what it took.

    All layers are sparse, the read-out of 10 classes included. Every network is made in a fresh process, whose peak
    (VmHWM of the process, code of torch and all) is read, and set back, after each stage: import of the library,
    generation of the wiring, initialisation of model and optimizer, training steps, evaluation of a batch.

    Parameters
    ----------
    networks : iterable of (int, int, int)
        Hidden units, edges and batch of each. One that needs more memory than is free now is left out, see `needed`.
    steps : int
        Training steps, of which the fastest counts.
    device : str or torch.device
        The CPU; on others this memory says little.

    Returns
    -------
    DataFrame
        Columns units, edges, batch, gib_import, gib_generation, gib_initialisation, gib_training, gib_evaluation (peak
        of each stage), gib_peak, seconds_generation, seconds_initialisation, seconds_step.

    Raises
    ------
    InvalidOption
        For another device than the CPU, and if the process that measures fails, its last line in the message.
    """
    if torch.device(device).type != "cpu":
        raise InvalidOption("device", repr(str(device)), "the CPU, whose memory is measured", "device='cpu'")
    rows = []
    for units, edges, batch in networks:
        free = available_memory()
        if free is not None and needed(units, edges, batch) > free:
            continue
        rows.append(_measured(units, edges, batch, steps))
    return pd.DataFrame(rows)


def needed(units: int, edges: int, batch: int) -> int:
    """Return an upper bound on the bytes that such a network takes while it is made and trained.

    Seven buffers as large as a third of the units for a batch, 24 bytes a unit and 70 an edge, and the libraries.

    Examples
    --------
    >>> round(needed(1_000_000, 20_000_000, 32) / GIB, 1)
    1.9
    """
    return 7 * 4 * (units // 3) * batch + 24 * units + 70 * edges + GIB // 3


def _measured(units: int, edges: int, batch: int, steps: int) -> dict[str, float]:
    numbers = [str(value) for value in (units, edges, batch, steps, torch.get_num_threads())]
    command = [sys.executable, "-m", "netsparse.bench.large", *numbers]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}, as of a process that was killed"]
        given = f"{units:,} units, {edges:,} edges, batch {batch}: {lines[-1]}"
        raise InvalidOption("memory", given, "a network that fits into the memory that is free", "a smaller one")
    found = json.loads(done.stdout)
    peaks = {name.replace("bytes", "gib"): value / GIB for name, value in found.items() if name.startswith("bytes_")}
    return {"units": units, "edges": edges, "batch": batch, **peaks, "gib_peak": max(peaks.values())} | {
        name: value for name, value in found.items() if name.startswith("seconds_")
    }
