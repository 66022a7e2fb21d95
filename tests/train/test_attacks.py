"""Attacks: equal to a dense oracle, inside their ball, harmful, and without a trace in the model they attack."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import oracles_adversarial
import oracles_lottery as oracle
import pytest
import torch
import zoo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import dense_of
from torch import nn

import netsparse as ns
from netsparse import errors
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseMLP, recorded_gradients
from netsparse.nn.kernels import KERNELS
from netsparse.nn.vgg import VGG
from netsparse.train import Checkpoints, Natural, evaluate, fit
from netsparse.train.adversarial import AdversarialTraining, evaluate_attacked
from netsparse.train.attacks import Attack, fgsm, pgd
from netsparse.train.divergence import divergence, log_probabilities
from netsparse.train.left_alone import left_alone
from netsparse.train.norms import L2Ball


def mlp(network, *, seed=0, n_classes=4, normalization=(0.3, 0.5), dtype=torch.float64, **options):
    if isinstance(network, BipartiteGraph):
        network = SparseNetwork([network])
    model = SparseMLP(network, n_classes, rng=seed, normalization=normalization, **options).to(dtype)
    with torch.no_grad():  # biases that are not 0, and weights that matter
        for k, layer in enumerate(model.sparse_layers()):
            if layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(np.random.default_rng([seed, k]).normal(0, 0.3, layer.n_out)))
    return model


def matrices(model):
    weights = [dense_of(layer.graph, layer.edge_weights()) for layer in model.sparse_layers()]
    biases = [layer.bias.detach().numpy() for layer in model.sparse_layers()]
    if model.head is not None:
        weights.append(model.head.weight.detach().numpy())
        biases.append(model.head.bias.detach().numpy())
    # as float32 has rounded them: what the model computes with
    return weights, biases, (model.normalize.mean.item(), model.normalize.std.item())


def pictures(model, n=6, seed=0):
    rng = np.random.default_rng(seed)
    x = np.round(rng.random((n, model.sparse_layers()[0].n_in)), 2)
    x[:, ::3] = np.round(x[:, ::3])  # some on the walls of the cube
    return x, rng.integers(model.n_classes, size=n)


def blobs(n=200, n_features=12, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    centres, y = rng.random((n_classes, n_features)), rng.integers(n_classes, size=n)
    x = np.clip(centres[y] + rng.normal(0, 0.1, (n, n_features)), 0, 1).astype(np.float32)
    return ns.datasets.Dataset.from_arrays(x[: n // 2], y[: n // 2], x[n // 2 :], y[n // 2 :], n_classes=n_classes)


# by hand --------------------------------------------------------------------------------------------------------------


def eight_edges():
    """Four pixels, complete to two logits: z0 = 2a - b + 0c + d, z1 = a + b + 0c - d. The third pixel says nothing."""
    graph = BipartiteGraph.from_edges([0, 1, 2, 3] * 2, [0] * 4 + [1] * 4, n_in=4, n_out=2)
    model = SparseMLP(SparseNetwork([graph]), head=None, bias=False, rng=0)
    model.sparse_layers()[0].weight.data = torch.tensor([2.0, -1.0, 0.0, 1.0, 1.0, 1.0, 0.0, -1.0])
    return model


def test_one_step_on_eight_edges():
    x = torch.tensor([[0.5, 0.25, 0.5, 0.9375]])
    # z0 = 1 - .25 + .9375 > z1 = .5 + .25 - .9375: predicted 0. dL/dx has the sign of w1 - w0 = (-1, 2, 0, -2) for
    # label 0 and the opposite for label 1; the last pixel of label 1 would leave the cube, the third stays
    assert fgsm(eight_edges(), x, eps=0.125).tolist() == [[0.375, 0.375, 0.5, 0.8125]]
    assert fgsm(eight_edges(), x, eps=0.125, labels=[0]).tolist() == [[0.375, 0.375, 0.5, 0.8125]]
    assert fgsm(eight_edges(), x, eps=0.125, labels=[1]).tolist() == [[0.625, 0.125, 0.5, 1.0]]


def test_steps_stop_at_the_ball_and_at_the_cube():
    x = torch.tensor([[0.5, 0.25, 0.5, 0.9375]])
    steps = {"eps": 0.375, "step_size": 0.25, "random_start": False, "labels": [1]}
    # the gradient of a linear model has one sign everywhere: (1, -2, 0, 2)
    assert pgd(eight_edges(), x, steps=1, **steps).tolist() == [[0.75, 0.0, 0.5, 1.0]]
    assert pgd(eight_edges(), x, steps=5, **steps).tolist() == [[0.875, 0.0, 0.5, 1.0]]


def test_steps_of_a_euclidean_length_stop_at_the_ball_and_at_the_cube():
    x = torch.tensor([[0.5, 0.25, 0.5, 0.9375]])
    # the gradient has the direction (1, -2, 0, 2) / 3 for label 1; 0.375 along it is (0.125, -0.25, 0, 0.25)
    right, wrong = torch.tensor([[0.625, 0.0, 0.5, 1.0]]), torch.tensor([[0.375, 0.5, 0.5, 0.6875]])
    for label, expected in ((1, right), (0, wrong)):
        found = fgsm(eight_edges(), x, eps=0.375, labels=[label], norm="l2")
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    steps = {"eps": 0.375, "steps": 5, "step_size": 0.1, "random_start": False, "norm": "l2"}
    torch.testing.assert_close(pgd(eight_edges(), x, labels=[0], **steps), wrong, rtol=0, atol=1e-6)
    # no way up: two logits that are the same everywhere
    still = eight_edges()
    still.sparse_layers()[0].weight.data = torch.tensor([1.0, 2.0, 3.0, 4.0] * 2)
    assert torch.equal(pgd(still, x, labels=[0], **steps), x)


def test_the_divergence_leads_away_from_what_the_model_tells():
    graph = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=1, n_out=2)
    model = SparseMLP(SparseNetwork([graph]), head=None, bias=False, rng=0)
    x = torch.full((40, 1), 0.5)
    attack = Attack(0.25, steps=3, loss="kl", random_start="gaussian")
    found = attack(model, x, torch.zeros(40, dtype=torch.long), np.random.default_rng(0))
    # one pixel: each image goes on to the side on which it started, all the way
    started = Attack(0.25, step_size=0.0, random_start="gaussian")(model, x, x[:, 0].long(), np.random.default_rng(0))
    assert torch.equal(found, torch.where(started > 0.5, 0.75, 0.25))
    assert 5 < int((found > 0.5).sum()) < 35


# the oracle -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", ["true", "predicted"])
@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_equals_the_dense_oracle_on_nasty_graphs(name, labels):
    model = mlp(zoo.GRAPHS[name])
    x, y = pictures(model)
    given_labels = y if labels == "true" else None
    found = fgsm(model, x, eps=0.2, labels=given_labels).numpy()
    np.testing.assert_allclose(found, oracle.attack(x, given_labels, 0.2, 0.2, 1, *matrices(model)), atol=1e-12)
    found = pgd(model, x, eps=0.2, step_size=0.07, steps=5, random_start=False, labels=given_labels).numpy()
    np.testing.assert_allclose(found, oracle.attack(x, given_labels, 0.2, 0.07, 5, *matrices(model)), atol=1e-12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(zoo.networks(), st.floats(0.0, 0.6), st.floats(0.0, 0.4), st.integers(1, 4), st.integers(0, 99))
def test_equals_the_dense_oracle_on_random_networks(network, eps, step_size, steps, seed):
    model = mlp(network, seed=seed, n_classes=3)
    x, y = pictures(model, n=4, seed=seed)
    # a random start that no step follows is the start of the others: it is drawn from the same generator
    start = pgd(model, x, eps=eps, step_size=0.0, steps=1, labels=y, rng=seed).numpy()
    found = pgd(model, x, eps=eps, step_size=step_size, steps=steps, labels=y, rng=seed).numpy()
    expected = oracle.attack(x, y, eps, step_size, steps, *matrices(model), start=start)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (np.abs(start - x) <= eps + 1e-12).all()
    assert start.min() >= 0.0
    assert start.max() <= 1.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [0.0, 1e-45, 1e-30, 1e30])
def test_a_euclidean_step_is_as_long_as_told_whatever_the_gradient(dtype, scale):
    scale = torch.tensor(scale, dtype=dtype)
    x, direction = torch.full((2, 3, 100), 0.5, dtype=dtype), torch.zeros(2, 3, 100, dtype=dtype)
    direction[:, 0, 0], direction[:, 2, 7] = 1.0, -1.0
    for length in (0.01, 6.0):
        found = L2Ball(x, 8.0).climbed(x, direction * scale, length)
        step = min(length / math.sqrt(2.0), 0.5) if scale > 0.0 else 0.0  # and never no number
        torch.testing.assert_close(found, x + step * direction)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    ("loss", "labels"), [("cross_entropy", "true"), ("cross_entropy", "predicted"), ("kl", "true")]
)
@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_both_norms_and_both_losses_equal_the_dense_oracle(name, loss, labels, norm):
    model = mlp(zoo.GRAPHS[name], seed=2)
    x, y = (torch.from_numpy(part) for part in pictures(model, seed=1))
    x = 0.1 + 0.8 * x  # off the walls: a start that is cut back to its image has no direction in which it goes
    options = {"norm": norm, "labels": labels, "random_start": "gaussian" if loss == "kl" else True}
    start = Attack(0.3, step_size=0.0, **options)(model, x, y, np.random.default_rng(4)).numpy()
    attack = Attack(0.3, steps=6, step_size=0.1, loss=loss, **options)
    dense = matrices(model)
    targets = oracles_adversarial.clean_targets(x.numpy(), y.numpy() if labels == "true" else None, loss, dense)
    expected = oracles_adversarial.attacked(x.numpy(), start, targets, 0.3, 0.1, 6, dense, norm)
    np.testing.assert_allclose(attack(model, x, y, np.random.default_rng(4)).numpy(), expected, atol=1e-9)
    assert np.abs(start - x.numpy()).max() > 0 or not x.numel()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(zoo.networks(), st.floats(0.0, 0.9), st.floats(0.0, 0.6), st.integers(1, 4), st.integers(0, 99))
def test_euclidean_attacks_equal_the_dense_oracle_on_random_networks(network, eps, step_size, steps, seed):
    model = mlp(network, seed=seed, n_classes=3)
    x, y = pictures(model, n=4, seed=seed)
    options = {"eps": eps, "norm": "l2", "labels": y, "rng": seed}
    start = pgd(model, x, step_size=0.0, steps=1, **options).numpy()
    found = pgd(model, x, step_size=step_size, steps=steps, **options).numpy()
    dense = matrices(model)
    targets = oracles_adversarial.clean_targets(x, y, "cross_entropy", dense)
    expected = oracles_adversarial.attacked(x, start, targets, eps, step_size, steps, dense, "l2")
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert (np.linalg.norm(start - x, axis=1) <= eps * (1 + 1e-12)).all()
    assert start.min() >= 0.0
    assert start.max() <= 1.0


@pytest.mark.parametrize("mix", [0.3, 1.0])
@pytest.mark.parametrize("labels", ["true", "predicted"])
def test_the_objective_and_its_gradient_equal_the_dense_oracle(mix, labels):
    model = mlp(zoo.NETWORKS["three layers"])
    (x, y), (weights, biases, moments) = pictures(model, n=9), matrices(model)
    objective = AdversarialTraining(
        0.1, 3, step_size=0.05, mix=mix, labels=labels, random_start=False, label_smoothing=0.1
    )
    loss, logits = objective(model, torch.from_numpy(x), torch.from_numpy(y))
    loss.backward()
    there = oracle.attack(x, y if labels == "true" else None, 0.1, 0.05, 3, weights, biases, moments)
    assert np.abs(there - x).max() > 0.01
    parts = [(1.0 - mix, x), (mix, there)]
    rest = (weights, biases, moments, 0.1)
    assert loss.item() == pytest.approx(sum(share * oracle.loss_of(at, y, *rest) for share, at in parts), abs=1e-12)
    np.testing.assert_allclose(
        logits.detach().numpy(), oracle.logits_of(there if mix == 1.0 else x, *rest[:3]), atol=1e-12
    )
    of_weights = [sum(s * oracle.gradients(at, y, *rest)[0][k] for s, at in parts) for k in range(len(weights))]
    for layer, dense in zip(model.sparse_layers(), of_weights, strict=False):
        np.testing.assert_allclose(
            layer.weight.grad.numpy(), dense[layer.graph.targets, layer.graph.sources], atol=1e-12
        )
    np.testing.assert_allclose(model.head.weight.grad.numpy(), of_weights[-1], atol=1e-12)


# promises -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_never_leaves_the_ball_nor_the_cube(dtype):
    model = mlp(zoo.GRAPHS["dense random"], dtype=dtype)
    x = torch.from_numpy(pictures(model, n=50)[0]).to(dtype)
    for eps in (0.0, 0.03, 0.3, 1.0):
        for steps, start in ((1, False), (7, False), (7, True)):
            found = pgd(model, x, eps=eps, step_size=0.1, steps=steps, random_start=start, rng=1)
            assert found.dtype is dtype
            assert ((found >= x - eps) & (found <= x + eps) & (found >= 0) & (found <= 1)).all()
            if eps == 0.0:
                assert torch.equal(found, x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_never_leaves_the_euclidean_ball_nor_the_cube(dtype):
    model = mlp(zoo.GRAPHS["dense random"], dtype=dtype)
    x = torch.from_numpy(pictures(model, n=50)[0]).to(dtype)
    rounding = 4 * torch.finfo(dtype).eps
    for eps in (0.0, 1e-3, 0.3, 1.0, math.sqrt(x.shape[1])):
        for steps, start in ((1, False), (7, False), (7, True), (7, "gaussian")):
            found = pgd(model, x, eps=eps, step_size=0.1, steps=steps, random_start=start, norm="l2", rng=1)
            assert found.dtype is dtype
            assert ((found >= 0) & (found <= 1)).all()
            assert ((found - x).norm(dim=1) <= eps * (1 + rounding) + rounding).all()
            assert (eps < 0.1) or (found - x).norm(dim=1).max() > 0.09


def test_euclidean_starts_are_uniform_in_the_ball():
    """The share of the ball within a radius r is (r / eps)^3: uniform, if the points are; and so are the directions."""
    x = torch.full((4000, 3), 0.5)
    model = nn.Linear(3, 2)
    for eps in (0.4, 0.01):
        found = pgd(model, x, eps=eps, step_size=0.0, steps=1, norm="l2", rng=0, labels=torch.zeros(4000).long()) - x
        share = (found.norm(dim=1) / eps) ** 3
        counts = torch.histc(share, 10, 0.0, 1.0)
        assert ((counts - 400) ** 2 / 400).sum() < 27.9  # chi-squared of 9 degrees of freedom, 0.1 %
        cosines = torch.histc(found[:, 2] / found.norm(dim=1), 10, -1.0, 1.0)  # uniform on a sphere in 3 dimensions
        assert ((cosines - 400) ** 2 / 400).sum() < 27.9


def test_gaussian_starts_are_as_wide_as_published():
    x, y = torch.full((200, 50), 0.5), torch.zeros(200).long()
    for norm in ("linf", "l2"):
        attack = Attack(0.3, step_size=0.0, random_start="gaussian", norm=norm)
        found = attack(nn.Linear(50, 2), x, y, np.random.default_rng(0)) - x
        assert found.std().item() == pytest.approx(0.001, rel=0.03)
        assert abs(found.mean().item()) < 4e-5


def test_half_precision_does_not_blur_the_divergence(digits):
    """Beside the image the prediction moves by less than bfloat16 tells apart."""
    model, data = digits
    x, y = torch.from_numpy(data.x_test.copy()), torch.from_numpy(data.y_test.copy())
    attack, found = Attack(0.06, steps=3, loss="kl", random_start="gaussian"), {}
    for half in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            changed = attack(model, x, y, np.random.default_rng(0))
        assert changed.dtype is torch.float32
        with torch.no_grad():
            found[half] = divergence(log_probabilities(model(x)), log_probabilities(model(changed))).mean().item()
    assert found[True] == pytest.approx(found[False], rel=0.02)


@pytest.mark.parametrize("backend", KERNELS)
@pytest.mark.parametrize(
    ("options", "passes_before"),
    [({}, 0), ({"labels": "predicted"}, 1), ({"norm": "l2"}, 0), ({"loss": "kl", "random_start": "gaussian"}, 1)],
)
def test_costs_its_passes_and_no_gradient_of_a_weight(backend, options, passes_before, monkeypatch):
    kernel = KERNELS[backend]
    if kernel.why_not(torch.device("cpu"), torch.float32) is not None:
        pytest.skip("not on this machine")
    calls = {"forward": 0, "backward": 0, "sddmm": 0}
    wanted = []

    def counted(name, function):
        def call(*args, **kwargs):
            calls[name] += 1
            if name == "backward":
                wanted.append(args[-1])
            return function(*args, **kwargs)

        return call

    for name in calls:
        monkeypatch.setattr(kernel, name, counted(name, getattr(kernel, name)))
    model = mlp(zoo.NETWORKS["three layers"], dtype=torch.float32, backend=backend)
    x, y = (torch.from_numpy(part) for part in pictures(model, n=9))
    with recorded_gradients(model):
        Attack(0.1, steps=5, **options)(model, x.float(), y, np.random.default_rng(0))
    assert calls == {"forward": 3 * (5 + passes_before), "backward": 3 * 5, "sddmm": 0}
    assert set(wanted) == {(True, False, False)}


def test_restarts_run_on_what_the_model_still_gets_right():
    sizes = []

    class Counted(SparseMLP):
        def forward(self, x):
            sizes.append(len(x))
            return super().forward(x)

    model = Counted(SparseNetwork([zoo.GRAPHS["dense random"]]), 4, rng=3).double()
    x, y = (torch.from_numpy(part) for part in pictures(model, n=80, seed=1))
    attack = Attack(0.15, steps=2, step_size=0.02, restarts=3)
    found = attack(model, x, y, np.random.default_rng(0))
    first = Attack(0.15, steps=2, step_size=0.02)(model, x, y, np.random.default_rng(0))
    right = model(first).argmax(1) == y
    assert sizes[:3] == [80] * 3  # two steps and a look
    assert 0 < sizes[3] == int(right.sum()) < 80
    assert len(set(sizes[3:6])) == len(set(sizes[6:9])) == 1
    assert sizes[6] <= sizes[3]
    assert torch.equal(found[~right], first[~right])
    sizes.clear()
    Attack(1.0, steps=2, restarts=9)(model, x[:3], 3 - model(x[:3]).argmax(1), np.random.default_rng(0))
    assert len(sizes) == 4  # all are wrong after the first


def test_batch_norms_keep_their_statistics_and_use_them():
    network = ns.generators.vgg(11, density=0.2, width=0.0625, shape=(1, 8, 8), n_classes=4, rng=0)
    model = VGG(network, shape=(1, 8, 8), rng=0)
    x, y = torch.rand(6, 64, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
    model.train()
    for _ in range(3):  # statistics that are not those of a batch
        model(x)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with recorded_gradients(model):
        watches = [layer.watch for layer in model.sparse_layers()]
        found = Attack(0.1, steps=2, random_start=False)(model, x, y)
        assert [layer.watch for layer in model.sparse_layers()] == watches
        evaluate_attacked(model, x, y, Attack(0.1, restarts=2), rng=0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(module.training for module in model.modules())
    # with running statistics no image depends on its neighbours
    alone = torch.cat([Attack(0.1, steps=2, random_start=False)(model, x[k : k + 1], y[k : k + 1]) for k in range(6)])
    assert (found - alone).abs().max() < 1e-6


def test_a_model_that_fails_is_left_alone_too():
    class Fails(SparseMLP):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls == 3:
                raise RuntimeError("no more")
            return super().forward(x)

    model = Fails(zoo.NETWORKS["three layers"], 4, rng=0)
    model.layers[1].weight.requires_grad_(False)
    x, y = pictures(model)
    with recorded_gradients(model):
        watches = [layer.watch for layer in model.sparse_layers()]
        with pytest.raises(RuntimeError, match="no more"):
            Attack(0.1, steps=5)(model, torch.from_numpy(x).float(), torch.from_numpy(y), np.random.default_rng(0))
        assert [layer.watch for layer in model.sparse_layers()] == watches
    assert all(module.training for module in model.modules())
    assert [p.requires_grad for p in model.parameters()] == [
        name != "layers.1.weight" for name, _ in model.named_parameters()
    ]
    assert all(p.grad is None for p in model.parameters())


def test_the_model_and_its_gradients_are_left_alone():
    model = mlp(zoo.NETWORKS["three layers"])
    model.layers[1].weight.requires_grad_(False)
    model.layers[2].eval()
    x, y = (torch.from_numpy(part) for part in pictures(model, n=9))
    Natural()(model, x, y)[0].backward()
    before = {name: parameter.grad for name, parameter in model.named_parameters()}
    bits = {name: None if grad is None else grad.clone() for name, grad in before.items()}
    modes = [module.training for module in model.modules()]
    pgd(model, x, eps=0.1, step_size=0.05, steps=3, labels=y, rng=0)
    evaluate_attacked(model, x, y, Attack(0.1), rng=0)
    for name, parameter in model.named_parameters():
        assert parameter.grad is before[name]
        assert parameter.grad is None or torch.equal(parameter.grad, bits[name])
        assert parameter.requires_grad is (name != "layers.1.weight")
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(RuntimeError), left_alone(model):
        raise RuntimeError
    assert [module.training for module in model.modules()] == modes


def test_the_model_is_attacked_in_evaluation_mode():
    seen = []

    class Watched(SparseMLP):
        def forward(self, x):
            seen.append((self.training, self.layers[0].training, torch.is_grad_enabled()))
            return super().forward(x)

    model = Watched(zoo.NETWORKS["three layers"], 3, rng=0).train()
    with torch.no_grad():
        pgd(model, torch.full((2, 9), 0.5), eps=0.1, step_size=0.1, steps=2, rng=0)
    assert seen[0] == (False, False, False)  # what kind of numbers it returns
    assert seen[1:] == [(False, False, False), (False, False, True), (False, False, True)]
    assert model.training


def test_recorded_gradients_see_the_training_step_alone():
    model = mlp(zoo.NETWORKS["three layers"])
    x, y = (torch.from_numpy(part) for part in pictures(model, n=9))
    objective = AdversarialTraining(0.2, 4, mix=0.5, random_start=False)
    with recorded_gradients(model) as grads:
        objective(model, x, y)[0].backward()
        assert all(layer.watch is not None for layer in model.sparse_layers())
    adversarial = objective.attack(model, x, y)
    model.zero_grad()
    with recorded_gradients(model) as expected:
        (0.5 * Natural()(model, x, y)[0] + 0.5 * Natural()(model, adversarial, y)[0]).backward()
    for one, other, layer in zip(grads, expected, model.sparse_layers(), strict=True):
        every = range(layer.n_out)
        np.testing.assert_allclose(one.rows(every), other.rows(every), atol=1e-14)
        np.testing.assert_allclose(one.at_edges(), layer.weight.grad.numpy(), atol=1e-12)


def test_several_restarts_keep_the_first_error_and_else_the_worst():
    model = mlp(zoo.GRAPHS["dense random"], seed=3)
    x, y = pictures(model, n=80, seed=1)
    options = {"eps": 0.15, "step_size": 0.02, "steps": 2, "labels": y}
    generator = np.random.default_rng(0)
    each = [pgd(model, x, rng=generator, **options) for _ in range(4)]
    together = pgd(model, x, restarts=4, rng=0, **options)
    with torch.no_grad():
        logits = torch.stack([model(images) for images in each])
    losses = torch.stack([nn.functional.cross_entropy(z, torch.from_numpy(y), reduction="none") for z in logits])
    errs = logits.argmax(2) != torch.from_numpy(y)
    assert errs.any(0).sum() > errs[0].sum()  # restarts find more here
    assert not errs.any(0).all()
    for k in range(len(x)):
        chosen = int(errs[:, k].int().argmax()) if errs[:, k].any() else int(losses[:, k].argmax())
        assert torch.equal(together[k], each[chosen][k])
    with torch.no_grad():  # an image counts as robust if the model is right after every restart, alone or together
        assert torch.equal(model(together).argmax(1) != torch.from_numpy(y), errs.any(0))


def test_random_starts_come_from_the_generator_and_it_alone():
    model = mlp(zoo.GRAPHS["dense random"])
    x, y = (torch.from_numpy(part) for part in pictures(model))
    options = {"eps": 0.1, "step_size": 0.0, "steps": 1}
    state = torch.get_rng_state()
    first, again, other = (pgd(model, x, rng=seed, **options) for seed in (0, np.random.default_rng(0), 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    objective = AdversarialTraining(0.1, 1)
    losses = [objective(model, x, y, rng=np.random.default_rng(seed))[0].item() for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    torch.manual_seed(5)
    own = [objective(model, x, y)[0].item() for _ in range(2)]
    torch.manual_seed(5)
    assert [objective(model, x, y)[0].item() for _ in range(2)] == own
    assert own[0] != own[1]


def test_images_do_not_depend_on_their_batch_nor_on_threads():
    model = mlp(zoo.GRAPHS["dense random"])
    x, y = pictures(model, n=30)
    options = {"eps": 0.2, "step_size": 0.05, "steps": 4, "random_start": False}
    whole = pgd(model, x, labels=y, **options)
    for k in range(30):
        np.testing.assert_array_equal(whole[k], pgd(model, x[k : k + 1], labels=y[k : k + 1], **options)[0])
    threads = torch.get_num_threads()
    try:
        found = []
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append(evaluate_attacked(model, x, y, Attack(0.2, steps=3), batch_size=7, rng=0))
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]
    changed = Attack(0.2, steps=3, random_start=False)(model, torch.from_numpy(x), torch.from_numpy(y))
    loss, accuracy = evaluate_attacked(model, x, y, Attack(0.2, steps=3, random_start=False), batch_size=7, rng=0)
    assert (loss, accuracy) == pytest.approx(evaluate(model, changed, y), abs=1e-12)
    assert all(math.isnan(number) for number in evaluate_attacked(model, x[:0], y[:0], Attack(0.2), rng=0))


@pytest.fixture(scope="module")
def digits():
    net = ns.generators.layered([64, 100, 60], density=0.3, rng=0)
    return fit(net, "digits", epochs=12, progress=False, rng=0).model, ns.datasets.load("digits")


def test_accuracy_falls_with_eps_and_steps(digits):
    model, data = digits
    x, y = data.x_test, data.y_test

    def accuracy(eps, **options):
        return evaluate_attacked(model, x, y, Attack(eps, random_start=False, **options), rng=0)[1]

    curve = [accuracy(eps, steps=10) for eps in (0.0, 0.03, 0.06, 0.12, 0.25)]
    assert curve[0] == evaluate(model, x, y)[1] > 0.9
    assert all(a >= b for a, b in pairwise(curve))
    assert curve[-1] < 0.05
    assert accuracy(0.08, steps=20) <= accuracy(0.08) < curve[0]
    # noise of the same length does next to nothing
    noise = np.random.default_rng(0).choice([-0.08, 0.08], x.shape).astype(np.float32)
    assert evaluate(model, np.clip(x + noise, 0, 1), y)[1] > curve[0] - 0.05


@pytest.mark.slow
def test_training_on_attacked_images_makes_robust():
    net, options = ns.generators.layered([64, 100, 60], density=0.3, rng=0), {"epochs": 25, "progress": False, "rng": 0}
    data = ns.datasets.load("digits")
    attack = Attack(0.15, steps=10)
    accuracies = {}
    for name, objective in (("natural", "natural"), ("adversarial", AdversarialTraining(0.15, 5, mix=0.5))):
        model = fit(net, data, objective=objective, **options).model
        accuracies[name] = evaluate_attacked(model, data.x_test, data.y_test, attack, rng=0)[1]
        assert evaluate(model, data.x_test, data.y_test)[1] > 0.9
    assert accuracies["adversarial"] > accuracies["natural"] + 0.3


def assert_same_weights(a, b):
    assert all(torch.equal(p, q) for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True))


def test_a_run_with_random_starts_goes_on_bit_for_bit(tmp_path):
    net = ns.generators.layered([12, 10], density=0.5, rng=0)

    class Cut(AdversarialTraining):
        calls, end = 0, 0

        def __call__(self, *args, **drawn):
            self.calls += 1
            if self.calls == self.end:
                raise KeyboardInterrupt
            loss, logits = super().__call__(*args, **drawn)
            return loss, logits

    def run(folder, end=0, *, resume=False):
        objective = Cut(0.1, 2, mix=0.5)
        Cut.end = end
        every = None if folder is None else Checkpoints(every_minutes=0.0)
        options = {"epochs": 3, "batch_size": 20, "progress": False, "rng": 0, "checkpoint": every}
        return fit(net, blobs(), objective=objective, out=folder, resume=resume, **options)

    torch.manual_seed(0)
    whole = run(tmp_path / "whole")
    torch.manual_seed(1)  # torch's own generator has no part in it: fit's is the only one
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", 7)
    resumed = run(tmp_path / "cut", resume=True)
    assert_same_weights(resumed, whole)
    assert_same_weights(run(None), whole)
    different = fit(net, blobs(), objective=AdversarialTraining(0.1, 2, mix=0.5), epochs=3, batch_size=20,
                    progress=False, rng=1)  # fmt: skip
    assert not torch.equal(different.model.layers[0].weight, whole.model.layers[0].weight)


# bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"eps": -0.1}, errors.InvalidOption, "eps: given -0.1"),
        ({"eps": math.nan}, errors.InvalidOption, "eps: given nan"),
        ({"eps": True}, errors.InvalidOption, "eps: given True"),
        ({"eps": 0.1, "steps": 0}, errors.InvalidOption, "steps: given 0"),
        ({"eps": 0.1, "steps": 1.0}, errors.InvalidOption, "steps: given 1.0"),
        ({"eps": 0.1, "step_size": -1}, errors.InvalidOption, "step_size: given -1"),
        ({"eps": 0.1, "labels": "both"}, errors.UnknownName, "one of predicted, true"),
        ({"eps": 0.1, "random_start": 1}, errors.InvalidOption, "True or False"),
        ({"eps": 0.1, "random_start": "normal"}, errors.UnknownName, "one of gaussian, none, uniform"),
        ({"eps": 0.1, "restarts": 2, "random_start": False}, errors.InvalidOption, "restarts: given 2"),
        ({"eps": 0.1, "restarts": 2, "random_start": "none"}, errors.InvalidOption, "restarts: given 2"),
        ({"eps": 8}, errors.InvalidOption, "eps: given 8, expected at most 1.*try eps=8/255"),
        ({"eps": 1.0001}, errors.InvalidOption, "eps: given 1.0001, expected at most 1"),
        ({"eps": -0.1, "norm": "l2"}, errors.InvalidOption, "eps: given -0.1"),
        ({"eps": math.inf, "norm": "l2"}, errors.InvalidOption, "eps: given inf"),
        ({"eps": 0.1, "norm": "l1"}, errors.UnknownName, "one of l2, linf"),
        ({"eps": 0.1, "loss": "hinge"}, errors.UnknownName, "one of cross_entropy, kl, margin"),
        ({"eps": 0.1, "loss": "kl", "random_start": False}, errors.InvalidOption, "random_start='gaussian'"),
    ],
)
def test_impossible_attacks_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        Attack(**options)


def test_impossible_objectives_and_images_are_refused():
    for mix in (0.0, 1.1, True, "half"):
        with pytest.raises(errors.InvalidOption, match="mix"):
            AdversarialTraining(0.1, 1, mix=mix)
    with pytest.raises(errors.InvalidOption, match="label_smoothing"):
        AdversarialTraining(0.1, 1, label_smoothing=1.0)
    model = mlp(zoo.GRAPHS["dense random"])
    x, y = pictures(model)
    for images in (x * 255, x - 0.5, np.full_like(x, np.nan)):
        with pytest.raises(errors.InvalidOption, match="images in"):
            fgsm(model, images, eps=0.1)
    with pytest.raises(errors.InvalidOption, match="labels from"):
        fgsm(model, x, eps=0.1, labels=y + 4)
    with pytest.raises(errors.InvalidSize, match="one label per sample"):
        fgsm(model, x, eps=0.1, labels=y[:-1])
    with pytest.raises(errors.InvalidSeed):
        pgd(model, x, eps=0.1, step_size=0.1, steps=1)
    with pytest.raises(errors.InvalidOption, match="rng: given None"):
        Attack(0.1)(model, torch.from_numpy(x), torch.from_numpy(y))


def test_names_of_starts_and_how_an_attack_shows_itself():
    assert Attack(0.1, random_start="uniform") == Attack(0.1)
    assert Attack(0.1, random_start="none") == Attack(0.1, random_start=False)
    assert Attack(8 / 255, steps=10).step_size == pytest.approx(2 / 255, rel=1e-12)
    # runs of before there were norms are told apart by these words
    known = "Attack(eps=0.1, steps=1, step_size=0.1, labels='true', random_start=True, restarts=1)"
    assert repr(Attack(0.1)) == known
    for attack in (Attack(0.1), Attack(2.0, steps=3, norm="l2", loss="kl", random_start="gaussian", restarts=2)):
        assert eval(repr(attack)) == attack
    assert "norm='l2', loss='kl'" in repr(Attack(2.0, norm="l2", loss="kl"))


class Softmax(SparseMLP):
    """The mistake: what should be logits are probabilities."""

    def forward(self, x):
        return super().forward(x).softmax(1)


def test_probabilities_and_what_else_is_no_logits_are_refused():
    network = SparseNetwork([zoo.GRAPHS["dense random"]])
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        model = Softmax(network, 4, rng=0).to(dtype)
        x, y = pictures(model)
        x = torch.from_numpy(x).to(dtype)
        for call in (
            partial(fgsm, eps=0.1),
            partial(pgd, eps=0.1, step_size=0.1, steps=1, labels=y, rng=0),
            partial(evaluate_attacked, y=y, attack=Attack(0.1), rng=0),
        ):
            with pytest.raises(errors.InvalidOption, match=r"model: given rows .* probabilities, expected logits"):
                call(model, x)
        assert model.training
    model = mlp(network)
    x, y = pictures(model)
    assert fgsm(nn.Linear(2, 2), torch.tensor([[0.5, 0.5]]), eps=0.0).tolist() == [[0.5, 0.5]]
    one_hot = nn.Linear(
        4, 4, bias=False
    )  # the images themselves sum to 1: their logits do by chance, black ones do not
    one_hot.weight.data = torch.eye(4)
    fgsm(one_hot, torch.eye(4), eps=0.1)
    with pytest.raises(errors.InvalidOption, match=r"a result of shape \(7, 4, 1\) for 7 images"):
        fgsm(nn.Sequential(model, nn.Unflatten(1, (4, 1))), x, eps=0.1)
    with pytest.raises(errors.InvalidOption, match="labels from 0 to 4, expected 0 to 3"):
        fgsm(nn.Sequential(model), x, eps=0.1, labels=[0, 1, 2, 3, 4, 0])  # it has no `n_classes`
    with torch.no_grad():
        model.head.bias[0] = math.nan
    with pytest.raises(errors.InvalidOption, match="model: given logits that are not finite"):
        fgsm(model, x, eps=0.1)


def test_a_euclidean_radius_beyond_the_cube_is_refused():
    model = mlp(zoo.GRAPHS["dense random"])
    x, _ = pictures(model)
    n_pixels = x.shape[1]
    options = {"step_size": 0.1, "steps": 1, "norm": "l2", "rng": 0}
    pgd(model, x, eps=math.sqrt(n_pixels), **options)
    with pytest.raises(
        errors.InvalidOption, match=rf"eps: given 3.5, .* the diagonal of the cube of {n_pixels} pixels"
    ):
        pgd(model, x, eps=3.5, **options)
