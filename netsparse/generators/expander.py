"""Random layers that expand: lifts of a small graph, and unions of random permutations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidDegree, InvalidOption, InvalidSize
from netsparse.generators.budget import edge_count
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.frozen import index_dtype
from netsparse.graph.pairs import pair_keys
from netsparse.rng import as_rng
from netsparse.typing import Int, Seed


def random_lift(base: BipartiteGraph, n_copies: int, *, rng: Seed) -> BipartiteGraph:
    """Random lift: `n_copies` copies of every unit, and for every edge of `base` a random perfect matching of copies.

    Copy c of source s is source c * base.n_in + s, copy c of target t is target c * base.n_out + t. Each of the
    matchings is uniform over all n_copies! of them and independent of the others. Every unit keeps its
    degree, the density is divided by `n_copies`, and the graph is simple because its base is.

    Parameters
    ----------
    base : BipartiteGraph
        The graph to lift.
    n_copies : int
        Copies of each unit, at least 1.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidSeed
        For something else than a graph, an impossible number of copies, more pairs than can be numbered, or no seed.

    Notes
    -----
    The singular values of the base all stay: copying a vector to all copies of each unit gives a singular vector of the
    lift. Where the base is connected and biregular, the others are at most sqrt(fan_in - 1) + sqrt(fan_out - 1) + o(1)
    with high probability for many copies (Friedman and Kohler, arXiv:1403.3462; Bordenave, arXiv:1502.04482), and some
    lift has none above that bound (two copies: Marcus, Spielman and Srivastava 2015,
    doi:10.4007/annals.2015.182.1.7; any number: Hall, Puder and Sawin, arXiv:1506.02335). A lift of a small Ramanujan
    layer is therefore a large one that nearly is.

    Amit and Linial, Combinatorica 22, 1 (2002), doi:10.1007/s004930200000; Bilu and Linial, Combinatorica 26, 495
    (2006), doi:10.1007/s00493-006-0029-7. O(edges log edges).

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> lift = random_lift(complete(3, 2), 100, rng=0)
    >>> lift, set(lift.fan_in.tolist()), set(lift.fan_out.tolist())
    (BipartiteGraph(300 -> 200, 600 edges, density 0.01), {3}, {2})
    """
    if not isinstance(base, BipartiteGraph):
        fix = "netsparse.generators.complete(3, 3)"
        raise InvalidOption("base", f"a {type(base).__name__}", "a BipartiteGraph", fix)
    whole = isinstance(n_copies, int | np.integer) and not isinstance(n_copies, bool)
    if not whole or n_copies < 1:
        raise InvalidOption("n_copies", repr(n_copies), "a whole number of copies, at least 1", "n_copies=100")
    n_copies, rng = int(n_copies), as_rng(rng)
    n_in, n_out = as_sides(base.n_in * n_copies, base.n_out * n_copies)
    copies = np.arange(n_copies)
    matched = rng.permuted(np.broadcast_to(copies, (base.n_edges, n_copies)), axis=1)
    sources = matched * base.n_in + base.sources[:, None]
    targets = copies * base.n_out + base.targets[:, None]
    keys = np.sort(pair_keys(sources.ravel(), targets.ravel(), n_in))
    return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)


def permutation_union(
    n_in: int,
    n_out: int | None = None,
    *,
    degree: int | None = None,
    density: float | None = None,
    n_edges: int | None = None,
    rng: Seed,
) -> BipartiteGraph:
    """Union of `degree` random permutations that share no edge: every unit of either side has `degree` edges.

    Parameters
    ----------
    n_in : int
        Units on either side.
    n_out : int, optional
        The same number again, for callers that always give both.
    degree, density, n_edges : int, float or int
        Exactly one of them: the number of permutations, 0 to n_in; or round(density * n_in^2) or `n_edges` edges, which
        have to be a multiple of n_in.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidSize, InvalidDegree, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption, InvalidSeed
        For impossible or unequal sizes, for degrees and edge counts that no such graph has (the message names the
        nearest feasible degree), and for impossible seeds.

    Notes
    -----
    The permutations are drawn uniformly, one after the other. Where one repeats an edge (i, j) of its predecessors, it
    swaps the images of i and of a random unit, provided that both new pairs are free, until it repeats none. With
    d - 1 predecessors each of the two pairs is taken for at most d - 1 units, and for i itself both are: at least
    n - 2 (d - 1) + 1 units will do, so that the repair comes to an end wherever d - 1 <= n / 2. Degrees above n / 2 are
    drawn as the complement of a union of n - degree permutations, which is itself a union of permutations (Koenig's
    theorem). One permutation is exactly uniform. Of several, about degree^2 / 2 edges in all have been repaired,
    however many units there are: the bias against uniform disjoint permutations vanishes with growing n, but shows in
    very small layers. Graphs that are equal up to the names of the units are equally likely. The procedure is ours.

    Without the repair this is a random lift of two units joined by `degree` parallel edges. For it all singular values
    but sigma_1 = degree are at most 2 sqrt(degree - 1) + o(1) with high probability (Friedman and Kohler,
    arXiv:1403.3462; Bordenave, arXiv:1502.04482). O(edges) memory and, from degree n / 128 on, O(edges) time; below it
    O(degree * edges).

    Examples
    --------
    >>> graph = permutation_union(1000, degree=8, rng=0)
    >>> graph, set(graph.fan_in.tolist()), set(graph.fan_out.tolist())
    (BipartiteGraph(1000 -> 1000, 8,000 edges, density 0.008), {8}, {8})
    >>> permutation_union(100, 100, density=0.05, rng=0).n_edges
    500
    """
    n, n_out = as_sides(n_in, n_in if n_out is None else n_out)
    if n != n_out:
        fix = f"n_out={n}, or biregular, which takes unequal sides"
        raise InvalidSize("n_in, n_out", f"{n} and {n_out}", "as many units on either side", fix)
    degree, rng = _degree(n, degree, density, n_edges), as_rng(rng)
    sources = _disjoint_permutations(n, min(degree, n - degree), rng)
    if 2 * degree <= n:
        return BipartiteGraph.from_canonical(n, n, np.arange(n + 1) * degree, np.sort(sources.T, axis=1).ravel())
    present = np.ones((n, n), dtype=bool)  # at most 2 n_edges pairs in all: linear in the result
    present[np.arange(n), sources] = False
    return BipartiteGraph.from_sorted_keys(np.flatnonzero(present), n_in=n, n_out=n)


def _degree(n: int, degree: Any, density: Any, n_edges: Any) -> int:
    given = [
        name for name, value in (("degree", degree), ("density", density), ("n_edges", n_edges)) if value is not None
    ]
    if len(given) != 1:
        raise InvalidOption(
            "degree, density, n_edges", " and ".join(given) or "none", "exactly one of them", "degree=8"
        )
    if degree is not None:
        whole = isinstance(degree, int | np.integer) and not isinstance(degree, bool)
        if not whole or not 0 <= degree <= n:
            # the limits first: a whole number may be too large for a float
            wanted = max(1, min(degree, n)) if isinstance(degree, Real) and degree == degree else 1
            expected = f"a whole number of permutations, 0 to n_in = {n}"
            raise InvalidDegree("degree", repr(degree), expected, f"degree={round(wanted)}")
        return int(degree)
    count = edge_count(n, n, density=density, n_edges=n_edges)
    if count % n:
        fix = f"degree={max(1, round(count / n))}, or near_biregular, which takes any edge count"
        raise InvalidDegree(given[0], f"{count} edges", f"a multiple of n_in = {n}, as every permutation has", fix)
    return count // n


def _disjoint_permutations(n: int, degree: int, rng: np.random.Generator) -> Int[np.ndarray, "degree n"]:
    """Draw `degree` <= n / 2 permutations of n units, one a row, no two of which agree anywhere."""
    rows = np.empty((degree, n), dtype=index_dtype(n, n * degree))
    # a bit for each pair where that is at most 16 bytes per edge; sparser unions compare with the rows before
    bits = np.zeros((n, (n + 7) // 8) if 128 * degree >= n else (0, 0), dtype=np.uint8)
    units = np.arange(n)
    for k in range(degree):
        images = rng.permutation(n)
        taken = partial(_marked, bits) if bits.size else partial(_listed, rows[:k])
        clashes = units[taken(units, images)]
        while len(clashes):
            _swap(images, rng.permutation(clashes), taken, rng)  # no unit is served before the others
            clashes = clashes[taken(clashes, images[clashes])]
        rows[k] = images
        if bits.size:
            bits[units, images >> 3] |= (1 << (images & 7)).astype(np.uint8)
    return rows


def _marked(bits: np.ndarray, units: np.ndarray, images: np.ndarray) -> np.ndarray:
    return (bits[units, images >> 3] >> (images & 7) & 1).astype(bool)


def _listed(before: np.ndarray, units: np.ndarray, images: np.ndarray) -> np.ndarray:
    taken = np.zeros(len(units), dtype=bool)
    for row in before:
        taken |= row[units] == images
    return taken


def _swap(
    images: np.ndarray,
    clashes: np.ndarray,
    taken: Callable[[np.ndarray, np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> None:
    """Swap the image of each clash with that of a random unit, in place, wherever both new pairs are free."""
    partners = rng.integers(len(images), size=len(clashes))
    free = ~(taken(clashes, images[partners]) | taken(partners, images[clashes]))
    pairs = np.stack([clashes[free], partners[free]], axis=1)
    # of swaps that share a unit the first one counts; swaps that share none cannot spoil each other
    _, first = np.unique(pairs, return_index=True)
    alone = np.zeros(pairs.size, dtype=bool)
    alone[first] = True
    a, b = pairs[alone.reshape(-1, 2).all(axis=1)].T
    images[a], images[b] = images[b], images[a]
