"""Options of a rule from the command line, --rule-option NAME=VALUE, and `--rule list`, which says what there is."""

from __future__ import annotations

import ast
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from netsparse.errors import InvalidOption, NetsparseError

LISTED, WIDTH = "list", 80


def parse_options(rule: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return ["until=0.75", "drop=magnitude"] as a mapping from name to value.

    A value is read as Python would read a number, True, False, None or a tuple of them, in any case of letters; inf is
    a number too, and everything else is a string.

    Raises
    ------
    InvalidOption
        If one is not of the form NAME=VALUE, or a name is there twice; the message lists the options of the rule.

    Examples
    --------
    >>> parse_options("mest", ["until=0.75", "skip_step=true", "milestones=0.5,0.8", "newborn=zero"])
    {'until': 0.75, 'skip_step': True, 'milestones': (0.5, 0.8), 'newborn': 'zero'}
    """
    options: dict[str, Any] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not name or not value:
            expected = f"NAME=VALUE of {_options_of(rule)}"
            raise InvalidOption("rule-option", repr(text), expected, "--rule-option until=0.75")
        if name in options:
            raise InvalidOption("rule-option", f"{name!r} twice", "every name once", f"--rule-option {text} alone")
        options[name] = _value(value)
    return options


def _value(text: str) -> Any:
    for candidate in (text, text.title()):
        try:
            value = ast.literal_eval(candidate)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if not _is_plain(value):
            break
        if candidate == text or value in (True, False, None):
            return value
    return math.inf if text.lower() == "inf" else text


def _is_plain(value: Any) -> bool:
    """Whether a file of settings gives the value back as it is."""
    if isinstance(value, tuple | list):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, bool | int | float | str)


def in_words(error: NetsparseError, rule: str) -> NetsparseError:
    """Return an error about an option of `rule` with what to type as it is typed here.

    Examples
    --------
    >>> given = InvalidOption("until of rule 'set'", "2", "a share of the run", "until=1.0")
    >>> in_words(given, "set").fix
    '--rule-option until=1.0'
    """
    if f"of rule '{rule}'" not in error.subject:
        return error
    fix = re.sub(r"rule_options=\{'(\w+)': (.*)\}", r"\1=\2", error.fix)
    fix = re.sub(r"=\(([^()]*)\)", lambda match: f"={match[1].replace(' ', '')}", fix)
    fix = re.sub(r"(?<!-)\b(\w+)='?([\w.,+-]+)'?", r"--rule-option \1=\2", fix)
    return type(error)(error.subject, error.given, error.expected, fix)


def list_rules(rule: str) -> str:
    """Print all rules where the name is "list", and leave; a name is returned as it is."""
    if rule == LISTED:
        from netsparse.rewiring import RULES, RewiringRule

        common = RewiringRule.options()
        typer.echo(_wrapped("Options of rules, and their usual values", _as_typed(common), indent="  "))
        for name, kind in RULES.items():
            options = kind.options()
            own = {option: value for option, value in options.items() if common.get(option, ...) != value}
            without = [option for option in common if option not in options]
            typer.echo(f"\n{textwrap.fill(f'{name}: {_first_sentence(kind)}', WIDTH, subsequent_indent='  ')}")
            for what, which in (("its own", _as_typed(own)), ("without", without if options else ["any option"])):
                if which:
                    typer.echo(_wrapped(f"  {what}", which, indent="    "))
        raise typer.Exit
    return rule


def _wrapped(title: str, words: Sequence[str], indent: str) -> str:
    return textwrap.fill(f"{title}: {', '.join(words)}", WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _options_of(rule: str) -> str:
    """Return the options of a rule and their defaults, as they are typed."""
    from netsparse.rewiring import RULES

    if rule not in RULES:
        return "a rule that there is, see --rule list"
    return ", ".join(_as_typed(RULES[rule].options())) or "no option at all"


def _as_typed(options: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_typed(value)}" for name, value in options.items()]


def _typed(value: Any) -> str:
    if isinstance(value, tuple) and value:
        return ",".join(map(str, value)) + "," * (len(value) == 1)
    plain = value is None or isinstance(value, bool | int | float | str | tuple)
    return str(value) if plain else type(value).__name__


def _first_sentence(kind: type) -> str:
    text = " ".join((kind.__doc__ or "").split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]
