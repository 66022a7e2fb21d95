"""Path counts, effective depth and distances against plain enumeration, Python integers, fractions and networkx."""

import math
from fractions import Fraction

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import shortest_path

from netsparse import errors
from netsparse.generators import complete, erdos_renyi, layered
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.metrics.paths import (
    effective_depth,
    log_path_count,
    log_path_counts_between,
    log_path_weight,
    mean_path_length,
)

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
METRICS = (log_path_count, log_path_weight, effective_depth, mean_path_length)
DIRECTED = (log_path_count, log_path_weight, effective_depth)


def shaped(graph, values):
    """The flat `values` as the weights the graph's metrics take: a vector, or one per layer."""
    vectors = np.split(np.asarray(values), np.cumsum([layer.n_edges for layer in graph.layers])[:-1])
    return vectors[0] if isinstance(graph, BipartiteGraph) else vectors


@st.composite
def weighted(draw):
    graph = draw(st.one_of(zoo.graphs(), zoo.networks(), st.just(zoo.NETWORKS["joint"])))
    values = st.sampled_from([0.0, -2.0, 0.5, 3.0])
    return graph, shaped(graph, np.array(draw(st.lists(values, min_size=graph.n_edges, max_size=graph.n_edges)), float))


def drawn_weights(graph):
    return shaped(graph, np.random.default_rng(graph.n_edges).normal(size=graph.n_edges))


def all_paths(graph, weights=None):
    """Every input-output path of nonzero weight as (input, output, product of |w|), found edge by edge."""
    rows = oracles.edge_rows(graph, None if weights is None else graph.edge_vectors(weights))
    paths = [(unit, unit, 1.0) for unit in range(graph.sizes[0])]
    for k in range(len(graph.layers)):
        longer = []
        for start, unit, product in paths:
            for layer, source, _, target, weight in rows:
                if layer == k and source == unit and weight != 0:
                    longer.append((start, target, product * abs(1.0 if weight is None else weight)))
        paths = longer
    return paths


def log(number):
    return math.log(number) if number else -math.inf


def walked_depth(graph, weights=None):
    """Expected number of layers a random walk crosses, unit by unit in exact fractions."""
    rows = oracles.edge_rows(graph, graph.edge_vectors(weights) if weights is not None else None)
    leaving = {}
    for layer, source, _, target, weight in rows:
        strength = Fraction(1) if weight is None else abs(Fraction(weight))
        if strength:
            leaving.setdefault((layer, source), []).append((target, strength))

    def from_unit(layer, unit):
        ways = leaving.get((layer, unit), [])
        total = sum(strength for _, strength in ways)
        return sum((strength / total * (1 + from_unit(layer + 1, target)) for target, strength in ways), Fraction(0))

    depths = [from_unit(0, unit) for unit in range(graph.sizes[0]) if (0, unit) in leaving]
    return float(sum(depths) / len(depths)) if depths else 0.0


def distances_within_giants(graph):
    units = oracles.undirected(graph)
    parts = [units.subgraph(part) for part in nx.connected_components(units)]
    largest = max(len(part) for part in parts)
    means = [nx.average_shortest_path_length(part) for part in parts if len(part) == largest]
    return sum(means) / len(means)


# number and weight of paths -------------------------------------------------------------------------------------------


@every
def test_paths_are_counted_and_weighed_as_if_listed_one_by_one(graph):
    weights = drawn_weights(graph)
    assert log_path_count(graph) == pytest.approx(log(len(all_paths(graph))), rel=1e-14)
    total = sum(product for *_, product in all_paths(graph, weights))
    assert log_path_weight(graph, weights) == pytest.approx(log(total), rel=1e-12, abs=1e-12)


@given(weighted())
def test_only_paths_without_a_weight_of_zero_count(case):
    graph, weights = case
    paths = all_paths(graph, weights)
    assert log_path_count(graph, weights) == pytest.approx(log(len(paths)), rel=1e-14)
    assert log_path_weight(graph, weights) == pytest.approx(log(sum(p for *_, p in paths)), rel=1e-12, abs=1e-12)


@every
def test_path_counts_between_units_agree_with_the_list(graph):
    inputs, outputs = range(graph.sizes[0]), range(graph.sizes[-1])
    counts = np.zeros((len(inputs), len(outputs)))
    for start, end, _ in all_paths(graph):
        counts[start, end] += 1
    found = log_path_counts_between(graph, inputs=list(inputs), outputs=list(outputs))
    assert np.exp(found) == pytest.approx(counts, rel=1e-14)
    assert np.array_equal(found == -np.inf, counts == 0)


def test_path_counts_between_units_come_in_the_order_asked_for():
    network = SparseNetwork([complete(3, 2), BipartiteGraph.from_edges([0, 1, 1], [0, 0, 2], n_in=2, n_out=3)])
    found = log_path_counts_between(network, inputs=[2, 0], outputs=[2, 1, 0, 2])
    assert np.exp(found) == pytest.approx(np.array([[1, 0, 2, 1], [1, 0, 2, 1]]))
    weights = [np.array([1.0, 1, 0, 1, 1, 1]), np.ones(3)]  # unit 2 -> unit 0 is off
    assert np.exp(log_path_counts_between(network, weights, inputs=[2], outputs=[0])) == pytest.approx(1.0)
    assert log_path_counts_between(network, inputs=[], outputs=[0]).shape == (0, 1)


def test_one_path_has_logarithm_zero_to_the_last_digit():
    assert log_path_count(zoo.NETWORKS["one unit wide"]) == 0.0
    assert log_path_count(zoo.GRAPHS["star in"]) == math.log(6)


@pytest.mark.parametrize("n_layers", [3, 1100, 3000])
def test_no_depth_overflows(n_layers):
    network = SparseNetwork([complete(2, 2)] * n_layers)
    assert log_path_count(network) == pytest.approx((n_layers + 1) * math.log(2), rel=1e-14)
    huge = [np.full(4, 1e300)] * n_layers
    expected = (n_layers + 1) * math.log(2) + n_layers * math.log(1e300)
    assert log_path_weight(network, huge) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("weight", [1e-300, 5e-324, -1e308])
def test_no_weight_underflows_or_overflows(weight):
    chain = SparseNetwork([complete(1, 1)] * 50)
    assert log_path_weight(chain, [np.array([weight])] * 50) == pytest.approx(50 * math.log(abs(weight)), rel=1e-14)


def test_a_single_path_is_not_lost_beside_more_than_any_float_can_count():
    # three units wired completely beside one chain; the last layer cuts the crowd off
    pairs = [(s, t) for s in range(3) for t in range(3)] + [(3, 3)]
    wide = BipartiteGraph.from_edges(*zip(*pairs, strict=True), n_in=4, n_out=4)
    end = BipartiteGraph.from_edges([3], [0], n_in=4, n_out=1)
    assert log_path_count(SparseNetwork([*[wide] * 5000, end])) == 0.0


# effective depth ------------------------------------------------------------------------------------------------------


@every
def test_effective_depth_is_the_mean_length_of_a_random_walk(graph):
    weights = drawn_weights(graph)
    assert effective_depth(graph) == pytest.approx(walked_depth(graph), rel=1e-12)
    assert effective_depth(graph, weights) == pytest.approx(walked_depth(graph, weights), rel=1e-12)


@given(weighted())
def test_effective_depth_of_weighted_networks(case):
    graph, weights = case
    depth = effective_depth(graph, weights)
    assert depth == pytest.approx(walked_depth(graph, weights), rel=1e-12)
    assert depth == 0.0 or 1 - 1e-12 <= depth <= len(graph.layers)


def test_effective_depth_in_closed_form():
    assert effective_depth(SparseNetwork([complete(7, 5), complete(5, 3), complete(3, 2)])) == pytest.approx(3.0)
    assert effective_depth(zoo.NETWORKS["broken in the middle"]) == pytest.approx(1.0)
    assert effective_depth(zoo.NETWORKS["no edges anywhere"]) == 0.0
    # of four units only the first leads on
    fork = SparseNetwork([complete(1, 4), BipartiteGraph.from_edges([0], [0], n_in=4, n_out=1)])
    assert effective_depth(fork) == pytest.approx(1.25)
    assert effective_depth(fork, [np.array([3.0, -1, 1, 1]), np.array([0.1])]) == pytest.approx(1.5)


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 2e307])
def test_effective_depth_does_not_depend_on_the_scale_of_the_weights(scale):
    fork = SparseNetwork([complete(1, 4), BipartiteGraph.from_edges([0], [0], n_in=4, n_out=1)])
    weights = [scale * np.array([6.0, 2, 2, 2]), np.array([1.0])]
    assert effective_depth(fork, weights) == pytest.approx(1.5)


def test_a_tiny_weight_beside_huge_ones_of_other_units_is_still_the_only_way():
    layer = BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2)
    network = SparseNetwork([layer, layer])
    assert effective_depth(network, [np.array([1e308, 1e-320])] * 2) == pytest.approx(2.0)


# distances ------------------------------------------------------------------------------------------------------------


@every
def test_mean_path_length_agrees_with_networkx(graph):
    assert mean_path_length(graph) == pytest.approx(distances_within_giants(graph), rel=1e-13)


@given(st.one_of(zoo.graphs(), zoo.networks()))
def test_mean_path_length_of_random_graphs(graph):
    assert mean_path_length(graph) == pytest.approx(distances_within_giants(graph), rel=1e-13)


@pytest.mark.parametrize(("sizes", "density"), [((150, 170), 0.03), ((60, 200, 30, 40), 0.05), ((90, 90), 0.5)])
def test_more_searches_than_fit_into_one_word(sizes, density):
    network = layered(sizes, density=density, rng=3)
    matrix = shortest_path(network.adjacency(), directed=False, unweighted=True)
    giant = matrix[np.isfinite(matrix).sum(axis=1).argmax()] < np.inf
    inside = matrix[np.ix_(giant, giant)]
    assert len(inside) > 64
    assert mean_path_length(network) == pytest.approx(inside.sum() / (len(inside) * (len(inside) - 1)), rel=1e-13)


def ring(n):
    return BipartiteGraph.from_edges(
        np.arange(n).repeat(2), (np.arange(2 * n) // 2 + np.arange(2 * n) % 2) % n, n_in=n, n_out=n
    )


@pytest.mark.parametrize("n", [2, 5, 100])
def test_distances_in_closed_form(n):
    assert mean_path_length(ring(n)) == pytest.approx(n**2 / (2 * n - 1))
    # K_{n,n}: every other unit of the own side is two edges away
    assert mean_path_length(complete(n, n)) == pytest.approx((n + 2 * (n - 1)) / (2 * n - 1))
    path = SparseNetwork([complete(1, 1)] * n)
    assert mean_path_length(path) == pytest.approx((n + 2) / 3)


def test_equally_large_components_are_all_looked_at():
    # a path and a star of four units each: 10/6 and 9/6 edges between two units on average
    two = BipartiteGraph.from_edges([0, 0, 1, 2, 3, 4], [0, 1, 1, 2, 2, 2], n_in=5, n_out=3)
    assert mean_path_length(two) == pytest.approx((10 / 6 + 9 / 6) / 2)


def test_a_sample_of_sources_is_exact_where_all_units_are_alike():
    assert mean_path_length(ring(50), n_sources=1, rng=0) == pytest.approx(50**2 / 99)


def test_the_estimate_is_unbiased_and_ends_at_the_exact_value():
    graph = erdos_renyi(40, 60, density=0.04, rng=5)
    exact = mean_path_length(graph)
    rng = np.random.default_rng(0)
    drawn = np.array([mean_path_length(graph, n_sources=4, rng=rng) for _ in range(400)])
    assert abs(drawn.mean() - exact) < 4 * drawn.std() / math.sqrt(len(drawn))
    assert drawn.std() > 0
    assert mean_path_length(graph, n_sources=100, rng=0) == exact
    assert mean_path_length(graph, n_sources=7, rng=1) == mean_path_length(graph, n_sources=7, rng=1)


# what holds for all of them -------------------------------------------------------------------------------------------


@given(weighted())
def test_an_edge_of_weight_zero_counts_as_absent(case):
    graph, weights = case
    vectors = graph.edge_vectors(weights)
    kept = [_without_zeros(layer, vector) for layer, vector in zip(graph.layers, vectors, strict=True)]
    thin = kept[0] if isinstance(graph, BipartiteGraph) else SparseNetwork(kept, graph.joints)
    left = [vector[vector != 0] for vector in vectors]
    assert log_path_count(graph, weights) == log_path_count(thin)
    assert mean_path_length(graph, weights) == mean_path_length(thin)
    left = left[0] if isinstance(graph, BipartiteGraph) else left
    assert effective_depth(graph, weights) == pytest.approx(effective_depth(thin, left), rel=1e-12)


def _without_zeros(layer, vector):
    alive = vector != 0
    return BipartiteGraph.from_edges(layer.sources[alive], layer.targets[alive], n_in=layer.n_in, n_out=layer.n_out)


@given(weighted(), st.integers(0, 2**32 - 1))
def test_names_of_units_do_not_matter(case, seed):
    graph, weights = case
    if any(joint is not None for joint in getattr(graph, "joints", ())):
        return
    rng = np.random.default_rng(seed)
    names = [rng.permutation(size) for size in graph.sizes]
    layers, moved = [], []
    for k, (layer, vector) in enumerate(zip(graph.layers, graph.edge_vectors(weights), strict=True)):
        ends = names[k][layer.sources], names[k + 1][layer.targets]
        layers.append(BipartiteGraph.from_edges(*ends, n_in=layer.n_in, n_out=layer.n_out))
        moved.append(np.empty(layer.n_edges))
        moved[k][layers[k].edge_ids(*ends)] = vector
    for metric in METRICS:
        renamed = metric(SparseNetwork(layers), moved)
        assert renamed == pytest.approx(metric(graph, weights), rel=1e-12, abs=1e-12), metric.__name__


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0], "expected one entry per edge"), ([np.nan] * 12, "nan at edge 0"), (["a"] * 12, "real numbers")],
)
def test_impossible_weights_get_one_clear_line(metric, weights, message):
    with pytest.raises(errors.InvalidEdgeVector, match=message):
        metric(zoo.GRAPHS["complete"], weights)


@pytest.mark.parametrize("n_sources", [0, -1, 2.5, True, "all"])
@pytest.mark.parametrize("name", ["complete", "no edges"])
def test_impossible_numbers_of_sources_get_one_clear_line(n_sources, name):
    with pytest.raises(errors.InvalidOption, match="n_sources: given"):
        mean_path_length(zoo.GRAPHS[name], n_sources=n_sources, rng=0)


def test_a_sample_needs_a_seed():
    with pytest.raises(errors.InvalidSeed):
        mean_path_length(zoo.GRAPHS["complete"], n_sources=2)


@pytest.mark.parametrize(
    ("units", "error", "message"),
    [
        ({"inputs": [4], "outputs": [0]}, errors.EdgeOutOfRange, "inputs: given unit 4, expected units 0 to 3"),
        ({"inputs": [0], "outputs": [0, -1]}, errors.EdgeOutOfRange, "outputs: given unit -1"),
        ({"inputs": [0.5], "outputs": [0]}, errors.InvalidEdges, "inputs: given float64"),
        ({"inputs": [0], "outputs": 1}, errors.InvalidEdges, "outputs: given int64 of shape ()"),
    ],
)
def test_units_that_do_not_exist_get_one_clear_line(units, error, message):
    with pytest.raises(error) as caught:
        log_path_counts_between(zoo.GRAPHS["complete"], **units)
    assert str(caught.value).startswith(message)
