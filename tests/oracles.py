"""Slow, obvious versions of the fast paths. Dense matrices are allowed here, and only here."""

from __future__ import annotations

import networkx as nx
import numpy as np


def mask_of(graph):
    """Dense 0/1 matrix (n_out x n_in) of a bipartite graph, edge by edge."""
    mask = np.zeros((graph.n_out, graph.n_in), dtype=bool)
    for source, target in zip(graph.sources, graph.targets, strict=True):
        mask[target, source] = True
    return mask


def dense_of(graph, values, *, hole=0.0):
    """Dense matrix (n_out x n_in) that holds an edge vector, `hole` elsewhere."""
    matrix = np.full((graph.n_out, graph.n_in), hole, dtype=np.float64)
    for source, target, value in zip(graph.sources, graph.targets, values, strict=True):
        matrix[target, source] = value
    return matrix


def vector_of(graph, matrix):
    """Edge vector read from a dense matrix (n_out x n_in)."""
    return np.array([matrix[t, s] for s, t in zip(graph.sources, graph.targets, strict=True)])


def pairs_of(graph):
    """Set of (source, target)."""
    return set(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))


def undirected(graph_or_network):
    """All units and edges as a simple networkx graph, parallel edges merged."""
    graph = nx.Graph()
    graph.add_nodes_from(range(sum(graph_or_network.sizes)))
    sources, targets = graph_or_network.unit_edges()
    graph.add_edges_from(zip(sources.tolist(), targets.tolist(), strict=True))
    return graph


def directed(graph_or_network):
    """All units and edges as a networkx DiGraph from the inputs to the outputs."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(sum(graph_or_network.sizes)))
    sources, targets = graph_or_network.unit_edges()
    graph.add_edges_from(zip(sources.tolist(), targets.tolist(), strict=True))
    return graph
