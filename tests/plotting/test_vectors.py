"""Zero vectors in pictures: every empty row or column has its bar, every layer its point and its baseline."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import oracles
import pandas as pd
import pytest
import zoo
from matplotlib.collections import PolyCollection
from scipy import stats

from netsparse.errors import InvalidOption, UnknownName
from netsparse.generators import erdos_renyi, layered
from netsparse.metrics.vector_table import zero_vector_table
from netsparse.plotting.vectors import zero_vector_fractions, zero_vector_matrices

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def bars(ax):
    """(left, right, top, bottom) of the bars: all that is drawn below the edges."""
    (drawn,) = [artist for artist in ax.collections if isinstance(artist, PolyCollection) and artist.get_zorder() < 1]
    boxes = [path.get_extents().extents for path in drawn.get_paths()]
    return sorted((x0, x1, y0, y1) for x0, y0, x1, y1 in boxes)


def tables(seeds=3, density=0.05, rng=0):
    nets = [layered([60, 40, 20], density=density, rng=rng + seed) for seed in range(seeds)]
    return pd.concat([zero_vector_table(net).assign(seed=seed) for seed, net in enumerate(nets)])


@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
@pytest.mark.parametrize("axis", ["out", "in"])
def test_every_zero_vector_has_its_bar(graph, axis):
    panels = zero_vector_matrices({"one": graph}, axis=axis)
    mask = oracles.mask_of(graph)
    if axis == "out":
        empty = np.flatnonzero(~mask.any(axis=0))
        expected = [(-0.5, graph.n_out - 0.5, unit - 0.5, unit + 0.5) for unit in empty]
    else:
        empty = np.flatnonzero(~mask.any(axis=1))
        expected = [(unit - 0.5, unit + 0.5, -0.5, graph.n_in - 0.5) for unit in empty]
    assert bars(panels["one"]) == expected
    share = 100 * len(empty) / (graph.n_in if axis == "out" else graph.n_out)
    assert panels["one"].get_title() == f"one: {share:.1f} % zero vectors"
    panels["one"].figure.canvas.draw()


def test_panels_are_side_by_side_in_their_order():
    graphs = {name: erdos_renyi(30, 20, density=0.05, rng=seed) for seed, name in enumerate("dcba")}
    panels = zero_vector_matrices(graphs, columns=3)
    assert list(panels) == list("dcba")
    figure = panels["d"].figure
    assert len(figure.axes) == 6
    assert [ax.axison for ax in figure.axes] == [True] * 4 + [False] * 2
    other = plt.figure()
    zero_vector_matrices(graphs, figure=other)
    assert len(other.axes) == 6


def test_points_are_means_and_intervals():
    table = tables()
    ax = zero_vector_fractions(
        {"random": table, "denser": tables(density=0.1)}, axis="in", quantity="singleton_vectors"
    )
    null, measured = ax.containers[:2]
    rows = table[(table["axis"] == "in") & (table["quantity"] == "singleton_vectors")]
    for k, layer in enumerate(["0", "1", "network", "mean over layers"]):
        values = rows[rows.layer == layer]["value"]
        assert measured.lines[0].get_ydata()[k] == pytest.approx(values.mean())
        (_, low), (_, high) = measured.lines[2][0].get_segments()[k]
        expected = stats.t.interval(0.95, 2, values.mean(), values.std(ddof=1) / np.sqrt(3))
        assert (low, high) == pytest.approx(expected)
        (_, low), (_, high) = null.lines[2][0].get_segments()[k]
        mean, std = rows[rows.layer == layer][["null_mean", "null_std"]].mean()
        assert (low, high) == pytest.approx((mean - 1.96 * std, mean + 1.96 * std))
        assert abs(measured.lines[0].get_xdata()[k] - k) < 0.5
    assert len(ax.containers) == 4
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["random", "denser", "measured, 95 %", "at random, 95 %"]


def test_one_network_has_no_interval_and_given_axes_are_drawn_into():
    figure, given_ax = plt.subplots()
    ax = zero_vector_fractions({"one": tables(seeds=1)}, ax=given_ax)
    assert ax is given_ax
    segments = ax.containers[1].lines[2][0].get_segments()
    assert all(low[1] == high[1] for low, high in segments)
    figure.canvas.draw()


def test_impossible_input_gets_one_line():
    graph = zoo.GRAPHS["complete"]
    for wrong in (graph, {}, [graph]):
        with pytest.raises(InvalidOption, match="a mapping from names to layers, not empty"):
            zero_vector_matrices(wrong)
    with pytest.raises(InvalidOption, match="a BipartiteGraph, one layer"):
        zero_vector_matrices({"one": zoo.NETWORKS["one layer"]})
    with pytest.raises(UnknownName, match="one of in, out"):
        zero_vector_matrices({"one": graph}, axis="kernel")
    with pytest.raises(InvalidOption, match="columns"):
        zero_vector_matrices({"one": graph}, columns=0)
    for wrong in (tables(1), {}, None):
        with pytest.raises(InvalidOption, match="a mapping from names of rules to tables"):
            zero_vector_fractions(wrong)
    with pytest.raises(InvalidOption, match="a table without null_mean"):
        zero_vector_fractions({"one": tables(1).drop(columns=["null_mean"])})
    with pytest.raises(InvalidOption, match="zero_vectors along out"):
        zero_vector_fractions({"one": tables(1)}, axis="kernel")
    with pytest.raises(InvalidOption, match="one of those of a table"):
        zero_vector_fractions({"one": tables(1).iloc[:0]})
    assert not plt.get_fignums()
