"""Layers made of blocks: the stochastic block model, and diagonal blocks joined by a given number of bridges."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, NotEnoughFreePairs
from netsparse.generators.budget import edge_count
from netsparse.generators.proportional import as_proportions, proportional_counts
from netsparse.generators.regular import near_biregular
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_count, as_sides
from netsparse.graph.free_pairs import sample_free_keys
from netsparse.graph.pairs import pair_keys
from netsparse.rng import as_rng
from netsparse.typing import Int, Seed

MOST_BLOCKS = 2000  # a side of the table of block pairs; beyond it the table, not the graph, would fill the memory


def stochastic_block_model(
    n_in: int,
    n_out: int,
    *,
    density: float | None = None,
    n_edges: int | None = None,
    affinity: Any = None,
    n_blocks: int = 2,
    ratio: float = 10.0,
    rng: Seed,
) -> BipartiteGraph:
    """Stochastic block model with exact counts: each pair of blocks has its share of the edges, uniform inside it.

    Sources and targets are cut into contiguous blocks whose sizes differ by at most one. With affinity A, sources'
    block a and targets' block b share E_ab edges,

        E_ab = min(1, c A_ab) * (pairs of a and b),  c such that the sum over all block pairs is the edge count,

    rounded by largest remainders. A block pair that is full hands its surplus to the others.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side. Blocks are empty where there are fewer units than blocks.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.
    affinity : array of shape (blocks of sources, blocks of targets), optional
        Relative densities, at least 0; only their ratios matter. Its shape says how many blocks there are on either
        side, `n_blocks` and `ratio` are then not used.
    n_blocks : int
        Blocks on either side of the default affinity: `ratio` on its diagonal, 1 elsewhere.
    ratio : float
        Density inside over density between the diagonal blocks, at least 0: above 1 assortative, 1 uniform, 0 no
        edge inside.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidOption
        For an affinity that is no table of non-negative numbers, and for an impossible `n_blocks` or `ratio`.
    NotEnoughFreePairs
        If the block pairs of positive affinity have fewer pairs than edges are asked for.
    InvalidSize, InvalidDensity, NoEdges, InvalidSeed
        As `erdos_renyi`.

    Notes
    -----
    O(edges + blocks^2). Holland, Laskey and Leinhardt 1983, doi:10.1016/0378-8733(83)90021-7; its bipartite form:
    Larremore, Clauset and Jacobs 2014, doi:10.1103/PhysRevE.90.012805. Fixed counts per block pair make it the
    microcanonical variant (Peixoto 2017, doi:10.1103/PhysRevE.95.012317); the rounding is ours.

    Examples
    --------
    >>> graph = stochastic_block_model(100, 100, n_edges=1100, n_blocks=2, ratio=10, rng=0)
    >>> int(((graph.sources < 50) == (graph.targets < 50)).sum())
    1000
    """
    n_in, n_out = as_sides(n_in, n_out)
    count = edge_count(n_in, n_out, density=density, n_edges=n_edges)
    table = _assortative(n_blocks, ratio) if affinity is None else _as_affinity(affinity)
    rng = as_rng(rng)
    starts_in, starts_out = _starts(n_in, table.shape[0]), _starts(n_out, table.shape[1])
    widths, heights = np.diff(starts_in), np.diff(starts_out)
    pairs = np.outer(widths, heights).ravel()
    room = int(pairs[table.ravel() > 0].sum())
    if count > room:
        fix = f"n_edges={room}, or affinity above 0 for more block pairs"
        raise NotEnoughFreePairs("n_edges", f"{count} edges", f"at most the {room} pairs of positive affinity", fix)

    counts = proportional_counts(count, table.ravel(), pairs)
    parts = [np.empty(0, dtype=np.int64)]
    for cell in np.flatnonzero(counts):
        a, b = divmod(int(cell), table.shape[1])
        inside = sample_free_keys(np.empty(0, dtype=np.int64), int(pairs[cell]), int(counts[cell]), rng)
        targets, sources = np.divmod(inside, widths[a])
        parts.append(pair_keys(sources + starts_in[a], targets + starts_out[b], n_in))
    return BipartiteGraph.from_sorted_keys(np.sort(np.concatenate(parts)), n_in=n_in, n_out=n_out)


def block_diagonal(
    n_in: int,
    n_out: int,
    *,
    density: float | None = None,
    n_edges: int | None = None,
    n_blocks: int = 4,
    bridges: int | None = None,
    rng: Seed,
) -> BipartiteGraph:
    """Diagonal blocks joined by a given number of bridges: the family that moves the spectral gap at fixed density.

    Sources and targets are cut into `n_blocks` contiguous blocks whose sizes differ by at most one; block b of the
    sources belongs to block b of the targets. Exactly `bridges` of the edges are a uniformly random set of pairs
    between different blocks. The others lie inside the blocks, at the same density in each (rounded by largest
    remainders), and each block is near-biregular. Without bridges the blocks are separate components and equal ones
    have spectral gap 0; every bridge is an edge taken from the blocks, so that the density stays.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side. Where there are fewer units than blocks, the blocks without units on one side are empty
        and the units on their other side have bridges only.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.
    n_blocks : int
        Number of diagonal blocks.
    bridges : int, optional
        Edges between blocks; where not given, as few as possible: none, or what the full blocks cannot hold.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidOption
        For an impossible `n_blocks`, and more bridges than edges.
    NotEnoughFreePairs
        If the blocks cannot hold the edges that are no bridges (the message names the number of bridges that is
        needed), or there are fewer pairs between blocks than bridges.
    InvalidSize, InvalidDensity, NoEdges, InvalidSeed
        As `erdos_renyi`.

    Notes
    -----
    O(edges log edges + blocks). The family is ours; with random blocks it is the planted partition of Condon and Karp
    2001, doi:10.1002/1098-2418(200103)18:2<116::AID-RSA1001>3.0.CO;2-2, with exact counts.

    Examples
    --------
    >>> from netsparse.metrics import spectral_gap
    >>> layers = [block_diagonal(64, 64, density=0.25, n_blocks=2, bridges=k, rng=0) for k in (0, 128, 512)]
    >>> [abs(round(spectral_gap(layer), 1)) for layer in layers]
    [0.0, 4.0, 9.9]
    """
    n_in, n_out = as_sides(n_in, n_out)
    count = edge_count(n_in, n_out, density=density, n_edges=n_edges)
    n_blocks = _as_blocks(n_blocks)
    used = min(n_blocks, max(n_in, n_out))  # further blocks would be empty on both sides
    starts_in, starts_out = _starts(n_in, used), _starts(n_out, used)
    widths, heights = np.diff(starts_in), np.diff(starts_out)
    pairs = widths * heights
    inside = int(pairs.sum())
    n_bridges = max(0, count - inside) if bridges is None else as_count("bridges", bridges)
    _check_bridges(n_bridges, count, inside, n_in * n_out - inside)

    rng = as_rng(rng)
    counts = proportional_counts(count - n_bridges, np.ones(used), pairs)
    parts = [_bridges(starts_in, starts_out, n_bridges, rng)]
    for b in np.flatnonzero(counts):
        block = near_biregular(int(widths[b]), int(heights[b]), n_edges=int(counts[b]), rng=rng)
        sources, targets = block.sources.astype(np.int64), block.targets.astype(np.int64)
        parts.append(pair_keys(sources + starts_in[b], targets + starts_out[b], n_in))
    return BipartiteGraph.from_sorted_keys(np.sort(np.concatenate(parts)), n_in=n_in, n_out=n_out)


def _bridges(starts_in: np.ndarray, starts_out: np.ndarray, n_bridges: int, rng: np.random.Generator) -> np.ndarray:
    """Draw distinct pairs between blocks: the pairs outside the diagonal are numbered block by block, none listed."""
    n_in, widths = int(starts_in[-1]), np.diff(starts_in)
    beside = n_in - widths  # sources outside the block
    ends = np.cumsum(beside * np.diff(starts_out))
    drawn = sample_free_keys(np.empty(0, dtype=np.int64), int(ends[-1]), n_bridges, rng)
    block = np.searchsorted(ends, drawn, side="right")
    place = drawn - (ends - beside * np.diff(starts_out))[block]
    target, source = np.divmod(place, np.maximum(beside, 1)[block])
    source += np.where(source >= starts_in[block], widths[block], 0)  # step over the block's own sources
    return pair_keys(source, target + starts_out[block], n_in)


def _check_bridges(n_bridges: int, n_edges: int, inside: int, between: int) -> None:
    least = max(0, n_edges - inside)
    most = min(n_edges, between)
    if n_bridges > n_edges:
        raise InvalidOption("bridges", str(n_bridges), f"at most all {n_edges} edges", f"bridges={most}")
    if n_bridges > between:
        expected = f"at most the {between} pairs between blocks"
        raise NotEnoughFreePairs("bridges", str(n_bridges), expected, f"bridges={most}")
    if n_bridges < least:
        given = f"{n_edges} edges with {n_bridges} bridges"
        expected = f"at most {inside} edges inside the blocks"
        raise NotEnoughFreePairs("n_edges", given, expected, f"bridges={least} or more, or fewer edges or blocks")


def _assortative(n_blocks: Any, ratio: Any) -> np.ndarray:
    n_blocks = _as_blocks(n_blocks)
    if n_blocks > MOST_BLOCKS:
        fix = "n_blocks=100, or block_diagonal, which takes any number"
        raise InvalidOption("n_blocks", str(n_blocks), f"at most {MOST_BLOCKS}", fix)
    number = isinstance(ratio, Real) and not isinstance(ratio, bool)
    if not number or not math.isfinite(ratio) or ratio < 0:
        raise InvalidOption("ratio", repr(ratio), "a finite number of at least 0", "ratio=10.0")
    table = np.ones((n_blocks, n_blocks))
    np.fill_diagonal(table, float(ratio))
    return as_proportions("affinity", table)


def _as_affinity(affinity: Any) -> np.ndarray:
    table = as_proportions("affinity", affinity)
    if max(table.shape) > MOST_BLOCKS:
        given, expected = f"{table.shape[0]} x {table.shape[1]} blocks", f"at most {MOST_BLOCKS} on either side"
        raise InvalidOption("affinity", given, expected, "larger blocks, each of several units")
    return table


def _as_blocks(n_blocks: Any) -> int:
    if not isinstance(n_blocks, int | np.integer) or isinstance(n_blocks, bool) or n_blocks < 1:
        raise InvalidOption("n_blocks", repr(n_blocks), "a whole number of blocks, at least 1", "n_blocks=4")
    return int(n_blocks)


def _starts(n_units: int, n_blocks: int) -> Int[np.ndarray, "block+1"]:
    """First unit of each of `n_blocks` contiguous blocks whose sizes differ by at most one, and the end."""
    sizes = np.full(n_blocks, n_units // n_blocks, dtype=np.int64)
    sizes[: n_units % n_blocks] += 1
    return np.concatenate([[0], np.cumsum(sizes)])
