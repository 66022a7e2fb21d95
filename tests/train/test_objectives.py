"""Objectives: their losses by hand and beside slow ones, their gradients, and training with each while rewiring."""

import copy
import math
from functools import cache

import numpy as np
import oracles_adversarial as oracle
import pytest
import torch
import zoo
from oracles import dense_of
from torch import nn

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseMLP, recorded_gradients
from netsparse.nn.kernels import KERNELS
from netsparse.nn.vgg import VGG
from netsparse.rewiring import SET, BayesianSampling, DeepR, RigL
from netsparse.train import fit
from netsparse.train.adversarial import AdversarialTraining, MixedTraining, evaluate_attacked
from netsparse.train.attack import Attack
from netsparse.train.mart import MART
from netsparse.train.natural import Natural
from netsparse.train.objectives import OBJECTIVES, REQUIRED, named_objective, objective_of, objective_options
from netsparse.train.trades import TRADES

EVERY = {
    "natural": Natural(0.1),
    "adversarial": AdversarialTraining(0.1, 2),
    "mixed": MixedTraining(0.1, 2),
    "trades": TRADES(0.1, 2),
    "mart": MART(0.1, 2),
}


def test_every_named_objective_is_tested_here():
    assert {name: type(objective) for name, objective in EVERY.items()} == OBJECTIVES


# values ---------------------------------------------------------------------------------------------------------------


def one_pixel():
    """One pixel, two classes: z = (2 ln 3 x, 0), so p = (3/4, 1/4) at x = 1/2, (1/2, 1/2) at 0, (9/10, 1/10) at 1."""
    graph = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=1, n_out=2)
    model = SparseMLP(SparseNetwork([graph]), head=None, bias=False, rng=0).double()
    model.layers[0].weight.data = torch.tensor([2 * math.log(3), 0.0], dtype=torch.float64)
    return model


LN = math.log
KL = 0.75 * LN(0.75 / 0.5) + 0.25 * LN(0.25 / 0.5)  # of (3/4, 1/4) from (1/2, 1/2)
KL_UP = 0.75 * LN(0.75 / 0.9) + 0.25 * LN(0.25 / 0.1)
BY_HAND = [
    # label, pixel of the attacked image, loss
    (Natural(), 0, None, -LN(0.75)),
    (Natural(0.2), 0, None, -0.9 * LN(0.75) - 0.1 * LN(0.25)),
    (AdversarialTraining(0.5), 0, 0.0, -LN(0.5)),
    (AdversarialTraining(0.5, mix=0.25), 0, 0.0, -0.75 * LN(0.75) - 0.25 * LN(0.5)),
    (MixedTraining(0.5), 1, 1.0, -0.5 * LN(0.25) - 0.5 * LN(0.1)),
    (MixedTraining(0.5, label_smoothing=0.2), 1, 1.0,
     -0.5 * (0.9 * LN(0.25) + 0.1 * LN(0.75)) - 0.5 * (0.9 * LN(0.1) + 0.1 * LN(0.9))),
    (TRADES(0.5), 0, 0.0, -LN(0.75) + 6 * KL),
    (TRADES(0.5, beta=0.5), 1, 1.0, -LN(0.25) + 0.5 * KL_UP),
    (TRADES(0.5, label_smoothing=0.2), 0, 0.0, -0.9 * LN(0.75) - 0.1 * LN(0.25) + 6 * KL),
    (MART(0.5), 0, 0.0, -LN(0.5) - LN(1.0001 - 0.5) + 6 * KL * 0.25),
    (MART(0.5, beta=2.0), 1, 1.0, -LN(0.1) - LN(1.0001 - 0.9) + 2 * KL_UP * 0.75),
]  # fmt: skip


@pytest.mark.parametrize(("objective", "label", "pixel", "expected"), BY_HAND, ids=range(len(BY_HAND)))
def test_values_by_hand(objective, label, pixel, expected):
    x, y = torch.tensor([[0.5]], dtype=torch.float64), torch.tensor([label])
    if pixel is None:
        loss, logits = objective(one_pixel(), x, y)
    else:
        loss, logits = objective.loss(one_pixel(), x, torch.tensor([[pixel]], dtype=torch.float64), y)
    assert loss.item() == pytest.approx(expected, rel=1e-9)
    # accuracy counts on the clean image, but where the attacked ones alone are trained on
    alone = type(objective) is AdversarialTraining and objective.mix == 1.0
    np.testing.assert_allclose(logits[0].tolist(), [2 * LN(3) * (pixel if alone else 0.5), 0.0], atol=1e-12)


def test_the_attacks_of_the_objectives_find_the_worst_pixel():
    x, y = torch.full((1, 1), 0.5, dtype=torch.float64), torch.tensor([0])
    for objective, expected in (
        (AdversarialTraining(0.5, 3), -LN(0.5)),
        (MixedTraining(0.5, 3), -0.5 * LN(0.75) - 0.5 * LN(0.5)),
        (MART(0.5, 3), -LN(0.5) - LN(1.0001 - 0.5) + 6 * KL * 0.25),
    ):
        assert objective(one_pixel(), x, y, rng=np.random.default_rng(0))[0].item() == pytest.approx(expected)
    # no label: the divergence is climbed on the side where the noise happened to be
    seeds = [TRADES(0.5, 3)(one_pixel(), x, y, rng=np.random.default_rng(seed))[0].item() for seed in range(20)]
    sides = [-LN(0.75) + 6 * KL, -LN(0.75) + 6 * KL_UP]
    assert {min(sides, key=lambda side: abs(side - loss)) for loss in seeds} == set(sides)
    assert all(min(abs(side - loss) for side in sides) < 1e-9 for loss in seeds)


def mlp(n_classes=4, seed=0):
    model = SparseMLP(zoo.NETWORKS["three layers"], n_classes, rng=seed, normalization=(0.3, 0.5)).double()
    with torch.no_grad():
        for k, layer in enumerate(model.sparse_layers()):
            layer.bias.copy_(torch.from_numpy(np.random.default_rng([seed, k]).normal(0, 0.3, layer.n_out)))
    return model


def batch(n=7, n_in=9, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.random((n, n_in))), torch.from_numpy(rng.integers(n_classes, size=n))


def dense(model, weights=None):
    layers = model.sparse_layers()
    weights = [layer.edge_weights() for layer in layers] if weights is None else weights
    matrices = [dense_of(layer.graph, values) for layer, values in zip(layers, weights, strict=True)]
    biases = [layer.bias.detach().numpy() for layer in layers]
    head = model.head
    moments = model.normalize.mean.item(), model.normalize.std.item()
    return [*matrices, head.weight.detach().numpy()], [*biases, head.bias.detach().numpy()], moments


def slow_loss(objective, clean, attacked, y):
    if isinstance(objective, Natural):
        return oracle.mixed(clean, clean, y, 0.0, objective.label_smoothing)
    if isinstance(objective, AdversarialTraining):
        return oracle.mixed(clean, attacked, y, objective.mix, objective.clean.label_smoothing)
    if isinstance(objective, TRADES):
        return oracle.trades(clean, attacked, y, objective.beta, objective.clean.label_smoothing)
    return oracle.mart(clean, attacked, y, objective.beta)


OBJECTIVES_HERE = [
    *EVERY.values(), AdversarialTraining(0.1, 3, mix=0.3, label_smoothing=0.2), TRADES(0.4, 2, norm="l2"),
    TRADES(0.1, 3, beta=0.7, label_smoothing=0.1), MART(0.4, 2, beta=1.5, norm="l2", random_start=True),
]  # fmt: skip


@pytest.mark.parametrize("objective", OBJECTIVES_HERE, ids=range(len(OBJECTIVES_HERE)))
def test_losses_and_gradients_equal_the_slow_ones(objective):
    """The oracle's gradient is a difference of its losses, at attacked images that are held fixed."""
    model, (x, y) = mlp(), batch()
    drawn = {} if isinstance(objective, Natural) else {"rng": np.random.default_rng(3)}
    changed = x if not drawn else objective.attack(model, x, y, np.random.default_rng(3))
    loss, _ = objective(model, x, y, **drawn)
    loss.backward()

    def slow(weights=None):
        parts = dense(model, weights)
        clean, attacked = (oracle.logits_of(images.numpy(), *parts).tolist() for images in (x, changed))
        return slow_loss(objective, clean, attacked, y.tolist())

    assert loss.item() == pytest.approx(slow(), abs=1e-12)
    weights, h = [layer.edge_weights() for layer in model.sparse_layers()], 1e-5
    for k, layer in enumerate(model.sparse_layers()):
        for edge in range(0, layer.graph.n_edges, 4):
            sides = []
            for step in (h, -h):
                moved = [values.copy() for values in weights]
                moved[k][edge] += step
                sides.append(slow(moved))
            assert layer.weight.grad[edge].item() == pytest.approx((sides[0] - sides[1]) / (2 * h), abs=2e-8)


@pytest.mark.parametrize("name", EVERY)
def test_recorded_gradients_are_those_of_the_loss_and_not_of_the_attack(name):
    model, (x, y) = mlp(), batch()
    objective = EVERY[name]
    drawn = {"rng": np.random.default_rng(0)} if getattr(objective, "draws", False) else {}
    with recorded_gradients(model) as grads:
        objective(model, x, y, **drawn)[0].backward()
    for seen, layer in zip(grads, model.sparse_layers(), strict=True):
        np.testing.assert_allclose(seen.at_edges(), layer.weight.grad.numpy(), atol=1e-12)


def test_losses_stay_finite_where_the_model_is_sure():
    model, x = one_pixel().float(), torch.tensor([[0.5], [0.5]])
    model.layers[0].weight.data = torch.tensor([2000.0, 0.0])
    for objective in (TRADES(0.5), MART(0.5)):
        loss, _ = objective.loss(model, x, torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(model.layers[0].weight.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_class_and_two_are_allowed(dtype):
    for n_classes in (1, 2):
        model, (x, y) = mlp(n_classes).to(dtype), batch(n_classes=n_classes)
        for objective in EVERY.values():
            drawn = {"rng": np.random.default_rng(0)} if getattr(objective, "draws", False) else {}
            assert torch.isfinite(objective(model, x.to(dtype), y, **drawn)[0])


# batch norms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "n_passes"), [("natural", 1), ("adversarial", 1), ("mixed", 2), ("trades", 2), ("mart", 2)]
)
def test_batch_norms_see_the_training_passes_alone(name, n_passes):
    network = ns.generators.vgg(11, density=0.2, width=0.0625, shape=(1, 8, 8), n_classes=4, rng=0)
    model = VGG(network, shape=(1, 8, 8), rng=0).train()
    twin, objective = copy.deepcopy(model), EVERY[name]
    x, y = batch(8, 64)
    x = x.float()
    drawn = {"rng": np.random.default_rng(0)} if getattr(objective, "draws", False) else {}
    objective(model, x, y, **drawn)
    passes = [x]
    if drawn:
        changed = objective.attack(twin, x, y, np.random.default_rng(0))
        passes = {"adversarial": [changed], "mixed": [changed, x]}.get(name, [x, changed])
    assert len(passes) == n_passes
    with torch.no_grad():
        for images in passes:
            twin(images)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {int(norm.num_batches_tracked) for norm in norms} == {n_passes}
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True))


# training -------------------------------------------------------------------------------------------------------------


def blobs(n=90, n_features=12, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    centres, y = rng.random((n_classes, n_features)), rng.integers(n_classes, size=n)
    x = np.clip(centres[y] + rng.normal(0, 0.1, (n, n_features)), 0, 1).astype(np.float32)
    return Dataset.from_arrays(x[:60], y[:60], x[60:], y[60:], n_classes=n_classes)


def train(objective, rule=None, **options):
    net = ns.generators.layered([12, 10, 8], density=0.4, rng=0)
    settings = {"epochs": 3, "batch_size": 20, "progress": False, "rng": 0, **options}
    return fit(net, blobs(), objective=objective, rewiring=rule, **settings)


def same(a, b):
    parameters = zip(a.model.parameters(), b.model.parameters(), strict=True)
    return a.network == b.network and a.history.equals(b.history) and all(torch.equal(p, q) for p, q in parameters)


RULES = {
    "after an epoch": SET(0.3),
    "after a step": DeepR(),
    "after a step, a lower bound": BayesianSampling(),
    "by gradients": RigL(0.3, every=2),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", EVERY)
def test_every_objective_trains_with_every_kind_of_rule(name, rule):
    run, again = (train(EVERY[name], RULES[rule]) for _ in range(2))
    assert same(run, again)
    edges = ns.generators.layered([12, 10, 8], density=0.4, rng=0).n_edges
    assert run.network.n_edges >= edges if "bound" in rule else run.network.n_edges == edges
    assert run.history["turnover"].dropna().max() > 0
    assert np.isfinite(run.history[["loss", "accuracy"]].to_numpy()).all()


@cache
def trained_on(name, backend):
    return train(EVERY[name], SET(0.3), backend=backend, precision="float64", lr=0.05, epochs=2)


@pytest.mark.parametrize("backend", [name for name in KERNELS if name != "reference"])
@pytest.mark.parametrize("name", EVERY)
def test_every_objective_trains_on_every_backend(name, backend):
    """The same numbers in double precision, whatever computes them."""
    if KERNELS[backend].why_not(torch.device("cpu"), torch.float64) is not None:
        pytest.skip("not on this machine")
    run, reference = trained_on(name, backend), trained_on(name, "reference")
    columns = ["loss", "accuracy"]
    np.testing.assert_allclose(run.history[columns], reference.history[columns], atol=1e-9)
    assert run.network == reference.network


@pytest.mark.parametrize("name", EVERY)
def test_the_loss_and_the_accuracy_that_are_told_are_the_objective_s(name):
    objective, losses, hits = EVERY[name], [], []

    class Remembered:
        draws = getattr(objective, "draws", False)

        def __call__(self, model, x, y, **drawn):
            loss, logits = objective(model, x, y, **drawn)
            losses.append(loss.item() * len(x))
            hits.append(int((logits.argmax(1) == y).sum()))
            return loss, logits

    told = train(Remembered(), epochs=1, validation=15).history.query("split == 'train'")
    assert len(losses) == 3  # 45 images in batches of 20
    assert told["loss"].item() == pytest.approx(sum(losses) / 45, rel=1e-6)
    assert told["accuracy"].item() == sum(hits) / 45
    again = train(objective, epochs=1, validation=15).history.query("split == 'train'")
    assert again["loss"].item() == told["loss"].item()


def test_trades_without_its_second_term_is_natural_to_the_last_bit(monkeypatch):
    natural = train("natural", SET(0.3), epochs=4)
    weighed = train(TRADES(0.1, beta=1e-3), SET(0.3), epochs=4)

    def attack(*args):
        raise AssertionError("an attack")

    monkeypatch.setattr(Attack, "__call__", attack)
    nothing = TRADES(0.1, beta=0.0)
    assert same(natural, train(nothing, SET(0.3), epochs=4))
    assert not same(natural, weighed)
    assert not nothing.draws
    assert same(train(Natural(0.1)), train(TRADES(0.1, beta=0, label_smoothing=0.1)))


@pytest.mark.parametrize("objective", [
    Natural(), AdversarialTraining(0.1, 2, random_start=False), MixedTraining(0.1, 1, random_start=False),
])  # fmt: skip
def test_parts_of_a_batch_add_up_to_it(objective):
    whole, parts = (train(objective, precision="float64", accumulate=n, lr=0.05) for n in (1, 3))
    np.testing.assert_allclose(whole.history[["loss"]], parts.history[["loss"]], atol=1e-9)
    for one, other in zip(whole.weights, parts.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("name", EVERY)
def test_parts_and_half_precision_train(name):
    usual = train(EVERY[name], epochs=8).history.query("split == 'train'")["loss"].to_numpy()
    for options in ({"accumulate": 3}, {"precision": "bfloat16"}):
        found = train(EVERY[name], epochs=8, **options).history.query("split == 'train'")["loss"].to_numpy()
        np.testing.assert_allclose(found, usual, rtol=0.05)
        assert found[-1] < 0.8 * found[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adversarial", "mixed", "trades", "mart"])
def test_training_against_attacks_makes_robust(name):
    net, data = ns.generators.layered([64, 100, 60], density=0.3, rng=0), ns.datasets.load("digits")
    options = {"epochs": 25, "progress": False, "rng": 0}
    attack = Attack(0.15, steps=10)
    accuracies = []
    for objective in (Natural(), objective_of(name, {"eps": 0.15, "steps": 5})):
        model = fit(net, data, objective=objective, rewiring=SET(0.3), **options).model
        accuracies.append(evaluate_attacked(model, data.x_test, data.y_test, attack, rng=0)[1])
    assert accuracies[1] > accuracies[0] + 0.25


# names and bad input --------------------------------------------------------------------------------------------------


def test_objectives_by_name():
    assert objective_options("natural") == {"label_smoothing": 0.0}
    assert objective_options("trades") == {
        "eps": REQUIRED, "steps": 10, "step_size": None, "beta": 6.0, "norm": "linf", "random_start": "gaussian",
        "label_smoothing": 0.0,
    }  # fmt: skip
    made = objective_of("trades", {"eps": 8 / 255, "beta": 1})
    assert repr(made) == repr(TRADES(8 / 255, beta=1.0))
    assert made.attack.step_size == pytest.approx(2 / 255)
    assert repr(named_objective("mart", eps=0.1, steps=3)) == repr(MART(0.1, 3))
    assert repr(objective_of("mixed", {"eps": 0.3})) == (
        "MixedTraining(Attack(eps=0.3, steps=10, step_size=0.075, labels='predicted', random_start=True, restarts=1), "
        "mix=0.5, label_smoothing=0.0)"
    )
    assert repr(named_objective("natural", label_smoothing=0.1)) == "Natural(label_smoothing=0.1)"
    assert objective_of("natural").label_smoothing == 0.0


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("trade", {}, errors.UnknownName, "one of adversarial, mart, mixed, natural, trades; try objective='trades'"),
        (3, {}, errors.UnknownName, "objective: given 3"),
        ("trades", {}, errors.InvalidOption, r"eps: given none for objective 'trades', .* in \[0, 1\]; try eps=8/255"),
        ("mart", {"eps": None}, errors.InvalidOption, "eps: given none for objective 'mart'"),
        ("trades", {"eps": 0.1, "bta": 6}, errors.InvalidOption, "one of eps, steps, step_size, beta, .*try beta=6"),
        (
            "natural",
            {"eps": 0.1},
            errors.InvalidOption,
            "option of objective 'natural': given 'eps', .*leaving out eps",
        ),
        ("trades", {"eps": -1}, errors.InvalidOption, "eps: given -1"),
        ("trades", {"eps": 8}, errors.InvalidOption, "eps: given 8, expected at most 1.*try eps=8/255"),
        ("trades", {"eps": 0.1, "beta": -1}, errors.InvalidOption, "beta: given -1"),
        ("mart", {"eps": 0.1, "beta": math.nan}, errors.InvalidOption, "beta: given nan"),
        ("trades", {"eps": 0.1, "random_start": False}, errors.InvalidOption, "random_start='gaussian'"),
        ("mixed", {"eps": 0.1, "mix": 0}, errors.InvalidOption, "mix: given 0"),
        ("mart", {"eps": 0.1, "steps": 0}, errors.InvalidOption, "steps: given 0"),
    ],
)
def test_other_names_and_options_are_refused_in_one_line(name, options, error, words):
    with pytest.raises(error, match=words) as caught:
        objective_of(name, options)
    assert "\n" not in str(caught.value)


def test_fit_refuses_a_name_without_its_options_and_options_beside_an_object():
    with pytest.raises(errors.InvalidOption, match="eps: given none for objective 'trades'"):
        train("trades")
    with pytest.raises(errors.InvalidOption, match="none beside an object"):
        named_objective(Natural(), label_smoothing=0.1)


class Softmax(SparseMLP):
    """The mistake: what should be logits are probabilities."""

    def forward(self, x):
        return super().forward(x).softmax(1)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "natural"])
def test_a_model_of_probabilities_is_refused_before_the_first_step(name):
    model = Softmax(ns.generators.layered([12, 10], density=0.4, rng=0), 3, rng=0)
    with pytest.raises(errors.InvalidOption, match=r"model: given rows .* probabilities, expected logits"):
        fit(model, blobs(), objective=EVERY[name], epochs=1, progress=False, rng=0)
