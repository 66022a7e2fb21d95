"""What `percolate` and `robustness` ask alike about a removal: its order, its scope, how often scores are renewed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netsparse.cli import options
from netsparse.errors import InvalidOption, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

PICTURES = (".png", ".pdf", ".svg")
SCOPES = ("layer", "network")
MOST_TRIALS = 10_000
"""As many as `netsparse run` takes: the interval of a mean is a fiftieth of the spread by then."""

Scope = Annotated[
    str, typer.Option(help="layer: the same fraction of every layer (or level) at any time; network: all pooled.")
]
RecomputeEvery = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER",
        help="Renew the scores on what is left after so many removals, or after a fraction of all, as in 0.01.",
    ),
]
NSources = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="Estimate edge betweenness from so many sampled sources instead of all."),
]
Trials = Annotated[str, typer.Option(metavar="NUMBER", help="Trials; the 95 % intervals are over them.")]
Workers = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="Trials at the same time; default all cores. The result is the same."),
]
Figure = Annotated[Path | None, typer.Option(help="Also draw into a new file, .png, .pdf or .svg.")]


def removal_order(name: str, recompute_every: str | None, n_sources: str | None) -> Any:
    """Return the order of a name, with the two options that some orders have.

    Raises
    ------
    UnknownName
        The message lists the orders.
    InvalidOption
        For an option that this order does not have, or a number that is none.
    """
    import dataclasses

    from netsparse.percolation.orders import ORDERS

    if name not in ORDERS:
        raise unknown_name("order", name, ORDERS)
    given: dict[str, Any] = {}
    if recompute_every is not None:
        given["recompute_every"] = _removals_or_share(recompute_every)
    if n_sources is not None:
        given["n_sources"] = options.parse_whole("n-sources", n_sources, least=1, example=100)
    for option in given:
        if option not in options_of(name):
            having = [known for known in ORDERS if option in options_of(known)]
            typed = option.replace("_", "-")
            raise InvalidOption(typed, f"it with --order {name}", f"one of {', '.join(having)}", f"--order {having[0]}")
    return dataclasses.replace(ORDERS[name], **given)  # type: ignore[arg-type]  # every order is a dataclass


def options_of(order: str) -> tuple[str, ...]:
    """Return the names of the options that an order has."""
    import dataclasses

    from netsparse.percolation.orders import ORDERS

    return tuple(field.name for field in dataclasses.fields(ORDERS[order]))  # type: ignore[arg-type]  # every order is a dataclass


def parse_names(option: str, text: str, known: Iterable[str]) -> list[str]:
    """Return "a,b" as names, each once, all of them known; raises `UnknownName`."""
    known = list(known)
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names or [text]:
        if name not in known:
            raise unknown_name(option, name, known)
    return list(dict.fromkeys(names))


def check_scope(scope: str) -> str:
    """Return the scope; raises `UnknownName`."""
    if scope not in SCOPES:
        raise unknown_name("scope", scope, SCOPES)
    return scope


def parse_workers(text: str | None) -> int | None:
    """Return the number of workers; None, for all cores, if there was none."""
    return None if text is None else options.parse_whole("workers", text, least=1, example=2)


def _removals_or_share(text: str) -> int | float:
    try:
        number = float(text)
        if 0 < number < 1:
            return number
        if number >= 1 and number == int(number):
            return int(number)
    except (ValueError, OverflowError):
        pass
    expected = "a number of removals, at least 1, or a fraction of all between 0 and 1"
    raise InvalidOption("recompute-every", repr(text), expected, "--recompute-every 0.01")
