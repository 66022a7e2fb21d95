"""Thresholds by peaks, and half points: conventions on small curves, theory on large random graphs."""

import math

import numpy as np
import pytest
import scipy.stats
import zoo

from netsparse import generators
from netsparse.errors import InvalidOption, UnknownName
from netsparse.graph import BipartiteGraph
from netsparse.percolation import Threshold, percolate
from netsparse.percolation.crossing import crossing
from netsparse.percolation.half_point import CROSSOVERS, half_removed
from netsparse.percolation.threshold import METHODS, peak


def peak_of(values):
    return peak(np.array(values), np.arange(len(values)))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0, 1, 5, 2, 1], 2.0),
        ([0, 1, 5, 5, 5, 1], 3.0),
        ([0, 5, 5, 1], 1.0),
        ([0, 5, 1, 5, 1, 5, 1], 3.0),
        ([1, 2, 2], 1.0),
        ([0.0, 1.0, 1.5, 1.25, 1.0], 2.0),
    ],
)
def test_the_middle_of_the_highest_counts_is_the_peak(counts, expected):
    assert peak_of(counts) == expected


def test_a_peak_lies_at_a_recorded_point():
    assert peak(np.array([0, 1, 5, 2, 1]), np.array([0, 10, 25, 50, 100])) == 25.0


@pytest.mark.parametrize("counts", [[1], [0, 1, 1, 1], [3, 2, 1], [3, 3, 2, 3], [0.0, 0.0], [2.5, 2.0, 1.0]])
def test_no_peak_is_said_to_be_none(counts):
    assert math.isnan(peak_of(counts))


@pytest.mark.parametrize("name", ["no edges", "one edge", "star in", "two equal blocks", "perfect matching"])
@pytest.mark.parametrize("method", ["second_component", "susceptibility"])
def test_graphs_without_a_transition_have_no_threshold(name, method):
    threshold = percolate(zoo.GRAPHS[name], trials=3, rng=0).threshold(method)
    assert math.isnan(threshold.fraction_kept)
    assert math.isnan(threshold.fraction_removed)
    assert math.isnan(threshold.error)


def test_a_path_cut_in_the_middle_peaks_there():
    path = zoo.GRAPHS["path"]
    middle = int(path.edge_ids([2], [1])[0])
    order = [middle, *(e for e in range(path.n_edges) if e != middle)]
    for method in ("second_component", "susceptibility"):
        threshold = percolate(path, order=order).threshold(method)
        assert threshold.fraction_removed == 1 / 7
        assert threshold.fraction_kept == pytest.approx(6 / 7)
        assert math.isnan(threshold.error)
        assert threshold.method == method


@pytest.mark.parametrize("method", ["second_component", "susceptibility"])
def test_peaks_are_averaged_over_trials(method):
    graph = generators.erdos_renyi(60, 60, n_edges=200, rng=0)
    curve = percolate(graph, trials=6, rng=0)
    peaks = np.array([peak_of(row) for row in curve.counts(method)]) / graph.n_edges
    half_width = scipy.stats.t.ppf(0.975, 5) * scipy.stats.sem(peaks)
    threshold = curve.threshold(method)
    assert threshold == Threshold(1 - threshold.fraction_removed, threshold.fraction_removed, threshold.error, method)
    assert (threshold.fraction_removed, threshold.error) == pytest.approx((peaks.mean(), half_width))


def test_unknown_methods_list_the_known():
    with pytest.raises(UnknownName, match="one of finite_size_crossing, second_component, susceptibility"):
        percolate(zoo.GRAPHS["complete"], rng=0).threshold("guess")


@pytest.mark.parametrize("observable", CROSSOVERS)
def test_directed_paths_have_no_threshold(observable):
    """Refused even where it was observed; the error names what there is instead."""
    curve = percolate(zoo.NETWORKS["three layers"], observables=CROSSOVERS, rng=0)
    with pytest.raises(InvalidOption, match="have no critical fraction") as raised:
        curve.threshold(observable)
    assert raised.value.fix == f"curve.half_point({observable!r})"
    assert curve.half_point(observable).observable == observable


def test_a_crossing_needs_two_curves_and_the_peaks_one():
    curve = percolate(zoo.GRAPHS["complete"], rng=0)
    for method, beside in (("finite_size_crossing", None), ("finite_size_crossing", 3), ("susceptibility", curve)):
        with pytest.raises(InvalidOption, match=r"beside: given .* expected a PercolationCurve"):
            curve.threshold(method, beside=beside)


def test_a_crossing_is_the_same_from_both_sides():
    curves = [percolate(generators.biregular(n, n, fan_in=3, rng=n), trials=40, rng=n) for n in (200, 3_000)]
    found = curves[0].threshold("finite_size_crossing", beside=curves[1])
    assert found == curves[1].threshold("finite_size_crossing", beside=curves[0]) == crossing(*curves)
    assert found.method == "finite_size_crossing"
    assert found.fraction_kept == pytest.approx(1 / 2, abs=0.05)


def test_every_method_says_what_it_is():
    assert [method.observable for method in METHODS.values()] == ["second_component", "susceptibility", None]
    assert all(method.definition.startswith("where ") for method in METHODS.values())


def half_of(values):
    return half_removed(np.array(values), np.arange(len(values)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([4, 3, 2, 1, 0], 2.0),
        ([4, 4, 1, 0], 1 + 2 / 3),
        ([3, 2, 1], 1.5),
        ([5, 0], 0.5),
        ([4, 2, 2, 2, 0], 1.0),
        ([4, 1, 3, 0], 2 / 3),
    ],
)
def test_the_half_is_where_the_curve_first_falls_to_it(values, expected):
    assert half_of(values) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[0, 0, 0], [0], [3], [4, 3, 3]])
def test_what_never_halves_has_no_half_point(values):
    assert math.isnan(half_of(values))


def test_half_points_are_averaged_over_trials():
    network = zoo.NETWORKS["three layers"]
    curve = percolate(network, observables=CROSSOVERS, trials=6, points=[3, 7, 20], rng=0)
    for observable in CROSSOVERS:
        rows = curve.counts(observable)
        halves = np.array([half_removed(row, curve.n_removed) for row in rows]) / network.n_edges
        for row, half in zip(rows, halves, strict=True):
            assert np.interp(half, curve.fraction_removed, row) == pytest.approx(row[0] / 2)
        found = curve.half_point(observable)
        half_width = scipy.stats.t.ppf(0.975, 5) * scipy.stats.sem(halves)
        assert (found.fraction_removed, found.error) == pytest.approx((halves.mean(), half_width))
        assert found.fraction_kept == 1 - found.fraction_removed


def test_a_half_point_is_of_paths_that_were_observed():
    curve = percolate(zoo.GRAPHS["complete"], rng=0)
    with pytest.raises(UnknownName, match="one of active_units, inputs_connected, outputs_reachable, units_reachable"):
        curve.half_point("giant_component")
    with pytest.raises(UnknownName, match="one of giant_component, outputs_reachable"):
        curve.half_point("active_units")


def test_the_crossover_does_not_sharpen_with_the_width():
    """A stack of fixed depth and fan-in: wider layers fall to half at the same fraction, just as smoothly."""
    halves, widths = [], []
    for n in (300, 30_000):
        network = generators.layered([n, n, n], density=4 / n, rng=1)
        curve = percolate(network, observables="outputs_reachable", trials=4, rng=1)
        mean = curve.values("outputs_reachable").mean(axis=0)
        halves.append(curve.half_point().fraction_kept)
        share = mean / mean[0]
        widths.append(np.mean((share > 0.25) & (share < 0.75)))
    assert halves[0] == pytest.approx(halves[1], rel=0.1)
    assert widths[0] == pytest.approx(widths[1], rel=0.15)


def critical_fraction(graph):
    """1 / sqrt(kappa_in kappa_out), kappa = <k(k - 1)> / <k>, with the realised degrees."""
    degrees = [np.asarray(d, dtype=float) for d in (graph.fan_in, graph.fan_out)]
    kappa_in, kappa_out = ((k * (k - 1)).mean() / k.mean() for k in degrees)
    return 1 / math.sqrt(kappa_in * kappa_out)


@pytest.mark.parametrize("method", ["second_component", "susceptibility"])
@pytest.mark.parametrize("generator", ["erdos_renyi", "biregular"])
def test_large_random_graphs_fall_apart_where_theory_says(generator, method):
    """The peak of N units lies above p_c by a relative term of order N^(-1/3), 3 % here; 2.5 such terms are allowed."""
    n = 20_000
    if generator == "biregular":
        graph = generators.biregular(n, n, fan_in=4, rng=1)
        assert critical_fraction(graph) == pytest.approx(1 / 3)
    else:
        graph = generators.erdos_renyi(n, n, n_edges=4 * n, rng=1)
        assert critical_fraction(graph) == pytest.approx(1 / 4, rel=0.02)
    threshold = percolate(graph, observables=method, trials=10, rng=1).threshold(method)
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
    peaks = [peak_of(row) for row in curve.counts("second_component")]
    assert 0 < sum(map(math.isnan, peaks)) < 20
    assert math.isnan(curve.threshold().fraction_removed)
