"""`RewiringRule`: the skeleton of every rule - count, drop, grow, value - written once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidOption
from netsparse.graph import BipartiteGraph, EdgeDelta, carry, free_pairs
from netsparse.graph.checks import as_edge_vector, as_unit_ids
from netsparse.graph.delta import survivors
from netsparse.graph.free_pairs import free_pairs_without
from netsparse.rng import as_rng, streams
from netsparse.typing import EdgeIds, EdgeVector, Seed, UnitIds


@dataclass(frozen=True, slots=True)
class LayerState:
    """What a rule may see of one layer.

    Parameters
    ----------
    index : int
        Position of the layer in the model.
    graph : BipartiteGraph
        Its wiring.
    weights : array of shape (n_edges,)
        Effective weights, in canonical edge order; to be read, not kept: it may be a view of the layer's own.
    grads : object, optional
        Gradients: `.at_edges()` and `.at_pairs(sources, targets)`; None for rules that do not ask.
    """

    index: int
    graph: BipartiteGraph
    weights: EdgeVector
    grads: Any = None


class RewiringRule(ABC):
    """A rule proposes an `EdgeDelta` for a layer; it never touches a model, a mask or an optimizer.

    A subclass says whom to drop; it may also say whom to grow (default: uniformly random free pairs) and what a newborn
    edge weighs (default: 0). As many edges grow as are dropped, so the edge count is exact; a rule that lets it drift
    says so by `keeps_count = False`.

    Parameters
    ----------
    fraction : float
        Share of a layer's edges that is replaced at each rewiring, in [0, 1]: exactly round(fraction * n_edges).
    every : int, optional
        Optimizer steps between two rewirings, 1 for one at every step; None: once an epoch.

    Attributes
    ----------
    keeps_count : bool
        Whether as many edges grow as are dropped.
    needs_gradients : bool
        Whether `propose` reads `grads`, which the training loop then records.

    Raises
    ------
    InvalidOption
        If `fraction` is outside [0, 1], or `every` is no whole number of steps.
    """

    keeps_count = True
    needs_gradients = False

    def __init__(self, fraction: float = 0.3, *, every: int | None = None) -> None:
        if not isinstance(fraction, Real) or isinstance(fraction, bool) or not 0.0 <= fraction <= 1.0:
            raise InvalidOption("fraction", repr(fraction), "a share of the edges in [0, 1]", "fraction=0.3")
        if every is not None and (not isinstance(every, int | np.integer) or isinstance(every, bool) or every < 1):
            raise InvalidOption("every", repr(every), "a whole number of steps, at least 1, or None", "every=100")
        self.fraction, self.every = float(fraction), None if every is None else int(every)

    @abstractmethod
    def drop(
        self, graph: BipartiteGraph, weights: EdgeVector, grads: Any, n_drop: int, rng: np.random.Generator
    ) -> EdgeIds:
        """Return the ids of the `n_drop` edges to remove."""

    def grow(
        self, kept: BipartiteGraph, weights: EdgeVector, grads: Any, n_grow: int, rng: np.random.Generator
    ) -> tuple[UnitIds, UnitIds]:
        """Return `n_grow` free pairs of `kept`, the graph of the surviving edges, of weights `weights`.

        The places of dropped edges are free again.
        """
        return free_pairs(kept, n_grow, rng=rng)

    def newborn(self, n_grow: int, rng: np.random.Generator) -> EdgeVector | None:
        """Return the weights of the newborn edges; None means 0."""
        return None

    def propose(self, graph: BipartiteGraph, weights: Any, grads: Any = None, *, rng: Seed) -> EdgeDelta:
        """Propose the change of one layer; usable without any training loop.

        Parameters
        ----------
        graph : BipartiteGraph
            The layer's wiring.
        weights : array of shape (n_edges,)
            Its weights, in canonical edge order.
        grads : object, optional
            Gradients, for rules that ask for them.
        rng : int or numpy.random.Generator
            Source of randomness.

        Raises
        ------
        InvalidEdgeVector
            If there is not one finite weight per edge.
        InvalidOption
            If a rule that keeps the count drops or grows another number of edges than it was asked for.
        """
        weights, rng = as_edge_vector("weights", weights, graph.n_edges), as_rng(rng)
        if weights.dtype.kind not in "fiu" or not np.isfinite(weights).all():
            given = "a value that is not finite" if weights.dtype.kind == "f" else f"{weights.dtype} values"
            raise InvalidEdgeVector("weights", given, "one finite real number per edge", "layer.edge_weights()")
        n_drop = round(self.fraction * graph.n_edges)
        removed = self.drop(graph, weights, grads, n_drop, rng)
        gone = _distinct(as_unit_ids("removed", removed))
        n_grow = len(gone)
        sources, targets = self._grown(graph, gone, weights, grads, rng)
        if self.keeps_count and not n_drop == len(removed) == n_grow == len(sources):
            given = f"{len(removed)} ids of {n_grow} edges dropped, {len(sources)} grown"
            fix = "drop() and grow() that return as many as they are asked for, or keeps_count = False"
            raise InvalidOption(type(self).__name__, given, f"exactly {n_drop} of each", fix)
        return EdgeDelta(removed, sources, targets, self.newborn(len(sources), rng))

    def _grown(
        self, graph: BipartiteGraph, gone: EdgeIds, weights: EdgeVector, grads: Any, rng: np.random.Generator
    ) -> tuple[UnitIds, UnitIds]:
        if type(self).grow is RewiringRule.grow:  # the same pairs, without making the graph that they are free in
            return free_pairs_without(graph, gone, len(gone), rng)
        kept, edge_map = survivors(graph, gone)
        return self.grow(kept, carry(weights, edge_map), grads, len(gone), rng)

    def propose_all(self, states: Sequence[LayerState], *, step: int = 0, rng: Seed) -> list[EdgeDelta]:
        """Propose the change of every layer of a model, each from its own child generator.

        Parameters
        ----------
        states : sequence of LayerState
            One per layer.
        step : int
            How many rewirings came before; rules with a schedule read it.
        rng : int or numpy.random.Generator
            Source of randomness.
        """
        children = streams(rng, len(states), purpose="rewiring")
        return [self.propose(s.graph, s.weights, s.grads, rng=r) for s, r in zip(states, children, strict=True)]

    def parameters(self) -> dict[str, Any]:
        """Return the options that make this rule again: `type(rule)(**rule.parameters())`."""
        return {"fraction": self.fraction, "every": self.every}

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.parameters().items() if value is not None)
        return f"{type(self).__name__}({options})"


def _distinct(ids: EdgeIds) -> EdgeIds:
    """Return the ids once each, increasing; rules mostly hand them over so, which is cheap to see."""
    return np.ascontiguousarray(ids) if (ids[1:] > ids[:-1]).all() else np.unique(ids)
