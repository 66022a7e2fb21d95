"""`netsparse generate`: a network of any topology, into a file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netsparse.cli import options
from netsparse.errors import InvalidDensity, InvalidOption, NetsparseError, unknown_name

if TYPE_CHECKING:
    from netsparse.graph import SparseNetwork

SIZES = "784,1000,1000,1000"
DENSITY = 0.01
FOR_PYTHON = {
    "kronecker": "graphs",
    "kronecker_power": "a graph",
    "random_lift": "a graph",
    "feature_correlation": "an array of data",
}
"""Generators of something that cannot be typed."""

EXAMPLES = {"configuration_model": "configuration_model([2, 1, 1], [3, 1], rng=0)"}
"""Calls to show as options, where the library's own example names arrays."""

Sizes = Annotated[
    str | None, typer.Option(help=f"Units on each level, inputs first, separated by commas; default {SIZES}.")
]
LayerDensity = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help=f"Fraction of all pairs that are edges, in (0, 1]; default {DENSITY}."),
]
Edges = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Edges of the whole network, exactly; in place of --density.")
]
Generator = Annotated[str, typer.Option(help="How each layer is wired, one of the names above, or one per layer.")]
Allocation = Annotated[
    str | None, typer.Option(help="How the edges are shared between layers: uniform, erk; default uniform.")
]
Parameter = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        "-p",
        metavar="NAME=VALUE",
        help="A parameter of the generator, as often as it takes: -p beta=0.2, -p radices=4,4,4.",
    ),
]
Out = Annotated[Path, typer.Option(help="New file, .graphml (Gephi, networkx, igraph) or .npz (compact).")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of a table.")]


def generate(
    sizes: Sizes = None,
    density: LayerDensity = None,
    edges: Edges = None,
    generator: Generator = "erdos_renyi",
    allocation: Allocation = None,
    parameter: Parameter = None,
    seed: options.Seed = "0",
    out: Out = Path("network.graphml"),
    json: Json = False,
) -> None:
    """Generate a sparse network, with exactly the edges asked for, and write it to a file.

    Generators that take --sizes and a density:
    erdos_renyi, near_biregular, biregular, constant_fan_in, constant_fan_out,
    chung_lu, preferential_attachment, watts_strogatz, block_diagonal,
    stochastic_block_model, banded, circulant, permutation_union, complete

    With --sizes, but edges of their own:
    gnp -p p=0.01
    tree
    constant_fan_in -p fan_in=8, constant_fan_out -p fan_out=8

    With parameters alone:
    projective_plane -p q=31
    lubotzky_phillips_sarnak -p p=5 -p q=13
    butterfly -p n_units=1024
    radix_net -p radices=4,4,4
    configuration_model -p fan_out=2,1,1 -p fan_in=3,1
    stochastic_kronecker -p 'initiator=0.9,0.5;0.5,0.1' -p power=10 (and a density)

    Of graphs or data, in Python alone:
    kronecker, kronecker_power, random_lift, feature_correlation

    The same seed gives the same bytes. A file that exists is never touched.
    """
    from netsparse.cli.files import check_new_file
    from netsparse.cli.parameters import parse_parameters
    from netsparse.interop import write_graphml, write_npz

    suffix = check_new_file(out, (".graphml", ".npz"))
    parameters = parse_parameters(parameter or ())
    number = options.parse_whole("seed", seed, least=0, example=0)
    network = _network(generator, sizes, _budget(density, edges), allocation, parameters, number)
    (write_graphml if suffix == ".graphml" else write_npz)(network, out)
    _print_network(network, out, {"generator": generator, "parameters": parameters, "seed": number}, as_json=json)


def _network(
    generator: str,
    sizes: str | None,
    budget: Mapping[str, Any],
    allocation: str | None,
    parameters: Mapping[str, Any],
    seed: int,
) -> SparseNetwork:
    from netsparse import generators
    from netsparse.cli.parameters import DEGREES, check_parameters, own_parameters, typed_example
    from netsparse.cli.wording import in_parameters
    from netsparse.generators import GENERATORS, OWN_SIZES, layered

    names = [name.strip() for name in generator.split(",")]
    for name in names:
        if name not in GENERATORS and name not in OWN_SIZES and name not in FOR_PYTHON:
            raise unknown_name("generator", name, {**GENERATORS, **OWN_SIZES})
        if name in FOR_PYTHON:
            given = f"{name!r}, a generator that takes {FOR_PYTHON[name]}"
            raise InvalidOption(
                "generator", given, "one whose parameters can be typed", f"it in Python: generators.{name}"
            )
        if name in OWN_SIZES and len(names) > 1:
            given = f"{name!r} among others, which has parameters of its own"
            raise InvalidOption("generator", given, "it alone", f"--generator {name}")
        check_parameters(name, GENERATORS.get(name) or getattr(generators, name), parameters, example(name))
    function: Callable[..., Any] = GENERATORS.get(names[0]) or getattr(generators, names[0])
    try:
        if names[0] in OWN_SIZES or (len(names) == 1 and any(name in parameters for name in DEGREES)):
            return _by_parameters(names[0], function, sizes, budget, allocation, parameters, seed)
        levels = options.parse_widths(sizes or SIZES, "sizes", SIZES)
        given = budget or {"density": 1.0 if set(names) == {"complete"} else DENSITY}
        wiring: Any = names if len(names) > 1 else names[0]
        how = {"generator": wiring, "allocation": allocation or "uniform"}
        return layered(levels, **given, **how, rng=seed, **parameters)
    except NetsparseError as error:
        typed = in_parameters(error, own_parameters(function))
        if "numpy." in typed.fix or "n_out=" in typed.fix:  # nobody types arrays, or sizes that are lengths of arrays
            shown = typed_example(function, example(names[0])) or "plain numbers"
            typed = type(error)(error.subject, error.given, error.expected, shown)
        raise typed from error


def example(name: str) -> str:
    """Return a call in Python of a generator with parameters of its own; nothing for others."""
    from netsparse.generators import OWN_SIZES

    return EXAMPLES.get(name) or OWN_SIZES.get(name, "")


def _by_parameters(
    name: str,
    function: Callable[..., Any],
    sizes: str | None,
    budget: Mapping[str, Any],
    allocation: str | None,
    parameters: Mapping[str, Any],
    seed: int,
) -> SparseNetwork:
    """Call a generator whose parameters determine the number of units, or of edges, once or once per layer."""
    import inspect

    from netsparse.cli.parameters import DEGREES
    from netsparse.generators.budget import as_sizes
    from netsparse.graph import BipartiteGraph, SparseNetwork
    from netsparse.rng import spawn

    takes = inspect.signature(function).parameters
    per_layer = "n_in" in takes
    budgeted = "density" in takes and not any(degree in parameters for degree in DEGREES)
    ignored = {"sizes": None if per_layer else sizes, "allocation": allocation}
    if not budgeted:
        ignored |= {option: budget.get(name) for name, option in BUDGET.items()}
    for option, value in ignored.items():
        if value is not None:
            expected = "nothing, its parameters determine it"
            raise InvalidOption(option, f"{value} with {name}", expected, "leaving it out")
    given = {**parameters, **(budget or {"density": DENSITY})} if budgeted else parameters
    levels = as_sizes(options.parse_widths(sizes or SIZES, "sizes", SIZES)) if per_layer else []
    calls: list[tuple[int, ...]] = list(itertools.pairwise(levels)) if per_layer else [()]
    drawn = [
        function(*ends, **given, **({"rng": child} if "rng" in takes else {}))
        for ends, child in zip(calls, spawn(seed, len(calls), purpose="wiring"), strict=True)
    ]
    return SparseNetwork(drawn) if isinstance(drawn[0], BipartiteGraph) else drawn[0]


BUDGET = {"density": "density", "n_edges": "edges"}
"""Python's names of the two ways to say how many edges, and the command line's."""


def _budget(density: str | None, edges: str | None) -> dict[str, Any]:
    """Return the density or the number of edges, for the whole network or one per layer; nothing if none was given."""
    if density is not None and edges is not None:
        raise InvalidOption("density, edges", "both", "one of them", f"--edges {edges} alone")
    try:
        if density is not None:
            return {"density": _one_or_many([float(part) for part in density.split(",")])}
    except ValueError:
        raise InvalidDensity("density", repr(density), "a number, or one per layer", f"--density {DENSITY}") from None
    try:
        if edges is not None:
            return {"n_edges": _one_or_many([int(part) for part in edges.split(",")])}
    except ValueError:
        expected = "a whole number, or one per layer"
        raise InvalidOption("edges", repr(edges), expected, "--edges 10000") from None
    return {}


def _one_or_many(numbers: list[Any]) -> Any:
    return numbers if len(numbers) > 1 else numbers[0]


def _print_network(network: SparseNetwork, out: Path, settings: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        from json import dumps

        layers = [
            {"n_in": layer.n_in, "n_out": layer.n_out, "edges": layer.n_edges, "density": layer.density}
            for layer in network.layers
        ]
        whole = {"sizes": list(network.sizes), "edges": network.n_edges, "density": network.density}
        typer.echo(dumps({"file": str(out), **settings, **whole, "layers": layers}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    printed = Table(header_style="bold")
    for header in ("layer", "inputs", "outputs", "edges", "density"):
        printed.add_column(header, justify="left" if header == "layer" else "right")
    for name, graph in [*enumerate(network.layers), ("network", network)]:
        ends = graph.sizes[0], graph.sizes[-1]
        printed.add_row(str(name), *(f"{n:,}" for n in (*ends, graph.n_edges)), f"{graph.density:.4g}")
    console = Console()
    console.print(printed)
    console.print(f"written to {out}; 'netsparse measure {out}' measures it", soft_wrap=True, highlight=False)
