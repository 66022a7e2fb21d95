"""Growth by paths of three edges and removal of dead ends, by hand, beside the definition, and by exact laws."""

import itertools
import tracemalloc

import numpy as np
import oracles_paths
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.rewiring.growth import path_growth
from netsparse.rewiring.growth.path_growth import PathGrowth
from netsparse.rewiring.growth.path_scores import SCORES, dense_path_scores, path_score_rows, walk_length
from netsparse.rewiring.growth.top_scores import Drawn, Highest, lots
from netsparse.rewiring.rules.cannistraci_hebb import CannistraciHebb, CannistraciHebbSoft
from netsparse.rewiring.rules.chain_removal import with_dead_ends
from netsparse.rewiring.scores import relative_importance, smallest_magnitude, soft_smallest
from netsparse.rewiring.state import Kept, LayerState, Moment

NOBODY = np.empty(0, dtype=np.int64)

# s0: t0; s1: t0 t1; s2: t0 t1 t2; and s0 - t3, s3 - t3, which are weak and go
EIGHT = ns.BipartiteGraph.from_edges([0, 1, 2, 1, 2, 2, 0, 3], [0, 0, 0, 1, 1, 2, 3, 3], n_in=4, n_out=4)
WEIGHTS = np.array([1.0, -1.0, 2.0, 1.0, -3.0, 1.0, 0.1, -0.2])

# (s0, t1): paths t0 - s1 and t0 - s2. t0 has 2 edges inside, 0 outside; s1 1 and 0; s2 1 and 1 (to t2).
# (s1, t2): its mirror image, paths t0 - s2 and t1 - s2.
# (s0, t2): path t0 - s2. t0 has 1 edge inside and 1 outside (to s1), s2 has 1 and 1 (to t1).
BY_HAND = {
    "ch3_l3n": (1 + 1 + 1 / 2, 1 / 2 + 1 / 2),
    "ch2_l3n": (3 + 2 + 2 / 2, 2 / 2 + 2 / 2),
    "ch3_l3p": (1 + 1 / 2**0.5, 1 / 2),
    "ch2_l3p": (6**0.5 + 6**0.5 / 2**0.5, 2 / 2),
    "ra_l3p": (1 / 6**0.5 + 1 / 3, 1 / 3),  # degrees: t0 3, s1 2, s2 3
}


def kept_of(graph, removed=NOBODY):
    return Kept(LayerState(0, graph, np.ones(graph.n_edges)), np.asarray(removed, dtype=np.int64))


def pairs(graph):
    return set(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))


# scores ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES)
def test_scores_of_eight_edges_by_hand(score):
    graph = kept_of(EIGHT, [6, 7]).graph
    high, low = BY_HAND[score]
    expected = np.zeros((4, 4))
    expected[1, 0] = expected[2, 1] = high
    expected[2, 0] = low
    np.testing.assert_allclose(path_score_rows(graph, 0, 4, score=score), expected, rtol=1e-9)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_scores_are_those_of_the_definition(score, name):
    graph = zoo.GRAPHS[name]
    expected = oracles_paths.path_scores(graph, score)
    np.testing.assert_allclose(path_score_rows(graph, 0, graph.n_out, score=score), expected, rtol=1e-8)
    np.testing.assert_allclose(dense_path_scores(graph, score=score), expected, rtol=1e-8)


@given(zoo.graphs(), st.sampled_from(sorted(SCORES)), st.data())
def test_scores_of_random_graphs_are_those_of_the_definition(graph, score, data):
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, graph.n_out)] * 2)))
    expected = oracles_paths.path_scores(graph, score)[first:last]
    np.testing.assert_allclose(path_score_rows(graph, first, last, score=score), expected, rtol=1e-8)


@given(zoo.graphs())
def test_the_sum_over_nodes_is_what_the_matrix_products_of_the_published_code_give(graph):
    np.testing.assert_allclose(dense_path_scores(graph), oracles_paths.matrix_scores(graph), rtol=1e-8)


@pytest.mark.parametrize("score", ["ch3_l3n", "ch2_l3n"])
@pytest.mark.parametrize("density", [0.02, 0.1, 0.4])
def test_sums_over_nodes_are_exact_so_that_walk_and_matrix_products_agree_in_every_bit(score, density):
    graph = ns.generators.erdos_renyi(70, 90, density=density, rng=0)
    np.testing.assert_array_equal(dense_path_scores(graph, score=score), path_score_rows(graph, 0, 90, score=score))


@given(zoo.graphs())
def test_the_length_of_the_walk(graph):
    mask = oracles_paths.mask_of(graph).astype(int)
    assert walk_length(graph) == (mask @ mask.T @ mask).sum()


# which of them --------------------------------------------------------------------------------------------------------


@given(zoo.graphs(), st.sampled_from(sorted(SCORES)), st.booleans(), st.data())
def test_growth_takes_the_highest_scores_and_fills_up_from_the_rest(graph, score, soft, data):
    n_free = graph.n_in * graph.n_out - graph.n_edges
    n, seed = data.draw(st.integers(0, n_free)), data.draw(st.integers(0, 2**20))
    sources, targets = PathGrowth(score, soft)(kept_of(graph), n, np.random.default_rng(seed))
    keys = targets * graph.n_in + sources
    assert len(keys) == n
    assert (np.diff(keys) > 0).all()
    assert not graph.has_edges(sources, targets).any()
    scores = oracles_paths.path_scores(graph, score).ravel()
    n_positive = np.count_nonzero(scores)
    assert np.count_nonzero(scores[keys]) == min(n, n_positive)
    if not soft:
        np.testing.assert_allclose(np.sort(scores[keys])[::-1], np.sort(scores)[::-1][:n], rtol=1e-6)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("score", ["ch3_l3n", "ch2_l3p"])
def test_blocks_and_dense_matrices_grow_the_same_pairs(score, soft, monkeypatch):
    kept = kept_of(ns.generators.erdos_renyi(60, 80, density=0.3, rng=0), np.arange(0, 1440, 3))
    monkeypatch.setattr(path_growth, "PRODUCTS_PER_STEP", 10**9)
    growth = PathGrowth(score, soft)
    assert growth._is_dense(kept.graph) == (score == "ch3_l3n")
    whole = growth(kept, 480, np.random.default_rng(5))
    for block in (1, 700, 10**6):
        monkeypatch.setattr(path_growth, "BLOCK", block)
        streamed = PathGrowth(score, soft, dense_limit=0)(kept, 480, np.random.default_rng(5))
        np.testing.assert_array_equal(streamed, whole)


def test_no_dense_matrix_is_held_above_the_limit(monkeypatch):
    graph = ns.generators.erdos_renyi(3000, 3000, density=0.002, rng=0)
    monkeypatch.setattr(path_growth, "BLOCK", 2**16)
    growth, kept = PathGrowth(dense_limit=0), kept_of(graph, np.arange(5000))
    growth(kept, 10, np.random.default_rng(0))  # compiled, and the graph's index made
    tracemalloc.start()
    growth(kept, 5000, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000 * 3000  # one byte per pair; the scores alone would be eight


def test_equal_scores_go_by_lot():
    cycle = zoo.GRAPHS["cycle"]  # every unit like any other: of 15 free pairs, 10 are at distance 3
    counts = np.zeros(25)
    rng = np.random.default_rng(0)
    for _ in range(1500):
        sources, targets = PathGrowth()(kept_of(cycle), 1, rng)
        counts[targets * 5 + sources] += 1
    scores = path_score_rows(cycle, 0, 5).ravel()
    assert np.count_nonzero(scores) == 10
    assert not counts[scores == 0].any()
    assert np.abs(counts[scores > 0] - 150).max() < 5 * np.sqrt(1500 * 0.1 * 0.9)


def test_what_no_path_joins_grows_uniformly_once_all_the_rest_has_grown():
    graph = ns.BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=3, n_out=3)  # one free pair at distance 3, five not
    counts = np.zeros(9)
    rng = np.random.default_rng(1)
    for _ in range(1500):
        sources, targets = PathGrowth()(kept_of(graph), 2, rng)
        counts[targets * 3 + sources] += 1
    assert counts[3] == 1500
    rest = np.delete(counts, [0, 1, 3, 4])
    assert rest.sum() == 1500
    assert np.abs(rest - 300).max() < 5 * np.sqrt(1500 * 0.2 * 0.8)


def test_soft_growth_draws_without_replacement_in_proportion_to_the_scores():
    graph = kept_of(EIGHT, [6, 7]).graph
    weights = {(0, 1): 2.5, (1, 2): 2.5, (0, 2): 1.0}
    total, law = sum(weights.values()), {}
    for first, second in itertools.permutations(weights, 2):
        p = weights[first] / total * weights[second] / (total - weights[first])
        law[frozenset((first, second))] = law.get(frozenset((first, second)), 0.0) + p
    counts, rng, n = dict.fromkeys(law, 0), np.random.default_rng(2), 2000
    for _ in range(n):
        sources, targets = PathGrowth(soft=True)(kept_of(graph), 2, rng)
        counts[frozenset(zip(sources.tolist(), targets.tolist(), strict=True))] += 1
    for found, p in law.items():
        assert abs(counts[found] - n * p) < 5 * np.sqrt(n * p * (1 - p))


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]), max_size=40), st.integers(0, 12), st.data())
def test_the_best_do_not_depend_on_the_blocks_they_come_in(scores, n, data):
    scores, cut = np.array(scores), data.draw(st.integers(0, len(scores)))
    for kind in (Highest, Drawn):
        whole, parts = kind(n, 7), kind(n, 7)
        whole.offer(scores, 100)
        parts.offer(scores[:cut], 100)
        parts.offer(scores[cut:], 100 + cut)
        np.testing.assert_array_equal(whole.sorted_keys(), parts.sorted_keys())
        assert len(whole.sorted_keys()) == min(n, np.count_nonzero(scores))
    chosen = scores[(whole.sorted_keys() if kind is Highest else _highest(scores, n)) - 100]
    np.testing.assert_array_equal(np.sort(chosen), np.sort(scores[scores > 0])[::-1][:n][::-1])


def _highest(scores, n):
    best = Highest(n, 3)
    best.offer(scores, 100)
    return best.sorted_keys()


def test_lots_are_spread_evenly():
    bits = lots(np.arange(4096), 11)[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / 64
    assert len(np.unique(lots(np.arange(10**5), 11))) == 10**5


# dead ends ------------------------------------------------------------------------------------------------------------


def test_dead_ends_of_eight_edges_by_hand():
    # level 0 -> 1: s0 - h0, s1 - h1, s2 - h1, s2 - h2; level 1 -> 2: h0 - o0, h1 - o1, h2 - o1, h2 - o2
    below = ns.BipartiteGraph.from_edges([0, 1, 2, 2], [0, 1, 1, 2], n_in=3, n_out=3)
    above = ns.BipartiteGraph.from_edges([0, 1, 2, 2], [0, 1, 1, 2], n_in=3, n_out=3)
    states = [LayerState(0, below, np.ones(4)), LayerState(1, above, np.ones(4))]
    # without h1 - o1 nothing leaves h1: both its edges go. Without s0 - h0 nothing enters h0: h0 - o0 goes.
    gone = with_dead_ends(states, [np.array([0]), np.array([1])])
    assert [ids.tolist() for ids in gone] == [[0, 1, 2], [0, 1]]
    assert [ids.tolist() for ids in with_dead_ends(states, [NOBODY, NOBODY])] == [[], []]


@given(zoo.networks(max_layers=4), st.data())
def test_what_stays_lies_on_a_path_through_all_layers(network, data):
    states = [LayerState(k, graph, np.ones(graph.n_edges)) for k, graph in enumerate(network.layers)]
    removed = [
        np.array(sorted(data.draw(st.sets(st.integers(0, g.n_edges - 1)))) if g.n_edges else [], dtype=np.int64)
        for g in network.layers
    ]
    alive = [np.ones(g.n_edges, dtype=bool) for g in network.layers]
    for mask, ids in zip(alive, removed, strict=True):
        mask[ids] = False
    expected = oracles_paths.used_edges(network.layers, alive)
    for ids, mask in zip(with_dead_ends(states, removed), expected, strict=True):
        np.testing.assert_array_equal(ids, np.flatnonzero(~mask))


def test_positions_of_a_convolution_count_as_their_channel():
    # two channels; the next layer reads each at 1 x 2 positions: sources 0, 1 are channel 0, sources 2, 3 channel 1
    below = ns.BipartiteGraph.from_edges([0, 0], [0, 1], n_in=1, n_out=2)
    above = ns.BipartiteGraph.from_edges([1, 2], [0, 0], n_in=4, n_out=1)
    states = [LayerState(0, below, np.ones(2)), LayerState(1, above, np.ones(2), kernel_size=(1, 2))]
    assert [ids.tolist() for ids in with_dead_ends(states, [NOBODY, np.array([0])])] == [[0], [0]]
    assert [ids.tolist() for ids in with_dead_ends(states, [np.array([1]), NOBODY])] == [[1], [1]]
    unknown = [states[0], LayerState(1, above, np.ones(2))]  # a flattened image: which unit is which is not known
    assert [ids.tolist() for ids in with_dead_ends(unknown, [np.array([1]), NOBODY])] == [[1], []]
    assert [ids.tolist() for ids in with_dead_ends(unknown, [NOBODY, np.array([0])])] == [[], [0]]


# the rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES)
def test_a_rewiring_of_eight_edges_by_hand(score):
    delta = CannistraciHebb(fraction=0.25, score=score).propose(EIGHT, WEIGHTS, rng=0)
    assert delta.removed.tolist() == [6, 7]  # of smallest |w|
    grown = set(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))
    assert grown == {(0, 1), (1, 2)}  # the two of highest score
    assert delta.values is None


def states_of(seed, sizes=(12, 15, 14, 9), density=0.15):
    rng = np.random.default_rng(seed)
    layers = [ns.generators.erdos_renyi(*pair, density=density, rng=rng) for pair in itertools.pairwise(sizes)]
    return [LayerState(k, graph, rng.normal(size=graph.n_edges)) for k, graph in enumerate(layers)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("chain_removal", [True, False])
def test_a_rewiring_is_that_of_dense_matrices(seed, chain_removal):
    states = states_of(seed)
    rule = CannistraciHebb(0.4, chain_removal=chain_removal, early_stop=None)
    deltas = rule.propose_all(states, rng=seed)
    alive = []
    for state in states:
        order = np.argsort(np.abs(state.weights))
        alive.append(np.ones(len(order), dtype=bool))
        alive[-1][order[: round(0.4 * len(order))]] = False
    n_by_weight = sum(np.count_nonzero(~mask) for mask in alive)
    if chain_removal:
        alive = oracles_paths.used_edges([state.graph for state in states], alive)
        assert sum(np.count_nonzero(~mask) for mask in alive) > n_by_weight  # there were dead ends
    for state, delta, mask in zip(states, deltas, alive, strict=True):
        survivors = ns.apply(state.graph, ns.EdgeDelta(np.flatnonzero(~mask)))[0]
        after = ns.apply(state.graph, delta)[0]
        assert pairs(survivors) <= pairs(after)
        assert after.n_edges == state.graph.n_edges
        scores = oracles_paths.path_scores(survivors, "ch3_l3n")
        grown = sorted((scores[t, s] for s, t in pairs(after) - pairs(survivors)), reverse=True)
        np.testing.assert_allclose(grown, np.sort(scores.ravel())[::-1][: len(grown)], rtol=1e-6)
        assert not pairs(state.graph) & set(
            zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True)
        )  # what came back is in neither list


def test_an_importance_of_one_s_own_units_may_decide_who_goes():
    (state,) = states_of(3, sizes=(12, 15))
    delta = CannistraciHebb(0.3, drop="importance", early_stop=None).propose(state.graph, state.weights, rng=0)
    n_drop = round(0.3 * state.graph.n_edges)
    weakest = smallest_magnitude(relative_importance(state.graph, state.weights), n_drop, np.random.default_rng(0))
    assert set(delta.removed.tolist()) <= set(weakest.tolist())
    assert delta.n_removed


@pytest.mark.parametrize("seed", range(20))
def test_a_layer_whose_topology_has_settled_stays_as_it_is(seed):
    (state,) = states_of(seed, sizes=(8, 7), density=0.6)
    rule = CannistraciHebb(0.3, early_stop=None)
    (delta,) = rule.propose_all([state], rng=seed)
    n_drop = round(0.3 * state.graph.n_edges)
    overlap = 1 - delta.n_removed / n_drop
    assert overlap > 0
    for share, stops in ((overlap - 1e-6, True), (min(overlap + 1e-6, 1.0), False)):
        (again,) = CannistraciHebb(0.3, early_stop=share).propose_all([state], rng=seed)
        assert again.n_removed == again.n_added == (0 if stops else delta.n_removed)


def test_the_soft_rule_draws_what_stays_with_a_power_that_follows_the_run():
    (state,) = states_of(1, sizes=(20, 20))
    for step, power in ((0, 1.0), (50, 2.0), (100, 3.0)):
        at = Moment(step, 100)
        assert CannistraciHebbSoft().temperature_at(at) == power
        dropped = CannistraciHebbSoft().dropped(state, 9, at, np.random.default_rng(4))
        np.testing.assert_array_equal(dropped, soft_smallest(state.weights, 9, power, np.random.default_rng(4)))
    assert CannistraciHebb(drop="soft", temperature=2.0, end_temperature=2.0).temperature_at(Moment(50, 100)) == 2.0
    tens = {CannistraciHebbSoft(0.3).propose(EIGHT, WEIGHTS, rng=seed).removed.tobytes() for seed in range(10)}
    assert len(tens) > 1


@pytest.mark.parametrize("make", [CannistraciHebb, CannistraciHebbSoft])
def test_an_input_is_never_at_fault_nor_is_an_output(make):
    (state,) = states_of(2, sizes=(30, 30), density=0.03)
    rule, plain = (
        make(0.5, early_stop=None, regrown="newborn"),
        make(0.5, chain_removal=False, regrown="newborn", early_stop=None),
    )
    a, b = (r.propose(state.graph, state.weights, rng=0) for r in (rule, plain))
    np.testing.assert_array_equal(a.removed, b.removed)
    assert a.n_removed == a.n_added == round(0.5 * state.graph.n_edges)


BAD = [
    (lambda: CannistraciHebb(score="ch4"), errors.UnknownName, "ch3_l3n"),
    (lambda: CannistraciHebb(grow="gradient"), errors.InvalidOption, "does not follow it"),
    (lambda: CannistraciHebb(temperature=2.0), errors.InvalidOption, "drop='soft'"),
    (lambda: CannistraciHebb(drop="soft", temperature=-1), errors.InvalidOption, "at least 0"),
    (lambda: CannistraciHebbSoft(end_temperature=float("inf")), errors.InvalidOption, "inf"),
    (lambda: CannistraciHebb(early_stop=1.5), errors.InvalidOption, r"\[0, 1\]"),
    (lambda: CannistraciHebb(regrown="newborn"), errors.InvalidOption, "early_stop=None"),
    (lambda: CannistraciHebb(dense_limit=-1), errors.InvalidOption, "dense_limit"),
    (lambda: PathGrowth("x"), errors.UnknownName, "ra_l3p"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_options(call, error, message):
    with pytest.raises(error, match=message):
        call()
