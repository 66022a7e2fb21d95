"""How many units inputs still reach along directed paths, without a trial: probabilities in one pass over the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from netsparse.metrics.matrices import Graph, check_graph
from netsparse.percolation.kept import Fractions, as_fractions, kept_per_layer
from netsparse.typing import Float

PerUnit = Float[np.ndarray, "unit"]
"""One number per unit, numbered through the levels."""

MOST_NUMBERS = 4_000_000  # held at once for several points of a curve


def reach_probabilities(graph: Graph, fraction_kept: Any) -> PerUnit:
    r"""Probability that each unit is reached from at least one input where each edge is kept at random.

    r_v = 1 - prod over edges u -> v of (1 - p r_u), with r = 1 for the inputs.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring. Edges that a joint contracts onto the same pair of units stay separate edges.
    fraction_kept : float, or one per layer
        The probability p, from 0 to 1, that an edge is kept, independently of all others.

    Returns
    -------
    float array of shape (n_units,)
        Units numbered through the levels; the inputs, which come first, have 1.

    Raises
    ------
    InvalidGraph, InvalidOption
        For what is no graph, and for fractions that are none.

    Notes
    -----
    Ours. Exact where no two paths from inputs to a unit share an edge, as in a single layer and on trees, and an upper
    bound everywhere else: whether a unit is left out is a decreasing function of the edges kept, and decreasing events
    favour each other (Harris, Proc. Cambridge Philos. Soc. 56, 13, 1960, doi:10.1017/S0305004100034241), so that all
    paths fail together more often than the product says.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> reach_probabilities(complete(2, 1), 0.5).tolist()
    [1.0, 1.0, 0.75]
    """
    check_graph(graph)
    return 1 - _missed(graph, kept_per_layer(graph, fraction_kept)[:, None], forward=True)[:, 0]


def lead_probabilities(graph: Graph, fraction_kept: Any) -> PerUnit:
    r"""Probability that each unit reaches at least one unit of the last level where each edge is kept at random.

    Arguments, result and limits are those of `reach_probabilities`, in the other direction.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> lead_probabilities(complete(2, 1), 0.5).tolist()
    [0.5, 0.5, 1.0]
    """
    check_graph(graph)
    return 1 - _missed(graph, kept_per_layer(graph, fraction_kept)[:, None], forward=False)[:, 0]


def reach_curves(graph: Graph, fractions_kept: Any) -> dict[str, Fractions]:
    """Observables of directed paths along a curve of fractions kept.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        As for `reach_probabilities`.
    fractions_kept : float array of shape (n_points,)
        In any order, each the probability to keep an edge.

    Returns
    -------
    dict of str to float array of shape (n_points,)
        "outputs_reachable" and "inputs_connected" are means over the last and over the first level,
        "units_reachable" is the mean over all units but the inputs. "active_units" is the mean over all units of the
        probability to be reached times the probability to lead on, which are independent.

    Raises
    ------
    InvalidGraph, InvalidOption
        As `reach_probabilities`; all four are upper bounds where that is one.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> curves = reach_curves(complete(2, 1), [1.0, 0.5])
    >>> curves["outputs_reachable"].tolist(), curves["active_units"].round(6).tolist()
    ([1.0, 0.75], [1.0, 0.583333])
    """
    check_graph(graph)
    fractions = as_fractions("fractions_kept", fractions_kept)
    names = ("outputs_reachable", "inputs_connected", "units_reachable", "active_units")
    curves = {name: np.empty(len(fractions)) for name in names}
    n_inputs, n_outputs = graph.sizes[0], graph.sizes[-1]
    at_once = max(1, MOST_NUMBERS // sum(graph.sizes))
    for first in range(0, len(fractions), at_once):
        part = slice(first, first + at_once)
        kept = np.broadcast_to(fractions[part], (len(graph.layers), len(fractions[part])))
        reached, leads = 1 - _missed(graph, kept, forward=True), 1 - _missed(graph, kept, forward=False)
        curves["outputs_reachable"][part] = reached[-n_outputs:].mean(axis=0)
        curves["units_reachable"][part] = reached[n_inputs:].mean(axis=0)
        curves["inputs_connected"][part] = leads[:n_inputs].mean(axis=0)
        curves["active_units"][part] = (reached * leads).mean(axis=0)
    return curves


def _missed(graph: Graph, kept: Float[np.ndarray, "layer point"], *, forward: bool) -> Float[np.ndarray, "unit point"]:
    """Return the probability that each unit is NOT reached; for nearly all of them it is the small number."""
    tails, heads = graph.unit_edges()
    ends = np.cumsum([0, *(layer.n_edges for layer in graph.layers)])
    steps = [(slice(*ends[k : k + 2]), row) for k, row in enumerate(np.ascontiguousarray(kept))]
    missed = np.ones((sum(graph.sizes), kept.shape[1]))
    if forward:
        missed[: graph.sizes[0]] = 0.0
    else:
        missed[-graph.sizes[-1] :] = 0.0
        tails, heads, steps = heads, tails, steps[::-1]
    for layer, row in steps:
        _pass_on(missed, tails[layer], heads[layer], row)
    return missed


@njit(cache=True, nogil=True)
def _pass_on(missed, tails, heads, kept):
    for edge in range(len(tails)):
        tail, head = tails[edge], heads[edge]
        for point in range(len(kept)):
            missed[head, point] *= 1.0 - kept[point] * (1.0 - missed[tail, point])
