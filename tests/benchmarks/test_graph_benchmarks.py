"""Speed of the graph floor at a million edges; run with  pytest tests/benchmarks --benchmark-only."""

import numpy as np
import pytest
import scipy.sparse as sp

from netsparse import BipartiteGraph, EdgeDelta, apply, carry, diff
from netsparse.graph import free_pairs

N_UNITS, N_EDGES, FRACTION = 10_000, 1_000_000, 0.3


@pytest.fixture(scope="module")
def pairs():
    """A million distinct pairs in random order."""
    rng = np.random.default_rng(0)
    keys = rng.choice(N_UNITS**2, size=N_EDGES, replace=False)
    return keys % N_UNITS, keys // N_UNITS


@pytest.fixture(scope="module")
def graph(pairs):
    return BipartiteGraph.from_edges(*pairs, n_in=N_UNITS, n_out=N_UNITS)


@pytest.fixture(scope="module")
def delta(graph):
    rng = np.random.default_rng(1)
    n_moved = int(FRACTION * graph.n_edges)
    removed = rng.choice(graph.n_edges, size=n_moved, replace=False)
    return EdgeDelta(removed, *free_pairs(graph, n_moved, rng=rng))


def test_from_edges_of_unsorted_pairs(benchmark, pairs):
    graph = benchmark(BipartiteGraph.from_edges, *pairs, n_in=N_UNITS, n_out=N_UNITS)
    assert graph.n_edges == N_EDGES


def test_peer_scipy_coo_to_csr(benchmark, pairs):
    sources, targets = pairs

    def build():
        return sp.coo_array((np.ones(N_EDGES), (targets, sources)), shape=(N_UNITS, N_UNITS)).tocsr()

    assert benchmark(build).nnz == N_EDGES


def test_apply_of_a_thirty_percent_delta(benchmark, graph, delta):
    after, _ = benchmark(apply, graph, delta)
    assert after.n_edges == graph.n_edges


def test_carry_of_one_edge_vector(benchmark, graph, delta):
    _, edge_map = apply(graph, delta)
    assert len(benchmark(carry, np.ones(graph.n_edges), edge_map)) == graph.n_edges


def test_diff_of_two_graphs(benchmark, graph, delta):
    after, _ = apply(graph, delta)
    assert benchmark(diff, graph, after).n_removed == delta.n_removed


def test_free_pairs_for_a_thirty_percent_delta(benchmark, graph):
    n_pairs = int(FRACTION * graph.n_edges)
    sources, _ = benchmark(free_pairs, graph, n_pairs, rng=2)
    assert len(sources) == n_pairs


def test_edge_ids_of_all_edges(benchmark, graph, pairs):
    assert len(benchmark(graph.edge_ids, *pairs)) == N_EDGES


def test_by_source_of_a_fresh_graph(benchmark, graph):
    def fresh():
        return (BipartiteGraph.from_canonical(graph.n_in, graph.n_out, graph.indptr, graph.indices),), {}

    indptr, _ = benchmark.pedantic(lambda fresh_graph: fresh_graph.by_source, setup=fresh, rounds=10)
    assert indptr[-1] == N_EDGES
