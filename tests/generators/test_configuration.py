"""Given degrees: met exactly by every graphical pair of sequences, refused in one line by every other, near uniform."""

import itertools

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from netsparse import BipartiteGraph, apply, errors
from netsparse.generators.configuration import configuration_model
from netsparse.generators.highest_first import realization
from netsparse.generators.null_models import degree_preserving


def all_graphs(fan_out, fan_in):
    """Every simple graph with these degrees, by brute force over the neighbours of each target."""
    found = []
    choices = [itertools.combinations(range(len(fan_out)), degree) for degree in fan_in]
    for rows in itertools.product(*choices):
        sources = [source for row in rows for source in row]
        if np.bincount(sources, minlength=len(fan_out)).tolist() == list(fan_out):
            targets = np.repeat(np.arange(len(fan_in)), fan_in)
            found.append(BipartiteGraph.from_edges(sources, targets, n_in=len(fan_out), n_out=len(fan_in)))
    return found


def check(fan_out, fan_in, seed, **options):
    graph = configuration_model(fan_out, fan_in, rng=seed, **options)
    assert graph.fan_out.tolist() == list(fan_out)
    assert graph.fan_in.tolist() == list(fan_in)
    assert graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=graph.n_in, n_out=graph.n_out)
    assert graph == configuration_model(fan_out, fan_in, rng=seed, **options)
    return graph


@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
def test_the_degrees_of_the_zoo_are_met(graph):
    check(graph.fan_out, graph.fan_in, 0)


@settings(deadline=None, max_examples=300)
@given(zoo.graphs(), st.integers(0, 2**32), st.sampled_from([0, 3]))
def test_the_degrees_of_every_graph_are_met(graph, seed, swaps_per_edge):
    check(graph.fan_out, graph.fan_in, seed, swaps_per_edge=swaps_per_edge)


@settings(deadline=None, max_examples=300)
@given(zoo.graphs(), st.integers(0, 99))
def test_taking_the_highest_first_never_gets_stuck(graph, seed):
    keys = np.sort(realization(graph.fan_in, graph.fan_out, np.random.default_rng(seed)))
    assert (np.diff(keys) > 0).all()
    assert np.bincount(keys % graph.n_in, minlength=graph.n_in).tolist() == graph.fan_out.tolist()
    assert np.bincount(keys // graph.n_in, minlength=graph.n_out).tolist() == graph.fan_in.tolist()


@settings(deadline=None, max_examples=400)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_degrees_are_refused_exactly_where_no_graph_has_them(fan_out, fan_in):
    possible = max(fan_in) <= len(fan_out) and bool(all_graphs(fan_out, fan_in))
    if possible:
        check(fan_out, fan_in, 0)
    else:
        with pytest.raises(errors.InvalidDegree, match=r"expected (at most|equal sums)") as caught:
            configuration_model(fan_out, fan_in, rng=0)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_a_staircase_has_one_graph_and_it_is_found(n):
    # source s feeds the targets 0 .. s: nothing can be swapped, and random pairs never meet it
    graph = check(np.arange(1, n + 1), np.arange(n, 0, -1), 0)
    assert (graph.sources >= graph.targets).all()


@pytest.mark.parametrize("exponent", [1.6, 2.1, 3.0])
def test_heavy_tails_are_met(exponent):
    # the largest hubs reach all units of the other side, whose degrees leave a single graph, or are left to chance
    n, rng = 600, np.random.default_rng(0)
    wanted = np.minimum(n, (n * np.arange(1, n + 1) ** (-1 / (exponent - 1))).astype(int) + 1)
    tight = np.array([(wanted > t).sum() for t in range(n)])  # the conjugate: the last sequence that has a graph
    loose = np.bincount(rng.integers(n, size=wanted.sum() - n), minlength=n) + 1
    assert 2 * wanted.sum() < n * n  # not drawn as a complement
    for fan_in in (tight, loose):
        check(rng.permutation(wanted), fan_in, 1)


SPACES = {
    "2 2 1 1 on 2 2 2": ([2, 2, 1, 1], [2, 2, 2]),
    "3 2 1 1 on 3 2 1 1": ([3, 2, 1, 1], [3, 2, 1, 1]),
    "one hub": ([4, 1, 1, 1, 1], [2, 2, 2, 1, 1]),
    "a perfect matching": ([1, 1, 1, 1], [1, 1, 1, 1]),
    "more than half of the pairs": ([3, 3, 2, 1], [3, 2, 2, 2]),
}


@pytest.mark.parametrize(("fan_out", "fan_in"), SPACES.values(), ids=SPACES)
def test_every_graph_with_the_degrees_is_equally_likely(fan_out, fan_in):
    everything = all_graphs(fan_out, fan_in)
    rng, counts = np.random.default_rng(0), dict.fromkeys(everything, 0)
    mean = 100
    for _ in range(mean * len(everything)):
        counts[configuration_model(fan_out, fan_in, rng=rng)] += 1
    chi_square = sum((count - mean) ** 2 / mean for count in counts.values())
    assert chi_square < stats.chi2.ppf(0.999, len(everything) - 1)


def test_swaps_from_a_built_graph_are_uniform_too():
    # what follows where repair gives up, on degrees whose graphs can be listed
    fan_out, fan_in = np.array([3, 2, 1, 1]), np.array([3, 2, 1, 1])
    everything = all_graphs(fan_out, fan_in)
    rng, counts, mean = np.random.default_rng(0), dict.fromkeys(everything, 0), 100
    for _ in range(mean * len(everything)):
        keys = np.sort(realization(fan_in, fan_out, rng))
        start = BipartiteGraph.from_sorted_keys(keys, n_in=4, n_out=4)
        counts[apply(start, degree_preserving(start, rng=rng))[0]] += 1
    chi_square = sum((count - mean) ** 2 / mean for count in counts.values())
    assert chi_square < stats.chi2.ppf(0.999, len(everything) - 1)


def test_large_sparse_layers_do_not_touch_all_pairs():
    fan_out, fan_in = np.zeros(10**6, dtype=int), np.zeros(10**6, dtype=int)
    fan_out[:20_000], fan_in[-10_000:] = 1, 2
    assert check(fan_out, fan_in, 0).n_edges == 20_000


def test_narrow_integers_do_not_overflow():
    narrow = configuration_model(np.full(200, 100, dtype=np.uint8), np.full(200, 100, dtype=np.int8), rng=0)
    assert narrow == configuration_model([100] * 200, [100] * 200, rng=0)


BAD = [
    (([3, 1], [2, 2]), errors.InvalidDegree, "fan_out: given 3 for source 0, expected at most n_out = 2"),
    (([1, 1], [0, 3]), errors.InvalidDegree, "fan_in: given 3 for target 1, expected at most n_in = 2"),
    (([2, 1], [1, 1]), errors.InvalidDegree, "3 edges out of the sources and 2 into the targets"),
    (([1, 3, 0], [2, 2, 0]), errors.InvalidDegree, "4 edges for the 2 targets of largest fan_in, expected at most 3"),
    (([1, -1], [0, 0]), errors.InvalidDegree, "fan_out: given -1 for unit 1"),
    (([1.0, 1.0], [1, 1]), errors.InvalidEdges, "fan_out: given float64"),
    (([[1], [1]], [1, 1]), errors.InvalidEdges, "1-D array of integers"),
    (([], [0]), errors.InvalidSize, "n_in"),
    (([0], []), errors.InvalidSize, "n_out"),
    ((2, [1]), errors.InvalidEdges, "fan_out"),
]


@pytest.mark.parametrize(("degrees", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_degrees_are_one_clear_line(degrees, error, message):
    with pytest.raises(error, match=message) as caught:
        configuration_model(*degrees, rng=0)
    assert "\n" not in str(caught.value)


def test_bad_options_are_one_clear_line():
    with pytest.raises(errors.InvalidOption, match="swaps_per_edge"):
        configuration_model([1], [1], swaps_per_edge=-1, rng=0)
    with pytest.raises(errors.InvalidSeed, match="rng=0"):
        configuration_model([1], [1], rng=None)
