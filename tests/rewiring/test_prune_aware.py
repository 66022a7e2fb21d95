"""Prune-aware rewiring: eight edges by hand, the order beside a slow one, exact counts, frozen afterwards."""

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset
from netsparse.generators import complete, layered
from netsparse.generators.convolutional import vgg
from netsparse.metrics.blocks import zero_vectors
from netsparse.nn import VGG
from netsparse.rewiring import LayerState, Moment
from netsparse.rewiring.rules.bayesian import BayesianSampling
from netsparse.rewiring.rules.prune_aware import BIRTHS, PruneAware
from netsparse.rewiring.rules.structured import Structured, StructuredByWeight
from netsparse.rewiring.signs import edge_signs

CUT, BEFORE, AFTER = Moment(90, 100), Moment(89, 100), Moment(95, 100)
EIGHT = ns.BipartiteGraph.from_edges([0, 1, 2, 3, 0, 1, 4, 5], [0, 0, 0, 0, 1, 1, 1, 2], n_in=7, n_out=3)
"""Sources 0 and 1 have two edges each, 2 to 5 one each; target 2 has one edge."""
SIBLINGS = dict(zip(BIRTHS, [Structured, StructuredByWeight, BayesianSampling], strict=True))
THETA = np.array([0.9, 0.05, 0.8, 0.3, 0.4, 0.6, -0.7, 0.2])


def state_of(graph, theta, index=0, seed=0):
    return LayerState(index, graph, edge_signs(seed, index, graph) * np.asarray(theta, dtype=float))


def theta_of(graph, seed):
    """A third of the edges has died."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=graph.n_edges) + 0.4


def order_of(state, axis):
    """Edges in the order in which they go, one by one: the dead, then those alone, then the others."""
    theta = edge_signs(0, state.index, state.graph) * state.weights
    units = (state.graph.sources if axis == "out" else state.graph.targets).tolist()
    alive = [e for e in range(len(theta)) if theta[e] > 0]
    alone = [e for e in alive if sum(units[e] == units[f] for f in alive) == 1]
    dead = [e for e in range(len(theta)) if e not in alive]
    by_size = sorted(alive, key=lambda e: abs(theta[e]))
    return dead, [e for e in by_size if e in alone] + [e for e in by_size if e not in alone]


def cut(rule, states, at=CUT):
    return [
        ns.apply(state.graph, delta)[0]
        for state, delta in zip(states, rule.propose_all(states, at=at, rng=0), strict=True)
    ]


@pytest.mark.parametrize(
    ("n_left", "axis", "gone"),
    [
        (7, "out", [6]),  # the dead one, theta = -0.7
        (6, "out", [6, 7]),  # alone at their sources: 7 (0.2), 3 (0.3), 2 (0.8)
        (4, "out", [2, 3, 6, 7]),
        (3, "out", [1, 2, 3, 6, 7]),  # then the smallest of the others, 0.05
        (6, "in", [6, 7]),  # alone at its target: 7
        (5, "in", [1, 6, 7]),
        (2, "in", [1, 3, 4, 5, 6, 7]),  # 0.3, 0.4, 0.6
    ],
)
def test_eight_edges_by_hand(n_left, axis, gone):
    rule = PruneAware(final_density=(n_left + 0.5) / 21, axis=axis)
    delta = rule.propose(EIGHT, state_of(EIGHT, THETA).weights, at=CUT, rng=0)
    assert delta.removed.tolist() == gone
    assert delta.n_added == 0


def test_singletons_become_zero_vectors():
    rule = PruneAware(final_density=4.5 / 21)
    (after,) = cut(rule, [state_of(EIGHT, np.abs(THETA))])
    assert zero_vectors(EIGHT) == pytest.approx(1 / 7)
    assert zero_vectors(after) == pytest.approx(5 / 7)


@settings(deadline=None)
@given(zoo.graphs(), st.integers(0, 99), st.sampled_from(["in", "out"]), st.floats(0.0, 1.0))
def test_the_order_beside_a_slow_one(graph, seed, axis, share):
    state = state_of(graph, theta_of(graph, seed))
    n_pairs = graph.n_in * graph.n_out
    n_left = round(share * graph.n_edges)
    rule = PruneAware(final_density=min((n_left + 0.5) / n_pairs, 1.0), axis=axis)
    removed = rule.propose(graph, state.weights, at=CUT, rng=seed).removed.tolist()
    dead, others = order_of(state, axis)
    n_gone = graph.n_edges - n_left
    assert len(removed) == n_gone
    if n_gone >= len(dead):
        assert removed == sorted([*dead, *others[: n_gone - len(dead)]])
    else:
        assert set(removed) <= set(dead)


@settings(deadline=None)
@given(zoo.networks(max_units=8), st.integers(0, 99), st.sampled_from(["layer", "network"]), st.floats(0.05, 1.0))
def test_the_count_is_exact_over_all_layers(network, seed, scope, share):
    states = [state_of(graph, theta_of(graph, seed + k), k) for k, graph in enumerate(network.layers)]
    n_pairs = sum(graph.n_in * graph.n_out for graph in network.layers)
    final = max(share * network.density, 1e-9)
    after = cut(PruneAware(final_density=final, scope=scope), states)
    assert sum(graph.n_edges for graph in after) == int(final * n_pairs)
    halved = cut(PruneAware(scope=scope), states)
    assert sum(graph.n_edges for graph in halved) == network.n_edges // 2
    if scope == "layer":
        assert all(abs(a.n_edges - b.n_edges / 2) <= 1 for a, b in zip(halved, network.layers, strict=True))


@pytest.mark.parametrize("scope", ["layer", "network"])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_weights_are_compared_however_small_or_large(scope, scale):
    """Sixteen edges in pairs and sixteen alone, sizes in steps of a thousandth."""
    sources = [*np.repeat(np.arange(8), 2), *range(8, 24)]
    graph = ns.BipartiteGraph.from_edges(sources, [0, 1] * 16, n_in=24, n_out=2)
    state = state_of(graph, scale * (1 + np.random.default_rng(0).permutation(32) / 1000))
    alone = graph.fan_out[graph.sources] == 1
    sizes = np.abs(state.weights)
    for n_left in (20, 8):
        (after,) = cut(PruneAware(final_density=(n_left + 0.5) / 48, scope=scope), [state])
        gone = sorted(np.flatnonzero(alone), key=sizes.__getitem__) + sorted(
            np.flatnonzero(~alone), key=sizes.__getitem__
        )
        assert after == ns.graph.subgraph(graph, np.isin(np.arange(32), gone[32 - n_left :]))[0]


def test_the_network_compares_its_layers():
    graph = complete(3, 3)
    states = [state_of(graph, np.full(9, 0.1), 0), state_of(graph, np.full(9, 0.2), 1)]
    assert [g.n_edges for g in cut(PruneAware(scope="network"), states)] == [0, 9]
    assert sorted(g.n_edges for g in cut(PruneAware(), states)) == [4, 5]


@pytest.mark.parametrize(("births", "sibling"), SIBLINGS.items())
def test_before_the_cut_it_is_its_sibling(births, sibling):
    network = layered([30, 20, 10], density=0.2, rng=0)
    states = [state_of(graph, theta_of(graph, k), k) for k, graph in enumerate(network.layers)]
    ours, theirs = (
        rule.propose_all(states, at=BEFORE, rng=3)
        for rule in (PruneAware(births=births, density=0.2), sibling(density=0.2))
    )
    for a, b in zip(ours, theirs, strict=True):
        assert a.removed.tolist() == b.removed.tolist()
        assert a.added_sources.tolist() == b.added_sources.tolist()
        assert a.added_targets.tolist() == b.added_targets.tolist()


def test_the_cut_is_the_last_time_that_the_rule_is_due():
    rule = PruneAware(every=7)
    assert [step for step in range(7, 100, 7) if rule.prunes_at(Moment(step, 100))] == [84, 91, 98]
    assert rule.span(100) == (0, 90)  # 91 and 98 are after it: 84 is the last
    assert not PruneAware().prunes_at(Moment(5))  # of an unknown length
    assert PruneAware(until=1.0).prunes_at(Moment(99, 100))
    assert PruneAware().prunes_at(AFTER)
    assert not PruneAware().prunes_at(BEFORE)


def test_through_fit_it_ends_exactly_and_stays_frozen():
    network = layered([64, 80, 60], density=0.1, rng=0)
    seen = []

    def look(state):
        seen.append((state.step, state.model.network))

    rule = PruneAware(until=0.5, every=4)
    result = ns.train.fit(
        network, "digits", rewiring=rule, epochs=4, optimizer="sgdw", callbacks=[look], progress=False, rng=0
    )
    assert result.network.n_edges == network.n_edges // 2
    # the callback sees each epoch before what follows its last step after it: the cut is at 20 of 40 or so
    (_, first), *_, (_, third), (_, last) = seen
    assert first.n_edges == network.n_edges
    assert third == last == result.network
    moved = [w for w in result.weights if len(w)]
    assert all(np.isfinite(w).all() for w in moved)
    assert zero_vectors(result.network) > zero_vectors(first)
    assert result.topology.groupby("layer")["edges"].last().sum() == network.n_edges // 2


def test_through_fit_on_convolutions():
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 192), dtype=np.float32), np.arange(40) % 3
    data = Dataset.from_arrays(x, y, x, y, shape=(3, 8, 8))
    network = vgg(11, density=0.1, width=0.125, shape=(3, 8, 8), n_classes=3, allocation="uniform", rng=0)
    model = VGG(network, shape=(3, 8, 8), rng=0)
    rule = PruneAware(final_density=0.04, density=0.1)
    result = ns.train.fit(model, data, rewiring=rule, epochs=2, batch_size=8, validation=0, progress=False, rng=0)
    assert result.network.n_edges == int(0.04 * sum(g.n_in * g.n_out for g in network.layers))


def test_impossible_options_get_one_line():
    with pytest.raises(errors.InvalidOption, match="optimizer steps, because the cut is at one of them"):
        PruneAware(every=None)
    with pytest.raises(errors.UnknownName, match="near_random"):
        PruneAware(births="near")
    with pytest.raises(errors.UnknownName, match="network"):
        PruneAware(scope="model")
    with pytest.raises(errors.UnknownName, match="one of in, out"):
        PruneAware(axis="kernel")
    with pytest.raises(errors.InvalidDensity, match=r"final_density: given 0\.0.*try final_density="):
        PruneAware(final_density=0.0)
    with pytest.raises(errors.InvalidDensity, match=r"at most density=0\.02"):
        PruneAware(final_density=0.05, density=0.02)
    with pytest.raises(errors.InvalidDensity, match="the density of the start"):
        PruneAware(final_density=0.5).start([state_of(EIGHT, THETA)], rng=0)
    with pytest.raises(errors.InvalidOption, match="between steps 1 and 18, to prune at; try every=1"):
        PruneAware(every=50).check_run(20)
    with pytest.raises(errors.InvalidOption, match="more epochs"):
        PruneAware().check_run(1)
    PruneAware(every=9).check_run(20)


def test_a_sparser_network_keeps_its_edges():
    (after,) = cut(PruneAware(final_density=0.9), [state_of(EIGHT, THETA)])
    assert after == EIGHT


def test_as_a_value():
    rule = PruneAware(final_density=np.float32(0.25), births="anywhere", every=3)
    assert repr(rule) == "PruneAware(every=3, final_density=0.25, births='anywhere')"
    assert PruneAware(**rule.parameters()) == rule
    assert not rule.keeps_count
