"""The steps of an epoch: batches, gradients, optimizer, and rewiring where a rule asks for it between steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from netsparse.rng import streams
from netsparse.train.augment import check_changed
from netsparse.train.objectives import Checked
from netsparse.train.ranks import Ranks
from netsparse.train.rewire import Rewiring
from netsparse.train.splits import Splits
from netsparse.train.state import TrainState
from netsparse.train.statistics import share_statistics

Augment = Callable[[Tensor, tuple[int, ...], Any], Tensor]
"""Called as `augment(x, shape, rng)` with the images (batch, n_features) of a step; returns others of that shape."""


@dataclass(frozen=True)
class Engine:
    """What takes the steps of a run: all that stays the same while `TrainState` changes.

    Parameters
    ----------
    splits : Splits
        The images.
    objective : Checked
        What a step minimises.
    rewiring : Rewiring
        The rule, and when it is due.
    ranks : Ranks
        The processes that train together.
    batch_size : int
        Images per step, of all processes together.
    accumulate : int
        Parts in which each process works through its share of a batch; the gradients add up to the whole batch's.
    augment : callable, optional
        What changes the images of a batch at random, see `Augment`.
    shape : tuple of int
        Of an image, for `augment`.
    """

    splits: Splits
    objective: Checked
    rewiring: Rewiring
    ranks: Ranks
    batch_size: int
    accumulate: int = 1
    augment: Augment | None = None
    shape: tuple[int, ...] = ()

    def train_epoch(self, state: TrainState, after_step: Callable[[TrainState], object]) -> tuple[float, float]:
        """Take the steps that are left of an epoch, one more if none has begun; return mean loss and accuracy.

        `after_step` is called after every step but the last of the epoch.
        """
        if not state.is_within_epoch:
            state.begin_epoch(len(self.splits.x_train))
        state.model.train()
        start, rewired = time.perf_counter(), state.seconds["rewire"]
        spent = state.seconds["train"]
        for batch in state.order[state.position :].split(self.batch_size):
            self._take_step(state, batch)
            if self.rewiring.is_due_after_step(state.step):
                self.rewire(state)
            if state.position < len(state.order):
                state.seconds["train"] = spent + time.perf_counter() - start - (state.seconds["rewire"] - rewired)
                after_step(state)
        self.ranks.agree(state.model.network)  # all edges, where small changes have been compared alone
        loss_sum, hits = self.ranks.sum(state.sums).tolist()
        state.seconds["train"] = spent + time.perf_counter() - start - (state.seconds["rewire"] - rewired)
        return loss_sum / len(state.order), hits / len(state.order)

    def rewire(self, state: TrainState) -> None:
        """Let the rule change the model now."""
        start = time.perf_counter()
        self.rewiring.change(state)
        state.seconds["rewire"] += time.perf_counter() - start

    def _take_step(self, state: TrainState, batch: Tensor) -> None:
        """Take one optimizer step on the images `batch` of all processes."""
        own = self.ranks.share(batch)
        state.schedule.set(state.step)
        for group in state.optimizer.param_groups:  # what zero_grad does, without its bookkeeping
            for parameter in group["params"]:
                parameter.grad = None
        noise = self._noise(state)
        with self.rewiring.gradients(state):
            for part in own.chunk(self.accumulate) if len(own) else ():
                self._add_gradients(state, part, self.ranks.weight(len(part), len(batch)), noise)
        self.ranks.sum_gradients(state.model.parameters())
        share_statistics(state.model, self.ranks, self.ranks.weight(len(own), len(batch)))
        if not self.rewiring.skips_step(state):
            state.precision.step(state.optimizer)
            self.rewiring.after_step(state)
        state.step += 1
        state.position += len(batch)

    def _noise(self, state: TrainState) -> np.random.Generator | None:
        """Return what images and objective are drawn from: the run's generator, or this process's own stream of it.

        The run's generator then is in the same state everywhere, however many numbers each process draws, and what a
        checkpoint saves of it is enough to go on.
        """
        if state.noise is None or not (self.objective.draws or self.augment):
            return None
        n = self.ranks.size
        rng = state.noise if n == 1 else streams(state.noise, n, purpose="noise")[self.ranks.rank]
        if self.objective.draws:
            self.objective.draw_from(rng)
        return rng

    def _add_gradients(self, state: TrainState, part: Tensor, weight: float, noise: np.random.Generator | None) -> None:
        """Add `weight` times the gradient of the mean loss of the images `part`; count losses and hits."""
        images, labels = (whole.index_select(0, part) for whole in (self.splits.x_train, self.splits.y_train))
        if self.augment is not None:
            changed = self.augment(images, self.shape, noise)
            check_changed(changed, images, look=state.step == 0)  # later ones come from the same lines of code
            images = changed
        with state.precision.context():
            loss, logits = self.objective(state.model, images, labels)
        state.precision.backward(loss if weight == 1.0 else loss * weight)
        # stays on the device, in double precision: nothing waits for the numbers before the epoch ends
        state.sums[0].add_(loss.detach(), alpha=len(part))
        state.sums[1].add_((logits.detach().argmax(1) == labels).sum())
