"""z-scores against null models as dots: every defined one is there, in its row."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from netsparse import plotting
from netsparse.errors import InvalidOption, UnknownName
from netsparse.generators import layered
from netsparse.metrics import summarize

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def table(scores, layer="network"):
    return pd.DataFrame({"layer": layer, "metric": list(scores), "z": list(scores.values())})


def rows(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_a_dot_per_defined_score():
    tables = {"a": table({"gap": 3.0, "density": np.nan, "modularity": -40.0}), "b": table({"gap": -1.0, "paths": 7.0})}
    figure, given = plt.subplots()
    ax = plotting.null_comparison(tables, ax=given)
    figure.canvas.draw()
    assert ax is given
    assert rows(ax) == ["gap", "modularity", "paths"]  # density has no score anywhere
    _, a, b = ax.lines
    assert (a.get_label(), b.get_label()) == ("a", "b")
    assert a.get_xdata().tolist() == [3, -40]
    assert np.round(a.get_ydata()).tolist() == [0, 1]
    assert b.get_xdata().tolist() == [-1, 7]
    assert np.round(b.get_ydata()).tolist() == [0, 2]
    assert ax.get_ylim() == (2.5, -0.5)  # the first metric on top


def test_infinite_scores_are_not_drawn():
    ax = plotting.null_comparison({"a": table({"gap": np.inf, "paths": 1.0}), "b": table({"paths": -np.inf})})
    assert rows(ax) == ["paths"]
    assert [line.get_xdata().tolist() for line in ax.lines[1:]] == [[1], []]


def test_scores_of_summarize_by_layer():
    net = layered([20, 30, 10], density=0.2, rng=0)
    found = summarize(net, metrics=["spectral_gap"], null_model="density", n_null=5, rng=0)
    for layer in ("0", "1", "network"):
        ax = plotting.null_comparison({"net": found}, layer=layer)
        expected = found[(found.layer == layer) & np.isfinite(found.z)]
        assert rows(ax) == expected.metric.tolist()
        np.testing.assert_array_equal(ax.lines[1].get_xdata(), expected.z)


def test_the_axis_says_where_a_score_lies():
    ax = plotting.null_comparison({"a": table({"gap": 250.0, "paths": -12.0})})
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    assert low < -12
    assert high > 250
    shown = [label.get_text() for label in ax.get_xticklabels() if low <= label.get_position()[0] <= high]
    assert sorted(map(float, shown)) == [-10, -2, 0, 2, 10, 100]


def test_names_differ_in_colour_or_marker():
    ax = plotting.null_comparison({str(k): table({"gap": float(k)}) for k in range(36)})
    looks = {(line.get_color(), line.get_marker()) for line in ax.lines[1:]}
    assert len(looks) == 36
    heights = [line.get_ydata()[0] for line in ax.lines[1:]]
    assert len(set(heights)) == 36
    assert max(np.abs(heights)) < 0.5  # inside their row


@pytest.mark.parametrize(
    "tables", [{}, {"a": table({"density": np.nan})}, {"a": table({"gap": np.nan, "paths": np.inf})}]
)
def test_without_scores_there_are_empty_axes(tables):
    ax = plotting.null_comparison(tables)
    ax.figure.canvas.draw()
    assert rows(ax) == []
    assert sum(len(line.get_xdata()) for line in ax.lines[1:]) == 0


@pytest.mark.parametrize(
    ("tables", "given"),
    [
        (table({"gap": 1.0}), "DataFrame"),
        ({"a": table({"gap": 1.0}).drop(columns="z")}, "a table without z at 'a'"),
        ({"a": [1.0]}, "list"),
    ],
)
def test_other_tables_are_refused_in_one_line(tables, given):
    with pytest.raises(InvalidOption, match=f"tables: given {given}, expected a mapping from names to tables"):
        plotting.null_comparison(tables)


def test_unknown_layer_lists_the_known_ones():
    with pytest.raises(UnknownName, match="layer: given '7', expected one of 0; try layer='0'"):
        plotting.null_comparison({"a": table({"gap": 1.0}, layer="0")}, layer="7")
