"""A run's folder on disk: made once, never overwritten, every file whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from netsparse.atomic import write_text
from netsparse.errors import NotWritable, RunExists
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
    NotWritable
        If the folder cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        check_free(self.path)
        make_folder(self.path.parent)
        try:
            self.path.mkdir()
        except OSError:
            check_free(self.path)  # made meanwhile by another process, which began the same run
            make_folder(self.path)  # else says why it cannot be

    @classmethod
    def existing(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Return the folder of a run that is to go on."""
        folder = cls.__new__(cls)
        folder.path = Path(path)
        return folder

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write `value` as indented JSON with sorted keys; raises `DiskFull`."""
        write_text(self.path / name, json.dumps(value, indent=2, sort_keys=True, default=str) + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write `table` as CSV; raises `DiskFull`."""
        write_table(table, self.path / name)


def open_folder(path: Path, *, resume: bool = False) -> Path:
    """Return the folder at `path`, made if it is not there, unless it already holds a run that is not to be resumed.

    Raises
    ------
    RunExists, NotWritable
        If it holds history.csv, model.safetensors or checkpoints, or cannot be made.
    """
    if not resume and any((path / name).exists() for name in ("history.csv", "model.safetensors", "checkpoints")):
        fix = "another name for this run, or resume=True to go on with it"
        raise RunExists(f"folder '{path}'", "a folder that holds a run", "a new one", fix)
    make_folder(path)
    return path


def make_folder(path: Path) -> None:
    """Make a folder and its parents, unless it is there; raises `NotWritable`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        given, fix = error.strerror or str(error), "another place (--out FOLDER) or another name (--name NAME)"
        raise NotWritable(f"folder '{path}'", given, "a folder that can be made", fix) from error


def check_free(path: Path) -> None:
    """Raise `RunExists` if anything is at `path`, `NotWritable` if nothing can ever be there."""
    try:
        taken = path.exists() or path.is_symlink()
    except OSError as error:  # a name too long, say
        given = error.strerror or str(error)
        raise NotWritable(f"run folder '{path}'", given, "a path the system can take", "--name NAME") from error
    if taken:
        fix = "another name (--name NAME), another --out, another --seed, or moving the old folder away"
        raise RunExists(f"run folder '{path}'", "a folder that exists", "a new one", fix)
