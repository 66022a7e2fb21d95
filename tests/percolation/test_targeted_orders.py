"""Targeted orders: at every removal the highest score goes, found by recomputation, and every tie is uniform."""

from collections import Counter

import networkx as nx
import numpy as np
import pytest
import scipy.stats
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse.errors import InvalidEdgeVector, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.metrics import edge_betweenness
from netsparse.percolation.edge_orders import ByScore, ByWeight, DegreeProduct, EdgeBetweenness, Random
from netsparse.percolation.order import RemovalOrder
from netsparse.percolation.orders import ORDERS, removals
from netsparse.percolation.scopes import turns
from netsparse.percolation.unit_orders import RandomUnits, UnitDegree
from netsparse.rng import as_rng

WIRINGS = zoo.GRAPHS | zoo.NETWORKS
SCOPES = ("layer", "network")
RECOMPUTED = (None, 1, 3, 0.25, 1.0)
TARGETED = [
    ByWeight(descending=True),
    ByWeight(descending=False),
    *(DegreeProduct(recompute_every=every) for every in RECOMPUTED),
    *(UnitDegree(recompute_every=every) for every in RECOMPUTED),
]


def weights_of(wiring, rng=0):
    rng = np.random.default_rng(rng)
    rows = [rng.choice([-0.5, -0.25, 0.0, 0.25, 1.0], layer.n_edges) for layer in wiring.layers]
    return rows[0] if isinstance(wiring, BipartiteGraph) else rows


def slow_scores(order, wiring, weights, gone):
    """Score every edge (unit) from the definition, on what is left once these edges (units) are gone."""
    ends = list(zip(*(units.tolist() for units in wiring.unit_edges()), strict=True))
    if isinstance(order, ByWeight):
        flat = np.concatenate([weights] if isinstance(wiring, BipartiteGraph) else weights)
        return np.abs(flat) if order.descending else -np.abs(flat)
    if order.of == "edges":
        left = [edge for edge in range(len(ends)) if edge not in gone]
    else:
        left = [edge for edge, pair in enumerate(ends) if not gone & set(pair)]
    if isinstance(order, EdgeBetweenness):
        graph = nx.Graph()
        graph.add_edges_from(ends[edge] for edge in left)
        shares = nx.edge_betweenness_centrality(graph, normalized=False)
        return np.array([shares.get((u, v), shares.get((v, u), 0.0)) for u, v in ends])
    degree = Counter(unit for edge in left for unit in ends[edge])
    if isinstance(order, DegreeProduct):
        return np.array([degree[u] * degree[v] for u, v in ends])
    return np.array([degree[unit] for unit in range(sum(wiring.sizes))])


def groups(order, wiring, scope):
    """Return the group of each item, and whose turn each removal is."""
    counts = [layer.n_edges for layer in wiring.layers] if order.of == "edges" else list(wiring.sizes)
    counts = [sum(counts)] if scope == "network" else counts
    return np.repeat(np.arange(len(counts)), counts), turns(np.array(counts))


def chunk_of(order, n_items):
    every = order.recompute_every
    if every is None:
        return max(1, n_items)
    return max(1, round(every * n_items)) if isinstance(every, float) else every


def assert_highest_goes(order, wiring, scope, seed=0, tolerance=0.0):
    weights = weights_of(wiring)
    removal = order.removal(wiring, scope=scope, weights=weights, rng=seed)
    group_of, whose = groups(order, wiring, scope)
    chunk, gone, scores = chunk_of(order, len(group_of)), set(), np.zeros(0)
    assert removal.n_items == len(group_of)
    here = np.ones(len(group_of), dtype=bool)
    for m, item in enumerate(removal.items.tolist()):
        if m % chunk == 0:
            scores = slow_scores(order, wiring, weights, gone)
        assert group_of[item] == whose[m]
        best = scores[here & (group_of == whose[m])].max()
        assert scores[item] >= best - tolerance * abs(best)
        assert here[item]
        here[item] = False
        gone.add(item)


@pytest.mark.parametrize("name", WIRINGS)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("order", TARGETED, ids=repr)
def test_the_highest_score_of_what_is_left_goes(order, scope, name):
    assert_highest_goes(order, WIRINGS[name], scope)


@given(zoo.networks(), st.sampled_from(TARGETED), st.sampled_from(SCOPES), st.integers(0, 1000))
@settings(deadline=None, max_examples=150)
def test_the_highest_score_goes_in_any_network(network, order, scope, seed):
    assert_highest_goes(order, network, scope, seed)


@given(zoo.networks(max_units=4), st.sampled_from(RECOMPUTED), st.sampled_from(SCOPES))
@settings(deadline=None, max_examples=60)
def test_betweenness_is_that_of_what_is_left(network, every, scope):
    assert_highest_goes(EdgeBetweenness(recompute_every=every), network, scope, tolerance=1e-9)


@pytest.mark.parametrize("name", ["cycle", "complete", "two equal blocks", "one unit wide", "broken in the middle"])
def test_betweenness_in_the_zoo(name):
    assert_highest_goes(EdgeBetweenness(recompute_every=1), WIRINGS[name], "layer", tolerance=1e-9)


def test_betweenness_of_parallel_edges_is_the_metrics():
    """networkx knows no parallel edges: behind a joint the fast metric stands for itself."""
    wiring = zoo.NETWORKS["joint"]
    removal = EdgeBetweenness().removal(wiring, scope="network", rng=0)
    scores = np.concatenate(edge_betweenness(wiring))[removal.items]
    assert (np.diff(scores) <= 1e-9).all()
    assert len(np.unique(scores.round(6))) > 1


EXACT = [
    (ByWeight(), zoo.GRAPHS["path"], "network"),
    (DegreeProduct(), zoo.NETWORKS["one unit wide"], "network"),
    (DegreeProduct(recompute_every=1), BipartiteGraph.from_mask([[1, 1, 0], [0, 1, 1]]), "layer"),
    (DegreeProduct(recompute_every=2), BipartiteGraph.from_mask([[1, 1, 0], [0, 1, 1]]), "layer"),
    (DegreeProduct(recompute_every=1), SparseNetwork([BipartiteGraph.from_mask([[1, 1]] * 2)] * 2), "layer"),
    (EdgeBetweenness(recompute_every=1), BipartiteGraph.from_mask([[1, 1, 1], [0, 1, 1]]), "network"),
    (UnitDegree(recompute_every=1), BipartiteGraph.from_mask([[1, 1, 0], [0, 1, 1]]), "network"),
    (UnitDegree(recompute_every=1), BipartiteGraph.from_mask([[1, 1, 0], [0, 1, 1]]), "layer"),
    (UnitDegree(recompute_every=3), BipartiteGraph.from_mask([[1, 1, 0], [0, 1, 1]]), "network"),
]


def exact_probabilities(order, wiring, scope, weights):
    """Follow every tie: the probability of each order if each of the highest is as likely at every removal."""
    group_of, whose = groups(order, wiring, scope)
    chunk = chunk_of(order, len(group_of))
    found = {}

    def follow(sequence, probability, scores):
        m = len(sequence)
        if m == len(group_of):
            found[sequence] = probability
            return
        if m % chunk == 0:
            scores = slow_scores(order, wiring, weights, set(sequence)).round(9)
        here = [item for item in np.flatnonzero(group_of == whose[m]).tolist() if item not in sequence]
        best = max(scores[item] for item in here)
        highest = [item for item in here if scores[item] == best]
        for item in highest:
            follow((*sequence, item), probability / len(highest), scores)

    follow((), 1.0, None)
    return found


@pytest.mark.parametrize(("order", "wiring", "scope"), EXACT, ids=repr)
def test_ties_are_uniform_at_every_step(order, wiring, scope):
    weights = [0.5, -0.5, 1.0, 0.0, 0.5, 0.5, -1.0] if isinstance(order, ByWeight) else None
    expected = exact_probabilities(order, wiring, scope, weights)
    assert len(expected) > 1
    draw, rng, n = order.start(wiring, scope=scope, weights=weights), np.random.default_rng(5), 60 * len(expected)
    seen = Counter(tuple(draw(rng).items.tolist()) for _ in range(n))
    assert set(seen) <= set(expected)
    observed = [seen[sequence] for sequence in expected]
    assert scipy.stats.chisquare(observed, [n * p for p in expected.values()]).pvalue > 0.001


def test_edges_that_are_alike_by_symmetry_are_tied_in_betweenness():
    """All edges of the Moebius-Kantor graph have the same betweenness, but for rounding."""
    places = np.arange(8)
    graph = BipartiteGraph.from_edges(
        np.tile(places, 3), np.concatenate([places, (places + 1) % 8, (places + 3) % 8]), n_in=8, n_out=8
    )
    assert len(np.unique(edge_betweenness(graph)[0])) > 1
    draw, rng = EdgeBetweenness().start(graph), np.random.default_rng(1)
    firsts = np.bincount([draw(rng).items[0] for _ in range(2400)], minlength=24)
    assert scipy.stats.chisquare(firsts).pvalue > 0.001


@pytest.mark.parametrize("name", ["three layers", "joint", "dense random", "no edges"])
@pytest.mark.parametrize("kind", [DegreeProduct, UnitDegree, EdgeBetweenness])
@pytest.mark.parametrize("every", [10**6, 1.0])
def test_recomputed_never_is_static(kind, every, name):
    wiring = WIRINGS[name]
    static, never = (kind(recompute_every=e).removal(wiring, rng=3) for e in (None, every))
    assert static.items.tolist() == never.items.tolist()


class FewestLeftAtTheTarget(RemovalOrder):
    """What somebody else might write: a score alone."""

    recompute_every = 1

    @property
    def definition(self):
        return "edges into the units with the fewest edges left"

    def score(self, state, rng):
        targets = state.ends[:, 1]
        return -np.bincount(targets[state.left], minlength=state.n_units)[targets]


def test_an_order_of_ones_own_is_a_score():
    network = zoo.NETWORKS["three layers"]
    (removal,) = removals(network, order=FewestLeftAtTheTarget(), rng=0)
    targets = network.unit_edges()[1][removal.items]
    group_of, whose = groups(removal, network, "layer")
    for m, item in enumerate(removal.items):
        left = Counter(targets[m:].tolist())
        rivals = targets[m:][group_of[removal.items[m:]] == whose[m]]
        assert group_of[item] == whose[m]
        assert left[targets[m]] == min(left[unit] for unit in rivals.tolist())


def test_sampled_betweenness_draws_its_sources_from_the_seed():
    network = zoo.NETWORKS["three layers"]
    removal = EdgeBetweenness(n_sources=3).removal(network, scope="network", rng=8)
    scores = np.concatenate(edge_betweenness(network, n_sources=3, rng=as_rng(8)))[removal.items]
    assert (np.diff(scores) <= 1e-9 * scores.max()).all()
    exact = np.concatenate(edge_betweenness(network))[removal.items]
    assert (np.diff(exact) > 0.1).any()
    enough, all_of_them = (EdgeBetweenness(n_sources=n).start(network)(np.random.default_rng(2)) for n in (10**6, None))
    assert enough.items.tolist() == all_of_them.items.tolist()


def test_trials_of_a_sample_have_different_sources():
    """Weak ties alone would not move the first edge of a graph whose betweennesses all differ."""
    graph = BipartiteGraph.from_mask(np.random.default_rng(3).random((40, 40)) < 0.1)
    firsts = {r.items[0] for r in removals(graph, order=EdgeBetweenness(n_sources=2), trials=20, rng=0)}
    assert len(firsts) > 3
    assert len({r.items[0] for r in removals(graph, order="edge_betweenness", trials=20, rng=0)}) == 1


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("highest_first", [True, False])
def test_given_scores_are_followed(highest_first, scope):
    network = zoo.NETWORKS["three layers"]
    rng = np.random.default_rng(0)
    scores = [rng.normal(size=layer.n_edges) for layer in network.layers]
    scores[0][:2] = np.inf, -np.inf
    removal = ByScore(scores, highest_first=highest_first).removal(network, scope=scope, rng=0)
    group_of, _ = groups(removal, network, scope)
    flat = np.concatenate(scores)[removal.items]
    for k in range(group_of[-1] + 1):
        found = flat[group_of[removal.items] == k].tolist()
        assert found == sorted(found, reverse=highest_first)


def test_weights_are_scores():
    """|w| descending is the given score |w|, ties and all, and any real numbers are weights."""
    graph = zoo.GRAPHS["dense random"]
    weights = weights_of(graph)
    (by_weight,) = removals(graph, order="weight_descending", weights=weights, rng=4)
    (by_score,) = removals(graph, order=ByScore(np.abs(weights)), rng=4)
    assert by_weight.items.tolist() == by_score.items.tolist()
    (narrow,) = removals(graph, order="weight_descending", weights=weights.astype(np.float32), rng=4)
    assert narrow.items.tolist() == by_weight.items.tolist()


def test_weights_that_are_not_needed_are_ignored():
    graph = zoo.GRAPHS["complete"]
    (with_them,) = removals(graph, order="degree_product", weights="nonsense", rng=0)
    (without,) = removals(graph, order="degree_product", rng=0)
    assert with_them.items.tolist() == without.items.tolist()


@pytest.mark.parametrize(
    ("order", "weights", "said"),
    [
        (ByWeight(), [1.0, 2.0], "shape (2,)"),
        (ByWeight(), [np.nan] * 12, "nan at edge 0"),
        (ByScore([1.0, 2.0]), None, "shape (2,)"),
        (ByScore([np.nan] * 12), None, "NaN"),
        (ByScore(["a"] * 12), None, "dtype <U1"),
        (ByScore([1j] * 12), None, "complex128"),
    ],
)
def test_numbers_that_do_not_fit_the_edges_are_refused(order, weights, said):
    with pytest.raises(InvalidEdgeVector) as raised:
        removals(zoo.GRAPHS["complete"], order=order, weights=weights, rng=0)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("scores", [[[1.0]], 3.0, None])
def test_a_network_wants_scores_for_each_layer(scores):
    with pytest.raises(InvalidEdgeVector, match=r"one edge vector per layer \(3\)"):
        removals(zoo.NETWORKS["three layers"], order=ByScore(scores), rng=0)


@pytest.mark.parametrize("every", [0, -1, True, 0.0, 1.5, float("nan"), "10"])
@pytest.mark.parametrize("kind", [DegreeProduct, EdgeBetweenness, UnitDegree])
def test_impossible_recomputation_is_refused(kind, every):
    with pytest.raises(InvalidOption, match="recompute_every"):
        kind(recompute_every=every)


@pytest.mark.parametrize("n_sources", [0, -1, 2.5, True])
def test_impossible_numbers_of_sources_are_refused(n_sources):
    with pytest.raises(InvalidOption, match="n_sources"):
        EdgeBetweenness(n_sources=n_sources)


def test_orders_are_values():
    assert DegreeProduct(recompute_every=2) == DegreeProduct(recompute_every=2) != DegreeProduct()
    assert len({Random(), Random(), RandomUnits()}) == 2
    assert ORDERS["weight_ascending"] == ByWeight(descending=False)
    with pytest.raises(AttributeError):
        DegreeProduct().recompute_every = 3
