"""Attacks that climb the margin: the largest other logit above that of the label."""

import numpy as np
import pytest
import torch
import zoo
from torch import nn

import netsparse as ns
from netsparse.nn import SparseMLP
from netsparse.train import TRADES, Attack, evaluate_attacked, fit


def slow_ascent(weight, bias, x, label, eps, step, steps):
    """Climb max over j != y of z_j - z_y of a linear model z = W x + b by hand, pixel by pixel."""
    at = x.copy()
    for _ in range(steps):
        z = weight @ at + bias
        others = [j for j in range(len(z)) if j != label]
        best = max(others, key=lambda j: z[j])
        for pixel in range(len(x)):
            moved = at[pixel] + step * np.sign(weight[best, pixel] - weight[label, pixel])
            at[pixel] = min(max(moved, x[pixel] - eps, 0.0), x[pixel] + eps, 1.0)
    return at


@pytest.mark.parametrize("seed", range(5))
def test_climbs_the_margin_of_a_linear_model(seed):
    rng = np.random.default_rng(seed)
    weight, bias, x = rng.normal(size=(4, 6)), rng.normal(size=4), rng.random((9, 6))
    model = nn.Linear(6, 4).double()
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(weight))
        model.bias.copy_(torch.from_numpy(bias))
    y = rng.integers(0, 4, 9)
    attack = Attack(0.3, steps=5, step_size=0.07, loss="margin", random_start=False)
    found = attack(model, torch.from_numpy(x), torch.from_numpy(y)).numpy()
    expected = [slow_ascent(weight, bias, row, label, 0.3, 0.07, 5) for row, label in zip(x, y, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_moves_where_the_cross_entropy_has_no_gradient_left():
    model = nn.Linear(2, 2, bias=False)
    model.weight.data = torch.tensor([[2000.0, 0.0], [0.0, 2000.0]])  # so sure that the cross-entropy is 0
    x, y = torch.tensor([[0.9, 0.1]]), torch.tensor([0])
    still, moved = (Attack(0.3, loss=loss, random_start=False)(model, x, y) for loss in ("cross_entropy", "margin"))
    assert torch.equal(still, x)
    torch.testing.assert_close(moved, torch.tensor([[0.6, 0.4]]))


@pytest.mark.parametrize("labels", ["true", "predicted"])
def test_labels_may_be_those_that_the_model_tells(labels):
    model = SparseMLP(ns.SparseNetwork([zoo.GRAPHS["dense random"]]), 4, rng=3).double()
    x = torch.rand(20, model.n_features, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    told = model(x).argmax(1)
    attack = Attack(0.1, steps=3, loss="margin", labels=labels)
    given = told if labels == "true" else (told + 1) % 4
    same = Attack(0.1, steps=3, loss="margin")(model, x, told, np.random.default_rng(0))
    assert torch.equal(attack(model, x, given, np.random.default_rng(0)), same)


def test_finds_more_than_the_cross_entropy_where_trades_trained():
    data = ns.datasets.load("digits")
    network = ns.generators.layered([64, 100], density=0.2, rng=0)
    model = fit(network, data, objective=TRADES(0.1, 5), epochs=8, progress=False, rng=0).model
    accuracy = {
        loss: evaluate_attacked(model, data.x_test, data.y_test, Attack(0.15, steps=30, loss=loss), rng=0)[1]
        for loss in ("cross_entropy", "margin")
    }
    assert accuracy["margin"] < accuracy["cross_entropy"] - 0.01
