"""The inner loop of the degree-preserving chain: edge swaps against a hash table of pairs."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.typing import EdgeIds, Int

EdgeEnds = Int[np.ndarray, "edge 2"]
"""Source and target of each edge."""

PairTable = Int[np.ndarray, "slot"]
"""Open addressing with linear probing: a pair key per slot, -1 where free; a power of two of slots."""

SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing


def pair_table(keys: Int[np.ndarray, "edge"]) -> PairTable:
    """Return the hash table of the given distinct keys, at most half full."""
    table = np.full(1 << (2 * max(1, len(keys)) - 1).bit_length(), -1, dtype=np.int64)
    _insert_all(table, keys)
    return table


@njit(cache=True, nogil=True)
def swap(ends: EdgeEnds, table: PairTable, one: EdgeIds, other: EdgeIds, n_in: int) -> None:
    """Exchange the targets of the edges one[i] and other[i], in turn, wherever both new pairs are free; in place."""
    for i in range(len(one)):
        a, b = one[i], other[i]
        s, t = ends[a]
        u, v = ends[b]
        # pairs that share a unit need no case of their own: one of the new pairs is then an edge
        if _find(table, v * n_in + s) >= 0 or _find(table, t * n_in + u) >= 0:
            continue
        _remove(table, t * n_in + s)
        _remove(table, v * n_in + u)
        _insert(table, v * n_in + s)
        _insert(table, t * n_in + u)
        ends[a, 1], ends[b, 1] = v, t


@njit(cache=True, nogil=True)
def _home(table, key):
    return np.int64((np.uint64(key) * SPREAD) >> np.uint64(20)) & (len(table) - 1)


@njit(cache=True, nogil=True)
def _find(table, key):
    slot = _home(table, key)
    while table[slot] != -1:
        if table[slot] == key:
            return slot
        slot = (slot + 1) & (len(table) - 1)
    return -1


@njit(cache=True, nogil=True)
def _insert(table, key):
    slot = _home(table, key)
    while table[slot] != -1:
        slot = (slot + 1) & (len(table) - 1)
    table[slot] = key


@njit(cache=True, nogil=True)
def _remove(table, key):
    """Free the key's slot and move back whatever was pushed past it, so that no search ends too early."""
    last = len(table) - 1
    hole = _find(table, key)
    slot = hole
    while True:
        slot = (slot + 1) & last
        if table[slot] == -1:
            break
        if ((slot - _home(table, table[slot])) & last) >= ((slot - hole) & last):
            table[hole] = table[slot]
            hole = slot
    table[hole] = -1


@njit(cache=True, nogil=True)
def _insert_all(table, keys):
    for key in keys:
        _insert(table, key)
