"""How many vectors of a uniformly random layer hold no edge or one: exact mean and standard deviation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

from netsparse.errors import InvalidOption
from netsparse.metrics.block_baselines import empty_probability

NOISE = 1e-12
"""A variance below this share of what independent vectors would have is a rounding error."""


def vector_moments(n_vectors: int, length: int, n_edges: int, held: Sequence[int] = (0,)) -> tuple[float, float]:
    """Mean and standard deviation of the number of vectors that hold as many edges as `held` says.

    Exactly E of the N = m L pairs are edges, every set of them equally likely; m disjoint vectors of L pairs hold them
    all. With p_a = C(L, a) C(N - L, E - a) / C(N, E), the probability that a vector holds a edges, and
    p_ab = C(L, a) C(L, b) C(N - 2L, E - a - b) / C(N, E), that one holds a and another one b,

        mean = m P,   variance = m P (1 - P) + m (m - 1) sum_ab (p_ab - p_a p_b),   P = sum_a p_a

    over all a and b in `held`.

    Parameters
    ----------
    n_vectors, length : int
        m and L, at least 1.
    n_edges : int
        E, from 0 to m L.
    held : (0,), (1,) or (0, 1)
        (0,) counts zero vectors, (1,) singleton vectors, and (0, 1) both: what is empty after singleton pruning.

    Returns
    -------
    (float, float)
        The standard deviation is exactly 0 where every layer has the same number.

    Raises
    ------
    InvalidOption
        For other numbers than 0 and 1 in `held`, and more edges than pairs.

    Notes
    -----
    The mean is that of `expected_zero_vectors` times m. Differences p_ab - p_a p_b are taken from the logarithm of the
    ratio, itself a sum of small terms: those of the probabilities would keep no digit in large layers.

    Examples
    --------
    >>> mean, std = vector_moments(3, 2, 2)  # 15 layers: 3 have both edges in one vector and two empty, 12 one empty
    >>> round(mean, 12), round(std, 12) == round((3 / 15 * 12 / 15) ** 0.5, 12)
    (1.2, True)
    """
    m, n_pairs = n_vectors, n_vectors * length
    if not 0 <= n_edges <= n_pairs:
        raise InvalidOption("n_edges", str(n_edges), f"from 0 to the {n_pairs} pairs", "n_edges=graph.n_edges")
    if sorted(held) not in ([0], [1], [0, 1]):
        raise InvalidOption("held", repr(held), "(0,), (1,) or (0, 1)", "held=(0,)")
    single = {a: _holds(n_pairs, length, n_edges, a) for a in held}
    total = sum(single.values())
    mean = m * total
    if m == 1 or _is_fixed(m, length, n_edges, held):
        # of a single vector every layer has the same
        return float(round(mean)), 0.0
    covariance = sum(_covariance(n_pairs, length, n_edges, a, b, single[a] * single[b]) for a in held for b in held)
    alone = m * total * (1.0 - total)
    variance = alone + m * (m - 1.0) * covariance
    return mean, math.sqrt(variance) if variance > NOISE * alone else 0.0


def _holds(n_pairs: int, length: int, n_edges: int, a: int) -> float:
    if a == 0:
        return empty_probability(n_pairs, length, n_edges)
    if n_edges == 0:
        return 0.0
    return length * n_edges / n_pairs * empty_probability(n_pairs - 1, length - 1, n_edges - 1)


def _is_fixed(m: int, length: int, n_edges: int, held: Sequence[int]) -> bool:
    """Tell whether every layer has as many such vectors."""
    if length == 1 or n_edges in (0, m * length) or (n_edges == 1):
        return True
    # full vectors but for fewer missing edges than a vector must miss to be one of them
    return m * length - n_edges < length - max(held)


def _covariance(n_pairs: int, length: int, n_edges: int, a: int, b: int, product: float) -> float:
    """Return p_ab - p_a p_b, `product` being the latter."""
    two = n_pairs - 2 * length
    if n_edges > two:
        return _joint(n_pairs, length, n_edges, a, b) - product
    if product == 0.0:
        return 0.0
    ratio = _log_ratio_of_empty(n_pairs, length, n_edges)
    for held in (a, b):
        if held:
            ratio += math.log1p(length / (two - n_edges + 1))
    if a and b:
        # C(two, E - 2) C(two, E) / C(two, E - 1)^2
        ratio += math.log1p(-1.0 / n_edges) + math.log1p(-1.0 / (two - n_edges + 2))
    return product * math.expm1(ratio)


def _log_ratio_of_empty(n_pairs: int, length: int, n_edges: int) -> float:
    """Return log(p_00 / p_0^2), a sum over as few terms as there are."""
    if length <= n_edges:
        rest = n_pairs - np.arange(length, dtype=np.float64)
        return float(np.log1p(-(length / (rest - length)) * (n_edges / (rest - n_edges))).sum())
    rest = n_pairs - np.arange(n_edges, dtype=np.float64)
    return float(np.log1p(-((length / (rest - length)) ** 2)).sum())


def _joint(n_pairs: int, length: int, n_edges: int, a: int, b: int) -> float:
    two, rest = n_pairs - 2 * length, n_edges - a - b
    if rest < 0 or rest > two:
        return 0.0
    logs = _log_comb(length, a) + _log_comb(length, b) + _log_comb(two, rest) - _log_comb(n_pairs, n_edges)
    return math.exp(logs)


def _log_comb(n: int, k: int) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
