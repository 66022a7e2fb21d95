"""Pairs of units: as numbers that sort into canonical order, checked at the door, and whole graphs' worth of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import DuplicateEdge, EdgeOutOfRange, InvalidEdges, InvalidGraph
from netsparse.graph.checks import as_unit_ids
from netsparse.typing import Int


def pair_keys(sources: np.ndarray, targets: np.ndarray, n_in: int) -> Int[np.ndarray, "pair"]:
    """Return one int64 per pair, `target * n_in + source`: sorting keys sorts edges into canonical order."""
    return targets.astype(np.int64) * n_in + sources


def as_pairs(sources: Any, targets: Any, n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends as integer arrays of equal length within range, or raise an error that names the pair."""
    sources, targets = as_unit_ids("sources", sources), as_unit_ids("targets", targets)
    if len(sources) != len(targets):
        given = f"{len(sources)} sources and {len(targets)} targets"
        raise InvalidEdges("edges", given, "as many sources as targets", "arrays of the same length")
    for side, units, size in (("n_in", sources, n_in), ("n_out", targets, n_out)):
        if len(units) and (units.min() < 0 or units.max() >= size):
            worst = int(np.flatnonzero((units < 0) | (units >= size))[0])
            pair = f"({int(sources[worst])}, {int(targets[worst])})"
            raise EdgeOutOfRange("edge (source, target)", pair, f"units below {side}={size}", f"a larger {side}")
    return sources, targets


def duplicate_pair(key: int, n_in: int) -> DuplicateEdge:
    """Return the error for the pair of this key, given twice."""
    pair = f"({key % n_in}, {key // n_in}) twice"
    return DuplicateEdge("edge (source, target)", pair, "every pair at most once", "numpy.unique on the pairs first")


def check_canonical(n_in: int, n_out: int, indptr: np.ndarray, indices: np.ndarray) -> None:
    """Raise `InvalidGraph` unless the arrays are those of a graph in canonical order."""
    fix = "BipartiteGraph.from_edges(sources, targets, n_in=..., n_out=...)"
    if len(indptr) != n_out + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        given = f"{len(indptr)} entries for n_out={n_out} and {len(indices)} edges"
        raise InvalidGraph("indptr", given, "n_out + 1 non-decreasing entries from 0 to n_edges", fix)
    if len(indices) and (indices.min() < 0 or indices.max() >= n_in):
        raise InvalidGraph(
            "indices", f"units {indices.min()} to {indices.max()}", f"units 0 to n_in - 1 = {n_in - 1}", fix
        )
    inside = np.ones(max(len(indices) - 1, 0), dtype=bool)
    starts = indptr[1:-1]
    inside[starts[(starts > 0) & (starts < len(indices))] - 1] = False
    if (np.diff(indices)[inside] <= 0).any():
        raise InvalidGraph("indices", "a row that is not strictly increasing", "sorted, unique sources per target", fix)
