"""Removal orders: permutations, uniform, proportional over the layers, and checked where the user gives one."""

import itertools

import numpy as np
import pytest
import scipy.stats
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse.errors import InvalidOption, InvalidSeed, UnknownName
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.percolation import ORDERS, percolate, random_order, removal_orders
from netsparse.percolation.orders import layer_by_layer

WIRINGS = zoo.GRAPHS | zoo.NETWORKS
SCOPES = ("layer", "network")


@pytest.mark.parametrize("name", WIRINGS)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("order", ORDERS)
def test_every_order_is_a_permutation_and_follows_its_seed(order, scope, name):
    wiring = WIRINGS[name]
    first, again = (list(removal_orders(wiring, order=order, scope=scope, trials=3, rng=7)) for _ in range(2))
    assert len(first) == 3
    for one, other in zip(first, again, strict=True):
        assert np.sort(one).tolist() == list(range(wiring.n_edges))
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("scope", SCOPES)
def test_trials_and_seeds_differ(scope):
    wiring = WIRINGS["dense random"]
    orders = [
        *removal_orders(wiring, scope=scope, trials=2, rng=0),
        *removal_orders(wiring, scope=scope, trials=2, rng=1),
    ]
    assert len({order.tobytes() for order in orders}) == 4


def test_more_trials_begin_with_the_same_ones():
    wiring = WIRINGS["three layers"]
    few, many = (list(removal_orders(wiring, trials=n, rng=3)) for n in (2, 5))
    assert [order.tolist() for order in few] == [order.tolist() for order in many[:2]]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=7))
@settings(deadline=None, max_examples=300)
def test_every_layer_has_lost_its_share_at_every_point(counts):
    """After m of M removals layer k has lost m E_k / M edges, rounded down or up."""
    counts = np.array(counts, dtype=np.int64)
    total, layer_of = counts.sum(), np.repeat(np.arange(len(counts)), counts)
    order = layer_by_layer(counts, lambda ids: ids)
    assert np.sort(order).tolist() == list(range(total))
    m = np.arange(1, total + 1)
    for k, count in enumerate(counts):
        lost = np.cumsum(layer_of[order] == k)
        assert (lost >= m * count // total).all()
        assert (lost <= -(-m * count // total)).all()


def test_a_layer_keeps_the_order_arranged_for_it():
    order = layer_by_layer(np.array([5, 3]), lambda ids: ids[::-1])
    assert order[order < 5].tolist() == [4, 3, 2, 1, 0]
    assert order[order >= 5].tolist() == [7, 6, 5]


def frequencies(draw, n, outcomes):
    seen = dict.fromkeys(outcomes, 0)
    for _ in range(n):
        seen[draw()] += 1
    return list(seen.values())


def test_pooled_orders_are_uniform():
    graph, rng = zoo.GRAPHS["complete"], np.random.default_rng(11)
    star = BipartiteGraph.from_mask([[1, 1, 1, 1]])
    observed = frequencies(
        lambda: tuple(random_order(star, scope="network", rng=rng).tolist()), 6000, itertools.permutations(range(4))
    )
    assert scipy.stats.chisquare(observed).pvalue > 0.001
    network = SparseNetwork([graph, BipartiteGraph.from_mask([[1, 1, 1]])])
    firsts = np.bincount([random_order(network, scope="network", rng=rng)[0] for _ in range(6000)], minlength=15)
    assert scipy.stats.chisquare(firsts).pvalue > 0.001


def test_each_layer_is_uniform_within_itself():
    rng = np.random.default_rng(12)
    network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1]] * 2), BipartiteGraph.from_mask([[1, 1], [1, 0]])])

    def last_layer():
        order = random_order(network, rng=rng)
        return tuple(order[order >= 6].tolist())

    assert scipy.stats.chisquare(frequencies(last_layer, 6000, itertools.permutations(range(6, 9)))).pvalue > 0.001


def test_scopes_differ_on_unequal_layers():
    """Pooled removal takes the share of a layer by chance, removal by layer never does."""
    layers = [BipartiteGraph.from_mask(np.ones((40, 25))), BipartiteGraph.from_mask(np.ones((25, 40)))]
    network = SparseNetwork(layers)
    halves = {
        scope: [int(np.sum(random_order(network, scope=scope, rng=seed)[:1000] < 1000)) for seed in range(20)]
        for scope in SCOPES
    }
    assert set(halves["layer"]) == {500}
    assert len(set(halves["network"])) > 5


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ([0, 1, 2], "int64 of shape (3,)"),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12], "edge 12 at position 11"),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1], "edge -1 at position 11"),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10], "edge 10 more than once"),
        (np.arange(12.0), "float64 of shape (12,)"),
        (np.arange(12).reshape(3, 4), "int64 of shape (3, 4)"),
        (None, "None"),
    ],
)
def test_a_given_order_must_be_a_permutation(order, said):
    with pytest.raises(InvalidOption) as raised:
        percolate(zoo.GRAPHS["complete"], order=order)
    line = str(raised.value)
    assert said in line
    assert "every edge id from 0 to 11 once" in line
    assert "\n" not in line


def test_unsigned_and_narrow_ids_are_fine():
    graph = zoo.GRAPHS["complete"]
    wide = percolate(graph, order=np.arange(12))
    assert percolate(graph, order=np.arange(12, dtype=np.uint8)) == wide
    assert percolate(graph, order=list(range(12))) == wide


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"order": "by colour", "rng": 0}, UnknownName, "one of random"),
        ({"scope": "everything", "rng": 0}, UnknownName, "one of layer, network"),
        ({"scope": ["layer"], "rng": 0}, UnknownName, "one of layer, network"),
        ({"trials": 0, "rng": 0}, InvalidOption, "at least 1"),
        ({"trials": 2.0, "rng": 0}, InvalidOption, "at least 1"),
        ({"trials": True, "rng": 0}, InvalidOption, "at least 1"),
        ({"trials": 2, "order": np.arange(12)}, InvalidOption, "one trial"),
        ({}, InvalidSeed, "rng: given None"),
    ],
)
def test_bad_options_are_refused_before_the_first_trial(options, error, said):
    with pytest.raises(error) as raised:
        removal_orders(zoo.GRAPHS["complete"], **options)
    assert said in str(raised.value)


def test_something_that_is_no_network_is_named():
    with pytest.raises(InvalidOption, match="ndarray"):
        percolate(np.eye(3), rng=0)


@pytest.mark.parametrize("scope", ["unit", ["layer"]])
def test_an_unknown_scope_is_refused_by_the_order_itself(scope):
    with pytest.raises(UnknownName):
        random_order(zoo.GRAPHS["complete"], scope=scope, rng=0)


def test_a_seed_keeps_its_orders():
    """Whoever published a seed published these orders."""
    star = BipartiteGraph.from_mask([[1] * 6])
    assert [order.tolist() for order in removal_orders(star, trials=2, rng=0)] == [
        [5, 1, 2, 4, 3, 0],
        [5, 3, 2, 4, 0, 1],
    ]
