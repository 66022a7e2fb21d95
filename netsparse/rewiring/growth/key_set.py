"""Sets of positive whole numbers inside compiled loops: hash tables with open addressing, 0 where a slot is free."""

from __future__ import annotations

import numpy as np
from numba import njit

SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing
BLOCK = 3  # 2^3 numbers in a row share a cache line, so that what is next to each other is looked up together


@njit(cache=True, nogil=True)
def empty_set(n_most):
    """Return an empty table that stays at most half full with `n_most` numbers in it; a power of two of slots."""
    n_slots = 16
    while n_slots < 2 * n_most:
        n_slots *= 2
    return np.zeros(n_slots, dtype=np.int64)


@njit(cache=True, nogil=True)
def home(key, n_slots):
    """Return the slot at which the search for a number begins."""
    spread = (np.uint64(key >> BLOCK) * SPREAD) >> np.uint64(20)
    return np.int64((spread << np.uint64(BLOCK)) | np.uint64(key & ((1 << BLOCK) - 1))) & (n_slots - 1)


@njit(cache=True, nogil=True)
def holds(table, key):
    """Tell whether a number is in the set."""
    slot = home(key, len(table))
    while table[slot] != 0:
        if table[slot] == key:
            return True
        slot = (slot + 1) & (len(table) - 1)
    return False


@njit(cache=True, nogil=True)
def insert(table, key):
    """Put a number into the set, and tell whether it is new there; there has to be room."""
    slot = home(key, len(table))
    while table[slot] != 0:
        if table[slot] == key:
            return False
        slot = (slot + 1) & (len(table) - 1)
    table[slot] = key
    return True


@njit(cache=True, nogil=True)
def remove(table, key):
    """Take a number out of the set, where it is, and move back whatever its slot had pushed on."""
    last = len(table) - 1
    hole = home(key, len(table))
    while table[hole] != key:
        hole = (hole + 1) & last
    slot = hole
    while True:
        slot = (slot + 1) & last
        if table[slot] == 0:
            break
        if ((slot - home(table[slot], len(table))) & last) >= ((slot - hole) & last):
            table[hole] = table[slot]
            hole = slot
    table[hole] = 0


@njit(cache=True, nogil=True)
def enlarged(table):
    """Return the same set in a table of twice the size."""
    larger = np.zeros(2 * len(table), dtype=np.int64)
    for key in table:
        if key != 0:
            insert(larger, key)
    return larger
