"""The cut-off of iterative magnitude pruning: which edges of a layer a round removes."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidOption, unknown_name
from netsparse.typing import EdgeIds

CUTS = ("inclusive", "exact")
"""Whether the edge at the cut-off goes as well, and all that weigh the same, or as many go as the rate says."""


def magnitude_cut(weights: Any, rate: float, *, cut: str = "inclusive") -> EdgeIds:
    """Return the ids of the edges of smallest |w| that a pruning round removes, increasing.

    With the n sizes |w| sorted into a and k = round(rate * n):

    - "inclusive", as published: every edge with |w| <= a[k] goes. The edge at the cut-off is one of them, so that k + 1
      edges go, and all that tie with it.
    - "exact", ours: k edges go, those of lowest id first among ties.

    Where a[k] does not exist (rate 1) all edges go. A rate of 0 removes nothing, also with "inclusive": ours, since
    read literally the smallest edge would go. Halves are rounded to the even number.

    Parameters
    ----------
    weights : array of shape (n_edges,)
        In canonical edge order.
    rate : float
        Share of the edges, in [0, 1].
    cut : {"inclusive", "exact"}
        See above.

    Raises
    ------
    InvalidEdgeVector, InvalidOption, UnknownName
        If the weights are not finite real numbers in one row; for an impossible rate, or another cut.

    References
    ----------
    Cosentino, Zaiter, Pei, Zhu, The Search for Sparse, Robust Neural Networks, arXiv:1912.02386; the inclusive cut-off
    is that of the authors' code.

    Examples
    --------
    >>> magnitude_cut([0.5, -0.1, 0.3, -0.2], 0.25), magnitude_cut([0.5, -0.1, 0.3, -0.2], 0.25, cut="exact")
    (array([1, 3]), array([1]))
    """
    if cut not in CUTS:
        raise unknown_name("cut", cut, CUTS)
    rate = checked_rate("rate", rate)
    sizes = np.asarray(weights)
    if sizes.ndim != 1 or sizes.dtype.kind not in "fiu" or not np.isfinite(sizes).all():
        given = f"{sizes.dtype} of shape {sizes.shape}" if sizes.ndim != 1 else "a value that is no finite number"
        raise InvalidEdgeVector("weights", given, "one finite real number per edge", "layer.edge_weights()")
    # whole numbers as floats: the size of the least int8 is none
    sizes, n_cut = np.abs(sizes, dtype=sizes.dtype if sizes.dtype.kind == "f" else np.float64), round(rate * len(sizes))
    if rate == 0.0:
        n_cut = 0
    elif n_cut == len(sizes):
        return np.arange(len(sizes))
    elif cut == "inclusive":
        return np.flatnonzero(sizes <= np.partition(sizes, n_cut)[n_cut])
    return np.sort(np.argsort(sizes, kind="stable")[:n_cut])


def checked_rate(name: str, rate: Any) -> float:
    """Return a share in [0, 1] as a float; raises `InvalidOption`."""
    if not isinstance(rate, Real) or isinstance(rate, bool) or not 0.0 <= float(rate) <= 1.0:
        raise InvalidOption(name, repr(rate), "a share of the edges in [0, 1]", f"{name}=0.2")
    return float(rate)
