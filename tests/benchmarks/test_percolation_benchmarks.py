"""Speed of percolation curves beside their peers; run with  pytest tests/benchmarks --benchmark-only."""

import time

import networkx as nx
import numpy as np
import pytest

from netsparse.generators import erdos_renyi, layered
from netsparse.percolation import percolate, random_order, removal_counts
from netsparse.percolation.observables import OBSERVABLES
from netsparse.percolation.simulation import observe

SHAPES = {
    "200 k, sparse": (20_000, 200_000),
    "200 k, 1 %": (4_472, 200_000),
    "2 M, sparse": (200_000, 2_000_000),
    "2 M, 1 %": (14_142, 2_000_000),
}
POINTS = 100
REPEATS = 3


def random_graph(n_units, n_edges):
    return erdos_renyi(n_units, n_units, n_edges=n_edges, rng=0)


def pairs_in(graph, order):
    sources, targets = graph.unit_edges()
    return np.column_stack([sources, targets])[order]


def seconds(call):
    """Processor time: all of them run in one thread, and what else the machine does should not decide between them."""
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def whole_curve(graph, **options):
    """The curve at every count from one call; peers are handed a built graph besides."""
    return seconds(lambda: percolate(graph, observables="giant_component", **options))[0]


def igraph_deleting(graph, order, counts):
    """The edges go from one igraph graph. Numbered last to go first, so that those left keep their ids."""
    import igraph

    left = igraph.Graph(n=sum(graph.sizes), edges=pairs_in(graph, order)[::-1].tolist())

    def curve():
        sizes = []
        for count in counts.tolist():
            left.delete_edges(range(graph.n_edges - count, left.ecount()))
            sizes.append(max(left.components().sizes()))
        return sizes

    return seconds(curve)


def igraph_subgraphs(graph, order, counts):
    """A new igraph graph of the edges that are left, for every point."""
    import igraph

    whole = igraph.Graph(n=sum(graph.sizes), edges=pairs_in(graph, order)[::-1].tolist())

    def curve():
        sizes = []
        for count in counts.tolist():
            left = whole.subgraph_edges(range(graph.n_edges - count), delete_vertices=False)
            sizes.append(max(left.components().sizes()))
        return sizes

    return seconds(curve)


def networkx_deleting(graph, order, counts):
    """The edges go from one networkx graph."""
    pairs = [tuple(pair) for pair in pairs_in(graph, order).tolist()]
    left = nx.empty_graph(sum(graph.sizes))
    left.add_edges_from(pairs)

    def curve():
        sizes, gone = [], 0
        for count in counts.tolist():
            left.remove_edges_from(pairs[gone:count])
            gone = count
            sizes.append(max(len(part) for part in nx.connected_components(left)))
        return sizes

    return seconds(curve)


PEERS = {"igraph": (igraph_deleting, igraph_subgraphs), "networkx": (networkx_deleting,)}


def compare(graph, peer, benchmark):
    """Return how many times faster the whole curve is than the peer's of 100 points, the best of several of each.

    All remove the same edges. The ratio returned charges us alone with drawing the random order, as `percolate` does;
    the one with the order given to everybody is kept beside it. Processor time of one thread.
    """
    pytest.importorskip(peer)
    order = random_order(graph, rng=1)
    counts = removal_counts(graph.n_edges, POINTS)
    found = percolate(graph, order=order, observables="giant_component").counts("giant_component")[0, counts]
    given, drawn, slow = [], [], []
    for way in PEERS[peer] * (1 if graph.n_edges > 10**6 else REPEATS):
        given += [whole_curve(graph, order=order) for _ in range(REPEATS)]
        drawn += [whole_curve(graph, rng=0) for _ in range(REPEATS)]
        taken, sizes = way(graph, order, counts)
        assert sizes == found.tolist()
        slow.append(taken)
    seen = {"order given": min(given), "order drawn": min(drawn), peer: min(slow)}
    ratios = {f"times faster, order {which}": min(slow) / seen[f"order {which}"] for which in ("given", "drawn")}
    benchmark.extra_info.update(seen | ratios)
    benchmark.pedantic(whole_curve, (graph,), {"order": order}, rounds=1)
    return ratios["times faster, order drawn"]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_whole_curve(benchmark, shape):
    graph = random_graph(*shape)
    curve = benchmark.pedantic(percolate, (graph,), {"rng": 0}, rounds=5, warmup_rounds=1)
    assert curve.counts("giant_component").shape == (1, graph.n_edges + 1)


@pytest.mark.parametrize("order", ["random", "random_units"])
@pytest.mark.parametrize("shape", [SHAPES["2 M, sparse"], SHAPES["2 M, 1 %"]], ids=["sparse", "1 %"])
def test_two_million_edges_in_a_second_a_trial(benchmark, shape, order):
    """The default observables at every count, the order and everything else included."""
    graph = random_graph(*shape)
    benchmark.pedantic(percolate, (graph,), {"order": order, "rng": 0}, rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.min < 1.0


@pytest.mark.parametrize(("peer", "times"), [("igraph", 200), ("networkx", 1500)])
def test_times_faster_than_a_curve_of_a_hundred_points(benchmark, peer, times):
    assert compare(random_graph(*SHAPES["200 k, sparse"]), peer, benchmark) >= times


@pytest.mark.slow
@pytest.mark.parametrize(("peer", "times"), [("igraph", 200), ("networkx", 1500)])
def test_times_faster_at_two_million_edges(benchmark, peer, times):
    assert compare(random_graph(*SHAPES["2 M, sparse"]), peer, benchmark) >= times


def test_a_network_as_it_is_in_a_millisecond(benchmark):
    """Asked hundreds of times along a functional curve."""
    network = layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    names = ("giant_component", "second_component", "outputs_reachable", "active_units")
    seen = benchmark.pedantic(observe, (network, names), rounds=20, warmup_rounds=1)
    assert seen.keys() == set(names)
    assert benchmark.stats.stats.min < 1e-3


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_each_observable_at_a_hundred_points(benchmark, observable):
    network = layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    options = {"observables": observable, "points": POINTS, "rng": 0}
    benchmark.pedantic(percolate, (network,), options, rounds=5, warmup_rounds=1)
