"""The `netsparse` command: its verbs, and the door where every error becomes one line."""

from __future__ import annotations

import inspect
import os
import sys
from typing import NoReturn

import typer

from netsparse import __version__
from netsparse.atomic import FULL, discard_unfinished
from netsparse.cli.aside import Abandoned, aside
from netsparse.cli.attack import attack
from netsparse.cli.bench import bench
from netsparse.cli.generate import generate
from netsparse.cli.measure import measure
from netsparse.cli.percolate import percolate
from netsparse.cli.robustness import robustness
from netsparse.cli.run import run
from netsparse.cli.train import train
from netsparse.cli.wording import in_options
from netsparse.errors import NetsparseError

INTERRUPTED = 130
VERBS = (run, generate, measure, percolate, robustness, attack, train, bench)
OPTIONS = {name for verb in VERBS for name in inspect.signature(verb).parameters}
KEPT: dict[str, str] = {
    **dict.fromkeys(("run", "train"), "the run folder keeps what was finished"),
    **dict.fromkeys(
        ("percolate", "robustness", "attack"), "a file that was announced is whole, none is written halfway"
    ),
}

app = typer.Typer(
    help="Sparse neural networks as bipartite graphs: generate, train, measure, percolate, perturb, attack, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in VERBS:
    app.command()(verb)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"netsparse {__version__}")
        raise typer.Exit


@app.callback()
def _netsparse(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> NoReturn:
    """Run the command line; every expected failure is one line on stderr and exit code 2, an interrupt 130."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        code = aside(lambda: app(standalone_mode=False))
    except Abandoned:
        _say(_what_is_left())
        discard_unfinished()
        os._exit(INTERRUPTED)  # the work is still under way, and nothing else would end it
    except (KeyboardInterrupt, typer.Abort):
        _interrupted()
    except NetsparseError as error:
        _fail(str(in_options(error, OPTIONS)), 2)
    except MemoryError as error:
        _fail(f"out of memory ({error}), expected a network that fits into it; try fewer units or edges", 2)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:  # of a file, it would be an error of ours
            _fail(f"standard output: {error.strerror}, expected room for it; try writing elsewhere", 2)
        # usage errors belong to the click that typer uses, its own copy in newer releases; all can say themselves
        if not hasattr(error, "format_message"):
            raise
        _fail(f"{error.format_message()} Try '{' '.join(['netsparse', *sys.argv[1:2]])} --help'.", 2)  # type: ignore[attr-defined]
    if code == INTERRUPTED:
        _interrupted()  # newer typers turn Ctrl-C into this exit code themselves
    sys.exit(code or 0)


def _interrupted() -> NoReturn:
    _fail(_what_is_left(), INTERRUPTED)


def _what_is_left() -> str:
    return f"interrupted; {KEPT.get(''.join(sys.argv[1:2]), 'nothing was written')}"


def _fail(message: str, code: int) -> NoReturn:
    _say(message)
    sys.exit(code)


def _say(message: str) -> None:
    typer.echo(f"netsparse: {' '.join(message.split())}", err=True)
    sys.stderr.flush()
