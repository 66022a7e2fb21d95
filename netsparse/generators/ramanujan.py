"""Explicit layers that meet the Ramanujan bound: projective planes and the graphs of Lubotzky, Phillips and Sarnak."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.generators.finite_field import FiniteField, finite_field, is_prime, prime_power
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.frozen import index_dtype
from netsparse.typing import Int

SMALLEST_LPS_Q = 13  # below it no prime p = 1 modulo 4 other than q has 4 p < q^2


def projective_plane(q: int) -> BipartiteGraph:
    """Points and lines of the projective plane PG(2, q): n = q^2 + q + 1 units a side, each with q + 1 edges.

    sigma_1 = q + 1, and every other singular value of the biadjacency matrix is sqrt(q).

    Parameters
    ----------
    q : int
        Order of the plane, a prime power.

    Returns
    -------
    BipartiteGraph
        Sources are the points: (x, y) is unit x q + y, the point at infinity of slope m is unit q^2 + m, that of the
        vertical lines the last. Targets are the lines: y = m x + b is unit m q + b, x = c is unit q^2 + c, the line at
        infinity the last.

    Raises
    ------
    InvalidOption, InvalidSize
        If `q` is no prime power (the message names the nearest one), or there are too many pairs to be numbered.

    Notes
    -----
    Why the values are these: two different points share exactly one line, and a point lies on q + 1 lines, so that
    B B^T = q I + J with the all-ones matrix J, whose eigenvalues are n (once) and 0. Those of B B^T are therefore
    q + n = (q + 1)^2 (once) and q (n - 1 times). The Ramanujan bound for degree q + 1 on both sides is
    sqrt(q) + sqrt(q), twice as much. No biregular layer of these sizes and degrees has a smaller sigma_2: the squares
    of its singular values add up to n (q + 1), and what (q + 1)^2 leaves to the other n - 1 is q on average. The
    graph has no cycle of length 4.

    Tanner, SIAM J. Algebraic Discrete Methods 5, 287 (1984), doi:10.1137/0605030. O(edges).

    Examples
    --------
    >>> from netsparse.metrics import singular_values
    >>> plane = projective_plane(4)
    >>> plane.sizes, plane.n_edges, singular_values(plane, k=3).round(6).tolist()
    ((21, 21), 105, [5.0, 2.0, 2.0])
    """
    q = _plane_order(q)
    n = q * q + q + 1
    field, elements = finite_field(q), np.arange(q)
    products = field.multiply(elements[:, None], elements)
    sums = field.add(elements[:, None], elements)
    ends = sums[products].transpose(0, 2, 1)  # [m, b, x] -> m x + b
    points = np.empty((n, q + 1), dtype=index_dtype(n, n * (q + 1)))
    # each row is listed in increasing order of its points, so nothing is left to sort
    points[: q * q, :q] = (elements * q + ends).reshape(q * q, q)
    points[: q * q, q] = q * q + np.repeat(elements, q)
    points[q * q : -1, :q] = elements[:, None] * q + elements
    points[q * q : -1, q] = q * q + q
    points[-1] = q * q + np.arange(q + 1)
    return BipartiteGraph.from_canonical(n, n, np.arange(n + 1) * (q + 1), points.ravel())


def lubotzky_phillips_sarnak(p: int, q: int) -> BipartiteGraph:
    """Ramanujan graph X^{p,q} of Lubotzky, Phillips and Sarnak as a layer of q (q^2 - 1) / 2 units a side.

    Every unit has p + 1 edges, the layer is connected, sigma_1 = p + 1 and sigma_2 <= 2 sqrt(p).

    Parameters
    ----------
    p : int
        Degree less one: a prime that is 1 modulo 4, other than q, with 4 p < q^2.
    q : int
        Order of the field of the matrices: a prime that is 1 modulo 4, at least 13.

    Returns
    -------
    BipartiteGraph
        Units are 2 x 2 matrices over F_q up to a factor, scaled so that the first entry other than 0 is 1, in
        lexicographic order of their rows. Sources are those whose determinant is a square, PSL_2(F_q). Targets
        are the others of PGL_2(F_q) where p is no square modulo q, and PSL_2(F_q) once more where it is one.

    Raises
    ------
    InvalidOption, InvalidSize
        If `p` or `q` does not fit (the message names the nearest one that does), or there are too many pairs to be
        numbered.

    Notes
    -----
    By Jacobi's theorem p = a^2 + b^2 + c^2 + d^2 has p + 1 solutions with a > 0 odd and b, c, d even. With i^2 = -1
    modulo q each gives the matrix ((a + i b, c + i d), (-c + i d, a - i b)) of determinant p. A matrix is joined to its
    products with these from the right. Where p is no square modulo q, X^{p,q} is bipartite with halves PSL_2 and
    its other coset. Where p is a square, X^{p,q} lives on PSL_2 alone, and the layer is its bipartite double cover,
    whose singular values are the absolute eigenvalues of X^{p,q}; it is connected because PSL_2 has no subgroup of
    index 2, so that X^{p,q} is not bipartite.

    The layer is simple where q > 2 sqrt(p): two of the matrices that agree up to a factor agree up to sign, their
    determinants being equal; as no entry of a solution exceeds sqrt(p), entries that agree modulo q are equal, and two
    positive a are not opposite.

    Lubotzky, Phillips and Sarnak, Ramanujan graphs, Combinatorica 8, 261 (1988), doi:10.1007/BF02126799. The bound
    rests on Deligne's proof of Ramanujan's conjecture; 2 sqrt(p) is the best possible for large graphs of
    degree p + 1 (Alon and Boppana; Nilli 1991, doi:10.1016/0012-365X(91)90112-F). O(edges log p).

    Examples
    --------
    >>> from netsparse.metrics import singular_values
    >>> layer = lubotzky_phillips_sarnak(5, 13)
    >>> layer
    BipartiteGraph(1092 -> 1092, 6,552 edges, density 0.00549)
    >>> first, second = singular_values(layer, k=2)
    >>> round(float(first), 6), bool(second <= 2 * 5**0.5)
    (6.0, True)
    """
    p, q = _lps_primes(p, q)
    field = finite_field(q)
    sources, others = _projective_matrices(field)
    targets = sources if field.is_square(np.array(p % q)) else others
    n = len(sources)
    unit = np.full(q * q + q**3, -1, dtype=index_dtype(n, n * (p + 1)))
    unit[sources] = np.arange(n)
    a, b, c, d = _entries(targets, q)
    ends = np.empty((n, p + 1), dtype=unit.dtype)
    # conjugate solutions give inverse matrices up to a factor: the set of neighbours is the same in both directions
    for k, (e, f, g, h) in enumerate(_generators(p, field)):
        product = a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
        ends[:, k] = unit[_codes(product, field)]
    ends.sort(axis=1)
    return BipartiteGraph.from_canonical(n, n, np.arange(n + 1) * (p + 1), ends.ravel())


def _generators(p: int, field: FiniteField) -> Int[np.ndarray, "p+1 4"]:
    """Return the p + 1 matrices of determinant p, one row (upper left, upper right, lower left, lower right) each."""
    half = math.isqrt(p) // 2
    even = 2 * np.arange(-half, half + 1)
    b, c, d = (axis.ravel() for axis in np.meshgrid(even, even, even, indexing="ij"))
    rest = p - b * b - c * c - d * d
    a = np.rint(np.sqrt(np.maximum(rest, 0))).astype(np.int64)
    found = a * a == rest  # a is odd: p is 1 modulo 4 and the other squares are 0; for the same reason it is not 0
    a, b, c, d = a[found], b[found], c[found], d[found]
    i = int(field.powers[(field.order - 1) // 4])
    return np.stack([a + i * b, c + i * d, -c + i * d, a - i * b], axis=1) % field.order


def _projective_matrices(field: FiniteField) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Return the codes of all invertible matrices up to a factor: those with a square determinant, and the others."""
    q = field.order
    codes = np.arange(q * q + q**3)
    a, b, c, d = _entries(codes, q)
    determinants = (a * d - b * c) % q
    invertible, square = determinants != 0, field.is_square(determinants)
    return codes[invertible & square], codes[invertible & ~square]


def _entries(codes: np.ndarray, q: int) -> tuple[np.ndarray, ...]:
    """Return the entries of scaled matrices: ((0, 1), (c, d)) has code c q + d, ((1, b), (c, d)) those from q^2 on."""
    a = (codes >= q * q).astype(np.int64)
    b = np.where(a == 1, codes // (q * q) - 1, 1)
    return a, b, codes // q % q, codes % q


def _codes(matrices: tuple[np.ndarray, ...], field: FiniteField) -> np.ndarray:
    q = field.order
    a, b, c, d = (entry % q for entry in matrices)
    factor = field.inverse(np.where(a != 0, a, b))
    b, c, d = b * factor % q, c * factor % q, d * factor % q
    return np.where(a != 0, q * q * (b + 1), 0) + c * q + d


def _plane_order(q: Any) -> int:
    order = _whole(q)
    if order is not None and order > 1:
        as_sides(order * order + order + 1, order * order + order + 1)  # large ones end here, not in a search
        if prime_power(order):
            return order
    nearest = _nearest(order or 2, 2, None, lambda number: prime_power(number) is not None)
    fix = f"q={nearest}, which has {nearest * nearest + nearest + 1} units a side"
    raise InvalidOption("q", repr(q), "a prime power, the order of a projective plane", fix)


def _lps_primes(p: Any, q: Any) -> tuple[int, int]:
    size, degree = _whole(q), _whole(p)
    if size is not None and size >= SMALLEST_LPS_Q:
        as_sides(size * (size * size - 1) // 2, size * (size * size - 1) // 2)
    if size is None or not _is_one_modulo_four(size) or size < SMALLEST_LPS_Q:
        nearest = _nearest(size or SMALLEST_LPS_Q, SMALLEST_LPS_Q, None, _is_one_modulo_four)
        fix = f"q={nearest}, which has {nearest * (nearest * nearest - 1) // 2} units a side"
        raise InvalidOption("q", repr(q), f"a prime that is 1 modulo 4, at least {SMALLEST_LPS_Q}", fix)
    largest = size * size // 4
    if degree is None or not 0 < degree <= largest or degree == size or not _is_one_modulo_four(degree):
        nearest = _nearest(degree or 5, 5, largest, lambda number: number != size and _is_one_modulo_four(number))
        expected = f"a prime that is 1 modulo 4, other than q = {size}, with 2 sqrt(p) < q, that is up to {largest}"
        raise InvalidOption("p", repr(p), expected, f"p={nearest}, which gives degree {nearest + 1}")
    return degree, size


def _is_one_modulo_four(number: int) -> bool:
    return number % 4 == 1 and is_prime(number)


def _whole(value: Any) -> int | None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return int(value) if whole else None  # a plain int: powers of numpy's narrow ones overflow


def _nearest(number: int, low: int, high: int | None, fits: Callable[[int], bool]) -> int:
    """Return what fits nearest to `number` in low .. high, the smaller of two; there has to be one."""
    start = max(number, low) if high is None else min(max(number, low), high)
    around = (start + sign * step for step in itertools.count() for sign in (-1, 1))
    return next(n for n in around if n >= low and (high is None or n <= high) and fits(n))
