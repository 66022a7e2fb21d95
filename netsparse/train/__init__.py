"""Training: `fit` and what it is made of."""

from netsparse.train.checkpoint import load_model, save_model
from netsparse.train.config import TrainConfig
from netsparse.train.history import by_layer
from netsparse.train.loop import fit
from netsparse.train.objectives import OBJECTIVES, Natural, Objective, evaluate
from netsparse.train.optimizers import OPTIMIZERS, SCHEDULES
from netsparse.train.result import Snapshot, TrainResult
from netsparse.train.run_folder import RunFolder
from netsparse.train.splits import Splits

__all__ = [
    "OBJECTIVES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Natural",
    "Objective",
    "RunFolder",
    "Snapshot",
    "Splits",
    "TrainConfig",
    "TrainResult",
    "by_layer",
    "evaluate",
    "fit",
    "load_model",
    "save_model",
]
