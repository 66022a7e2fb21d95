"""`spectral_norm_bound`: an upper bound of a sparse matrix' largest singular value that is proven, and close."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from netsparse.errors import NotConverged
from netsparse.metrics.eigen import krylov_eigenpairs, one_blas_thread

LARGEST_GRAM = 4096
"""Rows of a matrix that are bounded together: their products with each other take 128 MiB, their proof a second."""

SMALL = 300
"""Rows up to which all eigenvalues are found at once."""

UNIT = 2.0**-53


def spectral_norm_bound(matrix: Any) -> float:
    """Return a number that the largest singular value of `matrix` does not exceed, proven up to the last bit.

    Lanczos iteration approaches sigma_1 from below, which proves nothing. Its value is therefore raised by one part in
    10^9, and t^2 I - A A^T, of the shorter side, shown to be positive definite by a Cholesky factorisation that comes
    to its end; what rounding may hide is added. Never above the bound sqrt(|A|_1 |A|_inf) (Schur), which also stands
    alone where the proof fails. A matrix of more than `LARGEST_GRAM` rows and columns is cut into blocks of rows
    A_b, for which sigma_1^2 <= sum over b of sigma_1(A_b)^2: with two blocks the bound is too large by 41 % at most.

    Parameters
    ----------
    matrix : scipy sparse array
        Real numbers, of any shape.

    Returns
    -------
    float
        At least sigma_1; inf where an entry is not finite.

    References
    ----------
    Rump, Verification of positive definiteness, BIT Numerical Mathematics 46, 433 (2006): why a factorisation that ends
    is a proof. The blocks and the combination are ours.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> norm = spectral_norm_bound(complete(4, 9).weight_matrix(np.ones(36)))
    >>> 6.0 <= norm <= 6.000001
    True
    """
    matrix = sp.csr_array(matrix, dtype=np.float64)
    size = np.abs(matrix.data).max(initial=0.0)
    if size == 0.0 or not math.isfinite(size):
        return float(size) if size == 0.0 else math.inf
    power = 2.0 ** math.floor(math.log2(size))  # exact to divide by, and no square over- or underflows
    matrix = matrix / power
    matrix = matrix[np.diff(matrix.indptr) > 0][:, np.unique(matrix.indices)]
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T.tocsr()
    n_blocks = -(-matrix.shape[0] // LARGEST_GRAM)
    cuts = np.linspace(0, matrix.shape[0], n_blocks + 1).astype(int)
    squares = [_proven_square(matrix[a:b]) for a, b in pairwise(cuts)]
    square = min(math.fsum(squares), schur_square(matrix))
    return math.sqrt(square) * (1.0 + 8 * UNIT) * power


def schur_square(matrix: Any) -> float:
    """Return |A|_1 |A|_inf, largest sum of absolute values of a column times that of a row: at least sigma_1^2.

    The same for |A|, the matrix of absolute values.

    Examples
    --------
    >>> 8.0 <= schur_square(sp.csr_array(np.array([[1.0, -1.0], [0.0, 3.0]]))) < 12.1
    True
    """
    if not matrix.nnz:
        return 0.0
    absolute = abs(matrix)
    longest = max(matrix.shape)
    return float(absolute.sum(axis=0).max()) * float(absolute.sum(axis=1).max()) * (1.0 + 4 * (longest + 4) * UNIT)


def _proven_square(matrix: Any) -> float:
    """Return a bound on sigma_1^2 of a matrix with few rows."""
    n, longest_sum = matrix.shape[0], int(np.diff(matrix.indptr).max(initial=0))
    cap = schur_square(matrix)
    gram = (matrix @ matrix.T).toarray()
    lost = 2 * (longest_sum + 2) * UNIT * cap  # |fl(A A^T) - A A^T| <= gamma |A| |A|^T, entry by entry
    diagonal = gram.diagonal().copy()
    step = 1e-9
    at = max(_largest_eigenvalue(gram), 0.0)
    while (tried := at * (1.0 + step)) < cap:
        np.fill_diagonal(gram, diagonal - tried)
        if _is_positive_definite(-gram):
            hidden = 2 * (n + 3) * UNIT * n * tried  # the trace of what was factorised is at most n tried
            return min(tried * (1.0 + 4 * UNIT) + hidden + lost, cap)
        step *= 10.0
    return cap


def _largest_eigenvalue(gram: np.ndarray) -> float:
    """Return the largest eigenvalue, or something below it: what is made of it is proven anyway."""
    n = len(gram)
    if n > SMALL:
        try:
            values, _ = krylov_eigenpairs(lambda x: gram @ x, n, 1)
            return float(values[0])
        except NotConverged:
            pass
    with one_blas_thread():
        return float(np.linalg.eigvalsh(gram)[-1])


def _is_positive_definite(matrix: np.ndarray) -> bool:
    with one_blas_thread():
        try:
            factor = scipy.linalg.cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            return False
    return bool(np.isfinite(factor.diagonal()).all())
