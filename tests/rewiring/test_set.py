"""SET: exact counts, sign-wise as published, uniform growth, usable without training."""

import itertools

import numpy as np
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.rewiring import RULES, SET, LayerState, RewiringRule, smallest_magnitude, smallest_sign_wise

weights_strategy = st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.0, 0.3, 0.5, 1.5, 3.0]), max_size=30).map(
    np.array
)


@pytest.mark.parametrize(
    "rule",
    [
        *(make() for make in RULES.values()),
        SET(drop="magnitude"),
        SET(fraction=0),
        SET(fraction=1.0),
        SET(newborn=0.1),
    ],
)
@given(zoo.graphs(), st.integers(0, 2**32))
def test_invariants_of_every_rule(rule, graph, seed):
    weights = np.random.default_rng(seed).normal(size=graph.n_edges)
    delta = rule.propose(graph, weights, rng=seed)
    assert delta.n_removed == delta.n_added == round(rule.fraction * graph.n_edges)
    after, edge_map = ns.apply(graph, delta)
    assert after.n_edges == graph.n_edges
    again = rule.propose(graph, weights, rng=seed)
    assert ns.apply(graph, again)[0] == after
    assert edge_map.n_edges == after.n_edges


@given(weights_strategy, st.data())
def test_sign_wise_drops_the_closest_to_zero_of_each_sign_in_proportion(weights, data):
    n_drop = data.draw(st.integers(0, len(weights)))
    dropped = smallest_sign_wise(weights, n_drop, np.random.default_rng(0))
    assert len(set(dropped.tolist())) == n_drop
    kept = np.setdiff1d(np.arange(len(weights)), dropped)
    zeros = np.count_nonzero(weights == 0)
    assert np.count_nonzero(weights[dropped] == 0) == min(zeros, n_drop)
    for sign in (1, -1):
        gone, stay = (
            np.abs(weights[dropped][weights[dropped] * sign > 0]),
            np.abs(weights[kept][weights[kept] * sign > 0]),
        )
        assert not len(gone) or not len(stay) or gone.max() <= stay.min()
        if signed := np.count_nonzero(weights):
            quota = (n_drop - min(zeros, n_drop)) * np.count_nonzero(weights * sign > 0) / signed
            assert abs(len(gone) - quota) <= 1


@given(weights_strategy, st.data())
def test_magnitude_drops_the_smallest(weights, data):
    n_drop = data.draw(st.integers(0, len(weights)))
    dropped = smallest_magnitude(weights, n_drop, np.random.default_rng(0))
    expected = np.sort(np.abs(weights))[:n_drop]
    np.testing.assert_array_equal(np.sort(np.abs(weights[dropped])), expected)


def test_sign_wise_and_magnitude_differ_where_the_signs_have_different_scales():
    weights = np.array([0.1, 0.2, 0.3, 0.4, -10.0, -20.0, -30.0, -40.0])
    graph = ns.generators.complete(8, 1)
    assert SET(0.5).propose(graph, weights, rng=0).removed.tolist() == [0, 1, 4, 5]
    assert SET(0.5, drop="magnitude").propose(graph, weights, rng=0).removed.tolist() == [0, 1, 2, 3]


def test_ties_are_broken_at_random():
    counts = np.zeros(4)
    rng = np.random.default_rng(0)
    for _ in range(4000):
        counts[smallest_magnitude(np.ones(4), 1, rng)] += 1
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(4000 * 0.25 * 0.75)


def test_growth_is_uniform_over_the_free_pairs_the_dropped_ones_included():
    graph = ns.BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=2)
    rng = np.random.default_rng(0)
    counts = dict.fromkeys(itertools.product(range(3), range(2)), 0)
    for _ in range(8000):
        delta = SET(fraction=1 / 3).propose(graph, np.array([0.1, 5.0, 5.0]), rng=rng)
        counts[int(delta.added_sources[0]), int(delta.added_targets[0])] += 1
    grown = [counts.pop(pair) for pair in [(0, 0), (0, 1), (1, 1), (2, 1)]]
    assert not any(counts.values())
    assert np.abs(np.array(grown) - 2000).max() < 5 * np.sqrt(8000 * 0.25 * 0.75)


def test_newborn_values():
    graph = ns.generators.erdos_renyi(50, 50, density=0.4, rng=0)
    weights = np.ones(graph.n_edges)
    assert SET().propose(graph, weights, rng=0).values is None
    values = SET(fraction=1.0, newborn=0.1).propose(graph, weights, rng=0).values
    assert values.std() == pytest.approx(0.1, rel=0.15)


def test_layers_draw_from_their_own_generators():
    graph = ns.generators.erdos_renyi(30, 30, density=0.1, rng=0)
    states = [LayerState(k, graph, np.ones(graph.n_edges)) for k in range(2)]
    first, second = SET().propose_all(states, rng=0)
    assert ns.apply(graph, first)[0] != ns.apply(graph, second)[0]


def test_every_rule_is_constructible_without_arguments_and_reads_well():
    for make in RULES.values():
        assert isinstance(make(), RewiringRule)
    assert repr(SET(every=5)) == "SET(fraction=0.3, every=5, drop='sign_wise', newborn=0.0)"
    assert not SET().needs_gradients
    assert repr(SET()) == "SET(fraction=0.3, drop='sign_wise', newborn=0.0)"
    for rule in (SET(0.1, drop="magnitude"), SET(every=np.int64(3))):
        assert SET(**rule.parameters()).parameters() == rule.parameters()
    assert SET(every=3).every == 3


class Watching(SET):
    """Grows as any rule does, and keeps what it was shown."""

    def grow(self, kept, weights, grads, n_grow, rng):
        self.seen = kept, weights
        return super().grow(kept, weights, grads, n_grow, rng)


@given(zoo.graphs(), st.integers(0, 2**16))
def test_a_rule_that_grows_by_itself_sees_the_survivors_and_draws_as_one_that_does_not(graph, seed):
    weights = np.random.default_rng(seed).normal(size=graph.n_edges)
    watching = Watching(0.4)
    delta, plain = watching.propose(graph, weights, rng=seed), SET(0.4).propose(graph, weights, rng=seed)
    np.testing.assert_array_equal(delta.removed, plain.removed)
    np.testing.assert_array_equal(delta.added_sources, plain.added_sources)
    np.testing.assert_array_equal(delta.added_targets, plain.added_targets)
    kept, seen = watching.seen
    assert kept == ns.apply(graph, ns.EdgeDelta(delta.removed))[0]
    np.testing.assert_array_equal(seen, np.delete(weights, delta.removed))


class Careless(RewiringRule):
    """Drops what it likes."""

    def __init__(self, ids, keeps_count=True):
        super().__init__(0.5)
        self.ids, self.keeps_count = ids, keeps_count

    def drop(self, graph, weights, grads, n_drop, rng):
        return np.array(self.ids)


def test_the_skeleton_holds_a_rule_to_its_count():
    graph = ns.generators.erdos_renyi(5, 5, n_edges=4, rng=0)
    for ids in ([0], [0, 0], [0, 1, 2]):
        with pytest.raises(errors.InvalidOption, match="exactly 2 of each"):
            Careless(ids).propose(graph, np.ones(4), rng=0)
    assert Careless([0], keeps_count=False).propose(graph, np.ones(4), rng=0).n_removed == 1


BAD = [
    (lambda: SET().propose(ns.generators.complete(1, 2), [1.0, np.nan], rng=0), errors.InvalidEdgeVector, "not finite"),
    (lambda: SET().propose(ns.generators.complete(1, 2), ["a", "b"], rng=0), errors.InvalidEdgeVector, "real number"),
    (lambda: ns.rewiring.named_rule([]), errors.UnknownName, "set"),
    (lambda: SET(fraction=1.2), errors.InvalidOption, r"\[0, 1\]"),
    (lambda: SET(fraction="third"), errors.InvalidOption, "'third'"),
    (lambda: SET(every=0), errors.InvalidOption, "at least 1"),
    (lambda: SET(every=2.5), errors.InvalidOption, r"2\.5"),
    (lambda: SET(every=True), errors.InvalidOption, "True"),
    (lambda: SET(drop="sign"), errors.UnknownName, "magnitude, sign_wise"),
    (lambda: SET(newborn=-1), errors.InvalidOption, "-1"),
    (lambda: SET().propose(ns.generators.complete(2, 2), [1.0], rng=0), errors.InvalidEdgeVector, r"\(4,\)"),
    (lambda: ns.rewiring.named_rule("sett"), errors.UnknownName, "set"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
