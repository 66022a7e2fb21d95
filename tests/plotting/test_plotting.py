"""Every plot draws what it was given, into the axes it was given."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import netsparse as ns
from netsparse import plotting
from netsparse.robustness import mean_over_trials

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def history(level):
    rows = [(e, s, level + e / 100) for e in (1, 2, 3) for s in ("train", "validation", "test")]
    return pd.DataFrame(rows, columns=["epoch", "split", "accuracy"])


def test_accuracy_history_draws_a_line_per_run_and_split():
    ax = plotting.accuracy_history({"set": history(0.8), "static": history(0.7)})
    assert [line.get_label() for line in ax.lines] == ["set, test", "set, train", "static, test", "static, train"]
    np.testing.assert_allclose(ax.lines[2].get_ydata(), [0.71, 0.72, 0.73])


def test_structure_and_function_share_one_axis():
    net = ns.generators.layered([20, 30, 10], density=0.2, rng=0)
    curve = ns.percolation.percolate(net, trials=3, rng=0)
    of_trials = {"strength": [0.0, 0.5, 1.0] * 2, "trial": [0] * 3 + [1] * 3, "accuracy": [0.9, 0.5, 0.1] * 2}
    table = pd.DataFrame({"probe": "link_removal", "options": "order=random, scope=layer", **of_trials})
    _, given = plt.subplots()
    ax = plotting.structure_and_function(
        {"set": curve.to_frame(points=10)},
        {"set": mean_over_trials(table)},
        thresholds={"set": curve.threshold().fraction_removed},
        ax=given,
    )
    assert ax is given
    accuracy, giant, reachable, threshold = ax.lines
    np.testing.assert_allclose(accuracy.get_ydata(), [0.9, 0.5, 0.1])
    np.testing.assert_allclose(
        giant.get_ydata(), curve.to_frame(points=10).query("observable == 'giant_component'")["mean"]
    )
    assert reachable.get_ydata()[-1] == 0
    assert threshold.get_xdata()[0] == curve.threshold().fraction_removed


def test_no_threshold_draws_no_line():
    frame = pd.DataFrame(
        {"observable": ["giant_component"], "fraction_removed": [0.0], "mean": [1.0], "low": [1], "high": [1]}
    )
    accuracy = pd.DataFrame({"quantity": ["accuracy"], "strength": [0.0], "mean": [0.1], "low": [0.1], "high": [0.1]})
    ax = plotting.structure_and_function({"a": frame}, {"a": accuracy}, thresholds={"a": float("nan")})
    assert len(ax.lines) == 3


def test_degree_distribution_is_the_share_of_units_with_at_least_k():
    graph = ns.BipartiteGraph.from_edges([0, 0, 0, 1], [0, 1, 2, 0], n_in=4, n_out=3)
    ax = plotting.degree_distribution({"a": ns.SparseNetwork([graph])})
    assert ax.lines[0].get_xydata().tolist() == [[1, 0.5], [3, 0.25]]


@pytest.mark.parametrize(("shape", "drawn"), [((2, 3), (2, 3)), ((2, 1, 3), (1, 3)), ((6,), (1, 6))])
def test_input_fan_out_is_laid_out_as_the_image(shape, drawn):
    graph = ns.BipartiteGraph.from_edges([0, 0, 5], [0, 1, 1], n_in=6, n_out=2)
    ax = plotting.input_fan_out(ns.SparseNetwork([graph]), shape)
    image = np.asarray(ax.images[0].get_array())
    assert image.shape == drawn
    assert image.sum() == 3
    assert image.flat[0] == 2


def test_equal_degrees_do_not_hide_each_other():
    graph = ns.BipartiteGraph.from_edges([0, 0, 0, 1], [0, 1, 2, 0], n_in=4, n_out=3)
    before, after = plotting.degree_distribution({"before": graph, "after": graph}).lines
    assert (before.get_linestyle(), after.get_linestyle()) == ("-", "--")


def test_a_curve_of_one_point_can_be_seen():
    empty = ns.SparseNetwork([ns.BipartiteGraph.from_edges([], [], n_in=4, n_out=2)])
    curve = ns.percolation.percolate(empty, rng=0)
    ax = plotting.percolation(curve)
    assert [(line.get_marker(), line.get_markevery()) for line in ax.lines] == [("o", None)] * 2
    assert [line.get_marker() for line in plotting.percolation(_two_units()).lines[:2]] == ["", ""]


def _two_units():
    return ns.percolation.percolate(ns.BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1), rng=0)


def test_network_without_edges_can_be_drawn():
    empty = ns.SparseNetwork([ns.BipartiteGraph.from_edges([], [], n_in=4, n_out=2)])
    ax = plotting.degree_distribution({"empty": empty})
    assert len(ax.lines[0].get_xdata()) == 0
    ax.figure.canvas.draw()
    plotting.degree_distribution({}).figure.canvas.draw()
    plotting.input_fan_out(empty, (2, 2)).figure.canvas.draw()
    panels = plotting.before_and_after((empty, [np.zeros(0)]), (empty, [np.zeros(0)]))
    panels["weights"].figure.canvas.draw()
    plotting.degree_histogram(empty).figure.canvas.draw()
    plotting.percolation(ns.percolation.percolate(empty, rng=0)).figure.canvas.draw()
    plotting.susceptibility(ns.percolation.percolate(empty, rng=0)).figure.canvas.draw()
