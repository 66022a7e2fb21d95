"""Entropy of the singular values of the biadjacency matrix: over how many directions a layer spreads its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from netsparse.errors import InvalidOption
from netsparse.metrics.eigen import one_blas_thread
from netsparse.metrics.estimate import Estimate
from netsparse.metrics.matrices import Graph, labels_of, places_in, undirected_edges
from netsparse.metrics.spectral import singular_pairs
from netsparse.rng import spawn
from netsparse.typing import EdgeVector, Seed, UnitIds

DENSE_SIDE = 2000  # components with a side this short are solved densely, several of them at once
DENSE_ENTRIES = 8_000_000  # of a slice of their rows that is held densely (64 MB)
LANCZOS_STEPS = 60
NOTHING_LEFT = 1e-14  # of the squared norm beside the two largest values


def spectral_entropy(graph: Graph, weights: Any = None, *, n_probes: int = 16, rng: Seed) -> Estimate:
    """Spectral entropy H = -sum p_i ln p_i in nats, p_i = sigma_i^2 / sum_j sigma_j^2 over all singular values of B.

    exp(H) is the effective rank: the number of directions over which the matrix spreads its squared norm.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, even levels x odd levels.
    weights : edge vector, or one per layer, optional
        Real numbers; B holds |w|, without weights ones.
    n_probes : int
        Random vectors for each large component, at least 2.
    rng : int or numpy.random.Generator
        Where they come from; exact values do not depend on it.

    Returns
    -------
    Estimate
        `value` in [0, ln(min(rows, columns))], 0.0 without edges. `error` is 0 where every component has a side of
        at most 2000 units, which is solved densely; else the standard error over the random vectors, with the
        quadrature's own error added.

    Raises
    ------
    NotConverged
        As `singular_values`, for large components.
    InvalidOption, InvalidSeed, InvalidEdgeVector
        For an impossible `n_probes` or `rng`, and for weights that do not fit or are not finite.

    Notes
    -----
    The entropy of the matrix B B^T / trace as a density matrix (von Neumann). Squares, as for the entropy of a state;
    the effective rank of Roy and Vetterli, EUSIPCO (2007), takes sigma_i itself, so that taking squares is our choice.
    Large components: stochastic Lanczos quadrature, Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38, 1075 (2017),
    doi:10.1137/16M1104974, of -x ln(c x) alone, because
    the trace of x ln c is known, and beside the two largest values, which are found exactly.

    Examples
    --------
    >>> from netsparse import BipartiteGraph
    >>> matching = BipartiteGraph.from_edges([0, 1, 2], [0, 1, 2], n_in=3, n_out=3)
    >>> round(float(np.exp(spectral_entropy(matching, rng=0).value)), 6)
    3.0
    """
    if not isinstance(n_probes, int | np.integer) or isinstance(n_probes, bool) or n_probes < 2:
        raise InvalidOption("n_probes", repr(n_probes), "a whole number of random vectors, at least 2", "n_probes=16")
    generator = spawn(rng, 1, purpose="spectral entropy")[0]
    sources, targets, strength = undirected_edges(graph, weights)
    if not len(strength):
        return Estimate(0.0, 0.0)
    matrix, starts = _by_components(graph.sizes, sources, targets, strength / strength.max())
    total = float((matrix.data**2).sum())
    sides = np.diff(starts)
    value, variance, bias = 0.0, 0.0, 0.0
    first = 0
    while first < len(sides):
        if sides[first] > DENSE_SIDE:
            block = _slice(matrix, starts[first], starts[first + 1]) / np.sqrt(total)
            part, part_variance, part_bias = _sampled(block, int(n_probes), generator)
            value, variance, bias = value + part, variance + part_variance, bias + part_bias
            first += 1
            continue
        # as many small components as fit: the values of a block diagonal matrix are those of its blocks
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + DENSE_SIDE // 4, side="right")) - 1)
        with one_blas_thread():
            shares = np.linalg.eigvalsh(_gram(_slice(matrix, starts[first], starts[last]))) / total
        shares = shares[shares > 0]
        value -= float(shares @ np.log(shares))
        first = last
    largest = float(np.log(min(sum(graph.sizes[0::2]), sum(graph.sizes[1::2]))))
    return Estimate(float(min(max(value, 0.0), largest)), float(np.sqrt(variance)) + bias)


def _by_components(
    sizes: tuple[int, ...], sources: UnitIds, targets: UnitIds, strength: EdgeVector
) -> tuple[Any, np.ndarray]:
    """Return B with rows on the shorter side of each component, largest first, and the first row of each.

    Turning a component round does not change its singular values. Units without edges are left out.
    """
    n_units = sum(sizes)
    labels = labels_of(n_units, sources, targets)
    is_even = np.repeat(np.arange(len(sizes)) % 2 == 0, sizes)
    has_edges = np.zeros(n_units, dtype=bool)
    has_edges[sources] = has_edges[targets] = True
    n_components = int(labels.max()) + 1
    n_even = np.bincount(labels[is_even & has_edges], minlength=n_components)
    n_odd = np.bincount(labels[~is_even & has_edges], minlength=n_components)
    is_row = has_edges & (is_even == (n_even <= n_odd)[labels])
    is_column = has_edges & ~is_row
    sides = np.minimum(n_even, n_odd)
    starts = np.concatenate([[0], np.cumsum(sides)])
    # components are labelled by size, so that the rows of a component follow those of the ones before it
    place = np.zeros(n_units, dtype=np.int64)
    place[is_row] = starts[labels[is_row]] + places_in(labels[is_row])
    place[is_column] = np.cumsum(is_column)[is_column] - 1
    flip = is_row[sources]
    rows, columns = place[np.where(flip, sources, targets)], place[np.where(flip, targets, sources)]
    shape = (int(starts[-1]), int(np.count_nonzero(is_column)))
    matrix = sp.coo_array((strength, (rows, columns)), shape=shape).tocsr()
    return matrix, starts[: int(np.count_nonzero(sides)) + 1]


def _slice(matrix: Any, first: int, last: int) -> Any:
    """Return the rows from `first` to `last` without the columns that are empty there."""
    rows = matrix[first:last]
    columns, place = np.unique(rows.indices, return_inverse=True)
    return sp.csr_array((rows.data, place, rows.indptr), shape=(rows.shape[0], max(1, len(columns))))


def _gram(block: Any) -> np.ndarray:
    """Return block @ block.T, from dense slices of its columns where sparse products have no less to do."""
    n_rows, n_columns = block.shape
    wedges = float((np.bincount(block.indices).astype(np.float64) ** 2).sum())
    if wedges * 30 < float(n_rows) ** 2 * n_columns:  # a sparse product spends tens of times more on each number
        return (block @ block.T).toarray()
    gram, columns = np.zeros((n_rows, n_rows)), block.tocsc()
    width = max(1, DENSE_ENTRIES // n_rows)
    for first in range(0, n_columns, width):
        dense = columns[:, first : first + width].toarray()
        gram += dense @ dense.T
    return gram


def _sampled(block: Any, n_probes: int, generator: np.random.Generator) -> tuple[float, float, float]:
    """Return the sum of -p ln p over one large component, its variance, and the quadrature's error."""
    n = block.shape[0]
    # the first values tower above the rest: left to chance, they would make the variance, and a skewed one
    leading, values, _ = singular_pairs(block, 2)
    shares = values[values > 0] ** 2
    rest = float((block.data**2).sum() - shares.sum())
    exact = -float(shares @ np.log(shares))
    if rest <= NOTHING_LEFT:
        return exact, 0.0, 0.0
    probes = generator.integers(2, size=(n, n_probes)) * 2.0 - 1.0
    probes -= leading @ (leading.T @ probes)
    squares = np.einsum("ij,ij->j", probes, probes)
    diagonal, beside = _lanczos(block, probes)
    half = len(diagonal) // 2
    fine = _quadrature(diagonal, beside, n / rest) * squares
    coarse = _quadrature(diagonal[:half], beside[: half - 1], n / rest) * squares
    known = rest * np.log(n / rest)
    # between half and all of the steps the error of the rule falls by far more than a factor of two
    bias = abs(float((fine - coarse).mean())) / 2
    return exact + known + float(fine.mean()), float(fine.var(ddof=1)) / n_probes, bias


def _lanczos(block: Any, probes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Jacobi matrices (diagonal, beside it) of block @ block.T, one column for each probe."""
    transposed = block.T.tocsr()
    before, vectors = np.zeros_like(probes), probes / np.linalg.norm(probes, axis=0)
    diagonal, beside = [], [np.zeros(probes.shape[1])]
    for _ in range(LANCZOS_STEPS):
        image = block @ (transposed @ vectors) - beside[-1] * before
        diagonal.append(np.einsum("ij,ij->j", vectors, image))
        image -= diagonal[-1] * vectors
        norms = np.linalg.norm(image, axis=0)
        # an exhausted space goes on with zeros: rows of the Jacobi matrix that its first unit vector does not see
        alive = norms > 1e-14
        before, vectors = vectors, np.where(alive, image / np.where(alive, norms, 1.0), 0.0)
        beside.append(np.where(alive, norms, 0.0))
    return np.array(diagonal), np.array(beside[1:-1])


def _quadrature(diagonal: np.ndarray, beside: np.ndarray, scale: float) -> np.ndarray:
    """Gauss quadrature of -x ln(scale x) for each probe of norm 1."""
    results = []
    for column in range(diagonal.shape[1]):
        jacobi = np.diag(diagonal[:, column]) + np.diag(beside[:, column], 1) + np.diag(beside[:, column], -1)
        nodes, vectors = np.linalg.eigh(jacobi)
        inside = nodes > 0
        values = np.zeros(len(nodes))
        values[inside] = -nodes[inside] * np.log(scale * nodes[inside])
        results.append(vectors[0] ** 2 @ values)
    return np.array(results)
