"""The spectrum of a wiring: singular values by rank, and what they could be at most in a random-like graph."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from netsparse.errors import InvalidOption
from netsparse.metrics.matrices import Graph
from netsparse.metrics.spectral import DENSE_ENTRIES, singular_values
from netsparse.plotting.canvas import COLOURS, axes, plain
from netsparse.plotting.sides import sides


def singular_spectrum(graph: Graph, *, k: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the singular values of the biadjacency matrix against their rank, sigma_1 apart, with the Ramanujan bound.

    The dashed line is sqrt(d_even - 1) + sqrt(d_odd - 1) with the mean degrees of both sides over their units with
    edges. The distance between the first two points is the spectral gap; a graph whose second point is not above the
    line is Ramanujan.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole, even levels x odd levels. Without edges there is no line.
    k : int, optional
        How many of the largest values, at least 1; all of them if not given.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: one line for sigma_1, one for all others, one for the bound.

    Raises
    ------
    InvalidOption
        If `graph` is neither a layer nor a network, for an impossible `k`, and where all values are asked of a matrix
        of more than 4,000,000 entries (2000 x 2000 units): all of them need a dense solution.
    NotConverged
        As `netsparse.metrics.singular_values`.

    Notes
    -----
    For a biregular graph the line is the spectral radius of its universal cover, and the edge of the spectrum of large
    random ones (away from sigma_1): Feng and Li, J. Number Theory 60, 1 (1996), doi:10.1006/jnth.1996.0109; Brito,
    Dumitriu and Harris, Comb. Probab. Comput. 31, 229 (2022), doi:10.1017/S0963548321000249. Mean degrees where the
    degrees differ are ours; degrees that spread widely then push values above the line.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> ax = singular_spectrum(complete(4, 9))
    >>> [line.get_ydata().round(6).tolist() for line in ax.lines[:2]]
    [[6.0], [0.0, 0.0, 0.0]]
    """
    matrix = sides(graph)
    short = min(matrix.shape)
    if (k is None or (isinstance(k, int | np.integer) and k >= short)) and matrix.shape[0] * matrix.shape[1] > (
        DENSE_ENTRIES
    ):
        given = f"all {short} singular values of {matrix.shape[0]} x {matrix.shape[1]} units"
        raise InvalidOption("k", given, f"fewer for matrices of more than {DENSE_ENTRIES:,} entries", "k=50")
    values = singular_values(graph, k=short if k is None else k)
    ax = plain(axes(ax))
    rank = np.arange(1, len(values) + 1)
    ax.plot(rank[:1], values[:1], "o", color=COLOURS[1], markersize=5, label=r"$\sigma_1$")
    ax.plot(rank[1:], values[1:], ".", color=COLOURS[0], markersize=3, label=r"$\sigma_2, \sigma_3 \ldots$")
    top = float(values[0])
    if matrix.nnz:
        radius = _cover_radius(matrix)
        top = max(top, radius)
        label = r"$\sqrt{d_{in} - 1} + \sqrt{d_{out} - 1}$"
        ax.axhline(radius, color="0.35", linestyle="--", linewidth=1.0, label=label)
    ax.set(xlabel="rank", ylabel="singular value")
    ax.set_ylim(-0.04 * (top or 1.0), 1.06 * (top or 1.0))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.legend(frameon=False, fontsize="small")
    return ax


def _cover_radius(matrix: sp.coo_array) -> float:
    """Return sqrt(d_even - 1) + sqrt(d_odd - 1) for the mean degrees over units with edges."""
    degrees = (matrix.sum(axis=1), matrix.sum(axis=0))
    return float(sum(np.sqrt(degree[degree > 0].mean() - 1) for degree in degrees))
