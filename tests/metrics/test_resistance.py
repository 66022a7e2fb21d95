"""Mean effective resistance against closed forms and the pseudo-inverse; sampled values must be within their error."""

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.generators import biregular, complete, erdos_renyi
from netsparse.metrics import resistance
from netsparse.metrics.resistance import effective_resistance

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}


def pairwise_mean(graph, weights=None):
    """Mean over all pairs, pair by pair, of each largest component."""
    adjacency = oracles.adjacency_of(graph, weights)
    parts = [sorted(part) for part in nx.connected_components(nx.from_numpy_array(adjacency))]
    size = max(len(part) for part in parts)
    if size == 1:
        return 0.0
    means = []
    for part in (part for part in parts if len(part) == size):
        inside = adjacency[np.ix_(part, part)]
        inverse = np.linalg.pinv(np.diag(inside.sum(axis=1)) - inside, rcond=1e-13)
        pairs = [inverse[u, u] + inverse[v, v] - 2 * inverse[u, v] for u in range(size) for v in range(u)]
        means.append(np.mean(pairs))
    return float(np.mean(means))


def cycle(n):
    i = np.arange(n)
    return BipartiteGraph.from_edges(np.r_[i, (i + 1) % n], np.r_[i, i], n_in=n, n_out=n)


def path(n):
    i = np.arange(n)
    return BipartiteGraph.from_edges(np.r_[i, i[1:]], np.r_[i, i[:-1]], n_in=n, n_out=n)


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
def test_zoo(graph):
    assert effective_resistance(graph, rng=0) == (pytest.approx(pairwise_mean(graph), rel=1e-9, abs=1e-12), 0.0)


@given(st.one_of(zoo.graphs(max_units=6), zoo.networks(max_units=4)), st.integers(0, 2**16))
def test_weighted_graphs(graph, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.choice([0.0, -3.0, 0.5, 2.0], size=layer.n_edges) for layer in graph.layers]
    weights = weights[0] if hasattr(graph, "n_in") else weights
    found = effective_resistance(graph, weights, rng=0)
    assert found == (pytest.approx(pairwise_mean(graph, weights), rel=1e-8, abs=1e-12), 0.0)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 5), (30, 40), (900, 1000)])
def test_complete_graph(m, n):
    """L has the eigenvalues m, n - 1 times, n, m - 1 times, and m + n."""
    trace = (n - 1) / m + (m - 1) / n + 1 / (m + n)
    found = effective_resistance(complete(m, n), rng=0)
    assert found.value == pytest.approx(2 * trace / (m + n - 1), rel=1e-6)


@pytest.mark.parametrize("n", [2, 30, 700, 5000])
def test_path(n):
    """Every pair is as far apart in resistance as in steps: (2 n + 1) / 3 on average."""
    found = effective_resistance(path(n), rng=0)
    assert abs(found.value - (2 * n + 1) / 3) <= 4 * found.error + 1e-6 * n
    assert (found.error == 0) == (n <= 700)
    assert found.error < 0.1 * found.value


@pytest.mark.parametrize("n", [2, 30, 700, 5000])
def test_cycle(n):
    """k (2 n - k) / 2 n between units k steps apart: (2 n + 1) / 6 on average."""
    found = effective_resistance(cycle(n), rng=0)
    assert abs(found.value - (2 * n + 1) / 6) <= 4 * found.error + 1e-6 * n
    assert found.error < 0.1 * found.value


def test_tree_is_as_far_apart_as_its_steps():
    tree = BipartiteGraph.from_edges([0, 1, 1, 2, 2, 2], [0, 0, 1, 1, 2, 3], n_in=3, n_out=4)
    expected = nx.average_shortest_path_length(oracles.undirected(tree))
    assert effective_resistance(tree, rng=0).value == pytest.approx(expected)


def test_many_equal_components():
    graph = biregular(3000, 3000, fan_in=1, rng=0)
    assert effective_resistance(graph, np.full(3000, -4.0), rng=0) == (pytest.approx(0.25), 0.0)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_conductances_scale_the_result(scale):
    graph = erdos_renyi(60, 50, n_edges=400, rng=0)
    expected = effective_resistance(graph, rng=0).value
    assert effective_resistance(graph, np.full(400, scale), rng=0).value * scale == pytest.approx(expected)


@pytest.mark.parametrize("name", ["expander", "weighted", "nearly a tree", "band", "dense"])
def test_the_sampled_value_is_within_its_error(name, monkeypatch):
    i = np.repeat(np.arange(150), 4)
    graph = {
        "expander": biregular(200, 200, fan_in=4, rng=0),
        "weighted": erdos_renyi(150, 200, n_edges=1500, rng=0),
        "nearly a tree": erdos_renyi(400, 400, n_edges=900, rng=0),
        "band": BipartiteGraph.from_edges((i + np.tile(np.arange(4), 150)) % 150, i, n_in=150, n_out=150),
        "dense": erdos_renyi(150, 150, density=0.3, rng=0),
    }[name]
    weights = np.random.default_rng(1).normal(size=graph.n_edges) if name == "weighted" else None
    exact = effective_resistance(graph, weights, rng=0)
    monkeypatch.setattr(resistance, "DENSE_UNITS", 50)
    found = [effective_resistance(graph, weights, rng=seed) for seed in range(40)]
    misses = np.array([abs(estimate.value - exact.value) / estimate.error for estimate in found])
    assert np.mean(misses < 2) >= 0.85  # 0.94 are expected of Student's t with 15 degrees of freedom
    assert misses.max() < 5
    assert all(0 < estimate.error < 0.03 * exact.value for estimate in found)


def test_conjugate_gradients_and_factors_agree(monkeypatch):
    graph = erdos_renyi(1000, 1000, n_edges=5000, rng=0)
    iterated = effective_resistance(graph, rng=0)
    monkeypatch.setattr(resistance, "CG_STEPS", 2)
    assert effective_resistance(graph, rng=0) == pytest.approx(iterated, rel=1e-6)


def test_same_seed_same_bits(monkeypatch):
    graph = erdos_renyi(80, 80, n_edges=500, rng=0)
    assert effective_resistance(graph, rng=0) == effective_resistance(graph, rng=1)
    monkeypatch.setattr(resistance, "DENSE_UNITS", 50)
    assert effective_resistance(graph, rng=0) == effective_resistance(graph, rng=0)
    assert effective_resistance(graph, rng=0) != effective_resistance(graph, rng=1)


def path_with_a_thin_joint(n, conductance):
    graph = path(n)
    is_joint = (graph.sources == n // 2) & (graph.targets == n // 2 - 1)
    assert is_joint.sum() == 1
    return graph, np.where(is_joint, conductance, 1.0)


@pytest.mark.parametrize("n", [4, 1000])
def test_a_thin_joint_keeps_its_digits(n):
    graph, weights = path_with_a_thin_joint(n, 1e-5)
    expected = (1e5 - 1) * n / (2 * n - 1) + (2 * n + 1) / 3  # n x n of n (2 n - 1) pairs lie across the joint
    found = effective_resistance(graph, weights, rng=0)
    assert abs(found.value - expected) < 4 * found.error + 1e-7 * expected
    assert found.error < 1e-3 * expected


@pytest.mark.parametrize("conductance", [1e-11, 1e-15, 1e-16, 1e-30])
@pytest.mark.parametrize("n", [4, 1000])
def test_a_joint_lost_in_rounding_is_refused(n, conductance):
    with pytest.raises(errors.NotConverged):
        effective_resistance(*path_with_a_thin_joint(n, conductance), rng=0)


@pytest.mark.parametrize("n_probes", [0, 1, 2.5, True, "16"])
def test_impossible_number_of_probes(n_probes):
    with pytest.raises(errors.InvalidOption, match="n_probes=16"):
        effective_resistance(zoo.GRAPHS["complete"], n_probes=n_probes, rng=0)
