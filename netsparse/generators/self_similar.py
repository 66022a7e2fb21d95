"""Stochastic Kronecker graphs: a small table of relative densities that repeats on every scale, with an exact count."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from netsparse.errors import InvalidSize, NotEnoughFreePairs
from netsparse.generators.budget import edge_count
from netsparse.generators.products import as_power
from netsparse.generators.proportional import as_proportions
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.free_pairs import sample_free_keys
from netsparse.graph.pairs import pair_keys
from netsparse.rng import as_rng
from netsparse.typing import Float, Int, Seed

MOST_CLASSES = 1_000_000  # classes of equally likely pairs; beyond it their list, not the graph, would fill the memory


def stochastic_kronecker(
    initiator: Any, power: int, *, density: float | None = None, n_edges: int | None = None, rng: Seed
) -> BipartiteGraph:
    """Stochastic Kronecker graph: pairs drawn in proportion to the Kronecker power of a small table.

    With an initiator P of a rows and b columns there are n_in = a^power sources and n_out = b^power targets. Written
    with `power` digits (s_1 s_2 ..) in base a and (t_1 t_2 ..) in base b, the first the most significant, a pair
    has the weight

        p(s, t) = P[s_1, t_1] * P[s_2, t_2] * ... * P[s_power, t_power].

    Pairs are drawn one after the other with probability proportional to their weight; a pair that is an edge already
    is drawn again (successive sampling, what R-MAT does), until there are exactly `n_edges` different ones.

    Parameters
    ----------
    initiator : array of shape (rows of sources, columns of targets)
        Numbers of at least 0; only their ratios matter. A pair whose weight is 0 is never an edge.
    power : int
        Number of digits, at least 1.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidOption
        If the initiator is no table of non-negative numbers, or the power is impossible.
    InvalidSize
        If there are too many pairs of units, or more than a million classes of pairs (see Notes).
    NotEnoughFreePairs
        If fewer pairs than edges have a weight above 0.
    InvalidDensity, NoEdges, InvalidSeed
        As `erdos_renyi`.

    Notes
    -----
    Leskovec, Chakrabarti, Kleinberg, Faloutsos and Ghahramani 2010, JMLR 11:985; R-MAT: Chakrabarti, Zhan and
    Faloutsos 2004, doi:10.1137/1.9781611972740.43. Rejecting the pairs drawn before stalls once the heavy ones are
    used up, so the same law is drawn in another way, which is ours: give every pair an exponential clock of rate
    p(s, t); the order in which the clocks ring is successive sampling. All pairs that use the same entries of P
    equally often have the same rate, so it suffices to draw how many clocks of each such class have rung by a time at
    which slightly more than `n_edges` are expected, to keep the earliest, and to draw that many different members of
    each class. Exact at every density; O(classes + edges * power^2), where the classes are the multisets of `power`
    entries out of the d distinct positive ones of P: binomial(d + power - 1, power).

    Examples
    --------
    >>> graph = stochastic_kronecker([[0.57, 0.19], [0.19, 0.05]], 10, n_edges=5000, rng=0)
    >>> graph
    BipartiteGraph(1024 -> 1024, 5,000 edges, density 0.00477)
    >>> int(graph.fan_out[0]) > 20 * graph.n_edges / 1024
    True
    """
    table, power = as_proportions("initiator", initiator), as_power(power)
    n_in, n_out = as_sides(table.shape[0] ** power, table.shape[1] ** power)
    if n_in * n_out * power > np.iinfo(np.int64).max:
        raise InvalidSize("power", str(power), "power * n_in * n_out below 2^63", "a smaller power")
    count = edge_count(n_in, n_out, density=density, n_edges=n_edges)
    cells = np.argsort(table, axis=None, kind="stable")[np.count_nonzero(table == 0) :]
    room = len(cells) ** power
    if count > room:
        expected = f"at most the {room} pairs of positive weight"
        raise NotEnoughFreePairs("n_edges", f"{count} edges", expected, f"n_edges={room}, or an initiator without 0")
    rng = as_rng(rng)
    if count == 0:
        return BipartiteGraph.from_sorted_keys(np.empty(0, dtype=np.int64), n_in=n_in, n_out=n_out)

    values, first, n_cells = np.unique(table.ravel()[cells], return_index=True, return_counts=True)
    classes = _multisets(len(values), power)
    orders, choices = _orders(classes), n_cells[classes].prod(axis=1)
    taken = _earliest(orders * choices, np.log(values)[classes].sum(axis=1), count, rng)
    of_edge = np.repeat(np.arange(len(classes)), taken)
    order, choice = np.divmod(_members(orders * choices, taken, rng), choices[of_edge])
    sources, targets = np.zeros((2, count), dtype=np.int64)
    for value in _arranged(classes[of_edge].T, orders[of_edge], order):
        choice, which = np.divmod(choice, n_cells[value])
        row, column = np.divmod(cells[first[value] + which], table.shape[1])
        sources, targets = sources * table.shape[0] + row, targets * table.shape[1] + column
    return BipartiteGraph.from_sorted_keys(np.sort(pair_keys(sources, targets, n_in)), n_in=n_in, n_out=n_out)


def _multisets(n_values: int, power: int) -> Int[np.ndarray, "class digit"]:
    """List the multisets of `power` values, each as a non-decreasing row."""
    n_classes = math.comb(n_values + power - 1, power)
    if n_classes > MOST_CLASSES:
        given = f"{n_values} distinct positive entries to the power {power}, {n_classes} classes of pairs"
        fix = "a smaller power, or an initiator with fewer distinct entries"
        raise InvalidSize("initiator, power", given, f"at most {MOST_CLASSES} classes", fix)
    rows = itertools.chain.from_iterable(itertools.combinations_with_replacement(range(n_values), power))
    return np.fromiter(rows, dtype=np.int32, count=n_classes * power).reshape(n_classes, power)


def _orders(classes: Int[np.ndarray, "class digit"]) -> Int[np.ndarray, "class"]:
    """Count the different orders of each multiset: power! over the factorials of the multiplicities."""
    orders, run = np.ones((2, len(classes)), dtype=np.int64)
    for k in range(1, classes.shape[1]):
        run = np.where(classes[:, k] == classes[:, k - 1], run + 1, 1)
        whole, rest = np.divmod(orders, run)
        orders = whole * (k + 1) + rest * (k + 1) // run
    return orders


def _earliest(
    sizes: Int[np.ndarray, "class"], log_rates: Float[np.ndarray, "class"], count: int, rng: np.random.Generator
) -> Int[np.ndarray, "class"]:
    """Tell how many of the `count` earliest clocks are in each class of `sizes` clocks of equal rate.

    Clocks have no memory: where too few have rung by the chosen time, the rest starts anew from there.
    """
    left, taken = sizes.copy(), np.zeros(len(sizes), dtype=np.int64)
    while (missing := count - int(taken.sum())) > 0:
        all_left = int(left.sum())
        if missing == all_left:
            return sizes
        expected = min(missing + 4 * math.sqrt(missing) + 4, (missing + all_left) / 2)
        log_means = _log_time(left, log_rates, expected) + log_rates
        rung_by_then = _rung(log_means)
        rung = rng.binomial(left, rung_by_then)
        if rung.sum() > missing:
            of_clock = np.repeat(np.arange(len(rung)), rung)
            # the inverse of the distribution of a time, given that it is before the chosen one, in units of that
            part = np.maximum(rng.random(len(of_clock)), 2.0**-54) * rung_by_then[of_clock]
            log_times = np.log(-np.log1p(-part)) - log_means[of_clock]
            rung = np.bincount(of_clock[np.argpartition(log_times, missing)[:missing]], minlength=len(rung))
        taken, left = taken + rung, left - rung
    return taken


def _rung(log_means: Float[np.ndarray, "class"]) -> Float[np.ndarray, "class"]:
    """Probability that a clock has rung when exp(log_means) rings are expected; beyond e^4 it is 1 in 64 bits."""
    return -np.expm1(-np.exp(np.minimum(log_means, 4.0)))


def _log_time(left: Int[np.ndarray, "class"], log_rates: Float[np.ndarray, "class"], expected: float) -> float:
    """Logarithm of the time by which `expected` clocks have rung on average, by bisection."""

    def mean(log_time: float) -> float:
        return float((left * _rung(log_time + log_rates)).sum())

    fastest = float(log_rates[left > 0].max())
    # as if no clock could ring twice: the mean is at most this, so that the time is at least this
    low = math.log(expected / float((left * np.exp(np.minimum(log_rates - fastest, 0))).sum())) - fastest
    step = 1.0
    while mean(low + step) < expected:
        low, step = low + step, 2 * step
    high = low + step
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if mean(middle) < expected else (low, middle)
    return high


def _members(sizes: np.ndarray, taken: np.ndarray, rng: np.random.Generator) -> Int[np.ndarray, "edge"]:
    """Draw `taken` different numbers below `sizes` for each class, one class after the other."""
    members, ends = np.empty(int(taken.sum()), dtype=np.int64), np.cumsum(taken)
    single = taken == 1
    members[ends[single] - 1] = rng.integers(sizes[single])
    for c in np.flatnonzero(taken > 1):
        drawn = sample_free_keys(np.empty(0, dtype=np.int64), int(sizes[c]), int(taken[c]), rng)
        members[ends[c] - taken[c] : ends[c]] = drawn
    return members


def _arranged(digits: np.ndarray, orders: np.ndarray, number: np.ndarray):
    """Yield digit by digit the order that has the given number among all `orders` orders of each multiset.

    A value that fills m of the n places left begins m / n of the orders, so that the places, sorted by value, divide
    the numbers evenly.
    """
    for n_left in range(len(digits), 0, -1):
        place = number * n_left // orders
        value = np.take_along_axis(digits, place[None], axis=0)[0]
        yield value
        before, equal = (digits < value).sum(axis=0), (digits == value).sum(axis=0)
        number = number - before * orders // n_left
        orders = orders * equal // n_left
        digits = np.where(np.arange(n_left - 1)[:, None] < place, digits[:-1], digits[1:])
