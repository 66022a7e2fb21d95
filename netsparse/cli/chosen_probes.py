"""Probes from the command line: names, the orders that fit them, and -p NAME=VALUE for options of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from netsparse.cli.removing import options_of, parse_names, removal_order
from netsparse.cli.wording import in_parameters
from netsparse.errors import InvalidOption, NetsparseError, unknown_name
from netsparse.percolation.orders import ORDERS
from netsparse.robustness.perturbation import Probe
from netsparse.robustness.probes import PROBES
from netsparse.robustness.saliency_order import SALIENCY_ORDERS

NAMED = ("order", "scope")
"""Options of probes that have an option of their own here."""


def chosen_probes(
    names: str,
    *,
    orders: Sequence[str],
    scope: str | None,
    recompute_every: str | None,
    n_sources: str | None,
    parameters: Mapping[str, Any],
) -> list[Probe]:
    """Return the probes of "link_removal,sign_flip" or "all", with the options given to those that have them.

    An order goes to the probes that remove what it orders, edges or units; several orders give such a probe several
    times, none leaves it its own.

    Raises
    ------
    UnknownName, InvalidOption
        For unknown names, options that none of the probes has, and values that one of them refuses.
    """
    bases = [PROBES[name] for name in (PROBES if names == "all" else parse_names("probe", names, PROBES))]
    by_kind = _by_kind(bases, names, orders, recompute_every, n_sources)
    wanted: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in parameters.items()}
    _check_known(bases, names, wanted)
    if scope is not None:
        if not any("scope" in _options(base) for base in bases):
            raise _belongs("scope", names)
        wanted["scope"] = scope
    probes = []
    for base in bases:
        own = {name: value for name, value in wanted.items() if name in _options(base)}
        for order in by_kind.get(_removes(base), [None]):
            probes.append(_with(base, own if order is None else {**own, "order": order}))
    return probes


def _by_kind(
    bases: Sequence[Probe], names: str, orders: Sequence[str], recompute_every: str | None, n_sources: str | None
) -> dict[str | None, list[Any]]:
    """Return the orders of edges and those of units: as names, as objects where their scores are renewed or sampled."""
    options = {"recompute_every": recompute_every, "n_sources": n_sources}
    asked = [name for name, value in options.items() if value is not None]
    if asked and not orders:
        raise InvalidOption(
            asked[0].replace("_", "-"), "it without an order", "an order that has it", "--order degree_product"
        )
    removed = {_removes(base) for base in bases} - {None}
    if orders and not removed:
        raise _belongs("order", names)
    by_kind: dict[str | None, list[Any]] = {}
    known = {**ORDERS, **SALIENCY_ORDERS}
    for name in dict.fromkeys(orders):
        if name not in known:
            raise unknown_name("order", name, [each for each, order in known.items() if order.of in removed])
        kind = known[name].of
        if kind not in removed:
            fitting = next(probe.name for probe in PROBES.values() if _removes(probe) == kind)
            given = f"{name!r}, of {kind}, with --probe {names}"
            raise InvalidOption("order", given, f"a probe that removes {kind}", f"--probe {fitting}")
        by_kind.setdefault(kind, []).append(name)
    return {kind: [_with_options(name, names, options) for name in names] for kind, names in by_kind.items()}


def _with_options(name: str, names: Sequence[str], options: Mapping[str, str | None]) -> Any:
    """Return an order by its name, or as an object if it has an option that was given; one of them has to have it."""
    if name in SALIENCY_ORDERS:
        return SALIENCY_ORDERS[name]
    own = {
        option: value
        for option, value in options.items()
        if option in options_of(name) or not any(option in options_of(other) for other in names if other in ORDERS)
    }
    return name if not any(own.values()) else removal_order(name, own.get("recompute_every"), own.get("n_sources"))


def _removes(probe: Probe) -> str | None:
    """Say whether an order of "edges" or of "units" can be given to the probe; None if it has no order."""
    return ORDERS[probe.order].of if "order" in _options(probe) else None  # type: ignore[attr-defined]  # it has one


def _with(base: Probe, own: Mapping[str, Any]) -> Probe:
    try:
        return dataclasses.replace(base, **own)  # type: ignore[type-var]  # every probe is a dataclass
    except NetsparseError as error:
        raise in_parameters(error, [name for name in own if name not in NAMED]) from error


def _belongs(option: str, names: str) -> InvalidOption:
    having = ", ".join(name for name, probe in PROBES.items() if option in _options(probe))
    return InvalidOption(option, f"it with --probe {names}", f"a probe that has one: {having}", "leaving it out")


def _check_known(bases: Sequence[Probe], names: str, parameters: Mapping[str, Any]) -> None:
    own = list(dict.fromkeys(name for base in bases for name in _options(base) if name not in NAMED))
    for name, value in parameters.items():
        if name in NAMED:
            raise InvalidOption("parameter", repr(name), "an option of its own", f"--{name} {value}")
        if name not in own:
            near = get_close_matches(name, own, n=1)
            expected = f"an option of {names}: {', '.join(own)}" if own else f"nothing, {names} has no other option"
            typed = str(value).lower() if isinstance(value, bool) else value
            raise InvalidOption(
                "parameter", repr(name), expected, f"-p {near[0]}={typed}" if near else "leaving it out"
            )


def _options(probe: Probe) -> list[str]:
    return [field.name for field in dataclasses.fields(probe)]  # type: ignore[arg-type]  # every probe is a dataclass
