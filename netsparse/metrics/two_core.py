"""The 2-core: what is left of a graph when units with a single edge are taken off again and again."""

from __future__ import annotations

import numpy as np

from netsparse.typing import EdgeMask, UnitIds


def two_core(n_units: int, sources: UnitIds, targets: UnitIds) -> EdgeMask:
    """Tell for each edge whether it lies in the 2-core; two parallel edges are a cycle.

    A unit that is down to one edge finds it as the exclusive-or of the ids of its edges, so that every round costs
    as much as the units it takes off, and all rounds together are linear in the graph.

    Examples
    --------
    >>> two_core(5, np.array([0, 1, 0, 1, 4]), np.array([2, 2, 3, 3, 3])).tolist()
    [True, True, True, True, False]
    """
    edges = np.arange(len(sources))
    kept = np.ones(len(sources), dtype=bool)
    degrees = np.bincount(sources, minlength=n_units) + np.bincount(targets, minlength=n_units)
    last = np.zeros(n_units, dtype=np.int64)
    np.bitwise_xor.at(last, sources, edges)
    np.bitwise_xor.at(last, targets, edges)
    leaves = np.flatnonzero(degrees == 1)
    while len(leaves):
        gone = np.unique(last[leaves])  # two leaves may share their edge
        kept[gone] = False
        ends = np.concatenate([sources[gone], targets[gone]])
        np.subtract.at(degrees, ends, 1)
        np.bitwise_xor.at(last, ends, np.concatenate([gone, gone]))
        ends = np.unique(ends)
        leaves = ends[degrees[ends] == 1]
    return kept
