"""Validation at the door of the graph floor: sizes, arrays of units, edge vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import InvalidEdges, InvalidEdgeVector, InvalidOption, InvalidSize
from netsparse.typing import UnitIds


def as_size(name: str, value: Any) -> int:
    """Return a number of units as a plain int.

    Raises
    ------
    InvalidSize
        If it is not a whole number of at least 1.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise InvalidSize(name, f"{value!r}", "a whole number of units, at least 1", f"{name}=1000")
    return int(value)  # pyright: ignore[reportUnknownArgumentType] - numpy integers are generic over their width


def as_sides(n_in: Any, n_out: Any) -> tuple[int, int]:
    """Return the numbers of units on both sides as plain ints.

    Raises
    ------
    InvalidSize
        If one is no size, or there are too many pairs to be numbered by a 64-bit integer.
    """
    n_in, n_out = as_size("n_in", n_in), as_size("n_out", n_out)
    if n_in * n_out > np.iinfo(np.int64).max:
        raise InvalidSize("n_in * n_out", str(n_in * n_out), "fewer than 2^63 pairs of units", "smaller layers")
    return n_in, n_out


def as_count(name: str, value: Any) -> int:
    """Return a number of things as a plain int; raises `InvalidOption` if it is not a whole number of at least 0."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
        raise InvalidOption(name, f"{value!r}", "a whole number, at least 0", f"{name}=100")
    return int(value)  # pyright: ignore[reportUnknownArgumentType] - numpy integers are generic over their width


def as_array(name: str, values: Any) -> np.ndarray:
    """Return `values` as an array, without a copy where it is one; raises `InvalidEdges` for ragged nested lists."""
    try:
        return np.asarray(values)
    except ValueError as error:
        fix = f"numpy.asarray({name}) to see where it fails"
        raise InvalidEdges(name, "rows of unequal length", "an array", fix) from error


def as_unit_ids(name: str, values: Any) -> UnitIds:
    """Return a 1-D integer array; an empty list counts as one.

    Raises
    ------
    InvalidEdges
        For other types and shapes.
    """
    array = as_array(name, values)
    if array.size == 0 and array.ndim == 1:
        return array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        given = f"{array.dtype} of shape {array.shape}"
        raise InvalidEdges(name, given, "a 1-D array of integers", f"numpy.asarray({name}, dtype=int).ravel()")
    # one width for all arithmetic on ids: narrow types overflow, and int64 meets uint64 as floats
    return array if array.dtype == np.int64 else array.astype(np.int64)


def as_edge_vector(name: str, values: Any, n_edges: int) -> np.ndarray:
    """Return a 1-D array with one entry per edge, without a copy where it is one already.

    Raises
    ------
    InvalidEdgeVector
        For any other shape.
    """
    array = as_array(name, values)
    if array.shape != (n_edges,):
        given = f"an array of shape {array.shape}"
        raise InvalidEdgeVector(
            name, given, f"one entry per edge, shape ({n_edges},)", f"{name} in canonical edge order"
        )
    return array
