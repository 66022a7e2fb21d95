"""Link removal: exact counts, the same edges for structure and function, the model left as it is."""

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.datasets import load
from netsparse.percolation import percolate
from netsparse.percolation.edge_orders import ByScore
from netsparse.robustness.averages import area_under_accuracy
from netsparse.robustness.link_removal import link_removal
from netsparse.robustness.on_topology import magnitude_pruning
from netsparse.robustness.saliency import saliency
from netsparse.train import evaluate, fit


@pytest.fixture(scope="module")
def trained():
    net = ns.generators.layered([64, 80, 60], density=0.1, rng=0)
    return fit(net, "digits", epochs=15, progress=False, rng=0).model


def by_hand(model, removed, include_head=False):
    """Rebuild the model on the graph without the removed edges, layer by layer."""
    start, graphs, weights = 0, [], []
    for layer in model.sparse_layers():
        alive = np.ones(layer.graph.n_edges, dtype=bool)
        alive[[e - start for e in removed if start <= e < start + layer.graph.n_edges]] = False
        graph, edge_map = ns.graph.subgraph(layer.graph, alive)
        graphs.append(graph)
        weights.append(ns.carry(layer.edge_weights(), edge_map))
        start += layer.graph.n_edges
    state = {k: v for k, v in model.state_dict().items() if "indptr" not in k and "indices" not in k}
    rebuilt = ns.nn.SparseMLP(ns.SparseNetwork(graphs), n_classes=10, rng=0)
    rebuilt.load_state_dict(
        {
            **rebuilt.state_dict(),
            **{k: v for k, v in state.items() if not k.endswith("weight") or k.startswith("head")},
            **{f"layers.{k}.weight": torch.from_numpy(w) for k, w in enumerate(weights)},
        }
    )
    if include_head:
        flat = rebuilt.head.weight.data.view(-1)
        flat[[e - start for e in removed if e >= start]] = 0
    data = load("digits")
    return evaluate(rebuilt, torch.from_numpy(data.x_test.copy()), torch.from_numpy(data.y_test.copy()))


@pytest.mark.parametrize("include_head", [False, True])
def test_equals_a_model_rebuilt_without_the_edges(trained, include_head):
    n_edges = trained.network.n_edges + (600 if include_head else 0)
    order = np.random.default_rng(3).permutation(n_edges)
    table = link_removal(trained, "digits", order=order, fractions=5, include_head=include_head, rng=0)
    gone = [round(f * n_edges) for f in np.linspace(0, 1, 6)]
    assert (n_edges - table["n_edges"]).tolist() == gone
    for count, row in zip(gone, table.itertuples(), strict=True):
        loss, accuracy = by_hand(trained, order[:count].tolist(), include_head)
        assert row.accuracy == accuracy
        assert row.loss == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("order", ["random", "weight_descending", "degree_product"])
def test_structure_is_what_percolate_sees_for_the_same_seed(trained, order):
    table = link_removal(trained, "digits", order=order, fractions=10, trials=3, rng=5)
    names = ("giant_component", "second_component", "outputs_reachable", "active_units")
    how = {"weights": trained.weights} if order == "weight_descending" else {}
    curve = percolate(trained.network, order=order, observables=names, trials=3, rng=5, **how)
    at = curve.at(trained.network.n_edges - table.query("trial == 0")["n_edges"].to_numpy())
    for name in names:
        np.testing.assert_array_equal(table[name].to_numpy().reshape(3, 11), at[name])


def test_ends(trained):
    table = link_removal(trained, "digits", fractions=4, trials=3, rng=0)
    last = table.query("strength == 1")
    assert last["accuracy"].nunique() == 1  # only biases are left: one class for every image
    assert (last[["outputs_reachable", "active_units", "n_edges"]] == 0).all(axis=None)
    assert last["accuracy"].max() < 0.2
    assert 0 < area_under_accuracy(table) < 1


def test_weakest_first_is_magnitude_pruning_and_costs_least(trained):
    areas = {}
    for order in ("weight_ascending", "random", "weight_descending"):
        table = link_removal(trained, "digits", order=order, fractions=5, trials=2, rng=0)
        areas[order] = area_under_accuracy(table)
        if order == "weight_ascending":
            pruned = magnitude_pruning(trained, "digits", fractions=5, trials=2, rng=0)
            assert table.drop(columns=["probe", "options"]).equals(pruned.drop(columns=["probe", "options"]))
    assert areas["weight_descending"] < areas["random"] < areas["weight_ascending"]


@pytest.mark.parametrize("include_head", [False, True])
def test_saliency_is_an_order(trained, include_head):
    options = {"fractions": 5, "trials": 1, "include_head": include_head, "rng": 0}
    scores = saliency(trained, "digits", include_head=include_head)
    areas = []
    for name, highest_first in (("saliency_ascending", False), ("saliency_descending", True)):
        table = link_removal(trained, "digits", order=name, **options)
        assert set(table["options"]) == {f"order={name}, scope=layer"}
        same = link_removal(trained, "digits", order=ByScore(scores, highest_first), **options)
        assert table.drop(columns="options").equals(same.drop(columns="options"))
        areas.append(area_under_accuracy(table))
    assert areas[1] < areas[0]


def test_scope_of_the_whole_network(trained):
    options = {"order": "weight_ascending", "fractions": [0.3], "trials": 1, "rng": 0}
    pooled, apart = (link_removal(trained, "digits", scope=scope, **options) for scope in ("network", "layer"))
    assert pooled["n_edges"].item() == apart["n_edges"].item()
    assert pooled["loss"].item() != apart["loss"].item()


def test_network_without_edges():
    net = ns.SparseNetwork([ns.BipartiteGraph.from_edges([], [], n_in=64, n_out=5)])
    table = link_removal(ns.nn.SparseMLP(net, n_classes=10, rng=0), "digits", fractions=2, trials=1, rng=0)
    assert table["n_edges"].tolist() == [0, 0, 0]


BAD = [
    ({"fractions": 0}, errors.InvalidOption, "fractions=20"),
    ({"fractions": [0.5, 0.5]}, errors.InvalidOption, "increasing"),
    ({"fractions": [0.5, 0.2]}, errors.InvalidOption, "increasing"),
    ({"fractions": [0.5, 1.2]}, errors.InvalidOption, r"\[0, 1\]"),
    ({"fractions": [[0.5]]}, errors.InvalidOption, r"\[0, 1\]"),
    ({"fractions": "half"}, errors.InvalidOption, "half"),
    ({"fractions": True}, errors.InvalidOption, "True"),
    ({"trials": 0}, errors.InvalidOption, "trials"),
    ({"order": "randm"}, errors.UnknownName, "random"),
    ({"order": "saliency"}, errors.UnknownName, "saliency_descending"),
    ({"order": "unit_degree"}, errors.InvalidOption, r"UnitRemoval\(order='unit_degree'\)"),
    ({"order": [[0, 1], [2, 3]]}, errors.InvalidOption, r"shape \(2, 2\)"),
    ({"order": [0, 1, 2]}, errors.InvalidOption, "every edge id"),
    ({"order": range(1120), "trials": 2}, errors.InvalidOption, "trials=1"),
    ({"scope": "all"}, errors.InvalidOption, "layer"),
    ({"rng": None}, errors.InvalidSeed, "rng=0"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(trained, options, error, message):
    with pytest.raises(error, match=message):
        link_removal(trained, "digits", **{"rng": 0, **options})


def test_a_given_order_is_one_trial(trained):
    table = link_removal(trained, "digits", order=np.arange(trained.network.n_edges), fractions=2, rng=0)
    assert table["trial"].tolist() == [0, 0, 0]
    assert set(table["options"]) == {"order=given, scope=layer"}
