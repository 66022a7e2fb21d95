"""The kinds of parts that rules are made of, and how one is named: a name of its table, or the part itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.rewiring.state import Kept, LayerState
from netsparse.typing import EdgeIds, EdgeVector, UnitIds

Drop = Callable[[LayerState, int, np.random.Generator], EdgeIds]
"""`(state, n_drop, rng) -> ids`: whom to drop. One that follows a rule of its own instead of a number, says so."""

Grow = Callable[[Kept, int, np.random.Generator], tuple[UnitIds, UnitIds]]
"""`(kept, n_grow, rng) -> (sources, targets)`: exactly so many distinct pairs that are free among the survivors."""

Budget = Callable[[Sequence[Kept], Sequence[int], np.random.Generator], Sequence[int]]
"""`(kept of every layer, edges to grow as counted by layer, rng) -> edges to grow in each layer`."""

Newborn = Callable[[Kept, UnitIds, UnitIds, np.random.Generator], EdgeVector | None]
"""`(kept, sources, targets, rng) -> weights` of the edges that grow there; None for zeros."""

Part = TypeVar("Part", bound=Callable[..., Any])

FIELDS = ("grads", "momentum", "ages")
"""What of a `LayerState` is only there for rules that need it."""


def needs(*names: str) -> Callable[[Part], Part]:
    """Mark a part that reads `grads`, `momentum` or `ages` of a `LayerState`, which are only there on request.

    Examples
    --------
    >>> @needs("ages")
    ... def youngest(state, n_drop, rng):
    ...     return np.argsort(state.ages, kind="stable")[:n_drop]
    >>> needed_by(youngest)
    frozenset({'ages'})
    """

    def mark(part: Part) -> Part:
        part.needs = frozenset(names)  # type: ignore[attr-defined]
        return part

    return mark


def needed_by(part: Any) -> frozenset[str]:
    """Return the names of what a part reads on request."""
    return getattr(part, "needs", frozenset())


def named_part(option: str, chosen: Any, table: Mapping[str, Any]) -> Any:
    """Return the part of that name, or the part itself; raises `UnknownName`, `InvalidOption`."""
    if isinstance(chosen, str):
        if chosen not in table:
            raise unknown_name(option, chosen, table)
        return table[chosen]
    if isinstance(chosen, type) or not callable(chosen):
        expected = f"one of {', '.join(table)}, or a function of one's own"
        raise InvalidOption(option, repr(chosen), expected, f"{option}={next(iter(table))!r}")
    return chosen
