"""Layers without randomness: windows that are contiguous, centred and as wide as the count says; trees; complete."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors
from netsparse.generators.structured import banded, circulant, complete, tree
from netsparse.graph import BipartiteGraph
from netsparse.metrics import singular_values


def rows_of(graph):
    return [graph.sources[graph.targets == t].tolist() for t in range(graph.n_out)]


def window(n_in, n_out, target, width):
    """Where a window of `width` starts that is centred at the target's rescaled position, in exact arithmetic."""
    position = (target + Fraction(1, 2)) * n_in / n_out
    return (position - Fraction(width, 2) + Fraction(1, 2)).__floor__()


@st.composite
def sizes_and_count(draw):
    n_in, n_out = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    return n_in, n_out, draw(st.integers(0, n_in * n_out))


@given(sizes_and_count())
def test_banded_windows_are_contiguous_and_centred(case):
    n_in, n_out, n_edges = case
    graph = banded(n_in, n_out, n_edges=n_edges)
    assert (graph.n_in, graph.n_out, graph.n_edges) == (n_in, n_out, n_edges)
    assert graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=n_in, n_out=n_out)
    assert np.ptp(graph.fan_in) <= 1
    for target, row in enumerate(rows_of(graph)):
        start = min(max(window(n_in, n_out, target, len(row)), 0), n_in - len(row))
        assert row == list(range(start, start + len(row)))


@given(sizes_and_count())
def test_circulant_windows_are_contiguous_on_the_ring_and_centred(case):
    n_in, n_out, n_edges = case
    graph = circulant(n_in, n_out, n_edges=n_edges)
    assert (graph.n_in, graph.n_out, graph.n_edges) == (n_in, n_out, n_edges)
    assert graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=n_in, n_out=n_out)
    assert np.ptp(graph.fan_in) <= 1
    for target, row in enumerate(rows_of(graph)):
        start = window(n_in, n_out, target, len(row))
        assert row == sorted((start + place) % n_in for place in range(len(row)))


@pytest.mark.parametrize("generator", [banded, circulant])
@given(sizes_and_count())
def test_wider_windows_are_spread_evenly(generator, case):
    n_in, n_out, n_edges = case
    filled = np.cumsum(generator(n_in, n_out, n_edges=n_edges).fan_in)
    assert np.abs(filled - n_edges * np.arange(1, n_out + 1) / n_out).max() < 1


@pytest.mark.parametrize(("n", "d"), [(12, 3), (15, 4), (9, 9), (31, 2)])
def test_square_regular_circulants_have_the_closed_form_spectrum(n, d):
    graph = circulant(n, n, n_edges=n * d)
    assert set(graph.fan_out.tolist()) == {d}
    matrix = graph.weight_matrix().toarray()
    assert all(np.array_equal(np.roll(matrix[t], 1), matrix[t + 1]) for t in range(n - 1))
    k = np.arange(1, n)
    closed = np.append(np.abs(np.sin(np.pi * d * k / n) / np.sin(np.pi * k / n)), d)
    assert singular_values(graph, k=n) == pytest.approx(np.sort(closed)[::-1], abs=1e-10)


def test_a_band_has_ends_and_a_ring_has_none():
    band, ring = banded(60, 60, n_edges=420), circulant(60, 60, n_edges=420)
    assert np.abs(band.sources.astype(int) - band.targets).max() <= 6
    assert np.ptp(ring.fan_out) == 0
    assert np.ptp(band.fan_out) > 0
    around = np.abs(ring.sources.astype(int) - ring.targets)
    assert np.minimum(around, 60 - around).max() == 3
    assert around.max() > 50


@given(st.integers(1, 40), st.integers(1, 40))
def test_trees_deal_the_larger_side_out_in_contiguous_near_equal_shares(n_in, n_out):
    graph = tree(n_in, n_out)
    assert graph.n_edges == max(n_in, n_out)
    few, many = (graph.fan_in, graph.fan_out) if n_in >= n_out else (graph.fan_out, graph.fan_in)
    assert set(many.tolist()) == {1}
    assert np.ptp(few) <= 1
    assert few.min() >= 1
    assert (np.diff(graph.sources) >= 0).all()
    assert graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=n_in, n_out=n_out)


def test_complete_has_every_pair_in_row_major_order():
    assert complete(3, 2) == BipartiteGraph.from_mask(np.ones((2, 3)))


def test_large_sparse_layers_do_not_touch_all_pairs():
    for generator in (banded, circulant):
        assert generator(10**6, 10**6, n_edges=50_000).n_edges == 50_000
    assert tree(10**6, 10**5).n_edges == 10**6


def test_sizes_near_the_limit_of_numbered_pairs_do_not_overflow():
    for generator in (banded, circulant):
        graph = generator(2**61, 3, n_edges=6)
        centres = [(t + Fraction(1, 2)) * 2**61 / 3 for t in range(3)]
        assert all(abs(s + Fraction(1, 2) - centres[t]) <= 1 for t, row in enumerate(rows_of(graph)) for s in row)


@pytest.mark.parametrize("kind", [np.int16, np.uint8])
def test_numpy_sizes_do_not_overflow(kind):
    for generator in (banded, circulant):
        assert generator(kind(200 % 128), kind(100), n_edges=kind(90)) == generator(72, 100, n_edges=90)
    assert tree(kind(100), kind(7)) == tree(100, 7)


def test_density_means_the_nearest_number_of_edges():
    for generator, density in itertools.product((banded, circulant), (0.01, 0.3)):
        assert generator(784, 1000, density=density).n_edges == round(784_000 * density)


@pytest.mark.parametrize("generator", [banded, circulant])
def test_bad_counts_are_one_clear_line(generator):
    for options, error in [
        ({}, errors.InvalidOption),
        ({"density": 0.1, "n_edges": 3}, errors.InvalidOption),
        ({"density": 1.5}, errors.InvalidDensity),
        ({"density": 1e-9}, errors.NoEdges),
        ({"n_edges": 13}, errors.NotEnoughFreePairs),
    ]:
        with pytest.raises(error) as caught:
            generator(4, 3, **options)
        assert "\n" not in str(caught.value)


def test_bad_sizes_are_one_clear_line():
    for generator in (complete, tree):
        with pytest.raises(errors.InvalidSize, match="n_out"):
            generator(3, 0)
