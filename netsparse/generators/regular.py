"""Random layers whose degrees are prescribed exactly: biregular, and as even as the edge count allows."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from netsparse.errors import InvalidDegree
from netsparse.generators.budget import edge_count
from netsparse.generators.configuration import simple_graph
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.rng import as_rng
from netsparse.typing import Seed


def biregular(n_in: int, n_out: int, *, fan_in: int, rng: Seed) -> BipartiteGraph:
    """Random biregular layer: every target has `fan_in` edges, every source `fan_out = n_out * fan_in / n_in`.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    fan_in : int
        Edges into each target, 0 to n_in; `n_out * fan_in` must be divisible by `n_in`.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidDegree
        If no such graph exists; the message names the nearest feasible `fan_in`.

    Notes
    -----
    Drawn by `netsparse.generators.configuration.simple_graph`: simple, near uniform, O(edges log edges).

    Examples
    --------
    >>> graph = biregular(6, 4, fan_in=3, rng=0)
    >>> graph.fan_in.tolist(), graph.fan_out.tolist()
    ([3, 3, 3, 3], [2, 2, 2, 2, 2, 2])
    """
    n_in, n_out = as_sides(n_in, n_out)
    whole = isinstance(fan_in, int | np.integer) and not isinstance(fan_in, bool)
    if not whole or not 0 <= fan_in <= n_in or (n_out * int(fan_in)) % n_in:
        step = n_in // math.gcd(n_in, n_out)
        wanted = float(fan_in) if isinstance(fan_in, Real) and math.isfinite(fan_in) else 0.0
        nearest = step * max(1, min(n_in // step, round(wanted / step)))
        expected = f"a whole number up to n_in with n_out * fan_in = {n_out} * fan_in divisible by n_in = {n_in}"
        fix = f"fan_in={nearest}, the nearest feasible one, or near_biregular, which takes any edge count"
        raise InvalidDegree("fan_in", repr(fan_in), expected, fix)
    fan_out = n_out * int(fan_in) // n_in
    return simple_graph(np.full(n_out, fan_in), np.full(n_in, fan_out), as_rng(rng))


def near_biregular(
    n_in: int, n_out: int, *, density: float | None = None, n_edges: int | None = None, rng: Seed
) -> BipartiteGraph:
    """Random layer with exactly `n_edges` edges whose degrees differ by at most one on each side.

    The units that get one edge more than the others are drawn at random.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption, InvalidSeed
        For impossible sizes, edge counts or seeds.

    Examples
    --------
    >>> graph = near_biregular(784, 1000, density=0.01, rng=0)
    >>> graph.n_edges, set(graph.fan_in.tolist()), set(graph.fan_out.tolist()) == {10}
    (7840, {8, 7}, True)
    """
    n_in, n_out = as_sides(n_in, n_out)
    count = edge_count(n_in, n_out, density=density, n_edges=n_edges)
    rng = as_rng(rng)
    return simple_graph(_even_degrees(n_out, count, rng), _even_degrees(n_in, count, rng), rng)


def _even_degrees(n_units: int, n_edges: int, rng: np.random.Generator) -> np.ndarray:
    degrees = np.full(n_units, n_edges // n_units)
    degrees[rng.choice(n_units, n_edges % n_units, replace=False)] += 1
    return degrees
