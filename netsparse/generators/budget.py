"""How many edges: the checks every generator shares for `density` and `n_edges`, and `sizes` of a network."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidDensity, InvalidOption, InvalidSize, NoEdges, NotEnoughFreePairs
from netsparse.graph.checks import as_count, as_sides, as_size


def as_density(density: Any, name: str = "density") -> float:
    """Return `density` as a float in (0, 1]; errors call it `name`.

    Raises
    ------
    InvalidDensity
        If it is not such a number.
    """
    number = isinstance(density, Real) and not isinstance(density, bool)
    if not number or not 0.0 < float(density) <= 1.0:
        raise InvalidDensity(name, repr(density), "a number in (0, 1]", f"{name}=0.01")
    return float(density)


def as_sizes(sizes: Any) -> list[int]:
    """Return the numbers of units of two or more levels; raises `InvalidSize`."""
    if not isinstance(sizes, Iterable) or isinstance(sizes, str):
        fix = "sizes=[784, 1000, 1000, 1000]"
        raise InvalidSize("sizes", repr(sizes), "a sequence of two or more numbers of units", fix)
    checked = [as_size("sizes", size) for size in sizes]
    if len(checked) < 2:
        raise InvalidSize("sizes", repr(checked), "two levels of units or more", "sizes=[784, 1000, 1000, 1000]")
    return checked


def edge_count(n_in: int, n_out: int, *, density: Any = None, n_edges: Any = None) -> int:
    """Return the exact number of edges meant by either `density` (rounded to the nearest edge) or `n_edges`.

    Raises
    ------
    InvalidOption
        If both or neither are given, or `n_edges` is not a non-negative whole number.
    InvalidDensity, NoEdges, NotEnoughFreePairs
        If the density is outside (0, 1], rounds to no edge at all, or more edges are asked for than pairs exist.
    """
    n_in, n_out = as_sides(n_in, n_out)
    if (density is None) == (n_edges is None):
        given = "both" if n_edges is not None else "neither"
        raise InvalidOption("density, n_edges", given, "exactly one of them", "density=0.01")
    if density is not None:
        count = round(as_density(density) * n_in * n_out)
        if count == 0:
            least = np.format_float_positional(1 / (n_in * n_out), precision=2, fractional=False)
            given = f"{density!r} of {n_in} x {n_out} pairs, which rounds to no edge"
            raise NoEdges("density", given, "a density that leaves at least one edge", f"density={least} or more")
        return count
    n_edges = as_count("n_edges", n_edges)
    if n_edges > n_in * n_out:
        given, expected = f"{n_edges} edges", f"at most n_in * n_out = {n_in * n_out}"
        raise NotEnoughFreePairs("n_edges", given, expected, f"n_edges={n_in * n_out}")
    return n_edges
