"""The free pairs of highest score, found block by block: a dense matrix of scores never exists."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netsparse.errors import NotEnoughFreePairs, TrainingDiverged
from netsparse.graph import BipartiteGraph
from netsparse.typing import Float, UnitIds

Scores = Callable[[int, int], Float[np.ndarray, "row n_in"]]
"""`(first, last) -> scores` of all pairs that end at the targets from first up to, not including, last."""

BLOCK = 2**18
"""Most scores that are held at a time, of one target at least: they stay in a processor's cache."""


def highest_free_pairs(graph: BipartiteGraph, n: int, scores: Scores) -> tuple[UnitIds, UnitIds]:
    """Return the `n` pairs of highest score among those that are no edges, ties to the first in canonical order.

    All n_in x n_out scores are asked for, a block of targets at a time, in canonical order; of these at most a block
    and some 2n candidates are held.

    Parameters
    ----------
    graph : BipartiteGraph
        Whose edges are taken.
    n : int
        How many pairs.
    scores : callable
        `(first, last) -> array of shape (last - first, n_in)` for the targets of a block. What it returns is
        written over.

    Returns
    -------
    sources, targets : int arrays of shape (n,)
        In canonical order.

    Raises
    ------
    NotEnoughFreePairs, TrainingDiverged
        For more pairs than are free, and for scores that are not finite.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0], [0], n_in=3, n_out=2)
    >>> table = np.array([[9.0, 1.0, 4.0], [3.0, 0.0, 4.0]])
    >>> highest_free_pairs(graph, 2, lambda first, last: table[first:last].copy())
    (array([2, 2]), array([0, 1]))
    """
    n_in, n_free = graph.n_in, graph.n_in * graph.n_out - graph.n_edges
    if n > n_free:
        given, expected = f"{n} new edges", f"at most the {n_free} free pairs"
        raise NotEnoughFreePairs("new edges", given, expected, "a lower density or a smaller fraction")
    best = _Best(n)
    height = max(1, BLOCK // n_in)
    for first in range(0, graph.n_out, height) if n else ():
        last = min(first + height, graph.n_out)
        block = scores(first, last)
        if not np.isfinite(block).all():
            given, expected = "NaN or infinite values", "finite gradients of every layer"
            raise TrainingDiverged("gradients", given, expected, "a smaller learning rate")
        edges = slice(graph.indptr[first], graph.indptr[last])
        block[graph.targets[edges].astype(np.int64) - first, graph.indices[edges]] = -np.inf
        best.offer(block.ravel(), first * n_in)
    keys = best.sorted_keys()
    targets = keys // n_in
    return keys - targets * n_in, targets


class _Best:
    """The n highest of scores that come in the order of their keys; -inf is none."""

    def __init__(self, n: int) -> None:
        self.n, self.bar = n, -np.inf
        self.values, self.keys = [np.empty(0)], [np.empty(0, dtype=np.int64)]
        self.n_held = 0

    def offer(self, values: np.ndarray, first_key: int) -> None:
        """Take what may still be among the best; what equals the bar comes too late."""
        places = np.flatnonzero(values > self.bar)
        self.values.append(values[places])
        self.keys.append(places + first_key)
        self.n_held += len(places)
        if self.n_held > 2 * self.n:
            self._shrink()

    def sorted_keys(self) -> np.ndarray:
        """Return the keys of the n best, increasing."""
        if self.n_held > self.n:
            self._shrink()
        return np.concatenate(self.keys)

    def _shrink(self) -> None:
        values, keys = np.concatenate(self.values), np.concatenate(self.keys)
        self.bar = np.partition(values, len(values) - self.n)[len(values) - self.n]
        stays = values > self.bar
        equal = np.flatnonzero(values == self.bar)  # in the order of keys: the first ones win
        stays[equal[: self.n - np.count_nonzero(stays)]] = True
        self.values, self.keys, self.n_held = [values[stays]], [keys[stays]], self.n
