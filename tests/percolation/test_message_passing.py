"""Message passing against enumeration on trees, plain iteration everywhere, closed forms and simulation."""

import math

import numpy as np
import pytest
import scipy.stats
import zoo
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from percolation.oracles_theory import component_sizes, forest_of, mean_component_sizes, messages
from scipy.optimize import brentq

from netsparse import generators
from netsparse.errors import InvalidGraph, InvalidOption, NotConverged
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.percolation import percolate
from netsparse.percolation.critical import non_backtracking_threshold
from netsparse.percolation.message_passing import component_curves, expected_components

WIRINGS = zoo.GRAPHS | zoo.NETWORKS
FRACTIONS = st.floats(0, 1)


@given(zoo.networks(max_units=3), st.data())
@settings(deadline=None, max_examples=40)
def test_trees_equal_enumeration(network, data):
    forest = forest_of(network)
    assume(forest.n_edges <= 6)
    kept = data.draw(st.lists(FRACTIONS, min_size=len(forest.layers), max_size=len(forest.layers)))
    found = expected_components(forest, kept)
    exact = mean_component_sizes(forest, kept)
    assert found.in_giant == pytest.approx(0, abs=1e-12)
    assert found.finite_size == pytest.approx(exact, rel=1e-9)
    assert found.susceptibility == pytest.approx(exact.mean(), rel=1e-9)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999, 1.0])
def test_a_tree_of_eleven_edges_equals_enumeration(kept):
    tree = forest_of(generators.layered([3, 3, 3, 3], density=1.0, rng=0))
    assert tree.n_edges == 11
    exact = mean_component_sizes(tree, kept)
    assert exact.max() >= 1 + 2 * kept
    assert expected_components(tree, kept).finite_size == pytest.approx(exact, rel=1e-9)


def agrees_with_plain_iteration(wiring, kept):
    expected = messages(wiring, kept)
    if expected is None:
        return False
    found = expected_components(wiring, kept)
    in_giant, size = expected
    assert found.in_giant == pytest.approx(in_giant, abs=1e-8)
    clear = in_giant < 1 - 1e-4  # what is left of 1 has digits enough for a ratio
    assert found.finite_size[clear] == pytest.approx(size[clear], rel=1e-5)
    return True


@pytest.mark.parametrize("kept", [0.05, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("name", [name for name in WIRINGS if WIRINGS[name].n_edges <= 150])
def test_every_wiring_equals_plain_iteration(name, kept):
    assert agrees_with_plain_iteration(WIRINGS[name], kept)


@given(zoo.networks(max_units=5), st.data())
@settings(deadline=None, max_examples=60)
def test_any_network_and_fractions_equal_plain_iteration(network, data):
    fractions = st.sampled_from([0.0, 0.2, 0.5, 0.7, 0.93, 1.0])
    kept = data.draw(st.lists(fractions, min_size=len(network.layers), max_size=len(network.layers)))
    agrees_with_plain_iteration(network, kept)


@pytest.mark.parametrize("name", WIRINGS)
def test_with_all_edges_kept_giant_means_a_cycle(name):
    wiring = WIRINGS[name]
    sizes = component_sizes(wiring, np.ones(wiring.n_edges, dtype=bool))
    label = np.arange(sum(wiring.sizes))
    sources, targets = wiring.unit_edges()
    for _ in label:
        low = np.minimum(label[sources], label[targets])
        np.minimum.at(label, sources, low)
        np.minimum.at(label, targets, low)
    edges = np.bincount(label[sources], minlength=len(label))
    is_tree = edges[label] == sizes - 1
    found = expected_components(wiring, 1.0)
    assert found.in_giant.tolist() == (~is_tree).astype(float).tolist()
    assert found.finite_size[is_tree].tolist() == sizes[is_tree].tolist()
    assert np.isnan(found.finite_size[~is_tree]).all()


def biregular_solution(d_in, d_out, p):
    """The message from the side of `d_in` edges, by a root of one equation, and the part of both sides in the giant."""

    def once_round(u):
        return 1 - p + p * (1 - p + p * u ** (d_in - 1)) ** (d_out - 1)

    u = brentq(lambda x: once_round(x) - x, 0, 1 - 1e-7, xtol=1e-15)
    v = 1 - p + p * u ** (d_in - 1)
    return 1 - u**d_in, 1 - v**d_out


@pytest.mark.parametrize(("d_in", "d_out", "n_out"), [(4, 4, 60), (9, 3, 20), (2, 6, 90)])
@pytest.mark.parametrize("above", [1.001, 1.01, 1.3, 2.0])
def test_biregular_graphs_obey_one_equation(d_in, d_out, n_out, above):
    graph = generators.biregular(n_out * d_in // d_out, n_out, fan_in=d_in, rng=0)
    p = above / math.sqrt((d_in - 1) * (d_out - 1))
    targets, sources = biregular_solution(d_in, d_out, min(p, 0.97))
    found = expected_components(graph, min(p, 0.97))
    assert found.in_giant[: graph.n_in] == pytest.approx(sources, abs=1e-8)
    assert found.in_giant[graph.n_in :] == pytest.approx(targets, abs=1e-8)


@pytest.mark.parametrize("d", [3, 5])
def test_biregular_graphs_below_the_threshold_have_closed_mean_sizes(d):
    graph = generators.biregular(40, 40, fan_in=d, rng=0)
    for share in (0.1, 0.9, 0.9999):
        p = share / (d - 1)
        found = expected_components(graph, p)
        assert found.giant_component == 0
        assert found.susceptibility == pytest.approx(1 + d * p / (1 - (d - 1) * p), rel=1e-8)


def test_a_long_path_has_its_closed_form():
    n, p = 2000, 0.99
    sources, targets = np.array([(i, i) for i in range(n)] + [(i + 1, i) for i in range(n - 1)]).T
    path = BipartiteGraph.from_edges(sources, targets, n_in=n, n_out=n)
    place = np.concatenate([2 * np.arange(n), 2 * np.arange(n) + 1])
    sides = p * (2 - p**place - p ** (2 * n - 1 - place)) / (1 - p)
    assert expected_components(path, p).finite_size == pytest.approx(1 + sides, rel=1e-9)


def test_a_cycle_is_giant_only_when_whole():
    cycle = zoo.GRAPHS["cycle"]
    assert expected_components(cycle, 1.0).giant_component == 1
    just_below = expected_components(cycle, 0.999)
    assert just_below.giant_component == 0
    # messages run round and round: as if the cycle were an endless path
    assert just_below.susceptibility == pytest.approx(1 + 2 * 0.999 / 0.001, rel=1e-7)


def a_cycle_beside(tail, d):
    """A cycle of 2 d units, with a tail on one of them, and a complete square apart from both."""
    around = [(i, i) for i in range(d)] + [(i, (i + 1) % d) for i in range(d)]
    square = [(d + i, d + tail + j) for i in range(5) for j in range(5)]
    sources, targets = np.array(around + [(0, d + k) for k in range(tail)] + square).T
    return BipartiteGraph.from_edges(sources, targets, n_in=d + 5, n_out=d + tail + 5)


@pytest.mark.parametrize(("tail", "d"), [(0, 2), (1, 2), (3, 2), (1, 40)])
@pytest.mark.parametrize("missing", [1e-2, 1e-3, 1e-4, 2e-5, 5e-6, 1e-6, 1e-7, 1e-9, 2e-11])
def test_an_edge_that_may_be_missing_breaks_a_cycle_however_rarely(tail, d, missing):
    """What sweeps do slowly, round the cycle, must not hide behind what they do at once; else it is said aloud."""
    graph, p = a_cycle_beside(tail, d), 1 - missing
    if missing <= 1e-5:
        with pytest.raises(NotConverged, match="further from 1, or 1 itself"):
            expected_components(graph, p)
        return
    found = expected_components(graph, p)
    cycle = np.r_[:d, graph.n_in : graph.n_in + d + tail]
    square = np.setdiff1d(np.arange(sum(graph.sizes)), cycle)
    assert found.in_giant[cycle].tolist() == [0.0] * len(cycle)
    assert (found.in_giant[square] > 0.999).all()
    # round an endless path each way, with the tail on every turn
    endless = 1 + 2 * p / missing + tail * p * (1 + 2 * p ** (2 * d) / (1 - p ** (2 * d)))
    assert found.finite_size[0] == pytest.approx(endless, rel=1e-5)


def test_slow_layers_do_not_hide_behind_fast_ones():
    """A dense layer settles in two sweeps; the cycle beside it, in another layer, has only begun to move."""
    fast = BipartiteGraph.from_edges(*np.nonzero(np.ones((50, 50))), n_in=50, n_out=54)
    slow = BipartiteGraph.from_edges([50, 51, 50, 51], [0, 0, 1, 1], n_in=54, n_out=2)
    linked = BipartiteGraph.from_edges([0, 50, 51, 50, 51], [0, 0, 0, 1, 1], n_in=54, n_out=2)
    found = expected_components(SparseNetwork([fast, slow]), [0.9, 1 - 1e-4])
    assert found.in_giant[-2:].tolist() == [0, 0]
    assert found.finite_size[-2:] == pytest.approx(2e4 - 1, rel=1e-5)
    assert (expected_components(SparseNetwork([fast, linked]), [0.9, 1 - 1e-6]).in_giant[-2:] > 0.99999).all()


@pytest.mark.parametrize("kept", [1 - 2**-53, 0.1 * 3 + 0.7, sum([0.1] * 10), 1 - 1e-12])
@pytest.mark.parametrize("name", WIRINGS)
def test_rounded_ones_are_ones(name, kept):
    assert kept <= 1
    found, whole = (expected_components(WIRINGS[name], p) for p in (kept, 1.0))
    assert np.array_equal(found.in_giant, whole.in_giant)
    assert np.array_equal(found.finite_size, whole.finite_size, equal_nan=True)


@pytest.mark.parametrize("missing", [1e-4, 1e-5, 1e-7, 1e-10])
def test_trees_are_exact_up_to_certainty(missing):
    tree = forest_of(generators.layered([3, 3, 3, 3], density=1.0, rng=0))
    exact = mean_component_sizes(tree, 1 - missing)
    found = expected_components(tree, 1 - missing)
    assert found.finite_size == pytest.approx(exact, rel=1e-9)
    assert not found.in_giant.any()


def test_two_parallel_edges_are_a_cycle():
    dipole = SparseNetwork(
        [BipartiteGraph.from_mask([[1]]), BipartiteGraph.from_mask([[1, 1]])],
        joints=[[0, 0]],
    )
    assert expected_components(dipole, 1.0).in_giant.tolist() == [1, 1, 1]
    assert agrees_with_plain_iteration(dipole, 0.6)


@given(zoo.networks(max_units=7), st.lists(FRACTIONS, min_size=2, max_size=6))
@settings(deadline=None, max_examples=60)
def test_more_edges_never_shrink_the_giant_component(network, fractions):
    giant = component_curves(network, fractions)["giant_component"]
    assert (np.diff(giant[np.argsort(fractions)]) >= -1e-8).all()
    assert ((giant >= 0) & (giant <= 1)).all()


@pytest.mark.parametrize("name", WIRINGS)
def test_a_curve_equals_its_points(name):
    fractions = [0.2, 1.0, 0.0, 0.77, 0.5, 0.99]
    curves = component_curves(WIRINGS[name], fractions)
    single = [expected_components(WIRINGS[name], p) for p in fractions]
    assert curves["giant_component"] == pytest.approx([one.giant_component for one in single], abs=1e-8)
    assert curves["susceptibility"] == pytest.approx([one.susceptibility for one in single], rel=1e-5)


@pytest.mark.parametrize("away", [1e-2, 1e-4, 1e-6])
def test_near_the_threshold_of_an_irregular_network(away):
    """S rises from 0 in proportion to the distance, and the mean size falls as 1 over it, alike on both sides."""
    network = generators.layered([80, 100, 90, 60], density=0.06, rng=3)
    critical = non_backtracking_threshold(network)
    below, above = (expected_components(network, critical * (1 + s * away)) for s in (-1, 1))
    far = expected_components(network, critical * 1.01)
    assert below.giant_component == 0
    assert above.giant_component == pytest.approx(far.giant_component * away / 0.01, rel=0.1)
    assert above.susceptibility == pytest.approx(below.susceptibility, rel=max(0.01, 3 * away))
    assert above.susceptibility == pytest.approx(far.susceptibility * 0.01 / away, rel=0.1)


def test_layers_may_be_kept_whole():
    network = generators.layered([40, 50, 40], density=0.08, rng=1)
    assert agrees_with_plain_iteration(network, [1.0, 0.4])
    nearly = expected_components(network, [1 - 1e-7, 0.4])
    whole = expected_components(network, [1.0, 0.4])
    assert whole.in_giant == pytest.approx(nearly.in_giant, abs=1e-5)
    assert whole.susceptibility == pytest.approx(nearly.susceptibility, rel=1e-4)


@pytest.mark.parametrize("d", [3, 4])
def test_large_biregular_graphs_agree_with_simulation(d):
    """1e5 units: away from the threshold theory lies within the 95 % interval of the mean over trials."""
    graph = generators.biregular(50_000, 50_000, fan_in=d, rng=d)
    curve = percolate(graph, observables=("giant_component", "susceptibility"), trials=30, rng=0, points=50)
    table = curve.to_frame().pivot(index="fraction_removed", columns="observable")
    removed = table.index.to_numpy()
    theory = component_curves(graph, 1 - removed)
    critical = 1 / (d - 1)
    giant, low, high = (table[key]["giant_component"].to_numpy() for key in ("mean", "low", "high"))
    away = (1 - removed > 1.1 * critical) & (1 - removed < 0.95)
    inside = (low <= theory["giant_component"]) & (theory["giant_component"] <= high)
    assert away.sum() >= 20
    assert inside[away].mean() > 0.8
    # all points at once: one run in a thousand would leave these bounds, which are a few tenths of a percent wide
    standard_errors = (high - low) / (2 * scipy.stats.t.ppf(0.975, 29))
    most = scipy.stats.t.ppf(1 - 0.001 / (2 * away.sum()), 29) * standard_errors
    assert (abs(giant - theory["giant_component"]) < most)[away].all()
    assert (most < 0.02 * theory["giant_component"])[away].all()
    # below the threshold theory counts the largest component like any other
    units = curve.counts("giant_component")
    with_largest = curve.values("susceptibility") * (1 - units / 1e5) + units * (units / 1e5)
    small = 1 - removed < 0.9 * critical
    error = with_largest.std(axis=0, ddof=1)[small] / math.sqrt(30) + 1e-9
    assert (abs(with_largest.mean(axis=0) - theory["susceptibility"])[small] < 4 * error).all()
    assert with_largest.mean(axis=0)[small] == pytest.approx(theory["susceptibility"][small], rel=0.01)
    sizes = table["mean"]["susceptibility"].to_numpy()
    large = (1 - removed > 1.2 * critical) & (theory["giant_component"] < 0.97)
    assert sizes[large] == pytest.approx(theory["susceptibility"][large], rel=0.02)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan, "half", [0.5, 0.5], [[0.5]], [], None])
def test_fractions_are_checked(wrong):
    with pytest.raises(InvalidOption, match="fraction_kept"):
        expected_components(zoo.NETWORKS["one unit wide"], wrong)


def test_what_is_no_graph_is_one_line():
    for call in (expected_components, component_curves):
        with pytest.raises(InvalidGraph):
            call(np.eye(3), 0.5)


def test_messages_that_do_not_settle_are_said_not_to():
    with pytest.raises(NotConverged, match=r"message passing: given a change of \d.*in sweep"):
        expected_components(zoo.GRAPHS["cycle"], 1 - 1e-7)
