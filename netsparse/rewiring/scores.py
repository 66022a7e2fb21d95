"""Whom to drop: `(weights, n_drop, rng) -> edge ids`, exact counts, ties broken at random."""

from __future__ import annotations

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.rewiring.closest import native_any_sign, native_sign_wise, numpy_any_sign, numpy_sign_wise
from netsparse.typing import EdgeIds, EdgeVector


def smallest_magnitude(weights: EdgeVector, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Return the `n_drop` edges of smallest |w|.

    Examples
    --------
    >>> smallest_magnitude(np.array([0.5, -0.1, 0.2, -0.9]), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    return (native_any_sign(weights, n_drop) or numpy_any_sign(weights, n_drop)).drawn(rng)


def smallest_sign_wise(weights: EdgeVector, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Return the positive edges closest to zero and the negative edges closest to zero, in proportion to their numbers.

    Edges of weight exactly zero lie between the two cuts and go first. The published code cuts at an element's value
    and removes the fraction of each sign; that the total is exactly `n_drop` is ours.

    References
    ----------
    Mocanu et al., Scalable training of artificial neural networks with adaptive sparse connectivity inspired by
    network science, Nature Communications 9, 2383 (2018), doi:10.1038/s41467-018-04316-3.

    Examples
    --------
    >>> weights = np.array([0.5, -0.8, 0.2, -0.9, 0.3, 0.4])
    >>> smallest_sign_wise(weights, 3, np.random.default_rng(0)).tolist()
    [1, 2, 4]
    """
    return (native_sign_wise(weights, n_drop) or numpy_sign_wise(weights, n_drop)).drawn(rng)


def soft_smallest(weights: EdgeVector, n_drop: int, temperature: float, rng: np.random.Generator) -> EdgeIds:
    """Return all edges but those that are kept by lot: drawn one by one with probability proportional to |w|^T.

    The edges that are kept are a sample without replacement, as if in each draw an edge among those still out came
    with probability |w|^T over the sum of |w|^T of them all. It is drawn as a race: edge e arrives at a time
    E_e / |w_e|^T, E_e exponential of mean 1, and the last `n_drop` to arrive go. Edges of weight zero never arrive;
    they go first, at random among themselves. T = 0 is at random, T -> inf is `smallest_magnitude`.

    Parameters
    ----------
    weights : array of shape (n_edges,)
        Any signs.
    n_drop : int
        How many go.
    temperature : float
        T, at least 0, `inf` included. A larger one is nearer to the smallest |w|: CHTs raise it from 1 to 3 over a run.
    rng : numpy.random.Generator
        Source of randomness.

    References
    ----------
    The race: Efraimidis and Spirakis, Information Processing Letters 97, 181 (2006), doi:10.1016/j.ipl.2005.11.003.

    Examples
    --------
    >>> weights = np.array([1e-9, 5.0, -1e-9, -5.0])
    >>> soft_smallest(weights, 2, 3.0, np.random.default_rng(0)).tolist()
    [0, 2]
    """
    sizes, times = np.abs(weights), rng.standard_exponential(len(weights))
    np.maximum(times, np.finfo(times.dtype).tiny, out=times)
    if temperature < 1.0:  # either way nothing leaves the range of floats, and the order is the same
        earliness = np.power(sizes, temperature, dtype=np.float64) / times
    else:
        earliness = sizes * times ** (-1.0 / temperature)
    if temperature:
        earliness[sizes == 0] = 0.0
    return smallest_magnitude(earliness, n_drop, rng)


def relative_importance(graph: BipartiteGraph, weights: EdgeVector) -> EdgeVector:
    """Return |w| / (sum of |w| into the edge's target) + |w| / (sum of |w| out of its source), in [0, 2].

    An edge that is all a unit has counts however small it is. 0 where all weights around are zero.

    References
    ----------
    The relative importance of the published code of Cannistraci-Hebb training.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> relative_importance(graph, np.array([3.0, -1.0, 1.0])).tolist()
    [1.75, 0.75, 1.5]
    """
    sizes = np.abs(weights).astype(np.float64)
    total = np.zeros(len(sizes))
    for units in (graph.targets, graph.sources):
        sums = np.bincount(units, sizes)[units] if len(units) else sizes
        total += np.divide(sizes, sums, out=np.zeros_like(sizes), where=sums > 0)
    return total
