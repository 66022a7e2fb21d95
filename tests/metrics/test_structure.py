"""4-cycles and clustering against networkx, brute force and closed forms."""

import itertools
from math import comb

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, SparseNetwork, errors
from netsparse.generators import complete, erdos_renyi, layered
from netsparse.metrics.structure import OVERLAPS, bipartite_clustering, four_cycles, local_clustering

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
METRICS = (four_cycles, bipartite_clustering, local_clustering)
anything = st.one_of(zoo.graphs(), zoo.networks())


def cycles_by_pairs(graph):
    """Shared neighbours of every pair of units, by sets; each cycle has two pairs of opposite units."""
    units = oracles.undirected(graph)
    around = {unit: set(units[unit]) for unit in units}
    return sum(comb(len(around[u] & around[v]), 2) for u, v in itertools.combinations(units, 2)) // 2


def thinned(graph, weights):
    """The graph without its edges of weight 0."""
    layers = []
    for layer, vector in zip(graph.layers, graph.edge_vectors(weights), strict=True):
        alive = vector != 0
        pairs = layer.sources[alive], layer.targets[alive]
        layers.append(BipartiteGraph.from_edges(*pairs, n_in=layer.n_in, n_out=layer.n_out))
    return layers[0] if isinstance(graph, BipartiteGraph) else SparseNetwork(layers, graph.joints)


@every
def test_cycles_of_the_zoo(graph):
    assert four_cycles(graph) == cycles_by_pairs(graph)


@settings(deadline=None)
@given(anything)
def test_cycles_of_random_graphs(graph):
    assert four_cycles(graph) == cycles_by_pairs(graph)
    units = oracles.undirected(graph)
    assert four_cycles(graph) == sum(1 for cycle in nx.simple_cycles(units, length_bound=4) if len(cycle) == 4)


@every
def test_clustering_agrees_with_networkx(graph):
    units = oracles.undirected(graph)
    assert bipartite_clustering(graph) == pytest.approx(nx.bipartite.robins_alexander_clustering(units), abs=1e-15)


@settings(deadline=None)
@given(anything)
def test_clustering_of_random_graphs_agrees_with_networkx(graph):
    units = oracles.undirected(graph)
    assert bipartite_clustering(graph) == pytest.approx(nx.bipartite.robins_alexander_clustering(units), abs=1e-15)
    for mode in OVERLAPS:
        expected = nx.bipartite.latapy_clustering(units, mode=mode)
        assert local_clustering(graph, mode=mode).tolist() == pytest.approx([expected[u] for u in sorted(units)])


@every
@pytest.mark.parametrize("mode", OVERLAPS)
def test_local_clustering_agrees_with_networkx(graph, mode):
    units = oracles.undirected(graph)
    expected = nx.bipartite.latapy_clustering(units, mode=mode)
    assert local_clustering(graph, mode=mode).tolist() == pytest.approx([expected[u] for u in sorted(units)])


@pytest.mark.parametrize(("n_in", "n_out"), [(2, 2), (3, 7), (40, 25), (1, 9)])
def test_complete_graph(n_in, n_out):
    graph = complete(n_in, n_out)
    assert four_cycles(graph) == comb(n_in, 2) * comb(n_out, 2)
    assert bipartite_clustering(graph) == (1.0 if n_in > 1 else 0.0)


def test_the_number_of_cycles_is_that_of_the_matrix():
    """Tr A^4 counts closed walks of four steps: the cycles eight times, and the walks that go back."""
    graph = erdos_renyi(300, 200, density=0.05, rng=0)
    B = graph.biadjacency().toarray()
    walks = np.linalg.matrix_power(B @ B.T, 2).trace()
    k, d = graph.fan_out.astype(float), graph.fan_in.astype(float)
    assert four_cycles(graph) == (walks - (k**2).sum() - (d**2).sum() + graph.n_edges) / 4


def test_a_cycle_may_run_over_two_layers():
    """Two hidden units between one input and one output."""
    net = SparseNetwork([complete(1, 2), complete(2, 1)])
    assert [four_cycles(layer) for layer in net.layers] == [0, 0]
    assert four_cycles(net) == 1


def test_a_long_ring_has_no_short_cycle():
    ring = np.arange(1000)
    graph = BipartiteGraph.from_edges(np.r_[ring, (ring + 1) % 1000], np.r_[ring, ring], n_in=1000, n_out=1000)
    assert four_cycles(graph) == 0
    assert bipartite_clustering(graph) == 0
    # of the two units two steps away each shares one of three neighbours
    assert local_clustering(graph).tolist() == pytest.approx([1 / 3] * 2000)


def test_hubs_cost_no_more_than_their_edges():
    """A star of 200,000 edges has 2 * 10^10 wedges; walked one by one they would take minutes."""
    n = 200_000
    hub = BipartiteGraph.from_edges(np.r_[np.arange(n), 0, 1], np.r_[np.zeros(n, int), 1, 1], n_in=n, n_out=2)
    assert four_cycles(hub) == 1


@settings(deadline=None)
@given(anything, st.integers(0, 2**32 - 1))
def test_weights_only_say_which_edges_are_there(graph, seed):
    rng = np.random.default_rng(seed)
    vectors = [rng.choice([0.0, -2.0, 0.5], size=layer.n_edges) for layer in graph.layers]
    weights = vectors[0] if isinstance(graph, BipartiteGraph) else vectors
    for metric in METRICS:
        assert np.array_equal(metric(graph, weights), metric(thinned(graph, weights))), metric.__name__


@pytest.mark.parametrize("metric", METRICS)
def test_impossible_weights_get_one_line(metric):
    with pytest.raises(errors.InvalidEdgeVector, match="one entry per edge"):
        metric(zoo.GRAPHS["complete"], [1.0])


@pytest.mark.parametrize("mode", ["union", None, ["dot"]])
def test_an_unknown_mode_lists_the_known_ones(mode):
    with pytest.raises(errors.UnknownName, match="one of dot, max, min"):
        local_clustering(zoo.GRAPHS["complete"], mode=mode)


@pytest.mark.slow
def test_a_million_edges():
    net = layered([100_000, 100_000], density=1e-4, rng=0)
    k, d = net.layers[0].fan_out.astype(float), net.layers[0].fan_in.astype(float)
    shared = net.biadjacency() @ net.biadjacency().T
    walks = float((shared.data**2).sum())
    assert four_cycles(net) == (walks - (k**2).sum() - (d**2).sum() + net.n_edges) / 4
