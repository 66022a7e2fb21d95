"""Singular values of the biadjacency matrix and the gap between the first two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import scipy.sparse as sp

from netsparse.errors import InvalidOption, NotConverged
from netsparse.metrics.eigen import factorised, krylov_eigenpairs, largest_eigenpairs, one_blas_thread
from netsparse.metrics.matrices import Graph, check_graph, labels_of, places_in, undirected_edges
from netsparse.typing import EdgeVector, Float, UnitIds

DENSE_SIDE = 300  # blocks with a side this short are solved densely ...
DENSE_ENTRIES = 4_000_000  # ... if they have no more entries than this (32 MB)


def singular_values(graph: Graph, weights: Any = None, *, k: int = 2) -> Float[np.ndarray, "k"]:
    """Return the `k` largest singular values of the biadjacency matrix B, with multiplicity.

    B has the absolute weights |w| (ones without weights) as entries. For a layer it is n_in x n_out; for a network it
    is the undirected whole: units of even levels x units of odd levels. The eigenvalues of the undirected adjacency
    matrix are these values, their negatives, and zeros.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts.
    k : int
        How many, at least 1.

    Returns
    -------
    float array of shape (min(k, rows, columns),)
        Falling.

    Raises
    ------
    InvalidOption, InvalidEdgeVector
        For an impossible `k`, and for weights that do not fit or are not finite.
    NotConverged
        If every solver gives up; never a silent wrong number.

    Warns
    -----
    SolverFallback
        If the iterative solver gave up and a slower one has answered.

    Notes
    -----
    The values of B are the union of those of its connected components. Components are taken in the order of an upper
    bound on their largest value, sqrt(largest row sum * largest column sum) (Schur's test), until no remaining one
    can contribute. Inside a component the largest value is simple (Perron-Frobenius), so that equal values in
    separate blocks are all found, which one Lanczos run over the whole matrix may miss. Small components are
    solved densely, large ones by ARPACK from a fixed start (behind a Chebyshev filter where they are very large), with
    a factorised shift-and-invert where that does not converge (rings, paths). Eigenvectors converge to 1e-10, so that
    the values have the square of that error, and at most 1e-10 of the largest one where they are crowded.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> blocks = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 1, 1], n_in=4, n_out=2)
    >>> singular_values(blocks).round(6).tolist()
    [1.414214, 1.414214]
    """
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
        raise InvalidOption("k", repr(k), "a whole number of singular values, at least 1", "k=2")
    check_graph(graph)
    n_rows, n_columns = sum(graph.sizes[0::2]), sum(graph.sizes[1::2])
    k = min(int(k), n_rows, n_columns)
    found = np.zeros(k)
    for bound, block in component_blocks(graph.sizes, *undirected_edges(graph, weights)):
        if bound <= found[-1]:
            break
        _, values, _ = singular_pairs(block, min(k, *block.shape))
        found = -np.sort(-np.concatenate([found, values]))[:k]
    return found


def spectral_gap(graph: Graph, weights: Any = None) -> float:
    """Spectral gap sigma_1 - sigma_2 of the biadjacency matrix, in [0, sigma_1].

    Where there is only one singular value (a single unit on one side) sigma_2 = 0; without edges the gap is 0. A
    large gap means that no cut separates the units well; two equal disconnected blocks have gap 0.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, even levels x odd levels.
    weights : edge vector, or one per layer, optional
        With weights the matrix holds |w|, without them ones.

    Returns
    -------
    float
        In the units of the weights. The absolute error is of the order of machine precision times sigma_1, and at
        most about 1e-10 of it where the next values crowd around sigma_2.

    Raises
    ------
    InvalidEdgeVector, NotConverged
        As `singular_values`.

    Notes
    -----
    The spectrum of a bipartite graph is symmetric about 0, so the two largest absolute eigenvalues of the adjacency
    matrix always agree: the gap has to be taken between singular values. That the gap is taken over all units, not
    only over the giant component, is our choice. Hoory, Linial and Wigderson, Bull. AMS 43, 439 (2006),
    doi:10.1090/S0273-0979-06-01126-8.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(spectral_gap(complete(4, 9)), 6)
    6.0
    """
    values = singular_values(graph, weights, k=2)
    return float(values[0] - values[1]) if len(values) > 1 else float(values[0])


def component_blocks(
    sizes: tuple[int, ...], sources: UnitIds, targets: UnitIds, strength: EdgeVector
) -> Iterator[tuple[float, Any]]:
    """Yield (bound on sigma_1, block of B in CSR) for each component with edges, the largest bound first."""
    if not len(strength):
        return
    labels = labels_of(sum(sizes), sources, targets)
    is_even = np.repeat(np.arange(len(sizes)) % 2 == 0, sizes)
    # units of one side of one component are numbered from 0: the rows and columns of its block
    side = 2 * labels + is_even
    place, extent = places_in(side), np.bincount(side, minlength=2 * (int(labels.max()) + 1))
    flip = is_even[sources]
    rows, columns = np.where(flip, sources, targets), np.where(flip, targets, sources)
    component = labels[rows]
    bounds = _bounds(component, labels, is_even, rows, columns, strength)

    by_component = np.argsort(component, kind="stable")
    ends = np.cumsum(np.bincount(component, minlength=len(bounds)))
    for c in np.argsort(-bounds, kind="stable"):
        if bounds[c] == 0:
            return
        edges = by_component[ends[c - 1] if c else 0 : ends[c]]
        entries = (strength[edges], (place[rows[edges]], place[columns[edges]]))
        yield float(bounds[c]), sp.coo_array(entries, shape=(int(extent[2 * c + 1]), int(extent[2 * c]))).tocsr()


def _bounds(component, labels, is_even, rows, columns, strength) -> np.ndarray:
    n_components = int(labels.max()) + 1
    sums = np.bincount(rows, strength, minlength=len(labels)) + np.bincount(columns, strength, minlength=len(labels))
    largest = np.zeros((2, n_components))
    np.maximum.at(largest, (is_even.astype(np.int64), labels), sums)
    return np.sqrt(largest[0]) * np.sqrt(largest[1])


def singular_pairs(block: Any, k: int, *, upper: float | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the `k` largest singular values of one connected block of B, falling, between its singular vectors.

    Columns of the first matrix (rows x k) and of the last one (columns x k) belong to the values between them. An
    upper bound on all values, where one is known that is closer than the sums of rows and columns, helps with rings.

    Raises
    ------
    NotConverged
        If every solver gives up.
    """
    short, long = sorted(block.shape)
    if short <= k or (short <= DENSE_SIDE and short * long <= DENSE_ENTRIES):
        with one_blas_thread():
            left, values, right = np.linalg.svd(block.toarray(), full_matrices=False)
        return left[:, :k], values[:k], right[:k].T
    is_wide = block.shape[0] == short
    scale = float(block.data.max())  # squares of tiny or huge weights would leave the range of floats
    wide = (block if is_wide else block.T.tocsr()) / scale
    tall = wide.T.tocsr()
    vectors = None
    if wide.nnz - short - long >= (short + long) // 10:  # trees and rings keep the iteration waiting, and never fill in
        with suppress(NotConverged):
            _, vectors = krylov_eigenpairs(lambda x: wide @ (tall @ x), short, k)
    if vectors is None:
        vectors = _shift_and_invert(wide, k, None if upper is None else upper / scale)
    # squaring B loses half the digits of small values; projecting B itself onto the vectors brings them back
    with one_blas_thread():
        far, values, rotation = np.linalg.svd(tall @ vectors, full_matrices=False)
    near = vectors @ rotation.T
    left, right = (near, far) if is_wide else (far, near)
    return left[:, :k], scale * values[:k], right[:, :k]


def _shift_and_invert(wide: Any, k: int, upper: float | None) -> np.ndarray:
    """Return the left singular vectors of the `k` largest values, from a factorisation just above the spectrum."""
    bound = np.sqrt(wide.sum(axis=1).max() * wide.sum(axis=0).max())
    bound = (bound if upper is None else min(bound, upper)) * (1 + 1e-10)
    short, long = wide.shape
    shifted = sp.block_array([[bound * sp.eye_array(short), -wide], [-wide.T, bound * sp.eye_array(long)]])
    _, vectors = largest_eigenpairs(factorised(shifted), short + long, k)
    basis, _ = np.linalg.qr(vectors[:short])
    return basis
