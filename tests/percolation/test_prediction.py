"""`predict`: the same words as the simulated curve, the same numbers in large networks, a value like others."""

import math
import pickle

import numpy as np
import pytest
import zoo

from netsparse import generators
from netsparse.errors import GraphIsFrozen, InvalidGraph, InvalidOption, UnknownName
from netsparse.percolation import OBSERVABLES, percolate
from netsparse.percolation.critical import generating_function_threshold, non_backtracking_threshold
from netsparse.percolation.message_passing import expected_components
from netsparse.percolation.prediction import Prediction, predict
from netsparse.percolation.reach import reach_curves

WIRINGS = zoo.GRAPHS | zoo.NETWORKS


@pytest.fixture(scope="module")
def network():
    return generators.layered([784, 1000, 1000, 1000], density=0.01, rng=0)


@pytest.fixture(scope="module")
def prediction(network):
    return predict(network)


def at_the_end(wiring):
    """The observables with all edges gone, but for the largest component, which is not the giant one."""
    curve = percolate(wiring, order=np.arange(wiring.n_edges), observables=tuple(OBSERVABLES))
    return {name: curve.values(name)[0, -1] for name in OBSERVABLES} | {"giant_component": 0}


@pytest.mark.parametrize("name", WIRINGS)
def test_every_wiring_has_a_prediction_of_its_parts(name):
    wiring = WIRINGS[name]
    found = predict(wiring, points=[0.25, 0.6])
    assert found.fraction_removed.tolist() == [0, 0.25, 0.6, 1]
    assert set(found.observables) < set(OBSERVABLES)
    kept = 1 - found.fraction_removed
    assert found.values("giant_component") == pytest.approx(
        [expected_components(wiring, p).giant_component for p in kept], abs=1e-8
    )
    for name, row in reach_curves(wiring, kept).items():
        assert found.values(name).tolist() == row.tolist()
    assert found.thresholds["non_backtracking"] == non_backtracking_threshold(wiring)
    if len(wiring.layers) == 1:
        assert found.thresholds["generating_functions"] == generating_function_threshold(wiring)
    else:
        assert set(found.thresholds) == {"non_backtracking"}
    assert {name: found.values(name)[-1] for name in found.observables} == {
        name: expected for name, expected in at_the_end(wiring).items() if name in found.observables
    }


def test_theory_and_simulation_agree_on_a_layered_network(network, prediction):
    names = ("giant_component", "susceptibility", "outputs_reachable")
    curve = percolate(network, observables=names, trials=10, points=100, rng=0)
    removed = curve.fraction_removed
    assert removed == pytest.approx(prediction.fraction_removed, abs=1e-4)
    critical = prediction.thresholds["non_backtracking"]
    away = abs(1 - removed - critical) > 0.5 * critical
    means = {name: curve.values(name).mean(axis=0) for name in names}
    above = away & (1 - removed > critical)
    assert means["giant_component"][above] == pytest.approx(prediction.values("giant_component")[above], abs=0.01)
    assert means["outputs_reachable"] == pytest.approx(prediction.values("outputs_reachable"), abs=0.01)
    some_outside = above & (prediction.values("giant_component") < 0.98)
    expected = prediction.values("susceptibility")
    assert means["susceptibility"][some_outside] == pytest.approx(expected[some_outside], rel=0.05)
    half = curve.half_point()
    assert prediction.half_point().fraction_removed == pytest.approx(half.fraction_removed, abs=0.003)


def test_removal_of_units_agrees_with_simulation(network):
    names = ("giant_component", "outputs_reachable", "inputs_connected", "units_reachable", "active_units")
    curve = percolate(network, order="random_units", observables=names, trials=10, points=50, rng=0)
    found = predict(network, points=curve.fraction_removed, of="units")
    assert found.of == curve.of == "units"
    kept = 1 - curve.fraction_removed
    for name in names:
        clear = kept > (1.5 * found.thresholds["non_backtracking"] if name == "giant_component" else 0)
        assert curve.values(name).mean(axis=0)[clear] == pytest.approx(found.values(name)[clear], abs=0.01), name


def test_removal_of_units_leaves_the_same_mean_sizes_as_that_of_edges():
    graph = generators.biregular(20_000, 20_000, fan_in=4, rng=0)
    observables = ("giant_component", "susceptibility")
    curve = percolate(graph, order="random_units", observables=observables, trials=20, points=20, rng=0)
    found = predict(graph, points=curve.fraction_removed, of="units")
    above = (1 - curve.fraction_removed > 1.3 / 3) & (1 - curve.fraction_removed < 0.9)
    for name in observables:
        values = curve.values(name)[:, above]
        error = values.std(axis=0, ddof=1) / math.sqrt(20)
        assert (error < 0.03 * values.mean(axis=0)).all(), name
        assert (abs(values.mean(axis=0) - found.values(name)[above]) < 4 * error).all(), name


def test_removal_of_units_scales_every_fraction(network, prediction):
    units = predict(network, of="units")
    for name in units.observables:
        scale = 1 if name == "susceptibility" else 1 - units.fraction_removed
        assert units.values(name).tolist() == (scale * prediction.values(name)).tolist()
    assert units.thresholds == prediction.thresholds
    assert units != prediction


def test_the_table_is_tidy_and_has_the_words_of_the_curve(prediction):
    table = prediction.to_frame()
    assert list(table.columns) == ["observable", "fraction_removed", "mean"]
    assert len(table) == 101 * len(prediction.observables)
    giant = table.query("observable == 'giant_component'")
    assert giant["mean"].tolist() == prediction.values("giant_component").tolist()
    assert giant["fraction_removed"].tolist() == pytest.approx(np.linspace(0, 1, 101))


def test_half_points_belong_to_directed_paths(prediction):
    half = prediction.half_point()
    at_half = np.interp(half.fraction_removed, prediction.fraction_removed, prediction.values("outputs_reachable"))
    assert at_half == pytest.approx(prediction.values("outputs_reachable")[0] / 2)
    assert (half.observable, half.fraction_kept) == ("outputs_reachable", 1 - half.fraction_removed)
    assert math.isnan(half.error)
    assert math.isnan(predict(zoo.GRAPHS["no edges"]).half_point().fraction_kept)
    with pytest.raises(UnknownName, match="outputs_reachable"):
        prediction.half_point("giant_component")


def test_a_prediction_is_a_value(prediction):
    again = pickle.loads(pickle.dumps(prediction))
    assert again == prediction
    assert hash(again) == hash(prediction)
    assert prediction != 1
    assert not again.values("giant_component").flags.writeable
    assert not again.fraction_removed.flags.writeable
    with pytest.raises(GraphIsFrozen, match="predict"):
        prediction.of = "units"
    with pytest.raises(TypeError):
        prediction.thresholds["guess"] = 1.0
    assert repr(prediction).startswith("Prediction(101 points, edges: critical fraction kept 0.06")
    assert "<th>50%</th>" in prediction._repr_html_()
    assert predict(zoo.GRAPHS["path"], points=1)._repr_html_().count("<tr>") == 7


def test_a_values_own_arrays_cannot_be_changed_from_outside():
    row = np.array([1.0, 0.0])
    found = Prediction("edges", np.array([0.0, 1.0]), {"giant_component": row}, {})
    row[0] = 9
    assert found.values("giant_component").tolist() == [1, 0]


@pytest.mark.parametrize("points", [0, -1, 2.5, True, "many", [0.5, 1.2], [[0.5]], [[0.5], [0.2, 0.3]], [], None])
def test_points_are_checked(points):
    with pytest.raises(InvalidOption, match="points"):
        predict(zoo.GRAPHS["path"], points=points)


def test_other_input_is_checked(prediction):
    with pytest.raises(InvalidGraph):
        predict(np.eye(3))
    with pytest.raises(InvalidOption, match="of"):
        predict(zoo.GRAPHS["path"], of="layers")
    with pytest.raises(UnknownName, match="giant_component"):
        prediction.values("giant")
    with pytest.raises(InvalidOption, match="shape"):
        Prediction("edges", np.zeros(2), {"giant_component": np.zeros(3)}, {})
    with pytest.raises(InvalidOption, match="none"):
        Prediction("edges", np.zeros(2), {}, {})
    with pytest.raises(InvalidOption, match="of"):
        Prediction("layers", np.zeros(2), {"giant_component": np.zeros(2)}, {})
