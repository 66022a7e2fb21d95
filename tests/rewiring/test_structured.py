"""Structured growth: by hand on eight edges, place by place against all free places, in law, and what it does."""

from collections import Counter

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import pairs_of
from oracles_structured import check_served_in_turn, p_value, place_of, preferential_orders, tensor_of

import netsparse as ns
from netsparse import errors
from netsparse.generators import race
from netsparse.metrics.joins import join_counts
from netsparse.metrics.nearest import expected_nearest_neighbour_distance, nearest_neighbour_distance
from netsparse.rewiring.growth.nearest import METRICS, NearestFree, coordinates
from netsparse.rewiring.growth.preferential import DegreePreferential
from netsparse.rewiring.rules.structured import Structured, StructuredByWeight
from netsparse.rewiring.signs import edge_signs
from netsparse.rewiring.state import Kept, LayerState

NOBODY = np.empty(0, dtype=np.int64)
metrics = pytest.mark.parametrize("metric", METRICS)


def line(n):
    """Edges 0 .. 7 of a layer of n sources and one target."""
    return ns.BipartiteGraph.from_edges(np.arange(8), np.zeros(8, int), n_in=n, n_out=1)


def added(delta):
    return list(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))


def kept_of(graph, weights=None, removed=NOBODY, kernel_size=None):
    weights = np.ones(graph.n_edges) if weights is None else np.asarray(weights)
    return Kept(LayerState(0, graph, weights, kernel_size=kernel_size), np.asarray(removed, dtype=np.int64))


def surviving_pairs(graph, removed):
    stays = np.delete(np.arange(graph.n_edges), removed)
    return list(zip(graph.sources[stays].tolist(), graph.targets[stays].tolist(), strict=True))


# eight edges by hand ----------------------------------------------------------------------------------------------


def test_structured_by_hand():
    """Sources 0 1 2 . 4 5 6 7 . of a line: 3 has died, 8 was never there.

    From 0, 1, 2, 4 the nearest free place is 3; from 5 it is 3 (2 steps) and not 8 (3 steps); from 6 it is 8 (2 steps)
    and not 3 (3 steps); from 7 it is 8. One of these seven is started from: 3 in five cases of seven, 8 in two.
    """
    graph = line(9)
    theta = np.array([0.5, 0.1, 0.3, -0.2, 0.4, 0.6, 0.8, 0.7])
    sign = edge_signs(0, 0, graph)
    counts = Counter()
    for seed in range(350):
        delta = Structured().propose(graph, sign * theta, rng=seed)
        assert delta.removed.tolist() == [3]
        counts.update(added(delta))
    assert p_value(counts, {(3, 0): 5 / 7, (8, 0): 2 / 7}) > 1e-3
    assert abs(delta.values[0]) == 1e-12


def test_structured_by_weight_by_hand():
    """Sources 0 . 2 . 4 5 6 7 .: 1 and 3 have died, two grow.

    The strongest is 7, which takes 8, one step away. Next is 6: 8 is taken by now, so that it takes 3 (3 steps), not
    1 (5 steps). Were 5 the second one, it would be 3 as well (2 steps); were 4 the strongest, 3 and then, for 7, 8.
    """
    graph = line(9)
    sign = edge_signs(0, 0, graph)
    for strongest, expected in (((7, 6), [8, 3]), ((7, 5), [8, 3]), ((4, 7), [3, 8]), ((2, 0), None)):
        theta = np.array([0.5, -0.1, 0.3, -0.2, 0.4, 0.45, 0.35, 0.2])
        theta[list(strongest)] = 3.0, 2.0
        delta = StructuredByWeight().propose(graph, sign * theta, rng=0)
        assert delta.removed.tolist() == [1, 3]
        assert delta.added_targets.tolist() == [0, 0]
        if expected is None:  # 2 lies between 1 and 3, and 0 takes the other one or what is left
            assert set(delta.added_sources.tolist()) == {1, 3}
        else:
            assert delta.added_sources.tolist() == expected


def test_both_metrics_by_hand():
    """Eight edges, by target 1110 / 1110 / 0101; (3, 2) is the weakest and goes, (1, 0) is the strongest.

    Free are (3, 0), (3, 1), (0, 2), (2, 2), (3, 2). From (1, 0) their squared distances are 4, 5, 5, 5, 8, and
    |1 - s^2| + |0 - t^2| are 8, 9, 5, 7, 12.
    """
    graph = ns.BipartiteGraph.from_mask([[1, 1, 1, 0], [1, 1, 1, 0], [0, 1, 0, 1]])
    weights = np.array([0.5, 0.9, 0.4, 0.3, 0.6, 0.2, 0.7, 0.1])
    for metric, place in (("euclidean", (3, 0)), ("eq3_literal", (0, 2))):
        rule = StructuredByWeight(1 / 8, drop="magnitude", metric=metric)
        delta = rule.propose(graph, weights, rng=0)
        assert delta.removed.tolist() == [7]
        assert added(delta) == [place]


def test_the_example_of_the_printed_equation():
    """From (1, 100) it ranks (14, 100), at 14^2 - 1 = 195, before (1, 99), at 100^2 - 99^2 = 199."""
    row = [(s, 100) for s in range(14)]
    rest = [(s, t) for s in range(15) for t in range(120) if t not in (99, 100)]
    pairs = [*row, *rest, *((s, 99) for s in range(15) if s != 1)]
    graph = ns.BipartiteGraph.from_edges(*zip(*pairs, strict=True), n_in=15, n_out=120)
    weights = np.where((graph.sources == 1) & (graph.targets == 100), 2.0, 1.0)
    for metric, place in (("eq3_literal", [14, 100]), ("euclidean", [1, 99])):
        found = NearestFree("weight", metric)(kept_of(graph, weights), 1, np.random.default_rng(0))
        assert [int(units[0]) for units in found] == place


def test_coordinates_of_a_convolution():
    """Source 17 of a 2 x 3 kernel is channel 17 // 6 = 2, row 17 % 6 // 3 = 1, column 17 % 3 = 2."""
    assert coordinates(np.array([17]), np.array([5]), (2, 3)).tolist() == [[1, 2, 2, 5]]
    graph = ns.BipartiteGraph.from_edges([4], [0], n_in=18, n_out=1)  # row 1, column 1 of the first 3 x 3 patch
    places = set()
    for seed in range(60):
        sources, _ = NearestFree()(kept_of(graph, kernel_size=(3, 3)), 1, np.random.default_rng(seed))
        places.add(int(sources[0]))
    assert places == {1, 3, 5, 7, 13}  # above, left, right, below, the middle of the other channel
    with pytest.raises(errors.InvalidOption, match="divides the 18"):
        NearestFree()(kept_of(graph, kernel_size=(4, 4)), 1, np.random.default_rng(0))


# against all free places ------------------------------------------------------------------------------------------


@st.composite
def layers(draw):
    """A layer, dense or sparse, some edges that go, how many grow; with a kernel or without."""
    kernel_size = draw(st.sampled_from([None, None, (1, 1), (2, 2), (1, 3), (3, 2)]))
    height, width = kernel_size or (1, 1)
    n_in = height * width * draw(st.integers(1, 3 if kernel_size else 9))
    n_out = draw(st.integers(1, 9))
    density = draw(st.sampled_from([0.05, 0.3, 0.7, 0.95, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    graph = ns.BipartiteGraph.from_mask(rng.random((n_out, n_in)) < density)
    removed = np.flatnonzero(rng.random(graph.n_edges) < draw(st.sampled_from([0.0, 0.3, 0.9])))
    n_free = n_in * n_out - graph.n_edges + len(removed)
    return graph, removed, draw(st.integers(0, n_free)), kernel_size, rng


@metrics
@settings(max_examples=80)
@given(layers())
def test_by_weight_each_takes_a_nearest_place_strongest_first_and_round_by_round(metric, layer):
    graph, removed, n_grow, kernel_size, rng = layer
    weights = (1.0 + rng.permutation(graph.n_edges)) * rng.choice([-1.0, 1.0], graph.n_edges)
    sources, targets = NearestFree("weight", metric)(kept_of(graph, weights, removed, kernel_size), n_grow, rng)
    pairs = surviving_pairs(graph, removed)
    grown = list(zip(sources.tolist(), targets.tolist(), strict=True))
    assert len(set(grown)) == n_grow
    assert not set(grown) & set(pairs)
    if pairs:
        sizes = np.abs(np.delete(weights, removed))
        order = [pairs[e] for e in np.argsort(-sizes)]
        starts = [place_of(order[k % len(order)], kernel_size) for k in range(n_grow)]
        taken = tensor_of(pairs, graph.n_in, graph.n_out, kernel_size)
        check_served_in_turn(taken, starts, [place_of(pair, kernel_size) for pair in grown], metric)


@metrics
@given(layers())
def test_at_random_as_many_distinct_free_pairs_as_asked_for(metric, layer):
    graph, removed, n_grow, kernel_size, rng = layer
    kept = kept_of(graph, None, removed, kernel_size)
    grown = list(zip(*map(np.ndarray.tolist, NearestFree("random", metric)(kept, n_grow, rng)), strict=True))
    assert len(set(grown)) == len(grown) == n_grow
    assert not set(grown) & set(surviving_pairs(graph, removed))


@metrics
@pytest.mark.parametrize("n_edges", [1, 60, 1600])
def test_far_from_the_next_free_place(metric, n_edges):
    """A solid block of 40 x 40 in 130 x 90; who is served last comes from deep inside, or is one edge all the time."""
    block = [(s + 50, t + 30) for s in range(40) for t in range(40)]
    graph = ns.BipartiteGraph.from_edges(*zip(*block, strict=True), n_in=130, n_out=90)
    rng = np.random.default_rng(3)
    weights = 1.0 + rng.permutation(1600)
    gone = np.flatnonzero(weights > n_edges)  # n_grow > n_edges: in rounds
    sources, targets = NearestFree("weight", metric)(kept_of(graph, weights, gone), 700, rng)
    pairs = surviving_pairs(graph, gone)
    order = [pairs[e] for e in np.argsort(-np.delete(weights, gone))]
    places = np.argwhere(np.ones((130, 90), dtype=bool))
    taken = tensor_of(pairs, 130, 90).ravel()
    for k, (s, t) in enumerate(zip(sources.tolist(), targets.tolist(), strict=True)):
        p = np.array(order[k % len(order)])
        squares = (places - p) ** 2 if metric == "euclidean" else np.abs(places**2 - p**2)
        distances = np.where(taken, np.iinfo(np.int64).max, squares.sum(axis=1))
        assert distances[s * 90 + t] == distances.min()
        taken[s * 90 + t] = True


def test_among_many_small_blocks():
    """1,024 blocks of 4 x 4, each a box of the tree, are more than its first table has room for."""
    units = np.flatnonzero(np.arange(256) % 8 < 4)
    graph = ns.BipartiteGraph.from_edges(np.tile(units, 128), np.repeat(units, 128), n_in=256, n_out=256)
    inside = np.isin(graph.sources % 8, (1, 2)) & np.isin(graph.targets % 8, (1, 2))
    rng = np.random.default_rng(0)
    weights = rng.random(graph.n_edges) + inside
    strongest = np.argsort(-weights)[:50]
    sources, targets = NearestFree("weight")(kept_of(graph, weights), 50, rng)
    places = np.argwhere(np.ones((256, 256), dtype=bool))
    taken = tensor_of(pairs_of(graph), 256, 256).ravel()
    for e, s, t in zip(strongest, sources, targets, strict=True):
        distances = ((places - [graph.sources[e], graph.targets[e]]) ** 2).sum(axis=1)
        distances[taken] = 2**40
        assert distances[s * 256 + t] == distances.min()
        taken[s * 256 + t] = True


# the laws of its choices --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_equally_near_places_are_equally_likely(radius):
    """In the middle of a full square of side 2 radius + 1: beside it the nearest, further out in the tree of boxes."""
    side = range(6 - radius, 7 + radius)
    graph = ns.BipartiteGraph.from_edges(*zip(*[(s, t) for s in side for t in side], strict=True), n_in=13, n_out=13)
    weights = np.where((graph.sources == 6) & (graph.targets == 6), 2.0, 1.0)
    rng, counts = np.random.default_rng(0), Counter()
    for _ in range(2000):
        sources, targets = NearestFree("weight")(kept_of(graph, weights), 1, rng)
        counts[int(sources[0]) - 6, int(targets[0]) - 6] += 1
    step = radius + 1
    assert p_value(counts, dict.fromkeys([(step, 0), (-step, 0), (0, step), (0, -step)], 0.25)) > 1e-3


def test_edges_to_start_from_are_drawn_without_replacement_in_random_order():
    """Edges far apart: what grows beside one says which it was."""
    graph = ns.BipartiteGraph.from_edges([2, 7, 12, 17], [0] * 4, n_in=20, n_out=1)
    rng, counts = np.random.default_rng(0), Counter()
    for _ in range(2400):
        sources, _ = NearestFree()(kept_of(graph), 2, rng)
        counts[tuple(sources // 5)] += 1
    law = {(a, b): 1 / 12 for a in range(4) for b in range(4) if a != b}
    assert p_value(counts, law) > 1e-3
    grown, _ = NearestFree()(kept_of(graph), 8, rng)  # two rounds
    assert np.bincount(grown[:4] // 5).tolist() == np.bincount(grown[4:] // 5).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("n_grow", [1, 3])
def test_edges_of_equal_weight_are_served_in_random_order(n_grow):
    """Many of the largest are tied: who comes first, below half of the edges and above, is drawn."""
    graph = ns.BipartiteGraph.from_edges([2, 7, 12, 17], [0] * 4, n_in=20, n_out=1)
    rng, counts = np.random.default_rng(0), Counter()
    for _ in range(2000):
        sources, _ = NearestFree("weight")(kept_of(graph, [1.0, -1.0, 0.5, 1.0]), n_grow, rng)
        counts[int(sources[0] // 5)] += 1
    assert p_value(counts, {0: 1 / 3, 1: 1 / 3, 3: 1 / 3}) > 1e-3


def test_where_no_edge_stays_growth_is_uniform():
    graph = ns.BipartiteGraph.from_edges([0, 1], [0, 1], n_in=3, n_out=2)
    rng, counts = np.random.default_rng(0), Counter()
    for _ in range(1800):
        sources, targets = NearestFree()(kept_of(graph, removed=[0, 1]), 1, rng)
        counts[int(sources[0]), int(targets[0])] += 1
    assert p_value(counts, {(s, t): 1 / 6 for s in range(3) for t in range(2)}) > 1e-3


# the rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Structured, StructuredByWeight])
@pytest.mark.parametrize("options", [{}, {"drop": "magnitude", "every": None, "regrown": "survivor"}])
@given(graph=zoo.graphs(), seed=st.integers(0, 2**32))
def test_invariants(make, options, graph, seed):
    rule = make(**options)
    weights = np.random.default_rng(seed).normal(size=graph.n_edges)
    delta = rule.propose(graph, weights, rng=seed)
    after, _ = ns.apply(graph, delta)
    assert delta.n_removed == delta.n_added
    assert after == ns.apply(graph, rule.propose(graph, weights, rng=seed))[0]
    if not options:
        dead = np.flatnonzero(edge_signs(0, 0, graph) * weights <= 0)
        assert delta.removed.tolist() == dead.tolist()
        np.testing.assert_array_equal(np.abs(delta.values), 1e-12)
    else:
        assert delta.n_removed <= round(0.3 * graph.n_edges)


def test_a_budget_by_density_may_ask_for_more_than_edges_stay():
    graph = ns.generators.erdos_renyi(20, 20, n_edges=10, rng=0)
    theta = np.where(np.arange(10) < 3, 1.0, -1.0)
    delta = Structured(density=0.2).propose(graph, edge_signs(0, 0, graph) * theta, rng=0)
    assert (delta.n_removed, delta.n_added) == (7, 77)  # int(0.2 * 400) = 80 are to live, 3 do
    assert ns.apply(graph, delta)[0].n_edges == 80


@pytest.mark.parametrize("make", [Structured, StructuredByWeight])
def test_layers_with_a_kernel_grow_in_four_dimensions(make):
    graph = ns.generators.erdos_renyi(18, 6, density=0.2, rng=0)
    weights = np.random.default_rng(1).normal(size=graph.n_edges)
    flat, deep = (
        make(drop="magnitude").propose(graph, weights, kernel_size=kernel, rng=0) for kernel in (None, (3, 3))
    )
    assert sorted(added(flat)) != sorted(added(deep))


@pytest.mark.parametrize("make", [Structured, StructuredByWeight])
def test_it_clusters_edges_and_uniform_growth_does_not(make):
    graphs = {}
    for name, rule in (("near", make(drop="magnitude", every=None)), ("uniform", ns.rewiring.SET(drop="magnitude"))):
        rng = np.random.default_rng(0)
        graph = ns.generators.erdos_renyi(100, 80, density=0.04, rng=rng)
        for _ in range(12):
            graph = ns.apply(graph, rule.propose(graph, rng.normal(size=graph.n_edges), rng=rng))[0]
        graphs[name] = graph
    joins = {name: join_counts(graph) for name, graph in graphs.items()}
    assert joins["near"].z_score > 20
    assert abs(joins["uniform"].z_score) < 4
    close = {name: nearest_neighbour_distance(g) / expected_nearest_neighbour_distance(g) for name, g in graphs.items()}
    assert close["near"] < 0.6
    assert 0.9 < close["uniform"] < 1.1


def test_as_values():
    assert repr(Structured(metric="eq3_literal")) == "Structured(metric='eq3_literal')"
    for rule in (Structured(density=0.1), StructuredByWeight(metric="eq3_literal"), Structured(drop="magnitude")):
        assert type(rule)(**rule.parameters()) == rule
    assert "grow" not in Structured.options()


# by degree ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [1.0, 0.0, -1.0, 2.5])
@pytest.mark.parametrize("n_grow", [1, 2])
def test_degree_preferential_draws_pair_by_pair_in_proportion(exponent, n_grow):
    pairs = [(0, 0), (0, 1), (1, 0), (2, 0)]
    graph = ns.BipartiteGraph.from_edges(*zip(*pairs, strict=True), n_in=3, n_out=3)
    law = preferential_orders(pairs, 3, 3, n_grow, exponent)
    part, rng, counts = DegreePreferential(exponent), np.random.default_rng(0), Counter()
    for _ in range(1500):
        sources, targets = part(kept_of(graph), n_grow, rng)
        counts[tuple(zip(sources.tolist(), targets.tolist(), strict=True))] += 1
    assert p_value(counts, law) > 1e-3


@pytest.mark.parametrize("exponent", [1.0, 3.0, 10.0])
def test_beside_hubs_few_pairs_arrive_in_vain(exponent, monkeypatch):
    """Two hubs with all their edges: next to their rates those of the free pairs are lost in rounding."""
    n, n_arrived, run = 300, [], race.arrivals
    hub, others = np.zeros(n, dtype=int), np.arange(1, n)
    sources, targets = np.concatenate([hub, others]), np.concatenate([[0], others, hub[1:]])
    graph = ns.BipartiteGraph.from_edges(sources, targets, n_in=n, n_out=n)
    monkeypatch.setattr(race, "arrivals", lambda *a: n_arrived.append(run(*a)) or n_arrived[-1])
    grown = DegreePreferential(exponent)(kept_of(graph), 50, np.random.default_rng(0))
    assert len(set(zip(*map(np.ndarray.tolist, grown), strict=True))) == 50
    free = [np.count_nonzero((keys % n > 0) & (keys >= n)) for keys, _ in n_arrived]
    assert sum(free) < 5 * 50


def test_degrees_are_those_of_the_edges_that_stay():
    """With the three edges of source 0 gone, all weights are 1 but for source 1: 2 * 1, and target 0: 1 * 2."""
    graph = ns.BipartiteGraph.from_edges([0, 0, 0, 1], [0, 1, 2, 0], n_in=2, n_out=3)
    removed = [0, 2, 3]  # ids of (0, 0), (0, 1), (0, 2)
    assert graph.sources[removed].tolist() == [0, 0, 0]
    rng, counts = np.random.default_rng(0), Counter()
    for _ in range(2000):
        sources, targets = DegreePreferential()(kept_of(graph, removed=removed), 1, rng)
        counts[int(sources[0]), int(targets[0])] += 1
    assert p_value(counts, {(0, 0): 2 / 8, (0, 1): 1 / 8, (0, 2): 1 / 8, (1, 1): 2 / 8, (1, 2): 2 / 8}) > 1e-3


@pytest.mark.parametrize("exponent", [10.0, 1.0, -10.0])
@given(layer=layers())
@settings(max_examples=60)
def test_degree_preferential_grows_as_many_distinct_free_pairs_as_asked_for(exponent, layer):
    graph, removed, n_grow, _, rng = layer
    sources, targets = DegreePreferential(exponent)(kept_of(graph, None, removed), n_grow, rng)
    grown = set(zip(sources.tolist(), targets.tolist(), strict=True))
    assert len(sources) == len(grown) == n_grow
    assert not grown & set(surviving_pairs(graph, removed))


def test_parts_in_other_rules():
    graph = ns.generators.erdos_renyi(30, 20, density=0.1, rng=0)
    weights = np.random.default_rng(1).normal(size=graph.n_edges)
    for grow in (NearestFree(), NearestFree("weight", "eq3_literal"), DegreePreferential(2.0)):
        delta = ns.rewiring.SET(grow=grow).propose(graph, weights, rng=0)
        assert len(pairs_of(ns.apply(graph, delta)[0])) == graph.n_edges


FULL = ns.generators.complete(3, 2)
BAD = [
    (lambda: NearestFree("strongest"), errors.UnknownName, "random, weight"),
    (lambda: NearestFree(metric="cosine"), errors.UnknownName, "eq3_literal, euclidean"),
    (lambda: Structured(metric="cosine"), errors.UnknownName, "eq3_literal, euclidean"),
    (lambda: Structured(grow="uniform_"), errors.InvalidOption, "does not follow it"),
    (lambda: NearestFree()(kept_of(FULL), 1, np.random.default_rng(0)), errors.NotEnoughFreePairs, "the 0 free"),
    (lambda: DegreePreferential()(kept_of(FULL), 1, np.random.default_rng(0)), errors.NotEnoughFreePairs, "the 0 free"),
    (lambda: DegreePreferential(11), errors.InvalidOption, "-10, 10"),
    (lambda: DegreePreferential(np.nan), errors.InvalidOption, "nan"),
    (lambda: DegreePreferential(True), errors.InvalidOption, "True"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
