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


def percolation_counts(graph_or_network, order):
    """Every observable after the removal of order[:m], for m = 0 .. n_edges, recomputed from nothing by networkx."""
    sizes = graph_or_network.sizes
    sources, targets = graph_or_network.unit_edges()
    inputs, outputs = range(sizes[0]), range(sum(sizes) - sizes[-1], sum(sizes))
    counts = {}
    for m in range(len(order) + 1):
        left = nx.MultiDiGraph()
        left.add_nodes_from(range(sum(sizes)))
        left.add_edges_from((int(sources[e]), int(targets[e])) for e in order[m:])
        parts = sorted((len(part) for part in nx.weakly_connected_components(left)), reverse=True)
        below = {unit: nx.descendants(left, unit) for unit in inputs}
        row = {
            "giant_component": parts[0],
            "second_component": parts[1] if len(parts) > 1 else 0,
            "n_components": len(parts),
            "outputs_reachable": sum(any(output in below[unit] for unit in inputs) for output in outputs),
            "inputs_connected": sum(any(output in below[unit] for output in outputs) for unit in inputs),
        }
        for name, value in row.items():
            counts.setdefault(name, []).append(value)
    return counts


def edge_rows(network, weights=None):
    """Every edge as (layer, source unit, layer input, target unit, weight), one by one, in canonical order."""
    rows = []
    joints = [None, *getattr(network, "joints", ())]
    for k, (graph, joint) in enumerate(zip(network.layers, joints, strict=True)):
        for edge in range(graph.n_edges):
            entry, target = int(graph.sources[edge]), int(graph.targets[edge])
            source = entry if joint is None else int(joint[entry])
            rows.append((k, source, entry, target, None if weights is None else float(weights[k][edge])))
    return rows


def adjacency_of(graph_or_network, weights=None):
    """Dense symmetric adjacency matrix over all units, edge by edge; |w| where weights are given."""
    n_units = sum(graph_or_network.sizes)
    adjacency = np.zeros((n_units, n_units))
    sources, targets = graph_or_network.unit_edges()
    values = np.ones(len(sources)) if weights is None else np.concatenate(graph_or_network.edge_vectors(weights))
    for source, target, value in zip(sources, targets, values, strict=True):
        adjacency[source, target] += abs(value)
        adjacency[target, source] += abs(value)
    return adjacency


def second_laplacian_eigenvalue(adjacency, *, normalized=False):
    """lambda_2 of D - A, or of I - D^-1/2 A D^-1/2 where no unit is isolated, by a dense solver."""
    degrees = adjacency.sum(axis=1)
    laplacian = np.diag(degrees) - adjacency
    if normalized:
        laplacian = laplacian / np.sqrt(np.outer(degrees, degrees))
    return np.linalg.eigvalsh(laplacian)[1]
