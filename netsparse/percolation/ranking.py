"""Ranking items by scores: highest first inside each group, and ties in a uniformly random order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netsparse.percolation.scopes import Counts, Positions, shuffled
from netsparse.typing import Float, Int

Scores = Float[np.ndarray, "item"]
"""One number per edge (or per unit); the highest goes first."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Items group by group, in each the highest score first, and how many of them in a row have the same score.

    `positions` is None where all items are there in their own order.
    """

    positions: Positions | None
    ties: Int[np.ndarray, "run"]

    def drawn(self, rng: np.random.Generator) -> Positions:
        """Return the positions with every tie in a uniformly random order."""
        drawn = shuffled(self.ties, rng)
        return drawn if self.positions is None else self.positions[drawn]


def ranked(positions: Positions, counts: Counts, scores: Scores | None) -> Ranking:
    """Rank items, given group by group, by their scores; without scores all of a group are tied.

    Examples
    --------
    >>> ranking = ranked(np.arange(5), np.array([3, 2]), np.array([1.0, 2.0, 1.0, 1.0, 0.0]))
    >>> ranking.ties.tolist(), ranking.drawn(np.random.default_rng(1)).tolist()
    ([1, 2, 1, 1], [1, 2, 0, 3, 4])
    """
    if scores is None:
        return Ranking(positions, counts)
    stops = np.cumsum(counts)
    ranking, new = positions.copy(), np.ones(len(positions), dtype=bool)
    for start, stop in zip(stops - counts, stops, strict=True):
        group = positions[start:stop]
        # another sort would leave ties in another order on another machine, and the same seed would not be the same
        ranking[start:stop] = group[np.argsort(-scores[group], kind="stable")]
        sorted_scores = scores[ranking[start:stop]]
        new[start + 1 : stop] = sorted_scores[1:] != sorted_scores[:-1]
    return Ranking(ranking, np.diff(np.flatnonzero(np.append(new, True))))
