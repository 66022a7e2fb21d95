"""Pruning at initialisation: keep the edges of highest score, exactly so many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidNetwork, InvalidOption, unknown_name
from netsparse.generators.budget import as_density
from netsparse.graph import EdgeMap, SparseNetwork, subgraph
from netsparse.graph.checks import as_count
from netsparse.rng import as_rng
from netsparse.typing import EdgeIds, EdgeVector, NetworkWeights, Seed

SCOPES = ("network", "layer")


def keep_highest(
    network: SparseNetwork,
    scores: NetworkWeights,
    *,
    density: float | None = None,
    n_edges: int | None = None,
    scope: str = "network",
    rng: Seed,
) -> tuple[SparseNetwork, tuple[EdgeMap, ...]]:
    """Keep the edges of highest score, and exactly as many as are asked for.

    Parameters
    ----------
    network : SparseNetwork
        What to choose from, a complete network or a sparse one.
    scores : sequence of arrays
        One edge vector per layer. Only their order matters; ties go at random.
    density : float, optional
        What is kept, in (0, 1], of all pairs: round(density * pairs) edges; in each layer with `scope="layer"`.
    n_edges : int, optional
        How many are kept in all; only with `scope="network"`. Give one of the two.
    scope : {"network", "layer"}
        Whether all scores are compared with one another, or those of each layer. With "network" a layer may be left
        without edges (layer collapse).
    rng : int or numpy.random.Generator
        Breaks ties.

    Returns
    -------
    SparseNetwork
        The edges that are kept.
    tuple of EdgeMap
        One per layer, where its edges went: `carry(weights[k], maps[k])` brings weights along.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector
        If `network` is none, or scores do not fit it or are not finite.
    InvalidDensity, InvalidOption, UnknownName
        For impossible options, and where more edges are to be kept than there are.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> network = SparseNetwork([complete(2, 2), complete(2, 1)])
    >>> kept, maps = keep_highest(network, [np.array([5.0, 1.0, 2.0, 4.0]), np.array([3.0, 0.0])], n_edges=3, rng=0)
    >>> [graph.n_edges for graph in kept.layers], maps[0].old_to_new.tolist()
    ([2, 1], [0, -1, -1, 1])
    """
    check_network(network)
    scores = finite_vectors("scores", network, scores)
    counts = kept_counts(network, density=density, n_edges=n_edges, scope=scope)
    return restricted(network, highest_of_layers(scores, counts, as_rng(rng)))


def kept_counts(
    network: SparseNetwork, *, density: float | None = None, n_edges: int | None = None, scope: str = "network"
) -> list[int]:
    """Return how many edges are kept, of the network (one number) or of each layer; see `keep_highest`.

    Raises
    ------
    InvalidDensity, InvalidOption, UnknownName
        For impossible options, and where more are to be kept than there are.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> network = SparseNetwork([complete(10, 10), complete(10, 5)])
    >>> kept_counts(network, density=0.1), kept_counts(network, density=0.1, scope="layer")
    ([15], [10, 5])
    """
    if scope not in SCOPES:
        raise unknown_name("scope", scope, SCOPES)
    if (density is None) == (n_edges is None) or (n_edges is not None and scope == "layer"):
        given = f"density={density!r}, n_edges={n_edges!r}, scope={scope!r}"
        raise InvalidOption("what is kept", given, "a density, or n_edges of the whole network", "density=0.01")
    graphs = network.layers
    if n_edges is not None:
        counts = [as_count("n_edges", n_edges)]
    else:
        share = as_density(density)
        pairs = [graph.n_in * graph.n_out for graph in graphs]
        counts = [round(share * sum(pairs))] if scope == "network" else [round(share * n) for n in pairs]
    there = [network.n_edges] if scope == "network" else [graph.n_edges for graph in graphs]
    for count, n in zip(counts, there, strict=True):
        if count > n:
            given, expected = f"{count} edges to be kept", f"at most the {n} that there are"
            raise InvalidOption("what is kept", given, expected, f"density={n / sum(g.n_in * g.n_out for g in graphs)}")
    return counts


def highest(scores: EdgeVector, n_kept: int, rng: np.random.Generator) -> EdgeIds:
    """Return the ids of the `n_kept` highest scores, increasing; the generator is asked only where there are ties.

    Examples
    --------
    >>> highest(np.array([0.1, 0.5, -0.2, 0.4]), 2, np.random.default_rng(0)).tolist()
    [1, 3]
    """
    if n_kept == 0:
        return np.empty(0, dtype=np.int64)
    cut = np.partition(scores, len(scores) - n_kept)[len(scores) - n_kept]
    ids = np.flatnonzero(scores >= cut)
    if len(ids) == n_kept:
        return ids
    ties = np.flatnonzero(scores[ids] == cut)
    return np.delete(ids, rng.choice(ties, len(ids) - n_kept, replace=False, shuffle=False))


def ladder(n_start: int, n_end: int, rounds: int) -> list[int]:
    """Return how many edges are left after each of `rounds` rounds that each keep the same share; the last is `n_end`.

    Raises
    ------
    InvalidOption
        If `rounds` is not a whole number of at least 1.

    Examples
    --------
    >>> ladder(1000, 10, 4)
    [316, 100, 32, 10]
    """
    if as_count("rounds", rounds) < 1:
        raise InvalidOption("rounds", repr(rounds), "a whole number, at least 1", "rounds=100")
    if not n_start or not n_end:
        return [n_start] * (rounds - 1) + [n_end]
    return [round(n_start * (n_end / n_start) ** (k / rounds)) for k in range(1, rounds)] + [n_end]


def highest_of_layers(flows: Sequence[EdgeVector], counts: Sequence[int], rng: np.random.Generator) -> list[EdgeIds]:
    """Return the positions of the highest flows of each layer, `counts` of each, or one count of all together."""
    if len(counts) == len(flows):
        return [highest(part, count, rng) for part, count in zip(flows, counts, strict=True)]
    ends = np.cumsum([len(part) for part in flows])
    ids = highest(np.concatenate(flows), counts[0], rng)
    parts = np.split(ids, np.searchsorted(ids, ends[:-1]))
    return [part - end + len(layer) for part, end, layer in zip(parts, ends, flows, strict=True)]


def restricted(network: SparseNetwork, kept: Sequence[EdgeIds]) -> tuple[SparseNetwork, tuple[EdgeMap, ...]]:
    """Return the network of the edges of these ids, and where all edges went."""
    masks = [np.zeros(graph.n_edges, dtype=bool) for graph in network.layers]
    for mask, ids in zip(masks, kept, strict=True):
        mask[ids] = True
    layers, maps = zip(*(subgraph(graph, mask) for graph, mask in zip(network.layers, masks, strict=True)), strict=True)
    return SparseNetwork(layers, network.joints), maps


def check_network(network: Any) -> None:
    """Raise `InvalidNetwork` for what is no network."""
    if not isinstance(network, SparseNetwork):
        raise InvalidNetwork("network", type(network).__name__, "a SparseNetwork", "SparseNetwork([graph])")


def finite_vectors(name: str, network: SparseNetwork, vectors: Any) -> tuple[EdgeVector, ...]:
    """Return one checked edge vector per layer; raises `InvalidEdgeVector` for wrong lengths and what is not finite."""
    parts = network.edge_vectors(vectors)
    for k, part in enumerate(parts):
        if part.dtype.kind not in "fiu" or not np.isfinite(part).all():
            given = "a value that is not finite" if part.dtype.kind == "f" else f"{part.dtype} values"
            raise InvalidEdgeVector(f"{name}[{k}]", given, "one finite real number per edge", "numpy.isfinite first")
    return parts
