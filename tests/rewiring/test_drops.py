"""Whom to drop: every part against a dense matrix, exact numbers, the law where there is chance."""

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
from netsparse.rewiring import LayerState, RewiringRule
from netsparse.rewiring.drops import DROPS, MagnitudeAndGradient, Mature, Soft
from netsparse.rewiring.scores import relative_importance, soft_smallest

SEEDS = st.integers(0, 2**32)
COUNTED = {name: part for name, part in DROPS.items() if name != "death"}  # that one goes by theta alone
# 8 edges: (0,0) (1,0) (3,0) | (0,1) (2,1) (3,1) | (1,2) (2,2), (source, target) in canonical order
GRAPH = ns.BipartiteGraph.from_edges([0, 1, 3, 0, 2, 3, 1, 2], [0, 0, 0, 1, 1, 1, 2, 2], n_in=4, n_out=3)
WEIGHTS = np.array([0.9, -0.1, 0.4, -0.7, 0.05, 0.6, -0.3, 0.2])
GRADS = np.array([[1.0, 8.0, 5.0, 2.0], [3.0, -4.0, -6.0, 1.0], [-7.0, 2.0, 1.0, 0.5]])
AGES = np.array([500, 20, 90, 500, 10, 30, 500, 40])
STATE = LayerState(0, GRAPH, WEIGHTS, PairGradients.from_dense(GRAPH, GRADS), None, AGES)


def state_of(graph, seed, *, zeros=False):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=graph.n_edges)
    if zeros:
        weights[rng.random(graph.n_edges) < 0.4] = 0.0
    matrix = rng.normal(size=(graph.n_out, graph.n_in))
    ages = rng.integers(0, 300, graph.n_edges)
    return LayerState(0, graph, weights, PairGradients.from_dense(graph, matrix), weights, ages), matrix


BY_HAND = [
    ("magnitude", 3, [1, 4, 7]),  # 0.05, 0.1, 0.2
    # 5 positive, 3 negative, 4 * 5 / 8 = 2.5, rounded to 2: 0.05 and 0.2, -0.1 and -0.3
    ("sign_wise", 4, [1, 4, 6, 7]),
    ("sensitivity", 3, [4, 6, 7]),  # |w g|: 0.9 0.8 0.8 2.1 0.3 0.6 0.6 0.2
    (MagnitudeAndGradient(0.1), 3, [2, 6, 7]),  # 1.0 0.9 0.6 1.0 0.65 0.7 0.5 0.3
    (MagnitudeAndGradient(0.0), 3, [1, 4, 7]),
    # |w| into targets: 1.4, 1.35, 0.5; out of sources: 1.6, 0.4, 0.25, 1.0
    # 0.643+0.5625 0.071+0.25 0.286+0.4 0.519+0.4375 0.037+0.2 0.444+0.6 0.6+0.75 0.4+0.8
    ("importance", 3, [1, 2, 4]),
    (Mature(100), 2, [3, 6]),  # of age 500: 0.9, 0.7, 0.3
    (Mature(100), 5, [0, 1, 3, 4, 6]),  # all three of them, then the smallest of the young: 0.05, 0.1
    ("oldest", 3, [0, 3, 6]),
    ("youngest", 3, [1, 4, 5]),
]


@pytest.mark.parametrize(("drop", "n_drop", "expected"), BY_HAND, ids=range(len(BY_HAND)))
def test_eight_edges_by_hand(drop, n_drop, expected):
    part = DROPS[drop] if isinstance(drop, str) else drop
    assert part(STATE, n_drop, np.random.default_rng(0)).tolist() == expected


@pytest.mark.parametrize("name", COUNTED)
@given(graph=zoo.graphs(), seed=SEEDS, zeros=st.booleans(), data=st.data())
def test_every_drop_is_exact_and_depends_on_the_seed_alone(name, graph, seed, zeros, data):
    state, _ = state_of(graph, seed, zeros=zeros)
    n_drop = data.draw(st.integers(0, graph.n_edges))
    ids = DROPS[name](state, n_drop, np.random.default_rng(seed))
    assert len(ids) == n_drop
    assert (np.diff(ids) > 0).all()
    assert not n_drop or 0 <= ids[0] <= ids[-1] < graph.n_edges
    np.testing.assert_array_equal(DROPS[name](state, n_drop, np.random.default_rng(seed)), ids)


def dense_scores(name, graph, state, matrix):
    mask, weights = oracles.mask_of(graph), oracles.dense_of(graph, state.weights)
    return mask, {
        "magnitude": abs(weights),
        "sensitivity": abs(weights * matrix),
        "magnitude_and_gradient": abs(weights) + 0.01 * abs(matrix),
        "importance": dense.relative_importance(mask, weights),
    }[name]


@pytest.mark.parametrize("name", ["magnitude", "sensitivity", "magnitude_and_gradient", "importance"])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_scores_are_those_of_a_dense_matrix(name, kind):
    for k, graph in enumerate(zoo.GRAPHS.values()):
        state, matrix = state_of(graph, k)
        state = LayerState(0, graph, state.weights.astype(kind), state.grads)
        mask, scores = dense_scores(name, graph, state, matrix)
        for n_drop in {0, graph.n_edges // 3, graph.n_edges // 2, graph.n_edges}:
            ids = DROPS[name](state, n_drop, np.random.default_rng(0))
            gone = {(int(graph.targets[e]), int(graph.sources[e])) for e in ids}
            cut = sorted(scores[place] for place in dense.places_of(mask))
            if 0 < n_drop < graph.n_edges and cut[n_drop] - cut[n_drop - 1] > 1e-12:  # importance may tie
                assert gone == set(dense.lowest(mask, scores, n_drop))


@given(zoo.graphs(), SEEDS, st.booleans())
def test_relative_importance_is_that_of_a_dense_matrix(graph, seed, zeros):
    state, _ = state_of(graph, seed, zeros=zeros)
    expected = dense.relative_importance(oracles.mask_of(graph), oracles.dense_of(graph, state.weights))
    np.testing.assert_allclose(
        relative_importance(graph, state.weights), oracles.vector_of(graph, expected), rtol=1e-12
    )


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0, 3.0])
def test_soft_keeps_with_the_probabilities_of_drawing_one_by_one(temperature):
    weights, n = np.array([0.5, -1.0, 2.0, 0.0, -0.1]), 20_000
    law = dense.soft_keep_law(weights, 3, temperature)
    assert sum(law.values()) == pytest.approx(1.0)
    rng, counts = np.random.default_rng(1), dict.fromkeys(law, 0)
    for _ in range(n):
        gone = soft_smallest(weights, 2, temperature, rng)
        counts[frozenset({0, 1, 2, 3, 4}.difference(gone.tolist()))] += 1
    for kept, probability in law.items():
        assert abs(counts[kept] - n * probability) <= 5 * np.sqrt(n * probability * (1 - probability)) + 1e-9


@given(zoo.graphs(), SEEDS, st.data())
def test_soft_at_infinite_temperature_is_magnitude_and_zeros_go_first(graph, seed, data):
    state, _ = state_of(graph, seed)
    n_drop = data.draw(st.integers(0, graph.n_edges))
    rng = np.random.default_rng(seed)
    expected = DROPS["magnitude"](state, n_drop, rng)
    np.testing.assert_array_equal(Soft(float("inf"))(state, n_drop, rng), expected)
    np.testing.assert_array_equal(Soft(1e9)(state, n_drop, rng), expected)
    state, _ = state_of(graph, seed, zeros=True)
    for temperature in (0.01, 1.0, 200.0):
        ids = Soft(temperature)(state, n_drop, rng)
        assert np.count_nonzero(state.weights[ids] == 0) == min(n_drop, np.count_nonzero(state.weights == 0))


def test_soft_in_other_precisions_and_magnitudes():
    rng = np.random.default_rng(0)
    for scale in (1e-30, 1.0, 1e30):
        weights = (scale * rng.normal(size=1000)).astype(np.float32)
        gone = soft_smallest(weights, 500, 4.0, np.random.default_rng(3))
        same = soft_smallest(weights.astype(np.float64) / scale, 500, 4.0, np.random.default_rng(3))
        np.testing.assert_array_equal(gone, same)


def test_ties_are_broken_at_random():
    graph = ns.generators.complete(4, 1)
    state = LayerState(0, graph, np.ones(4), PairGradients.from_dense(graph, np.ones((1, 4))), None, np.ones(4, int))
    for name, part in COUNTED.items():
        rng, counts = np.random.default_rng(0), np.zeros(4)
        for _ in range(2000):
            counts[part(state, 1, rng)] += 1
        assert np.abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75), name


def test_parts_say_what_they_read():
    reads = {name: RewiringRule(drop=name).needs for name in DROPS}
    assert reads["sensitivity"] == reads["magnitude_and_gradient"] == {"grads"}
    assert reads["oldest"] == reads["youngest"] == reads["mature"] == {"ages"}
    assert not reads["soft"] | reads["importance"] | reads["random"] | reads["magnitude"]
    assert RewiringRule(drop=Soft(2.0)) == RewiringRule(drop=Soft(2.0)) != RewiringRule(drop=Soft(3.0))


BAD = [
    (lambda: Soft(-1.0), errors.InvalidOption, "at least 0, or inf"),
    (lambda: Soft(float("nan")), errors.InvalidOption, "nan"),
    (lambda: Soft("hot"), errors.InvalidOption, "'hot'"),
    (lambda: MagnitudeAndGradient(-0.1), errors.InvalidOption, "gradient_weight"),
    (lambda: MagnitudeAndGradient(float("inf")), errors.InvalidOption, "inf"),
    (lambda: Mature(-1), errors.InvalidOption, "at least 0"),
    (lambda: Mature(1.5), errors.InvalidOption, "whole number"),
    (lambda: Mature(True), errors.InvalidOption, "True"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", ["sensitivity", "magnitude_and_gradient"])
def test_gradients_that_diverged_are_refused(name):
    class Diverged:
        def at_edges(self):
            return np.full(8, np.nan)

    with pytest.raises(errors.TrainingDiverged, match="NaN"):
        DROPS[name](LayerState(0, GRAPH, WEIGHTS, Diverged()), 2, np.random.default_rng(0))
