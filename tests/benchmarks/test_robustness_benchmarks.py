"""Functional curves of a trained 784-1000-1000-1000-10 network at 1 %, 10,000 test images, beside the plain way.

Run with `pytest tests/benchmarks/test_robustness_benchmarks.py --benchmark-only -s`; both sides are timed in one run on
the same random images and the same model, whose weights need not be trained for that.
"""

import copy
import time

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse.datasets import Dataset
from netsparse.percolation.orders import removals
from netsparse.robustness.link_removal import link_removal
from netsparse.robustness.probing import probe

SIZES = [784, 1000, 1000, 1000]
PROMISED = 60.0  # seconds on two cores


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    x, y = rng.random((10_000, 784), dtype=np.float32), rng.integers(10, size=10_000)
    return Dataset.from_arrays(x[:100], y[:100], x, y, n_classes=10)


@pytest.fixture(scope="module")
def model():
    return ns.nn.SparseMLP(ns.generators.layered(SIZES, density=0.01, rng=0), n_classes=10, rng=0)


def by_copies(model, images, fractions, trials):
    """The plain way: for every fraction a copy of the model with zeroed weights, on all of torch's threads."""
    x, y = torch.from_numpy(images.x_test.copy()), torch.from_numpy(images.y_test.copy())
    starts = np.cumsum([0, *(layer.n_edges for layer in model.network.layers)])
    found = []
    for removal in removals(model.network, trials=trials, rng=0):
        for fraction in fractions:
            gone = np.sort(removal.edges[: int(fraction * len(removal.edges) + 0.5)])
            other = copy.deepcopy(model)
            for k, layer in enumerate(other.sparse_layers()):
                layer.weight.data[gone[(gone >= starts[k]) & (gone < starts[k + 1])] - starts[k]] = 0.0
            other.eval()
            with torch.no_grad():
                logits = other(x)
                loss = torch.nn.functional.cross_entropy(logits, y)
                found.append((loss.item(), (logits.argmax(1) == y).double().mean().item()))
    return found


def test_link_removal_keeps_its_promise(benchmark, model, images):
    options = {"fractions": 20, "trials": 10, "workers": 2, "rng": 0}
    table = benchmark.pedantic(lambda: link_removal(model, images, **options), rounds=1, warmup_rounds=0)
    assert len(table) == 210
    assert benchmark.stats["min"] < PROMISED


def test_link_removal_beside_copies_of_the_model(benchmark, model, images):
    fractions, trials = [0.0, 0.25, 0.5, 0.75], 2
    options = {"fractions": fractions, "trials": trials, "workers": 2, "rng": 0}
    copies = []
    for _ in range(3):
        start = time.perf_counter()
        plain = by_copies(model, images, fractions, trials)
        copies.append(time.perf_counter() - start)
    table = benchmark.pedantic(lambda: link_removal(model, images, **options), rounds=3, warmup_rounds=1)
    np.testing.assert_allclose(table["loss"], [loss for loss, _ in plain], rtol=1e-4)
    np.testing.assert_allclose(table["accuracy"], [accuracy for _, accuracy in plain], atol=3e-4)
    ratio = min(copies) / benchmark.stats["min"]
    benchmark.extra_info.update(by_copies=min(copies), ratio=ratio)
    print(f"\n{len(table)} cells: copies {min(copies):.2f} s, engine {benchmark.stats['min']:.2f} s, ratio {ratio:.1f}")
    assert ratio > 1


@pytest.mark.parametrize("name", ["weight_shuffle", "random_topology", "unit_removal"])
def test_one_trial_of_other_probes(benchmark, model, images, name):
    benchmark.pedantic(lambda: probe(model, images, name, trials=1, workers=2, rng=0), rounds=2, warmup_rounds=1)
