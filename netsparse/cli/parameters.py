"""Parameters of a generator from the command line, -p NAME=VALUE: read, and checked before anything is drawn."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from netsparse.cli.wording import as_typed, quoted
from netsparse.errors import InvalidOption

SHARED = {"n_in": "--sizes", "n_out": "--sizes", "density": "--density", "n_edges": "--edges", "rng": "--seed"}
"""Parameters of generators that have options of their own."""

DEGREES = ("fan_in", "fan_out", "degree")
"""Parameters that say how many edges there are, in place of a density."""


def parse_parameters(texts: Iterable[str], example: str = "n_blocks=8") -> dict[str, Any]:
    """Return ["beta=0.2", "radices=4,4"] as a mapping from name to value.

    Whole numbers, other numbers, true and false are read as such, anything else is a string. Commas make a list ("4,"
    is a list of one), semicolons a list of such lists. `example` is what an error says to type.

    Raises
    ------
    InvalidOption
        If one is not of the form NAME=VALUE, or a name is there twice.

    Examples
    --------
    >>> parse_parameters(["beta=0.2", "radices=4,4", "initiator=0.9,0.5;0.5,0.1"])
    {'beta': 0.2, 'radices': [4, 4], 'initiator': [[0.9, 0.5], [0.5, 0.1]]}
    """
    parameters: dict[str, Any] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not name.isidentifier() or not value:
            raise InvalidOption("parameter", repr(text), "NAME=VALUE", f"-p {example}")
        if name in parameters:
            raise InvalidOption("parameter", f"{name!r} twice", "every name once", f"-p {text} alone")
        parameters[name] = _value(value)
    return parameters


def check_parameters(generator: str, function: Callable[..., Any], parameters: Mapping[str, Any], example: str) -> None:
    """Refuse a parameter the generator does not have, and a call without one it needs.

    Raises
    ------
    InvalidOption
        The message lists those that it has; what to type comes from `example`, a call in Python.
    """
    own = own_parameters(function)
    hints = typed_example(function, example)
    for name in parameters:
        if name not in own:
            near = get_close_matches(name, own, n=1)
            meant = f"-p {quoted(near[0], as_typed(repr(parameters[name])))}" if near else hints or "leaving it out"
            fix = f"{SHARED[name]} instead" if name in SHARED else meant
            expected = f"a parameter of {generator}: {', '.join(own)}" if own else f"nothing, {generator} has none"
            raise InvalidOption("parameter", repr(name), expected, fix)
    for name, parameter in own.items():
        if parameter.default is inspect.Parameter.empty and name not in parameters:
            fix = hints or f"-p {name}=VALUE"
            raise InvalidOption("parameter", f"none named {name!r}", f"one, which {generator} needs", fix)


def own_parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a generator that are its own, by name."""
    return {name: takes for name, takes in inspect.signature(function).parameters.items() if name not in SHARED}


def typed_example(function: Callable[..., Any], example: str) -> str:
    """Return the call `example` as options: "radix_net([4, 4])" as "-p radices=4,4".

    Examples
    --------
    >>> def radix_net(radices, *, rng): ...
    >>> typed_example(radix_net, "radix_net([4, 4], rng=0)")
    '-p radices=4,4'
    """
    if not example:
        return ""
    call = ast.parse(example, mode="eval").body
    if not isinstance(call, ast.Call):
        return ""
    positions = list(inspect.signature(function).parameters)
    values = dict(zip(positions, call.args, strict=False)) | {str(word.arg): word.value for word in call.keywords}
    own = own_parameters(function)
    typed = [f"-p {quoted(name, as_typed(ast.unparse(value)))}" for name, value in values.items() if name in own]
    if "n_edges" in values:
        typed.append(f"--edges {ast.unparse(values['n_edges'])}")
    return " ".join(typed)


def _value(text: str) -> Any:
    if ";" in text:
        return [_row(row) for row in text.split(";")]
    return _row(text) if "," in text else _scalar(text)


def _row(text: str) -> list[Any]:
    return [_scalar(part) for part in text.split(",") if part.strip()]


def _scalar(text: str) -> Any:
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
