"""Removal of units: whole levels or some of them, each unit with the edges it has left."""

import itertools

import numpy as np
import pytest
import scipy.stats
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse.errors import InvalidOption, UnknownName
from netsparse.graph import BipartiteGraph
from netsparse.percolation.orders import ORDERS, removals
from netsparse.percolation.removal import Removal
from netsparse.percolation.unit_orders import RandomUnits, UnitDegree, chosen_levels

WIRINGS = zoo.GRAPHS | zoo.NETWORKS
UNIT_ORDERS = [name for name, order in ORDERS.items() if order.of == "units"]


def levels_of(wiring):
    return np.repeat(np.arange(len(wiring.sizes)), wiring.sizes)


@given(zoo.networks(), st.integers(0, 1000), st.data())
@settings(deadline=None, max_examples=100)
def test_a_unit_takes_the_edges_it_has_left(network, seed, data):
    n_levels = len(network.sizes)
    levels = data.draw(st.lists(st.integers(0, n_levels - 1), min_size=1, unique=True))
    removal = RandomUnits().removal(network, levels=levels, rng=seed)
    ends = list(zip(*(units.tolist() for units in network.unit_edges()), strict=True))
    for m in range(removal.n_items + 1):
        gone = set(removal.items[:m].tolist())
        expected = [edge for edge, pair in enumerate(ends) if gone & set(pair)]
        assert sorted(removal.edges[: removal.gone[m]].tolist()) == expected
    assert sorted(removal.edges.tolist()) == list(range(network.n_edges))
    for first, stop in itertools.pairwise(removal.gone.tolist()):
        assert (np.diff(removal.edges[first:stop]) > 0).all()


@pytest.mark.parametrize("order", UNIT_ORDERS)
@pytest.mark.parametrize("scope", ["layer", "network"])
@pytest.mark.parametrize(
    ("levels", "chosen"),
    [(None, [0, 1, 2, 3]), ("hidden", [1, 2]), ("inputs", [0]), ("outputs", [3]), ([2], [2]), ((3, 0), [0, 3])],
)
def test_units_of_the_chosen_levels_go_and_no_others(order, scope, levels, chosen):
    network = zoo.NETWORKS["three layers"]
    level_of = levels_of(network)
    (removal,) = removals(network, order=order, scope=scope, levels=levels, rng=0)
    assert sorted(removal.items.tolist()) == np.flatnonzero(np.isin(level_of, chosen)).tolist()
    if scope == "layer":
        total = removal.n_items
        for level in chosen:
            lost, m = np.cumsum(level_of[removal.items] == level), np.arange(1, total + 1)
            assert (lost >= m * network.sizes[level] // total).all()
            assert (lost <= -(-m * network.sizes[level] // total)).all()


def test_degrees_count_the_edges_to_levels_that_stay():
    """Recomputed degrees of chosen units lose only what other chosen units take along."""
    network = zoo.NETWORKS["three layers"]
    sources, targets = network.unit_edges()
    degree = np.bincount(np.concatenate([sources, targets]), minlength=sum(network.sizes))
    for every in (None, 1):
        (removal,) = removals(network, order=UnitDegree(recompute_every=every), levels=[1], rng=0)
        # no edge joins two units of one level, so that the degrees stay as they were
        assert (np.diff(degree[removal.items]) <= 0).all()


@pytest.mark.parametrize("every", [1, 2, None])
def test_degrees_behind_a_joint_count_every_edge(every):
    network = zoo.NETWORKS["joint"]
    # one output has an edge from each hidden unit, the other two from one of them: as many, so that a draw decides
    draw = UnitDegree(recompute_every=every).start(network, levels="outputs")
    assert {int(draw(np.random.default_rng(k)).items[0]) for k in range(20)} == {5, 6}


def test_random_units_are_uniform():
    graph, rng = BipartiteGraph.from_mask([[1, 0], [1, 1]]), np.random.default_rng(2)
    draw = RandomUnits().start(graph, scope="network")
    seen = dict.fromkeys(itertools.permutations(range(4)), 0)
    for _ in range(4800):
        seen[tuple(draw(rng).items.tolist())] += 1
    assert scipy.stats.chisquare(list(seen.values())).pvalue > 0.001


@pytest.mark.parametrize(
    ("levels", "error", "said"),
    [
        ("middle", UnknownName, "one of hidden, inputs, outputs"),
        ("hidden", InvalidOption, "'hidden', none of 2 levels"),
        ([], InvalidOption, "one level or more"),
        ([2], InvalidOption, "0 to 1"),
        ([-1], InvalidOption, "0 to 1"),
        ([0, 0], InvalidOption, "different levels"),
        ([0.5], InvalidOption, "from 0 to 1"),
        ([True], InvalidOption, "from 0 to 1"),
        (1, InvalidOption, "given 1"),
        (np.array(1), InvalidOption, "given array(1)"),
        ([[0], [0, 1]], InvalidOption, "from 0 to 1"),
    ],
)
def test_levels_that_do_not_exist_are_one_line(levels, error, said):
    with pytest.raises(error) as raised:
        removals(zoo.GRAPHS["complete"], order="random_units", levels=levels, rng=0)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_chosen_unit_is_needed_for_an_edge_to_stay():
    removal = Removal.of_units(np.array([1]), np.array([[0, 3], [1, 3], [2, 3]]), 4)
    assert removal.edges.tolist() == [1, 0, 2]
    assert removal.gone.tolist() == [0, 1]


def test_a_graph_without_edges_loses_its_units():
    (removal,) = removals(WIRINGS["no edges"], order="adaptive_unit_degree", rng=0)
    assert removal.n_items == 7
    assert removal.edges.tolist() == []
    assert removal.gone.tolist() == [0] * 8


def test_names_of_levels():
    assert chosen_levels("inputs", 2) == [0]
    assert chosen_levels("outputs", 2) == [1]
    assert chosen_levels("hidden", 3) == [1]
    assert chosen_levels(np.array([1, 0], dtype=np.uint8), 3) == [0, 1]
