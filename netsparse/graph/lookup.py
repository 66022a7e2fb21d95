"""Where pairs of units are among the edges of a graph: each pair's own row is bisected, compiled or in numpy."""

from __future__ import annotations

import numpy as np

from netsparse.graph.compiled import addresses, native_function
from netsparse.typing import Bool, Int

Found = tuple[Int[np.ndarray, "pair"], Bool[np.ndarray, "pair"]]
"""Edge id of each pair, or where it would have to be inserted; and whether it is an edge."""


def locate(
    indptr: Int[np.ndarray, "row_bound"],
    indices: Int[np.ndarray, "edge"],
    at: tuple[int, ...],
    sources: Int[np.ndarray, "pair"],
    targets: Int[np.ndarray, "pair"],
) -> Found:
    """Look pairs up: O(pairs * log(largest fan-in)), no array of all edges; trusted, no check.

    Parameters
    ----------
    indptr, indices : int arrays of shape (n_out + 1,), (n_edges,)
        A graph in canonical order.
    at : (int, int)
        Where the two lie in memory.
    sources, targets : int64 arrays of shape (n_pairs,)
        Units that exist.
    """
    compiled = native_function("locate", indices.dtype)
    if compiled is None:
        return numpy_locate(indptr, indices, sources, targets)
    sources, targets = np.ascontiguousarray(sources), np.ascontiguousarray(targets)
    places, found = np.empty(len(sources), dtype=np.int64), np.empty(len(sources), dtype=bool)
    at_pairs, at_results = addresses(sources, targets), addresses(places, found)
    compiled(len(sources), *at_pairs, *at, *at_results)
    return places, found


def numpy_locate(
    indptr: Int[np.ndarray, "row_bound"],
    indices: Int[np.ndarray, "edge"],
    sources: Int[np.ndarray, "pair"],
    targets: Int[np.ndarray, "pair"],
) -> Found:
    """Do what `locate` does without compiled code, for all pairs at once."""
    low = indptr[targets].astype(np.int64)
    end = indptr[targets + 1].astype(np.int64)
    high = end.copy()
    for _ in range(int(np.diff(indptr).max()).bit_length()):
        middle = (low + high) >> 1
        probe = indices[np.minimum(middle, len(indices) - 1)]
        right = (low < high) & (probe < sources)
        low = np.where(right, middle + 1, low)
        high = np.where(right, high, middle)
    found = low < end
    found[found] = indices[low[found]] == sources[found]
    return low, found
