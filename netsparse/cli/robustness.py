"""`netsparse robustness`: the accuracy of trained networks while their edges, units or weights are perturbed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netsparse.cli import options, removing
from netsparse.errors import InvalidOption, NetsparseError, NotWritable

if TYPE_CHECKING:
    import pandas as pd

    from netsparse.cli.trained import Trained
    from netsparse.robustness.perturbation import Probe

Runs = Annotated[
    list[Path],
    typer.Argument(metavar="RUN", help="Run folders, or models that netsparse wrote (.safetensors), side by side."),
]
ProbeNames = Annotated[str, typer.Option("--probe", metavar="NAMES", help="Probes, separated by commas, or all.")]
Order = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Orders of the removals, as 'netsparse percolate --help' lists them; link_removal knows "
        "saliency_descending and saliency_ascending (|weight x gradient|) too. Default random.",
    ),
]
Scope = Annotated[
    str | None,
    typer.Option(help="layer: the same fraction of every layer; network: all pooled. Default layer."),
]
Parameter = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        "-p",
        metavar="NAME=VALUE",
        help="An option of the probes that have it, as often as it takes: -p keep_signs=true.",
    ),
]
Strengths = Annotated[
    str | None,
    typer.Option(metavar="NUMBERS", help="How much, as in 0.1,0.2,0.5; 0 is always there. Default each probe's own."),
]
IncludeHead = Annotated[
    bool,
    typer.Option("--include-head", help="Perturb the dense read-out too: at 1 % it holds a quarter of all weights."),
]
Data = Annotated[
    str | None,
    typer.Option(help="What to test on: a data set's name or path; default what the run was trained on."),
]
Out = Annotated[Path | None, typer.Option(help="Write every trial at every strength to a new file, .csv or .json.")]
Distributions = Annotated[
    Path | None,
    typer.Option(help="Draw degrees and weights before and after (one run, one probe), .png, .pdf or .svg."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON instead of a table.")]


def robustness(
    runs: Runs,
    probe: ProbeNames = "link_removal",
    order: Order = None,
    scope: Scope = None,
    recompute_every: removing.RecomputeEvery = None,
    n_sources: removing.NSources = None,
    parameter: Parameter = None,
    strengths: Strengths = None,
    trials: removing.Trials = "10",
    include_head: IncludeHead = False,
    data: Data = None,
    data_dir: options.DataDir = None,
    device: options.Device = "cpu",
    workers: removing.Workers = None,
    seed: options.Seed = "0",
    out: Out = None,
    figure: removing.Figure = None,
    distributions: Distributions = None,
    json: Json = False,
) -> None:
    """Perturb trained networks, without training them again, and test their accuracy.

    Probes, and what their strength is:
    link_removal: fraction of the edges removed
    unit_removal: fraction of the hidden units removed
    magnitude_pruning: fraction of the edges removed, smallest |weight| first
    weight_shuffle: fraction of the edges whose weights are permuted
    sign_flip: fraction of the edges whose sign is flipped
    multiplicative_noise, additive_noise: standard deviation of the noise
    binarisation: fraction of the edges set to sign x mean |weight|
    degree_preserving_rewiring: swaps per edge
    random_topology: fraction of the edges moved to random places

    Options that some have, besides --order and --scope:
    -p levels=hidden (unit_removal; also inputs, outputs, or numbers as in 1,2)
    -p within=network (weight_shuffle: across layers)
    -p keep_signs=true (weight_shuffle, degree_preserving_rewiring)

    Several runs stand in one table and one figure. Halfway to chance is where
    the accuracy first falls to the middle between the clean one and a guess;
    the area is that under the accuracy, where strengths span 0 to 1. Both
    definitions are ours.

    --figure draws accuracy against strength; for link_removal and
    magnitude_pruning alone, also the wiring that is left, with the simulated
    threshold and, of a random order, the predicted one.

    The same seed gives the same bytes. A file that exists is never touched.

    Example: netsparse robustness runs/set runs/static --figure removal.png
    """
    import pandas as pd

    from netsparse.atomic import write_text
    from netsparse.cli.chosen_probes import chosen_probes
    from netsparse.cli.files import check_new_file
    from netsparse.cli.measured import as_csv, as_json
    from netsparse.cli.parameters import parse_parameters
    from netsparse.cli.pictures import save
    from netsparse.cli.probe_figures import before_and_after_figure, probe_figure
    from netsparse.cli.probed import print_probed, summary
    from netsparse.cli.show import say
    from netsparse.cli.trained import read_runs

    suffix = None if out is None else check_new_file(out, (".csv", ".json"))
    for name, path in (("figure", figure), ("distributions", distributions)):
        if path is not None:
            check_new_file(path, removing.PICTURES, name)
    if figure is not None and figure == distributions:
        raise NotWritable(f"file '{figure}'", "two figures for it", "a file for each", "--distributions before.png")
    probes = chosen_probes(
        probe,
        orders=[] if order is None else [name.strip() for name in order.split(",")],
        scope=None if scope is None else removing.check_scope(scope),
        recompute_every=recompute_every,
        n_sources=n_sources,
        parameters=parse_parameters(parameter or (), "keep_signs=true"),
    )
    at = [(each, _strengths(each, strengths)) for each in probes]
    n_trials = options.parse_whole("trials", trials, least=1, most=removing.MOST_TRIALS, example=10)
    n_workers = removing.parse_workers(workers)
    number = options.parse_whole("seed", seed, least=0, example=0)
    if distributions is not None and (len(runs) > 1 or len(probes) > 1):
        given = f"{len(runs)} runs and {len(probes)} probes"
        raise InvalidOption("distributions", given, "one run and one probe", "--probe degree_preserving_rewiring")
    trained = read_runs(runs, data=data, data_dir=data_dir, device=device)
    how = {"trials": n_trials, "include_head": include_head, "workers": n_workers, "rng": number}
    table = pd.concat([_probed(each, one, levels, how) for each in trained for one, levels in at], ignore_index=True)
    chance = {each.name: 1 / each.dataset.n_classes for each in trained}
    found = summary(table, chance, [each.name for each in probes if each.largest == 1])
    if out is not None:
        write_text(out, as_csv(table) if suffix == ".csv" else as_json(table))
        say(f"the table is in {out}")
    if figure is not None:
        save(probe_figure(table, trained, probes, include_head=include_head, seed=number), figure)
        say(f"the figure is in {figure}")
    if distributions is not None:
        save(before_and_after_figure(table, trained[0], probes[0], include_head=include_head), distributions)
        say(f"degrees and weights are in {distributions}")
    print_probed(found, {each.name: each.meaning for each in probes}, as_json=json)


def _probed(run: Trained, one: Probe, strengths: tuple[float, ...], how: dict[str, Any]) -> pd.DataFrame:
    """Return the table of one probe of one run; errors name the probe's options as they are typed here."""
    from dataclasses import fields

    from netsparse.cli.probed import as_typed_here
    from netsparse.cli.show import say
    from netsparse.cli.wording import in_parameters
    from netsparse.robustness.probing import probe

    about = f"{run.name}: {one.name}" + (f" ({as_typed_here(one.options)})" if one.options else "")
    say(f"{about}, {_counted(len(strengths), 'strength')}, {_counted(how['trials'], 'trial')}")
    try:
        table = probe(run.model, run.dataset, one, strengths=strengths, **how)
    except NetsparseError as error:
        own = [field.name for field in fields(one) if field.name not in ("order", "scope")]  # type: ignore[arg-type]  # every probe is a dataclass
        raise in_parameters(error, own) from error
    table.insert(0, "run", run.name)
    return table


def _counted(n: int, thing: str) -> str:
    return f"1 {thing}" if n == 1 else f"{n} {thing}s"


def _strengths(probe: Probe, text: str | None) -> tuple[float, ...]:
    """Return the strengths of a probe, 0 among them."""
    if text is None:
        return tuple(sorted({0.0, *probe.strengths}))
    try:
        given = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        given = []
    if not given:
        raise InvalidOption("strengths", repr(text), "numbers separated by commas", "--strengths 0.1,0.2,0.5")
    return probe.as_strengths(sorted({0.0, *given}))
