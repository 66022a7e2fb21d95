"""The threshold where two sizes agree: exact on curves that scale, honest about noise, against theory on graphs."""

import math

import numpy as np
import pytest
import zoo

from netsparse import generators
from netsparse.errors import InvalidOption, UnknownName
from netsparse.percolation import PercolationCurve, percolate
from netsparse.percolation.crossing import crossing, transition

OBSERVED = ("giant_component", "susceptibility")


def scaling_curve(n_units, p_c, *, width=1 / 3, scatter=0.0, trials=4, points=600, rng=0, of="edges"):
    """A curve that scales exactly: S = N^(1 - w) e^x, chi = N^w / (1 + x^2 / 4), x = (p - p_c) N^w, times noise."""
    kept = 1 - np.arange(points + 1) / points
    noise = np.random.default_rng(rng).normal(0.0, scatter, (trials, 2, 1)) if scatter else np.zeros((trials, 2, 1))
    x = (kept - p_c) * n_units**width + np.zeros((trials, 1))
    giant = np.clip(n_units ** (1 - width) * np.exp(x + noise[:, 0]), 1, n_units)
    other = n_units**width / (1 + x**2 / 4) * np.exp(noise[:, 1])
    counts = {"giant_component": np.rint(giant).astype(np.int32), "susceptibility": other}
    return PercolationCurve((n_units // 2, n_units - n_units // 2), counts, of=of)


@pytest.mark.parametrize("p_c", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("sizes", [(10**5, 10**6), (10**5, 2 * 10**5), (10**6, 10**8)])
def test_curves_that_scale_cross_at_the_critical_fraction(p_c, sizes):
    smaller, larger = (scaling_curve(n, p_c) for n in sizes)
    found = crossing(smaller, larger)
    assert found.fraction_kept == pytest.approx(p_c, abs=2e-4)
    assert found.fraction_kept + found.fraction_removed == pytest.approx(1.0)
    assert found.error == pytest.approx(0.0, abs=1e-12)
    assert found.method == "finite_size_crossing"


def ratio_by_hand(curve, n_removed):
    others = [float(row[n_removed]) for row in curve.counts("susceptibility")]
    largest = [int(row[n_removed]) for row in curve.counts("giant_component")]
    mean_square = sum(units**2 for units in largest) / len(largest)
    return (sum(others) / len(others)) / (mean_square / sum(curve.sizes))


@pytest.mark.parametrize("seed", range(5))
def test_the_crossing_is_where_the_ratio_by_hand_changes_its_order(seed):
    smaller, larger = (
        percolate(generators.erdos_renyi(n, n, n_edges=5 * n, rng=seed), observables=OBSERVED, trials=30, rng=seed)
        for n in (120, 480)
    )
    differences = [ratio_by_hand(larger, 4 * m) - ratio_by_hand(smaller, m) for m in range(600)]
    changes = [m for m in range(599) if differences[m] < 0 < differences[m + 1]]
    removed = crossing(smaller, larger).fraction_removed * 600
    assert any(m <= removed <= m + 1 for m in changes)


def test_intervals_cover_the_critical_fraction_about_nineteen_times_in_twenty():
    covered, errors, found = 0, [], []
    for seed in range(100):
        curves = [scaling_curve(n, 0.5, scatter=0.5, trials=24, rng=seed + n) for n in (10**5, 10**6)]
        threshold = crossing(*curves)
        covered += abs(threshold.fraction_kept - 0.5) < threshold.error
        errors.append(threshold.error)
        found.append(threshold.fraction_kept)
    assert 88 <= covered <= 99
    assert np.std(found) == pytest.approx(np.mean(errors) / 2.2, rel=0.25)


@pytest.mark.parametrize(
    ("draw", "critical"),
    [
        (lambda n, rng: generators.biregular(n, n, fan_in=3, rng=rng), 1 / 2),
        (lambda n, rng: generators.biregular(2 * n, n, fan_in=6, rng=rng), 1 / math.sqrt(10)),
        (lambda n, rng: generators.erdos_renyi(n, n, n_edges=4 * n, rng=rng), 1 / 4),
    ],
    ids=["biregular", "unequal", "erdos_renyi"],
)
def test_random_graphs_cross_where_theory_says_without_any_extrapolation(draw, critical):
    """Within three standard errors, and these are small; the peak of the larger graphs is further off than that."""
    curves = [percolate(draw(n, n), observables=OBSERVED, trials=100, rng=n) for n in (500, 8_000)]
    found = crossing(*curves)
    assert found.error < 0.04 * critical
    assert abs(found.fraction_kept - critical) < 1.5 * found.error
    assert abs(curves[1].threshold("susceptibility").fraction_kept - critical) > 1.5 * found.error


def test_the_curve_knows_its_crossing_from_either_side():
    smaller, larger = (scaling_curve(n, 0.4, scatter=0.3, rng=n) for n in (10**5, 10**6))
    expected = crossing(smaller, larger)
    assert smaller.threshold("finite_size_crossing", beside=larger) == expected
    assert larger.threshold("finite_size_crossing", beside=smaller) == expected


def test_curves_recorded_at_some_points_cross_nearly_where_the_whole_ones_do():
    graphs = {n: generators.biregular(n, n, fan_in=3, rng=n) for n in (500, 5_000)}
    whole, coarse = (
        [percolate(graph, observables=OBSERVED, trials=20, points=points, rng=n) for n, graph in graphs.items()]
        for points in (None, 400)
    )
    assert crossing(*coarse).fraction_kept == pytest.approx(crossing(*whole).fraction_kept, abs=1e-3)


def test_a_single_trial_gives_a_crossing_without_an_error():
    found = crossing(scaling_curve(10**5, 0.5, trials=1), scaling_curve(10**6, 0.5))
    assert found.fraction_kept == pytest.approx(0.5, abs=2e-4)
    assert math.isnan(found.error)


def test_a_transition_is_where_the_mean_has_a_share_of_its_peak():
    rows = np.array([[0, 2, 6, 2, 0], [0, 2, 2, 6, 0]])
    assert transition(rows, 1 / 2).tolist() == [False, True, True, True, False]
    assert transition(rows, 3 / 4).tolist() == [False, False, True, True, False]


def test_what_cannot_cross_is_refused_in_one_line():
    smaller, larger = scaling_curve(10**5, 0.5), scaling_curve(10**6, 0.5)
    with pytest.raises(InvalidOption, match=r"larger: given 100,000 units beside 100,000, expected more units"):
        crossing(smaller, scaling_curve(10**5, 0.4))
    with pytest.raises(InvalidOption, match=r"given 100,000 units beside 1,000,000"):
        crossing(larger, smaller)
    with pytest.raises(InvalidOption, match=r"larger: given units removed from it beside edges"):
        crossing(smaller, scaling_curve(10**6, 0.5, of="units"))
    with pytest.raises(InvalidOption, match=r"that do not cross"):
        crossing(smaller, scaling_curve(10**6, 0.9))
    for curves in ((smaller, 0.5), ([larger], larger)):
        with pytest.raises(InvalidOption, match=r"given (float|list), expected a PercolationCurve"):
            crossing(*curves)
    with pytest.raises(UnknownName, match="susceptibility"):
        crossing(percolate(zoo.GRAPHS["path"], observables="giant_component", rng=0), larger)
