"""DEEP R, soft DEEP R and Bayesian connectivity sampling: by hand, beside dense matrices, and in law."""

import dataclasses

import numpy as np
import oracles
import oracles_sampling as dense
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.datasets import load
from netsparse.rewiring import LayerState, Moment, RewiringRule
from netsparse.rewiring.by_size import BySize
from netsparse.rewiring.drops import Death
from netsparse.rewiring.newborn import SignedValue
from netsparse.rewiring.rules.bayesian import BayesianSampling
from netsparse.rewiring.rules.deep_r import DeepR
from netsparse.rewiring.rules.first_passage import UntouchedLaw
from netsparse.rewiring.rules.soft_deep_r import SoftDeepR
from netsparse.rewiring.signs import edge_signs, signs
from netsparse.rewiring.state import Kept

# Eight edges from 4 sources to 3 targets: rows 0 and 1 full but for one, 4 pairs free: (3, 1), (0, 2), (2, 2) and
# (3, 2). The hash says of the table of signs, seed 0 and layer 0, target by target:
SIGNS = [[-1, 1, -1, 1], [-1, 1, -1, 1], [-1, -1, 1, 1]]
EIGHT = ns.BipartiteGraph.from_edges([0, 1, 2, 3, 0, 1, 2, 1], [0, 0, 0, 0, 1, 1, 1, 2], n_in=4, n_out=3)
OF_EDGES = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0])
FREE = {(3, 1), (0, 2), (2, 2), (3, 2)}


def pairs_of(delta):
    return set(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))


def states_of(graphs, thetas, *, seed=0):
    return [
        LayerState(k, graph, theta * edge_signs(seed, k, graph))
        for k, (graph, theta) in enumerate(zip(graphs, thetas, strict=True))
    ]


def random_thetas(graphs, rng, dead=0.3):
    return [np.where(rng.random(g.n_edges) < dead, -1.0, 1.0) * (rng.random(g.n_edges) + 0.1) for g in graphs]


def rewired(graph, weights, delta):
    after, edge_map = ns.apply(graph, delta)
    return after, ns.graph.carry(weights, edge_map, fill=0.0 if delta.values is None else delta.values)


# by hand --------------------------------------------------------------------------------------------------------------


def test_the_table_of_signs_is_the_one_the_examples_are_computed_with():
    targets, sources = np.divmod(np.arange(12), 4)
    assert signs(0, 0, sources, targets).reshape(3, 4).tolist() == SIGNS
    assert edge_signs(0, 0, EIGHT).tolist() == OF_EDGES.tolist()


def test_deep_r_by_hand():
    """After the optimizer's step theta = 0.3, 0.004, -0.1, 0.005, 0.0051, 0, 2, 1; lr * l1 = 0.5 * 0.01 = 0.005."""
    theta = np.array([0.3, 0.004, -0.1, 0.005, 0.0051, 0.0, 2.0, 1.0])
    rule = DeepR(noise=0.0, l1=0.01)
    (weights,) = rule.after_step([LayerState(0, EIGHT, OF_EDGES * theta)], lr=0.5, rng=0)
    # 0.295, then -0.001, -0.105, 0 and -0.005 that are dead, 0.0001 that is just not, 1.995, 0.995
    np.testing.assert_allclose(weights * OF_EDGES, [0.295, 0, 0, 0, 0.0001, 0, 1.995, 0.995], rtol=1e-9)
    (delta,) = rule.propose_all([LayerState(0, EIGHT, weights)], rng=1)
    assert delta.removed.tolist() == [1, 2, 3, 5]
    dormant = FREE | {(1, 0), (2, 0), (3, 0), (1, 1)}
    assert delta.n_added == 4
    assert pairs_of(delta) <= dormant
    for source, target, value in zip(delta.added_sources, delta.added_targets, delta.values, strict=True):
        assert value == SIGNS[target][source] * 1e-12
    assert rule.start([LayerState(0, EIGHT, theta - 0.2)], rng=0)[0].tolist() == (OF_EDGES * abs(theta - 0.2)).tolist()


def test_bayesian_sampling_by_hand():
    """A second layer of 2 x 2 pairs: of 16 pairs int(0.65 * 16) = 10 are to live."""
    small = ns.BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2)
    theta = [np.array([0.3, 1e-9, -0.1, 0.5, 0.1, 0.0, 2.0, 1.0]), np.array([0.2, -1e-9])]
    rule = BayesianSampling(noise=0.0, density=0.65)
    states = states_of([EIGHT, small], theta)
    walked = rule.after_step(states, lr=0.1, rng=0)
    for state, weights, before in zip(states, walked, theta, strict=True):  # no noise, no pull: the dead are silent
        np.testing.assert_array_equal(weights * edge_signs(0, state.index, state.graph), np.maximum(before, 0.0))
    # 6 + 1 alive, so 3 are born: in layer 0 with probability 12 / 16 each
    n_first = []
    for seed in range(600):
        first, second = rule.propose_all(states, rng=seed)
        assert (first.removed.tolist(), second.removed.tolist()) == ([2, 5], [1])
        assert first.n_added + second.n_added == 3
        assert pairs_of(first) <= FREE | {(2, 0), (1, 1)}
        assert pairs_of(second) <= {(1, 0), (0, 1), (1, 1)}
        n_first.append(first.n_added)
    assert abs(np.mean(n_first) - 3 * 0.75) < 5 * np.sqrt(3 * 0.75 * 0.25 / 600)
    assert np.abs(first.values).tolist() == [1e-12] * first.n_added
    # 7 living edges are more than int(0.4 * 16) = 6: nothing is born, nothing alive is removed
    enough = BayesianSampling(density=0.4).propose_all(states, rng=0)
    assert [(delta.n_removed, delta.n_added) for delta in enough] == [(2, 0), (1, 0)]


def test_soft_deep_r_by_hand():
    """lr = 1, noise 1e-9, l1 = 0.01: the pull moves edges alone; theta_clip = -(0.5 / 0.5) / beta, beta = 2e16."""
    rule = SoftDeepR(noise=1e-9, l1=0.01, p0=0.5)
    assert rule.theta_clip(0.5, lr=1.0) == pytest.approx(-5e-17)
    theta = np.array([0.3, 0.004, -0.1, 0.5, 0.0101, 0.0, 2.0, 1.0])
    (weights,) = rule.after_step([LayerState(0, EIGHT, OF_EDGES * theta)], lr=1.0, rng=0)
    np.testing.assert_allclose(weights * OF_EDGES, [0.29, 0, 0, 0.49, 0.0001, 0, 1.99, 0.99], atol=1e-8)
    memory = rule.memory()
    dead = {(1, 0): 1, (2, 0): 2, (1, 1): 5}  # far below the floor: they are set on it
    stored = dict(zip(memory["0.keys"].tolist(), memory["0.theta"].tolist(), strict=True))
    for source, target in dead:
        assert stored.pop(4 * target + source) == pytest.approx(-5e-17)
    # a step of noise is 2e7 times as long as the way up from the floor: of the four free pairs about half have passed
    assert all(key in {4 * t + s for s, t in FREE} and theta > 0 for key, theta in stored.items())
    (delta,) = rule.propose_all([LayerState(0, EIGHT, weights)], rng=0)
    assert delta.removed.tolist() == sorted(dead.values())
    assert {4 * t + s for s, t in pairs_of(delta)} == set(stored)
    values = {4 * t + s: v * SIGNS[t][s] for (s, t), v in zip(_in_order(delta), delta.values, strict=True)}
    assert values == stored


def _in_order(delta):
    return zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True)


# beside dense matrices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [DeepR(noise=0.0, l1=0.03), DeepR(noise=0.0, l1=0.0, sign_seed=5), DeepR(noise=0.2)])
@given(graph=zoo.graphs(), seed=st.integers(0, 2**16))
def test_deep_r_s_step_is_that_of_the_matrix(rule, graph, seed):
    rng = np.random.default_rng(seed)
    theta = rng.random(graph.n_edges) + 1e-3
    gradient, lr = rng.normal(size=graph.n_edges), 0.3
    drawn = rule.noise * np.random.default_rng(seed).standard_normal(graph.n_edges)
    table = dense.sign_matrix(rule.sign_seed, 0, graph.n_in, graph.n_out)
    expected = dense.deep_r_step(
        oracles.dense_of(graph, theta), oracles.dense_of(graph, gradient), lr=lr, l1=rule.l1,
        noise=oracles.dense_of(graph, drawn) * table,
    )  # fmt: skip
    of_edges = edge_signs(rule.sign_seed, 0, graph)
    weights = of_edges * (theta - lr * gradient)
    (weights,) = rule.after_step([LayerState(0, graph, weights)], lr=lr, rng=np.random.default_rng(seed))
    np.testing.assert_allclose(oracles.dense_of(graph, weights), table * np.maximum(expected, 0.0), atol=1e-12)
    delta = rule.propose(graph, weights, rng=seed)
    after, weights = rewired(graph, weights, delta)
    died = oracles.mask_of(graph) & (expected <= 0)
    assert delta.n_removed == delta.n_added == died.sum()
    born = oracles.mask_of(after) & ~(oracles.mask_of(graph) & ~died)
    assert born.sum() == died.sum()
    expected[born] = 1e-12
    np.testing.assert_allclose(
        oracles.dense_of(after, weights), table * np.where(oracles.mask_of(after), expected, 0.0), atol=1e-12
    )


@pytest.mark.parametrize("density", [None, 0.2, 0.5])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bayesian_sampling_goes_step_by_step_with_the_matrices(density, seed):
    """Two layers, 40 steps of momentum towards weights of their own; births happen where the rule says."""
    rng = np.random.default_rng(seed)
    graphs = [ns.generators.erdos_renyi(7, 9, density=0.3, rng=seed), ns.generators.erdos_renyi(9, 4, n_edges=9, rng=1)]
    rule = BayesianSampling(density=density, noise=0.0, sign_seed=seed)
    lr, decay, momentum = 0.1, 0.01, 0.9
    tables = [dense.sign_matrix(seed, k, graph.n_in, graph.n_out) for k, graph in enumerate(graphs)]
    goals = [rng.normal(size=table.shape) * 0.1 for table in tables]
    weights = rule.start([LayerState(k, g, rng.normal(size=g.n_edges)) for k, g in enumerate(graphs)], rng=rng)
    n_alive = sum(g.n_edges for g in graphs) if density is None else int(density * (7 * 9 + 9 * 4))
    oracle = dense.DenseBayesian(
        [table * oracles.dense_of(g, w) for table, g, w in zip(tables, graphs, weights, strict=True)],
        lr=lr, weight_decay=decay, momentum=momentum, n_alive=n_alive, forgets=True,
    )  # fmt: skip
    velocities = [np.zeros(g.n_edges) for g in graphs]
    n_died = 0
    for step in range(40):
        shown = [table * np.maximum(theta, 0) for table, theta in zip(tables, oracle.thetas, strict=True)]
        oracle.step([t * (w - goal) for t, w, goal in zip(tables, shown, goals, strict=True)], [0.0, 0.0])
        for k, (graph, goal) in enumerate(zip(graphs, goals, strict=True)):
            gradient = weights[k] - oracles.vector_of(graph, goal)
            velocities[k] = momentum * velocities[k] + gradient
            weights[k] = (1 - decay) * weights[k] - lr * velocities[k]
        states = [LayerState(k, g, w) for k, (g, w) in enumerate(zip(graphs, weights, strict=True))]
        weights = rule.after_step(states, lr=lr, rng=rng)
        states = [LayerState(k, g, w) for k, (g, w) in enumerate(zip(graphs, weights, strict=True))]
        deltas = rule.propose_all(states, at=Moment(step=step), rng=rng)
        assert sum(delta.n_added for delta in deltas) == oracle.missing
        for k, delta in enumerate(deltas):
            n_died += delta.n_removed
            kept_velocity = oracles.dense_of(graphs[k], velocities[k])  # a place that is born again at once keeps it
            oracle.bear(k, delta.added_targets, delta.added_sources)
            graphs[k], weights[k] = rewired(graphs[k], weights[k], delta)
            velocities[k] = oracles.vector_of(graphs[k], kept_velocity)
        oracle.forget()
        for k, graph in enumerate(graphs):
            expected = np.maximum(oracle.thetas[k], 0.0)
            np.testing.assert_array_equal(oracles.mask_of(graph), expected > 0)
            np.testing.assert_allclose(oracles.dense_of(graph, weights[k]), tables[k] * expected, atol=1e-12)
            np.testing.assert_allclose(
                oracles.dense_of(graph, velocities[k]) * -lr, tables[k] * oracle.velocities[k], atol=1e-12
            )
        assert sum(graph.n_edges for graph in graphs) >= n_alive
    assert n_died > 40


@pytest.mark.slow
def test_the_momentum_of_the_dead_brings_back_one_edge_in_a_hundred_and_changes_no_loss():
    """What is forgotten beside the authors' matrices, digits at a density of 0.2: the numbers of the docstring."""
    digits = load("digits")
    x, y = np.asarray(digits.x_train, dtype=np.float64).reshape(-1, 64), np.asarray(digits.y_train)
    options = {"density": 0.2, "n_steps": 1000}
    losses, comings, revivals = {True: [], False: []}, 0, 0
    for seed in range(5):
        for forgets, found in losses.items():
            oracle, loss = dense.trained_on_matrices(x, y, (64, 100, 100, 10), forgets=forgets, seed=seed, **options)
            found.append(loss)
            assert sum(np.count_nonzero(theta > 0) for theta in oracle.thetas) >= oracle.n_alive
            if forgets:
                assert oracle.n_revivals == 0
            else:
                comings, revivals = comings + oracle.n_births + oracle.n_revivals, revivals + oracle.n_revivals
    assert 0.003 < revivals / comings < 0.03
    a, b = (np.array(found) for found in losses.values())
    assert abs(a.mean() - b.mean()) < 5 * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 5)


# in law ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [DeepR(l1=0.0, noise=0.3), BayesianSampling(noise=0.3)])
def test_noise_is_normal_times_the_learning_rate_on_every_layer_and_in_its_own_kind_of_number(rule):
    graphs = [ns.generators.erdos_renyi(200, 200, density=0.5, rng=k) for k in range(2)]
    for kind in (np.float32, np.float64):
        states = [LayerState(k, g, (10 * edge_signs(0, k, g)).astype(kind)) for k, g in enumerate(graphs)]
        moved = [w - s.weights for w, s in zip(rule.after_step(states, lr=0.1, rng=0), states, strict=True)]
        n = graphs[0].n_edges
        for change in moved:
            assert change.dtype == kind
            assert abs(change.mean()) < 5 * 0.03 / np.sqrt(n)
            assert abs(change.std() / 0.03 - 1) < 5 / np.sqrt(2 * n)
        assert abs(np.corrcoef(moved)[0, 1]) < 5 / np.sqrt(n)
    assert all(state.weights.tolist() == (10 * edge_signs(0, k, graphs[k])).tolist() for k, state in enumerate(states))


@pytest.mark.parametrize("make", [DeepR, BayesianSampling])
def test_births_are_uniform_over_all_dormant_places(make):
    theta = np.array([1.0, -1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    counts = dict.fromkeys(FREE | {(1, 0), (1, 1)}, 0)
    rng, rule = np.random.default_rng(0), make()
    for _ in range(1500):
        for pair in pairs_of(rule.propose(EIGHT, OF_EDGES * theta, rng=rng)):
            counts[pair] += 1
    share = 2 / 6
    assert np.abs(np.array(list(counts.values())) - 1500 * share).max() < 5 * np.sqrt(1500 * share * (1 - share))


def test_the_global_budget_of_deep_r_goes_by_size_times_density():
    graphs = [
        ns.generators.erdos_renyi(40, 50, density=0.4, rng=0),
        ns.generators.erdos_renyi(50, 20, density=0.4, rng=1),
    ]
    states = states_of(graphs, random_thetas(graphs, np.random.default_rng(0)))
    rule = DeepR(budget=BySize(densities=(0.1, 0.6)))
    n_dead, first = 0, 0
    for seed in range(40):
        deltas = rule.propose_all(states, rng=seed)
        n_dead += sum(delta.n_removed for delta in deltas)
        first += deltas[0].n_added
        assert sum(delta.n_added for delta in deltas) == sum(delta.n_removed for delta in deltas)
    share = 2000 * 0.1 / (2000 * 0.1 + 1000 * 0.6)
    assert abs(first - share * n_dead) < 5 * np.sqrt(n_dead * share * (1 - share))


def test_a_full_layer_hands_its_births_on_and_no_room_at_all_is_said():
    none = np.empty(0, dtype=np.int64)
    kept = [Kept(LayerState(k, g, np.ones(g.n_edges)), none) for k, g in enumerate([EIGHT, zoo.GRAPHS["no edges"]])]
    counts = BySize()(kept, [15, 0], np.random.default_rng(0))
    assert sum(counts) == 15
    assert counts[0] <= 4
    assert BySize()(kept, [16, 0], np.random.default_rng(0)) == [4, 12]
    with pytest.raises(errors.NotEnoughFreePairs):
        BySize()(kept, [17, 0], np.random.default_rng(0))


N, P0, STEPS, LR, RUNS = 60, 0.1, 60, 0.05, 6


def walked_on_edges(seed):
    """Return how many positions are edges, and have ever been, after every step; no gradient acts."""
    graph, rule, rng = (
        ns.generators.erdos_renyi(N, N, density=P0, rng=seed),
        SoftDeepR(p0=P0),
        np.random.default_rng(seed),
    )
    (weights,) = rule.start([LayerState(0, graph, np.full(graph.n_edges, 1e-6))], rng=rng)
    rows = []
    for _ in range(STEPS):
        (weights,) = rule.after_step([LayerState(0, graph, weights)], lr=LR, rng=rng)
        (delta,) = rule.propose_all([LayerState(0, graph, weights)], rng=rng)
        graph, weights = rewired(graph, weights, delta)
        memory = rule.memory()
        ever = np.union1d(memory["0.keys"], graph.targets.astype(np.int64) * N + graph.sources)
        rows.append((graph.n_edges, len(ever), np.abs(weights).sum()))
        assert memory["0.theta"].min(initial=0.0) >= rule.theta_clip(P0, LR)
    return rows


def walked_on_a_matrix(seed):
    rng = np.random.default_rng(1000 + seed)
    floor = SoftDeepR().theta_clip(P0, LR)
    theta = rng.uniform(floor, 0.0, N * N)
    theta[rng.permutation(N * N)[: round(P0 * N * N)]] = 1e-6
    ever, rows = theta > 0, []
    for _ in range(STEPS):
        theta = dense.soft_walk(theta, lr=LR, noise=1e-5, l1=1e-5, floor=floor, rng=rng)
        ever |= theta > 0
        rows.append((np.count_nonzero(theta > 0), np.count_nonzero(ever), theta[theta > 0].sum()))
    return rows


def test_soft_deep_r_has_the_law_of_the_walk_on_the_whole_matrix():
    """Edges, pairs that have ever been edges and sum of |w| over the steps: means within 5 standard errors."""
    ours = np.array([walked_on_edges(seed) for seed in range(RUNS)])
    theirs = np.array([walked_on_a_matrix(seed) for seed in range(5 * RUNS)])
    for quantity in range(3):
        for step in (0, 1, 4, 14, 39, STEPS - 1):
            a, b = ours[:, step, quantity], theirs[:, step, quantity]
            error = b.std() * np.sqrt(1 / len(a) + 1 / len(b))  # the variance is the oracle's
            assert abs(a.mean() - b.mean()) < 5 * error, (quantity, step, a.mean(), b.mean(), error)
    assert ours[:, 39, 1].mean() > 0.7 * N * N  # most places are visited soon: the law has been put to use


@pytest.mark.parametrize("steps", [[1.0] * 30, [1.0] * 10 + [0.3] * 20, [0.1] * 30])
def test_the_law_of_a_walker_that_has_not_passed_is_that_of_many(steps):
    """400,000 walkers on [-6, 0]: chances of passing within 5 standard errors and 0.5 %, and where they come out."""
    rng = np.random.default_rng(0)
    walkers, law = rng.uniform(-6.0, 0.0, 400_000), UntouchedLaw.uniform(floor=-6.0, step=1.0)
    for step in steps:
        walkers = np.maximum(walkers + step * rng.standard_normal(len(walkers)), -6.0)
        passed = walkers > 0
        out = law.passages(step, 20_000, rng)
        law, chance = law.after(step)
        error = 5 * np.sqrt(chance / len(walkers)) + 0.005 * chance
        assert abs(passed.mean() - chance) < error
        assert (out > 0).all()
        spread = walkers[passed].std() * np.sqrt(1 / passed.sum() + 1 / len(out))
        assert abs(walkers[passed].mean() - out.mean()) < 5 * spread + 0.01 * step
        walkers = walkers[~passed]
    assert law.chances.sum() == pytest.approx(1.0)
    edges = np.append(law.places - law.width / 2, 0.0)
    counted = np.histogram(walkers, edges)[0].reshape(-1)
    coarse = [np.add.reduceat(x, np.arange(0, len(counted), 8)) for x in (counted, law.chances * len(walkers))]
    assert (np.abs(coarse[0] - coarse[1]) < 5 * np.sqrt(coarse[1]) + 0.02 * coarse[1] + 5).all()


# what they remember, refuse and are made of ---------------------------------------------------------------------------


def test_what_soft_deep_r_remembers_goes_on_bit_for_bit():
    def walk(rule, graph, weights, rng, n_steps):
        for _ in range(n_steps):
            (weights,) = rule.after_step([LayerState(0, graph, weights)], lr=0.05, rng=rng)
            (delta,) = rule.propose_all([LayerState(0, graph, weights)], rng=rng)
            graph, weights = rewired(graph, weights, delta)
        return graph, weights

    first, rng = SoftDeepR(), np.random.default_rng(0)
    graph = ns.generators.erdos_renyi(30, 20, density=0.1, rng=0)
    (weights,) = first.start([LayerState(0, graph, np.full(graph.n_edges, 1e-6))], rng=rng)
    graph, weights = walk(first, graph, weights, rng, 10)
    stored = {name: array.copy() for name, array in first.memory().items()}
    again, rng_again = SoftDeepR(), np.random.default_rng()
    rng_again.bit_generator.state = rng.bit_generator.state
    again.remember(stored)
    for (g, w), (h, v) in [(walk(first, graph, weights, rng, 10), walk(again, graph, weights, rng_again, 10))]:
        assert g == h
        np.testing.assert_array_equal(w, v)
    for name, array in first.memory().items():
        np.testing.assert_array_equal(again.memory()[name], array)
    first.start([LayerState(0, graph, weights)], rng=0)
    assert first.memory() == {}
    assert first == again == SoftDeepR()


def test_an_edge_that_dies_unseen_by_a_rewiring_sleeps_and_no_gradient_reaches_it():
    rule = SoftDeepR(noise=1e-12, l1=1e-3, p0=0.5)
    weights = OF_EDGES * np.array([1.0, -1.0, 1, 1, 1, 1, 1, 1])
    (weights,) = rule.after_step([LayerState(0, EIGHT, weights)], lr=0.1, rng=0)
    assert weights[1] == 0
    weights[1] = OF_EDGES[1] * 0.5  # an optimizer would move it; the position is dormant
    (weights,) = rule.after_step([LayerState(0, EIGHT, weights)], lr=0.1, rng=1)
    assert abs(weights[1]) < 1e-9
    assert np.abs(weights[2]) == pytest.approx(1 - 2e-4)


@pytest.mark.parametrize("make", [DeepR, BayesianSampling])
def test_another_choice_of_whom_to_drop_keeps_the_count_and_leaves_the_signs(make):
    weights = np.array([0.5, 0.1, -0.4, 0.2, 0.9, -0.3, 0.7, 0.6])
    rule = make(0.25, drop="magnitude", noise=0.0, every=None)
    assert not rule.has_death
    (walked,) = rule.after_step([LayerState(0, EIGHT, weights)], lr=1e-9, rng=0)
    np.testing.assert_allclose(walked, weights, atol=1e-10)
    delta = rule.propose(EIGHT, weights, rng=0)
    assert delta.removed.tolist() == [1, 3]
    assert delta.n_added == 2
    assert np.abs(delta.values).tolist() == [1e-12] * 2


def test_the_rule_s_seed_of_the_signs_is_that_of_its_parts():
    theta = np.array([1.0, -1.0, 1, 1, 1, 1, 1, 1])
    for seed in range(1, 6):
        of_edges = edge_signs(seed, 0, EIGHT)
        for rule in (DeepR(sign_seed=seed), DeepR(sign_seed=seed, newborn=SignedValue(0.5))):
            delta = rule.propose(EIGHT, of_edges * theta, rng=0)
            assert delta.removed.tolist() == [1]
            value = signs(seed, 0, delta.added_sources, delta.added_targets)
            np.testing.assert_array_equal(np.sign(delta.values), value)
    assert abs(delta.values[0]) == 0.5
    assert Death(3)(LayerState(0, EIGHT, edge_signs(3, 0, EIGHT) * theta), 0, None).tolist() == [1]
    assert repr(DeepR(sign_seed=4, l1=0.1)) == "DeepR(sign_seed=4, l1=0.1)"
    assert DeepR(**DeepR(sign_seed=4).parameters()) == DeepR(sign_seed=4)
    assert dataclasses.replace(DeepR(sign_seed=4), l1=0.5) == DeepR(sign_seed=4, l1=0.5)


def test_death_and_signed_values_have_names():
    rule = RewiringRule(drop="death", newborn="signed")
    delta = rule.propose(EIGHT, OF_EDGES * np.array([1.0, -1.0, 1, 1, 1, 1, 1, 1]), rng=0)
    assert delta.removed.tolist() == [1]
    assert delta.values.tolist() == [1e-12 * float(signs(0, 0, delta.added_sources, delta.added_targets)[0])]
    assert DeepR(drop="death", newborn="signed") == DeepR()
    with pytest.raises(errors.InvalidOption, match="as many die as die"):
        RewiringRule(0.1, drop="death")


def test_a_share_that_a_full_layer_has_no_room_for_goes_to_the_others():
    full, sparse = ns.generators.complete(5, 4), ns.generators.erdos_renyi(30, 30, n_edges=100, rng=0)
    states = [LayerState(k, g, edge_signs(0, k, g)) for k, g in enumerate([full, sparse])]
    first, second = BayesianSampling(density=0.5, budget="layer").propose_all(states, rng=0)
    assert (first.n_added, second.n_added) == (0, 460 - 120)


def test_only_with_a_density_does_bayesian_sampling_not_keep_its_count():
    assert BayesianSampling().keeps_count
    assert not BayesianSampling(density=0.1).keeps_count
    assert not SoftDeepR().keeps_count
    layers = [EIGHT, zoo.GRAPHS["no edges"], zoo.GRAPHS["complete"]]
    states = states_of(layers, random_thetas(layers, np.random.default_rng(1)))
    for budget in ("size", "layer"):
        deltas = BayesianSampling(density=0.8, budget=budget).propose_all(states, rng=0)
        after = [ns.apply(graph, delta)[0].n_edges for graph, delta in zip(layers, deltas, strict=True)]
        assert sum(after) == int(0.8 * 36)


BAD = [
    (lambda: DeepR(noise=-1.0), errors.InvalidOption, "noise"),
    (lambda: DeepR(l1=float("inf")), errors.InvalidOption, "finite"),
    (lambda: DeepR(l1="x"), errors.InvalidOption, "l1=1e-05"),
    (lambda: DeepR(sign_seed=-1), errors.InvalidOption, r"2\*\*64"),
    (lambda: DeepR(sign_seed=0.5), errors.InvalidOption, "whole number"),
    (lambda: DeepR(fraction=0.1), errors.InvalidOption, "drop='magnitude'"),
    (lambda: BayesianSampling(schedule="cosine"), errors.InvalidOption, "schedule"),
    (lambda: BayesianSampling(density=0.0), errors.InvalidDensity, r"\(0, 1\]"),
    (lambda: BayesianSampling(density="1"), errors.InvalidDensity, "density"),
    (lambda: SoftDeepR(p0=1.0), errors.InvalidDensity, "p0"),
    (lambda: SoftDeepR(noise=0.0), errors.InvalidOption, "above 0"),
    (lambda: SoftDeepR(l1=0.0), errors.InvalidOption, "above 0"),
    (lambda: SoftDeepR(every=3), errors.InvalidOption, "does not follow"),
    (lambda: SignedValue(0.0), errors.InvalidOption, "above 0"),
    (lambda: BySize(densities=(-1.0,)), errors.InvalidOption, "at least 0"),
    (
        lambda: DeepR(budget=BySize(densities=(0.1, 0.2))).propose(EIGHT, np.ones(8), rng=0),
        errors.InvalidOption,
        "1 la",
    ),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_impossible_options_are_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
