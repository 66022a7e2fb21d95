"""`TrainState`: everything of a run that changes while it trains, in one place: it can be stored and restored."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from netsparse.graph import SparseNetwork
from netsparse.nn import SparseModel
from netsparse.rewiring import RewiringRule
from netsparse.train.history import History
from netsparse.train.precision import Precision
from netsparse.train.result import Snapshot
from netsparse.train.schedules import LearningRate
from netsparse.train.topology import Topology
from netsparse.train.windows import GradientWindow


@dataclass(eq=False)
class TrainState:
    """A run at one moment; what callbacks get.

    Parameters
    ----------
    model : SparseModel
        As it is now.
    optimizer : torch.optim.Optimizer
        Over the model's parameters, with its own state.
    schedule : LearningRate
        Sets the learning rate at each step.
    precision : Precision
        How numbers are computed.
    batches, rewiring : numpy.random.Generator
        Draw the order of the images in each epoch, and what the rule needs.
    initial : SparseNetwork
        The wiring before the first step.
    rule : RewiringRule, optional
        What changes the wiring, if anything does.
    history : History
        The rows of the tables so far.
    topology : Topology
        What the rewirings have done so far, and the ages of the edges.
    epoch : int
        The epoch under way or, between two, the one that has ended; counted from 1, 0 before the first.
    step : int
        Optimizer steps done.
    order : int tensor of shape (n_train,)
        The images in the order of this epoch; empty between two epochs.
    position : int
        How many of them are done.
    sums : float64 tensor of shape (2,)
        Sum of the losses and number of hits over the images of this epoch so far, of this process alone.
    n_rewirings : int
        Rewirings done.
    noise : numpy.random.Generator, optional
        Draws what the objective needs.
    window : GradientWindow
        Gradients of the last steps that the rule will ask for at the next rewiring; empty where it asks for none.
    last, best : Snapshot, optional
        The model at the end of the last epoch, and of the one that was best on validation. After a resumption `last` is
        None until an epoch ends.
    row : dict
        The numbers of the epoch that has ended: loss, and the accuracies train, validation and test.
    seconds : dict
        Time spent in this epoch so far: train, evaluate, rewire.
    """

    model: SparseModel
    optimizer: torch.optim.Optimizer
    schedule: LearningRate
    precision: Precision
    batches: np.random.Generator
    rewiring: np.random.Generator
    initial: SparseNetwork
    rule: RewiringRule | None = None
    history: History = field(default_factory=History)
    topology: Topology = field(default_factory=Topology)
    epoch: int = 0
    step: int = 0
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    position: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(2, dtype=torch.float64))
    n_rewirings: int = 0
    noise: np.random.Generator | None = None
    window: GradientWindow = field(default_factory=GradientWindow)
    last: Snapshot | None = None
    best: Snapshot | None = None
    row: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SPENT, 0.0))

    @property
    def is_within_epoch(self) -> bool:
        """Whether an epoch has begun and not ended."""
        return len(self.order) > 0

    @property
    def is_collecting(self) -> bool:
        """Whether gradients wait for the next rewiring: no checkpoint holds them, so that none is made meanwhile."""
        return len(self.window) > 0

    def begin_epoch(self, n_train: int) -> None:
        """Start the next epoch: draw its order, forget the sums of the one before."""
        device = next(self.model.parameters()).device
        self.epoch += 1
        self.order = torch.from_numpy(self.batches.permutation(n_train)).to(device)
        self.sums = torch.zeros(2, dtype=torch.float64, device=device)
        self.seconds = dict.fromkeys(SPENT, 0.0)

    def end_epoch(self) -> None:
        """End the epoch, once everything that belongs to it has been done."""
        self.order, self.position = self.order.new_empty(0), 0


SPENT = ("train", "evaluate", "rewire")
