"""Scaling collapse: exponents that were put in come out again, and those of mean field out of random graphs."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import generators
from netsparse.errors import InvalidOption, NotConverged, UnknownName
from netsparse.percolation import PercolationCurve, percolate
from netsparse.percolation.collapse import Collapse, collapse_quality, scaling_collapse

SIZES = (10**5, 4 * 10**5, 16 * 10**5, 64 * 10**5)


def scaling_curve(n_units, p_c, width, height, *, scatter=0.0, trials=6, points=2_000, rng=0, of="edges"):
    """A curve that scales exactly: the giant component rises like x + sqrt(x^2 + 4), the others peak.

    With `scatter`, trials differ in x and in y.
    """
    kept = 1 - np.arange(points + 1) / points
    noise = scatter * np.random.default_rng(rng).normal(size=(trials, 4, 1))
    x = (kept - p_c) * n_units**width + 3 * noise[:, 3]
    giant = np.clip(n_units ** (1 - height) * (x / 2 + np.sqrt(x**2 / 4 + 1)) * np.exp(noise[:, 0]), 1, n_units)
    second = 0.5 * n_units ** (1 - height) / (1 + x**2) * np.exp(noise[:, 1])
    counts = {
        "giant_component": np.rint(giant).astype(np.int32),
        "second_component": np.rint(second).astype(np.int32),
        "susceptibility": n_units**height / (1 + (x - 1) ** 2) * np.exp(noise[:, 2]),
    }
    return PercolationCurve((n_units // 2, n_units - n_units // 2), counts, of=of)


@pytest.mark.parametrize("observable", ["giant_component", "second_component", "susceptibility"])
@pytest.mark.parametrize(("p_c", "width", "height"), [(0.5, 1 / 3, 1 / 3), (0.3, 0.25, 0.2), (0.6, 0.4, 0.4)])
def test_exponents_that_were_put_in_come_out(observable, p_c, width, height):
    curves = [scaling_curve(n, p_c, width, height) for n in SIZES]
    found = scaling_collapse(curves, observable=observable)
    assert found.threshold == pytest.approx(p_c, abs=2e-3)
    assert found.width_exponent == pytest.approx(width, abs=0.01)
    assert found.height_exponent == pytest.approx(-height if observable == "susceptibility" else height, abs=0.01)


@pytest.mark.slow
def test_intervals_cover_what_was_put_in():
    """Threshold, width and height: each within its 95 % interval in nine of ten noisy collapses or more."""
    truth, off, errors = np.array([0.5, 1 / 3, 1 / 3]), [], []
    for seed in range(100):
        curves = [scaling_curve(n, 0.5, 1 / 3, 1 / 3, scatter=0.2, trials=16, rng=seed + n, points=400) for n in SIZES]
        c = scaling_collapse(curves)
        off.append(np.array([c.threshold, c.width_exponent, c.height_exponent]) - truth)
        errors.append([c.threshold_error, c.width_error, c.height_error])
    assert ((np.abs(off) < errors).mean(axis=0) >= 0.88).all()
    assert (np.median(errors, axis=0) < 3.5 * np.std(off, axis=0)).all()


def slow_quality(x, y, error):
    """Point by point with a general line fit, independent of the kernel."""
    terms = []
    for i in range(len(x)):
        for j in range(len(x[i])):
            near = []
            for k in range(len(x)):
                if k == i:
                    continue
                for left in range(len(x[k]) - 1):
                    if x[k][left] < x[i][j] <= x[k][left + 1]:
                        near += [(x[k][n], y[k][n], error[k][n]) for n in (left, left + 1)]
            if not near:
                continue
            at, height, sigma = np.array(near).T
            design = np.column_stack([np.ones_like(at), at]) / sigma[:, None]
            covariance = np.linalg.inv(design.T @ design)
            line = covariance @ design.T @ (height / sigma)
            here = np.array([1.0, x[i][j]])
            terms.append((y[i][j] - here @ line) ** 2 / (error[i][j] ** 2 + here @ covariance @ here))
    return float(np.mean(terms))


@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
@settings(deadline=None, max_examples=40)
def test_the_quality_equals_a_general_line_fit_point_by_point(seed, n_curves):
    rng = np.random.default_rng(seed)
    x = [np.sort(rng.uniform(-1, 1, rng.integers(4, 12))) for _ in range(n_curves)]
    x = [np.concatenate([[-2.0 - rng.random()], points, [2.0 + rng.random()]]) for points in x]
    y = [rng.normal(size=len(points)) for points in x]
    error = [rng.uniform(0.1, 2.0, len(points)) for points in x]
    assert collapse_quality(x, y, error) == pytest.approx(slow_quality(x, y, error), rel=1e-7)


def test_curves_that_hardly_overlap_are_no_collapse():
    line, one = np.linspace(0, 1, 10), np.ones(10)
    assert collapse_quality([line, line + 0.9], [line, line], [one, one]) == math.inf
    assert collapse_quality([line, line + 0.3], [line, line], [one, one]) < math.inf


def test_wrong_exponents_are_worse():
    curves = [scaling_curve(n, 0.5, 1 / 3, 1 / 3, scatter=0.02, rng=n) for n in SIZES]
    right, wide, high = (
        scaling_collapse(curves, threshold=0.5, exponents=exponents).quality
        for exponents in ((1 / 3, 1 / 3), (0.45, 1 / 3), (1 / 3, 0.45))
    )
    assert right < 2
    assert min(wide, high) > 5 * right


def test_what_is_given_is_kept_and_has_no_error():
    curves = [scaling_curve(n, 0.5, 1 / 3, 1 / 3, scatter=0.1, rng=n) for n in SIZES]
    fixed = scaling_collapse(curves, threshold=0.49)
    assert (fixed.threshold, fixed.threshold_error) == (0.49, 0.0)
    assert fixed.width_error > 0
    fixed = scaling_collapse(curves, exponents=(0.3, 0.35))
    assert (fixed.width_exponent, fixed.height_exponent) == (0.3, 0.35)
    assert (fixed.width_error, fixed.height_error) == (0.0, 0.0)
    assert fixed.threshold_error > 0


def test_the_table_holds_the_scaled_points_of_the_transition_alone():
    curves = [scaling_curve(n, 0.5, 1 / 3, 1 / 3, scatter=0.1, rng=n) for n in SIZES]
    found = scaling_collapse(curves, threshold=0.5, exponents=(1 / 3, 1 / 3))
    table = found.to_frame()
    assert isinstance(found, Collapse)
    assert list(table.columns) == ["n_units", "fraction_kept", "mean", "error", "x", "y", "y_error"]
    assert sorted(table["n_units"].unique()) == list(SIZES)
    scale = table["n_units"].astype(float)
    expected = (table["fraction_kept"] - found.threshold) * scale**found.width_exponent
    pd.testing.assert_series_equal(table["x"], expected, check_names=False)
    assert (table["y"] / table["mean"]).to_numpy() == pytest.approx((scale**found.height_exponent).to_numpy())
    assert table["x"].abs().max() == pytest.approx(1.0, abs=0.3)  # about where 1 / (1 + x^2) is half its maximum
    assert (table["error"] > 0).all()


def test_the_same_curves_in_another_order_collapse_alike():
    curves = [scaling_curve(n, 0.5, 1 / 3, 1 / 3, scatter=0.1, rng=n) for n in SIZES]
    one, other = scaling_collapse(curves), scaling_collapse(curves[::-1])
    assert (one.threshold, one.width_error, one.quality) == (other.threshold, other.width_error, other.quality)


@pytest.mark.parametrize("observable", ["giant_component", "second_component", "susceptibility"])
def test_random_biregular_graphs_have_mean_field_exponents(observable):
    """Within twice the 95 % half-widths, which must not be vacuous; corrections to scaling are not in them."""
    curves = [
        percolate(generators.biregular(n, n, fan_in=3, rng=n), trials=30, points=2_000, rng=n)
        for n in (1_000, 4_000, 16_000)
    ]
    found = scaling_collapse(curves, observable=observable)
    mean_field = -1 / 3 if observable == "susceptibility" else 1 / 3
    assert abs(found.threshold - 0.5) < 2 * found.threshold_error < 0.05
    assert abs(found.width_exponent - 1 / 3) < 2 * found.width_error < 0.6
    assert abs(found.height_exponent - mean_field) < 2 * found.height_error < 0.5
    assert found.quality < 4


def test_what_cannot_collapse_is_refused_in_one_line():
    small, large = (scaling_curve(n, 0.5, 1 / 3, 1 / 3, scatter=0.1, rng=n) for n in SIZES[:2])
    with pytest.raises(UnknownName, match="observable"):
        scaling_collapse([small, large], observable="outputs_reachable")
    with pytest.raises(InvalidOption, match="curves: given 1 different numbers of units"):
        scaling_collapse([small, small])
    with pytest.raises(InvalidOption, match="curves: given PercolationCurve, expected a list"):
        scaling_collapse(small)
    with pytest.raises(InvalidOption, match="single trial"):
        scaling_collapse([small, scaling_curve(10**6, 0.5, 1 / 3, 1 / 3, trials=1)])
    with pytest.raises(InvalidOption, match="edges removed in some"):
        scaling_collapse([small, scaling_curve(10**6, 0.5, 1 / 3, 1 / 3, of="units")])
    with pytest.raises(InvalidOption, match="exponents"):
        scaling_collapse([small, large], exponents=(1 / 3,))
    with pytest.raises(InvalidOption, match="threshold"):
        scaling_collapse([small, large], threshold="half")
    with pytest.raises(NotConverged, match="curves"):
        scaling_collapse([small, scaling_curve(10**7, 0.9, 1 / 3, 1 / 3)], threshold=0.5)
