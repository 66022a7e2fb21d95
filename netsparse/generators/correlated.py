"""Wiring from data: the input features that go together are connected."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.generators.budget import edge_count
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.pairs import pair_keys
from netsparse.typing import Float

BLOCK_ENTRIES = 1 << 20  # correlations held at once (8 MB), beside those that may become edges
DIGITS = 12  # correlations that differ by rounding alone are equal


def feature_correlation(
    n_in: int, n_out: int, *, data: Any, density: float | None = None, n_edges: int | None = None
) -> BipartiteGraph:
    """Connect what is correlated: the edges are the pairs with the largest absolute correlation between features.

    Target j stands for the input feature j mod n_in. A pair (s, j) is worth the absolute Pearson correlation

        |r(s, j mod n_in)|,   r(a, b) = sum_i (x_ia - m_a) (x_ib - m_b) / (n_samples s_a s_b),

    with the features' means m and standard deviations s; it is 0 where one is constant, and by definition for a feature
    with itself. The `n_edges` most valuable pairs are connected. Nothing is random.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    data : array of shape (n_samples, n_in) or (n_samples, ...)
        At least two samples of real numbers; images are flattened. Labels are not looked at.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.

    Raises
    ------
    InvalidOption
        If `data` is no such array.
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs
        For impossible sizes or edge counts.

    Notes
    -----
    Correlated sparse topological initialisation (CSTI) of Zhang, Zhao, Wu, Muscoloni and Cannistraci, Epitopological
    learning and Cannistraci-Hebb network shape intelligence brain-inspired theory for ultra-sparse advantage in deep
    learning (ICLR 2024), where n_out is n_in or 2 n_in; their code, too, leaves a feature's correlation with itself
    out. That other sizes repeat the features in turn, and that equal correlations (to 12 digits) are taken in canonical
    order, are ours.

    The correlations are computed for a few targets at a time and only candidates are kept: memory is O(data + edges),
    time O(n_samples * n_in * n_out).

    Examples
    --------
    >>> data = [[0.0, 0.1, 5.0], [1.0, 0.9, 4.0], [2.0, 2.2, 4.5], [3.0, 2.9, 5.5]]
    >>> graph = feature_correlation(3, 6, data=data, n_edges=4)
    >>> list(zip(graph.sources.tolist(), graph.targets.tolist()))
    [(1, 0), (0, 1), (1, 3), (0, 4)]
    """
    n_in, n_out = as_sides(n_in, n_out)
    count = edge_count(n_in, n_out, density=density, n_edges=n_edges)
    features = _standardised(data, n_in)
    keys, values = np.empty(0, dtype=np.int64), np.empty(0)
    least = -1.0  # what a pair has to exceed, once there are enough candidates
    step = max(1, BLOCK_ENTRIES // n_in)
    for first in range(0, n_out, step):
        targets = np.arange(first, min(first + step, n_out))
        strength = np.round(np.abs(features[:, targets % n_in].T @ features), DIGITS)  # (targets of the block, n_in)
        strength[np.arange(len(targets)), targets % n_in] = 0.0
        rows, sources = np.nonzero(strength > least)
        keys = np.concatenate([keys, pair_keys(sources, targets[rows], n_in)])
        values = np.concatenate([values, strength[rows, sources]])
        if len(keys) > count:
            keys, values = _most_valuable(keys, values, count)
            least = values.min(initial=1.0)
    return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)


def _most_valuable(keys: np.ndarray, values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `count` largest values and their keys in the order of the keys; of equal values the first ones."""
    if not count:
        return keys[:0], values[:0]
    least = np.partition(values, len(values) - count)[len(values) - count]
    kept = values > least
    ties = np.flatnonzero(values == least)
    kept[ties[: count - np.count_nonzero(kept)]] = True
    return keys[kept], values[kept]


def _standardised(data: Any, n_in: int) -> Float[np.ndarray, "sample n_in"]:
    """Return the features with mean 0 and length 1, constant ones as 0, so that their products are correlations."""
    expected, fix = f"an array of at least two samples of {n_in} real numbers", "data=dataset.x_train"
    try:
        samples = np.asarray(data)
    except (ValueError, TypeError) as error:
        raise InvalidOption("data", f"{type(data).__name__} of uneven rows", expected, fix) from error
    if samples.dtype.kind not in "fiub" or samples.ndim < 2 or len(samples) < 2:
        raise InvalidOption("data", f"{samples.dtype} of shape {samples.shape}", expected, fix)
    samples = samples.reshape(len(samples), -1).astype(np.float64)
    if samples.shape[1] != n_in:
        raise InvalidOption("data", f"samples of {samples.shape[1]} numbers", expected, f"n_in={samples.shape[1]}")
    if not np.isfinite(samples).all():
        raise InvalidOption("data", "numbers that are not finite", expected, "numpy.nan_to_num(data)")
    scale = np.abs(samples).max(axis=0)
    samples /= np.where(scale > 0, scale, 1.0)  # squares of tiny or huge numbers would leave the range of floats
    samples -= samples.mean(axis=0)
    length = np.linalg.norm(samples, axis=0)
    constant = length <= 1e-13 * np.sqrt(len(samples))  # what rounding leaves of a constant
    return samples / np.where(constant, np.inf, length)
