"""igraph: edge for edge, and back from any order of vertices."""

from __future__ import annotations

import igraph
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given

from netsparse.errors import InvalidNetwork
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import from_igraph, to_igraph

NETWORKS = {**{name: SparseNetwork([graph]) for name, graph in zoo.GRAPHS.items()}, **zoo.NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_unit_and_every_edge_is_there(name, hard_weights):
    network = NETWORKS[name]
    weights = hard_weights(network)
    graph = to_igraph(network, weights)
    units = [(level, index) for level, size in enumerate(network.sizes) for index in range(size)]
    assert list(zip(graph.vs["layer"], graph.vs["index"], strict=True)) == units
    assert graph.vs["name"] == [f"L{level}N{index}" for level, index in units]
    found = [(graph.vs[e.source]["name"], graph.vs[e.target]["name"], e["weight"], e["sign"]) for e in graph.es]
    rows = oracles.edge_rows(network, weights)
    assert found == [(f"L{k}N{s}", f"L{k + 1}N{t}", w, (w > 0) - (w < 0)) for k, s, _, t, w in rows]
    assert graph.is_directed()


@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(name, hard_weights, same):
    network = NETWORKS[name]
    weights = hard_weights(network)
    same(from_igraph(to_igraph(network)), (network, None))
    same(from_igraph(to_igraph(network, weights)), (network, weights))


@given(network=zoo.networks())
def test_round_trip_of_any_network(network, hard_weights, same):
    weights = hard_weights(network)
    same(from_igraph(to_igraph(network, weights)), (network, weights))


def test_vertex_order_does_not_matter(hard_weights, same):
    network = zoo.NETWORKS["joint"]
    weights = hard_weights(network)
    graph = to_igraph(network, weights)
    shuffled = np.random.default_rng(3).permutation(graph.vcount()).tolist()
    same(from_igraph(graph.permute_vertices(shuffled)), (network, weights))


def test_undirected_edges_run_from_the_lower_to_the_higher_layer(hard_weights, same):
    network = zoo.NETWORKS["three layers"]
    weights = hard_weights(network)
    graph = to_igraph(network, weights).permute_vertices(list(range(sum(network.sizes)))[::-1]).as_undirected("each")
    assert any(graph.vs[e.source]["layer"] > graph.vs[e.target]["layer"] for e in graph.es)
    same(from_igraph(graph), (network, weights))


def test_unit_attributes():
    graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    assert to_igraph(graph, unit_attributes={"pixel": [[3, 4], [-1]]}).vs["pixel"] == [3, 4, -1]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"index": [0, 0]}, "no layer on vertex 0"),
        ({"layer": [0, "abc"], "index": [0, 0]}, "layer 'abc' on vertex 1"),
        ({"layer": [0, float("nan")], "index": [0, 0]}, "layer nan on vertex 1"),
        ({"layer": [0, None], "index": [0, 0]}, "no layer on vertex 1"),
        ({"layer": [1, 0], "index": [0, 0]}, "L1N0 -> L0N0, which runs backwards"),
    ],
)
def test_bad_graphs(attributes, words):
    graph = igraph.Graph(n=2, edges=[(0, 1)], directed=True, vertex_attrs=attributes)
    with pytest.raises(InvalidNetwork, match=words) as caught:
        from_igraph(graph)
    assert str(caught.value).startswith("igraph graph: given ")


def test_bad_weights():
    graph = to_igraph(BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1), [0.5, 1.0])
    graph.es["weight"] = [0.5, None]
    with pytest.raises(InvalidNetwork, match="no weight on edge L0N1 -> L1N0"):
        from_igraph(graph)
    graph.es["weight"] = [0.5, "heavy"]
    with pytest.raises(InvalidNetwork, match="weight 'heavy' on edge 1 -> 2"):
        from_igraph(graph)


def test_no_vertices():
    with pytest.raises(InvalidNetwork, match="no units"):
        from_igraph(igraph.Graph())
