"""Slow, obvious versions of the fast paths. Dense matrices are allowed here, and only here.

Those of one family of rewiring rules are files beside this one: `oracles_gradient`, `oracles_sampling`,
`oracles_structured`, `oracles_paths`, `oracles_pruning`, `oracles_lottery`.
"""

from __future__ import annotations

import math

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


def set_drop(dense, n_drop):
    """Pairs (source, target) that SET takes out of a dense matrix (NaN: no edge) of weights that are all different.

    Of the positive weights those closest to zero, of the negative ones likewise, in proportion to their numbers.
    """
    entries = [(value, (s, t)) for (t, s), value in np.ndenumerate(dense) if not np.isnan(value)]
    positive = sorted(entry for entry in entries if entry[0] > 0)
    negative = sorted((entry for entry in entries if entry[0] < 0), reverse=True)
    n_positive = round(n_drop * len(positive) / max(1, len(entries)))
    return {pair for _, pair in positive[:n_positive] + negative[: n_drop - n_positive]}


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


def percolation_counts(graph_or_network, order, of="edges"):
    """Every observable once order[:m] are removed, for m = 0 .. len(order), recomputed from nothing by networkx.

    `order` holds edge ids, or units numbered through the levels. Before any division.
    """
    sizes = graph_or_network.sizes
    sources, targets = (units.tolist() for units in graph_or_network.unit_edges())
    first, last = set(range(sizes[0])), set(range(sum(sizes) - sizes[-1], sum(sizes)))
    counts = {}
    for m in range(len(order) + 1):
        gone = {int(item) for item in order[:m]}
        left = nx.MultiDiGraph()
        left.add_nodes_from(range(sum(sizes)))
        left.add_edges_from(
            pair for e, pair in enumerate(zip(sources, targets, strict=True)) if of == "units" or e not in gone
        )
        if of == "units":
            left.remove_nodes_from(gone)
        inputs, outputs = first & set(left), last & set(left)
        parts = sorted((len(part) for part in nx.weakly_connected_components(left)), reverse=True)
        reached = inputs.union(*(nx.descendants(left, unit) for unit in inputs))
        reaching = outputs.union(*(nx.ancestors(left, unit) for unit in outputs))
        n_paths = _path_count(left, inputs, outputs)
        row = {
            "giant_component": parts[0] if parts else 0,
            "second_component": parts[1] if len(parts) > 1 else 0,
            "susceptibility": sum(part * part for part in parts[1:]) / sum(parts[1:]) if len(parts) > 1 else 0.0,
            "n_components": len(parts),
            "units_reachable": len(reached - inputs),
            "outputs_reachable": len(reached & outputs),
            "inputs_connected": len(reaching & inputs),
            "active_units": len(reached & reaching),
            "log_path_count": math.log(n_paths) if n_paths else -math.inf,
        }
        for name, value in row.items():
            counts.setdefault(name, []).append(value)
    return counts


def _path_count(graph, starts, stops):
    """Number of directed paths as a whole number of any size; parallel edges are different paths."""
    paths = {}
    for unit in nx.topological_sort(graph):
        into = sum(
            paths[before] * len(keys) for before, keys in ((b, graph[b][unit]) for b in graph.predecessors(unit))
        )
        paths[unit] = into + (unit in starts)
    return sum(paths[unit] for unit in stops)


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
