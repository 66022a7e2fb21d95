"""Weights that are hard to carry through a text format."""

from __future__ import annotations

import numpy as np
import pytest

HARD = [
    0.1 + 0.2,
    -1.0 / 3.0,
    0.0,
    -0.0,
    2.2250738585072014e-308,
    -1.7976931348623157e308,
    1e22,
    123456789.123456789,
    -1e-7,
    1.0,
]


@pytest.fixture(scope="session")
def hard_weights():
    """Function: one float64 edge vector per layer of a network, no two neighbours alike."""

    def make(network):
        noise = np.random.default_rng(len(network.layers)).standard_normal
        vectors = []
        for graph in network.layers:
            vector = noise(graph.n_edges)
            hard = np.resize(HARD, graph.n_edges)
            vector[::2] = hard[::2]
            vectors.append(vector)
        return tuple(vectors)

    return make


@pytest.fixture(scope="session")
def same():
    """Function: assert that two (network, weights) pairs are equal to the last bit."""

    def check(actual, expected):
        (network, weights), (other, values) = actual, expected
        assert network == other
        assert (weights is None) == (values is None)
        for mine, theirs in zip(weights or (), values or (), strict=True):
            assert mine.dtype == np.float64
            assert mine.tobytes() == np.asarray(theirs, dtype=np.float64).tobytes()

    return check
