"""Pruning before training: scores beside masked dense models, exact counts, and a start that learns."""

import numpy as np
import oracles_pruning
import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.nn import SparseMLP
from netsparse.rewiring.synaptic_flow import synflow, synflow_scores
from netsparse.train.pruned_start import METHODS, prune_at_start
from netsparse.train.scores_at_start import GraSP, hessian_times, magnitude, snip

RNG = np.random.default_rng(0)


def complete(*sizes):
    return ns.generators.layered(list(sizes), density=1, generator="complete", rng=0)


def model_of(network, *, head="dense", activation="relu", seed=0):
    model = SparseMLP(network, 3 if head else None, head=head, activation=activation, rng=seed).double()
    for layer in model.sparse_layers():
        torch.nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(seed))
    return model


def samples(model, n, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.random((n, model.network.sizes[0])))
    return x, torch.from_numpy(rng.integers(0, model.n_classes, n))


def dense_scores(model, found):
    return [graph.weight_matrix(part).toarray() for graph, part in zip(model.network.layers, found, strict=True)]


def edges_of(model):
    return [(graph.indptr.tolist(), graph.indices.tolist()) for graph in model.network.layers]


# scores ---------------------------------------------------------------------------------------------------------------


def test_snip_and_grasp_of_eight_edges_by_hand():
    """One linear layer 4 -> 2 without bias, x = (1, 2, 0, 3), label 0, all logits equal: softmax (1/2, 1/2)."""
    model = SparseMLP(complete(4, 2), head=None, bias=False, rng=0).double()
    weights = np.array([3.0, 0, 1, -1, 1, 1, 5, -1])  # both rows give w x = 0
    model.sparse_layers()[0].weight.data.copy_(torch.from_numpy(weights))
    x, y = torch.tensor([[1.0, 2, 0, 3]]).double(), torch.tensor([0])
    # g = (p - onehot) x^T: -x / 2 and x / 2
    (found,) = snip(model, x, y, RNG)
    np.testing.assert_allclose(found, [1.5, 0, 0, 1.5, 0.5, 1, 0, 1.5])
    # H = (diag p - p p^T) kron x x^T = 1/4 (1, -1; -1, 1) kron x x^T; |x|^2 = 14; H g = -3.5 x and 3.5 x
    (found,) = GraSP(temperature=1)(model, x, y, RNG)
    np.testing.assert_allclose(found, [-10.5, 0, 0, 10.5, 3.5, 7, 0, -10.5])


@pytest.mark.parametrize("name", [name for name in zoo.NETWORKS if name != "joint"])
@pytest.mark.parametrize(("head", "activation"), [("dense", "relu"), (None, "all_relu"), ("dense", 0.2)])
def test_scores_equal_masked_dense_models(name, head, activation):
    model = model_of(zoo.NETWORKS[name], head=head, activation=activation)
    x, y = samples(model, 9)
    for found, expected in zip(
        dense_scores(model, snip(model, x, y, RNG)), oracles_pruning.snip(model, x, y), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-13)
    for temperature in (1.0, 200.0):
        found = dense_scores(model, GraSP(temperature)(model, x, y, RNG))
        for a, b in zip(found, oracles_pruning.grasp(model, x, y, temperature), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-13)


@settings(max_examples=25)
@given(zoo.networks(), st.integers(0, 10**6), st.sampled_from(["dense", None]), st.sampled_from(["relu", "all_relu"]))
def test_grasp_equals_two_derivatives_of_random_masked_models(network, seed, head, activation):
    model = model_of(network, head=head, activation=activation, seed=seed)
    x, y = samples(model, 5, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netsparse.train.scores_at_start.BATCH", 2)
        found = dense_scores(model, GraSP(2.0)(model, x, y, RNG))
    for a, b in zip(found, oracles_pruning.grasp(model, x, y, 2.0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-12)


def test_the_hessian_product_equals_the_kernels_second_derivative():
    model = model_of(ns.generators.layered([20, 30, 15], density=0.2, rng=0))
    x, y = samples(model, 12)
    weights = [layer.weight for layer in model.sparse_layers()]
    loss = torch.nn.functional.cross_entropy(model(x), y)
    grads = torch.autograd.grad(loss, weights, create_graph=True)
    directions = [torch.randn(len(w), dtype=torch.float64, generator=torch.Generator().manual_seed(1)) for w in weights]
    slope = sum((g * v).sum() for g, v in zip(grads, directions, strict=True))
    expected = torch.autograd.grad(slope, weights)
    for a, b in zip(hessian_times(model, directions, x, y), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-13)


def test_what_an_edge_s_removal_does_to_loss_and_gradient_to_first_order():
    """The scores have the sign they are said to have: shrink one weight a little and look."""
    model = model_of(ns.generators.layered([8, 6], density=0.5, rng=0))
    x, y = samples(model, 20)
    (sensitivity,), (flow,) = snip(model, x, y, RNG), GraSP(1.0)(model, x, y, RNG)
    step = 1e-5

    def measured(weights):
        other = model.with_edges(model.network, [weights])
        loss = torch.nn.functional.cross_entropy(other(x), y)
        (grad,) = torch.autograd.grad(loss, [other.sparse_layers()[0].weight])
        return loss.item(), (grad**2).sum().item()

    for edge in range(0, model.network.n_edges, 5):
        less, more = model.weights[0].copy(), model.weights[0].copy()
        less[edge] *= 1 - step
        more[edge] *= 1 + step
        by_loss, by_gradient = ((b - a) / (2 * step) for a, b in zip(measured(less), measured(more), strict=True))
        assert abs(by_loss) == pytest.approx(sensitivity[edge], rel=1e-4, abs=1e-9)
        assert by_gradient == pytest.approx(2 * flow[edge], rel=1e-4, abs=1e-9)


# pruning --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", ["network", "layer"])
@pytest.mark.parametrize("rounds", [None, 3])
def test_keeps_exactly_so_many_with_their_weights_and_leaves_the_model_alone(method, scope, rounds):
    model = SparseMLP(complete(64, 40, 30), 10, rng=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pruned, again = (
        prune_at_start(model, "digits", density=0.05, method=method, scope=scope, rounds=rounds, rng=3)
        for _ in range(2)
    )
    assert pruned.network.n_edges == round(0.05 * (64 * 40 + 40 * 30))
    if scope == "layer":
        assert [graph.n_edges for graph in pruned.network.layers] == [128, 60]
    for layer, old in zip(pruned.sparse_layers(), model.sparse_layers(), strict=True):
        ids = old.graph.edge_ids(layer.graph.sources, layer.graph.targets)
        np.testing.assert_array_equal(layer.edge_weights(), old.edge_weights()[ids])
    assert edges_of(pruned) == edges_of(again)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not {p.data_ptr() for p in pruned.parameters()} & {p.data_ptr() for p in model.parameters()}
    assert torch.equal(pruned.head.weight, model.head.weight)


def test_the_highest_scores_stay():
    model = SparseMLP(complete(64, 20), 10, rng=0)
    kept = prune_at_start(model, density=0.25, method="magnitude", rng=0)
    (sizes,) = magnitude(model, None, None, RNG)
    assert np.abs(kept.weights[0]).min() >= np.sort(sizes)[::-1][320 - 1]
    own = prune_at_start(
        model, "digits", n_edges=5, method=lambda m, x, y, rng: [np.arange(m.network.n_edges) * 1.0], rng=0
    )
    assert own.network.layers[0].sources.tolist() == [59, 60, 61, 62, 63]


def test_synflow_is_that_of_the_rewiring_floor_with_the_head():
    model = SparseMLP(complete(16, 30, 12), 4, rng=0).double()
    pruned = prune_at_start(model, density=0.1, method="synflow", rng=0)
    head = model.head.weight.detach().numpy()
    network, _ = synflow(model.network, model.weights, density=0.1, head=head, rng=7)  # no ties
    assert pruned.network == network
    flow, plain = (synflow_scores(model.network, model.weights, head=h)[1] for h in (head, None))
    assert not np.allclose(flow / flow.sum(), plain / plain.sum())


def test_synflow_keeps_layers_that_snip_empties_at_extreme_sparsity():
    model = SparseMLP(complete(64, 300, 300, 300, 300), 10, rng=0)
    counts = {
        method: [
            graph.n_edges for graph in prune_at_start(model, "digits", n_edges=20, method=method, rng=0).network.layers
        ]
        for method in ("snip", "synflow")
    }
    assert min(counts["snip"]) == 0
    assert min(counts["synflow"]) > 0
    assert sum(counts["snip"]) == sum(counts["synflow"]) == 20


def test_images_are_of_all_classes_and_none_of_the_validation_split():
    seen = {}

    def look(model, x, y, rng):
        seen[len(y)] = x.numpy(), y.numpy()
        return magnitude(model, x, y, rng)

    model = SparseMLP(complete(64, 10), 10, rng=0)
    data = ns.datasets.load("digits")
    for n_samples in (None, 7, 500):
        prune_at_start(model, data, density=0.5, method=look, n_samples=n_samples, rng=0)
    assert np.bincount(seen[100][1]).tolist() == [10] * 10
    assert np.bincount(seen[7][1]).max() == 1
    cut = len(data.x_train) - len(data.x_train) // 5
    training = {row.tobytes() for row in data.x_train[:cut]}
    assert all(row.tobytes() in training for row in seen[500][0])


@pytest.mark.parametrize("method", ["snip", "grasp", "synflow"])
def test_a_pruned_start_learns(method):
    model = SparseMLP(complete(64, 100, 100), 10, rng=0)
    pruned = prune_at_start(model, "digits", density=0.05, method=method, rng=0)
    result = ns.train.fit(pruned, "digits", epochs=15, progress=False, rng=0)
    assert result.network.n_edges == round(0.05 * 16_400)
    assert result.test_accuracy > 0.8


def test_layers_without_edges_and_frozen_weights_are_fine():
    model = SparseMLP(zoo.NETWORKS["no edges anywhere"], 2, rng=0)
    data = ns.datasets.Dataset.from_arrays(
        np.random.default_rng(0).random((9, 3)).astype(np.float32), np.arange(9) % 2,
        np.zeros((2, 3), dtype=np.float32), np.arange(2), name="tiny", n_classes=2,
    )  # fmt: skip
    for method in METHODS:
        assert prune_at_start(model, data, n_edges=0, method=method, rng=0).network.n_edges == 0
    frozen = SparseMLP(complete(3, 4), 2, rng=0).requires_grad_(False)
    pruned = prune_at_start(frozen, data, n_edges=5, rng=0)
    assert pruned.network.n_edges == 5
    assert not any(parameter.requires_grad for parameter in pruned.parameters())


def infinite():
    model = SparseMLP(complete(64, 5), 10, rng=0)
    model.layers[0].weight.data.fill_(float("inf"))
    return model


MODEL = SparseMLP(complete(64, 5), 10, rng=0)
BAD = [
    (lambda: prune_at_start(MODEL.network, "digits", density=0.1, rng=0), errors.InvalidNetwork, "SparseMLP"),
    (lambda: prune_at_start(MODEL, "digits", density=0.1, method="snap", rng=0), errors.UnknownName, "snip"),
    (lambda: prune_at_start(MODEL, "digits", density=0.1, method=3, rng=0), errors.InvalidOption, "function of one's"),
    (lambda: prune_at_start(MODEL, density=0.1, rng=0), errors.InvalidOption, "data='digits'"),
    (lambda: prune_at_start(MODEL, "digits", rng=0), errors.InvalidOption, "a density, or n_edges"),
    (lambda: prune_at_start(MODEL, "digits", density=7, rng=0), errors.InvalidDensity, r"\(0, 1\]"),
    (lambda: prune_at_start(MODEL, "digits", density=0.1, n_samples=0, rng=0), errors.InvalidOption, "at least 1"),
    (lambda: prune_at_start(MODEL, "digits", density=0.1, rounds=0, rng=0), errors.InvalidOption, "at least 1"),
    (lambda: prune_at_start(model_of(complete(9, 3)), "digits", density=0.1, rng=0), errors.InvalidSize, "64"),
    (lambda: prune_at_start(infinite(), "digits", density=0.1, rng=0), errors.TrainingDiverged, "snip"),
    (lambda: prune_at_start(infinite(), density=0.1, method="synflow", rng=0), errors.InvalidEdgeVector, "finite"),
    (lambda: GraSP(temperature=0), errors.InvalidOption, "above 0"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
@pytest.mark.filterwarnings("ignore:invalid value")
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
