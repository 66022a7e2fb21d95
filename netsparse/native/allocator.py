"""Memory that was freed stays with the process, where steps ask for the same sizes again and again."""

from __future__ import annotations

import ctypes
import os
from functools import cache

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""Numbers of glibc's settings, from its malloc.h."""
LARGEST = 32 * 2**20
"""Bytes of the largest block that is kept; glibc takes no more."""
KEPT = 512 * 2**20
"""Bytes of free memory that the process may keep."""
CHOSEN_BY_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


@cache
def keep_freed_memory() -> bool:
    """Tell glibc's allocator not to give freed memory back at once; True where it has been told.

    By default activations of a few megabytes are given back to the system at every step and faulted in again page by
    page at the next: at 784-4000x3, batch 128, hundreds of pages a step. The whole process is affected, and keeps at
    most 512 MiB that it does not use. Whoever has set one of glibc's own variables has chosen already.

    Examples
    --------
    >>> keep_freed_memory() == keep_freed_memory()
    True
    """
    if any(name in os.environ for name in CHOSEN_BY_USER):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another system, another allocator
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST)) and bool(mallopt(TRIM_THRESHOLD, KEPT))
