"""What every rule promises, held to one body: a new rule is tested by standing in the table of rules."""

import dataclasses

import numpy as np
import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.nn import PairGradients, SparseMLP
from netsparse.rewiring import (
    RULES,
    SET,
    DeepR,
    LayerState,
    Moment,
    RewiringRule,
    StructuredByWeight,
    magnitude_cut,
    named_rule,
)
from netsparse.rewiring.newborn import Normal
from netsparse.rewiring.schedules import SCHEDULES

VARIANTS = {
    **{name: make() for name, make in RULES.items()},
    "set, by magnitude": SET(drop="magnitude"),
    "set, nothing": SET(fraction=0),
    "set, everything": SET(fraction=1.0),
    "set, normal newborn": SET(newborn=0.1),
    "set, survivors": SET(0.9, regrown="survivor"),
    "set, half of the run": SET(since=0.25, until=0.75, schedule="linear", every=1),
}
MIDDLE = Moment(step=500, n_steps=1000, n_rewirings=5)


def seen(rule, graph, seed, index=0):
    """A layer of random weights with all that the rule asks for."""
    rng = np.random.default_rng([seed, index])
    weights = rng.normal(size=graph.n_edges)
    state = LayerState(index, graph, weights)
    started = rule.start([state], rng=seed)
    if started is not None and started[0] is not None:
        weights = started[0] * np.where(rng.random(graph.n_edges) < 0.3, -1.0, 1.0)  # some have crossed zero
    grads = PairGradients.from_dense(graph, rng.normal(size=(graph.n_out, graph.n_in)))
    ages = rng.integers(0, 9, graph.n_edges)
    return LayerState(index, graph, weights, grads, rng.normal(size=graph.n_edges), ages)


def pairs(graph):
    return set(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
@settings(deadline=None, max_examples=40)  # the first call of some rules compiles
@given(graph=zoo.graphs(), seed=st.integers(0, 2**32), at=st.sampled_from([Moment(), MIDDLE]))
def test_every_rule_keeps_its_promises_on_one_layer(rule, graph, seed, at):
    state = seen(rule, graph, seed)
    before = state.weights.copy(), state.graph.indices.copy()
    rule.start([state], rng=seed)
    (delta,) = rule.propose_all([state], at=at, rng=seed)
    after, edge_map = ns.apply(graph, delta)  # distinct ids, distinct pairs that are free: it refuses all else
    if rule.keeps_count:
        assert after.n_edges == graph.n_edges
    np.testing.assert_array_equal(state.weights, before[0])  # a proposal touches nothing
    np.testing.assert_array_equal(state.graph.indices, before[1])
    if delta.values is not None:
        assert np.isfinite(delta.values).all()
        carried = ns.graph.carry(state.weights, edge_map, fill=delta.values)
        np.testing.assert_array_equal(carried[edge_map.added], delta.values)
    if rule.regrown == "survivor":
        gone = pairs(graph) - pairs(after)
        assert delta.n_removed == len(gone)
    rule.start([state], rng=seed)
    (again,) = rule.propose_all([state], at=at, rng=seed)  # the seed is all there is to it
    np.testing.assert_array_equal(again.removed, delta.removed)
    np.testing.assert_array_equal(again.added_sources, delta.added_sources)
    np.testing.assert_array_equal(again.added_targets, delta.added_targets)
    assert (again.values is None) == (delta.values is None)
    if delta.values is not None:
        np.testing.assert_array_equal(again.values, delta.values)


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("network", [name for name in zoo.NETWORKS if name != "joint"])
def test_every_rule_keeps_the_number_of_edges_of_a_network(rule, network):
    layers = zoo.NETWORKS[network].layers
    states = [seen(rule, graph, 3, k) for k, graph in enumerate(layers)]
    rule.start(states, rng=0)
    deltas = rule.propose_all(states, at=MIDDLE, rng=0)
    after = [ns.apply(graph, delta)[0] for graph, delta in zip(layers, deltas, strict=True)]
    if rule.keeps_count:
        assert sum(graph.n_edges for graph in after) == sum(graph.n_edges for graph in layers)
    assert [graph.sizes for graph in after] == [graph.sizes for graph in layers]


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
def test_every_rule_rewires_a_model_in_training_and_state_follows(rule):
    """Survivors keep weight and momentum, newborn edges have the rule's value and no momentum."""
    model = SparseMLP(ns.generators.layered([20, 30, 25], density=0.2, rng=0), 4, rng=0)
    if (started := rule.start(model.layer_states(), rng=0)) is not None:
        for layer, weights in zip(model.sparse_layers(), started, strict=True):
            layer.weight.data.copy_(torch.as_tensor(weights))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    x, y = torch.rand(16, 20), torch.arange(16) % 4
    with ns.nn.recorded_gradients(model) as grads:
        torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    momenta = [optimizer.state[layer.weight]["momentum_buffer"].numpy().copy() for layer in model.sparse_layers()]
    states = [
        dataclasses.replace(state, grads=grads[k], momentum=momenta[k], ages=np.full(state.graph.n_edges, 7))
        for k, state in enumerate(model.layer_states())
    ]
    deltas = rule.propose_all(states, at=MIDDLE, rng=1)
    assert not rule.keeps_count or sum(d.n_added for d in deltas) == sum(d.n_removed for d in deltas)
    for k, (layer, delta) in enumerate(zip(model.sparse_layers(), deltas, strict=True)):
        graph, edge_map = ns.apply(layer.graph, delta)
        layer.rewire(graph, edge_map, optimizer, newborn=delta.values)
        kept = edge_map.survivors
        np.testing.assert_array_equal(layer.edge_weights()[edge_map.old_to_new[kept]], states[k].weights[kept])
        values = np.zeros(delta.n_added) if delta.values is None else delta.values
        np.testing.assert_array_equal(layer.edge_weights()[edge_map.added], values.astype(np.float32))
        momentum = optimizer.state[layer.weight]["momentum_buffer"].numpy()
        np.testing.assert_array_equal(momentum[edge_map.old_to_new[kept]], momenta[k][kept])
        assert not momentum[edge_map.added].any()
    assert torch.isfinite(model(x)).all()


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
def test_every_rule_is_a_value_that_its_parameters_make_again(rule):
    again = type(rule)(**rule.parameters())
    assert again == rule
    assert repr(again) == repr(rule)
    assert eval(repr(rule), {type(rule).__name__: type(rule), "Normal": Normal}) == rule
    for option in rule.fixed:
        with pytest.raises(errors.InvalidOption, match="does not follow it"):
            type(rule)(**{option: 0.123 if isinstance(getattr(rule, option), float) else "uniform_"})


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_constructible_without_arguments_by_its_name(name):
    assert type(named_rule(name)) is RULES[name]
    assert RULES[name].__doc__


@pytest.mark.parametrize("name", [name for name in RULES if RULES[name]().needs])
def test_what_a_rule_reads_must_be_there(name):
    graph = zoo.GRAPHS["dense random"]
    needed = "|".join(sorted(RULES[name]().needs))
    with pytest.raises(errors.InvalidOption, match=needed):
        RULES[name]().propose(graph, np.ones(graph.n_edges), rng=0)


def test_a_rule_s_name_says_its_options_that_differ():
    assert repr(SET(every=5)) == "SET(every=5)"
    assert repr(SET(0.1, drop="magnitude", newborn=0.1)) == "SET(fraction=0.1, drop='magnitude', newborn=0.1)"
    assert SET(np.float32(0.5), every=np.int64(3)) == SET(0.5, every=3)
    assert SET(0.2) != SET(0.3)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_how_much_is_replaced_over_a_run(schedule):
    rule = RewiringRule(0.4, schedule=schedule, end_fraction=0.1, since=0.2, until=0.6)
    shares = [rule.fraction_at(Moment(step, 100)) for step in (0, 20, 40, 60, 100)]
    middle = {"constant": 1.0, "cosine": 0.5, "linear": 0.5, "inverse_power": 0.125}[schedule]
    end = 0.4 if schedule == "constant" else 0.1
    np.testing.assert_allclose(shares, [0.4, 0.4, 0.1 + 0.3 * middle, end, end])
    assert rule.fraction_at(Moment()) == 0.4


def test_whole_numbers_are_weights_like_others():
    graph, narrow = ns.generators.complete(4, 1), np.array([-128, 5, 100, 7], dtype=np.int8)  # |-128| is no int8
    assert RewiringRule(0.25).propose(graph, narrow, rng=0).removed.tolist() == [1]
    assert magnitude_cut(narrow, 0.25).tolist() == [1, 3]
    unsigned = np.array([0, 1, 2, 3], dtype=np.uint8)  # -1 is no uint8
    graph = ns.BipartiteGraph.from_edges([0, 5, 10, 15], [0, 0, 0, 0], n_in=20, n_out=1)
    delta = StructuredByWeight(0.25, drop="youngest").propose(graph, unsigned, ages=[9, 9, 0, 9], rng=0)
    assert delta.added_sources.tolist() in ([14], [16])


def test_numpy_s_numbers_become_python_s():
    rules = DeepR(noise=np.float32(0.5), l1=np.float64(0.25)), SET(newborn=np.float32(0.5), every_epochs=np.int64(2))
    assert [repr(rule) for rule in rules] == ["DeepR(noise=0.5, l1=0.25)", "SET(newborn=0.5, every_epochs=2)"]
    assert all(type(value) in (float, int, str, bool, type(None)) for value in rules[1].parameters().values())


def test_between_which_steps_a_rule_acts():
    assert SET().span(100) == (0, 99)  # no step would follow the last
    assert SET(since=0.14, until=0.29).span(100) == (14, 29)  # though 0.29 * 100 < 29 and 0.14 * 100 > 14 in floats
    assert SET(until=0.0).span(100) == (0, 0)


def test_the_exact_share_goes():
    graph = ns.generators.erdos_renyi(20, 20, n_edges=101, rng=0)
    for fraction in (0.0, 0.005, 0.3, 0.5, 1.0):
        delta = RewiringRule(fraction).propose(graph, np.ones(101), rng=0)
        assert delta.n_removed == delta.n_added == round(fraction * 101)


def test_layers_draw_from_their_own_generators():
    graph = ns.generators.erdos_renyi(30, 30, density=0.1, rng=0)
    states = [LayerState(k, graph, np.ones(graph.n_edges)) for k in range(2)]
    first, second = SET().propose_all(states, rng=0)
    assert ns.apply(graph, first)[0] != ns.apply(graph, second)[0]


def test_newborn_values():
    graph = ns.generators.erdos_renyi(50, 50, density=0.4, rng=0)
    weights = np.ones(graph.n_edges)
    assert SET().propose(graph, weights, rng=0).values is None
    assert SET(newborn=0).propose(graph, weights, rng=0).values is None
    values = SET(fraction=1.0, newborn=0.1).propose(graph, weights, rng=0).values
    assert values.std() == pytest.approx(0.1, rel=0.15)
    values = SET(fraction=1.0, newborn="he_uniform").propose(graph, weights, rng=0).values
    bound = np.sqrt(6 / 50)
    assert 0.9 * bound < np.abs(values).max() <= bound
    values = SET(newborn=lambda kept, sources, targets, rng: 1.0 * sources).propose(graph, weights, rng=0)
    np.testing.assert_array_equal(values.values, values.added_sources)


def test_parts_of_one_s_own():
    graph, seen_by = ns.generators.complete(4, 2), {}

    def first(state, n_drop, rng):
        return np.arange(n_drop)

    def back(kept, n_grow, rng):
        seen_by["graph"], seen_by["weights"] = kept.graph, kept.weights
        return kept.before.graph.sources[:n_grow], kept.before.graph.targets[:n_grow]

    delta = RewiringRule(0.25, drop=first, grow=back).propose(graph, np.arange(8.0), rng=0)
    assert delta.removed.tolist() == [0, 1]
    assert ns.apply(graph, delta)[0] == graph
    assert seen_by["graph"] == ns.apply(graph, ns.EdgeDelta(delta.removed))[0]
    assert seen_by["weights"].tolist() == [2, 3, 4, 5, 6, 7]
    same = RewiringRule(0.25, drop=first, grow=back, regrown="survivor").propose(graph, np.arange(8.0), rng=0)
    assert (same.n_removed, same.n_added) == (0, 0)


GRAPH = ns.generators.complete(2, 2)


def propose(rule, **seen):
    return rule.propose(GRAPH, np.ones(4), rng=0, **seen)


def first_survivors(kept, n_grow, rng):
    return kept.graph.sources[:n_grow], kept.graph.targets[:n_grow]


def one_again_and_again(kept, n_grow, rng):
    graph, ids = kept.before.graph, np.repeat(kept.removed[:1], n_grow)
    return graph.sources[ids], graph.targets[ids]


def budget(*counts):
    return RewiringRule(0.5, budget=lambda kept, n_grow, rng: counts)


BAD = [
    (lambda: SET().propose(ns.generators.complete(1, 2), [1.0, np.nan], rng=0), errors.InvalidEdgeVector, "not finite"),
    (lambda: SET().propose(ns.generators.complete(1, 2), ["a", "b"], rng=0), errors.InvalidEdgeVector, "real number"),
    (lambda: SET().propose(GRAPH, [1.0], rng=0), errors.InvalidEdgeVector, r"\(4,\)"),
    (lambda: named_rule([]), errors.UnknownName, "set"),
    (lambda: named_rule("sett"), errors.UnknownName, "set"),
    (lambda: SET(fraction=1.2), errors.InvalidOption, r"\[0, 1\]"),
    (lambda: SET(fraction="third"), errors.InvalidOption, "'third'"),
    (lambda: SET(fraction=True), errors.InvalidOption, "True"),
    (lambda: SET(until=-0.1), errors.InvalidOption, "share of the run"),
    (lambda: SET(since=0.6, until=0.5), errors.InvalidOption, "after until=0.5"),
    (lambda: SET(every=0), errors.InvalidOption, "at least 1, or None"),
    (lambda: SET(every=2.5), errors.InvalidOption, r"2\.5"),
    (lambda: SET(every=True), errors.InvalidOption, "True"),
    (lambda: SET(every_epochs=None), errors.InvalidOption, "at least 1;"),
    (lambda: SET(drop="sign"), errors.UnknownName, "sign_wise"),
    (lambda: SET(drop=3), errors.InvalidOption, "function of one's own"),
    (lambda: SET(grow="x"), errors.UnknownName, "uniform"),
    (lambda: SET(budget="x"), errors.UnknownName, "layer"),
    (lambda: SET(newborn="x"), errors.UnknownName, "zero"),
    (lambda: SET(newborn=-1), errors.InvalidOption, "-1"),
    (lambda: SET(schedule="x"), errors.UnknownName, "cosine"),
    (lambda: SET(regrown="x"), errors.UnknownName, "survivor"),
    (lambda: SET(optimizer_state="x"), errors.UnknownName, "all_zero"),
    (
        lambda: SET(drop=lambda s, n, r: np.array([0, 0])).propose(GRAPH, np.ones(4), rng=0),
        errors.InvalidOption,
        "once",
    ),
    (lambda: SET(grow=lambda k, n, r: ([], [])).propose(GRAPH, np.ones(4), rng=0), errors.InvalidOption, "exactly 1"),
    (lambda: SET(budget=lambda k, n, r: [0]).propose(GRAPH, np.ones(4), rng=0), errors.InvalidOption, "keeps_count"),
    (lambda: propose(SET(drop=lambda s, n, r: np.array([3, 4]))), errors.InvalidOption, "ids from 0 to 3"),
    (lambda: propose(SET(drop=lambda s, n, r: np.array([-1]))), errors.InvalidOption, "ids from 0 to 3"),
    (lambda: propose(RewiringRule(0.5, grow=first_survivors, regrown="survivor")), errors.InvalidOption, "0 of them"),
    (lambda: propose(RewiringRule(0.5, grow=one_again_and_again, regrown="survivor")), errors.InvalidOption, "1 of th"),
    (lambda: propose(budget(1, 1)), errors.InvalidOption, "2 numbers"),
    (lambda: propose(budget(2.0)), errors.InvalidOption, "whole number"),
    (lambda: propose(budget(-1)), errors.InvalidOption, "at least 0"),
    (lambda: propose(RewiringRule(drop="youngest"), ages=np.ones(5)), errors.InvalidEdgeVector, r"\(4,\)"),
    (lambda: propose(RewiringRule(drop="oldest"), ages=[1, 2, np.nan, 3]), errors.InvalidEdgeVector, "not finite"),
    (lambda: propose(RewiringRule(budget="momentum"), momentum=np.ones(3)), errors.InvalidEdgeVector, r"\(4,\)"),
    (lambda: propose(RewiringRule(drop="sensitivity"), grads=np.ones(4)), errors.InvalidOption, "from_dense"),
    (
        lambda: RewiringRule(drop="sensitivity").propose(GRAPH, np.ones(4), rng=0),
        errors.InvalidOption,
        "grads of layer 0",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
