"""SRigL: by hand on eight edges, against dense matrices, and a constant fan-in from any start with exact counts."""

import numpy as np
import oracles_pruning
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.nn import PairGradients
from netsparse.rewiring import LayerState, Moment
from netsparse.rewiring.rules.constant_fan_in import SRigL, top_pairs_by_unit

EIGHT = ns.BipartiteGraph.from_edges([0, 1, 0, 2, 3, 4, 3, 5], [0, 0, 1, 1, 2, 2, 3, 3], n_in=6, n_out=4)
WEIGHTS = np.array([0.9, 0.8, 0.7, -0.6, 0.5, 0.4, 0.1, -0.2])  # ids 0..7, two for each unit
GRADIENT = np.zeros((4, 6))
GRADIENT[0, 2], GRADIENT[1, 5], GRADIENT[2, 0], GRADIENT[2, 3], GRADIENT[3, 0] = 5, -4, 3, 2.5, 1


def proposed(rule, graph, weights, gradient, rng=0, **options):
    return rule.propose(graph, weights, PairGradients.from_dense(graph, gradient), rng=rng, **options)


def pairs(delta):
    return list(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))


def test_eight_edges_by_hand():
    # K = 2: the weakest are 6 and 7, the salient pairs (2, 0) and (5, 1); salient per unit: 3, 3, 2, 0.
    # k = 2, so 0.75 k = 1.5: unit 3 goes; 8 edges on 3 units: 3, 3 and 2. 6 and 7 are all K edges that go.
    delta = proposed(SRigL(0.25, gamma_sal=0.75), EIGHT, WEIGHTS, GRADIENT)
    assert delta.removed.tolist() == [6, 7]
    assert sorted(pairs(delta)) == [(2, 0), (5, 1)]
    assert delta.values is None


def test_eight_edges_of_which_half_go_by_hand():
    # K = 4: weakest 4, 5, 6, 7; salient pairs 5, 4, 3 and 2.5; per unit 3, 3, 2, 0: unit 3 goes again.
    # 6 and 7 go with it, then 5 and 4: unit 2 has nothing left and grows (0, 2) and (3, 2), which was edge 4.
    delta = proposed(SRigL(0.5, gamma_sal=0.75), EIGHT, WEIGHTS, GRADIENT)
    assert delta.removed.tolist() == [5, 6, 7]  # 4 was dropped and grown: it stays as it was
    assert sorted(pairs(delta)) == [(0, 2), (2, 0), (5, 1)]
    anew = proposed(SRigL(0.5, gamma_sal=0.75, regrown="newborn"), EIGHT, WEIGHTS, GRADIENT)
    assert anew.removed.tolist() == [4, 5, 6, 7]
    assert sorted(pairs(anew)) == [(0, 2), (2, 0), (3, 2), (5, 1)]


def test_without_ablation_every_unit_keeps_its_fan_in():
    # the weakest, 6 and 7, go; unit 3 grows (0, 3) for its gradient, and (1, 3), the first of the zeros
    delta = proposed(SRigL(0.25, gamma_sal=0), EIGHT, WEIGHTS, GRADIENT)
    assert delta.removed.tolist() == [6, 7]
    assert sorted(pairs(delta)) == [(0, 3), (1, 3)]
    spared = proposed(SRigL(0.25, gamma_sal=0.75, spares=[0]), EIGHT, WEIGHTS, GRADIENT)
    assert pairs(spared) == pairs(delta)


def test_an_ablated_unit_comes_back_when_its_gradients_are_large():
    graph, _ = ns.apply(EIGHT, proposed(SRigL(0.25, gamma_sal=0.75), EIGHT, WEIGHTS, GRADIENT))
    assert graph.fan_in.tolist() == [3, 3, 2, 0]
    gradient = np.zeros((4, 6))
    gradient[3, 1], gradient[3, 2], gradient[3, 4] = 3, 2, 1
    weights = np.array([1.0, 8, 7, 2, 6, 5, 4, 3])  # one of the weakest two in unit 0, one in unit 1
    # k = 8 / 3, 0.75 k = 2: salient are 2 edges of each of the units 0, 1, 2 and 2 pairs of unit 3
    after, _ = ns.apply(graph, proposed(SRigL(0.25, gamma_sal=0.75), graph, weights, gradient))
    assert after.fan_in.tolist() == [2, 2, 2, 2]
    assert after.has_edges([1, 2], [3, 3]).all()


def test_as_many_units_stay_as_the_edges_need_and_one_at_least():
    graph = ns.generators.complete(3, 4)
    gradient = np.arange(12.0).reshape(4, 3)
    delta = proposed(SRigL(0.5, gamma_sal=1.0), graph, np.arange(12.0), gradient)
    assert ns.apply(graph, delta)[0] == graph
    one = ns.BipartiteGraph.from_edges([0], [0], n_in=3, n_out=3)
    after, _ = ns.apply(one, proposed(SRigL(1.0, gamma_sal=1.0), one, np.ones(1), np.eye(3) * [1, 5, 2]))
    assert after.fan_in.tolist() == [0, 1, 0]


def random_case(graph, seed):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=graph.n_edges)
    return weights, rng.normal(size=(graph.n_out, graph.n_in))


def check_against_dense(graph, seed, fraction, gamma):
    weights, gradient = random_case(graph, seed)
    after, _ = ns.apply(graph, proposed(SRigL(fraction, gamma_sal=gamma), graph, weights, gradient))
    mask = graph.weight_matrix().toarray().astype(bool)
    dense = graph.weight_matrix(weights).toarray()
    expected = oracles_pruning.srigl(mask, dense, gradient, round(fraction * graph.n_edges), gamma)
    np.testing.assert_array_equal(after.weight_matrix().toarray().astype(bool), expected)
    assert after.n_edges == graph.n_edges
    active = after.fan_in[after.fan_in > 0]
    assert not len(active) or active.max() - active.min() <= 1


@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
@pytest.mark.parametrize(("fraction", "gamma"), [(0.3, 0.3), (0.5, 0.75), (1.0, 1.0), (0.0, 0.0), (0.2, 0.5)])
def test_equals_dense_matrices(graph, fraction, gamma):
    check_against_dense(graph, 1, fraction, gamma)


@given(zoo.graphs(), st.integers(0, 2**32), st.floats(0, 1), st.sampled_from([0, 0.25, 0.3, 0.5, 0.75, 1]))
def test_equals_dense_matrices_on_random_graphs(graph, seed, fraction, gamma):
    check_against_dense(graph, seed, fraction, gamma)


@pytest.mark.parametrize("make", [ns.generators.biregular, ns.generators.erdos_renyi], ids=["constant", "random"])
def test_the_fan_in_is_constant_from_the_first_rewiring_on(make):
    budget = {"fan_in": 12} if make is ns.generators.biregular else {"n_edges": 12 * 50}
    graph, rule = make(60, 50, **budget, rng=0), SRigL(gamma_sal=0)
    for step in (100, 400, 740):
        weights, gradient = random_case(graph, step)
        delta = proposed(rule, graph, weights, gradient, at=Moment(step, 1000))
        graph, _ = ns.apply(graph, delta)
        assert graph.fan_in.tolist() == [12] * 50


def test_ties_of_weights_go_at_random_and_of_gradients_in_order():
    graph = ns.generators.biregular(20, 20, fan_in=5, rng=0)
    gradient = np.zeros((20, 20))
    deltas = [proposed(SRigL(0.5), graph, np.ones(100), gradient, rng=seed) for seed in (0, 0, 1)]
    assert deltas[0].removed.tolist() == deltas[1].removed.tolist() != deltas[2].removed.tolist()
    free = [(s.tolist(), t.tolist()) for s, t in top_pairs_by_unit(EIGHT, PairGradients.from_dense(
        EIGHT, np.ones((4, 6))), np.array([2, 0, 3, 0]))]  # fmt: skip
    assert free == [([2, 3, 0, 1, 2], [0, 0, 2, 2, 2])]


@settings(max_examples=30)
@given(zoo.graphs(), st.integers(0, 10**6), st.data())
def test_the_top_pairs_of_units_do_not_depend_on_the_block(graph, seed, data):
    gradient = np.random.default_rng(seed).integers(-2, 3, (graph.n_out, graph.n_in)).astype(float)  # many ties
    wanted = np.array([data.draw(st.integers(0, graph.n_in - int(n))) for n in graph.fan_in])
    expected = set()
    for unit, n in enumerate(wanted):
        free = [s for s in range(graph.n_in) if not graph.has_edges([s], [unit])[0]]
        expected |= {(s, unit) for s in sorted(free, key=lambda s: (-abs(gradient[unit, s]), s))[:n]}
    grads = PairGradients.from_dense(graph, gradient)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netsparse.rewiring.rules.constant_fan_in.BLOCK", data.draw(st.sampled_from([1, 10, 10**6])))
        found = [*top_pairs_by_unit(graph, grads, wanted)]
    assert [pair for s, t in found for pair in zip(s.tolist(), t.tolist(), strict=True)] == sorted(
        expected, key=lambda pair: (pair[1], pair[0])
    )


def test_several_layers_each_by_themselves():
    graphs = [ns.generators.erdos_renyi(30, 20, n_edges=90, rng=k) for k in range(2)]
    cases = [random_case(graph, k) for k, graph in enumerate(graphs)]
    states = [
        LayerState(k, graph, weights, PairGradients.from_dense(graph, gradient))
        for k, (graph, (weights, gradient)) in enumerate(zip(graphs, cases, strict=True))
    ]
    together = SRigL().propose_all(states, rng=0)
    alone = [proposed(SRigL(), graph, *case) for graph, case in zip(graphs, cases, strict=True)]
    for a, b in zip(together, alone, strict=True):
        assert (a.removed.tolist(), pairs(a)) == (b.removed.tolist(), pairs(b))


def test_trains_with_a_constant_fan_in():
    net = ns.generators.layered([64, 100, 80], density=0.1, rng=0)
    result = ns.train.fit(net, "digits", rewiring=SRigL(every=10), epochs=12, progress=False, rng=0)
    assert [graph.n_edges for graph in result.network.layers] == [graph.n_edges for graph in net.layers]
    for graph in result.network.layers:
        active = graph.fan_in[graph.fan_in > 0]
        assert active.max() - active.min() <= 1
    assert result.test_accuracy > 0.9


BAD = [
    (lambda: SRigL(gamma_sal=1.5), errors.InvalidOption, "gamma_sal"),
    (lambda: SRigL(gamma_sal="x"), errors.InvalidOption, "gamma_sal"),
    (lambda: SRigL(spares="last"), errors.InvalidOption, "spares"),
    (lambda: SRigL(spares=[-1]), errors.InvalidOption, "0 first"),
    (lambda: SRigL(drop="random"), errors.InvalidOption, "does not follow it"),
    (lambda: SRigL().propose(EIGHT, WEIGHTS, rng=0), errors.InvalidOption, "grads"),
    (lambda: proposed(SRigL(), EIGHT, WEIGHTS, GRADIENT * np.nan), errors.TrainingDiverged, "NaN"),
    (lambda: proposed(SRigL(), EIGHT, WEIGHTS * np.nan, GRADIENT), errors.InvalidEdgeVector, "finite"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_is_a_value():
    assert SRigL(spares=[1]) == SRigL(spares=(1,))
    assert repr(SRigL(gamma_sal=0.5)) == "SRigL(gamma_sal=0.5)"
    rule = SRigL(0.2, spares=(0, 2))
    assert SRigL(**rule.parameters()) == rule
