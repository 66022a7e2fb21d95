"""Edges removed against a model: the first step by brute force, every round by a slow twin, and what it does to it."""

import copy
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from oracles_attacks import cross_entropy, rises

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset, load
from netsparse.generators.convolutional import vgg
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseMLP
from netsparse.nn.vgg import VGG
from netsparse.robustness.adversarial_removal import adversarial_link_removal, loss_order
from netsparse.robustness.averages import area_under_accuracy, mean_over_trials
from netsparse.robustness.choices import count_of
from netsparse.robustness.link_removal import link_removal
from netsparse.train import fit


def trained_on_digits(seed, sizes=(64, 50, 40), density=0.15, epochs=6):
    net = ns.generators.layered(list(sizes), density=density, rng=seed)
    return fit(net, "digits", epochs=epochs, progress=False, rng=seed).model


@pytest.fixture(scope="module")
def trained():
    return trained_on_digits(0)


def small_case(seed, sizes=(7, 5, 3), scale=1.0, n=40):
    """A headless network in double precision with random weights and data."""
    rng = np.random.default_rng(seed)
    net = ns.generators.layered(list(sizes), density=0.6, rng=seed)
    weights = [scale * rng.normal(size=layer.n_edges) for layer in net.layers]
    model = SparseMLP(net, head=None, rng=0).double().with_edges(net, weights)
    with torch.no_grad():
        for layer in model.sparse_layers():
            layer.bias.copy_(torch.from_numpy(0.1 * rng.normal(size=layer.n_out)))
    x, y = rng.random((n, sizes[0])), rng.integers(sizes[-1], size=n)
    return model, Dataset.from_arrays(x, y, x, y, n_classes=sizes[-1])


def biases_of(model):
    return [layer.bias.detach().numpy() for layer in model.sparse_layers()]


@pytest.mark.parametrize("seed", range(6))
def test_the_first_edges_of_a_linear_model_are_those_of_brute_force(seed):
    """With small weights the loss is as good as linear in each, so that first order is exact order."""
    model, data = small_case(seed, sizes=(9, 4), scale=1e-3)
    order = loss_order(model, data, rounds=1, rng=0)
    found = rises(model.network.layers, model.weights, biases_of(model), data.x_train.astype(float), data.y_train)
    gaps = np.abs(np.diff(np.sort(found)))
    assert gaps.min() > 1e-9  # no ties
    assert order.tolist() == np.argsort(-found).tolist()
    assert found.max() > 0 > found.min()  # the sign matters


@pytest.mark.parametrize("scope", ["layer", "network"])
@pytest.mark.parametrize("seed", range(3))
def test_every_round_takes_the_gradient_of_what_is_left(scope, seed):
    """Central differences of the loss at each edge's weight, on dense matrices, round by round."""
    model, data = small_case(seed)
    x, y, biases = data.x_train.astype(float), data.y_train, biases_of(model)
    layers, weights = model.network.layers, [values.copy() for values in model.weights]
    stops = np.cumsum([0, *(layer.n_edges for layer in layers)])
    n = stops[-1]
    groups = [np.arange(n)] if scope == "network" else [np.arange(a, b) for a, b in pairwise(stops)]
    rounds = 4
    order = loss_order(model, data, scope=scope, rounds=rounds, rng=0)
    assert sorted(order.tolist()) == list(range(n))
    gone, h, start = np.zeros(n, dtype=bool), 1e-6, 0
    for done in range(1, rounds + 1):
        rise = np.zeros(n)
        for edge in range(n):
            layer = int(np.searchsorted(stops, edge, side="right")) - 1
            value = weights[layer][edge - stops[layer]]
            sides = []
            for moved in (value + h, value - h):
                weights[layer][edge - stops[layer]] = moved
                sides.append(slow_loss(layers, weights, biases, x, y))
            weights[layer][edge - stops[layer]] = value
            rise[edge] = -value * (sides[0] - sides[1]) / (2 * h)
        expected = []
        for group in groups:
            count = count_of(done / rounds, len(group)) - int(gone[group].sum())
            left = group[~gone[group]]
            expected += left[np.argsort(-rise[left], kind="stable")][:count].tolist()
        here = order[start : start + len(expected)].tolist()
        assert np.allclose(rise[here], rise[expected], atol=1e-7)  # the same but for ties, such as dead units
        start += len(expected)
        gone[here] = True
        for edge in here:
            layer = int(np.searchsorted(stops, edge, side="right")) - 1
            weights[layer][edge - stops[layer]] = 0.0
    assert gone.all()


def slow_loss(layers, weights, biases, x, y):
    matrices = [np.zeros((layer.n_out, layer.n_in)) for layer in layers]
    for matrix, layer, values in zip(matrices, layers, weights, strict=True):
        matrix[layer.targets, layer.sources] = values
    return cross_entropy(matrices, biases, x, y)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scope", ["layer", "network"])
def test_hurts_more_than_chance_and_more_than_one_look(scope, seed):
    model = trained_on_digits(seed)
    options = {"scope": scope, "rng": 0}
    greedy = adversarial_link_removal(model, "digits", fractions=10, rounds=50, **options)
    chance = link_removal(model, "digits", fractions=10, trials=5, **options)
    at_random = chance.groupby("strength")["accuracy"].mean().to_numpy()
    found = greedy["accuracy"].to_numpy()
    assert found[0] == at_random[0] > 0.85
    assert (found <= at_random + 0.03).all()  # near chance both are
    assert (found[1:6] < at_random[1:6]).all()
    assert (greedy["loss"].to_numpy()[1:6] > chance.groupby("strength")["loss"].mean().to_numpy()[1:6]).all()
    once = adversarial_link_removal(model, "digits", fractions=10, rounds=1, **options)
    assert area_under_accuracy(greedy) < area_under_accuracy(once) < area_under_accuracy(chance)


def test_the_table_is_that_of_link_removal(trained):
    table = adversarial_link_removal(trained, "digits", fractions=[0.0, 0.25, 1.0], rounds=10, n_samples=300, rng=0)
    twin = link_removal(trained, "digits", fractions=[0.0, 0.25, 1.0], trials=1, rng=0)
    assert table.columns.tolist() == twin.columns.tolist()
    assert table["n_edges"].tolist() == twin["n_edges"].tolist()
    assert table.iloc[0][["accuracy", "loss"]].tolist() == twin.iloc[0][["accuracy", "loss"]].tolist()
    assert table["options"].unique().tolist() == ["scope=layer, rounds=10, n_samples=300, split=train"]
    same = loss_order(trained, "digits", rounds=10, n_samples=300, rng=np.random.default_rng(0))
    again = link_removal(trained, "digits", order=same, fractions=[0.0, 0.25, 1.0], rng=0)
    np.testing.assert_array_equal(table["accuracy"], again["accuracy"])


def test_the_head_can_be_among_them(trained):
    order = loss_order(trained, "digits", rounds=5, include_head=True, n_samples=200, rng=0)
    assert sorted(order.tolist()) == list(range(trained.network.n_edges + 400))
    table = adversarial_link_removal(trained, "digits", fractions=2, rounds=5, include_head=True, rng=0)
    assert table["n_edges"].tolist() == [trained.network.n_edges + 400, (trained.network.n_edges + 400) // 2, 0]


def test_same_seed_same_order_on_any_number_of_threads_and_the_model_stays(trained):
    model = copy.deepcopy(trained).train()
    model.zero_grad()
    model.layers[0].weight.requires_grad_(False)
    state, before, orders = copy.deepcopy(model.state_dict()), torch.get_num_threads(), []
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            orders.append(loss_order(model, "digits", rounds=7, rng=0))
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(orders[0], other) for other in orders[1:])
    assert model.training
    assert [p.requires_grad for p in model.parameters()][:2] == [False, True]
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    with torch.no_grad():
        assert np.array_equal(loss_order(model, "digits", rounds=7, rng=0), orders[0])


def test_ties_are_drawn():
    net = SparseNetwork([ns.generators.complete(6, 2)])
    model = SparseMLP(net, head=None, rng=0).with_edges(net, [np.zeros(12)])  # no weight, no rise: all are equal
    x, y = np.random.default_rng(0).random((10, 6)), np.arange(10) % 2
    data = Dataset.from_arrays(x, y, x, y)
    orders = {tuple(loss_order(model, data, rounds=3, rng=seed).tolist()) for seed in range(5)}
    assert len(orders) == 5


def test_a_layer_without_edges_is_no_error():
    net = SparseNetwork([BipartiteGraph.from_edges([], [], n_in=64, n_out=5), ns.generators.complete(5, 10)])
    order = loss_order(SparseMLP(net, head=None, rng=0), "digits", rounds=3, rng=0)
    assert sorted(order.tolist()) == list(range(50))


def test_the_test_images_may_be_the_ones_attacked(trained):
    data = load("digits")
    swapped = Dataset.from_arrays(data.x_test, data.y_test, data.x_train, data.y_train, shape=data.shape)
    one = loss_order(trained, "digits", split="test", n_samples=100, rounds=3, rng=0)
    assert np.array_equal(one, loss_order(trained, swapped, split="train", n_samples=100, rounds=3, rng=0))
    assert not np.array_equal(one, loss_order(trained, "digits", n_samples=100, rounds=3, rng=0))


def test_convolutions_lose_theirs_too():
    network = vgg(11, density=0.3, width=1 / 16, shape=(3, 16, 16), n_classes=4, rng=0)
    rng = np.random.default_rng(0)
    x, y = rng.random((24, 3, 16, 16)), np.arange(24) % 4
    data = Dataset.from_arrays(x, y, x, y)
    model = VGG(network, shape=(3, 16, 16), rng=0)
    order = loss_order(model, data, rounds=1, rng=0)
    assert sorted(order.tolist()) == list(range(network.n_edges))
    model.eval()
    loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(data.x_train.copy())), torch.from_numpy(y))
    weights = [layer.weight for layer in model.sparse_layers()]
    gradients = torch.autograd.grad(loss, weights)
    rise = np.concatenate([-(w * g).detach().double().numpy() for w, g in zip(weights, gradients, strict=True)])
    for begin, end in pairwise(np.cumsum([0, *(layer.n_edges for layer in network.layers)])):
        of_layer = order[(order >= begin) & (order < end)]
        assert (np.diff(rise[of_layer]) <= 1e-4 * np.abs(rise).max()).all()
    table = adversarial_link_removal(model, data, fractions=2, rounds=4, rng=0)
    assert table["n_edges"].tolist()[::2] == [network.n_edges, 0]
    assert table["loss"].iloc[1] > table["loss"].iloc[0]


BAD = [
    ({"rounds": 0}, errors.InvalidOption, "at least 1"),
    ({"rounds": 1.5}, errors.InvalidOption, "1.5"),
    ({"scope": "global"}, errors.UnknownName, "one of layer, network"),
    ({"split": "validation"}, errors.InvalidOption, "'train' or 'test'"),
    ({"n_samples": 10**6}, errors.InvalidOption, "1438 samples of the train set"),
    ({"n_samples": 0}, errors.InvalidOption, "n_samples=1000"),
    ({"include_head": "yes"}, errors.InvalidOption, "True or False"),
    ({"fractions": 0}, errors.InvalidOption, "fractions"),
    ({"rng": None}, errors.InvalidSeed, "None"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(trained, options, error, message):
    with pytest.raises(error, match=message) as caught:
        adversarial_link_removal(trained, "digits", **{"rng": 0, "rounds": 2, **options})
    assert "\n" not in str(caught.value)


def test_models_that_do_not_fit(trained):
    with pytest.raises(errors.InvalidOption, match="model"):
        loss_order(trained.network, "digits", rng=0)
    with pytest.raises(errors.InvalidSize, match="features"):
        loss_order(small_case(0)[0], "digits", rng=0)


def test_tables_of_both_probes_go_together(trained):
    tables = [adversarial_link_removal(trained, "digits", fractions=2, rounds=2, rng=0)]
    tables.append(link_removal(trained, "digits", fractions=2, trials=2, rng=0))
    means = mean_over_trials(pd.concat(tables, ignore_index=True), of="accuracy")
    assert means["probe"].unique().tolist() == ["adversarial_link_removal", "link_removal"]
