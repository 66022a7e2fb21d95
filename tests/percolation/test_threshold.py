"""The threshold by the second component's peak: conventions on small curves, theory on large random graphs."""

import math

import numpy as np
import pytest
import scipy.stats
import zoo

from netsparse import generators
from netsparse.errors import UnknownName
from netsparse.graph import BipartiteGraph
from netsparse.percolation import Threshold, percolate
from netsparse.percolation.threshold import second_component_peak


@pytest.mark.parametrize(
    ("counts", "peak"),
    [
        ([0, 1, 5, 2, 1], 2.0),
        ([0, 1, 5, 5, 5, 1], 3.0),
        ([0, 5, 5, 1], 1.0),
        ([0, 5, 1, 5, 1, 5, 1], 3.0),
        ([1, 2, 2], 1.0),
    ],
)
def test_the_middle_of_the_highest_counts_is_the_peak(counts, peak):
    assert second_component_peak(np.array(counts)) == peak


@pytest.mark.parametrize("counts", [[1], [0, 1, 1, 1], [3, 2, 1], [3, 3, 2, 3]])
def test_no_peak_is_said_to_be_none(counts):
    assert math.isnan(second_component_peak(np.array(counts)))


@pytest.mark.parametrize("name", ["no edges", "one edge", "star in", "two equal blocks", "perfect matching"])
def test_graphs_without_a_transition_have_no_threshold(name):
    threshold = percolate(zoo.GRAPHS[name], trials=3, rng=0).threshold()
    assert math.isnan(threshold.fraction_kept)
    assert math.isnan(threshold.fraction_removed)
    assert math.isnan(threshold.error)


def test_a_path_cut_in_the_middle_peaks_there():
    path = zoo.GRAPHS["path"]
    middle = int(path.edge_ids([2], [1])[0])
    order = [middle, *(e for e in range(path.n_edges) if e != middle)]
    threshold = percolate(path, order=order).threshold()
    assert threshold.fraction_removed == 1 / 7
    assert threshold.fraction_kept == pytest.approx(6 / 7)
    assert math.isnan(threshold.error)
    assert threshold.method == "second_component"


def test_peaks_are_averaged_over_trials():
    graph = generators.erdos_renyi(60, 60, n_edges=200, rng=0)
    curve = percolate(graph, trials=6, rng=0)
    peaks = np.array([second_component_peak(row) for row in curve.counts("second_component")]) / graph.n_edges
    half_width = scipy.stats.t.ppf(0.975, 5) * scipy.stats.sem(peaks)
    threshold = curve.threshold("second_component")
    assert threshold == Threshold(
        1 - threshold.fraction_removed, threshold.fraction_removed, threshold.error, "second_component"
    )
    assert (threshold.fraction_removed, threshold.error) == pytest.approx((peaks.mean(), half_width))


def test_unknown_methods_list_the_known():
    with pytest.raises(UnknownName, match="one of second_component"):
        percolate(zoo.GRAPHS["complete"], rng=0).threshold("guess")


def critical_fraction(graph):
    """1 / sqrt(kappa_in kappa_out), kappa = <k(k - 1)> / <k>, with the realised degrees."""
    degrees = [np.asarray(d, dtype=float) for d in (graph.fan_in, graph.fan_out)]
    kappa_in, kappa_out = ((k * (k - 1)).mean() / k.mean() for k in degrees)
    return 1 / math.sqrt(kappa_in * kappa_out)


@pytest.mark.parametrize("generator", ["erdos_renyi", "biregular"])
def test_large_random_graphs_fall_apart_where_theory_says(generator):
    """The peak of N units lies above p_c by a relative term of order N^(-1/3), 3 % here; 2.5 such terms are allowed."""
    n = 20_000
    if generator == "biregular":
        graph = generators.biregular(n, n, fan_in=4, rng=1)
        assert critical_fraction(graph) == pytest.approx(1 / 3)
    else:
        graph = generators.erdos_renyi(n, n, n_edges=4 * n, rng=1)
        assert critical_fraction(graph) == pytest.approx(1 / 4, rel=0.02)
    threshold = percolate(graph, observables="second_component", trials=10, rng=1).threshold()
    expected = critical_fraction(graph)
    assert 0 < threshold.error < 0.03 * expected
    assert threshold.fraction_kept == pytest.approx(expected, rel=2.5 * (2 * n) ** (-1 / 3))
    assert threshold.fraction_kept > expected - threshold.error


def test_unequal_sides_obey_the_same_formula():
    graph = generators.erdos_renyi(40_000, 10_000, n_edges=80_000, rng=2)
    threshold = percolate(graph, observables="second_component", trials=10, rng=2).threshold()
    assert critical_fraction(graph) == pytest.approx(1 / 4, rel=0.02)
    assert threshold.fraction_kept == pytest.approx(critical_fraction(graph), rel=2.5 * 50_000 ** (-1 / 3))


@pytest.mark.slow
@pytest.mark.parametrize("n", [1_000, 8_000, 64_000, 512_000])
def test_the_shift_of_the_threshold_shrinks_with_the_cube_root(n):
    """Kept fraction = p_c (1 + a N^(-1/3)) with the same a, about 1.4, over a factor of 500 in size."""
    graph = generators.erdos_renyi(n, n, n_edges=4 * n, rng=n)
    threshold = percolate(graph, observables="second_component", trials=30, rng=n).threshold()
    shift = threshold.fraction_kept / critical_fraction(graph) - 1
    assert 0.8 < shift * (2 * n) ** (1 / 3) < 2.2


def test_a_trial_without_a_peak_is_not_left_out_of_the_mean():
    """A square falls into two pairs in some orders, in others it only ever loses single units."""
    curve = percolate(BipartiteGraph.from_mask([[1, 1], [1, 1]]), trials=20, rng=0)
    peaks = [second_component_peak(row) for row in curve.counts("second_component")]
    assert 0 < sum(map(math.isnan, peaks)) < 20
    assert math.isnan(curve.threshold().fraction_removed)
