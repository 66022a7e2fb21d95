"""Nearest neighbour distances against all pairs; their expectation against every placement, and simulation."""

import itertools

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, SparseNetwork, errors
from netsparse.generators import complete, erdos_renyi
from netsparse.metrics import nearest
from netsparse.metrics.nearest import expected_nearest_neighbour_distance, nearest_neighbour_distance

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
TINY = [(2, 1), (1, 5), (2, 3), (3, 3), (4, 2)]


def by_all_pairs(masks):
    distances = []
    for mask in masks:
        points = np.argwhere(mask)
        if len(points) > 1:
            apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
            np.fill_diagonal(apart, np.inf)
            distances += apart.min(axis=1).tolist()
    return float(np.mean(distances)) if distances else float("nan")


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
def test_the_zoo(graph):
    masks = [oracles.mask_of(layer) for layer in graph.layers]
    expected = by_all_pairs(masks)
    assert nearest_neighbour_distance(graph) == pytest.approx(expected, nan_ok=True)
    assert np.isnan(expected_nearest_neighbour_distance(graph)) == np.isnan(expected)


@settings(deadline=None)
@given(st.one_of(zoo.graphs(), zoo.networks()), st.integers(0, 2**32 - 1))
def test_edges_of_weight_zero_are_absent(graph, seed):
    rng = np.random.default_rng(seed)
    vectors = [rng.choice([0.0, -2.0, 0.5], size=layer.n_edges) for layer in graph.layers]
    masks = [oracles.dense_of(layer, vector) != 0 for layer, vector in zip(graph.layers, vectors, strict=True)]
    weights = vectors[0] if isinstance(graph, BipartiteGraph) else vectors
    assert nearest_neighbour_distance(graph, weights) == pytest.approx(by_all_pairs(masks), nan_ok=True)
    thin = [BipartiteGraph.from_mask(mask) for mask in masks]
    expected = expected_nearest_neighbour_distance(SparseNetwork(thin))
    assert expected_nearest_neighbour_distance(graph, weights) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("n_in", "n_out"), TINY)
def test_the_expectation_is_the_mean_over_every_placement(n_in, n_out):
    for n_edges in range(2, n_in * n_out + 1):
        found = []
        for keys in itertools.combinations(range(n_in * n_out), n_edges):
            layer = BipartiteGraph.from_sorted_keys(np.array(keys, dtype=np.int64), n_in=n_in, n_out=n_out)
            found.append(nearest_neighbour_distance(layer))
        anyone = erdos_renyi(n_in, n_out, n_edges=n_edges, rng=0)
        assert expected_nearest_neighbour_distance(anyone) == pytest.approx(np.mean(found), rel=1e-12)


@pytest.mark.parametrize(
    ("n_in", "n_out", "n_edges", "trials"),
    [(100, 150, 150, 200), (30, 20, 3, 4000), (1, 3000, 60, 400), (400, 300, 40, 500), (8, 5000, 100, 300)],
)
def test_random_layers_show_the_expectation(n_in, n_out, n_edges, trials):
    rngs = np.random.default_rng(0).spawn(trials)
    draws = [erdos_renyi(n_in, n_out, n_edges=n_edges, rng=rng) for rng in rngs]
    found = np.array([nearest_neighbour_distance(draw) for draw in draws])
    error = found.std(ddof=1) / np.sqrt(trials)
    assert error < 0.01 * found.mean()
    assert abs(found.mean() - expected_nearest_neighbour_distance(draws[0])) < 4 * error


@pytest.mark.parametrize("size", [(400, 500, 600), (2, 20_000, 300), (120, 90, 2)])
def test_interpolation_and_coarse_matrices_err_by_less_than_a_thousandth(size, monkeypatch):
    n_in, n_out, n_edges = size
    layer = erdos_renyi(n_in, n_out, n_edges=n_edges, rng=0)
    monkeypatch.setattr(nearest, "EXACT_PLACES", 10**9)
    monkeypatch.setattr(nearest, "FINE_CELLS", 10**9)
    exact = expected_nearest_neighbour_distance(layer)
    monkeypatch.setattr(nearest, "EXACT_PLACES", 0)
    assert expected_nearest_neighbour_distance(layer) == pytest.approx(exact, rel=1e-3)
    monkeypatch.setattr(nearest, "FINE_CELLS", 5000)
    assert expected_nearest_neighbour_distance(layer) == pytest.approx(exact, rel=10e-3)  # 35 / 5000 = 7e-3


def test_huge_and_nearly_empty_layers():
    """In a square, two points are 0.521405 of its side apart; on a line, a third of its length."""
    square = erdos_renyi(10**6, 10**6, n_edges=2, rng=0)
    assert expected_nearest_neighbour_distance(square) == pytest.approx(0.521405 * 10**6, rel=1e-3)
    line = erdos_renyi(1, 10**7, n_edges=2, rng=0)
    assert expected_nearest_neighbour_distance(line) == pytest.approx(10**7 / 3, rel=1e-3)


def test_large_sparse_layers_come_near_the_plane():
    """Clark and Evans 1954: 0.5 / sqrt(density)."""
    layer = erdos_renyi(20_000, 20_000, n_edges=40_000, rng=0)
    assert expected_nearest_neighbour_distance(layer) == pytest.approx(50, rel=0.01)


def test_clusters_lie_closer_than_chance():
    mask = np.zeros((60, 60), dtype=bool)
    mask[10:16, 20:26] = True
    graph = BipartiteGraph.from_mask(mask)
    assert nearest_neighbour_distance(graph) == 1
    assert expected_nearest_neighbour_distance(graph) > 4
    assert expected_nearest_neighbour_distance(complete(30, 40)) == 1


def test_the_mean_is_over_edges_of_crowded_layers():
    pair = BipartiteGraph.from_edges([0, 3], [0, 4], n_in=4, n_out=5)
    lonely = BipartiteGraph.from_edges([0], [0], n_in=5, n_out=9)
    crowd = complete(9, 1)
    network = SparseNetwork([pair, lonely, crowd])
    assert nearest_neighbour_distance(network) == pytest.approx((2 * 5 + 9 * 1) / 11)
    expected = (2 * expected_nearest_neighbour_distance(pair) + 9 * 1) / 11
    assert expected_nearest_neighbour_distance(network) == pytest.approx(expected)


@pytest.mark.parametrize("metric", [nearest_neighbour_distance, expected_nearest_neighbour_distance])
def test_impossible_weights_get_one_line(metric):
    with pytest.raises(errors.InvalidEdgeVector, match="one entry per edge"):
        metric(zoo.GRAPHS["complete"], [1.0])
