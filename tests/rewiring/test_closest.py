"""Whom a rule drops: compiled and numpy find the same edges, in any type, with ties, at any number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsparse.native import native_library
from netsparse.rewiring import smallest_magnitude, smallest_sign_wise
from netsparse.rewiring.closest import native_any_sign, native_sign_wise, numpy_any_sign, numpy_sign_wise

compiled = pytest.mark.skipif(native_library("closest") is None, reason="needs the compiled library")
BOTH = [(native_any_sign, numpy_any_sign), (native_sign_wise, numpy_sign_wise)]
TIED = st.lists(st.sampled_from([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 3.4e38]), max_size=40).map(np.array)


def same(fast, slow):
    assert fast.below.tolist() == slow.below.tolist()
    ties = [[(n, ids.tolist()) for n, ids in found.ties] for found in (fast, slow)]
    assert ties[0] == ties[1]


@compiled
@pytest.mark.parametrize("kind", ["f4", "f8"])
@given(TIED, st.data())
def test_both_ways_find_the_same_where_many_are_tied(kind, weights, data):
    weights = weights.astype(kind)
    n_wanted = data.draw(st.integers(0, len(weights)))
    same(native_any_sign(weights, n_wanted), numpy_any_sign(weights, n_wanted))
    same(native_sign_wise(weights, n_wanted), numpy_sign_wise(weights, n_wanted))


def made(name, n, rng):
    values = rng.normal(size=n)
    if name == "sorted":  # the sample that guesses how far to look sees them all, evenly
        values.sort()
    if name == "small ones where no sample looks":
        values[:] = 1 + np.abs(values)
        values[rng.permutation(np.setdiff1d(np.arange(n), np.arange(1024) * n // 1024))[:500]] /= 1e6
    if name == "one sign":
        values = -np.abs(values)
    if name == "half zeros":
        values[rng.random(n) < 0.5] = 0
    if name == "few values":
        values = np.round(values, 1)
    return values


@compiled
@pytest.mark.parametrize(
    "name", ["normal", "sorted", "small ones where no sample looks", "one sign", "half zeros", "few values"]
)
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_both_ways_find_the_same_among_many(name, kind):
    weights = made(name, 50_000, np.random.default_rng(0)).astype(kind)
    for n_wanted in (0, 1, 30, 499, 501, 15_000, 49_999, 50_000):
        for fast, slow in BOTH:
            same(fast(weights, n_wanted), slow(weights, n_wanted))


@compiled
def test_other_types_orders_and_strides_are_numpys_or_copied():
    weights = np.random.default_rng(0).normal(size=200)
    expected = smallest_sign_wise(weights, 50, np.random.default_rng(0)).tolist()
    for other in (weights.astype(">f8"), np.repeat(weights, 2)[::2], weights[::-1].copy()[::-1]):
        assert smallest_sign_wise(other, 50, np.random.default_rng(0)).tolist() == expected
    assert smallest_magnitude(np.array([3, -1, 2, 0]), 2, np.random.default_rng(0)).tolist() == [1, 3]
    assert native_any_sign(np.array([3, -1]), 1) is None
    assert native_any_sign(np.array([np.inf, 1.0]), 2) is None
    for bad in (np.nan, np.inf, -np.inf):
        assert native_sign_wise(np.array([bad, 1.0, 0.0]), 3) is None
    assert smallest_magnitude(np.array([np.inf, 1.0]), 2, np.random.default_rng(0)).tolist() == [0, 1]


def test_ties_at_either_end_are_broken_at_random():
    weights = np.array([-1.0, -1.0, -1.0, 0.5, 0.5, 0.5, -0.1, 0.1], dtype=np.float32)
    rng, counts = np.random.default_rng(0), np.zeros(8)
    for _ in range(3000):
        counts[smallest_sign_wise(weights, 4, rng)] += 1
    assert counts[6] == counts[7] == 3000
    assert np.abs(counts[:6] - 1000).max() < 5 * np.sqrt(3000 * 2 / 9)
