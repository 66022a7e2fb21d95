"""Whom to grow: every part beside a dense matrix, from gradients that answer much or little."""

import itertools

import numpy as np
import oracles
import oracles_gradient as dense
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.nn import PairGradients
from netsparse.rewiring import Kept, LayerState, RewiringRule
from netsparse.rewiring.growth import GROWTHS, SampledGradient, SoftGradient
from netsparse.rewiring.growth.highest_free import highest_free_pairs

SEEDS = st.integers(0, 2**32)
# 8 edges: (0,0) (1,0) (3,0) | (0,1) (2,1) (3,1) | (1,2) (2,2), (source, target) in canonical order
GRAPH = ns.BipartiteGraph.from_edges([0, 1, 3, 0, 2, 3, 1, 2], [0, 0, 0, 1, 1, 1, 2, 2], n_in=4, n_out=3)
GRADS = np.array([[1.0, 8.0, 5.0, 2.0], [3.0, -4.0, -6.0, 1.0], [-7.0, 2.0, 1.0, 0.5]])


class OnlyPairs:
    """Gradients that answer what every rule may ask for, and no more."""

    def __init__(self, graph, matrix):
        self.graph, self.matrix = graph, np.asarray(matrix, dtype=np.float64)

    def at_edges(self):
        return self.matrix[self.graph.targets, self.graph.sources]

    def at_pairs(self, sources, targets):
        return self.matrix[targets, sources]


class WithRows(OnlyPairs):
    """Gradients that also answer for all sources of some targets."""

    def rows(self, targets):
        return self.matrix[targets]


KINDS = [PairGradients.from_dense, OnlyPairs, WithRows]


def kept_of(graph, removed, grads):
    return Kept(LayerState(0, graph, np.ones(graph.n_edges), grads), np.asarray(removed, dtype=np.int64))


def places(grown):
    sources, targets = grown
    return list(zip(targets.tolist(), sources.tolist(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_eight_edges_by_hand(kind):
    """Edges 1 and 4 go; free are (source, target, g) (1,0,8) (2,0,5) (1,1,-4) (2,1,-6) (0,2,-7) (3,2,0.5)."""
    kept, rng = kept_of(GRAPH, [1, 4], kind(GRAPH, GRADS)), np.random.default_rng(0)
    assert places(GROWTHS["gradient"](kept, 3, rng)) == [(0, 1), (1, 2), (2, 0)]
    for part in (GROWTHS["momentum"], GROWTHS["sampled_gradient"], SampledGradient(2.0)):  # 6 candidates are all
        assert places(part(kept, 3, rng)) == [(0, 1), (1, 2), (2, 0)]
    # from 2 candidates the better one grows: never the worst of all, and the best with probability 1 / 3
    grown = [places(SampledGradient(2.0)(kept, 1, rng))[0] for _ in range(1000)]
    assert (2, 3) not in grown
    assert abs(grown.count((0, 1)) - 1000 / 3) < 5 * np.sqrt(1000 * 2 / 9)
    assert places(SoftGradient(200.0)(kept, 3, rng)) == [(0, 1), (1, 2), (2, 0)]  # (8 / 7)^200 is certainty


@pytest.mark.parametrize("name", GROWTHS)
@settings(deadline=None, max_examples=40)  # the first call of some compiles
@given(kind=st.sampled_from(KINDS), graph=zoo.graphs(), seed=SEEDS, data=st.data())
def test_every_growth_is_exact_free_and_depends_on_the_seed_alone(name, kind, graph, seed, data):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(graph.n_out, graph.n_in)) * rng.integers(0, 2, size=(graph.n_out, graph.n_in))
    removed = np.sort(rng.choice(graph.n_edges, data.draw(st.integers(0, graph.n_edges)), replace=False))
    kept = kept_of(graph, removed, kind(graph, matrix))
    n_grow = data.draw(st.integers(0, kept.n_free))
    sources, targets = GROWTHS[name](kept, n_grow, np.random.default_rng(seed))
    after, _ = ns.apply(kept.graph, ns.EdgeDelta((), sources, targets))  # refuses duplicates and taken pairs
    assert after.n_edges == kept.n_edges + n_grow
    again = GROWTHS[name](kept, n_grow, np.random.default_rng(seed))
    np.testing.assert_array_equal(again, (sources, targets))


@given(kind=st.sampled_from(KINDS), graph=zoo.graphs(), seed=SEEDS, data=st.data())
def test_gradient_grows_what_a_dense_matrix_says_ties_first_come(kind, graph, seed, data):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-3, 4, size=(graph.n_out, graph.n_in)).astype(float)
    removed = np.sort(rng.choice(graph.n_edges, data.draw(st.integers(0, graph.n_edges)), replace=False))
    kept = kept_of(graph, removed, kind(graph, matrix))
    n_grow = data.draw(st.integers(0, kept.n_free))
    expected = sorted(dense.highest_free(oracles.mask_of(kept.graph), matrix, n_grow))
    assert places(GROWTHS["gradient"](kept, n_grow, rng)) == expected
    assert places(SampledGradient(1e9)(kept, n_grow, rng)) == expected


@pytest.mark.parametrize("kind", [OnlyPairs, WithRows])
def test_gradient_of_many_blocks(kind):
    """More pairs than a block holds, few and many of them wanted, most of them tied."""
    graph, rng = ns.generators.erdos_renyi(3000, 400, density=0.02, rng=0), np.random.default_rng(0)
    for matrix in (rng.normal(size=(400, 3000)), rng.integers(-2, 3, size=(400, 3000)).astype(float)):
        kept = kept_of(graph, np.arange(0, graph.n_edges, 3), kind(graph, matrix))
        keys = np.flatnonzero(~kept.graph.has_edges(np.tile(np.arange(3000), 400), np.repeat(np.arange(400), 3000)))
        order = keys[np.argsort(-np.abs(matrix).ravel()[keys], kind="stable")]
        for n_grow in (1, 300, 20_000, len(keys)):
            sources, targets = GROWTHS["gradient"](kept, n_grow, rng)
            np.testing.assert_array_equal(targets * 3000 + sources, np.sort(order[:n_grow]))


@pytest.mark.parametrize("temperature", [0.0, 0.5, 2.0])
def test_soft_gradient_grows_with_the_probabilities_of_drawing_one_by_one(temperature):
    graph = ns.BipartiteGraph.from_edges([0], [1], n_in=3, n_out=2)
    matrix, n = np.array([[1.0, -2.0, 0.0], [9.0, 0.5, 0.0]]), 6000
    free, values = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2)], [1.0, 2.0, 0.0, 0.5, 0.0]
    law = dense.soft_keep_law(values, 4, temperature)  # two of the four are those without a gradient, or one is
    kept, rng = kept_of(graph, [], WithRows(graph, matrix)), np.random.default_rng(2)
    counts = dict.fromkeys(law, 0)
    for _ in range(n):
        counts[frozenset(free.index(place) for place in places(SoftGradient(temperature)(kept, 4, rng)))] += 1
    for grown, probability in law.items():
        assert abs(counts[grown] - n * probability) <= 5 * np.sqrt(n * probability * (1 - probability)) + 1e-9


def test_sampled_candidates_are_drawn_uniformly():
    """With a candidate for each edge nothing is chosen: growth is uniform, whatever the gradients."""
    kept, rng = kept_of(GRAPH, [1, 4], OnlyPairs(GRAPH, GRADS)), np.random.default_rng(0)
    counts = dict.fromkeys([(0, 1), (0, 2), (1, 1), (1, 2), (2, 0), (2, 3)], 0)
    for _ in range(6000):
        counts[places(SampledGradient(1.0)(kept, 1, rng))[0]] += 1
    assert np.abs(np.array(list(counts.values())) - 1000).max() < 5 * np.sqrt(6000 * 5 / 36)


def test_more_candidates_find_larger_gradients():
    graph, rng = ns.generators.erdos_renyi(100, 100, density=0.05, rng=0), np.random.default_rng(0)
    matrix = rng.normal(size=(100, 100))
    kept, means = kept_of(graph, np.arange(100), OnlyPairs(graph, matrix)), []
    for candidates in (1.0, 3.0, 10.0, 100.0):
        sources, targets = SampledGradient(candidates)(kept, 100, rng)
        means.append(np.abs(matrix[targets, sources]).mean())
    best = dense.highest_free(oracles.mask_of(kept.graph), matrix, 100)
    assert all(b > 1.15 * a for a, b in itertools.pairwise(means))
    assert means[-1] == pytest.approx(np.mean([abs(matrix[place]) for place in best]))


@pytest.mark.parametrize("name", ["gradient", "sampled_gradient", "soft_gradient", "momentum"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_that_diverged_are_refused(name, kind):
    kept = kept_of(GRAPH, [1, 4], kind(GRAPH, np.where(GRADS > 4, np.nan, GRADS)))
    with pytest.raises(errors.TrainingDiverged, match="NaN"):
        GROWTHS[name](kept, 1, np.random.default_rng(0))


@pytest.mark.parametrize("name", GROWTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_more_than_is_free_is_refused(name, kind):
    with pytest.raises(errors.NotEnoughFreePairs, match="at most the 6 free pairs"):
        GROWTHS[name](kept_of(GRAPH, [1, 4], kind(GRAPH, GRADS)), 7, np.random.default_rng(0))


def test_parts_say_what_they_read():
    assert {name for name in GROWTHS if RewiringRule(grow=name).needs == {"grads"}} >= {
        "gradient",
        "sampled_gradient",
        "soft_gradient",
        "momentum",
    }
    assert not RewiringRule(grow="uniform").needs


def test_scores_are_asked_for_block_by_block():
    asked = []

    def scores(first, last):
        asked.append(last - first)
        return np.ones((last - first, 100_000))

    graph = ns.BipartiteGraph.from_edges([0], [0], n_in=100_000, n_out=7)
    sources, targets = highest_free_pairs(graph, 2, scores)
    assert (sources.tolist(), targets.tolist()) == ([1, 2], [0, 0])
    assert sum(asked) == 7
    assert max(asked) <= 2


BAD = [
    (lambda: SampledGradient(0.5), errors.InvalidOption, "at least 1"),
    (lambda: SampledGradient(float("inf")), errors.InvalidOption, "inf"),
    (lambda: SampledGradient("all"), errors.InvalidOption, "'all'"),
    (lambda: SoftGradient(-1.0), errors.InvalidOption, "at least 0"),
    (lambda: SoftGradient(float("inf")), errors.InvalidOption, "finite"),
    (lambda: SoftGradient(True), errors.InvalidOption, "True"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
