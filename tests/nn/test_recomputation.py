"""Activations computed again in the backward pass, for networks whose activations do not fit: the same gradients."""

import torch
from torch.utils.checkpoint import checkpoint

from netsparse.generators import layered
from netsparse.nn import SparseMLP


def gradients(recompute):
    model = SparseMLP(layered([20, 40, 30], density=0.2, rng=0), n_classes=10, rng=0)
    x = torch.rand(6, 20, generator=torch.Generator().manual_seed(0))
    calls = []
    for layer in model.sparse_layers():
        layer.register_forward_pre_hook(lambda layer, inputs: calls.append(layer))
    for layer in model.sparse_layers():
        x = checkpoint(layer, x, use_reentrant=False) if recompute else layer(x)
    model.head(x).square().sum().backward()
    return [parameter.grad for parameter in model.parameters()], len(calls)


def test_layers_are_recomputed_and_give_the_same_gradients():
    expected, n_calls = gradients(recompute=False)
    found, n_calls_recomputed = gradients(recompute=True)
    assert (n_calls, n_calls_recomputed) == (2, 4)
    for gradient, other in zip(expected, found, strict=True):
        assert torch.equal(gradient, other)
