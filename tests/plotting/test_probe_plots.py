"""Pictures of probes: every mean in its line, every model in its colour, nothing of several probes in one line."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import zoo
from hypothesis import given, settings
from matplotlib.colors import to_rgba

from netsparse.errors import InvalidEdgeVector, InvalidOption, UnknownName
from netsparse.generators import layered
from netsparse.graph import BipartiteGraph
from netsparse.metrics import degrees
from netsparse.percolation import percolate
from netsparse.plotting.bands import darker
from netsparse.plotting.canvas import COLOURS
from netsparse.plotting.degrees import degree_distribution
from netsparse.plotting.probes import probe_curves, probe_grid
from netsparse.plotting.robustness import structure_and_function
from netsparse.plotting.weights import before_and_after, weight_distribution

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


STRENGTHS = [0.0, 0.25, 0.5, 1.0]


def means(*accuracies, probe="sign_flip", options="scope=layer", strengths=STRENGTHS, width=0.02):
    """The form of `mean_over_trials`: accuracy and loss at each strength."""
    accuracy = np.array(accuracies)
    columns = {"probe": probe, "options": options, "strength": strengths}
    tables = [
        pd.DataFrame({**columns, "quantity": name, "mean": mean, "low": mean - width, "high": mean + width, "n": 5})
        for name, mean in (("accuracy", accuracy), ("loss", 3.0 * accuracy))
    ]
    return pd.concat(tables, ignore_index=True)


def text(ax):
    return [entry.get_text() for entry in ax.get_legend().get_texts()]


def band(ax, place=0):
    """The lowest and highest edge of a band at each strength, by strength."""
    vertices = ax.collections[place].get_paths()[0].vertices
    found = pd.DataFrame(vertices, columns=["x", "y"]).groupby("x")["y"]
    return found.min().to_numpy(), found.max().to_numpy()


# one probe ------------------------------------------------------------------------------------------------------------


def test_a_line_and_a_band_per_model():
    _, given_ax = plt.subplots()
    tables = {"SET": means(0.9, 0.8, 0.5, 0.1), "static": means(0.8, 0.6, 0.3, 0.1)}
    ax = probe_curves(tables, ax=given_ax)
    assert ax is given_ax
    assert text(ax) == ["SET", "static"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("fraction of signs flipped", "accuracy")
    for line, colour, heights in zip(ax.lines, COLOURS, ([0.9, 0.8, 0.5, 0.1], [0.8, 0.6, 0.3, 0.1]), strict=False):
        assert line.get_xdata().tolist() == STRENGTHS
        assert line.get_ydata().tolist() == heights
        assert line.get_color() == colour
    low, high = band(ax)
    np.testing.assert_allclose(low, np.array([0.9, 0.8, 0.5, 0.1]) - 0.02)
    np.testing.assert_allclose(high, np.array([0.9, 0.8, 0.5, 0.1]) + 0.02)


def test_rows_in_any_order_are_one_line_and_bands_stay_within_shares():
    shuffled = means(1.0, 0.8, 0.5, 0.0).sample(frac=1, random_state=0)
    ax = probe_curves(shuffled)
    assert ax.lines[0].get_xdata().tolist() == STRENGTHS
    assert ax.lines[0].get_ydata().tolist() == [1.0, 0.8, 0.5, 0.0]
    low, high = band(ax)
    assert low[-1] == 0
    assert high[0] == 1
    assert ax.get_legend() is None


def test_another_quantity_and_chance():
    ax = probe_curves({"SET": means(0.9, 0.8, 0.5, 0.1)}, quantity="loss", chance=0.25)
    assert ax.get_ylabel() == "loss"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [2.7, 2.4, 1.5, 0.3])
    assert ax.lines[1].get_ydata()[0] == 0.25
    assert text(ax) == ["chance"]


def test_chance_looks_like_no_run_and_the_legend_hides_no_curve():
    tables = {name: means(0.9, 0.8, 0.5, 0.1) for name in "abcdefg"}
    ax = probe_curves(tables, chance=0.1)
    assert text(ax) == [*tables, "chance"]
    chance = ax.lines[len(tables)]
    assert chance.get_color() not in COLOURS
    assert chance.get_linestyle() != "-"
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1
    panels = probe_grid(tables["a"], chance=0.1)
    assert [text(each) for each in panels.values()] == [["chance"]]


def test_one_table_with_a_column_that_tells_lines_apart():
    table = pd.concat([means(0.9, 0.8, 0.5, 0.1).assign(rule=rule) for rule in ("SET", "RigL")])
    ax = probe_curves(table, by="rule")
    assert text(ax) == ["SET", "RigL"]
    ax = probe_curves(pd.concat([means(0.9, 0.8, 0.5, 0.1, options=f"scope={k}") for k in "ab"]), by="options")
    assert text(ax) == ["scope=a", "scope=b"]


def test_tables_without_intervals_have_no_band():
    ax = probe_curves(means(0.9, 0.8, 0.5, 0.1).drop(columns=["low", "high"]))
    assert len(ax.collections) == 0


def test_strengths_over_decades_are_on_a_logarithmic_axis_with_a_place_for_nothing():
    strengths = [0.0, 0.01, 0.1, 10.0]
    ax = probe_curves(means(0.9, 0.8, 0.5, 0.1, probe="degree_preserving_rewiring", strengths=strengths))
    ax.figure.canvas.draw()
    assert ax.get_xscale() == "symlog"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "0.01", "0.1", "1", "10"]
    low, high = ax.get_xlim()
    assert -0.01 < low < 0 < 10 < high
    assert probe_curves(means(0.9, 0.8, 0.5, 0.1)).get_xscale() == "linear"


def test_a_probe_of_ones_own_has_a_strength():
    assert probe_curves(means(0.9, 0.8, 0.5, 0.1, probe="mine")).get_xlabel() == "strength"
    table = means(0.9, 0.8, 0.5, 0.1).drop(columns=["probe", "options"])
    assert probe_curves(table).get_xlabel() == "strength"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, InvalidOption, "means: given no tables"),
        ([1.0], InvalidOption, "means: given list, expected a table with columns strength, quantity, mean"),
        ({"SET": 1.0}, InvalidOption, "means\\['SET'\\]: given float"),
        (means(1, 1, 1, 1).drop(columns="mean"), InvalidOption, "means: given a table without mean"),
        (
            means(1, 1, 1, 1).query("quantity == 'loss'"),
            UnknownName,
            "quantity: given 'accuracy', expected one of loss",
        ),
        (
            pd.concat([means(1, 1, 1, 1), means(1, 1, 1, 1, probe="binarisation")]),
            InvalidOption,
            "several rows per strength.*by='probe'",
        ),
        (pd.concat([means(1, 1, 1, 1)] * 2), InvalidOption, "several rows per strength.*the column that tells"),
    ],
)
def test_other_tables_are_refused_in_one_line(given, error, message):
    with pytest.raises(error, match=message) as caught:
        probe_curves(given)
    assert "\n" not in str(caught.value)


def test_an_unknown_column_lists_the_known_ones():
    with pytest.raises(UnknownName, match=r"by: given 'rull', expected one of .*rule.*try by='rule'"):
        probe_curves(means(1, 1, 1, 1).assign(rule="SET"), by="rull")


# many probes ----------------------------------------------------------------------------------------------------------


def test_a_panel_per_probe_and_the_same_colour_in_all():
    full = pd.concat([means(0.9, 0.5, 0.4, 0.1), means(0.9, 0.8, 0.7, 0.6, probe="binarisation")])
    panels = probe_grid({"dense": means(0.7, 0.6, 0.5, 0.4, probe="binarisation"), "SET": full}, chance=0.1)
    assert list(panels) == ["binarisation", "sign flip"]
    (flipped, chance) = panels["sign flip"].lines
    assert flipped.get_color() == COLOURS[1]  # SET stays the second model where dense has no line
    assert flipped.get_ydata().tolist() == [0.9, 0.5, 0.4, 0.1]
    assert chance.get_ydata()[0] == 0.1
    assert [line.get_color() for line in panels["binarisation"].lines[:2]] == list(COLOURS[:2])
    assert panels["binarisation"].get_xlabel() == "fraction of weights binarised"
    assert text(panels["sign flip"]) == ["dense", "SET", "chance"]


def test_options_name_the_panels_of_a_probe_with_several():
    table = pd.concat([means(0.9, 0.5, 0.4, k / 10, probe="weight_shuffle", options=f"within={k}") for k in (1, 2)])
    panels = probe_grid(pd.concat([table, means(0.9, 0.5, 0.4, 0.3)]), columns=2)
    assert list(panels) == ["weight shuffle\nwithin=1", "weight shuffle\nwithin=2", "sign flip"]
    assert panels["weight shuffle\nwithin=2"].lines[0].get_ydata()[-1] == 0.2
    figure = panels["sign flip"].figure
    assert [ax.axison for ax in figure.axes] == [True, True, True, False]  # nothing in the fourth place
    assert panels["sign flip"].get_ylabel() == "accuracy"


def test_a_table_that_comes_back_from_a_file_is_the_same_picture(tmp_path):
    table = pd.concat([means(0.9, 0.5, 0.4, 0.1, options=""), means(0.9, 0.8, 0.7, 0.6, probe="binarisation")])
    table.to_csv(tmp_path / "means.csv", index=False)
    panels = probe_grid(pd.read_csv(tmp_path / "means.csv"))
    assert panels["sign flip"].lines[0].get_ydata().tolist() == [0.9, 0.5, 0.4, 0.1]
    assert panels["binarisation"].lines[0].get_ydata().tolist() == [0.9, 0.8, 0.7, 0.6]


def test_a_given_figure_is_drawn_into():
    figure = plt.figure()
    panels = probe_grid(means(0.9, 0.5, 0.4, 0.1), figure=figure)
    assert [ax.figure for ax in panels.values()] == [figure]


@pytest.mark.parametrize("columns", [0, -1, 1.5, True, "two"])
def test_impossible_columns_are_refused(columns):
    with pytest.raises(InvalidOption, match="columns: given"):
        probe_grid(means(0.9, 0.5, 0.4, 0.1), columns=columns)


def test_a_grid_needs_to_know_the_probes():
    with pytest.raises(InvalidOption, match="given a table without probe, options"):
        probe_grid(means(0.9, 0.5, 0.4, 0.1).drop(columns=["probe", "options"]))


# structure beside function --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frame():
    net = layered([20, 30, 10], density=0.2, rng=0)
    return percolate(net, trials=3, rng=0).to_frame(points=10)


def test_structure_and_function_by_strength(frame):
    accuracy = means(0.9, 0.8, 0.3, 0.1, probe="link_removal")
    ax = structure_and_function(
        {"SET": frame, "static": frame},
        {"SET": accuracy, "static": accuracy},
        thresholds={"SET": 0.8, "static": float("nan")},
        predicted={"SET": 0.75, "static": 0.7},
        chance=0.1,
    )
    by_colour = {colour: [line for line in ax.lines if line.get_color() == colour] for colour in COLOURS[:2]}
    function, giant, reached, measured, predicted = by_colour[COLOURS[0]]
    assert function.get_xdata().tolist() == STRENGTHS
    assert function.get_ydata().tolist() == [0.9, 0.8, 0.3, 0.1]
    rows = frame.set_index("observable")
    np.testing.assert_array_equal(giant.get_ydata(), rows.loc["giant_component", "mean"])
    np.testing.assert_array_equal(reached.get_ydata(), rows.loc["outputs_reachable", "mean"])
    assert measured.get_xdata()[0] == 0.8
    assert predicted.get_xdata()[0] == 0.75
    assert measured.get_linestyle() != predicted.get_linestyle()
    assert [line.get_xdata()[0] for line in by_colour[COLOURS[1]][3:]] == [0.7]  # no threshold was found
    assert ax.lines[-1].get_ydata()[0] == 0.1
    assert text(ax) == [
        "SET", "static", "test accuracy", "giant component", "outputs reachable",
        "threshold, simulated", "threshold, predicted", "chance",
    ]  # fmt: skip
    assert ax.get_xlabel() == "fraction of edges removed"


@pytest.mark.parametrize("outside", [-0.2, 1.1, np.nan, -np.inf])
def test_a_prediction_outside_the_axis_is_left_out(frame, outside):
    accuracy = {"SET": means(0.9, 0.8, 0.3, 0.1)}
    ax = structure_and_function({"SET": frame}, accuracy, predicted={"SET": outside})
    assert len(ax.lines) == 3
    assert "threshold, predicted" not in text(ax)


@pytest.mark.parametrize(
    ("percolation", "accuracy", "message"),
    [
        (1, {}, "percolation: given int, expected a mapping"),
        ({}, means(1, 1, 1, 1), "accuracy: given DataFrame, expected a mapping"),
        ({}, {"SET": means(1, 1, 1, 1)}, "percolation: given no table of 'SET'"),
        (
            {"SET": 1},
            {"SET": means(1, 1, 1, 1)},
            "percolation\\['SET'\\]: given int, expected a table with columns obs",
        ),
        (
            "frame",
            {"SET": means(1, 1, 1, 1).drop(columns="strength")},
            "accuracy\\['SET'\\]: given a table without stren",
        ),
        (
            "frame",
            {"SET": pd.concat([means(1, 1, 1, 1), means(1, 1, 1, 1, probe="binarisation")])},
            "accuracy\\['SET'\\]: given probes sign_flip scope=layer; binarisation scope=layer, expected one probe",
        ),
    ],
)
def test_what_cannot_be_put_beside_each_other_is_one_line(frame, percolation, accuracy, message):
    percolation = {"SET": frame} if isinstance(percolation, str) else percolation
    with pytest.raises(InvalidOption, match=message):
        structure_and_function(percolation, accuracy)


# weights and degrees --------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(networks=zoo.networks())
def test_shares_of_weights_are_counted_in_symmetric_bins(networks):
    rng = np.random.default_rng(networks.n_edges)
    weights = [rng.normal(size=layer.n_edges) for layer in networks.layers]
    ax = weight_distribution({"before": weights, "after": [-w for w in weights]}, bins=9)
    before, after = (outline.get_data() for outline in ax.patches)
    values = np.concatenate(weights)
    assert len(before.edges) == 10
    np.testing.assert_allclose(before.edges, -before.edges[::-1])
    if len(values):
        assert before.values.sum() == pytest.approx(1)
        assert before.edges[-1] == np.abs(values).max()
        inner = zip(before.edges[:-2], before.edges[1:-1], strict=True)
        expected = [np.mean((values >= low) & (values < high)) for low, high in inner]
        np.testing.assert_allclose(before.values[:-1], expected)
        np.testing.assert_allclose(after.values, before.values[::-1], atol=1e-12)
    plt.close(ax.figure)


def test_weights_of_a_layer_of_a_network_and_of_float32():
    weights = np.array([0.0, 0.0, -2.0, 1.9], dtype=np.float32)
    ax = weight_distribution({"layer": weights, "network": (weights[:2], weights[2:])}, bins=5, log=False)
    for outline, colour in zip(ax.patches, COLOURS, strict=False):
        assert outline.get_data().values.tolist() == [0.25, 0, 0.5, 0, 0.25]
        assert outline.get_edgecolor() == to_rgba(colour)
    assert ax.get_yscale() == "linear"
    assert (ax.get_xlabel(), text(ax)) == ("weight", ["layer", "network"])
    assert weight_distribution({"layer": weights}).get_yscale() == "log"


@pytest.mark.parametrize("weights", [{}, {"none": np.zeros(0)}, {"none": []}, {"zeros": np.zeros(5)}])
def test_without_weights_there_are_axes(weights):
    weight_distribution(weights).figure.canvas.draw()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3), "weights: given ndarray, expected a mapping"),
        ({"w": 1.0}, "weights\\['w'\\]: given float, expected an edge vector"),
        ({"w": np.ones((2, 2))}, "given an array of shape \\(2, 2\\)"),
        ({"w": [1.0, 2.0]}, "given an array of shape \\(\\)"),
        ({"w": np.array([1.0, np.nan])}, "given values that are not finite"),
        ({"w": np.array(["a"])}, "given <U1"),
        ({"w": np.array([1j])}, "given complex128"),
    ],
)
def test_other_weights_are_refused(weights, message):
    with pytest.raises(InvalidOption, match=message):
        weight_distribution(weights)


@pytest.mark.parametrize("bins", [0, 1, 2, 10, 3.0, True, "many"])
def test_bins_have_a_middle(bins):
    with pytest.raises(InvalidOption, match=r"bins: given .*, expected an odd number of at least 3"):
        weight_distribution({"w": np.ones(3)}, bins=bins)


@pytest.mark.parametrize("side", ["out", "in", "all"])
@settings(max_examples=20, deadline=None)
@given(graph=zoo.graphs())
def test_distribution_is_the_share_of_units_with_at_least_k_on_either_side(side, graph):
    ax = degree_distribution({"net": graph}, side=side)
    found = degrees(graph, side=side)
    k, share = ax.lines[0].get_data()
    np.testing.assert_array_equal(k, np.unique(found[found > 0]))
    np.testing.assert_allclose(share, [np.mean(found >= each) for each in k])
    plt.close(ax.figure)


def test_distribution_says_whose_degrees():
    graph = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 1], n_in=3, n_out=2)
    assert degree_distribution({"net": graph}).get_xlabel() == "fan-out k, all sparse layers"
    assert degree_distribution({"net": graph}, side="in").get_ylabel() == "share of units with fan-in >= k"
    with pytest.raises(UnknownName, match="side: given 'left', expected one of all, in, out"):
        degree_distribution({"net": graph}, side="left")
    with pytest.raises(InvalidOption, match="networks: given BipartiteGraph, expected a mapping"):
        degree_distribution(graph)
    degree_distribution({}).figure.canvas.draw()


def test_before_and_after_in_one_row():
    before = layered([20, 30, 10], density=0.2, rng=0)
    after = layered([20, 30, 10], density=0.1, rng=1)
    weights = [[np.full(layer.n_edges, w) for layer in net.layers] for net, w in ((before, 1.0), (after, -0.5))]
    panels = before_and_after((before, weights[0]), (after, weights[1]), names=("trained", "pruned"))
    assert list(panels) == ["fan_out", "fan_in", "weights"]
    assert len({id(ax.figure) for ax in panels.values()}) == 1
    for panel, side in (("fan_out", "out"), ("fan_in", "in")):
        for line, net, colour in zip(panels[panel].lines, (before, after), COLOURS, strict=False):
            found = degrees(net, side=side)
            np.testing.assert_array_equal(line.get_xdata(), np.unique(found[found > 0]))
            assert line.get_color() == colour
    heavy, light = (outline.get_data() for outline in panels["weights"].patches)
    assert heavy.values[-1] == 1
    assert light.edges[light.values.argmax()] <= -0.5 <= light.edges[light.values.argmax() + 1]
    assert text(panels["fan_out"]) == ["trained", "pruned"]
    figure = plt.figure()
    assert before_and_after((before, weights[0]), (after, weights[1]), figure=figure)["weights"].figure is figure


def test_before_and_after_of_something_else_is_one_line():
    net = layered([20, 10], density=0.2, rng=0)
    pair = net, [np.ones(net.n_edges)]
    with pytest.raises(InvalidOption, match="before: given SparseNetwork, expected a pair"):
        before_and_after(net, pair)
    with pytest.raises(InvalidOption, match="after: given int"):
        before_and_after(pair, 1)
    with pytest.raises(InvalidEdgeVector, match="weights"):
        before_and_after(pair, (net, [np.ones(3)]))
    with pytest.raises(InvalidOption, match=r"names: given .*, expected two different names"):
        before_and_after(pair, pair, names=("a", "a"))


def test_darker_is_darker():
    for colour in COLOURS:
        assert sum(to_rgba(darker(colour))[:3]) < 0.6 * sum(to_rgba(colour)[:3])
