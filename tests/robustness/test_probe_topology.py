"""Topology probes keep degrees and outgoing weights, or nothing but counts; uniform where outcomes can be listed."""

import itertools
from collections import Counter

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from robustness.probe_cases import WIRINGS, some_weights
from scipy import stats

from netsparse.generators.null_models import degree_preserving, density_preserving
from netsparse.graph import BipartiteGraph, SparseNetwork, apply, carry
from netsparse.rng import seeds
from netsparse.robustness.choices import count_of
from netsparse.robustness.topology_probes import DegreePreservingRewiring, RandomTopology, _random_moves
from netsparse.robustness.wiring import Wiring

KEEPS_SIGNS = pytest.mark.parametrize("keep_signs", [False, True])


def outgoing(layer, weights):
    """Sorted weights that leave each source."""
    return [sorted(weights[layer.sources == s].tolist()) for s in range(layer.n_in)]


@KEEPS_SIGNS
@given(network=zoo.networks(), swaps=st.floats(0, 12), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_degrees_and_outgoing_weights_are_kept(keep_signs, network, swaps, seed):
    weights = some_weights(network, seed)
    after, moved = DegreePreservingRewiring(keep_signs).perturb(network, weights, swaps, rng=seed)
    for layer, now, old, new in zip(network.layers, after.layers, weights, moved, strict=True):
        assert now.fan_in.tolist() == layer.fan_in.tolist()
        assert now.fan_out.tolist() == layer.fan_out.tolist()
        assert outgoing(now, new) == outgoing(layer, old)
        if keep_signs:
            for sign in (-1, 0, 1):
                kept, held = layer.targets[np.sign(old) == sign], now.targets[np.sign(new) == sign]
                assert np.bincount(kept, minlength=layer.n_out).tolist() == (
                    np.bincount(held, minlength=layer.n_out).tolist()
                )


def test_few_swaps_change_little_and_many_forget():
    graph = zoo.GRAPHS["sparse random"]
    trial = DegreePreservingRewiring().start(Wiring.of(SparseNetwork([graph]), [np.ones(graph.n_edges)]), rng=0)
    pairs = set(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))

    def n_kept(swaps):
        layer = trial(swaps).network.layers[0]
        return len(pairs & set(zip(layer.sources.tolist(), layer.targets.tolist(), strict=True)))

    assert n_kept(1 / graph.n_edges) >= graph.n_edges - 2  # one proposal
    assert n_kept(0.05) >= graph.n_edges - 2 * round(0.05 * graph.n_edges)
    assert n_kept(0.05) > n_kept(0.5) > n_kept(10)
    assert n_kept(10) < 0.2 * graph.n_edges


@KEEPS_SIGNS
def test_each_layer_runs_the_chain_of_the_null_model_with_a_seed_of_its_own(keep_signs):
    layer = zoo.GRAPHS["sparse random"]
    network = SparseNetwork([layer, layer.reverse()[0], layer])
    weights = some_weights(network)
    after, moved = DegreePreservingRewiring(keep_signs).perturb(network, weights, 2.5, rng=0)
    assert after.layers[0] != after.layers[2]
    layer_seeds = seeds(0, 3, purpose="degree-preserving rewiring")
    for k, before in enumerate(network.layers):
        signs = weights[k] if keep_signs else None
        delta = degree_preserving(before, weights=weights[k], signs=signs, swaps_per_edge=2.5, rng=layer_seeds[k])
        expected, edge_map = apply(before, delta)
        assert after.layers[k] == expected
        assert moved[k].tobytes() == carry(weights[k], edge_map, fill=delta.values).tobytes()


def test_random_topology_keeps_counts_and_weights():
    for network, fraction in itertools.product(WIRINGS.values(), (0.1, 0.5, 1.0)):
        weights = some_weights(network)
        after = RandomTopology().start(Wiring.of(network, weights), rng=5)(fraction)
        for layer, now, old, new in zip(network.layers, after.network.layers, weights, after.weights, strict=True):
            assert now.n_edges == layer.n_edges
            assert sorted(old.view("u4").tolist()) == sorted(new.view("u4").tolist())
            n_kept = sum(
                1
                for s, t, w in zip(layer.sources, layer.targets, old, strict=True)
                if now.has_edges([s], [t])[0] and new[now.edge_ids([s], [t])[0]] == w
            )
            assert n_kept >= layer.n_edges - count_of(fraction, layer.n_edges)


@given(zoo.graphs(), st.integers(0, 99), st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None)
def test_edges_that_move_move_at_every_larger_strength(graph, seed, one, other):
    less, more = (_random_moves(graph, np.random.default_rng(seed))(f).removed.tolist() for f in sorted((one, other)))
    assert more[: len(less)] == less
    assert len(set(more)) == len(more) == count_of(max(one, other), graph.n_edges)


def outcomes(graph, n_moved):
    """Every equally likely outcome, with multiplicity: who moves, and where to, in every order."""
    pairs = list(itertools.product(range(graph.n_in), range(graph.n_out)))
    edges = list(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))
    found = Counter()
    for movers in itertools.combinations(range(graph.n_edges), n_moved):
        stay = {edges[e]: e for e in range(graph.n_edges) if e not in movers}
        for places in itertools.permutations([pair for pair in pairs if pair not in stay], n_moved):
            found[frozenset((stay | dict(zip(places, movers, strict=True))).items())] += 1
    return found


@pytest.mark.parametrize("n_moved", [1, 2, 3])
def test_random_topology_is_uniform(n_moved):
    graph = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=3)
    expected = outcomes(graph, n_moved)
    network, weights = SparseNetwork([graph]), [np.arange(3.0)]
    seen, draws = Counter(), 20 * len(expected)
    for seed in range(draws):
        after, (moved,) = RandomTopology().perturb(network, weights, n_moved / 3, rng=seed)
        layer = after.layers[0]
        placed = zip(zip(layer.sources.tolist(), layer.targets.tolist(), strict=True), moved, strict=True)
        seen[frozenset((pair, int(edge)) for pair, edge in placed)] += 1
    assert set(seen) <= set(expected)
    observed = [seen[state] for state in expected]
    wanted = [draws * count / sum(expected.values()) for count in expected.values()]
    assert stats.chisquare(observed, wanted).pvalue > 1e-3


def test_at_strength_1_it_is_the_density_null_model():
    graph = zoo.GRAPHS["sparse random"]
    after, _ = RandomTopology().perturb(SparseNetwork([graph]), [np.ones(graph.n_edges)], 1, rng=3)
    assert after.layers[0] == apply(graph, density_preserving(graph, rng=3))[0]
