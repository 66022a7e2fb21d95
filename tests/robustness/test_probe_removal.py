"""Removal probes take exactly the edges they promise, and those `percolate` takes, against rebuilding by hand."""

import math

import numpy as np
import pandas as pd
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from robustness.probe_cases import REMOVALS, WIRINGS, name_of, same, some_weights, weight_at, with_head

from netsparse import errors
from netsparse.graph import SparseNetwork
from netsparse.percolation.edge_orders import ByScore, EdgeBetweenness
from netsparse.percolation.orders import random_order, removals
from netsparse.percolation.unit_orders import RandomUnits, UnitDegree
from netsparse.rng import seeds
from netsparse.robustness.removal_probes import LinkRemoval, MagnitudePruning, UnitRemoval
from netsparse.robustness.wiring import Wiring

BIG = zoo.NETWORKS["three layers"]
FRACTIONS = (0.05, 0.25, 0.5, 0.75, 1.0)


def edges_left(network, weights, gone):
    """Rebuild what is left edge by edge, as dictionaries: the slow way."""
    left, edge = [], 0
    for layer, vector in zip(network.layers, weights, strict=True):
        left.append({})
        for s, t, w in zip(layer.sources.tolist(), layer.targets.tolist(), vector, strict=True):
            if edge not in gone:
                left[-1][s, t] = float(w)
            edge += 1
    return left


def half_up(fraction, n):
    return math.floor(fraction * n + 0.5)


@pytest.mark.parametrize("scope", ["layer", "network"])
def test_random_link_removal_equals_rebuilding_without_the_edges(scope):
    for name, network in WIRINGS.items():
        weights = some_weights(network)
        order = random_order(network, scope=scope, rng=11).tolist()
        for fraction in FRACTIONS:
            after = LinkRemoval(scope=scope).perturb(network, weights, fraction, rng=11)
            gone = set(order[: half_up(fraction, network.n_edges)])
            assert weight_at(*after) == edges_left(network, weights, gone), (name, fraction)


@pytest.mark.parametrize("probe", [p for p in REMOVALS if p.name == "link_removal"], ids=name_of)
def test_the_seed_of_a_percolation_trial_removes_the_same_edges(probe):
    weights = some_weights(BIG)
    trials = removals(BIG, order=probe.order, scope=probe.scope, trials=3, weights=weights, rng=8)
    for seed, removal in zip(seeds(8, 3, purpose="removal"), trials, strict=True):
        for fraction in FRACTIONS:
            gone = set(removal.edges[: half_up(fraction, BIG.n_edges)].tolist())
            assert weight_at(*probe.perturb(BIG, weights, fraction, rng=seed)) == edges_left(BIG, weights, gone)


@pytest.mark.parametrize("order", ["random_units", "unit_degree", "adaptive_unit_degree", UnitDegree()])
@pytest.mark.parametrize("scope", ["layer", "network"])
def test_the_seed_of_a_percolation_trial_removes_the_same_units(order, scope):
    whole, weights = with_head(BIG)
    probe = UnitRemoval(order, scope=scope)
    offsets = np.cumsum([0, *whole.sizes])
    trials = removals(BIG, order=order, scope=scope, trials=2, levels=[1, 2, 3], rng=8)
    for seed, removal in zip(seeds(8, 2, purpose="removal"), trials, strict=True):
        assert set(removal.items.tolist()) == set(range(offsets[1], offsets[4]))
        for fraction in FRACTIONS:
            dead = set(removal.items[: half_up(fraction, removal.n_items)].tolist())
            left = weight_at(*probe.perturb(whole, weights, fraction, n_probed=3, rng=seed))
            for k, pairs in enumerate(weight_at(whole, weights)):
                alive = {(s, t): w for (s, t), w in pairs.items() if not {s + offsets[k], t + offsets[k + 1]} & dead}
                assert left[k] == alive


@pytest.mark.parametrize("probe", REMOVALS, ids=name_of)
@settings(deadline=None, max_examples=15)
@given(network=zoo.networks(), seed=st.integers(0, 99))
def test_removals_are_nested_and_exact(probe, network, seed):
    trial = probe.start(Wiring.of(network, some_weights(network, seed)), rng=seed)
    before = weight_at(network, some_weights(network, seed))
    for fraction in (0.0, 0.1, 0.34, 0.5, 0.9, 1.0):
        wiring = trial(fraction)
        after = weight_at(wiring.network, wiring.weights)
        assert all(layer.items() <= larger.items() for layer, larger in zip(after, before, strict=True))
        if probe.name != "unit_removal":
            assert wiring.network.n_edges == network.n_edges - half_up(fraction, network.n_edges)
        before = after


@given(zoo.networks(), st.floats(0, 1), st.integers(0, 99))
@settings(deadline=None)
def test_every_layer_loses_its_share(network, fraction, seed):
    after, _ = LinkRemoval().perturb(network, some_weights(network), fraction, rng=seed)
    share = half_up(fraction, network.n_edges) / max(1, network.n_edges)
    for layer, left in zip(network.layers, after.layers, strict=True):
        assert abs(layer.n_edges - left.n_edges - share * layer.n_edges) < 1


@pytest.mark.parametrize("scope", ["layer", "network"])
@given(network=zoo.networks(), fraction=st.floats(0, 1), seed=st.integers(0, 99))
@settings(deadline=None)
def test_pruning_keeps_the_largest_magnitudes(scope, network, fraction, seed):
    weights = some_weights(network, seed)
    after, kept = MagnitudePruning(scope).perturb(network, weights, fraction, rng=seed)
    pools = list(zip(weights, kept, strict=True))
    if scope == "network":
        pools = [(np.concatenate(weights), np.concatenate(kept))]
    for all_of, left in pools:
        largest = np.sort(np.abs(all_of))[len(all_of) - len(left) :]
        assert np.sort(np.abs(left)).tolist() == largest.tolist()
    assert same(
        (after, kept), LinkRemoval("weight_ascending", scope=scope).perturb(network, weights, fraction, rng=seed)
    )


def test_a_given_order_and_given_scores():
    weights = some_weights(BIG)
    order = np.random.default_rng(0).permutation(BIG.n_edges)
    scores = np.split(np.argsort(order) * -1.0, np.cumsum([g.n_edges for g in BIG.layers])[:-1])
    for fraction in FRACTIONS:
        gone = set(order[: half_up(fraction, BIG.n_edges)].tolist())
        expected = edges_left(BIG, weights, gone)
        assert weight_at(*LinkRemoval(order).perturb(BIG, weights, fraction, rng=0)) == expected
        assert weight_at(*LinkRemoval(ByScore(scores), "network").perturb(BIG, weights, fraction, rng=0)) == expected
    assert LinkRemoval(order) == LinkRemoval(order.tolist()) == LinkRemoval(pd.Series(order))
    assert UnitRemoval(levels=1) == UnitRemoval(levels=[1])


def test_weights_that_are_perturbed_are_those_that_order():
    weights = [np.arange(layer.n_edges, dtype=float) for layer in BIG.layers]
    _, kept = LinkRemoval("weight_descending").perturb(BIG, weights, 0.5, rng=0)
    assert all(vector.max() < len(old) - len(vector) + 1 for vector, old in zip(kept, weights, strict=True))


def test_hidden_units_lie_between_inputs_and_class_outputs():
    whole, weights = with_head(BIG)  # 9 - 14 - 11 - 6 - 3
    gone, _ = UnitRemoval().perturb(whole, weights, 1.0, n_probed=3, rng=0)
    assert [layer.n_edges for layer in gone.layers] == [0, 0, 0, 0]
    half, _ = UnitRemoval().perturb(whole, weights, 0.5, n_probed=3, rng=0)
    assert np.count_nonzero(half.layers[3].fan_out == 0) == 3  # of the 6 units below the head, as the head sees them
    assert set(half.layers[3].fan_out.tolist()) == {0, 3}
    included, _ = UnitRemoval().perturb(whole, weights, 0.5, rng=0)
    assert included == half
    # without a head the last level holds the class outputs: they stay, and keep what comes from units that do
    sparse, _ = UnitRemoval().perturb(BIG, weights[:3], 0.2, rng=0)
    levels = [1, 2]
    dead = next(removals(BIG, order="random_units", levels=levels, rng=0)).items  # another trial, the same levels
    assert set(dead.tolist()) == set(range(9, 9 + 14 + 11))
    assert sparse.layers[2].n_edges < BIG.layers[2].n_edges
    part, _ = UnitRemoval().perturb(whole, weights, 1.0, n_probed=1, rng=0)  # only the first hidden level is probed
    assert [layer.n_edges for layer in part.layers[:2]] == [0, 0]
    assert part.layers[2:] == whole.layers[2:]


def test_a_removed_unit_of_a_joint_takes_all_its_copies():
    network = WIRINGS["joint"]
    after, _ = UnitRemoval(levels=[1]).perturb(network, some_weights(network), 0.5, rng=0)
    (dead,) = np.flatnonzero(after.layers[0].fan_in == 0)
    copies = np.flatnonzero(network.joints[0] == dead)
    assert len(copies) == 3
    assert not np.isin(after.layers[1].sources, copies).any()
    assert after.layers[1].n_edges == network.layers[1].n_edges - np.isin(network.layers[1].sources, copies).sum()


def test_single_layers_have_no_hidden_level():
    network = zoo.NETWORKS["one layer"]
    with pytest.raises(errors.InvalidOption, match=r"levels: given 'hidden' for .*; try levels='inputs'"):
        UnitRemoval().perturb(network, some_weights(network), 0.5, rng=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinkRemoval("rand"), r"order: given 'rand', expected one of .*; try order='random'"),
        (lambda: LinkRemoval("unit_degree"), r"order: given 'unit_degree', of units, .* UnitRemoval\(order="),
        (lambda: LinkRemoval(RandomUnits()), r"of units, expected one of edges; try UnitRemoval\(order=RandomUnits"),
        (lambda: UnitRemoval("random"), r"order: given 'random', of edges, .* LinkRemoval\(order='random'\)"),
        (lambda: UnitRemoval(EdgeBetweenness()), "of edges"),
        (lambda: UnitRemoval([1, 2]), r"order: given \[1, 2\], expected one of adaptive_unit_degree, random_units"),
        (lambda: LinkRemoval(scope="all"), "scope: given 'all'"),
        (lambda: LinkRemoval([0, 1, 1]).perturb(BIG, some_weights(BIG), 0.5, rng=0), "order: given int64 of shape"),
        (lambda: LinkRemoval([[0, 1], [2, 3]]), r"order: given int64 of shape \(2, 2\), expected a list"),
        (lambda: LinkRemoval([[0], [1, 2]]), "order: given rows of unequal length"),
        (lambda: UnitRemoval(levels=[[1], [2]]), r"levels: given int64 of shape \(2, 1\), expected a list"),
        (lambda: UnitRemoval(levels=[[1], [2, 3]]), "levels: given rows of unequal length"),
        (lambda: LinkRemoval(3), "order: given 3, expected one of adaptive_degree_product"),
        (lambda: UnitRemoval(levels=[9]).perturb(BIG, some_weights(BIG), 0.5, rng=0), "levels: given"),
        (lambda: UnitRemoval(levels="hid").perturb(BIG, some_weights(BIG), 0.5, rng=0), "levels: given 'hid'"),
    ],
)
def test_impossible_options_are_one_line(make, message):
    with pytest.raises((errors.InvalidOption, errors.UnknownName), match=message):
        make()


def test_layers_that_lose_nothing_are_the_same_objects():
    network = SparseNetwork([zoo.GRAPHS["sparse random"], zoo.GRAPHS["sparse random"].reverse()[0]])
    weights = some_weights(network)
    after, kept = LinkRemoval(np.arange(network.n_edges)).perturb(network, weights, 0.25, rng=0)
    assert after.layers[0] is not network.layers[0]
    assert after.layers[1] is network.layers[1]
    assert kept[1] is weights[1]
