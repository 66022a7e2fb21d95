"""What is watched while edges go: names, definitions and normalisation of the observables, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from netsparse.errors import InvalidOption, unknown_name
from netsparse.percolation.newman_ziff import Counts, EdgeEnds, component_counts
from netsparse.percolation.reachability import inputs_connected, outputs_reachable
from netsparse.typing import EdgeIds

Process = Callable[[tuple[int, ...], EdgeEnds, EdgeIds], dict[str, Counts]]


class Observable(NamedTuple):
    """One number that describes what is left of a network.

    Attributes
    ----------
    definition : str
        What it is, in one line.
    process : callable
        `process(sizes, ends, order)` gives the counts of this observable, and of those found in the same pass, for
        every number of removed edges.
    scale : callable
        `scale(sizes)` is the number that counts are divided by.
    """

    definition: str
    process: Process
    scale: Callable[[tuple[int, ...]], int]


def all_units(sizes: tuple[int, ...]) -> int:
    """Return the number of units on all levels, isolated ones included."""
    return sum(sizes)


def inputs(sizes: tuple[int, ...]) -> int:
    """Return the number of units of the first level."""
    return sizes[0]


def outputs(sizes: tuple[int, ...]) -> int:
    """Return the number of units of the last level."""
    return sizes[-1]


def one(sizes: tuple[int, ...]) -> int:
    """Return 1: the observable is a count, not a fraction."""
    return 1


# The definitions are ours where the literature leaves a choice: fractions are of all units, isolated ones included,
# and input-output reachability asks for one directed path, not for all of them.
OBSERVABLES: dict[str, Observable] = {
    "giant_component": Observable("largest component / all units", component_counts, all_units),
    "second_component": Observable("second largest component / all units", component_counts, all_units),
    "n_components": Observable("number of components, isolated units included", component_counts, one),
    "outputs_reachable": Observable(
        "units of the last level reached from at least one input / units of the last level", outputs_reachable, outputs
    ),
    "inputs_connected": Observable(
        "inputs that reach at least one unit of the last level / inputs", inputs_connected, inputs
    ),
}


def observable_names(observables: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names given, each once.

    Raises
    ------
    UnknownName, InvalidOption
        For a name that is not in `OBSERVABLES`, and for what holds no name at all.

    Examples
    --------
    >>> observable_names("giant_component")
    ('giant_component',)
    """
    names = [observables] if isinstance(observables, str) else observables
    names = list(names) if isinstance(names, Iterable) else []
    if not names:
        given, expected = repr(observables), "at least one of " + ", ".join(OBSERVABLES)
        raise InvalidOption("observables", given, expected, "observables=('giant_component',)")
    for name in names:
        if not isinstance(name, str) or name not in OBSERVABLES:
            raise unknown_name("observables", name, OBSERVABLES)
    return tuple(dict.fromkeys(names))
