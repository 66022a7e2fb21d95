"""The linear merge: compiled and numpy give the same arrays, and the index it carries is the one that is counted."""

import subprocess
import sys

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, EdgeDelta, EdgeMap, apply, carry, errors
from netsparse.graph import free_pairs, frozen
from netsparse.graph.compiled import address
from netsparse.graph.delta import survivors
from netsparse.graph.lookup import locate, numpy_locate
from netsparse.graph.merge import native_merge, numpy_merge
from netsparse.native import native_library

compiled = pytest.mark.skipif(native_library("merge") is None, reason="needs the compiled library")
INDEX = ("targets", "by_source", "targets_by_source")


def with_index(graph):
    """A graph that has been asked for everything a change carries along."""
    again = fresh(graph)
    _ = again.targets, again.by_source, again.targets_by_source
    return again


def fresh(graph):
    return BipartiteGraph(graph.n_in, graph.n_out, graph.indptr, graph.indices)


def same_arrays(one, other):
    for name in ("indptr", "indices", "targets", "targets_by_source", "fan_in", "fan_out"):
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.dtype == theirs.dtype
        assert not ours.flags.writeable
        np.testing.assert_array_equal(ours, theirs, name)
    for ours, theirs in zip(one.by_source, other.by_source, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def check_both_ways(graph, delta):
    arrays = delta.removed, delta.added_sources, delta.added_targets
    slow = numpy_merge(graph, *arrays)
    for start, names in ((with_index(graph), set(INDEX)), (fresh(graph), set())):
        fast = native_merge(start, *arrays, True)
        assert fast.graph.cached() >= names
        same_arrays(fast.graph, fresh(slow.graph))
        for name in ("removed", "born", "added"):
            ours, theirs = getattr(fast, name), getattr(slow, name)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs, name)
        fast_map, slow_map = EdgeMap.of(start, fast), EdgeMap.of(graph, slow)
        np.testing.assert_array_equal(fast_map.old_to_new, slow_map.old_to_new)
        assert fast_map.n_edges == slow_map.n_edges == fast.graph.n_edges
    assert not native_merge(with_index(graph), *arrays, False).graph.cached()
    by_source = fresh(graph)
    _ = by_source.by_source  # as a layer asks: without the targets
    assert native_merge(by_source, *arrays, True).graph.cached() == {"by_source", "targets_by_source"}


def random_delta(graph, share, seed, shuffled):
    rng = np.random.default_rng(seed)
    removed = np.sort(rng.choice(graph.n_edges, round(share * graph.n_edges), replace=False))
    n_free = graph.n_in * graph.n_out - graph.n_edges
    sources, targets = free_pairs(graph, min(len(removed), n_free), rng=rng)
    regrown = removed[: len(removed) // 4]
    sources = np.concatenate([sources, graph.sources[regrown]])
    targets = np.concatenate([targets, graph.targets[regrown]])
    order = rng.permutation(len(sources)) if shuffled else np.lexsort((sources, targets))
    return EdgeDelta(rng.permutation(removed) if shuffled else removed, sources[order], targets[order])


@compiled
@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("shuffled", [True, False])
def test_both_ways_give_the_same_arrays_on_the_zoo(graph, share, shuffled):
    check_both_ways(graph, random_delta(graph, share, 0, shuffled))


@compiled
@settings(deadline=None)
@given(zoo.graphs_with_delta())
def test_both_ways_give_the_same_arrays_on_random_graphs(case):
    check_both_ways(*case)


@compiled
@pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.9])
@pytest.mark.parametrize("shape", [(300, 2000), (2000, 300)])
def test_both_ways_give_the_same_arrays_for_large_changes(share, shape):
    graph = BipartiteGraph.from_mask(np.random.default_rng(0).random(shape) < 0.08)
    check_both_ways(graph, random_delta(graph, share, 1, True))


@compiled
@given(case=zoo.graphs_with_delta(), data=st.data())
def test_ids_of_64_bits(case, data):
    graph, delta = case
    largest, frozen.INT32_MAX = frozen.INT32_MAX, -1  # every id is an int64 from here
    try:
        wide = fresh(graph)
        assert wide.indices.dtype == wide.by_source[1].dtype == np.int64
        check_both_ways(wide, delta)
        after, edge_map = apply(wide, delta)
        assert after.indices.dtype == edge_map.added.dtype == edge_map.old_to_new.dtype == np.int64
        values = np.arange(1.0, wide.n_edges + 1)
        expected = carry(values, EdgeMap(edge_map.old_to_new, edge_map.added))
        np.testing.assert_array_equal(carry(values, edge_map), expected)
        pairs = data.draw(st.lists(st.tuples(st.integers(0, wide.n_in - 1), st.integers(0, wide.n_out - 1))))
        known = oracles.pairs_of(wide)
        assert wide.has_edges([s for s, _ in pairs], [t for _, t in pairs]).tolist() == [p in known for p in pairs]
    finally:
        frozen.INT32_MAX = largest


def test_units_beyond_32_bits():
    n_in = 3_000_000_000
    graph = BipartiteGraph.from_edges([5, n_in - 1, 7], [0, 0, 1], n_in=n_in, n_out=2)
    after, edge_map = apply(graph, EdgeDelta([0, 2], [n_in - 2, 2], [1, 1]))
    assert after.indices.dtype == np.int64
    assert oracles.pairs_of(after) == {(n_in - 1, 0), (n_in - 2, 1), (2, 1)}
    assert (edge_map.old_to_new.tolist(), edge_map.added.tolist()) == ([-1, 0, -1], [2, 1])
    assert after.has_edges([n_in - 2, n_in - 3], [1, 1]).tolist() == [True, False]


@compiled
@pytest.mark.parametrize(
    "delta",
    [
        EdgeDelta([3]),
        EdgeDelta([-1]),
        EdgeDelta([1, 1]),
        EdgeDelta([2, 0, 2]),
        EdgeDelta([], [3], [0]),
        EdgeDelta([], [-1], [0]),
        EdgeDelta([], [0], [2]),
        EdgeDelta([], [1, 1], [0, 0]),
        EdgeDelta([], [1, 0, 1], [0, 1, 0]),
        EdgeDelta([], [2], [0]),
        EdgeDelta([0], [2], [0]),
        EdgeDelta([0, 1, 2, 2]),
    ],
)
def test_what_does_not_fit_is_left_to_numpy_which_names_it(delta):
    graph = BipartiteGraph.from_edges([0, 2, 1], [0, 0, 1], n_in=3, n_out=2)
    assert native_merge(with_index(graph), delta.removed, delta.added_sources, delta.added_targets, True) is None
    with pytest.raises((errors.EdgeOutOfRange, errors.DuplicateEdge)):
        apply(graph, delta)


@given(zoo.graphs_with_delta(), st.sampled_from(["f4", "f8", "i2", "?", "c16", "O"]), st.booleans())
def test_carry_of_any_type_and_strides_as_entry_by_entry(case, kind, column):
    graph, delta = case
    _, edge_map = apply(graph, delta)
    shape = (graph.n_edges, 3) if column else (2 * graph.n_edges,)
    values = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    values = values if column else values[::2]
    moved = carry(values, edge_map, fill=1)
    assert moved.dtype == values.dtype
    by_hand = np.ones((edge_map.n_edges, *values.shape[1:]), dtype=values.dtype)
    for old, new in enumerate(edge_map.old_to_new):
        if new >= 0:
            by_hand[new] = values[old]
    np.testing.assert_array_equal(moved, by_hand)


@given(zoo.graphs_with_delta())
def test_a_map_made_by_hand_carries_as_the_map_of_apply(case):
    graph, delta = case
    _, edge_map = apply(graph, delta)
    by_hand = EdgeMap(edge_map.old_to_new, edge_map.added)
    values, fill = np.arange(1.0, graph.n_edges + 1), -np.arange(1.0, delta.n_added + 1)
    np.testing.assert_array_equal(carry(values, edge_map, fill=fill), carry(values, by_hand, fill=fill))
    assert (by_hand.n_edges, by_hand.n_before) == (edge_map.n_edges, edge_map.n_before)
    assert by_hand.runs is None


def test_a_map_knows_the_very_graphs_it_was_made_with():
    graph = zoo.GRAPHS["sparse random"]
    after, edge_map = apply(graph, EdgeDelta([0]))
    assert edge_map.leads(graph, after)
    assert not edge_map.leads(fresh(graph), after)
    assert not edge_map.leads(graph, fresh(after))
    assert not EdgeMap(edge_map.old_to_new, edge_map.added).leads(graph, after)


@given(zoo.graphs(), st.data())
def test_survivors_are_what_apply_leaves(graph, data):
    ids = st.integers(0, max(graph.n_edges - 1, 0))
    removed = np.array(data.draw(st.lists(ids, unique=True, max_size=graph.n_edges)), dtype=int)
    part, edge_map = survivors(with_index(graph), removed)
    after, other = apply(graph, EdgeDelta(removed))
    assert part == after
    np.testing.assert_array_equal(edge_map.old_to_new, other.old_to_new)
    assert not part.cached()


@given(zoo.graphs(), st.data(), st.integers(0, 2**16))
def test_pairs_free_without_some_edges_are_those_of_what_is_left(graph, data, seed):
    ids = st.integers(0, max(graph.n_edges - 1, 0))
    removed = np.array(data.draw(st.lists(ids, unique=True, max_size=graph.n_edges)), dtype=int)
    left, _ = survivors(graph, removed)
    n_pairs = data.draw(st.integers(0, graph.n_in * graph.n_out - left.n_edges))
    here, there = free_pairs(graph, n_pairs, without=removed, rng=seed), free_pairs(left, n_pairs, rng=seed)
    np.testing.assert_array_equal(here, there)


@given(zoo.graphs(), st.data())
def test_pairs_are_located_in_numpy_as_in_compiled_code(graph, data):
    pairs = data.draw(st.lists(st.tuples(st.integers(0, graph.n_in - 1), st.integers(0, graph.n_out - 1))))
    sources, targets = np.array([s for s, _ in pairs], dtype=int), np.array([t for _, t in pairs], dtype=int)
    places, found = locate(graph.indptr, graph.indices, graph.addresses(), sources, targets)
    slow_places, slow_found = numpy_locate(graph.indptr, graph.indices, sources, targets)
    np.testing.assert_array_equal(found, slow_found)
    np.testing.assert_array_equal(places, slow_places)
    assert graph.count_edges(sources, targets) == np.count_nonzero(slow_found)


def test_everything_holds_without_the_library():
    code = (
        "import numpy as np, netsparse as ns\n"
        "from netsparse.graph.delta import survivors\n"
        "graph = ns.generators.erdos_renyi(50, 40, density=0.2, rng=0)\n"
        "graph.by_source, graph.targets\n"
        "weights = np.sin(np.arange(graph.n_edges, dtype=np.float32))\n"
        "for step in range(5):\n"
        "    delta = ns.rewiring.SET(0.1).propose(graph, weights, rng=step)\n"
        "    graph, edge_map = ns.apply(graph, delta)\n"
        "    weights = ns.carry(weights, edge_map, fill=0.5)\n"
        "delta = ns.rewiring.SET(0.1, drop='magnitude').propose(graph, weights, rng=9)\n"
        "print(hash(ns.apply(graph, delta)[0]), graph.by_source[1].sum(), weights.tobytes().hex()[:40])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"NETSPARSE_NATIVE": native, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for native in ("0", "1")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("kind", ["i4", "f8", ">f8", "c16", "?", "O", "M8[s]", "S3", "f2"])
@pytest.mark.parametrize("length", [0, 1, 5])
def test_where_arrays_lie_is_what_numpy_says(kind, length):
    array = np.zeros(length, dtype=kind)
    expected = array.ctypes.data
    assert address(array) == address(frozen.frozen(array.view())) == expected
    assert address(np.zeros(2 * length, dtype=kind)[::2]) > 0


def test_a_delta_knows_where_its_arrays_lie():
    for delta in (EdgeDelta([2, 5], [1], [3]), EdgeDelta(), EdgeDelta([1]), EdgeDelta([], [0], [0])):
        arrays = delta.removed, delta.added_sources, delta.added_targets
        assert not any(array.flags.writeable for array in arrays)
        for at, array in zip(delta.addresses(), arrays, strict=True):
            assert not len(array) or at == array.ctypes.data
