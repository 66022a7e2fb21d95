"""`DegreePreserving`: by hand on eight edges, in law against all matchings there are, and degrees that never change."""

from collections import Counter

import numpy as np
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st
from oracles import pairs_of
from oracles_structured import p_value, rematchings

import netsparse as ns
from netsparse import errors
from netsparse.rewiring.rules.degree_preserving import DegreePreserving, Rematched
from netsparse.rewiring.state import Kept, LayerState


def layer_of(pairs, n_in, n_out):
    return ns.BipartiteGraph.from_edges(*zip(*pairs, strict=True), n_in=n_in, n_out=n_out)


def drawn(pairs, freed, n_in, n_out, n_draws, part):
    """How often each set of pairs grew where `freed` went."""
    graph = layer_of(pairs, n_in, n_out)
    removed = np.sort(graph.edge_ids(*zip(*freed, strict=True)))
    kept, rng, counts = Kept(LayerState(0, graph, np.ones(len(pairs))), removed), np.random.default_rng(0), Counter()
    for _ in range(n_draws):
        sources, targets = part(kept, len(freed), rng)
        counts[frozenset(zip(sources.tolist(), targets.tolist(), strict=True))] += 1
    return counts


# eight edges by hand ------------------------------------------------------------------------------------------------

EIGHT = [(0, 0), (1, 1), (2, 2), (3, 3), (0, 2), (1, 3), (2, 0), (3, 0)]


def weights_with(graph, weak):
    """Edge vector of ones, but small for the edges `weak`."""
    weights = np.ones(graph.n_edges)
    weights[graph.edge_ids(*zip(*weak, strict=True))] = np.linspace(0.1, 0.2, len(weak))
    return weights


def test_two_weak_edges_by_hand():
    """(0, 0) and (1, 1) free sources 0, 1 and targets 0, 1: the same again, or (0, 1) and (1, 0), half and half."""
    graph = layer_of(EIGHT, 4, 4)
    weights, moved = weights_with(graph, [(0, 0), (1, 1)]), 0
    for seed in range(400):
        delta = DegreePreserving(0.25).propose(graph, weights, rng=seed)
        new = set(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))
        assert new in (set(), {(0, 1), (1, 0)})
        moved += bool(new)
        if new:
            assert delta.removed.tolist() == sorted(graph.edge_ids([0, 1], [0, 1]).tolist())
            assert delta.values is None
    assert abs(moved - 200) < 4 * np.sqrt(400 / 4)


def test_stubs_with_nowhere_else_to_go_stay_by_hand():
    """(0, 0) and (2, 2): the other way round would be (0, 2) and (2, 0), both of them edges that stay."""
    graph = layer_of(EIGHT, 4, 4)
    weights = weights_with(graph, [(0, 0), (2, 2)])
    for seed in range(20):
        delta = DegreePreserving(0.25).propose(graph, weights, rng=seed)
        assert (delta.n_removed, delta.n_added) == (0, 0)
        anew = DegreePreserving(0.25, regrown="newborn").propose(graph, weights, rng=seed)
        assert (anew.n_removed, anew.n_added) == (2, 2)
        assert ns.apply(graph, anew)[0] == graph


def test_repeated_pairs_are_avoided_by_hand():
    """(2, 0), (3, 0) and (1, 1) free sources 2, 3, 1 and targets 0, 0, 1.

    Source 1 keeps target 1 and 2, 3 keep 0; or 2 gets 1 and 3, 1 get 0; or 3 gets 1 and 2, 1 get 0: a third each.
    """
    ways = [{(1, 1), (2, 0), (3, 0)}, {(2, 1), (3, 0), (1, 0)}, {(3, 1), (2, 0), (1, 0)}]
    counts = drawn(EIGHT, [(2, 0), (3, 0), (1, 1)], 4, 4, 1500, Rematched())
    assert p_value(counts, {frozenset(way): 1 / 3 for way in ways}) > 1e-3


# in law -------------------------------------------------------------------------------------------------------------

CASES = {
    "all of a path": ([(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2)], 6, 4, 3),
    "some of a dense one": ([(s, t) for s in range(4) for t in range(4) if (s + t) % 4 != 3], 5, 4, 4),
    "uneven degrees": ([(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (3, 1), (4, 3)], 5, 5, 4),
}


@pytest.mark.parametrize("name", CASES)
def test_every_allowed_matching_is_equally_likely(name):
    pairs, n_freed, n_in, n_out = CASES[name]
    order = np.random.default_rng(1).permutation(len(pairs))
    freed = [pairs[e] for e in order[:n_freed]]
    ways = rematchings([pairs[e] for e in order[n_freed:]], freed)
    assert len(ways) > 1
    counts = drawn(pairs, freed, n_in, n_out, 60 * len(ways), Rematched(swaps_per_edge=20))
    assert p_value(counts, dict.fromkeys(ways, 1 / len(ways))) > 1e-3


def test_matchings_that_no_exchange_leads_to_are_found_too():
    """Sources 0, 1, 2 with their own targets taken: the two derangements differ by a cycle of three."""
    pairs = [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0)]
    freed = [(0, 1), (1, 2), (2, 0)]
    ways = rematchings([(0, 0), (1, 1), (2, 2)], freed)
    assert len(ways) == 2
    counts = drawn(pairs, freed, 3, 3, 1000, Rematched())
    assert p_value(counts, dict.fromkeys(ways, 0.5)) > 1e-3  # by symmetry, whatever the walk


# what always holds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [DegreePreserving(), DegreePreserving(1.0), DegreePreserving(0.7, regrown="newborn")])
@pytest.mark.parametrize("name", [*zoo.GRAPHS])
def test_degrees_of_nasty_layers(rule, name):
    check_degrees(rule, zoo.GRAPHS[name], 0)


@pytest.mark.parametrize("drop", ["magnitude", "sign_wise", "random"])
@given(graph=zoo.graphs(), fraction=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_degrees_of_random_layers(drop, graph, fraction, seed):
    check_degrees(DegreePreserving(fraction, drop=drop), graph, seed)


def check_degrees(rule, graph, seed):
    weights = np.random.default_rng(seed).normal(size=graph.n_edges)
    delta = rule.propose(graph, weights, rng=seed)
    after, _ = ns.apply(graph, delta)
    np.testing.assert_array_equal(after.fan_in, graph.fan_in)
    np.testing.assert_array_equal(after.fan_out, graph.fan_out)
    assert delta.n_removed <= round(rule.fraction * graph.n_edges)
    if rule.regrown == "newborn":
        assert delta.n_removed == round(rule.fraction * graph.n_edges)
    again = rule.propose(graph, weights, rng=seed)
    np.testing.assert_array_equal(again.removed, delta.removed)
    np.testing.assert_array_equal(again.added_sources, delta.added_sources)
    np.testing.assert_array_equal(again.added_targets, delta.added_targets)


def test_complete_layers_stay_as_they_are():
    for n in (1, 3, 60):
        graph = ns.generators.complete(n, n)
        delta = DegreePreserving().propose(graph, np.random.default_rng(0).normal(size=n * n), rng=0)
        assert (delta.n_removed, delta.n_added) == (0, 0)


def test_only_the_weakest_move_and_nearly_all_do():
    graph = ns.generators.erdos_renyi(300, 200, density=0.05, rng=0)
    weights = np.random.default_rng(1).normal(size=graph.n_edges)
    delta = DegreePreserving().propose(graph, weights, rng=2)
    weakest = set(np.argsort(np.abs(weights))[:900].tolist())
    assert set(delta.removed.tolist()) <= weakest
    assert delta.n_removed > 800  # 900 stubs among 200 targets find their old place by chance, some 15 of them
    assert len(pairs_of(ns.apply(graph, delta)[0])) == 3000


def test_crowded_layers_move_what_can_move():
    """At a density of 0.9 most random pairs are taken; repair or the walk from the old places still moves many."""
    graph = ns.generators.erdos_renyi(40, 40, density=0.9, rng=0)
    delta = DegreePreserving(0.5).propose(graph, np.random.default_rng(1).normal(size=1440), rng=0)
    assert delta.n_added > 100
    np.testing.assert_array_equal(ns.apply(graph, delta)[0].fan_out, graph.fan_out)


def test_layers_of_a_network():
    net = ns.generators.layered([30, 20, 10], density=0.2, rng=0)
    states = [
        LayerState(k, graph, np.random.default_rng(k).normal(size=graph.n_edges)) for k, graph in enumerate(net.layers)
    ]
    for graph, delta in zip(net.layers, DegreePreserving().propose_all(states, rng=0), strict=True):
        np.testing.assert_array_equal(ns.apply(graph, delta)[0].fan_in, graph.fan_in)
        assert delta.n_added


def test_as_a_value():
    rule = DegreePreserving(0.2, swaps_per_edge=np.int64(5))
    assert repr(rule) == "DegreePreserving(fraction=0.2, swaps_per_edge=5)"
    assert DegreePreserving(**rule.parameters()) == rule
    assert not {"grow", "budget"} & set(DegreePreserving.options())


SOME = ns.generators.complete(3, 2)
BAD = [
    (lambda: DegreePreserving(swaps_per_edge=-1), errors.InvalidOption, "swaps_per_edge"),
    (lambda: DegreePreserving(swaps_per_edge=1.5), errors.InvalidOption, r"1\.5"),
    (lambda: DegreePreserving(budget="size"), errors.InvalidOption, "does not follow it"),
    (lambda: DegreePreserving(grow="gradient"), errors.InvalidOption, "does not follow it"),
    (
        lambda: Rematched()(Kept(LayerState(0, SOME, np.ones(6)), np.array([0])), 2, np.random.default_rng(0)),
        errors.InvalidOption,
        "2 edges to grow in layer 0 for 1 dropped",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
