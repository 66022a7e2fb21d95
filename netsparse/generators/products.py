"""Kronecker products and powers of layers: large wirings with the spectrum of small ones."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from netsparse.errors import InvalidGraph, InvalidOption
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.pairs import pair_keys


def kronecker(*factors: BipartiteGraph) -> BipartiteGraph:
    """Kronecker product of layers: an edge wherever every factor has one.

    Units of the product are tuples of units, one of each factor, numbered with the last factor running fastest; source
    (s_1, s_2, ...) is connected to target (t_1, t_2, ...) if every (s_k, t_k) is an edge of factor k. The biadjacency
    matrix is the Kronecker product of those of the factors:

        B = B_1 (x) B_2 (x) ...

    so that numbers of units, of edges, degrees and densities multiply, and the singular values are all products of
    one singular value of each factor.

    Parameters
    ----------
    *factors : BipartiteGraph
        One or more.

    Raises
    ------
    InvalidGraph
        If there is no factor, or one is no `BipartiteGraph`.
    InvalidSize
        If the product has too many pairs of units to be numbered.

    Notes
    -----
    Without randomness; O(edges log edges) in the edges of the product. Weichsel 1962,
    doi:10.1090/S0002-9939-1962-0133816-6; as a model of networks: Leskovec, Chakrabarti, Kleinberg, Faloutsos and
    Ghahramani 2010, JMLR 11:985. The product of connected layers is connected: of the two components that Weichsel
    finds in the product of two connected bipartite graphs, this is the one that joins sources to targets.

    Examples
    --------
    >>> from netsparse.metrics import singular_values
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> kronecker(path, path)
    BipartiteGraph(4 -> 4, 9 edges, density 0.562)
    >>> singular_values(path).round(3).tolist(), singular_values(kronecker(path, path)).round(3).tolist()
    ([1.618, 0.618], [2.618, 1.0])
    """
    if not factors or not all(isinstance(factor, BipartiteGraph) for factor in factors):
        given = ", ".join(type(factor).__name__ for factor in factors) or "none"
        raise InvalidGraph("factors", given, "one BipartiteGraph or more", "kronecker(graph, graph)")
    as_sides(math.prod(factor.n_in for factor in factors), math.prod(factor.n_out for factor in factors))
    product = factors[0]
    for factor in factors[1:]:
        n_in, n_out = product.n_in * factor.n_in, product.n_out * factor.n_out
        sources = np.add.outer(product.sources.astype(np.int64) * factor.n_in, factor.sources).ravel()
        targets = np.add.outer(product.targets.astype(np.int64) * factor.n_out, factor.targets).ravel()
        product = BipartiteGraph.from_sorted_keys(np.sort(pair_keys(sources, targets, n_in)), n_in=n_in, n_out=n_out)
    return product


def kronecker_power(initiator: BipartiteGraph, power: int) -> BipartiteGraph:
    """Kronecker power: the product of `power` copies of one layer, a self-similar wiring.

    Parameters
    ----------
    initiator : BipartiteGraph
        The pattern that repeats on every scale.
    power : int
        Number of copies, at least 1; units and edges are those of the initiator to this power.

    Raises
    ------
    InvalidGraph, InvalidSize, InvalidOption
        As `kronecker`, and for an impossible `power`.

    Notes
    -----
    The deterministic Kronecker graphs of Leskovec et al. 2010, JMLR 11:985; `stochastic_kronecker` is their random
    sibling with any number of edges.

    Examples
    --------
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> kronecker_power(path, 5)
    BipartiteGraph(32 -> 32, 243 edges, density 0.237)
    """
    return kronecker(*itertools.repeat(initiator, as_power(power)))


def as_power(power: Any) -> int:
    """Return an exponent as a plain int.

    Raises
    ------
    InvalidOption
        If it is not a whole number from 1 to 63, beyond which a pattern of two units has too many pairs.
    """
    if not isinstance(power, int | np.integer) or isinstance(power, bool) or not 1 <= power <= 63:
        raise InvalidOption("power", repr(power), "a whole number from 1 to 63", "power=4")
    return int(power)
