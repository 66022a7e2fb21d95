"""One layer, forward and all its gradients, beside the same layer of the peers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from netsparse.bench.peers import dense_layer, mask_of, present, sparselab_layer
from netsparse.bench.rounds import Step, round_robin
from netsparse.bench.training import times_table
from netsparse.errors import unknown_name
from netsparse.generators import erdos_renyi
from netsparse.nn import SparseLinear
from netsparse.rng import spawn
from netsparse.typing import Seed

SIZES = ((1000, 0.01), (4000, 0.01), (10_000, 0.002))
"""Units on either side and density of the layers that are timed."""


def _netsparse(layer: SparseLinear, x: Tensor, g: Tensor) -> Step:
    # as another sparse layer hands them on: transposed views of feature-major buffers
    x, g = x.t().contiguous().t(), g.t().contiguous().t()
    return _gradients(layer, x, g, (layer.weight, cast(Tensor, layer.bias)))


def _torch_csr(layer: SparseLinear, x: Tensor, g: Tensor) -> Step:
    other = SparseLinear(layer.graph, backend="torch_csr", rng=0).to(x.device)
    other.load_state_dict(layer.state_dict())
    return _netsparse(other, x, g)


def _dense(layer: SparseLinear, x: Tensor, g: Tensor) -> Step:
    linear = dense_layer(layer).to(x.device)
    return _gradients(linear, x, g, (linear.weight, linear.bias))


def _masked_dense(layer: SparseLinear, x: Tensor, g: Tensor) -> Step:
    linear, mask = dense_layer(layer).to(x.device), mask_of(layer.graph).to(x.device)
    return _gradients(
        lambda x: nn.functional.linear(x, linear.weight * mask, linear.bias), x, g, (linear.weight, linear.bias)
    )


def _sparselab(layer: SparseLinear, x: Tensor, g: Tensor) -> Step:
    peer = sparselab_layer(layer)
    return _gradients(peer, x, g, (cast(Tensor, peer._values), cast(Tensor, peer.bias)))


LAYERS: dict[str, Callable[[SparseLinear, Tensor, Tensor], Step]] = {
    "masked_dense": _masked_dense,
    "dense": _dense,
    "torch_csr": _torch_csr,
    "sparselab": _sparselab,
    "netsparse": _netsparse,
}
"""`masked_dense` multiplies weights and their gradients by the mask, `dense` leaves them as they are."""


def layer_table(
    sizes: Iterable[tuple[int, float]] = SIZES,
    *,
    batch: int = 128,
    rounds: int = 5,
    device: str | torch.device = "cpu",
    contestants: Sequence[str] = tuple(LAYERS),
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time one layer n -> n with bias: y and, from a given gradient of y, those of inputs, weights and bias.

    Parameters
    ----------
    sizes : iterable of (int, float)
        Units n on either side and density of each layer.
    batch, rounds, device, rng
        As for `training_table`.
    contestants : sequence of str
        Names from `LAYERS`. Everyone gets inputs and gradients in the memory layout its own layers leave them in.

    Returns
    -------
    DataFrame
        Columns n, density, n_edges, batch, contestant, ms_min, ms_median, speedup (over masked dense), speedup_dense
        (over the dense product alone).

    Raises
    ------
    UnknownName, InvalidSize, InvalidDensity
        For an unknown contestant, and for impossible sizes.

    Examples
    --------
    >>> layer_table([(50, 0.1)], rounds=1, contestants=["dense", "netsparse"])["n_edges"].tolist()
    [250, 250]
    """
    for name in contestants:
        if name not in LAYERS:
            raise unknown_name("contestant", name, LAYERS)
    device, sizes = torch.device(device), list(sizes)
    rows: list[dict[str, object]] = []
    for (n, density), generator in zip(sizes, spawn(rng, len(sizes), purpose="benchmark"), strict=True):
        graph = erdos_renyi(n, n, density=density, rng=generator)
        layer = SparseLinear(graph, rng=generator).to(device)
        x, g = (torch.from_numpy(generator.random((batch, n), dtype=np.float32)).to(device) for _ in range(2))
        steps = {name: LAYERS[name](layer, x, g) for name in present(contestants, device)}
        times = round_robin(steps, rounds=rounds, device=device)
        about = {"n": n, "density": density, "n_edges": graph.n_edges, "batch": batch}
        dense = float(times["dense"].min()) if "dense" in times else float("nan")
        for row in times_table(times, about, "masked_dense"):
            rows.append({**row, "speedup_dense": dense / float(times[str(row["contestant"])].min())})
    return pd.DataFrame(rows)


def _gradients(function: Callable[[Tensor], Tensor], x: Tensor, g: Tensor, parameters: Sequence[Tensor]) -> Step:
    x = x.detach().requires_grad_()
    return lambda: torch.autograd.grad(function(x), [x, *parameters], g)
