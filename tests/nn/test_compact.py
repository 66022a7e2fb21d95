"""Compact models: the same outputs, the units that a slow oracle leaves, nothing left to do."""

import numpy as np
import oracles
import oracles_compact
import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import netsparse as ns
from netsparse import BipartiteGraph, SparseNetwork, errors
from netsparse.generators.convolutional import vgg
from netsparse.nn import VGG, SparseMLP
from netsparse.nn.compact import compact
from netsparse.nn.kinds import drawn_like
from netsparse.nn.selecting import SelectingLinear
from netsparse.robustness.interval_bounds import interval_bounds
from netsparse.robustness.lipschitz import lipschitz_bound

PLAIN = {name: network for name, network in zoo.NETWORKS.items() if all(j is None for j in network.joints)}
BUILDS = [
    {"n_classes": 4},
    {"n_classes": 4, "bias": False},
    {"head": None},
    {"n_classes": 3, "activation": "leaky_relu"},
    {"n_classes": 3, "activation": "all_relu", "backend": "torch_csr"},
]
TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 1e-5}, torch.float64: {"rtol": 1e-12, "atol": 1e-12}}


def shaken(model, seed=0):
    """Biases, running moments and batch-norm weights as training leaves them: of both signs, none where it was."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if "bias" in name or "running_mean" in name:
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            elif "running_var" in name or ("norms" in name and "weight" in name):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    return model.eval()


def mlp(network, dtype=torch.float64, seed=0, **build):
    return shaken(SparseMLP(network, rng=seed, **build).to(dtype), seed)


def inputs_of(model, n=7):
    dtype = next(model.parameters()).dtype
    return torch.rand(n, model.n_features, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


def assert_same(model, small):
    x = inputs_of(model)
    with torch.no_grad():
        torch.testing.assert_close(small(x), model(x), **TOLERANCE[x.dtype])


def assert_nothing_left(result, inputs="selected"):
    again = compact(result.model, inputs=inputs)
    assert [len(ids) for ids in again.kept] == [len(ids) for ids in result.kept]
    assert again.n_edges == result.n_edges
    for (name, one), (other_name, other) in zip(
        result.model.state_dict().items(), again.model.state_dict().items(), strict=True
    ):
        assert name == other_name
        assert torch.equal(one, other), name


def left_by_the_oracle(model):
    layers = model.sparse_layers()
    matrices = [oracles.dense_of(layer.graph, layer.edge_weights()) for layer in layers]
    biases = [np.zeros(m.n_out) if m.bias is None else m.bias.detach().numpy() for m in layers]
    slopes = [0.0 if layer.slope is None else layer.slope for layer in layers]
    head = None if model.head is None else model.head.weight.detach().numpy()
    return oracles_compact.kept_units(matrices, biases, slopes, head)


@pytest.mark.parametrize("network", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("build", BUILDS, ids=str)
@pytest.mark.parametrize("inputs", ["selected", "all"])
def test_outputs_of_the_zoo_are_the_same(network, build, inputs):
    model = mlp(network, **build)
    result = compact(model, inputs=inputs)
    assert_same(model, result.model)
    assert_nothing_left(result, inputs)
    assert type(result.model) is SparseMLP
    if inputs == "selected":
        assert [ids.tolist() for ids in result.kept] == left_by_the_oracle(model)
    else:
        assert result.kept[0].tolist() == list(range(model.n_features))
        assert type(result.model.sparse_layers()[0]) is not SelectingLinear


@settings(deadline=None, max_examples=60)
@given(zoo.networks(max_units=7, max_layers=4), st.sampled_from(BUILDS[:4]), st.integers(0, 3))
def test_random_networks_keep_what_the_oracle_keeps(network, build, seed):
    model = mlp(network, seed=seed, **build)
    result = compact(model)
    assert_same(model, result.model)
    assert [ids.tolist() for ids in result.kept] == left_by_the_oracle(model)
    assert result.model.network.sizes == tuple(len(ids) for ids in result.kept)
    assert_nothing_left(result)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("backend", ["auto", "dense", "reference"])
def test_sizes_of_training(dtype, backend):
    model = mlp(ns.generators.layered([300, 200, 150], density=0.01, rng=0), dtype, n_classes=10, backend=backend)
    result = compact(model)
    assert_same(model, result.model)
    assert result.n_edges < result.n_edges_before == model.network.n_edges
    assert result.dense_share < 0.61
    assert result.n_parameters == sum(p.numel() for p in result.model.parameters()) < result.n_parameters_before
    assert {p.dtype for p in result.model.parameters()} == {dtype}


def test_by_hand():
    """2 -> 0 -> 0 is the only path; hidden unit 1 is a constant 3, hidden unit 2 is read by nobody."""
    first = BipartiteGraph.from_edges([2, 1], [0, 2], n_in=4, n_out=3)
    second = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=2)
    model = SparseMLP(SparseNetwork([first, second]), head=None, rng=0)
    with torch.no_grad():
        model.layers[0].weight.copy_(torch.tensor([2.0, 9.0]))
        model.layers[0].bias.copy_(torch.tensor([0.5, 3.0, 9.0]))
        model.layers[1].weight.copy_(torch.tensor([4.0, 5.0]))
        model.layers[1].bias.copy_(torch.tensor([1.0, -1.0]))
    result = compact(model)
    assert [ids.tolist() for ids in result.kept] == [[2], [0], [0, 1]]
    small = result.model
    assert small.layers[1].bias.tolist() == [16.0, -1.0]  # 1 + 5 * 3
    assert small.weights[0].tolist() == [2.0]
    assert small(torch.tensor([[0.0, 1.0, 0.25, 1.0]])).tolist() == [[20.0, -1.0]]  # 4 * (2 / 4 + 1 / 2) + 16
    row = result.table.iloc[0].to_dict()
    assert (row["n_in_before"], row["n_in"], row["n_edges_before"], row["n_edges"], row["n_pairs"]) == (4, 1, 2, 1, 1)


def test_edges_of_weight_zero_go():
    network = ns.generators.layered([12, 20, 15], density=0.5, rng=0)
    model = mlp(network, n_classes=4)
    with torch.no_grad():
        for layer in model.layers:
            layer.weight[::2] = 0.0
        model.head.weight[:, :9] = 0.0
    result = compact(model)
    assert result.kept[2].min() >= 9
    assert all((weights != 0).all() for weights in result.model.weights)
    assert_same(model, result.model)


def test_the_original_is_left_alone_and_nothing_is_shared():
    model = mlp(ns.generators.layered([30, 20, 15], density=0.1, rng=0), n_classes=4).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    result = compact(model)
    assert result.model.training
    with torch.no_grad():
        for tensor in [*result.model.parameters(), result.model.normalize.mean]:
            tensor.add_(1.0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_compact_model_trains_and_is_rewired():
    result = compact(mlp(ns.generators.layered([64, 60, 50], density=0.02, rng=0), torch.float32, n_classes=10))
    model = result.model
    fitted = ns.train.fit(model, "digits", rewiring=ns.rewiring.SET(), epochs=2, progress=False, rng=0)
    assert fitted.model is model
    assert fitted.network.sizes == tuple(len(ids) for ids in result.kept)
    other = model.with_edges(model.network, [2 * weights for weights in model.weights])
    x = inputs_of(model)
    assert not torch.equal(other(x), model(x))
    assert isinstance(other.layers[0], SelectingLinear)


@pytest.mark.parametrize("build", [{"n_classes": 10}, {"head": None, "bias": False, "activation": "all_relu"}], ids=str)
def test_a_compact_model_is_saved_loaded_and_built_again(build, tmp_path):
    model = compact(mlp(ns.generators.layered([64, 60, 10], density=0.02, rng=0), torch.float32, **build)).model
    ns.train.save_model(model, tmp_path / "model")
    loaded = ns.train.load_model(tmp_path / "model")
    assert isinstance(loaded.layers[0], SelectingLinear)
    assert loaded.n_features == 64 > loaded.network.sizes[0]
    assert loaded.options() == model.options()
    x = inputs_of(model)
    assert torch.equal(loaded(x), model(x))
    other = drawn_like(model, model.network, init="he_sparse", rng=1)
    assert other(x).shape == (7, 10)
    assert torch.equal(other.layers[0].inputs, model.layers[0].inputs)


def test_compact_models_share_no_selection():
    first = compact(mlp(ns.generators.layered([64, 60], density=0.02, rng=0), n_classes=10)).model
    for second in (compact(first).model, compact(first, inputs="all").model):
        assert torch.equal(second.layers[0].inputs, first.layers[0].inputs)
        assert second.layers[0].inputs.data_ptr() != first.layers[0].inputs.data_ptr()


@pytest.mark.parametrize("network", [[64, 10], [64, 60, 50, 10]], ids=str)
def test_certificates_of_compact_models_are_those_of_the_whole(network):
    model = mlp(ns.generators.layered(network, density=0.05, rng=0), torch.float32, head=None)
    small = compact(model).model
    assert isinstance(small.layers[0], SelectingLinear)
    x = inputs_of(model)
    for norm in ("linf", "l2"):
        for ours, theirs in zip(
            interval_bounds(small, x, 0.05, norm=norm), interval_bounds(model, x, 0.05, norm=norm), strict=True
        ):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        # units that nobody reads are in the norms of the whole alone
        ours, theirs = (lipschitz_bound(each, norm=norm) for each in (small, model))
        assert 0 < ours <= theirs * (1 + 1e-9)
        tables = [
            ns.robustness.certified_accuracy(each, "digits", eps=[0.02], norm=norm, n_samples=50)
            for each in (small, model)
        ]
        assert tables[0]["accuracy"].tolist() == tables[1]["accuracy"].tolist()


def test_numbers_that_are_none_stay_where_they_are():
    model = mlp(ns.generators.layered([30, 20, 15], density=0.1, rng=0), n_classes=4)
    with torch.no_grad():
        model.layers[0].weight[0] = torch.nan
        model.layers[1].bias[::4] = torch.inf
    small, x = compact(model).model, inputs_of(model)
    torch.testing.assert_close(small(x), model(x), equal_nan=True)
    assert not torch.isfinite(model(x)).all()


# convolutions ---------------------------------------------------------------------------------------------------------


def small_vgg(shape=(3, 16, 16), density=0.02, dtype=torch.float64, seed=0, **options):
    network = vgg(11, density=density, width=0.125, shape=shape, rng=seed, **options)
    return shaken(VGG(network, shape=shape, rng=seed).to(dtype), seed)


def without(model, k, keep):
    """The model without the edges of layer k for which keep(source, target) is false."""
    layer = model.sparse_layers()[k]
    alive = np.array(
        [keep(s, t) for s, t in zip(layer.graph.sources.tolist(), layer.graph.targets.tolist(), strict=True)]
    )
    weights = list(model.weights)
    graph = ns.graph.subgraph(layer.graph, alive)[0]
    weights[k] = weights[k][alive]
    return model.with_edges(model.network.replace(k, graph), weights)


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 8, 8), (3, 5, 7), (1, 32, 32)])
@pytest.mark.parametrize("density", [0.01, 0.05, 1.0])
def test_vggs_have_the_same_outputs(shape, density):
    model = small_vgg(shape, density, generator="erdos_renyi" if density < 1 else "complete")
    result = compact(model)
    assert_same(model, result.model)
    assert_nothing_left(result)
    assert type(result.model) is VGG
    rebuilt = VGG(result.model.network, shape=shape, rng=0)  # what is left is the wiring of a VGG
    rebuilt.load_state_dict(result.model.to(torch.float32).state_dict())
    with torch.no_grad():
        x = inputs_of(result.model)
        torch.testing.assert_close(rebuilt.eval()(x), result.model(x))
    assert (result.n_edges < result.n_edges_before) == (density < 1)


def test_a_vgg_in_single_precision():
    model = small_vgg(dtype=torch.float32)
    assert_same(model, compact(model).model)


def test_a_channel_that_nobody_reads_goes_with_its_batch_norm():
    model = without(small_vgg(density=0.3), 3, lambda s, t: s // 9 not in (0, 5))
    result = compact(model)
    assert not {0, 5} & set(result.kept[3].tolist())
    assert result.model.norms[2].num_features == len(result.kept[3]) == result.model.layers[2].n_out
    assert_same(model, result.model)


@pytest.mark.parametrize(("place", "goes"), [(4, True), (0, False), (None, False)])
def test_a_constant_channel_goes_where_padding_is_not_seen(place, goes):
    """Channel 2 of layer 2 has no edges and a positive constant; layer 3 reads it at one place, or at all of them."""
    model = without(small_vgg(density=0.5), 2, lambda s, t: t != 2)
    with torch.no_grad():
        norm = model.norms[2]
        norm.bias[2] = norm.weight[2] * norm.running_mean[2] / (norm.running_var[2] + norm.eps).sqrt() + 0.75
    if place is not None:
        model = without(model, 3, lambda s, t: s // 9 != 2 or s % 9 == place)
    assert any(s // 9 == 2 for s in model.network.layers[3].sources.tolist())
    result = compact(model)
    assert (2 not in result.kept[3]) == goes
    assert_same(model, result.model)
    assert_nothing_left(result)


def test_a_channel_that_is_constantly_zero_goes_wherever_it_is_read():
    model = without(small_vgg(density=0.5), 2, lambda s, t: t != 2)
    with torch.no_grad():
        model.norms[2].bias[2] = -100.0
    result = compact(model)
    assert 2 not in result.kept[3]
    assert_same(model, result.model)


def test_a_constant_map_goes_into_the_biases_of_the_linear_layer():
    model = without(small_vgg(density=0.5), 7, lambda s, t: t != 1)
    with torch.no_grad():
        model.norms[7].bias[1] = 100.0
    result = compact(model)
    assert 1 not in result.kept[8]
    assert not torch.equal(result.model.layers[8].bias, model.layers[8].bias[result.kept[9]])
    assert_same(model, result.model)


def test_a_vgg_of_no_edges_is_its_constant():
    network = vgg(11, density=0.05, width=0.125, shape=(3, 8, 8), rng=0)
    empty = SparseNetwork(
        [BipartiteGraph.from_edges([], [], n_in=g.n_in, n_out=g.n_out) for g in network.layers], network.joints
    )
    model = shaken(VGG(empty, shape=(3, 8, 8), rng=0).double())
    result = compact(model)
    assert [len(ids) for ids in result.kept] == [3] + [1] * 10 + [10]
    assert_same(model, result.model)
    assert_nothing_left(result)


# the selecting layer, bad input ---------------------------------------------------------------------------------------


def test_a_selecting_layer_is_the_layer_over_all_inputs():
    graph = BipartiteGraph.from_mask(np.random.default_rng(0).random((6, 4)) < 0.5)
    ids = [1, 9, 4, 6]
    layer = SelectingLinear(graph, ids, 11, activation="relu", rng=0)
    wide = np.zeros((6, 11))
    wide[:, ids] = oracles.dense_of(graph, layer.edge_weights())
    for x in (torch.rand(5, 11), torch.rand(2, 3, 11), torch.rand(11)):
        expected = torch.relu(x @ torch.tensor(wide, dtype=torch.float32).t())
        torch.testing.assert_close(layer(x), expected)
    with pytest.raises(errors.InvalidSize, match=r"expected \(..., 11\)"):
        layer(torch.rand(5, 4))
    for wrong in ([1, 9, 4], [1, 9, 4, 11], [1, 9, 4, 4], [-1, 0, 1, 2]):
        with pytest.raises(errors.InvalidOption, match="4 distinct ones from 0 to 10"):
            SelectingLinear(graph, wrong, 11)
    network = SparseNetwork([graph])
    assert SparseMLP(network, head=None, selected=(ids, 11), rng=0)(torch.rand(5, 11)).shape == (5, 6)
    for wrong in (ids, (ids,), (ids, 11.0)):
        with pytest.raises(errors.InvalidOption, match="a pair of the features"):
            SparseMLP(network, head=None, selected=wrong, rng=0)


def test_impossible_input_gets_one_line():
    with pytest.raises(errors.InvalidOption, match="an SparseMLP or a VGG"):
        compact(nn.Linear(3, 2))
    model = small_vgg()
    model.norms[2] = nn.BatchNorm2d(model.norms[2].num_features, track_running_stats=False).double()
    with pytest.raises(errors.InvalidOption, match="one with running means"):
        compact(model)
    with pytest.raises(errors.UnknownName, match="one of all, selected"):
        compact(mlp(PLAIN["one layer"], n_classes=2), inputs="some")


def test_bit_for_bit_where_no_constant_is_added_and_the_last_layer_is_sparse():
    model = SparseMLP(
        ns.generators.layered([300, 200, 150, 10], density=0.01, rng=0), head=None, backend="reference", rng=0
    )
    result = compact(model)
    assert result.n_edges < result.n_edges_before
    x = inputs_of(model)
    assert torch.equal(result.model(x), model(x))
