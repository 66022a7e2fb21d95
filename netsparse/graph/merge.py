"""The linear merge behind `apply`: compiled where the library is, in numpy elsewhere; both give the same arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from netsparse.errors import DuplicateEdge, EdgeOutOfRange
from netsparse.graph.bipartite import BipartiteGraph
from netsparse.graph.compiled import address, addresses, block_of, native_function
from netsparse.graph.frozen import frozen, index_dtype
from netsparse.graph.pairs import as_pairs, pair_keys
from netsparse.typing import EdgeIds, EdgeMask, Int, UnitIds

DONE_UNSORTED, REFUSED = 1, 2
"""What the compiled merge returns besides 0: the added pairs had to be sorted; something does not fit."""


class Merged(NamedTuple):
    """A changed graph, and the change as ids.

    Parameters
    ----------
    graph : BipartiteGraph
        After the change.
    removed, born : int arrays of shape (n_removed,), (n_added,)
        Old ids of the edges that are gone, new ids of those that came, both increasing: all others keep their order,
        so that these two say where every edge went.
    added : int array of shape (n_added,)
        `born` in the order of the delta.
    old_to_new : int array of shape (n_edges before,) or None
        Where it was needed on the way.
    at : (int, int) or None
        Where `removed` and `born` lie in memory, if that is known.
    """

    graph: BipartiteGraph
    removed: Int[np.ndarray, "removed"]
    born: Int[np.ndarray, "added"]
    added: Int[np.ndarray, "added"]
    old_to_new: EdgeIds | None
    at: tuple[int, int] | None


def merged(
    graph: BipartiteGraph,
    removed: Int[np.ndarray, "removed"],
    sources: UnitIds,
    targets: UnitIds,
    *,
    with_index: bool = True,
    at: tuple[int, int, int] | None = None,
) -> Merged:
    """Merge a change into a graph in one pass over its arrays; only what changes is sorted.

    Parameters
    ----------
    graph : BipartiteGraph
        Before the change.
    removed, sources, targets : int64 arrays
        Ids that go and pairs that come, in any order.
    with_index : bool
        Whether `targets`, `by_source` and `targets_by_source` are brought along where `graph` has them; otherwise, and
        always without the compiled library, they are made when first asked for.
    at : (int, int, int), optional
        Where the three arrays lie in memory, if that is known.

    Raises
    ------
    EdgeOutOfRange
        If a removed id or an added unit does not exist.
    DuplicateEdge
        If an id is removed twice, a pair is added twice, or an added pair is already an edge that stays.
    """
    change = native_merge(graph, removed, sources, targets, with_index, at)
    return change or numpy_merge(graph, removed, sources, targets)


# compiled -------------------------------------------------------------------------------------------------------------


def native_merge(
    graph: BipartiteGraph,
    removed: Int[np.ndarray, "removed"],
    sources: UnitIds,
    targets: UnitIds,
    with_index: bool,
    at_change: tuple[int, int, int] | None = None,
) -> Merged | None:
    """Merge in compiled code; None where it is absent, where the width of ids changes, and where something is wrong."""
    n_in, n_out, n_before, dtype = graph.n_in, graph.n_out, len(graph.indices), graph.indices.dtype
    n_removed, n_added = len(removed), len(sources)
    n_after = n_before - n_removed + n_added
    merge_arrays = native_function("merge", dtype)
    if merge_arrays is None or n_after < 0 or dtype != index_dtype(n_in, n_out, n_after):
        return None
    has_index = with_index and graph.has("by_source")
    has_targets = with_index and graph.has("targets")
    width = dtype.itemsize
    lengths = (n_in + 1, n_after, n_after) if has_index else ()
    layout = block_of(width, n_out + 1, n_after, *lengths, *((n_after,) if has_targets else ()))
    block = np.empty(layout.length, dtype)
    ids, old_to_new = np.empty(n_removed + n_added, dtype), np.empty(n_before, dtype) if has_index else None
    first, at_gone = address(block), address(ids)
    at_removed, at_sources, at_targets = at_change or addresses(removed, sources, targets)
    at = [first + offset for offset in layout.offsets]
    outcome = merge_arrays(
        n_in,
        n_out,
        n_before,
        *graph.addresses(),
        *(graph.index_addresses() if has_index else NOWHERE),
        n_removed,
        at_removed,
        n_added,
        at_sources,
        at_targets,
        at[0],
        at[1],
        at[-1] if has_targets else None,
        *(at[2:5] if has_index else NOWHERE),
        at_gone,
        at_gone + n_removed * width,
        None if old_to_new is None else address(old_to_new),
    )
    if outcome == REFUSED:
        return None
    arrays = [frozen(block)[part] for part in layout.parts]
    known: dict[str, Any] = {"at": (at[0], at[1])}
    if has_index:
        known.update(
            by_source=(arrays[2], arrays[3]),
            targets_by_source=arrays[4],
            at_index=(at[2], at[3], at[4]),
        )
    if has_targets:
        known["targets"] = arrays[-1]
    after = BipartiteGraph.trusted(n_in, n_out, arrays[0], arrays[1], known)
    gone, added = frozen(ids)[:n_removed], ids[n_removed:]
    if outcome == DONE_UNSORTED:
        return Merged(after, gone, frozen(np.sort(added)), added, old_to_new, None)
    return Merged(after, gone, added, added, old_to_new, (at_gone, at_gone + n_removed * width))


NOWHERE = (None, None, None)
"""Addresses of arrays that are not wanted."""


# numpy ----------------------------------------------------------------------------------------------------------------


def numpy_merge(
    graph: BipartiteGraph, removed: Int[np.ndarray, "removed"], sources: UnitIds, targets: UnitIds
) -> Merged:
    """Merge in numpy, and say what is wrong where something is."""
    keep = _kept(graph, removed)
    sources, targets = as_pairs(sources, targets, graph.n_in, graph.n_out)
    order, is_added = _merge_keys(
        pair_keys(graph.sources[keep], graph.targets[keep], graph.n_in),
        pair_keys(sources, targets, graph.n_in),
        graph.n_in,
    )
    indices = np.empty(len(is_added), dtype=graph.indices.dtype)
    indices[~is_added] = graph.indices[keep]
    indices[is_added] = sources[order]
    fan_in = graph.fan_in - np.bincount(graph.targets[removed], minlength=graph.n_out)
    fan_in += np.bincount(targets, minlength=graph.n_out)
    indptr = np.zeros(graph.n_out + 1, dtype=np.int64)
    np.cumsum(fan_in, out=indptr[1:])
    after = BipartiteGraph.from_canonical(graph.n_in, graph.n_out, indptr, indices)

    dtype = after.indptr.dtype
    born = np.flatnonzero(is_added).astype(dtype)
    added = np.empty(len(order), dtype=dtype)
    added[order] = born
    return Merged(after, np.flatnonzero(~keep).astype(dtype), born, added, None, None)


def _kept(graph: BipartiteGraph, removed: Int[np.ndarray, "removed"]) -> EdgeMask:
    if len(removed) and (removed.min() < 0 or removed.max() >= graph.n_edges):
        worst = int(removed[(removed < 0) | (removed >= graph.n_edges)][0])
        raise EdgeOutOfRange(
            "removed edge id", str(worst), f"ids 0 to {graph.n_edges - 1}", "ids of this graph's edges"
        )
    keep = np.ones(graph.n_edges, dtype=bool)
    keep[removed] = False
    if graph.n_edges - np.count_nonzero(keep) != len(removed):
        ids, counts = np.unique(removed, return_counts=True)
        raise DuplicateEdge(
            "removed edge id", f"{ids[counts > 1][0]} twice", "every id at most once", "numpy.unique(removed)"
        )
    return keep


def _merge_keys(
    kept: Int[np.ndarray, "kept"], added: Int[np.ndarray, "added"], n_in: int
) -> tuple[Int[np.ndarray, "added"], np.ndarray]:
    """Merge the sorted keys `kept` with the unsorted `added`.

    Returns the order that sorts `added`, and for each position of the merged sequence whether it is an added one.
    """
    order = np.argsort(added, kind="stable")
    added = added[order]
    before = np.searchsorted(kept, added)
    clash = np.flatnonzero(added[1:] == added[:-1])
    if len(kept):
        taken = np.flatnonzero(kept[np.minimum(before, len(kept) - 1)] == added)
        clash = np.concatenate([clash, taken])
    if len(clash):
        pair = f"({int(added[clash[0]]) % n_in}, {int(added[clash[0]]) // n_in})"
        expected = "a pair that is free, and added once"
        raise DuplicateEdge("added edge (source, target)", pair, expected, "~graph.has_edges(sources, targets) first")
    is_added = np.zeros(len(kept) + len(added), dtype=bool)
    is_added[before + np.arange(len(added))] = True
    return order, is_added
