"""The laws of change: what `apply`, `diff`, `carry`, `inverse`, `reverse` promise for every graph and every delta."""

import numpy as np
import oracles
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import BipartiteGraph, EdgeDelta, apply, carry, diff
from netsparse.graph import free_pairs, subgraph


def is_canonical(graph):
    """Rows sorted and unique: the checking constructor takes the arrays as they are."""
    return BipartiteGraph(graph.n_in, graph.n_out, graph.indptr, graph.indices) == graph


def values_of(graph):
    return np.arange(1.0, graph.n_edges + 1)


@given(zoo.graph_pairs())
def test_diff_leads_from_one_graph_to_the_other(pair):
    before, after = pair
    delta = diff(before, after)
    assert apply(before, delta)[0] == after
    assert delta.n_removed == len(oracles.pairs_of(before) - oracles.pairs_of(after))
    assert delta.n_added == len(oracles.pairs_of(after) - oracles.pairs_of(before))


@given(zoo.graphs_with_delta())
def test_apply_is_set_arithmetic_on_pairs(case):
    graph, delta = case
    after, _ = apply(graph, delta)
    gone = set(zip(graph.sources[delta.removed].tolist(), graph.targets[delta.removed].tolist(), strict=True))
    born = set(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))
    assert oracles.pairs_of(after) == (oracles.pairs_of(graph) - gone) | born
    assert is_canonical(after)


@given(zoo.graphs_with_delta())
def test_the_edge_count_is_exact(case):
    graph, delta = case
    after, edge_map = apply(graph, delta)
    assert after.n_edges == graph.n_edges - delta.n_removed + delta.n_added == edge_map.n_edges
    if delta.is_density_preserving:
        assert after.density == graph.density


@given(zoo.graphs_with_delta())
def test_the_map_sends_every_edge_to_itself(case):
    graph, delta = case
    after, edge_map = apply(graph, delta)
    survivors = edge_map.survivors
    assert survivors.tolist() == sorted(set(range(graph.n_edges)) - set(delta.removed.tolist()))
    images = edge_map.old_to_new[survivors]
    assert (after.sources[images] == graph.sources[survivors]).all()
    assert (after.targets[images] == graph.targets[survivors]).all()
    assert (after.sources[edge_map.added] == delta.added_sources).all()
    assert (after.targets[edge_map.added] == delta.added_targets).all()
    assert sorted([*images.tolist(), *edge_map.added.tolist()]) == list(range(after.n_edges))
    assert (np.diff(images) > 0).all()  # survivors keep their relative order


@given(zoo.graphs_with_delta())
def test_carry_agrees_with_the_dense_matrix(case):
    graph, delta = case
    newborn = -np.arange(1.0, delta.n_added + 1)
    dense = oracles.dense_of(graph, values_of(graph), hole=np.nan)
    for edge in delta.removed:
        dense[graph.targets[edge], graph.sources[edge]] = np.nan
    for source, target, value in zip(delta.added_sources, delta.added_targets, newborn, strict=True):
        dense[target, source] = value
    after, edge_map = apply(graph, delta)
    carried = carry(values_of(graph), edge_map, fill=newborn)
    np.testing.assert_array_equal(oracles.dense_of(after, carried, hole=np.nan), dense)


@given(zoo.graphs_with_delta(), st.integers(1, 3))
def test_carry_moves_trailing_axes_as_it_moves_vectors(case, width):
    graph, delta = case
    _, edge_map = apply(graph, delta)
    columns = np.stack([values_of(graph) * c for c in range(width)], axis=1)
    carried = carry(columns, edge_map, fill=7.0)
    for c in range(width):
        assert (carried[:, c] == carry(columns[:, c], edge_map, fill=7.0)).all()


@given(zoo.graphs_with_delta())
def test_the_inverse_leads_back_edge_for_edge(case):
    graph, delta = case
    after, there = apply(graph, delta)
    inverse = delta.inverse(graph)
    back, home = apply(after, inverse)
    assert back == graph
    survivors = there.survivors
    assert (home.old_to_new[there.old_to_new[survivors]] == survivors).all()
    assert (home.added == delta.removed).all()
    assert (home.old_to_new[there.added] == -1).all()
    assert inverse.n_removed == delta.n_added
    assert inverse.n_added == delta.n_removed


@given(st.data())
def test_two_changes_compose(data):
    graph, first = data.draw(zoo.graphs_with_delta())
    middle, map_one = apply(graph, first)
    second = data.draw(zoo.deltas(middle))
    after, map_two = apply(middle, second)
    assert apply(graph, diff(graph, after))[0] == after
    through = carry(carry(values_of(graph), map_one), map_two)
    direct = np.zeros(after.n_edges)
    for old, new in enumerate(map_one.old_to_new):
        if new >= 0 and map_two.old_to_new[new] >= 0:
            direct[map_two.old_to_new[new]] = old + 1.0
    assert (through == direct).all()


@given(zoo.graphs(), st.data())
def test_a_removed_pair_that_is_added_again_is_a_newborn(graph, data):
    regrown = np.array(sorted(data.draw(st.sets(st.integers(0, max(graph.n_edges - 1, 0))))), dtype=int)
    regrown = regrown[regrown < graph.n_edges]
    after, edge_map = apply(graph, EdgeDelta(regrown, graph.sources[regrown], graph.targets[regrown]))
    assert after == graph
    assert (edge_map.old_to_new[regrown] == -1).all()
    assert (edge_map.added == regrown).all()


@given(zoo.graphs(), st.integers(0, 2**32))
def test_from_edges_does_not_depend_on_the_order_of_the_pairs(graph, seed):
    order = np.random.default_rng(seed).permutation(graph.n_edges)
    shuffled = BipartiteGraph.from_edges(graph.sources[order], graph.targets[order], n_in=graph.n_in, n_out=graph.n_out)
    assert shuffled == graph
    assert hash(shuffled) == hash(graph)
    weights = np.empty(graph.n_edges)
    weights[shuffled.edge_ids(graph.sources[order], graph.targets[order])] = values_of(graph)[order]
    assert (weights == values_of(graph)).all()


@given(zoo.graphs())
def test_equal_graphs_have_equal_bytes(graph):
    again = BipartiteGraph.from_mask(oracles.mask_of(graph))
    assert again.indptr.tobytes() == graph.indptr.tobytes()
    assert again.indices.tobytes() == graph.indices.tobytes()


@given(zoo.graphs())
def test_by_source_and_reverse_agree_with_the_transposed_matrix(graph):
    indptr, edge_ids = graph.by_source
    expected = [e for s in range(graph.n_in) for e in range(graph.n_edges) if graph.sources[e] == s]
    assert edge_ids.tolist() == expected
    assert indptr.tolist() == np.cumsum([0, *oracles.mask_of(graph).sum(axis=0)]).tolist()
    turned, ids = graph.reverse()
    assert (oracles.dense_of(turned, values_of(graph)[ids]) == oracles.dense_of(graph, values_of(graph)).T).all()
    assert turned.reverse()[0] == graph
    assert is_canonical(turned)


@given(zoo.graphs(), st.data())
def test_queries_agree_with_a_set_of_pairs(graph, data):
    pairs = data.draw(st.lists(st.tuples(st.integers(0, graph.n_in - 1), st.integers(0, graph.n_out - 1))))
    known = oracles.pairs_of(graph)
    sources, targets = [s for s, _ in pairs], [t for _, t in pairs]
    assert graph.has_edges(sources, targets).tolist() == [pair in known for pair in pairs]
    present = [pair for pair in pairs if pair in known]
    ids = graph.edge_ids([s for s, _ in present], [t for _, t in present])
    assert list(zip(graph.sources[ids].tolist(), graph.targets[ids].tolist(), strict=True)) == present


@given(zoo.graphs(), st.data())
def test_subgraph_is_the_removal_of_the_dead(graph, data):
    alive = np.array(data.draw(st.lists(st.booleans(), min_size=graph.n_edges, max_size=graph.n_edges)), dtype=bool)
    part, edge_map = subgraph(graph, alive)
    assert part == apply(graph, EdgeDelta(np.flatnonzero(~alive)))[0]
    assert (carry(values_of(graph), edge_map) == values_of(graph)[alive]).all()


@given(zoo.graphs(), st.floats(0, 1), st.integers(0, 2**32))
def test_free_pairs_can_always_be_added(graph, part, seed):
    n_pairs = int(part * (graph.n_in * graph.n_out - graph.n_edges))
    sources, targets = free_pairs(graph, n_pairs, rng=seed)
    after, _ = apply(graph, EdgeDelta([], sources, targets))
    assert after.n_edges == graph.n_edges + n_pairs


@given(zoo.graphs())
def test_scipy_and_mask_lead_there_and_back(graph):
    assert BipartiteGraph.from_scipy(graph.weight_matrix(np.zeros(graph.n_edges))) == graph
    assert BipartiteGraph.from_mask(graph.weight_matrix().toarray()) == graph
