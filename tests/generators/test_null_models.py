"""Null models keep what they promise, forget the rest, and are uniform where all graphs can be listed."""

import functools
import itertools

import numpy as np
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from netsparse import BipartiteGraph, SparseNetwork, apply, carry, errors
from netsparse.generators.null_models import NULL_MODELS, degree_preserving, density_preserving, randomized
from netsparse.generators.swaps import _find, _insert, _remove, pair_table

KEEPING = pytest.mark.parametrize("null_model", NULL_MODELS.values(), ids=NULL_MODELS)


def signed_degrees(graph, values, sign):
    kept = np.sign(values) == sign
    return (
        np.bincount(graph.sources[kept], minlength=graph.n_in).tolist(),
        np.bincount(graph.targets[kept], minlength=graph.n_out).tolist(),
    )


def outgoing(graph, values):
    """Sorted weights that leave each source."""
    return [sorted(values[graph.sources == s]) for s in range(graph.n_in)]


def all_graphs(like):
    """Every simple graph with the degrees of `like`, by brute force over all edge sets."""
    pairs = list(itertools.product(range(like.n_in), range(like.n_out)))
    found = set()
    for chosen in itertools.combinations(pairs, like.n_edges):
        sources, targets = zip(*chosen, strict=True)
        graph = BipartiteGraph.from_edges(sources, targets, n_in=like.n_in, n_out=like.n_out)
        if (graph.fan_in == like.fan_in).all() and (graph.fan_out == like.fan_out).all():
            found.add(graph)
    return found


@given(zoo.graphs(), st.integers(0, 99))
def test_degrees_are_kept_exactly(graph, seed):
    after, _ = apply(graph, degree_preserving(graph, rng=seed))
    assert after.fan_in.tolist() == graph.fan_in.tolist()
    assert after.fan_out.tolist() == graph.fan_out.tolist()


@KEEPING
@given(zoo.graphs(), st.integers(0, 99))
def test_counts_are_kept_and_the_same_seed_gives_the_same_change(null_model, graph, seed):
    delta, again = null_model(graph, rng=seed), null_model(graph, rng=seed)
    assert delta.is_density_preserving
    assert apply(graph, delta)[0] == apply(graph, again)[0]
    assert apply(graph, delta)[0].n_edges == graph.n_edges


@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
@KEEPING
def test_the_zoo_survives(null_model, graph):
    after, _ = apply(graph, null_model(graph, rng=0))
    assert (after.sizes, after.n_edges) == (graph.sizes, graph.n_edges)


@given(zoo.graphs(), st.integers(0, 99))
def test_a_weight_travels_with_its_source(graph, seed):
    weights = np.arange(1.0, graph.n_edges + 1)
    delta = degree_preserving(graph, weights=weights, rng=seed)
    after, edge_map = apply(graph, delta)
    moved = carry(weights, edge_map, fill=delta.values)
    assert outgoing(after, moved) == outgoing(graph, weights)
    assert (carry(weights, edge_map, fill=weights[delta.removed]) == moved).all()


@given(zoo.graphs(), st.integers(0, 99))
def test_swaps_within_a_sign_keep_signed_degrees(graph, seed):
    weights = np.random.default_rng(seed).integers(-1, 2, graph.n_edges).astype(float)
    delta = degree_preserving(graph, weights=weights, signs=weights, rng=seed)
    after, edge_map = apply(graph, delta)
    moved = carry(weights, edge_map, fill=delta.values)
    for sign in (-1, 0, 1):
        assert signed_degrees(after, moved, sign) == signed_degrees(graph, weights, sign)


def test_without_signs_the_signed_fan_in_does_change():
    graph = zoo.GRAPHS["sparse random"]
    weights = np.random.default_rng(0).normal(size=graph.n_edges)
    delta = degree_preserving(graph, weights=weights, rng=0)
    after, edge_map = apply(graph, delta)
    assert signed_degrees(after, carry(weights, edge_map, fill=delta.values), 1) != signed_degrees(graph, weights, 1)


@given(zoo.graphs(), st.integers(0, 99))
def test_density_preserving_keeps_the_multiset_of_weights(graph, seed):
    weights = np.arange(1.0, graph.n_edges + 1)
    delta = density_preserving(graph, weights=weights, rng=seed)
    _, edge_map = apply(graph, delta)
    assert sorted(carry(weights, edge_map, fill=delta.values)) == weights.tolist()


def test_the_chain_is_uniform_where_proposals_are_often_refused():
    # degrees (3, 2, 1, 1) x (2, 2, 2, 1): refusals differ from graph to graph, so that a chain that left them out of
    # its count would be visibly biased
    mask = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 0]])
    start = BipartiteGraph.from_mask(mask)
    states = sorted(all_graphs(start), key=lambda graph: graph.indices.tobytes())
    rng = np.random.default_rng(0)
    counts = dict.fromkeys(states, 0)
    for _ in range(200 * len(states)):
        counts[apply(start, degree_preserving(start, swaps_per_edge=30, rng=rng))[0]] += 1
    assert len(states) > 20
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_swaps_per_edge_may_be_a_fraction():
    """On a perfect matching only an edge drawn twice is refused, so that the chain's length can be read off."""
    n = 400
    matching = BipartiteGraph.from_edges(np.arange(n), np.arange(n), n_in=n, n_out=n)
    lengths = {swaps: degree_preserving(matching, swaps_per_edge=swaps, rng=1).n_removed for swaps in (0.0, 0.001, 0.1)}
    assert lengths[0.0] == lengths[0.001] == 0  # 0.4 of a proposal is none
    assert 60 <= lengths[0.1] <= 80  # 40 proposals, two edges each, some of them twice
    assert degree_preserving(matching, swaps_per_edge=1 / 400, rng=1).n_removed == 2
    assert degree_preserving(matching, swaps_per_edge=0.5 / 400, rng=1).n_removed == 2  # halves are rounded up
    whole, same = (degree_preserving(matching, swaps_per_edge=k, rng=1) for k in (2, np.float32(2.0)))
    assert apply(matching, whole)[0] == apply(matching, same)[0]


@pytest.mark.parametrize("swaps", [-0.5, float("nan"), float("inf"), 10**400, True, "ten", None])
def test_an_impossible_number_of_swaps_is_one_line(swaps):
    with pytest.raises(errors.InvalidOption, match=r"swaps_per_edge: given .*, expected a number of at least 0; try"):
        degree_preserving(zoo.GRAPHS["path"], swaps_per_edge=swaps, rng=0)


def test_the_density_model_is_uniform():
    start = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=3)
    rng = np.random.default_rng(0)
    counts = {}
    for _ in range(4000):
        after = apply(start, density_preserving(start, rng=rng))[0]
        counts[after] = counts.get(after, 0) + 1
    assert len(counts) == 20  # 3 of 6 pairs
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_the_start_is_forgotten():
    # of two blocks, a random graph with the same degrees keeps as many edges as any other: about a tenth
    blocks = np.kron(np.eye(10), np.ones((10, 10)))
    start = BipartiteGraph.from_mask(blocks)
    delta = degree_preserving(start, rng=0)
    after, _ = apply(start, delta)
    kept = start.has_edges(after.sources, after.targets).mean()
    assert abs(kept - 0.1) < 0.04


def test_no_swaps_change_nothing():
    graph = zoo.GRAPHS["sparse random"]
    assert degree_preserving(graph, swaps_per_edge=0, rng=0).n_removed == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=200))
def test_the_pair_table_is_a_set(steps):
    table, oracle = pair_table(np.arange(40, 70)), set(range(40, 70))  # small: probes run into each other
    for inserts, key in steps:
        if inserts and key not in oracle and len(oracle) < len(table) // 2:
            _insert(table, key)
            oracle.add(key)
        elif not inserts and key in oracle:
            _remove(table, key)
            oracle.remove(key)
        assert {key for key in range(80) if _find(table, key) >= 0} == oracle


@pytest.mark.parametrize("network", zoo.NETWORKS.values(), ids=zoo.NETWORKS)
@pytest.mark.parametrize("name", NULL_MODELS)
def test_networks_are_randomised_layer_by_layer(name, network):
    weights = [np.arange(1.0, layer.n_edges + 1) for layer in network.layers]
    after, moved = randomized(network, name, weights=weights, rng=0)
    assert isinstance(after, SparseNetwork)
    assert [layer.n_edges for layer in after.layers] == [layer.n_edges for layer in network.layers]
    assert SparseNetwork(after.layers, network.joints) == after
    for before, travelled in zip(weights, moved, strict=True):
        assert sorted(travelled) == before.tolist()
    assert randomized(network, name, rng=0) == (after, None)


def test_layers_of_one_network_are_shuffled_independently():
    layer = zoo.GRAPHS["sparse random"]
    square = SparseNetwork([layer, layer.reverse()[0], layer])
    after, _ = randomized(square, "degree", rng=0)
    assert after.layers[0] != after.layers[2]


def test_a_layer_and_a_function_are_accepted():
    graph = zoo.GRAPHS["sparse random"]
    weights = np.random.default_rng(0).normal(size=graph.n_edges)
    longer = functools.partial(degree_preserving, swaps_per_edge=20)
    after, moved = randomized(graph, longer, weights=weights, rng=0)
    assert isinstance(after, BipartiteGraph)
    assert sorted(moved) == sorted(weights)
    assert moved.dtype == weights.dtype


def test_bad_input_is_named():
    graph = zoo.GRAPHS["path"]
    with pytest.raises(errors.UnknownName, match=r"null_model: given 'degrees', expected one of degree, density; try"):
        randomized(graph, "degrees", rng=0)
    with pytest.raises(errors.InvalidEdgeVector, match="weights"):
        degree_preserving(graph, weights=[1.0], rng=0)
    with pytest.raises(errors.InvalidEdgeVector, match="signs"):
        degree_preserving(graph, signs=[1.0], rng=0)
    with pytest.raises(errors.InvalidOption, match="swaps_per_edge: given -1"):
        degree_preserving(graph, swaps_per_edge=-1, rng=0)
    with pytest.raises(errors.InvalidSeed):
        density_preserving(graph, rng=None)


@pytest.mark.parametrize(
    ("signs", "message"),
    [
        ([1.0, np.nan, -1.0], "signs: given nan at edge 1, expected numbers with a sign"),
        (["+", "-", "+"], "signs: given dtype <U1, expected real numbers"),
        (np.ones(3, dtype=complex), "signs: given dtype complex128"),
        ([None, 1, 2], "signs: given dtype object"),
    ],
)
def test_signs_that_are_none_are_one_line(signs, message):
    graph = BipartiteGraph.from_edges([0, 1, 2], [0, 1, 2], n_in=3, n_out=3)
    with pytest.raises(errors.InvalidEdgeVector, match=message):
        degree_preserving(graph, signs=signs, rng=0)


def test_signs_may_be_a_mask_or_narrow():
    graph = zoo.GRAPHS["dense random"]
    mask = np.random.default_rng(0).random(graph.n_edges) < 0.5
    delta = degree_preserving(graph, signs=mask, rng=0)
    after, edge_map = apply(graph, delta)
    assert after == apply(graph, degree_preserving(graph, signs=mask.astype(np.uint8), rng=0))[0]
    moved = carry(mask, edge_map, fill=mask[delta.removed])
    assert signed_degrees(after, moved.astype(int), 1) == signed_degrees(graph, mask.astype(int), 1)


@KEEPING
def test_a_network_is_sent_to_randomized(null_model):
    for other, name in ((zoo.NETWORKS["three layers"], "SparseNetwork"), (np.eye(3), "ndarray")):
        with pytest.raises(errors.InvalidGraph, match=rf"given a {name}, expected a BipartiteGraph; try randomized"):
            null_model(other, rng=0)


def test_randomized_takes_graphs_alone():
    with pytest.raises(errors.InvalidGraph, match="graph: given a ndarray, expected a BipartiteGraph or a Sparse"):
        randomized(np.eye(3), "degree", rng=0)
