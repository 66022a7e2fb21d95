"""Out of memory, in one line that says how much was wanted: torch, CUDA and numpy each say it their own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from netsparse.errors import OutOfMemory

UNITS = {"bytes": 1, "": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
WANTED = re.compile(r"(?:tried to allocate|Tried to allocate|Unable to allocate)\s+([\d.]+)\s*(\w*)")


@contextmanager
def memory_named(subject: str, fix: str = "fewer units or edges, or a smaller batch (batch_size=32)") -> Iterator[None]:
    """Turn whatever says that memory has run out into `OutOfMemory`.

    Parameters
    ----------
    subject : str
        What was being done.
    fix : str
        What would need less.

    Raises
    ------
    OutOfMemory
        Its `given` says the size that could not be had, where the error said it.

    Examples
    --------
    >>> with memory_named("training"):
    ...     torch.empty(2**60, dtype=torch.uint8)
    Traceback (most recent call last):
    ...
    netsparse.errors.OutOfMemory: training: given 1.07e+09 GiB more than there is, expected what fits into memory; try \
fewer units or edges, or a smaller batch (batch_size=32)
    """
    try:
        yield
    except OutOfMemory:
        raise
    except (MemoryError, torch.cuda.OutOfMemoryError, RuntimeError) as error:
        text = str(error)
        wanted = WANTED.search(text)
        if not isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) and "DefaultCPUAllocator" not in text:
            raise
        raise OutOfMemory(subject, _size(wanted), "what fits into memory", fix) from error


def _size(wanted: re.Match[str] | None) -> str:
    if wanted is None:
        return "more than there is"
    size = float(wanted[1].rstrip(".")) * UNITS.get(wanted[2], 1)
    unit = next(unit for unit in ("GiB", "MiB", "KiB", "B") if size >= UNITS[unit] or unit == "B")
    return f"{size / UNITS[unit]:.3g} {unit} more than there is"
