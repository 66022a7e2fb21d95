"""Random layers with exact degrees: biregular, as even as the edge count allows, constant on one side."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidDegree, InvalidOption
from netsparse.generators.budget import edge_count
from netsparse.generators.configuration import simple_graph
from netsparse.generators.free_sources import sample_free_sources
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.rng import as_rng
from netsparse.typing import Seed


def biregular(
    n_in: int,
    n_out: int,
    *,
    fan_in: int | None = None,
    density: float | None = None,
    n_edges: int | None = None,
    rng: Seed,
) -> BipartiteGraph:
    """Random biregular layer: every target has `fan_in` edges, every source `fan_out = n_out * fan_in / n_in`.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    fan_in, density, n_edges : int, float, int
        Exactly one of them: edges into each target (0 to n_in), or the edges of the whole layer, a density meaning
        round(density * n_in * n_out). The edge count must be divisible by both n_in and n_out.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidDegree
        If no such graph exists; the message names the nearest feasible `fan_in`.
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption, InvalidSeed
        For impossible sizes, edge counts or seeds.

    Notes
    -----
    Drawn by `netsparse.generators.configuration.simple_graph`: simple, O(edges log edges), and near uniform in large
    layers. In small ones repeated pairs that were repaired show: on 4 + 4 units of degree 2 some graphs are half as
    likely as others. Where that matters, apply `degree_preserving`, or use `configuration_model`, which does.

    Examples
    --------
    >>> graph = biregular(6, 4, fan_in=3, rng=0)
    >>> graph.fan_in.tolist(), graph.fan_out.tolist()
    ([3, 3, 3, 3], [2, 2, 2, 2, 2, 2])
    >>> graph == biregular(6, 4, density=0.5, rng=0) == biregular(6, 4, n_edges=12, rng=0)
    True
    """
    n_in, n_out = as_sides(n_in, n_out)
    degree = _degree("fan_in", (n_in, n_out), n_in // math.gcd(n_in, n_out), fan_in, density, n_edges)
    return simple_graph(np.full(n_out, degree), np.full(n_in, n_out * degree // n_in), as_rng(rng))


def near_biregular(
    n_in: int, n_out: int, *, density: float | None = None, n_edges: int | None = None, rng: Seed
) -> BipartiteGraph:
    """Random layer with exactly `n_edges` edges whose degrees differ by at most one on each side.

    The units that get one edge more than the others are drawn at random, the wiring as in `biregular`.

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


def constant_fan_in(
    n_in: int,
    n_out: int,
    *,
    fan_in: int | None = None,
    density: float | None = None,
    n_edges: int | None = None,
    rng: Seed,
) -> BipartiteGraph:
    """Random layer in which every target reads exactly `fan_in` distinct sources, drawn uniformly at random.

    The fan-outs are left to chance: that of a source is binomial, of n_out trials with probability fan_in / n_in.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    fan_in, density, n_edges : int, float, int
        Exactly one of them: edges into each target (0 to n_in), or the edges of the whole layer, a density meaning
        round(density * n_in * n_out). The edge count must be divisible by n_out.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidDegree
        If the edges cannot be dealt out evenly; the message names the nearest feasible `fan_in` and density.
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption, InvalidSeed
        For impossible sizes, edge counts or seeds.

    Notes
    -----
    Uniform over all simple graphs with these fan-ins, O(edges log edges). The condensed layers of SRigL (Lasby et al.
    2023, arXiv:2305.02299) have this shape; in random-graph words it is the k-out graph of one side.

    Examples
    --------
    >>> graph = constant_fan_in(784, 1000, density=1 / 98, rng=0)
    >>> set(graph.fan_in.tolist()), graph == constant_fan_in(784, 1000, fan_in=8, rng=0)
    ({8}, True)
    """
    n_in, n_out = as_sides(n_in, n_out)
    degree = _degree("fan_in", (n_in, n_out), 1, fan_in, density, n_edges)
    counts = np.full(n_out, degree)
    keys = sample_free_sources(np.empty(0, dtype=np.int64), n_in, counts, as_rng(rng))
    return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)


def constant_fan_out(
    n_in: int,
    n_out: int,
    *,
    fan_out: int | None = None,
    density: float | None = None,
    n_edges: int | None = None,
    rng: Seed,
) -> BipartiteGraph:
    """Random layer in which every source feeds exactly `fan_out` distinct targets, drawn uniformly at random.

    It is `constant_fan_in` with the two sides exchanged.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    fan_out, density, n_edges : int, float, int
        Exactly one of them: edges out of each source (0 to n_out), or the edges of the whole layer, a density meaning
        round(density * n_in * n_out). The edge count must be divisible by n_in.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidDegree
        If the edges cannot be dealt out evenly; the message names the nearest feasible `fan_out` and density.
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption, InvalidSeed
        For impossible sizes, edge counts or seeds.

    Notes
    -----
    Uniform over all simple graphs with these fan-outs, O(edges log edges).

    Examples
    --------
    >>> graph = constant_fan_out(6, 4, fan_out=3, rng=0)
    >>> graph.fan_out.tolist(), graph.n_edges
    ([3, 3, 3, 3, 3, 3], 18)
    """
    n_in, n_out = as_sides(n_in, n_out)
    degree = _degree("fan_out", (n_out, n_in), 1, fan_out, density, n_edges)
    return constant_fan_in(n_out, n_in, fan_in=degree, rng=rng).reverse()[0]


def _even_degrees(n_units: int, n_edges: int, rng: np.random.Generator) -> np.ndarray:
    degrees = np.full(n_units, n_edges // n_units)
    degrees[rng.choice(n_units, n_edges % n_units, replace=False)] += 1
    return degrees


def _degree(name: str, sides: tuple[int, int], step: int, degree: Any, density: Any, n_edges: Any) -> int:
    """Return the degree of all units of the second of the `sides`, a multiple of `step`, from whichever was given."""
    n_others, n_units = sides
    given = {name: degree, "density": density, "n_edges": n_edges}
    named = [option for option, value in given.items() if value is not None]
    if len(named) != 1:
        found = " and ".join(named) or "none"
        raise InvalidOption(", ".join(given), found, "exactly one of them", f"{name}={step}")
    if degree is not None:
        whole = isinstance(degree, int | np.integer) and not isinstance(degree, bool)
        if whole and 0 <= degree <= n_others and int(degree) % step == 0:
            return int(degree)
        # the limits first: a whole number may be too large for a float
        wanted = float(max(0, min(degree, n_others))) if isinstance(degree, Real) and degree == degree else 0.0
        shown = repr(degree)
    else:
        count = edge_count(n_others, n_units, density=density, n_edges=n_edges)
        wanted, rest = divmod(count, n_units)
        if not rest and wanted % step == 0:
            return wanted
        wanted, shown = count / n_units, f"{count} edges"
    nearest = step * max(1, min(n_others // step, round(wanted / step)))
    side = "targets" if name == "fan_in" else "sources"
    if degree is None:
        expected = f"a count that gives all {n_units} {side} the same {name}"
        expected += f", a multiple of {step}" if step > 1 else ""
    elif step > 1:
        expected = f"a whole number up to n_in with n_out * fan_in = {n_units} * fan_in divisible by n_in = {n_others}"
    else:
        expected = f"a whole number up to {'n_in' if name == 'fan_in' else 'n_out'} = {n_others}"
    even = "erdos_renyi" if step == 1 else "near_biregular"
    fix = f"{name}={nearest}, the nearest feasible one (density={nearest / n_others:.6g})"
    fix += f", or {even}, which takes any edge count"
    raise InvalidDegree(named[0], shown, expected, fix)
