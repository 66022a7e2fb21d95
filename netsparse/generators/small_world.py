"""Small-world layers: windows on a ring, of whose edges a fraction goes anywhere (Watts and Strogatz, on two sides)."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.generators.free_sources import sample_free_sources
from netsparse.generators.structured import circulant
from netsparse.graph import BipartiteGraph
from netsparse.graph.pairs import pair_keys
from netsparse.rng import as_rng
from netsparse.typing import Seed


def watts_strogatz(
    n_in: int,
    n_out: int,
    *,
    density: float | None = None,
    n_edges: int | None = None,
    beta: float = 0.1,
    rng: Seed,
) -> BipartiteGraph:
    """Small-world layer: windows of sources on a ring, each edge moved to a random source with probability `beta`.

    The start is `circulant`: target t reads a contiguous window of sources around its rescaled position
    (t + 1/2) n_in / n_out on a ring, and the widths of the windows differ by at most one. Each edge is then lifted with
    probability beta, independently; the lifted edges of a target come down on as many distinct sources, drawn
    uniformly from all that its remaining edges leave free. Fan-ins stay what they were.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.
    beta : float
        Probability that an edge is rewired, in [0, 1]. 0 is `circulant`; at 1 the sources of every target are a
        uniformly random set.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption, InvalidSeed
        For impossible sizes or edge counts, for a beta that is no probability, and for no seed.

    Notes
    -----
    Watts and Strogatz 1998, doi:10.1038/30918, in the two-sided form in which Cannistraci-Hebb training starts its
    layers (Zhang et al., arXiv:2501.19107). Ours: the windows of unequal sides and counts, and that all lifted edges
    come down at once. One of them may come down where an edge was lifted, so that somewhat fewer than a fraction beta
    of the edges differ from the start, but beta means the same at every density, the complete layer included.
    O(edges log edges).

    Examples
    --------
    >>> graph = watts_strogatz(784, 1000, density=0.01, beta=0.2, rng=0)
    >>> graph.n_edges, set(graph.fan_in.tolist())
    (7840, {8, 7})
    >>> start = circulant(784, 1000, density=0.01)
    >>> watts_strogatz(784, 1000, density=0.01, beta=0, rng=0) == start
    True
    >>> int(graph.has_edges(start.sources, start.targets).sum())
    6216
    """
    number = isinstance(beta, Real) and not isinstance(beta, bool) and math.isfinite(beta)
    if not number or not 0 <= beta <= 1:
        raise InvalidOption("beta", repr(beta), "a probability, in [0, 1]", "beta=0.1")
    start, rng = circulant(n_in, n_out, density=density, n_edges=n_edges), as_rng(rng)
    lifted = rng.random(start.n_edges) < float(beta)
    kept = pair_keys(start.sources[~lifted], start.targets[~lifted], start.n_in)
    counts = np.bincount(start.targets[lifted], minlength=start.n_out)
    keys = np.concatenate([kept, sample_free_sources(kept, start.n_in, counts, rng)])
    keys.sort(kind="stable")
    return BipartiteGraph.from_sorted_keys(keys, n_in=start.n_in, n_out=start.n_out)
