"""Which units and edges of a model change nothing, and what constants they leave behind: a plan, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.typing import Bool, EdgeMask, EdgeVector, Float, UnitIds


@dataclass(frozen=True, eq=False)
class Stage:
    """What the plan sees of one sparse layer and of what follows it up to the next.

    Parameters
    ----------
    graph : BipartiteGraph
        Its wiring.
    weights : array of shape (n_edges,)
        Its weights; an edge of weight exactly 0 counts as absent.
    below : int array of shape (n_in,)
        The unit of the level below behind each source unit.
    steady : bool array of shape (n_in,)
        Whether a unit that gives the same everywhere does so through this source unit: not where padding puts zeros
        in between.
    constants : function
        From what is added to what enters each unit (n_out,) to what units give that no edge enters (n_out,).
    """

    graph: BipartiteGraph
    weights: EdgeVector
    below: UnitIds
    steady: Bool[np.ndarray, "n_in"]
    constants: Callable[[Float[np.ndarray, "n_out"]], Float[np.ndarray, "n_out"]]


@dataclass(frozen=True, eq=False)
class Plan:
    """What stays of a model.

    Parameters
    ----------
    kept : tuple of int arrays
        Units of each level that stay, increasing, at least one: the inputs, then the outputs of each layer.
    edges : tuple of bool arrays
        For each layer, which edges stay.
    shifts : tuple of float arrays of shape (n_out,)
        For each layer, the constants that have to be added to what enters its units.
    head_shift : float array of shape (n_classes,), optional
        The same of a dense head.
    read_by_head : bool array, optional
        Units of the last level that a dense head still reads.
    """

    kept: tuple[UnitIds, ...]
    edges: tuple[EdgeMask, ...]
    shifts: tuple[Float[np.ndarray, "n_out"], ...]
    head_shift: Float[np.ndarray, "n_classes"] | None = None
    read_by_head: Bool[np.ndarray, "unit"] | None = None


def plan(stages: Sequence[Stage], head: Float[np.ndarray, "n_classes unit"] | None, *, all_inputs: bool) -> Plan:
    """Find what can go without any change of the outputs.

    Upwards, a unit that no edge enters is a constant: what it sends on is added to the units above once and for all,
    and its edges go, which may leave those units without any in turn. Then downwards, a unit that nobody reads goes
    with the edges into it, which may leave units below unread. Nothing that either pass does gives the other new work,
    so that one of each is enough.

    A constant other than 0 whose edges meet padding stays: at the border the layer above sees zeros instead of it.

    Parameters
    ----------
    stages : sequence of Stage
        The layers, inputs first.
    head : float array (n_classes, n_units of the last level), optional
        Weights of a dense head; None: the units of the last level are the outputs, and all stay.
    all_inputs : bool
        Whether inputs stay that nobody reads.
    """
    edges = [stage.weights != 0 for stage in stages]
    shifts: list[np.ndarray] = [np.zeros(stage.graph.n_out) for stage in stages]
    folded = np.zeros(stages[-1].graph.n_out, dtype=bool)
    head_shift = None
    for k, stage in enumerate(stages):
        is_constant = np.bincount(stage.graph.targets[edges[k]], minlength=stage.graph.n_out) == 0
        values = np.where(is_constant, stage.constants(shifts[k]), 0.0)
        if k < len(stages) - 1:
            gone = _edges_of_constants(stages[k + 1], edges[k + 1], is_constant, values)
            above = stages[k + 1]
            sent = above.weights[gone] * values[above.below[above.graph.sources[gone]]]
            shifts[k + 1] = np.bincount(above.graph.targets[gone], sent, minlength=above.graph.n_out)
            edges[k + 1] = edges[k + 1] & ~gone
        elif head is not None:
            folded, head_shift = is_constant, head[:, is_constant] @ values[is_constant]
    read = np.ones(stages[-1].graph.n_out, dtype=bool) if head is None else (head != 0).any(axis=0) & ~folded
    read_by_head = None if head is None else read
    kept = [_at_least_one(read)]
    for k in range(len(stages) - 1, -1, -1):
        stage = stages[k]
        edges[k] = edges[k] & read[stage.graph.targets]
        n_below = stages[k - 1].graph.n_out if k else int(stage.below.max()) + 1
        read = np.full(n_below, not k and all_inputs)
        read[stage.below[stage.graph.sources[edges[k]]]] = True
        kept.append(_at_least_one(read))
    return Plan(tuple(kept[::-1]), tuple(edges), tuple(shifts), head_shift, read_by_head)


def _edges_of_constants(
    above: Stage, edges: EdgeMask, is_constant: Bool[np.ndarray, "unit"], values: Float[np.ndarray, "unit"]
) -> EdgeMask:
    """Return the edges above whose constants can be added up in advance, those that send 0 among them."""
    units = above.below[above.graph.sources]
    is_unsteady = np.zeros(len(is_constant), dtype=bool)
    is_unsteady[units[edges & ~above.steady[above.graph.sources]]] = True
    can_go = is_constant & ((values == 0.0) | ~is_unsteady)
    return edges & can_go[units]


def _at_least_one(read: Bool[np.ndarray, "unit"]) -> UnitIds:
    kept = np.flatnonzero(read)
    return kept if len(kept) else np.zeros(1, dtype=np.int64)  # a level of no units is none; this one has no edges
