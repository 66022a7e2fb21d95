"""Spatial autocorrelation of the weight matrix: do edges lie next to edges? Join counts and Moran's I.

The entries of W (n_out x n_in) are the cells of a map, and two cells are joined where they share a side: the same
target and neighbouring sources, or the same source and neighbouring targets.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.metrics.matrices import Graph, present_layers
from netsparse.typing import EdgeMask


class JoinCounts(NamedTuple):
    """Joins between edges: how many there are, and mean, standard deviation and z-score under random placement."""

    observed: int
    expected: float
    std: float
    z_score: float


def join_counts(graph: Graph, weights: Any = None) -> JoinCounts:
    """Join counts: pairs of edges that are next to each other in the weight matrix, against random placement.

    With A joins between the N = n_in n_out entries, S pairs of joins that share an entry, E edges and
    p_k = E (E - 1) .. (E - k + 1) / (N (N - 1) .. (N - k + 1)), the number J of joins between two edges has

        mean = A p_2,   variance = A p_2 + 2 S p_3 + (A (A - 1) - 2 S) p_4 - (A p_2)^2

    where exactly E edges are placed at random.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; in a network counts, means and variances of the layers are added up.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.

    Returns
    -------
    JoinCounts
        observed, expected, std and z_score = (observed - expected) / std; a large z_score means clusters along the
        axes, a negative one that edges avoid each other. It is 0 where every placement has the same count.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    Black-black joins under non-free sampling, rook's case: Moran, J. R. Stat. Soc. B 10, 243 (1948),
    doi:10.1111/j.2517-6161.1948.tb00012.x; Cliff and Ord, Spatial Processes (1981). The order of units has to mean
    something, as that of pixels or of patch positions does; in the hidden layers of a fresh random network it does not.
    Moments are computed in whole numbers and rounded once.

    Examples
    --------
    >>> corner = BipartiteGraph.from_edges([0, 1, 0], [0, 0, 1], n_in=3, n_out=3)
    >>> found = join_counts(corner)
    >>> found.observed, found.expected
    (2, 1.0)
    """
    observed, expected, variance = 0, Fraction(0), Fraction(0)
    for layer, mask in present_layers(graph, weights):
        n_edges = int(np.count_nonzero(mask))
        observed += _joins_between(layer, mask)
        mean, square = _moments(layer, n_edges)
        expected += mean
        variance += square - mean**2
    std = float(variance) ** 0.5
    return JoinCounts(observed, float(expected), std, float(observed - expected) / std if std else 0.0)


def morans_i(graph: Graph, weights: Any = None) -> float:
    """Moran's I of the weight matrix: the correlation between entries, edge or none, that are next to each other.

    I = N / A * sum over joins (i, j) of (x_i - m) (x_j - m) / sum over entries of (x_i - m)^2, with x = 1 for an edge
    and 0 otherwise, m the density, and N and A as in `join_counts`.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; in a network entries and joins of all layers are pooled, each with the density of its layer (ours).
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.

    Returns
    -------
    float
        About in [-1, 1]: towards 1 in one solid block, -1 in a chessboard, -1 / (N - 1) on average over random layers.
        0 without edges, without free pairs and for a single entry, where nothing varies (ours).

    Raises
    ------
    InvalidEdgeVector
        As `join_counts`.

    Notes
    -----
    Moran, Biometrika 37, 17 (1950), doi:10.1093/biomet/37.1-2.17. O(edges log edges): entries without an edge enter
    through their number alone.

    Examples
    --------
    >>> import numpy as np
    >>> morans_i(BipartiteGraph.from_mask(np.indices((4, 4)).sum(axis=0) % 2))
    -1.0
    """
    cross, squares, n_pairs, n_joins = Fraction(0), Fraction(0), 0, 0
    for layer, mask in present_layers(graph, weights):
        n_edges, n_cells = int(np.count_nonzero(mask)), layer.n_in * layer.n_out
        joins, density = _n_joins(layer), Fraction(n_edges, n_cells)
        cross += _joins_between(layer, mask) - density * _joins_of(layer, mask) + joins * density**2
        squares += n_edges * (1 - density)
        n_pairs, n_joins = n_pairs + n_cells, n_joins + joins
    return float(Fraction(n_pairs, n_joins) * cross / squares) if n_joins and squares else 0.0


def _joins_between(layer: BipartiteGraph, mask: EdgeMask) -> int:
    """Count pairs of present edges that differ by one in the source or in the target."""
    sources, targets = layer.sources[mask].astype(np.int64), layer.targets[mask].astype(np.int64)
    beside = (np.diff(sources) == 1) & (np.diff(targets) == 0)
    order = np.lexsort((targets, sources))
    above = (np.diff(targets[order]) == 1) & (np.diff(sources[order]) == 0)
    return int(np.count_nonzero(beside)) + int(np.count_nonzero(above))


def _joins_of(layer: BipartiteGraph, mask: EdgeMask) -> int:
    """Sum over present edges the number of entries next to each."""
    sources, targets = layer.sources[mask], layer.targets[mask]
    sides = [(sources > 0), (sources < layer.n_in - 1), (targets > 0), (targets < layer.n_out - 1)]
    return sum(int(np.count_nonzero(side)) for side in sides)


def _n_joins(layer: BipartiteGraph) -> int:
    return layer.n_out * (layer.n_in - 1) + layer.n_in * (layer.n_out - 1)


def _moments(layer: BipartiteGraph, n_edges: int) -> tuple[Fraction, Fraction]:
    """Return the mean of J and of J^2 over all placements of the edges."""
    n_cells, joins = layer.n_in * layer.n_out, _n_joins(layer)
    across, down = _neighbours_along(layer.n_in), _neighbours_along(layer.n_out)
    sharing = sum(
        count * more * (beside + above) * (beside + above - 1) // 2
        for beside, count in across.items()
        for above, more in down.items()
    )
    probability, p = Fraction(1), [Fraction(1)]
    for k in range(4):
        probability = probability * max(n_edges - k, 0) / max(n_cells - k, 1)
        p.append(probability)
    return joins * p[2], joins * p[2] + 2 * sharing * p[3] + (joins * (joins - 1) - 2 * sharing) * p[4]


def _neighbours_along(n: int) -> dict[int, int]:
    """How many of `n` places in a row have 0, 1 or 2 neighbours."""
    return {0: 1} if n == 1 else {1: 2, 2: n - 2}
