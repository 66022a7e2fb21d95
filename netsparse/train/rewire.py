"""When a rule is due in a run, and how its change reaches model and optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from netsparse.graph import apply
from netsparse.nn import recorded_gradients
from netsparse.rewiring import LayerState, Moment, RewiringRule
from netsparse.train.callbacks import Callbacks, Change
from netsparse.train.ranks import Ranks
from netsparse.train.state import TrainState
from netsparse.typing import EdgeVector


class Rewiring:
    """A rule at work in a run of a known length, or none.

    A rule with `every=None` is due after every epoch (or every `every_epochs`) but the last, once the epoch has been
    measured; one with `every=n` after every n-th optimizer step but the last of the run; both between the shares
    `since` and `until` of it. A change that no step follows would only spoil what has been learnt.

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
        self._every_epochs = None if rule is None or rule.every is not None else rule.every_epochs
        self._needs = frozenset() if rule is None else rule.needs
        self._acts = rule is not None and rule.acts_after_steps
        self.ranks, self.callbacks = ranks, callbacks

    def is_due_after_step(self, step: int) -> bool:
        """Tell whether the rule is due right after optimizer step `step`, counted from 1."""
        return self._every is not None and step % self._every == 0 and self._acts_at(step)

    def is_due_after_epoch(self, step: int) -> bool:
        """Tell whether the rule is due at the end of the epoch whose last step was `step`."""
        every = self._every_epochs
        return every is not None and step % (every * self.steps_per_epoch) == 0 and self._acts_at(step)

    def _acts_at(self, step: int) -> bool:
        rule = self.rule
        return (
            rule is not None and rule.since * self.n_steps <= step <= rule.until * self.n_steps and step < self.n_steps
        )

    def _is_due(self, step: int) -> bool:
        """Tell whether a rewiring follows step `step`, right away or at the end of the epoch."""
        return self.is_due_after_step(step) or (step % self.steps_per_epoch == 0 and self.is_due_after_epoch(step))

    def gradients(self, state: TrainState) -> AbstractContextManager[Sequence[Any] | None]:
        """Return what the backward passes of the next step run in: it keeps gradients where the rule will ask."""
        if "grads" not in self._needs or not self._is_due(state.step + 1):
            return nullcontext()
        return recorded_gradients(state.model, reduce=self.ranks.sum if self.ranks.size > 1 else None)

    def skips_step(self, state: TrainState) -> bool:
        """Tell whether the optimizer leaves out the step that is about to be taken."""
        return self.rule is not None and self.rule.skip_step and self._is_due(state.step + 1)

    def start(self, state: TrainState) -> None:
        """Let the rule set the weights that training starts from."""
        if self.rule is not None:
            self._set(state, self.rule.start(state.model.layer_states(), rng=state.rewiring))

    def after_step(self, state: TrainState) -> None:
        """Let the rule do to the weights what it does after every optimizer step."""
        if self.rule is not None and self._acts:
            lr = float(state.optimizer.param_groups[0]["lr"])
            self._set(state, self.rule.after_step(state.model.layer_states(), lr=lr, rng=state.rewiring))

    def _set(self, state: TrainState, weights: Sequence[EdgeVector | None] | None) -> None:
        layers = state.model.sparse_layers()
        for layer, values in zip(layers, [None] * len(layers) if weights is None else weights, strict=True):
            if values is not None:
                layer.weight.data.copy_(torch.from_numpy(np.ascontiguousarray(values)))

    def change(self, state: TrainState) -> None:
        """Let the rule propose and every layer take over its change."""
        if self.rule is None:
            return
        model = state.model
        states = self._seen(state)
        n_edges = tuple(graph.n_edges for graph in state.initial.layers)
        at = Moment(state.step, self.n_steps, state.n_rewirings, n_edges)
        deltas = self.rule.propose_all(states, at=at, rng=state.rewiring)
        for layer, delta in zip(model.sparse_layers(), deltas, strict=True):
            graph, edge_map = apply(layer.graph, delta)
            layer.rewire(graph, edge_map, state.optimizer, newborn=delta.values)
        state.n_rewirings, state.grads = state.n_rewirings + 1, None
        self.ranks.agree(model.network, deltas)
        changes: list[Change] = [(before.graph, delta) for before, delta in zip(states, deltas, strict=True)]
        state.history.rewired.add(changes)
        self.callbacks.on_rewire(state, changes)

    def _seen(self, state: TrainState) -> list[LayerState]:
        """Return what the rule may see of every layer, what it asks for included."""
        states = state.model.layer_states()
        if "grads" in self._needs and state.grads is not None:
            states = [replace(seen, grads=state.grads[seen.index]) for seen in states]
        return states
