"""Compiled kernels for the equations of message passing linearised about its messages, reduced from edges to units.

Units, edges and messages are laid out as in `netsparse.percolation.message_kernels`. Relative changes y of the two
messages of an edge between i and j obey y_ij = r_ij + c_ij (Y_j - y_ji), with Y_j the sum of y at j and
c_ij = p P_j / (u_ij u_ji), P the products of messages at each unit. Both directions of an edge eliminate each other,
and in the unknowns x_i = sqrt(P_i) Y_i what is left is symmetric: with t = p sqrt(P_i P_j) / (u_ij u_ji),

    M_ii = 1 + sum over edges of t^2 / (1 - t^2),    M_ij = -t / (1 - t^2),

the step from the non-backtracking matrix to units by Ihara and Bass, with a t of its own for each edge. M is positive
definite wherever sweeps would converge. The mean sizes are x_i / sqrt(P_i) with M x = sqrt(P).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.percolation.message_kernels import EdgeStarts, LowUnits, PerUnit
from netsparse.typing import EdgeVector, Float

Found = Float[np.ndarray, "..."]
"""One number for each edge or unit, or none where there is no answer."""


@njit(cache=True, nogil=True)
def matrix(
    up: EdgeVector, down: EdgeVector, kept: EdgeVector, starts: EdgeStarts, low: LowUnits, roots: PerUnit
) -> tuple[Found, Found, Found]:
    """Return t and t / (1 - t^2) for each edge and the diagonal of M; `roots` are the sqrt(P).

    The arrays are empty where some t is not below 1: messages are then too far from a solution.
    """
    t, off, diagonal = np.empty(len(up)), np.empty(len(up)), np.ones(len(roots))
    for unit in range(len(roots)):
        for edge in range(starts[unit], starts[unit + 1]):
            t[edge] = kept[edge] * (roots[unit] / up[edge]) * (roots[low[edge]] / down[edge])
            if not t[edge] < 1.0:
                return t[:0], off[:0], diagonal[:0]
            off[edge] = t[edge] / (1.0 - t[edge] * t[edge])
            diagonal[unit] += t[edge] * off[edge]
            diagonal[low[edge]] += t[edge] * off[edge]
    return t, off, diagonal


@njit(cache=True, nogil=True)
def pivots(off: EdgeVector, diagonal: PerUnit, starts: EdgeStarts, low: LowUnits) -> Found:
    """Return the pivots of the incomplete Cholesky factors of M without fill; empty where one is not positive.

    Only the diagonal changes, since no bipartite graph has triangles. Trees fill nothing in where leaves come first:
    there the factors are complete.
    """
    found = diagonal.copy()
    for unit in range(len(found)):
        for edge in range(starts[unit], starts[unit + 1]):
            found[unit] -= off[edge] * off[edge] / found[low[edge]]
        if not found[unit] > 0.0:
            return found[:0]
    return found


@njit(cache=True, nogil=True)
def solve(
    off: EdgeVector,
    diagonal: PerUnit,
    pivot: PerUnit,
    starts: EdgeStarts,
    low: LowUnits,
    right: PerUnit,
    tolerance: float,
    most_steps: int,
) -> tuple[PerUnit, bool]:
    """Solve M x = right by conjugate gradients on the incomplete factors; tell whether that worked.

    It does not where M is not positive definite, nor where `most_steps` are not enough to bring the residual down to
    `tolerance` of what it was. Eisenstat, SIAM J. Sci. Stat. Comput. 2, 1 (1981), doi:10.1137/0902001.
    """
    x, residual = np.zeros(len(right)), _forward(off, pivot, starts, low, right)
    direction, rho = pivot * residual, np.dot(residual, pivot * residual)
    enough = tolerance * tolerance * rho
    for _ in range(most_steps):
        if rho <= enough:
            return x, True
        # the factors hold M but for its diagonal, so that no product with M is needed (Eisenstat's trick)
        ahead = _back(off, pivot, starts, low, direction)
        image = ahead + _forward(off, pivot, starts, low, direction + (diagonal - 2.0 * pivot) * ahead)
        curvature = np.dot(direction, image)
        if not curvature > 0.0:
            return x, False
        step = rho / curvature
        x += step * ahead
        residual -= step * image
        before, rho = rho, np.dot(residual, pivot * residual)
        direction = pivot * residual + (rho / before) * direction
    return x, False


@njit(cache=True, nogil=True)
def newton_right(
    up: EdgeVector,
    down: EdgeVector,
    kept: EdgeVector,
    t: EdgeVector,
    starts: EdgeStarts,
    low: LowUnits,
    product: PerUnit,
    roots: PerUnit,
) -> PerUnit:
    """Return the right-hand side of Newton's step from these messages, for M."""
    right = np.zeros(len(product))
    for unit in range(len(product)):
        for edge in range(starts[unit], starts[unit + 1]):
            other = low[edge]
            above, below = _own_parts(up[edge], down[edge], kept[edge], t[edge], product[unit], product[other])
            right[unit] += above
            right[other] += below
    return right * roots


@njit(cache=True, nogil=True)
def newton_step(
    up: EdgeVector,
    down: EdgeVector,
    kept: EdgeVector,
    t: EdgeVector,
    starts: EdgeStarts,
    low: LowUnits,
    product: PerUnit,
    roots: PerUnit,
    x: PerUnit,
) -> float:
    """Change the messages by Newton's step, given the solution x over units; return the largest change."""
    largest = 0.0
    for unit in range(len(product)):
        for edge in range(starts[unit], starts[unit + 1]):
            other = low[edge]
            above, below = _own_parts(up[edge], down[edge], kept[edge], t[edge], product[unit], product[other])
            scale = kept[edge] / (up[edge] * down[edge] * (1.0 - t[edge] * t[edge]))
            at_unit, at_other = roots[unit] * x[unit], roots[other] * x[other]
            square = kept[edge] / (up[edge] * down[edge])
            above += scale * (at_other - square * product[other] * at_unit)
            below += scale * (at_unit - square * product[unit] * at_other)
            fresh_up = min(1.0, up[edge] + up[edge] * above)
            fresh_down = min(1.0, down[edge] + down[edge] * below)
            largest = max(largest, abs(fresh_up - up[edge]), abs(fresh_down - down[edge]))
            up[edge], down[edge] = fresh_up, fresh_down
    return largest


@njit(cache=True, nogil=True)
def _own_parts(up, down, kept, t, product_high, product_low):
    """Return the relative changes of the two messages of an edge were there no others, after their elimination."""
    here = (1.0 - kept * (1.0 - product_low / down)) / up - 1.0
    there = (1.0 - kept * (1.0 - product_high / up)) / down - 1.0
    scale = kept / (up * down)
    rest = 1.0 - t * t
    return (here - scale * product_low * there) / rest, (there - scale * product_high * here) / rest


@njit(cache=True, nogil=True)
def _forward(off, pivot, starts, low, right):
    """Solve with the lower factor, pivots on its diagonal."""
    y = np.empty(len(right))
    for unit in range(len(right)):
        total = right[unit]
        for edge in range(starts[unit], starts[unit + 1]):
            total += off[edge] * y[low[edge]]
        y[unit] = total / pivot[unit]
    return y


@njit(cache=True, nogil=True)
def _back(off, pivot, starts, low, right):
    """Solve with the upper factor, pivots on its diagonal."""
    y = right.copy()
    for unit in range(len(right) - 1, -1, -1):
        y[unit] /= pivot[unit]
        for edge in range(starts[unit], starts[unit + 1]):
            y[low[edge]] += off[edge] * y[unit]
    return y
