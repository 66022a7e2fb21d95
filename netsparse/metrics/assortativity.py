"""Degree assortativity: whether well connected units are wired to well connected ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.metrics.matrices import Graph, undirected_edges


def degree_assortativity(graph: Graph, weights: Any = None) -> float:
    """Correlation of the degrees at the two ends of an edge: whether hubs are wired to hubs.

    For a BipartiteGraph it is Pearson's correlation, over the edges, of the source's fan-out with the target's
    fan-in. For a SparseNetwork it is that of the undirected whole: every edge in both directions, all edges of either
    end counted, as Newman's r. (A one-layer network is therefore another question than its layer: seen as
    undirected, a layer whose two sides have different mean degrees is disassortative by its shape alone.)

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        With weights an edge counts |w| times, in the degrees (strengths) and in the correlation, as |w| parallel
        edges would.

    Returns
    -------
    float
        In [-1, 1]; NaN where the degrees at either end do not vary (a biregular graph, a graph without edges, weights
        so far apart that all but the heaviest edge count nothing): by definition there is no correlation then.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    M. E. J. Newman, Assortative mixing in networks, Physical Review Letters 89, 208701 (2002),
    https://doi.org/10.1103/PhysRevLett.89.208701. The bipartite and the weighted form are ours.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> star_and_edge = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 2], n_in=2, n_out=3)
    >>> degree_assortativity(star_and_edge)
    nan
    >>> hub_to_leaves = BipartiteGraph.from_edges([0, 0, 1, 2], [0, 1, 2, 2], n_in=3, n_out=3)
    >>> round(degree_assortativity(hub_to_leaves), 12)
    -1.0
    """
    sources, targets, strength = undirected_edges(graph, weights)
    if not len(strength):
        return float("nan")
    strength = strength / strength.max()
    n_units = sum(graph.sizes)
    fan_out = np.bincount(sources, strength, minlength=n_units)
    fan_in = np.bincount(targets, strength, minlength=n_units)
    if isinstance(graph, BipartiteGraph):
        return _correlation(fan_out[sources], fan_in[targets], strength)
    total = fan_out + fan_in
    here, there = np.concatenate([sources, targets]), np.concatenate([targets, sources])
    return _correlation(total[here], total[there], np.concatenate([strength, strength]))


def _correlation(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> float:
    """Pearson's correlation of x and y, pair i counted `counts[i]` times; NaN where one does not vary."""
    if any(np.ptp(values) <= 1e-12 * values.max() for values in (x, y)):
        return float("nan")  # what is left of equal sums of weights is rounding
    # pairs that hardly count would be lost in the rounding of the heaviest ones: these are set to 0 first
    heaviest = int(counts.argmax())
    x, y = x - x[heaviest], y - y[heaviest]
    x, y = x - np.average(x, weights=counts), y - np.average(y, weights=counts)
    spread = float(np.sqrt((counts * x) @ x)) * float(np.sqrt((counts * y) @ y))
    return float(np.clip((counts * x) @ y / spread, -1.0, 1.0)) if spread else float("nan")
