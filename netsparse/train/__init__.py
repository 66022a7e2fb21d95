"""Training: `fit` and what it is made of."""

from netsparse.train.adversarial import AdversarialTraining, evaluate_attacked
from netsparse.train.attacks import Attack, fgsm, pgd
from netsparse.train.callbacks import Callbacks
from netsparse.train.checkpoint import load_model, save_model
from netsparse.train.config import TrainConfig
from netsparse.train.history import by_layer
from netsparse.train.left_alone import left_alone
from netsparse.train.loop import fit
from netsparse.train.lottery import PUBLISHED_ATTACKS, LotteryResult, Ticket, lottery_tickets, read_tickets
from netsparse.train.objectives import OBJECTIVES, Natural, Objective, evaluate
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
from netsparse.train.splits import Splits, first_to_the_end
from netsparse.train.state import TrainState
from netsparse.train.tensorboard import TensorBoard

__all__ = [
    "OBJECTIVES",
    "OPTIMIZERS",
    "PRECISIONS",
    "PUBLISHED_ATTACKS",
    "SCHEDULES",
    "AdversarialTraining",
    "Alone",
    "Attack",
    "Callbacks",
    "Checkpoints",
    "GraSP",
    "LearningRate",
    "LotteryResult",
    "Natural",
    "Objective",
    "Precision",
    "Ranks",
    "RunFolder",
    "Snapshot",
    "Splits",
    "TensorBoard",
    "Ticket",
    "TrainConfig",
    "TrainResult",
    "TrainState",
    "by_layer",
    "evaluate",
    "evaluate_attacked",
    "fgsm",
    "first_to_the_end",
    "fit",
    "left_alone",
    "load_model",
    "lottery_tickets",
    "pgd",
    "prune_at_start",
    "read_tickets",
    "save_model",
    "world",
]
