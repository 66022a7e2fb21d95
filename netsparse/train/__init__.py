"""Training: `fit` and what it is made of."""

from netsparse.train.adversarial import AdversarialTraining, MixedTraining, evaluate_attacked
from netsparse.train.attacks import Attack, fgsm, pgd
from netsparse.train.augment import ShiftAndFlip
from netsparse.train.callbacks import Callbacks
from netsparse.train.checkpoint import load_model, save_model
from netsparse.train.config import TrainConfig
from netsparse.train.history import by_layer
from netsparse.train.left_alone import left_alone
from netsparse.train.loop import fit
from netsparse.train.lottery import PUBLISHED_ATTACKS, LotteryResult, Ticket, lottery_tickets, read_tickets
from netsparse.train.mart import MART
from netsparse.train.objectives import OBJECTIVES, Natural, Objective, evaluate, objective_of, objective_options
from netsparse.train.optimizers import OPTIMIZERS
from netsparse.train.precision import PRECISIONS, Precision
from netsparse.train.processes import world
from netsparse.train.pruned_start import prune_at_start
from netsparse.train.ranks import Alone, Ranks
from netsparse.train.result import Snapshot, TrainResult
from netsparse.train.resume import Checkpoints
from netsparse.train.run_folder import RunFolder
from netsparse.train.schedules import SCHEDULES, LearningRate
from netsparse.train.scores_at_start import GraSP
from netsparse.train.singleton_pruning import accuracy_after_singleton_pruning, singleton_pruned
from netsparse.train.splits import Splits, first_to_the_end
from netsparse.train.state import TrainState
from netsparse.train.tensorboard import TensorBoard
from netsparse.train.trades import TRADES

__all__ = [
    "MART",
    "OBJECTIVES",
    "OPTIMIZERS",
    "PRECISIONS",
    "PUBLISHED_ATTACKS",
    "SCHEDULES",
    "TRADES",
    "AdversarialTraining",
    "Alone",
    "Attack",
    "Callbacks",
    "Checkpoints",
    "GraSP",
    "LearningRate",
    "LotteryResult",
    "MixedTraining",
    "Natural",
    "Objective",
    "Precision",
    "Ranks",
    "RunFolder",
    "ShiftAndFlip",
    "Snapshot",
    "Splits",
    "TensorBoard",
    "Ticket",
    "TrainConfig",
    "TrainResult",
    "TrainState",
    "accuracy_after_singleton_pruning",
    "by_layer",
    "evaluate",
    "evaluate_attacked",
    "fgsm",
    "first_to_the_end",
    "fit",
    "left_alone",
    "load_model",
    "lottery_tickets",
    "objective_of",
    "objective_options",
    "pgd",
    "prune_at_start",
    "read_tickets",
    "save_model",
    "singleton_pruned",
    "world",
]
