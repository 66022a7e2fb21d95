"""Degrees and components against networkx and plain counting, on every graph of the zoo and on random ones."""

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors, metrics

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
SCALAR = (metrics.density, metrics.sparsity, metrics.n_components, metrics.giant_component)
ACTIVE = (metrics.active_inputs, metrics.active_outputs)
STATISTICS = (metrics.fan_in_statistics, metrics.fan_out_statistics)


def weights_of(graph, values):
    """The flat `values` as the weights the graph's metrics take: a vector, or one per layer."""
    vectors = np.split(values, np.cumsum([layer.n_edges for layer in graph.layers])[:-1])
    return vectors[0] if hasattr(graph, "n_in") else vectors


@st.composite
def weighted(draw):
    graph = draw(st.one_of(zoo.graphs(), zoo.networks()))
    values = draw(st.lists(st.sampled_from([0.0, -2.0, 0.5, 3.0]), min_size=graph.n_edges, max_size=graph.n_edges))
    return graph, weights_of(graph, np.array(values, dtype=float))


@every
def test_density_counts_edges(graph):
    pairs = sum(layer.n_in * layer.n_out for layer in graph.layers)
    edges = sum(int(oracles.mask_of(layer).sum()) for layer in graph.layers)
    assert metrics.density(graph) == edges / pairs
    assert metrics.sparsity(graph) == 1 - edges / pairs


@every
def test_fan_statistics_agree_with_the_dense_mask(graph):
    masks = [oracles.mask_of(layer) for layer in graph.layers]
    for statistics, axis in zip(STATISTICS, (1, 0), strict=True):
        degrees = np.concatenate([mask.sum(axis=axis) for mask in masks])
        expected = (degrees.mean(), degrees.std(), degrees.min(), degrees.max(), (degrees == 0).sum())
        assert statistics(graph) == pytest.approx(expected)


@every
def test_active_units_are_those_with_an_edge(graph):
    masks = [oracles.mask_of(layer) for layer in graph.layers]
    assert metrics.active_inputs(graph) == np.concatenate([mask.any(axis=0) for mask in masks]).mean()
    assert metrics.active_outputs(graph) == np.concatenate([mask.any(axis=1) for mask in masks]).mean()


@every
def test_components_agree_with_networkx(graph):
    units = oracles.undirected(graph)
    expected = sorted((len(c) for c in nx.connected_components(units)), reverse=True)
    assert metrics.component_sizes(graph).tolist() == expected
    assert metrics.n_components(graph) == len(expected)
    assert metrics.giant_component(graph) == expected[0] / sum(graph.sizes)
    labels = metrics.component_labels(graph)
    for component in nx.connected_components(units):
        assert len({int(labels[u]) for u in component}) == 1
    assert len(set(labels.tolist())) == len(expected)


@every
def test_components_are_numbered_by_size_then_by_first_unit(graph):
    labels = metrics.component_labels(graph)
    order = [(-int((labels == c).sum()), int(np.flatnonzero(labels == c)[0])) for c in range(labels.max() + 1)]
    assert order == sorted(order)


@given(weighted())
def test_an_edge_of_weight_zero_counts_as_absent(case):
    graph, weights = case
    vectors = graph.edge_vectors(weights)
    kept = [_without_zeros(layer, vector) for layer, vector in zip(graph.layers, vectors, strict=True)]
    thin = kept[0] if hasattr(graph, "n_in") else type(graph)(kept)
    for metric in SCALAR + ACTIVE:
        assert metric(graph, weights) == metric(thin), metric.__name__
    assert (metrics.component_labels(graph, weights) == metrics.component_labels(thin)).all()


def _without_zeros(layer, vector):
    alive = vector != 0
    return type(layer).from_edges(layer.sources[alive], layer.targets[alive], n_in=layer.n_in, n_out=layer.n_out)


@given(weighted())
def test_weighted_degrees_are_strengths(case):
    graph, weights = case
    pairs = zip(graph.layers, graph.edge_vectors(weights), strict=True)
    dense = [np.abs(oracles.dense_of(layer, vector)) for layer, vector in pairs]
    for statistics, axis in zip(STATISTICS, (1, 0), strict=True):
        strength = np.concatenate([matrix.sum(axis=axis) for matrix in dense])
        expected = (strength.mean(), strength.std(), strength.min(), strength.max(), (strength == 0).sum())
        assert statistics(graph, weights) == pytest.approx(expected)


@pytest.mark.parametrize(
    "metric", [*SCALAR, *ACTIVE, *STATISTICS, metrics.spectral_gap, metrics.algebraic_connectivity]
)
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "expected one entry per edge"),
        ([np.nan] * 12, "nan at edge 0"),
        ([1.0] * 11 + [np.inf], "inf at edge 11"),
        ([1j] * 12, "complex128"),
        (["a"] * 12, "real numbers"),
    ],
)
def test_impossible_weights_get_one_clear_line(metric, weights, message):
    with pytest.raises(errors.InvalidEdgeVector, match=message):
        metric(zoo.GRAPHS["complete"], weights)


def test_weights_of_a_network_come_one_vector_per_layer():
    network = zoo.NETWORKS["three layers"]
    with pytest.raises(errors.InvalidEdgeVector, match="one edge vector per layer"):
        metrics.density(network, [np.ones(network.layers[0].n_edges)])
