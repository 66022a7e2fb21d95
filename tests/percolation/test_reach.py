"""Reach along directed paths: exact on trees and in single layers, a bound from above everywhere, mirrored."""

import numpy as np
import pytest
import zoo
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from percolation.oracles_theory import forest_of, mean_reach

from netsparse import generators
from netsparse.errors import InvalidGraph, InvalidOption
from netsparse.graph import SparseNetwork
from netsparse.percolation import percolate
from netsparse.percolation.reach import lead_probabilities, reach_curves, reach_probabilities

WIRINGS = zoo.GRAPHS | zoo.NETWORKS


def drawn_fractions(data, wiring):
    n_layers = len(wiring.layers)
    return data.draw(st.lists(st.floats(0, 1), min_size=n_layers, max_size=n_layers))


@given(zoo.networks(max_units=3), st.data())
@settings(deadline=None, max_examples=50)
def test_trees_equal_enumeration(network, data):
    forest = forest_of(network)
    assume(forest.n_edges <= 7)
    kept = drawn_fractions(data, forest)
    forward, backward, both = mean_reach(forest, kept)
    reached, leads = reach_probabilities(forest, kept), lead_probabilities(forest, kept)
    assert reached == pytest.approx(forward, abs=1e-12)
    assert leads == pytest.approx(backward, abs=1e-12)
    assert reached * leads == pytest.approx(both, abs=1e-12)


@given(zoo.graphs(max_units=3), st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_any_single_layer_equals_enumeration(graph, kept):
    assume(graph.n_edges <= 7)
    forward, backward, both = mean_reach(graph, kept)
    reached, leads = reach_probabilities(graph, kept), lead_probabilities(graph, kept)
    assert reached == pytest.approx(forward, abs=1e-12)
    assert leads == pytest.approx(backward, abs=1e-12)
    assert reached * leads == pytest.approx(both, abs=1e-12)


@given(zoo.networks(max_units=3), st.data())
@settings(deadline=None, max_examples=60)
def test_any_network_lies_below(network, data):
    assume(network.n_edges <= 8)
    kept = drawn_fractions(data, network)
    forward, backward, both = mean_reach(network, kept)
    reached, leads = reach_probabilities(network, kept), lead_probabilities(network, kept)
    assert (reached >= forward - 1e-12).all()
    assert (leads >= backward - 1e-12).all()
    assert (reached * leads >= both - 1e-12).all()


def test_paths_that_share_an_edge_are_counted_as_if_they_did_not():
    """Two ways through the middle share the first edge: p (2 p - p^2) against 1 - (1 - p^2)^2."""
    fork = SparseNetwork([zoo._graph(1, 1, [(0, 0)]), zoo._graph(1, 2, [(0, 0), (0, 1)]), zoo._complete(2, 1)])
    p = 0.5
    exact = mean_reach(fork, p)[0][-1]
    assert exact == p * (1 - (1 - p**2) ** 2)
    assert reach_probabilities(fork, p)[-1] == pytest.approx(1 - (1 - p**3) ** 2)
    assert reach_probabilities(fork, p)[-1] > exact


@pytest.mark.parametrize("name", WIRINGS)
def test_with_all_edges_kept_it_is_reachability(name):
    wiring = WIRINGS[name]
    observables = ("outputs_reachable", "inputs_connected", "units_reachable", "active_units")
    curve = percolate(wiring, order=np.arange(wiring.n_edges), observables=observables)
    theory = reach_curves(wiring, [1.0, 0.0])
    for name in observables:
        assert theory[name].tolist() == pytest.approx([curve.values(name)[0, 0], curve.values(name)[0, -1]]), name


@pytest.mark.parametrize("name", WIRINGS)
def test_curves_are_means_over_levels(name, monkeypatch):
    wiring = WIRINGS[name]
    monkeypatch.setattr("netsparse.percolation.reach.MOST_NUMBERS", 2 * sum(wiring.sizes))  # several rounds
    fractions = [0.9, 0.0, 0.5, 0.31, 1.0]
    curves = reach_curves(wiring, fractions)
    n_inputs, n_outputs = wiring.sizes[0], wiring.sizes[-1]
    for point, p in enumerate(fractions):
        reached, leads = reach_probabilities(wiring, p), lead_probabilities(wiring, p)
        assert curves["outputs_reachable"][point] == pytest.approx(reached[-n_outputs:].mean())
        assert curves["units_reachable"][point] == pytest.approx(reached[n_inputs:].mean())
        assert curves["inputs_connected"][point] == pytest.approx(leads[:n_inputs].mean())
        assert curves["active_units"][point] == pytest.approx((reached * leads).mean())


@given(zoo.networks(), st.data())
@settings(deadline=None, max_examples=40)
def test_a_reversed_network_swaps_the_two(network, data):
    kept = drawn_fractions(data, network)
    reverse = SparseNetwork([layer.reverse()[0] for layer in network.layers[::-1]])
    levels = np.split(np.arange(sum(network.sizes)), np.cumsum(network.sizes)[:-1])
    turned = np.concatenate(levels[::-1])
    there, back = reach_probabilities(network, kept), lead_probabilities(reverse, kept[::-1])
    assert back == pytest.approx(there[turned], abs=1e-12)


@given(zoo.networks(), st.lists(st.floats(0, 1), min_size=2, max_size=5))
@settings(deadline=None, max_examples=40)
def test_more_edges_reach_more(network, fractions):
    for row in reach_curves(network, sorted(fractions)).values():
        assert (np.diff(row) >= -1e-12).all()
        assert ((row >= 0) & (row <= 1)).all()


def test_a_wide_network_agrees_with_simulation():
    """784-1000-1000-1000 at 1 %: shared edges matter little where each unit has many ways in."""
    network = generators.layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    observables = ("outputs_reachable", "inputs_connected", "units_reachable", "active_units")
    curve = percolate(network, observables=observables, trials=10, points=20, rng=0)
    theory = reach_curves(network, 1 - curve.fraction_removed)
    for name in observables:
        assert theory[name] == pytest.approx(curve.values(name).mean(axis=0), abs=0.01), name


def test_bad_input_is_one_line():
    for call in (reach_probabilities, lead_probabilities, reach_curves):
        with pytest.raises(InvalidGraph):
            call(np.eye(2), 0.5)
        with pytest.raises(InvalidOption, match="from 0 to 1"):
            call(zoo.GRAPHS["path"], 1.5)
    with pytest.raises(InvalidOption, match="one per layer"):
        reach_probabilities(zoo.NETWORKS["three layers"], [0.5, 0.5])
