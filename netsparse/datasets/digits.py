"""The digits that come with scikit-learn: 1,797 real scans of 8 x 8 pixels, with a fixed test split."""

from __future__ import annotations

import os

import numpy as np

from netsparse.datasets.dataset import Dataset
from netsparse.datasets.manifest import Source
from netsparse.rng import as_rng

SPLIT_SEED = 0  # part of the data set's definition: another seed would be another test set
TEST_FRACTION = 0.2


def read_digits(source: Source, *, data_dir: str | os.PathLike[str] | None = None, download: bool = True) -> Dataset:
    """Return the digits with a fixed stratified test split: a fifth of each class, rounded; pixels are divided by 16.

    The split is ours. All samples are shuffled once (`SPLIT_SEED`); the first fifth of each class is the test set. Both
    sets stay in shuffled order, so that the tail of the training set is a fair validation set. `data_dir` and
    `download` are taken as every reader takes them, and not used: the scans come with scikit-learn.
    """
    from sklearn.datasets import load_digits  # more than a second to import

    pixels, labels = map(np.asarray, load_digits(return_X_y=True))
    order = _shuffled(len(labels))
    pixels, labels = (pixels[order] / 16).astype(np.float32), labels[order]
    test = _first_of_each_class(labels, TEST_FRACTION)
    return Dataset.from_arrays(
        pixels[~test],
        labels[~test],
        pixels[test],
        labels[test],
        name=source.name,
        shape=source.shape,
        n_classes=source.n_classes,
    )


def _shuffled(n: int) -> np.ndarray:
    # numpy promises that the raw bits of a seed stay the same in every version; of `permutation` it does not
    return np.argsort(as_rng(SPLIT_SEED).bit_generator.random_raw(n), kind="stable")


def _first_of_each_class(labels: np.ndarray, fraction: float) -> np.ndarray:
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank < np.round(fraction * counts)[labels]
