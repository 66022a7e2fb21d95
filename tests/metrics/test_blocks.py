"""Zero vectors, singletons and blocks against dense masks; their baselines against every layer there is."""

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, SparseNetwork, apply, errors
from netsparse.generators import erdos_renyi
from netsparse.metrics.block_baselines import (
    empty_probability,
    expected_block_occupancy,
    expected_singleton_vectors,
    expected_zero_vectors,
)
from netsparse.metrics.blocks import AXES, block_occupancy, singleton_pruning, singleton_vectors, zero_vectors

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
each_axis = pytest.mark.parametrize("axis", AXES)
BLOCKS = [(1, 1), (2, 3), (4, 1), (100, 100)]
TINY = [(1, 1), (1, 4), (3, 1), (2, 3), (3, 3), (4, 2)]


def fraction_holding(masks, axis, n_edges):
    counts = np.concatenate([mask.sum(axis=0 if axis == "out" else 1) for mask in masks])
    return float(np.mean(counts == n_edges))


def occupied(masks, rows, columns):
    """Block by block; slices beyond the border are cut off by themselves."""
    blocks = []
    for mask in masks:
        corners = itertools.product(range(0, mask.shape[0], rows), range(0, mask.shape[1], columns))
        blocks += [mask[i : i + rows, j : j + columns].any() for i, j in corners]
    return float(np.mean(blocks))


def all_layers(n_in, n_out, n_edges):
    """Every layer of this size with this many edges."""
    for keys in itertools.combinations(range(n_in * n_out), n_edges):
        yield BipartiteGraph.from_sorted_keys(np.array(keys, dtype=np.int64), n_in=n_in, n_out=n_out)


@st.composite
def weighted(draw):
    graph = draw(st.one_of(zoo.graphs(), zoo.networks()))
    values = [
        np.array(draw(st.lists(st.sampled_from([0.0, -2.0, 0.5]), min_size=n, max_size=n)), dtype=float)
        for n in (layer.n_edges for layer in graph.layers)
    ]
    return graph, values[0] if isinstance(graph, BipartiteGraph) else values


@every
@each_axis
def test_vectors_of_the_zoo(graph, axis):
    masks = [oracles.mask_of(layer) for layer in graph.layers]
    assert zero_vectors(graph, axis=axis) == pytest.approx(fraction_holding(masks, axis, 0))
    assert singleton_vectors(graph, axis=axis) == pytest.approx(fraction_holding(masks, axis, 1))


@every
@pytest.mark.parametrize("shape", BLOCKS)
def test_blocks_of_the_zoo(graph, shape):
    masks = [oracles.mask_of(layer) for layer in graph.layers]
    assert block_occupancy(graph, block_shape=shape) == pytest.approx(occupied(masks, *shape))


@settings(deadline=None)
@given(weighted(), st.sampled_from(AXES), st.integers(1, 5), st.integers(1, 5))
def test_edges_of_weight_zero_are_absent(case, axis, rows, columns):
    graph, weights = case
    vectors = graph.edge_vectors(weights)
    masks = [oracles.dense_of(layer, vector) != 0 for layer, vector in zip(graph.layers, vectors, strict=True)]
    thin = [BipartiteGraph.from_mask(mask) for mask in masks]
    thin = thin[0] if isinstance(graph, BipartiteGraph) else SparseNetwork(thin)
    assert zero_vectors(graph, weights, axis=axis) == pytest.approx(fraction_holding(masks, axis, 0))
    assert singleton_vectors(graph, weights, axis=axis) == pytest.approx(fraction_holding(masks, axis, 1))
    assert block_occupancy(graph, weights, block_shape=(rows, columns)) == pytest.approx(occupied(masks, rows, columns))
    assert expected_zero_vectors(graph, weights, axis=axis) == expected_zero_vectors(thin, axis=axis)
    assert expected_singleton_vectors(graph, weights, axis=axis) == expected_singleton_vectors(thin, axis=axis)
    baselines = [expected_block_occupancy(g, w, block_shape=(2, 3)) for g, w in ((graph, weights), (thin, None))]
    assert baselines[0] == baselines[1]


@settings(deadline=None)
@given(zoo.graphs(), st.sampled_from(AXES))
def test_pruning_removes_the_edges_that_are_alone(graph, axis):
    delta = singleton_pruning(graph, axis=axis)
    mask = oracles.mask_of(graph)
    counts = mask.sum(axis=0 if axis == "out" else 1)
    alone = (counts == 1)[None, :] if axis == "out" else (counts == 1)[:, None]
    after = apply(graph, delta)[0]
    assert np.array_equal(oracles.mask_of(after), mask & ~alone)
    assert delta.n_added == 0
    assert singleton_vectors(after, axis=axis) == 0
    expected = zero_vectors(graph, axis=axis) + singleton_vectors(graph, axis=axis)
    assert zero_vectors(after, axis=axis) == pytest.approx(expected)


def test_pruning_does_not_count_edges_of_weight_zero():
    """Source 0 keeps both its edges; source 1 has one beside a zero; source 2 a zero alone."""
    graph = BipartiteGraph.from_edges([0, 0, 1, 1, 2], [0, 1, 0, 1, 2], n_in=3, n_out=3)
    weights = np.where((graph.sources == 2) | ((graph.sources == 1) & (graph.targets == 1)), 0.0, 1.5)
    after = apply(graph, singleton_pruning(graph, weights))[0]
    assert oracles.pairs_of(after) == {(0, 0), (0, 1)}


@pytest.mark.parametrize(("n_in", "n_out"), TINY)
def test_baselines_are_the_mean_over_every_layer(n_in, n_out):
    for n_edges in range(n_in * n_out + 1):
        layers = list(all_layers(n_in, n_out, n_edges))
        for axis in AXES:
            for metric, baseline in (
                (zero_vectors, expected_zero_vectors),
                (singleton_vectors, expected_singleton_vectors),
            ):
                expected = np.mean([metric(layer, axis=axis) for layer in layers])
                assert baseline(layers[0], axis=axis) == pytest.approx(expected, rel=1e-12, abs=1e-14)
        for shape in ((1, 1), (2, 2), (1, 3), (9, 9)):
            expected = np.mean([block_occupancy(layer, block_shape=shape) for layer in layers])
            assert expected_block_occupancy(layers[0], block_shape=shape) == pytest.approx(expected, rel=1e-12)


@each_axis
def test_a_random_network_shows_its_baseline(axis):
    rngs = np.random.default_rng(0).spawn(600)
    shapes = ((40, 60, 150), (60, 25, 90))
    draws = [SparseNetwork([erdos_renyi(n_in, n_out, n_edges=n, rng=rng) for n_in, n_out, n in shapes]) for rng in rngs]
    pairs = [
        (lambda g: zero_vectors(g, axis=axis), expected_zero_vectors(draws[0], axis=axis)),
        (lambda g: singleton_vectors(g, axis=axis), expected_singleton_vectors(draws[0], axis=axis)),
        (lambda g: block_occupancy(g, block_shape=(7, 4)), expected_block_occupancy(draws[0], block_shape=(7, 4))),
    ]
    for metric, expected in pairs:
        found = np.array([metric(draw) for draw in draws])
        error = found.std(ddof=1) / np.sqrt(len(found))
        assert abs(found.mean() - expected) < 4 * error
        assert error < 0.02 * expected


def test_numbers_of_published_shapes():
    """At density 0.01: (1 - d)^512 = 0.6 %, (1 - d)^64 = 53 %."""
    for n_out, expected in ((512, 0.99**512), (64, 0.99**64)):
        graph = erdos_renyi(2000, n_out, density=0.01, rng=0)
        assert expected_zero_vectors(graph) == pytest.approx(expected, rel=0.01)
        assert zero_vectors(graph) == pytest.approx(expected, abs=4 * np.sqrt(expected / 2000))


def test_large_layers_keep_their_digits():
    """Against whole numbers; differences of log-gamma functions would leave three digits."""
    n_pairs, length, n_edges = 10**12, 10**8, 5000
    exact = float(Fraction(comb(n_pairs - length, n_edges), comb(n_pairs, n_edges)))
    assert empty_probability(n_pairs, length, n_edges) == pytest.approx(exact, rel=1e-12)
    assert empty_probability(n_pairs, n_edges, length) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(
    "metric",
    [zero_vectors, singleton_vectors, singleton_pruning, expected_zero_vectors, expected_singleton_vectors],
)
def test_impossible_axis_and_weights_get_one_line(metric):
    graph = zoo.GRAPHS["complete"]
    for axis in ("both", 0, None, ["in"]):
        with pytest.raises(errors.UnknownName, match="one of in, out"):
            metric(graph, axis=axis)
    for weights in ([1.0], np.full(12, np.nan), ["a"] * 12):
        with pytest.raises(errors.InvalidEdgeVector):
            metric(graph, weights)


@pytest.mark.parametrize("shape", [4, (0, 2), (2,), (2, 2.0), (True, 2), "ab", None])
@pytest.mark.parametrize("metric", [block_occupancy, expected_block_occupancy])
def test_impossible_blocks_get_one_line(metric, shape):
    with pytest.raises(errors.InvalidOption, match=r"block_shape=\(4, 4\)"):
        metric(zoo.GRAPHS["complete"], block_shape=shape)


def test_pruning_takes_one_layer():
    with pytest.raises(errors.InvalidGraph, match=r"for layer in network\.layers"):
        singleton_pruning(zoo.NETWORKS["one layer"])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("metric", [block_occupancy, expected_block_occupancy])
def test_blocks_larger_than_any_matrix_hold_all_of_it(metric):
    graph = zoo.GRAPHS["complete"]
    assert metric(graph, block_shape=(10**30, 10**30)) == 1
    assert metric(graph, block_shape=(10**30, 1)) == metric(graph, block_shape=(graph.n_out, 1))
