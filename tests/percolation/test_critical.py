"""Critical fractions: closed forms, what forests say, and where message passing finds its giant component."""

import math

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import generators
from netsparse.errors import InvalidGraph
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.percolation.critical import generating_function_threshold, non_backtracking_threshold
from netsparse.percolation.message_passing import expected_components

WIRINGS = zoo.GRAPHS | zoo.NETWORKS


@pytest.mark.parametrize(("d_in", "d_out"), [(4, 4), (9, 3), (2, 8), (3, 2)])
def test_biregular_graphs_have_the_same_closed_form_twice(d_in, d_out):
    graph = generators.biregular(24 * d_in, 24 * d_out, fan_in=d_in, rng=0)
    expected = 1 / math.sqrt((d_in - 1) * (d_out - 1))
    assert generating_function_threshold(graph) == pytest.approx(expected)
    assert non_backtracking_threshold(graph) == pytest.approx(expected)


@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_generating_functions_follow_every_edge_to_its_further_edges(name):
    """kappa over edges: the mean number of further edges of the unit at an edge's end."""
    graph = zoo.GRAPHS[name]
    ends = list(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))
    further = [
        np.mean([sum(other[side] == edge[side] for other in ends) - 1 for edge in ends]) if ends else 0.0
        for side in (0, 1)
    ]
    expected = 1 / math.sqrt(further[0] * further[1]) if min(further) > 0 else math.inf
    assert generating_function_threshold(graph) == pytest.approx(expected)
    assert generating_function_threshold(SparseNetwork([graph])) == generating_function_threshold(graph)


def test_large_degrees_do_not_overflow():
    hub = generators.complete(70_000, 1)
    assert generating_function_threshold(hub) == math.inf
    both = generators.complete(70_000, 2)
    assert generating_function_threshold(both) == pytest.approx(1 / math.sqrt(69_999))


@pytest.mark.parametrize("name", WIRINGS)
def test_forests_never_percolate_and_cycles_only_when_whole(name):
    wiring = WIRINGS[name]
    graph = nx.MultiGraph(zip(*(units.tolist() for units in wiring.unit_edges()), strict=True))
    parts = [graph.subgraph(part) for part in nx.connected_components(graph)]
    most = max((part.number_of_edges() - part.number_of_nodes() for part in parts), default=-1)
    found = non_backtracking_threshold(wiring)
    if most < 0:
        assert found == math.inf
    elif most == 0:
        assert found == pytest.approx(1)
    else:
        assert 0 < found < 1


def test_a_network_of_several_layers_is_refused_by_one_line():
    with pytest.raises(InvalidGraph, match=r"given a network of 3 layers, .*non_backtracking_threshold\(network\)"):
        generating_function_threshold(zoo.NETWORKS["three layers"])
    for call in (generating_function_threshold, non_backtracking_threshold):
        with pytest.raises(InvalidGraph):
            call(np.eye(2))


@given(zoo.networks(max_units=8), st.sampled_from([0.02, 0.3]))
@settings(deadline=None, max_examples=60)
def test_message_passing_has_a_giant_component_above_and_none_below(network, away):
    critical = non_backtracking_threshold(network)
    below = min(1 - 1e-9, critical * (1 - away))
    assert expected_components(network, below).giant_component == 0
    if critical * (1 + away) < 1:
        assert expected_components(network, critical * (1 + away)).giant_component > 0


@pytest.mark.parametrize("name", ["complete", "dense random", "three layers", "joint"])
def test_mean_sizes_diverge_there(name):
    """The mean size grows as 1 / (p_c - p): ten times closer, ten times larger."""
    critical = non_backtracking_threshold(WIRINGS[name])
    sizes = [expected_components(WIRINGS[name], critical * (1 - away)).susceptibility for away in (1e-3, 1e-4)]
    assert sizes[1] / sizes[0] == pytest.approx(10, rel=0.03)


def test_both_agree_on_a_large_random_graph():
    graph = generators.erdos_renyi(20_000, 20_000, n_edges=80_000, rng=0)
    assert non_backtracking_threshold(graph) == pytest.approx(generating_function_threshold(graph), rel=0.01)


def test_degrees_alone_mix_what_the_wiring_keeps_apart():
    """A complete square of 5 + 5 units beside 75 single edges: kappa = 4 * 25 / 100 on both sides, mu = 4."""
    graph = BipartiteGraph.from_scipy(sp.csr_array(sp.block_diag([np.ones((5, 5)), sp.eye_array(75)])))
    assert generating_function_threshold(graph) == pytest.approx(1)
    assert non_backtracking_threshold(graph) == pytest.approx(1 / 4)
