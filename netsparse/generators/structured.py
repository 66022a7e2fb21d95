"""Layers whose wiring is fixed by a rule, without randomness."""

from __future__ import annotations

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides


def complete(n_in: int, n_out: int) -> BipartiteGraph:
    """Complete layer: every source is connected to every target, the graph of a dense `Linear`.

    Its canonical edge order is the row-major order of the dense weight matrix (n_out x n_in). The one generator whose
    result is of size n_in x n_out, because all these pairs are edges.

    Raises
    ------
    InvalidSize
        If a size is below one.

    Examples
    --------
    >>> complete(3, 2).n_edges
    6
    """
    n_in, n_out = as_sides(n_in, n_out)
    indptr = np.arange(n_out + 1, dtype=np.int64) * n_in
    return BipartiteGraph.from_canonical(n_in, n_out, indptr, np.tile(np.arange(n_in), n_out))
