"""`netsparse measure`: degrees, components, spectra of a network in a file, alone or against a null model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netsparse.cli import options
from netsparse.errors import InvalidFile, InvalidOption, unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from netsparse.cli.files import NetworkFile

FORMATS = ("pretty", "csv", "json")
N_NULL = 20

File = Annotated[
    Path,
    typer.Argument(
        help="A network (.graphml, .npz), trained weights (.safetensors, .pt, .pth, .bin, .ckpt) or a run folder."
    ),
]
Metrics = Annotated[str, typer.Option(help="fast, all, or names separated by commas; an unknown name lists them all.")]
Unweighted = Annotated[bool, typer.Option("--unweighted", help="Measure the wiring alone, even if there are weights.")]
Null = Annotated[
    str,
    typer.Option(help="Compare with randomised copies that keep the edge count (density), every degree, or none."),
]
NNull = Annotated[str | None, typer.Option(metavar="NUMBER", help=f"Randomised copies, default {N_NULL}.")]
Layers = Annotated[str, typer.Option(help="What to show: all, network, or numbers of layers, as in 0,1.")]
IncludeHead = Annotated[
    bool, typer.Option("--include-head", help="Measure the dense read-out of trained weights as a layer too.")
]
NIn = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Inputs of the first layer, where trained weights do not say.")
]
Format = Annotated[str | None, typer.Option(help="What to print: pretty, csv or json; default pretty.")]
Out = Annotated[Path | None, typer.Option(help="Also write the table to a new file, .csv or .json.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


def measure(
    file: File,
    metrics: Metrics = "fast",
    unweighted: Unweighted = False,
    null: Null = "none",
    n_null: NNull = None,
    layers: Layers = "all",
    include_head: IncludeHead = False,
    n_in: NIn = None,
    seed: options.Seed = "0",
    format: Format = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Measure every layer of a network and the whole: degrees, components, spectra, paths.

    Where the file holds weights, the metrics of the weights are measured too.

    With --null, every value stands beside those of randomised copies, with its
    z-score and empirical p.

    The dense read-out of trained weights is left out unless --include-head:
    the head of a netsparse model; in other files the last layer, if it is linear
    and complete.
    """
    from netsparse.cli.files import check_new_file, read_network
    from netsparse.cli.show import say

    printed = _format(format, json)
    suffix = None if out is None else check_new_file(out, (".csv", ".json"))
    null_model, copies = _null(null, n_null)
    number = options.parse_whole("seed", seed, least=0, example=0)
    inputs = None if n_in is None else options.parse_whole("n-in", n_in, least=1, example=784)
    found = read_network(file, include_head=include_head, n_in=inputs)
    shown = _shown(layers, len(found.network.layers))
    weights = None if unweighted else _finite(found)
    chosen = _metrics(metrics, found, unweighted)
    if found.left_out:
        say("the dense head is left out; --include-head measures it too")
    if null_model is not None:
        say(f"measuring {found.network!r} and {copies} randomised copies")
    table = _measured(found, weights, chosen, null_model, copies, number)
    table = table[table["layer"].isin(shown)].reset_index(drop=True)
    _present(table, found, weights is not None, printed, null_model, copies)
    if out is not None:
        from netsparse.atomic import write_text
        from netsparse.cli.measured import as_csv, as_json

        write_text(out, as_csv(table) if suffix == ".csv" else as_json(table))
        say(f"the table is in {out}")


def _finite(found: NetworkFile) -> Any:
    """Return the weights, none of which a training that diverged may have left as NaN."""
    import numpy as np

    for k, values in enumerate(found.weights or ()):
        if not np.isfinite(values).all():
            given = f"weights of layer {k} that are not finite"
            raise InvalidFile(f"file '{found.path}'", given, "finite weights", "--unweighted, for the wiring alone")
    return found.weights


def _measured(
    found: NetworkFile, weights: Any, metrics: Any, null_model: str | None, n: int, seed: int
) -> pd.DataFrame:
    from netsparse.metrics import summarize

    null = {} if null_model is None else {"null_model": null_model, "n_null": n}
    return summarize(found.network, weights=weights, metrics=metrics, rng=seed, **null)


def _present(
    table: pd.DataFrame, found: NetworkFile, weighted: bool, printed: str, null_model: str | None, n_null: int
) -> None:
    from netsparse.cli.measured import as_csv, as_json, print_pretty

    if printed == "pretty":
        wiring = "with weights" if weighted else "wiring alone"
        heading = f"{found.path}: {found.network!r}, {wiring}"
        print_pretty(table, heading, null_model, n_null)
    else:
        typer.echo(as_csv(table) if printed == "csv" else as_json(table), nl=False)


def _format(name: str | None, json: bool) -> str:
    if name is not None and name not in FORMATS:
        raise unknown_name("format", name, FORMATS)
    if json and name not in (None, "json"):
        raise InvalidOption("format", f"{name} beside --json", "one of them", f"--format {name} alone")
    return "json" if json else name or "pretty"


def _null(name: str, n_null: str | None) -> tuple[str | None, int]:
    from netsparse.generators import NULL_MODELS

    if name != "none" and name not in NULL_MODELS:
        raise unknown_name("null", name, [*NULL_MODELS, "none"])
    if name == "none" and n_null is not None:
        raise InvalidOption("n-null", f"{n_null} without a null model", "a null model beside it", "--null degree")
    copies = N_NULL if n_null is None else options.parse_whole("n-null", n_null, least=2, example=N_NULL)
    return None if name == "none" else name, copies


def _metrics(text: str, found: NetworkFile, unweighted: bool) -> str | list[str] | None:
    """Return what `summarize` takes; a metric of the weights needs some."""
    from netsparse.metrics import METRICS

    if text in ("fast", "all"):
        return None if text == "fast" else "all"
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names or [text]:
        if name not in METRICS:
            raise unknown_name("metrics", name, METRICS)
        if METRICS[name].of == "weights" and (unweighted or found.weights is None):
            given = f"{name!r} with --unweighted" if unweighted else f"{name!r} for a file without weights"
            fix = "leaving out --unweighted" if unweighted else "a file with weights, such as a run folder"
            raise InvalidOption("metrics", given, "weights to measure", fix)
    return names


def _shown(text: str, n_layers: int) -> list[str]:
    every = [*map(str, range(n_layers)), "network"]
    if text == "all":
        return every
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in every:
            expected = f"all, network, or numbers of layers from 0 to {n_layers - 1}"
            raise InvalidOption("layers", repr(name), expected, "--layers network")
    return names
