"""The largest eigenvalues of a symmetric operator by Lanczos iteration: deterministic, and honest when it fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg as sla
from threadpoolctl import threadpool_limits

from netsparse.errors import NotConverged

Operator = Callable[[np.ndarray], np.ndarray]

KRYLOV = 40  # vectors kept between restarts
RESTARTS = 150
# ARPACK replaces an exhausted Krylov space by a random vector; newer scipy lets us say from which generator
SEEDED: dict[str, Any] = {"rng": 0} if "rng" in inspect.signature(sla.eigsh).parameters else {}


def largest_eigenpairs(matvec: Operator, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k < n` largest eigenvalues (falling, with multiplicity) and their orthonormal eigenvectors.

    One start vector sees every eigenvalue once in exact arithmetic, so for more than two values the space that
    was found is deflated and searched again until nothing larger turns up. (Two are safe where the largest one is
    simple, as in every connected component.)

    Raises
    ------
    NotConverged
        If Lanczos iteration has not reached machine precision after all its restarts.
    """
    vectors = _lanczos(matvec, n, k)
    if k > 2:
        vectors = _with_multiples(matvec, n, k, vectors)
    return _ritz(matvec, vectors, k)


def factorised(matrix: Any) -> Operator:
    """Return the solver of a sparse, symmetric, positive definite matrix.

    Raises
    ------
    NotConverged
        If the matrix is singular in floating point.
    """
    symmetric = {"SymmetricMode": True}
    try:
        factors = sla.splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
    except RuntimeError as error:
        raise _singular() from error
    if (factors.U.diagonal() <= 0).any():  # rounding has turned the sign of an eigenvalue close to 0
        raise _singular()
    return factors.solve


def _with_multiples(matvec: Operator, n: int, k: int, vectors: np.ndarray) -> np.ndarray:
    while vectors.shape[1] < n:
        values, found = _ritz(matvec, vectors, k)
        basis, _ = np.linalg.qr(vectors)
        floor = 2.0 * np.abs(values).max() + 1.0  # sends the known space below everything that is left

        def deflated(x: np.ndarray, basis: np.ndarray = basis, floor: float = floor) -> np.ndarray:
            inside = basis @ (basis.T @ x)
            rest = matvec(x - inside)
            return rest - basis @ (basis.T @ rest) - floor * inside

        extra = _lanczos(deflated, n, 1)
        top = float(extra[:, 0] @ matvec(extra[:, 0]))
        if top <= values[-1] + 1e-12 * np.abs(values).max():
            return found
        vectors = np.hstack([basis, extra])
    return vectors


def _lanczos(matvec: Operator, n: int, k: int) -> np.ndarray:
    operator = sla.LinearOperator((n, n), matvec=matvec, dtype=np.float64)
    start = np.random.default_rng(0).random(n)  # positive: never orthogonal to a Perron vector
    try:
        # vectors this thin gain nothing from BLAS threads and lose tenfold on a busy machine; with one thread the
        # last digit does not depend on the number of cores either
        with threadpool_limits(1, user_api="blas"):
            size = min(n, max(KRYLOV, 2 * k + 1))
            _, vectors = sla.eigsh(operator, k=k, which="LA", v0=start, ncv=size, maxiter=RESTARTS, **SEEDED)
    except sla.ArpackNoConvergence as error:
        given = f"{len(error.eigenvalues)} of {k} eigenvalues after {RESTARTS} restarts"
        raise NotConverged("Lanczos iteration", given, "all of them", "a smaller k, or a smaller graph") from error
    return vectors


def _ritz(matvec: Operator, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    basis, _ = np.linalg.qr(vectors)
    image = np.column_stack([matvec(basis[:, i]) for i in range(basis.shape[1])])
    small = basis.T @ image
    values, rotation = np.linalg.eigh((small + small.T) / 2)
    return values[::-1][:k], basis @ rotation[:, ::-1][:, :k]


def _singular() -> NotConverged:
    given = "a matrix that is singular in floating point"
    return NotConverged("factorisation", given, "weights within 16 digits", "weights=None")
