"""Static, RigL, SNFS, MEST and ITOP: eight edges by hand, dense matrices, and what tells them from one another."""

import numpy as np
import oracles
import oracles_gradient as dense
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.nn import PairGradients
from netsparse.rewiring import SET, LayerState, Moment
from netsparse.rewiring.growth import SampledGradient
from netsparse.rewiring.rules.evolutionary import Static
from netsparse.rewiring.rules.gradient_grown import SNFS, RigL
from netsparse.rewiring.rules.in_time import ITOP
from netsparse.rewiring.rules.memory_economic import MEST

SEEDS = st.integers(0, 2**32)
# 8 edges: (0,0) (1,0) (3,0) | (0,1) (2,1) (3,1) | (1,2) (2,2), (source, target) in canonical order
GRAPH = ns.BipartiteGraph.from_edges([0, 1, 3, 0, 2, 3, 1, 2], [0, 0, 0, 1, 1, 1, 2, 2], n_in=4, n_out=3)
WEIGHTS = np.array([0.9, -0.1, 0.4, -0.7, 0.05, 0.6, -0.3, 0.2])
MATRIX = np.array([[1.0, 8.0, 5.0, 2.0], [3.0, -4.0, -6.0, 1.0], [-7.0, 2.0, 1.0, 0.5]])
GRADS = PairGradients.from_dense(GRAPH, MATRIX)


def added(delta):
    return list(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))


def dense_after(state, delta):
    """Mask and weights of a layer once a delta is applied, as dense matrices."""
    graph, edge_map = ns.apply(state.graph, delta)
    weights = ns.graph.carry(state.weights, edge_map, fill=0.0 if delta.values is None else delta.values)
    return oracles.mask_of(graph), oracles.dense_of(graph, weights)


def state_of(graph, seed, index=0):
    rng = np.random.default_rng([seed, index])
    weights, momentum = rng.normal(size=(2, graph.n_edges))
    matrix = rng.normal(size=(graph.n_out, graph.n_in))
    return LayerState(index, graph, weights, PairGradients.from_dense(graph, matrix), momentum), matrix


# Static ---------------------------------------------------------------------------------------------------------------


def test_static_changes_nothing_has_no_options_and_is_never_due():
    assert Static().propose(GRAPH, WEIGHTS, rng=0).n_removed == 0
    assert Static().propose(GRAPH, WEIGHTS, rng=0).n_added == 0
    assert not Static.options()
    assert not Static().needs
    for option in ({"fraction": 0.5}, {"drop": "random"}, {"grow": "gradient"}, {"until": 1.0}, {"skip_step": True}):
        with pytest.raises(errors.InvalidOption, match="none beside Static"):
            Static(**option)


def test_static_trains_as_no_rule_does():
    network = ns.generators.layered([64, 20, 20], density=0.2, rng=0)
    plain = ns.train.fit(network, data="digits", epochs=2, rng=0)
    static = ns.train.fit(network, data="digits", rewiring=Static(), epochs=2, rng=0)
    assert static.network == network
    for a, b in zip(plain.weights, static.weights, strict=True):
        np.testing.assert_array_equal(a, b)


# RigL -----------------------------------------------------------------------------------------------------------------


def test_rigl_by_hand():
    """A half of 8 goes: 0.05 at (2,1), 0.1 at (1,0), 0.2 at (2,2), 0.3 at (1,2).

    Of the 8 free places the largest |g| are 8 at (1,0), 7 at (0,2), 6 at (2,1), 5 at (2,0): two of them were just
    dropped, and stay as they were.
    """
    delta = RigL(0.5).propose(GRAPH, WEIGHTS, GRADS, rng=0)
    assert delta.removed.tolist() == [6, 7]
    assert added(delta) == [(2, 0), (0, 2)]
    assert delta.values is None
    anew = RigL(0.5, regrown="newborn").propose(GRAPH, WEIGHTS, GRADS, rng=0)
    assert anew.removed.tolist() == [1, 4, 6, 7]
    assert added(anew) == [(1, 0), (2, 0), (2, 1), (0, 2)]


@given(zoo.graphs(), SEEDS, st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0]))
def test_rigl_is_that_of_dense_matrices(graph, seed, fraction):
    state, matrix = state_of(graph, seed)
    (delta,) = RigL(fraction).propose_all([state], rng=0)
    mask, weights = dense.rigl(oracles.mask_of(graph), oracles.dense_of(graph, state.weights), matrix, fraction)
    after = dense_after(state, delta)
    np.testing.assert_array_equal(after[0], mask)
    np.testing.assert_array_equal(after[1], weights)


def test_rigl_through_a_whole_run_of_dense_matrices():
    """Ten rewirings one after the other, weights and gradients drawn anew, on every graph of the zoo."""
    rule, rng = RigL(0.5), np.random.default_rng(0)
    for graph in zoo.GRAPHS.values():
        mask, weights = oracles.mask_of(graph), oracles.dense_of(graph, rng.normal(size=graph.n_edges))
        for step in range(0, 1000, 100):
            at = Moment(step, 1000)
            matrix = rng.normal(size=mask.shape)
            state = LayerState(
                0, graph, oracles.vector_of(graph, weights), PairGradients.from_dense(graph, matrix), None
            )
            (delta,) = rule.propose_all([state], at=at, rng=step)
            graph, _ = ns.apply(graph, delta)
            mask, weights = dense.rigl(mask, weights, matrix, rule.fraction_at(at))
            np.testing.assert_array_equal(oracles.mask_of(graph), mask)
            weights = np.where(mask, weights + 0.1 * rng.normal(size=mask.shape), 0.0)


def test_rigl_falls_as_a_cosine_until_three_quarters_of_the_run():
    fractions = [RigL().fraction_at(Moment(step, 1000)) for step in (0, 250, 375, 500, 750, 1000)]
    expected = [0.15 * (1 + np.cos(np.pi * t)) for t in (0, 1 / 3, 1 / 2, 2 / 3, 1, 1)]
    np.testing.assert_allclose(fractions, expected, atol=1e-15)
    assert (RigL().every, RigL().skip_step) == (100, True)


# SNFS -----------------------------------------------------------------------------------------------------------------


def test_snfs_by_hand():
    """Two layers of the 8 edges, mean |momentum| 3 and 1: of 2 x 4 dropped edges 6 grow in the first, 2 in the second.

    Dropped in both: (2,1), (1,0), (2,2), (1,2). By |g| the free places are (1,0) 8, (0,2) 7, (2,1) 6, (2,0) 5, (1,1) 4,
    (1,2) 2, (2,2) 1, (3,2) 0.5; with 10 candidates an edge all of them are looked at.
    """
    momenta = np.array([3.0, -3.0] * 4), np.array([0.5, -1.5] * 4)
    states = [LayerState(k, GRAPH, WEIGHTS, GRADS, momentum) for k, momentum in enumerate(momenta)]
    first, second = SNFS(0.5).propose_all(states, rng=0)
    assert first.removed.tolist() == [7]  # (2,2) alone does not come back
    assert added(first) == [(2, 0), (1, 1), (0, 2)]
    assert second.removed.tolist() == [4, 6, 7]  # (1,0) comes back
    assert added(second) == [(0, 2)]


@given(zoo.networks(max_units=5), SEEDS, st.sampled_from([0.1, 0.5, 1.0]))
def test_snfs_is_that_of_dense_matrices(network, seed, fraction):
    states, matrices = zip(*(state_of(graph, seed, k) for k, graph in enumerate(network.layers)), strict=True)
    deltas = SNFS(fraction, grow="gradient").propose_all(states, rng=0)
    masks = [oracles.mask_of(s.graph) for s in states]
    weights = [oracles.dense_of(s.graph, s.weights) for s in states]
    momenta = [oracles.dense_of(s.graph, s.momentum) for s in states]
    expected = dense.snfs(masks, weights, momenta, matrices, fraction)
    for state, delta, (mask, after) in zip(states, deltas, expected, strict=True):
        found = dense_after(state, delta)
        np.testing.assert_array_equal(found[0], mask)
        np.testing.assert_array_equal(found[1], after)


def test_snfs_has_a_window_of_gradients_and_reads_the_momentum_of_the_optimizer():
    rule = SNFS(gradient_steps=np.int64(5), gradient_decay=np.float32(0.5))
    assert (rule.gradient_steps, rule.gradient_decay) == (5, 0.5)
    assert rule == SNFS(gradient_steps=5, gradient_decay=0.5) != SNFS()
    assert repr(rule) == "SNFS(gradient_steps=5, gradient_decay=0.5)"
    assert SNFS().needs == {"grads", "momentum"}
    assert SET.gradient_steps == 1
    assert rule.keeps_count


def test_snfs_from_more_candidates_grows_larger_momenta():
    graph = ns.generators.erdos_renyi(60, 60, density=0.1, rng=0)
    state, matrix = state_of(graph, 0)
    means = []
    for grow in (SampledGradient(1.0), "momentum", "gradient"):
        (delta,) = SNFS(0.3, grow=grow, regrown="newborn").propose_all([state], rng=0)
        means.append(np.abs(matrix[delta.added_targets, delta.added_sources]).mean())
    assert means[0] < 0.7 * means[1] < 0.7 * means[2]


# MEST -----------------------------------------------------------------------------------------------------------------


def test_mest_by_hand():
    """|w| + 0.1 |g| is 1.0 0.9 0.6 1.0 0.65 0.7 0.5 0.3: a quarter is the last two; |w| alone drops (1,0) and (2,1)."""
    delta = MEST(0.25, gradient_weight=0.1).propose(GRAPH, WEIGHTS, GRADS, rng=0)
    assert delta.removed.tolist() == [6, 7]
    assert delta.n_added == 2
    assert delta.values is None
    without = MEST(0.25, gradient_weight=0)
    assert without.propose(GRAPH, WEIGHTS, rng=0).removed.tolist() == [1, 4]
    assert not without.needs
    assert MEST().needs == {"grads"}


def test_mest_under_a_soft_bound_by_hand():
    """8 edges at the start: 2 more grow, and from then on the 2 of smallest score go before 2 others come.

    Behind the last milestone those in excess go, and none come.
    """
    rule = MEST(0.25, bound="soft", gradient_weight=0.1)
    assert not rule.keeps_count
    start = (8,)
    first = rule.propose_all([LayerState(0, GRAPH, WEIGHTS, GRADS)], at=Moment(50, 1000, 0, start), rng=0)[0]
    assert (first.n_removed, first.n_added) == (0, 2)
    graph, edge_map = ns.apply(GRAPH, first)
    weights = ns.graph.carry(WEIGHTS, edge_map, fill=0.01)
    matrix = np.where(oracles.mask_of(GRAPH), MATRIX, 0.0)  # no gradient at the newborn: the smallest score
    state = LayerState(0, graph, weights, PairGradients.from_dense(graph, matrix))
    (second,) = rule.propose_all([state], at=Moment(600, 1000, 1, start), rng=1)  # behind the first milestone
    assert second.removed.tolist() == edge_map.added.tolist()
    assert second.n_added == 1
    (last,) = rule.propose_all([state], at=Moment(750, 1000, 9, start), rng=1)
    assert last.removed.tolist() == edge_map.added.tolist()
    assert last.n_added == 0


@given(zoo.networks(), SEEDS, st.sampled_from([0.2, 0.5, 1.0]), st.sampled_from(["hard", "soft"]))
def test_mest_counts_as_dense_matrices_do(network, seed, fraction, bound):
    """Four rewirings in a row: who goes is that of dense matrices, how many come is exact, the end is the start."""
    rule, start = MEST(fraction, bound=bound), tuple(graph.n_edges for graph in network.layers)
    graphs, rng = list(network.layers), np.random.default_rng(seed)
    for step, share in ((100, 1.0), (500, 1.0), (700, 0.5), (900, 0.0)):
        states, matrices = zip(*(state_of(graph, seed + step, k) for k, graph in enumerate(graphs)), strict=True)
        deltas = rule.propose_all(states, at=Moment(step, 1000, 0, start), rng=rng)
        for k, (state, delta, matrix) in enumerate(zip(states, deltas, matrices, strict=True)):
            mask, weights = oracles.mask_of(state.graph), oracles.dense_of(state.graph, state.weights)
            n_drop = round(fraction * share * mask.sum()) if bound == "hard" else mask.sum() - start[k]
            gone = dense.lowest(mask, abs(weights) + 0.01 * abs(matrix), n_drop)
            ids = delta.removed
            assert {(int(state.graph.targets[e]), int(state.graph.sources[e])) for e in ids} == set(gone)
            excess = min(round(fraction * share * start[k]), mask.size - start[k])
            assert delta.n_added == (n_drop if bound == "hard" else excess)
            graphs[k] = ns.apply(state.graph, delta)[0]
    assert tuple(graph.n_edges for graph in graphs) == start


# ITOP -----------------------------------------------------------------------------------------------------------------


def test_itop_by_hand():
    """In the middle (0.5 + 0.005) / 2 = 0.2525 of 8 edges go, 2: (1,0) and (2,1). Of the free places |g| is largest at
    (1,0), 8, which comes back, and (0,2), 7.
    """
    at = Moment(3000, 6000)
    state = LayerState(0, GRAPH, WEIGHTS, GRADS)
    (delta,) = ITOP(grow="gradient", every=4000).propose_all([state], at=at, rng=0)
    assert delta.removed.tolist() == [4]
    assert added(delta) == [(0, 2)]
    grown = [ITOP(regrown="newborn").propose_all([state], at=at, rng=seed)[0] for seed in range(300)]
    assert all(delta.removed.tolist() == [1, 4] for delta in grown)
    places = {place for delta in grown for place in added(delta)}
    assert places == {(1, 0), (2, 0), (1, 1), (2, 1), (0, 2), (3, 2)}


@given(zoo.graphs(), SEEDS, st.sampled_from([0, 1500, 4500, 6000]))
def test_rigl_itop_is_that_of_dense_matrices(graph, seed, step):
    state, matrix = state_of(graph, seed)
    rule, at = ITOP(grow="gradient"), Moment(step, 6000)
    (delta,) = rule.propose_all([state], at=at, rng=0)
    fraction = 0.005 + 0.495 * (1 + np.cos(np.pi * step / 6000)) / 2
    mask, weights = dense.rigl(oracles.mask_of(graph), oracles.dense_of(graph, state.weights), matrix, fraction)
    after = dense_after(state, delta)
    np.testing.assert_array_equal(after[0], mask)
    np.testing.assert_array_equal(after[1], weights)


def test_itop_as_its_code_does_drifts():
    graph = ns.generators.erdos_renyi(30, 30, n_edges=200, rng=0)
    rule = ITOP(budget="bernoulli")
    counts = [ns.apply(graph, rule.propose(graph, np.arange(200.0), rng=seed))[0].n_edges for seed in range(400)]
    n_free, p = 800, 100 / 800  # 100 of 200 edges go
    assert abs(np.mean(counts) - 200) < 5 * np.sqrt(n_free * p * (1 - p) / 400)
    assert len(set(counts)) > 20
    assert ITOP().propose(graph, np.arange(200.0), rng=0).is_density_preserving


# options --------------------------------------------------------------------------------------------------------------

BAD = [
    (lambda: SNFS(gradient_steps=0), errors.InvalidOption, "at least 1"),
    (lambda: SNFS(gradient_steps=2.0), errors.InvalidOption, "whole number"),
    (lambda: SNFS(gradient_decay=0.0), errors.InvalidOption, r"\(0, 1\]"),
    (lambda: SNFS(gradient_decay=1.5), errors.InvalidOption, "1.5"),
    (lambda: SNFS(gradient_decay="slow"), errors.InvalidOption, "'slow'"),
    (lambda: MEST(gradient_weight=-1), errors.InvalidOption, "gradient_weight"),
    (lambda: MEST(bound="none"), errors.UnknownName, "hard, soft"),
    (lambda: MEST(milestones=()), errors.InvalidOption, "increasing"),
    (lambda: MEST(milestones=(0.7, 0.5)), errors.InvalidOption, "increasing"),
    (lambda: MEST(milestones=(0.5, 1.5)), errors.InvalidOption, "1.5"),
    (lambda: MEST(milestones=("a",)), errors.InvalidOption, "'a'"),
    (lambda: MEST(milestones=0.5), errors.InvalidOption, "0.5"),
    (lambda: MEST(drop="random"), errors.InvalidOption, "none beside MEST"),
    (lambda: MEST(schedule="linear"), errors.InvalidOption, "none beside MEST"),
    (lambda: Static(every=10), errors.InvalidOption, "none beside Static"),
    (lambda: Static(regrown="no"), errors.InvalidOption, "none beside Static"),
    (lambda: MEST(end_fraction=0.1), errors.InvalidOption, "none beside MEST"),
    (lambda: RigL().propose(GRAPH, WEIGHTS, rng=0), errors.InvalidOption, "grads of layer 0"),
    (lambda: SNFS().propose(GRAPH, WEIGHTS, GRADS, rng=0), errors.InvalidOption, "momentum of layer 0"),
    (lambda: MEST().propose(GRAPH, WEIGHTS, rng=0), errors.InvalidOption, "grads of layer 0"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "rule",
    [Static(), RigL(), SNFS(), MEST(), ITOP(), MEST(bound="soft", milestones=[0.5]), SNFS(grow=SampledGradient(3.0))],
    ids=repr,
)
def test_a_rule_is_a_value(rule):
    again = type(rule)(**rule.parameters())
    assert again == rule
    assert repr(again) == repr(rule)
    assert again.needs == rule.needs
    assert again.keeps_count == rule.keeps_count
