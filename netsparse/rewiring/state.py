"""What a rule sees: `Moment` of a run, `LayerState` before the change, `Kept` once it is clear which edges go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from netsparse.errors import NotEnoughFreePairs
from netsparse.graph import BipartiteGraph, EdgeMap, carry
from netsparse.graph.delta import survivors
from netsparse.typing import EdgeIds, EdgeVector, UnitIds


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in a run a rewiring takes place; rules with a schedule read it.

    Parameters
    ----------
    step : int
        Optimizer steps done.
    n_steps : int, optional
        Optimizer steps of the whole run; None: unknown, the rule then acts as at its beginning.
    n_rewirings : int
        Rewirings done.
    n_edges_at_start : tuple of int, optional
        Edges of each layer before the first step; None: as many as it has now.
    """

    step: int = 0
    n_steps: int | None = None
    n_rewirings: int = 0
    n_edges_at_start: tuple[int, ...] | None = None

    @property
    def progress(self) -> float:
        """Share of the run that is done, in [0, 1]."""
        return min(self.step / self.n_steps, 1.0) if self.n_steps else 0.0


START = Moment()


@dataclass(frozen=True, slots=True)
class LayerState:
    """What a rule may see of one layer before it is changed.

    Parameters
    ----------
    index : int
        Position of the layer in the model.
    graph : BipartiteGraph
        Its wiring.
    weights : array of shape (n_edges,)
        Effective weights, in canonical edge order; to be read, not kept: it may be a view of the layer's own.
    grads : object, optional
        Gradients: `.at_edges()` and `.at_pairs(sources, targets)`; None unless the rule needs "grads".
    momentum : array of shape (n_edges,), optional
        The optimizer's running mean of the gradients of the edges; None unless the rule needs "momentum".
    ages : int array of shape (n_edges,), optional
        Optimizer steps since each edge was born; None unless the rule needs "ages".
    kernel_size : (int, int), optional
        Of a convolution: source unit (channel * height + row) * width + column is one position of a patch. None for a
        layer that is none.
    joint : int array of shape (n_in,), optional
        The unit of the layer below behind each source unit; None where they are the same units, or nothing is below.
    """

    index: int
    graph: BipartiteGraph
    weights: EdgeVector
    grads: Any = None
    momentum: EdgeVector | None = None
    ages: EdgeVector | None = None
    kernel_size: tuple[int, int] | None = None
    joint: UnitIds | None = None


class Kept:
    """A layer without the edges that a rule has dropped: what growth and budgets look at.

    Nothing is made before it is asked for: a rule that grows at random needs no graph of the survivors.

    Parameters
    ----------
    before : LayerState
        The layer as it was.
    removed : int array of shape (n_removed,)
        Distinct ids of edges of `before.graph` that go, increasing.
    """

    def __init__(self, before: LayerState, removed: EdgeIds) -> None:
        self.before, self.removed = before, removed

    @property
    def n_edges(self) -> int:
        """Number of edges that stay."""
        return self.before.graph.n_edges - len(self.removed)

    @property
    def n_free(self) -> int:
        """Number of pairs that are free, the places of the removed edges among them."""
        return self.before.graph.n_in * self.before.graph.n_out - self.n_edges

    def check_room(self, n_grow: int) -> None:
        """Raise `NotEnoughFreePairs` unless so many pairs are free."""
        if n_grow > self.n_free:
            given, expected = f"{n_grow} new edges", f"at most the {self.n_free} free pairs"
            raise NotEnoughFreePairs("new edges", given, expected, "a lower density or a smaller fraction")

    @property
    def graph(self) -> BipartiteGraph:
        """Wiring of the edges that stay."""
        return self._survivors[0]

    def carry(self, values: EdgeVector) -> EdgeVector:
        """Return what the edges that stay have of an edge vector of the layer before."""
        return carry(values, self._survivors[1])

    @cached_property
    def weights(self) -> EdgeVector:
        """Weights of the edges that stay."""
        return self.carry(self.before.weights)

    @property
    def grads(self) -> Any:
        """Gradients of the layer before: they answer for any pair, whatever has been removed."""
        return self.before.grads

    @cached_property
    def _survivors(self) -> tuple[BipartiteGraph, EdgeMap]:
        return survivors(self.before.graph, self.removed)


def distinct(ids: EdgeIds) -> EdgeIds:
    """Return ids once each, increasing; rules mostly hand them over so, which is cheap to see."""
    return np.ascontiguousarray(ids) if (ids[1:] > ids[:-1]).all() else np.unique(ids)
