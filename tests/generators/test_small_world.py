"""Watts-Strogatz layers: the ring at beta 0, chance at beta 1, the exact law between, and clustering that falls."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from netsparse import BipartiteGraph, errors
from netsparse.generators.small_world import watts_strogatz
from netsparse.generators.structured import circulant


def n_squares(graph):
    """4-cycles, from the common neighbours of every two targets."""
    mask = graph.weight_matrix().toarray()
    common = (mask @ mask.T)[np.triu_indices(graph.n_out, 1)]
    return int((common * (common - 1) / 2).sum())


@settings(deadline=None, max_examples=300)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32))
def test_the_fan_ins_of_the_ring_are_kept_at_every_density(n_in, n_out, part, beta, seed):
    n_edges = round(part * n_in * n_out)
    graph = watts_strogatz(n_in, n_out, n_edges=n_edges, beta=beta, rng=seed)
    assert (*graph.sizes, graph.n_edges) == (n_in, n_out, n_edges)
    assert graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=n_in, n_out=n_out)
    assert graph.fan_in.tolist() == circulant(n_in, n_out, n_edges=n_edges).fan_in.tolist()
    assert graph == watts_strogatz(n_in, n_out, n_edges=n_edges, beta=beta, rng=seed)


@given(st.integers(1, 15), st.integers(1, 15), st.data())
def test_without_rewiring_every_target_reads_one_window_of_the_ring(n_in, n_out, data):
    n_edges = data.draw(st.integers(0, n_in * n_out))
    graph = watts_strogatz(n_in, n_out, n_edges=n_edges, beta=0, rng=0)
    assert graph == circulant(n_in, n_out, n_edges=n_edges)
    assert np.ptp(graph.fan_in) <= 1
    for target in range(n_out):
        read = np.zeros(n_in, dtype=bool)
        read[graph.sources[graph.targets == target]] = True
        # going round the ring, reading starts at most once
        assert np.count_nonzero(read & ~np.roll(read, 1)) == int(0 < read.sum() < n_in)


@pytest.mark.parametrize(("n_in", "width", "beta"), [(5, 2, 0.3), (5, 2, 1.0), (4, 3, 0.5), (9, 1, 0.6)])
def test_the_law_of_one_target_is_exact(n_in, width, beta):
    window = set(circulant(n_in, 1, n_edges=width).sources.tolist())
    probability = {}
    for outcome in itertools.combinations(range(n_in), width):
        total = 0.0
        for n_kept in range(width + 1):
            for kept in itertools.combinations(sorted(window), n_kept):
                if set(kept) <= set(outcome):
                    n_lifted = width - n_kept
                    ways = math.comb(n_in - n_kept, n_lifted)
                    total += beta**n_lifted * (1 - beta) ** n_kept / ways
        probability[outcome] = total
    assert sum(probability.values()) == pytest.approx(1)
    rng, counts, n_trials = np.random.default_rng(0), dict.fromkeys(probability, 0), 4000
    for _ in range(n_trials):
        graph = watts_strogatz(n_in, 1, n_edges=width, beta=beta, rng=rng)
        counts[tuple(graph.sources.tolist())] += 1
    chi_square = sum((counts[each] - n_trials * p) ** 2 / (n_trials * p) for each, p in probability.items())
    assert chi_square < stats.chi2.ppf(0.999, len(probability) - 1)


def test_targets_are_rewired_independently():
    # two targets, one edge each, 2 sources: which end up swapped are independent coins; 3 degrees of freedom
    rng, counts, beta = np.random.default_rng(3), np.zeros((2, 2)), 0.6
    start = circulant(2, 2, n_edges=2)
    for _ in range(4000):
        graph = watts_strogatz(2, 2, n_edges=2, beta=beta, rng=rng)
        counts[tuple((graph.sources != start.sources).astype(int))] += 1
    moved = np.array([1 - beta / 2, beta / 2])
    expected = 4000 * np.outer(moved, moved)
    assert ((counts - expected) ** 2 / expected).sum() < 16.3


@pytest.mark.parametrize("beta", [0.02, 0.3, 0.9])
def test_the_number_of_rewired_edges_is_binomial(beta):
    # with so many sources hardly any edge comes down in its own window
    n_edges, counts = 500, []
    start = circulant(10**7, 100, n_edges=n_edges)
    for seed in range(120):
        graph = watts_strogatz(10**7, 100, n_edges=n_edges, beta=beta, rng=seed)
        counts.append(n_edges - graph.has_edges(start.sources, start.targets).sum())
    variance = n_edges * beta * (1 - beta)
    assert abs(np.mean(counts) - n_edges * beta) < 5 * math.sqrt(variance / 120)
    assert abs(np.var(counts) / variance - 1) < 5 * math.sqrt(2 / 120)


def test_clustering_falls_with_beta():
    found = [n_squares(watts_strogatz(300, 400, n_edges=4000, beta=beta, rng=0)) for beta in (0, 0.1, 0.3, 0.6, 1)]
    assert found == sorted(found, reverse=True)
    # at beta 1 every two targets share any two sources as often as independent random sets of 10 do
    by_chance = math.comb(400, 2) * math.comb(10, 2) ** 2 / math.comb(300, 2)
    assert found[-1] == pytest.approx(by_chance, rel=0.15)
    assert found[0] > 10 * by_chance


def test_a_complete_layer_stays_complete():
    assert watts_strogatz(7, 5, density=1, beta=0.5, rng=0).density == 1


def test_large_sparse_layers_do_not_touch_all_pairs():
    assert watts_strogatz(10**6, 10**6, n_edges=50_000, beta=0.5, rng=0).n_edges == 50_000


def test_numpy_numbers_do_not_overflow():
    plain = watts_strogatz(200, 250, n_edges=120, beta=0.5, rng=0)
    narrow = watts_strogatz(np.uint8(200), np.uint8(250), n_edges=np.uint8(120), beta=np.float32(0.5), rng=0)
    assert narrow == plain
    assert watts_strogatz(200, 250, n_edges=120, beta=1, rng=0) != plain


BAD = [
    (lambda: watts_strogatz(9, 9, density=0.5, beta=1.5, rng=0), errors.InvalidOption, "beta: given 1.5"),
    (lambda: watts_strogatz(9, 9, density=0.5, beta=-0.1, rng=0), errors.InvalidOption, r"in \[0, 1\]; try beta=0.1"),
    (lambda: watts_strogatz(9, 9, density=0.5, beta=float("nan"), rng=0), errors.InvalidOption, "nan"),
    (lambda: watts_strogatz(9, 9, density=0.5, beta="0.1", rng=0), errors.InvalidOption, "'0.1'"),
    (lambda: watts_strogatz(9, 9, density=0.5, beta=True, rng=0), errors.InvalidOption, "True"),
    (lambda: watts_strogatz(9, 9, rng=0), errors.InvalidOption, "neither"),
    (lambda: watts_strogatz(9, 9, n_edges=82, rng=0), errors.NotEnoughFreePairs, "n_edges=81"),
    (lambda: watts_strogatz(9, 9, density=0.001, rng=0), errors.NoEdges, "no edge"),
    (lambda: watts_strogatz(9, 9, density=0, rng=0), errors.InvalidDensity, "given 0"),
    (lambda: watts_strogatz(0, 9, density=0.5, rng=0), errors.InvalidSize, "n_in"),
    (lambda: watts_strogatz(9, 9, density=0.5, rng=None), errors.InvalidSeed, "rng=0"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_clear_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
