"""Join counts and Moran's I against dense masks; their moments against every placement of the edges."""

import itertools

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.generators import complete, erdos_renyi
from netsparse.metrics.joins import join_counts, morans_i

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
TINY = [(1, 1), (1, 5), (4, 1), (2, 2), (2, 3), (3, 3), (5, 2)]


def joins(mask):
    return int((mask[1:] & mask[:-1]).sum() + (mask[:, 1:] & mask[:, :-1]).sum())


def moran(masks):
    """By definition over all entries and both directions of every join."""
    cross, squares, n_pairs, n_joins = 0.0, 0.0, 0, 0
    for mask in masks:
        x = mask - mask.mean()
        cross += (x[1:] * x[:-1]).sum() + (x[:, 1:] * x[:, :-1]).sum()
        squares += (x**2).sum()
        n_pairs += x.size
        n_joins += x[1:].size + x[:, 1:].size
    return n_pairs / n_joins * cross / squares if n_joins and squares > 1e-12 else 0.0


@every
def test_the_zoo(graph):
    masks = [oracles.mask_of(layer) for layer in graph.layers]
    assert join_counts(graph).observed == sum(map(joins, masks))
    assert morans_i(graph) == pytest.approx(moran(masks), abs=1e-12)


@settings(deadline=None)
@given(st.one_of(zoo.graphs(), zoo.networks()), st.integers(0, 2**32 - 1))
def test_edges_of_weight_zero_are_absent(graph, seed):
    rng = np.random.default_rng(seed)
    vectors = [rng.choice([0.0, -2.0, 0.5], size=layer.n_edges) for layer in graph.layers]
    masks = [oracles.dense_of(layer, vector) != 0 for layer, vector in zip(graph.layers, vectors, strict=True)]
    weights = vectors[0] if isinstance(graph, BipartiteGraph) else vectors
    found = join_counts(graph, weights)
    assert found.observed == sum(map(joins, masks))
    thin = [join_counts(BipartiteGraph.from_mask(mask)) for mask in masks]
    assert found.expected == pytest.approx(sum(part.expected for part in thin))
    assert found.std**2 == pytest.approx(sum(part.std**2 for part in thin))
    assert morans_i(graph, weights) == pytest.approx(moran(masks), abs=1e-12)


@pytest.mark.parametrize(("n_in", "n_out"), TINY)
def test_moments_are_those_over_every_placement(n_in, n_out):
    for n_edges in range(n_in * n_out + 1):
        found, autocorrelation = [], []
        for keys in itertools.combinations(range(n_in * n_out), n_edges):
            layer = BipartiteGraph.from_sorted_keys(np.array(keys, dtype=np.int64), n_in=n_in, n_out=n_out)
            found.append(join_counts(layer))
            autocorrelation.append(morans_i(layer))
        observed = [count.observed for count in found]
        assert found[0].expected == pytest.approx(np.mean(observed), rel=1e-12, abs=1e-14)
        assert found[0].std == pytest.approx(np.std(observed), rel=1e-9, abs=1e-7)
        z_scores = [count.z_score for count in found]
        assert np.mean(z_scores) == pytest.approx(0, abs=1e-9)
        if 0 < n_edges < n_in * n_out:
            assert np.mean(autocorrelation) == pytest.approx(-1 / (n_in * n_out - 1))


def test_random_layers_have_unit_z_scores():
    scores = [join_counts(erdos_renyi(60, 90, density=0.03, rng=seed)).z_score for seed in range(400)]
    assert abs(np.mean(scores)) < 4 / 20
    assert np.std(scores) == pytest.approx(1, abs=4 / np.sqrt(800))


def test_clusters_and_chessboards():
    mask = np.zeros((40, 40), dtype=bool)
    mask[5:15, 5:15] = True
    block = BipartiteGraph.from_mask(mask)
    assert join_counts(block).observed == 180
    assert join_counts(block).z_score > 30
    assert morans_i(block) > 0.85
    board = BipartiteGraph.from_mask(np.indices((40, 40)).sum(axis=0) % 2)
    assert join_counts(board).observed == 0
    assert join_counts(board).z_score < -10
    assert morans_i(board) == -1


def test_nothing_varies_in_full_and_empty_layers():
    for graph in (complete(4, 5), zoo.GRAPHS["no edges"], zoo.GRAPHS["one edge"]):
        found = join_counts(graph)
        assert (found.observed, found.std, found.z_score) == (found.expected, 0, 0)
        assert morans_i(graph) == 0


def test_variance_of_large_layers_keeps_its_digits():
    """Sparse edges meet like independent pairs: the count is nearly Poisson, its variance the mean."""
    found = join_counts(erdos_renyi(20_000, 30_000, n_edges=60_000, rng=0))
    assert found.std**2 == pytest.approx(found.expected, rel=1e-3)
    assert abs(found.z_score) < 4


@pytest.mark.parametrize("metric", [join_counts, morans_i])
def test_impossible_weights_get_one_line(metric):
    with pytest.raises(errors.InvalidEdgeVector, match="one entry per edge"):
        metric(zoo.GRAPHS["complete"], [1.0])
