"""Bytes of a file that may or may not be gzipped; its first two bytes decide, not its name."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from netsparse.errors import InvalidFile

GZIP_MAGIC = b"\x1f\x8b"


def read_bytes(path: str | os.PathLike[str], *, at_most: int | None = None) -> bytes:
    """Return the bytes of `path`, decompressed if it is a gzip file.

    Parameters
    ----------
    path : str or path
        The file.
    at_most : int, optional
        Stop after so many bytes, so that a small file cannot fill the memory.

    Raises
    ------
    InvalidFile
        If the file cannot be opened, or its compressed stream is truncated or damaged.

    Examples
    --------
    >>> import gzip, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels.gz"
    >>> _ = path.write_bytes(gzip.compress(b"0123"))
    >>> read_bytes(path)
    b'0123'
    """
    path = Path(path)
    limit = -1 if at_most is None else at_most
    try:
        with path.open("rb") as file:
            zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            if not zipped:
                return file.read(limit)
            with gzip.GzipFile(fileobj=file) as stream:
                return stream.read(limit)
    except (OSError, EOFError, zlib.error) as error:
        given = getattr(error, "strerror", None) or str(error)
        raise InvalidFile(f"file '{path}'", given, "a whole, readable file", "another copy of it") from error
