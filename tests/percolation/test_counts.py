"""Every observable at every number of removed edges or units, against a recomputation from nothing and closed forms."""

import math

import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse.errors import InvalidOption
from netsparse.generators import erdos_renyi, layered
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.metrics import active_units, giant_component, log_path_count
from netsparse.percolation import OBSERVABLES, path_counts, percolate, random_order
from netsparse.percolation.edge_ends import edge_ends
from netsparse.percolation.newman_ziff import BLOCK
from netsparse.percolation.observables import watch
from netsparse.percolation.orders import removals
from netsparse.percolation.reachability import last_reached, positions
from netsparse.percolation.removal import Removal
from netsparse.percolation.simulation import observe

WIRINGS = zoo.GRAPHS | zoo.NETWORKS
EVERYTHING = tuple(OBSERVABLES)
FALLING = (
    "giant_component",
    "units_reachable",
    "outputs_reachable",
    "inputs_connected",
    "active_units",
    "log_path_count",
)


def counts_of(graph_or_network, order):
    curve = percolate(graph_or_network, order=order, observables=EVERYTHING)
    return {name: curve.counts(name)[0].tolist() for name in EVERYTHING}


def unit_removal(graph_or_network, units):
    ends = np.stack(graph_or_network.unit_edges(), axis=1)
    return Removal.of_units(np.array(units, dtype=np.int32), ends, sum(graph_or_network.sizes))


def watched(graph_or_network, removal, points=None):
    """All observables along one removal, of edges or of units, by the compiled passes themselves."""
    ends = np.stack(graph_or_network.unit_edges(), axis=1).astype(np.int32)
    points = np.arange(removal.n_items + 1) if points is None else np.array(points)
    seen = {name: np.full(len(points), -7, dtype=OBSERVABLES[name].dtype) for name in EVERYTHING}
    watch(graph_or_network.sizes, ends, removal, points, seen)
    return {name: row.tolist() for name, row in seen.items()}


def same(found, expected):
    """Whole numbers are equal; ratios of whole numbers too; logarithms to the last digits."""
    assert found.keys() == expected.keys()
    assert found.pop("log_path_count") == pytest.approx(expected.pop("log_path_count"), rel=1e-13)
    assert found == expected


def some(random, n):
    """A random selection of n things in a random order."""
    items = list(range(n))
    random.shuffle(items)
    return items[: random.randint(0, n)]


@pytest.mark.parametrize("scope", ["layer", "network"])
@pytest.mark.parametrize("name", WIRINGS)
def test_random_removal_equals_recomputation_at_every_count(name, scope):
    wiring = WIRINGS[name]
    order = random_order(wiring, scope=scope, rng=5)
    same(counts_of(wiring, order), oracles.percolation_counts(wiring, order))


@pytest.mark.parametrize("name", WIRINGS)
def test_removal_of_all_units_equals_recomputation_at_every_count(name):
    wiring = WIRINGS[name]
    units = np.random.default_rng(5).permutation(sum(wiring.sizes))
    same(watched(wiring, unit_removal(wiring, units)), oracles.percolation_counts(wiring, units, "units"))


@given(zoo.networks(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_any_network_and_any_order_equal_recomputation(network, random):
    order = list(range(network.n_edges))
    random.shuffle(order)
    same(counts_of(network, np.array(order, dtype=int)), oracles.percolation_counts(network, order))


@pytest.mark.parametrize("levels", [None, "hidden", "inputs"])
@pytest.mark.parametrize("name", [name for name in zoo.NETWORKS if name != "one layer"])
def test_a_curve_of_units_equals_recomputation_at_every_count(name, levels):
    """Through the front door; the removals behind the curve can be had with the same arguments."""
    network = zoo.NETWORKS[name]
    options = {"order": "random_units", "levels": levels, "trials": 2, "rng": 5}
    curve = percolate(network, observables=EVERYTHING, **options)
    assert curve.of == "units"
    for trial, removal in enumerate(removals(network, **options)):
        expected = oracles.percolation_counts(network, removal.items, "units")
        same({name: curve.counts(name)[trial].tolist() for name in EVERYTHING}, expected)


@given(zoo.networks(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_any_network_and_any_units_equal_recomputation(network, random):
    """Also where some units never go."""
    units = some(random, sum(network.sizes))
    same(watched(network, unit_removal(network, units)), oracles.percolation_counts(network, units, "units"))


@st.composite
def jointed_networks(draw):
    """Two layers behind a joint in which several inputs hang on the same unit, so that edges run in parallel."""
    below, above = draw(zoo.graphs(max_units=5)), draw(zoo.graphs(max_units=6))
    joint = draw(st.lists(st.integers(0, below.n_out - 1), min_size=above.n_in, max_size=above.n_in))
    return SparseNetwork([below, above], joints=[joint])


@given(jointed_networks(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_parallel_edges_of_a_joint_equal_recomputation(network, random):
    order = list(range(network.n_edges))
    random.shuffle(order)
    same(counts_of(network, np.array(order, dtype=int)), oracles.percolation_counts(network, order))
    units = some(random, sum(network.sizes))
    same(watched(network, unit_removal(network, units)), oracles.percolation_counts(network, units, "units"))


@given(zoo.networks(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_some_points_are_those_of_the_whole_curve(network, random):
    whole = unit_removal(network, some(random, sum(network.sizes)))
    order = np.array(random.sample(range(network.n_edges), network.n_edges), dtype=np.int32)
    for removal in (whole, Removal.of_edges(order)):
        points = sorted(some(random, removal.n_items + 1)) or [0]
        every, few = watched(network, removal), watched(network, removal, points)
        assert few == {name: [row[m] for m in points] for name, row in every.items()}


@pytest.mark.parametrize("name", WIRINGS)
def test_what_is_observed_as_it_is_begins_every_curve(name):
    wiring = WIRINGS[name]
    curve = percolate(wiring, observables=EVERYTHING, rng=0)
    seen = observe(wiring, EVERYTHING)
    assert seen == {name: curve.values(name)[0, 0] for name in EVERYTHING}
    assert [type(value) for value in seen.values()] == [float] * len(EVERYTHING)
    assert seen["active_units"] == active_units(wiring)
    assert seen["log_path_count"] == pytest.approx(log_path_count(wiring), rel=1e-13)


@given(zoo.networks() | jointed_networks())
@settings(deadline=None, max_examples=60)
def test_ends_of_edges_are_the_unit_edges(network):
    ends = edge_ends(network)
    assert ends.dtype == np.int32
    assert ends.tolist() == np.stack(network.unit_edges(), axis=1).tolist()


def test_observing_something_else_is_refused():
    with pytest.raises(InvalidOption, match="given list, expected a BipartiteGraph or a SparseNetwork"):
        observe([1, 2])


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_observable_alone_is_the_one_among_all(name):
    network = zoo.NETWORKS["three layers"]
    alone, among = (percolate(network, observables=o, rng=0).counts(name) for o in (name, EVERYTHING))
    assert np.array_equal(alone, among)


def test_fetching_edges_in_blocks_loses_none():
    """More edges than one block holds, against metrics of what is left."""
    graph = erdos_renyi(3_000, 2_500, n_edges=2 * BLOCK + 37, rng=0)
    curve = percolate(graph, observables="giant_component", rng=0)
    order = next(removals(graph, rng=0)).edges
    for m in (0, 1, 36, 37, 38, BLOCK, BLOCK + 37, graph.n_edges - 1, graph.n_edges):
        left = np.ones(graph.n_edges)
        left[order[:m]] = 0.0
        assert curve.at([m])["giant_component"][0, 0] == giant_component(graph, left)


@given(zoo.networks(max_units=12, max_layers=4), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_curves_never_rise_as_more_edges_go(network, seed):
    curve = percolate(network, observables=EVERYTHING, trials=2, rng=seed)
    for name in FALLING:
        counts = curve.counts(name)
        assert (counts[:, 1:] <= counts[:, :-1]).all(), name
    assert (np.diff(curve.counts("n_components"), axis=1) >= 0).all()
    assert (curve.counts("second_component") <= curve.counts("giant_component")).all()
    assert (curve.counts("susceptibility") <= curve.counts("second_component")).all()
    assert (curve.counts("outputs_reachable") <= curve.counts("units_reachable")).all()
    assert (curve.counts("inputs_connected") <= curve.counts("active_units")).all()


@given(zoo.networks(max_units=12, max_layers=4), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_curves_never_rise_as_more_units_go(network, random):
    units = some(random, sum(network.sizes))
    seen = watched(network, unit_removal(network, units))
    for name in FALLING:
        assert all(after <= before for before, after in zip(seen[name], seen[name][1:], strict=False)), name
    left = sum(network.sizes) - np.arange(len(units) + 1)
    assert (np.array(seen["giant_component"]) + seen["second_component"] <= left).all()
    assert (np.array(seen["n_components"]) <= left).all()


@given(zoo.graphs(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_a_relabelled_graph_has_the_same_curve(graph, random):
    """Edge for edge the same removal order on permuted units gives the same counts."""
    new_in, new_out = list(range(graph.n_in)), list(range(graph.n_out))
    random.shuffle(new_in)
    random.shuffle(new_out)
    sources, targets = np.array(new_in)[graph.sources], np.array(new_out)[graph.targets]
    twin = BipartiteGraph.from_edges(sources, targets, n_in=graph.n_in, n_out=graph.n_out)
    order = np.arange(graph.n_edges)
    assert counts_of(graph, order) == counts_of(twin, twin.edge_ids(sources, targets)[order])


def test_a_star_loses_one_unit_per_edge():
    graph = zoo.GRAPHS["star in"]
    counts = counts_of(graph, [3, 0, 5, 1, 2, 4])
    assert counts["giant_component"] == [7, 6, 5, 4, 3, 2, 1]
    assert counts["second_component"] == [0, 1, 1, 1, 1, 1, 1]
    assert counts["susceptibility"] == [0, 1, 1, 1, 1, 1, 1]
    assert counts["outputs_reachable"] == counts["units_reachable"] == [1, 1, 1, 1, 1, 1, 0]
    assert counts["inputs_connected"] == [6, 5, 4, 3, 2, 1, 0]
    assert counts["active_units"] == [7, 6, 5, 4, 3, 2, 0]
    assert np.exp(counts["log_path_count"]) == pytest.approx([6, 5, 4, 3, 2, 1, 0])


def test_a_star_without_its_middle_is_dust():
    seen = watched(zoo.GRAPHS["star in"], unit_removal(zoo.GRAPHS["star in"], [6, 0, 1, 2, 3, 4, 5]))
    assert seen["giant_component"] == [7, 1, 1, 1, 1, 1, 1, 0]
    assert seen["second_component"] == [0, 1, 1, 1, 1, 1, 0, 0]
    assert seen["susceptibility"] == [0, 1, 1, 1, 1, 1, 0, 0]
    assert seen["n_components"] == [1, 6, 5, 4, 3, 2, 1, 0]
    assert seen["active_units"] == [7, 0, 0, 0, 0, 0, 0, 0]


def test_a_star_without_its_leaves_has_its_middle():
    seen = watched(zoo.GRAPHS["star in"], unit_removal(zoo.GRAPHS["star in"], [0, 1, 2, 3, 4, 5, 6]))
    assert seen["giant_component"] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert seen["second_component"] == seen["susceptibility"] == [0] * 8
    assert seen["n_components"] == [1, 1, 1, 1, 1, 1, 1, 0]


def test_a_path_cut_from_one_end():
    n = 50
    edges = [(i, i) for i in range(n)] + [(i + 1, i) for i in range(n - 1)]
    sources, targets = np.array(edges).T
    path = BipartiteGraph.from_edges(sources, targets, n_in=n, n_out=n)
    along = np.argsort(path.sources + path.targets)
    counts = counts_of(path, along)
    assert counts["giant_component"] == list(range(2 * n, 0, -1))
    assert counts["n_components"] == list(range(1, 2 * n + 1))


def test_a_path_cut_in_the_middle_leaves_two_halves():
    path = zoo.GRAPHS["path"]
    middle = int(path.edge_ids([2], [1])[0])
    order = [middle, *(e for e in range(path.n_edges) if e != middle)]
    counts = counts_of(path, order)
    assert (counts["giant_component"][1], counts["second_component"][1], counts["susceptibility"][1]) == (4, 4, 4)


def test_one_of_equally_large_components_is_the_largest():
    """A matching of five pairs: the four others are of two units each, then some of one."""
    seen = counts_of(zoo.GRAPHS["perfect matching"], np.arange(5))["susceptibility"]
    assert seen == [2, 14 / 8, 12 / 8, 10 / 8, 1, 1]


def test_a_complete_graph_emptied_output_by_output():
    """Canonical order is by target: K(4, 3) loses one output after the other and stays connected otherwise."""
    counts = counts_of(zoo.GRAPHS["complete"], np.arange(12))
    assert counts["giant_component"][:9:4] == [7, 6, 5]
    assert counts["outputs_reachable"] == [3] * 4 + [2] * 4 + [1] * 4 + [0]
    assert counts["giant_component"][8:] == [5, 4, 3, 2, 1]
    assert np.exp(counts["log_path_count"]) == pytest.approx(range(12, -1, -1))
    seen = watched(zoo.GRAPHS["complete"], unit_removal(zoo.GRAPHS["complete"], [4, 5, 6]))
    assert seen["giant_component"] == [7, 6, 5, 1]
    assert seen["n_components"] == [1, 1, 1, 4]


def test_a_chain_breaks_with_its_first_edge():
    counts = counts_of(zoo.NETWORKS["one unit wide"], [1, 2, 0])
    assert counts["outputs_reachable"] == [1, 0, 0, 0]
    assert counts["inputs_connected"] == [1, 0, 0, 0]
    assert counts["units_reachable"] == [3, 1, 1, 0]
    assert counts["active_units"] == [4, 0, 0, 0]
    assert counts["giant_component"] == [4, 2, 2, 1]
    assert counts["log_path_count"] == [0, -math.inf, -math.inf, -math.inf]


def test_no_path_crosses_an_empty_layer():
    network = zoo.NETWORKS["broken in the middle"]
    curve = percolate(network, observables=EVERYTHING, trials=3, rng=0)
    assert not curve.counts("outputs_reachable").any()
    assert not curve.counts("inputs_connected").any()
    assert not curve.counts("active_units").any()
    assert (curve.counts("log_path_count") == -np.inf).all()
    assert curve.counts("units_reachable")[0, 0] == 3
    assert curve.counts("giant_component")[0, 0] == 6


def test_single_units_and_missing_edges_are_legal():
    assert counts_of(zoo.GRAPHS["one unit each side, no edge"], []) == {
        "giant_component": [1],
        "second_component": [1],
        "susceptibility": [1],
        "n_components": [2],
        "units_reachable": [0],
        "outputs_reachable": [0],
        "inputs_connected": [0],
        "active_units": [0],
        "log_path_count": [-math.inf],
    }


def test_last_reached_is_the_widest_path():
    ends = np.array([[0, 2], [1, 2], [2, 3], [1, 4]], dtype=np.int32)
    position = positions(np.array([1, 0, 2, 3], dtype=np.int32))
    assert position.tolist() == [1, 0, 2, 3]
    assert last_reached(6, np.array([0, 1]), ends, position).tolist() == [4, 4, 1, 1, 3, -1]


def test_no_depth_overflows_and_few_paths_are_not_lost_beside_many():
    """8^700 paths through a hub beside a thread of one: once the hub is cut, the one is still there."""
    wide = layered([20] * 301, density=1.0, rng=0)
    assert observe(wide, "log_path_count")["log_path_count"] == pytest.approx(301 * math.log(20), rel=1e-14)
    hub = [(source, target) for source in range(8) for target in range(8)]
    sources, targets = zip(*hub, (8, 8), strict=True)
    both = SparseNetwork([BipartiteGraph.from_edges(sources, targets, n_in=9, n_out=9)] * 700)
    last = np.arange(both.n_edges - 65, both.n_edges)  # the last layer: 64 edges of the hub, then the thread
    order = [*last, *range(both.n_edges - 65)]
    curve = percolate(both, order=order, observables="log_path_count", points=[63, 64, 65])
    found = curve.at([0, 63, 64, 65])["log_path_count"][0]
    assert found == pytest.approx([701 * math.log(8), 699 * math.log(8), 0.0, -math.inf], rel=1e-13)


def test_a_path_count_at_every_count_of_a_large_graph_is_refused(monkeypatch):
    graph = zoo.GRAPHS["dense random"]
    visits = sum(range(graph.n_edges + 1))
    monkeypatch.setattr(path_counts, "BUDGET", visits)
    percolate(graph, observables="log_path_count", rng=0)
    monkeypatch.setattr(path_counts, "BUDGET", visits - 1)
    with pytest.raises(InvalidOption, match=r"points: given log_path_count at .* try points=100"):
        percolate(graph, observables="log_path_count", rng=0)
    percolate(graph, observables="log_path_count", points=10, rng=0)
