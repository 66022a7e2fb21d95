"""`free_pairs`: exactly as many as asked, none an edge, every set equally likely."""

import collections
import itertools

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.graph import free_pairs
from netsparse.graph.free_pairs import native_first_free, numpy_first_free
from netsparse.native import native_library

every = pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)


@every
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.6, 1.0])
def test_exactly_as_many_distinct_free_pairs_as_asked(graph, part):
    n_free = graph.n_in * graph.n_out - graph.n_edges
    n_pairs = round(part * n_free)
    sources, targets = free_pairs(graph, n_pairs, rng=0)
    drawn = list(zip(sources.tolist(), targets.tolist(), strict=True))
    assert len(drawn) == len(set(drawn)) == n_pairs
    assert not set(drawn) & oracles.pairs_of(graph)
    assert drawn == sorted(drawn, key=lambda pair: pair[::-1])  # canonical order
    again = free_pairs(graph, n_pairs, rng=0)
    assert (again[0] == sources).all()
    assert (again[1] == targets).all()


@pytest.mark.parametrize(("n_holes", "n_pairs"), [(6, 2), (6, 5), (6, 3)])
def test_every_set_is_equally_likely(n_holes, n_pairs):
    # 20 pairs, 6 of them free: both the rejecting branch (2) and the listing one (5) against chi-square at 99.9 %
    mask = np.ones(20, dtype=bool)
    mask[np.random.default_rng(1).choice(20, n_holes, replace=False)] = False
    graph = BipartiteGraph.from_mask(mask.reshape(4, 5))
    sets = list(itertools.combinations(np.flatnonzero(~mask).tolist(), n_pairs))
    rng, n_draws = np.random.default_rng(0), 400 * len(sets)
    seen = collections.Counter()
    for _ in range(n_draws):
        sources, targets = free_pairs(graph, n_pairs, rng=rng)
        seen[tuple((targets * 5 + sources).tolist())] += 1
    assert set(seen) <= set(sets)
    statistic = sum((seen[s] - 400) ** 2 / 400 for s in sets)
    assert statistic < {6: 20.5, 15: 36.1, 20: 43.8}[len(sets)]


def test_a_large_sparse_case_draws_every_region():
    graph = BipartiteGraph.from_edges([], [], n_in=100_000, n_out=100_000)
    sources, targets = free_pairs(graph, 20_000, rng=0)
    # 10 x 10 tiles with 200 expected in each: chi-square with 99 degrees of freedom, 99.9 % quantile 148.2
    tiles = np.bincount(targets // 10_000 * 10 + sources // 10_000, minlength=100)
    assert ((tiles - 200) ** 2 / 200).sum() < 148.2


@pytest.mark.parametrize("seed", range(30))
def test_a_nearly_complete_graph_has_pairs_to_draw(seed):
    mask = np.ones((30, 30), dtype=bool)
    mask[0, 0] = mask[3, 7] = False
    sources, targets = free_pairs(BipartiteGraph.from_mask(mask), 1, rng=seed)
    assert (sources[0], targets[0]) in {(0, 0), (7, 3)}


def test_more_pairs_than_are_free():
    with pytest.raises(errors.NotEnoughFreePairs, match=r"given 1 new edges, expected at most the 0 free pairs"):
        free_pairs(zoo.GRAPHS["complete"], 1, rng=0)


@pytest.mark.parametrize("n_pairs", [-1, 1.5, None])
def test_impossible_numbers_of_pairs(n_pairs):
    with pytest.raises(errors.NetsparseError):
        free_pairs(zoo.GRAPHS["no edges"], n_pairs, rng=0)


def test_a_generator_moves_on_and_a_missing_seed_is_refused():
    rng = np.random.default_rng(0)
    graph = zoo.GRAPHS["sparse random"]
    first, second = free_pairs(graph, 20, rng=rng), free_pairs(graph, 20, rng=rng)
    assert (first[0] != second[0]).any()
    with pytest.raises(errors.InvalidSeed):
        free_pairs(graph, 1, rng=None)


def one_by_one(graph, keys, n_pairs, gone):
    """Take the keys in turn."""
    taken = oracles.pairs_of(graph) - {(graph.sources[e], graph.targets[e]) for e in gone}
    found = []
    for key in keys:
        pair = (key % graph.n_in, key // graph.n_in)
        if len(found) < n_pairs and pair not in taken and pair not in found:
            found.append(pair)
    return sorted(found, key=lambda pair: pair[::-1])


def both_ways(graph, keys, n_pairs, gone):
    keys, gone = np.array(keys, dtype=np.int64), np.array(gone, dtype=np.int64)
    ways = [numpy_first_free(graph, keys, n_pairs, gone)]
    if native_library("merge") is not None:
        ways.append(native_first_free(graph, keys, n_pairs, gone))
    return [list(zip(*(units.tolist() for units in pairs), strict=True)) for pairs in ways]


@given(zoo.graphs(), st.data())
def test_the_first_free_pairs_are_those_found_one_by_one(graph, data):
    keys = data.draw(st.lists(st.integers(0, graph.n_in * graph.n_out - 1), max_size=30))
    n_pairs = data.draw(st.integers(0, len(keys)))
    gone = sorted(data.draw(st.sets(st.integers(0, max(graph.n_edges - 1, 0)), max_size=graph.n_edges)))
    expected = one_by_one(graph, keys, n_pairs, gone)
    assert all(pairs == expected for pairs in both_ways(graph, keys, n_pairs, gone))


@pytest.mark.parametrize("n_in", [40, 3_000_000_000])  # sorted digit by digit, from one digit to five; 64-bit ids
def test_the_first_of_many_free_pairs(n_in):
    rng = np.random.default_rng(0)
    graph = BipartiteGraph.from_edges([3, 39, 3, 17], [0, 0, 49, 20], n_in=n_in, n_out=50)
    few = rng.integers(40 * 50, size=5000)  # every pair many times over
    keys = np.concatenate([few // 40 * n_in + few % 40, rng.integers(n_in * 50, size=1000)])[rng.permutation(6000)]
    for n_pairs, gone in ((1, [0]), (900, []), (6000, [1, 3])):
        expected = one_by_one(graph, keys.tolist(), n_pairs, gone)
        assert all(pairs == expected for pairs in both_ways(graph, keys, n_pairs, gone))


@pytest.mark.parametrize("without", [[3, 1, 4], np.array([4, 0, 3, 0, 1])[::2], np.array([1, 3, 4], dtype=np.int32)])
def test_ids_to_do_without_come_in_any_order_and_type(without):
    graph = zoo.GRAPHS["sparse random"]
    left = BipartiteGraph.from_edges(
        np.delete(graph.sources, without), np.delete(graph.targets, without), n_in=graph.n_in, n_out=graph.n_out
    )
    np.testing.assert_array_equal(free_pairs(graph, 50, without=without, rng=0), free_pairs(left, 50, rng=0))
