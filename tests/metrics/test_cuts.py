"""Bridges, articulation points and smallest cuts: networkx, brute force and closed forms."""

import itertools

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors
from netsparse.generators import layered
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.metrics import n_components
from netsparse.metrics.connectivity import active_units
from netsparse.metrics.cuts import articulation_points, bridges, min_cut

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)


def complete(n_in, n_out):
    return BipartiteGraph.from_mask(np.ones((n_out, n_in)))


def as_given(graph, vectors):
    return vectors[0] if isinstance(graph, BipartiteGraph) else vectors


def split(graph, values):
    return np.split(values, np.cumsum([layer.n_edges for layer in graph.layers])[:-1])


@st.composite
def weighted(draw):
    """Any graph or network, half of those with two layers behind a joint, and weights with zeros among them."""
    network = draw(st.one_of(zoo.graphs(), zoo.networks()))
    if isinstance(network, SparseNetwork) and len(network.layers) == 2 and draw(st.booleans()):
        first, second = network.layers
        units = st.integers(0, first.n_out - 1)
        network = SparseNetwork([first, second], [draw(st.lists(units, min_size=second.n_in, max_size=second.n_in))])
    weight = st.sampled_from([0.0, 0.1, 0.3, -2.0, 7.0])
    values = np.array(draw(st.lists(weight, min_size=network.n_edges, max_size=network.n_edges)))
    return network, split(network, values)


def multigraph(graph, vectors=None, *, kind=nx.MultiGraph):
    units = kind()
    units.add_nodes_from(range(sum(graph.sizes)))
    values = np.ones(graph.n_edges) if vectors is None else np.abs(np.concatenate(vectors))
    rows = enumerate(zip(*graph.unit_edges(), values, strict=True))
    units.add_edges_from((int(s), int(t), e, {"capacity": float(w)}) for e, (s, t, w) in rows if w)
    return units


def flow_of_networkx(graph, vectors=None):
    """Greatest flow between two extra units beyond the ends; parallel edges added up, for networkx wants one."""
    units = nx.DiGraph()
    for source, target, data in multigraph(graph, vectors, kind=nx.MultiDiGraph).edges(data=True):
        before = units.get_edge_data(source, target, {"capacity": 0.0})["capacity"]
        units.add_edge(source, target, capacity=before + data["capacity"])
    n_units = sum(graph.sizes)
    units.add_edges_from(("in", i) for i in range(graph.sizes[0]))  # no capacity: no limit
    units.add_edges_from((o, "out") for o in range(n_units - graph.sizes[-1], n_units))
    return nx.maximum_flow_value(units, "in", "out")


def check_bridges_and_points(graph, vectors=None):
    weights = None if vectors is None else as_given(graph, vectors)
    units = multigraph(graph, vectors)
    expected = np.zeros(graph.n_edges, dtype=bool)
    simple = nx.Graph(units)
    for source, target in nx.bridges(simple):
        if units.number_of_edges(source, target) == 1:
            expected[next(iter(units[source][target]))] = True
    masks = bridges(graph, weights)
    assert [len(mask) for mask in masks] == [layer.n_edges for layer in graph.layers]
    assert np.concatenate(masks).tolist() == expected.tolist()
    assert articulation_points(graph, weights).tolist() == sorted(nx.articulation_points(simple))


@every
def test_bridges_and_points_agree_with_networkx(graph):
    check_bridges_and_points(graph)


@given(weighted())
def test_bridges_and_points_of_any_network_agree_with_networkx(case):
    check_bridges_and_points(*case)
    check_bridges_and_points(case[0])


@given(weighted())
def test_without_a_bridge_there_is_one_component_more(case):
    network, _ = case
    before = n_components(network)
    everything = np.ones(network.n_edges)
    for edge, is_bridge in enumerate(np.concatenate(bridges(network))):
        values = everything.copy()
        values[edge] = 0
        assert n_components(network, as_given(network, split(network, values))) == before + is_bridge


def test_bridges_of_a_sparse_random_network_agree_with_networkx():
    network = layered([300, 200, 200, 50], density=0.008, rng=0)
    check_bridges_and_points(network)
    assert 0 < sum(mask.sum() for mask in bridges(network)) < network.n_edges


def test_bridges_of_known_graphs():
    for name, count, points in [("path", 7, 6), ("cycle", 0, 0), ("complete", 0, 0), ("star in", 6, 1)]:
        assert bridges(zoo.GRAPHS[name])[0].sum() == count, name
        assert len(articulation_points(zoo.GRAPHS[name])) == points, name
    assert bridges(zoo.GRAPHS["perfect matching"])[0].all()
    assert len(articulation_points(zoo.GRAPHS["perfect matching"])) == 0


def test_edges_that_a_joint_makes_parallel_are_no_bridges():
    pair = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    edge = BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1)
    network = SparseNetwork([edge, pair], joints=[[0, 0]])
    assert [mask.tolist() for mask in bridges(network)] == [[True], [False, False]]
    assert [mask.tolist() for mask in bridges(network, [[1.0], [0.0, 2.0]])] == [[True], [False, True]]
    assert articulation_points(network).tolist() == [1]


def test_a_path_as_long_as_the_network_needs_no_recursion():
    n = 20_000
    units = np.arange(n)
    path = BipartiteGraph.from_edges(
        np.concatenate([units, units[1:]]), np.concatenate([units, units[:-1]]), n_in=n, n_out=n
    )
    assert bridges(path)[0].all()
    assert len(articulation_points(path)) == 2 * n - 2


def check_cut(graph, vectors=None):
    weights = None if vectors is None else as_given(graph, vectors)
    value, masks = min_cut(graph, weights)
    assert value == pytest.approx(flow_of_networkx(graph, vectors), rel=1e-9, abs=1e-12)
    values = np.ones(graph.n_edges) if vectors is None else np.abs(np.concatenate(vectors))
    cut = np.concatenate(masks)
    assert [len(mask) for mask in masks] == [layer.n_edges for layer in graph.layers]
    assert value == pytest.approx(values[cut].sum())
    assert (values[cut] > 0).all()
    left = split(graph, np.where(cut, 0.0, values))
    assert active_units(graph, as_given(graph, left)) == 0


@every
def test_the_cut_has_the_value_of_the_flow_and_separates(graph):
    check_cut(graph)
    rng = np.random.default_rng(0)
    check_cut(graph, [rng.normal(size=layer.n_edges) for layer in graph.layers])


@given(weighted())
def test_the_cut_of_any_network_has_the_value_of_the_flow_and_separates(case):
    check_cut(*case)
    check_cut(case[0])


@given(zoo.networks(max_units=2))  # the subsets of 3-3-3-3 would be millions
def test_no_smaller_set_of_edges_separates(network):
    value = min_cut(network).value
    for smaller in itertools.combinations(range(network.n_edges), max(int(value) - 1, 0)):
        if not value:
            assert active_units(network) == 0
            break
        values = np.ones(network.n_edges)
        values[list(smaller)] = 0
        assert active_units(network, split(network, values)) > 0


def test_random_networks_agree_with_the_flow_of_scipy():
    for seed in range(5):
        network = layered([200, 150, 60, 150, 100], density=0.03, rng=seed)
        n_units = sum(network.sizes)
        caps = sp.lil_array((n_units + 2, n_units + 2), dtype=np.int32)
        for source, target in zip(*network.unit_edges(), strict=True):
            caps[source, target] = 1
        caps[n_units, :200] = 10**6
        caps[n_units - 100 : n_units, n_units + 1] = 10**6
        expected = sp.csgraph.maximum_flow(caps.tocsr(), n_units, n_units + 1).flow_value
        assert min_cut(network).value == expected
        check_cut(network, [np.random.default_rng(seed).normal(size=layer.n_edges) for layer in network.layers])


@pytest.mark.parametrize("sizes", [(3, 4), (3, 4, 2), (5, 2, 6, 3), (4, 4, 4, 4, 1)])
def test_a_complete_stack_is_cut_at_its_thinnest_layer(sizes):
    network = SparseNetwork([complete(*pair) for pair in itertools.pairwise(sizes)])
    products = [a * b for a, b in itertools.pairwise(sizes)]
    value, masks = min_cut(network)
    assert value == min(products)
    assert masks[int(np.argmin(products))].all()
    doubled = min_cut(network, [np.full(layer.n_edges, -2.0) for layer in network.layers])
    assert doubled.value == 2 * min(products)


def test_the_weight_of_a_bottleneck_decides():
    network = SparseNetwork([complete(3, 1), complete(1, 1), complete(1, 3)])
    assert min_cut(network).value == 1
    assert [mask.sum() for mask in min_cut(network).edges] == [0, 1, 0]
    heavy = [np.array([1.0, 0.5, 0.25]), np.array([100.0]), np.ones(3)]
    value, masks = min_cut(network, heavy)
    assert value == 1.75
    assert [mask.sum() for mask in masks] == [3, 0, 0]


def test_flow_that_took_a_wrong_turn_is_sent_back():
    # the first path found may use the middle edge of the ladder; only taking it back gives two disjoint ones
    first = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 1], n_in=2, n_out=2)
    second = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    third = BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2)
    for layers in itertools.permutations([first, second, third]):
        assert min_cut(SparseNetwork(layers)).value == flow_of_networkx(SparseNetwork(layers)) == 2


def test_where_no_path_is_left_nothing_has_to_be_cut():
    for name in ("no edges anywhere", "broken in the middle"):
        value, masks = min_cut(zoo.NETWORKS[name])
        assert value == 0
        assert not np.concatenate(masks).any()


def test_weights_of_any_size_are_cut_exactly():
    network = SparseNetwork([complete(2, 2), complete(2, 2)])
    for scale in (1e-300, 1.0, 1e300):
        vectors = [np.array([1.0, 2.0, 3.0, 4.0]) * scale, np.full(4, 10.0) * scale]
        assert min_cut(network, vectors).value == pytest.approx(10 * scale, rel=1e-12)


@pytest.mark.parametrize("function", [bridges, articulation_points, min_cut])
def test_impossible_weights_get_one_clear_line(function):
    with pytest.raises(errors.InvalidEdgeVector, match="nan at edge 0"):
        function(zoo.GRAPHS["one edge"], [np.nan])
    with pytest.raises(errors.InvalidEdgeVector, match="one edge vector per layer"):
        function(zoo.NETWORKS["three layers"], [np.ones(2)])


def test_a_cut_beyond_all_floats_is_inf():
    value, edges = min_cut(complete(3, 2), np.full(6, 1.7e308))
    assert value == np.inf
    assert edges[0].all()
