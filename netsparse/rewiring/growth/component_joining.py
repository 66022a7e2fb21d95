"""Pairs that join the components of a graph to the largest of them, at its units of fewest edges."""

from __future__ import annotations

from heapq import heapify, heappush, heapreplace

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.metrics.connectivity import component_labels
from netsparse.typing import UnitIds

Sides = tuple[list[int], list[int]]
"""Sources and targets of a component."""

Heap = list[tuple[int, float, int]]
"""Number of edges, lot and id of units of one side."""

NOBODY = np.empty(0, dtype=np.int64)


def joining_pairs(
    graph: BipartiteGraph, n: int, rng: np.random.Generator, *, with_isolated: bool = True
) -> tuple[UnitIds, UnitIds]:
    """Return up to `n` pairs, each of which joins one more component to the largest.

    The larger components come first. Each is joined by one pair of units of fewest edges, one of its own and one of
    what has been joined so far, ties by lot. A graph without any edge starts from the pair of a random unit of each
    side.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring.
    n : int
        How many pairs at most.
    rng : numpy.random.Generator
        Decides between units of equally many edges.
    with_isolated : bool
        Whether units without an edge are components to be joined.

    Returns
    -------
    sources, targets : int arrays
        Free pairs; fewer than `n` where all is joined.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 1], n_in=3, n_out=2)
    >>> [units.tolist() for units in joining_pairs(graph, 5, np.random.default_rng(0))]
    [[1], [1]]
    """
    if n == 0 or (graph.n_edges == 0 and not with_isolated):
        return NOBODY, NOBODY
    degrees = graph.fan_out.tolist(), graph.fan_in.tolist()
    lots = rng.random(graph.n_in).tolist(), rng.random(graph.n_out).tolist()
    components = _components(graph, with_isolated)
    pairs: list[tuple[int, int]] = []
    if graph.n_edges == 0:  # no component has two sides; random units of each side begin one
        components = _by_lot(lots)
        s, t = components[0][0][0], components[0][1][0]
        pairs, degrees[0][s], degrees[1][t] = [(s, t)], 1, 1
    joined = _heaps(components[0], degrees, lots)
    for component in components[1:]:
        if len(pairs) == n:
            break
        own = _heaps(component, degrees, lots)
        ends = [(a[0], b[0]) for a, b in ((own[0], joined[1]), (joined[0], own[1])) if a and b]
        (_, _, s), (_, _, t) = min(ends, key=lambda pair: (pair[0][0] + pair[1][0], pair[0][1] + pair[1][1]))
        pairs.append((s, t))
        for side, unit in enumerate((s, t)):
            degrees[side][unit] += 1
            heap = joined[side] if joined[side] and joined[side][0][2] == unit else own[side]
            heapreplace(heap, (degrees[side][unit], lots[side][unit], unit))
            for entry in own[side]:
                heappush(joined[side], entry)
    found = np.array(pairs[:n], dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _components(graph: BipartiteGraph, with_isolated: bool) -> list[Sides]:
    """Return the sources and targets of each component, the larger ones first."""
    labels = component_labels(graph)
    found: list[Sides] = [([], []) for _ in range(int(labels.max()) + 1)]
    for unit, label in enumerate(labels.tolist()):
        is_target = unit >= graph.n_in
        found[label][is_target].append(unit - is_target * graph.n_in)
    return found if with_isolated else [sides for sides in found if sides[0] and sides[1]]


def _by_lot(lots: tuple[list[float], list[float]]) -> list[Sides]:
    sources, targets = (np.argsort(side).tolist() for side in lots)
    alone: list[Sides] = [([s], []) for s in sources[1:]] + [([], [t]) for t in targets[1:]]
    return [([sources[0]], [targets[0]]), *alone]


def _heaps(sides: Sides, degrees: tuple[list[int], ...], lots: tuple[list[float], ...]) -> tuple[Heap, Heap]:
    """Return the units of each side with their edges and lots, those of fewest edges first."""
    sources, targets = (
        [(edges[u], lot[u], u) for u in side] for side, edges, lot in zip(sides, degrees, lots, strict=True)
    )
    heapify(sources)
    heapify(targets)
    return sources, targets
