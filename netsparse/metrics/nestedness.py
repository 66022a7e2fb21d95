"""Nestedness: how far units of small degree join a part of what those of larger degree join."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from netsparse.metrics.matrices import Graph, present_layers
from netsparse.typing import UnitIds


class Nestedness(NamedTuple):
    """NODF in [0, 100], over pairs of source units, over pairs of target units, and over both kinds of pairs."""

    sources: float
    targets: float
    total: float


def nestedness(graph: Graph, weights: Any = None) -> Nestedness:
    """Nestedness of the wiring, NODF: by how much neighbourhoods of small degree lie inside those of larger degree.

    For two units of one side with degrees k_i > k_j > 0 it is 100 |N(i) & N(j)| / k_j, the part of the smaller
    neighbourhood that the larger one holds too, in percent; for two of equal degree, or where one has no edge, it is
    0. Averaged over all pairs of source units, over all pairs of target units, and over all of these pairs together.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; in a network the pairs inside each side of each layer are pooled (ours), and behind a joint the
        sources are the layer's own inputs.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.

    Returns
    -------
    Nestedness
        sources, targets and total, each in [0, 100]; 0 where there is no pair at all.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    NODF asks for strictly falling degrees: a complete graph and a biregular one have 0. Units without edges are
    counted, not dropped (ours): they nest in nothing. Almeida-Neto et al., Oikos 117, 1227 (2008),
    doi:10.1111/j.0030-1299.2008.16644.x. The sum over pairs falls apart into one over edges, 1 / k_i times the number
    of fellow neighbours with a larger degree, so that no overlap is ever stored: O(edges log edges) time, O(edges)
    memory.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> staircase = BipartiteGraph.from_edges([0, 1, 2, 0, 1, 0], [0, 0, 0, 1, 1, 2], n_in=3, n_out=3)
    >>> nestedness(staircase)
    Nestedness(sources=100.0, targets=100.0, total=100.0)
    """
    overlaps, pairs = np.zeros(2), np.zeros(2)
    for layer, mask in present_layers(graph, weights):
        sources, targets = layer.sources[mask], layer.targets[mask]
        overlaps += _overlap(sources, targets), _overlap(targets, sources)
        pairs += layer.n_in * (layer.n_in - 1) // 2, layer.n_out * (layer.n_out - 1) // 2
    sums, counts = np.append(overlaps, overlaps.sum()), np.append(pairs, pairs.sum())
    return Nestedness(*(100 * sums / np.maximum(counts, 1)).tolist())


def _overlap(units: UnitIds, around: UnitIds) -> float:
    """Sum over pairs of `units` of unequal degree of the part of the smaller neighbourhood that is shared.

    Each shared neighbour adds 1 / (smaller degree) to its pair. Seen from one neighbour, whose own neighbours are
    sorted by degree, a unit of degree k adds 1 / k for each of those behind the last one of degree k.
    """
    if not len(units):
        return 0.0
    degree = np.bincount(units)[units]
    order = np.lexsort((degree, around))
    degree, around = degree[order], around[order]
    new_neighbour = around[1:] != around[:-1]
    end_of_run = np.flatnonzero(np.append(new_neighbour | (degree[1:] != degree[:-1]), True))
    end_of_neighbour = np.flatnonzero(np.append(new_neighbour, True))
    place = np.arange(len(around))
    last_alike = end_of_run[np.searchsorted(end_of_run, place)]
    last = end_of_neighbour[np.searchsorted(end_of_neighbour, place)]
    return float(((last - last_alike) / degree).sum())
