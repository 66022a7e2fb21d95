"""The contestants of a training step: they start from the same weights and take the same steps, each in its own way.

784-W-W-W-10 and the like: sparse layers with ReLU, a dense head, cross-entropy, SGD with momentum 0.9 and weight decay
5e-4 at a constant rate. Peers are written as their users write them, with `torch.optim.SGD` as it comes; we are what
`fit` runs, with SGD in one fused pass. `masked_dense_fused` is masked dense with our optimizer, which tells how much of
the difference is the optimizer's.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from netsparse.bench.machine import has_peer
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseLayer, SparseMLP
from netsparse.train.optimizers import MakeOptimizer, build_optimizer

N_CLASSES = 10
OPTIMIZER: dict[str, Any] = {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}

TrainStep = Callable[[], Tensor]
"""One whole step on the one batch it was made for; returns the loss before the step."""


def plain_sgd(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return torch's SGD as it comes."""
    return torch.optim.SGD(parameters, **OPTIMIZER)


def fused_sgd(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return the SGD of `fit`."""
    return build_optimizer("sgd", parameters, **OPTIMIZER)


def netsparse_step(network: SparseNetwork, x: Tensor, y: Tensor, *, backend: str = "auto") -> TrainStep:
    """Return our step, on the kernel that `backend` means."""
    model = SparseMLP(network, N_CLASSES, backend=backend, rng=0).to(x.device)
    optimizer = fused_sgd(model.parameters())
    return lambda: _step_of_fit(model, optimizer, x, y)


def torch_csr_step(network: SparseNetwork, x: Tensor, y: Tensor) -> TrainStep:
    """Return our step on torch's own CSR products (MKL, cuSPARSE)."""
    return netsparse_step(network, x, y, backend="torch_csr")


def masked_dense_step(network: SparseNetwork, x: Tensor, y: Tensor, *, make: MakeOptimizer = plain_sgd) -> TrainStep:
    """Return a step of what usually stands for sparsity: dense layers, their weights masked again after every step."""
    like = SparseMLP(network, N_CLASSES, rng=0)
    layers: list[nn.Module] = []
    masks: list[tuple[Tensor, Tensor]] = []
    for layer in like.sparse_layers():
        linear = dense_layer(layer)
        masks.append((linear.weight, mask_of(layer.graph).to(x.device)))
        layers += [linear, nn.ReLU()]
    model = nn.Sequential(*layers, cast(nn.Linear, like.head)).to(x.device)
    optimizer = make(model.parameters())

    def step() -> Tensor:
        loss = _step(model, optimizer, x, y)
        with torch.no_grad():
            for weight, mask in masks:
                weight.mul_(mask)
        return loss

    return step


def sparselab_step(network: SparseNetwork, x: Tensor, y: Tensor) -> TrainStep:
    """Return a step of sparselab's `SparseLinear`."""
    like = SparseMLP(network, N_CLASSES, rng=0)
    layers: list[nn.Module] = []
    for layer in like.sparse_layers():
        layers += [sparselab_layer(layer), nn.ReLU()]
    model = nn.Sequential(*layers, cast(nn.Linear, like.head))
    optimizer = plain_sgd(model.parameters())
    return lambda: _step(model, optimizer, x, y)


CONTESTANTS: dict[str, Callable[[SparseNetwork, Tensor, Tensor], TrainStep]] = {
    "masked_dense": masked_dense_step,
    "masked_dense_fused": partial(masked_dense_step, make=fused_sgd),
    "torch_csr": torch_csr_step,
    "sparselab": sparselab_step,
    "netsparse": netsparse_step,
}


def present(names: Iterable[str], device: torch.device) -> list[str]:
    """Return those of `names` that can compete: sparselab where it is installed, and on the CPU alone."""
    return [name for name in names if name != "sparselab" or (has_peer() and device.type == "cpu")]


def dense_layer(layer: SparseLayer) -> nn.Linear:
    """Return the same map as a dense layer; of size n_in x n_out, which is the point of comparing with it."""
    linear = cast(nn.Linear, nn.utils.skip_init(nn.Linear, layer.n_in, layer.n_out))
    with torch.no_grad():
        linear.weight.zero_()
        linear.weight[_ends(layer.graph)] = layer.weight.cpu()
        linear.bias.copy_(cast(Tensor, layer.bias))
    return linear


def mask_of(graph: BipartiteGraph) -> Tensor:
    """Return the dense 0/1 matrix (n_out, n_in) that simulates the wiring."""
    mask = torch.zeros(graph.n_out, graph.n_in)
    mask[_ends(graph)] = 1.0
    return mask


def sparselab_layer(layer: SparseLayer) -> nn.Module:
    """Return sparselab's layer of the same wiring and weights."""
    sparselab: Any = importlib.import_module("sparselab")
    # it remembers transposes by the address of their matrix, which a new matrix may have inherited from an old one
    importlib.import_module("sparselab.ops")._transpose_cache.clear()
    peer = sparselab.SparseLinear(layer.n_in, layer.n_out, sparsity=0.99)  # wired at random: exchanged here
    peer._csr = sparselab.PaddedCSR.from_torch_sparse_csr(layer.sparse_weight())
    peer._values = nn.Parameter(torch.from_numpy(peer._csr.values))
    with torch.no_grad():
        peer.bias.copy_(layer.bias)
    return peer


def _ends(graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
    return torch.tensor(graph.targets), torch.tensor(graph.sources)


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.detach()


def _step_of_fit(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    loss = nn.functional.cross_entropy(model(x), y)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
    loss.backward()
    optimizer.step()
    return loss.detach()
