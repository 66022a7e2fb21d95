"""What compaction gains: forward passes of a model and of its compact one, on the edges and as dense matrices."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from netsparse.bench.rounds import round_robin
from netsparse.generators import layered
from netsparse.nn import VGG, SparseConv2d, SparseLayer, SparseMLP, SparseModel
from netsparse.nn.compact import compact
from netsparse.nn.selecting import SelectingLinear
from netsparse.rng import spawn
from netsparse.typing import Seed


def compaction_table(
    models: Mapping[str, SparseModel], *, batch: int = 128, rounds: int = 5, rng: Seed = 0
) -> pd.DataFrame:
    """Time forward passes of models beside their compact ones, in evaluation mode, least of several rounds.

    Parameters
    ----------
    models : mapping of str to SparseModel
        Name -> an SparseMLP or a VGG, left as it is; all on one device.
    batch, rounds, rng
        Images per pass, turns of each contestant, and source of the images.

    Returns
    -------
    DataFrame
        Columns model; n_edges_before and n_edges; dense_share (pairs of the compact model over those of the original);
        ms_before and ms (on the edges), ms_dense_before and ms_dense (every layer an nn.Linear or nn.Conv2d of the same
        shape, zeros multiplied as well: what hardware without sparse kernels does), and the ratios speedup = ms_before
        / ms and speedup_dense.

    Raises
    ------
    InvalidOption
        See `compact`.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 100, 100], density=0.01, rng=0), n_classes=10, rng=0)
    >>> compaction_table({"random": model}, batch=4, rounds=1)[["model", "n_edges_before", "n_edges"]].values.tolist()
    [['random', 164, 92]]
    """
    rows: list[dict[str, object]] = []
    for (name, model), generator in zip(models.items(), spawn(rng, len(models), purpose="benchmark"), strict=True):
        result = compact(model)
        weight = next(model.parameters())
        x = torch.from_numpy(generator.random((batch, model.n_features), dtype=np.float32)).to(weight)
        contestants = {
            "ms_before": copy.deepcopy(model).eval(),
            "ms": result.model.eval(),
            "ms_dense_before": dense_twin(model),
            "ms_dense": dense_twin(result.model),
        }
        times = _forward_times(contestants, x, rounds)
        about = {"model": name, "n_edges_before": result.n_edges_before, "n_edges": result.n_edges}
        ratios = {
            "speedup": times["ms_before"] / times["ms"],
            "speedup_dense": times["ms_dense_before"] / times["ms_dense"],
        }
        rows.append({**about, "dense_share": result.dense_share, **times, **ratios})
    return pd.DataFrame(rows)


NETWORKS = ((1000, 0.001), (1000, 0.002), (1000, 0.005), (1000, 0.01))
"""Units of three hidden layers, and density."""


def random_compaction_table(
    networks: Sequence[tuple[int, float]] = NETWORKS,
    *,
    batch: int = 128,
    rounds: int = 5,
    device: str = "cpu",
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time what compaction gains on random networks 784-W-W-W-10: what is dead by chance alone.

    Parameters
    ----------
    networks : sequence of (W, density)
        Erdos-Renyi graphs of that density in each of the three layers; the read-out is dense.
    batch, rounds, rng
        See `compaction_table`.
    device : str
        Where to compute.

    Returns
    -------
    DataFrame
        See `compaction_table`.

    Examples
    --------
    >>> len(random_compaction_table([(20, 0.1)], batch=4, rounds=1))
    1
    """
    models = {
        f"784-{units}x3 at {density:.2%}": SparseMLP(
            layered([784, *[units] * 3], density=density, rng=child), 10, rng=0
        )
        for (units, density), child in zip(networks, spawn(rng, len(networks), purpose="wiring"), strict=True)
    }
    placed = {name: model.to(device) for name, model in models.items()}
    return compaction_table(placed, batch=batch, rounds=rounds, rng=rng)


def dense_twin(model: SparseModel) -> nn.Sequential:
    """Return the model with every layer stored and computed as a dense matrix or kernel, in evaluation mode.

    Parameters
    ----------
    model : SparseMLP or VGG
        From whose inputs (batch, n_features) it makes the same logits.

    Examples
    --------
    >>> from netsparse.generators import vgg
    >>> model = VGG(vgg(11, density=0.05, width=0.125, rng=0), rng=0).eval()
    >>> x = torch.rand(2, 3072)
    >>> torch.allclose(dense_twin(model)(x), model(x), atol=1e-4)
    True
    """
    parts: list[nn.Module] = [model.normalize]
    if isinstance(model, VGG):
        parts.append(nn.Unflatten(1, model.shape))
    n_norms = len(model.norms) if isinstance(model, VGG) else 0
    for k, layer in enumerate(model.sparse_layers()):
        parts += _dense_parts(layer)
        if isinstance(model, VGG) and k < n_norms:
            parts += [model.norms[k], nn.ReLU()]
            if k in model.halved_behind:
                parts.append(nn.MaxPool2d(2))
            if k == n_norms - 1:
                parts.append(nn.Flatten())
    if model.head is not None:
        parts.append(model.head)
    return nn.Sequential(*[copy.deepcopy(part) for part in parts]).eval()


class _Selection(nn.Module):
    """Some columns of the inputs."""

    def __init__(self, ids: Tensor) -> None:
        super().__init__()
        self.ids = ids

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(1, self.ids)


def _dense_parts(layer: SparseLayer) -> list[nn.Module]:
    weight = layer.weight
    place = {"device": weight.device, "dtype": weight.dtype}
    dense: nn.Linear | nn.Conv2d
    with torch.no_grad():
        if isinstance(layer, SparseConv2d):
            dense = nn.Conv2d(
                layer.in_channels, layer.n_out, layer.kernel_size, layer.stride, layer.padding,
                bias=layer.bias is not None, **place,
            )  # fmt: skip
            dense.weight.copy_(layer.dense_kernel())
        else:
            dense = nn.Linear(layer.n_in, layer.n_out, bias=layer.bias is not None, **place)
            dense.weight.copy_(layer.sparse_weight().to_dense())
        if layer.bias is not None:
            dense.bias.copy_(layer.bias)  # type: ignore[union-attr]
    parts: list[nn.Module] = [_Selection(layer.inputs), dense] if isinstance(layer, SelectingLinear) else [dense]
    if layer.slope is not None:
        parts.append(nn.ReLU() if layer.slope == 0 else nn.LeakyReLU(layer.slope))
    return parts


def _forward_times(contestants: Mapping[str, nn.Module], x: Tensor, rounds: int) -> dict[str, float]:
    """Return the least milliseconds of each."""
    with torch.no_grad():
        steps = {name: partial(model, x) for name, model in contestants.items()}
        times = round_robin(steps, rounds=rounds, device=x.device)
    return {name: 1e3 * float(seconds.min()) for name, seconds in times.items()}
