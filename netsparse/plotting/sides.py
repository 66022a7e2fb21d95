"""What a picture of one wiring looks at: the biadjacency matrix of a layer, or of a network as a whole."""

from __future__ import annotations

from typing import Any

import scipy.sparse as sp

from netsparse.errors import InvalidOption
from netsparse.metrics.matrices import Graph


def as_graph(graph: Any) -> Graph:
    """Return `graph` if it is a layer or a network, else raise `InvalidOption`."""
    if not isinstance(graph, Graph):
        expected = "a BipartiteGraph or a SparseNetwork"
        raise InvalidOption("graph", type(graph).__name__, expected, "result.network, or result.network.layers[0]")
    return graph


def sides(graph: Any) -> sp.coo_array[Any]:
    """Return the biadjacency matrix: inputs x outputs of a layer, even x odd levels of a network.

    Edges that a joint contracts onto one pair add up in its entry.
    """
    return as_graph(graph).biadjacency().tocoo()
