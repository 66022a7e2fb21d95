"""Where edges go: exact sums, the laws, and no layer is asked for more than it has room for."""

import numpy as np
import oracles_gradient as dense
import pytest
from hypothesis import given
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.rewiring import SET, Kept, LayerState, Moment, RewiringRule
from netsparse.rewiring.budgets import BUDGETS, Bernoulli, shared_out
from netsparse.rewiring.newborn import NEWBORNS


def layer(n_in, n_out, n_edges, n_removed=0, *, index=0, momentum=0.0, weight=1.0):
    graph = ns.generators.erdos_renyi(n_in, n_out, n_edges=n_edges, rng=index)
    state = LayerState(index, graph, np.full(n_edges, weight), None, np.full(n_edges, momentum))
    return Kept(state, np.arange(n_removed))


@st.composite
def layers(draw):
    """One to four layers of any sizes, edges and removed edges; free room is never short of what was removed."""
    kept = []
    for index in range(draw(st.integers(1, 4))):
        n_in, n_out = draw(st.integers(1, 6)), draw(st.integers(1, 6))
        n_edges = draw(st.integers(1, n_in * n_out))
        momentum = draw(st.sampled_from([0.0, -1.0, 3.0, 1e-30, 1e30]))
        kept.append(layer(n_in, n_out, n_edges, draw(st.integers(0, n_edges)), index=index, momentum=momentum))
    return kept


@pytest.mark.parametrize("name", [name for name in BUDGETS if getattr(BUDGETS[name], "keeps_count", True)])
@given(kept=layers(), seed=st.integers(0, 2**32))
def test_a_budget_shares_out_all_edges_and_fills_no_layer_beyond_its_room(name, kept, seed):
    lost = [len(each.removed) for each in kept]
    counts = BUDGETS[name](kept, lost, np.random.default_rng(seed))
    assert sum(counts) == sum(lost)
    assert all(0 <= n <= each.n_free for n, each in zip(counts, kept, strict=True))
    assert list(counts) == list(BUDGETS[name](kept, lost, np.random.default_rng(seed)))


def test_by_momentum_and_by_magnitude_by_hand():
    """Means 3, 1 and 0.5 and 9 edges: 6, 2 and 1."""
    rng = np.random.default_rng(0)
    wide = [layer(9, 9, 20, 3, index=k, momentum=-m, weight=m) for k, m in enumerate([3.0, 1.0, 0.5])]
    assert BUDGETS["momentum"](wide, [3, 3, 3], rng) == [6, 2, 1]
    assert BUDGETS["magnitude"](wide, [3, 3, 3], rng) == [6, 2, 1]
    # the first has room for 4 of its 6; the other 5 fall 2 : 1, which is 3.33 and 1.67: 3 and 2
    tight = [layer(5, 5, 24, 3, momentum=3.0), *wide[1:]]
    assert tight[0].n_free == 4
    assert BUDGETS["momentum"](tight, [3, 3, 3], rng) == [4, 3, 2]


def test_layers_without_momentum_get_back_what_they_lost():
    kept = [layer(9, 9, 20, 2), layer(9, 9, 20, 5)]
    assert list(BUDGETS["momentum"](kept, [2, 5], np.random.default_rng(0))) == [2, 5]
    kept = [layer(9, 9, 20, 2), layer(9, 9, 20, 5, momentum=1e-20)]
    assert BUDGETS["momentum"](kept, [2, 5], np.random.default_rng(0)) == [0, 7]


def test_a_layer_without_edges_has_no_share_but_takes_what_fits_nowhere_else():
    kept = [layer(3, 3, 0), layer(2, 2, 4, 1, momentum=1.0)]
    assert BUDGETS["momentum"](kept, [0, 1], np.random.default_rng(0)) == [0, 1]
    assert shared_out(3, np.array([0.0, 1.0]), [9, 1]) == [2, 1]


@given(st.integers(0, 200), st.lists(st.floats(0.0, 1e6), min_size=1, max_size=6).filter(lambda s: sum(s) > 1e-9))
def test_where_there_is_room_for_all_numbers_are_within_one_of_the_exact_share(n, shares):
    shares = np.array(shares)
    counts = np.array(shared_out(n, shares, [1000] * len(shares)))
    assert counts.sum() == n
    assert np.abs(counts - n * shares / shares.sum()).max() < 1.0
    assert not counts[shares == 0].any()


@pytest.mark.parametrize("room", [(9, 9, 9), (9, 1, 2), (0, 3, 3)])
def test_by_size_has_the_law_of_drawing_one_by_one(room):
    """Sizes 4, 2 and 6; five edges; room left by making layers of these sizes so full."""
    shapes, n = [(10, 8), (10, 4), (10, 12)], 8000
    kept = [layer(a, b, a * b - r, index=k) for k, ((a, b), r) in enumerate(zip(shapes, room, strict=True))]
    law = dense.size_budget_law(5, [80, 40, 120], room)
    assert sum(law.values()) == pytest.approx(1.0)
    rng, counts = np.random.default_rng(0), dict.fromkeys(law, 0)
    for _ in range(n):
        counts[tuple(BUDGETS["size"](kept, [1, 3, 1], rng))] += 1
    for outcome, p in law.items():
        assert abs(counts[outcome] - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1.0


def test_bernoulli_is_right_on_average_and_a_rule_says_that_its_count_drifts():
    kept, rng = [layer(10, 10, 40, 12), layer(20, 5, 50, 0)], np.random.default_rng(0)
    counts = np.array([BUDGETS["bernoulli"](kept, [12, 0], rng) for _ in range(4000)])
    assert not counts[:, 1].any()
    p = 12 / 72  # of 72 free pairs
    assert abs(counts[:, 0].mean() - 12) < 5 * np.sqrt(72 * p * (1 - p) / 4000)
    assert counts[:, 0].var() == pytest.approx(72 * p * (1 - p), rel=0.1)
    assert SET().keeps_count
    assert not SET(budget="bernoulli").keeps_count
    assert not SET(budget=Bernoulli()).keeps_count
    graph = ns.generators.erdos_renyi(20, 20, n_edges=100, rng=0)
    grown = [SET(budget="bernoulli").propose(graph, np.ones(100), rng=seed).n_added for seed in range(20)]
    assert len(set(grown)) > 3


def test_a_full_layer_can_take_back_what_it_lost():
    full = [layer(3, 3, 9, 4, momentum=1.0), layer(2, 2, 4, 0, momentum=5.0)]
    for name in ("layer", "size", "momentum", "magnitude"):
        assert list(BUDGETS[name](full, [4, 0], np.random.default_rng(0))) == [4, 0]
    assert BUDGETS["bernoulli"](full, [4, 0], np.random.default_rng(0)) == [4, 0]


def test_without_room_anywhere_nothing_is_invented():
    kept = [layer(3, 3, 9, 4, momentum=1.0), layer(2, 2, 4, 1)]
    for name in ("size", "momentum", "magnitude"):
        with pytest.raises(errors.NotEnoughFreePairs, match="free pairs"):
            BUDGETS[name](kept, [4, 2], np.random.default_rng(0))


def test_momenta_that_diverged_are_refused():
    with pytest.raises(errors.TrainingDiverged, match="NaN"):
        BUDGETS["momentum"]([layer(3, 3, 5, 2, momentum=np.nan)], [2], np.random.default_rng(0))


@pytest.mark.parametrize("name", BUDGETS)
def test_a_rule_with_any_budget_moves_edges_between_layers_exactly(name):
    graphs = [
        ns.generators.erdos_renyi(*sizes, n_edges=n, rng=0) for *sizes, n in ((30, 10, 90), (9, 9, 80), (5, 4, 1))
    ]
    rng = np.random.default_rng(0)
    states = [
        LayerState(k, graph, rng.normal(size=graph.n_edges), None, rng.normal(size=graph.n_edges))
        for k, graph in enumerate(graphs)
    ]
    rule = RewiringRule(0.5, budget=name)
    deltas = rule.propose_all(states, at=Moment(), rng=1)
    after = [ns.apply(graph, delta)[0].n_edges for graph, delta in zip(graphs, deltas, strict=True)]
    assert [delta.n_removed for delta in deltas] == [45, 40, 0]
    assert not rule.keeps_count or sum(after) == 171
    assert name in ("layer", "bernoulli") or after != [90, 80, 1]


@pytest.mark.parametrize(("name", "bound"), [("he_uniform", np.sqrt(6 / 30)), ("xavier_uniform", np.sqrt(6 / 50))])
def test_newborn_weights_between_the_bounds(name, bound):
    kept, ids = layer(30, 20, 100), np.zeros(4000, dtype=np.int64)
    values = NEWBORNS[name](kept, ids, ids, np.random.default_rng(0))
    assert 0.99 * bound < np.abs(values).max() <= bound
    assert values.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
