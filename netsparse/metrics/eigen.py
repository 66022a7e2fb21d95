"""The largest eigenvalues of a symmetric operator by Lanczos iteration: deterministic, and honest when it fails."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse.linalg as sla
from scipy.sparse.csgraph import reverse_cuthill_mckee
from threadpoolctl import ThreadpoolController

from netsparse.errors import NotConverged, SolverFallback

Operator = Callable[[np.ndarray], np.ndarray]

KRYLOV = 40  # vectors kept between restarts
RESTARTS = 150
TOLERANCE = 1e-10  # of eigenvectors; values err by its square where they are not crowded
FILTERED_FROM = 1000  # rows; below, orthogonalising a large Krylov space costs less than the filter
PROBE, DEGREE = 20, 5  # Lanczos steps that find the spectrum's extent; degree of the filter, odd
EXHAUSTED = 1e-10  # a Krylov space that ends holds no estimate of the next value
AMPLIFICATION = 1e6  # of the largest value over those at the cut: costs the latter as many digits
LIFT, LONGEST_FILTER = 1e4, 400  # of a hidden value over the rest; degree beyond which another search is cheaper
DENSE_FALLBACK = 2000  # rows
ALWAYS_FACTORISED, MOST_OPERATIONS = 5000, 1e12  # rows; of a bound that is some ten times too high for expanders
LOBPCG_STEPS, LOBPCG_RESIDUAL = 500, 1e-7
# ARPACK replaces an exhausted Krylov space by a random vector; newer scipy lets us say from which generator
SEEDED: dict[str, Any] = {"rng": 0} if "rng" in inspect.signature(sla.eigsh).parameters else {}


def largest_eigenpairs(matvec: Operator, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k < n` largest eigenvalues (falling, with multiplicity) and their orthonormal eigenvectors.

    As `krylov_eigenpairs`; where that gives up, a dense solver (up to 2000 rows) or LOBPCG answers instead.

    Raises
    ------
    NotConverged
        If LOBPCG has not converged either.

    Warns
    -----
    SolverFallback
        Where another solver has answered.
    """
    try:
        return krylov_eigenpairs(matvec, n, k)
    except NotConverged as error:
        given_up = str(error.given)
    if n <= DENSE_FALLBACK:
        solver, vectors = "a dense solver", _dense(matvec, n, k)
    else:
        solver, vectors = "LOBPCG", _lobpcg(matvec, n, k)
    warnings.warn(f"Lanczos iteration gave up with {given_up}; {solver} has answered", SolverFallback, stacklevel=2)
    return _ritz(matvec, vectors, k)


def krylov_eigenpairs(matvec: Operator, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k < n` largest eigenvalues (falling, with multiplicity) and their orthonormal eigenvectors.

    One start vector sees every eigenvalue once in exact arithmetic, so for more than two values the space that
    was found is deflated and searched again until nothing larger turns up. Two come from a connected component,
    where the largest value is simple, but another one may be as large up to rounding (equal parts that a long path
    joins): what was found is searched again where a short filter sees that. For two values the operator has to be
    positive semidefinite.

    Raises
    ------
    NotConverged
        If Lanczos iteration has not converged after all its restarts.
    """
    values, vectors = _ritz(matvec, _lanczos(matvec, n, k), k)
    if k > 2 or (k == 2 and _hides_another(matvec, values, vectors)):
        return _ritz(matvec, _with_multiples(matvec, n, k, vectors), k)
    return values, vectors


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which BLAS uses a single thread.

    Matrices this thin or small gain little from a second one, and threads that wait for each other on a busy machine
    cost a hundredfold; nor does the last digit then depend on the number of cores.
    """
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through every library that is loaded: several milliseconds


def factorised(matrix: Any) -> Operator:
    """Return the solver of a sparse, symmetric, positive definite matrix.

    Raises
    ------
    NotConverged
        If the matrix is singular in floating point, or its factors would fill in so much that they took more than
        some minutes or the memory: those of large expanders do.
    """
    if matrix.shape[0] > ALWAYS_FACTORISED and (cost := _elimination_cost(matrix.tocsr())) > MOST_OPERATIONS:
        given = f"factors of up to {cost:.0e} operations"
        raise NotConverged("factorisation", given, f"at most {MOST_OPERATIONS:.0e}", "weights=None, or a smaller graph")
    symmetric = {"SymmetricMode": True}
    try:
        factors = sla.splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
    except RuntimeError as error:
        raise _singular() from error
    except MemoryError as error:
        raise NotConverged("factorisation", "factors too large for the memory", "fewer", "a smaller graph") from error
    if (factors.U.diagonal() <= 0).any():  # rounding has turned the sign of an eigenvalue close to 0
        raise _singular()
    return factors.solve


def _elimination_cost(matrix: Any) -> float:
    """Operations of eliminating a sparse symmetric matrix inside its envelope, in Cuthill-McKee order.

    An upper bound on what a better order needs; small where the graph has small separators (rings, bands, trees).
    """
    place = np.empty(matrix.shape[0], dtype=np.int64)
    place[reverse_cuthill_mckee(matrix, symmetric_mode=True)] = np.arange(matrix.shape[0])
    rows = np.repeat(place, np.diff(matrix.indptr))
    reach = np.zeros(matrix.shape[0])
    np.maximum.at(reach, rows, rows - place[matrix.indices])
    return float(reach @ reach)


def _hides_another(matvec: Operator, values: np.ndarray, vectors: np.ndarray) -> bool:
    """Tell whether a value close to the first of two may have been passed over for the second.

    Lanczos iteration takes values that agree within its tolerance for one, and a mixture of their vectors for its
    vector. Whatever is left beside the vectors that were found is then not below the second value: the Chebyshev
    polynomial over [0, second] lifts its share in another random vector above all the rest.
    """
    first, second = float(values[0]), float(values[1])
    if first - second <= 1e-12 * first:
        return False  # nothing worth mentioning fits between
    n, cut = len(vectors), max(second, first / 100)
    if first <= cut:
        return False
    degree = int(np.ceil(np.arccosh(LIFT * np.sqrt(n)) / np.arccosh(2 * first / cut - 1)))
    if degree > LONGEST_FILTER:
        return True
    with one_blas_thread():
        before = np.random.default_rng(1).normal(size=n)
        before -= vectors @ (vectors.T @ before)
        now = matvec(before) * (2 / cut) - before
        for _ in range(degree - 1):
            after = matvec(now)
            after *= 4 / cut
            after -= 2 * now
            after -= before
            before, now = now, after
        # LIFT alone is too little to lift rounding errors, so that once is enough
        now -= vectors @ (vectors.T @ now)
        return float(now @ matvec(now)) > (first + cut) / 2 * float(now @ now)


def _with_multiples(matvec: Operator, n: int, k: int, vectors: np.ndarray) -> np.ndarray:
    while vectors.shape[1] < n:
        values, found = _ritz(matvec, vectors, k)
        basis, _ = np.linalg.qr(vectors)
        floor = 2.0 * np.abs(values).max() + 1.0  # sends the known space below everything that is left

        def deflated(x: np.ndarray, basis: np.ndarray = basis, floor: float = floor) -> np.ndarray:
            inside = basis @ (basis.T @ x)
            rest = matvec(x - inside)
            return rest - basis @ (basis.T @ rest) - floor * inside

        # the old start has no part left in the other copies of what it has found
        extra = _lanczos(deflated, n, 1, search=vectors.shape[1])
        top = float(extra[:, 0] @ matvec(extra[:, 0]))
        if top <= values[-1] + 1e-12 * np.abs(values).max():
            return found
        vectors = np.hstack([basis, extra])
    return vectors


def _lanczos(matvec: Operator, n: int, k: int, *, search: int = 0) -> np.ndarray:
    start = np.random.default_rng(search).random(n)  # positive: never orthogonal to a Perron vector
    size, restarts = min(n, max(KRYLOV, 2 * k + 1)), RESTARTS
    # vectors this thin gain nothing from BLAS threads and lose tenfold on a busy machine; with one thread the
    # last digit does not depend on the number of cores either
    with one_blas_thread():
        if n >= FILTERED_FROM and k <= 2:
            filtered = _filtered(matvec, start, k)
            if filtered is not None:
                matvec, start = filtered
                size, restarts = max(KRYLOV // 2, 2 * k + 1), max(1, RESTARTS // 3)
        operator = sla.LinearOperator((n, n), matvec=matvec, dtype=np.float64)
        try:
            options = {"v0": start, "ncv": size, "maxiter": restarts, "tol": TOLERANCE, **SEEDED}
            _, vectors = sla.eigsh(operator, k=k, which="LA", **options)
        except sla.ArpackNoConvergence as error:
            given = f"{len(error.eigenvalues)} of {k} eigenvalues after {restarts} restarts"
            raise NotConverged("Lanczos iteration", given, "all of them", "a smaller k, or a smaller graph") from error
    return vectors


def _filtered(matvec: Operator, start: np.ndarray, k: int) -> tuple[Operator, np.ndarray] | None:
    """Return a polynomial of the operator that spreads its upper end, and a start vector.

    The Chebyshev polynomial of odd degree over [lowest, cut] has the same eigenvectors. It stays below 1 left of the
    cut, also below the lowest value, and rises steeply right of it. A Ritz value is never above the eigenvalue of
    its rank, so that a cut at the (k + 1)-th one leaves the k largest on the right: the order cannot change. What is
    gained is a Krylov space of DEGREE times the dimension for the price of orthogonalising a small one. None where
    that does not pay: the space is exhausted, or the largest value would drown the others in its rounding errors.
    """
    basis = np.empty((PROBE, len(start)))
    diagonal, beside = np.empty(PROBE), np.empty(PROBE)
    vector = start / np.linalg.norm(start)
    for step in range(PROBE):
        basis[step] = vector
        known, vector = basis[: step + 1], matvec(vector)
        diagonal[step] = basis[step] @ vector
        for _ in range(2):  # twice is enough (Kahan)
            vector = vector - (known @ vector) @ known
        beside[step] = np.linalg.norm(vector)
        if beside[step] <= EXHAUSTED * np.abs(diagonal[: step + 1]).max():
            return None
        vector = vector / beside[step]
    values, rotation = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
    low, cut = values[0], values[-k - 1]
    center, radius = (cut + low) / 2, (cut - low) / 2
    if radius <= 0 or np.polynomial.Chebyshev.basis(DEGREE)((values[-1] - center) / radius) > AMPLIFICATION:
        return None

    def polynomial(x: np.ndarray) -> np.ndarray:
        before, now = x, (matvec(x) - center * x) / radius
        for _ in range(DEGREE - 1):
            after = matvec(now)
            after -= center * now
            after *= 2 / radius
            after -= before
            before, now = now, after
        return now

    return polynomial, rotation[:, -k:].sum(axis=1) @ basis


def _dense(matvec: Operator, n: int, k: int) -> np.ndarray:
    columns = np.eye(n)
    matrix = np.column_stack([matvec(columns[i]) for i in range(n)])
    with one_blas_thread():
        return np.linalg.eigh((matrix + matrix.T) / 2)[1][:, -k:]


def _lobpcg(matvec: Operator, n: int, k: int) -> np.ndarray:
    def images(block: np.ndarray) -> np.ndarray:
        return np.column_stack([matvec(np.ascontiguousarray(column)) for column in block.T])

    operator = sla.LinearOperator((n, n), matvec=matvec, matmat=images, dtype=np.float64)
    start = np.random.default_rng(0).random((n, k + 4))  # a few more columns than values speed up the last ones
    scale = float(np.linalg.norm(matvec(start[:, 0])) / np.linalg.norm(start[:, 0]))
    with warnings.catch_warnings(), one_blas_thread():
        warnings.simplefilter("ignore")  # what it says about its own accuracy is checked below
        try:
            tolerance = LOBPCG_RESIDUAL / 10 * scale
            _, vectors = sla.lobpcg(operator, start, largest=True, tol=tolerance, maxiter=LOBPCG_STEPS)
        except (np.linalg.LinAlgError, ValueError) as error:
            raise NotConverged("LOBPCG", str(error), "eigenvectors", "a smaller graph") from error
    values, vectors = _ritz(matvec, vectors, k)
    residual = float(np.linalg.norm(images(vectors) - vectors * values, axis=0).max())
    if not residual <= LOBPCG_RESIDUAL * np.abs(values).max():
        given = f"a residual of {residual:.1e} at an eigenvalue of {values[0]:.3g}"
        raise NotConverged("LOBPCG", given, f"at most {LOBPCG_RESIDUAL} of it", "a smaller k, or a smaller graph")
    return vectors


def _ritz(matvec: Operator, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    with one_blas_thread():
        basis, _ = np.linalg.qr(vectors)
        image = np.column_stack([matvec(basis[:, i]) for i in range(basis.shape[1])])
        small = basis.T @ image
        values, rotation = np.linalg.eigh((small + small.T) / 2)
        return values[::-1][:k], basis @ rotation[:, ::-1][:, :k]


def _singular() -> NotConverged:
    given = "a matrix that is singular in floating point"
    return NotConverged("factorisation", given, "weights within 16 digits", "weights=None")
