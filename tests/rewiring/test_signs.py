"""The sign of a position: the same for ever, a fair coin, and without a pattern along any number it is made of."""

import numpy as np
import oracles_sampling as oracle
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse.rewiring.signs import edge_signs, signs

PINNED = ["-+-++-+--++-", "-+-+---+++++", "--++------+-"]


def matrix(seed, layer, n_in, n_out):
    targets, sources = np.divmod(np.arange(n_in * n_out), n_in)
    return signs(seed, layer, sources, targets).reshape(n_out, n_in)


@pytest.mark.parametrize(("seed", "layer"), [(0, 0), (0, 3), (7, 0), (2**64 - 1, 1)])
def test_they_are_those_of_a_slow_hash_in_whole_numbers(seed, layer):
    np.testing.assert_array_equal(matrix(seed, layer, 9, 7), oracle.sign_matrix(seed, layer, 9, 7))
    sources, targets = np.array([0, 0, 5, 70_000]), np.array([0, 3, 40_000, 2])
    expected = [oracle.sign_of(seed, layer, s, t) for s, t in zip(sources.tolist(), targets.tolist(), strict=True)]
    np.testing.assert_array_equal(signs(seed, layer, sources, targets), expected)
    far = signs(seed, layer, np.array([0, 2**31 - 1, 2**40]), np.array([2**40, 2**31 - 1, 0]))
    np.testing.assert_array_equal(np.abs(far), 1.0)


def test_they_stay_what_they_are_from_version_to_version():
    """Runs are repeated by their seeds: a change of the hash would change all of them."""
    assert ["".join("-+"[int(x > 0)] for x in row) for row in matrix(0, 0, 12, 3)] == PINNED


@given(zoo.graphs(), st.integers(0, 2**64 - 1), st.integers(0, 9))
def test_edges_have_the_signs_of_their_pairs_in_any_order_and_type(graph, seed, layer):
    of_edges = edge_signs(seed, layer, graph)
    assert of_edges.dtype == np.float32
    assert len(of_edges) == graph.n_edges
    dense = matrix(seed, layer, graph.n_in, graph.n_out)
    np.testing.assert_array_equal(of_edges, dense[graph.targets, graph.sources])
    order = np.random.default_rng(0).permutation(graph.n_edges)
    for kind in (np.int32, np.int64, np.uint32):
        some = signs(seed, layer, graph.sources[order].astype(kind), graph.targets[order].astype(kind))
        np.testing.assert_array_equal(some, of_edges[order])


def test_they_are_fair_coins_without_a_pattern():
    """Sums of n independent signs are within 5 sqrt(n) of 0; here of all, of products at a distance, of all rows."""
    n_in, n_out = 1000, 700
    tables = {(seed, layer): matrix(seed, layer, n_in, n_out) for seed in (0, 1) for layer in (0, 1)}
    first = tables[0, 0]
    for table in tables.values():
        assert abs(table.sum(dtype=np.float64)) < 5 * np.sqrt(table.size)
    for other in (tables[0, 1], tables[1, 0], tables[1, 1], np.roll(tables[0, 1], 1, 0), np.roll(tables[1, 0], 1, 1)):
        assert abs((first * other).sum(dtype=np.float64)) < 5 * np.sqrt(first.size)
    for down, along in [(0, 1), (0, 2), (0, 64), (1, 0), (2, 0), (64, 0), (1, 1), (1, -1), (3, 5)]:
        shifted = first * np.roll(first, (down, along), (0, 1))
        assert abs(shifted.sum(dtype=np.float64)) < 5 * np.sqrt(first.size), (down, along)
    for axis, n in ((0, n_out), (1, n_in)):  # sums of rows and columns: chi-square, with as many degrees as there are
        sums = first.sum(axis, dtype=np.float64) / np.sqrt(n)
        assert abs((sums**2).sum() - len(sums)) < 5 * np.sqrt(2 * len(sums))
    # four corners of a rectangle: a table of rank one has the product 1 everywhere
    corners = first[:350, :500] * first[350:, :500] * first[:350, 500:] * first[350:, 500:]
    assert abs(corners.sum(dtype=np.float64)) < 5 * np.sqrt(corners.size)
    singular = np.linalg.svd(first, compute_uv=False)[0]
    assert singular < 1.05 * (np.sqrt(n_in) + np.sqrt(n_out))  # the edge of the spectrum of independent signs
