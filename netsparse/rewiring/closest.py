"""The weights closest to zero, without sorting them: in compiled code where the library is, in numpy elsewhere."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from netsparse.graph.compiled import address
from netsparse.native import native_library
from netsparse.typing import EdgeIds, EdgeVector

TYPES = ("float32", "float64")
"""Weights that the compiled code reads."""


class Closest(NamedTuple):
    """Edges closest to zero, before ties are broken.

    Parameters
    ----------
    below : int array
        Edges that belong in any case, increasing.
    ties : tuple of (int, int array)
        Where not all edges of the last distance belong: how many do, and the edges that they are drawn from.
    """

    below: EdgeIds
    ties: tuple[tuple[int, EdgeIds], ...]

    def drawn(self, rng: np.random.Generator) -> EdgeIds:
        """Return the edges, increasing; the generator is asked only where there are ties."""
        if not self.ties:
            return self.below
        chosen = [rng.choice(ids, n, replace=False, shuffle=False) for n, ids in self.ties]
        edges = np.concatenate([self.below, *chosen])
        edges.sort()
        return edges


# numpy ----------------------------------------------------------------------------------------------------------------


def numpy_any_sign(weights: EdgeVector, n_wanted: int) -> Closest:
    """Return the `n_wanted` edges of smallest |w|."""
    return Closest(*_closest(np.abs(weights), n_wanted))


def numpy_sign_wise(weights: EdgeVector, n_wanted: int) -> Closest:
    """Return the edges of weight 0, then the positive and the negative ones closest to it, in proportion."""
    zeros, is_positive, is_negative = np.flatnonzero(weights == 0), weights > 0, weights < 0
    if n_wanted <= len(zeros):
        is_drawn = 0 < n_wanted < len(zeros)
        return Closest(zeros[:0], ((n_wanted, zeros),)) if is_drawn else Closest(zeros[:n_wanted], ())
    n_positive, n_negative = np.count_nonzero(is_positive), np.count_nonzero(is_negative)
    rest = n_wanted - len(zeros)
    from_positive = round(rest * n_positive / (n_positive + n_negative))
    sizes = np.abs(weights)
    positive, positive_ties = _closest(np.where(is_positive, sizes, np.inf), from_positive)
    negative, negative_ties = _closest(np.where(is_negative, sizes, np.inf), rest - from_positive)
    return Closest(np.sort(np.concatenate([zeros, positive, negative])), (*positive_ties, *negative_ties))


def _closest(distances: np.ndarray, n_wanted: int) -> tuple[EdgeIds, tuple[tuple[int, EdgeIds], ...]]:
    if n_wanted == 0:
        return np.empty(0, dtype=np.int64), ()
    last = np.partition(distances, n_wanted - 1)[n_wanted - 1]
    within = np.flatnonzero(distances <= last)
    if len(within) == n_wanted:
        return within, ()
    below, ties = np.flatnonzero(distances < last), np.flatnonzero(distances == last)
    return below, ((n_wanted - len(below), ties),)


# compiled -------------------------------------------------------------------------------------------------------------


def native_any_sign(weights: EdgeVector, n_wanted: int) -> Closest | None:
    """Return what `numpy_any_sign` does, found in one pass; None where compiled code cannot."""
    return _native("any_sign", weights, n_wanted)


def native_sign_wise(weights: EdgeVector, n_wanted: int) -> Closest | None:
    """Return what `numpy_sign_wise` does; None where compiled code cannot."""
    return _native("sign_wise", weights, n_wanted)


def _native(name: str, weights: EdgeVector, n_wanted: int) -> Closest | None:
    function = _function(name, weights.dtype)
    if function is None:
        return None
    weights, n = np.ascontiguousarray(weights), len(weights)
    below, found = np.empty(n_wanted, np.int64), np.empty(n + 5, np.int64)  # five numbers, the ties
    at = address(found)
    if not function(n, address(weights), n_wanted, address(below), at + 5 * found.itemsize, at):
        return None
    n_below, positive_missing, n_positive, negative_missing, n_negative = found[:5].tolist()
    if n_below == n_wanted:
        return Closest(below, ())
    positive, negative = found[5 : 5 + n_positive], found[5 + n_positive : 5 + n_positive + n_negative]
    ties = (positive_missing, positive), (negative_missing, negative)
    return Closest(below[:n_below], tuple((n, ids) for n, ids in ties if n))


@cache
def _function(name: str, dtype: np.dtype[Any]) -> Any:
    library = native_library("closest")
    if library is None or dtype.name not in TYPES or not dtype.isnative:
        return None
    function = library[f"netsparse_{name}_{dtype.name}"]
    function.argtypes = [ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, *[ctypes.c_void_p] * 3]
    function.restype = ctypes.c_int
    return function
