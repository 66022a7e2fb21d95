"""`PercolationCurve`: what it records, its intervals, its area, its access by edge count, its value semantics."""

import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import scipy.stats
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse.errors import GraphIsFrozen, InvalidEdges, InvalidOption, UnknownName
from netsparse.percolation import OBSERVABLES, PercolationCurve, RemovalOrder, observe, percolate, removal_counts
from netsparse.percolation.orders import removals

WIRINGS = zoo.GRAPHS | zoo.NETWORKS
EVERYTHING = tuple(OBSERVABLES)


@pytest.mark.parametrize("name", WIRINGS)
def test_every_wiring_has_a_curve_with_all_its_parts(name):
    wiring = WIRINGS[name]
    curve = percolate(wiring, observables=EVERYTHING, trials=3, rng=0)
    assert curve.observables == EVERYTHING
    assert len(curve.n_removed) == len(curve.fraction_removed) == wiring.n_edges + 1
    frame = curve.to_frame()
    assert frame.columns.tolist() == ["observable", "n_removed", "fraction_removed", "mean", "low", "high"]
    assert len(frame) == len(EVERYTHING) * (wiring.n_edges + 1)
    assert frame["fraction_removed"].between(0, 1).all()
    assert 0 <= curve.r_index <= 1
    assert frame["mean"].notna().all()
    with_width = frame[frame["observable"] != "log_path_count"]
    assert with_width[["low", "high"]].notna().all(axis=None)
    assert "<table>" in curve._repr_html_()
    for observable in EVERYTHING:
        assert curve.values(observable).shape == (3, wiring.n_edges + 1)


def test_fractions_are_of_the_right_units():
    network = zoo.NETWORKS["three layers"]
    curve = percolate(network, observables=EVERYTHING, rng=0)
    scales = {
        "giant_component": 40,
        "second_component": 40,
        "susceptibility": 1,
        "n_components": 1,
        "units_reachable": 31,
        "outputs_reachable": 6,
        "inputs_connected": 9,
        "active_units": 40,
        "log_path_count": 1,
    }
    assert sum(network.sizes) == 40
    assert tuple(scales) == EVERYTHING
    for name, scale in scales.items():
        assert curve.values(name).tolist() == (curve.counts(name) / scale).tolist()


def test_without_edges_the_curve_is_one_point():
    curve = percolate(zoo.NETWORKS["no edges anywhere"], trials=2, rng=0)
    assert (curve.n_items, curve.fraction_removed.tolist()) == (0, [0.0])
    assert curve.r_index == pytest.approx(1 / 9)
    assert curve.to_frame(points=10)["n_removed"].tolist() == [0, 0, 0, 0]
    assert curve.at([0])["giant_component"].tolist() == [[1 / 9], [1 / 9]]


@pytest.mark.parametrize("scope", ["layer", "network"])
def test_same_seed_same_curve(scope):
    network = zoo.NETWORKS["three layers"]
    first, again, other = (percolate(network, scope=scope, trials=4, rng=seed) for seed in (0, 0, 1))
    assert first == again
    assert hash(first) == hash(again)
    assert first != other
    assert first != percolate(network, scope=scope, trials=3, rng=0)
    assert first != "a curve"


def test_what_is_observed_does_not_change_what_is_removed():
    network = zoo.NETWORKS["three layers"]
    alone, among = (percolate(network, observables=o, trials=2, rng=0) for o in ("n_components", EVERYTHING))
    assert alone.observables == ("n_components",)
    assert np.array_equal(alone.counts("n_components"), among.counts("n_components"))


def test_the_orders_behind_a_curve_can_be_had():
    """Whoever removes edges from a trained model with the same arguments sees the same structure."""
    network = zoo.NETWORKS["three layers"]
    curve = percolate(network, trials=3, rng=9)
    for trial, removal in enumerate(removals(network, trials=3, rng=9)):
        single = percolate(network, order=removal.edges)
        for name in curve.observables:
            assert np.array_equal(single.counts(name)[0], curve.counts(name)[trial])


def test_at_gives_the_values_at_exact_counts():
    curve = percolate(zoo.GRAPHS["dense random"], trials=2, rng=0)
    picked = curve.at([5, 0, 5])
    assert set(picked) == set(curve.observables)
    for name, values in picked.items():
        assert np.array_equal(values, curve.values(name)[:, [5, 0, 5]])
    assert curve.at(3)["giant_component"].shape == (2, 1)


@pytest.mark.parametrize(("counts", "said"), [([0.5], "float64"), ([-1], "-1"), ([13], "13"), ([[1]], "(1, 1)")])
def test_at_refuses_fractions_and_counts_off_the_curve(counts, said):
    curve = percolate(zoo.GRAPHS["complete"], rng=0)
    with pytest.raises(InvalidOption, match="whole numbers from 0 to n_items = 12") as raised:
        curve.at(counts)
    assert said in str(raised.value)


@given(st.integers(0, 500), st.integers(1, 60))
def test_removal_counts_are_evenly_spaced(n_edges, points):
    counts = removal_counts(n_edges, points)
    assert (counts[0], counts[-1]) == (0, n_edges)
    assert (np.diff(counts) > 0).all()
    assert len(counts) == points + 1 or n_edges < points
    if n_edges >= points:
        assert (np.abs(counts - n_edges * np.arange(points + 1) / points) <= 0.5).all()


@pytest.mark.parametrize("points", [0, -1, 2.5, True, "10"])
def test_points_must_be_a_positive_whole_number(points):
    with pytest.raises(InvalidOption, match="points=100"):
        percolate(zoo.GRAPHS["complete"], rng=0).to_frame(points=points)


def test_the_interval_is_students():
    curve = percolate(zoo.GRAPHS["dense random"], observables=EVERYTHING, trials=7, rng=0)
    frame = curve.to_frame(points=10)
    spread = 0
    for row in frame.itertuples():
        samples = curve.values(row.observable)[:, row.n_removed]
        if np.isinf(samples).any():
            assert (row.observable, row.n_removed, row.mean) == ("log_path_count", curve.n_items, -np.inf)
            assert np.isnan([row.low, row.high]).all()
            continue
        assert row.mean == pytest.approx(samples.mean())
        if np.ptp(samples) == 0:
            assert row.low == pytest.approx(row.mean)
            continue
        spread += 1
        expected = scipy.stats.t.interval(0.95, 6, loc=samples.mean(), scale=scipy.stats.sem(samples))
        assert (row.low, row.high) == pytest.approx(expected)
    assert spread > 10


def test_all_points_and_some_points_agree():
    curve = percolate(zoo.GRAPHS["dense random"], trials=3, rng=0)
    full, some = curve.to_frame(), curve.to_frame(points=4)
    joined = some.merge(full, on=["observable", "n_removed"], suffixes=("", "_full"))
    assert len(joined) == len(some) == 20
    for column in ("mean", "low", "high"):
        assert np.allclose(joined[column], joined[f"{column}_full"])


def test_one_trial_has_no_interval():
    frame = percolate(zoo.GRAPHS["complete"], rng=0).to_frame()
    assert frame["mean"].notna().all()
    assert frame[["low", "high"]].isna().all(axis=None)


@given(zoo.networks(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_the_r_index_is_the_area(network, seed):
    curve = percolate(network, trials=3, rng=seed)
    mean = curve.values("giant_component").mean(axis=0)
    area = np.trapezoid(mean, curve.fraction_removed) if network.n_edges else mean[0]
    assert curve.r_index == pytest.approx(area)


def test_the_r_index_of_a_star_is_known():
    """n + 1 units lose one at a time: a straight line from 1 to 1 / (n + 1)."""
    curve = percolate(zoo.GRAPHS["star out"], trials=4, rng=0)
    assert curve.r_index == pytest.approx((1 + 1 / 7) / 2)


def test_what_was_not_observed_is_named():
    curve = percolate(zoo.GRAPHS["complete"], observables=["outputs_reachable"], rng=0)
    for ask in (lambda: curve.r_index, curve.threshold, lambda: curve.values("giant_component")):
        with pytest.raises(UnknownName, match="one of outputs_reachable"):
            ask()


@pytest.mark.parametrize(
    ("observables", "error"),
    [("loops", UnknownName), (["loops"], UnknownName), ([["a"]], UnknownName), ((), InvalidOption), (5, InvalidOption)],
)
def test_unknown_observables_list_the_known(observables, error):
    with pytest.raises(error) as raised:
        percolate(zoo.GRAPHS["complete"], observables=observables, rng=0)
    assert "giant_component" in str(raised.value)


def test_a_curve_is_a_frozen_value_and_stays_one_in_a_pickle():
    curve = percolate(zoo.GRAPHS["complete"], trials=2, rng=0)
    copy = pickle.loads(pickle.dumps(curve))
    assert copy == curve
    for one in (curve, copy):
        with pytest.raises(GraphIsFrozen):
            one.n_items = 3
        for array in (one.counts("giant_component")[0], one.counts("susceptibility")[0]):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 3


def test_a_curve_does_not_share_the_callers_array():
    theirs = np.array([[2, 1]], dtype=np.int32)
    view = theirs[:]
    view.setflags(write=False)
    for array in (theirs, view):
        curve = PercolationCurve((1, 1), {"giant_component": array})
        theirs[0, 0] = 7
        assert curve.counts("giant_component").tolist() == [[2, 1]]
        theirs[0, 0] = 2
    kept = curve.counts("giant_component")
    assert PercolationCurve((1, 1), {"giant_component": kept}).counts("giant_component") is kept


@pytest.mark.parametrize(
    ("sizes", "counts", "said"),
    [
        ((1, 1), {"giant_component": np.array([[2**32, 1]])}, "giant_component from 1 to 4294967296"),
        ((1, 1), {"n_components": np.array([[-1, 1]])}, "n_components from -1 to 1"),
        ((1, 1), {"n_components": np.array([[2**64 - 1]], dtype=np.uint64)}, "whole numbers from 0 to 2147483647"),
        ((1, 1), {"giant_component": np.ones((1, 2), int), "n_components": np.ones((1, 3), int)}, "shape (1, 3)"),
        ((1, 1), {"giant_component": np.ones(3, int)}, "shape (3,)"),
        ((1, 1), {"giant_component": np.array([[1.5, 1.0]])}, "float64"),
        ((1, 1), {"giant_component": np.ones((1, 2), bool)}, "bool"),
        ((1, 1), ["giant_component"], "counts: given list"),
        ((), {"giant_component": np.ones((1, 2), int)}, "sizes: given ()"),
        ((0, 1), {"giant_component": np.ones((1, 2), int)}, "sizes: given (0, 1)"),
        (5, {"giant_component": np.ones((1, 2), int)}, "sizes: given 5"),
    ],
)
def test_a_curve_of_other_things_is_refused(sizes, counts, said):
    with pytest.raises(InvalidOption) as raised:
        PercolationCurve(sizes, counts)
    assert said in str(raised.value)


@pytest.mark.parametrize("name", [["giant_component"], np.ones(2), 5])
def test_names_that_are_not_text_are_unknown(name):
    curve = percolate(zoo.GRAPHS["complete"], rng=0)
    for ask in (curve.counts, curve.threshold):
        with pytest.raises(UnknownName, match="one of"):
            ask(name)


def test_the_same_curve_on_a_graph_and_on_its_network_of_one_layer():
    network = zoo.NETWORKS["one layer"]
    assert percolate(network, trials=2, rng=4) == percolate(network.layers[0], trials=2, rng=4)


def test_memory_per_trial_and_point_is_four_bytes_for_a_count_and_eight_for_a_real_number():
    curve = percolate(zoo.GRAPHS["complete"], observables=EVERYTHING, trials=3, rng=0)
    real = {"susceptibility", "log_path_count"}
    for name in EVERYTHING:
        assert curve.counts(name).nbytes == 3 * 13 * (8 if name in real else 4)


NETWORK = zoo.NETWORKS["three layers"]


@pytest.mark.parametrize("points", [1, 7, [5, 3, 12], np.array([40]), ()])
def test_a_curve_at_some_points_is_the_whole_one_there(points):
    whole = percolate(NETWORK, observables=EVERYTHING, trials=3, rng=0)
    few = percolate(NETWORK, observables=EVERYTHING, trials=3, points=points, rng=0)
    asked = removal_counts(NETWORK.n_edges, points) if isinstance(points, int) else points
    assert few.n_removed.tolist() == sorted({0, NETWORK.n_edges, *(int(m) for m in asked)})
    assert few.n_items == whole.n_items == NETWORK.n_edges
    there = whole.at(few.n_removed)
    for name in EVERYTHING:
        assert np.array_equal(few.values(name), there[name])
    assert few != whole
    assert few == pickle.loads(pickle.dumps(few))
    mean = few.values("giant_component").mean(axis=0)
    assert few.r_index == pytest.approx(np.trapezoid(mean, few.fraction_removed))
    assert "<table>" in few._repr_html_()


def test_a_table_of_evenly_spaced_points_takes_the_nearest_recorded():
    few = percolate(NETWORK, observables="giant_component", points=[10, 19, 20], rng=0)
    n = NETWORK.n_edges
    assert few.to_frame(1)["n_removed"].tolist() == [0, n]
    assert few.to_frame(n)["n_removed"].tolist() == [0, 10, 19, 20, n]
    hundred, ten = (percolate(NETWORK, points=points, rng=0) for points in (40, 10))
    assert hundred.to_frame(10).equals(ten.to_frame())


def test_points_that_were_not_recorded_are_not_made_up():
    few = percolate(NETWORK, points=[10], rng=0)
    with pytest.raises(InvalidOption, match="n_removed: given 11, expected one of the 3 recorded points"):
        few.at([10, 11])


@pytest.mark.parametrize("points", [0, -1, 2.5, True, "10", [-1], [10**6], [0.5], [[1]]])
def test_a_curve_at_impossible_points_is_refused(points):
    with pytest.raises(InvalidOption, match=r"points: given .* try points=100"):
        percolate(NETWORK, points=points, rng=0)


@pytest.mark.parametrize("workers", [2, 3, 50])
def test_a_curve_does_not_depend_on_the_number_of_workers(workers):
    alone = percolate(NETWORK, observables=EVERYTHING, trials=9, rng=3)
    assert percolate(NETWORK, observables=EVERYTHING, trials=9, workers=workers, rng=3) == alone


class Scored(RemovalOrder):
    """Random scores, and something that happens with every draw but the first, which all trials wait for."""

    definition = "edges of the highest random number first"
    draws_scores = True

    def __init__(self, happens):
        self.n_draws, self.happens = 0, happens

    def score(self, state, rng):
        self.n_draws += 1
        if self.n_draws > 1:
            self.happens()
        return rng.random(state.graph.n_edges)


def test_trials_are_drawn_side_by_side():
    """Orders that take longer to draw than to follow are what several workers are for."""
    both = threading.Barrier(2, timeout=20)
    curve = percolate(NETWORK, order=Scored(both.wait), trials=5, workers=2, rng=3)
    assert curve == percolate(NETWORK, order=Scored(lambda: None), trials=5, rng=3)


def test_after_an_error_no_further_trial_is_begun():
    seen = threading.Semaphore(0)

    def happens():
        if seen.acquire(blocking=False):
            time.sleep(0.01)
            return
        seen.release(1000)
        raise ZeroDivisionError

    order = Scored(happens)
    with pytest.raises(ZeroDivisionError):
        percolate(NETWORK, order=order, trials=1000, workers=2, rng=0)
    assert order.n_draws < 500


@pytest.mark.parametrize("workers", [0, -1, True, 1.5, None])
def test_workers_are_counted(workers):
    with pytest.raises(InvalidOption, match="workers=2"):
        percolate(NETWORK, workers=workers, rng=0)


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setattr("netsparse.percolation.path_counts.BUDGET", 5)
    with pytest.raises(InvalidOption, match="log_path_count"):
        percolate(NETWORK, observables=EVERYTHING, trials=4, workers=2, rng=0)


def test_one_trial_without_a_path_makes_the_mean_minus_infinity_silently():
    rows = np.array([[2.0, 1.0, -np.inf], [2.0, -np.inf, -np.inf], [2.0, 0.5, -np.inf]])
    frame = PercolationCurve((2, 2), {"log_path_count": rows}).to_frame()
    assert frame["mean"].tolist() == [2.0, -np.inf, -np.inf]
    assert frame["low"].isna().tolist() == frame["high"].isna().tolist() == [False, True, True]


def test_ragged_lists_are_one_line():
    rows = {"giant_component": np.array([[5, 3]], dtype=np.int32)}
    curve, ragged = PercolationCurve((3, 2), rows), [[1], [1, 0]]
    for ask in (
        lambda: curve.at(ragged),
        lambda: percolate(NETWORK, points=ragged, rng=0),
        lambda: percolate(NETWORK, order=ragged),
        lambda: PercolationCurve((3, 2), {"giant_component": ragged}),
        lambda: PercolationCurve((3, 2), rows, n_removed=ragged),
    ):
        with pytest.raises(InvalidEdges, match="given rows of unequal length") as raised:
            ask()
        assert "\n" not in str(raised.value)


def test_more_points_than_there_are_removals_are_all_of_them():
    """Nothing is as long as the number asked for."""
    assert removal_counts(5, 10**25).tolist() == removal_counts(5, 5).tolist() == [0, 1, 2, 3, 4, 5]
    assert removal_counts(0, 10**25).tolist() == [0]
    many = percolate(NETWORK, points=10**25, rng=0)
    assert many == percolate(NETWORK, rng=0)
    assert len(many.to_frame(10**25)) == len(many.to_frame())


def test_a_set_of_observables_has_the_same_order_in_every_process():
    """Text hashes differently in each of them."""
    call = (
        "from netsparse.percolation.observables import OBSERVABLES, observable_names;"
        "print(*observable_names(set(OBSERVABLES)))"
    )
    run = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    assert run.stdout.split() == sorted(EVERYTHING)


def test_names_from_an_array_are_plain_text():
    assert {type(name) for name in observe(NETWORK, np.array(["giant_component"]))} == {str}


def test_a_curve_of_one_edge_is_not_of_edges():
    curve = percolate(zoo.GRAPHS["one edge"], observables="giant_component", rng=0)
    assert repr(curve) == "PercolationCurve(1 edge, 1 trial: giant_component)"


def test_a_curve_of_units_says_so():
    rows = {"giant_component": np.array([[5, 3, 1]], dtype=np.int32)}
    of_units, of_edges = (PercolationCurve((3, 2), rows, of=of) for of in ("units", "edges"))
    assert of_units != of_edges
    assert repr(of_units) == "PercolationCurve(2 units, 1 trial: giant_component)"
    assert "mean by units removed" in of_units._repr_html_()
    assert pickle.loads(pickle.dumps(of_units)) == of_units
    assert of_units.fraction_removed.tolist() == [0, 0.5, 1]
    assert of_units.r_index == pytest.approx((2.5 + 3 + 0.5) / 2 / 5)


@pytest.mark.parametrize(
    "n_removed", [[0, 1], [1, 2, 3], [0, 2, 2], [0, 3, 2], [0.0, 1.0, 2.0], [[0, 1, 2]], [], 5, ["a", "b", "c"]]
)
def test_points_that_do_not_fit_a_curve_are_refused(n_removed):
    rows = {"giant_component": np.array([[5, 3, 1]], dtype=np.int32)}
    with pytest.raises(InvalidOption, match=r"n_removed: given .* expected 3 increasing whole numbers from 0 on"):
        PercolationCurve((3, 2), rows, n_removed=n_removed)


def test_recorded_points_are_nobody_elses():
    theirs = np.array([0, 2, 4])
    curve = PercolationCurve((3, 2), {"giant_component": np.array([[5, 3, 1]])}, n_removed=theirs)
    theirs[1] = 3
    assert curve.n_removed.tolist() == [0, 2, 4]
    with pytest.raises(ValueError, match="read-only"):
        curve.n_removed[0] = 1


def test_what_a_curve_is_of_is_one_of_two_things():
    with pytest.raises(UnknownName, match="of: given 'layers', expected one of edges, units"):
        PercolationCurve((1, 1), {"giant_component": np.ones((1, 2), int)}, of="layers")


def test_whole_numbers_become_real_where_the_observable_is():
    curve = PercolationCurve((1, 1), {"susceptibility": np.ones((1, 2), int)})
    assert curve.counts("susceptibility").dtype == np.float64
