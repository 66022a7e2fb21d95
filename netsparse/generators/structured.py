"""Layers whose wiring is fixed by a rule, without randomness: complete, banded, circulant, tree."""

from __future__ import annotations

import numpy as np

from netsparse.errors import InvalidDensity
from netsparse.generators.budget import edge_count
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.pairs import pair_keys
from netsparse.typing import Int


def complete(n_in: int, n_out: int, *, density: float | None = None, n_edges: int | None = None) -> BipartiteGraph:
    """Complete layer: every source is connected to every target, the graph of a dense `Linear`.

    Its canonical edge order is the row-major order of the dense weight matrix (n_out x n_in). The one generator whose
    result is of size n_in x n_out, because all these pairs are edges.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    density, n_edges : float or int, optional
        For callers that hand one to every generator: 1, or n_in * n_out.

    Raises
    ------
    InvalidSize
        If a size is below one.
    InvalidDensity
        For another density or edge count.

    Examples
    --------
    >>> complete(3, 2).n_edges
    6
    """
    n_in, n_out = as_sides(n_in, n_out)
    if density is not None or n_edges is not None:
        count = edge_count(n_in, n_out, density=density, n_edges=n_edges)
        if count != n_in * n_out:
            given = f"{count / (n_in * n_out):.6g}"
            raise InvalidDensity("density of a complete layer", given, "1, every pair is an edge", "density=1")
    indptr = np.arange(n_out + 1, dtype=np.int64) * n_in
    return BipartiteGraph.from_canonical(n_in, n_out, indptr, np.tile(np.arange(n_in), n_out))


def banded(n_in: int, n_out: int, *, density: float | None = None, n_edges: int | None = None) -> BipartiteGraph:
    """Banded layer: every target reads a contiguous window of sources around its own position; no wrap-around.

    Target t sits at (t + 1/2) n_in / n_out on the axis of the sources. Its window of w_t sources is centred there and
    pushed inside where it would reach over an end. The widths differ by at most one, the wider windows are spread
    evenly over the targets, and their sum is the edge count.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.

    Raises
    ------
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption
        For impossible sizes or edge counts.

    Notes
    -----
    The wiring of a locally connected layer (LeCun 1989, Generalization and network design strategies) in one
    dimension; the rescaled positions are ours. Units in the middle of a wide band lie in more windows than those
    near an end: `circulant` closes the band into a ring. O(edges).

    Examples
    --------
    >>> graph = banded(6, 4, n_edges=10)
    >>> [graph.sources[graph.targets == t].tolist() for t in range(4)]
    [[0, 1], [1, 2, 3], [3, 4], [3, 4, 5]]
    """
    n_in, n_out = as_sides(n_in, n_out)
    widths, starts = _windows(n_in, n_out, edge_count(n_in, n_out, density=density, n_edges=n_edges))
    indptr = np.concatenate([[0], np.cumsum(widths)])
    first = np.clip(starts, 0, n_in - widths)
    sources = np.arange(indptr[-1]) + np.repeat(first - indptr[:-1], widths)
    return BipartiteGraph.from_canonical(n_in, n_out, indptr, sources)


def circulant(n_in: int, n_out: int, *, density: float | None = None, n_edges: int | None = None) -> BipartiteGraph:
    """Circulant layer: every target reads a contiguous window of sources around its own position, on a ring.

    As `banded`, but the sources are closed into a ring and windows reach over its ends. Where n_in = n_out = n and
    the edges are d per target, the biadjacency matrix is a circulant matrix and all units have degree d.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.

    Raises
    ------
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption
        For impossible sizes or edge counts.

    Notes
    -----
    The start of the Watts-Strogatz model (1998, doi:10.1038/30918) on two sides. The singular values of the square
    d-regular case are d and |sin(pi d k / n) / sin(pi k / n)| for k = 1 .. n - 1 (Davis, Circulant Matrices, 1979).
    O(edges log edges).

    Examples
    --------
    >>> graph = circulant(5, 5, n_edges=15)
    >>> [graph.sources[graph.targets == t].tolist() for t in range(5)]
    [[0, 1, 4], [0, 1, 2], [1, 2, 3], [2, 3, 4], [0, 3, 4]]
    """
    n_in, n_out = as_sides(n_in, n_out)
    widths, starts = _windows(n_in, n_out, edge_count(n_in, n_out, density=density, n_edges=n_edges))
    places = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
    sources = (np.repeat(starts, widths) + places) % n_in
    keys = np.sort(pair_keys(sources, np.repeat(np.arange(n_out), widths), n_in))
    return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)


def tree(n_in: int, n_out: int) -> BipartiteGraph:
    """Layer of disjoint inputs: the targets share the sources out among themselves, one edge per source.

    With n_in >= n_out every target owns a contiguous share of the sources, n_in / n_out of them rounded down or up,
    and no source has two targets. With n_in < n_out the sources share the targets out in the same way. The graph is a
    forest of stars with exactly max(n_in, n_out) edges, the fewest that leave no unit isolated; a stack of such
    layers with falling sizes is a tree per output.

    Raises
    ------
    InvalidSize
        If a size is below one.

    Notes
    -----
    The non-overlapping inputs of a tree committee machine and of the tree architectures of Meir, Ben-Noam, Tzach,
    Hodassman and Kanter 2023, doi:10.1038/s41598-023-27986-6; shares of unequal size are ours. O(edges).

    Examples
    --------
    >>> tree(7, 3).fan_in.tolist(), tree(2, 5).fan_out.tolist()
    ([3, 2, 2], [3, 2])
    """
    n_in, n_out = as_sides(n_in, n_out)
    if n_in >= n_out:
        sources, targets = np.arange(n_in), _owners(n_in, n_out)
    else:
        sources, targets = _owners(n_out, n_in), np.arange(n_out)
    return BipartiteGraph.from_sorted_keys(pair_keys(sources, targets, n_in), n_in=n_in, n_out=n_out)


def _owners(n_units: int, n_owners: int) -> Int[np.ndarray, "unit"]:
    """Deal `n_units` out to no more owners than units, in contiguous shares that differ by at most one."""
    share, larger = divmod(n_units, n_owners)
    return np.repeat(np.arange(n_owners), share + (np.arange(n_owners) < larger))


def _windows(n_in: int, n_out: int, n_edges: int) -> tuple[Int[np.ndarray, "target"], Int[np.ndarray, "target"]]:
    """Return the width of each target's window of sources, and where it starts (it may reach over an end)."""
    target = np.arange(n_out, dtype=np.int64)
    width, wider = divmod(n_edges, n_out)
    widths = width + (target + 1) * wider // n_out - target * wider // n_out
    # twice the position (t + 1/2) n_in / n_out, rounded down; whole and remainder apart, lest the product overflow
    whole, rest = divmod(n_in, n_out)
    twice = (2 * target + 1) * whole + (2 * target + 1) * rest // n_out
    return widths, (twice - widths + 1) // 2
