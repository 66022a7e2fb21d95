"""Betweenness against networkx, against plain lists of shortest paths where edges are parallel, and closed forms."""

import itertools

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors
from netsparse.generators import complete, erdos_renyi, layered
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.metrics import shortest_paths
from netsparse.metrics.betweenness import betweenness, edge_betweenness

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
BOTH = (betweenness, edge_betweenness)


def listed(graph, weights=None):
    """Betweenness of units and edges from a list of all shortest paths, each counted once per choice of edges."""
    sources, targets = graph.unit_edges()
    alive = np.ones(graph.n_edges, dtype=bool)
    if weights is not None:
        alive = np.concatenate(graph.edge_vectors(weights)) != 0
    between = {}
    for edge in np.flatnonzero(alive):
        between.setdefault(frozenset((int(sources[edge]), int(targets[edge]))), []).append(edge)
    plain = nx.Graph([tuple(pair) for pair in between])
    plain.add_nodes_from(range(sum(graph.sizes)))
    of_units, of_edges = np.zeros(sum(graph.sizes)), np.zeros(graph.n_edges)
    for start, end in itertools.combinations(plain, 2):
        if not nx.has_path(plain, start, end):
            continue
        ways = [[frozenset(pair) for pair in itertools.pairwise(p)] for p in nx.all_shortest_paths(plain, start, end)]
        choices = np.array([np.prod([len(between[pair]) for pair in way]) for way in ways])
        for way, share in zip(ways, choices / choices.sum(), strict=True):
            for unit in set().union(*way) - {start, end}:
                of_units[unit] += share
            for pair in way:
                of_edges[between[pair]] += share / len(between[pair])
    return of_units, of_edges


def shaped(graph, values):
    vectors = np.split(np.asarray(values), np.cumsum([layer.n_edges for layer in graph.layers])[:-1])
    return vectors[0] if isinstance(graph, BipartiteGraph) else vectors


@st.composite
def weighted(draw):
    graph = draw(st.one_of(zoo.graphs(6), zoo.networks(4), st.just(zoo.NETWORKS["joint"])))
    values = st.sampled_from([0.0, -2.0, 0.5])
    return graph, shaped(graph, np.array(draw(st.lists(values, min_size=graph.n_edges, max_size=graph.n_edges)), float))


@every
def test_agrees_with_the_list_of_all_shortest_paths(graph):
    of_units, of_edges = listed(graph)
    assert betweenness(graph) == pytest.approx(of_units, abs=1e-9)
    found = edge_betweenness(graph)
    assert [len(vector) for vector in found] == [layer.n_edges for layer in graph.layers]
    assert np.concatenate(found) == pytest.approx(of_edges, abs=1e-9)


@given(weighted())
def test_an_edge_of_weight_zero_carries_nothing(case):
    graph, weights = case
    of_units, of_edges = listed(graph, weights)
    assert betweenness(graph, weights) == pytest.approx(of_units, abs=1e-9)
    assert np.concatenate(edge_betweenness(graph, weights)) == pytest.approx(of_edges, abs=1e-9)


RANDOM = {
    "sparse layer": erdos_renyi(70, 90, density=0.02, rng=0),
    "dense layer": erdos_renyi(30, 20, density=0.3, rng=1),
    "network": layered([20, 40, 30, 5], density=0.1, rng=2),
}


@pytest.mark.parametrize("graph", RANDOM.values(), ids=RANDOM)
def test_agrees_with_networkx(graph):
    units = oracles.undirected(graph)
    expected = nx.betweenness_centrality(units, normalized=False)
    assert betweenness(graph) == pytest.approx([expected[u] for u in range(sum(graph.sizes))], abs=1e-9)
    expected = nx.edge_betweenness_centrality(units, normalized=False)
    expected = {frozenset(pair): value for pair, value in expected.items()}
    pairs = zip(*(ends.tolist() for ends in graph.unit_edges()), strict=True)
    assert np.concatenate(edge_betweenness(graph)) == pytest.approx([expected[frozenset(p)] for p in pairs], abs=1e-9)


@every
def test_edges_carry_as_much_as_the_units_are_apart(graph):
    distances = dict(nx.all_pairs_shortest_path_length(oracles.undirected(graph)))
    total = sum(sum(row.values()) for row in distances.values()) / 2
    assert np.concatenate(edge_betweenness(graph)).sum() == pytest.approx(total)
    # a path of d edges has d - 1 units between its ends
    n_pairs = sum(len(row) - 1 for row in distances.values()) / 2
    assert betweenness(graph).sum() == pytest.approx(total - n_pairs, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(1, 6), (4, 3), (5, 5), (70, 2)])
def test_complete_graphs_in_closed_form(a, b):
    graph = complete(a, b)
    assert betweenness(graph) == pytest.approx(np.repeat([b * (b - 1) / 2 / a, a * (a - 1) / 2 / b], [a, b]))
    assert edge_betweenness(graph)[0] == pytest.approx(np.full(a * b, 1 + (a - 1) / b + (b - 1) / a))


def test_a_path_in_closed_form():
    n = 90
    path = SparseNetwork([complete(1, 1)] * (n - 1))
    place = np.arange(n)
    assert betweenness(path) == pytest.approx(place * (n - 1 - place))
    assert np.concatenate(edge_betweenness(path)) == pytest.approx(place[1:] * (n - place[1:]))


def test_parallel_edges_are_so_many_paths():
    # unit 1 meets the output by three edges, unit 2 by one: input to output, and 1 to 2, three in four go that way
    last = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 0, 0], n_in=4, n_out=1)
    network = SparseNetwork([complete(1, 2), last], joints=[[0, 0, 0, 1]])
    assert betweenness(network) == pytest.approx([0.25, 0.75, 0.25, 0.75])
    first, second = edge_betweenness(network)
    assert first == pytest.approx([1 + 0.75 + 0.25, 1 + 0.25 + 0.25])
    assert second == pytest.approx([2.5 / 3, 2.5 / 3, 2.5 / 3, 1 + 0.25 + 0.75])


def diamonds(n):
    """Layers of a chain of `n` diamonds: 1 - 2 - 1 - 2 - ... - 1 units, with 2^n shortest paths end to end."""
    return SparseNetwork([complete(1, 2), complete(2, 1)] * n)


def test_more_shortest_paths_than_any_float_can_count():
    n = 1100
    n_units = 3 * n + 1
    network = diamonds(n)
    left = 3 * np.arange(n) + 1  # units up to the left end of each diamond
    right = n_units - left - 2
    expected = np.stack([left * right / 2 + left + 0.5, left * right / 2 + right + 0.5], axis=1).repeat(2)
    assert np.concatenate(edge_betweenness(network)) == pytest.approx(expected, rel=1e-9)
    assert betweenness(network).sum() == pytest.approx(expected.sum() - n_units * (n_units - 1) / 2, rel=1e-9)


def test_path_counts_of_different_powers_meet_rightly(monkeypatch):
    # a ring of diamonds and a plain chain of the same length: from every start, few paths meet many somewhere
    n = 45
    sources, targets = diamonds(n).unit_edges()
    end, n_units = 3 * n, 5 * n
    chain = np.array([0, *range(3 * n + 1, n_units), end])
    sources, targets = np.concatenate([sources, chain[:-1]]), np.concatenate([targets, chain[1:]])
    plain = nx.Graph(zip(sources.tolist(), targets.tolist(), strict=True))
    monkeypatch.setattr(shortest_paths, "STEP", 2.0**20)
    monkeypatch.setattr(shortest_paths, "INVERSE_STEP", 2.0**-20)
    indptr, heads, edges = shortest_paths.arcs(n_units, sources, targets)
    of_units, of_arcs = shortest_paths.dependencies.py_func(indptr, heads, np.arange(n_units))
    expected = nx.betweenness_centrality(plain, normalized=False)
    assert of_units / 2 == pytest.approx([expected[u] for u in range(n_units)], rel=1e-8)
    expected = {frozenset(p): v for p, v in nx.edge_betweenness_centrality(plain, normalized=False).items()}
    pairs = zip(sources.tolist(), targets.tolist(), strict=True)
    assert np.bincount(edges, of_arcs) / 2 == pytest.approx([expected[frozenset(p)] for p in pairs], rel=1e-8)


@given(weighted(), st.integers(0, 2**32 - 1))
def test_names_of_units_do_not_matter(case, seed):
    graph, weights = case
    layer, vector = graph.layers[0], graph.edge_vectors(weights)[0]
    rng = np.random.default_rng(seed)
    inputs, outputs = rng.permutation(layer.n_in), rng.permutation(layer.n_out)
    ends = inputs[layer.sources], outputs[layer.targets]
    renamed = BipartiteGraph.from_edges(*ends, n_in=layer.n_in, n_out=layer.n_out)
    place = renamed.edge_ids(*ends)
    moved = np.empty(layer.n_edges)
    moved[place] = vector
    names = np.concatenate([inputs, layer.n_in + outputs])
    assert betweenness(renamed, moved)[names] == pytest.approx(betweenness(layer, vector), abs=1e-9)
    assert edge_betweenness(renamed, moved)[0][place] == pytest.approx(edge_betweenness(layer, vector)[0], abs=1e-9)


def test_the_estimate_is_unbiased_and_ends_at_the_exact_value():
    graph = erdos_renyi(40, 60, density=0.03, rng=4)
    rng = np.random.default_rng(1)
    for metric in BOTH:
        exact = np.concatenate(np.atleast_2d(metric(graph)))
        drawn = np.array([np.concatenate(np.atleast_2d(metric(graph, n_sources=6, rng=rng))) for _ in range(400)])
        error = drawn.std(axis=0) / np.sqrt(len(drawn))
        off = np.abs(drawn.mean(axis=0) - exact)
        assert (off <= 4.5 * error + 1e-9).all()
        assert error.max() > 0
        assert np.array_equal(np.concatenate(np.atleast_2d(metric(graph, n_sources=100, rng=0))), exact)
        again = [metric(graph, n_sources=6, rng=3) for _ in range(2)]
        assert np.array_equal(*again)


def test_isolated_units_are_never_drawn():
    graph = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=50, n_out=50)
    for seed in range(10):
        estimate = betweenness(graph, n_sources=1, rng=seed)
        assert estimate[0] in (0.0, 1.5)  # drawn itself, or one of its two neighbours: one pair, counted from one end
        assert estimate.sum() == estimate[0]


@pytest.mark.parametrize("metric", BOTH)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_sources": 0, "rng": 0}, errors.InvalidOption, "n_sources: given 0"),
        ({"n_sources": 1.5, "rng": 0}, errors.InvalidOption, "n_sources: given 1.5"),
        ({"n_sources": 2}, errors.InvalidSeed, "rng: given None"),
        ({"weights": [1.0]}, errors.InvalidEdgeVector, "weights: given"),
        ({"weights": [np.inf] * 12}, errors.InvalidEdgeVector, "weights of layer 0: given inf"),
    ],
)
def test_bad_input_gets_one_clear_line(metric, options, error, message):
    with pytest.raises(error) as caught:
        metric(zoo.GRAPHS["complete"], **options)
    assert str(caught.value).startswith(message)
