"""Saliency: the gradient by finite differences and by autograd on dense matrices, the model left as it is."""

import copy
import sys

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.datasets import load
from netsparse.percolation.removal import Removal
from netsparse.robustness.saliency import saliency
from netsparse.robustness.saliency_order import SALIENCY_ORDERS, BySaliency
from netsparse.train import fit
from netsparse.train.threads import in_threads


@pytest.fixture(scope="module")
def trained():
    net = ns.generators.layered([64, 40, 30], density=0.1, rng=0)
    return fit(net, "digits", epochs=3, progress=False, rng=0).model


def samples(split="train", n=None):
    data = load("digits")
    x, y = (data.x_train, data.y_train) if split == "train" else (data.x_test, data.y_test)
    return torch.from_numpy(x[:n].copy()), torch.from_numpy(y[:n].copy())


@pytest.mark.parametrize(("split", "n"), [("train", None), ("test", 100), ("train", 7)])
def test_is_the_gradient_of_dense_masked_layers(trained, split, n):
    x, y = samples(split, n)
    model = trained.double()
    x = (x.double() - model.normalize.mean) / model.normalize.std
    matrices = [layer.sparse_weight().to_dense().requires_grad_() for layer in model.sparse_layers()]
    head = model.head.weight.detach().clone().requires_grad_()
    for layer, matrix in zip(model.sparse_layers(), matrices, strict=True):
        x = torch.relu(x @ matrix.t() + layer.bias.detach())
    torch.nn.functional.cross_entropy(x @ head.t() + model.head.bias.detach(), y).backward()
    found = saliency(trained.float(), "digits", split=split, n_samples=n, include_head=True)
    assert len(found) == 3
    for scores, layer, matrix in zip(found, trained.sparse_layers(), matrices, strict=False):
        products = (matrix * matrix.grad).abs().detach().numpy()
        np.testing.assert_allclose(scores, products[layer.graph.targets, layer.graph.sources], rtol=1e-3, atol=1e-8)
    np.testing.assert_allclose(found[-1], (head * head.grad).abs().detach().numpy().ravel(), rtol=1e-3, atol=1e-8)


def test_leaves_the_model_and_gives_the_same_bits_on_any_number_of_threads(trained):
    before, threads = copy.deepcopy(trained.state_dict()), torch.get_num_threads()
    trained.zero_grad()  # of its training
    trained.layers[1].weight.requires_grad_(False)  # a frozen layer has a saliency, too
    trained.train()
    found = []
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            found.append(saliency(trained, "digits"))
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(threads)
        trained.layers[1].weight.requires_grad_(True)
    assert all(np.array_equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))
    assert [scores.dtype for scores in found[0]] == [np.float64] * 2
    assert all((scores > 0).any() for scores in found[0])
    assert trained.training
    assert all(parameter.grad is None for parameter in trained.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in trained.state_dict().items())


def test_gradients_are_not_kept_for_all_batches_at_once(trained, monkeypatch):
    batches, at_once = torch.get_num_threads(), []

    def watched(function, items, n_threads):
        at_once.append(len(list(items)))
        return in_threads(function, items, n_threads)

    module = sys.modules["netsparse.robustness.saliency"]  # the room exports the function by the same name
    monkeypatch.setattr(module, "in_threads", watched)
    monkeypatch.setattr(module, "BATCH_SIZE", 10)
    saliency(trained, "digits")
    assert sum(at_once) == 144
    assert max(at_once) == batches


def test_of_a_model_in_double_precision(trained):
    single = saliency(trained, "digits", n_samples=100)
    double = saliency(copy.deepcopy(trained).double(), "digits", n_samples=100)
    for a, b in zip(single, double, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-8)


def test_without_gradients_switched_on(trained):
    with torch.no_grad():
        assert saliency(trained, "digits", n_samples=50)[0].max() > 0


@pytest.mark.parametrize("descending", [True, False])
def test_order_goes_by_it(trained, descending):
    order = BySaliency(descending).measured(trained, "digits")
    removal = order.removal(trained.network, scope="network", rng=0)
    assert isinstance(removal, Removal)
    scores = np.concatenate(saliency(trained, "digits"))[removal.items]
    assert (np.diff(scores) <= 0).all() if descending else (np.diff(scores) >= 0).all()


def test_orders_by_name():
    assert [repr(order) for order in SALIENCY_ORDERS.values()] == list(SALIENCY_ORDERS)
    assert [order.descending for order in SALIENCY_ORDERS.values()] == [True, False]
    assert "lowest" in SALIENCY_ORDERS["saliency_ascending"].definition


def test_an_order_without_scores_says_what_to_do(trained):
    with pytest.raises(errors.InvalidOption, match="measured"):
        BySaliency().removal(trained.network, rng=0)


BAD = [
    ({"split": "validation"}, errors.InvalidOption, "'train' or 'test'"),
    ({"n_samples": 0}, errors.InvalidOption, "n_samples"),
    ({"n_samples": 10**6}, errors.InvalidOption, "samples of the split"),
    ({"n_samples": 1.5}, errors.InvalidOption, "1.5"),
    ({"include_head": 1}, errors.InvalidOption, "True or False"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(trained, options, error, message):
    with pytest.raises(error, match=message):
        saliency(trained, "digits", **options)


def test_models_that_do_not_fit(trained):
    headless = ns.nn.SparseMLP(ns.generators.layered([64, 10], density=0.5, rng=0), head=None, rng=0)
    assert len(saliency(headless, "digits", n_samples=10)) == 1
    with pytest.raises(errors.InvalidOption, match="include_head=False"):
        saliency(headless, "digits", include_head=True)
    with pytest.raises(errors.InvalidOption, match="SparseMLP"):
        saliency(trained.network, "digits")
    with pytest.raises(errors.InvalidOption, match="descending"):
        BySaliency("high")
