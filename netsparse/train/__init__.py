"""Training: `fit` and what it is made of."""

from netsparse.train.callbacks import Callbacks
from netsparse.train.checkpoint import load_model, save_model
from netsparse.train.config import TrainConfig
from netsparse.train.history import by_layer
from netsparse.train.loop import fit
from netsparse.train.objectives import OBJECTIVES, Natural, Objective, evaluate
from netsparse.train.optimizers import OPTIMIZERS
from netsparse.train.precision import PRECISIONS, Precision
from netsparse.train.processes import world
from netsparse.train.ranks import Alone, Ranks
from netsparse.train.result import Snapshot, TrainResult
from netsparse.train.resume import Checkpoints
from netsparse.train.run_folder import RunFolder
from netsparse.train.schedules import SCHEDULES, LearningRate
from netsparse.train.splits import Splits
from netsparse.train.state import TrainState
from netsparse.train.tensorboard import TensorBoard

__all__ = [
    "OBJECTIVES",
    "OPTIMIZERS",
    "PRECISIONS",
    "SCHEDULES",
    "Alone",
    "Callbacks",
    "Checkpoints",
    "LearningRate",
    "Natural",
    "Objective",
    "Precision",
    "Ranks",
    "RunFolder",
    "Snapshot",
    "Splits",
    "TensorBoard",
    "TrainConfig",
    "TrainResult",
    "TrainState",
    "by_layer",
    "evaluate",
    "fit",
    "load_model",
    "save_model",
    "world",
]
