"""At which numbers of removed edges or units a curve is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.graph.checks import as_array
from netsparse.typing import Int

RemovalCounts = Int[np.ndarray, "point"]
"""Number of removed items (edges or units) at each point of a curve."""

FIX = "points=100"


def removal_counts(n_items: int, points: int) -> RemovalCounts:
    """Return `points + 1` evenly spaced numbers of removed items, 0 and n_items included, halves rounded up.

    Where there are fewer items than points, counts that would repeat are left out.

    Raises
    ------
    InvalidOption
        If `points` is not a whole number of at least 1.

    Examples
    --------
    >>> removal_counts(10, 4).tolist()
    [0, 3, 5, 8, 10]
    """
    if not isinstance(points, int | np.integer) or isinstance(points, bool) or points < 1:
        raise InvalidOption("points", repr(points), "a whole number of at least 1, or None for all", FIX)
    points = int(points)
    if points >= n_items:
        return np.arange(n_items + 1)  # nothing as long as `points`, which may be any number
    return np.unique((2 * n_items * np.arange(points + 1, dtype=np.int64) + points) // (2 * points))


def recorded_points(n_items: int, points: Any) -> RemovalCounts:
    """Return the numbers of removed items at which a curve is recorded: 0, n_items and what is asked for between.

    Parameters
    ----------
    n_items : int
        Number of items that go.
    points : int, int sequence, or None
        None for every number, k for `removal_counts(n_items, k)`, or the numbers themselves in any order.

    Raises
    ------
    InvalidOption
        For fractions, and for numbers outside 0 to n_items.

    Examples
    --------
    >>> recorded_points(10, [3, 7]).tolist(), recorded_points(2, None).tolist()
    ([0, 3, 7, 10], [0, 1, 2])
    """
    if points is None:
        return np.arange(n_items + 1)
    if isinstance(points, Sequence | np.ndarray) and not isinstance(points, str):
        return np.union1d(as_counts("points", points, n_items, FIX), [0, n_items])
    return removal_counts(n_items, points)  # type: ignore[arg-type]  # text is refused there, in its own words


def as_counts(name: str, counts: Any, n_items: int, fix: str) -> RemovalCounts:
    """Return numbers of removed items as a checked array, in the order given; a single one becomes an array of one."""
    array = np.atleast_1d(as_array(name, counts))
    expected = f"whole numbers from 0 to n_items = {n_items}"
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):
        raise InvalidOption(name, f"{array.dtype} of shape {array.shape}", expected, fix)
    outside = array[(array < 0) | (array > n_items)]
    if len(outside):
        raise InvalidOption(name, str(outside[0]), expected, fix)
    return array.astype(np.int64)
