"""Degree distributions, Gini coefficients and assortativity: closed forms, plain counting and networkx."""

from fractions import Fraction

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors
from netsparse.generators import biregular, erdos_renyi
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.metrics import fan_in_statistics, fan_out_statistics
from netsparse.metrics.assortativity import degree_assortativity
from netsparse.metrics.degree import degree_distribution, degree_gini, degrees

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
SIDES = ("in", "out", "all")
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
sides = pytest.mark.parametrize("side", SIDES)


@st.composite
def weighted(draw):
    """Any graph or network, and whole-numbered weights, so that a weight is a number of parallel edges."""
    graph = draw(st.one_of(zoo.graphs(), zoo.networks()))
    values = st.lists(st.sampled_from([0.0, -2.0, 1.0, 3.0]), min_size=graph.n_edges, max_size=graph.n_edges)
    vectors = np.split(np.array(draw(values)), np.cumsum([layer.n_edges for layer in graph.layers])[:-1])
    return graph, vectors[0] if isinstance(graph, BipartiteGraph) else vectors


def counted(graph, side, weights=None):
    """Degree of each unit, edge by edge."""
    vectors = [np.ones(g.n_edges) for g in graph.layers] if weights is None else graph.edge_vectors(weights)
    if side == "all":
        total = np.zeros(sum(graph.sizes))
        for source, target, w in zip(*graph.unit_edges(), np.abs(np.concatenate(vectors)), strict=True):
            total[source] += w
            total[target] += w
        return total
    axis = 1 if side == "in" else 0
    dense = [np.abs(oracles.dense_of(layer, w)) for layer, w in zip(graph.layers, vectors, strict=True)]
    return np.concatenate([matrix.sum(axis=axis) for matrix in dense])


def gini_by_pairs(k):
    return 0.0 if k.sum() == 0 else np.abs(np.subtract.outer(k, k)).sum() / (2 * len(k) ** 2 * k.mean())


def correlation_by_edges(graph, weights=None):
    """Pearson's r over the edges as pairs of degrees, each edge listed as often as its weight says."""
    values = np.ones(graph.n_edges) if weights is None else np.abs(np.concatenate(graph.edge_vectors(weights)))
    sources, targets = (np.repeat(units, values.astype(int)) for units in graph.unit_edges())
    fan_out = np.bincount(sources, minlength=sum(graph.sizes))
    fan_in = np.bincount(targets, minlength=sum(graph.sizes))
    if isinstance(graph, SparseNetwork):
        fan_out = fan_in = fan_out + fan_in
        sources, targets = np.concatenate([sources, targets]), np.concatenate([targets, sources])
    x, y = fan_out[sources], fan_in[targets]
    if len(x) == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return np.corrcoef(x, y)[0, 1]


@every
@sides
def test_degrees_are_counts_of_edges(graph, side):
    assert degrees(graph, side=side).tolist() == counted(graph, side).tolist()
    assert degrees(graph, side=side).dtype == np.int64


@given(weighted())
def test_strengths_are_sums_of_absolute_weights(case):
    graph, weights = case
    for side in SIDES:
        assert degrees(graph, weights, side=side).tolist() == counted(graph, side, weights).tolist()


@every
def test_degrees_have_the_statistics_of_the_fans(graph):
    for side, statistics in (("in", fan_in_statistics), ("out", fan_out_statistics)):
        k = degrees(graph, side=side)
        expected = (k.mean(), k.std(), k.min(), k.max(), (k == 0).sum())
        assert statistics(graph) == pytest.approx(expected)


@every
@sides
def test_a_distribution_puts_every_unit_somewhere(graph, side):
    k, share = degree_distribution(graph, side=side)
    expected = counted(graph, side)
    assert share.sum() == pytest.approx(1)
    assert (np.diff(k) > 0).all()
    assert (share > 0).all()
    assert np.repeat(k, np.rint(share * len(expected)).astype(int)).tolist() == sorted(expected)


def test_a_binomial_distribution_is_found_again():
    k, share = degree_distribution(erdos_renyi(4000, 4000, density=0.002, rng=0), side="in")
    poisson = np.exp(k * np.log(8.0) - 8.0 - np.cumsum(np.log(np.maximum(np.arange(k.max() + 1), 1)))[k])
    assert np.abs(share - poisson).max() < 0.02


@every
@sides
def test_gini_agrees_with_all_pairs(graph, side):
    assert degree_gini(graph, side=side) == pytest.approx(gini_by_pairs(counted(graph, side)), abs=1e-12)


@given(weighted())
def test_gini_of_strengths_agrees_with_all_pairs(case):
    graph, weights = case
    for side in SIDES:
        expected = gini_by_pairs(counted(graph, side, weights))
        assert degree_gini(graph, weights, side=side) == pytest.approx(expected, abs=1e-12)


def test_gini_of_known_graphs():
    assert degree_gini(biregular(30, 20, fan_in=6, rng=0), side="in") == 0
    assert degree_gini(biregular(30, 20, fan_in=6, rng=0), side="out") == 0
    assert degree_gini(zoo.GRAPHS["no edges"]) == 0
    assert degree_gini(zoo.GRAPHS["one edge among isolated units"], side="out") == pytest.approx(1 - 1 / 5)
    cycle = zoo.GRAPHS["cycle"]
    assert degree_gini(cycle, np.full(cycle.n_edges, 0.1)) == 0


def test_gini_does_not_depend_on_the_scale_of_the_weights():
    graph = zoo.GRAPHS["dense random"]
    w = np.random.default_rng(0).normal(size=graph.n_edges)
    for scale in (1e-300, 1e300):
        assert degree_gini(graph, w * scale) == pytest.approx(degree_gini(graph, w), rel=1e-12)


@every
def test_assortativity_agrees_with_a_list_of_edges(graph):
    assert degree_assortativity(graph) == pytest.approx(correlation_by_edges(graph), abs=1e-12, nan_ok=True)


@given(weighted())
def test_a_weight_of_two_is_two_edges(case):
    graph, weights = case
    expected = correlation_by_edges(graph, weights)
    assert degree_assortativity(graph, weights) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("network", zoo.NETWORKS.values(), ids=zoo.NETWORKS)
def test_assortativity_of_a_network_is_that_of_networkx(network):
    units = nx.MultiGraph()
    units.add_nodes_from(range(sum(network.sizes)))
    units.add_edges_from(zip(*(ends.tolist() for ends in network.unit_edges()), strict=True))
    r = degree_assortativity(network)
    if np.isnan(r):
        k = {units.degree(u) for edge in units.edges() for u in edge}
        assert len(k) < 2
    else:
        assert r == pytest.approx(nx.degree_pearson_correlation_coefficient(units), abs=1e-12)


def test_assortativity_of_a_layer_is_that_of_directed_networkx():
    for name in ("sparse random", "dense random"):
        graph = zoo.GRAPHS[name]
        expected = nx.degree_pearson_correlation_coefficient(oracles.directed(graph), x="out", y="in")
        assert degree_assortativity(graph) == pytest.approx(expected, abs=1e-12)


def test_assortativity_of_known_graphs():
    # a complete block beside a matching: at both ends of an edge 3, or at both ends 1
    blocks = [(s, t) for s in range(3) for t in range(3)] + [(3, 3), (4, 4)]
    graph = BipartiteGraph.from_edges(*zip(*blocks, strict=True), n_in=5, n_out=5)
    assert degree_assortativity(graph) == pytest.approx(1)
    # stars that face each other: a hub's edges end in leaves
    stars = [(0, 0), (0, 1), (0, 2), (1, 3), (2, 3), (3, 3)]
    graph = BipartiteGraph.from_edges(*zip(*stars, strict=True), n_in=4, n_out=4)
    assert degree_assortativity(graph) == pytest.approx(-1)
    # a star seen as undirected: hub to leaf, always
    star = SparseNetwork([zoo.GRAPHS["star in"]])
    assert degree_assortativity(star) == pytest.approx(-1)


@pytest.mark.parametrize("name", ["no edges", "one edge", "complete", "cycle", "perfect matching", "star in"])
def test_where_degrees_do_not_vary_there_is_no_correlation(name):
    assert np.isnan(degree_assortativity(zoo.GRAPHS[name]))


def test_rounding_is_no_variance():
    graph = zoo.GRAPHS["complete square"]
    w = 0.1 * oracles.vector_of(graph, 1 + (np.add.outer(np.arange(5), np.arange(5)) % 5))
    assert np.isnan(degree_assortativity(graph, w))  # a Latin square: equal strengths, summed in different orders


def test_random_wiring_is_uncorrelated():
    assert abs(degree_assortativity(erdos_renyi(2000, 2000, density=0.01, rng=1))) < 0.02


@pytest.mark.parametrize("function", [degrees, degree_distribution, degree_gini])
def test_an_unknown_side_lists_the_known_ones(function):
    with pytest.raises(errors.UnknownName, match="side: given 'left', expected one of all, in, out"):
        function(zoo.GRAPHS["path"], side="left")


@pytest.mark.parametrize("function", [degrees, degree_distribution, degree_gini, degree_assortativity])
def test_impossible_weights_get_one_clear_line(function):
    with pytest.raises(errors.InvalidEdgeVector, match="inf at edge 0"):
        function(zoo.GRAPHS["one edge"], [np.inf])


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e200, 1e307])
def test_weights_of_any_size_have_the_same_spread(scale):
    graph = BipartiteGraph.from_edges([0, 1, 2, 0], [0, 0, 0, 1], n_in=3, n_out=3)
    weights = np.array([1.0, 2.0, 3.0, 3.0])
    for function in (fan_in_statistics, fan_out_statistics):
        expected, found = function(graph, weights), function(graph, weights * scale)
        assert np.divide(found[:4], scale) == pytest.approx(expected[:4], rel=1e-2 if scale < 1e-300 else 1e-12)
        assert found.n_isolated == expected.n_isolated


@sides
def test_strengths_beyond_all_floats_are_inf_and_still_have_a_gini_coefficient(side):
    graph = BipartiteGraph.from_edges([0, 1, 2, 0], [0, 0, 0, 1], n_in=3, n_out=3)
    vast = np.full(4, 1.7e308)
    assert degrees(graph, vast, side=side).max() == np.inf
    assert degree_gini(graph, vast, side=side) == pytest.approx(degree_gini(graph, side=side), rel=1e-12)
    assert fan_in_statistics(graph, vast) == (np.inf, np.inf, 0.0, np.inf, 1)


@pytest.mark.parametrize("function", [degrees, degree_distribution, degree_gini])
def test_an_array_is_no_side(function):
    with pytest.raises(errors.UnknownName, match="side"):
        function(zoo.GRAPHS["path"], side=np.array(["in", "out"]))


@pytest.mark.parametrize("small", [1e-3, 1e-20, 1e-170, 1e-250])
def test_edges_of_tiny_weight_are_not_lost_beside_the_heaviest(small):
    sources, targets = np.array([0, 0, 1, 2, 2, 1]), np.array([0, 1, 1, 2, 0, 2])
    graph = BipartiteGraph.from_edges(sources, targets, n_in=3, n_out=3)
    weights = np.empty(6)
    weights[graph.edge_ids(sources, targets)] = [1.0, *(small * np.array([1.0, 3.0, 2.0, 5.0, 4.0]))]
    exact = [Fraction(weight) for weight in weights]
    ends = [
        [sum(w for w, other in zip(exact, units, strict=True) if other == unit) for unit in units]
        for units in (graph.sources, graph.targets)
    ]
    means = [sum(w * v for w, v in zip(exact, end, strict=True)) / sum(exact) for end in ends]
    x, y = ([v - mean for v in end] for end, mean in zip(ends, means, strict=True))
    xx, yy, xy = (sum(w * p * q for w, p, q in zip(exact, a, b, strict=True)) for a, b in ((x, x), (y, y), (x, y)))
    expected = float(xy / xx) / float(yy / xx) ** 0.5
    assert degree_assortativity(graph, weights) == pytest.approx(expected, rel=1e-9)


def test_two_heavy_edges_of_one_pair_do_not_drown_the_others_in_rounding():
    first, second = np.ones((2, 1)), np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]])
    network = SparseNetwork([BipartiteGraph.from_mask(first), BipartiteGraph.from_mask(second)], [[0, 0, 1]])
    tiny = 1e-40 * np.array([1.0, 2.0, 3.0, 4.0])
    for heavy in np.linspace(0.3, 1, 30):
        found = degree_assortativity(network, [tiny[:2], [1.0, heavy, *tiny]])
        # once two edges of one pair outweigh all others, they are one edge of their common weight
        one = degree_assortativity(network, [tiny[:2], [1.0 + heavy, 0.0, *tiny]])
        assert found == pytest.approx(one, rel=1e-9)
