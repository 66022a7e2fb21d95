"""Hints of the library in the command line's words: n_edges=300 becomes --edges 300, beta=0.2 becomes -p beta=0.2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from netsparse.errors import NetsparseError

RENAMED = {"rng": "seed", "null_model": "null", "n_edges": "edges", "metric": "metrics", "strength": "strengths"}
"""Python's names of what the command line calls otherwise."""

VALUE = r"(\[(?:[^\[\]]|\[[^\[\]]*\])*\]|'[^']*'|[\w.,/+-]*[\w/+-])"  # a list, of lists even, a string, a bare word


def in_options(error: NetsparseError, options: Iterable[str]) -> NetsparseError:
    """Return the error with the names of Python turned into `options`, in what is wrong and in what to type."""
    options = list(options)
    subject = ", ".join(RENAMED.get(name, _dashed(name, options)) for name in error.subject.split(", "))
    flags = (
        re.sub(rf"\b({'|'.join(map(re.escape, options))})=(True|False)\b", _flag, error.fix) if options else error.fix
    )
    fix = _replaced(flags, [*options, *RENAMED], lambda name: f"--{RENAMED.get(name, name).replace('_', '-')} ")
    return type(error)(subject, error.given, error.expected, fix)


def _dashed(name: str, options: Iterable[str]) -> str:
    return name.replace("_", "-") if name in options else name


def _flag(match: re.Match[str]) -> str:
    """Return what to do about an option that takes no value."""
    typed = "--" + match[1].replace("_", "-")
    return typed if match[2] == "True" else f"leaving out {typed}"


def in_parameters(error: NetsparseError, names: Iterable[str]) -> NetsparseError:
    """Return the error with the parameters `names` of a generator in its hint turned into -p NAME=VALUE.

    Examples
    --------
    >>> from netsparse.errors import InvalidOption
    >>> in_parameters(InvalidOption("radices", "3", "a list", "radices=[[2, 3], [6]]"), ["radices"]).fix
    "-p 'radices=2,3;6'"
    """
    return type(error)(
        error.subject, error.given, error.expected, _replaced(error.fix, names, lambda name: f"-p {name}=")
    )


def as_typed(value: str) -> str:
    """Return a Python value as it is typed in a shell: "[[2, 3], [6]]" as 2,3;6 and "'erk'" as erk.

    Examples
    --------
    >>> as_typed("[[2, 3], [6]]"), as_typed("'erk'"), as_typed("10_000")
    ('2,3;6', 'erk', '10000')
    """
    if re.fullmatch(r"[\d_]+", value):
        return value.replace("_", "")
    return re.sub(r"[\[\]()' ]", "", re.sub(r"\],\s*\[", ";", value))


def quoted(name: str, value: str) -> str:
    """Return NAME=VALUE, in quotes where the shell would cut it at a semicolon."""
    return f"'{name}={value}'" if ";" in value else f"{name}={value}"


def _replaced(fix: str, names: Iterable[str], prefix: Callable[[str], str]) -> str:
    """Replace every NAME=VALUE whose name is known, unless it is one of -p already."""

    def typed(match: re.Match[str]) -> str:
        start, value = prefix(match[1]), as_typed(match[2])
        if start.endswith("="):
            return start.removesuffix(f"{match[1]}=") + quoted(match[1], value)
        return start + value

    known = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.sub(rf"(?<!-p )(?<!-p ')(?<!--rule-option )\b({known})={VALUE}", typed, fix) if known else fix
