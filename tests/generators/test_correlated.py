"""Wiring from data: the largest correlations, exactly as many as asked for, found without all of them at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.datasets import load
from netsparse.generators import correlated
from netsparse.generators.correlated import feature_correlation


def all_correlations(data, n_out):
    """|r| of every pair (n_out x n_in) by numpy's own formula, 0 for constant features."""
    with np.errstate(invalid="ignore", divide="ignore"):
        square = np.abs(np.nan_to_num(np.corrcoef(data, rowvar=False).reshape(data.shape[1], -1)))
    np.fill_diagonal(square, 0)  # a feature with itself does not count
    return np.round(square[np.arange(n_out) % data.shape[1]], correlated.DIGITS)


def slow(data, n_out, n_edges):
    strength = all_correlations(data, n_out).ravel()
    kept = np.argsort(-strength, kind="stable")[:n_edges]
    mask = np.zeros(strength.shape, dtype=bool)
    mask[kept] = True
    return BipartiteGraph.from_mask(mask.reshape(n_out, -1))


@settings(max_examples=200)
@given(st.integers(1, 9), st.integers(1, 14), st.floats(0, 1), st.integers(0, 2**32), st.integers(1, 30))
def test_it_is_the_dense_oracle_at_every_count_and_block_size(n_in, n_out, part, seed, entries):
    data = np.random.default_rng(seed).normal(size=(20, n_in)) @ np.random.default_rng(seed + 1).normal(
        size=(n_in, n_in)
    )
    n_edges = round(part * n_in * n_out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correlated, "BLOCK_ENTRIES", entries)
        graph = feature_correlation(n_in, n_out, data=data, n_edges=n_edges)
    assert graph == slow(data, n_out, n_edges)


@given(st.integers(1, 6), st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 20))
def test_ties_go_in_canonical_order_whatever_the_block_size(n_in, seed, part, entries):
    data = np.random.default_rng(seed).integers(0, 2, (5, n_in)).astype(float)  # few values: many equal correlations
    n_edges = round(part * n_in * 2 * n_in)
    whole = feature_correlation(n_in, 2 * n_in, data=data, n_edges=n_edges)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correlated, "BLOCK_ENTRIES", entries)
        assert feature_correlation(n_in, 2 * n_in, data=data, n_edges=n_edges) == whole
    assert whole.n_edges == n_edges


def test_constant_features_and_the_own_feature_come_last():
    data = np.random.default_rng(0).normal(size=(50, 6))
    data[:, 2] = 0.1  # not representable: its mean is off by a rounding error
    graph = feature_correlation(6, 6, data=data, n_edges=20)
    assert 2 not in graph.sources
    assert 2 not in graph.targets
    assert (graph.sources != graph.targets).all()
    assert feature_correlation(6, 6, data=data, n_edges=21).has_edges([0], [0]).all()  # the first pair of value 0


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_the_scale_of_a_feature_does_not_matter(scale):
    data = np.random.default_rng(0).normal(size=(40, 8))
    scaled = data * np.array([scale, *[1.0] * 7])
    assert feature_correlation(8, 8, data=scaled, n_edges=20) == feature_correlation(8, 8, data=data, n_edges=20)


def test_images_are_flattened_and_neighbouring_pixels_are_connected():
    images = load("digits").x_train.reshape(-1, 8, 8)
    graph = feature_correlation(64, 64, data=images, density=0.05)
    assert graph.n_edges == round(0.05 * 64 * 64)
    row, column = np.divmod(np.arange(64), 8)
    apart = np.maximum(np.abs(row[:, None] - row), np.abs(column[:, None] - column))
    between = graph.sources != graph.targets
    assert between.sum() > 100
    assert apart[graph.sources[between], graph.targets[between]].mean() < 0.6 * apart[apart > 0].mean()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((4, 5)), "samples of 5 numbers.*try n_in=5"),
        (np.zeros((1, 3)), r"float64 of shape \(1, 3\)"),
        (np.zeros(3), r"shape \(3,\)"),
        ([[1.0, 2.0], [1.0]], "uneven rows"),
        (np.array([["a", "b", "c"]] * 2), "expected an array of at least two samples of 3 real numbers"),
        (np.full((4, 3), np.nan), "not finite"),
        (None, "object of shape"),
    ],
)
def test_bad_data_is_one_clear_line(data, message):
    with pytest.raises(errors.InvalidOption, match=message) as caught:
        feature_correlation(3, 4, data=data, n_edges=2)
    assert "\n" not in str(caught.value)
