"""Gradual magnitude pruning and pruning by scores: by hand on eight edges, beside dense matrices, exact counts."""

import numpy as np
import oracles_pruning
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.rewiring import LayerState, Moment
from netsparse.rewiring.one_shot import highest, keep_highest, kept_counts, ladder
from netsparse.rewiring.rules.pruning import GradualMagnitudePruning, smallest_by_layer
from netsparse.rewiring.synaptic_flow import synflow, synflow_scores

EIGHT = ns.generators.complete(4, 2)
WEIGHTS = np.array([0.8, -0.1, 0.7, 0.2, -0.6, 0.3, 0.5, 0.4])


def network_of(*sizes):
    return ns.generators.layered(list(sizes), density=1, generator="complete", rng=0)


def weights_of(network, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=graph.n_edges) for graph in network.layers]


def kept_of(network):
    return {
        (k, s, t)
        for k, graph in enumerate(network.layers)
        for s, t in zip(graph.sources.tolist(), graph.targets.tolist(), strict=True)
    }


# gradual --------------------------------------------------------------------------------------------------------------


def test_eight_edges_by_hand():
    # from 8 edges to 2 at steps 10 ... 40: 1/4 + 3/4 (3/4, 2/4, 1/4, 0)^3 of 8 = 4.53, 2.75, 2.09, 2
    rule, graph, weights, counts = GradualMagnitudePruning(density=0.25, every=10), EIGHT, WEIGHTS, []
    for step in (10, 20, 30, 40):
        at = Moment(step, 60, n_edges_at_start=(8,))  # until = 0.75 of 60 is 45
        delta = rule.propose(graph, weights, at=at, rng=0)
        assert delta.n_added == 0
        graph, edge_map = ns.apply(graph, delta)
        weights = ns.graph.carry(weights, edge_map)
        counts.append(graph.n_edges)
    assert counts == [5, 3, 2, 2]
    assert weights.tolist() == [0.8, 0.7]
    first = rule.propose(EIGHT, WEIGHTS, at=Moment(10, 60, n_edges_at_start=(8,)), rng=0)
    assert first.removed.tolist() == [1, 3, 5]  # 0.1, 0.2 and 0.3


@given(
    st.integers(1, 50),
    st.integers(1, 400),
    st.sampled_from([0.05, 0.25, 1.0]),
    st.sampled_from([0.0, 0.2]),
    st.sampled_from([0.5, 0.75, 1.0]),
)
def test_the_count_follows_the_printed_cubic_and_ends_exactly(every, n_steps, density, since, until):
    rule = GradualMagnitudePruning(density=density, every=every, since=since, until=until)
    due = [s for s in range(every, n_steps, every) if since * n_steps <= s <= until * n_steps]
    counts = [rule.n_edges_at(Moment(step, n_steps), 1000, 800) for step in due]
    if not due:
        return
    assert counts[-1] == round(density * 1000)
    if density <= 0.8:
        assert counts == sorted(counts, reverse=True)
    first = since * n_steps
    for step, count in zip(due[:-1], counts[:-1], strict=True):
        s_i, s_f = 0.2, 1 - density
        s_t = s_f + (s_i - s_f) * (1 - (step - first) / (due[-1] - first)) ** 3
        assert abs(count - 1000 * (1 - s_t)) <= 0.5 + 1e-9


@given(
    st.integers(1, 30),
    st.integers(1, 60),
    st.sampled_from([0.0, 0.2, 0.5, 0.7]),
    st.sampled_from([0.7, 0.75, 1.0]),
)
def test_a_run_without_a_step_to_prune_at_is_refused_and_every_other_ends_at_the_density(every, n_steps, since, until):
    rule = GradualMagnitudePruning(density=0.25, every=every, since=since, until=until)
    due = [s for s in range(every, n_steps, every) if since * n_steps <= s <= until * n_steps]
    if due:
        rule.check_run(n_steps)
        assert rule.n_edges_at(Moment(due[-1], n_steps), 100, 100) == 25
    else:
        with pytest.raises(errors.InvalidOption, match=f"every: given {every} in a run of {n_steps} steps"):
            rule.check_run(n_steps)
        assert all(rule.n_edges_at(Moment(s, n_steps), 100, 100) == 100 for s in range(n_steps))


def test_fit_refuses_a_run_too_short_to_prune_and_says_what_would_do(tmp_path):
    net = network_of(64, 10)
    options = {"epochs": 4, "out": tmp_path / "run", "progress": False, "rng": 0}
    with pytest.raises(errors.InvalidOption, match=r"between steps 1 and 27, where edges go; try every=2") as refused:
        ns.train.fit(net, "digits", rewiring=GradualMagnitudePruning(), **options)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()
    result = ns.train.fit(net, "digits", rewiring=GradualMagnitudePruning(every=2), **options)
    assert result.network.n_edges == 64
    with pytest.raises(errors.InvalidOption, match="more epochs"):
        GradualMagnitudePruning(every=1).check_run(1)


def test_the_schedule_beside_the_paper_s_formula():
    rule = GradualMagnitudePruning(density=0.1, every=100, until=0.8)
    steps = range(100, 801, 100)
    expected = oracles_pruning.gradual_densities(0, 800, 0.9, 0.1, 8)
    counts = [rule.n_edges_at(Moment(step, 1000), 10**6, 900_000) for step in steps]
    np.testing.assert_allclose(counts, np.array(expected) * 10**6, atol=0.5)
    fixed = GradualMagnitudePruning(density=0.1, start_density=0.5, every=100)
    assert fixed.n_edges_at(Moment(0, 1000), 100, 7) == 50


@given(zoo.graphs(), st.integers(0, 2**32), st.integers(0, 99))
def test_drops_the_smallest_of_a_dense_matrix(graph, seed, step):
    weights = np.random.default_rng(seed).normal(size=graph.n_edges)
    rule = GradualMagnitudePruning(density=0.3, every=1)
    at = Moment(step, 100, n_edges_at_start=(graph.n_edges,))
    left = min(rule.n_edges_at(at, graph.n_in * graph.n_out, graph.n_edges), graph.n_edges)
    after, _ = ns.apply(graph, rule.propose(graph, weights, at=at, rng=0))
    dense = np.abs(graph.weight_matrix(weights).toarray())
    largest = np.sort(dense.ravel())[::-1][:left]
    assert sorted(dense[after.weight_matrix().toarray() > 0].tolist(), reverse=True) == largest.tolist()


@pytest.mark.parametrize("scope", ["layer", "network"])
@pytest.mark.parametrize("name", [name for name in zoo.NETWORKS if name != "joint"])
def test_ends_at_the_density_of_every_layer_or_of_all(scope, name):
    network = zoo.NETWORKS[name]
    rule = GradualMagnitudePruning(density=0.1, every=1, until=1.0, scope=scope)
    weights = weights_of(network)
    states = [LayerState(k, graph, w) for k, (graph, w) in enumerate(zip(network.layers, weights, strict=True))]
    deltas = rule.propose_all(states, at=Moment(9, 10), rng=0)
    after = [ns.apply(graph, delta)[0] for graph, delta in zip(network.layers, deltas, strict=True)]
    pairs = [graph.n_in * graph.n_out for graph in network.layers]
    if scope == "layer":
        for graph, left, n in zip(network.layers, after, pairs, strict=True):
            assert left.n_edges == min(graph.n_edges, round(0.1 * n))
        return
    assert sum(graph.n_edges for graph in after) == min(network.n_edges, round(0.1 * sum(pairs)))
    kept = np.concatenate([np.delete(w, d.removed) for w, d in zip(weights, deltas, strict=True)])
    gone = np.concatenate([w[d.removed] for w, d in zip(weights, deltas, strict=True)])
    assert not len(kept) or not len(gone) or np.abs(gone).max() <= np.abs(kept).min()


def test_ties_go_at_random_and_an_unknown_length_prunes_nothing():
    graph, at = ns.generators.complete(20, 20), Moment(1, 2)
    for scope in ("layer", "network"):
        rule = GradualMagnitudePruning(density=0.5, every=1, scope=scope)
        removed = [rule.propose(graph, np.ones(400), at=at, rng=seed).removed.tolist() for seed in (0, 0, 1)]
        assert removed[0] == removed[1] != removed[2]
        assert len(removed[0]) == 200
        assert rule.propose(graph, np.ones(400), rng=0).n_removed == 0
        with pytest.raises(errors.InvalidEdgeVector, match="finite"):
            rule.propose(graph, np.full(400, np.nan), at=at, rng=0)


def test_equal_weights_go_from_the_first_layer_on():
    sizes = [np.array([1.0, 2, 1]), np.array([1.0, 0, 1]), np.empty(0)]
    assert [smallest_by_layer(sizes, n) for n in (0, 1, 2, 3, 4, 5, 6)] == [
        [0, 0, 0], [0, 1, 0], [1, 1, 0], [2, 1, 0], [2, 2, 0], [2, 3, 0], [3, 3, 0],
    ]  # fmt: skip


@pytest.mark.parametrize("scope", ["layer", "network"])
def test_trains_from_a_complete_network_to_a_sparse_one(scope):
    kernels, counts = [], []

    class Watch:
        def on_train_begin(self, state):
            kernels.append([layer.kernel for layer in state.model.sparse_layers()])

        def on_rewire(self, state, changes):
            counts.append(state.model.network.n_edges)
            kernels.append([layer.kernel for layer in state.model.sparse_layers()])
            for layer in state.model.sparse_layers():
                assert state.optimizer.state[layer.weight]["momentum_buffer"].shape == layer.weight.shape

    net = network_of(64, 60, 40)
    rule = GradualMagnitudePruning(density=0.05, every=7, scope=scope)
    result = ns.train.fit(net, "digits", rewiring=rule, epochs=15, callbacks=[Watch()], progress=False, rng=0)
    pairs = [64 * 60, 60 * 40]
    if scope == "layer":
        assert [graph.n_edges for graph in result.network.layers] == [round(0.05 * n) for n in pairs]
    assert result.network.n_edges == counts[-1] == round(0.05 * sum(pairs))
    assert counts == sorted(counts, reverse=True)
    assert kernels[0] == ["dense"] * 2
    assert "dense" not in kernels[-1]
    assert result.test_accuracy > 0.85


# by scores ------------------------------------------------------------------------------------------------------------


def test_the_highest_of_eight_by_hand():
    network = ns.graph.SparseNetwork([ns.generators.complete(3, 2), ns.generators.complete(2, 1)])
    scores = [np.array([0.9, 0.1, 0.5, 0.2, 0.8, 0.3]), np.array([0.05, 0.7])]
    kept, maps = keep_highest(network, scores, n_edges=4, rng=0)  # 0.9, 0.8, 0.7 and 0.5
    assert kept_of(kept) == {(0, 0, 0), (0, 2, 0), (0, 1, 1), (1, 1, 0)}
    assert ns.graph.carry(scores[0], maps[0]).tolist() == [0.9, 0.5, 0.8]
    kept, _ = keep_highest(network, scores, density=0.5, scope="layer", rng=0)  # 3 of 6, 1 of 2
    assert kept_of(kept) == {(0, 0, 0), (0, 2, 0), (0, 1, 1), (1, 1, 0)}
    assert keep_highest(network, scores, n_edges=0, rng=0)[0].n_edges == 0
    assert keep_highest(network, scores, density=1.0, rng=0)[0] == network


@given(zoo.networks(), st.integers(0, 2**32), st.floats(0.01, 1), st.sampled_from(["network", "layer"]))
def test_exactly_so_many_and_none_higher_goes(network, seed, share, scope):
    scores = [np.random.default_rng([seed, k]).integers(0, 4, g.n_edges) * 1.0 for k, g in enumerate(network.layers)]
    density = share * min(graph.density for graph in network.layers)
    if density == 0:
        return
    kept, maps = keep_highest(network, scores, density=density, scope=scope, rng=seed)
    assert kept == keep_highest(network, scores, density=density, scope=scope, rng=seed)[0]
    counts = [graph.n_edges for graph in kept.layers]
    if scope == "network":
        assert [sum(counts)] == kept_counts(network, density=density)
        stay = [np.concatenate([s[m.survivors] for s, m in zip(scores, maps, strict=True)])]
        gone = [np.concatenate([np.delete(s, m.survivors) for s, m in zip(scores, maps, strict=True)])]
    else:
        assert counts == kept_counts(network, density=density, scope="layer")
        stay = [s[m.survivors] for s, m in zip(scores, maps, strict=True)]
        gone = [np.delete(s, m.survivors) for s, m in zip(scores, maps, strict=True)]
    for high, low in zip(stay, gone, strict=True):
        assert not len(high) or not len(low) or low.max() <= high.min()


def test_ties_of_scores_are_broken_at_random():
    scores = np.repeat([2.0, 1.0, 0.0], 10)
    drawn = [highest(scores, 15, np.random.default_rng(seed)).tolist() for seed in range(20)]
    assert all(ids[:10] == list(range(10)) and all(10 <= i < 20 for i in ids[10:]) for ids in drawn)
    assert len({tuple(ids) for ids in drawn}) > 10


def test_a_joint_stays():
    network = zoo.NETWORKS["joint"]
    kept, _ = keep_highest(network, [np.arange(6.0), np.arange(4.0)], n_edges=4, rng=0)
    np.testing.assert_array_equal(kept.joints[0], network.joints[0])
    assert [graph.n_edges for graph in kept.layers] == [3, 1]  # 5, 4, 3 and 3


# synaptic flow --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", zoo.NETWORKS)
@pytest.mark.parametrize("has_head", [False, True])
def test_the_flow_is_the_sum_over_all_paths(name, has_head):
    network = zoo.NETWORKS[name]
    weights = weights_of(network)
    head = np.random.default_rng(1).normal(size=(3, network.sizes[-1])) if has_head else None
    flows = synflow_scores(network, weights, head=head)
    for flow, expected in zip(flows, oracles_pruning.path_flows(network, weights, head), strict=True):
        np.testing.assert_allclose(flow, expected, rtol=1e-12, atol=1e-12)


@given(zoo.networks(), st.integers(0, 2**32))
def test_the_flow_through_layers_and_units_is_conserved(network, seed):
    flows = synflow_scores(network, weights_of(network, seed))
    sums = [flow.sum() for flow in flows]
    np.testing.assert_allclose(sums, sums[0], rtol=1e-9, atol=1e-12)
    for k in range(1, len(network.layers)):
        into = np.bincount(network.layers[k - 1].targets, weights=flows[k - 1], minlength=network.sizes[k])
        out = np.bincount(network.layers[k].sources, weights=flows[k], minlength=network.sizes[k])
        np.testing.assert_allclose(into, out, rtol=1e-9, atol=1e-12)


@given(zoo.networks(), st.integers(0, 2**32), st.integers(1, 12), st.data())
def test_rounds_of_pruning_equal_dense_matrices(network, seed, rounds, data):
    weights = weights_of(network, seed)
    flows = np.concatenate(synflow_scores(network, weights))
    if not len(flows) or not flows.all():  # ties at 0, which go at random
        return
    n_left = data.draw(st.integers(1, network.n_edges))
    expected = oracles_pruning.synflow(network, weights, n_left, rounds)
    kept, maps = synflow(network, weights, n_edges=n_left, rounds=rounds, rng=0)
    assert kept.n_edges == n_left
    flows = synflow_scores(kept, [ns.graph.carry(w, m) for w, m in zip(weights, maps, strict=True)])
    if all(flow.all() for flow in flows):  # no tie on the way either
        assert kept_of(kept) == expected


def test_no_layer_collapses_where_magnitudes_would_empty_one():
    network = network_of(50, 200, 20, 10)
    weights = [w * scale for w, scale in zip(weights_of(network), (0.1, 0.01, 1.0), strict=True)]
    kept, maps = synflow(network, weights, n_edges=12, rng=0)
    assert kept.n_edges == 12
    assert all(graph.n_edges for graph in kept.layers)
    flows = synflow_scores(kept, [ns.graph.carry(w, m) for w, m in zip(weights, maps, strict=True)])
    assert all(flow.all() for flow in flows)  # every edge that is left lies on a path
    magnitudes, _ = keep_highest(network, [np.abs(w) for w in weights], n_edges=12, rng=0)
    assert magnitudes.layers[1].n_edges == 0
    once, _ = synflow(network, weights, n_edges=12, rounds=1, rng=0)
    assert not all(graph.n_edges for graph in once.layers)


def test_the_ladder_is_exact():
    assert ladder(800, 100, 3) == [400, 200, 100]
    assert ladder(10, 10, 4) == [10] * 4
    assert ladder(5, 0, 3) == [5, 5, 0]
    assert ladder(0, 0, 2) == [0, 0]
    steps = ladder(266_200, 4_792, 100)  # 784-300-100-10 to 1.8 %
    assert len(steps) == 100
    assert steps[-1] == 4_792
    ratios = np.array(steps[1:]) / np.array(steps[:-1])
    np.testing.assert_allclose(ratios, (4_792 / 266_200) ** 0.01, rtol=2e-4)


def test_each_layer_to_the_same_density():
    network = network_of(30, 20, 10)
    kept, _ = synflow(network, weights_of(network), density=0.1, scope="layer", rng=0)
    assert [graph.n_edges for graph in kept.layers] == [60, 20]


NETWORK = network_of(4, 2)
BAD = [
    (lambda: GradualMagnitudePruning(density=0), errors.InvalidDensity, r"\(0, 1\]"),
    (lambda: GradualMagnitudePruning(start_density=2), errors.InvalidDensity, r"\(0, 1\]"),
    (lambda: GradualMagnitudePruning(scope="global"), errors.UnknownName, "network"),
    (lambda: GradualMagnitudePruning(every=None), errors.InvalidOption, "optimizer steps"),
    (lambda: GradualMagnitudePruning(0.1), errors.InvalidOption, "does not follow it"),
    (lambda: keep_highest(EIGHT, [WEIGHTS], n_edges=1, rng=0), errors.InvalidNetwork, "SparseNetwork"),
    (lambda: keep_highest(NETWORK, [WEIGHTS[:7]], n_edges=1, rng=0), errors.InvalidEdgeVector, r"\(8,\)"),
    (lambda: keep_highest(NETWORK, [WEIGHTS / 0.0], n_edges=1, rng=0), errors.InvalidEdgeVector, "not finite"),
    (lambda: keep_highest(NETWORK, [["a"] * 8], n_edges=1, rng=0), errors.InvalidEdgeVector, "real number"),
    (lambda: keep_highest(NETWORK, [WEIGHTS], rng=0), errors.InvalidOption, "a density, or n_edges"),
    (lambda: keep_highest(NETWORK, [WEIGHTS], n_edges=9, rng=0), errors.InvalidOption, "at most the 8"),
    (lambda: keep_highest(NETWORK, [WEIGHTS], n_edges=-1, rng=0), errors.InvalidOption, "at least 0"),
    (lambda: keep_highest(NETWORK, [WEIGHTS], density=1.5, rng=0), errors.InvalidDensity, r"\(0, 1\]"),
    (lambda: keep_highest(NETWORK, [WEIGHTS], n_edges=1, scope="layer", rng=0), errors.InvalidOption, "whole network"),
    (lambda: keep_highest(NETWORK, [WEIGHTS], density=0.1, scope="x", rng=0), errors.UnknownName, "layer"),
    (lambda: synflow(NETWORK, [WEIGHTS], n_edges=1, rounds=0, rng=0), errors.InvalidOption, "at least 1"),
    (lambda: synflow_scores(NETWORK, [WEIGHTS], head=np.ones((3, 5))), errors.InvalidSize, "n_classes, 2"),
    (lambda: synflow_scores(network_of(4, 2, 1), [WEIGHTS * 1e200, [1e200] * 2]), errors.InvalidEdgeVector, "paths"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
