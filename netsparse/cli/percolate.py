"""`netsparse percolate`: how a network in a file falls apart, in simulation and in theory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netsparse.cli import options, removing
from netsparse.errors import InvalidFile, InvalidOption, unknown_name

if TYPE_CHECKING:
    from netsparse.cli.files import NetworkFile
    from netsparse.cli.percolated import Percolated

LONG = 1e8  # edges x points: some ten seconds
MOST_POINTS = 1_000_000  # a table beyond this is nothing to look at
LEVELS = ("all", "hidden", "inputs", "outputs")

File = Annotated[
    Path,
    typer.Argument(
        help="A network (.graphml, .npz), trained weights (.safetensors, .pt, .pth, .bin, .ckpt) or a run folder."
    ),
]
Order = Annotated[str, typer.Option(help="What goes first: one of the names above.")]
Observables = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="What the written curves are of, separated by commas; an unknown name lists them all. Default giant and "
        "second component, susceptibility, outputs reachable.",
    ),
]
Points = Annotated[str, typer.Option(metavar="NUMBER", help="Steps of the written curves, evenly spaced.")]
Levels = Annotated[
    str | None,
    typer.Option(help="Units of which levels go: all, hidden, inputs, outputs, or numbers as in 1,2; default all."),
]
Layer = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Percolate this layer alone, counted from 0; default all.")
]
IncludeHead = Annotated[
    bool, typer.Option("--include-head", help="Percolate the dense read-out of trained weights as a layer too.")
]
NIn = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Inputs of the first layer, where trained weights do not say.")
]
Theory = Annotated[
    bool | None,
    typer.Option("--theory/--no-theory", help="What theory predicts of a random removal; default where it does."),
]
Out = Annotated[Path | None, typer.Option(help="Write the curves to a new file, .csv or .json.")]
Json = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON instead of a table.")]


def percolate(
    file: File,
    order: Order = "random",
    scope: removing.Scope = "layer",
    recompute_every: removing.RecomputeEvery = None,
    n_sources: removing.NSources = None,
    levels: Levels = None,
    layer: Layer = None,
    include_head: IncludeHead = False,
    n_in: NIn = None,
    observables: Observables = None,
    trials: removing.Trials = "10",
    points: Points = "200",
    theory: Theory = None,
    workers: removing.Workers = None,
    seed: options.Seed = "0",
    out: Out = None,
    figure: removing.Figure = None,
    json: Json = False,
) -> None:
    """Remove the edges or units of a network one by one: thresholds, R index, curves.

    Orders of edges:
    random: each equally likely
    weight_ascending, weight_descending: smallest or largest |weight| first
    degree_product: largest product of the degrees at both ends first
    edge_betweenness: most shortest paths first
    sampled_edge_betweenness: the same, estimated from some sources
    adaptive_degree_product, adaptive_edge_betweenness: renewed as edges go

    Orders of units, which take their edges along:
    random_units: each equally likely
    unit_degree: most edges first
    adaptive_unit_degree: counted anew as units go

    Where scores tie, the order is random, anew in every trial.

    A threshold is where the second component, or the mean size of all
    components but the largest, peaks. Beside a random removal stands what
    theory says of it. Where half of the outputs are reached is a smooth
    crossover in a network of fixed depth, no critical fraction.

    --figure draws simulation and theory together. The same seed gives the
    same bytes. A file that exists is never touched.

    Example: netsparse percolate network.graphml --figure percolation.png
    """
    from netsparse.atomic import write_text
    from netsparse.cli.files import check_new_file, read_network
    from netsparse.cli.measured import as_csv, as_json
    from netsparse.cli.percolated import READ_FROM, Percolated, print_percolated
    from netsparse.cli.show import say
    from netsparse.percolation.observables import OBSERVABLES

    suffix = None if out is None else check_new_file(out, (".csv", ".json"))
    if figure is not None:
        check_new_file(figure, removing.PICTURES, "figure")
    rule = removing.removal_order(order, recompute_every, n_sources)
    removing.check_scope(scope)
    names = removing.parse_names(
        "observables", ",".join(READ_FROM) if observables is None else observables, OBSERVABLES
    )
    n_trials = options.parse_whole("trials", trials, least=1, most=removing.MOST_TRIALS, example=10)
    n_points = options.parse_whole("points", points, least=1, most=MOST_POINTS, example=200)
    number = options.parse_whole("seed", seed, least=0, example=0)
    n_workers = removing.parse_workers(workers)
    inputs = None if n_in is None else options.parse_whole("n-in", n_in, least=1, example=784)
    found = _part(read_network(file, include_head=include_head, n_in=inputs), layer)
    weights = _weights(found, order) if rule.needs_weights else None
    chosen = _levels(levels, rule.of, order, len(found.network.sizes))
    with_theory = _theory(theory, order, chosen)
    if found.left_out:
        say("the dense head is left out; --include-head takes it too")
    if with_theory and found.network.n_edges * n_points > LONG:
        say(f"theory of {found.network.n_edges:,} edges takes a while; --no-theory leaves it out")
    result = Percolated.of(
        found.network, order=rule, scope=scope, weights=weights, levels=chosen, observables=names, trials=n_trials,
        points=n_points, theory=with_theory, workers=n_workers, seed=number,
    )  # fmt: skip
    if out is not None:
        table = result.table()
        write_text(out, as_csv(table) if suffix == ".csv" else as_json(table))
        say(f"the curves are in {out}")
    if figure is not None:
        _draw(result, figure)
        say(f"the figure is in {figure}")
    place = f"{found.path}" if layer is None else f"layer {layer} of {found.path}"
    given = {"levels": levels, "recompute_every": recompute_every, "n_sources": n_sources}
    settings = {"order": order, "scope": scope, **{name: value for name, value in given.items() if value is not None}}
    print_percolated(result, place, {**settings, "seed": number}, as_json=json)


def _draw(result: Percolated, path: Path) -> None:
    from matplotlib.figure import Figure

    from netsparse.cli.pictures import save
    from netsparse.plotting.percolation import percolation

    drawn = Figure(figsize=(9.0, 4.4), layout="constrained")
    percolation(result.curve, result.prediction, ax=drawn.subplots())
    save(drawn, path)


def _theory(wanted: bool | None, order: str, levels: Any) -> bool:
    known = order in ("random", "random_units") and levels is None
    if wanted and not known:
        given = f"it with --order {order}" + ("" if levels is None else " of some levels")
        raise InvalidOption("theory", given, "a random removal of all edges or units", "--no-theory")
    return known if wanted is None else wanted


def _part(found: NetworkFile, layer: str | None) -> NetworkFile:
    """Return the network found, or one layer of it with its weights."""
    if layer is None:
        return found
    from netsparse.graph import SparseNetwork

    n_layers = len(found.network.layers)
    k = options.parse_whole("layer", layer, least=0, example=0)
    if k >= n_layers:
        raise InvalidOption("layer", layer, f"the number of a layer, from 0 to {n_layers - 1}", "--layer 0")
    weights = None if found.weights is None else (found.weights[k],)
    return found._replace(network=SparseNetwork([found.network.layers[k]]), weights=weights)


def _weights(found: NetworkFile, order: str) -> tuple[Any, ...]:
    """Return the weights that an order needs, none of which a training that diverged may have left as NaN."""
    import numpy as np

    if found.weights is None:
        given = f"{order!r} for a file without weights"
        raise InvalidOption("order", given, "weights to go by", "a file with weights, such as a run folder")
    for k, values in enumerate(found.weights):
        if not np.isfinite(values).all():
            given = f"weights of layer {k} that are not finite"
            raise InvalidFile(f"file '{found.path}'", given, "finite weights", "--order random")
    return found.weights


def _levels(text: str | None, of: str, order: str, n_levels: int) -> str | tuple[int, ...] | None:
    """Return the levels whose units go, as `removals` takes them."""
    if text is None:
        return None
    if of != "units":
        given = f"it with --order {order}, of edges"
        raise InvalidOption("levels", given, "an order of units", "--order random_units")
    if text in LEVELS:
        return None if text == "all" else text
    try:
        numbers = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise unknown_name("levels", text, [*LEVELS, *map(str, range(n_levels))]) from None
    for number in numbers:
        if not 0 <= number < n_levels:
            expected = f"numbers of levels from 0 (the inputs) to {n_levels - 1} (the outputs)"
            raise InvalidOption("levels", str(number), expected, "--levels hidden")
    return numbers
