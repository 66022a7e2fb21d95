"""Small-worldness: its parts against networkx, exact values against null models that are known, lattices and chance."""

import math
from functools import partial

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings

from netsparse import errors
from netsparse.generators import complete, erdos_renyi, layered
from netsparse.generators.null_models import degree_preserving
from netsparse.graph import BipartiteGraph, EdgeDelta, SparseNetwork, diff
from netsparse.metrics.small_world import small_world_statistics, small_worldness

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)


def itself(graph, *, weights, rng):
    """The null model that changes nothing."""
    return EdgeDelta([])


def lattice(n, degree):
    """Every source joined to `degree` neighbouring targets on a ring."""
    sources = np.arange(n).repeat(degree)
    return BipartiteGraph.from_edges(sources, (sources + np.arange(n * degree) % degree) % n, n_in=n, n_out=n)


def clustering(graph):
    units = oracles.undirected(graph)
    return nx.bipartite.robins_alexander_clustering(units) if units.size() else 0.0


def path_length(graph):
    units = oracles.undirected(graph)
    return nx.average_shortest_path_length(units.subgraph(max(nx.connected_components(units), key=len)))


@every
def test_a_graph_is_no_smaller_a_world_than_itself(graph):
    found = small_world_statistics(graph, null_model=itself, n_null=2, rng=0)
    assert found.clustering == pytest.approx(clustering(graph))
    assert (found.null_clustering, found.null_path_length) == (found.clustering, found.path_length)
    if clustering(graph) > 0:
        assert found.sigma == 1.0
    else:
        assert math.isnan(found.sigma)


@given(zoo.graph_pairs())
@settings(max_examples=50)
def test_sigma_is_the_ratio_of_ratios_to_a_known_graph(pair):
    graph, null = pair
    found = small_world_statistics(graph, null_model=lambda layer, **_: diff(layer, null), n_null=1, rng=0)
    assert found.clustering == pytest.approx(clustering(graph))
    assert found.null_clustering == pytest.approx(clustering(null))
    if clustering(null) > 0 and graph.n_edges:
        expected = (found.clustering / found.null_clustering) / (found.path_length / found.null_path_length)
        assert found.sigma == pytest.approx(expected)
    else:
        assert math.isnan(found.sigma)


def test_null_values_are_means_over_the_randomised_graphs():
    nulls = [erdos_renyi(20, 20, density=0.2, rng=k) for k in range(3)]
    queue = iter(nulls)
    graph = lattice(20, 4)
    found = small_world_statistics(graph, null_model=lambda layer, **_: diff(layer, next(queue)), n_null=3, rng=0)
    assert found.null_clustering == pytest.approx(np.mean([clustering(null) for null in nulls]))
    assert found.null_path_length == pytest.approx(np.mean([path_length(null) for null in nulls]))
    assert found.path_length == pytest.approx(path_length(graph))
    assert list(queue) == []


def test_a_lattice_in_closed_form():
    found = small_world_statistics(lattice(200, 4), null_model=itself, n_null=1, rng=0)
    # per source 4-cycles C(3, 2) + C(2, 2) with the sources one and two steps on, and 4 edges with 9 paths over each
    assert found.clustering == pytest.approx(4 * (3 + 1) / (4 * 9))


@pytest.mark.parametrize("null_model", ["degree", "density"])
def test_lattices_are_clustered_beyond_chance_and_random_graphs_are_not(null_model):
    ring = small_world_statistics(lattice(100, 6), null_model=null_model, n_null=5, rng=0)
    assert ring.clustering > 4 * ring.null_clustering
    assert ring.path_length > 1.5 * ring.null_path_length
    chance = small_worldness(erdos_renyi(100, 100, density=0.06, rng=1), null_model=null_model, n_null=20, rng=2)
    assert 0.8 < chance < 1.2


def test_a_few_moved_edges_make_a_small_world():
    ring = lattice(150, 6)
    rng = np.random.default_rng(0)
    delta = degree_preserving(ring, swaps_per_edge=1, rng=rng)
    moved = rng.permutation(delta.n_removed)[: ring.n_edges // 10]
    # a tenth of the edges get another target; those that would double one are left where they are
    sources, targets = ring.sources[delta.removed[moved]], delta.added_targets[moved]
    free = ~ring.has_edges(sources, targets)
    keep = np.flatnonzero(free)[np.unique(targets[free] * 150 + sources[free], return_index=True)[1]]
    kept = np.setdiff1d(np.arange(ring.n_edges), delta.removed[moved][keep])
    ends = (np.append(ring.sources[kept], sources[keep]), np.append(ring.targets[kept], targets[keep]))
    small = BipartiteGraph.from_edges(*ends, n_in=150, n_out=150)
    assert small_worldness(small, n_null=5, rng=0) > 1.2 * small_worldness(ring, n_null=5, rng=0) > 1.2


def test_edges_of_weight_zero_take_no_part():
    graph = lattice(30, 4)
    weights = np.random.default_rng(0).choice([0.0, 1.0, -2.0], size=graph.n_edges)
    alive = weights != 0
    thin = BipartiteGraph.from_edges(graph.sources[alive], graph.targets[alive], n_in=30, n_out=30)
    assert small_world_statistics(graph, weights, rng=3) == small_world_statistics(thin, rng=3)
    network, both = SparseNetwork([graph, graph]), [weights, np.ones(graph.n_edges)]
    expected = small_world_statistics(SparseNetwork([thin, graph]), rng=3)
    assert small_world_statistics(network, both, rng=3) == expected


def test_a_network_is_the_undirected_whole():
    network = layered([20, 30, 20], density=0.15, rng=0)
    found = small_world_statistics(network, n_null=3, rng=0)
    assert found.clustering == pytest.approx(clustering(network))
    assert found.path_length == pytest.approx(path_length(network))
    assert 0.5 < found.sigma < 2


def test_joints_stay_where_they_are():
    assert small_world_statistics(zoo.NETWORKS["joint"], rng=0).null_clustering > 0
    weights = [np.ones(6), np.array([1.0, 1, 1, 0])]
    assert small_worldness(zoo.NETWORKS["joint"], weights, null_model=itself, rng=0) == 1.0


def test_sampled_distances_and_seeds():
    ring = lattice(60, 4)
    exact = small_world_statistics(ring, n_null=2, rng=0)
    sampled = small_world_statistics(ring, n_null=2, n_sources=1, rng=0)
    assert sampled.path_length == exact.path_length  # all units of the ring are alike, those of the null model are not
    assert sampled.null_path_length != exact.null_path_length
    assert sampled.null_path_length == pytest.approx(exact.null_path_length, rel=0.3)
    assert small_worldness(ring, rng=5) == small_worldness(ring, rng=np.random.default_rng(5))
    assert small_worldness(ring, rng=5) != small_worldness(ring, rng=6)


def test_degrees_are_kept_by_default_and_the_chain_can_be_longer():
    hub = np.zeros((30, 30), dtype=bool)
    hub[:3] = hub[:, :3] = True
    graph = BipartiteGraph.from_mask(hub)  # threshold graphs are alone with their degrees
    assert small_worldness(graph, rng=0) == pytest.approx(1.0)
    assert small_worldness(graph, null_model="density", rng=0) > 1.5
    assert small_worldness(graph, null_model=partial(degree_preserving, swaps_per_edge=30), rng=0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_null": 0, "rng": 0}, errors.InvalidOption, "n_null: given 0"),
        ({"n_null": 2.5, "rng": 0}, errors.InvalidOption, "n_null: given 2.5"),
        ({"n_sources": 0, "rng": 0}, errors.InvalidOption, "n_sources: given 0"),
        ({"null_model": "degrees", "rng": 0}, errors.UnknownName, "null_model: given 'degrees'"),
        ({"rng": None}, errors.InvalidSeed, "rng: given None"),
        ({"weights": [1.0], "rng": 0}, errors.InvalidEdgeVector, "weights: given"),
    ],
)
@pytest.mark.parametrize("metric", [small_worldness, small_world_statistics])
def test_bad_input_gets_one_clear_line(metric, options, error, message):
    with pytest.raises(error) as caught:
        metric(complete(4, 3), **options)
    assert str(caught.value).startswith(message)
