"""Opening foreign files and finding a place for ours: whatever is wrong with a path is one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from netsparse.errors import FileAbsent, InvalidOption
from netsparse.interop.assembly import Origin


def checked_target(path: str | os.PathLike[str], example: str) -> None:
    """Refuse a path that no file can be written to, before anything is.

    Raises
    ------
    InvalidOption, FileAbsent
        If it is no path, or its folder is not there.
    """
    try:
        folder = Path(path).absolute().parent
    except TypeError as error:
        raise InvalidOption("path", type(path).__name__, "a path", repr(example)) from error
    if not os.path.isdir(folder):  # Path.is_dir raises for a name that is too long
        raise FileAbsent(f"writing '{path}'", f"no folder '{folder}'", "a folder", "creating it first")


def opened(origin: Origin, path: str | os.PathLike[str], expected: str) -> BinaryIO:
    """Open a file to read its bytes; `expected` says what it should have been, in an error of the origin's.

    Raises
    ------
    FileAbsent, InvalidFile
        If there is no such file, or it cannot be opened.
    """
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        raise FileAbsent(origin.subject, "no such file", expected, "a path that exists") from None
    except IsADirectoryError:
        raise origin.bad("a folder", expected) from None
    except (OSError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise origin.bad(f"no file ({reason})", expected, "a path that exists") from error
