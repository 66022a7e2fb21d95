"""Expansion metrics against closed forms and brute force over all sets of units."""

import itertools

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.generators import biregular, complete, erdos_renyi
from netsparse.metrics import expansion
from netsparse.metrics.expansion import (
    cheeger_bounds,
    mixing_discrepancy,
    normalized_spectral_gap,
    ramanujan_excess,
)
from netsparse.metrics.laplacian import algebraic_connectivity

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)


def cycle(n):
    i = np.arange(n)
    return BipartiteGraph.from_edges(np.r_[i, (i + 1) % n], np.r_[i, i], n_in=n, n_out=n)


def heawood():
    shift = np.array([0, 1, 3])  # a perfect difference set mod 7
    sources = np.repeat(np.arange(7), 3)
    return BipartiteGraph.from_edges(sources, (sources + np.tile(shift, 7)) % 7, n_in=7, n_out=7)


def dense_biadjacency(graph, weights=None):
    """|w| between even and odd levels, edge by edge, without empty rows and columns."""
    adjacency = oracles.adjacency_of(graph, weights)
    is_even = np.repeat(np.arange(len(graph.sizes)) % 2 == 0, graph.sizes)
    block = adjacency[is_even][:, ~is_even]
    return block[block.sum(axis=1) > 0][:, block.sum(axis=0) > 0]


def dense_normalized_values(graph, weights=None):
    block = dense_biadjacency(graph, weights)
    return np.linalg.svd(block / np.sqrt(np.outer(block.sum(axis=1), block.sum(axis=0))), compute_uv=False)


@st.composite
def weighted(draw):
    graph = draw(st.one_of(zoo.graphs(max_units=6), zoo.networks(max_units=4)))
    weights = [
        draw(st.lists(st.sampled_from([0.0, -1.0, 0.5, 2.0]), min_size=g.n_edges, max_size=g.n_edges))
        for g in graph.layers
    ]
    return graph, np.array(weights[0]) if hasattr(graph, "n_in") else [np.array(w) for w in weights]


def agrees_with_the_dense_gap(graph, weights):
    values = dense_normalized_values(graph, weights)
    expected = 0.0 if not len(values) else 1 - values[1] if len(values) > 1 else 1.0
    assert normalized_spectral_gap(graph, weights) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@every
def test_normalized_gap_of_the_zoo(graph):
    agrees_with_the_dense_gap(graph, None)


@given(weighted())
def test_normalized_gap_of_weighted_graphs(case):
    agrees_with_the_dense_gap(*case)


def test_normalized_gap_beyond_the_dense_limit():
    graph = erdos_renyi(400, 500, n_edges=4000, rng=0)
    agrees_with_the_dense_gap(graph, np.random.default_rng(0).normal(size=graph.n_edges))


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (1, 5), (4, 9), (200, 310)])
def test_complete_graphs_have_gap_one(n_in, n_out):
    assert normalized_spectral_gap(complete(n_in, n_out)) == pytest.approx(1)
    assert mixing_discrepancy(complete(n_in, n_out)).bound == pytest.approx(0, abs=1e-7)


def test_several_components_have_no_gap_but_the_giant_has():
    graph = zoo.GRAPHS["two equal blocks"]
    assert normalized_spectral_gap(graph) == 0.0
    assert normalized_spectral_gap(graph, component="giant") == pytest.approx(1)
    with pytest.raises(errors.InvalidOption, match="'all' or 'giant'"):
        normalized_spectral_gap(graph, component="largest")


@pytest.mark.parametrize("n", [3, 10, 400])
def test_cycle(n):
    gap = 1 - np.cos(np.pi / n)
    assert normalized_spectral_gap(cycle(n)) == pytest.approx(gap, rel=1e-6)
    assert cheeger_bounds(cycle(n)) == pytest.approx((gap / 2, np.sqrt(2 * gap)), rel=1e-6)
    assert ramanujan_excess(cycle(n)) == pytest.approx(2 * np.cos(np.pi / n) - 2, abs=1e-9)


def test_scale_of_the_weights_does_not_matter():
    graph = erdos_renyi(40, 30, n_edges=300, rng=0)
    weights = np.random.default_rng(1).normal(size=300)
    for metric in (normalized_spectral_gap, cheeger_bounds, mixing_discrepancy):
        assert metric(graph, 1e200 * weights) == pytest.approx(metric(graph, weights))


# conductance ---------------------------------------------------------------------------------------------------------


def conductance(adjacency):
    degrees, n = adjacency.sum(axis=1), len(adjacency)
    best = np.inf
    for bits in itertools.product([False, True], repeat=n):
        inside = np.array(bits)
        if 0 < (volume := degrees[inside].sum()) <= degrees.sum() / 2:
            best = min(best, adjacency[inside][:, ~inside].sum() / volume)
    return best


@pytest.mark.parametrize("name", ["one edge", "star in", "complete", "path", "cycle", "complete square"])
def test_conductance_lies_between_its_bounds(name):
    low, high = cheeger_bounds(zoo.GRAPHS[name])
    assert low - 1e-9 <= conductance(oracles.adjacency_of(zoo.GRAPHS[name])) <= high + 1e-9


@every
def test_cheeger_bounds_are_zero_exactly_where_units_are_not_connected(graph):
    low, high = cheeger_bounds(graph)
    assert 0 <= low <= high <= 1
    assert (high == 0) == (algebraic_connectivity(graph) == 0)


# Ramanujan -----------------------------------------------------------------------------------------------------------


def test_heawood_graph_is_ramanujan():
    assert ramanujan_excess(heawood()) == pytest.approx(np.sqrt(2) - 2 * np.sqrt(2))


def test_biregular_graphs_have_the_excess_of_the_definition():
    graph = biregular(60, 40, fan_in=6, rng=0)
    second = np.linalg.svd(oracles.mask_of(graph).astype(float), compute_uv=False)[1]
    assert ramanujan_excess(graph) == pytest.approx(second - np.sqrt(5) - np.sqrt(3))


def test_equal_blocks_are_far_from_ramanujan():
    assert ramanujan_excess(zoo.GRAPHS["two equal blocks"]) == pytest.approx(2 - 2)
    assert ramanujan_excess(cycle(5)) < 0 < ramanujan_excess(joined([complete(6, 6)] * 2))


def joined(parts):
    sources = np.concatenate([g.sources + 6 * k for k, g in enumerate(parts)])
    targets = np.concatenate([g.targets + 6 * k for k, g in enumerate(parts)])
    return BipartiteGraph.from_edges(sources, targets, n_in=6 * len(parts), n_out=6 * len(parts))


@every
def test_excess_is_finite_for_every_graph_and_isolated_units_do_not_count(graph):
    block = dense_biadjacency(graph)
    values = np.r_[np.linalg.svd(block, compute_uv=False), 0, 0]
    expected = 0.0
    if block.size:
        even, odd = block.sum() / block.shape[0], block.sum() / block.shape[1]
        expected = values[1] - np.sqrt(even - 1) - np.sqrt(odd - 1)
    assert ramanujan_excess(graph) == pytest.approx(expected, abs=1e-9)


# mixing --------------------------------------------------------------------------------------------------------------


def largest_discrepancy(block):
    rows, columns, total = block.sum(axis=1), block.sum(axis=0), block.sum()
    best = 0.0
    for left in itertools.product([0, 1], repeat=len(rows)):
        for right in itertools.product([0, 1], repeat=len(columns)):
            s, t = np.array(left), np.array(right)
            if s.any() and t.any():
                expected = (rows @ s) * (columns @ t)
                best = max(best, abs(s @ block @ t - expected / total) / np.sqrt(expected))
    return best


@given(weighted().filter(lambda case: sum(dense_biadjacency(*case).shape) <= 9))
def test_largest_discrepancy_lies_between_the_bounds(case):
    found, bound = mixing_discrepancy(*case)
    values = dense_normalized_values(*case)
    assert bound == pytest.approx(values[1] if len(values) > 1 else 0.0, abs=1e-7)
    largest = largest_discrepancy(dense_biadjacency(*case)) if len(values) else 0.0
    assert found <= largest + 1e-9
    assert largest <= bound + 1e-7
    assert found >= 0.5 * largest - 1e-7


@pytest.mark.parametrize(
    "name", ["cycle", "path", "two equal blocks", "perfect matching", "complete", "last row empty"]
)
def test_the_search_finds_the_largest_discrepancy_of_small_graphs(name):
    graph = zoo.GRAPHS[name]
    assert mixing_discrepancy(graph).found == pytest.approx(largest_discrepancy(dense_biadjacency(graph)), abs=1e-9)


def test_a_long_ring_with_chords_does_not_exhaust_the_solvers():
    n = 5000
    i = np.arange(n)
    sources, targets = np.r_[i, (i + 1) % n, 0, 777], np.r_[i, i, n // 2, n // 2 + 777]
    graph = BipartiteGraph.from_edges(sources, targets, n_in=n, n_out=n)
    found, bound = mixing_discrepancy(graph)
    assert bound == pytest.approx(1 - normalized_spectral_gap(graph), abs=1e-11)
    assert 0.9 < found <= bound


def test_what_was_found_is_attained_by_sets(monkeypatch):
    """The search returns a value; the sets behind it, followed here, give the same one by definition."""
    graph, seen = erdos_renyi(300, 400, n_edges=3000, rng=0), []
    best_partner = expansion._best_partner

    def watched(matrix, volume, other, chosen):
        value, partner = best_partner(matrix, volume, other, chosen)
        edges = float((matrix @ chosen.astype(float))[partner].sum())
        expected = float(volume[chosen].sum() * other[partner].sum())
        seen.append(abs(edges - expected / volume.sum()) / np.sqrt(expected) if expected else 0.0)
        assert value == pytest.approx(seen[-1])
        return value, partner

    monkeypatch.setattr(expansion, "_best_partner", watched)
    found, bound = mixing_discrepancy(graph)
    assert found == pytest.approx(max(seen))
    assert 0.3 * bound < found < bound
    assert mixing_discrepancy(graph) == (found, bound)
