"""Half samples: balanced over all pairs, exact for means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse.percolation.half_samples import half_samples, half_width


@pytest.mark.parametrize("n_trials", [[2], [8], [40], [6, 10], [2, 2, 30]])
def test_every_pair_is_split_and_all_pairs_are_balanced_against_each_other(n_trials):
    halves = half_samples(n_trials, most_pairs=31 if len(n_trials) == 1 else 93)
    pairs = [np.where(half[:, 0::2], 1, -1) for half in halves]
    for half, n in zip(halves, n_trials, strict=True):
        if n // 2 <= 31:
            assert (half[:, 0::2] != half[:, 1::2]).all()
    signs = np.hstack(pairs)
    assert (signs.sum(axis=0) == 0).all()
    if all(n // 2 <= 31 for n in n_trials):
        assert np.array_equal(signs.T @ signs, len(signs) * np.eye(signs.shape[1]))


@given(st.integers(1, 31), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_variance_of_a_mean_is_exactly_that_of_its_pairs(n_pairs, seed):
    """Sum of d^2 / n^2 over the differences d of the pairs: the textbook variance of a mean of paired strata."""
    values = np.random.default_rng(seed).normal(size=2 * n_pairs)
    (halves,) = half_samples([2 * n_pairs], most_pairs=31)
    means = np.array([values[half].mean() for half in halves])
    expected = ((values[0::2] - values[1::2]) ** 2).sum() / (2 * n_pairs) ** 2
    assert np.mean((means - values.mean()) ** 2) == pytest.approx(expected)


@pytest.mark.parametrize("n", [3, 5, 63, 200, 1001])
def test_odd_and_large_numbers_of_trials_are_halved_as_evenly_as_they_can_be(n):
    (halves,) = half_samples([n], most_pairs=31)
    assert halves.shape[0] <= 64
    group = -(-n // (2 * min(n // 2, 31)))
    assert (np.abs(2 * halves.sum(axis=1) - n) <= group * min(n // 2, 31)).all()
    assert (halves.sum(axis=1) > 0).all()
    assert (~halves).any(axis=1).all()


def test_intervals_of_a_nonlinear_statistic_cover_it():
    """The ratio of two means, 200 times over: 95 % of the intervals hold the true ratio, within three deviations."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        above, below = rng.exponential(2.0, 50), rng.exponential(1.0, 30)
        result = above.mean() / below.mean()
        halves = half_samples([50, 30], most_pairs=63)
        moved = np.array([above[a].mean() / below[b].mean() for a, b in zip(*halves, strict=True)])
        covered += abs(result - 2.0) < half_width(moved, result, 15)
    assert 181 <= covered <= 199
