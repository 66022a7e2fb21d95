"""What happens before a run starts: settings checked, its folder named, nothing written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from netsparse.cli.options import parse_widths
from netsparse.errors import InvalidOption
from netsparse.train import TrainConfig
from netsparse.train.run_folder import check_free


def checked_config(*, widths: str, **values: Any) -> TrainConfig:
    """Return the settings of the command line as a `TrainConfig`; raises what `TrainConfig.checked` raises."""
    return TrainConfig.checked(widths=parse_widths(widths), **values)


def checked_trials(text: str) -> int:
    """Return a number of trials; raises `InvalidOption` for anything but a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise InvalidOption("trials", repr(text), "a whole number, at least 1", "--trials 10")
    return int(text)


def run_path(out: Path, name: str | None, config: TrainConfig) -> Path:
    """Return the folder of a run, `out/name` or a name made from the settings.

    Raises
    ------
    RunExists
        If something is there.
    InvalidOption
        If `name` is not a plain folder name.
    """
    if name is not None and (not name.strip() or name in (".", "..") or re.search(r"[/\\\0]", name)):
        raise InvalidOption("name", repr(name), "a plain folder name", "--name second-try")
    path = out / (name or default_name(config))
    check_free(path)
    return path


def default_name(config: TrainConfig) -> str:
    """Return a readable name: data, rule, widths, density, epochs, seed.

    Examples
    --------
    >>> default_name(TrainConfig.checked())
    'digits-set-1000x1000x1000-d0.01-e50-seed0'
    """
    data = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(config.data).stem).strip("-") or "data"
    widths = "x".join(str(width) for width in config.widths)
    return f"{data}-{config.rule}-{widths}-d{config.density:g}-e{config.epochs}-seed{config.seed}"
