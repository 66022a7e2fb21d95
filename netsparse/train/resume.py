"""When a run's state is saved, how many are kept, and from which one a run that was cut off goes on."""

from __future__ import annotations

import json
import math
import re
import shutil
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from netsparse.atomic import write_text
from netsparse.errors import CheckpointDamaged, InvalidOption, RunExists
from netsparse.train.pack import check_optimizer, packed, restore_last, unpack
from netsparse.train.ranks import Ranks
from netsparse.train.record import FILES
from netsparse.train.run_folder import make_folder
from netsparse.train.settings import check_same
from netsparse.train.state import TrainState
from netsparse.train.state_files import FORMAT, Damaged, discard, read_state, synchronise, write_state

FOLDER, SETTINGS = "checkpoints", "settings.json"
LOOK = 16
"""Steps after which several processes ask the first one for the time; one process asks itself after each."""


@dataclass(frozen=True)
class Checkpoints:
    """When to save the state of a run.

    Parameters
    ----------
    every_epochs : int, optional
        After every so many epochs; None: epochs do not matter.
    every_minutes : float, optional
        Whenever so many minutes have passed since the last time, within an epoch too; None: time does not matter. The
        end of a run is saved whatever the two say.
    keep : int
        How many to keep; an older one goes when the new one is on the disk.

    Raises
    ------
    InvalidOption
        For a number that is not positive.

    Examples
    --------
    >>> Checkpoints(every_epochs=10)
    Checkpoints(every_epochs=10, every_minutes=5.0, keep=2)
    """

    every_epochs: int | None = None
    every_minutes: float | None = 5.0
    keep: int = 2

    def __post_init__(self) -> None:
        for name, example in (("every_epochs", 1), ("keep", 2)):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1
            if not whole and not (value is None and name == "every_epochs"):
                raise InvalidOption(name, repr(value), "a whole number, at least 1", f"{name}={example}")
        minutes = self.every_minutes
        number = isinstance(minutes, Real) and not isinstance(minutes, bool) and math.isfinite(minutes)
        if minutes is not None and not (number and float(minutes) >= 0.0):
            raise InvalidOption("every_minutes", repr(minutes), "minutes, at least 0", "every_minutes=10")


class Keeper:
    """Saves the state of one run as its policy says, and finds the newest one that is whole.

    Parameters
    ----------
    policy : Checkpoints, optional
        None saves nothing.
    run : Path, optional
        The run's folder; without one nothing is saved either.
    settings : mapping
        What `fit` was asked for, as `netsparse.train.settings.described` says it.
    ranks : Ranks
        The processes that train together: the first one writes, all read.
    """

    def __init__(self, policy: Checkpoints | None, run: Path | None, settings: Mapping[str, Any], ranks: Ranks) -> None:
        self.policy = None if run is None else policy
        self.run = Path() if run is None else run
        self.folder, self.settings, self.ranks = self.run / FOLDER, dict(settings), ranks
        self._look = 1 if ranks.size == 1 else LOOK
        self._last_time = time.monotonic()
        self._on_disk: dict[Path, int] = {}
        self._has_looked = False
        self._is_overdue = False

    def begin(self) -> None:
        """Write what the run was asked for, before its first step; sweep up what a killed process left half done."""
        if self.policy is not None and self.ranks.is_first:
            make_folder(self.folder)
            for folder, names in ((self.run, (*FILES, "provenance.json")), (self.folder, (SETTINGS,))):
                for left in (path for name in names for path in folder.glob(f".{name}.*.tmp")):
                    left.unlink(missing_ok=True)
            self._sweep()
            text = json.dumps({"format": FORMAT, "settings": self.settings}, indent=2)
            write_text(self.folder / SETTINGS, text + "\n")

    def after_step(self, state: TrainState) -> None:
        """Save if it is time; between two steps of an epoch."""
        self._look_at(state)
        if self._is_overdue and not state.is_collecting:
            self.save(state)
            return
        minutes = None if self.policy is None else self.policy.every_minutes
        if minutes is None or state.step % self._look or state.is_collecting:
            return
        if self.ranks.first_says(time.monotonic() - self._last_time >= 60.0 * minutes):
            self.save(state)

    def after_epoch(self, state: TrainState, *, is_last: bool) -> None:
        """Save if it is time; between two epochs, or at the end."""
        self._look_at(state)
        if self.policy is None:
            return
        every, minutes = self.policy.every_epochs, self.policy.every_minutes
        waited = minutes is not None and time.monotonic() - self._last_time >= 60.0 * minutes
        if is_last or (every is not None and state.epoch % every == 0) or self.ranks.first_says(waited):
            self._is_overdue = state.is_collecting  # what waits for a rewiring is in no checkpoint: after it, then
            if not self._is_overdue:
                self.save(state)

    def _look_at(self, state: TrainState) -> None:
        """Find out after the first step, not when hours of them are to be saved, what cannot be."""
        if self.policy is not None and not self._has_looked:
            check_optimizer(state.optimizer)
        self._has_looked = True

    def save(self, state: TrainState) -> None:
        """Save the state now; every process calls it, the first one writes.

        Raises
        ------
        DiskFull, NotWritable
            If it cannot be written; those before are untouched then.
        """
        contents = packed(state, self.ranks)
        contents.facts["settings"] = self.settings
        if self.ranks.is_first and self.policy is not None:
            self._synchronise_files()
            write_state(self.folder / f"step-{state.step}", contents)
            self._tidy(state.step, self.policy.keep)
        self._last_time, self._is_overdue = time.monotonic(), False

    def _synchronise_files(self) -> None:
        """Wait until the files of the run are on the disk: who goes on from here does not write them again."""
        there = {path: path.stat().st_mtime_ns for path in (self.run / name for name in FILES) if path.exists()}
        if there != self._on_disk:
            for path in (*(path for path in there if there[path] != self._on_disk.get(path)), self.run):
                synchronise(path)
        self._on_disk = there

    def _tidy(self, newest: int, keep: int) -> None:
        """Remove the oldest, and those of a future that a resumption has undone."""
        places = self._saved()
        past = [step for step in places if step <= newest]
        for step in set(places) - set(past[:keep]):
            discard(places[step])

    def _sweep(self) -> None:
        """Remove folders that a killed process had not finished making, or removing."""
        for left in self.folder.glob(".step-*.tmp"):
            shutil.rmtree(left, ignore_errors=True)

    def _saved(self) -> dict[int, Path]:
        """Return the folders by their step, newest first."""
        found = {
            int(m[1]): path for path in self.folder.glob("step-*") if (m := re.fullmatch(r"step-(\d+)", path.name))
        }
        return dict(sorted(found.items(), reverse=True))

    def resume(self, state: TrainState, n_epochs: int) -> bool:
        """Fill a state that was just built with the newest one that is whole; return whether there was one.

        Warns
        -----
        CheckpointDamaged
            For each one that is newer and not whole.

        Raises
        ------
        InvalidOption
            If the run was asked for something else.
        InvalidFile
            If the newest one is of another format.
        """
        places = list(self._saved().values())
        for place in places:
            try:
                contents = read_state(place)
            except Damaged as error:
                if self.ranks.is_first:
                    self._warn(place, error, is_last=place == places[-1])
                continue
            check_same(self.settings, contents.facts["settings"], str(self.run))
            unpack(contents, state, self.ranks)
            if state.epoch == n_epochs and not state.is_within_epoch:
                restore_last(contents, state)
            return True
        stored = self._stored_settings()
        if stored is not None:
            check_same(self.settings, stored, str(self.run))
        elif self._has_files():
            expected = "one with checkpoints, or a new one"
            raise RunExists(f"folder '{self.run}'", "a run without checkpoints", expected, "another name for this run")
        return False

    def _has_files(self) -> bool:
        return any((self.run / name).exists() for name in FILES)

    def _warn(self, place: Path, error: Damaged, *, is_last: bool) -> None:
        then = "there is none before, the run starts again" if is_last else "the one before is used"
        warnings.warn(f"checkpoint '{place}' is damaged ({error}); {then}", CheckpointDamaged, 4)

    def _stored_settings(self) -> dict[str, Any] | None:
        try:
            return json.loads((self.folder / SETTINGS).read_text(encoding="utf-8"))["settings"]
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def end(self) -> None:
        """Leave no folder where there is nothing to go on with: no epoch has ended, and nothing was saved."""
        if self.policy is None or not self.ranks.is_first or not self.folder.exists():
            return
        if not self._saved() and not self._has_files():
            self._sweep()
            (self.folder / SETTINGS).unlink(missing_ok=True)
            if not any(self.folder.iterdir()):
                self.folder.rmdir()
