"""Eigenvalues of the non-backtracking matrix: the growth of paths that never turn round, and what rivals it."""

from __future__ import annotations

import inspect
import warnings
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from netsparse.errors import NotConverged, SolverFallback
from netsparse.metrics.eigen import Operator, factorised, krylov_eigenpairs, one_blas_thread
from netsparse.metrics.matrices import Graph, undirected_edges
from netsparse.metrics.spectral import component_blocks, singular_pairs
from netsparse.metrics.two_core import two_core

DENSE_UNITS = 300
DENSE_FALLBACK = 2000
KRYLOV = 120  # with fewer, crowded values hide a larger one
RESTARTS = 100
SECOND_VALUES = 4  # asked for at once, so that a conjugate pair and a rival of the same modulus are all seen
TOLERANCE, LOOSE = 1e-5, 1e-3
SEEDED: dict[str, Any] = {"rng": 0} if "rng" in inspect.signature(sla.eigs).parameters else {}


def non_backtracking_eigenvalue(graph: Graph) -> float:
    """Leading eigenvalue mu_1 of the non-backtracking matrix, the growth rate of paths that never turn round.

    The matrix has a row for each edge and direction, and an entry 1 where the head of one directed edge is the tail
    of another that is not its reverse. mu_1 is 0 for forests, 1 where every component has at most one cycle, and above
    1 otherwise; for a biregular graph sqrt((d_1 - 1) (d_2 - 1)).

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, where parallel edges behind a joint count as several.

    Returns
    -------
    float
        1 / mu_1 is the bond percolation threshold of message passing, exact on large graphs that are locally trees.

    Raises
    ------
    NotConverged
        If every solver gives up.

    Warns
    -----
    SolverFallback
        If the iterative solver gave up and another one has answered.

    Notes
    -----
    Hashimoto, Adv. Stud. Pure Math. 15, 211 (1989); percolation: Karrer, Newman and Zdeborova, Phys. Rev. Lett. 113,
    208702 (2014), doi:10.1103/PhysRevLett.113.208702. Units outside the 2-core contribute zeros alone and are taken
    off first. The eigenvalues of a bipartite graph come in pairs +mu and -mu; by the Ihara-Bass formula their squares
    nu are the eigenvalues of a matrix over the units, [[B B^T - (D_1 - 1), -B (D_2 - 1)], [B^T, -(D_2 - 1)]], and 1
    once for each independent cycle but the first.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(non_backtracking_eigenvalue(complete(3, 9)), 6)  # sqrt(2 * 8)
    4.0
    """
    leading = 0.0
    for bound, block in _core_blocks(graph):
        if bound <= leading:
            break
        leading = max(leading, _leading(block))
    return float(np.sqrt(leading))


def non_backtracking_excess(graph: Graph) -> float:
    """Excess |mu_2| - sqrt(mu_1) of the non-backtracking matrix; at most 0 means Ramanujan, for irregular graphs.

    mu_1 is the leading eigenvalue; |mu_2| is the second largest modulus, with multiplicity, among one of each pair
    +mu and -mu.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, where parallel edges behind a joint count as several.

    Returns
    -------
    float
        Finite for every graph; 0.0 for forests and for a single cycle.

    Raises
    ------
    NotConverged
        If the iterative solver gives up.

    Warns
    -----
    SolverFallback
        If it had to be content with three digits of mu_2.

    Notes
    -----
    Bordenave, Lelarge and Massoulie, Ann. Probab. 46, 1 (2018), doi:10.1214/16-AOP1142: random graphs have |mu_2|
    <= sqrt(mu_1) + o(1). Every bipartite graph has -mu_1 as an eigenvalue; counting one of each pair is our way to
    leave that aside. Small singular values of the biadjacency matrix matter too where both sides have different
    degrees: a complete graph of m + n units has |mu_2| = sqrt(max(m, n) - 1). Where all degrees of a side are
    equal, the value follows from singular values, exactly; else from Arnoldi iteration, with an error of about 1e-5
    of mu_2, or where values crowd there, of the distance to the next ones. See `non_backtracking_eigenvalue` for
    the matrix that is used.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(non_backtracking_excess(complete(5, 5)), 6)  # sqrt(4) - sqrt(4)
    0.0
    """
    found = np.zeros(2)
    for bound, block in _core_blocks(graph):
        if bound <= found[1]:
            break
        found = -np.sort(-np.concatenate([found, _two_largest(block)]))[:2]
    return float(np.sqrt(found[1]) - found[0] ** 0.25)


def _core_blocks(graph: Graph) -> list[tuple[float, Any]]:
    """Return (bound on nu_1, block of B) of each component of the 2-core, the largest bound first."""
    sources, targets, strength = undirected_edges(graph, None)
    kept = two_core(sum(graph.sizes), sources, targets)
    blocks = [block for _, block in component_blocks(graph.sizes, sources[kept], targets[kept], strength[kept])]
    # the matrix of squares steps over two edges: no row sum is larger than this
    bounds = [float((block.sum(axis=0).max() - 1) * (block.sum(axis=1).max() - 1)) for block in blocks]
    return sorted(zip(bounds, blocks, strict=True), key=lambda pair: -pair[0])


def _leading(block: Any) -> float:
    """nu_1 of one component of the 2-core."""
    row_degrees, column_degrees = block.sum(axis=1), block.sum(axis=0)
    if row_degrees.min() == row_degrees.max() and column_degrees.min() == column_degrees.max():
        return float((row_degrees[0] - 1) * (column_degrees[0] - 1))
    operator, n = _squares(block)
    if n <= DENSE_UNITS:
        return float(np.real(_all(operator, n)).max())
    if block.sum() - n <= n // 10:  # close to a ring: all eigenvalues crowd on the unit circle
        return _by_bethe_hessian(block)
    try:
        # the largest real part: nu_1 alone has it, while others may share its modulus
        return float(np.real(_arnoldi(operator, n, 1, "LR", 1e-12)).max())
    except NotConverged as error:
        message = f"Arnoldi iteration gave up with {error.given}; factors of the Bethe-Hessian have answered"
        warnings.warn(message, SolverFallback, stacklevel=3)
        return _by_bethe_hessian(block)


def _by_bethe_hessian(block: Any) -> float:
    """nu_1 > 1, right of which [[nu + D_1 - 1, -sqrt(nu) B], [-sqrt(nu) B^T, nu + D_2 - 1]] is positive definite."""
    row_rest, column_rest = block.sum(axis=1) - 1, block.sum(axis=0) - 1

    def is_definite(above: float) -> bool:
        nu, beside = 1 + above, -np.sqrt(1 + above) * block
        matrix = [[sp.diags_array(nu + row_rest), beside], [beside.T, sp.diags_array(nu + column_rest)]]
        try:
            factorised(sp.block_array(matrix))
        except NotConverged as error:
            if isinstance(error.__cause__, MemoryError):
                raise
            return False  # a pivot is negative
        return True

    high = float(row_rest.max() * column_rest.max())
    low = high / 2
    while is_definite(low):
        high, low = low, low / 2
        if low < 1e-12:
            raise NotConverged("non-backtracking eigenvalue", "a value within rounding of 1", "more", "a smaller graph")
    while high - low > 1e-9 * low:
        middle = (low + high) / 2
        low, high = (low, middle) if is_definite(middle) else (middle, high)
    return 1 + (low + high) / 2


def _two_largest(block: Any) -> np.ndarray:
    """Return nu_1 and |nu_2| of one component of the 2-core."""
    if block.sum() == sum(block.shape):  # one cycle: two rings of directed edges, each a permutation
        return np.ones(2)
    row_degrees, column_degrees = block.sum(axis=1), block.sum(axis=0)
    if row_degrees.min() == row_degrees.max() and column_degrees.min() == column_degrees.max():
        return _of_biregular(block, float(row_degrees[0]), float(column_degrees[0]))
    operator, n = _squares(block)
    if n <= DENSE_UNITS:
        values = _all(operator, n)
    else:
        try:
            values = _arnoldi(operator, n, SECOND_VALUES, "LM", TOLERANCE)
        except NotConverged:
            values = _second_best(operator, n)
    # one independent cycle more than the first: 1 is an eigenvalue beside those of the operator
    return -np.sort(-np.append(np.abs(values), 1.0))[:2]


def _of_biregular(block: Any, row_degree: float, column_degree: float) -> np.ndarray:
    """nu_1 and |nu_2| where nu^2 - (sigma^2 - (d_1 - 1) - (d_2 - 1)) nu + (d_1 - 1) (d_2 - 1) = 0 for each sigma."""
    product, total = (row_degree - 1) * (column_degree - 1), row_degree + column_degree - 2
    rivals = [1.0]
    short = min(block.shape)
    if block.shape[0] != block.shape[1]:  # the kernel on the long side, which has the smaller degree
        rivals.append(min(row_degree, column_degree) - 1)
    if short > 1:
        squares = [float(singular_pairs(block, 2)[1][1]) ** 2]
        if row_degree != column_degree:
            squares.append(_least_square(block))
        for square in squares:
            half = abs(square - total) / 2
            rivals.append(half + np.sqrt(half**2 - product) if half**2 > product else np.sqrt(product))
    return np.array([product, max(rivals)])


def _least_square(block: Any) -> float:
    """Smallest eigenvalue of the product of the block with its transpose, on the short side."""
    wide = block if block.shape[0] < block.shape[1] else block.T.tocsr()
    if wide.shape[0] <= DENSE_UNITS:
        with one_blas_thread():
            return max(0.0, float(np.linalg.eigvalsh((wide @ wide.T).toarray())[0]))
    tall = wide.T.tocsr()
    top = float(wide.sum(axis=1).max() * wide.sum(axis=0).max())
    values, _ = krylov_eigenpairs(lambda x: top * x - wide @ (tall @ x), wide.shape[0], 1)
    return max(0.0, top - float(values[0]))


def _squares(block: Any) -> tuple[Operator, int]:
    """Return the operator whose eigenvalues are the squares nu, and its size."""
    transposed, n_rows = block.T.tocsr(), block.shape[0]
    row_rest, column_rest = block.sum(axis=1) - 1, block.sum(axis=0) - 1

    def squares(x: np.ndarray) -> np.ndarray:
        heads = transposed @ x[:n_rows] - column_rest * x[n_rows:]
        return np.concatenate([block @ heads - row_rest * x[:n_rows], heads])

    return squares, sum(block.shape)


def _all(operator: Operator, n: int) -> np.ndarray:
    with one_blas_thread():
        return np.linalg.eigvals(np.column_stack([operator(column) for column in np.eye(n)]))


def _arnoldi(operator: Operator, n: int, k: int, which: Literal["LM", "LR"], tolerance: float) -> np.ndarray:
    linear = sla.LinearOperator((n, n), matvec=operator, dtype=np.float64)
    start, size = np.random.default_rng(0).random(n), min(n, KRYLOV)
    options: dict[str, Any] = {"v0": start, "ncv": size, "maxiter": RESTARTS, **SEEDED}
    try:
        with one_blas_thread():
            return sla.eigs(linear, k=k, which=which, tol=tolerance, return_eigenvectors=False, **options)
    except sla.ArpackNoConvergence as error:
        given = f"{len(error.eigenvalues)} of {k} eigenvalues after {RESTARTS} restarts"
        raise NotConverged("Arnoldi iteration", given, "all of them", "a smaller graph") from error


def _second_best(operator: Operator, n: int) -> np.ndarray:
    """Eigenvalues crowd on a circle: all of them where the graph is small, else a few with three digits."""
    if n <= DENSE_FALLBACK:
        values, solver = _all(operator, n), "a dense solver"
    else:
        values, solver = _arnoldi(operator, n, SECOND_VALUES, "LM", LOOSE), f"it at a tolerance of {LOOSE}"
    message = f"Arnoldi iteration gave up at a tolerance of {TOLERANCE}; {solver} has answered"
    warnings.warn(message, SolverFallback, stacklevel=4)
    return values
