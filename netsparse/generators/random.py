"""Random layers without further structure: the edge count fixed, or every pair independent."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.generators.budget import edge_count
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.free_pairs import sample_free_keys
from netsparse.rng import as_rng
from netsparse.typing import Seed

RARE = 1e-9  # below this p, numpy's binomial loses digits in log(1 - p), and a Poisson count is nearer to the truth


def erdos_renyi(
    n_in: int, n_out: int, *, density: float | None = None, n_edges: int | None = None, rng: Seed
) -> BipartiteGraph:
    """Erdos-Renyi layer G(n, m): a uniformly random set of exactly `n_edges` pairs.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption, InvalidSeed
        For impossible sizes, edge counts or seeds.

    Notes
    -----
    O(edges) time and memory. Erdos and Renyi, Publ. Math. Debrecen 6, 290 (1959); the sparse layers of SET
    (Mocanu et al. 2018, doi:10.1038/s41467-018-04316-3) start as its fixed-p sibling, whose count drifts.

    Examples
    --------
    >>> erdos_renyi(784, 1000, density=0.01, rng=0)
    BipartiteGraph(784 -> 1000, 7,840 edges, density 0.01)
    """
    n_in, n_out = as_sides(n_in, n_out)
    count = edge_count(n_in, n_out, density=density, n_edges=n_edges)
    keys = sample_free_keys(np.empty(0, dtype=np.int64), n_in * n_out, count, as_rng(rng))
    return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)


def gnp(n_in: int, n_out: int, *, p: float, rng: Seed) -> BipartiteGraph:
    """Erdos-Renyi layer G(n, p): every pair is an edge with probability `p`, independently of all others.

    The number of edges is random: binomial with mean p * n_in * n_out and variance p * (1 - p) * n_in * n_out. Where
    it has to be exact, use `erdos_renyi`.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    p : float
        Probability of an edge, in [0, 1].
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidSize, InvalidOption, InvalidSeed
        For impossible sizes, for a `p` that is no probability, and for no seed.

    Notes
    -----
    Gilbert, Ann. Math. Stat. 30, 1141 (1959), doi:10.1214/aoms/1177706098; the initial layers of SET (Mocanu et al.
    2018, doi:10.1038/s41467-018-04316-3). Drawn as a binomial count and then a uniform set of so many pairs, which is
    the same distribution, in O(edges). For p below 1e-9 the count is Poisson, at most p away in total variation
    (Barbour and Hall 1984, doi:10.1017/S0305004100061806).

    Examples
    --------
    >>> gnp(784, 1000, p=0.01, rng=0)
    BipartiteGraph(784 -> 1000, 7,949 edges, density 0.0101)
    >>> gnp(3, 4, p=0, rng=0).n_edges, gnp(3, 4, p=1, rng=0).n_edges
    (0, 12)
    """
    n_in, n_out = as_sides(n_in, n_out)
    number = isinstance(p, Real) and not isinstance(p, bool) and math.isfinite(p)
    if not number or not 0 <= p <= 1:
        raise InvalidOption("p", repr(p), "a probability, in [0, 1]", "p=0.01")
    rng, p, n_pairs = as_rng(rng), float(p), n_in * n_out
    count = min(n_pairs, int(rng.poisson(p * n_pairs) if p < RARE else rng.binomial(n_pairs, p)))
    return erdos_renyi(n_in, n_out, n_edges=count, rng=rng)
