"""Units on input-output paths: the level by level sweeps against searches by networkx from every unit."""

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.metrics import connectivity

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)


def searched(graph, weights=None):
    """The four sets of units, by a search from every unit through the edges whose weight is not 0."""
    units = nx.MultiDiGraph()
    units.add_nodes_from(range(sum(graph.sizes)))
    values = np.ones(graph.n_edges) if weights is None else np.concatenate(graph.edge_vectors(weights))
    rows = zip(*graph.unit_edges(), values, strict=True)
    units.add_edges_from((int(s), int(t)) for s, t, w in rows if w != 0)
    inputs = set(range(graph.sizes[0]))
    outputs = set(range(sum(graph.sizes) - graph.sizes[-1], sum(graph.sizes)))
    fed = set().union(*(nx.descendants(units, i) | {i} for i in inputs))
    useful = set().union(*(nx.ancestors(units, o) | {o} for o in outputs))
    return {u for u in inputs if not units.out_degree(u)}, set(units) - fed, set(units) - useful, fed & useful


def check(graph, weights=None):
    dead, unreached, unused, on_path = searched(graph, weights)
    assert connectivity.dead_inputs(graph, weights).tolist() == sorted(dead)
    assert connectivity.unreached_units(graph, weights).tolist() == sorted(unreached)
    assert connectivity.unused_units(graph, weights).tolist() == sorted(unused)
    assert np.flatnonzero(connectivity.path_units(graph, weights)).tolist() == sorted(on_path)
    assert connectivity.active_units(graph, weights) == len(on_path) / sum(graph.sizes)
    assert np.flatnonzero(~connectivity.reached_units(graph, weights)).tolist() == sorted(unreached)
    assert np.flatnonzero(~connectivity.used_units(graph, weights)).tolist() == sorted(unused)


@every
def test_sweeps_agree_with_searches(graph):
    check(graph)


@given(zoo.networks(), st.randoms(use_true_random=False))
def test_sweeps_agree_with_searches_on_any_network(network, random):
    check(network)
    check(network, [np.array([random.choice([0.0, -1.0, 2.0]) for _ in range(g.n_edges)]) for g in network.layers])


@given(st.data())
def test_sweeps_respect_joints(data):
    first, second = data.draw(zoo.graphs(max_units=5)), data.draw(zoo.graphs(max_units=7))
    units = st.integers(0, first.n_out - 1)
    joint = data.draw(st.lists(units, min_size=second.n_in, max_size=second.n_in))
    network = SparseNetwork([first, second], joints=[joint])
    check(network)
    sources, targets = network.unit_edges()
    assert (sources < sum(network.sizes[:2])).all()
    assert (targets >= first.n_in).all()


def test_a_layer_is_a_network_of_one():
    for graph in zoo.GRAPHS.values():
        network = SparseNetwork([graph])
        for name in ("dead_inputs", "unreached_units", "unused_units", "path_units", "active_units"):
            function = getattr(connectivity, name)
            assert np.array_equal(function(graph), function(network)), name


def test_a_gap_cuts_both_ways():
    network = zoo.NETWORKS["broken in the middle"]
    assert connectivity.unreached_units(network).tolist() == [6, 7, 8, 9, 10]
    assert connectivity.unused_units(network).tolist() == [0, 1, 2, 3, 4, 5]
    assert connectivity.active_units(network) == 0
    assert connectivity.dead_inputs(network).tolist() == []  # each has edges, though they lead nowhere


def test_ends_reach_and_use_themselves():
    network = zoo.NETWORKS["no edges anywhere"]
    assert connectivity.unreached_units(network).tolist() == list(range(3, 9))
    assert connectivity.unused_units(network).tolist() == list(range(5))
    assert connectivity.dead_inputs(network).tolist() == [0, 1, 2]


def test_weights_may_come_one_after_the_other():
    network = zoo.NETWORKS["three layers"]
    vectors = [np.ones(layer.n_edges) for layer in network.layers]
    expected = connectivity.path_units(network).tolist()
    assert connectivity.path_units(network, iter(vectors)).tolist() == expected


@pytest.mark.parametrize(
    "name",
    ["dead_inputs", "reached_units", "used_units", "unreached_units", "unused_units", "path_units", "active_units"],
)
def test_impossible_weights_get_one_clear_line(name):
    function = getattr(connectivity, name)
    with pytest.raises(errors.InvalidEdgeVector, match="nan at edge 0"):
        function(zoo.GRAPHS["one edge"], [np.nan])
    with pytest.raises(errors.InvalidEdgeVector, match="one edge vector per layer"):
        function(zoo.NETWORKS["three layers"], [np.ones(2)])


def test_the_oracle_sees_direction():
    graph = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=2, n_out=2)
    assert nx.has_path(oracles.undirected(graph), 2, 3)
    assert searched(graph)[3] == {0, 2, 3}
