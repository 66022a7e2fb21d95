"""Options of a rule or an objective from the command line: --rule-option NAME=VALUE, --objective-option NAME=VALUE."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from netsparse.errors import InvalidOption, NetsparseError

EXAMPLES = {"rule": "until=0.75", "objective": "label_smoothing=0.1"}
"""What takes options by name, and what to type."""


def parse_options(kind: str, name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return ["until=0.75", "drop=magnitude"] as a mapping from option to value.

    A value is read as Python would read a number, True, False, None or a tuple of them, in any case of letters; inf and
    quotients such as 2/255 are numbers too, and everything else is a string.

    Raises
    ------
    InvalidOption
        If one is not of the form NAME=VALUE, or an option is there twice; the message lists those of the rule or
        objective.

    Examples
    --------
    >>> parse_options("rule", "mest", ["until=0.75", "skip_step=true", "milestones=0.5,0.8", "newborn=zero"])
    {'until': 0.75, 'skip_step': True, 'milestones': (0.5, 0.8), 'newborn': 'zero'}
    >>> parse_options("objective", "trades", ["step_size=1/4"])
    {'step_size': 0.25}
    """
    options: dict[str, Any] = {}
    for text in texts:
        option, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not option or not value:
            expected = f"NAME=VALUE of {_options_of(kind, name)}"
            raise InvalidOption(f"{kind}-option", repr(text), expected, f"--{kind}-option {EXAMPLES[kind]}")
        if option in options:
            raise InvalidOption(
                f"{kind}-option", f"{option!r} twice", "every name once", f"--{kind}-option {text} alone"
            )
        options[option] = _value(value)
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
    if "/" in text:
        from netsparse.train.written_numbers import as_number

        return as_number(text)
    return math.inf if text.lower() == "inf" else text


def _is_plain(value: Any) -> bool:
    """Whether a file of settings gives the value back as it is."""
    if isinstance(value, tuple | list):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, bool | int | float | str)


def in_words(error: NetsparseError, kind: str, name: str) -> NetsparseError:
    """Return an error about an option of a rule or an objective with what to type as it is typed here.

    Examples
    --------
    >>> given = InvalidOption("until of rule 'set'", "2", "a share of the run", "until=1.0")
    >>> in_words(given, "rule", "set").fix
    '--rule-option until=1.0'
    """
    if f"of {kind} '{name}'" not in error.subject:
        return error
    from netsparse.train.named_options import FAMILIES

    fix = re.sub(rf"{kind}_options=\{{'(\w+)': (.*)\}}", r"\1=\2", error.fix)
    fix = re.sub(r"=\(([^()]*)\)", lambda match: f"={match[1].replace(' ', '')}", fix)
    own = "|".join(FAMILIES[kind].settings)  # have options of their own here
    fix = re.sub(rf"(?<!-)\b(?!(?:{own})=)(\w+)='?([\w.,/+-]+)'?", rf"--{kind}-option \1=\2", fix)
    return type(error)(error.subject, error.given, error.expected, fix)


def _options_of(kind: str, name: str) -> str:
    """Return the options of a rule or an objective and what they are where nothing is said, as they are typed."""
    from netsparse.train.named_options import FAMILIES

    family = FAMILIES[kind]
    if name not in family.names:
        return f"one that there is, see --{kind} list"
    return ", ".join(as_typed(family.options(name))) or "no option at all"


def as_typed(options: Mapping[str, Any]) -> list[str]:
    """Return options with their values as they are typed; one that has to be given has no value.

    Examples
    --------
    >>> as_typed({"until": 1.0, "milestones": (0.5, 0.8)})
    ['until=1.0', 'milestones=0.5,0.8']
    """
    from netsparse.train.objectives import REQUIRED

    return [name if value is REQUIRED else f"{name}={_typed(value)}" for name, value in options.items()]


def _typed(value: Any) -> str:
    if isinstance(value, tuple) and value:
        return ",".join(map(str, value)) + "," * (len(value) == 1)
    plain = value is None or isinstance(value, bool | int | float | str | tuple)
    return str(value) if plain else type(value).__name__
