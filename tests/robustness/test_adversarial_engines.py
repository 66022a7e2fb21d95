"""Attacks one by one: the square's search, noise in its ball, and engines that may be absent."""

import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset
from netsparse.generators.convolutional import vgg
from netsparse.nn.vgg import VGG
from netsparse.robustness.adversarial import adversarial
from netsparse.robustness.image_noise import gaussian_noise, uniform_noise
from netsparse.robustness.square import HALVED_AT, Square, sides

QUICK = {"progress": False, "rng": 0}


def linear(weight):
    model = nn.Linear(np.shape(weight)[1], np.shape(weight)[0], bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(weight))
    return model


def margins(model, x, y):
    logits = model(x).detach().double()
    own = logits[torch.arange(len(x)), y]
    logits[torch.arange(len(x)), y] = -np.inf
    return (own - logits.max(1).values).numpy()


# square ---------------------------------------------------------------------------------------------------------------


def test_the_first_query_is_stripes():
    model, x = linear(np.ones((2, 12))), torch.full((200, 12), 0.5)
    changed = Square(0.25, queries=1, shape=(3, 4))(model, x, torch.zeros(200, dtype=int), np.random.default_rng(0))
    pictures = changed.view(200, 3, 4)
    assert (pictures == pictures[:, :1]).all()  # a column is of one sign
    assert sorted(pictures.unique().tolist()) == [0.25, 0.75]
    assert len(pictures[:, 0].unique(dim=0)) == 16


def test_further_queries_are_squares_that_help():
    """Each accepted change is a square of one value per channel, and the margin falls with every one."""
    rng = np.random.default_rng(1)
    model = linear(rng.normal(size=(3, 2 * 6 * 6)) + 3 * np.array([[1.0], [0.0], [0.0]]))  # nobody gets it wrong
    x, y = torch.full((1, 72), 0.5), torch.tensor([0])
    asked, logged = [], nn.Module()
    logged.forward = lambda rows: (asked.append(rows.clone()), model(rows))[1]
    result = Square(0.125, queries=40, shape=(2, 6, 6))(logged, x, y, np.random.default_rng(0))
    assert len(asked) == 40
    best, lowest = asked[0], margins(model, asked[0], y)[0]
    accepted = 0
    for query, tried in enumerate(asked[1:], start=1):
        moved = (tried - best).view(2, 6, 6) != 0
        side = max(1, round((0.8 * 36 / 2 ** sum(query > 40 * share for share in HALVED_AT)) ** 0.5))
        for channel in range(2):
            where = moved[channel].nonzero()
            if len(where):
                assert (where.max(0).values - where.min(0).values < side).all()
                assert len(tried.view(2, 6, 6)[channel][moved[channel]].unique()) == 1
        found = margins(model, tried, y)[0]
        if found < lowest:
            best, lowest, accepted = tried, found, accepted + 1
    assert torch.equal(result, best)
    assert accepted >= 3
    assert set((result - 0.5).abs().unique().tolist()) == {0.125}


def test_squares_reach_the_corner_that_a_linear_model_is_worst_at():
    weight = torch.zeros(2, 9)
    weight[0] = torch.tensor([1.0, -1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0])
    model, x, y = linear(weight), torch.full((4, 9), 0.5), torch.zeros(4, dtype=int)
    model.weight.data[0] += 100.0  # right everywhere, so that the search goes on to its end
    attack = Square(0.1, queries=1000, shape=(3, 3))
    changed = attack(model, x, y, np.random.default_rng(0))
    np.testing.assert_allclose(changed.numpy(), 0.4, rtol=1e-6)


def test_broken_images_are_asked_about_no_more():
    counts = []
    model = linear([[1.0] * 4, [0.0] * 4])
    logged = nn.Module()
    logged.forward = lambda rows: (counts.append(len(rows)), model(rows) - torch.tensor([1.9, 0.0]))[1]
    x = torch.cat([torch.full((5, 4), 0.5), torch.full((3, 4), 1.0)])
    y = torch.zeros(8, dtype=int)
    changed = Square(0.25, queries=60, shape=(2, 2))(logged, x, y, np.random.default_rng(0))
    assert counts[0] == 8
    assert counts[-1] == 3  # the last three cannot be broken
    assert counts == sorted(counts, reverse=True)
    assert (margins(model, changed, y)[:5] < 1.9).all()


@settings(max_examples=25, deadline=None)
@given(
    shape=st.sampled_from([(1, 1), (1, 5), (7,), (4, 6), (3, 2, 5), (3, 3, 3)]),
    eps=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    queries=st.integers(1, 12),
    seed=st.integers(0, 2**16),
)
def test_stays_in_the_ball_and_never_makes_it_harder(shape, eps, queries, seed):
    rng, n = np.random.default_rng(seed), int(np.prod(shape))
    x, y = torch.from_numpy(rng.random((5, n))).float(), torch.from_numpy(rng.integers(3, size=5))
    model = linear(rng.normal(size=(3, n)))
    results = [Square(eps, queries=k, shape=shape)(model, x, y, np.random.default_rng(seed)) for k in (1, queries)]
    for changed in results:
        assert changed.shape == x.shape
        assert (changed - x).abs().max() <= eps + 1e-6
        assert changed.min() >= 0
        assert changed.max() <= 1
    first, last = (margins(model, changed, y) for changed in results)
    assert (last <= first + 1e-6).all()
    assert int(np.prod(sides(shape, n))) == n


# noise ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [uniform_noise, gaussian_noise])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_noise_is_in_its_ball_and_of_its_width(noise, norm):
    x = torch.full((4000, 16), 0.5)
    away = (noise(x, 0.2, norm, np.random.default_rng(0)) - x).double()
    if norm == "linf":
        expected = 0.2 / 3**0.5 if noise is uniform_noise else 0.1 * 0.8796**0.5  # normal, cut off at two deviations
        assert away.abs().max() <= 0.2 + 1e-6
        if noise is gaussian_noise:
            clipped = torch.randn(10**6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            expected = 0.1 * clipped.clamp(-2, 2).std().item()
        assert away.std().item() == pytest.approx(expected, rel=0.01)
    else:
        lengths = away.norm(dim=1) / 0.2
        assert lengths.max() <= 1 + 1e-5
        mean = 16 / 17 if noise is uniform_noise else 1.0  # of U^(1/16)
        assert lengths.mean().item() == pytest.approx(mean, rel=0.01)
    assert away.mean().abs() < 0.002


def test_noise_stays_in_the_cube():
    x = torch.tensor([[0.0, 1.0, 0.5]]).repeat(200, 1)
    for noise in (uniform_noise, gaussian_noise):
        for norm in ("linf", "l2"):
            changed = noise(x, 0.9, norm, np.random.default_rng(0))
            assert changed.min() == 0.0
            assert changed.max() == 1.0


# engines of others ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return ns.nn.SparseMLP(ns.generators.layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)


@pytest.mark.parametrize(
    ("package", "options", "message"),
    [
        ("foolbox", {"engine": "foolbox"}, r"foolbox, which is not installed; try pip install 'netsparse\[attacks\]'"),
        ("autoattack", {"attack": "auto"}, "autoattack is not installed; try pip install git"),
    ],
)
def test_what_is_not_installed_is_one_line(model, monkeypatch, package, options, message):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(errors.InvalidOption, match=message) as caught:
        adversarial(model, "digits", eps=0.1, **options, **QUICK)
    assert "\n" not in str(caught.value)
    adversarial(model, "digits", eps=0.1, steps=1, n_samples=10, **QUICK)  # the others need none of them


class FakeAutoAttack:
    """The public interface of the package, and what it is asked for."""

    made = None

    def __init__(self, model, norm="Linf", eps=0.3, seed=None, verbose=True, version="standard", device="cuda"):
        self.model, self.eps, self.asked = model, eps, (norm, eps, seed, verbose, version, device)
        self.apgd_targeted, self.fab = types.SimpleNamespace(), types.SimpleNamespace()
        type(self).made = self

    def run_standard_evaluation(self, x_orig, y_orig, bs=250):
        self.pictures, self.bs = x_orig, bs
        assert self.model(x_orig).shape == (len(x_orig), 10)
        return (x_orig + self.eps * torch.sign(torch.rand_like(x_orig) - 0.5)).clamp(0, 1)


@pytest.mark.parametrize(("norm", "name"), [("linf", "Linf"), ("l2", "L2")])
def test_auto_attack_is_asked_as_its_authors_say(model, monkeypatch, norm, name):
    eps = 0.25
    if norm == "l2":
        monkeypatch.setattr(FakeAutoAttack, "run_standard_evaluation", lambda self, x, y, bs: x)
    monkeypatch.setitem(sys.modules, "autoattack", types.SimpleNamespace(AutoAttack=FakeAutoAttack))
    drawn = torch.get_rng_state()
    options = {"attack": "auto", "eps": eps, "norm": norm, "n_samples": 60, **QUICK}
    table = adversarial(model, "digits", **options)
    fake = FakeAutoAttack.made
    assert fake.asked[:2] == (name, eps)
    assert fake.asked[3:] == (False, "standard", "cpu")
    assert isinstance(fake.asked[2], int)
    assert fake.apgd_targeted.n_target_classes == fake.fab.n_target_classes == 9
    if norm == "linf":
        assert fake.pictures.shape[1:] == (1, 8, 8)
        assert fake.bs == len(fake.pictures) == round(60 * table["clean_accuracy"].iloc[0])
    assert torch.equal(torch.get_rng_state(), drawn)
    assert table["engine"].unique().tolist() == ["autoattack"]
    assert table["steps"].isna().all()
    assert table["step_size"].isna().all()
    assert adversarial(model, "digits", **options)["loss"].tolist() == table["loss"].tolist()


def test_auto_attack_needs_four_classes(monkeypatch):
    monkeypatch.setitem(sys.modules, "autoattack", types.SimpleNamespace(AutoAttack=FakeAutoAttack))
    x, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 3
    with pytest.raises(errors.InvalidOption, match="4 classes or more"):
        adversarial(nn.Linear(4, 3), Dataset.from_arrays(x, y, x, y), attack="auto", eps=0.1, **QUICK)


def test_convolutions_are_attacked_like_any_model():
    network = vgg(11, density=0.3, width=1 / 16, shape=(3, 16, 16), n_classes=4, rng=0)
    rng = np.random.default_rng(0)
    x, y = rng.random((24, 3, 16, 16)), np.arange(24) % 4
    data = Dataset.from_arrays(x, y, x, y)
    model = VGG(network, shape=(3, 16, 16), rng=0)
    kept = {name: value.clone() for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}
    for attack, steps in (("pgd", 3), ("square", 5), ("fgsm", None)):
        table = adversarial(model, data, attack=attack, steps=steps, eps=[0.1, 0.5], batch_size=10, **QUICK)
        assert (table["loss"].iloc[1:] > table["loss"].iloc[0]).all()
    theirs = adversarial(model, data, attack="fgsm", engine="foolbox", eps=[0.1, 0.5], **QUICK)
    np.testing.assert_allclose(theirs["loss"], table["loss"], rtol=1e-3)
    state = model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in kept.items())  # running means among them
