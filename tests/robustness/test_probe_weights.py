"""Weight probes keep multisets bit for bit, flip and binarise as many as promised, and their noise is normal."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from robustness.probe_cases import SHUFFLES, name_of, some_weights
from scipy import stats

from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.robustness.choices import count_of
from netsparse.robustness.shuffle_probe import WeightShuffle
from netsparse.robustness.weight_probes import AdditiveNoise, Binarisation, MultiplicativeNoise, SignFlip
from netsparse.robustness.wiring import Wiring

ONE_SCOPE = {"layer": lambda vectors: list(vectors), "network": lambda vectors: [np.concatenate(vectors)]}


def one_layer(n_edges):
    return SparseNetwork([BipartiteGraph.from_mask(np.ones((1, n_edges)))])


def bits(vector):
    return sorted(vector.view(f"u{vector.itemsize}").tolist())


def networks_with_weights():
    return st.tuples(zoo.networks(max_layers=4), st.integers(0, 99), st.sampled_from([np.float32, np.float64]))


@pytest.mark.parametrize("probe", SHUFFLES, ids=name_of)
@given(case=networks_with_weights(), fraction=st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_shuffling_keeps_the_multiset_bit_for_bit(probe, case, fraction):
    network, seed, dtype = case
    weights = some_weights(network, seed, dtype)
    after, shuffled = probe.perturb(network, weights, fraction, rng=seed)
    assert after == network
    pools = ONE_SCOPE[probe.within]
    for before, now in zip(pools(weights), pools(shuffled), strict=True):
        n_still = np.count_nonzero(before.view(f"u{before.itemsize}") == now.view(f"u{now.itemsize}"))
        assert n_still >= len(before) - count_of(fraction, len(before))
        if probe.keep_signs:
            assert np.signbit(now).tolist() == np.signbit(before).tolist()
            before, now = np.abs(before), np.abs(now)
        assert bits(before) == bits(now)


@pytest.mark.parametrize("n_shuffled", [3, 2, 1])
def test_every_permutation_is_equally_likely(n_shuffled):
    """Which edges take part is uniform, and so is their permutation: probabilities by enumeration."""
    n, fraction = 3, n_shuffled / 3
    expected = Counter()
    for chosen in itertools.combinations(range(n), n_shuffled):
        for permuted in itertools.permutations(chosen):
            state = list(range(n))
            for place, value in zip(chosen, permuted, strict=True):
                state[place] = value
            expected[tuple(state)] += 1
    network, weights = one_layer(n), [np.arange(n, dtype=float)]
    seen, draws = Counter(), 3000
    for seed in range(draws):
        seen[tuple(WeightShuffle().perturb(network, weights, fraction, rng=seed)[1][0].astype(int).tolist())] += 1
    assert set(seen) == set(expected)
    observed = [seen[state] for state in expected]
    wanted = [draws * count / sum(expected.values()) for count in expected.values()]
    if len(expected) > 1:
        assert stats.chisquare(observed, wanted).pvalue > 1e-3


def test_one_more_edge_exchanges_two_weights():
    n = 60
    trial = WeightShuffle().start(Wiring.of(one_layer(n), [np.arange(n, dtype=float)]), rng=0)
    steps = [trial(k / n).weights[0] for k in range(n + 1)]
    changes = [np.count_nonzero(a != b) for a, b in itertools.pairwise(steps)]
    assert set(changes) <= {0, 2}
    assert sum(changes) > n
    assert np.count_nonzero(steps[-1] == np.arange(n)) < 6


def test_shuffling_across_layers_mixes_them_and_within_does_not():
    network = zoo.NETWORKS["three layers"]
    weights = [np.full(layer.n_edges, float(k)) for k, layer in enumerate(network.layers)]
    _, within = WeightShuffle().perturb(network, weights, 1, rng=0)
    assert [set(vector) for vector in within] == [{0.0}, {1.0}, {2.0}]
    _, across = WeightShuffle("network").perturb(network, weights, 1, rng=0)
    assert all(set(vector) == {0.0, 1.0, 2.0} for vector in across)


@pytest.mark.parametrize("scope", ["layer", "network"])
@given(case=networks_with_weights(), fractions=st.tuples(st.floats(0, 1), st.floats(0, 1)))
@settings(deadline=None, max_examples=40)
def test_flips_keep_magnitudes_and_are_exact_and_nested(scope, case, fractions):
    network, seed, dtype = case
    weights = some_weights(network, seed, dtype)
    trial, flipped = SignFlip(scope).start(Wiring.of(network, weights), rng=seed), []
    for fraction in sorted(fractions):
        now = trial(fraction)
        assert now.network == network
        assert [np.abs(w).tobytes() for w in now.weights] == [np.abs(w).tobytes() for w in weights]
        changed = [np.signbit(a) != np.signbit(b) for a, b in zip(now.weights, weights, strict=True)]
        for pool in ONE_SCOPE[scope](changed):
            assert np.count_nonzero(pool) == math.floor(fraction * len(pool) + 0.5)
        flipped.append(np.concatenate(changed))
    assert (flipped[0] <= flipped[1]).all()


def test_each_edge_is_flipped_as_often_as_the_others():
    network, weights = one_layer(5), [np.ones(5)]
    total = sum((SignFlip().perturb(network, weights, 0.4, rng=seed)[1][0] < 0).astype(int) for seed in range(1000))
    assert total.sum() == 2000
    assert stats.chisquare(total).pvalue > 1e-3


@pytest.mark.parametrize("scope", ["layer", "network"])
@given(case=networks_with_weights(), fraction=st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_binarised_weights_are_the_least_squares_ones(scope, case, fraction):
    network, seed, dtype = case
    weights = some_weights(network, seed, dtype)
    after, binary = Binarisation(scope).perturb(network, weights, fraction, rng=seed)
    assert after == network
    changed = []
    for old, new in zip(weights, binary, strict=True):
        signs = np.sign(old.astype(np.float64))
        scale = float(signs @ old / (signs @ signs)) if signs.any() else 0.0  # argmin of sum (w - a sign(w))^2
        is_binary = np.isclose(new, signs * scale, rtol=1e-5)
        assert (is_binary | (new == old)).all()
        assert (np.sign(new) == np.sign(old)).all()
        changed.append(new != old)
    for pool in ONE_SCOPE[scope](changed):
        assert np.count_nonzero(pool) <= math.floor(fraction * len(pool) + 0.5)


def test_exactly_the_fraction_is_binarised():
    weights = np.random.default_rng(0).normal(size=101)
    trial = Binarisation().start(Wiring.of(one_layer(101), [weights]), rng=0)
    for fraction in (0.05, 0.5, 1.0):
        new = trial(fraction).weights[0]
        assert np.count_nonzero(new != weights) == math.floor(fraction * 101 + 0.5)
        assert np.allclose(np.abs(new[new != weights]), np.abs(weights).mean())


@pytest.mark.parametrize("sigma", [0.1, 1.5])
def test_multiplicative_noise_is_normal_in_proportion(sigma):
    n = 20_000
    weights = np.random.default_rng(0).normal(size=n)
    _, (noisy,) = MultiplicativeNoise().perturb(one_layer(n), [weights], sigma, rng=1)
    xi = (noisy / weights - 1) / sigma
    assert stats.kstest(xi, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(xi, weights)[0, 1]) < 4 / math.sqrt(n)


@pytest.mark.parametrize("sigma", [0.1, 1.5])
def test_additive_noise_is_normal_in_units_of_its_layer(sigma):
    n = 20_000
    chain = SparseNetwork([BipartiteGraph.from_mask(np.ones((n, 1))), BipartiteGraph.from_mask(np.ones((1, n)))])
    rng = np.random.default_rng(0)
    weights = [3 * rng.normal(size=n), np.full(n, 0.25)]
    weights[0][:5] = 0.0
    _, noisy = AdditiveNoise().perturb(chain, weights, sigma, rng=1)
    xi = [(b - a) / (sigma * math.sqrt((a**2).mean())) for a, b in zip(weights, noisy, strict=True)]
    assert all(stats.kstest(each, "norm").pvalue > 1e-3 for each in xi)
    assert abs(np.corrcoef(*xi)[0, 1]) < 4 / math.sqrt(n)
    assert (noisy[0][:5] != 0).all()


@pytest.mark.parametrize("probe", [AdditiveNoise(), MultiplicativeNoise()], ids=lambda probe: probe.name)
def test_noise_keeps_its_direction_within_a_trial(probe):
    network = zoo.NETWORKS["three layers"]
    weights = some_weights(network, dtype=np.float64)
    trial = probe.start(Wiring.of(network, weights), rng=0)
    for weak, strong, old in zip(trial(0.5).weights, trial(2.0).weights, weights, strict=True):
        np.testing.assert_allclose(strong - old, 4 * (weak - old), rtol=1e-9, atol=1e-12)
    if probe.name == "multiplicative_noise":
        assert all((new[old == 0] == 0).all() for new, old in zip(trial(2.0).weights, weights, strict=True))
