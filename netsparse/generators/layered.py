"""`layered`: a whole network, drawn layer by layer."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from netsparse.errors import InvalidDensity, InvalidOption, NoEdges, unknown_name
from netsparse.generators.allocation import ALLOCATIONS, Allocation
from netsparse.generators.budget import as_density, as_sizes, edge_count
from netsparse.generators.correlated import feature_correlation
from netsparse.generators.expander import permutation_union
from netsparse.generators.modular import block_diagonal, stochastic_block_model
from netsparse.generators.random import erdos_renyi
from netsparse.generators.regular import biregular, constant_fan_in, constant_fan_out, near_biregular
from netsparse.generators.scale_free import chung_lu, preferential_attachment
from netsparse.generators.small_world import watts_strogatz
from netsparse.generators.structured import banded, circulant, complete
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.rng import spawn
from netsparse.typing import Seed

LayerGenerator = Callable[..., BipartiteGraph]
"""Called as `generator(n_in, n_out, n_edges=..., rng=..., **parameters)`; `rng` only if it takes one."""

GENERATORS: dict[str, LayerGenerator] = {
    "erdos_renyi": erdos_renyi,
    "near_biregular": near_biregular,
    "biregular": biregular,
    "constant_fan_in": constant_fan_in,
    "constant_fan_out": constant_fan_out,
    "chung_lu": chung_lu,
    "preferential_attachment": preferential_attachment,
    "watts_strogatz": watts_strogatz,
    "stochastic_block_model": stochastic_block_model,
    "block_diagonal": block_diagonal,
    "banded": banded,
    "circulant": circulant,
    "permutation_union": permutation_union,
    "feature_correlation": feature_correlation,
    "complete": complete,
}
"""Generators of one layer that take a density, by name."""

OWN_SIZES: dict[str, str] = {
    "gnp": "gnp(n_in, n_out, p=0.01, rng=0)",
    "configuration_model": "configuration_model(fan_out, fan_in, rng=0)",
    "tree": "tree(n_in, n_out)",
    "butterfly": "butterfly(1024)",
    "radix_net": "radix_net([4, 4, 4])",
    "kronecker": "kronecker(graph, graph)",
    "kronecker_power": "kronecker_power(graph, 5)",
    "stochastic_kronecker": "stochastic_kronecker([[0.9, 0.5], [0.5, 0.1]], 10, n_edges=10000, rng=0)",
    "random_lift": "random_lift(graph, 100, rng=0)",
    "projective_plane": "projective_plane(31)",
    "lubotzky_phillips_sarnak": "lubotzky_phillips_sarnak(5, 13)",
}
"""Generators whose parameters determine the number of edges or units, by name, with a call; `layered` refuses them."""


def layered(
    sizes: Iterable[int],
    *,
    density: float | Sequence[float] | None = None,
    n_edges: int | Sequence[int] | None = None,
    generator: str | LayerGenerator | Sequence[str | LayerGenerator] = "erdos_renyi",
    allocation: str = "uniform",
    rng: Seed,
    **parameters: Any,
) -> SparseNetwork:
    """Draw a whole network, layer by layer.

    Parameters
    ----------
    sizes : sequence of int
        Units on each level, inputs first: L + 1 numbers for L layers.
    density, n_edges : float or int, or a sequence of L of them
        Exactly one: the overall density in (0, 1] or the number of edges of the whole network, which `allocation`
        shares out exactly; or one number per layer.
    generator : str, callable, or a sequence of L of them
        A name from `GENERATORS`, or any function called as `generator(n_in, n_out, n_edges=..., rng=...)`.
    allocation : {"uniform", "erk"}
        How one overall budget becomes a number of edges per layer.
    rng : int or numpy.random.Generator
        Each layer draws from its own child generator.
    **parameters
        Handed to the generator of every layer: `beta=0.2` for `watts_strogatz`.

    Raises
    ------
    InvalidSize, InvalidDensity, NoEdges, InvalidDegree, NotEnoughFreePairs, UnknownName, InvalidOption, InvalidSeed
        `NoEdges` where the budget would leave a layer without any edge.

    Notes
    -----
    Which generators take a density:

    - any one: erdos_renyi, near_biregular, chung_lu, preferential_attachment, watts_strogatz, stochastic_block_model,
      block_diagonal, banded, circulant, feature_correlation (which needs `data`);
    - one that divides evenly between the units: biregular, constant_fan_in, constant_fan_out, permutation_union (which
      also needs n_in = n_out);
    - density 1: complete;
    - none, they have parameters of their own and `layered` refuses them with the call to make: gnp (a probability),
      configuration_model (degrees), tree, butterfly, radix_net, kronecker, kronecker_power, stochastic_kronecker,
      random_lift, projective_plane, lubotzky_phillips_sarnak (sizes).

    Examples
    --------
    >>> layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    SparseNetwork(784-1000-1000-1000, 27,840 edges, density 0.01)
    >>> layered([784, 1000, 1000], n_edges=15_000, generator="watts_strogatz", beta=0.2, allocation="erk", rng=0)
    SparseNetwork(784-1000-1000, 15,000 edges, density 0.00841)
    """
    levels = as_sizes(sizes)
    layers = list(itertools.pairwise(levels))
    draws = checked_generators(generator, parameters, len(layers))
    counts = _counts(levels, density, n_edges, _named("allocation", allocation, ALLOCATIONS))
    children = spawn(rng, len(counts), purpose="wiring")
    layers_drawn = [
        drawn(draw, *layer, count, child, parameters)
        for draw, layer, count, child in zip(draws, layers, counts, children, strict=True)
    ]
    return SparseNetwork(layers_drawn)


def checked_generators(generator: Any, parameters: Mapping[str, Any], n_layers: int) -> list[LayerGenerator]:
    """Return one generator per layer that takes the parameters; raises `InvalidOption`, `UnknownName`."""
    given = [generator] * n_layers if isinstance(generator, str) or not isinstance(generator, Sequence) else generator
    if len(given) != n_layers:
        expected = f"one, or one per layer ({n_layers})"
        raise InvalidOption("generator", f"{len(given)} generators", expected, "generator='erdos_renyi'")
    found = [_generator(each) for each in given]
    for draw in found:
        takes = _takes(draw)
        open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in takes.values())
        for name in () if open_ended else parameters:
            if name not in takes or name in ("n_in", "n_out"):
                own = [p for p in takes if p not in ("n_in", "n_out", "density", "n_edges", "rng")]
                expected = f"a parameter of {_name(draw)}" + (f": {', '.join(own)}" if own else ", which has none")
                raise InvalidOption("parameter", repr(name), expected, f"help(generators.{_name(draw)})")
        for name, parameter in takes.items():
            needed = parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is inspect.Parameter.empty
            if needed and name not in ("n_edges", "rng", *parameters):
                expected = f"a value, which {_name(draw)} cannot do without"
                raise InvalidOption("parameter", f"no {name!r}", expected, f"layered(..., {name}=...)")
    return found


def _takes(draw: LayerGenerator) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(draw).parameters
    except ValueError as error:  # some functions written in C do not tell
        expected = "a function called as generator(n_in, n_out, n_edges=..., rng=...)"
        raise InvalidOption("generator", _name(draw), expected, "generator='erdos_renyi'") from error


def _generator(generator: Any) -> LayerGenerator:
    if isinstance(generator, str):
        if generator in OWN_SIZES:
            expected = "a generator that takes a density"
            fix = f"generators.{OWN_SIZES[generator]}, and SparseNetwork([...]) to stack layers"
            raise InvalidOption("generator", f"{generator!r}, which has parameters of its own", expected, fix)
        return _named("generator", generator, GENERATORS)
    if not callable(generator):
        expected = "a name or a function called as generator(n_in, n_out, n_edges=..., rng=...)"
        raise InvalidOption("generator", repr(generator), expected, "generator='erdos_renyi'")
    return cast(LayerGenerator, generator)


def _name(draw: Any) -> str:
    return getattr(draw, "__name__", type(draw).__name__)


def drawn(
    draw: LayerGenerator,
    n_in: int,
    n_out: int,
    n_edges: int,
    rng: np.random.Generator,
    parameters: Mapping[str, Any],
) -> BipartiteGraph:
    """Return a layer with exactly so many edges; raises `InvalidOption` where the generator does not keep to that."""
    takes = _takes(draw).values()
    has_rng = any(p.name == "rng" or p.kind is inspect.Parameter.VAR_KEYWORD for p in takes)
    randomness = {"rng": rng} if has_rng else {}  # a wiring without chance asks for none
    graph = draw(n_in, n_out, n_edges=n_edges, **randomness, **parameters)
    if not isinstance(graph, BipartiteGraph) or (*graph.sizes, graph.n_edges) != (n_in, n_out, n_edges):
        expected = f"a BipartiteGraph({n_in} -> {n_out}) with exactly {n_edges} edges"
        raise InvalidOption("generator", repr(graph), expected, "a generator that keeps to n_in, n_out and n_edges")
    return graph


def _counts(levels: list[int], density: Any, n_edges: Any, allocate: Allocation) -> list[int]:
    layers = list(itertools.pairwise(levels))
    for name, value in (("density", density), ("n_edges", n_edges)):
        if isinstance(value, list | tuple | np.ndarray) and np.ndim(value) == 1:
            if len(value) != len(layers):
                expected = f"one number, or one per layer ({len(layers)})"
                fix = "density=0.01" if name == "density" else "n_edges=10_000"
                error = InvalidDensity if name == "density" else InvalidOption
                raise error(name, f"{len(value)} numbers", expected, fix)
            both = {"density": density, "n_edges": n_edges}
            return [edge_count(*layer, **{**both, name: each}) for layer, each in zip(layers, value, strict=True)]
    counts = allocate(levels, density, n_edges=n_edges)
    for (n_in, n_out), count in zip(layers, counts, strict=True):
        if count == 0:
            raise _no_edges(levels, density, n_edges, (n_in, n_out), allocate)
    return counts


def _no_edges(levels: list[int], density: Any, n_edges: Any, layer: tuple[int, int], allocate: Allocation) -> NoEdges:
    n_pairs = sum(n_in * n_out for n_in, n_out in itertools.pairwise(levels))
    enough = as_density(max(n_edges, 1) / n_pairs if density is None else density)
    while not all(allocate(levels, enough)):  # tried as it is printed
        enough = float(np.format_float_positional(min(1.5 * enough, 1.0), precision=2, fractional=False))
    name, given = ("density", density) if n_edges is None else ("n_edges", n_edges)
    fix = f"density={enough:.3g} or wider layers"
    given = f"{given!r}, which leaves the layer {layer[0]} -> {layer[1]} without edges"
    return NoEdges(name, given, "at least one edge in every layer", fix)


def _named(family: str, name: Any, table: Mapping[str, Any]) -> Any:
    if not isinstance(name, str) or name not in table:
        raise unknown_name(family, name, table)
    return table[name]
