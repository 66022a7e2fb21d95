"""Whole networks: how many edges each layer gets, and `layered`, which draws them all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np

from netsparse.errors import InvalidDegree, InvalidDensity, InvalidOption, NoEdges, unknown_name
from netsparse.generators.budget import as_density, as_sizes, edge_count
from netsparse.generators.random import erdos_renyi
from netsparse.generators.regular import biregular, near_biregular
from netsparse.generators.structured import complete
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.rng import spawn
from netsparse.typing import Seed

LayerGenerator = Callable[..., BipartiteGraph]
"""Called as `generator(n_in, n_out, n_edges=..., rng=...)`."""


def uniform(sizes: Sequence[int], density: float) -> list[int]:
    """Edges per layer at the same density everywhere: round(density * n_in * n_out).

    Examples
    --------
    >>> uniform([784, 1000, 1000], 0.01)
    [7840, 10000]
    """
    sizes, density = as_sizes(sizes), as_density(density)
    return [round(density * n_in * n_out) for n_in, n_out in itertools.pairwise(sizes)]


def erk(sizes: Sequence[int], density: float) -> list[int]:
    """Edges per layer by the Erdos-Renyi-kernel rule: density proportional to (n_in + n_out) / (n_in * n_out).

    A layer whose share exceeds its pairs becomes complete and leaves the rest of the budget to the others. The total is
    exactly round(density * all pairs); fractions of an edge go to the layers with the largest remainders.

    Notes
    -----
    Evci et al., Rigging the Lottery, arXiv:1911.11134, section 3 and the authors' code; exact counts are ours.

    Examples
    --------
    >>> erk([784, 1000, 1000, 10], 0.01), sum(erk([784, 1000, 1000, 10], 0.01))
    ([6676, 7484, 3780], 17940)
    """
    sizes, density = as_sizes(sizes), as_density(density)
    pairs = np.array([n_in * n_out for n_in, n_out in itertools.pairwise(sizes)], dtype=np.float64)
    units = np.array([n_in + n_out for n_in, n_out in itertools.pairwise(sizes)], dtype=np.float64)
    budget = round(density * pairs.sum())
    full = np.zeros(len(pairs), dtype=bool)
    share = pairs.copy()
    while not full.all():
        share[~full] = (budget - pairs[full].sum()) * units[~full] / units[~full].sum()
        over = ~full & (share > pairs)
        if not over.any():
            break
        full |= over
        share[over] = pairs[over]
    counts = np.floor(share).astype(int)
    open_layers = np.flatnonzero(~full)
    by_remainder = open_layers[np.argsort(-(share - counts)[open_layers], kind="stable")]
    counts[by_remainder[: budget - counts.sum()]] += 1
    return counts.tolist()


def _biregular(n_in: int, n_out: int, *, n_edges: int, rng: Seed) -> BipartiteGraph:
    if n_edges % n_out:
        expected = f"an edge count divisible by n_out = {n_out}"
        fix = f"density={max(1, round(n_edges / n_out)) / n_in:.6g} for this layer, or generator='near_biregular'"
        raise InvalidDegree("biregular layer", f"{n_edges} edges", expected, fix)
    return biregular(n_in, n_out, fan_in=n_edges // n_out, rng=rng)


def _complete(n_in: int, n_out: int, *, n_edges: int, rng: Seed) -> BipartiteGraph:
    if n_edges != n_in * n_out:
        given = f"{n_edges / (n_in * n_out):.6g}"
        raise InvalidDensity("density of a complete layer", given, "1, every pair is an edge", "density=1")
    return complete(n_in, n_out)


def _by_edges(generator: Any) -> LayerGenerator:
    """Return what draws a layer with a given number of edges: functions that take something else have their adapter."""
    if isinstance(generator, str):
        return _named("generator", generator, GENERATORS)
    if not callable(generator):
        expected = "a name or a function called as generator(n_in, n_out, n_edges=..., rng=...)"
        raise InvalidOption("generator", repr(generator), expected, "generator='erdos_renyi'")
    for function, adapter in ((biregular, _biregular), (complete, _complete)):
        if generator is function:
            return adapter
    return cast(LayerGenerator, generator)


def _drawn(draw: LayerGenerator, n_in: int, n_out: int, n_edges: int, rng: np.random.Generator) -> BipartiteGraph:
    graph = draw(n_in, n_out, n_edges=n_edges, rng=rng)
    if not isinstance(graph, BipartiteGraph) or (*graph.sizes, graph.n_edges) != (n_in, n_out, n_edges):
        expected = f"a BipartiteGraph({n_in} -> {n_out}) with exactly {n_edges} edges"
        raise InvalidOption("generator", repr(graph), expected, "a generator that keeps to n_in, n_out and n_edges")
    return graph


GENERATORS: dict[str, LayerGenerator] = {
    "erdos_renyi": erdos_renyi,
    "near_biregular": near_biregular,
    "biregular": _biregular,
    "complete": _complete,
}
ALLOCATIONS: dict[str, Callable[[Sequence[int], float], list[int]]] = {"uniform": uniform, "erk": erk}


def layered(
    sizes: Iterable[int],
    *,
    density: float | Sequence[float],
    generator: str | LayerGenerator = "erdos_renyi",
    allocation: str = "uniform",
    rng: Seed,
) -> SparseNetwork:
    """Draw a whole network, layer by layer.

    Parameters
    ----------
    sizes : sequence of int
        Units on each level, inputs first: L + 1 numbers for L layers.
    density : float or sequence of L floats
        Overall density in (0, 1], or one per layer (`allocation` is then not used).
    generator : str or callable
        A name from `GENERATORS`, or any function called as `generator(n_in, n_out, n_edges=..., rng=...)`.
        All named ones take a density; `biregular` needs counts that divide evenly, `complete` needs density 1.
    allocation : {"uniform", "erk"}
        How one overall density becomes a number of edges per layer.
    rng : int or numpy.random.Generator
        Each layer draws from its own child generator.

    Raises
    ------
    InvalidSize, InvalidDensity, NoEdges, InvalidDegree, UnknownName, InvalidOption, InvalidSeed
        `NoEdges` where the density would leave a layer without any edge.

    Examples
    --------
    >>> layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    SparseNetwork(784-1000-1000-1000, 27,840 edges, density 0.01)
    """
    levels = as_sizes(sizes)
    draw = _by_edges(generator)
    counts = _counts(levels, density, _named("allocation", allocation, ALLOCATIONS))
    ends = zip(levels[:-1], levels[1:], counts, spawn(rng, len(counts), purpose="wiring"), strict=True)
    return SparseNetwork([_drawn(draw, *each) for each in ends])


def _counts(levels: list[int], density: Any, allocate: Callable[[Sequence[int], float], list[int]]) -> list[int]:
    layers = list(itertools.pairwise(levels))
    if isinstance(density, list | tuple | np.ndarray) and np.ndim(density) == 1:
        if len(density) != len(layers):
            expected = f"one number, or one per layer ({len(layers)})"
            raise InvalidDensity("density", f"{len(density)} numbers", expected, "density=0.01")
        return [edge_count(*layer, density=d) for layer, d in zip(layers, density, strict=True)]
    counts = allocate(levels, as_density(density))
    for (n_in, n_out), count in zip(layers, counts, strict=True):
        if count == 0:
            given = f"{density!r}, which leaves the layer {n_in} -> {n_out} without edges"
            enough = as_density(density)
            while not all(allocate(levels, enough)):
                enough = min(2 * enough, 1.0)
            least = np.format_float_positional(min(1.05 * enough, 1.0), precision=2, fractional=False)
            raise NoEdges(
                "density",
                given,
                "at least one edge in every layer",
                f"density={least} or more, or wider layers",
            )
    return counts


def _named(family: str, name: Any, table: dict[str, Any]) -> Any:
    if not isinstance(name, str) or name not in table:
        raise unknown_name(family, name, table)
    return table[name]
