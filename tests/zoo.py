"""Nasty graphs and networks that every test of a family runs over, and hypothesis strategies for random ones."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from netsparse.graph import BipartiteGraph, EdgeDelta, SparseNetwork


def _graph(n_in, n_out, pairs):
    sources, targets = zip(*pairs, strict=True) if pairs else ((), ())
    return BipartiteGraph.from_edges(list(sources), list(targets), n_in=n_in, n_out=n_out)


def _complete(n_in, n_out):
    return _graph(n_in, n_out, [(s, t) for s in range(n_in) for t in range(n_out)])


GRAPHS = {
    "one unit each side, no edge": _graph(1, 1, []),
    "one edge": _graph(1, 1, [(0, 0)]),
    "no edges": _graph(4, 3, []),
    "one edge among isolated units": _graph(5, 4, [(3, 2)]),
    "star in": _graph(6, 1, [(s, 0) for s in range(6)]),
    "star out": _graph(1, 6, [(0, t) for t in range(6)]),
    "complete": _complete(4, 3),
    "complete square": _complete(5, 5),
    "two equal blocks": _graph(4, 4, [(s + b, t + b) for b in (0, 2) for s in range(2) for t in range(2)]),
    "perfect matching": _graph(5, 5, [(i, (i + 2) % 5) for i in range(5)]),
    "path": _graph(4, 4, [(i, i) for i in range(4)] + [(i + 1, i) for i in range(3)]),
    "cycle": _graph(5, 5, [(i, i) for i in range(5)] + [((i + 1) % 5, i) for i in range(5)]),
    "last row empty": _graph(3, 4, [(0, 0), (2, 1), (1, 2)]),
    "first rows empty": _graph(3, 4, [(0, 3), (2, 3)]),
    "sparse random": BipartiteGraph.from_mask(np.random.default_rng(1).random((40, 60)) < 0.05),
    "dense random": BipartiteGraph.from_mask(np.random.default_rng(2).random((12, 9)) < 0.8),
}

NETWORKS = {
    "one layer": SparseNetwork([GRAPHS["sparse random"]]),
    "no edges anywhere": SparseNetwork([_graph(3, 2, []), _graph(2, 4, [])]),
    "broken in the middle": SparseNetwork([_complete(3, 3), _graph(3, 3, []), _complete(3, 2)]),
    "one unit wide": SparseNetwork([_graph(1, 1, [(0, 0)])] * 3),
    "three layers": SparseNetwork(
        [
            BipartiteGraph.from_mask(np.random.default_rng(k).random((n, m)) < 0.2)
            for k, (m, n) in enumerate([(9, 14), (14, 11), (11, 6)])
        ]
    ),
    "joint": SparseNetwork(
        [_complete(3, 2), _graph(6, 2, [(0, 0), (3, 0), (4, 1), (5, 1)])], joints=[[0, 0, 0, 1, 1, 1]]
    ),
}


@st.composite
def graphs(draw, max_units=9):
    """Any bipartite graph of up to `max_units` units a side, the empty and the complete one included."""
    n_in, n_out = draw(st.integers(1, max_units)), draw(st.integers(1, max_units))
    keys = draw(st.sets(st.integers(0, n_in * n_out - 1), max_size=n_in * n_out))
    return _graph(n_in, n_out, [(k % n_in, k // n_in) for k in sorted(keys)])


@st.composite
def deltas(draw, graph):
    """Any valid delta of `graph`; added pairs may equal removed ones."""
    removed = draw(st.sets(st.integers(0, graph.n_edges - 1))) if graph.n_edges else set()
    pairs = {(s, t) for s in range(graph.n_in) for t in range(graph.n_out)}
    gone = set(removed)
    kept = {(int(graph.sources[e]), int(graph.targets[e])) for e in range(graph.n_edges) if e not in gone}
    free = sorted(pairs - kept)
    added = draw(st.lists(st.sampled_from(free), unique=True)) if free else []
    sources, targets = zip(*added, strict=True) if added else ((), ())
    return EdgeDelta(sorted(removed), list(sources), list(targets))


@st.composite
def graphs_with_delta(draw):
    graph = draw(graphs())
    return graph, draw(deltas(graph))


@st.composite
def graph_pairs(draw):
    """Two graphs between the same units."""
    first = draw(graphs())
    keys = draw(st.sets(st.integers(0, first.n_in * first.n_out - 1)))
    return first, _graph(first.n_in, first.n_out, [(k % first.n_in, k // first.n_in) for k in sorted(keys)])


@st.composite
def networks(draw, max_units=6, max_layers=3):
    """A chain of one to `max_layers` random layers without joints."""
    sizes = draw(st.lists(st.integers(1, max_units), min_size=2, max_size=max_layers + 1))
    layers = []
    for n_in, n_out in itertools.pairwise(sizes):
        keys = draw(st.sets(st.integers(0, n_in * n_out - 1)))
        layers.append(_graph(n_in, n_out, [(k % n_in, k // n_in) for k in sorted(keys)]))
    return SparseNetwork(layers)
