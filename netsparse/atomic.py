"""Files that are whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netsparse.errors import DiskFull, NotWritable

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EIO,
}  # fmt: skip


_unfinished: set[Path] = set()


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block ends without an error.

    If the block raises, the temporary file is removed and an older file at `path` is left as it was.

    Raises
    ------
    DiskFull
        When the file system reports that there is no room left (or a quota or file-size limit is reached).
    NotWritable
        When it refuses for another reason.

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
    if path.name in ("", "..") or "\0" in path.name:
        given = f"{str(path)!r}, which is not the name of a file"
        raise NotWritable(f"writing {str(path)!r}", given, "a place and a file name", "'results/net.graphml'")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _unfinished.add(temporary)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in FULL | REFUSED:
            raise  # not the file system's: a download that broke off is an OSError too
        reason, elsewhere = error.strerror or str(error), "writing elsewhere (--out on the command line)"
        if error.errno in FULL:
            given = f"a full disk ({reason})"
            raise DiskFull(f"writing '{path}'", given, "room for the file", f"freeing space or {elsewhere}") from error
        raise NotWritable(f"writing '{path}'", reason, "a place that can be written", elsewhere) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def discard_unfinished() -> None:
    """Remove the temporary files of all blocks that are still under way, for a process that is about to end."""
    for temporary in list(_unfinished):
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` (UTF-8), whole or not at all; raises `DiskFull`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
