"""`DegreePreserving`: weak edges exchange their ends, and every unit keeps its degree."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.graph.checks import as_count
from netsparse.graph.pairs import pair_keys
from netsparse.rewiring.parts import Grow
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.state import Kept
from netsparse.typing import UnitIds

RESTARTS = 3


@dataclass(frozen=True)
class Rematched:
    """Grow pairs of the stubs that the dropped edges have left, matched again at random: no unit's degree changes.

    Parameters
    ----------
    swaps_per_edge : int
        Exchanges of two targets that are proposed for each edge once all pairs are free.

    Raises
    ------
    InvalidOption
        For an impossible number; at growth, unless exactly as many edges grow as the layer has lost.

    Notes
    -----
    Ours. Allowed are the matchings of the freed stubs in which no pair repeats or is an edge that stays; the one they
    come from is always among them. The targets are put into a random order; a pair that is taken or repeats exchanges
    its target with that of another pair, drawn at random, as soon as both new pairs are free; then exchanges are
    proposed at random and made where both new pairs are free. Such a walk has the same probability for all sets of
    pairs that exchanges lead to and forgets where it started as it goes on; without it (`swaps_per_edge=0`) sets that
    repair reaches easily are favoured. On a layer with 15 such sets repair alone was off by up to a quarter of a set's
    probability, and one proposal per edge left no difference that 20,000 draws could show; that few are enough in
    general is not proven. Where pairs that stay separate the allowed
    sets, so that exchanges do not lead from some to others, the groups have the probability that the random start
    gives them, which need not go by their size. If repair comes to no end, the stubs start in another order, and after
    three such failures in the old one: in a crowded layer edges stay where they are.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> from netsparse.rewiring.state import LayerState
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 1, 2], n_in=3, n_out=3)
    >>> kept = Kept(LayerState(0, graph, np.ones(3)), np.array([0, 1]))
    >>> sources, targets = Rematched()(kept, 2, np.random.default_rng(2))
    >>> sources.tolist(), targets.tolist()
    ([0, 1], [1, 0])
    """

    swaps_per_edge: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "swaps_per_edge", as_count("swaps_per_edge", self.swaps_per_edge))

    def __call__(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Match the stubs."""
        if n_grow != len(kept.removed):
            given = f"{n_grow} edges to grow in layer {kept.before.index} for {len(kept.removed)} dropped"
            raise InvalidOption("budget", given, "as many of the one as of the other", "budget='layer'")
        before = kept.before.graph
        sources = before.sources[kept.removed].astype(np.int64)
        targets = before.targets[kept.removed].astype(np.int64)
        if n_grow < 2:
            return sources, targets
        from netsparse.rewiring.rules.rematch_kernel import rematch

        keys = pair_keys(before.sources, before.targets, before.n_in)
        stays = np.ones(len(keys), dtype=bool)
        stays[kept.removed] = False
        n_swaps = self.swaps_per_edge * n_grow
        for _ in range(RESTARTS):
            shuffled = rng.permutation(targets)
            if rematch(sources, shuffled, keys[stays], before.n_in, n_swaps, rng):
                return sources, shuffled
        rematch(sources, targets, keys[stays], before.n_in, n_swaps, rng)
        return sources, targets


@dataclass(frozen=True, repr=False)
class DegreePreserving(RewiringRule):
    """Ours: the weakest edges go, and their stubs are matched again at random; fan-in and fan-out are kept exactly.

    What `SET` changes in the degrees of a layer, this rule does not: a network trained by the two tells what the
    degree sequence is worth.

    Parameters
    ----------
    fraction : float
        Share of each layer's edges whose ends are freed.
    swaps_per_edge : int
        See `Rematched`, which says how close to uniform the matching is.
    drop, newborn, schedule, every, ...
        The parts of every rule, see `RewiringRule`. `regrown` is "survivor" here: an edge whose stubs find each other
        again, or have nowhere else to go, was never touched.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Notes
    -----
    The null model of the same name, `netsparse.generators.degree_preserving`, exchanges the ends of all edges and
    carries their weights along.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, apply
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 1, 2], n_in=4, n_out=3)
    >>> delta = DegreePreserving(0.5).propose(graph, np.array([0.1, 5.0, 0.2, 5.0]), rng=2)
    >>> delta.removed.tolist(), delta.added_sources.tolist(), delta.added_targets.tolist()
    ([0, 2], [0, 2], [1, 0])
    """

    _: KW_ONLY
    regrown: str = "survivor"
    swaps_per_edge: int = 3

    fixed: ClassVar[frozenset[str]] = RewiringRule.fixed | {"grow", "budget"}
    _grow: ClassVar[Grow]

    def __post_init__(self) -> None:
        super().__post_init__()
        grow = Rematched(self.swaps_per_edge)
        object.__setattr__(self, "swaps_per_edge", grow.swaps_per_edge)
        object.__setattr__(self, "_grow", grow)

    def grown(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the freed stubs in pairs."""
        return self._grow(kept, n_grow, rng)
