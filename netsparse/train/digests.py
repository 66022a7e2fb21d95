"""Thirty-two bytes that stand for a wiring, or for how it came about: what processes compare."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from netsparse.errors import OutOfStep
from netsparse.graph import BipartiteGraph, EdgeDelta

LONGEST = 80
SMALL = 0.05
"""Share of the edges up to which hashing a change, which is sorted for it, is cheaper than hashing all edges."""


def digest(*parts: bytes | np.ndarray) -> bytes:
    """Return the SHA-256 of byte strings and arrays, each preceded by its length in bytes."""
    whole = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else np.ascontiguousarray(part).view(np.uint8).data
        whole.update(len(data).to_bytes(8, "little"))
        whole.update(data)
    return whole.digest()


def graph_digest(graph: BipartiteGraph) -> bytes:
    """Return the digest of a wiring: equal for equal graphs, different for different ones.

    Examples
    --------
    >>> first, second = (BipartiteGraph.from_edges([s], [0], n_in=2, n_out=1) for s in (0, 1))
    >>> graph_digest(first) == graph_digest(first), graph_digest(first) == graph_digest(second)
    (True, False)
    """
    return digest(f"{graph.n_in} {graph.n_out}".encode(), graph.indptr, graph.indices)


def change_digest(before: bytes, after: BipartiteGraph, delta: EdgeDelta) -> bytes:
    """Return a digest for a wiring that is `delta` away from one whose digest was `before`.

    H(before, removed edges, added pairs) says as much as a digest of all edges: who starts with equal wirings and makes
    equal changes has equal wirings. It is made only where it is cheaper, for a small change; otherwise it is
    `graph_digest(after)`. The order inside a delta does not matter.

    Parameters
    ----------
    before : bytes
        Digest of the wiring before.
    after : BipartiteGraph
        The changed wiring.
    delta : EdgeDelta
        The change.
    """
    if delta.n_removed + delta.n_added > SMALL * after.n_edges:
        return graph_digest(after)
    added = delta.added_targets.astype(np.int64) * after.n_in + delta.added_sources
    return digest(before, np.sort(delta.removed.astype(np.int64)), np.sort(added))


def out_of_step(given: Sequence[Mapping[str, bytes | str]]) -> OutOfStep:
    """Return the error for values that differ between processes.

    Parameters
    ----------
    given : sequence of mappings
        The values by name, one mapping per rank, not all equal; a short text is shown, bytes are not.

    Examples
    --------
    >>> print(out_of_step([{"epochs": "2", "lr": "0.1"}, {"epochs": "3", "lr": "0.1"}, {"epochs": "2", "lr": "0.1"}]))
    epochs: given 3 on rank 1 but 2 on rank 0, expected the same on every rank; try the same settings and seed on \
every rank, and rules that draw from the rng they are given alone
    """
    first = given[0]
    names = dict.fromkeys(name for values in given for name in values)
    name = next(name for name in names if any(values.get(name) != first.get(name) for values in given))
    others = [rank for rank, values in enumerate(given) if values.get(name) != first.get(name)]
    here, there = (_shown(given[rank].get(name)) for rank in (0, others[0]))
    who = f"rank {others[0]}" if len(others) == 1 else f"ranks {', '.join(map(str, others[:8]))}"
    what = f"{there} on {who} but {here} on rank 0" if here and there else f"another one on {who} than on rank 0"
    fix = "the same settings and seed on every rank, and rules that draw from the rng they are given alone"
    return OutOfStep(name, what, "the same on every rank", fix)


def _shown(value: bytes | str | None) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST else ""
