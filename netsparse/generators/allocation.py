"""How many edges each layer of a network gets: one exact budget, shared by a rule."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, InvalidSize, NotEnoughFreePairs
from netsparse.generators.budget import as_density, as_sizes
from netsparse.generators.proportional import proportional_counts
from netsparse.graph.checks import as_count, as_sides

Allocation = Callable[..., list[int]]
"""Called as `allocation(sizes, density)` or `allocation(sizes, n_edges=...)`."""


def uniform(sizes: Sequence[int], density: Any = None, *, n_edges: Any = None) -> list[int]:
    """Edges per layer at the same density everywhere.

    Parameters
    ----------
    sizes : sequence of int
        Units on each level, inputs first.
    density, n_edges : float or int
        Exactly one of them: the budget is round(density * all pairs), or `n_edges`, over all layers.

    Returns
    -------
    list of int
        They add up to the budget exactly: density * n_in * n_out rounded down, and the edges left over go to the
        layers with the largest remainders.

    Raises
    ------
    InvalidSize, InvalidDensity, InvalidOption, NotEnoughFreePairs
        For impossible sizes and budgets.

    Examples
    --------
    >>> uniform([784, 1000, 1000], 0.01), uniform([784, 1000, 1000], n_edges=20_000)
    ([7840, 10000], [8789, 11211])
    """
    pairs, _ = _extents(sizes)
    return proportional_counts(_budget(pairs, density, n_edges), np.ones(len(pairs)), pairs).tolist()


def erk(sizes: Sequence[int], density: Any = None, *, n_edges: Any = None) -> list[int]:
    """Edges per layer by the Erdos-Renyi-kernel rule: density proportional to (n_in + n_out) / (n_in * n_out).

    A layer whose share exceeds its pairs becomes complete and leaves the rest of the budget to the others.

    Parameters
    ----------
    sizes : sequence of int
        Units on each level, inputs first.
    density, n_edges : float or int
        Exactly one of them: the budget is round(density * all pairs), or `n_edges`, over all layers.

    Returns
    -------
    list of int
        They add up to the budget exactly; fractions of an edge go to the layers with the largest remainders.

    Raises
    ------
    InvalidSize, InvalidDensity, InvalidOption, NotEnoughFreePairs
        For impossible sizes and budgets.

    Notes
    -----
    Evci et al., Rigging the Lottery, arXiv:1911.11134, section 3 and the authors' code; exact counts are ours.

    Examples
    --------
    >>> erk([784, 1000, 1000, 10], 0.01), sum(erk([784, 1000, 1000, 10], 0.01))
    ([6676, 7484, 3780], 17940)
    """
    pairs, units = _extents(sizes)
    return proportional_counts(_budget(pairs, density, n_edges), units / pairs, pairs).tolist()


ALLOCATIONS: dict[str, Allocation] = {"uniform": uniform, "erk": erk}
"""Ways to share a budget between layers, by name."""


def _extents(sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of pairs and of units of each layer."""
    layers = [as_sides(*layer) for layer in itertools.pairwise(as_sizes(sizes))]
    total = sum(math.prod(layer) for layer in layers)
    if total > np.iinfo(np.int64).max:
        raise InvalidSize(
            "sizes", f"{total} pairs of units in all layers", "fewer than 2^63", "smaller or fewer layers"
        )
    counted = np.array(layers, dtype=np.int64)
    return counted.prod(axis=1), counted.sum(axis=1)


def _budget(pairs: np.ndarray, density: Any, n_edges: Any) -> int:
    if (density is None) == (n_edges is None):
        given = "both" if n_edges is not None else "neither"
        raise InvalidOption("density, n_edges", given, "exactly one of them", "density=0.01")
    if density is not None:
        return round(as_density(density) * pairs.sum())
    n_edges = as_count("n_edges", n_edges)
    if n_edges > pairs.sum():
        given, expected = f"{n_edges} edges", f"at most the {int(pairs.sum())} pairs of all layers"
        raise NotEnoughFreePairs("n_edges", given, expected, f"n_edges={int(pairs.sum())}")
    return n_edges
