"""Barber's modularity against its definition and closed forms; communities against planted ones and every partition."""

import itertools
import random

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.generators import complete, erdos_renyi
from netsparse.metrics.modularity import METHODS, barber_modularity, communities, modularity

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
each_method = pytest.mark.parametrize("method", METHODS)
anything = st.one_of(zoo.graphs(), zoo.networks())


def by_definition(graph, labels, weights=None):
    """Sum over all pairs of an even and an odd unit, one by one."""
    adjacency = oracles.adjacency_of(graph, None if weights is None else module_weights(graph, weights))
    even = np.repeat(np.arange(len(graph.sizes)) % 2 == 0, graph.sizes)
    B = adjacency[np.ix_(even, ~even)]
    E = B.sum()
    if E == 0:
        return 0.0
    excess = B - np.outer(B.sum(axis=1), B.sum(axis=0)) / E
    same = np.asarray(labels)[even][:, None] == np.asarray(labels)[~even][None, :]
    return float(excess[same].sum() / E)


def module_weights(graph, weights):
    return weights[0] if isinstance(graph, BipartiteGraph) else weights


def blocks(n, n_in, n_out):
    """`n` disjoint complete blocks."""
    mask = np.kron(np.eye(n), np.ones((n_out, n_in)))
    return BipartiteGraph.from_mask(mask)


@settings(deadline=None)
@given(anything, st.integers(0, 2**32 - 1))
def test_modularity_is_its_definition(graph, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-2, 3, size=sum(graph.sizes))
    vectors = [rng.choice([0.0, -2.0, 0.5], size=layer.n_edges) for layer in graph.layers]
    assert barber_modularity(graph, labels) == pytest.approx(by_definition(graph, labels), abs=1e-12)
    weights = module_weights(graph, vectors)
    assert barber_modularity(graph, labels, weights) == pytest.approx(by_definition(graph, labels, vectors), abs=1e-12)


@every
def test_modularity_over_the_zoo(graph):
    labels = np.arange(sum(graph.sizes)) % 3
    assert barber_modularity(graph, labels) == pytest.approx(by_definition(graph, labels), abs=1e-12)
    assert barber_modularity(graph, np.zeros(sum(graph.sizes), int)) == pytest.approx(0, abs=1e-12)


@each_method
@pytest.mark.parametrize(("n", "n_in", "n_out"), [(2, 2, 2), (3, 4, 2), (10, 3, 5), (1, 4, 4)])
def test_equal_complete_blocks(method, n, n_in, n_out):
    graph = blocks(n, n_in, n_out)
    labels = communities(graph, method=method, rng=0)
    expected = np.r_[np.repeat(np.arange(n), n_in), np.repeat(np.arange(n), n_out)]
    assert labels.tolist() == expected.tolist()
    assert modularity(graph, method=method, rng=0) == pytest.approx(1 - 1 / n)


@each_method
def test_planted_communities_are_found(method):
    rng = np.random.default_rng(0)
    sources, targets = np.repeat(np.arange(4), 25), np.repeat(np.arange(4), 30)
    graph = BipartiteGraph.from_mask(rng.random((120, 100)) < np.where(targets[:, None] == sources, 0.4, 0.03))
    truth = barber_modularity(graph, np.r_[sources, targets])
    assert truth > 0.5
    assert modularity(graph, method=method, rng=1) >= truth - 0.01


@each_method
def test_communities_may_run_through_levels(method):
    """Two chains of complete layers that never meet."""
    layer = blocks(2, 3, 3)
    net = zoo.SparseNetwork([layer, layer, layer])
    labels = communities(net, method=method, rng=0)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1] * 4
    assert modularity(net, method=method, rng=0) == pytest.approx(0.5)


@settings(deadline=None, max_examples=25)
@given(zoo.graphs(max_units=3))
def test_no_search_beats_all_partitions(graph):
    n_units = sum(graph.sizes)
    best = max(by_definition(graph, labels) for labels in itertools.product(range(3), repeat=n_units))
    for method in METHODS:
        found = modularity(graph, method=method, rng=0)
        assert -1e-12 <= found <= best + 1e-12
        assert found >= best - 0.12  # so small a graph leaves a local search little room to go wrong


@pytest.mark.parametrize("seed", range(3))
def test_leiden_goes_at_least_as_high_as_a_search_for_newmans_modularity(seed):
    graph = erdos_renyi(60, 80, density=0.06, rng=seed)
    rivals = []
    for trial in range(3):
        parts = nx.community.louvain_communities(oracles.undirected(graph), seed=trial)
        labels = np.zeros(140, dtype=int)
        for k, part in enumerate(parts):
            labels[list(part)] = k
        rivals.append(barber_modularity(graph, labels))
    assert modularity(graph, method="leiden", rng=0) > np.mean(rivals)


@every
@each_method
def test_labels_are_numbered_by_size_then_by_first_unit(graph, method):
    labels = communities(graph, method=method, rng=0)
    assert labels.shape == (sum(graph.sizes),)
    order = [(-int((labels == c).sum()), int(np.flatnonzero(labels == c)[0])) for c in range(labels.max() + 1)]
    assert order == sorted(order)
    sources, targets = graph.unit_edges()
    alone = np.setdiff1d(np.arange(sum(graph.sizes)), np.r_[sources, targets])
    assert all((labels == labels[unit]).sum() == 1 for unit in alone)
    assert modularity(graph, method=method, rng=0) == barber_modularity(graph, labels)
    assert modularity(graph, method=method, rng=0) >= 0


@each_method
def test_the_same_seed_gives_the_same_communities(method):
    graph = erdos_renyi(50, 60, density=0.05, rng=0)
    weights = np.random.default_rng(0).normal(size=graph.n_edges)
    state = random.getstate()
    first = communities(graph, weights, method=method, rng=3)
    np.random.default_rng(0).random()
    random.random()
    assert np.array_equal(first, communities(graph, weights, method=method, rng=3))
    assert np.array_equal(first, communities(graph, weights, method=method, rng=np.random.default_rng(3)))
    others = [communities(graph, weights, method=method, rng=seed).tolist() for seed in range(4, 10)]
    assert any(other != first.tolist() for other in others)
    random.setstate(state)
    drawn = random.random()
    random.setstate(state)
    communities(graph, weights, method=method, rng=3)
    assert random.random() == drawn  # nobody else's random numbers are used up


@each_method
def test_weights_decide_and_their_unit_does_not(method):
    """A ring of four pairs: the two heavy edges in every four are where it holds together."""
    i = np.arange(4)
    ring = BipartiteGraph.from_edges(np.r_[i, (i + 1) % 4], np.r_[i, i], n_in=4, n_out=4)
    weights = np.where(ring.sources == ring.targets, -5.0, 0.5)
    labels = communities(ring, weights, method=method, rng=0)
    assert np.array_equal(labels[:4], labels[4:])
    assert labels.max() == 3
    for unit in (1e-200, 1e200):
        assert np.array_equal(labels, communities(ring, weights * unit, method=method, rng=0))
        assert modularity(ring, weights * unit, method=method, rng=0) == pytest.approx(20 / 22 - 1 / 4)
        expected = barber_modularity(ring, labels, weights)
        assert barber_modularity(ring, labels, weights * unit) == pytest.approx(expected)


@each_method
def test_edges_of_weight_zero_are_absent(method):
    graph = complete(4, 4)
    weights = np.where(graph.sources // 2 == graph.targets // 2, 1.0, 0.0)
    assert communities(graph, weights, method=method, rng=0).tolist() == [0, 0, 1, 1] * 2
    assert modularity(graph, 0 * weights, method=method, rng=0) == 0


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], errors.InvalidOption, "given 2 labels, expected one community per unit, 7 in all"),
        ([0.5] * 7, errors.InvalidEdges, "a 1-D array of integers"),
        (None, errors.InvalidEdges, "a 1-D array of integers"),
    ],
)
def test_impossible_communities_get_one_line(labels, error, message):
    with pytest.raises(error, match=message):
        barber_modularity(zoo.GRAPHS["complete"], labels)


@pytest.mark.parametrize("method", ["newman", None, ["leiden"]])
def test_an_unknown_method_lists_the_known_ones(method):
    with pytest.raises(errors.UnknownName, match="one of leiden, louvain"):
        communities(zoo.GRAPHS["complete"], method=method, rng=0)


def test_there_is_no_hidden_seed():
    with pytest.raises(errors.InvalidSeed):
        modularity(zoo.GRAPHS["complete"], rng=None)  # pyright: ignore[reportArgumentType]


def test_an_old_igraph_is_named(monkeypatch):
    import igraph

    monkeypatch.setattr(igraph, "__version__", "0.11.8")
    with pytest.raises(errors.InvalidOption, match=r"igraph 0\.11\.8, expected igraph 1\.0 or newer"):
        communities(zoo.GRAPHS["complete"], method="leiden", rng=0)
