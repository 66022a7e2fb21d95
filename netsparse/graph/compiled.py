"""The functions of the compiled library that work on index arrays, for either width of ids."""

from __future__ import annotations

import ctypes
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from netsparse.native import native_library

Address = ctypes.c_void_p
Count = ctypes.c_int64

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "merge": (ctypes.c_int, [*[Count] * 3, *[Address] * 5, Count, Address, Count, *[Address] * 11]),
    "carry": (None, [Count, Count, Address, Count, Address, Count, Address, Address]),
    "count_edges": (Count, [Count, *[Address] * 4]),
    "locate": (None, [Count, *[Address] * 6]),
    "carry_within": (None, [Count, Count, Address, Address, Count, Address, Address]),
    "first_free": (Count, [Count, Address, *[Count] * 3, Address, Address, Count, *[Address] * 3]),
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


_address_of: Any = ctypes.addressof
_bytes_in: Any = (ctypes.c_char * 0).from_buffer


def address(array: np.ndarray) -> int:
    """Return where the entries of a contiguous array lie.

    Through the buffer where the array may be written to, in a fifth of the time that numpy's own way takes.
    """
    try:
        return _address_of(_bytes_in(array)) if array.flags.writeable else array.ctypes.data
    except (TypeError, ValueError, BufferError):  # a type of entries, or strides, that buffers do not tell of
        return array.ctypes.data


def addresses(*arrays: np.ndarray) -> list[int]:
    """Return where the entries of each (contiguous) array lie."""
    return [address(array) for array in arrays]


LINE = 64
"""Bytes of a cache line."""


class Block(NamedTuple):
    """Where several arrays lie that share one block of memory.

    Parameters
    ----------
    length : int
        Entries of the block.
    parts : tuple of slices
        Entries of each array.
    offsets : tuple of int
        Bytes before each array.
    """

    length: int
    parts: tuple[slice, ...]
    offsets: tuple[int, ...]


@lru_cache(maxsize=256)
def block_of(itemsize: int, *lengths: int) -> Block:
    """Return how arrays of these lengths share a block, each beginning on a cache line of its own.

    One block is allocated once and asked once where it lies. Layers that keep their number of edges ask for the same
    block at every change.
    """
    step = LINE // itemsize
    rooms = [-(-length // step) * step for length in lengths]
    starts = [sum(rooms[:k]) for k in range(len(rooms))]
    parts = tuple(slice(start, start + length) for start, length in zip(starts, lengths, strict=True))
    return Block(sum(rooms), parts, tuple(start * itemsize for start in starts))
