"""The wiring itself: a mark for every edge between the units of both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import MaxNLocator

from netsparse.graph import BipartiteGraph
from netsparse.metrics.matrices import Graph
from netsparse.plotting.canvas import COLOURS, axes
from netsparse.plotting.sides import sides
from netsparse.typing import Float, UnitIds

MARKS = 20_000  # more edges than this are counted in cells
CELLS = 400  # a side at most
OUTLINE = 0.4  # points
ELONGATED = 4  # from this ratio of the sides on, squares would leave a thread of a picture


def biadjacency(graph: Graph, *, ax: Axes | None = None) -> Axes:
    """Draw the biadjacency matrix: inputs from top to bottom, outputs from left to right, a square for every edge.

    Up to 20,000 edges are drawn one by one, each the square of its pair of units with an outline of 0.4 points, so
    that none is lost where a pair is smaller than a pixel. More edges are counted in at most 400 x 400 cells; the
    colour of a cell is the share of its pairs that are edges, from 0 to the largest share in the picture.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, units of even levels x units of odd levels, and pairs that a
        joint contracts onto each other are one pair.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into; unit i lies around i on its axis.

    Raises
    ------
    InvalidOption
        If `graph` is neither a layer nor a network.

    Notes
    -----
    Memory is O(edges + 400 x 400) for every size of layer. Rows and columns are those of B, the network scientist's
    convention; the weight matrix of the layer is its transpose.

    Examples
    --------
    >>> from netsparse.generators import banded
    >>> ax = biadjacency(banded(30, 20, density=0.1))
    >>> ax.get_ylabel(), len(ax.collections[0].get_paths())
    ('input', 60)
    """
    matrix = sides(graph)
    ax = axes(ax, width=4.0, height=4.0)
    n_rows, n_columns = matrix.shape
    if matrix.nnz <= MARKS:
        corners = np.stack([matrix.col, matrix.row], axis=1)[:, None, :] + np.array(
            [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]
        )
        look = {"facecolor": COLOURS[0], "edgecolor": COLOURS[0], "linewidth": OUTLINE}
        ax.add_collection(PolyCollection(list(corners), snap=False, **look))  # snapped to pixels, some would vanish
    else:
        share = edge_shares(matrix.row, matrix.col, n_rows, n_columns)
        extent = (-0.5, n_columns - 0.5, n_rows - 0.5, -0.5)
        ax.imshow(share, cmap="Blues", vmin=0.0, extent=extent)
    ax.set(xlim=(-0.5, n_columns - 0.5), ylim=(n_rows - 0.5, -0.5))
    ax.set_aspect("equal" if max(n_rows, n_columns) < ELONGATED * min(n_rows, n_columns) else "auto")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    is_layer = isinstance(graph, BipartiteGraph)
    ax.set(xlabel="output" if is_layer else "unit of odd levels", ylabel="input" if is_layer else "unit of even levels")
    return ax


def edge_shares(
    rows: UnitIds, columns: UnitIds, n_rows: int, n_columns: int, *, cells: int = CELLS
) -> Float[np.ndarray, "cell_in cell_out"]:
    """Return the share of pairs that are edges in each of at most `cells` x `cells` cells of nearly equal size.

    Parameters
    ----------
    rows, columns : int arrays of shape (n_edges,)
        Ends of the edges.
    n_rows, n_columns : int
        Units on either side.
    cells : int
        Cells along a side with more units than this; otherwise every unit has its own.

    Returns
    -------
    float array
        In [0, 1] for a simple graph; one cell per pair where both sides are short.

    Examples
    --------
    >>> edge_shares(np.array([0, 1, 4]), np.array([0, 1, 1]), 5, 2, cells=2)
    array([[0.33333333, 0.33333333],
           [0.        , 0.5       ]])
    """
    high, wide = min(n_rows, cells), min(n_columns, cells)
    place = _cells(rows, n_rows, high) * wide + _cells(columns, n_columns, wide)
    counts = np.bincount(place, minlength=high * wide).reshape(high, wide)
    return counts / np.outer(_extents(n_rows, high), _extents(n_columns, wide))


def _cells(units: Any, n_units: int, cells: int) -> Any:
    return units.astype(np.int64) * cells // n_units


def _extents(n_units: int, cells: int) -> np.ndarray:
    """Return the number of units in each cell: unit u lies in cell u * cells // n_units."""
    firsts = -(-np.arange(cells + 1, dtype=np.int64) * n_units // cells)
    return np.diff(firsts)
