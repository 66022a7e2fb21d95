"""How far a graph is from falling apart: normalized gap, conductance bounds, Ramanujan excess, mixing discrepancy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from netsparse.errors import InvalidOption
from netsparse.metrics.laplacian import COMPONENTS, algebraic_connectivity
from netsparse.metrics.matrices import Graph, labels_of, undirected_edges
from netsparse.metrics.spectral import singular_pairs, singular_values

SHARES = (0.5, 0.25, 0.1, 0.03)  # of the volume, from either end of the second singular vector: where searches start
ROUNDS = 30  # each one enlarges the discrepancy, or is the last


class CheegerBounds(NamedTuple):
    """Two numbers between which the conductance lies."""

    low: float
    high: float


class MixingDiscrepancy(NamedTuple):
    """The largest deviation of a cut from its expectation: one that was found, and a bound on all."""

    found: float
    bound: float


def normalized_spectral_gap(graph: Graph, weights: Any = None, *, component: str = "all") -> float:
    """Gap 1 - sigma_2 of the normalized biadjacency matrix D_r^-1/2 B D_c^-1/2, in [0, 1].

    D_r and D_c hold the row and column sums of B, the matrix of |w| (ones without weights); units without edges are
    left out. The largest singular value is 1. A complete graph has gap 1, and so has a star, where there is no second
    singular value; edges that form several components have gap 0.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, even levels x odd levels.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts, and not their scale.
    component : {"all", "giant"}
        "all": of all edges. "giant": of the largest component alone; where several are equally large, the smallest
        value among them.

    Returns
    -------
    float
        Comparable over densities; 0.0 without edges.

    Raises
    ------
    InvalidOption, InvalidEdgeVector, NotConverged
        As `algebraic_connectivity`.

    Notes
    -----
    The eigenvalues of the normalized Laplacian are 1 - s and 1 + s for every singular value s, and ones: in a
    component, the gap is its second smallest eigenvalue, or 1 if that is larger (one edge). Chung, Spectral Graph
    Theory (1997). Leaving out units without edges is ours: the gap then speaks of the edges there are.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(normalized_spectral_gap(complete(4, 9)), 6)
    1.0
    """
    if component not in COMPONENTS:
        known = " or ".join(repr(name) for name in COMPONENTS)
        raise InvalidOption("component", repr(component), known, "component='all'")
    if component == "all" and _n_components_with_edges(graph, weights) > 1:
        return 0.0
    return min(1.0, algebraic_connectivity(graph, weights, component="giant", laplacian="normalized"))


def cheeger_bounds(graph: Graph, weights: Any = None, *, component: str = "all") -> CheegerBounds:
    """Cheeger bounds lambda_2 / 2 <= h <= min(1, sqrt(2 lambda_2)) on the conductance h of the undirected graph.

    h is the least share of weight that leaves a set of units, e(S, rest) / vol(S), over all sets with at most half
    of the volume; lambda_2 is the second smallest eigenvalue of the normalized Laplacian.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts.
    component : {"all", "giant"}
        As for `algebraic_connectivity`: over all units both bounds are 0 where they are not connected.

    Returns
    -------
    CheegerBounds
        `low` and `high`, in [0, 1]; both 0 without edges.

    Raises
    ------
    InvalidOption, InvalidEdgeVector, NotConverged
        As `algebraic_connectivity`.

    Notes
    -----
    Chung, Spectral Graph Theory (1997), chapter 2; after Cheeger (1970) and Alon and Milman, J. Comb. Theory B 38,
    73 (1985), doi:10.1016/0095-8956(85)90092-9. With `component="giant"` and equally large components they hold for
    the one with the smallest lambda_2 (ours).

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> cheeger_bounds(complete(1, 1))
    CheegerBounds(low=1.0, high=1.0)
    """
    second = algebraic_connectivity(graph, weights, component=component, laplacian="normalized")
    return CheegerBounds(min(1.0, second / 2), min(1.0, float(np.sqrt(2 * second))))


def ramanujan_excess(graph: Graph) -> float:
    """Ramanujan excess: sigma_2 - (sqrt(d_even - 1) + sqrt(d_odd - 1)); at most 0 means Ramanujan.

    sigma_2 is the second singular value of the biadjacency matrix, d_even and d_odd are the mean degrees of both of
    its sides over the units with edges: for one layer mean fan-out and mean fan-in, for a network the degrees on even
    and on odd levels. Only the wiring counts.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole.

    Returns
    -------
    float
        In the units of singular values; finite for every graph, 0.0 without edges.

    Raises
    ------
    NotConverged
        As `singular_values`.

    Notes
    -----
    For a connected biregular graph this is the definition: Feng and Li, J. Number Theory 60, 1 (1996),
    doi:10.1006/jnth.1996.0109. Where degrees differ, mean degrees are our choice, and the bound is no longer the edge
    of the universal cover's spectrum; `non_backtracking_excess` has the definition for irregular graphs.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(ramanujan_excess(complete(5, 10)), 6)  # 0 - sqrt(4) - sqrt(9)
    -5.0
    """
    sources, targets, strength = undirected_edges(graph, None)
    if not len(strength):
        return 0.0
    sizes = graph.sizes
    is_even = np.repeat(np.arange(len(sizes)) % 2 == 0, sizes)
    degrees = np.bincount(sources, minlength=sum(sizes)) + np.bincount(targets, minlength=sum(sizes))
    even, odd = (len(strength) / np.count_nonzero(degrees[side]) for side in (is_even, ~is_even))
    values = singular_values(graph, k=2)
    second = float(values[1]) if len(values) > 1 else 0.0
    return second - float(np.sqrt(even - 1) + np.sqrt(odd - 1))


def mixing_discrepancy(graph: Graph, weights: Any = None) -> MixingDiscrepancy:
    """Largest |e(S, T) - vol(S) vol(T) / W| / sqrt(vol(S) vol(T)) over sets S of rows and T of columns: two bounds.

    e(S, T) is the weight of the edges between S and T, vol the sum of weights at the units of a set, W that of all
    edges. It tells how far the edges between any two sets are from what their degrees alone would give.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network S is taken from the even levels and T from the odd ones.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts.

    Returns
    -------
    MixingDiscrepancy
        `found` is attained by two sets, so that the largest value is at least that; `bound` is sigma_2 of the
        normalized biadjacency matrix, so that it is at most that. In [0, 1]; both 0.0 without edges.

    Raises
    ------
    InvalidEdgeVector, NotConverged
        As `singular_values`.

    Notes
    -----
    The bound is the expander mixing lemma for irregular bipartite graphs: Chung, Spectral Graph Theory (1997),
    chapter 5; Haemers, Linear Algebra Appl. 226, 593 (1995), doi:10.1016/0024-3795(95)00199-2. The search is ours: it
    starts from the ends of the second singular vector (from the lightest component where there are several) and
    replaces T and S in turn by the best cut in the order of the deviation per volume. It is deterministic.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> mixing_discrepancy(BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2))
    MixingDiscrepancy(found=0.5, bound=1.0)
    """
    biadjacency, component = _present_biadjacency(graph, weights)
    if biadjacency.nnz == 0:
        return MixingDiscrepancy(0.0, 0.0)
    row_volume, column_volume = biadjacency.sum(axis=1), biadjacency.sum(axis=0)
    volume_of = np.bincount(component, row_volume)
    if len(volume_of) > 1:
        bound, starts = 1.0, [component == int(np.argmin(volume_of))]
    else:
        left, right = sp.diags_array(row_volume**-0.5), sp.diags_array(column_volume**-0.5)
        vectors, values, _ = singular_pairs((left @ biadjacency @ right).tocsr(), min(2, *biadjacency.shape), upper=1.0)
        if len(values) < 2:
            return MixingDiscrepancy(0.0, 0.0)
        bound, starts = float(values[1]), _ends(vectors[:, 1] / np.sqrt(row_volume), row_volume)
    transposed = biadjacency.T.tocsr()
    found = max(_improved(biadjacency, transposed, row_volume, column_volume, start) for start in starts)
    return MixingDiscrepancy(min(found, bound), bound)  # rounding alone can lift the one above the other


def _n_components_with_edges(graph: Graph, weights: Any) -> int:
    sources, targets, _ = undirected_edges(graph, weights)
    labels = labels_of(sum(graph.sizes), sources, targets)
    return int(np.count_nonzero(np.bincount(labels[sources], minlength=1)))


def _present_biadjacency(graph: Graph, weights: Any) -> tuple[Any, np.ndarray]:
    """Return the scaled matrix of |w| without empty rows and columns, and the component of each row, from 0."""
    sources, targets, strength = undirected_edges(graph, weights)
    n_units, sizes = sum(graph.sizes), graph.sizes
    if not len(strength):
        return sp.csr_array((1, 1)), np.zeros(0, dtype=np.int64)
    is_even = np.repeat(np.arange(len(sizes)) % 2 == 0, sizes)
    flip = is_even[sources]
    labels = labels_of(n_units, sources, targets)
    rows, place = np.unique(np.where(flip, sources, targets), return_inverse=True)
    columns, across = np.unique(np.where(flip, targets, sources), return_inverse=True)
    entries = (strength / strength.max(), (place, across))
    matrix = sp.coo_array(entries, shape=(len(rows), len(columns))).tocsr()
    return matrix, np.unique(labels[rows], return_inverse=True)[1]


def _ends(height: np.ndarray, volume: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(height, kind="stable")
    share = np.cumsum(volume[order]) / volume.sum()
    starts = []
    for wanted in SHARES:
        for chosen in (
            order[: max(1, int(np.searchsorted(share, wanted)))],
            order[np.searchsorted(share, 1 - wanted) :],
        ):
            start = np.zeros(len(height), dtype=bool)
            start[chosen] = True
            starts.append(start)
    return starts


def _improved(rows: Any, columns: Any, row_volume: np.ndarray, column_volume: np.ndarray, start: np.ndarray) -> float:
    """Return the discrepancy of the best pair of sets that turns lead to from the set `start` of rows."""
    best, chosen = 0.0, start
    matrix, volume, other = columns, row_volume, column_volume
    back = rows
    for _ in range(ROUNDS):
        value, chosen = _best_partner(matrix, volume, other, chosen)
        if value <= best * (1 + 1e-12):
            break
        best = value
        matrix, back, volume, other = back, matrix, other, volume
    return best


def _best_partner(matrix: Any, volume: np.ndarray, other: np.ndarray, chosen: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the largest discrepancy of the set `chosen` with a prefix of the other side, and that prefix."""
    inside = float(volume[chosen].sum())
    deviation = matrix @ chosen.astype(np.float64) - inside * other / volume.sum()
    best, partner = 0.0, np.zeros(len(other), dtype=bool)
    order = np.argsort(deviation / other, kind="stable")
    for prefix in (order, order[::-1]):
        values = np.abs(np.cumsum(deviation[prefix])) / np.sqrt(np.cumsum(other[prefix]) * inside)
        length = int(np.argmax(values)) + 1
        if values[length - 1] > best:
            best, partner = float(values[length - 1]), np.zeros(len(other), dtype=bool)
            partner[prefix[:length]] = True
    return best, partner
