"""A run's folder on disk: made once, never overwritten, every file whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from netsparse.atomic import write_text
from netsparse.errors import DiskFull, RunExists
from netsparse.train.tables import write_table


class RunFolder:
    """A new folder for one run.

    Parameters
    ----------
    path : path
        Where; parents are made too.

    Raises
    ------
    RunExists
        If something is there already, so that no earlier result is ever overwritten.
    DiskFull
        If the folder cannot be made for lack of room.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        check_free(self.path)
        try:
            self.path.mkdir(parents=True)
        except OSError as error:
            given, fix = f"{error.strerror or error}", "another place (--out FOLDER)"
            raise DiskFull(f"run folder '{self.path}'", given, "a folder that can be made", fix) from error

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write `value` as indented JSON with sorted keys; raises `DiskFull`."""
        write_text(self.path / name, json.dumps(value, indent=2, sort_keys=True, default=str) + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write `table` as CSV; raises `DiskFull`."""
        write_table(table, self.path / name)


def check_free(path: Path) -> None:
    """Raise `RunExists` if anything is at `path`."""
    if path.exists() or path.is_symlink():
        fix = "another name (--name NAME), another --out, another --seed, or moving the old folder away"
        raise RunExists(f"run folder '{path}'", "a folder that exists", "a new one", fix)
