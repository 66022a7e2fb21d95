"""What a rule may be given: options that are shares and whole numbers, layers whose vectors have a number per edge."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidOption
from netsparse.graph.checks import as_edge_vector
from netsparse.rewiring.state import LayerState
from netsparse.typing import EdgeVector


def checked_state(state: LayerState, needs: frozenset[str]) -> LayerState:
    """Return a layer's state with its numbers looked at, and with all that a rule reads on request.

    Raises
    ------
    InvalidEdgeVector
        If there is not one finite number per edge where there must be.
    InvalidOption
        If something is missing.
    """
    seen = {"weights": _numbers("weights", state, "layer.edge_weights()")}
    for name in needs:
        value = getattr(state, name)
        if value is None or (name == "grads" and not any(hasattr(value, question) for question in QUESTIONS)):
            made = "PairGradients.from_dense(graph, matrix), or recorded_gradients(model) around a backward pass"
            fix = made if name == "grads" else f"{name}=<an edge vector>"
            given = "None" if value is None else type(value).__name__
            raise InvalidOption(name, given, f"the {name} of layer {state.index}, which the rule reads", fix)
        if name == "momentum":  # that it is finite is asked where it decides
            seen[name] = as_edge_vector(name, value, state.graph.n_edges)
        elif name == "ages":
            seen[name] = _numbers(name, state, "optimizer steps since each edge was born")
    return state if all(value is getattr(state, name) for name, value in seen.items()) else replace(state, **seen)


QUESTIONS = ("at_edges", "at_pairs", "rows", "top_free_pairs")
"""What gradients answer, see `LayerState`."""


def _numbers(name: str, state: LayerState, fix: str) -> EdgeVector:
    """Return an edge vector of a layer whose numbers are finite; whole ones as floats, whose |w| never overflows."""
    values = as_edge_vector(name, getattr(state, name), state.graph.n_edges)
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        given = "a value that is not finite" if values.dtype.kind == "f" else f"{values.dtype} values"
        raise InvalidEdgeVector(name, given, "one finite real number per edge", fix)
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def check_share(name: str, value: Any, rule: type) -> None:
    """Raise `InvalidOption` unless an option of a rule is a number in [0, 1]."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0.0 <= float(value) <= 1.0:
        kind = "a share of the edges in [0, 1]" if "fraction" in name else "a share of the run in [0, 1]"
        raise InvalidOption(name, repr(value), kind, f"{name}={rule.__dataclass_fields__[name].default}")


def check_whole(name: str, value: Any, *, allows_none: bool = False) -> None:
    """Raise `InvalidOption` unless an option is a whole number of at least 1, or None where that may be."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1
    if not whole and not (value is None and allows_none):
        expected = "a whole number, at least 1" + ", or None" * allows_none
        raise InvalidOption(name, repr(value), expected, f"{name}=1")
