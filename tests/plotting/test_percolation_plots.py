"""Pictures of percolation and of finite sizes: the lines hold the given numbers, the marks stand where they belong."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from netsparse.errors import InvalidOption, UnknownName
from netsparse.generators import biregular, layered, tree
from netsparse.graph import BipartiteGraph
from netsparse.percolation import percolate
from netsparse.percolation.collapse import scaling_collapse
from netsparse.percolation.finite_size import FiniteSizeFit, finite_size_fit
from netsparse.percolation.prediction import Prediction, predict
from netsparse.plotting.bands import darker
from netsparse.plotting.canvas import COLOURS
from netsparse.plotting.percolation import percolation, susceptibility
from netsparse.plotting.scaling import collapse, finite_size

mpl.use("Agg")

EVERYTHING = ("giant_component", "second_component", "susceptibility", "outputs_reachable", "n_components")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def curve():
    return percolate(layered([60, 80, 40], density=0.08, rng=0), observables=EVERYTHING, trials=6, rng=0)


@pytest.fixture
def theory():
    return Prediction(
        "edges",
        np.array([0.0, 0.5, 1.0]),
        {"giant_component": np.array([1.0, 0.5, 0.0]), "susceptibility": np.array([0.0, np.inf, 1e6])},
        {"non_backtracking": 0.25, "generating_functions": np.inf},
    )


def text(ax):
    return [entry.get_text() for entry in ax.get_legend().get_texts()]


def verticals(ax):
    """Where vertical lines stand: x -> line."""
    return {line.get_xdata()[0]: line for line in ax.lines if list(line.get_ydata()) == [0, 1]}


def mean_of(curve, name):
    return curve.to_frame(points=400).query("observable == @name")["mean"].to_numpy()


# simulation and theory ------------------------------------------------------------------------------------------------


def test_one_call_draws_simulation_theory_and_marks(curve, theory):
    _, given = plt.subplots()
    ax = percolation(curve, theory, ax=given)
    assert ax is given
    giant, predicted, outputs = ax.lines[:3]
    np.testing.assert_array_equal(giant.get_ydata(), mean_of(curve, "giant_component"))
    np.testing.assert_array_equal(outputs.get_ydata(), mean_of(curve, "outputs_reachable"))
    assert predicted.get_ydata().tolist() == [1.0, 0.5, 0.0]
    assert (giant.get_color(), outputs.get_color()) == COLOURS[:2]
    assert predicted.get_color() == darker(COLOURS[0])
    assert giant.get_linestyle() == "-" != predicted.get_linestyle()
    assert set(verticals(ax)) == {curve.threshold().fraction_removed, 0.75}  # inf: never percolates, no mark
    assert ax.get_xlim() == (0, 1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("fraction of edges removed", "share of units")


def test_the_legend_says_the_numbers_of_a_single_curve(curve, theory):
    threshold, half = curve.threshold("susceptibility"), curve.half_point("outputs_reachable")
    assert text(percolation(curve, theory, method="susceptibility")) == [
        "giant component",
        "outputs reachable",
        "predicted",
        f"half of the outputs reached: {half.fraction_removed:.3f} ± {half.error:.3f}",
        f"threshold, simulated: {threshold.fraction_removed:.3f} ± {threshold.error:.3f}",
        "threshold, non-backtracking: 0.750",
    ]


def test_a_crossover_has_a_point_at_its_half_and_is_never_called_critical(curve):
    ax = percolation(curve, observables="outputs_reachable", method=None)
    half = curve.half_point("outputs_reachable")
    (point,) = [line for line in ax.lines if line.get_marker() == "o"]
    height = curve.values("outputs_reachable")[:, 0].mean() / 2
    assert point.get_xydata().tolist() == [[half.fraction_removed, height]]
    (bar,) = [line for line in ax.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(bar.get_xdata(), half.fraction_removed + half.error * np.array([-1, 1]))
    assert verticals(ax) == {}
    assert not any("critical" in entry or "threshold" in entry for entry in text(ax))


def test_the_error_of_a_threshold_is_a_band(curve):
    ax = percolation(curve, observables="giant_component")
    found = curve.threshold()
    (span,) = ax.patches
    assert span.get_x() == pytest.approx(found.fraction_removed - found.error)
    assert span.get_width() == pytest.approx(2 * found.error)


def test_one_trial_has_no_bands(curve):
    single = percolate(layered([60, 80, 40], density=0.08, rng=0), rng=0)
    ax = percolation(single)
    ax.figure.canvas.draw()
    assert len(ax.patches) == 0
    assert "±" not in "".join(text(ax))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), mean_of(single, "giant_component"))


def test_the_prediction_of_a_layer_lies_on_its_simulation():
    graph = biregular(2000, 1000, fan_in=6, rng=0)
    simulated, predicted = percolate(graph, trials=4, points=50, rng=0), predict(graph, points=50)
    ax = percolation(simulated, predicted)
    giant, giant_theory, reached, reached_theory = ax.lines[:4]
    np.testing.assert_array_equal(giant_theory.get_ydata(), predicted.values("giant_component"))
    np.testing.assert_array_equal(reached_theory.get_ydata(), predicted.values("outputs_reachable"))
    away = giant.get_xdata() < 0.5  # from the threshold 1 - 1 / sqrt(5 * 2)
    np.testing.assert_allclose(giant.get_ydata()[away], giant_theory.get_ydata()[away], atol=0.01)
    np.testing.assert_allclose(reached.get_ydata(), reached_theory.get_ydata(), atol=0.03)
    for kept in predicted.thresholds.values():
        assert kept == pytest.approx(10**-0.5)
        assert 1 - kept in verticals(ax)
    assert "threshold, generating functions: 0.684" in text(ax)


def test_a_network_that_never_percolates_has_no_predicted_mark():
    graph = tree(3, 4)
    assert verticals(percolation(percolate(graph, rng=0), predict(graph), method=None)) == {}


def test_several_curves_have_a_colour_each(curve, theory):
    other = percolate(layered([60, 80, 40], density=0.05, rng=1), observables=EVERYTHING, trials=4, rng=1)
    ax = percolation({"SET": curve, "static": other}, {"static": theory})
    lines = {colour: [line for line in ax.lines if line.get_color() == colour] for colour in COLOURS[:2]}
    for runs, each in zip(lines.values(), (curve, other), strict=True):
        np.testing.assert_array_equal(runs[0].get_ydata(), mean_of(each, "giant_component"))
        np.testing.assert_array_equal(runs[1].get_ydata(), mean_of(each, "outputs_reachable"))
        assert runs[0].get_marker() != runs[1].get_marker()
        assert runs[-1].get_xdata()[0] == each.threshold().fraction_removed
    dashed = [line for line in ax.lines if line.get_color() == darker(COLOURS[1])]
    assert len(dashed) == 2  # curve and threshold of the one network with a prediction
    assert dashed[-1].get_xdata()[0] == 0.75
    assert text(ax) == [
        "SET", "static", "giant component", "outputs reachable", "half of the outputs reached",
        "threshold, simulated", "predicted", "threshold, non-backtracking",
    ]  # fmt: skip


def test_a_curve_without_a_threshold_has_no_mark():
    forest = percolate(BipartiteGraph.from_mask(np.eye(4)), trials=2, rng=0)
    assert np.isnan(forest.threshold().fraction_removed)
    assert verticals(percolation(forest)) == {}


def test_no_mark_where_its_observable_was_not_watched():
    watched = percolate(tree(3, 4), observables="giant_component", trials=2, rng=0)
    assert verticals(percolation(watched, observables="giant_component")) == {}


def test_units_are_named_on_the_axis():
    net = layered([30, 40, 20], density=0.1, rng=0)
    sites = percolate(net, order="random_units", trials=3, rng=0)
    assert percolation(sites).get_xlabel() == "fraction of units removed"
    percolation(sites, predict(net, of="units"))
    with pytest.raises(InvalidOption, match=r"prediction: given removal of edges.*try predict\(network, of='units'\)"):
        percolation(sites, predict(net))
    edges = percolate(net, trials=3, rng=0)
    with pytest.raises(InvalidOption, match="curves: given curves of edges and of units"):
        percolation({"a": sites, "b": edges})


def test_counts_are_no_shares(curve):
    ax = percolation(curve, observables="n_components")
    assert ax.get_ylabel() == "observable"
    assert ax.get_ylim()[1] > 180


def test_paths_end_where_there_are_none():
    watched = percolate(layered([9, 9, 9], density=0.2, rng=0), observables="log_path_count", points=10, rng=0)
    ax = percolation(watched, observables="log_path_count")
    ax.figure.canvas.draw()
    assert np.isneginf(watched.values("log_path_count")[0, -1])
    assert np.isnan(ax.lines[0].get_ydata()[-1])
    assert ax.lines[0].get_ydata()[0] == watched.values("log_path_count")[0, 0]


@pytest.mark.parametrize("picture", [percolation, susceptibility])
@pytest.mark.parametrize(
    ("curves", "prediction", "message"),
    [
        (1, None, "curves: given int, expected a PercolationCurve, or a mapping"),
        ({}, None, "curves: given no curve"),
        ({"a": pd.DataFrame()}, None, "curves: given DataFrame"),
        ("one", 3.0, "prediction: given float, expected a Prediction"),
        ("one", {"b": 3.0}, "prediction: given 'b', expected names of the curves"),
        ("two", "theory", "prediction: given one prediction for 2 curves"),
    ],
)
def test_something_else_is_refused_in_one_line(picture, curves, prediction, message, curve, theory):
    curves = {"one": curve, "two": {"a": curve, "b": curve}}[curves] if isinstance(curves, str) else curves
    prediction = theory if isinstance(prediction, str) else prediction
    with pytest.raises(InvalidOption, match=message) as caught:
        picture(curves, prediction)
    assert "\n" not in str(caught.value)


def test_unknown_names_list_the_known_ones(curve):
    with pytest.raises(UnknownName, match="observables: given 'active_units', expected one of giant_component"):
        percolation(curve, observables="active_units")
    with pytest.raises(UnknownName, match="method: given 'peak', expected one of second_component, susceptibility"):
        percolation(curve, method="peak")
    with pytest.raises(UnknownName, match="observables: given 'susceptibility'"):
        susceptibility(percolate(tree(3, 4), observables="giant_component", rng=0))


def test_susceptibility_is_logarithmic_and_leaves_a_gap_where_theory_diverges(curve, theory):
    ax = susceptibility(curve, theory)
    ax.figure.canvas.draw()
    assert ax.get_yscale() == "log"
    simulated, predicted = ax.lines[:2]
    expected = mean_of(curve, "susceptibility")
    np.testing.assert_array_equal(simulated.get_ydata(), np.where(expected > 0, expected, np.nan))
    np.testing.assert_array_equal(predicted.get_ydata(), [np.nan, np.nan, 1e6])
    low, high = ax.get_ylim()
    assert low == 0.8
    assert expected.max() < high < 2 * expected.max()
    assert set(verticals(ax)) == {curve.threshold("susceptibility").fraction_removed, 0.75}


# finite sizes ---------------------------------------------------------------------------------------------------------

SIZES = np.array([1_000, 8_000, 64_000, 1_000_000])


def thresholds(limit, shift):
    means = limit + shift * SIZES ** (-1 / 3)
    return pd.DataFrame({"n_units": SIZES, "mean": means, "error": 0.01 * SIZES ** (-1 / 3), "trials": 50})


def bars(container):
    line, _, (bar,) = container
    return line.get_xydata(), np.array([segment[:, 1] for segment in bar.get_segments()])


def test_thresholds_lie_on_a_line_against_the_scaled_size():
    table = thresholds(0.5, -0.4)
    fit = finite_size_fit(SIZES, table["mean"], table["error"])
    ax = finite_size({"biregular": table}, fits={"biregular": fit}, theory={"biregular": 0.5})
    limit, points = ax.containers
    at, ends = bars(points)
    np.testing.assert_allclose(at[:, 0], [0.1, 0.05, 0.025, 0.01])
    np.testing.assert_allclose(at[:, 1], table["mean"])
    np.testing.assert_allclose(ends[:, 0], table["mean"] - table["error"])
    np.testing.assert_allclose(ends[:, 1], table["mean"] + table["error"])
    at, ends = bars(limit)
    np.testing.assert_allclose(at, [[0.0, fit.threshold]])
    np.testing.assert_allclose(ends, [[fit.threshold - fit.error, fit.threshold + fit.error]])
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_ydata(), 0.5 - 0.4 * line.get_xdata())
    assert line.get_xdata()[0] == 0
    (theory,) = [other for other in ax.lines if list(other.get_ydata()) == [0.5, 0.5]]
    assert theory.get_color() == darker(COLOURS[0])
    assert "theory: 0.5" in text(ax)[0]
    assert ax.get_xlabel() == "$N^{-1/3}$"


def test_ensembles_of_one_table_have_a_colour_and_a_marker_each():
    table = pd.concat([thresholds(0.5, -0.4).assign(ensemble="a"), thresholds(0.25, -0.2).assign(ensemble="b")])
    ax = finite_size(table, theory={"b": 0.25})
    a, b = (container[0] for container in ax.containers)
    assert (a.get_color(), b.get_color()) == COLOURS[:2]
    assert a.get_marker() != b.get_marker()
    assert text(ax) == ["a", "b\n  theory: 0.25"]


def test_sizes_are_written_above():
    ax = finite_size({"a": thresholds(0.5, -0.4)})
    ax.figure.canvas.draw()
    (above,) = ax.child_axes
    assert [label.get_text() for label in above.get_xticklabels()] == [
        "$\\infty$",
        "$10^3$",
        "$10^4$",
        "$10^5$",
        "$10^6$",
    ]
    np.testing.assert_allclose(above.get_xticks(), [0, 0.1, 10 ** (-4 / 3), 10 ** (-5 / 3), 0.01])


def test_another_exponent_is_another_axis_and_a_bent_line():
    fit = FiniteSizeFit(0.5, 0.001, 0.25, 0.0, (-0.4,), 0.0, 3)
    ax = finite_size({"a": thresholds(0.5, -0.4)}, fits={"a": fit}, exponent=0.5)
    assert ax.get_xlabel() == "$N^{-0.5}$"
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_ydata(), 0.5 - 0.4 * np.sqrt(line.get_xdata()))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (1, "thresholds: given int, expected a table with columns ensemble, n_units, mean, error"),
        (thresholds(0.5, 1), "thresholds: given a table without ensemble"),
        ({"a": thresholds(0.5, 1).drop(columns="error")}, "thresholds\\['a'\\]: given a table without error"),
        ({}, "thresholds: given no networks"),
        ({"a": thresholds(0.5, 1).assign(n_units=0)}, "thresholds: given no networks of at least one unit"),
    ],
)
def test_other_thresholds_are_refused(table, message):
    with pytest.raises(InvalidOption, match=message):
        finite_size(table)


@pytest.mark.parametrize("exponent", [0, -1, np.inf, np.nan, True, "1/3"])
def test_impossible_exponents_are_refused(exponent):
    with pytest.raises(InvalidOption, match="exponent: given"):
        finite_size({"a": thresholds(0.5, -0.4)}, exponent=exponent)


def test_collapsed_curves_are_the_scaled_points_of_every_size():
    observables = ("giant_component", "second_component")
    graphs = {n: biregular(n, n, fan_in=3, rng=n) for n in (200, 600)}
    curves = [percolate(graph, observables=observables, trials=8, rng=n) for n, graph in graphs.items()]
    found = scaling_collapse(curves, threshold=0.5, exponents=(1 / 3, 1 / 3))
    _, given = plt.subplots()
    ax = collapse(found, ax=given)
    assert ax is given
    table = found.to_frame()
    for container, size in zip(ax.containers, (400, 1200), strict=True):
        rows = table[table["n_units"] == size].sort_values("x")
        at, ends = bars(container)
        np.testing.assert_allclose(at, rows[["x", "y"]])
        np.testing.assert_allclose(ends[:, 1] - ends[:, 0], 2 * rows["y_error"])
    assert text(ax) == ["400 units", "1,200 units"]
    assert ax.get_legend().get_title().get_text() == f"$p_c$ = 0.5000\nquality {found.quality:.2f}"
    assert "0.3333" in ax.get_xlabel()
    assert ax.get_ylabel().startswith("giant component")


def test_something_that_is_no_collapse_is_refused():
    with pytest.raises(InvalidOption, match="collapse: given int, expected a Collapse"):
        collapse(3)
