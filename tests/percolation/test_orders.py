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
from netsparse.percolation.edge_orders import ByWeight, DegreeProduct, Random
from netsparse.percolation.orders import ORDERS, random_order, removals
from netsparse.percolation.scopes import merged, shuffled, turns
from netsparse.rng import seeds

WIRINGS = zoo.GRAPHS | zoo.NETWORKS
SCOPES = ("layer", "network")


def weights_of(wiring, rng=0):
    """Weights with ties and zeros, as `wiring` wants them."""
    rng = np.random.default_rng(rng)
    rows = [rng.choice([-0.5, -0.25, 0.0, 0.25, 1.0], layer.n_edges) for layer in wiring.layers]
    return rows[0] if isinstance(wiring, BipartiteGraph) else rows


@pytest.mark.parametrize("name", WIRINGS)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("order", ORDERS)
def test_every_order_is_a_permutation_and_follows_its_seed(order, scope, name):
    wiring = WIRINGS[name]
    options = {"order": order, "scope": scope, "trials": 3, "weights": weights_of(wiring), "rng": 7}
    first, again = (list(removals(wiring, **options)) for _ in range(2))
    assert len(first) == 3
    n_items = wiring.n_edges if ORDERS[order].of == "edges" else sum(wiring.sizes)
    for one, other in zip(first, again, strict=True):
        assert one.of == ORDERS[order].of
        assert np.sort(one.items).tolist() == list(range(n_items))
        assert np.sort(one.edges).tolist() == list(range(wiring.n_edges))
        assert one.items.tolist() == other.items.tolist()
        assert one.edges.tolist() == other.edges.tolist()
        assert (one.gone[0], one.gone[-1], len(one.gone)) == (0, wiring.n_edges, n_items + 1)


@pytest.mark.parametrize("name", WIRINGS)
@pytest.mark.parametrize("order", ORDERS)
def test_every_layer_or_level_loses_its_share(order, name):
    """After m of M removals, a layer with E_k items has lost m E_k / M of them, rounded down or up."""
    wiring = WIRINGS[name]
    is_edges = ORDERS[order].of == "edges"
    counts = [layer.n_edges for layer in wiring.layers] if is_edges else list(wiring.sizes)
    group_of, total = np.repeat(np.arange(len(counts)), counts), sum(counts)
    (removal,) = removals(wiring, order=order, weights=weights_of(wiring), rng=1)
    m = np.arange(1, total + 1)
    for k, count in enumerate(counts):
        lost = np.cumsum(group_of[removal.items] == k)
        assert (lost >= m * count // total).all()
        assert (lost <= -(-m * count // total)).all()


@pytest.mark.parametrize("order", ORDERS)
def test_a_seed_repeats_its_trial(order):
    wiring = WIRINGS["three layers"]
    weights = weights_of(wiring)
    drawn = list(removals(wiring, order=order, trials=3, weights=weights, rng=5))
    for removal, seed in zip(drawn, seeds(5, 3, purpose="removal"), strict=True):
        alone = ORDERS[order].removal(wiring, weights=weights, rng=seed)
        assert alone.items.tolist() == removal.items.tolist()
        if order == "random":
            assert random_order(wiring, rng=seed).tolist() == removal.items.tolist()


@pytest.mark.parametrize("scope", SCOPES)
def test_trials_and_seeds_differ(scope):
    wiring = WIRINGS["dense random"]
    drawn = [*removals(wiring, scope=scope, trials=2, rng=0), *removals(wiring, scope=scope, trials=2, rng=1)]
    assert len({removal.edges.tobytes() for removal in drawn}) == 4


def test_more_trials_begin_with_the_same_ones():
    wiring = WIRINGS["three layers"]
    few, many = (list(removals(wiring, trials=n, rng=3)) for n in (2, 5))
    assert [removal.items.tolist() for removal in few] == [removal.items.tolist() for removal in many[:2]]


@pytest.mark.parametrize("scope", SCOPES)
def test_random_order_is_the_order_of_that_name(scope):
    wiring = WIRINGS["three layers"]
    assert (
        random_order(wiring, scope=scope, rng=4).tolist() == Random().removal(wiring, scope=scope, rng=4).items.tolist()
    )


@given(st.lists(st.integers(0, 60), min_size=1, max_size=7))
@settings(deadline=None, max_examples=300)
def test_turns_give_every_group_its_share_at_every_point(counts):
    counts = np.array(counts, dtype=np.int64)
    total, whose = counts.sum(), turns(counts)
    assert len(whose) == total
    m = np.arange(1, total + 1)
    for k, count in enumerate(counts):
        lost = np.cumsum(whose == k)
        assert (lost >= m * count // total).all()
        assert (lost <= -(-m * count // total)).all()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 100))
@settings(deadline=None)
def test_groups_are_shuffled_by_themselves_and_merged_in_their_order(counts, seed):
    counts = np.array(counts, dtype=np.int64)
    group_of, whose = np.repeat(np.arange(len(counts)), counts), turns(counts)
    arranged = shuffled(counts, np.random.default_rng(seed))
    assert group_of[arranged].tolist() == group_of.tolist()
    assert np.sort(arranged).tolist() == list(range(counts.sum()))
    order = merged(arranged, counts, whose)
    assert group_of[order].tolist() == whose.tolist()
    for k in range(len(counts)):
        assert order[whose == k].tolist() == arranged[group_of == k].tolist()


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
        (ByWeight, "ByWeight"),
    ],
)
def test_a_given_order_must_be_a_permutation(order, said):
    with pytest.raises(InvalidOption) as raised:
        removals(zoo.GRAPHS["complete"], order=order)
    line = str(raised.value)
    assert said in line
    assert "every edge id from 0 to 11 once" in line
    assert "\n" not in line


def test_unsigned_and_narrow_ids_are_fine():
    graph, order = zoo.GRAPHS["complete"], [3, 1, 0, 2, *range(4, 12)]
    for given_order in (order, np.array(order), np.array(order, dtype=np.uint8)):
        (removal,) = removals(graph, order=given_order)
        assert removal.of == "edges"
        assert removal.edges.tolist() == order


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"order": "by colour", "rng": 0}, UnknownName, "weight_descending"),
        ({"scope": "everything", "rng": 0}, UnknownName, "one of layer, network"),
        ({"scope": ["layer"], "rng": 0}, UnknownName, "one of layer, network"),
        ({"trials": 0, "rng": 0}, InvalidOption, "at least 1"),
        ({"trials": 2.0, "rng": 0}, InvalidOption, "at least 1"),
        ({"trials": True, "rng": 0}, InvalidOption, "at least 1"),
        ({"trials": 2, "order": np.arange(12)}, InvalidOption, "one trial"),
        ({"levels": "hidden", "order": np.arange(12)}, InvalidOption, "levels are of units"),
        ({"scope": "Layer", "order": np.arange(12)}, UnknownName, "one of layer, network"),
        ({"levels": "outputs", "rng": 0}, InvalidOption, "levels are of units"),
        ({"order": "weight_ascending", "rng": 0}, InvalidOption, "weights=result.weights"),
        ({"order": DegreeProduct()}, InvalidSeed, "rng: given None"),
        ({}, InvalidSeed, "rng: given None"),
    ],
)
def test_bad_options_are_refused_before_the_first_trial(options, error, said):
    with pytest.raises(error) as raised:
        removals(zoo.GRAPHS["complete"], **options)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("draw", [removals, random_order, ORDERS["random_units"].removal])
def test_something_that_is_no_network_is_named(draw):
    with pytest.raises(InvalidOption, match="ndarray"):
        draw(np.eye(3), rng=0)


@pytest.mark.parametrize("scope", ["unit", ["layer"]])
@pytest.mark.parametrize("draw", [random_order, ORDERS["unit_degree"].removal])
def test_an_unknown_scope_is_refused_by_the_order_itself(draw, scope):
    with pytest.raises(UnknownName):
        draw(zoo.GRAPHS["complete"], scope=scope, rng=0)


def test_definitions_are_short_and_different():
    definitions = [order.definition for order in ORDERS.values()]
    assert len(set(definitions)) == len(ORDERS)
    assert all(0 < len(definition) < 120 and "\n" not in definition for definition in definitions)
    assert {name for name, order in ORDERS.items() if order.needs_weights} == {"weight_ascending", "weight_descending"}
    assert {name for name, order in ORDERS.items() if order.of == "units"} == {
        "random_units",
        "unit_degree",
        "adaptive_unit_degree",
    }


def test_a_seed_keeps_its_orders():
    """Whoever published a seed published these orders."""
    star = BipartiteGraph.from_mask([[1] * 6])
    assert [removal.edges.tolist() for removal in removals(star, trials=2, rng=0)] == [
        [2, 5, 4, 3, 0, 1],
        [4, 1, 3, 2, 5, 0],
    ]
