"""`SparseNetwork`: a chain of layers, its joints, and the matrices of the whole."""

import pickle

import numpy as np
import oracles
import pytest
import zoo

from netsparse import BipartiteGraph, SparseNetwork, errors

every = pytest.mark.parametrize("network", zoo.NETWORKS.values(), ids=zoo.NETWORKS)
JOINT = zoo.NETWORKS["joint"]
CHAIN = zoo.NETWORKS["three layers"]


def random_weights(network):
    rng = np.random.default_rng(5)
    return [rng.normal(size=layer.n_edges) for layer in network.layers]


@every
def test_counts_are_those_of_the_layers(network):
    masks = [oracles.mask_of(layer) for layer in network.layers]
    assert network.n_edges == sum(mask.sum() for mask in masks)
    assert network.density == network.n_edges / sum(mask.size for mask in masks)
    assert network.sparsity == 1 - network.density
    assert network.sizes == (network.layers[0].n_in, *(layer.n_out for layer in network.layers))
    assert len(network.joints) == len(network.layers) - 1


def test_layers_must_fit():
    graph = zoo.GRAPHS["complete"]  # 4 -> 3
    with pytest.raises(errors.InvalidNetwork, match="layers 0 and 1: given 3 outputs below 4 inputs"):
        SparseNetwork([graph, graph])


@pytest.mark.parametrize("layers", [[], ["graph"], [np.ones((2, 2))]])
def test_a_network_has_layers(layers):
    with pytest.raises(errors.InvalidNetwork, match="one BipartiteGraph or more"):
        SparseNetwork(layers)


@pytest.mark.parametrize(
    ("joint", "error"),
    [
        ([0, 0, 0, 1, 1], errors.InvalidNetwork),
        ([0, 0, 0, 1, 1, 2], errors.InvalidNetwork),
        ([0, 0, 0, 1, 1, -1], errors.InvalidNetwork),
        ([0.0] * 6, errors.InvalidEdges),
    ],
)
def test_joints_must_fit(joint, error):
    with pytest.raises(error, match=r"joints\[0\]"):
        SparseNetwork(JOINT.layers, [joint])


def test_a_joint_out_of_range_is_named():
    with pytest.raises(errors.InvalidNetwork, match=r"given .*\b2\b.*, expected"):
        SparseNetwork(JOINT.layers, [[0, 0, 0, 1, 1, 2]])


def test_one_joint_between_two_layers():
    with pytest.raises(errors.InvalidNetwork, match="2 for 2 layers"):
        SparseNetwork(JOINT.layers, [None, None])


def test_joints_are_read_only_copies():
    units = np.array([0, 0, 0, 1, 1, 1])
    network = SparseNetwork(JOINT.layers, [units])
    units[0] = 1
    assert network == JOINT
    with pytest.raises(ValueError, match="read-only"):
        network.joints[0][0] = 1


def test_replace_returns_a_new_network():
    graph = BipartiteGraph.from_edges([0], [0], n_in=14, n_out=11)
    other = CHAIN.replace(1, graph)
    assert other.layers == (CHAIN.layers[0], graph, CHAIN.layers[2])
    assert CHAIN.layers[1] != graph
    turned = JOINT.replace(1, zoo._graph(6, 2, [(5, 0)]))
    assert (turned.joints[0] == JOINT.joints[0]).all()
    with pytest.raises(errors.InvalidNetwork, match="layers 0 and 1"):
        CHAIN.replace(1, zoo.GRAPHS["complete"])
    with pytest.raises(errors.InvalidNetwork):
        CHAIN.replace(0, "a graph")


def test_replace_names_a_layer_that_does_not_exist():
    with pytest.raises(errors.NetsparseError):
        CHAIN.replace(3, CHAIN.layers[0])


@every
def test_unit_edges_are_the_directed_whole(network):
    sources, targets = network.unit_edges()
    assert len(sources) == network.n_edges
    offsets = np.cumsum([0, *network.sizes])
    level = np.searchsorted(offsets, sources, side="right") - 1
    assert (np.searchsorted(offsets, targets, side="right") - 1 == level + 1).all()
    for k, layer in enumerate(network.layers):
        joint = network.joints[k - 1] if k else None
        units = layer.sources if joint is None else joint[layer.sources]
        assert (sources[level == k] - offsets[k] == units).all()
        assert (targets[level == k] - offsets[k + 1] == layer.targets).all()


@every
def test_adjacency_agrees_with_the_edges(network):
    n_units = sum(network.sizes)
    weights = random_weights(network)
    for given, values in ((None, np.ones(network.n_edges)), (weights, np.concatenate(weights))):
        expected = np.zeros((n_units, n_units))
        for source, target, value in zip(*network.unit_edges(), values, strict=True):
            expected[source, target] += value
        found = network.adjacency(given)
        assert found.shape == (n_units, n_units)
        assert found.toarray() == pytest.approx(expected)
        assert np.triu(expected, 1) == pytest.approx(expected)


def test_a_joint_keeps_the_multiplicity():
    dense = JOINT.adjacency().toarray()
    assert dense[3:5, 5:7].tolist() == [[1.0, 0.0], [1.0, 2.0]]


@every
def test_biadjacency_has_the_spectrum_of_the_undirected_whole(network):
    weights = random_weights(network)
    for given in (None, weights):
        found = network.biadjacency(given)
        assert found.shape == (sum(network.sizes[0::2]), sum(network.sizes[1::2]))
        half = network.adjacency(given).toarray()
        eigenvalues = np.sort(np.linalg.eigvalsh(half + half.T))[::-1]
        singular = np.linalg.svd(found.toarray(), compute_uv=False)
        assert singular == pytest.approx(np.maximum(eigenvalues[: len(singular)], 0), abs=1e-9)


def test_one_layers_biadjacency_is_that_of_its_graph():
    network = zoo.NETWORKS["one layer"]
    assert (network.biadjacency().toarray() == network.layers[0].biadjacency().toarray()).all()


@every
def test_edge_vectors_come_one_per_layer(network):
    weights = random_weights(network)
    assert all(a is b for a, b in zip(network.edge_vectors(weights), weights, strict=True))
    with pytest.raises(errors.InvalidEdgeVector, match="one edge vector per layer"):
        network.edge_vectors(weights[:-1])
    with pytest.raises(errors.InvalidEdgeVector, match=r"weights\[0\]"):
        network.edge_vectors([np.ones(weights[0].size + 1), *weights[1:]])


@pytest.mark.parametrize("weights", [3.0, None])
def test_weights_that_are_no_sequence(weights):
    with pytest.raises(errors.InvalidEdgeVector):
        CHAIN.edge_vectors(weights)


# value semantics -----------------------------------------------------------------------------------------------------


def test_equality_is_by_value():
    networks = list(zoo.NETWORKS.values())
    for i, a in enumerate(networks):
        for j, b in enumerate(networks):
            assert (a == b) == (i == j)
    assert len(set(networks)) == len(networks)
    other_joint = SparseNetwork(JOINT.layers, [[0, 0, 0, 1, 1, 0]])
    assert other_joint != JOINT
    assert CHAIN != "a network"
    assert SparseNetwork(JOINT.layers, JOINT.joints) == JOINT
    assert hash(SparseNetwork(JOINT.layers, JOINT.joints)) == hash(JOINT)


def test_a_joint_that_says_nothing_new_is_still_a_joint():
    graph = zoo.GRAPHS["complete square"]
    assert SparseNetwork([graph, graph]) != SparseNetwork([graph, graph], [np.arange(5)])


@every
def test_a_pickled_network_comes_back_equal_and_read_only(network):
    back = pickle.loads(pickle.dumps(network))
    assert back == network
    assert not any(layer.indices.flags.writeable for layer in back.layers)
    assert not any(joint.flags.writeable for joint in back.joints if joint is not None)


def test_attributes_cannot_be_set_and_the_error_names_the_right_call():
    with pytest.raises(errors.GraphIsFrozen, match=r"SparseNetwork.layers.*network.replace\(k, graph\)"):
        CHAIN.layers = ()


def test_repr_and_html():
    assert repr(JOINT) == "SparseNetwork(3-2-2, 10 edges, density 0.556)"
    html = JOINT._repr_html_()
    assert html.count("<tr>") == 3
    assert "<td>1</td><td>6</td><td>2</td><td>4</td>" in html
