"""Everybody in the race does the same work: the same losses step after step, the same gradients of a layer."""

import importlib.util

import numpy as np
import pytest
import torch

from netsparse.bench.layer import LAYERS
from netsparse.bench.peers import CONTESTANTS, present
from netsparse.generators import erdos_renyi, layered
from netsparse.nn import SparseLinear

WITHOUT = pytest.mark.skipif(importlib.util.find_spec("sparselab") is None, reason="sparselab is not installed")


def marked(names):
    return [pytest.param(name, marks=WITHOUT if name == "sparselab" else ()) for name in names]


def losses(name, n_steps=6):
    network = layered([20, 50, 40, 30], density=0.1, rng=0)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(16, 20, generator=generator), torch.randint(10, (16,), generator=generator)
    step = CONTESTANTS[name](network, x, y)
    return [step().item() for _ in range(n_steps)]


@pytest.mark.parametrize("name", marked(CONTESTANTS))
def test_contestants_take_the_same_steps(name):
    expected = losses("masked_dense")
    assert expected[-1] < expected[0] - 1e-3  # they learn, so that a step left out would show
    np.testing.assert_allclose(losses(name), expected, rtol=1e-5)


@pytest.mark.parametrize("name", marked(LAYERS))
def test_layers_give_the_same_gradients(name):
    graph = erdos_renyi(30, 20, density=0.2, rng=0)
    layer = SparseLinear(graph, rng=1)
    generator = torch.Generator().manual_seed(0)
    x, g = torch.rand(8, 30, generator=generator), torch.rand(8, 20, generator=generator)
    weight = torch.zeros(20, 30)
    weight[torch.tensor(graph.targets), torch.tensor(graph.sources)] = layer.weight.detach()
    grad_x, grad_weight, grad_bias = LAYERS[name](layer, x, g)()
    torch.testing.assert_close(grad_x, g @ weight)
    torch.testing.assert_close(grad_bias, g.sum(0))
    at_edges = (g.t() @ x)[torch.tensor(graph.targets), torch.tensor(graph.sources)]
    if grad_weight.dim() == 2:
        grad_weight = grad_weight[torch.tensor(graph.targets), torch.tensor(graph.sources)]
    if name == "sparselab":  # rows of its own are padded
        capacity = np.ceil(graph.fan_in * 1.2).clip(1)
        starts = np.concatenate([[0], np.cumsum(capacity)])[:-1].astype(int)
        places = [np.arange(s, s + n) for s, n in zip(starts, graph.fan_in, strict=True)]
        grad_weight = grad_weight[torch.tensor(np.concatenate(places))]
    torch.testing.assert_close(grad_weight, at_edges)


def test_an_old_transpose_of_the_peer_is_not_taken_for_a_new_one():
    if "sparselab" not in present(CONTESTANTS, torch.device("cpu")):
        pytest.skip("sparselab is not installed")
    first = losses("sparselab")
    for _ in range(3):  # matrices of the same shape may get the address of one that is gone
        assert losses("sparselab") == pytest.approx(first, rel=1e-6)


def test_who_cannot_compete_is_left_out(monkeypatch):
    assert "sparselab" not in present(CONTESTANTS, torch.device("meta"))
    monkeypatch.setattr("netsparse.bench.peers.has_peer", lambda: False)
    assert present(CONTESTANTS, torch.device("cpu")) == [name for name in CONTESTANTS if name != "sparselab"]
