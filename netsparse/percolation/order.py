"""`RemovalOrder`: the skeleton of every removal order - groups, turns, ties, recomputation - written once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.frozen import index_dtype
from netsparse.metrics.matrices import magnitudes
from netsparse.percolation.edge_ends import EdgeEnds, edge_ends
from netsparse.percolation.ranking import Ranking, Scores, ranked
from netsparse.percolation.removal import EDGES, Removal
from netsparse.percolation.scopes import SCOPES, Counts, Positions, Turns, merged, turns
from netsparse.rng import as_rng
from netsparse.typing import EdgeMask, EdgeVector, Int, Seed


@dataclass(frozen=True, slots=True, eq=False)
class RemovalState:
    """What a removal order may see: the whole graph, and which of its edges are left.

    Attributes
    ----------
    graph : BipartiteGraph or SparseNetwork
        As it was before the first removal.
    strength : float array of shape (n_edges,), or None
        |w| of each edge; None for orders that do not need weights.
    left : bool array of shape (n_edges,)
        The edges that are left.
    find_ends : callable
        Returns `ends`, the same array each time; an order that never looks at them does not pay for them.
    """

    graph: BipartiteGraph | SparseNetwork
    strength: EdgeVector | None
    left: EdgeMask
    find_ends: Callable[[], EdgeEnds]

    @property
    def ends(self) -> EdgeEnds:
        """The two units of each edge, numbered through the levels; joints are contracted."""
        return self.find_ends()

    @property
    def n_units(self) -> int:
        """Number of units on all levels."""
        return sum(self.graph.sizes)

    @property
    def degrees(self) -> Int[np.ndarray, "unit"]:
        """Number of edges left at each unit, incoming and outgoing ones together."""
        return np.bincount(self.ends[self.left].ravel(), minlength=self.n_units)


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """What is removed one by one: edges, or the units of some levels, numbered group by group."""

    ids: Positions
    counts: Counts
    turns: Turns


class RemovalOrder(ABC):
    """In which order the edges or the units of a graph are removed.

    A subclass supplies scores: the item with the highest one goes first, inside its layer (or level) where
    `scope="layer"`, of all where `scope="network"`. Equal scores are ties, and every tie is broken uniformly at random,
    in each trial anew.

    Attributes
    ----------
    of : {"edges", "units"}
        What is removed one by one.
    definition : str
        Who goes first, in a few words.
    needs_weights : bool
        Whether the order looks at |w|; weights that are not needed are ignored.
    recompute_every : int, float or None
        After how many removals the scores are found anew on what is left: a number of removals, or a fraction of all
        of them in (0, 1] (1 is after every removal, 1.0 never); None for never.
    """

    of: ClassVar[str] = EDGES
    needs_weights: ClassVar[bool] = False
    recompute_every: int | float | None = None

    @property
    @abstractmethod
    def definition(self) -> str:
        """Who goes first, in a few words."""

    @property
    def draws_scores(self) -> bool:
        """Whether the scores are random themselves; those that are not are shared by all trials."""
        return False

    @abstractmethod
    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """Return a score for each edge (each unit, for an order of units), or None where all are alike.

        Those of edges that are gone are not looked at; `rng` is None unless `draws_scores`.
        """

    def one_by_one(self, state: RemovalState, items: Items, rng: np.random.Generator) -> Positions:
        """Return the order for scores found anew after every removal; for a subclass that has a fast way."""
        return self._in_chunks(state, items, 1, None, rng)

    def removal(
        self,
        graph_or_network: BipartiteGraph | SparseNetwork,
        *,
        scope: str = "layer",
        weights: Any = None,
        levels: Any = None,
        rng: Seed,
    ) -> Removal:
        """Draw one trial.

        Parameters
        ----------
        graph_or_network, scope, weights, levels
            As for `start`.
        rng : int or numpy Generator
            Breaks the ties.

        Returns
        -------
        Removal

        Raises
        ------
        UnknownName, InvalidOption, InvalidEdgeVector, InvalidSeed
            As `start`, and for no seed.
        """
        return self.start(graph_or_network, scope=scope, weights=weights, levels=levels)(as_rng(rng))

    def start(
        self,
        graph_or_network: BipartiteGraph | SparseNetwork,
        *,
        scope: str = "layer",
        weights: Any = None,
        levels: Any = None,
    ) -> Callable[[np.random.Generator], Removal]:
        """Check the options, do once what all trials share, and return the function that draws one trial.

        Parameters
        ----------
        graph_or_network : BipartiteGraph or SparseNetwork
            Whose edges or units.
        scope : {"layer", "network"}
            "layer": every layer (for units every level) loses the same fraction at every point; "network": all are
            pooled.
        weights : edge vector, or one per layer, optional
            Needed by orders that say so, ignored by all others.
        levels : None, "hidden", "inputs", "outputs" or sequence of int
            Which levels lose units; all where None. Not for orders of edges.

        Returns
        -------
        callable
            Takes a numpy Generator and returns a `Removal`; it keeps no state and may be called by several threads.

        Raises
        ------
        UnknownName, InvalidOption, InvalidEdgeVector
            For unknown names, no network, weights that are missing or do not fit, and levels that do not exist.
        """
        check_network(graph_or_network)
        check_scope(scope)
        items = self._items(graph_or_network, scope, levels)
        strength = self._strength(graph_or_network, weights)
        everything = np.ones(graph_or_network.n_edges, dtype=bool)
        state = RemovalState(graph_or_network, strength, everything, cache(partial(edge_ends, graph_or_network)))
        n_items = len(items.ids)
        chunk = _chunk(self.recompute_every, n_items)
        one_by_one = chunk == 1 and n_items > 1
        ranking = None if one_by_one or self.draws_scores else self._ranking(state, items)

        def draw(rng: np.random.Generator) -> Removal:
            if one_by_one:
                order = self.one_by_one(state, items, rng)
            else:
                order = self._in_chunks(state, items, chunk, ranking, rng)
            return self._removal(state, items, order)

        return draw

    def _items(self, graph: BipartiteGraph | SparseNetwork, scope: str, levels: Any) -> Items:
        if levels is not None:
            given = f"{levels!r} for an order of edges"
            raise InvalidOption("levels", given, "None (levels are of units)", "order='random_units'")
        counts = layer_counts(graph, scope)
        return Items(np.arange(graph.n_edges, dtype=index_dtype(graph.n_edges)), counts, turns(counts))

    def _strength(self, graph: BipartiteGraph | SparseNetwork, weights: Any) -> EdgeVector | None:
        if not self.needs_weights:
            return None
        if weights is None:
            expected = f"one number per edge ({self!r} removes the {self.definition})"
            raise InvalidOption("weights", "None", expected, "weights=result.weights")
        return np.concatenate(magnitudes(graph, weights))

    def _removal(self, state: RemovalState, items: Items, order: Positions) -> Removal:
        return Removal.of_edges(order)  # edges are numbered as they are

    def _edges_left(self, state: RemovalState, gone: Positions) -> EdgeMask:
        """Tell which edges are left once these items are gone."""
        left = np.ones(len(state.left), dtype=bool)
        left[gone] = False
        return left

    def _ranking(self, state: RemovalState, items: Items) -> Ranking:
        """Return the ranking by the scores of the untouched graph, which all trials share."""
        scores = self._scores(state, items, None)
        if scores is None:
            return Ranking(None, items.counts)
        return ranked(np.arange(len(items.ids), dtype=items.ids.dtype), items.counts, scores)

    def _scores(self, state: RemovalState, items: Items, rng: np.random.Generator | None) -> Scores | None:
        scores = self.score(state, rng)
        return None if scores is None else scores[items.ids]

    def _in_chunks(
        self, state: RemovalState, items: Items, chunk: int, first_ranking: Ranking | None, rng: np.random.Generator
    ) -> Positions:
        """Take the items with the highest scores, `chunk` of them at a time, and find the scores of the rest anew."""
        n_items, counts, ranking = len(items.ids), items.counts, first_ranking
        order, here = np.empty_like(items.ids), np.ones(n_items, dtype=bool)
        for first in range(0, n_items, chunk):
            if first:
                gone = order[:first]
                here[gone] = False
                left = self._edges_left(state, items.ids[gone])
                state = replace(state, left=left)
            if first or ranking is None:
                scores = self._scores(state, items, rng if self.draws_scores else None)
                ranking = ranked(np.flatnonzero(here), counts, scores)
            whose = items.turns[first : first + chunk]
            taken = merged(ranking.drawn(rng), counts, whose)
            if len(taken) == n_items:
                return taken
            order[first : first + chunk] = taken
            counts = counts - np.bincount(whose, minlength=len(counts))
        return order


def layer_counts(graph: BipartiteGraph | SparseNetwork, scope: str) -> Counts:
    """Return the numbers of edges of the groups that a scope makes of the layers."""
    return SCOPES[scope](np.array([layer.n_edges for layer in graph.layers], dtype=np.int64))


def check_network(graph_or_network: object) -> None:
    """Check what every removal is given first; raises `InvalidOption`."""
    if not isinstance(graph_or_network, BipartiteGraph | SparseNetwork):
        given, expected = type(graph_or_network).__name__, "a BipartiteGraph or a SparseNetwork"
        raise InvalidOption("graph_or_network", given, expected, "BipartiteGraph.from_scipy(matrix) or result.network")


def check_scope(scope: object) -> None:
    """Check the name of a scope; raises `UnknownName`."""
    if not isinstance(scope, str) or scope not in SCOPES:
        raise unknown_name("scope", scope, SCOPES)


def check_recompute_every(value: Any) -> None:
    """Check after how many removals scores are found anew; raises `InvalidOption`."""
    if value is None:
        return
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1
    share = isinstance(value, float | np.floating) and 0.0 < value <= 1.0
    if not whole and not share:
        expected = "a number of removals (at least 1), a fraction of all of them in (0, 1], or None"
        raise InvalidOption("recompute_every", repr(value), expected, "recompute_every=0.05")


def recomputed(recompute_every: int | float | None) -> str:
    """Return how often scores are found anew, in words that follow those on the scores."""
    if recompute_every is None:
        return ""
    if isinstance(recompute_every, float | np.floating):
        return f", recomputed after every {recompute_every:.3g} of all removals"
    return ", recomputed after every removal" if recompute_every == 1 else f", recomputed every {recompute_every}"


def _chunk(recompute_every: int | float | None, n_items: int) -> int:
    if recompute_every is None:
        return max(1, n_items)
    if isinstance(recompute_every, float | np.floating):
        return max(1, round(float(recompute_every) * n_items))
    return int(recompute_every)
