"""`netsparse bench`: how fast this machine trains on edges, beside the peers that are installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsparse.cli import options
from netsparse.errors import InvalidOption, unknown_name

if TYPE_CHECKING:
    import torch

    from netsparse.bench.suite import Benchmark

What = Annotated[
    str,
    typer.Argument(
        help="train, layer, kernels, convolutions, compaction, edges, rewiring, rules, memory or all.",
        metavar="[train|layer|kernels|convolutions|compaction|edges|rewiring|rules|memory|all]",
    ),
]
Threads = Annotated[str | None, typer.Option(metavar="NUMBER", help="CPU threads of everybody; default all cores.")]
Rounds = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Turns of each contestant; more are steadier on a busy machine.")
]
Quick = Annotated[bool, typer.Option("--quick", help="Smaller networks and fewer turns: under a minute a table.")]
Out = Annotated[Path | None, typer.Option(help="Also write the table to a new file, .csv or .json; not for all.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def bench(
    what: What = "train",
    device: options.Device = "cpu",
    threads: Threads = None,
    rounds: Rounds = None,
    quick: Quick = False,
    seed: options.Seed = "0",
    out: Out = None,
    json: Json = False,
) -> None:
    """Measure speed and memory on this machine, masked dense, torch CSR and sparselab beside netsparse.

    train: a whole training step. layer: one layer and its gradients. kernels: every
    kernel, and which one is chosen. convolutions: those of a VGG, on edges and densely.
    compaction: what leaving out dead units gains. edges: time against the number of
    edges. rewiring: its cost beside training. rules: one rewiring by every rule. memory:
    networks of up to 50 million units.

    Contestants take turns in one process; the machine is stated above every table.
    """
    import os

    from netsparse.bench.suite import BENCHMARKS
    from netsparse.cli.files import check_new_file
    from netsparse.cli.show import say
    from netsparse.nn import as_device

    if what not in (*BENCHMARKS, "all"):
        error = unknown_name("benchmark", what, [*BENCHMARKS, "all"])
        error.fix = f"netsparse bench {error.fix.split(chr(39))[1]}"
        raise error
    if what == "all" and out is not None:
        raise InvalidOption("out", f"'{out}' for all tables", "one table for a file", f"bench train --out {out}")
    suffix = None if out is None else check_new_file(out, (".csv", ".json"))
    number = options.parse_whole("seed", seed, least=0, example=0)
    cores = os.cpu_count() or 1
    n_threads = cores if threads is None else options.parse_whole("threads", threads, least=1, example=2)
    turns = None if rounds is None else options.parse_whole("rounds", rounds, least=1, example=5)
    place = as_device(device)
    chosen = {name: benchmark for name, benchmark in BENCHMARKS.items() if what in (name, "all")}
    if place.type != "cpu" and not all(benchmark.on_gpu for benchmark in chosen.values()):
        if what != "all":
            expected = "the CPU, whose memory is measured"
            raise InvalidOption("device", f"{device!r} for {what}", expected, "device='cpu'")
        chosen = {name: benchmark for name, benchmark in chosen.items() if benchmark.on_gpu}
    _measured(chosen, place, n_threads, turns, quick, number, json, out, suffix)
    if out is not None:
        say(f"the table is in {out}")


def _measured(
    chosen: dict[str, Benchmark],
    device: torch.device,
    n_threads: int,
    rounds: int | None,
    quick: bool,
    seed: int,
    json: bool,
    out: Path | None,
    suffix: str | None,
) -> None:
    from netsparse.atomic import write_text
    from netsparse.bench.machine import machine, machine_line, on_threads
    from netsparse.cli.benched import print_table, records
    from netsparse.cli.measured import as_csv
    from netsparse.cli.show import say

    printed = []
    for name, benchmark in chosen.items():
        say(f"measuring {name}: {benchmark.title}")
        arguments = {"device": device, **(benchmark.quick if quick else {})}
        if benchmark.has_rounds:
            arguments |= {"rng": seed} | ({} if rounds is None else {"rounds": rounds})
        with on_threads(n_threads):
            table = benchmark.measure(**arguments)
            where, line = machine(device), machine_line(device)
        notes = benchmark.notes(table)
        if json:
            printed.append(records(name, table, where, notes))
        else:
            print_table(f"{name}: {benchmark.title}", line, table, notes)
        if out is not None:
            text = as_csv(table) if suffix == ".csv" else as_text([records(name, table, where, notes)])
            write_text(out, text)
    if json:
        typer.echo(as_text(printed), nl=False)


def as_text(tables: list[dict[str, object]]) -> str:
    """Return measured tables as JSON: one object for one table, a list for several."""
    import json

    return json.dumps(tables[0] if len(tables) == 1 else tables, indent=2, allow_nan=False) + "\n"
