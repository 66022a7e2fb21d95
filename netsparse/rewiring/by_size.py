"""Where edges that are to grow go in sampling rules: independent draws, each layer as likely as it is large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netsparse.errors import InvalidOption, NotEnoughFreePairs
from netsparse.rewiring.state import Kept


@dataclass(frozen=True)
class BySize:
    """Every edge that is to grow chooses its layer by itself: layer l with probability ~ n_in * n_out * density.

    What a full layer has no room for is drawn again among those that have some (ours).

    Parameters
    ----------
    densities : tuple of float, optional
        A factor for each layer, the density it is meant to have: the global variant of DEEP R. None: the same for all,
        as in Bayesian connectivity sampling.

    Raises
    ------
    InvalidOption
        If a factor is negative or not finite, or there are not as many as layers.
    NotEnoughFreePairs
        If more are to grow than all layers of a factor above 0 have free pairs.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> from netsparse.rewiring.state import LayerState
    >>> none = np.empty(0, dtype=np.int64)
    >>> sizes = (30, 10), (10, 10)
    >>> graphs = [BipartiteGraph.from_edges([], [], n_in=a, n_out=b) for a, b in sizes]
    >>> kept = [Kept(LayerState(k, graph, np.empty(0)), none) for k, graph in enumerate(graphs)]
    >>> BySize()(kept, [0, 100], np.random.default_rng(0))
    [74, 26]
    """

    densities: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.densities is None:
            return
        factors = np.asarray(self.densities)
        if factors.ndim != 1 or factors.dtype.kind not in "fiu" or not (np.isfinite(factors) & (factors >= 0.0)).all():
            expected = "one number per layer, at least 0"
            raise InvalidOption("densities", repr(self.densities), expected, "BySize(densities=(0.01, 0.03, 0.3))")
        object.__setattr__(self, "densities", tuple(map(float, factors)))

    def __call__(self, kept: Sequence[Kept], n_grow: Sequence[int], rng: np.random.Generator) -> list[int]:
        """Draw; of `n_grow` only the sum matters."""
        shares = np.array([layer.before.graph.n_in * layer.before.graph.n_out for layer in kept], dtype=np.float64)
        if self.densities is not None:
            if len(self.densities) != len(shares):
                given, expected = f"{len(self.densities)} numbers", f"one for each of {len(shares)} layers"
                raise InvalidOption("densities", given, expected, "BySize()")
            shares *= self.densities
        room = np.array([layer.n_free for layer in kept], dtype=np.int64)
        left, counts = int(sum(n_grow)), np.zeros(len(kept), dtype=np.int64)
        while left:
            chances = np.where(room > counts, shares, 0.0)
            if not chances.any():
                given, expected = f"{left} new edges", "at most as many as there are free pairs"
                raise NotEnoughFreePairs("new edges", given, expected, "a lower density or a smaller fraction")
            drawn = np.minimum(rng.multinomial(left, chances / chances.sum()), room - counts)
            counts += drawn
            left -= int(drawn.sum())
        return counts.tolist()


BY_SIZE = BySize()
"""Each layer as likely as it has pairs of units."""
