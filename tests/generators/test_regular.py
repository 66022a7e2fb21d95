"""Regular layers: one side's degrees exact and the other's left to chance, or both exact; uneven counts refused."""

import itertools
import math

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from netsparse import BipartiteGraph, errors
from netsparse.generators.free_sources import sample_free_sources
from netsparse.generators.regular import biregular, constant_fan_in, constant_fan_out


def is_simple(graph):
    return graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=graph.n_in, n_out=graph.n_out)


@settings(max_examples=300)
@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_every_target_has_its_fan_in_and_every_source_its_fan_out(n_in, n_out, data):
    fan_in, seed = data.draw(st.integers(0, n_in)), data.draw(st.integers(0, 2**32))
    graph = constant_fan_in(n_in, n_out, fan_in=fan_in, rng=seed)
    assert graph.sizes == (n_in, n_out)
    assert (graph.fan_in == fan_in).all()
    assert is_simple(graph)
    mirrored = constant_fan_out(n_out, n_in, fan_out=fan_in, rng=seed)
    assert mirrored.sizes == (n_out, n_in)
    assert mirrored.reverse()[0] == graph
    for both in (graph, constant_fan_in(n_in, n_out, n_edges=fan_in * n_out, rng=seed)):
        assert both == constant_fan_in(n_in, n_out, fan_in=fan_in, rng=seed)
    if fan_in:
        assert graph == constant_fan_in(n_in, n_out, density=fan_in / n_in, rng=seed)
        assert mirrored == constant_fan_out(n_out, n_in, density=fan_in / n_in, rng=seed)


@pytest.mark.parametrize("fan_in", [1, 2, 3])
def test_all_wirings_of_a_fan_in_are_equally_likely(fan_in):
    # two targets over 4 sources; both the drawn and the listed way, by fan-in
    rng, counts, n_trials = np.random.default_rng(fan_in), {}, 7200
    for _ in range(n_trials):
        graph = constant_fan_in(4, 2, fan_in=fan_in, rng=rng)
        counts[graph] = counts.get(graph, 0) + 1
    n_all = math.comb(4, fan_in) ** 2
    assert len(counts) == n_all
    mean = n_trials / n_all
    assert sum((count - mean) ** 2 / mean for count in counts.values()) < stats.chi2.ppf(0.999, n_all - 1)


def test_the_fan_outs_are_binomial():
    graph = constant_fan_in(20_000, 5000, fan_in=20, rng=0)
    found = np.bincount(graph.fan_out, minlength=30)[:12]
    expected = 20_000 * stats.binom.pmf(np.arange(12), 5000, 20 / 20_000)
    assert np.abs(found - expected).max() < 5 * math.sqrt(expected.max())


@given(zoo.graphs(), st.data())
def test_free_sources_are_free_and_as_many_as_wanted(graph, data):
    keys = graph.targets.astype(np.int64) * graph.n_in + graph.sources
    counts = [data.draw(st.integers(0, int(graph.n_in - taken))) for taken in graph.fan_in]
    drawn = sample_free_sources(keys, graph.n_in, np.array(counts), np.random.default_rng(data.draw(st.integers(0, 9))))
    assert (np.diff(drawn) > 0).all()
    assert not np.isin(drawn, keys).any()
    assert np.bincount(drawn // graph.n_in, minlength=graph.n_out).tolist() == counts


def test_free_sources_are_uniform_over_what_is_free():
    # sources 0 and 3 of 5 are taken, then 0 of 9; two more are wanted: listed the first time, drawn the second
    for n_in, taken in ((5, [0, 3]), (9, [0])):
        rng, counts = np.random.default_rng(0), {}
        pairs = list(itertools.combinations(sorted(set(range(n_in)) - set(taken)), 2))
        for _ in range(300 * len(pairs)):
            drawn = tuple(sample_free_sources(np.array(taken), n_in, np.array([2]), rng).tolist())
            counts[drawn] = counts.get(drawn, 0) + 1
        assert sorted(counts) == pairs
        chi_square = sum((count - 300) ** 2 / 300 for count in counts.values())
        assert chi_square < stats.chi2.ppf(0.999, len(pairs) - 1)


@given(st.integers(1, 10), st.integers(1, 10), st.data())
def test_biregular_takes_a_density_or_a_count(n_in, n_out, data):
    step = n_in // math.gcd(n_in, n_out)
    fan_in = step * data.draw(st.integers(1, n_in // step))
    graph = biregular(n_in, n_out, fan_in=fan_in, rng=5)
    assert set(graph.fan_in.tolist()) == {fan_in}
    assert graph == biregular(n_in, n_out, n_edges=fan_in * n_out, rng=5)
    assert graph == biregular(n_in, n_out, density=fan_in / n_in, rng=5)


def test_large_layers_do_not_touch_all_pairs():
    for graph in (constant_fan_in(10**6, 10**5, fan_in=1, rng=0), constant_fan_out(10**5, 10**6, fan_out=1, rng=0)):
        assert graph.n_edges == 10**5


def test_numpy_numbers_do_not_overflow():
    plain = constant_fan_in(200, 250, fan_in=120, rng=0)
    assert plain == constant_fan_in(np.uint8(200), np.uint8(250), fan_in=np.uint8(120), rng=0)
    assert constant_fan_out(np.uint8(250), np.uint8(200), fan_out=np.int8(9), rng=0).n_edges == 2250


BAD = [
    (lambda: constant_fan_in(9, 4, rng=0), errors.InvalidOption, "given none, expected exactly one"),
    (lambda: constant_fan_in(9, 4, fan_in=2, n_edges=8, rng=0), errors.InvalidOption, "fan_in and n_edges"),
    (lambda: constant_fan_in(9, 4, fan_in=10, rng=0), errors.InvalidDegree, "n_in = 9; try fan_in=9, .*density=1\\)"),
    (lambda: constant_fan_in(9, 4, fan_in=-1, rng=0), errors.InvalidDegree, "-1.*fan_in=1"),
    (lambda: constant_fan_in(9, 4, fan_in=2.0, rng=0), errors.InvalidDegree, "2.0.*try fan_in=2"),
    (lambda: constant_fan_in(9, 4, fan_in=True, rng=0), errors.InvalidDegree, "True"),
    (lambda: constant_fan_in(9, 4, fan_in="2", rng=0), errors.InvalidDegree, "'2'"),
    (lambda: constant_fan_in(8, 4, n_edges=11, rng=0), errors.InvalidDegree, "11 edges.*4 targets.*fan_in=3.*0.375"),
    (lambda: constant_fan_in(8, 4, density=0.3, rng=0), errors.InvalidDegree, "density: given 10 edges.*fan_in=2"),
    (lambda: constant_fan_in(8, 4, density=0.001, rng=0), errors.NoEdges, "no edge"),
    (lambda: constant_fan_in(8, 4, density=2, rng=0), errors.InvalidDensity, "2"),
    (lambda: constant_fan_in(8, 4, n_edges=36, rng=0), errors.NotEnoughFreePairs, "n_edges=32"),
    (lambda: constant_fan_in(8, 0, fan_in=1, rng=0), errors.InvalidSize, "n_out"),
    (lambda: constant_fan_in(8, 4, fan_in=1, rng=None), errors.InvalidSeed, "rng=0"),
    (lambda: constant_fan_out(4, 9, fan_out=10, rng=0), errors.InvalidDegree, "n_out = 9; try fan_out=9, "),
    (lambda: constant_fan_out(4, 8, n_edges=11, rng=0), errors.InvalidDegree, "4 sources.*fan_out=3.*0.375"),
    (lambda: constant_fan_out(4, 8, rng=0), errors.InvalidOption, "fan_out, density, n_edges"),
    (lambda: biregular(6, 4, rng=0), errors.InvalidOption, "given none"),
    (lambda: biregular(6, 4, fan_in=3, density=0.5, rng=0), errors.InvalidOption, "fan_in and density"),
    (lambda: biregular(6, 4, n_edges=8, rng=0), errors.InvalidDegree, "8 edges.*a multiple of 3; try fan_in=3"),
    (lambda: biregular(10, 9, density=0.5, rng=0), errors.InvalidDegree, "45 edges.*fan_in=10.*or near_biregular"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_clear_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
