"""SparseMLP: logits, head or not, normalisation inside, network and weights at hand."""

import numpy as np
import pytest
import torch
import zoo

import netsparse as ns
from netsparse import errors
from netsparse.nn import Normalize, SparseMLP


def network():
    return ns.generators.layered([12, 20, 15], density=0.3, rng=0)


def by_hand(model, x):
    x = (x - model.normalize.mean) / model.normalize.std
    for layer in model.sparse_layers():
        x = x @ layer.sparse_weight().to_dense().t() + (0 if layer.bias is None else layer.bias)
        x = x if layer.slope is None else torch.relu(x)
    return x if model.head is None else model.head(x)


@pytest.mark.parametrize("options", [{"n_classes": 4}, {"n_classes": 4, "bias": False}, {"head": None}])
def test_forward_is_the_stack_of_layers(options):
    model = SparseMLP(network(), normalization=(0.3, 0.5), rng=0, **options)
    x = torch.rand(6, 3, 4)
    torch.testing.assert_close(model(x), by_hand(model, x.flatten(1)))
    assert model(x).shape == (6, 4 if "n_classes" in options else 15)


def test_head_none_ends_without_activation():
    model = SparseMLP(network(), head=None, rng=0)
    assert [layer.slope for layer in model.sparse_layers()] == [0.0, None]
    assert model.n_classes == 15
    assert (model(torch.rand(20, 12)) < 0).any()


def test_network_weights_and_states():
    net = network()
    model = SparseMLP(net, n_classes=4, rng=0)
    assert model.network == net
    assert [w.shape for w in model.weights] == [(layer.n_edges,) for layer in net.layers]
    states = model.layer_states()
    assert [s.graph for s in states] == list(net.layers)
    np.testing.assert_array_equal(states[1].weights, model.weights[1])


def test_same_seed_same_model():
    a, b = (SparseMLP(network(), n_classes=4, rng=7).state_dict() for _ in range(2))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_state_dict_loads_into_a_model_of_other_topology():
    trained = SparseMLP(network(), n_classes=4, rng=0)
    fresh = SparseMLP(ns.generators.layered([12, 20, 15], density=0.1, rng=9), n_classes=4, rng=1)
    fresh.load_state_dict(trained.state_dict())
    x = torch.rand(5, 12)
    torch.testing.assert_close(fresh(x), trained(x))
    assert fresh.network == trained.network


@pytest.mark.parametrize("net", [n for k, n in zoo.NETWORKS.items() if k != "joint"])
def test_nasty_networks_train_a_step(net):
    model = SparseMLP(net, n_classes=3, rng=0)
    loss = torch.nn.functional.cross_entropy(model(torch.rand(4, net.sizes[0])), torch.tensor([0, 1, 2, 0]))
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_normalize():
    torch.testing.assert_close(Normalize(0.5, 2.0)(torch.tensor([[2.5]])), torch.tensor([[1.0]]))


BAD = [
    (
        lambda: SparseMLP(ns.generators.complete(3, 2), n_classes=2),
        errors.InvalidNetwork,
        r"SparseNetwork\(\[graph\]\)",
    ),
    (lambda: SparseMLP(network(), n_classes=3, normalization=(0.0, 0.0)), errors.InvalidOption, "std above 0"),
    (lambda: SparseMLP(network(), n_classes=3, rng=0)(torch.rand(12)), errors.InvalidSize, r"\(12,\)"),
    (lambda: SparseMLP(zoo.NETWORKS["joint"], n_classes=2), errors.InvalidNetwork, "joints"),
    (lambda: SparseMLP(network()), errors.InvalidOption, "n_classes=10"),
    (lambda: SparseMLP(network(), n_classes=0), errors.InvalidOption, "n_classes"),
    (lambda: SparseMLP(network(), n_classes=3, head=None), errors.InvalidOption, "15 units"),
    (lambda: SparseMLP(network(), n_classes=3, head="sparse"), errors.InvalidOption, "'dense' or None"),
    (lambda: SparseMLP(network(), n_classes=3, rng=0)(torch.rand(2, 13)), errors.InvalidSize, r"\(2, 13\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
