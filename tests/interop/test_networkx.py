"""networkx: edge for edge, and back from any order of nodes; what is wrong is named."""

from __future__ import annotations

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given

from netsparse.errors import InvalidEdgeVector, InvalidNetwork, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import from_networkx, to_networkx

NETWORKS = {**{name: SparseNetwork([graph]) for name, graph in zoo.GRAPHS.items()}, **zoo.NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_unit_and_every_edge_is_there(name, hard_weights):
    network = NETWORKS[name]
    weights = hard_weights(network)
    graph = to_networkx(network, weights)
    assert graph.number_of_nodes() == sum(network.sizes)
    units = [(level, index) for level, size in enumerate(network.sizes) for index in range(size)]
    assert [(data["layer"], data["index"]) for _, data in graph.nodes(data=True)] == units
    found = sorted(
        (int(u[1 : u.index("N")]), u, v, data["weight"], data["sign"], data["abs_weight"])
        for u, v, data in graph.edges(data=True)
    )
    expected = sorted(
        (k, f"L{k}N{s}", f"L{k + 1}N{t}", w, (w > 0) - (w < 0), abs(w))
        for k, s, _, t, w in oracles.edge_rows(network, weights)
    )
    assert found == expected


@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(name, hard_weights, same):
    network = NETWORKS[name]
    weights = hard_weights(network)
    same(from_networkx(to_networkx(network)), (network, None))
    same(from_networkx(to_networkx(network, weights)), (network, weights if network.n_edges else None))


@given(network=zoo.networks())
def test_round_trip_of_any_network(network, hard_weights, same):
    weights = hard_weights(network)
    same(from_networkx(to_networkx(network, weights)), (network, weights if network.n_edges else None))


def test_a_single_graph_is_a_network_of_one_layer(same):
    graph = zoo.GRAPHS["sparse random"]
    values = np.arange(graph.n_edges) - 3.5
    same(from_networkx(to_networkx(graph, values)), (SparseNetwork([graph]), (values,)))


def test_names_and_order_do_not_matter(hard_weights, same):
    network = zoo.NETWORKS["three layers"]
    weights = hard_weights(network)
    graph = to_networkx(network, weights)
    names = list(graph.nodes)
    shuffled = np.random.default_rng(0).permutation(len(names))
    other = nx.DiGraph()
    other.add_nodes_from((f"x{row}", graph.nodes[names[row]]) for row in shuffled)
    renamed = dict(zip(names, (f"x{row}" for row in range(len(names))), strict=True))
    edges = list(graph.edges(data=True))[::-1]
    other.add_edges_from((renamed[u], renamed[v], data) for u, v, data in edges)
    same(from_networkx(other), (network, weights))


def test_undirected_edges_run_from_the_lower_to_the_higher_layer(hard_weights, same):
    network = zoo.NETWORKS["three layers"]
    weights = hard_weights(network)
    graph = nx.Graph()
    directed = to_networkx(network, weights)
    graph.add_nodes_from(reversed(list(directed.nodes(data=True))))  # so that networkx lists ends the other way round
    graph.add_edges_from(directed.edges(data=True))
    assert any(graph.nodes[u]["layer"] > graph.nodes[v]["layer"] for u, v in graph.edges)
    same(from_networkx(graph), (network, weights))


def test_attributes_follow_the_networkx_conventions():
    graph = to_networkx(zoo.NETWORKS["three layers"])
    assert nx.is_bipartite(graph)
    for u, v in graph.edges:
        assert graph.nodes[u]["bipartite"] != graph.nodes[v]["bipartite"]
    assert [kind for _, kind in graph.nodes(data="kind")] == ["input"] * 9 + ["hidden"] * 25 + ["output"] * 6
    assert graph.nodes["L1N3"]["label"] == "hidden1 3"
    assert all(not data for *_, data in graph.edges(data=True))
    assert set(nx.multipartite_layout(graph, subset_key="layer")) == set(graph.nodes)


def test_a_joint_makes_parallel_edges_only_where_it_must():
    assert type(to_networkx(zoo.NETWORKS["joint"])) is nx.MultiDiGraph
    assert type(to_networkx(zoo.NETWORKS["three layers"])) is nx.DiGraph
    swap = SparseNetwork([zoo.GRAPHS["path"], zoo.GRAPHS["path"]], joints=[[3, 2, 1, 0]])
    graph = to_networkx(swap)
    assert type(graph) is nx.DiGraph
    assert from_networkx(graph) == (swap, None)


def test_unit_attributes_and_own_labels():
    graph = zoo.GRAPHS["star in"]
    attributes = {"label": [list("abcdef"), ["out"]], "bias": [np.zeros(6), [0.5]], "kept": [[True] * 6, [False]]}
    nodes = to_networkx(graph, unit_attributes=attributes).nodes
    assert nodes["L0N2"]["label"] == "c"
    assert nodes["L1N0"] == {
        "layer": 1, "index": 0, "bipartite": 1, "kind": "output", "label": "out", "bias": 0.5, "kept": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"layer": [[1, 2], [3]]}, "not our own"),
        ({"bias": [[1, 2]]}, "one array per level"),
        ({"bias": [[1, 2], [3, 4]]}, "one entry per unit"),
        ({"bias": [[1, 2], ["x"]]}, "numbers, or strings"),
        ({"bias": [[1, None], [2]]}, "numbers, or strings"),
    ],
)
def test_unit_attributes_that_do_not_fit(attributes, words):
    graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    with pytest.raises(InvalidOption, match=words):
        to_networkx(graph, unit_attributes=attributes)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1.0], "one entry per edge"),
        ([1.0, np.nan], "given nan at edge 1, expected finite numbers"),
        ([1.0, -np.inf], "given -inf at edge 1"),
        ([1j, 2.0], "real numbers"),
        (["a", "b"], "real numbers"),
    ],
)
def test_weights_that_do_not_fit(weights, words):
    graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    with pytest.raises(InvalidEdgeVector, match=words):
        to_networkx(graph, weights)


def test_only_networks_are_converted():
    with pytest.raises(InvalidNetwork, match="given list, expected a SparseNetwork"):
        to_networkx([[1, 2]])


def _change_node(**changes):
    def change(graph):
        graph.nodes["L1N0"].update(changes)

    return change


def _change_edge(**changes):
    def change(graph):
        graph.edges["L0N1", "L1N0"].update(changes)

    return change


def _drop(what):
    return lambda graph: graph.nodes["L1N0"].pop(what)


BAD = {
    "no layer": (_drop("layer"), "no layer on node 'L1N0'"),
    "no index": (_drop("index"), "no index on node 'L1N0'"),
    "a layer that is text": (_change_node(layer="abc"), "layer 'abc' on node 'L1N0'"),
    "a layer between layers": (_change_node(layer=1.5), "layer 1.5 on node 'L1N0'"),
    "a negative layer": (_change_node(layer=-1), "layer -1 on node 'L1N0'"),
    "a boolean index": (_change_node(index=True), "index True on node 'L1N0'"),
    "an index beyond all numbers": (_change_node(index=10**30), "index 10"),
    "an infinite index": (_change_node(index=float("inf")), "index inf on node 'L1N0'"),
    "a list for an index": (_change_node(index=[0, 1]), r"index \[0, 1\] on node 'L1N0'"),
    "a unit twice": (lambda g: g.add_node("x", layer=0, index=1), "two units with layer 0 and index 1"),
    "a gap in the indices": (lambda g: g.add_node("x", layer=0, index=3), "layer 0 without index 2"),
    "a gap in the layers": (lambda g: g.add_node("x", layer=5, index=0), "units on layer 5, none on layer 3"),
    "an edge that skips": (lambda g: g.add_edge("L0N0", "L2N0"), "L0N0 -> L2N0, which skips a layer"),
    "an edge backwards": (lambda g: g.add_edge("L1N0", "L0N0"), "L1N0 -> L0N0, which runs backwards"),
    "an edge inside": (lambda g: g.add_edge("L0N0", "L0N1"), "L0N0 -> L0N1, which stays inside a layer"),
    "a self-loop": (lambda g: g.add_edge("L0N0", "L0N0"), "L0N0 -> L0N0, which stays inside a layer"),
    "one edge without weight": (lambda g: g.edges["L0N1", "L1N0"].pop("weight"), "no weight on edge L0N1 -> L1N0"),
    "a weight that is text": (_change_edge(weight="heavy"), "weight 'heavy' on edge 'L0N1' -> 'L1N0'"),
    "a weight that is no number": (_change_edge(weight=float("nan")), "weight nan on edge 'L0N1' -> 'L1N0'"),
    "a sign that is no number": (_change_edge(sign=np.float32("nan")), "sign nan on edge 'L0N1' -> 'L1N0'"),
    "an infinite weight": (_change_edge(weight=float("inf"), sign=1), "weight inf on edge L0N1 -> L1N0"),
    "the wrong sign": (_change_edge(sign=1), "sign 1 beside weight -2 on edge L0N1 -> L1N0"),
    "joints that are no list": (lambda g: g.graph.update(joints=7), "'joints' of type int"),
    "joints that are not JSON": (lambda g: g.graph.update(joints="[[["), "not JSON"),
    "too many joints": (lambda g: g.graph.update(joints="[null, null]"), "2 joints for 2 layers"),
    "a joint to nowhere": (lambda g: g.graph.update(joints="[[7]]"), "each below 1"),
    "a joint without units": (lambda g: g.graph.update(joints="[[]]"), "one unit or more"),
    "a joint of text": (lambda g: g.graph.update(joints='["ab"]'), r"joints\[0\] of type str"),
    "a joint and no input": (lambda g: g.graph.update(joints="[[0, 0]]"), "no input on edge L1N0 -> L2N0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_graphs(name):
    spoil, words = BAD[name]
    below = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    above = BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1)
    graph = to_networkx(SparseNetwork([below, above]), [[0.5, -2.0], [1.0]])
    assert from_networkx(graph)[0] == SparseNetwork([below, above])
    spoil(graph)
    with pytest.raises(InvalidNetwork, match=words) as caught:
        from_networkx(graph)
    assert str(caught.value).startswith("networkx graph: given ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("wrong", "words"), [(0, "input 0 on"), (9, "input 9 on"), (0.5, "input 0.5 on")])
def test_an_input_that_the_joint_does_not_feed(wrong, words):
    graph = to_networkx(zoo.NETWORKS["joint"])
    assert [data["input"] for u, _, data in graph.edges(data=True) if u == "L1N1"] == [3, 4, 5]
    next(data for u, _, data in graph.edges(data=True) if u == "L1N1")["input"] = wrong
    with pytest.raises(InvalidNetwork, match=words):
        from_networkx(graph)


def test_parallel_edges_without_a_joint_are_duplicates():
    graph = nx.MultiDiGraph(to_networkx(zoo.GRAPHS["one edge"]))
    graph.add_edge("L0N0", "L1N0")
    with pytest.raises(InvalidNetwork, match="edge L0N0 -> L1N0 twice"):
        from_networkx(graph)


@pytest.mark.parametrize(("graph", "words"), [(nx.DiGraph(), "no units"), (nx.Graph(), "no units")])
def test_nothing_is_no_network(graph, words):
    with pytest.raises(InvalidNetwork, match=words):
        from_networkx(graph)


def test_one_layer_of_units_is_no_network():
    graph = nx.DiGraph()
    graph.add_node("a", layer=0, index=0)
    with pytest.raises(InvalidNetwork, match="units on one layer only"):
        from_networkx(graph)
