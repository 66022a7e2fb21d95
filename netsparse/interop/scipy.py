"""scipy.sparse: one layer as its weight matrix, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from netsparse.graph import BipartiteGraph
from netsparse.interop.columns import as_layer
from netsparse.typing import EdgeVector


def to_scipy(graph: BipartiteGraph, values: Any = None) -> sp.csr_array[Any]:
    """Return the weight matrix W (n_out x n_in) of one layer as a scipy CSR array.

    It shares the graph's read-only index arrays and `values`, without a copy; `to_scipy(graph).T` is the
    biadjacency matrix B = W^T (n_in x n_out) of network science.

    Parameters
    ----------
    graph : BipartiteGraph
        The layer.
    values : array of shape (n_edges,), optional
        One number per edge; ones (float64) where not given. Zeros stay stored.

    Raises
    ------
    InvalidNetwork
        If `graph` is no BipartiteGraph.
    InvalidEdgeVector
        If `values` does not have one entry per edge.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 2, 1], [1, 0, 1], n_in=3, n_out=2)
    >>> to_scipy(graph, [5.0, 6.0, 7.0]).toarray().tolist()
    [[0.0, 0.0, 5.0], [6.0, 7.0, 0.0]]
    """
    return as_layer(graph).weight_matrix(values)


def from_scipy(matrix: Any) -> tuple[BipartiteGraph, EdgeVector]:
    """Read one layer from a scipy sparse weight matrix W (n_out x n_in) of any format.

    Stored zeros are edges. (DIA matrices cannot store a zero; BSR matrices store whole blocks.)

    Returns
    -------
    graph : BipartiteGraph
    values : array of shape (n_edges,)
        A copy of the stored values, in canonical edge order and with the matrix's dtype.

    Raises
    ------
    InvalidEdges, DuplicateEdge, InvalidSize
        If `matrix` is not a sparse 2-D matrix, stores a pair twice, or has no rows or no columns.

    Examples
    --------
    >>> graph, values = from_scipy(sp.coo_array(([7, 0], ([0, 0], [2, 1])), shape=(1, 3)))
    >>> graph, values.tolist()
    (BipartiteGraph(3 -> 1, 2 edges, density 0.667), [0, 7])
    """
    graph = BipartiteGraph.from_scipy(matrix)
    stored = matrix.tocoo(copy=False)
    return graph, stored.data[np.lexsort((stored.col, stored.row))]
