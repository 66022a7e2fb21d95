"""Whom to grow by path scores: the free pairs of highest score, or pairs drawn in proportion to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netsparse.graph import BipartiteGraph, EdgeDelta, apply, free_pairs
from netsparse.graph.checks import as_count
from netsparse.rewiring.growth.path_scores import dense_path_scores, named_score, path_score_rows, walk_length
from netsparse.rewiring.growth.top_scores import Drawn, Highest
from netsparse.rewiring.state import Kept
from netsparse.typing import UnitIds

BLOCK = 2**20
"""Scores that are held at a time where not all of them are: 8 MiB."""
PRODUCTS_PER_STEP = 8
"""Products of a matrix product that take as long as one step of a walk, about."""


@dataclass(frozen=True)
class PathGrowth:
    """Grow the free pairs (u, v) that most paths u - a - b - v join, as one of the Cannistraci-Hebb scores counts them.

    Equal scores are taken by lot. Where fewer pairs have a score above 0 than are to grow, all of these grow, and the
    rest are uniformly random among the other free pairs (the published code adds 1e-5 to all scores then).

    Parameters
    ----------
    score : {"ch3_l3n", "ch2_l3n", "ch3_l3p", "ch2_l3p", "ra_l3p"}
        Which score, see `path_score_rows`.
    soft : bool
        False: the highest scores (CHT). True: drawn without replacement in proportion to the scores (CHTs).
    dense_limit : int
        Entries of the largest dense matrix that may be held; layers with more pairs or more units on one side squared
        are scored in blocks. The result does not depend on it, nor does that of sums over paths, which never are dense.

    Raises
    ------
    UnknownName, InvalidOption
        For an unknown score, and a limit that is not a whole number of at least 0.

    References
    ----------
    CHT: Zhang et al., ICLR 2024, openreview.net/forum?id=iayEcORsGd; CHTs: Zhang et al. (2024),
    doi:10.20944/preprints202406.1136.v1. Ties by lot and the search in blocks are ours.

    Examples
    --------
    >>> from netsparse.rewiring.state import LayerState
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=3, n_out=3)
    >>> kept = Kept(LayerState(0, path, np.ones(3)), np.array([], dtype=np.int64))
    >>> sources, targets = PathGrowth()(kept, 1, np.random.default_rng(0))
    >>> sources.tolist(), targets.tolist()
    ([0], [1])
    """

    score: str = "ch3_l3n"
    soft: bool = False
    dense_limit: int = 4_000_000

    def __post_init__(self) -> None:
        named_score(self.score)
        object.__setattr__(self, "dense_limit", as_count("dense_limit", self.dense_limit))

    def __call__(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the pairs, in canonical order."""
        kept.check_room(n_grow)
        graph, n_in = kept.graph, kept.graph.n_in
        best = (Drawn if self.soft else Highest)(n_grow, int(rng.integers(2**63)))
        if n_grow and self._is_dense(graph):
            best.offer(dense_path_scores(graph, score=self.score).ravel(), 0)
        elif n_grow:
            n_rows = max(1, BLOCK // n_in)
            for first in range(0, graph.n_out, n_rows):
                last = min(first + n_rows, graph.n_out)
                best.offer(path_score_rows(graph, first, last, score=self.score).ravel(), first * n_in)
        keys = best.sorted_keys()
        if len(keys) < n_grow:
            grown, _ = apply(graph, EdgeDelta([], keys % n_in, keys // n_in))
            sources, targets = free_pairs(grown, n_grow - len(keys), rng=rng)
            keys = np.sort(np.concatenate([keys, targets * n_in + sources]))
        return keys % n_in, keys // n_in

    def _is_dense(self, graph: BipartiteGraph) -> bool:
        """Tell whether matrix products are allowed and faster than a walk."""
        short, long = sorted((graph.n_in, graph.n_out))
        is_allowed = long**2 <= self.dense_limit and not named_score(self.score).is_sum_over_paths
        return is_allowed and 2 * short * long * (short + long) < PRODUCTS_PER_STEP * walk_length(graph)
