"""Singleton pruning of trained models: what goes, what is shared, accuracy before and after."""

import numpy as np
import oracles
import pytest
import torch
import zoo
from torch import nn

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset, load
from netsparse.generators.convolutional import vgg
from netsparse.metrics.blocks import singleton_vectors, zero_vectors
from netsparse.nn import VGG, SparseMLP
from netsparse.train.attack import Attack
from netsparse.train.objectives import evaluate
from netsparse.train.singleton_pruning import accuracy_after_singleton_pruning, singleton_pruned

PLAIN = {name: network for name, network in zoo.NETWORKS.items() if all(j is None for j in network.joints)}


@pytest.fixture(scope="module")
def trained():
    network = ns.generators.layered([64, 100, 100], density=0.02, rng=0)
    return ns.train.fit(network, "digits", epochs=8, progress=False, rng=0).model


@pytest.mark.parametrize("network", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("axis", ["in", "out"])
def test_what_is_alone_goes_and_the_rest_stays(network, axis):
    model = SparseMLP(network, head=None, rng=0)
    pruned = singleton_pruned(model, axis=axis)
    assert singleton_vectors(pruned.network, axis=axis) == 0
    for layer, other in zip(model.sparse_layers(), pruned.sparse_layers(), strict=True):
        matrix = oracles.dense_of(layer.graph, layer.edge_weights())
        over = 0 if axis == "out" else 1
        alone = (oracles.mask_of(layer.graph).sum(axis=over) == 1) if matrix.size else []
        expected = np.where(np.expand_dims(alone, over), 0.0, matrix)
        np.testing.assert_array_equal(oracles.dense_of(other.graph, other.edge_weights()), expected)
        assert other.bias is layer.bias
    assert model.network == network


def test_edges_of_weight_zero_do_not_count():
    graph = ns.BipartiteGraph.from_edges([0, 0, 1, 1], [0, 1, 0, 1], n_in=2, n_out=2)
    model = SparseMLP(ns.SparseNetwork([graph]), head=None, rng=0)
    with torch.no_grad():
        model.layers[0].weight.copy_(torch.tensor([1.0, 0.0, 2.0, 3.0]))  # 1 -> 0 is 0: 1 -> 1 is alone
    pruned = singleton_pruned(model)
    assert oracles.pairs_of(pruned.network.layers[0]) == {(0, 0), (0, 1)}


def test_the_table_is_what_evaluate_says(trained):
    table = accuracy_after_singleton_pruning(trained, "digits")
    data, pruned = load("digits"), singleton_pruned(trained)
    assert table["moment"].tolist() == ["before", "after"]
    for row, model in zip(table.to_dict("records"), (trained, pruned), strict=True):
        loss, accuracy = evaluate(model, data.x_test, data.y_test)
        assert (row["loss"], row["accuracy"]) == (loss, accuracy)
        assert row["n_edges"] == model.network.n_edges
        assert row["density"] == model.network.density
        assert row["n_samples"] == len(data.x_test)
    before, after = table["zero_vectors"]
    assert before == zero_vectors(trained.network)
    assert after == pytest.approx(before + singleton_vectors(trained.network))
    assert table["accuracy"][0] > table["accuracy"][1]  # a fifth of the edges has gone, untrained for it


def test_under_attack(trained):
    attack = Attack(0.1, steps=3)
    first, again = (
        accuracy_after_singleton_pruning(trained, "digits", attack=attack, n_samples=60, rng=5) for _ in range(2)
    )
    assert first.equals(again)
    assert first[["moment", "attack"]].values.tolist() == [
        ["before", "none"], ["before", repr(attack)], ["after", "none"], ["after", repr(attack)],
    ]  # fmt: skip
    clean = accuracy_after_singleton_pruning(trained, "digits", n_samples=60)
    assert first[first.attack == "none"]["accuracy"].tolist() == clean["accuracy"].tolist()
    assert first["accuracy"][1] < first["accuracy"][0]
    assert (first["n_samples"] == 60).all()
    nothing = accuracy_after_singleton_pruning(trained, "digits", attack=Attack(0.0, steps=2), rng=0)
    assert nothing["accuracy"][1] == nothing["accuracy"][0]
    assert nothing["accuracy"][3] == nothing["accuracy"][2]


def test_a_vgg():
    rng = np.random.default_rng(0)
    x, y = rng.random((12, 192), dtype=np.float32), np.arange(12) % 3
    data = Dataset.from_arrays(x, y, x, y, shape=(3, 8, 8))
    network = vgg(11, density=0.02, width=0.125, shape=(3, 8, 8), n_classes=3, rng=0)
    model = VGG(network, shape=(3, 8, 8), rng=0)
    table = accuracy_after_singleton_pruning(model, data, attack=Attack(0.1, random_start=False))
    assert len(table) == 4
    pruned = singleton_pruned(model)
    assert isinstance(pruned, VGG)
    assert pruned.norms[0].weight is model.norms[0].weight
    assert singleton_vectors(pruned.network) == 0
    assert table["n_edges"].tolist() == [network.n_edges] * 2 + [pruned.network.n_edges] * 2


def test_impossible_input_gets_one_line(trained):
    with pytest.raises(errors.InvalidOption, match="another SparseModel"):
        singleton_pruned(nn.Linear(3, 2))
    with pytest.raises(errors.UnknownName, match="one of in, out"):
        singleton_pruned(trained, axis="both")
    with pytest.raises(errors.InvalidOption, match="an Attack, or None"):
        accuracy_after_singleton_pruning(trained, "digits", attack="pgd")
    with pytest.raises(errors.InvalidOption, match="None for an attack with a random start"):
        accuracy_after_singleton_pruning(trained, "digits", attack=Attack(0.1))
    for n in (0, 10**6, 2.0, True):
        with pytest.raises(errors.InvalidOption, match="n_samples"):
            accuracy_after_singleton_pruning(trained, "digits", n_samples=n)
