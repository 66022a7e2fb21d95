"""Files that are whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netsparse.errors import DiskFull

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block ends without an error.

    If the block raises, the temporary file is removed and an older file at `path` is left as it was.

    Raises
    ------
    DiskFull
        When the file system reports that there is no room left (or a quota or file-size limit is reached).

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "notes.txt") as temporary:
    ...     _ = temporary.write_text("whole or absent")
    >>> [p.name for p in folder.iterdir()]
    ['notes.txt']
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"writing '{path}'",
                f"a full disk ({os.strerror(error.errno)})",
                "room for the file",
                "freeing space or writing elsewhere (--out on the command line)",
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` (UTF-8), whole or not at all; raises `DiskFull`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
