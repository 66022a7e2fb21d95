"""Which edges a strength between 0 and 1 reaches: exactly that fraction, the same ones and more as it grows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from netsparse.robustness.wiring import Wiring
from netsparse.typing import EdgeIds, EdgeVector

SCOPES = ("layer", "network")

Groups = list[EdgeIds]
"""Edge ids (layer by layer, in canonical order), one array per group of edges that share a count."""


def count_of(fraction: float, n: int) -> int:
    """Return how many of `n` things a fraction is: fraction * n, halves rounded up.

    Examples
    --------
    >>> count_of(0.5, 5), count_of(0.1, 4), count_of(1.0, 7)
    (3, 0, 7)
    """
    return math.floor(fraction * n + 0.5)


def edge_groups(wiring: Wiring, scope: str) -> Groups:
    """Return the ids of the edges that may be changed: layer by layer, or as one pool ("network")."""
    stops = np.cumsum([0, *wiring.n_edges_per_layer])
    ids = np.arange(stops[-1])
    return [ids] if scope == "network" else np.split(ids, stops[1:-1])


def nested_choice(groups: Groups, rng: np.random.Generator) -> Callable[[float], Groups]:
    """Draw one random order of each group; a fraction then stands for as many of its first edges.

    Every choice is uniform among the sets of its size, and a larger one holds a smaller one.

    Examples
    --------
    >>> choose = nested_choice([np.arange(4), np.arange(4, 6)], np.random.default_rng(0))
    >>> [len(chosen) for chosen in choose(0.5)], sorted(np.concatenate(choose(1.0)).tolist())
    ([2, 1], [0, 1, 2, 3, 4, 5])
    """
    orders = [rng.permutation(group) for group in groups]

    def choose(fraction: float) -> Groups:
        return [order[: count_of(fraction, len(order))] for order in orders]

    return choose


def pooled(wiring: Wiring) -> EdgeVector:
    """Return the weights of the layers that may be changed as one new array, the widest of their float types."""
    return np.concatenate(wiring.probed_weights)


def split(wiring: Wiring, values: EdgeVector) -> Wiring:
    """Return the wiring with the pooled `values` as weights, each layer's in its own float type."""
    stops = np.cumsum(wiring.n_edges_per_layer)[:-1]
    pieces = zip(np.split(values, stops), wiring.probed_weights, strict=True)
    return wiring.with_weights([piece.astype(old.dtype) for piece, old in pieces])
