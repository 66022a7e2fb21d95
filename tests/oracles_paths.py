"""Slow, obvious versions of path scores, chain removal and growth by distance, on dense matrices and sets."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
from oracles import mask_of


def path_scores(graph, score):
    """Scores of all pairs from the definition: the paths u - a - b - v of every free pair (u, v), one by one."""
    mask = mask_of(graph)
    targets_of = [set(np.flatnonzero(mask[:, u]).tolist()) for u in range(graph.n_in)]
    sources_of = [set(np.flatnonzero(mask[v]).tolist()) for v in range(graph.n_out)]
    scores = np.zeros((graph.n_out, graph.n_in))
    for v, u in itertools.product(range(graph.n_out), range(graph.n_in)):
        if mask[v, u]:
            continue
        paths = [(a, b) for a in targets_of[u] for b in sources_of[v] if mask[a, b]]
        inner_targets, inner_sources = {a for a, _ in paths}, {b for _, b in paths}
        units = {("a", a): (sources_of[a], inner_sources, u) for a in inner_targets}
        units |= {("b", b): (targets_of[b], inner_targets, v) for b in inner_sources}
        inside = {name: len(around & inner) for name, (around, inner, _) in units.items()}
        outside = {name: len(around - inner - {end}) for name, (around, inner, end) in units.items()}
        degree = {name: len(around) for name, (around, _, _) in units.items()}
        if score == "ch3_l3n":
            scores[v, u] = sum(1 / (1 + outside[x]) for x in units)
        elif score == "ch2_l3n":
            scores[v, u] = sum((1 + inside[x]) / (1 + outside[x]) for x in units)
        else:
            for a, b in paths:
                x, y = ("a", a), ("b", b)
                outer = (1 + outside[x]) * (1 + outside[y])
                inner = (1 + inside[x]) * (1 + inside[y])
                product = {"ch3_l3p": 1 / outer, "ch2_l3p": inner / outer, "ra_l3p": 1 / (degree[x] * degree[y])}
                scores[v, u] += np.sqrt(product[score])
    return scores


def matrix_scores(graph):
    """CH3-L3 as the matrix products of the published code compute it."""
    mask = mask_of(graph).astype(float)
    parts = []
    for b in (mask, mask.T):
        p = b @ b.T
        outside = np.where(p > 0, np.maximum(b.sum(axis=1)[None, :] - p - 1, 0), 0)
        parts.append(((p > 0) / (outside + 1)) @ b)
    return (parts[0] + parts[1].T) * (mask == 0)


def used_edges(graphs, alive):
    """Which of the edges that are left lie on a path from the first level to the last, by searching the whole graph."""
    whole = nx.DiGraph()
    for k, (graph, mask) in enumerate(zip(graphs, alive, strict=True)):
        whole.add_nodes_from((k, s) for s in range(graph.n_in))
        whole.add_nodes_from((k + 1, t) for t in range(graph.n_out))
        pairs = zip(graph.sources[mask].tolist(), graph.targets[mask].tolist(), strict=True)
        whole.add_edges_from(((k, s), (k + 1, t)) for s, t in pairs)
    first, last = [n for n in whole if n[0] == 0], [n for n in whole if n[0] == len(graphs)]
    reached = set(first).union(*(nx.descendants(whole, n) for n in first))
    used = set(last).union(*(nx.ancestors(whole, n) for n in last))
    return [
        np.array(
            [bool(on) and (k, int(s)) in reached and (k + 1, int(t)) in used for s, t, on in zip(*rows, strict=True)],
            dtype=bool,
        )
        for k, rows in enumerate((g.sources, g.targets, m) for g, m in zip(graphs, alive, strict=True))
    ]


def normalised_laplacian(graph):
    """I - D^-1/2 A D^-1/2 over the units that have edges (sources first), and which units these are."""
    mask = mask_of(graph).astype(float)
    adjacency = np.block([[np.zeros((graph.n_in,) * 2), mask.T], [mask, np.zeros((graph.n_out,) * 2)]])
    units = np.flatnonzero(adjacency.sum(axis=0))
    adjacency = adjacency[np.ix_(units, units)]
    root = np.sqrt(adjacency.sum(axis=0))
    return np.eye(len(units)) - adjacency / root[:, None] / root[None, :], units


def farthest_pairs(graph, at_source, at_target, n, room_s, room_t):
    """All free pairs sorted by falling distance, canonical order among equals, taken while there is room."""
    mask, room_s, room_t = mask_of(graph), list(room_s), list(room_t)
    free = [(t, s) for t in range(graph.n_out) for s in range(graph.n_in) if not mask[t, s]]
    free.sort(key=lambda pair: (-abs(at_source[pair[1]] - at_target[pair[0]]), pair))
    taken = []
    for t, s in free:
        if len(taken) < n and room_s[s] and room_t[t]:
            room_s[s] -= 1
            room_t[t] -= 1
            taken.append((s, t))
    return taken
