"""Accuracy under attack: closed forms, a second engine, and who counts as robust."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from oracles_attacks import still_right, worst_margin
from torch import nn

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset, load
from netsparse.robustness.adversarial import adversarial
from netsparse.robustness.attack_methods import ATTACKS
from netsparse.robustness.attacked import Attacked, batch_that_fits
from netsparse.robustness.averages import area_under_accuracy, mean_over_trials
from netsparse.robustness.certify import certified_accuracy
from netsparse.train import evaluate, fit

COLUMNS = [
    "probe", "options", "strength", "trial", "seed", "accuracy", "loss", "eps", "norm", "attack", "engine", "steps",
    "restarts", "step_size", "n_samples", "clean_accuracy", "generalization_gap",
]  # fmt: skip
QUICK = {"progress": False, "rng": 0}


@pytest.fixture(scope="module")
def trained():
    return fit(ns.generators.layered([64, 60, 60], density=0.15, rng=0), "digits", epochs=8, **QUICK).model


@pytest.fixture(scope="module")
def other():
    return fit(ns.generators.layered([64, 50], density=0.3, rng=1), "digits", epochs=6, progress=False, rng=1).model


def images(n=None):
    data = load("digits")
    return torch.from_numpy(data.x_test[:n].copy()), torch.from_numpy(data.y_test[:n].copy())


def two_classes(n=60, n_pixels=9, seed=0, middle=False):
    """Images with labels, and a linear model that is right on most of them."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.4, 0.6, (n, n_pixels)) if middle else rng.random((n, n_pixels))
    weight, bias = rng.normal(size=(2, n_pixels)), np.zeros(2)
    bias[1] = np.median(x @ (weight[0] - weight[1]))
    y = np.argmax(x @ weight.T + bias + rng.normal(scale=0.05, size=(n, 2)), axis=1)
    model = nn.Linear(n_pixels, 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(weight))
        model.bias.copy_(torch.from_numpy(bias))
    data = Dataset.from_arrays(x, y, x, y, name="two classes", shape=(3, 3), n_classes=2)
    return model, data, weight, bias


# what counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [None, 100])
def test_the_table_is_that_of_a_probe_and_begins_with_the_clean_model(trained, n_samples):
    table = adversarial(trained, "digits", eps=[0.05, 0.3], steps=5, trials=2, n_samples=n_samples, **QUICK)
    assert sorted(table.columns) == sorted(COLUMNS)
    assert table[["trial", "eps"]].to_numpy().tolist() == [[t, e] for t in (0, 1) for e in (0.0, 0.05, 0.3)]
    loss, accuracy = evaluate(trained, *images(n_samples))
    clean = table[table["eps"] == 0.0]
    assert set(clean["accuracy"]) == {accuracy} == set(table["clean_accuracy"])
    assert set(clean["loss"]) == {loss}
    assert set(table["n_samples"]) == {n_samples or 359}
    np.testing.assert_array_equal(table["generalization_gap"], table["clean_accuracy"] - table["accuracy"])
    np.testing.assert_allclose(table["step_size"], 2.5 * table["eps"] / 5, rtol=1e-15)
    assert (table["strength"] == table["eps"]).all()
    assert table["options"].unique().tolist() == ["norm=linf, attack=pgd, engine=netsparse, steps=5, restarts=1"]
    assert table["seed"].nunique() == 2
    means = mean_over_trials(table)
    assert means[means["quantity"] == "accuracy"]["strength"].tolist() == [0.0, 0.05, 0.3]
    assert 0.0 < area_under_accuracy(table) < 0.3


def test_counts_images_that_no_attempt_breaks_one_by_one(trained):
    model = copy.deepcopy(trained).double()
    x, y = images(80)
    attacked = Attacked(model, x.numpy(), y.numpy(), (8, 8), 32)
    rng = np.random.default_rng(0)
    made = [(x.double() + torch.from_numpy(rng.uniform(-0.3, 0.3, x.shape))).clamp(0, 1) for _ in range(3)]
    expected = still_right(model, x, y, made)
    assert 0 < expected[0].sum() < attacked.clean.right.sum() < 80
    standing, right, seen, at = attacked.clean, attacked.clean.right, [], 0

    def attempt(model, batch, labels, rng):
        index = [int(np.flatnonzero((x.double() == image).all(1))[0]) for image in batch]
        seen.append(index)
        return made[at][index]

    for at in range(3):  # noqa: B007
        standing = attacked.standing_after(attempt, standing, eps=0.3, norm="linf", restarts=1, rng=0)
        assert (
            sorted(k for index in seen for k in index) == np.flatnonzero(right).tolist()
        )  # those still right, each once
        assert max(map(len, seen)) <= 32
        seen.clear()
        right = standing.right
    np.testing.assert_array_equal(standing.right, expected[0])
    np.testing.assert_allclose(standing.losses, expected[1], rtol=1e-10)


def test_restarts_of_one_call_are_those_of_several(trained):
    x, y = images(100)
    attacked = Attacked(trained, x.numpy(), y.numpy(), (8, 8), 40)
    tried = []

    def attempt(model, batch, labels, rng):
        tried.append(len(batch))
        return (batch + torch.from_numpy(rng.uniform(-0.4, 0.4, batch.shape)).float()).clamp(0, 1)

    rights = []
    for restarts in (1, 2, 5):
        tried.clear()
        standing = attacked.standing_after(attempt, attacked.clean, eps=0.4, norm="linf", restarts=restarts, rng=3)
        rights.append(standing.right)
    assert tried[0] == 40
    assert sum(tried) < 5 * attacked.clean.right.sum()  # broken ones are left
    assert (rights[1] <= rights[0]).all()
    assert (rights[2] <= rights[1]).all()
    assert rights[2].sum() < rights[0].sum()


def test_nothing_left_to_attack_is_no_error(trained):
    table = adversarial(trained, "digits", eps=[0.5, 0.6], steps=10, restarts=3, nested=True, n_samples=20, **QUICK)
    assert table["accuracy"].tolist()[1:] == [0.0, 0.0]


def test_each_radius_is_on_its_own_or_all_are_nested(trained):
    grid = [0.02, 0.05, 0.08, 0.1]
    options = {"steps": 3, "step_size": 0.08, "n_samples": 150, **QUICK}  # long steps: smaller balls are not easier
    own = adversarial(trained, "digits", eps=grid, **options)
    alone = adversarial(trained, "digits", eps=0.08, **options)
    pd.testing.assert_frame_equal(
        own[own["eps"] == 0.08].reset_index(drop=True), alone.iloc[[1]].reset_index(drop=True)
    )
    nested = adversarial(trained, "digits", eps=grid, nested=True, **options)
    assert nested["accuracy"].is_monotonic_decreasing
    assert nested.iloc[1][["accuracy", "loss"]].tolist() == own.iloc[1][["accuracy", "loss"]].tolist()
    assert nested["loss"].iloc[-1] < 0.8 * own["loss"].iloc[-1]  # broken images are left at the radius that broke them
    assert nested["options"].iloc[0].endswith("step_size=0.08, nested=True")
    assert nested["accuracy"].iloc[-1] < nested["accuracy"].iloc[1] < 1.0


# closed forms and the other engine ------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["netsparse", "foolbox"])
@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("seed", range(3))
def test_a_linear_model_of_two_classes_falls_exactly_where_it_must(norm, attack, engine, seed):
    model, data, weight, bias = two_classes(seed=seed, middle=norm == "l2")  # in the middle no pixel is clipped
    grid = [0.02, 0.05, 0.1, 0.2] if norm == "linf" else [0.02, 0.04, 0.07, 0.1]
    # along the sphere short steps only come near the worst point
    length = {"step_size": 0.5} if (norm, attack) == ("l2", "pgd") else {}
    table = adversarial(model, data, attack=attack, eps=grid, norm=norm, engine=engine, **length, **QUICK)
    x, y = data.x_test.astype(np.float64), data.y_test
    margins = [worst_margin(weight, bias, x, y, eps, norm) for eps in (0.0, *grid)]
    assert min(np.abs(margin).min() for margin in margins) > 1e-5  # none on the edge
    assert table["accuracy"].tolist() == [(margin > 0).mean() for margin in margins]
    assert 0.0 < table["accuracy"].iloc[-1] < table["accuracy"].iloc[1] < 1.0


@pytest.mark.parametrize(("norm", "grid"), [("linf", [0.03, 0.06, 0.1]), ("l2", [0.2, 0.4, 0.8])])
def test_pgd_and_foolbox_agree_within_sampling_error(trained, norm, grid):
    options = {"eps": grid, "norm": norm, "steps": 20, "restarts": 2, **QUICK}
    ours = adversarial(trained, "digits", **options)
    theirs = adversarial(trained, "digits", engine="foolbox", **options)
    n = ours["n_samples"].iloc[0]
    p = (ours["accuracy"] + theirs["accuracy"]) / 2
    error = 1.96 * np.sqrt(p * (1 - p) / n)  # of one of them: they attack the same images
    assert ((ours["accuracy"] - theirs["accuracy"]).abs() <= error).all()
    assert (ours["accuracy"].iloc[1:] < 0.95).all()
    assert (ours["accuracy"].iloc[1:3] > 0.05).all()
    np.testing.assert_array_equal(ours["step_size"], theirs["step_size"])
    one = {"eps": grid, "norm": norm, "attack": "fgsm", **QUICK}
    a, b = adversarial(trained, "digits", **one), adversarial(trained, "digits", engine="foolbox", **one)
    assert a["accuracy"].tolist() == b["accuracy"].tolist()
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-5)
    assert (a["step_size"] == a["eps"]).all()


def test_an_undefended_model_falls_to_zero_and_no_black_box_beats_pgd(trained, other):
    grid = [0.05, 0.1, 0.5]
    pgd = adversarial(trained, "digits", eps=grid, **QUICK)["accuracy"].to_numpy()
    assert pgd[0] > 0.9
    assert pgd[-1] == 0.0
    weaker = {
        "fgsm": {},
        "square": {"steps": 200},
        "transfer": {"source": other},
        "uniform": {"restarts": 5},
        "gaussian": {"restarts": 5},
    }
    for attack, options in weaker.items():
        found = adversarial(trained, "digits", attack=attack, eps=grid, **options, **QUICK)["accuracy"].to_numpy()
        assert found[0] == pgd[0]
        assert (found >= pgd).all(), attack
        assert found[1] > pgd[1], attack
        if attack in ("square", "transfer"):
            assert found[2] < found[0] - 0.1  # and they do something
    assert {*weaker, "pgd", "margin", "auto"} == set(ATTACKS)


def test_transfer_from_the_model_itself_is_pgd(trained):
    options = {"eps": [0.05, 0.1], "steps": 10, "restarts": 2, **QUICK}
    pgd = adversarial(trained, "digits", **options)
    made = adversarial(trained, "digits", attack="transfer", source=trained, **options)
    assert made["accuracy"].tolist() == pgd["accuracy"].tolist()
    assert made["loss"].tolist() == pgd["loss"].tolist()


# the same, whatever ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ["pgd", "square", "uniform"])
def test_same_seed_same_table_on_any_number_of_threads(trained, attack):
    before, tables = torch.get_num_threads(), []
    steps = {} if attack == "uniform" else {"steps": 8}
    options = {"attack": attack, "eps": [0.1], "restarts": 2, "batch_size": 64, "n_samples": 200, **steps, **QUICK}
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            tables.append(adversarial(trained, "digits", **options))
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], check_exact=True)
    moved = adversarial(trained, "digits", **{**options, "rng": 1})
    assert moved["loss"].iloc[1] != tables[0]["loss"].iloc[1]


@pytest.mark.parametrize("engine", ["netsparse", "foolbox"])
def test_leaves_model_and_generators_alone(trained, engine):
    model = copy.deepcopy(trained).train()
    model.zero_grad()
    model.layers[0].weight.requires_grad_(False)
    state, drawn = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    with torch.no_grad():
        first = adversarial(model, "digits", eps=0.1, steps=3, engine=engine, n_samples=50, **QUICK)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert model.training
    assert all(module.training for module in model.modules())
    assert [p.requires_grad for p in model.parameters()][:2] == [False, True]
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    again = adversarial(model, "digits", eps=0.1, steps=3, engine=engine, n_samples=50, **QUICK)
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_any_torch_model_of_rows(trained):
    x, y = images()
    torch.manual_seed(0)
    pictures = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    with pytest.raises(errors.InvalidOption, match=r"Unflatten\(1, \(1, 8, 8\)\)"):
        adversarial(pictures, "digits", eps=0.1, **QUICK)
    model = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), pictures)
    table = adversarial(model, "digits", eps=0.1, steps=5, **QUICK)
    assert (table["loss"].iloc[0], table["accuracy"].iloc[0]) == evaluate(model, x, y)
    assert table["loss"].iloc[1] > table["loss"].iloc[0]


def test_a_model_in_double_precision_does_as_in_single(trained):
    options = {"attack": "fgsm", "eps": [0.05, 0.1], **QUICK}
    single = adversarial(trained, "digits", **options)
    double = adversarial(copy.deepcopy(trained).double(), "digits", **options)
    np.testing.assert_allclose(double["loss"], single["loss"], rtol=1e-4)


def test_progress_is_drawn_to_its_end(trained, capsys):
    adversarial(trained, "digits", eps=[0.1, 0.5], steps=3, restarts=3, n_samples=40, rng=0)
    drawn = capsys.readouterr()
    assert drawn.out == ""
    assert "100%" in drawn.err.split("\r")[-1]


def test_batches_fit_into_memory(trained):
    x, _ = images(10)
    assert batch_that_fits(trained, x) == 512
    wide = nn.Sequential(nn.Linear(64, 2**15), nn.ReLU(), nn.Linear(2**15, 10))
    kept = 4 * (2 * 2**15 + 10)
    assert batch_that_fits(wide, x) == 2**27 // kept
    assert batch_that_fits(Huge(), x) == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_models_of_half_precision_are_attacked_within_their_rounding(norm, dtype):
    half = nn.Sequential(nn.Linear(64, 10), nn.ReLU(), nn.Linear(10, 10)).to(dtype)
    table = adversarial(half, "digits", eps=[0.1, 0.5], norm=norm, n_samples=40, **QUICK)
    assert len(table) == 3
    assert (table["accuracy"] <= table["clean_accuracy"]).all()


def test_modules_that_learn_and_modules_that_do_not_stay_what_they_are():
    model = nn.Sequential(nn.BatchNorm1d(64), nn.Linear(64, 10), nn.Dropout()).train()
    model[0].eval()
    x, y = images(20)
    for measure in (
        lambda: evaluate(model, x, y),
        lambda: adversarial(model, "digits", eps=0.1, n_samples=20, **QUICK),
        lambda: certified_accuracy(model, "digits", eps=0.1, n_samples=20),
    ):
        measure()
        assert [module.training for module in model] == [False, True, True]
        assert model.training
        assert all(parameter.requires_grad for parameter in model.parameters())


# bad input ------------------------------------------------------------------------------------------------------------

BAD = [
    ({"eps": -0.1}, errors.InvalidOption, "-0.1"),
    ({"eps": 1.5}, errors.InvalidOption, "from 0 to 1, because pixels are"),
    ({"eps": 9.0, "norm": "l2"}, errors.InvalidOption, "0 to 8, the diagonal"),
    ({"eps": []}, errors.InvalidOption, "no radius"),
    ({"eps": [0.2, 0.1]}, errors.InvalidOption, r"try eps=\[0.1, 0.2\]"),
    ({"eps": [0.1, 0.1]}, errors.InvalidOption, "increasing"),
    ({"eps": "8/255"}, errors.InvalidOption, "'8/255'"),
    ({"eps": float("nan")}, errors.InvalidOption, "nan"),
    ({"eps": True}, errors.InvalidOption, "True"),
    ({"eps": None}, errors.InvalidOption, "None"),
    ({"eps": torch.tensor(0.1)}, errors.InvalidOption, "tensor"),
    ({"attack": "pdg"}, errors.UnknownName, "try attack='pgd'"),
    ({"engine": "fool"}, errors.UnknownName, "try engine='foolbox'"),
    ({"norm": "l1"}, errors.UnknownName, "one of l2, linf"),
    ({"attack": "square", "norm": "l2"}, errors.InvalidOption, "'linf'"),
    ({"attack": "square", "engine": "foolbox"}, errors.InvalidOption, "engine='netsparse'"),
    ({"steps": 0}, errors.InvalidOption, "at least 1"),
    ({"steps": 2.5}, errors.InvalidOption, "2.5"),
    ({"steps": 5, "attack": "fgsm"}, errors.InvalidOption, "what 'fgsm' takes"),
    ({"steps": 5, "attack": "uniform"}, errors.InvalidOption, "counts none"),
    ({"step_size": 0.0}, errors.InvalidOption, "above 0"),
    ({"step_size": "long"}, errors.InvalidOption, "'long'"),
    ({"step_size": 0.1, "attack": "square"}, errors.InvalidOption, "None for 'square'"),
    ({"restarts": 0}, errors.InvalidOption, "at least 1"),
    ({"restarts": 2, "attack": "fgsm"}, errors.InvalidOption, "the same every time"),
    ({"trials": 0}, errors.InvalidOption, "trials"),
    ({"batch_size": 0}, errors.InvalidOption, "batch_size"),
    ({"n_samples": 0}, errors.InvalidOption, "n_samples"),
    ({"n_samples": 10**6}, errors.InvalidOption, "359 samples of the test set"),
    ({"nested": 1}, errors.InvalidOption, "True or False"),
    ({"progress": "no"}, errors.InvalidOption, "True or False"),
    ({"attack": "transfer"}, errors.InvalidOption, "source"),
    ({"source": nn.Linear(64, 10)}, errors.InvalidOption, "attack='transfer'"),
    ({"rng": None}, errors.InvalidSeed, "None"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(trained, options, error, message):
    with pytest.raises(error, match=message) as caught:
        adversarial(trained, "digits", **{"eps": 0.1, **QUICK, **options})
    assert "\n" not in str(caught.value)


def test_models_that_cannot_be_attacked(trained):
    softmax = nn.Sequential(trained, nn.Softmax(1))
    broken = copy.deepcopy(trained)
    with torch.no_grad():
        broken.head.weight[0, 0] = float("nan")
    bad = {
        "logits": softmax,
        "Module": trained.network,
        "randomness": nn.Sequential(trained, Logits()),
        "finite": broken,
        "features": ns.nn.SparseMLP(ns.generators.layered([32, 10], density=0.5, rng=0), n_classes=10, rng=0),
        "classes": ns.nn.SparseMLP(ns.generators.layered([64, 5], density=0.5, rng=0), n_classes=5, rng=0),
        "labels": nn.Linear(64, 5),
    }
    for message, model in bad.items():
        with pytest.raises(errors.NetsparseError, match=message):
            adversarial(model, "digits", eps=0.1, **QUICK)
    with pytest.raises(errors.InvalidSize, match="features"):
        adversarial(trained, "digits", attack="transfer", source=bad["features"], eps=0.1, **QUICK)


class Huge(nn.Module):
    """An output of 256 MiB for an image, without the memory."""

    def forward(self, x):
        return x[:, :1].expand(-1, 2**26)


class Logits(nn.Module):
    """Another answer each time."""

    def forward(self, x):
        return x + torch.randn_like(x)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda model, x, y, rng: x + 0.2, "up to 0.2 away"),
        (lambda model, x, y, rng: x - 0.1, "pixels from -0.1"),
        (lambda model, x, y, rng: x * float("nan"), "nan"),
        (lambda model, x, y, rng: x[:1], "shape"),
        (lambda model, x, y, rng: None, "NoneType"),
    ],
)
def test_an_attack_that_cheats_is_found_out(trained, attempt, message):
    x, y = images(30)
    attacked = Attacked(trained, x.numpy() * 0.5, y.numpy(), (8, 8), None)
    with pytest.raises(errors.InvalidOption, match=message):
        attacked.standing_after(attempt, attacked.clean, eps=0.1, norm="linf", restarts=1, rng=0)
