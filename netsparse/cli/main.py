"""The `netsparse` command: its verbs, and the door where every error becomes one line."""

from __future__ import annotations

import inspect
import os
import re
import sys
from typing import NoReturn

import typer

from netsparse import __version__
from netsparse.cli.run import run
from netsparse.cli.train import train
from netsparse.errors import NetsparseError

INTERRUPTED = 130
OPTIONS = sorted({*inspect.signature(run).parameters, *inspect.signature(train).parameters}, key=len, reverse=True)
KEPT = "interrupted; the run folder keeps what was finished"

app = typer.Typer(
    help="Sparse neural networks as bipartite graphs: generate, train, measure, percolate, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(train)


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
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        _fail(KEPT, INTERRUPTED)
    except NetsparseError as error:
        _fail(str(type(error)(error.subject, error.given, error.expected, _as_options(error.fix))), 2)
    except Exception as error:
        # usage errors belong to the click that typer uses, its own copy in newer releases; all can say themselves
        if not hasattr(error, "format_message"):
            raise
        _fail(f"{error.format_message()} Try '{' '.join(['netsparse', *sys.argv[1:2]])} --help'.", 2)  # type: ignore[attr-defined]
    if code == INTERRUPTED:
        _fail(KEPT, INTERRUPTED)  # newer typers turn Ctrl-C into this exit code themselves
    sys.exit(code or 0)


def _as_options(fix: str) -> str:
    """Turn Python's batch_size=128, rule='set' into the command line's --batch-size 128, --rule set."""
    return re.sub(
        r"\b(" + "|".join(OPTIONS) + r")='?([\w.,/+-]+)'?", lambda m: f"--{m[1].replace('_', '-')} {m[2]}", fix
    )


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"netsparse: {' '.join(message.split())}", err=True)
    sys.exit(code)
