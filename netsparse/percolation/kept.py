"""What theory is given: the probability to keep an edge, one for all or one per layer, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.metrics.matrices import Graph
from netsparse.typing import Float

Fractions = Float[np.ndarray, "point"]
"""A fraction, 0 to 1, for each point of a curve."""


def as_fractions(name: str, values: Any) -> Fractions:
    """Return one or more numbers from 0 to 1 as a float array; raises `InvalidOption`.

    Examples
    --------
    >>> as_fractions("fraction_kept", 0.5)
    array([0.5])
    """
    expected, fix = "numbers from 0 to 1", f"{name}=0.5"
    try:
        fractions = np.atleast_1d(np.asarray(values))
    except ValueError as error:
        raise InvalidOption(name, "rows of unequal length", expected, fix) from error
    if fractions.dtype.kind not in "fiu" or fractions.ndim != 1 or len(fractions) == 0:
        given = repr(values) if fractions.ndim == 0 else f"{fractions.dtype} of shape {fractions.shape}"
        raise InvalidOption(name, given, expected, fix)
    outside = fractions[~((fractions >= 0) & (fractions <= 1))]
    if len(outside):
        raise InvalidOption(name, str(outside[0]), expected, fix)
    return fractions.astype(np.float64)


def kept_per_layer(graph: Graph, fraction_kept: Any) -> Float[np.ndarray, "layer"]:
    """Return the probability to keep an edge in each layer, from one number for all layers or one for each.

    Raises
    ------
    InvalidOption
        For numbers outside [0, 1], and where there are neither one nor as many as layers.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> kept_per_layer(layered([2, 1, 2], density=1.0, rng=0), 0.5).tolist()
    [0.5, 0.5]
    """
    fractions = as_fractions("fraction_kept", fraction_kept)
    n_layers = len(graph.layers)
    if len(fractions) not in (1, n_layers):
        expected = f"one number, or one per layer ({n_layers})"
        raise InvalidOption("fraction_kept", f"{len(fractions)} numbers", expected, "fraction_kept=0.5")
    return np.broadcast_to(fractions, n_layers)
