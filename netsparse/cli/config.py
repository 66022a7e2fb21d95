"""`RunConfig`: the settings of the main job, and how a wrong one is told in the command line's own words."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from netsparse.cli.options import parse_widths
from netsparse.errors import NetsparseError
from netsparse.train import TrainConfig


class RunConfig(TrainConfig):
    """Everything that determines a run of the main job, given the data: training, comparisons, trials."""

    compare: tuple[str, ...] = ("static",)
    trials: int = Field(default=10, ge=1, le=10_000)


def from_options(kind: type[TrainConfig], *, widths: str, **values: Any) -> Any:
    """Return the settings of the command line, checked; the error of a wrong one says which option to type.

    Raises
    ------
    InvalidSize, InvalidDensity, UnknownName, InvalidOption
        As `TrainConfig.checked`.
    """
    try:
        return kind.checked(widths=parse_widths(widths), **values)
    except NetsparseError as error:
        raise type(error)(error.subject, error.given, error.expected, _as_option(error.fix)) from error


def _as_option(fix: str) -> str:
    """Turn "batch_size=128" into "--batch-size 128"."""
    found = re.fullmatch(r"([a-z_]+)=\W*([\w.,+-]+)\W*", fix)
    return f"--{found[1].replace('_', '-')} {found[2]}" if found else fix
