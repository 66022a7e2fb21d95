"""What processes that end by an error leave for the others: why, and whether rank 0 says it already."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import timedelta

from torch.distributed import Store  # type: ignore[attr-defined] # documented, missing in __all__

PATIENCE, SHORT = 2.0, 0.03  # seconds


class LastWords:
    """Words of one line in the store that the processes have in common beside their connections.

    Parameters
    ----------
    store : torch.distributed.Store
        Kept by torchrun, or by rank 0.
    rank, size : int
        Number of this process, and how many there are.
    """

    def __init__(self, store: Store, rank: int, size: int) -> None:
        self._store, self._rank = store, rank
        self._is_there = True
        self._others = [other for other in range(size) if other != rank]

    def leave(self, why: str, *, is_cause: bool) -> None:
        """Say why this process ends; `is_cause` unless it ends for want of another one."""
        with suppress(RuntimeError):
            self._store.set_timeout(timedelta(seconds=PATIENCE))
            if is_cause:
                self._store.set(f"netsparse/cause/{self._rank}", why)
            self._store.set(f"netsparse/end/{self._rank}", why)

    def cause(self) -> tuple[int, str] | None:
        """Return the first of the others that has ended for a reason of its own, and the reason."""
        with suppress(RuntimeError):
            self._store.set_timeout(timedelta(seconds=PATIENCE))
        return next(((rank, why) for rank in self._others if (why := self._read("cause", rank))), None)

    def first_tells(self, *, cut_off: bool) -> bool:
        """Return whether rank 0 ends by an error as well, after waiting for it to say so.

        Who is `cut_off` and finds no word from anybody has lost a process that was killed, perhaps rank 0, surely if
        there are two: it must speak before torchrun ends the rest, which takes a tenth of a second.
        """
        silent = cut_off and not any(self._read("end", rank) for rank in self._others)
        if silent and len(self._others) == 1:
            return False
        until = time.monotonic() + (SHORT if silent else PATIENCE)
        while self._is_there and time.monotonic() < until:
            if self._read("end", 0):
                return True
            time.sleep(0.01)
        return False

    def go(self) -> None:
        """Say that this process has read all it wanted; where rank 0 keeps the store, it stays until all have."""
        if self._is_there:
            with suppress(RuntimeError):
                self._store.set(f"netsparse/gone/{self._rank}", "gone")
        if self._rank or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
            return
        until = time.monotonic() + PATIENCE / 4
        while time.monotonic() < until and not all(self._read("gone", rank) for rank in self._others):
            time.sleep(0.01)

    def _read(self, kind: str, rank: int) -> str:
        key = f"netsparse/{kind}/{rank}"
        try:
            return self._store.get(key).decode() if self._is_there and self._store.check([key]) else ""
        except RuntimeError:
            self._is_there = False  # it ended with the process that kept it; torch would log every other try
        return ""
