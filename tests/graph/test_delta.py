"""`EdgeDelta`, `EdgeMap`, `apply`, `diff`, `carry`, `subgraph`: examples by hand, and every refusal."""

import pickle

import numpy as np
import oracles
import pytest
import zoo

from netsparse import BipartiteGraph, EdgeDelta, EdgeMap, apply, carry, diff, errors
from netsparse.graph import subgraph

every = pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
# edges 0: (0, 0)  1: (2, 0)  2: (1, 1)
GRAPH = BipartiteGraph.from_edges([0, 2, 1], [0, 0, 1], n_in=3, n_out=2)


def test_an_example_by_hand():
    after, edge_map = apply(GRAPH, EdgeDelta([0], [2, 1], [1, 0], values=[0.5, 0.7]))
    assert oracles.pairs_of(after) == {(2, 0), (1, 0), (1, 1), (2, 1)}
    assert edge_map.old_to_new.tolist() == [-1, 1, 2]
    assert edge_map.added.tolist() == [3, 0]  # in the order of the delta
    assert edge_map.survivors.tolist() == [1, 2]
    assert edge_map.n_edges == 4


def test_a_pair_that_goes_and_comes_back_is_a_newborn():
    after, edge_map = apply(GRAPH, EdgeDelta([1], [2], [0]))
    assert after == GRAPH
    assert edge_map.old_to_new.tolist() == [0, -1, 2]
    assert edge_map.added.tolist() == [1]
    assert carry(np.array([1.0, 2.0, 3.0]), edge_map).tolist() == [1.0, 0.0, 3.0]


@every
def test_nothing_changes_nothing(graph):
    after, edge_map = apply(graph, EdgeDelta())
    assert after == graph
    assert edge_map.old_to_new.tolist() == list(range(graph.n_edges))
    assert len(edge_map.added) == 0
    assert diff(graph, graph).n_removed == diff(graph, graph).n_added == 0


@every
def test_everything_can_go_and_come_back(graph):
    empty, edge_map = apply(graph, EdgeDelta(np.arange(graph.n_edges)))
    assert empty.n_edges == 0
    assert empty.sizes == graph.sizes
    assert (edge_map.old_to_new == -1).all()
    assert apply(empty, EdgeDelta([], graph.sources, graph.targets))[0] == graph


@every
def test_a_changed_graph_is_a_graph_like_any_other(graph):
    after, edge_map = apply(graph, EdgeDelta(np.arange(0, graph.n_edges, 2)))
    assert BipartiteGraph(after.n_in, after.n_out, after.indptr, after.indices) == after
    for array in (after.indices, after.indptr, edge_map.old_to_new, edge_map.added):
        assert array.dtype == np.int32
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("delta", "error", "message"),
    [
        (EdgeDelta([3]), errors.EdgeOutOfRange, "given 3, expected ids 0 to 2"),
        (EdgeDelta([0, -1]), errors.EdgeOutOfRange, "given -1"),
        (EdgeDelta([1, 1]), errors.DuplicateEdge, "1 twice"),
        (EdgeDelta([], [3], [0]), errors.EdgeOutOfRange, r"\(3, 0\).*n_in=3"),
        (EdgeDelta([], [0], [2]), errors.EdgeOutOfRange, r"\(0, 2\).*n_out=2"),
        (EdgeDelta([], [1, 1], [0, 0]), errors.DuplicateEdge, r"\(1, 0\)"),
        (EdgeDelta([], [2], [0]), errors.DuplicateEdge, r"\(2, 0\)"),
        (EdgeDelta([0], [2], [0]), errors.DuplicateEdge, r"\(2, 0\)"),
        (EdgeDelta([2, 2], [1], [1]), errors.DuplicateEdge, "2 twice"),
    ],
)  # fmt: skip
def test_deltas_that_do_not_fit(delta, error, message):
    with pytest.raises(error, match=message):
        apply(GRAPH, delta)
    with pytest.raises(error, match=message):
        delta.inverse(GRAPH)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (([0.5],), errors.InvalidEdges),
        (([True],), errors.InvalidEdges),
        (([[0]],), errors.InvalidEdges),
        (([], [0], []), errors.InvalidEdges),
        (([], [0], [0], [1.0, 2.0]), errors.InvalidEdgeVector),
        (([], [0], [0], 1.0), errors.InvalidEdgeVector),
    ],
)
def test_deltas_that_make_no_sense(arguments, error):
    with pytest.raises(error):
        EdgeDelta(*arguments)


def test_a_delta_owns_its_arrays():
    removed, values = np.array([0]), np.array([0.5])
    delta = EdgeDelta(removed, [1], [0], values)
    removed[0], values[0] = 2, 9.0
    assert delta.removed.tolist() == [0]
    assert delta.values.tolist() == [0.5]
    for array in (delta.removed, delta.added_sources, delta.added_targets, delta.values):
        assert not array.flags.writeable
    window = np.arange(4)
    view = window[1:2]
    view.setflags(write=False)
    delta = EdgeDelta(view)
    window[1] = 3
    assert delta.removed.tolist() == [1]


def test_deltas_and_maps_are_values():
    delta = EdgeDelta([0], [1], [0], [0.5])
    _, edge_map = apply(GRAPH, delta)
    assert repr(delta) == "EdgeDelta(1 removed, 1 added)"
    assert repr(edge_map) == "EdgeMap(3 edges before, 3 after)"
    for value, name in ((delta, "removed"), (edge_map, "added")):
        with pytest.raises(errors.GraphIsFrozen, match=name):
            setattr(value, name, np.zeros(1))
        back = pickle.loads(pickle.dumps(value))
        assert (getattr(back, name) == getattr(value, name)).all()
        assert not getattr(back, name).flags.writeable
    assert isinstance(edge_map, EdgeMap)
    assert pickle.loads(pickle.dumps(delta)).values.tolist() == [0.5]
    assert pickle.loads(pickle.dumps(EdgeDelta())).values is None


def test_density_preserving_means_as_many_come_as_go():
    assert EdgeDelta([0], [1], [0]).is_density_preserving
    assert EdgeDelta().is_density_preserving
    assert not EdgeDelta([0, 1], [1], [0]).is_density_preserving
    assert (EdgeDelta([0, 1], [1], [0]).n_removed, EdgeDelta([0, 1], [1], [0]).n_added) == (2, 1)


# diff ----------------------------------------------------------------------------------------------------------------


def test_diff_lists_only_what_changed():
    after = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=3, n_out=2)
    delta = diff(GRAPH, after)
    assert delta.removed.tolist() == [1]
    assert (delta.added_sources.tolist(), delta.added_targets.tolist()) == ([1], [0])
    assert delta.values is None


def test_diff_needs_the_same_units():
    with pytest.raises(errors.InvalidEdges, match="3 -> 2 and 4 -> 3"):
        diff(GRAPH, zoo.GRAPHS["complete"])


# carry and subgraph --------------------------------------------------------------------------------------------------


def test_carry_brings_trailing_axes_along_and_keeps_the_type():
    _, edge_map = apply(GRAPH, EdgeDelta([0], [1], [0]))
    moments = np.arange(6, dtype=np.float32).reshape(3, 2)
    carried = carry(moments, edge_map, fill=np.array([[8.0, 9.0]]))
    assert carried.tolist() == [[8, 9], [2, 3], [4, 5]]
    assert carried.dtype == np.float32
    assert carry(np.array([True, True, False]), edge_map, fill=False).tolist() == [False, True, False]
    assert carry([1, 2, 3], edge_map, fill=-1).tolist() == [-1, 2, 3]


def test_carry_returns_a_new_array_that_can_be_written():
    _, edge_map = apply(GRAPH, EdgeDelta())
    values = np.ones(3)
    carried = carry(values, edge_map)
    carried[0] = 5
    assert values[0] == 1


@pytest.mark.parametrize("values", [np.ones(2), np.ones((2, 3)), 1.0])
def test_carry_needs_one_entry_per_old_edge(values):
    _, edge_map = apply(GRAPH, EdgeDelta())
    with pytest.raises(errors.InvalidEdgeVector, match=r"shape \(3,\)"):
        carry(values, edge_map)


def test_carry_needs_one_fill_per_newborn():
    _, edge_map = apply(GRAPH, EdgeDelta([0], [1], [0]))
    with pytest.raises(errors.InvalidEdgeVector):
        carry(np.ones(3), edge_map, fill=np.ones(2))


def test_carry_takes_an_empty_trailing_axis():
    _, edge_map = apply(GRAPH, EdgeDelta([0]))
    assert carry(np.ones((3, 0)), edge_map).shape == (2, 0)


@every
def test_subgraph_keeps_the_living_edges_and_all_units(graph):
    alive = np.random.default_rng(0).random(graph.n_edges) < 0.5
    part, edge_map = subgraph(graph, alive)
    assert part.sizes == graph.sizes
    assert (oracles.mask_of(part) == (oracles.dense_of(graph, alive) == 1)).all()
    assert (edge_map.survivors == np.flatnonzero(alive)).all()
    assert edge_map.n_edges == part.n_edges == alive.sum()


def test_subgraph_needs_one_truth_value_per_edge():
    with pytest.raises(errors.InvalidEdgeVector, match="alive"):
        subgraph(GRAPH, np.array([True]))
