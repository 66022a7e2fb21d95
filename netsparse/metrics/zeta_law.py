"""The power law of whole numbers: its tail, the fit of exponent and lower end to degrees, and draws from it.

P(K = k) = k^-a / zeta(a, k_min) for k >= k_min, with the Hurwitz zeta function. Exponents are sought in (1, 100].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import zeta

from netsparse.typing import Float, Int

LEAST_EXPONENT, LARGEST_EXPONENT = 1.001, 100.0
LARGEST_DRAW = 2.0**62  # still a 64-bit integer; only exponents close to 1 ever get there
N_TERMS = 1000  # of a sum that are taken one by one
GOLDEN = (np.sqrt(5) - 1) / 2


class Tail(NamedTuple):
    """The part of the degrees, from `k_min` up, that a power law describes best, and how far it is from it."""

    exponent: float
    k_min: int
    n_tail: int
    distance: float


def log_zeta(exponent: float | np.ndarray, k: float | np.ndarray) -> Float[np.ndarray, "..."]:
    """Return ln sum_{j >= k} j^-exponent, also where the sum itself is too small for a float64.

    Examples
    --------
    >>> round(float(log_zeta(2.0, 1.0) - np.log(np.pi**2 / 6)), 12), round(float(log_zeta(100.0, 2000.0)), 2)
    (0.0, -757.06)
    """
    exponent, k = np.broadcast_arrays(np.asarray(exponent, dtype=float), np.asarray(k, dtype=float))
    total = zeta(exponent, k)
    with np.errstate(divide="ignore"):
        result = np.asarray(np.log(total))
    tiny = total < 1e-290
    if tiny.any():
        # underflow needs k > 700 where exponents end at 100: three terms of Euler-Maclaurin have all digits there
        a, q = exponent[tiny], k[tiny]
        series = q / (a - 1) + 0.5 + a / (12 * q) - a * (a + 1) * (a + 2) / (720 * q**3)
        result[tiny] = np.log(series) - a * np.log(q)
    return result


def fitted_tail(degrees: Int[np.ndarray, "unit"], k_min: int | None = None) -> Tail:
    """Fit the power law: the exponent by maximum likelihood for each possible k_min, k_min by the smallest distance.

    The distance of Kolmogorov and Smirnov is taken over all whole numbers, also those between two degrees that occur.
    Every degree but the largest is a possible k_min, unless one is given.

    Parameters
    ----------
    degrees : int array
        Positive, with at least two different values; at least one of them above `k_min` (trusted).

    Examples
    --------
    >>> tail = fitted_tail(np.repeat([1, 2, 3, 4], [64, 16, 7, 4]))
    >>> round(tail.exponent, 2), tail.k_min, tail.n_tail
    (2.56, 1, 91)
    """
    if k_min is not None:
        degrees = degrees[degrees >= k_min]
    values, counts = np.unique(degrees, return_counts=True)
    if k_min is not None and values[0] != k_min:
        values, counts = np.append(k_min, values), np.append(0, counts)
    values = values.astype(float)
    above = counts[::-1].cumsum()[::-1].astype(float)  # how many degrees are at least values[i]
    mean_log = (counts * np.log(values))[::-1].cumsum()[::-1] / above
    n_candidates = len(values) - 1 if k_min is None else 1
    exponents = _likeliest(mean_log[:n_candidates], values[:n_candidates])
    distances = [_distance(exponents[i], values[i:], above[i:] / above[i]) for i in range(n_candidates)]
    best = int(np.argmin(distances))
    return Tail(float(exponents[best]), int(values[best]), int(above[best]), float(distances[best]))


def exponent_error(tail: Tail) -> float:
    """Return the standard error of the exponent, 1 / sqrt(n_tail (ln zeta)''), at the given k_min."""
    step = 1e-3 * (tail.exponent - 1)
    left, middle, right = log_zeta(tail.exponent + step * np.array([-1.0, 0.0, 1.0]), float(tail.k_min))
    return float(1 / np.sqrt(tail.n_tail * (left - 2 * middle + right) / step**2))


def draw(exponent: float, k_min: int, size: int, rng: np.random.Generator) -> Int[np.ndarray, "draw"]:
    """Draw `size` whole numbers from the power law, by inversion of its tail: exact, no rounding of real numbers."""
    uniform = np.log1p(-rng.random(size)) + log_zeta(exponent, float(k_min))
    low, high = np.full(size, float(k_min)), np.full(size, 2.0 * k_min)
    # the largest k whose tail is at least the uniform number: doubling, then halving
    growing = np.flatnonzero(log_zeta(exponent, high) >= uniform)
    while len(growing):
        low[growing] = high[growing]
        high[growing] *= 2
        growing = growing[high[growing] <= LARGEST_DRAW]
        growing = growing[log_zeta(exponent, high[growing]) >= uniform[growing]]
    open_ = np.flatnonzero(high - low > 1)
    while len(open_):
        middle = np.floor((low[open_] + high[open_]) / 2)
        inside = log_zeta(exponent, middle) >= uniform[open_]
        low[open_[inside]], high[open_[~inside]] = middle[inside], middle[~inside]
        # beyond 2^53 neighbouring floats are further apart than 1
        open_ = open_[high[open_] - low[open_] > np.maximum(1, np.spacing(low[open_]))]
    return low.astype(np.int64)


def truncated_log_likelihoods(degrees: Int[np.ndarray, "tail"], tail: Tail) -> Float[np.ndarray, "tail"]:
    """Log likelihood of each degree under the likeliest law k^-a exp(-b k) on k >= k_min, a in [0, 100], b >= 0.

    The sum over all k is taken term by term at first and as an integral on a logarithmic scale from then on. Its
    logarithm is convex in (a, b), so that a search with gradients from the power law (b = 0) ends in the one optimum.
    """
    from scipy.optimize import minimize

    k = degrees.astype(float)
    mean_log, mean = np.log(k).mean(), k.mean()
    first = tail.k_min + np.arange(N_TERMS, dtype=float)
    nodes, node_weights = np.polynomial.legendre.leggauss(8)
    panels = np.arange(0.0, 60.0, 0.5)
    rest = (first[-1] + 0.5) * np.exp((panels[:, None] + 0.25 * (nodes + 1)).ravel())
    points = np.concatenate([first, rest])
    log_points = np.log(points)
    log_weights = np.concatenate([np.zeros(N_TERMS), np.log(np.tile(0.25 * node_weights, len(panels)) * rest)])

    def log_norm(a: float, b: float) -> tuple[float, float, float]:
        """Return ln of the sum, and the means of ln k and of k under the law."""
        terms = log_weights - a * log_points - b * points
        shares = np.exp(terms - terms.max())
        total = shares.sum()
        return float(terms.max() + np.log(total)), float(shares @ log_points / total), float(shares @ points / total)

    def cost(x: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = x[0], x[1] / mean  # both of order 1
        norm, law_log, law_mean = log_norm(a, b)
        return a * mean_log + b * mean + norm, np.array([mean_log - law_log, (mean - law_mean) / mean])

    bounds = [(0.0, LARGEST_EXPONENT), (0.0, None)]
    starts = [(tail.exponent, 1e-6), (min(tail.exponent, 1.0), 1.0)]
    ends = [minimize(cost, start, jac=True, bounds=bounds, method="L-BFGS-B", tol=1e-14) for start in starts]
    a, b = min(ends, key=lambda end: end.fun).x
    b /= mean
    return -a * np.log(k) - b * k - log_norm(a, b)[0]


def _likeliest(mean_log: np.ndarray, k_min: np.ndarray) -> np.ndarray:
    """Return the exponents that minimise a * mean_log + ln zeta(a, k_min), which is convex, all at once."""
    low = np.full(len(k_min), np.log(LEAST_EXPONENT - 1))
    high = np.full(len(k_min), np.log(LARGEST_EXPONENT - 1))

    def cost(x: np.ndarray) -> np.ndarray:
        a = 1 + np.exp(x)
        # the two terms cancel to the digits that matter: the power of k_min is taken out of both
        return a * (mean_log - np.log(k_min)) + (log_zeta(a, k_min) + a * np.log(k_min))

    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    cost_left, cost_right = cost(left), cost(right)
    for _ in range(50):
        keeps_left = cost_left < cost_right
        high, low = np.where(keeps_left, right, high), np.where(keeps_left, low, left)
        probe = np.where(keeps_left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        cost_probe = cost(probe)
        left, right = np.where(keeps_left, probe, right), np.where(keeps_left, left, probe)
        cost_left, cost_right = (
            np.where(keeps_left, cost_probe, cost_right),
            np.where(keeps_left, cost_left, cost_probe),
        )
    return 1 + np.exp((low + high) / 2)


def _distance(exponent: float, values: np.ndarray, share_above: np.ndarray) -> float:
    """Return the largest difference of P(K >= k) between law and data; `share_above[j]` of them are >= values[j]."""
    whole = log_zeta(exponent, values[0])
    at, after = np.exp(log_zeta(exponent, values) - whole), np.exp(log_zeta(exponent, values + 1) - whole)
    share_after = np.append(share_above[1:], 0.0)
    # between two degrees the data's tail is flat and the law's falls: its extremes are at both ends of the gap
    return float(max(np.abs(at - share_above).max(), np.abs(after - share_after).max()))
