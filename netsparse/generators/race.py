"""A race of all pairs at rates a_s * b_t, of which only those that arrive in time are ever looked at."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import Float, Int


def first_arrivals(
    rates_in: Float[np.ndarray, "source"],
    rates_out: Float[np.ndarray, "target"],
    n_arrivals: int,
    rng: np.random.Generator,
) -> Int[np.ndarray, "arrival"]:
    """Return the keys `target * n_in + source`, unsorted, of the pairs that arrive first at exponential times.

    Pair (s, t) arrives at an exponential time of rate rates_in[s] * rates_out[t], independently of the others, so the
    next one to arrive is always drawn with probability proportional to its rate among those still out: this is
    sampling without replacement. The race is run up to a time by which somewhat more pairs than asked for are
    expected, and further where they did not come.

    Parameters
    ----------
    rates_in, rates_out : float arrays
        Positive, largest first, the products no smaller than 1e-250 times the largest (trusted).
    n_arrivals : int
        How many; fewer than there are pairs.
    rng : numpy.random.Generator
        Source of randomness.

    Examples
    --------
    >>> rates = np.array([4.0, 2.0, 1.0])
    >>> len(set(first_arrivals(rates, rates, 5, np.random.default_rng(0)).tolist()))
    5
    """
    keys, times = np.empty(0, dtype=np.int64), np.empty(0)
    begin, end, step = 0.0, _stop(rates_in, rates_out, n_arrivals), 0.25
    while True:
        room = n_arrivals + n_arrivals // 8 + 64
        new_keys, new_times = arrivals(rates_in, rates_out, end - begin, room, rng)
        late = ~np.isin(new_keys, keys)  # who has arrived does not run again
        keys, times = np.concatenate([keys, new_keys[late]]), np.concatenate([times, begin + new_times[late]])
        if len(keys) >= n_arrivals:
            return keys[np.argpartition(times, n_arrivals - 1)[:n_arrivals]]
        begin, end, step = end, end * (1 + step), 2 * step


SPARE = 4.0  # standard deviations of the number of arrivals that are expected beyond those asked for
GROUPS = 256


def _stop(rates_in: np.ndarray, rates_out: np.ndarray, n_arrivals: int) -> float:
    """Return a time by which `n_arrivals` have arrived, most likely, and not many more."""
    from scipy.optimize import brentq

    n_pairs = len(rates_in) * len(rates_out)
    # the variance is below the expected number of arrivals, and below that of the pairs still out: either will do
    by_arrivals = ((SPARE + np.sqrt(SPARE**2 + 4 * n_arrivals)) / 2) ** 2
    by_rest = n_pairs - ((np.sqrt(SPARE**2 + 4 * (n_pairs - n_arrivals)) - SPARE) / 2) ** 2
    wanted = min(by_arrivals, by_rest)
    mean_in, size_in = _grouped(rates_in)
    mean_out, size_out = _grouped(rates_out)
    rates, sizes = np.outer(mean_in, mean_out), np.outer(size_in, size_out)

    def surplus(log_time: float) -> float:
        return float(-(sizes * np.expm1(-np.exp(log_time) * rates)).sum() - wanted)

    low = float(np.log(wanted) - np.log((sizes * rates).sum()))  # arrivals fall short of rate times time
    high = low + 1.0
    while surplus(high) <= 0:
        high = low + 2 * (high - low)
    return float(np.exp(brentq(surplus, low, high, xtol=1e-4)))


def _grouped(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and size of groups of similar rates, small ones among the largest rates."""
    starts = np.unique(np.geomspace(1, len(rates) + 1, GROUPS).astype(np.int64)[:-1]) - 1
    sizes = np.diff(np.append(starts, len(rates)))
    return np.add.reduceat(rates, starts) / sizes, sizes


@njit(cache=True, nogil=True)
def arrivals(rates_in, rates_out, duration, room, rng):
    """Return the keys and times of all arrivals within `duration`, by jumps over the pairs that do not arrive.

    A jump has the length it would have if all pairs ahead were as quick as the last one seen, and where it lands the
    excess is thinned out (Miller and Hagberg 2011, doi:10.1007/978-3-642-21286-4_10).
    """
    n_in = len(rates_in)
    keys, times, n_found = np.empty(room, dtype=np.int64), np.empty(room), 0
    for target in range(len(rates_out)):
        speed = duration * rates_out[target]
        source, bound = 0, speed * rates_in[0]
        while source < n_in:
            jump = rng.standard_exponential() / bound
            if jump >= n_in - source:
                break
            source += np.int64(jump)
            rate = speed * rates_in[source]
            chance = -np.expm1(-rate)
            if rng.random() * -np.expm1(-bound) < chance:
                if n_found == len(keys):
                    keys = np.concatenate((keys, np.empty_like(keys)))
                    times = np.concatenate((times, np.empty_like(times)))
                keys[n_found] = target * n_in + source
                times[n_found] = -np.log1p(-rng.random() * chance) / rate * duration
                n_found += 1
            bound = rate
            source += 1
    return keys[:n_found], times[:n_found]
