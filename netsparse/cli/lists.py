"""What `--rule list` and `--objective list` print: every name, in a sentence, with its options."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import typer

from netsparse.cli.named_options import as_typed

LISTED, WIDTH = "list", 80


def list_rules(rule: str) -> str:
    """Print all rules where the name is "list", and leave; a name is returned as it is."""
    if rule != LISTED:
        return rule
    from netsparse.rewiring import RULES, RewiringRule

    common = RewiringRule.options()
    typer.echo(_wrapped("Options of rules, and their usual values", as_typed(common), indent="  "))
    for name, kind in RULES.items():
        options = kind.options()
        own = {option: value for option, value in options.items() if common.get(option, ...) != value}
        without = [option for option in common if option not in options]
        typer.echo(f"\n{textwrap.fill(f'{name}: {_first_sentence(kind)}', WIDTH, subsequent_indent='  ')}")
        for what, which in (("its own", as_typed(own)), ("without", without if options else ["any option"])):
            if which:
                typer.echo(_wrapped(f"  {what}", which, indent="    "))
    raise typer.Exit


def list_objectives(objective: str) -> str:
    """Print all objectives where the name is "list", and leave; a name is returned as it is."""
    if objective != LISTED:
        return objective
    from netsparse.train.named_options import OBJECTIVE

    settings = {option: setting.replace("_", "-") for setting, option in OBJECTIVE.settings.items()}
    flags = [*(f"--{flag}" for flag in settings.values()), "others as --objective-option NAME=VALUE"]
    typer.echo(_wrapped("Options of objectives", flags, indent="  "))
    for name, kind in OBJECTIVE.names.items():
        options = OBJECTIVE.options(name)
        short = {flag: options[option] for option, flag in settings.items() if option in options}
        typed = [f"--{flag}" + _usual(value) for flag, value in short.items()]
        others = as_typed({option: value for option, value in options.items() if option not in settings})
        typer.echo(f"\n{textwrap.fill(f'{name}: {_first_sentence(kind)}', WIDTH, subsequent_indent='  ')}")
        typer.echo(_wrapped("  options", [*typed, *others], indent="    "))
    raise typer.Exit


def _usual(value: Any) -> str:
    from netsparse.train.objectives import REQUIRED

    return " (needed)" if value is REQUIRED else "" if value is None else f" {value}"


def _wrapped(title: str, words: Sequence[str], indent: str) -> str:
    return textwrap.fill(f"{title}: {', '.join(words)}", WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _first_sentence(kind: type) -> str:
    text = " ".join((kind.__doc__ or "").split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]
