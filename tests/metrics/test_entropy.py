"""Spectral entropy against dense singular values; the sampled one must be honest about its error."""

import numpy as np
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.generators import biregular, complete, erdos_renyi
from netsparse.metrics import entropy
from netsparse.metrics.entropy import spectral_entropy
from netsparse.metrics.matrices import magnitudes

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}


def dense_entropy(graph, weights=None):
    values = magnitudes(graph, weights)
    matrix = graph.biadjacency(values[0] if hasattr(graph, "n_in") else values).toarray()
    shares = np.linalg.svd(matrix, compute_uv=False) ** 2
    if not shares.sum():
        return 0.0
    shares = shares[shares > 0] / shares.sum()
    return float(-shares @ np.log(shares))


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
def test_zoo(graph):
    assert spectral_entropy(graph, rng=0) == (pytest.approx(dense_entropy(graph), abs=1e-9), 0.0)


@given(st.one_of(zoo.graphs(), zoo.networks()), st.integers(0, 2**16))
def test_weighted_graphs(graph, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.choice([0.0, -1e3, 0.5, 2.0], size=layer.n_edges) for layer in graph.layers]
    weights = weights[0] if hasattr(graph, "n_in") else weights
    assert spectral_entropy(graph, weights, rng=0).value == pytest.approx(dense_entropy(graph, weights), abs=1e-8)


@given(zoo.graphs())
def test_small_components_may_share_a_dense_solver_or_not(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entropy, "DENSE_SIDE", 4)  # one component at a time
        patch.setattr(entropy, "DENSE_ENTRIES", 3)
        patch.setattr(entropy, "LANCZOS_STEPS", 12)
        apart = spectral_entropy(graph, rng=0)
    if apart.error == 0:
        assert apart.value == pytest.approx(dense_entropy(graph), abs=1e-8)


@pytest.mark.parametrize("n", [1, 7, 5000])
def test_perfect_matching_has_full_effective_rank(n):
    assert spectral_entropy(biregular(n, n, fan_in=1, rng=0), rng=0) == (pytest.approx(np.log(n)), 0.0)


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (3, 8), (40, 2500)])
def test_complete_graph_has_effective_rank_one(n_in, n_out):
    assert spectral_entropy(complete(n_in, n_out), rng=0) == (pytest.approx(0, abs=1e-9), 0.0)


def test_equal_blocks_add_their_logarithm():
    mask = np.kron(np.eye(8), np.ones((3, 5)))
    assert spectral_entropy(BipartiteGraph.from_mask(mask), rng=0).value == pytest.approx(np.log(8))


@pytest.mark.parametrize("density", [0.01, 0.1, 0.6])
def test_the_sampled_value_is_within_its_error(density, monkeypatch):
    graph = erdos_renyi(300, 250, density=density, rng=0)
    weights = np.random.default_rng(1).normal(size=graph.n_edges)
    exact = dense_entropy(graph, weights)
    monkeypatch.setattr(entropy, "DENSE_SIDE", 50)
    found = [spectral_entropy(graph, weights, rng=seed) for seed in range(40)]
    misses = [abs(estimate.value - exact) / estimate.error for estimate in found]
    assert np.mean(np.array(misses) < 2) >= 0.9
    assert max(misses) < 5
    assert all(0 < estimate.error < 0.05 for estimate in found)
    spread = np.std([estimate.value for estimate in found])
    assert np.median([estimate.error for estimate in found]) < 3 * spread  # nor is the error blown up


def test_large_component_beside_small_ones(monkeypatch):
    graph = erdos_renyi(400, 400, n_edges=500, rng=0)
    monkeypatch.setattr(entropy, "DENSE_SIDE", 60)
    found = spectral_entropy(graph, rng=0)
    assert abs(found.value - dense_entropy(graph)) < 4 * found.error


def test_same_seed_same_bits_and_exact_values_need_none(monkeypatch):
    graph = erdos_renyi(100, 90, density=0.2, rng=0)
    assert spectral_entropy(graph, rng=0) == spectral_entropy(graph, rng=1)
    monkeypatch.setattr(entropy, "DENSE_SIDE", 10)
    assert spectral_entropy(graph, rng=0) == spectral_entropy(graph, rng=0)
    assert spectral_entropy(graph, rng=0) != spectral_entropy(graph, rng=1)


@pytest.mark.parametrize("n_probes", [0, 1, 2.5, True, "16"])
def test_impossible_number_of_probes(n_probes):
    with pytest.raises(errors.InvalidOption, match="n_probes=16"):
        spectral_entropy(zoo.GRAPHS["complete"], n_probes=n_probes, rng=0)
