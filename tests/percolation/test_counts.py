"""Every observable at every number of removed edges, against a recomputation from nothing and closed forms."""

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.percolation import OBSERVABLES, percolate, random_order
from netsparse.percolation.reachability import last_reached, positions

WIRINGS = zoo.GRAPHS | zoo.NETWORKS
EVERYTHING = tuple(OBSERVABLES)


def counts_of(graph_or_network, order):
    curve = percolate(graph_or_network, order=order, observables=EVERYTHING)
    return {name: curve.counts(name)[0].tolist() for name in EVERYTHING}


@pytest.mark.parametrize("scope", ["layer", "network"])
@pytest.mark.parametrize("name", WIRINGS)
def test_random_removal_equals_recomputation_at_every_count(name, scope):
    wiring = WIRINGS[name]
    order = random_order(wiring, scope=scope, rng=5)
    assert counts_of(wiring, order) == oracles.percolation_counts(wiring, order)


@given(zoo.networks(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_any_network_and_any_order_equal_recomputation(network, random):
    order = list(range(network.n_edges))
    random.shuffle(order)
    assert counts_of(network, np.array(order, dtype=int)) == oracles.percolation_counts(network, order)


@st.composite
def jointed_networks(draw):
    """Two layers behind a joint in which several inputs hang on the same unit, so that edges run in parallel."""
    below, above = draw(zoo.graphs(max_units=5)), draw(zoo.graphs(max_units=6))
    joint = draw(st.lists(st.integers(0, below.n_out - 1), min_size=above.n_in, max_size=above.n_in))
    return SparseNetwork([below, above], joints=[joint])


@given(jointed_networks(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_parallel_edges_of_a_joint_equal_recomputation(network, random):
    order = list(range(network.n_edges))
    random.shuffle(order)
    assert counts_of(network, np.array(order, dtype=int)) == oracles.percolation_counts(network, order)


@given(zoo.networks(max_units=12, max_layers=4), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_curves_never_rise_as_more_edges_go(network, seed):
    curve = percolate(network, observables=EVERYTHING, trials=2, rng=seed)
    for name in ("giant_component", "outputs_reachable", "inputs_connected"):
        assert (np.diff(curve.counts(name), axis=1) <= 0).all(), name
    assert (np.diff(curve.counts("n_components"), axis=1) >= 0).all()
    assert (curve.counts("second_component") <= curve.counts("giant_component")).all()


@given(zoo.graphs(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_a_relabelled_graph_has_the_same_curve(graph, random):
    """Edge for edge the same removal order on permuted units gives the same counts."""
    new_in, new_out = list(range(graph.n_in)), list(range(graph.n_out))
    random.shuffle(new_in)
    random.shuffle(new_out)
    sources, targets = np.array(new_in)[graph.sources], np.array(new_out)[graph.targets]
    twin = BipartiteGraph.from_edges(sources, targets, n_in=graph.n_in, n_out=graph.n_out)
    order = np.arange(graph.n_edges)
    assert counts_of(graph, order) == counts_of(twin, twin.edge_ids(sources, targets)[order])


def test_a_star_loses_one_unit_per_edge():
    graph = zoo.GRAPHS["star in"]
    counts = counts_of(graph, [3, 0, 5, 1, 2, 4])
    assert counts["giant_component"] == [7, 6, 5, 4, 3, 2, 1]
    assert counts["second_component"] == [0, 1, 1, 1, 1, 1, 1]
    assert counts["outputs_reachable"] == [1, 1, 1, 1, 1, 1, 0]
    assert counts["inputs_connected"] == [6, 5, 4, 3, 2, 1, 0]


def test_a_path_cut_from_one_end():
    n = 50
    edges = [(i, i) for i in range(n)] + [(i + 1, i) for i in range(n - 1)]
    sources, targets = np.array(edges).T
    path = BipartiteGraph.from_edges(sources, targets, n_in=n, n_out=n)
    along = np.argsort(path.sources + path.targets)
    counts = counts_of(path, along)
    assert counts["giant_component"] == list(range(2 * n, 0, -1))
    assert counts["n_components"] == list(range(1, 2 * n + 1))


def test_a_path_cut_in_the_middle_leaves_two_halves():
    path = zoo.GRAPHS["path"]
    middle = int(path.edge_ids([2], [1])[0])
    order = [middle, *(e for e in range(path.n_edges) if e != middle)]
    counts = counts_of(path, order)
    assert (counts["giant_component"][1], counts["second_component"][1]) == (4, 4)


def test_a_complete_graph_emptied_output_by_output():
    """Canonical order is by target: K(4, 3) loses one output after the other and stays connected otherwise."""
    counts = counts_of(zoo.GRAPHS["complete"], np.arange(12))
    assert counts["giant_component"][:9:4] == [7, 6, 5]
    assert counts["outputs_reachable"] == [3] * 4 + [2] * 4 + [1] * 4 + [0]
    assert counts["giant_component"][8:] == [5, 4, 3, 2, 1]


def test_a_chain_breaks_with_its_first_edge():
    counts = counts_of(zoo.NETWORKS["one unit wide"], [1, 2, 0])
    assert counts["outputs_reachable"] == [1, 0, 0, 0]
    assert counts["inputs_connected"] == [1, 0, 0, 0]
    assert counts["giant_component"] == [4, 2, 2, 1]


def test_no_path_crosses_an_empty_layer():
    network = zoo.NETWORKS["broken in the middle"]
    curve = percolate(network, observables=EVERYTHING, trials=3, rng=0)
    assert not curve.counts("outputs_reachable").any()
    assert not curve.counts("inputs_connected").any()
    assert curve.counts("giant_component")[0, 0] == 6


def test_single_units_and_missing_edges_are_legal():
    assert counts_of(zoo.GRAPHS["one unit each side, no edge"], []) == {
        "giant_component": [1],
        "second_component": [1],
        "n_components": [2],
        "outputs_reachable": [0],
        "inputs_connected": [0],
    }


def test_last_reached_is_the_widest_path():
    ends = np.array([[0, 2], [1, 2], [2, 3], [1, 4]], dtype=np.int32)
    position = positions(np.array([1, 0, 2, 3], dtype=np.int32))
    assert position.tolist() == [1, 0, 2, 3]
    assert last_reached(6, np.array([0, 1]), ends, position).tolist() == [4, 4, 1, 1, 3, -1]
