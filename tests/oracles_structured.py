"""Slow, obvious versions of structured, degree-preferential and degree-preserving growth, on dense matrices."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np


def tensor_of(pairs, n_in, n_out, kernel_size=None):
    """Dense 0/1 tensor of the places taken: [source, target], or [row, column, in channel, out channel]."""
    matrix = np.zeros((n_in, n_out), dtype=bool)
    for source, target in pairs:
        matrix[source, target] = True
    if kernel_size is None:
        return matrix
    height, width = kernel_size
    return np.moveaxis(matrix.reshape(n_in // (height * width), height, width, n_out), 0, 2)


def place_of(pair, kernel_size=None):
    """Coordinates of one pair in `tensor_of`."""
    source, target = pair
    if kernel_size is None:
        return source, target
    height, width = kernel_size
    return source // width % height, source % width, source // (height * width), target


def nearest_free(taken, place, metric):
    """Every free place of smallest distance: all places are looked at."""
    distances = {}
    for other in zip(*np.nonzero(~taken), strict=True):
        x = [int(c) for c in other]
        if metric == "euclidean":
            distances[tuple(x)] = sum((p - c) ** 2 for p, c in zip(place, x, strict=True))
        else:
            distances[tuple(x)] = sum(abs(p * p - c * c) for p, c in zip(place, x, strict=True))
    smallest = min(distances.values())
    return {x for x, distance in distances.items() if distance == smallest}


def check_served_in_turn(taken, starts, found, metric):
    """Replay growth: each place found is among the nearest free ones of its start at that time; taken from then on."""
    taken = taken.copy()
    assert len(starts) == len(found)
    for start, place in zip(starts, found, strict=True):
        assert place in nearest_free(taken, start, metric)
        taken[place] = True


def rematchings(kept, freed):
    """All sets of pairs that the stubs of `freed` can be matched to: no pair twice, none of `kept`."""
    sources, targets = [s for s, _ in freed], [t for _, t in freed]
    allowed = set()
    for order in itertools.permutations(targets):
        pairs = frozenset(zip(sources, order, strict=True))
        if len(pairs) == len(freed) and not pairs & set(kept):
            allowed.add(pairs)
    return allowed


def preferential_orders(pairs, n_in, n_out, n_grow, exponent):
    """Probability of every sequence of `n_grow` free pairs, drawn one by one in proportion to their weight."""
    fan_out, fan_in = Counter(s for s, _ in pairs), Counter(t for _, t in pairs)
    free = [p for p in itertools.product(range(n_in), range(n_out)) if p not in set(pairs)]
    weight = {(s, t): ((fan_out[s] + 1) * (fan_in[t] + 1)) ** exponent for s, t in free}
    law = {}
    for order in itertools.permutations(free, n_grow):
        chance, left = 1.0, sum(weight.values())
        for pair in order:
            chance *= weight[pair] / left
            left -= weight[pair]
        law[order] = chance
    return law


def p_value(counts, law):
    """Chance of counts as far from a law as these, by the chi-square statistic; 0 where something impossible came."""
    from scipy.stats import chisquare

    if set(counts) - set(law):
        return 0.0
    n = sum(counts.values())
    observed = [counts.get(outcome, 0) for outcome in law]
    return float(chisquare(observed, [n * law[outcome] for outcome in law]).pvalue)
