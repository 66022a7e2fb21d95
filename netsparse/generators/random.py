"""Random layers without further structure."""

from __future__ import annotations

import numpy as np

from netsparse.generators.budget import edge_count
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.free_pairs import sample_free_keys
from netsparse.rng import as_rng
from netsparse.typing import Seed


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
