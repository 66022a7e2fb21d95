"""What is watched while edges or units go: names, definitions and normalisation of the observables, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import NamedTuple

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.percolation.edge_ends import EdgeEnds
from netsparse.percolation.newman_ziff import Points, component_counts
from netsparse.percolation.path_counts import path_counts
from netsparse.percolation.reachability import on_paths, reached_from_inputs, reaching_outputs
from netsparse.percolation.removal import Removal

Process = Callable[[tuple[int, ...], EdgeEnds, Removal, Points, dict[str, np.ndarray]], None]


class Observable(NamedTuple):
    """One number that describes what is left of a network.

    Attributes
    ----------
    definition : str
        What it is, in one line.
    process : callable
        `process(sizes, ends, removal, points, out)` fills in, at every point (numbers of removed items, increasing),
        this observable before any division, and those found in the same pass that `out` has an array for.
    scale : callable
        `scale(sizes)` is the number that counts are divided by.
    dtype : type
        numpy.int32 for a number of units or components, numpy.float64 for a real number.
    """

    definition: str
    process: Process
    scale: Callable[[tuple[int, ...]], int]
    dtype: type = np.int32


def all_units(sizes: tuple[int, ...]) -> int:
    """Return the number of units on all levels, isolated ones included."""
    return sum(sizes)


def inputs(sizes: tuple[int, ...]) -> int:
    """Return the number of units of the first level."""
    return sizes[0]


def outputs(sizes: tuple[int, ...]) -> int:
    """Return the number of units of the last level."""
    return sizes[-1]


def beyond_inputs(sizes: tuple[int, ...]) -> int:
    """Return the number of units on all levels but the first."""
    return sum(sizes[1:])


def one(sizes: tuple[int, ...]) -> int:
    """Return 1: the observable is a count or a mean, not a fraction."""
    return 1


# The definitions are ours where the literature leaves a choice: fractions are of all original units, isolated and
# removed ones included; input-output reachability asks for one directed path, not for all of them; susceptibility is
# the mean over the units outside the largest component (others divide the same sum by all units).
OBSERVABLES: dict[str, Observable] = {
    "giant_component": Observable("largest component / all units", component_counts, all_units),
    "second_component": Observable("second largest component / all units", component_counts, all_units),
    "susceptibility": Observable(
        "mean size of the component of a unit outside the largest one, sum s^2 / sum s",
        component_counts,
        one,
        np.float64,
    ),
    "n_components": Observable("number of components, isolated units included", component_counts, one),
    "units_reachable": Observable(
        "units beyond the inputs reached from at least one input / units beyond the inputs",
        reached_from_inputs,
        beyond_inputs,
    ),
    "outputs_reachable": Observable(
        "units of the last level reached from at least one input / units of the last level",
        reached_from_inputs,
        outputs,
    ),
    "inputs_connected": Observable(
        "inputs that reach at least one unit of the last level / inputs", reaching_outputs, inputs
    ),
    "active_units": Observable("units on a path from an input to an output / all units", on_paths, all_units),
    "log_path_count": Observable(
        "natural logarithm of the number of input-output paths, -inf without any", path_counts, one, np.float64
    ),
}

DEFAULT = ("giant_component", "second_component", "susceptibility", "outputs_reachable")


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
    # a set has no order of its own, and the same call would give another table in another process
    names = sorted(names, key=str) if isinstance(names, Set) else list(names) if isinstance(names, Iterable) else []
    if not names:
        given, expected = repr(observables), "at least one of " + ", ".join(OBSERVABLES)
        raise InvalidOption("observables", given, expected, "observables=('giant_component',)")
    for name in names:
        if not isinstance(name, str) or name not in OBSERVABLES:
            raise unknown_name("observables", name, OBSERVABLES)
    return tuple(dict.fromkeys(map(str, names)))


def watch(sizes: tuple[int, ...], ends: EdgeEnds, removal: Removal, points: Points, out: dict[str, np.ndarray]) -> None:
    """Fill in the observables that `out` has arrays for, each pass over the edges made once."""
    for process in dict.fromkeys(OBSERVABLES[name].process for name in out):
        process(sizes, ends, removal, points, out)
