"""Effective resistance: how well current flows between two units, over all paths at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from netsparse.errors import InvalidOption, NotConverged
from netsparse.metrics.eigen import factorised, one_blas_thread
from netsparse.metrics.estimate import Estimate
from netsparse.metrics.matrices import Graph, labels_of, places_in, undirected_edges
from netsparse.rng import spawn
from netsparse.typing import EdgeVector, Seed, UnitIds

DENSE_UNITS = 1500
DENSE_ENTRIES = 4_000_000  # of all dense Laplacians held at once (32 MB)
CG_STEPS, CG_TOLERANCE = 1000, 1e-9
TRUST = 1e9  # a resistance this large against the largest degree's leaves 7 digits in its conductances
Solver = Callable[[np.ndarray], np.ndarray]


def effective_resistance(graph: Graph, weights: Any = None, *, n_probes: int = 16, rng: Seed) -> Estimate:
    """Mean effective resistance over all pairs of units of the giant component, edges taken as conductances |w|.

    The resistance between u and v is (e_u - e_v)^T L^+ (e_u - e_v), with L the Laplacian of the undirected graph; its
    mean over the n (n - 1) / 2 pairs is 2 tr(L^+) / (n - 1).

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole.
    weights : edge vector, or one per layer, optional
        Conductances |w|; ones where not given. Edges whose weight is exactly 0 count as absent.
    n_probes : int
        Large components are solved for three times as many random vectors; at least 2.
    rng : int or numpy.random.Generator
        Where they come from; exact values do not depend on it.

    Returns
    -------
    Estimate
        `value` in the inverse units of the weights, 0.0 without edges; over the pairs within each of them where
        several components are the largest. `error` is 0 for components of up to 1500 units, which are solved exactly;
        else the standard error.

    Raises
    ------
    InvalidOption, InvalidSeed, InvalidEdgeVector
        For an impossible `n_probes` or `rng`, and for weights that do not fit or are not finite.
    NotConverged
        If neither conjugate gradients nor a factorisation solve the equations, and where parts are joined by weights
        so small (below about 1e-9 of the largest sum of weights at a unit) that their digits drown in rounding errors.

    Notes
    -----
    Klein and Randic, J. Math. Chem. 12, 81 (1993), doi:10.1007/BF01164627; n times the trace is the Kirchhoff index.
    That the mean is taken over the giant component is ours. The trace is sampled by Hutch++ (Meyer, Musco, Musco and
    Woodruff 2021, arXiv:2010.09649), which finds the few slow modes of rings exactly, on the difference between L^+ and
    four terms of the series D^-1 + D^-1 A D^-1 + ..., whose trace is known, and which leave little to chance in
    expanders (ours).

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> round(effective_resistance(complete(1, 2), rng=0).value, 6)  # 1, 1 and 2
    1.333333
    """
    if not isinstance(n_probes, int | np.integer) or isinstance(n_probes, bool) or n_probes < 2:
        raise InvalidOption("n_probes", repr(n_probes), "a whole number of random vectors, at least 2", "n_probes=16")
    generator = spawn(rng, 1, purpose="effective resistance")[0]
    sources, targets, strength = undirected_edges(graph, weights)
    if not len(strength):
        return Estimate(0.0, 0.0)
    labels = labels_of(sum(graph.sizes), sources, targets)
    sizes = np.bincount(labels)
    size, n_tied, scale = int(sizes[0]), int(np.count_nonzero(sizes == sizes[0])), float(strength.max())
    kept = labels[sources] < n_tied
    owner, place = labels[sources][kept], places_in(labels)
    rows, columns, strength = place[sources[kept]], place[targets[kept]], strength[kept] / scale
    if size <= DENSE_UNITS:
        traces = _dense(owner, rows, columns, strength, size=size, n_tied=n_tied)
        found = Estimate(float(traces.mean()), 0.0)
    else:
        parts = []
        for c in range(n_tied):
            edges = owner == c
            parts.append(_sampled(_adjacency(rows[edges], columns[edges], strength[edges], size), n_probes, generator))
        found = Estimate(
            float(np.mean([part.value for part in parts])),
            float(np.sqrt(sum(part.error**2 for part in parts))) / n_tied,
        )
    return Estimate(found.value * 2 / (size - 1) / scale, found.error * 2 / (size - 1) / scale)


def _adjacency(rows: UnitIds, columns: UnitIds, strength: EdgeVector, size: int) -> Any:
    half = sp.coo_array((strength, (rows, columns)), shape=(size, size)).tocsr()
    return (half + half.T).tocsr()


def _dense(
    owner: UnitIds, rows: UnitIds, columns: UnitIds, strength: EdgeVector, *, size: int, n_tied: int
) -> np.ndarray:
    """Trace of the pseudo-inverse for each of the components of equal size, inverted in stacks.

    With the row and column of one unit struck out and G the inverse of what is left, it is tr G - sum G / n. Such a
    matrix keeps its digits under elimination where eigenvalues of the whole would lose those of the small ones.
    """
    stack = max(1, DENSE_ENTRIES // size**2)
    traces = np.empty(n_tied)
    for first in range(0, n_tied, stack):
        n_here = min(stack, n_tied - first)
        here = (owner >= first) & (owner < first + n_here)
        flat = ((owner[here] - first) * size + rows[here]) * size + columns[here]
        half = np.bincount(flat, strength[here], minlength=n_here * size**2).reshape(n_here, size, size)
        adjacency = half + half.transpose(0, 2, 1)
        laplacian = adjacency.sum(axis=2)[:, :, None] * np.eye(size) - adjacency
        try:
            with one_blas_thread():
                inverse = np.linalg.inv(laplacian[:, 1:, 1:])
        except np.linalg.LinAlgError as error:
            raise _lost() from error
        if not (inverse.max(axis=(1, 2)) * laplacian.max(axis=(1, 2)) < TRUST).all():
            raise _lost()
        traces[first : first + n_here] = np.trace(inverse, axis1=1, axis2=2) - inverse.sum(axis=(1, 2)) / size
    return traces


def _sampled(adjacency: Any, n_probes: int, generator: np.random.Generator) -> Estimate:
    """Trace of the pseudo-inverse of one large component."""
    n = adjacency.shape[0]
    degrees = adjacency.sum(axis=1)
    solve, inverse = _solver(adjacency, degrees), 1 / degrees[:, None]

    def series(x: np.ndarray) -> np.ndarray:
        term = inverse * x
        total = term.copy()
        for _ in range(3):
            term = inverse * (adjacency @ term)
            total += term
        return total

    def difference(x: np.ndarray) -> np.ndarray:
        x = x - x.mean(axis=0)
        image = solve(x) - series(x)
        return image - image.mean(axis=0)

    # closed walks are even: of the series, the terms D^-1 and (D^-1 A)^2 D^-1 alone have a diagonal
    entries = adjacency.tocoo()
    returns = float((entries.data**2 / (degrees[entries.row] ** 2 * degrees[entries.col])).sum())
    known = float((1 / degrees).sum()) + returns - float(series(np.ones((n, 1))).sum()) / n
    sketch, probes = (generator.integers(2, size=(n, n_probes)) * 2.0 - 1.0 for _ in range(2))
    with one_blas_thread():
        basis, _ = np.linalg.qr(difference(sketch))
        image = difference(basis)
        if not np.abs(image).max() * degrees.max() < TRUST:
            raise _lost()
        exact = float((basis * image).sum())
        probes -= basis @ (basis.T @ probes)
        samples = (probes * difference(probes)).sum(axis=0)
    return Estimate(known + exact + float(samples.mean()), float(samples.std(ddof=1) / np.sqrt(n_probes)))


def _solver(adjacency: Any, degrees: np.ndarray) -> Solver:
    """Return the pseudo-inverse of the Laplacian on columns of mean 0, as far as a constant."""
    n = len(degrees)
    independent_cycles = adjacency.nnz // 2 - n + 1
    factors: list[Solver] = []
    if independent_cycles <= n // 10:  # rings and trees never fill in
        factors.append(_grounded(adjacency, degrees))

    def solve(x: np.ndarray) -> np.ndarray:
        if not factors:
            found = _conjugate_gradients(adjacency, degrees, x)
            if found is not None:
                return found
            # what conducts badly has small separators, so that its factors stay sparse
            factors.append(_grounded(adjacency, degrees))
        return factors[0](x)

    return solve


def _grounded(adjacency: Any, degrees: np.ndarray) -> Solver:
    ground = int(np.argmax(degrees))
    kept = np.flatnonzero(np.arange(len(degrees)) != ground)
    inside = factorised((sp.diags_array(degrees) - adjacency).tocsr()[kept].tocsc()[:, kept])

    def solve(x: np.ndarray) -> np.ndarray:
        heights = np.zeros_like(x)
        heights[kept] = inside(np.asfortranarray(x[kept]))
        return heights

    return solve


def _conjugate_gradients(adjacency: Any, degrees: np.ndarray, x: np.ndarray) -> np.ndarray | None:
    """Solve L y = x for all columns at once, preconditioned by the degrees; None if one does not converge."""
    weight = degrees[:, None]
    solution, residual = np.zeros_like(x), x.copy()
    wanted = CG_TOLERANCE * np.linalg.norm(x, axis=0)
    steep = residual / weight
    direction, energy = steep.copy(), (residual * steep).sum(axis=0)
    for _ in range(CG_STEPS):
        image = weight * direction - adjacency @ direction
        curvature = (direction * image).sum(axis=0)
        length = np.divide(energy, curvature, out=np.zeros_like(energy), where=curvature > 0)
        solution += length * direction
        residual -= length * image
        if (np.linalg.norm(residual, axis=0) <= wanted).all():
            return solution
        steep = residual / weight
        before, energy = energy, (residual * steep).sum(axis=0)
        direction *= np.divide(energy, before, out=np.zeros_like(energy), where=before > 0)
        direction += steep
    return None


def _lost() -> NotConverged:
    given = "a Laplacian that is singular in floating point"
    return NotConverged("effective resistance", given, "weights within 16 digits", "weights=None")
