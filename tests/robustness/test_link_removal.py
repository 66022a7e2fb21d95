"""Link removal: exact counts, the same edges for structure and function, the model left as it is."""

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.datasets import load
from netsparse.percolation import percolate
from netsparse.robustness import area_under_accuracy, link_removal, mean_over_trials
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
    table = link_removal(trained, "digits", order=order, fractions=5, trials=1, include_head=include_head, rng=0)
    assert table["n_removed"].tolist() == [round(f * n_edges) for f in np.linspace(0, 1, 6)]
    for row in table.itertuples():
        loss, accuracy = by_hand(trained, order[: row.n_removed].tolist(), include_head)
        assert row.accuracy == pytest.approx(accuracy)
        assert row.loss == pytest.approx(loss, rel=1e-4)


def test_structure_is_what_percolate_sees_for_the_same_seed(trained):
    table = link_removal(trained, "digits", fractions=10, trials=3, rng=5)
    curve = percolate(trained.network, trials=3, rng=5).at(table.query("trial == 0")["n_removed"].to_numpy())
    for name in ("giant_component", "second_component", "outputs_reachable"):
        np.testing.assert_array_equal(table[name].to_numpy().reshape(3, 11), curve[name])


def test_ends(trained):
    table = link_removal(trained, "digits", fractions=4, trials=3, rng=0)
    data = load("digits")
    clean = evaluate(trained, torch.from_numpy(data.x_test.copy()), torch.from_numpy(data.y_test.copy()))
    assert np.allclose(table.query("n_removed == 0")["accuracy"], clean[1])
    last = table.query("fraction_removed == 1")
    assert last["accuracy"].nunique() == 1  # only biases are left: one class for every image
    assert (last["outputs_reachable"] == 0).all()
    assert last["accuracy"].max() < 0.2


def test_model_is_left_alone_and_same_seed_same_table(trained):
    before = {k: v.clone() for k, v in trained.state_dict().items()}
    first = link_removal(trained, "digits", fractions=3, trials=2, rng=1)
    assert all(torch.equal(before[k], v) for k, v in trained.state_dict().items())
    assert first.equals(link_removal(trained, "digits", fractions=3, trials=2, rng=1))
    assert not first.equals(link_removal(trained, "digits", fractions=3, trials=2, rng=2))


def test_trials_differ_and_average_with_an_interval(trained):
    table = link_removal(trained, "digits", fractions=[0.0, 0.5, 1.0], trials=4, rng=0)
    assert table.query("fraction_removed == 0.5")["accuracy"].nunique() > 1
    mean = mean_over_trials(table).query("quantity == 'accuracy' and fraction_removed == 0.5")
    sample = table.query("fraction_removed == 0.5")["accuracy"]
    half = 3.182446305 * sample.std() / 2  # Student's t at 97.5 %, 3 degrees of freedom
    assert mean["mean"].item() == pytest.approx(sample.mean())
    assert mean["high"].item() - mean["mean"].item() == pytest.approx(half)
    assert 0 < area_under_accuracy(table) < 1


def test_network_without_edges():
    net = ns.SparseNetwork([ns.BipartiteGraph.from_edges([], [], n_in=64, n_out=5)])
    table = link_removal(ns.nn.SparseMLP(net, n_classes=10, rng=0), "digits", fractions=2, trials=1, rng=0)
    assert table["n_removed"].tolist() == [0, 0, 0]


BAD = [
    ({"fractions": 0}, errors.InvalidOption, "fractions=20"),
    ({"fractions": [0.5, 0.5]}, errors.InvalidOption, "increasing"),
    ({"fractions": [0.5, 0.2]}, errors.InvalidOption, "increasing"),
    ({"fractions": [0.5, 1.2]}, errors.InvalidOption, r"\[0, 1\]"),
    ({"fractions": "half"}, errors.InvalidOption, "half"),
    ({"trials": 0}, errors.InvalidOption, "trials"),
    ({"order": "randm"}, errors.UnknownName, "random"),
    ({"scope": "all"}, errors.UnknownName, "layer"),
    ({"rng": None}, errors.InvalidSeed, "rng=0"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(trained, options, error, message):
    with pytest.raises(error, match=message):
        link_removal(trained, "digits", **{"rng": 0, **options})


def test_a_model_that_does_not_fit_the_data():
    model = ns.nn.SparseMLP(ns.generators.layered([64, 10], density=0.5, rng=0), n_classes=4, rng=0)
    with pytest.raises(errors.InvalidOption, match="n_classes=10"):
        link_removal(model, "digits", rng=0)


def test_a_given_order_is_one_trial(trained):
    table = link_removal(trained, "digits", order=np.arange(trained.network.n_edges), fractions=2, rng=0)
    assert table["trial"].tolist() == [0, 0, 0]


def test_include_head_needs_a_dense_head():
    model = ns.nn.SparseMLP(ns.generators.layered([64, 10], density=0.5, rng=0), head=None, rng=0)
    with pytest.raises(errors.InvalidOption, match="include_head=False"):
        link_removal(model, "digits", include_head=True, rng=0)
