"""One process at a time writes into a run's folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netsparse.errors import NotWritable, RunExists

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = ".lock"
HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a run's folder for the length of a block.

    The operating system holds the lock and drops it with the process, however that ends: the lock of a dead process is
    none, whether its file is there or not. Where the system has no such locks (Windows), or the file system (some that
    clusters share), nothing is held.

    Raises
    ------
    RunExists
        If another process, or another block of this one, holds it.
    NotWritable
        If the folder cannot be written.
    """
    if fcntl is None:
        yield
        return
    path = folder / LOCK
    handle = _locked(path)
    try:
        yield
    finally:
        with suppress(OSError):  # before it is let go: whoever has opened it meanwhile finds that it is gone
            path.unlink()
        os.close(handle)


def _locked(path: Path) -> int:
    assert fcntl is not None
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            given = error.strerror or str(error)
            raise NotWritable(f"folder '{path.parent}'", given, "a folder that can be written", "--out") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in HELD:
                return handle
            os.close(handle)
            expected, fix = "a folder that nobody writes", "waiting for it to end, or another name for this run"
            given = "a folder that another process is writing right now"
            raise RunExists(f"run '{path.parent}'", given, expected, fix) from error
        if os.fstat(handle).st_nlink:  # else its last holder has removed it between the two lines
            return handle
        os.close(handle)
