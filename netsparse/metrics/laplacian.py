"""Algebraic connectivity: the second smallest eigenvalue of the graph Laplacian over all units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from netsparse.errors import InvalidOption, NotConverged
from netsparse.metrics.eigen import factorised, krylov_eigenpairs, largest_eigenpairs, one_blas_thread
from netsparse.metrics.matrices import Graph, labels_of, places_in, undirected_edges
from netsparse.typing import EdgeVector, UnitIds

COMPONENTS = ("all", "giant")
LAPLACIANS = ("combinatorial", "normalized")
Energy = Callable[[np.ndarray], float]
DENSE_UNITS = 300
DENSE_ENTRIES = 4_000_000  # of all dense Laplacians held at once (32 MB)
DENSE_TRUST = 1e-6  # smaller values, relative to the largest eigenvalue, share too many digits with rounding errors
AGREEMENT = 1e-3  # of two values of lambda_2 that are equal in exact arithmetic; the better one errs by its square
RESIDUAL = 1e-7  # relative to the eigenvalue
CROWDED = 1e-4  # smaller values, relative to the largest, crowd for Lanczos, which may settle on the wrong one ...
FACTORS_FIRST = 2000  # ... so that graphs of up to this many units, whose factors are cheap, are factorised instead


def algebraic_connectivity(
    graph: Graph, weights: Any = None, *, component: str = "all", laplacian: str = "combinatorial"
) -> float:
    """Algebraic connectivity: lambda_2, the second smallest eigenvalue of the Laplacian of the undirected graph.

    Combinatorial: L = D - A, in the units of the weights. Normalized: I - D^-1/2 A D^-1/2, in [0, 2], comparable
    over densities. A is the adjacency matrix over all units (of all levels), with |w| where weights are given, and D
    holds its row sums.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole.
    weights : edge vector, or one per layer, optional
        Real numbers; only their absolute value counts. Edges whose weight is exactly 0 count as absent, also for
        the question what is connected.
    component : {"all", "giant"}
        "all": over all units, exactly 0.0 where they are not connected (one isolated unit is enough). "giant": of the
        largest component alone; where several are equally large, the smallest value among them; 0.0 without edges.
    laplacian : {"combinatorial", "normalized"}
        Which matrix.

    Returns
    -------
    float
        At least 0; exactly 0 only where units are not connected, or where there are no edges.

    Raises
    ------
    InvalidOption, InvalidEdgeVector
        For an unknown option, and for weights that do not fit or are not finite.
    NotConverged
        If every solver gives up, and where parts are joined by weights so small that lambda_2 drowns in
        rounding errors (below about 1e-12 of the largest sum of weights at a unit); never a silent wrong number.

    Warns
    -----
    SolverFallback
        If the iterative solver gave up and a slower one has answered.

    Notes
    -----
    Fiedler, Czech. Math. J. 23, 298 (1973), doi:10.21136/CMJ.1973.101168; normalized: Chung, Spectral Graph Theory
    (1997). Reporting the giant component as well, and the rule for equally large ones, are ours.

    Lanczos iteration runs on c I - L with the known null vector deflated (behind a Chebyshev filter where it is
    large), which needs no factorisation (factors of expanders fill in). Where the graph is close to a tree, or the
    residual is not small against lambda_2 (rings, paths), or lambda_2 is below 1e-4 of the largest values in a graph
    of up to 2000 units (where the iteration may settle on a larger eigenvalue), one row and column are struck out,
    the rest is factorised, and lambda_2 is the inverse of the largest eigenvalue of the pseudo-inverse. Components of
    up to 300 units are solved densely, unless lambda_2 is so small against the largest eigenvalue that it would lose
    its digits. The value is the quadratic form of the eigenvector, summed edge by edge; where it does not agree with
    the inverse of that largest eigenvalue, the factors have lost the small weights. What is returned has a relative
    error of at most about 1e-6.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(algebraic_connectivity(complete(4, 9)), 6)
    4.0
    >>> round(algebraic_connectivity(complete(4, 9), laplacian="normalized"), 6)
    1.0
    """
    _check("component", component, COMPONENTS)
    _check("laplacian", laplacian, LAPLACIANS)
    sources, targets, strength = undirected_edges(graph, weights)
    labels = labels_of(sum(graph.sizes), sources, targets)
    sizes = np.bincount(labels)
    if len(strength) == 0 or (component == "all" and len(sizes) > 1):
        return 0.0
    # label 0 is a largest component; those equally large carry the labels that follow
    n_tied = int(np.count_nonzero(sizes == sizes[0]))
    scale = float(strength.max())
    kept = labels[sources] < n_tied
    sources, targets, strength = sources[kept], targets[kept], strength[kept] / scale
    place, owner, size = places_in(labels), labels[sources], int(sizes[0])
    rows, columns = place[sources], place[targets]
    normalized = laplacian == "normalized"
    values = np.full(n_tied, np.nan)
    if size <= DENSE_UNITS:
        values = _dense(owner, rows, columns, strength, size=size, n_tied=n_tied, normalized=normalized)
    for c in np.flatnonzero(np.isnan(values)):
        edges = owner == c
        values[c] = _sparse(rows[edges], columns[edges], strength[edges], size=size, normalized=normalized)
    value = float(values.min())
    return value if normalized else scale * value


def _check(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidOption(name, repr(value), " or ".join(repr(k) for k in known), f"{name}={known[0]!r}")


def _dense(
    owner: UnitIds,
    rows: UnitIds,
    columns: UnitIds,
    strength: EdgeVector,
    *,
    size: int,
    n_tied: int,
    normalized: bool,
) -> np.ndarray:
    """lambda_2 of each of the components of equal size, diagonalised in stacks; NaN where it drowns in rounding."""
    stack = max(1, DENSE_ENTRIES // size**2)
    seconds = np.empty(n_tied)
    for first in range(0, n_tied, stack):
        n_here = min(stack, n_tied - first)
        here = (owner >= first) & (owner < first + n_here)
        flat = ((owner[here] - first) * size + rows[here]) * size + columns[here]
        half = np.bincount(flat, strength[here], minlength=n_here * size**2).reshape(n_here, size, size)
        adjacency = half + half.transpose(0, 2, 1)
        degrees = adjacency.sum(axis=2)
        if normalized:
            scale = np.sqrt(degrees)
            matrix = np.eye(size) - adjacency / scale[:, :, None] / scale[:, None, :]
        else:
            matrix = degrees[:, :, None] * np.eye(size) - adjacency
        with one_blas_thread():
            values = np.linalg.eigvalsh(matrix)
        trusted = values[:, 1] > DENSE_TRUST * values[:, -1]
        seconds[first : first + n_here] = np.where(trusted, values[:, 1], np.nan)
    return seconds


def _sparse(rows: UnitIds, columns: UnitIds, strength: EdgeVector, *, size: int, normalized: bool) -> float:
    """lambda_2 of one connected component."""
    half = sp.coo_array((strength, (rows, columns)), shape=(size, size)).tocsr()
    adjacency = (half + half.T).tocsr()
    degrees = adjacency.sum(axis=1)
    # both Laplacians are S^-1 (D - A) S^-1, with the null vector S 1
    scale = np.sqrt(degrees) if normalized else np.ones(size)
    null = scale / np.linalg.norm(scale)

    def energy(vector: np.ndarray) -> float:
        # the quadratic form edge by edge: small eigenvalues keep their digits
        height = (vector - null * (null @ vector)) / scale
        norm = height * scale
        return float(strength @ (height[rows] - height[columns]) ** 2 / (norm @ norm))

    independent_cycles = half.nnz - size + 1
    if independent_cycles > size // 10:
        try:
            return _by_shift(adjacency, degrees, scale, null, energy)
        except NotConverged:
            pass  # badly connected graphs have small separators, so that their factors stay sparse
    return _by_factors(adjacency, degrees, scale, null, energy)


def _by_shift(
    adjacency: sp.csr_array, degrees: np.ndarray, scale: np.ndarray, null: np.ndarray, energy: Energy
) -> float:
    # the Laplacian as a diagonal and a matrix beside it: nothing is multiplied or added up but numbers
    diagonal = degrees / scale**2
    beside = adjacency.copy()
    beside.data /= np.repeat(scale, np.diff(beside.indptr)) * scale[beside.indices]
    shift = 2.0 * float(diagonal.max())  # the largest eigenvalue is at most twice the largest diagonal entry
    turned = shift - diagonal

    def shifted(x: np.ndarray) -> np.ndarray:
        image = beside @ x
        image += turned * x
        image -= (shift * (null @ x)) * null
        return image

    _, vectors = krylov_eigenpairs(shifted, len(scale), 1)
    if (value := energy(vectors[:, 0])) < CROWDED * shift:
        if len(scale) <= FACTORS_FIRST:
            given = f"lambda_2 = {value:.1e} beside {shift:.1e}"
            raise NotConverged("Lanczos iteration", given, f"at least {CROWDED} of it", "a smaller graph")
        # too large for factors that may fill in: asked for three, it searches on beside whatever it has found
        _, vectors = krylov_eigenpairs(shifted, len(scale), 3)
        value = energy(vectors[:, 0])
    vector = vectors[:, 0]
    residual = float(np.linalg.norm((diagonal - value) * vector - beside @ vector))
    if residual > RESIDUAL * value:
        given = f"a residual of {residual:.1e} at lambda_2 = {value:.1e}"
        raise NotConverged("Lanczos iteration", given, f"at most {RESIDUAL} of the value", "a smaller graph")
    return value


def _by_factors(
    adjacency: sp.csr_array, degrees: np.ndarray, scale: np.ndarray, null: np.ndarray, energy: Energy
) -> float:
    ground = int(np.argmax(degrees))
    kept = np.flatnonzero(np.arange(len(degrees)) != ground)
    grounded = (sp.diags_array(degrees) - adjacency).tocsr()[kept].tocsc()[:, kept]
    solve = factorised(grounded)

    def pseudo_inverse(x: np.ndarray) -> np.ndarray:
        load = scale * (x - null * (null @ x))
        height = np.zeros(len(x))
        height[kept] = solve(load[kept])
        solution = scale * height
        return solution - null * (null @ solution)

    inverses, vectors = largest_eigenpairs(pseudo_inverse, len(scale), 1)
    value, rough = energy(vectors[:, 0]), 1 / float(inverses[0])
    if abs(rough - value) > AGREEMENT * value:
        given = f"{value:.4g} by one way and {rough:.4g} by another"
        raise NotConverged("algebraic connectivity", given, "the same value", "a weight of 0 for the tiniest weights")
    return value
