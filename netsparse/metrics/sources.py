"""Where searches start: every unit, or a random sample of them."""

from __future__ import annotations

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.graph.checks import as_count
from netsparse.rng import as_rng
from netsparse.typing import Seed, UnitIds


def drawn_sources(units: UnitIds, n_sources: int | None, rng: Seed | None) -> UnitIds:
    """Return all of `units`, or `n_sources` of them drawn without replacement, in their order.

    Raises
    ------
    InvalidOption, InvalidSeed
        If the number is not a whole one of at least 1, and for a number without a seed.

    Examples
    --------
    >>> drawn_sources(np.array([4, 5, 7]), None, None).tolist()
    [4, 5, 7]
    >>> len(drawn_sources(np.array([4, 5, 7]), 2, 0))
    2
    """
    if n_sources is None:
        return units
    n_sources, rng = as_count("n_sources", n_sources), as_rng(rng)  # pyright: ignore[reportArgumentType] - it refuses None
    if n_sources == 0:
        raise InvalidOption("n_sources", "0", "at least 1, or None for all", "n_sources=256")
    if n_sources >= len(units):
        return units
    return np.sort(rng.choice(units, size=n_sources, replace=False))
