"""Loading the compiled libraries: the variant of each for this machine's processor, once per process."""

from __future__ import annotations

import ctypes
import os
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

from netsparse.errors import KernelFallback

FOLDER = Path(__file__).parent
LEVELS = {4: "x86-64-v4", 3: "x86-64-v3", 0: "baseline"}
"""Variants of a library by level of the x86-64 instruction set (4 has AVX-512, 3 AVX2), best first; 0 runs anywhere."""


def file_name(library: str, level: int) -> str:
    """Return the file of a library's variant.

    Examples
    --------
    >>> file_name("merge", 0), file_name("products", 4)
    ('merge.0.so', 'products.4.so')
    """
    return f"{library}.{level}.so"


@cache
def native_library(library: str) -> ctypes.CDLL | None:
    """Return the library's best variant that this processor can run, or None where `why_no_native` says why not."""
    loaded = _load(library)
    return loaded if isinstance(loaded, ctypes.CDLL) else None


def why_no_native(library: str) -> str | None:
    """Return why there is no such compiled library here in a few words, None where there is one."""
    loaded = _load(library)
    return loaded if isinstance(loaded, str) else None


@cache
def _load(library: str) -> ctypes.CDLL | str:
    if os.environ.get("NETSPARSE_NATIVE", "1") == "0":
        return "NETSPARSE_NATIVE=0 switches compiled code off"
    if not (FOLDER / file_name(library, 0)).exists():
        return "no C++ compiler was there when netsparse was installed"
    try:
        base = _loaded(library, 0)
        highest = base.netsparse_processor_level()
    except (OSError, AttributeError) as error:
        reason = f"the compiled library could not be loaded ({error})"
        fix = "python -m netsparse.native.compiler compiles it anew"
        warnings.warn(f"{library} is computed without compiled code: {reason}; {fix}", KernelFallback, stacklevel=2)
        return reason
    for level in LEVELS:
        if 0 < level <= highest:
            with suppress(OSError, AttributeError):  # the compiler did not know this level, now or at an earlier time
                return _loaded(library, level)
    return base


def _loaded(library: str, level: int) -> ctypes.CDLL:
    """Load a variant; raise OSError where it is of another source than the one beside it: it may take other arguments.

    An installation that was brought up to date in place has the new Python files and the old library.
    """
    from netsparse.native.compiler import fingerprint  # late, since the module is a program too

    loaded = ctypes.CDLL(str(FOLDER / file_name(library, level)))
    loaded.netsparse_source.restype = ctypes.c_char_p
    source = FOLDER / f"{library}.cpp"
    if source.exists() and loaded.netsparse_source().decode() != fingerprint(source):
        raise OSError(f"{file_name(library, level)} was compiled from another {source.name}")
    return loaded
