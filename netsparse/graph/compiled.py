"""The functions of the compiled library that work on index arrays, for either width of ids."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

from netsparse.native import native_library

Address = ctypes.c_void_p
Count = ctypes.c_int64

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "merge": (ctypes.c_int, [*[Count] * 3, *[Address] * 5, Count, Address, Count, *[Address] * 11]),
    "carry": (None, [Count, Count, Address, Count, Address, Count, Address, Address]),
    "locate": (Count, [Count, *[Address] * 6]),
}
"""Results and arguments as `native/merge.cpp` declares them."""


@cache
def native_function(name: str, dtype: np.dtype[Any]) -> Any:
    """Return a function of the compiled library for ids of this width; None where there is no library."""
    library = native_library("merge")
    if library is None:
        return None
    function = library[f"netsparse_{name}_{dtype.name}"]
    function.restype, function.argtypes = SIGNATURES[name]
    return function


def addresses(*arrays: np.ndarray) -> list[int]:
    """Return where the entries of each (contiguous) array lie."""
    return [array.ctypes.data for array in arrays]
