"""One large network in a process of its own: `python -m netsparse.bench.large UNITS EDGES BATCH STEPS THREADS`.

Prints one JSON object: bytes at the peak of each stage, and seconds.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from netsparse.generators import layered
from netsparse.graph import SparseNetwork
from netsparse.nn import SparseMLP
from netsparse.train.optimizers import build_optimizer

N_INPUTS, N_HIDDEN, N_CLASSES = 784, 3, 10


def large_network(units: int, edges: int) -> SparseNetwork:
    """Return 784-H-H-H-10 with `units` hidden units: 1 % of the edges, at most a tenth of the pairs, read them out.

    Examples
    --------
    >>> large_network(300, 9000)
    SparseNetwork(784-100-100-100-10, 9,000 edges, density 0.0905)
    """
    width = units // N_HIDDEN
    read_out = max(1, min(edges // 100, width * N_CLASSES // 10))
    share, rest = divmod(edges - read_out, N_HIDDEN)
    counts = [share + rest, *[share] * (N_HIDDEN - 1), read_out]
    return layered([N_INPUTS, *[width] * N_HIDDEN, N_CLASSES], n_edges=counts, rng=0)


def peak_and_reset() -> int:
    """Return the most bytes this process has held since the last call; where the system forgets nothing, ever."""
    status = Path("/proc/self/status")
    if not status.exists():
        import resource  # not on every system

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
    with suppress(OSError):  # not every container may; later peaks then include earlier ones
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return int(line.split()[1]) * 1024


def stages(units: int, edges: int, batch: int, steps: int) -> dict[str, float]:
    """Return peak bytes and seconds of every stage of such a network's life."""
    found: dict[str, float] = {"bytes_import": peak_and_reset()}
    clock = time.perf_counter()
    network = large_network(units, edges)
    found |= {"bytes_generation": peak_and_reset(), "seconds_generation": time.perf_counter() - clock}
    clock = time.perf_counter()
    model = SparseMLP(network, head=None, rng=0)
    del network
    optimizer = build_optimizer("sgd", model.parameters(), lr=0.01)
    found |= {"bytes_initialisation": peak_and_reset(), "seconds_initialisation": time.perf_counter() - clock}
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(batch, N_INPUTS, generator=generator)
    y = torch.randint(N_CLASSES, (batch,), generator=generator)
    seconds = []
    for _ in range(steps):
        clock = time.perf_counter()
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - clock)
    found |= {"bytes_training": peak_and_reset(), "seconds_step": min(seconds)}
    optimizer.zero_grad(set_to_none=True)
    with torch.no_grad():
        model(x)
    return found | {"bytes_evaluation": peak_and_reset()}


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    torch.set_num_threads(numbers[4])
    sys.stdout.write(json.dumps(stages(*numbers[:4])))
