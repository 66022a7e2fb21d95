"""Certificates: never wrong, equal to slow oracles where those are exact, and below what every attack leaves."""

import math
from fractions import Fraction

import numpy as np
import oracles_certify as oracle
import pytest
import scipy.sparse as sp
import torch
import zoo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import dense_of
from torch import nn

from netsparse import errors
from netsparse.datasets import load
from netsparse.generators import erdos_renyi, layered
from netsparse.generators.convolutional import vgg
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseMLP
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.kernels import KERNELS
from netsparse.nn.linear import SparseLinear
from netsparse.nn.vgg import VGG
from netsparse.robustness.averages import mean_over_trials
from netsparse.robustness.bounds import spectral_norm
from netsparse.robustness.bounds.parts import parts_of
from netsparse.robustness.bounds.rounding import Rounding, shortened_inputs
from netsparse.robustness.bounds.spectral_norm import schur_square, spectral_norm_bound
from netsparse.robustness.certify import METHODS, certified, certified_accuracy
from netsparse.robustness.interval_bounds import interval_bounds
from netsparse.robustness.lipschitz import lipschitz_bound
from netsparse.train import AdversarialTraining, evaluate, fit
from netsparse.train.attack import Attack

SLOPES = ["relu", "leaky_relu", "all_relu", -1.0, 2.5, 1.0, -3.0]


def mlp(network, *, seed=0, n_classes=4, dtype=torch.float32, **options):
    if options.get("head", "dense") is None:
        n_classes = None
    model = SparseMLP(network, n_classes, rng=seed, **options).to(dtype)
    with torch.no_grad():
        for k, layer in enumerate(model.sparse_layers()):
            layer.bias.copy_(torch.from_numpy(np.random.default_rng([seed, k]).normal(0, 0.3, layer.n_out)))
    return model


def pictures(n, n_features, seed=0, dtype=torch.float32):
    x = np.random.default_rng(seed).random((n, n_features))
    x[:, ::3] = np.round(x[:, ::3])  # some on the walls of the cube
    return torch.from_numpy(x).to(dtype)


def points_of_ball(x, eps, norm, n, rng):
    """Images of the ball around one image: uniform, on its surface, and at corners of the cube."""
    flat = x.flatten()
    if norm == "linf":
        offsets = rng.uniform(-eps, eps, (n, len(flat)))
        offsets[: n // 2] = np.sign(offsets[: n // 2]) * eps
    else:
        offsets = rng.normal(size=(n, len(flat))) * (rng.random((n, len(flat))) < rng.random((n, 1)))
        offsets *= eps / np.maximum(np.linalg.norm(offsets, axis=1, keepdims=True), 1e-12)
        offsets[n // 2 :] *= rng.random((n - n // 2, 1))
    moved = np.clip(flat.double().numpy() + offsets, 0, 1)
    return torch.from_numpy(moved).to(x.dtype).reshape(n, *x.shape)


def climbs(model, x, y, eps, norm, rng):
    attack = Attack(eps, steps=20, norm=norm)
    return attack(model, x, y, rng)


# never wrong ----------------------------------------------------------------------------------------------------------


@st.composite
def models(draw):
    network = draw(zoo.networks(max_units=7, max_layers=3))
    normalization = draw(st.sampled_from([(0.0, 1.0), (0.3, 0.25), (-2.0, 7.0)]))
    options = {"activation": draw(st.sampled_from(SLOPES)), "normalization": normalization}
    options["dtype"] = draw(st.sampled_from([torch.float32, torch.float64]))
    if draw(st.booleans()) and network.sizes[-1] > 1:
        options["head"] = None
    return mlp(network, seed=draw(st.integers(0, 10**6)), **options)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models(), st.sampled_from([0.0, 1e-7, 0.01, 0.1, 0.5, 1.0]), st.sampled_from(["linf", "l2"]), st.integers(0, 99))
def test_no_image_of_the_ball_leaves_the_bounds_or_breaks_a_certificate(model, eps, norm, seed):
    rng = np.random.default_rng(seed)
    x = pictures(3, model.n_features, seed, model.layers[0].weight.dtype)
    with torch.no_grad():
        y = model(x).argmax(1)
    lower, upper = interval_bounds(model, x, eps, norm=norm)
    sure = {method: certified(model, x, y, eps, method=method, norm=norm) for method in METHODS}
    assert torch.equal(sure["best"], sure["interval"] | sure["lipschitz"])
    factor = lipschitz_bound(model)
    for k in range(len(x)):
        near = points_of_ball(x[k], eps, norm, 60, rng)
        if eps:
            labels = y[k].repeat(20)
            near = torch.cat([near, climbs(model, x[k].repeat(20, 1), labels, eps, norm, rng)])
        with torch.no_grad():
            logits = model(near)
            moved = (logits.double() - model(x[[k]]).double()).norm(dim=1)
        assert (logits >= lower[k]).all()
        assert (logits <= upper[k]).all()
        distance = (near.double() - x[k].double()).norm(dim=1)
        assert (moved <= factor * distance * (1 + 1e-9) + 1e-4 * (1 + logits.abs().max())).all()
        if sure["best"][k]:
            assert (logits.argmax(1) == y[k]).all()


def is_really_safe(weight, bias, x, eps, norm):
    """Whether z_0 > z_1 on the whole ball of a linear model of two classes, in fractions: no rounding at all."""
    d, x = [Fraction(a) - Fraction(b) for a, b in zip(*weight.tolist(), strict=True)], map(Fraction, x.tolist())
    margin = sum(a * b for a, b in zip(d, x, strict=True)) + Fraction(bias[0].item()) - Fraction(bias[1].item())
    if norm == "linf":
        return margin > Fraction(eps) * sum(map(abs, d))
    return margin > 0 and margin**2 > Fraction(eps) ** 2 * sum(a * a for a in d)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_near_ties_are_never_certified_against_exact_arithmetic(norm, dtype):
    answers = set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 40))
        weight, x = rng.normal(size=(2, n)), rng.uniform(0.3, 0.7, n)
        d = weight[0] - weight[1]
        reach = 0.125 * (np.abs(d).sum() if norm == "linf" else np.linalg.norm(d))
        model = nn.Sequential(nn.Linear(n, 2)).to(dtype)
        with torch.no_grad():  # the classes meet at eps = 1/8, up to what rounding makes of it
            model[0].weight.copy_(torch.from_numpy(weight))
            model[0].bias.copy_(torch.tensor([reach - d @ x, 0.0]))
        picture = torch.from_numpy(x).to(dtype)
        rounding = 2 * torch.finfo(dtype).eps
        for step in (-1e-3, -1e3 * rounding, -8 * rounding, -rounding, -1e-16, 0.0, 1e-16, rounding, 8 * rounding):
            eps = 0.125 * (1 + step)
            truth = is_really_safe(model[0].weight.double(), model[0].bias.double(), picture.double(), eps, norm)
            sure = bool(certified(model, picture[None], torch.tensor([0]), eps, method="best", norm=norm))
            assert truth or not sure
            answers.add((step, sure))
    # exact up to rounding, on both sides of the tie
    assert (-1e-3, True) in answers
    assert (-1e-3, False) not in answers
    assert (0.0, True) not in answers


def test_equal_logits_are_a_tie_and_no_certificate():
    graph = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=2, n_out=2)
    model = SparseMLP(SparseNetwork([graph]), head=None, rng=0)
    nn.init.ones_(model.layers[0].weight)
    x = torch.tensor([[0.3, 0.9]])
    for method in METHODS:
        assert not certified(model, x, torch.tensor([0]), 0.01, method=method)
    # argmax takes the first of equals: right at eps 0, as in `evaluate`
    assert certified(model, x, torch.tensor([0]), 0.0)


def test_sums_that_float32_loses_are_inside_the_bounds():
    # 1 + 2^-30 - 1 is 0 in float32, whatever the certificate's double precision says
    layer = SparseLinear(BipartiteGraph.from_mask(np.ones((2, 3), dtype=bool)), rng=0)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0**-30, -1.0, 0.0, 0.0, 0.0]))
    model = nn.Sequential(layer)
    x = torch.ones(1, 3)
    lower, upper = interval_bounds(model, x, 0.0)
    assert lower[0, 0] <= 0.0 <= upper[0, 0]
    for method in METHODS:
        assert not certified(model, x, torch.tensor([0]), 1e-9, method=method)
    assert certified(model.double(), x.double(), torch.tensor([0]), 1e-12)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_logits_that_float32_makes_equal_are_no_proof(norm):
    # 2^20 + 0.065 is rounded up, 2^20 + 0.06 down to a tie that the other class wins: exactly, no margin is below 0.06
    model = nn.Sequential(nn.Linear(1, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.0], [0.1]]))
        model[0].bias.copy_(torch.tensor([2.0**20, 2.0**20]))
        assert model(torch.tensor([[0.65], [0.60]])).argmax(1).tolist() == [1, 0]
    for method in METHODS:
        assert not certified(model, torch.tensor([[0.65]]), torch.tensor([1]), 0.06, method=method, norm=norm)
    model = model.double()
    for method in METHODS:
        assert certified(model, torch.tensor([[0.65]]).double(), torch.tensor([1]), 0.06, method=method, norm=norm)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("backend", [name for name in KERNELS if name != "triton_cuda"])
def test_bounds_hold_in_whatever_order_a_kernel_adds(backend, norm):
    # one after the other, 2^24 + 1 + 1 + ... stays 2^24 in float32
    n = 400
    graph = BipartiteGraph.from_mask(np.concatenate([np.ones((1, n), dtype=bool), np.eye(1, n, dtype=bool)]))
    layer = SparseLinear(graph, backend=backend, rng=0)
    x = torch.ones(2, n)
    for first in (0, n - 1):
        with torch.no_grad():
            layer.weight.fill_(1.0)
            layer.weight[first] = 2.0**24
            logits = layer(x)
        lower, upper = interval_bounds(nn.Sequential(layer), x, 0.0, norm=norm)
        assert (lower <= logits).all()
        assert (logits <= upper).all()
        assert (lower[:, 0] <= 2.0**24).all()


def test_what_a_model_cannot_hold_is_not_certain():
    layer = SparseLinear(BipartiteGraph.from_mask(np.ones((2, 2), dtype=bool)), rng=0)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([3e38, 3e38, 0.0, 0.0]))
        layer.bias.copy_(torch.tensor([-3e38, 0.0]))
    model = nn.Sequential(layer)
    lower, upper = interval_bounds(model, torch.full((1, 2), 0.9), 0.05)
    assert lower[0].tolist() == [-math.inf, 0.0 - abs(lower[0, 1].item())]
    assert upper[0, 0] == math.inf
    half = mlp(layered([2000, 4], density=1.0, rng=0), dtype=torch.bfloat16)
    assert not certified(half, torch.zeros(1, 2000, dtype=torch.bfloat16), torch.tensor([0]), 0.1, method="best")


# exact where exactness is known ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("head", ["dense", None])
def test_intervals_are_those_of_dense_arithmetic(activation, head):
    for name, network in zoo.NETWORKS.items():
        if name == "joint" or (head is None and network.sizes[-1] == 1):
            continue
        options = {"activation": activation, "head": head, "normalization": (0.3, 0.4), "dtype": torch.float64}
        model = mlp(network, **options)
        x = pictures(3, model.n_features, dtype=torch.float64)
        lower, upper = interval_bounds(model, x, 0.07)
        for k in range(3):
            low, high = oracle.intervals(model, x[k].numpy(), 0.07)
            np.testing.assert_allclose(lower[k], low, atol=1e-11)
            np.testing.assert_allclose(upper[k], high, atol=1e-11)
            assert (lower[k].numpy() <= low).all()
            assert (upper[k].numpy() >= high).all()


def test_a_linear_model_is_certified_exactly_as_its_corners_say():
    seen = set()
    for seed in range(12):
        network = SparseNetwork([erdos_renyi(7, 3, density=0.6, rng=seed)])
        model = mlp(network, seed=seed, head=None, normalization=(0.2, 0.5))
        x = pictures(8, 7, seed)
        y = model(x).argmax(1)
        for eps in (0.02, 0.1, 0.3):
            sure = certified(model, x, y, eps)
            for k in range(len(x)):
                least = oracle.smallest_margin_at_corners(model, x[k].double().numpy(), int(y[k]), eps)
                if abs(least) > 1e-5:
                    assert bool(sure[k]) == (least > 0)
                    seen.add((eps, bool(sure[k])))
    assert len(seen) == 6  # both answers at every eps


def test_the_last_layer_is_taken_as_one_difference():
    # both logits follow the same unit: their bounds overlap, their difference does not
    graph = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=1, n_out=2)
    model = SparseMLP(SparseNetwork([graph]), head=None, rng=0)
    with torch.no_grad():
        model.layers[0].weight.copy_(torch.tensor([5.0, 5.0]))
        model.layers[0].bias.copy_(torch.tensor([0.5, 0.0]))
    x = torch.tensor([[0.5]])
    lower, upper = interval_bounds(model, x, 0.4)
    assert lower[0, 0] < upper[0, 1]
    assert certified(model, x, torch.tensor([0]), 0.4)
    assert certified(model, x, torch.tensor([0]), 0.4, method="lipschitz")
    # behind an activation there is no such difference
    follows = nn.Sequential(model.layers[0], nn.ReLU())
    assert not certified(follows, x, torch.tensor([0]), 0.4)
    assert certified(follows, x, torch.tensor([0]), 0.01)


def test_an_l2_ball_meets_a_linear_model_exactly():
    # z_0 - z_1 = (3 x_0 + 4 x_1 - 2.5) / 5 is the distance from a line
    model = nn.Sequential(nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        model[0].bias.copy_(torch.tensor([-2.5, 0.0]))
    x = torch.tensor([[0.5, 0.5]])
    for method in METHODS:
        assert certified(model, x, torch.tensor([0]), 0.1999, norm="l2", method=method)
        assert not certified(model, x, torch.tensor([0]), 0.2001, norm="l2", method=method)
    lower, upper = interval_bounds(model, x, 0.1, norm="l2")
    np.testing.assert_allclose(lower[0], [0.5, 0.0], atol=1e-4)
    np.testing.assert_allclose(upper[0], [1.5, 0.0], atol=1e-4)
    # at a wall of the cube the box is the closer one: neither of two black pixels can fall
    lower, upper = interval_bounds(model, torch.zeros(1, 2), 0.1, norm="l2")
    np.testing.assert_allclose([lower[0, 0], upper[0, 0]], [-2.5, -2.0], atol=1e-4)


# spectral norms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_spectral_norms_are_bounded_closely(name):
    graph = zoo.GRAPHS[name]
    rng = np.random.default_rng(0)
    kinds = [
        rng.normal(size=graph.n_edges),
        np.ones(graph.n_edges),
        rng.random(graph.n_edges) * 10.0 ** rng.integers(-9, 9),
    ]
    for weights in [*kinds, 1e-200 * kinds[0], 1e200 * kinds[0], 0.0 * kinds[0]]:
        exact = np.linalg.svd(dense_of(graph, weights), compute_uv=False)[0] if graph.n_edges else 0.0
        bound = spectral_norm_bound(graph.weight_matrix(weights))
        assert exact * (1 - 1e-14) <= bound <= exact * (1 + 1e-8)


def test_a_spectral_norm_that_nothing_hides():
    # the vector of the large value is orthogonal to the constant and to every positive start
    rng = np.random.default_rng(0)
    for n in (40, 400):
        u = np.zeros(n)
        u[:2] = [1.0, -1.0]
        matrix = 3.0 * np.outer(u, u) / 2 + np.eye(n)
        bound = spectral_norm_bound(sp.csr_array(matrix))
        assert 4.0 <= bound <= 4.0 * (1 + 1e-8)
    matrix = rng.normal(size=(350, 500))
    exact = np.linalg.svd(matrix, compute_uv=False)[0]
    assert exact <= spectral_norm_bound(sp.csr_array(matrix)) <= exact * (1 + 1e-8)


def test_a_wrong_estimate_is_not_believed(monkeypatch):
    matrix = sp.csr_array(np.random.default_rng(0).normal(size=(30, 40)))
    exact = np.linalg.svd(matrix.toarray(), compute_uv=False)[0]
    monkeypatch.setattr(spectral_norm, "_largest_eigenvalue", lambda gram: 0.3 * np.linalg.eigvalsh(gram)[-1])
    assert exact <= spectral_norm_bound(matrix) <= math.sqrt(schur_square(matrix)) * (1 + 1e-12)


def test_blocks_of_rows_bound_a_large_matrix(monkeypatch):
    matrix = sp.random_array((90, 120), density=0.1, rng=np.random.default_rng(0))
    exact = np.linalg.svd(matrix.toarray(), compute_uv=False)[0]
    monkeypatch.setattr(spectral_norm, "LARGEST_GRAM", 50)
    assert exact <= spectral_norm_bound(matrix) <= math.sqrt(2) * exact
    assert spectral_norm_bound(sp.csr_array(np.array([[np.inf]]))) == math.inf


def test_the_lipschitz_bound_is_the_product_of_dense_norms():
    network = layered([20, 30, 25], density=0.2, rng=0)
    model = mlp(network, activation=-1.5, normalization=(0.1, 0.25), n_classes=5)
    norms = [np.linalg.svd(matrix, compute_uv=False)[0] for matrix, _, _ in oracle.dense_layers(model)]
    expected = math.prod(norms) * 1.5**2 / 0.25
    assert expected <= lipschitz_bound(model) <= expected * (1 + 1e-5)
    assert lipschitz_bound(model, norm="linf") == pytest.approx(lipschitz_bound(model) * math.sqrt(20))


# convolutions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, "same"), (3, 2, 1), (2, 2, 0), ((1, 3), 1, 0)])
def test_a_convolution_is_bounded_as_its_matrix_is(kernel, stride, padding):
    places = int(np.prod(kernel)) if isinstance(kernel, tuple) else kernel**2
    graph = erdos_renyi(2 * places, 4, density=0.5, rng=1)
    layer = SparseConv2d(graph, kernel, stride=stride, padding=padding, rng=0)
    matrix = oracle.conv_matrix(layer, 5, 6)
    with torch.no_grad():
        x = torch.rand(3, 2, 5, 6)
        np.testing.assert_allclose(layer(x).flatten(1), x.flatten(1).numpy() @ matrix.T, atol=1e-5)
    (part,) = parts_of(layer)
    exact = np.linalg.svd(matrix, compute_uv=False)[0]
    assert exact <= part.lipschitz <= exact * math.sqrt(places) * 1.5
    x = torch.rand(4, 2, 5, 6).clamp(0.2, 0.8)
    lower, upper = interval_bounds(nn.Sequential(layer), x, 0.1)
    np.testing.assert_allclose((upper - lower).flatten(1) / 2, np.tile(0.1 * np.abs(matrix).sum(1), (4, 1)), atol=1e-4)
    lower, upper = interval_bounds(nn.Sequential(layer), x, 0.1, norm="l2")
    np.testing.assert_allclose(
        (upper - lower).flatten(1) / 2, np.tile(0.1 * np.linalg.norm(matrix, axis=1), (4, 1)), atol=1e-4
    )


def small_vgg(seed=0):
    model = VGG(
        vgg(11, density=0.2, width=0.0625, shape=(3, 16, 16), n_classes=4, rng=seed), shape=(3, 16, 16), rng=seed
    )
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.running_mean.normal_(0, 0.2, generator=generator)
                module.running_var.uniform_(0.3, 2.0, generator=generator)
                module.weight.normal_(0, 1, generator=generator)  # of both signs
                module.bias.normal_(0, 0.3, generator=generator)
    return model


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_vgg_stays_inside_its_bounds(norm):
    model, rng = small_vgg().eval(), np.random.default_rng(0)
    x = pictures(4, 768)
    with torch.no_grad():
        y = model(x).argmax(1)
    seen = set()
    for eps in (1e-6, 0.003, 0.1):
        lower, upper = interval_bounds(model, x, eps, norm=norm)
        sure = certified(model, x, y, eps, method="best", norm=norm)
        assert torch.equal(sure, certified(model, x.view(4, 3, 16, 16), y, eps, method="best", norm=norm))
        seen.update(sure.tolist())
        for k in range(len(x)):
            near = torch.cat([points_of_ball(x[k], eps, norm, 20, rng), climbs(model, x[[k]], y[[k]], eps, norm, rng)])
            with torch.no_grad():
                logits = model(near)
            assert (logits >= lower[k]).all()
            assert (logits <= upper[k]).all()
            assert not sure[k] or (logits.argmax(1) == y[k]).all()
    assert seen == {True, False}


def test_batch_normalisation_and_pools_are_those_of_evaluation_mode():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.BatchNorm2d(2),
        nn.MaxPool2d(3, 1, padding=1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(32, 3),
    )
    model(torch.rand(50, 2, 4, 4))  # running means that are not 0 and 1
    assert model.training
    x = torch.rand(5, 2, 4, 4)
    lower, upper = interval_bounds(model, x, 0.0)
    assert model.training
    with torch.no_grad():
        logits = model.eval()(x)
    assert (upper - lower).max() < 1e-4
    assert (lower <= logits).all()
    assert (logits <= upper).all()
    assert parts_of(model)[1].lipschitz == pytest.approx(3.0)  # a pixel lies in nine windows


def test_a_module_used_twice_counts_twice():
    relu, linear = nn.ReLU(), nn.Linear(3, 3)
    assert len(parts_of(nn.Sequential(linear, relu, linear, relu))) == 4


# tables ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    network = layered([64, 40, 30], density=0.3, rng=0)
    options = {"data": "digits", "epochs": 3, "batch_size": 32, "rng": 0}
    natural = fit(network, **options).model
    robust = fit(network, objective=AdversarialTraining(0.1, steps=2), **options).model
    return {"natural": natural, "robust": robust}


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("kind", ["natural", "robust"])
def test_certified_is_below_attacked_is_below_clean(trained, kind, norm):
    model, dataset = trained[kind], load("digits")
    x, y = torch.tensor(dataset.x_test), torch.tensor(dataset.y_test.astype(np.int64))
    radii = [0.002, 0.01, 0.03, 1.0] if norm == "linf" else [0.01, 0.05, 0.2, 8.0]
    tables = {name: certified_accuracy(model, "digits", eps=radii, method=name, norm=norm) for name in METHODS}
    clean = evaluate(model, x, y)[1]
    attacked = [clean]
    for eps in radii:
        moved = climbs(model, x, y, eps, norm, np.random.default_rng(0))
        attacked.append(evaluate(model, moved, y)[1])
        sure = certified(model, x, y, eps, method="best", norm=norm)
        with torch.no_grad():
            assert (model(moved).argmax(1) == y)[sure].all()
    for table in tables.values():
        assert table["eps"].tolist() == [0.0, *radii] == table["strength"].tolist()
        assert table["accuracy"].iloc[0] == clean == table["clean_accuracy"].iloc[-1]
        assert table["accuracy"].is_monotonic_decreasing
        assert (table["accuracy"].to_numpy() <= np.array(attacked)).all()
        assert table["accuracy"].iloc[1] > 0.5 * clean  # bounds that say something
        assert table["accuracy"].iloc[-1] == 0.0
    best = tables["best"]["accuracy"]
    assert (best >= tables["interval"]["accuracy"]).all()
    assert (best >= tables["lipschitz"]["accuracy"]).all()
    averaged = mean_over_trials(tables["best"], of="accuracy")
    assert averaged["mean"].tolist() == best.tolist()


def test_batches_and_numbers_of_samples(trained):
    model = trained["natural"]
    whole = certified_accuracy(model, "digits", eps=0.01, n_samples=70)
    parted = certified_accuracy(model, "digits", eps=[0.0, 0.01], n_samples=70, batch_size=9)
    assert whole.equals(parted)
    assert whole["n_samples"].tolist() == [70, 70]
    dataset = load("digits")
    sure = certified(model, dataset.x_test[:70], dataset.y_test[:70], 0.01, batch_size=16)
    assert sure.double().mean() == whole["accuracy"].iloc[1]
    assert certified(model, dataset.x_test[:0], dataset.y_test[:0], 0.01).shape == (0,)


def test_the_model_is_left_alone(trained):
    model = trained["natural"].train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    graphs = [layer.graph for layer in model.sparse_layers()]
    certified_accuracy(model, "digits", eps=0.01, method="best", n_samples=20)
    after = model.state_dict()
    assert model.training
    assert [layer.graph for layer in model.sparse_layers()] == graphs
    assert all(torch.equal(before[name], after[name]) and before[name].dtype == after[name].dtype for name in before)
    assert all(p.requires_grad for p in model.parameters())
    model.eval()


# rounding -------------------------------------------------------------------------------------------------------------


def test_gamma_is_that_of_a_sum():
    single = Rounding.of(torch.float32)
    assert single.gamma(98) == pytest.approx(100 * 2.0**-24, rel=1e-5)
    assert single.gamma(2**23) == math.inf
    assert single.gamma(8, inputs=2.0**-9) > 2.0**-9
    assert shortened_inputs(is_convolution=False, on_cuda=True) == 0.0
    torch.set_float32_matmul_precision("medium")
    try:
        assert shortened_inputs(is_convolution=False, on_cuda=False) == 2.0**-6
    finally:
        torch.set_float32_matmul_precision("highest")


# bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"eps": -0.1}, errors.InvalidOption, "eps: given -0.1"),
        ({"eps": 1.5}, errors.InvalidOption, "eps: given 1.5"),
        ({"eps": 9.0, "norm": "l2"}, errors.InvalidOption, "eps: given 9.0"),
        ({"eps": float("nan")}, errors.InvalidOption, "eps: given nan"),
        ({"eps": []}, errors.InvalidOption, "eps: given no radius"),
        ({"eps": [0.2, 0.1]}, errors.InvalidOption, "increasing"),
        ({"eps": 0.1, "method": "intervals"}, errors.UnknownName, "method"),
        ({"eps": 0.1, "method": None}, errors.UnknownName, "method"),
        ({"eps": 0.1, "norm": "l1"}, errors.InvalidOption, "norm"),
        ({"eps": 0.1, "n_samples": 0}, errors.InvalidOption, "n_samples"),
        ({"eps": 0.1, "n_samples": 10**6}, errors.InvalidOption, "n_samples"),
        ({"eps": 0.1, "batch_size": 0}, errors.InvalidOption, "batch_size"),
    ],
)
def test_impossible_options_are_one_line(options, error, words):
    model = mlp(layered([64, 10], density=0.2, rng=0), n_classes=10)
    with pytest.raises(error, match=words) as caught:
        certified_accuracy(model, "digits", **options)
    assert "\n" not in str(caught.value)


def test_a_model_that_does_more_than_its_parts_is_refused():
    model = mlp(layered([64, 10], density=0.2, rng=0), n_classes=10)
    handle = model.layers[0].register_forward_hook(lambda module, inputs, output: 2 * output)
    with pytest.raises(errors.InvalidOption, match="logits outside their bounds"):
        certified_accuracy(model, "digits", eps=0.1)
    handle.remove()
    assert len(certified_accuracy(model, "digits", eps=0.1)) == 2


def test_unknown_modules_are_refused_by_name():
    class Doubled(SparseMLP):
        def forward(self, x):
            return 2 * super().forward(x)

    network = layered([64, 10], density=0.2, rng=0)
    for model, name in [
        (Doubled(network, n_classes=10, rng=0), "Doubled"),
        (nn.Sequential(nn.Linear(64, 10), nn.Sigmoid()), "Sigmoid"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(64, 10)), "Flatten"),
        (nn.Sequential(nn.BatchNorm1d(64, track_running_stats=False), nn.Linear(64, 10)), "batch normalisation"),
        ("model", "str"),
    ]:
        for ask in (
            lambda model=model: certified_accuracy(model, "digits", eps=0.1),
            lambda model=model: lipschitz_bound(model),
            lambda model=model: interval_bounds(model, torch.zeros(1, 64), 0.1),
        ):
            with pytest.raises(errors.InvalidOption, match=name) as caught:
                ask()
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "x", [torch.full((1, 64), 1.1), torch.full((1, 64), math.nan), torch.zeros(1, 64).long(), [[0.0]]]
)
def test_what_is_no_image_is_refused(x):
    model = mlp(layered([64, 10], density=0.2, rng=0), n_classes=10)
    with pytest.raises(errors.InvalidOption, match="x: "):
        interval_bounds(model, x, 0.1)


def test_a_model_for_other_data_and_other_classes_is_refused():
    model = mlp(layered([60, 10], density=0.2, rng=0), n_classes=10)
    with pytest.raises(errors.InvalidSize, match="64, the number of features"):
        certified_accuracy(model, "digits", eps=0.1)
    with pytest.raises(errors.InvalidOption, match="labels from"):
        certified(model, torch.zeros(1, 60), torch.tensor([10]), 0.1)
    with pytest.raises(errors.InvalidOption, match="n_features"):
        lipschitz_bound(nn.Sequential(nn.Linear(3, 2)), norm="linf")
