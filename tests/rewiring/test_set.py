"""SET: exact counts, sign-wise as published, uniform growth, usable without training."""

import itertools

import numpy as np
import oracles
import zoo
from hypothesis import given
from hypothesis import strategies as st

import netsparse as ns
from netsparse.rewiring import SET, smallest_magnitude, smallest_sign_wise

weights_strategy = st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.0, 0.3, 0.5, 1.5, 3.0]), max_size=30).map(
    np.array
)


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


def test_eight_edges_by_hand():
    """Five positive, three negative weights, a half goes: 4 * 5 / 8 = 2.5 of the positive, rounded to 2, 2 negative."""
    graph = ns.BipartiteGraph.from_edges([0, 1, 2, 3, 0, 1, 2, 3], [0, 0, 0, 0, 1, 1, 2, 2], n_in=4, n_out=4)
    weights = np.array([0.9, -0.2, 0.1, 0.5, -0.8, 0.3, -0.1, 0.7])
    delta = SET(0.5).propose(graph, weights, rng=0)
    assert delta.removed.tolist() == [1, 2, 5, 6]  # 0.1 and 0.3, -0.1 and -0.2
    after, edge_map = ns.apply(graph, delta)
    assert after.n_edges == 8
    carried = ns.graph.carry(weights, edge_map)
    assert sorted(carried[carried != 0]) == [-0.8, 0.5, 0.7, 0.9]
    assert graph.edge_ids([0, 3, 0, 3], [0, 0, 1, 2]).tolist() == [0, 3, 4, 7]  # the four that stay


@given(zoo.graphs(), st.floats(0, 1), st.integers(0, 2**16))
def test_set_equals_the_dense_matrix(graph, fraction, seed):
    weights = np.random.default_rng(seed).normal(size=graph.n_edges)
    delta = SET(fraction).propose(graph, weights, rng=seed)
    gone = set(zip(graph.sources[delta.removed].tolist(), graph.targets[delta.removed].tolist(), strict=True))
    dense = oracles.dense_of(graph, weights, hole=np.nan)
    assert gone == oracles.set_drop(dense, round(fraction * graph.n_edges))
    for source, target in zip(delta.added_sources, delta.added_targets, strict=True):
        assert np.isnan(dense[target, source]) or (source, target) in gone


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
