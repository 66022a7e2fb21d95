"""The report on masked gradients: clean for honest models, and it catches the ways of hiding that are known."""

import pytest
import torch
from torch import nn

import netsparse as ns
from netsparse import errors
from netsparse.robustness.gradient_masking import gradient_masking
from netsparse.train import fit
from netsparse.train.adversarial import AdversarialTraining

CHECKS = ["large_eps", "larger_eps", "fewer_steps", "one_step", "noise", "black_box", "zero_gradients"]
QUICK = {"eps": 0.1, "queries": 150, "n_samples": 200, "rng": 0}


@pytest.fixture(scope="module")
def models():
    net = ns.generators.layered([64, 60, 60], density=0.15, rng=0)
    objectives = {"natural": "natural", "adversarial": AdversarialTraining(0.1, 5)}
    return {
        name: fit(net, "digits", objective=objective, epochs=6, progress=False, rng=0).model
        for name, objective in objectives.items()
    }


class Steps(nn.Module):
    """Pixels in steps: the gradient is 0 almost everywhere."""

    def forward(self, x):
        return torch.round(4 * x) / 4


class Sharp(nn.Module):
    """Logits so large that the softmax is exactly 0 and 1: the cross-entropy has no gradient."""

    def forward(self, x):
        return 1e4 * x


@pytest.mark.parametrize("kind", ["natural", "adversarial"])
def test_honest_models_pass(models, kind):
    source = models["natural" if kind == "adversarial" else "adversarial"]
    table = gradient_masking(models[kind], "digits", source=source, **QUICK)
    assert table["check"].tolist() == [*CHECKS[:-1], "transfer", "zero_gradients"]
    assert table["passed"].all(), table
    assert (table["passed"] == (table["value"] <= table["limit"])).all()
    assert table["value"].iloc[0] == 0.0


def test_hidden_gradients_are_found(models):
    stepped = nn.Sequential(Steps(), models["natural"])
    table = gradient_masking(stepped, "digits", **QUICK).set_index("check")
    assert not table.loc["zero_gradients", "passed"]
    assert table.loc["zero_gradients", "value"] == 1.0
    assert not table.loc["large_eps", "passed"]
    assert not table.loc["black_box", "passed"]
    sharp = nn.Sequential(models["natural"], Sharp())
    table = gradient_masking(sharp, "digits", **QUICK).set_index("check")
    assert not table.loc["zero_gradients", "passed"]
    assert table.loc["zero_gradients", "value"] > 0.5
    assert not table.loc["black_box", "passed"]


def test_the_euclidean_ball_has_no_square(models):
    options = {**QUICK, "eps": 0.5, "n_samples": 100}
    table = gradient_masking(models["natural"], "digits", norm="l2", steps=20, restarts=2, **options)
    assert table["check"].tolist() == [check for check in CHECKS if check != "black_box"]
    assert table["passed"].all()
    assert "4, which holds grey" in table["meaning"].iloc[0]


def test_same_seed_same_table(models):
    options = {**QUICK, "steps": 5, "queries": 10, "n_samples": 60}
    first, second = (gradient_masking(models["natural"], "digits", **options) for _ in range(2))
    assert first.equals(second)


BAD = [
    ({"eps": 0.0}, "one radius above 0"),
    ({"eps": [0.1, 0.2]}, "one radius"),
    ({"eps": -1}, "-1"),
    ({"tolerance": -0.1}, "a share"),
    ({"tolerance": 1}, "a share"),
    ({"queries": 0}, "queries"),
    ({"n_samples": 10**6}, "359 samples"),
    ({"norm": "l3"}, "one of l2, linf"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(models, options, message):
    with pytest.raises(errors.NetsparseError, match=message):
        gradient_masking(models["natural"], "digits", **{**QUICK, **options})
