"""How far edges lie from each other in the weight matrix, and how far they would where placed at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.metrics.matrices import Graph, present_layers
from netsparse.typing import EdgeMask, Float, Int

NEGLIGIBLE = 35.0  # -log of a probability that no double notices beside 1
FINE_CELLS = 100_000  # entries around an edge in which the next one lies for sure; beyond that the matrix is coarsened
NARROW = 64  # entries along an axis that is not coarsened any more
EXACT_PLACES = 10_000  # places between border and interior that are all visited; of more, a net of knots
KNOTS = 48


def nearest_neighbour_distance(graph: Graph, weights: Any = None) -> float:
    """Mean Euclidean distance from an edge to the nearest other edge of its layer, in entries of the weight matrix.

    The edge from source s to target t is the point (s, t).

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; in a network the mean is over the edges of all layers, of which those that are alone in their layer
        are left out.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.

    Returns
    -------
    float
        At least 1; NaN where no layer holds two edges.

    Raises
    ------
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    Clark and Evans, Ecology 35, 445 (1954), doi:10.2307/1931034, on the entries of a matrix in place of the plane.
    The quotient by `expected_nearest_neighbour_distance` is below 1 where edges cluster. The order of units has to mean
    something, as that of pixels does. A k-d tree finds the neighbours in O(edges log edges).

    Examples
    --------
    >>> corners = BipartiteGraph.from_edges([0, 4, 0], [0, 0, 3], n_in=5, n_out=4)
    >>> round(nearest_neighbour_distance(corners), 4)
    3.3333
    """
    from scipy.spatial import cKDTree

    total, n_edges = 0.0, 0
    for layer, mask in _crowded(graph, weights):
        points = np.column_stack([layer.sources[mask], layer.targets[mask]]).astype(np.float64)
        total += float(np.asarray(cKDTree(points).query(points, k=2)[0])[:, 1].sum())
        n_edges += len(points)
    return total / n_edges if n_edges else float("nan")


def expected_nearest_neighbour_distance(graph: Graph, weights: Any = None) -> float:
    """Nearest neighbour distance to expect over all layers with the same n_in, n_out and n_edges, borders included.

    The mean over the entries p of the matrix of sum over k of (r_{k+1} - r_k) P(no edge within r_k), with
    0 = r_0 < r_1 < ... the distances that occur, and P = C(N - 1 - m, E - 1) / C(N - 1, E - 1) for the m entries other
    than p that lie inside the matrix within r_k of p.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        Only its sizes and edge counts matter; in a network the mean over the edges of all layers that hold two.
    weights : edge vector, or one per layer, optional
        Edges whose weight is exactly 0 are not counted.

    Returns
    -------
    float
        At least 1; NaN where no layer holds two edges. About 0.5 / sqrt(density) in a large and sparse layer.

    Raises
    ------
    InvalidEdgeVector
        As `nearest_neighbour_distance`.

    Notes
    -----
    Ours. Exact but for rounding at densities above 1 % or so; in sparser layers the mean over entries near the border
    is interpolated between 48 x 48 of them, and below a density of 4e-4 the matrix is coarsened: the relative error
    stays below 1e-3.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> round(expected_nearest_neighbour_distance(erdos_renyi(1, 3, n_edges=2, rng=0)), 6)
    1.333333
    """
    total, n_edges = 0.0, 0
    for layer, mask in _crowded(graph, weights):
        count = int(np.count_nonzero(mask))
        total += count * _expected(layer.n_in, layer.n_out, count)
        n_edges += count
    return total / n_edges if n_edges else float("nan")


def _crowded(graph: Graph, weights: Any) -> list[tuple[BipartiteGraph, EdgeMask]]:
    pairs = present_layers(graph, weights)
    return [(layer, mask) for layer, mask in pairs if np.count_nonzero(mask) > 1]


def _expected(n_in: int, n_out: int, n_edges: int) -> float:
    """Return the expectation in one layer of at least two edges."""
    width, height = n_in, n_out
    # a distance of hundreds of entries does not notice entries twice as large; the axis of finer ones goes first
    while _entries_to_the_next_edge(n_in * n_out, n_edges) > FINE_CELLS:
        if (width * n_out <= height * n_in and n_in >= NARROW) or n_out < NARROW:
            n_in = -(-n_in // 2)
        else:
            n_out = -(-n_out // 2)
    survival = _survival(n_in * n_out, n_edges)
    across, down, radius = _offsets(n_in, n_out, width / n_in, height / n_out, len(survival))
    sides = [(n_in, int(across.max())), (n_out, int(down.max()))]
    exact = bool(np.prod([min(reach + 1, -(-n // 2)) for n, reach in sides]) <= EXACT_PLACES)
    (columns, share_x), (rows, share_y) = (_places(n, reach, exact=exact) for n, reach in sides)
    from netsparse.metrics.nearest_kernel import mean_distances

    means = mean_distances(n_in, columns, n_out, rows, across, down, radius, survival)
    return float(share_x @ means @ share_y)


def _entries_to_the_next_edge(n_cells: int, n_edges: int) -> int:
    """Return how many entries may be free of edges with a probability that matters."""
    most = n_cells - n_edges
    if n_edges == n_cells:
        return most
    return min(most, int(NEGLIGIBLE / -np.log1p(-(n_edges - 1) / (n_cells - 1))) + 1)


def _survival(n_cells: int, n_edges: int) -> Float[np.ndarray, "entries"]:
    """Return the probability that m given entries, not that of a given edge, hold no edge, for m = 0, 1 ..."""
    reach = _entries_to_the_next_edge(n_cells, n_edges)
    steps = np.log1p(-(n_edges - 1) / (n_cells - 1 - np.arange(reach, dtype=np.float64)))
    return np.exp(np.concatenate([[0.0], np.cumsum(steps)]))


def _offsets(n_in: int, n_out: int, wide: float, high: float, n_needed: int) -> tuple[np.ndarray, ...]:
    """Return steps across and down, and their lengths, nearest first: `n_needed` + 1 of one quarter, or all there are.

    From a corner these are the nearest entries; every other entry has at least as many others as near.
    """
    radius = 2 * np.sqrt((n_needed + 1) * wide * high / np.pi)
    while True:
        steps = np.arange(min(n_in, int(radius / wide) + 1))
        tops = np.sqrt(np.maximum(radius**2 - (steps * wide) ** 2, 0)) / high
        heights = np.minimum(tops.astype(np.int64) + 1, n_out)
        if heights.sum() > n_needed or (len(steps) == n_in and heights.min() == n_out):
            break
        radius *= 1.25
    across = np.repeat(steps, heights)
    down = np.arange(len(across)) - np.repeat(np.cumsum(heights) - heights, heights)
    lengths = np.hypot(across * wide, down * high)
    order = np.argsort(lengths, kind="stable")[: n_needed + 1]
    return across[order], down[order], lengths[order]


def _places(n: int, reach: int, *, exact: bool) -> tuple[Int[np.ndarray, "place"], Float[np.ndarray, "place"]]:
    """Return places along an axis and their shares of all `n`; what lies further than `reach` inside is all alike."""
    n_kinds = min(reach + 1, -(-n // 2))
    share = np.full(n_kinds, 2 / n)
    share[-1] = (n - 2 * (n_kinds - 1)) / n
    kinds = np.arange(n_kinds)
    if exact or n_kinds <= KNOTS:
        return kinds, share
    # most of the change is close to the border, and so are most of the knots
    knots = np.unique(np.round((n_kinds - 1) * np.linspace(0, 1, KNOTS) ** 2).astype(np.int64))
    left = np.minimum(np.searchsorted(knots, kinds, side="right") - 1, len(knots) - 2)
    right_part = (kinds - knots[left]) / (knots[left + 1] - knots[left])
    share_of_knots = np.bincount(left, share * (1 - right_part), minlength=len(knots))
    share_of_knots += np.bincount(left + 1, share * right_part, minlength=len(knots))
    return knots, share_of_knots
