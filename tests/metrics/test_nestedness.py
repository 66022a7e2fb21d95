"""NODF against the dense definition and closed forms."""

import itertools

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.generators import biregular, complete, erdos_renyi
from netsparse.metrics.nestedness import nestedness

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}


def by_pairs(masks):
    """NODF of dense masks (n_out x n_in), pair by pair: sources, targets, total."""
    parts = [[], []]
    for mask in masks:
        for side, rows in enumerate((mask.T, mask)):
            for a, b in itertools.combinations(rows, 2):
                low, high = sorted((a, b), key=np.sum)
                nested = 0 < low.sum() < high.sum()
                parts[side].append(100 * (low & high).sum() / low.sum() if nested else 0.0)
    return [float(np.mean(p)) if p else 0.0 for p in (*parts, parts[0] + parts[1])]


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
def test_nestedness_is_the_mean_over_pairs(graph):
    assert list(nestedness(graph)) == pytest.approx(by_pairs([oracles.mask_of(layer) for layer in graph.layers]))


@settings(deadline=None)
@given(st.one_of(zoo.graphs(), zoo.networks()), st.integers(0, 2**32 - 1))
def test_nestedness_of_random_graphs(graph, seed):
    rng = np.random.default_rng(seed)
    vectors = [rng.choice([0.0, -2.0, 0.5], size=layer.n_edges) for layer in graph.layers]
    masks = [oracles.mask_of(layer) for layer in graph.layers]
    assert list(nestedness(graph)) == pytest.approx(by_pairs(masks))
    present = [oracles.dense_of(layer, vector) != 0 for layer, vector in zip(graph.layers, vectors, strict=True)]
    weights = vectors[0] if isinstance(graph, BipartiteGraph) else vectors
    assert list(nestedness(graph, weights)) == pytest.approx(by_pairs(present))


@pytest.mark.parametrize("n", [2, 5, 60])
def test_a_staircase_is_fully_nested(n):
    graph = BipartiteGraph.from_mask(np.tri(n))
    assert tuple(nestedness(graph)) == pytest.approx((100, 100, 100))


def test_equal_degrees_are_not_nested():
    assert nestedness(complete(6, 4)) == (0, 0, 0)
    assert nestedness(biregular(40, 20, fan_in=4, rng=0)) == (0, 0, 0)


def test_the_published_example():
    """The worked matrix of Almeida-Neto et al. 2008, figure 1: N_columns = 63, N_rows = 53, NODF = 58."""
    matrix = [[1, 0, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0]]
    found = nestedness(BipartiteGraph.from_mask(matrix))  # rows are targets, columns are sources
    assert found == pytest.approx((63.33, 53.33, 58.33), abs=0.01)


def test_reversing_swaps_the_sides():
    graph = erdos_renyi(70, 50, density=0.08, rng=0)
    there, back = nestedness(graph), nestedness(graph.reverse()[0])
    assert (there.sources, there.targets) == pytest.approx((back.targets, back.sources))
    assert there.total == pytest.approx(back.total)


def test_hubs_cost_no_more_than_their_edges():
    """A star of 300,000 edges, and one unit more: its pairs of neighbours are 4.5 * 10^10."""
    n = 300_000
    graph = BipartiteGraph.from_edges(np.r_[np.arange(n), 0], np.r_[np.zeros(n, int), 1], n_in=n, n_out=2)
    # every other source, of degree 1, lies inside source 0 of degree 2; both targets share source 0
    expected = (100 * (n - 1) / (n * (n - 1) / 2), 100.0)
    assert nestedness(graph)[:2] == pytest.approx(expected)


def test_impossible_weights_get_one_line():
    with pytest.raises(errors.InvalidEdgeVector, match="one entry per edge"):
        nestedness(zoo.GRAPHS["complete"], [1.0])
