"""G(n, p): independent pairs, so that count and edge set have the law of independent coins at every p."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.generators.random import RARE, gnp


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_any_probability_gives_a_simple_graph(n_in, n_out, p, seed):
    graph = gnp(n_in, n_out, p=p, rng=seed)
    assert graph.sizes == (n_in, n_out)
    assert graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=n_in, n_out=n_out)
    assert graph == gnp(n_in, n_out, p=p, rng=seed)


@pytest.mark.parametrize("p", [0.25, 0.7])
def test_every_graph_has_the_probability_of_independent_pairs(p):
    # 2 x 2 units: 16 graphs; chi-square with 15 degrees of freedom, 99.9 % quantile 37.7
    rng, counts, n_trials = np.random.default_rng(0), {}, 8000
    for _ in range(n_trials):
        graph = gnp(2, 2, p=p, rng=rng)
        counts[graph] = counts.get(graph, 0) + 1
    assert len(counts) == 16
    expected = {graph: n_trials * p**graph.n_edges * (1 - p) ** (4 - graph.n_edges) for graph in counts}
    assert sum((counts[graph] - mean) ** 2 / mean for graph, mean in expected.items()) < 37.7


@pytest.mark.parametrize(("n_in", "n_out", "p"), [(30, 40, 0.1), (10**12, 1, 2e-11), (2**61, 2, 1e-17)])
def test_the_count_is_binomial_however_small_p_is(n_in, n_out, p):
    rng, n_trials = np.random.default_rng(1), 2000
    counts = np.array([gnp(n_in, n_out, p=p, rng=rng).n_edges for _ in range(n_trials)])
    variance = p * (1 - p) * n_in * n_out
    # five standard deviations of the mean, and of the variance of nearly normal counts
    assert abs(counts.mean() - p * n_in * n_out) < 5 * math.sqrt(variance / n_trials)
    assert abs(counts.var() / variance - 1) < 5 * math.sqrt((2 + 1 / variance) / n_trials)


@pytest.mark.parametrize("p", [RARE * 0.999, RARE])
def test_both_ways_to_draw_the_count_agree_where_they_meet(p):
    counts = [gnp(10**10, 1, p=p, rng=seed).n_edges for seed in range(1000)]
    assert abs(np.mean(counts) - 10) < 5 * math.sqrt(10 / 1000)


def test_the_ends_are_certain():
    for n_in, n_out, seed in itertools.product((1, 5), (1, 7), range(5)):
        assert gnp(n_in, n_out, p=0, rng=seed).n_edges == 0
        assert gnp(n_in, n_out, p=1.0, rng=seed).n_edges == n_in * n_out


def test_numpy_numbers_do_not_overflow():
    assert gnp(np.uint8(200), np.uint8(200), p=np.float32(0.5), rng=0) == gnp(200, 200, p=0.5, rng=0)


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan"), float("inf"), "0.1", None, True, [0.1]])
def test_what_is_no_probability_is_refused_in_one_line(p):
    with pytest.raises(errors.InvalidOption, match=r"expected a probability, in \[0, 1\]; try p=0.01") as caught:
        gnp(3, 3, p=p, rng=0)
    assert "\n" not in str(caught.value)


def test_bad_sizes_and_seeds_are_refused():
    with pytest.raises(errors.InvalidSize, match="at least 1"):
        gnp(0, 3, p=0.1, rng=0)
    with pytest.raises(errors.InvalidSeed, match="rng=0"):
        gnp(3, 3, p=0.1, rng=None)
