"""Options of attacks, checked at the door: each impossible one has its line."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.robustness.attack_methods import Method
from netsparse.robustness.attacked import check_is_model
from netsparse.train.norms import NORMS


def as_radii(eps: Any, norm: str, n_pixels: int) -> tuple[float, ...]:
    """Return the radii of a table, 0 first.

    Raises
    ------
    InvalidOption
        For what is not a number or a list of increasing numbers from 0 to the diagonal of the cube [0, 1]^n_pixels.

    Examples
    --------
    >>> as_radii(0.1, "linf", 64), as_radii([0, 1, 8], "l2", 64)
    ((0.0, 0.1), (0.0, 1.0, 8.0))
    """
    largest = NORMS[norm].largest(n_pixels)
    fix = "eps=[0.1, 0.2]" if norm == "linf" else "eps=[0.5, 1.0]"
    is_list = isinstance(eps, Iterable) and not isinstance(eps, str) and getattr(eps, "ndim", 1) > 0
    several: list[Any] = list(eps) if is_list else [eps]
    if not several:
        raise InvalidOption("eps", "no radius", "one or more", fix)
    for value in several:
        is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
        if not is_number or not 0.0 <= float(value) <= largest:  # type: ignore[arg-type]  # a Real is one
            why = "because pixels are" if norm == "linf" else f"the diagonal of the cube of {n_pixels} pixels"
            expected = f"a number from 0 to {largest:g}, {why}" + (" in [0, 1]" if norm == "linf" else "")
            raise InvalidOption("eps", repr(value), expected, fix)
    radii = [float(value) for value in several]
    if any(later <= earlier for earlier, later in pairwise(radii)):
        raise InvalidOption("eps", repr(radii), "increasing radii", f"eps={sorted(set(radii))}")
    return tuple(radii) if radii[0] == 0.0 else (0.0, *radii)


def as_steps(attack: str, method: Method, steps: Any) -> int | None:
    """Return how many steps an attack takes, None where it counts none; raises `InvalidOption`."""
    if steps is None:
        return method.steps
    if not method.fixed_steps:
        return at_least_one("steps", steps)
    if steps != method.steps or isinstance(steps, bool):
        expected = f"1, what {attack!r} takes" if method.steps else f"None, because {attack!r} counts none"
        raise InvalidOption("steps", repr(steps), expected, "leaving out steps, or attack='pgd'")
    return method.steps


def as_step_size(attack: str, method: Method, step_size: Any) -> float | None:
    """Return the length of a step, None where it follows from eps; raises `InvalidOption`."""
    if step_size is None:
        return None
    fix = "step_size=2/255"
    if not method.climbs or method.fixed_steps:
        raise InvalidOption("step_size", repr(step_size), f"None for {attack!r}", "leaving out step_size")
    is_number = isinstance(step_size, Real) and not isinstance(step_size, bool)
    if not is_number or not 0.0 < float(step_size) < math.inf:
        raise InvalidOption("step_size", repr(step_size), "a finite number above 0", fix)
    return float(step_size)


def as_restarts(attack: str, method: Method, restarts: Any) -> int:
    """Return the number of restarts; raises `InvalidOption` for several of an attack without a random start."""
    restarts = at_least_one("restarts", restarts)
    if restarts > 1 and not method.draws:
        expected = f"1, because {attack!r} is the same every time"
        raise InvalidOption("restarts", str(restarts), expected, "attack='pgd'")
    return restarts


def as_source(method: Method, source: Any, n_features: int, n_classes: int) -> Any:
    """Return the second model of a transfer attack, None for any other attack; raises `InvalidOption`."""
    if method.takes_source:
        check_is_model("source", source)
        check_fits(source, n_features, n_classes)
    elif source is not None:
        raise InvalidOption("source", "a model", "None but for a transfer attack", "attack='transfer'")
    return source


def check_fits(model: Any, n_features: int, n_classes: int) -> None:
    """Let a model of ours say whether it takes such data; any other one says it when it is called."""
    if callable(check := getattr(model, "check_data", None)):
        check(n_features, n_classes)


def first_samples(n_samples: Any, n: int, split: str) -> int:
    """Return how many samples of the `n` of a split are taken, all for None; raises `InvalidOption`."""
    if n_samples is None:
        return n
    is_whole = isinstance(n_samples, int | np.integer) and not isinstance(n_samples, bool)
    if not is_whole or not 1 <= n_samples <= n:
        expected = f"a whole number of the {n} samples of the {split} set, at least 1"
        raise InvalidOption("n_samples", repr(n_samples), expected, f"n_samples={min(1000, n)}")
    return int(n_samples)


def at_least_one(name: str, value: Any) -> int:
    """Return a whole number of at least 1; raises `InvalidOption`."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise InvalidOption(name, repr(value), "a whole number of at least 1", f"{name}=10")
    return int(value)


def check_flag(name: str, value: Any) -> None:
    """Raise `InvalidOption` for what is neither True nor False."""
    if not isinstance(value, bool):
        raise InvalidOption(name, repr(value), "True or False", f"{name}=True")
