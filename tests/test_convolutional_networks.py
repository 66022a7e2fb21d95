"""Everything works on convolutional networks: one small VGG goes through every rule, metric, probe and export."""

import itertools
import math

import numpy as np
import oracles_structured
import oracles_vgg
import pytest
import torch
from oracles_vgg import few_digits, n_edges, same_states
from oracles_vgg import small_vgg as model
from torch import nn

from netsparse import errors, interop, metrics, percolation
from netsparse.generators import vgg
from netsparse.graph import BipartiteGraph, SparseNetwork, apply, subgraph
from netsparse.metrics.catalogue import METRICS
from netsparse.rewiring import RULES, Kept
from netsparse.rewiring.growth.nearest import NearestFree
from netsparse.rewiring.rules.chain_removal import with_dead_ends
from netsparse.robustness import probe, saliency
from netsparse.robustness.evaluation import Subject, wiring_of
from netsparse.robustness.probes import PROBES
from netsparse.train import evaluate, fit, objectives, save_model

FEW = few_digits()
QUICK = {"epochs": 2, "batch_size": 64, "progress": False, "rng": 0}


@pytest.fixture(scope="module")
def trained():
    return fit(model(normalization=(0.3, 0.4)), FEW, **QUICK, lr=0.02).model


# rules ------------------------------------------------------------------------------------------------------------


# those that act after every step, and the one that never does
AS_THEY_ARE = "static", "deep_r", "soft_deep_r", "bayesian_sampling", "structured", "structured_by_weight"


def made(name):
    """A rule that acts in a run of eight steps."""
    return RULES[name](**({} if name in AS_THEY_ARE else {"every": 2}))


@pytest.mark.parametrize("name", RULES)
def test_every_rule_trains_a_convolutional_network(name):
    start, rewired = model(), []
    before = start.network
    watch = type("Watch", (), {"on_rewire": staticmethod(lambda state, changes: rewired.append(changes))})()
    rule = made(name)
    result = fit(start, FEW, rewiring=rule, callbacks=[watch], **QUICK)
    after = result.network
    assert after.sizes == before.sizes
    assert SparseNetwork(after.layers, before.joints) == after, "the joints are the same"
    if name != "static":
        assert set(result.topology["layer"]) == set(range(11))
        assert any(delta.n_removed or len(delta.added_sources) for changes in rewired for _, delta in changes)
    for changes in rewired:
        for graph, delta in changes:
            apply(graph, delta)  # refuses pairs that are taken and edges that are none
    if rule.keeps_count:
        assert after.n_edges == before.n_edges
    elif "prun" in name:
        assert after.n_edges < before.n_edges
    assert np.isfinite(result.history["loss"]).all()


def test_weights_of_newborn_edges_and_running_means_are_in_the_snapshot():
    result = fit(model(), FEW, rewiring="set", **QUICK)
    assert all(np.array_equal(a, b) for a, b in zip(result.weights, result.model.weights, strict=True))
    for k, norm in enumerate(result.model.norms):
        assert torch.equal(result.last.state[f"norms.{k}.running_mean"], norm.running_mean)
        assert norm.running_mean.abs().sum() > 0


def test_the_kernel_reaches_structured_growth(monkeypatch):
    seen = []

    def spy(self, kept, n_grow, rng, original=NearestFree.__call__):
        seen.append((kept.before.index, kept.before.kernel_size))
        return original(self, kept, n_grow, rng)

    monkeypatch.setattr(NearestFree, "__call__", spy)
    fit(model(), FEW, rewiring=made("structured"), **QUICK | {"epochs": 1})
    assert set(seen) == {(k, (3, 3) if k < 8 else None) for k in range(11)}


def test_growth_goes_to_the_nearest_places_of_the_kernel_in_four_dimensions():
    net = model(width=1 / 16)
    lone = BipartiteGraph.from_edges([(3 * 3 + 1) * 3 + 1], [4], n_in=72, n_out=16)  # place (1, 1) of channel 3
    weights = [np.ones(1) if k == 2 else w for k, w in enumerate(net.weights)]
    net = net.with_edges(net.network.replace(2, lone), weights)
    kept = Kept(net.layer_states()[2], np.empty(0, dtype=np.int64))
    sources, targets = NearestFree()(kept, 8, np.random.default_rng(0))
    found = {oracles_structured.place_of(pair, (3, 3)) for pair in zip(sources.tolist(), targets.tolist(), strict=True)}
    taken = oracles_structured.tensor_of([(31, 4)], 72, 16, (3, 3))
    assert found == oracles_structured.nearest_free(taken, (1, 1, 3, 4), "euclidean")
    assert len(found) == 8


@pytest.mark.parametrize("shape", [(8, 8), (32, 32)])  # behind the last block one pixel, and 2 x 2
def test_chain_removal_leaves_the_edges_on_whole_paths(shape):
    net = model(density=0.05, width=1 / 16, shape=shape)
    states = net.layer_states()
    rng = np.random.default_rng(0)
    removed = [np.flatnonzero(rng.random(layer.n_edges) < 0.3) for layer in net.network.layers]
    stays = [np.setdiff1d(np.arange(n), ids) for n, ids in zip(n_edges(net.network), removed, strict=True)]
    left = [
        subgraph(layer, np.isin(np.arange(layer.n_edges), ids))[0]
        for layer, ids in zip(net.network.layers, stays, strict=True)
    ]
    whole = oracles_vgg.on_whole_paths(SparseNetwork(left, net.network.joints))
    found = with_dead_ends(states, removed)
    for k, (gone, ids) in enumerate(zip(found, stays, strict=True)):
        assert np.setdiff1d(np.arange(states[k].graph.n_edges), gone).tolist() == ids[whole[k]].tolist(), k
    assert sum(map(len, found)) > sum(map(len, removed)), "the draw has dead ends"


# metrics and percolation ----------------------------------------------------------------------------------------------


def test_every_metric_of_the_catalogue_with_null_models(trained):
    table = metrics.summarize(trained.network, weights=trained.weights, null_model="degree", n_null=2, rng=0)
    assert set(table["layer"]) == {*map(str, range(11)), "network"}
    names = {name for name, metric in METRICS.items() if metric.cost == "fast"}
    assert names <= set(table["metric"])
    assert table[table["layer"] == "network"]["value"].notna().all()


SLOW = [name for name, metric in METRICS.items() if metric.cost != "fast"]
FITS = [name for name in SLOW if name.startswith("power_law")]  # hundreds of samples of the law are fitted again


def check_slow_metrics(names):
    small = vgg(11, density=0.4, width=1 / 64, shape=(8, 8), rng=0)
    weights = [np.random.default_rng(k).normal(size=layer.n_edges) for k, layer in enumerate(small.layers)]
    table = metrics.summarize(small, weights=weights, metrics=names, rng=0)
    found = table[table["layer"] == "network"].set_index("metric")["value"]
    assert set(names) <= set(found.index)
    assert not found.map(math.isinf).any()


def test_every_slow_metric_of_the_catalogue():
    check_slow_metrics([name for name in SLOW if name not in FITS])


@pytest.mark.slow
def test_every_fit_of_the_catalogue():
    check_slow_metrics(FITS)


@pytest.mark.parametrize("density", [0.02, 0.1])
def test_the_whole_network_contracts_patches_onto_channels(density):
    network = vgg(11, density=density, width=1 / 16, shape=(32, 32), allocation="uniform", rng=1)
    sizes = oracles_vgg.components(network)
    assert metrics.n_components(network) == len(sizes)
    assert metrics.giant_component(network) == sizes[0] / sum(network.sizes)
    n_paths = oracles_vgg.n_paths(network)
    assert metrics.log_path_count(network) == (pytest.approx(math.log(n_paths)) if n_paths else -math.inf)
    pairs = set(oracles_vgg.unit_pairs(network))
    assert np.count_nonzero(network.adjacency().toarray()) == len(pairs)
    on_paths = oracles_vgg.on_whole_paths(network)
    gone = [delta.removed.tolist() for delta in metrics.chain_removal(network)]
    assert gone == [sorted(set(range(n)) - set(ids)) for n, ids in zip(n_edges(network), on_paths, strict=True)]


@pytest.mark.parametrize("scope", ["layer", "network"])
def test_percolation_counts_what_a_walk_counts(scope):
    network = vgg(11, density=0.1, width=1 / 32, shape=(8, 8), allocation="uniform", rng=0)
    points = [0, network.n_edges // 2, 9 * network.n_edges // 10, network.n_edges]
    options = {"order": "random", "scope": scope, "trials": 2, "rng": 0}
    curve = percolation.percolate(network, points=points, **options).to_frame()
    means = curve.query("observable == 'giant_component'").set_index("n_removed")["mean"]
    drawn = [removal.items for removal in percolation.removals(network, **options)]
    starts = np.cumsum([0, *n_edges(network)])
    for n_removed in points:
        shares = []
        for order in drawn:
            stays = np.ones(network.n_edges, dtype=bool)
            stays[order[:n_removed]] = False
            parts = [stays[begin:end] for begin, end in itertools.pairwise(starts)]
            left = [subgraph(layer, part)[0] for layer, part in zip(network.layers, parts, strict=True)]
            left = SparseNetwork(left, network.joints)
            shares.append(oracles_vgg.components(left)[0] / sum(network.sizes))
        assert means[n_removed] == pytest.approx(np.mean(shares)), n_removed


@pytest.mark.parametrize("order", list(percolation.ORDERS))
def test_every_order_of_removal(order, trained):
    more = {"weights": trained.weights} if "weight" in order else {}
    curve = percolation.percolate(trained.network, order=order, trials=1, points=5, rng=0, **more)
    giant = curve.to_frame().query("observable == 'giant_component'")["mean"].to_numpy()
    assert giant[0] == metrics.giant_component(trained.network)
    assert (np.diff(giant) <= 1e-12).all()


def test_thresholds_and_predictions():
    network = vgg(11, density=0.05, width=1 / 8, shape=(8, 8), allocation="uniform", rng=0)
    curve = percolation.percolate(network, trials=3, rng=0)
    assert 0.0 < curve.threshold().fraction_kept < 1.0
    predicted = percolation.predict(network)
    assert 0.0 < percolation.non_backtracking_threshold(network) < 1.0
    assert predicted is not None
    assert ((reached := percolation.reach_probabilities(network, 0.5)) >= 0.0).all()
    assert len(reached) == sum(network.sizes)
    with pytest.raises(errors.InvalidGraph, match="a network of 11 layers, expected one layer") as caught:
        percolation.generating_function_threshold(network)
    assert "\n" not in str(caught.value)


# probes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_begins_with_what_evaluate_says(name, trained):
    x, y = FEW.x_test.reshape(len(FEW.x_test), -1), FEW.y_test
    loss, accuracy = evaluate(trained, x, y)
    state = {key: value.clone() for key, value in trained.state_dict().items()}
    table = probe(trained, FEW, name, strengths=[0.0, 0.5], trials=2, rng=0)
    first = table[table["strength"] == 0.0]
    assert (first["loss"] == loss).all()
    assert (first["accuracy"] == accuracy).all()
    assert (first["n_edges"] == trained.network.n_edges).all()
    assert (first["giant_component"] == metrics.giant_component(trained.network)).all()
    assert np.isfinite(table["loss"]).all()
    assert (table[table["strength"] == 0.5]["loss"] != loss).all()
    assert same_states(state, trained.state_dict()), "the model is left as it is"


def test_batches_sized_to_memory_are_those_of_evaluate(trained, monkeypatch):
    monkeypatch.setitem(objectives.MEMORY, "cpu", 7 * 4 * trained.numbers_per_sample)
    x = torch.tensor(FEW.x_test)
    assert objectives.usual_batch(trained, x) == 7
    loss, accuracy = Subject(trained, FEW).measure(wiring_of(trained))
    assert (loss, accuracy) == evaluate(trained, FEW.x_test, FEW.y_test)
    whole = [np.abs(part).max() for part in saliency(trained, FEW)]
    monkeypatch.undo()
    np.testing.assert_allclose([np.abs(part).max() for part in saliency(trained, FEW)], whole, rtol=1e-4)


def test_a_probed_wiring_is_computed_as_the_dense_network_with_zeros(trained):
    subject = Subject(trained, FEW)
    gone = np.random.default_rng(0).random(trained.network.n_edges) < 0.1
    wiring = subject.wiring.without(gone)
    left = trained.with_edges(wiring.network, wiring.weights)
    twin = oracles_vgg.dense_twin(left).eval()
    x = (torch.tensor(FEW.x_test.reshape(-1, 1, 8, 8)).double() - 0.3) / 0.4
    y = torch.tensor(FEW.y_test.astype(np.int64))
    loss, accuracy = subject.measure(wiring)
    assert loss == pytest.approx(nn.functional.cross_entropy(twin(x), y).item(), rel=1e-4)
    assert accuracy == pytest.approx((twin(x).argmax(1) == y).double().mean().item())
    assert SparseNetwork(wiring_of(trained).network.layers, trained.joints) == wiring_of(trained).network


def test_saliency_is_weight_times_gradient(trained):
    scores = saliency(trained, FEW, split="test")
    twin = oracles_vgg.dense_twin(trained).eval()
    x = (torch.tensor(FEW.x_test.reshape(-1, 1, 8, 8)).double() - 0.3) / 0.4
    nn.functional.cross_entropy(twin(x), torch.tensor(FEW.y_test.astype(np.int64))).backward()
    dense = [module for module in twin if isinstance(module, nn.Conv2d | nn.Linear)]
    for found, layer, other in zip(scores, trained.sparse_layers(), dense, strict=True):
        product = (other.weight * other.weight.grad).detach().flatten(1).abs().numpy()
        expected = product[layer.graph.targets, layer.graph.sources]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_there_is_no_head_to_include(trained):
    for call in (probe, saliency):
        more = {"probes": "sign_flip", "rng": 0} if call is probe else {}
        with pytest.raises(errors.InvalidOption, match="include_head: given True for a model whose head is sparse"):
            call(trained, FEW, include_head=True, **more)


# files and other libraries --------------------------------------------------------------------------------------------


EXPORTS = {
    "networkx": lambda net, w, folder: interop.from_networkx(interop.to_networkx(net, weights=w)),
    "igraph": lambda net, w, folder: interop.from_igraph(interop.to_igraph(net, weights=w)),
    "pandas": lambda net, w, folder: interop.from_pandas(
        interop.to_pandas(net, weights=w), sizes=net.sizes, joints=net.joints
    ),
    "npz": lambda net, w, folder: (
        interop.write_npz(net, folder / "a.npz", weights=w), interop.read_npz(folder / "a.npz")
    )[1],
    "graphml": lambda net, w, folder: (
        interop.write_graphml(net, folder / "a.graphml", weights=w), interop.read_graphml(folder / "a.graphml")
    )[1],
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("shape", [(8, 8), (32, 32)])
def test_every_export_comes_back_edge_for_edge(name, shape, tmp_path):
    net = model(density=0.05, shape=shape)
    network, weights = EXPORTS[name](net.network, net.weights, tmp_path)
    assert network == net.network
    assert all(np.array_equal(a, b) for a, b in zip(weights, net.weights, strict=True))


def test_graphml_says_where_in_the_kernel_an_edge_is(tmp_path):
    net = model(density=0.05)
    interop.write_graphml(net.network, tmp_path / "a.graphml", weights=net.weights, kernels=interop.kernel_shapes(net))
    assert interop.read_graphml(tmp_path / "a.graphml")[0] == net.network
    text = (tmp_path / "a.graphml").read_text()
    n_convolutional = sum(n_edges(net.network)[:8])
    for column in ("kernel_row", "kernel_col"):
        assert text.count(f'<data key="{column}">') == n_convolutional
    first = net.network.layers[0]
    source, target = int(first.sources[0]), int(first.targets[0])
    line = next(line for line in text.splitlines() if f'target="L1N{target}"' in line)
    assert f'<data key="kernel_row">{source // 3}</data><data key="kernel_col">{source % 3}</data>' in line


def test_the_door_to_torch_reads_model_and_file(tmp_path, trained):
    network, weights = interop.from_torch(trained)
    assert network == trained.network
    assert all(np.array_equal(a, b) for a, b in zip(weights, trained.weights, strict=True))
    assert interop.kernel_shapes(trained) == ((3, 3),) * 8 + (None,) * 3
    save_model(trained, tmp_path / "model.safetensors")
    found, values = interop.read_torch(tmp_path / "model.safetensors")
    assert found == network
    assert all(np.array_equal(a, b) for a, b in zip(values, weights, strict=True))
    with pytest.raises(errors.InvalidNetwork, match="try from_torch\\(model\\), which knows convolutions"):
        interop.from_torch(trained.state_dict(), n_in=9)
    flat, _ = interop.from_torch(model(density=0.1, shape=(32, 32)))
    assert flat.joints[7].tolist() == [place // 4 for place in range(64)]
