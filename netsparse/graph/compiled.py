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
    "locate": (None, [Count, *[Address] * 6]),
    "locate_keys": (None, [Count, Address, Count, *[Address] * 4]),
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


LINE = 64
"""Bytes of a cache line."""


def empty_arrays(dtype: np.dtype[Any], *lengths: int) -> tuple[np.ndarray, list[slice], list[int]]:
    """Return one block for several arrays, the part of each, and where each begins in memory.

    Asking an array for its address costs as much as a small pass over it: one block is asked once.
    """
    step = LINE // dtype.itemsize
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + -(-length // step) * step)
    block = np.empty(starts[-1], dtype=dtype)
    first = block.ctypes.data
    parts = [slice(start, start + length) for start, length in zip(starts[:-1], lengths, strict=True)]
    return block, parts, [first + start * dtype.itemsize for start in starts[:-1]]
