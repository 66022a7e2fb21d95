"""How many input-output paths are left along a removal: one sweep over the surviving edges for each point."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from netsparse.errors import InvalidOption
from netsparse.percolation.edge_ends import EdgeEnds
from netsparse.percolation.newman_ziff import Points
from netsparse.percolation.reachability import positions
from netsparse.percolation.removal import Removal

BUDGET = 20_000_000_000
"""Most edges that one trial may visit: about a minute. A curve at every count is quadratic in the edges."""

STEP = 512  # numbers of paths are kept as value * 2^(STEP * power), with value below 2^(STEP / 2)
LARGE, DOWN = 2.0 ** (STEP // 2), 2.0**-STEP


def path_counts(
    sizes: tuple[int, ...], ends: EdgeEnds, removal: Removal, points: Points, out: dict[str, np.ndarray]
) -> None:
    """Natural logarithm of the number of directed paths from any input to any output, at each point.

    Parameters
    ----------
    sizes : tuple of int
        Number of units on each level, inputs first.
    ends : int array of shape (n_edges, 2)
        Source and target unit of each edge, numbered over all levels, sorted by target. Parallel edges (of a joint) are
        so many different paths.
    removal : Removal
        What goes, and in which order (trusted).
    points : int array of shape (n_points,)
        Numbers of removed items, increasing (trusted).
    out : dict of str to float64 array of shape (n_points,)
        `log_path_count` is filled in; -inf where no path is left.

    Raises
    ------
    InvalidOption
        If the sweeps over all points would visit more than `BUDGET` edges; there is no shortcut from one count to the
        next as there is for components.

    Notes
    -----
    Ours. Every unit carries the number of paths into it as a float with a power of 2^512 of its own: no depth
    overflows, and few paths are never lost beside many. `netsparse.metrics.log_path_count` is the same number of a
    network as it is.

    Examples
    --------
    >>> diamond = np.array([[0, 1], [0, 2], [1, 3], [2, 3]], dtype=np.int32)
    >>> removal = Removal.of_edges(np.array([3, 0, 1, 2], dtype=np.int32))
    >>> seen = {"log_path_count": np.empty(5)}
    >>> path_counts((1, 2, 1), diamond, removal, np.arange(5), seen)
    >>> np.exp(seen["log_path_count"]).tolist()
    [2.0, 1.0, 0.0, 0.0, 0.0]
    """
    n_edges = len(removal.edges)
    visits = len(points) * n_edges - int(removal.gone[points].sum())
    if visits > BUDGET:
        given = f"log_path_count at {len(points):,} points of {n_edges:,} edges, {visits:.1e} visits to edges"
        raise InvalidOption("points", given, f"at most {BUDGET:.0e} visits", "points=100")
    position = positions(removal.edges)
    value, power = _sweep(sizes[0], sum(sizes), sizes[-1], ends, position, removal.gone, points)
    with np.errstate(divide="ignore"):
        out["log_path_count"][:] = np.log(value) + power * (STEP * math.log(2.0))


@njit(cache=True, nogil=True)
def _sweep(n_inputs, n_units, n_outputs, ends, position, gone, points):
    """Sum the paths into the outputs, as value * 2^(STEP * power), for each point."""
    values, powers = np.empty(len(points)), np.empty(len(points))
    sources, targets, lives = ends[:, 0].copy(), ends[:, 1].copy(), position.copy()
    value, power = np.zeros(n_units), np.zeros(n_units, dtype=np.int32)
    value[:n_inputs] = 1.0
    n_left = len(position)
    for point in range(len(points)):
        n_gone, kept = gone[points[point]], 0
        for edge in range(n_left):  # without a branch: which edges are gone is as good as random
            sources[kept], targets[kept], lives[kept] = sources[edge], targets[edge], lives[edge]
            kept += lives[edge] >= n_gone
        n_left = kept
        value[n_inputs:] = 0.0
        edge = 0
        while edge < n_left:
            target = targets[edge]
            total, scale = 0.0, 0
            while edge < n_left and targets[edge] == target:
                total, scale = _plus(total, scale, value[sources[edge]], power[sources[edge]])
                edge += 1
            value[target], power[target] = total, scale
        total, scale = 0.0, 0
        for unit in range(n_units - n_outputs, n_units):
            total, scale = _plus(total, scale, value[unit], power[unit])
        values[point], powers[point] = total, scale
    return values, powers


@njit(cache=True, nogil=True)
def _plus(total, scale, value, power):
    """Add value * 2^(STEP * power); what is two powers below the sum is too small for a float to see."""
    if power == scale:
        total += value
    elif power > scale and value > 0.0:
        total, scale = value + (total * DOWN if power == scale + 1 else 0.0), power
    elif power == scale - 1:
        total += value * DOWN
    if total >= LARGE:
        total, scale = total * DOWN, scale + 1
    return total, scale
