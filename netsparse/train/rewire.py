"""When a rule is due in a run, and how its change reaches model and optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from netsparse.errors import InvalidEdgeVector, TrainingDiverged
from netsparse.graph import BipartiteGraph, EdgeDelta, apply
from netsparse.graph.checks import as_edge_vector
from netsparse.nn import SparseLayer
from netsparse.nn.optimizer import forget_state, momentum_of, set_state_at, state_at
from netsparse.rewiring import LayerState, Moment, RewiringRule
from netsparse.train.callbacks import Callbacks, Change
from netsparse.train.ranks import Ranks
from netsparse.train.state import TrainState
from netsparse.train.topology import ROWS_PER_EPOCH, Topology
from netsparse.train.windows import GradientWindow
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
        if rule is not None:
            rule.check_run(n_steps)
        self.rule, self.steps_per_epoch, self.n_steps = rule, steps_per_epoch, n_steps
        self._every = None if rule is None else rule.every
        self._every_epochs = None if rule is None or rule.every is not None else rule.every_epochs
        self._period = self._every or steps_per_epoch * (self._every_epochs or 1)
        self._span = (1, 0) if rule is None else rule.span(n_steps)
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
        return self._span[0] <= step <= self._span[1]

    def _is_due(self, step: int) -> bool:
        """Tell whether a rewiring follows step `step`, right away or at the end of the epoch."""
        return self.is_due_after_step(step) or (step % self.steps_per_epoch == 0 and self.is_due_after_epoch(step))

    def window(self) -> GradientWindow:
        """Return the empty window in which gradients are kept for the rule."""
        decay = 1.0 if self.rule is None else self.rule.gradient_decay
        return GradientWindow(decay, self.ranks.sum if self.ranks.size > 1 else None)

    def topology(self, layers: Sequence[BipartiteGraph]) -> Topology:
        """Return the empty record of what the rule will do to a wiring; of no layers where there is no rule."""
        per_epoch = -(-self.steps_per_epoch // self._period)
        every = -(-per_epoch // ROWS_PER_EPOCH)
        return Topology(() if self.rule is None else layers, steps_per_epoch=self.steps_per_epoch, every=every)

    def gradients(self, state: TrainState) -> AbstractContextManager[None]:
        """Return what the backward passes of the next step run in: it keeps gradients where the rule will ask.

        Those of the last `gradient_steps` steps before a rewiring, fewer where the last time one could be due is
        nearer.
        """
        if self.rule is None or "grads" not in self._needs:
            return nullcontext()
        step = state.step + 1
        due = -(-step // self._period) * self._period
        if not self._acts_at(due) or due - step >= self.rule.gradient_steps:
            return nullcontext()
        return state.window.recording(state.model, getattr(state.precision, "scale", 1.0))

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
            if values is not None:  # numpy's arrays are copied to wherever the layer computes
                values = as_edge_vector("weights", values, layer.graph.n_edges)
                layer.weight.data.copy_(torch.from_numpy(np.ascontiguousarray(values)))

    def change(self, state: TrainState) -> None:
        """Let the rule propose and every layer take over its change."""
        if self.rule is None:
            return
        model = state.model
        states = self._seen(state)
        n_edges = tuple(graph.n_edges for graph in state.initial.layers)
        at = Moment(state.step, self.n_steps, state.n_rewirings, n_edges)
        try:
            deltas = self.rule.propose_all(states, at=at, rng=state.rewiring)
        except InvalidEdgeVector as error:
            if all(np.isfinite(seen.weights).all() for seen in states):
                raise
            given, fix = f"weights that are not finite after step {state.step}", "a smaller learning rate (lr=0.01)"
            raise TrainingDiverged("training", given, "finite numbers", fix) from error
        layers = model.sparse_layers()
        for layer, delta in zip(layers, deltas, strict=True):
            self._take_over(layer, delta, state.optimizer)
        state.n_rewirings += 1
        self.ranks.agree(model.network, deltas)
        changes: list[Change] = [(before.graph, delta) for before, delta in zip(states, deltas, strict=True)]
        new = state.history.rewired.add(changes)
        after = [layer.graph for layer in layers]
        whole = [(*change, graph, n) for change, graph, n in zip(changes, after, new, strict=True)]
        state.topology.add(state.epoch, state.step, whole)
        self.callbacks.on_rewire(state, changes)

    def _take_over(self, layer: SparseLayer, delta: EdgeDelta, optimizer: torch.optim.Optimizer) -> None:
        """Rewire one layer; newborn edges get the optimizer state that the rule says."""
        before, kind = layer.graph, self.rule.optimizer_state if self.rule is not None else "zero"
        graph, edge_map = apply(before, delta)
        if kind == "kept":
            back = before.has_edges(delta.added_sources, delta.added_targets)  # of the free pairs only the removed were
            places = before.edge_ids(delta.added_sources[back], delta.added_targets[back])
            left = state_at(optimizer, layer.weight, places)
            layer.rewire(graph, edge_map, optimizer, newborn=delta.values)
            set_state_at(optimizer, layer.weight, edge_map.added[back], left)
        else:
            layer.rewire(graph, edge_map, optimizer, newborn=delta.values)
            if kind == "all_zero":
                forget_state(optimizer, layer.weight)

    def _seen(self, state: TrainState) -> list[LayerState]:
        """Return what the rule may see of every layer, what it asks for included."""
        grads = state.window.gradients(state.model) if len(state.window) else None
        states = []
        for seen, layer in zip(state.model.layer_states(), state.model.sparse_layers(), strict=True):
            more: dict[str, Any] = {}
            if "grads" in self._needs and grads is not None:
                more["grads"] = grads[seen.index]
            if "momentum" in self._needs:
                more["momentum"] = momentum_of(state.optimizer, layer.weight)
            if "ages" in self._needs:
                more["ages"] = state.topology.ages(seen.index, state.step)
            states.append(replace(seen, **more) if more else seen)
        return states
