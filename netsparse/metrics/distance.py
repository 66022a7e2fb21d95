"""How far apart two topologies are: by their edges, their degrees, their spectra, and by edges after matching units."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.graph.pairs import pair_keys
from netsparse.metrics.matrices import Graph
from netsparse.metrics.spectral import singular_values
from netsparse.typing import Float

SIDES = ("in", "out")
MATRICES = ("normalized", "biadjacency")


def jaccard_distance(a: Graph, b: Graph) -> float:
    """Jaccard distance of two sets of edges between the same units: 1 - |A & B| / |A | B|.

    Parameters
    ----------
    a, b : BipartiteGraph or SparseNetwork
        Two graphs, or two networks, of equal sizes; the edges of all layers of a network are one set.

    Returns
    -------
    float
        In [0, 1]: 0 for equal topologies (two without edges included), 1 where no edge is shared.

    Raises
    ------
    InvalidOption
        If the two are no topologies, or not between the same units.

    Notes
    -----
    A metric: symmetric, and the triangle inequality holds. Jaccard, New Phytol. 11, 37 (1912),
    doi:10.1111/j.1469-8137.1912.tb05611.x. Of two random layers of density d it is about 1 - d / (2 - d).

    Examples
    --------
    >>> a = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> b = BipartiteGraph.from_edges([1, 2], [0, 0], n_in=3, n_out=1)
    >>> round(jaccard_distance(a, b), 6)
    0.666667
    """
    check_pair(a, b)
    pairs = zip(a.layers, b.layers, strict=True)
    return jaccard_of(sum(_n_shared(one, other) for one, other in pairs), a.n_edges + b.n_edges)


def degree_distance(a: Graph, b: Graph, *, side: str = "in") -> float:
    """Wasserstein-1 distance of two degree distributions: the mean degree to be moved to turn one into the other.

    sum over k of |F_a(k) - F_b(k)|, with F the fraction of units whose degree is at most k.

    Parameters
    ----------
    a, b : BipartiteGraph or SparseNetwork
        Two topologies of any sizes; in a network the units of all layers are pooled.
    side : {"in", "out"}
        Fan-in over target units, or fan-out over source units.

    Returns
    -------
    float
        In edges per unit; 0 where the distributions agree.

    Raises
    ------
    UnknownName, InvalidOption
        For another side, and for something that is no topology.

    Notes
    -----
    Symmetric, and the triangle inequality holds; different topologies may well have distance 0. Vallender, Theory
    Probab. Appl. 18, 784 (1974), doi:10.1137/1118101, for the form on a line.

    Examples
    --------
    >>> a = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=2)
    >>> b = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 1], n_in=3, n_out=2)
    >>> degree_distance(a, b), degree_distance(a, b, side="out")
    (1.0, 0.0)
    """
    if not isinstance(side, str) or side not in SIDES:
        raise unknown_name("side", side, SIDES)
    _check_topologies(a, b)
    counts = [np.bincount(_degrees(graph, side)) for graph in (a, b)]
    top = max(map(len, counts))
    below = [np.cumsum(np.pad(count, (0, top - len(count)))) / count.sum() for count in counts]
    return float(np.abs(below[0] - below[1]).sum())


def spectral_distance(a: Graph, b: Graph, *, k: int = 10, matrix: str = "normalized") -> float:
    """Spectral distance: Euclidean distance of the `k` largest singular values of two biadjacency matrices.

    Normalized: of D_r^-1/2 B D_c^-1/2, with the degrees of rows and columns on the diagonals; all in [0, 1], as many
    ones as components with edges, comparable over sizes and densities. "biadjacency": of B itself, dominated by the
    mean degree.

    Parameters
    ----------
    a, b : BipartiteGraph or SparseNetwork
        Two topologies of any sizes; a network is the undirected whole, even levels x odd levels.
    k : int
        How many; missing ones count as 0.
    matrix : {"normalized", "biadjacency"}
        Whose singular values.

    Returns
    -------
    float
        In [0, sqrt(k)] for the normalized matrix.

    Raises
    ------
    UnknownName, InvalidOption
        For another matrix, a `k` that is no whole number of at least 1, and something that is no topology.
    NotConverged
        If a solver gives up.

    Notes
    -----
    Symmetric, and the triangle inequality holds; 0 for relabelled copies, and for cospectral topologies too. Among the
    distances of spectra compared by Wilson and Zhu, Pattern Recognit. 41, 2833 (2008),
    doi:10.1016/j.patcog.2008.03.011, taken over the largest values, as a bipartite spectrum is symmetric about 0. The
    choice of matrix is ours.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> matching = BipartiteGraph.from_edges(range(3), range(3), n_in=3, n_out=3)
    >>> round(spectral_distance(complete(3, 3), matching), 6)  # 1, 0, 0 and 1, 1, 1
    1.414214
    """
    if not isinstance(matrix, str) or matrix not in MATRICES:
        raise unknown_name("matrix", matrix, MATRICES)
    _check_topologies(a, b)
    spectra = [
        singular_values(graph, _inverse_degrees(graph) if matrix == "normalized" else None, k=k) for graph in (a, b)
    ]
    longest = max(map(len, spectra))
    padded = [np.pad(spectrum, (0, longest - len(spectrum))) for spectrum in spectra]
    return float(np.linalg.norm(padded[0] - padded[1]))


def check_pair(a: Any, b: Any) -> None:
    """Raise `InvalidOption` where `a` and `b` are not two graphs, or two networks, between the same units."""
    _check_topologies(a, b)
    expected, fix = "two topologies between the same units", "two of equal sizes, or degree_distance(a, b)"
    if isinstance(a, BipartiteGraph) != isinstance(b, BipartiteGraph):
        raise InvalidOption("a, b", "a single layer and a network", "two of a kind", "SparseNetwork([graph])")
    sizes = ["-".join(f"{layer.n_in}:{layer.n_out}" for layer in graph.layers) for graph in (a, b)]
    if sizes[0] != sizes[1]:
        raise InvalidOption("a, b", f"layers {sizes[0]} and {sizes[1]}", expected, fix)
    joints = [getattr(graph, "joints", ()) for graph in (a, b)]
    for k, (one, other) in enumerate(zip(*joints, strict=True)):
        if (one is None) != (other is None) or (one is not None and not np.array_equal(one, other)):
            raise InvalidOption("a, b", f"different joints between layers {k} and {k + 1}", expected, fix)


def jaccard_of(n_shared: int, n_edges: int) -> float:
    """Return the Jaccard distance of two sets that hold `n_edges` together, counted twice where shared."""
    return 1.0 - n_shared / (n_edges - n_shared) if n_edges else 0.0


def _check_topologies(*graphs: Any) -> None:
    for name, graph in zip("ab", graphs, strict=True):
        if not isinstance(graph, Graph):
            expected = "a BipartiteGraph or a SparseNetwork"
            raise InvalidOption(name, type(graph).__name__, expected, "result.network")


def _n_shared(a: BipartiteGraph, b: BipartiteGraph) -> int:
    keys = [pair_keys(graph.sources, graph.targets, graph.n_in) for graph in (a, b)]
    return len(np.intersect1d(*keys, assume_unique=True))


def _degrees(graph: Graph, side: str) -> np.ndarray:
    return np.concatenate([layer.fan_in if side == "in" else layer.fan_out for layer in graph.layers])


def _inverse_degrees(graph: Graph) -> Any:
    """Return 1 / sqrt(k_u k_v) for every edge (u, v): the weights that make B the normalized matrix."""
    sources, targets = graph.unit_edges()
    degrees: Float[np.ndarray, "unit"] = np.bincount(np.concatenate([sources, targets]), minlength=sum(graph.sizes))
    values = 1 / np.sqrt(degrees[sources] * degrees[targets])
    if isinstance(graph, BipartiteGraph):
        return values
    return np.split(values, np.cumsum([layer.n_edges for layer in graph.layers])[:-1])
