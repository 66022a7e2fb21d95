"""`RunConfig`: the settings of the main job."""

from __future__ import annotations

from pydantic import Field

from netsparse.train import TrainConfig


class RunConfig(TrainConfig):
    """Everything that determines a run of the main job, given the data: training, comparisons, trials."""

    compare: tuple[str, ...] = ("static",)
    trials: int = Field(default=10, ge=1, le=10_000)
