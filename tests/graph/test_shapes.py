"""The annotated types and shapes of the graph floor hold in the main calls; checked here and never in ordinary use."""

import subprocess
import sys

CALLS = """
import numpy as np
from jaxtyping import install_import_hook

with install_import_hook("netsparse.graph", "beartype.beartype"):
    from netsparse.graph import BipartiteGraph, EdgeDelta, SparseNetwork, apply, carry, diff, free_pairs, subgraph

sources, targets = np.array([0, 2, 1, 0]), np.array([1, 0, 1, 0])
graph = BipartiteGraph.from_edges(sources, targets, n_in=4, n_out=2)
others = [
    BipartiteGraph(4, 2, graph.indptr, graph.indices),
    BipartiteGraph.from_edges(sources.tolist(), targets.tolist(), n_in=4, n_out=2),
    BipartiteGraph.from_mask(graph.weight_matrix().toarray()),
    BipartiteGraph.from_scipy(graph.weight_matrix()),
    BipartiteGraph.from_edges([], [], n_in=4, n_out=2),
]
for one in (graph, *others):
    one.sources, one.targets, one.fan_in, one.fan_out, one.by_source, one.unit_edges(), one.reverse()
    one.biadjacency(), one.weight_matrix(np.ones(one.n_edges, np.float32)), one.edge_vectors(np.zeros(one.n_edges))
    one.density, one.sparsity, one.sizes, one.layers, repr(one), one._repr_html_(), hash(one), one == graph
graph.edge_ids(sources[:2], targets[:2]), graph.has_edges([0, 1, 2], [0, 1, 1])

delta = EdgeDelta([0, 3], [3], [1], [0.5])
after, edge_map = apply(graph, delta)
edge_map.survivors, edge_map.n_edges, delta.n_removed, delta.n_added, delta.is_density_preserving
apply(after, delta.inverse(graph)), apply(graph, diff(graph, after)), apply(graph, EdgeDelta())
carry(np.ones(graph.n_edges), edge_map), carry(np.ones((graph.n_edges, 3)), edge_map, fill=np.ones((1, 3)))
subgraph(graph, np.array([True, False, True, False]))
free_pairs(graph, 1, rng=0), free_pairs(graph, 3, rng=0), free_pairs(graph, 0, rng=0)

top = BipartiteGraph.from_edges([0, 5], [0, 0], n_in=6, n_out=3)
chain = SparseNetwork([graph, graph.reverse()[0]])
for network in (chain, SparseNetwork([graph, top], joints=[[0, 0, 0, 1, 1, 1]])):
    weights = [np.ones(layer.n_edges) for layer in network.layers]
    network.unit_edges(), network.adjacency(weights), network.adjacency(), network.biadjacency(weights)
    network.edge_vectors(weights), network.replace(0, graph), network.sizes, network.n_edges, network.density
    repr(network), network._repr_html_(), hash(network), network == network
{wrong}
print("checked")
"""


def run(wrong=""):
    code = CALLS.replace("{wrong}", wrong)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_annotated_shapes_hold():
    found = run()
    assert found.stdout == "checked\n", found.stderr


def test_a_wrong_shape_would_be_noticed():
    found = run("subgraph(graph, np.array([1.0, 0.0, 1.0, 0.0]))")
    assert "TypeCheckError" in found.stderr
