"""The published files themselves, where they are on disk (NETSPARSE_DATA or ./data); never downloaded by a test."""

from __future__ import annotations

import numpy as np
import pytest

from netsparse.datasets import load
from netsparse.errors import DatasetNotFound

FACTS = {  # shape of a sample, sizes, mean of the pixels, first training labels, training images per class
    "mnist": (
        (28, 28),
        60_000,
        0.1307,
        [5, 0, 4, 1, 9, 2, 1, 3],
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    ),
    "fashion-mnist": ((28, 28), 60_000, 0.2860, [9, 0, 0, 3, 0, 2, 7, 2], [6000] * 10),
    "cifar10": ((3, 32, 32), 50_000, 0.4734, [6, 9, 9, 4, 1, 1, 2, 7], [5000] * 10),
}


@pytest.mark.parametrize("name", FACTS)
def test_published_data_set(name):
    try:
        data = load(name, download=False)
    except DatasetNotFound as absent:
        pytest.skip(str(absent))
    shape, n_train, mean, first, counts = FACTS[name]
    assert (data.name, data.shape, data.n_classes, data.n_features) == (name, shape, 10, int(np.prod(shape)))
    assert (len(data.x_train), len(data.y_train), len(data.x_test), len(data.y_test)) == (
        n_train,
        n_train,
        10_000,
        10_000,
    )
    assert data.x_train.mean(dtype=np.float64) == pytest.approx(mean, abs=1e-4)
    assert data.y_train[:8].tolist() == first
    assert np.bincount(data.y_train).tolist() == counts
    if name == "cifar10":
        channels = data.x_train.reshape(-1, 3, 1024).mean(axis=(0, 2), dtype=np.float64)
        np.testing.assert_allclose(channels, [0.4914, 0.4822, 0.4465], atol=1e-4)
