"""Callbacks: what a caller wants to do at certain moments of a run, with the whole state of it in hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph, EdgeDelta
from netsparse.train.state import TrainState

MOMENTS = ("on_train_begin", "on_rewire", "on_epoch_end", "on_train_end")
"""What a callback may have: methods of these names. A plain function is called at `on_epoch_end`."""

Change = tuple[BipartiteGraph, EdgeDelta]
"""A layer's graph before a rewiring, and what was removed from it and added to it."""


def _takes(method: Callable[..., object], n_arguments: int) -> bool:
    """Whether it can be called so, as far as can be seen before: what is compiled need not tell."""
    try:
        inspect.signature(method).bind(*[None] * n_arguments)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


class Callbacks:
    """Several callbacks, called one after the other.

    Parameters
    ----------
    callbacks : sequence of objects
        Functions `callback(state)`, called after every epoch, and objects with any of the methods
        `on_train_begin(state)`, `on_rewire(state, changes)`, `on_epoch_end(state)`, `on_train_end(state)`.

    Raises
    ------
    InvalidOption
        For something that is neither, or that takes other arguments.

    Examples
    --------
    >>> Callbacks([lambda state: print("after an epoch")]).on_train_end(None)
    >>> Callbacks([3])
    Traceback (most recent call last):
    ...
    netsparse.errors.InvalidOption: callbacks: given 3, expected a function of the state, or an object with one of \
on_train_begin, on_rewire, on_epoch_end, on_train_end; try callbacks=[lambda state: print(state.epoch, state.row)]
    """

    def __init__(self, callbacks: Sequence[Any] = ()) -> None:
        self._at: dict[str, list[Callable[..., object]]] = {moment: [] for moment in MOMENTS}
        fix = "callbacks=[lambda state: print(state.epoch, state.row)]"
        if not isinstance(callbacks, Iterable):
            raise InvalidOption("callbacks", repr(callbacks), "a sequence of them", fix)
        for callback in callbacks:
            methods = {moment: getattr(callback, moment) for moment in MOMENTS if hasattr(callback, moment)}
            if isinstance(callback, type) or not all(map(callable, methods.values() or [callback])):
                expected = f"a function of the state, or an object with one of {', '.join(MOMENTS)}"
                raise InvalidOption("callbacks", repr(callback), expected, fix)
            for moment, method in (methods or {"on_epoch_end": callback}).items():
                if not _takes(method, 2 if moment == "on_rewire" else 1):
                    taken = "the state and the changes" if moment == "on_rewire" else "the state alone"
                    raise InvalidOption("callbacks", f"{method!r}", f"what takes {taken} at {moment}", fix)
                self._at[moment].append(method)

    def on_train_begin(self, state: TrainState) -> None:
        """Call what wants to be called before the first step, of a resumed run too."""
        for call in self._at["on_train_begin"]:
            call(state)

    def on_rewire(self, state: TrainState, changes: Sequence[Change]) -> None:
        """Call what wants to be called after a rewiring: graphs before it, and deltas, one pair per layer."""
        for call in self._at["on_rewire"]:
            call(state, changes)

    def on_epoch_end(self, state: TrainState) -> None:
        """Call what wants to be called after an epoch's measurement, before a rewiring that follows it."""
        for call in self._at["on_epoch_end"]:
            call(state)

    def on_train_end(self, state: TrainState) -> None:
        """Call what wants to be called after the last epoch."""
        for call in self._at["on_train_end"]:
            call(state)
