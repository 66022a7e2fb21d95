"""Speed of the null models at a million edges; run with  pytest tests/benchmarks --benchmark-only."""

import igraph as ig
import networkx as nx
import numpy as np
import pytest

from netsparse import metrics
from netsparse.generators import degree_preserving, density_preserving, erdos_renyi, layered

N_UNITS, N_EDGES = 100_000, 1_000_000
SMALL = 20_000  # edges for the peers


@pytest.fixture(scope="module")
def graph():
    degree_preserving(erdos_renyi(9, 9, n_edges=20, rng=0), rng=0)  # compiled before it is timed
    return erdos_renyi(N_UNITS, N_UNITS, n_edges=N_EDGES, rng=0)


@pytest.fixture(scope="module")
def small():
    return erdos_renyi(2_000, 2_000, n_edges=SMALL, rng=0)


def test_ten_swaps_per_edge_of_a_million_edges(benchmark, graph):
    delta = benchmark.pedantic(degree_preserving, (graph,), {"rng": 0}, rounds=3)
    assert delta.n_removed > 0.99 * N_EDGES


def test_within_signs(benchmark, graph):
    weights = np.random.default_rng(0).normal(size=N_EDGES)
    options = {"weights": weights, "signs": weights, "rng": 0}
    assert benchmark.pedantic(degree_preserving, (graph,), options, rounds=3).n_removed > 0.99 * N_EDGES


def test_density_preserving_of_a_million_edges(benchmark, graph):
    assert benchmark.pedantic(density_preserving, (graph,), {"rng": 0}, rounds=3).n_removed > 0.99 * N_EDGES


def test_ten_swaps_per_edge_of_a_small_graph(benchmark, small):
    assert benchmark(degree_preserving, small, rng=0).n_removed > 0.99 * SMALL


def test_peer_igraph_one_sided_rewire(benchmark, small):
    # igraph keeps the degrees but not the two sides: swaps may connect two sources
    edges = np.stack(small.unit_edges(), axis=1).tolist()

    def rewired():
        peer = ig.Graph(n=sum(small.sizes), edges=edges)
        peer.rewire(10 * SMALL)
        return peer

    assert benchmark(rewired).ecount() == SMALL


def test_peer_networkx_one_sided_swaps(benchmark, small):
    edges = np.stack(small.unit_edges(), axis=1).tolist()

    def swapped():
        peer = nx.Graph(edges)
        return nx.double_edge_swap(peer, nswap=10 * SMALL, max_tries=40 * SMALL, seed=0)

    assert benchmark.pedantic(swapped, rounds=1).number_of_edges() == SMALL


def test_summarize_without_null_model(benchmark):
    network = layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    assert len(benchmark.pedantic(metrics.summarize, (network,), rounds=5, warmup_rounds=1)) > 80


def test_summarize_with_twenty_copies(benchmark):
    network = layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    options = {"null_model": "degree", "n_null": 20, "rng": 0}
    table = benchmark.pedantic(metrics.summarize, (network,), options, rounds=1)
    assert table.z.notna().any()
