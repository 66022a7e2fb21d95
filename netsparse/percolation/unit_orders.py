"""Orders in which units are removed, each with all its edges: at random, by degree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.frozen import index_dtype
from netsparse.metrics.shortest_paths import arcs
from netsparse.percolation.order import Items, RemovalOrder, RemovalState, check_recompute_every, recomputed
from netsparse.percolation.ranking import Scores
from netsparse.percolation.removal import UNITS, Removal
from netsparse.percolation.scopes import SCOPES, Positions, turns
from netsparse.percolation.tournament import take_highest_degrees
from netsparse.typing import EdgeMask

LEVELS: dict[str, Callable[[int], range]] = {
    "inputs": lambda n_levels: range(1),
    "hidden": lambda n_levels: range(1, n_levels - 1),
    "outputs": lambda n_levels: range(n_levels - 1, n_levels),
}
"""Names for some of the levels of units, given the number of all."""


class UnitOrder(RemovalOrder):
    """An order of units: a unit goes with all the edges it has left.

    Units are numbered through the levels. With `scope="layer"` every chosen level loses the same fraction of its units
    at every point. Units of levels that are not chosen stay; an edge between two of them never goes.
    """

    of: ClassVar[str] = UNITS

    def _items(self, graph: BipartiteGraph | SparseNetwork, scope: str, levels: Any) -> Items:
        chosen = chosen_levels(levels, len(graph.sizes))
        starts = np.cumsum([0, *graph.sizes])
        units = np.concatenate([np.arange(starts[level], starts[level + 1]) for level in chosen])
        counts = SCOPES[scope](np.array([graph.sizes[level] for level in chosen], dtype=np.int64))
        return Items(units.astype(index_dtype(int(starts[-1]), graph.n_edges)), counts, turns(counts))

    def _removal(self, state: RemovalState, items: Items, order: Positions) -> Removal:
        return Removal.of_units(items.ids[order], state.ends, state.n_units)

    def _edges_left(self, state: RemovalState, gone: Positions) -> EdgeMask:
        here = np.ones(state.n_units, dtype=bool)
        here[gone] = False
        return here[state.ends[:, 0]] & here[state.ends[:, 1]]


@dataclass(frozen=True, slots=True)
class RandomUnits(UnitOrder):
    """Units in a uniformly random order.

    Examples
    --------
    >>> graph = BipartiteGraph.from_mask([[1, 1], [1, 0]])
    >>> sorted(RandomUnits().removal(graph, levels="outputs", rng=0).items.tolist())
    [2, 3]
    """

    @property
    def definition(self) -> str:
        """Who goes first, in a few words."""
        return "units in a uniformly random order"

    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """All units are alike."""
        return None


@dataclass(frozen=True, slots=True)
class UnitDegree(UnitOrder):
    """Units by degree, the highest first.

    The degree is the number of edges in the whole graph of units, incoming and outgoing ones together; several edges
    that a joint contracts onto the same pair of units all count. Albert, Jeong and Barabasi, Nature 406, 378 (2000),
    doi:10.1038/35019019.

    Parameters
    ----------
    recompute_every : int, float or None
        See `RemovalOrder`; the degrees of what is left are those without the edges of the units that are gone.

    Raises
    ------
    InvalidOption
        For an impossible `recompute_every`.

    Examples
    --------
    >>> star = BipartiteGraph.from_mask([[1, 1, 1]])
    >>> int(UnitDegree().removal(star, rng=0, scope="network").items[0])
    3
    """

    recompute_every: int | float | None = None

    def __post_init__(self) -> None:
        check_recompute_every(self.recompute_every)

    @property
    def definition(self) -> str:
        """Who goes first, in a few words."""
        return "units of the highest degree first" + recomputed(self.recompute_every)

    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """Return the degree of each unit."""
        return state.degrees.astype(np.float64)

    def one_by_one(self, state: RemovalState, items: Items, rng: np.random.Generator) -> Positions:
        """Keep the degrees of all units up to date."""
        sources, targets = state.ends.T
        indptr, heads, _ = arcs(state.n_units, sources, targets)
        order = np.empty_like(items.ids)
        return take_highest_degrees(items.ids, indptr, heads, items.counts, items.turns, rng.random(len(order)), order)


def chosen_levels(levels: Any, n_levels: int) -> list[int]:
    """Return the numbers of the chosen levels, in their order.

    Parameters
    ----------
    levels : None, str or sequence of int
        All, those with this name in `LEVELS`, or the levels themselves (0 are the inputs).
    n_levels : int
        Number of levels of units: one more than layers.

    Raises
    ------
    UnknownName, InvalidOption
        For an unknown name, levels that do not exist or are repeated, and where none is left.

    Examples
    --------
    >>> chosen_levels("hidden", 4), chosen_levels([3, 0], 4), chosen_levels(None, 2)
    ([1, 2], [0, 3], [0, 1])
    """
    if levels is None:
        return list(range(n_levels))
    if isinstance(levels, str):
        if levels not in LEVELS:
            raise unknown_name("levels", levels, LEVELS)
        chosen: list[Any] = list(LEVELS[levels](n_levels))
    else:
        asked = levels.tolist() if isinstance(levels, np.ndarray) else levels
        chosen = list(asked) if hasattr(asked, "__iter__") else [None]
    fix = "levels='inputs'" if n_levels == 2 else "levels='hidden'"
    known = all(isinstance(k, int | np.integer) and not isinstance(k, bool) and 0 <= k < n_levels for k in chosen)
    if not chosen:
        raise InvalidOption("levels", f"{levels!r}, none of {n_levels} levels", "one level or more", fix)
    if not known or len(set(chosen)) < len(chosen):
        expected = f"None, a name or different levels from 0 to {n_levels - 1}"
        raise InvalidOption("levels", repr(levels), expected, fix)
    return sorted(int(k) for k in chosen)
