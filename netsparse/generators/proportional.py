"""Whole numbers in given proportions: tables of relative densities, and exact counts that follow them."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.typing import Float, Int


def as_proportions(name: str, values: Any) -> Float[np.ndarray, "rows columns"]:
    """Return a 2-D table of finite, non-negative numbers as float64, the largest one scaled to 1.

    Raises
    ------
    InvalidOption
        If it is no such table.

    Examples
    --------
    >>> as_proportions("affinity", [[4, 1], [1, 4]]).tolist()
    [[1.0, 0.25], [0.25, 1.0]]
    """
    expected, fix = "a table (rows of equal length) of finite numbers of at least 0", f"{name}=[[4, 1], [1, 4]]"
    try:
        table = np.asarray(values)
    except ValueError as error:
        raise InvalidOption(name, "rows of unequal length", expected, fix) from error
    if table.ndim != 2 or not table.size or table.dtype.kind not in "fiub":
        raise InvalidOption(name, f"{table.dtype} of shape {table.shape}", expected, fix)
    table = table.astype(np.float64)
    bad = ~np.isfinite(table) | (table < 0)
    if bad.any():
        row, column = np.argwhere(bad)[0].tolist()
        raise InvalidOption(name, f"{table[row, column]} in row {row}, column {column}", expected, fix)
    return table / table.max() if table.any() else table


def proportional_counts(
    total: int, densities: Float[np.ndarray, "cell"], capacities: Int[np.ndarray, "cell"]
) -> Int[np.ndarray, "cell"]:
    """Split `total` into whole numbers proportional to densities * capacities, none above its capacity.

    What a full cell cannot take goes to the others, in proportion again; fractions go to the cells with the largest
    remainders, the first of equals. The caller has checked that the cells of positive density can hold the total.

    Examples
    --------
    >>> import numpy as np
    >>> proportional_counts(10, np.array([1.0, 1.0, 0.0]), np.array([12, 5, 9])).tolist()
    [7, 3, 0]
    >>> proportional_counts(10, np.array([9.0, 1.0]), np.array([4, 12])).tolist()
    [4, 6]
    """
    rank = np.argsort(-densities, kind="stable")  # the densest cells are the first to be full
    density, capacity = densities[rank], capacities[rank].astype(np.float64)
    wanted = np.cumsum((density * capacity)[::-1])[::-1]
    left = total - (np.cumsum(capacity) - capacity)  # for this cell and the rest, when all before it are full
    part = density / np.where(wanted > 0, wanted, np.inf)
    # the first cell that its share of what is left does not overfill; one that it fills exactly may go either way
    n_full = int(np.argmax(np.append(left * part <= 1 + 1e-9, True)))
    if n_full == len(rank):
        return capacities.copy()
    is_full = np.arange(len(rank)) < n_full
    per_pair = np.where(is_full, 0.0, density) / (wanted[n_full] if wanted[n_full] > 0 else np.inf)
    share = np.empty(len(rank))
    share[rank] = np.where(is_full, capacity, left[n_full] * per_pair * capacity)
    counts = np.minimum(np.floor(share).astype(np.int64), capacities)
    has_room = np.flatnonzero((counts < capacities) & (densities > 0))
    by_remainder = has_room[np.argsort(-(share - counts)[has_room], kind="stable")]
    counts[by_remainder[: total - counts.sum()]] += 1
    return counts
