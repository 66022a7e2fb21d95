"""When a rule is due in a run, and how its change reaches model and optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from netsparse.graph import apply
from netsparse.nn import recorded_gradients
from netsparse.rewiring import LayerState, RewiringRule
from netsparse.train.callbacks import Callbacks, Change
from netsparse.train.ranks import Ranks
from netsparse.train.state import TrainState


class Rewiring:
    """A rule at work in a run of a known length, or none.

    A rule with `every=None` is due after every epoch but the last, once the epoch has been measured; one with
    `every=n` after every n-th optimizer step but the last of the run. A change that no step follows would only spoil
    what has been learnt.

    Parameters
    ----------
    rule : RewiringRule or None
        None: never due.
    steps_per_epoch, n_steps : int
        Optimizer steps of an epoch, and of the whole run.
    ranks : Ranks
        The processes that train together.
    callbacks : Callbacks
        Told of every change.
    """

    def __init__(
        self, rule: RewiringRule | None, *, steps_per_epoch: int, n_steps: int, ranks: Ranks, callbacks: Callbacks
    ) -> None:
        self.rule, self.steps_per_epoch, self.n_steps = rule, steps_per_epoch, n_steps
        self._every = None if rule is None else rule.every
        self._needs_gradients = rule is not None and rule.needs_gradients
        self.ranks, self.callbacks = ranks, callbacks

    def is_due_after_step(self, step: int) -> bool:
        """Tell whether the rule is due right after optimizer step `step`, counted from 1."""
        return self._every is not None and step % self._every == 0 and step < self.n_steps

    def is_due_after_epoch(self, step: int) -> bool:
        """Tell whether the rule is due at the end of the epoch whose last step was `step`."""
        return self.rule is not None and self._every is None and step < self.n_steps

    def gradients(self, state: TrainState) -> AbstractContextManager[Sequence[Any] | None]:
        """Return what the backward passes of the next step run in: it keeps gradients where the rule will ask."""
        if not self._needs_gradients:
            return nullcontext()
        step = state.step + 1
        ends_epoch = step % self.steps_per_epoch == 0 and self.is_due_after_epoch(step)
        if not ends_epoch and not self.is_due_after_step(step):
            return nullcontext()
        return recorded_gradients(state.model, reduce=self.ranks.sum if self.ranks.size > 1 else None)

    def change(self, state: TrainState) -> None:
        """Let the rule propose and every layer take over its change."""
        if self.rule is None:
            return
        model = state.model
        states = _with_gradients(model.layer_states(), state.grads)
        deltas = self.rule.propose_all(states, step=state.n_rewirings, rng=state.rewiring)
        for layer, delta in zip(model.sparse_layers(), deltas, strict=True):
            graph, edge_map = apply(layer.graph, delta)
            layer.rewire(graph, edge_map, state.optimizer, newborn=delta.values)
        state.n_rewirings, state.grads = state.n_rewirings + 1, None
        self.ranks.agree(model.network, deltas)
        changes: list[Change] = [(before.graph, delta) for before, delta in zip(states, deltas, strict=True)]
        state.history.rewired.add(changes)
        self.callbacks.on_rewire(state, changes)


def _with_gradients(states: list[LayerState], grads: Sequence[Any] | None) -> list[LayerState]:
    return states if grads is None else [replace(state, grads=grads[state.index]) for state in states]
