"""Edges that no path from the inputs to the outputs uses any more, once others have gone: they go as well."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from netsparse.rewiring.state import LayerState
from netsparse.typing import EdgeIds, UnitIds


def with_dead_ends(states: Sequence[LayerState], removed: Sequence[EdgeIds]) -> list[EdgeIds]:
    """Return the removed edges and those that their removal leaves on no path through all layers.

    First backward: edges into a hidden unit that no edge leaves. Then forward: edges out of a hidden unit that no edge
    enters. What stays then lies on a path from the first level to the last. The units of these two are never at fault:
    inputs have no edges before them, and the last level feeds a head.

    Parameters
    ----------
    states : sequence of LayerState
        The layers in their order, each one reading the units of the one before: those that its `joint` names, where it
        has one. Without, the sources of a convolution count as the unit (channel) that they are positions of; where
        the sizes do not fit otherwise, it is not known which unit is which, and both layers count as an end there.
    removed : sequence of int arrays
        Ids of the edges that go in each layer.

    Returns
    -------
    list of int arrays
        Ids, increasing.

    References
    ----------
    Chain removal in CHT: Zhang et al., ICLR 2024, openreview.net/forum?id=iayEcORsGd.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> two = BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2)
    >>> states = [LayerState(k, two, np.ones(2)) for k in range(2)]
    >>> [ids.tolist() for ids in with_dead_ends(states, [[], [1]])]
    [[1], [1]]
    """
    stays = [np.ones(state.graph.n_edges, dtype=bool) for state in states]
    for alive, ids in zip(stays, removed, strict=True):
        alive[ids] = False
    joints = [_units_read(below, above) for below, above in itertools.pairwise(states)]
    for k in reversed(range(len(joints))):
        if (units := joints[k]) is not None:
            stays[k] &= _has(units[stays[k + 1]], states[k].graph.n_out)[states[k].graph.targets]
    for k, units in enumerate(joints):
        if units is not None:
            below = states[k].graph
            stays[k + 1] &= _has(below.targets[stays[k]], below.n_out)[units]
    return [np.flatnonzero(~alive) for alive in stays]


def _has(units: UnitIds, n_units: int) -> np.ndarray:
    found = np.zeros(n_units, dtype=bool)
    found[units] = True
    return found


def _units_read(below: LayerState, above: LayerState) -> UnitIds | None:
    """Return the unit of the layer below that each edge of the layer above reads; None where that is not known."""
    sources, n_units = above.graph.sources, below.graph.n_out
    if above.joint is not None:
        return above.joint[sources]
    if above.kernel_size is not None:
        positions = above.kernel_size[0] * above.kernel_size[1]
        return sources // positions if above.graph.n_in == n_units * positions else None
    return sources if above.graph.n_in == n_units else None
