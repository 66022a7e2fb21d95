"""Dead ends and the compressed network: against searches by networkx, and against what the network computes."""

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors
from netsparse.generators import layered
from netsparse.graph import BipartiteGraph, SparseNetwork, apply
from netsparse.metrics import chains
from netsparse.metrics.connectivity import path_units

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)


def given_weights(graph, vectors):
    return vectors[0] if isinstance(graph, BipartiteGraph) else vectors


def random_weights(graph, *, seed=0, zeros=0.3):
    """One vector per layer, some entries exactly 0."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=g.n_edges) * (rng.random(g.n_edges) >= zeros) for g in graph.layers]


@st.composite
def joined(draw):
    """Any network, with a joint between two of its layers where it has three levels or more."""
    network = draw(zoo.networks())
    joints = [None] * (len(network.layers) - 1)
    layers = list(network.layers)
    if joints and draw(st.booleans()):
        units = st.integers(0, layers[0].n_out - 1)
        joints[0] = draw(st.lists(units, min_size=layers[1].n_in, max_size=layers[1].n_in))
    return SparseNetwork(layers, joints), draw(st.integers(0, 2**16))


def edges_on_paths(graph, vectors=None):
    """Edge ids per layer on a path from an input to an output, by searches from every unit."""
    sizes, sources, targets = graph.sizes, *graph.unit_edges()
    weight = np.ones(len(sources)) if vectors is None else np.concatenate(vectors)
    units = nx.MultiDiGraph()
    units.add_nodes_from(range(sum(sizes)))
    units.add_edges_from((int(s), int(t)) for s, t, w in zip(sources, targets, weight, strict=True) if w)
    outputs = set(range(sum(sizes) - sizes[-1], sum(sizes)))
    fed = set().union(*(nx.descendants(units, i) | {i} for i in range(sizes[0])))
    useful = {u for u in units if u in outputs or nx.descendants(units, u) & outputs}
    alive = [int(s) in fed and int(t) in useful and w != 0 for s, t, w in zip(sources, targets, weight, strict=True)]
    starts = np.cumsum([layer.n_edges for layer in graph.layers])[:-1]
    return [np.flatnonzero(mask).tolist() for mask in np.split(np.array(alive, dtype=bool), starts)]


def forward(network, weights, x):
    """Output of a ReLU network without bias, one dense matrix after the other."""
    for k, layer in enumerate(network.layers):
        joint = network.joints[k - 1] if k else None
        x = x if joint is None else x[joint]
        x = oracles.dense_of(layer, weights[k]) @ x
        x = np.maximum(x, 0) if k < len(network.layers) - 1 else x
    return x


def check(graph, vectors):
    for used in (None, vectors):
        weights = None if used is None else given_weights(graph, used)
        deltas = chains.chain_removal(graph, weights)
        expected = edges_on_paths(graph, used)
        for layer, delta, alive in zip(graph.layers, deltas, expected, strict=True):
            assert np.setdiff1d(np.arange(layer.n_edges), delta.removed).tolist() == alive
            assert (np.diff(delta.removed) > 0).all()
            assert delta.n_added == 0


@every
def test_what_goes_lies_on_no_path(graph):
    check(graph, random_weights(graph))


@given(joined())
def test_what_goes_lies_on_no_path_of_any_network(case):
    network, seed = case
    check(network, random_weights(network, seed=seed))


@given(joined())
def test_once_is_enough(case):
    network, _ = case
    for k, delta in enumerate(chains.chain_removal(network)):
        network = network.replace(k, apply(network.layers[k], delta)[0])
    assert all(delta.n_removed == 0 for delta in chains.chain_removal(network))


def test_a_chain_is_followed_through_the_levels():
    edge, nothing = (
        BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1),
        BipartiteGraph.from_edges([], [], n_in=1, n_out=1),
    )
    backward = SparseNetwork([edge, edge, edge, nothing])
    assert [d.n_removed for d in chains.chain_removal(backward)] == [1, 1, 1, 0]
    forward_ = SparseNetwork([nothing, edge, edge, edge])
    assert [d.n_removed for d in chains.chain_removal(forward_)] == [0, 1, 1, 1]


@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
def test_a_single_layer_has_no_chains(graph):
    assert [delta.n_removed for delta in chains.chain_removal(graph)] == [0]


def test_newborn_edges_count_unless_weights_say_zero():
    network = zoo.NETWORKS["one unit wide"]
    assert [d.n_removed for d in chains.chain_removal(network)] == [0, 0, 0]
    assert [d.n_removed for d in chains.chain_removal(network, [[1.0], [0.0], [2.0]])] == [1, 1, 1]


def check_compressed(network, vectors, x):
    small = chains.compressed(network, vectors)
    before, after = forward(network, vectors, x), forward(small.network, small.weights, x[small.units[0]])
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-12)
    assert [len(u) for u in small.units] == list(small.network.sizes)
    assert small.network.sizes[-1] == network.sizes[-1]
    assert [ids.tolist() for ids in small.edges] == edges_on_paths(network, vectors)
    old = zip(network.edge_vectors(vectors), small.edges, strict=True)
    assert all((w == v[ids]).all() for w, (v, ids) in zip(small.weights, old, strict=True))
    bounds = np.cumsum([0, *network.sizes])
    on_path = path_units(network, vectors)
    for level, units in enumerate(small.units[:-1]):
        expected = np.flatnonzero(on_path[bounds[level] : bounds[level + 1]])
        assert units.tolist() == expected.tolist() if len(expected) else len(units) == 1
    # the units are the original ones: every edge of the small network is the edge it says it is
    rows = list(oracles.edge_rows(small.network))
    names = [oracles.edge_rows(network)[e] for e in _flat(network, small.edges)]
    for (k, source, _, target, _), (layer, old_source, _, old_target, _) in zip(rows, names, strict=True):
        assert (k, small.units[k][source], small.units[k + 1][target]) == (layer, old_source, old_target)


def _flat(network, edges):
    starts = np.cumsum([0, *(layer.n_edges for layer in network.layers)])
    return [int(start + e) for start, ids in zip(starts, edges, strict=False) for e in ids]


@pytest.mark.parametrize("network", zoo.NETWORKS.values(), ids=zoo.NETWORKS)
@pytest.mark.parametrize("zeros", [0.0, 0.4])
def test_the_compressed_network_computes_the_same(network, zeros):
    x = np.random.default_rng(1).normal(size=(network.sizes[0], 5))
    check_compressed(network, random_weights(network, zeros=zeros), x)


@given(joined())
def test_any_compressed_network_computes_the_same(case):
    network, seed = case
    x = np.random.default_rng(seed).normal(size=(network.sizes[0], 3))
    check_compressed(network, random_weights(network, seed=seed), x)


@given(joined())
def test_a_compressed_network_has_no_chains_left_and_no_more_to_drop(case):
    small = chains.compressed(case[0]).network
    assert sum(delta.n_removed for delta in chains.chain_removal(small)) == 0
    assert chains.compressed(small).network == small


def test_a_large_sparse_network_shrinks_and_computes_the_same():
    network = layered([200, 100, 100, 10], density=0.015, rng=0)
    vectors = random_weights(network, zeros=0.0)
    check_compressed(network, vectors, np.random.default_rng(3).normal(size=(200, 4)))
    small = chains.compressed(network, vectors)
    assert small.network.sizes[0] < 200
    assert small.network.sizes[1] < 100
    assert small.network.sizes[3] == 10


def test_without_weights_none_come_back():
    small = chains.compressed(zoo.GRAPHS["last row empty"])
    assert small.weights is None
    assert small.network == SparseNetwork([zoo.GRAPHS["last row empty"]])


def test_a_layer_is_compressed_as_a_network_of_one():
    small = chains.compressed(zoo.GRAPHS["one edge among isolated units"], [2.5])
    assert small.network.sizes == (1, 4)
    assert [u.tolist() for u in small.units] == [[3], [0, 1, 2, 3]]
    assert small.weights[0].tolist() == [2.5]


def test_where_no_path_is_left_every_level_keeps_a_unit():
    for name in ("no edges anywhere", "broken in the middle"):
        small = chains.compressed(zoo.NETWORKS[name])
        assert small.network.n_edges == 0
        assert small.network.sizes[:-1] == (1,) * len(small.network.layers)


def test_where_no_path_is_left_the_unit_that_stays_behind_a_joint_feeds_an_input():
    nothing = BipartiteGraph.from_edges([], [], n_in=2, n_out=3)
    second = BipartiteGraph.from_edges([0], [0], n_in=2, n_out=1)
    small = chains.compressed(SparseNetwork([nothing, second], joints=[[2, 1]]))
    assert [u.tolist() for u in small.units] == [[0], [2], [0]]
    assert small.network.layers[1].n_in == 1
    assert small.network.joints[0].tolist() == [0]


def test_a_unit_behind_a_joint_keeps_all_inputs_that_read_it():
    first = BipartiteGraph.from_edges([0, 1, 0], [0, 1, 2], n_in=2, n_out=3)
    second = BipartiteGraph.from_edges([3], [0], n_in=6, n_out=1)  # only a position of unit 1 is read
    small = chains.compressed(SparseNetwork([first, second], joints=[[0, 0, 1, 1, 2, 2]]))
    assert [u.tolist() for u in small.units] == [[1], [1], [0]]
    assert small.network.layers[1].n_in == 2
    assert small.network.joints[0].tolist() == [0, 0]
    assert small.network.layers[1].sources.tolist() == [1]


@pytest.mark.parametrize("function", [chains.chain_removal, chains.compressed])
def test_impossible_weights_get_one_clear_line(function):
    with pytest.raises(errors.InvalidEdgeVector, match="one edge vector per layer"):
        function(zoo.NETWORKS["three layers"], [np.ones(3)])
    with pytest.raises(errors.InvalidEdgeVector, match="nan at edge 0"):
        function(zoo.NETWORKS["one unit wide"], [[1.0], [np.nan], [1.0]])


def test_weights_may_come_one_after_the_other():
    network = zoo.NETWORKS["three layers"]
    vectors = random_weights(network)
    assert chains.compressed(network, iter(vectors)).network == chains.compressed(network, vectors).network
