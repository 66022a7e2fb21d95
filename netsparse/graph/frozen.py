"""Values that do not change: read-only arrays, and objects whose attributes cannot be set."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from netsparse.errors import GraphIsFrozen

INT32_MAX = np.iinfo(np.int32).max


def frozen(array: np.ndarray) -> np.ndarray:
    """Return `array` itself, made read-only; only for arrays nobody else holds."""
    array.setflags(write=False)
    return array


def index_dtype(*largest: int) -> type[np.int32] | type[np.int64]:
    """Return int32 whenever all the given numbers fit, int64 otherwise."""
    return np.int32 if max(largest) <= INT32_MAX else np.int64


class Frozen:
    """Base of the value objects: attributes are set once, by `_fill`, and never again."""

    __slots__ = ()
    _change_with = "netsparse.graph.apply(graph, delta)"

    def _fill(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        kind = type(self).__name__
        raise GraphIsFrozen(
            f"{kind}.{name}", "an assignment", f"no change in place (a {kind} is a value)", self._change_with
        )

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)
