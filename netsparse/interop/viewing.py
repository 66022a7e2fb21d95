"""Networks small enough to look at: the strongest edges alone, or units merged into groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop.columns import as_network, finite_weights
from netsparse.typing import EdgeVector, UnitIds

Weighted = tuple[SparseNetwork, tuple[EdgeVector, ...]]


def strongest_edges(network: SparseNetwork | BipartiteGraph, weights: Any, k: int) -> Weighted:
    """Return the network with only its k edges of largest |w|, over all layers together.

    Exactly min(k, n_edges) edges stay; of equal |w| those that come first in canonical order, layer by layer. All
    units stay, the isolated ones too, and so do the joints: the sizes are those of `network`. An edge of weight 0 is
    an edge, the weakest there is.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        A BipartiteGraph counts as a network of one layer.
    weights : sequence of arrays
        One edge vector per layer; the edge vector itself for a BipartiteGraph. Without weights no edge is stronger
        than another, and the first k would be a picture of the first few units: that is an error.
    k : int
        Number of edges to keep, at least 0.

    Returns
    -------
    network : SparseNetwork
    weights : tuple of arrays
        The weights of the edges that stayed, dtype kept.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector, InvalidOption
        For another type of network, weights that are missing, do not fit or are not finite, a k that is no number of
        edges.

    Notes
    -----
    Ours. A global threshold on the magnitude, the cut of magnitude pruning (Han et al. 2015, arXiv:1506.02626), used
    here to draw and not to train. Linear in the edges.

    Examples
    --------
    >>> layer = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 1], n_in=3, n_out=2)
    >>> network, weights = strongest_edges(layer, [0.5, -2.0, 1.0], 2)
    >>> network, weights[0].tolist()
    (SparseNetwork(3-2, 2 edges, density 0.333), [-2.0, 1.0])
    """
    whole = as_network(network)
    vectors = finite_weights(network, weights)
    if vectors is None:
        expected = "one edge vector per layer: the strongest edges are those of largest |weight|"
        raise InvalidEdgeVector("weights", "None", expected, "weights=result.weights")
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 0:
        raise InvalidOption("number of strongest edges", repr(k), "a whole number, at least 0", "5000")
    kept = _largest(np.concatenate([abs(vector.astype(np.float64)) for vector in vectors]), int(k))
    bounds = np.cumsum([graph.n_edges for graph in whole.layers])[:-1]
    layers, values = [], []
    for graph, vector, stays in zip(whole.layers, vectors, np.split(kept, bounds), strict=True):
        layers.append(_part(graph, stays))
        values.append(vector[stays])
    return SparseNetwork(layers, whole.joints), tuple(values)


def collapsed(network: SparseNetwork | BipartiteGraph, weights: Any = None, *, n_groups: Any) -> Weighted:
    """Return the network of groups of units: each level's units merged into super-units, edges between groups too.

    The weight of the edge from group a to group b is the sum of |w| over the edges between their units,
    W_ab = sum over s in a, t in b of |w_st|, or their number where no weights are given: the sum of all weights stays
    what it was, in every layer. Inputs behind a joint are contracted onto the units that feed them, so the result has
    no joints. Edges of weight 0 are edges; a pair of groups joined by nothing else has an edge of weight 0.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        A BipartiteGraph counts as a network of one layer.
    weights : sequence of arrays, optional
        One edge vector per layer; the edge vector itself for a BipartiteGraph.
    n_groups : int, or a sequence with an int or an array of labels for each level
        A number n merges the units of a level into n contiguous groups, unit u of N into group floor(u n / N), whose
        sizes differ by one at most; a level with fewer units keeps them all. Labels, one whole number from 0 per
        unit, name the group of each unit (communities, classes, image rows): the level then has as many groups as
        its largest label plus one, and a label that no unit has is an isolated group.

    Returns
    -------
    network : SparseNetwork
        Its sizes are the numbers of groups.
    weights : tuple of arrays
        One float64 edge vector per layer.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector, InvalidOption
        For another type of network, weights that do not fit or are not finite, groups that do not fit the levels.

    Notes
    -----
    Ours, for drawing: the image graph of blockmodels (White, Boorman and Breiger 1976, DOI 10.1086/226141) with the
    total strength as weight. Linear in the edges up to a sort.

    Examples
    --------
    >>> layer = BipartiteGraph.from_edges([0, 1, 3], [0, 1, 1], n_in=4, n_out=2)
    >>> network, weights = collapsed(layer, [0.5, -2.0, 1.0], n_groups=[2, 1])
    >>> network, weights[0].tolist()
    (SparseNetwork(2-1, 2 edges, density 1), [2.5, 1.0])
    """
    whole = as_network(network)
    vectors = finite_weights(network, weights)
    groups = _groups(whole.sizes, n_groups)
    sizes = [count for _, count in groups]
    layers, values = [], []
    for k, graph in enumerate(whole.layers):
        joint = whole.joints[k - 1] if k else None
        units = graph.sources if joint is None else joint[graph.sources]
        keys = groups[k + 1][0][graph.targets] * sizes[k] + groups[k][0][units]
        keys, place = np.unique(keys, return_inverse=True)
        strength = None if vectors is None else abs(vectors[k].astype(np.float64))
        layers.append(BipartiteGraph.from_sorted_keys(keys, n_in=sizes[k], n_out=sizes[k + 1]))
        values.append(np.bincount(place, strength, minlength=len(keys)).astype(np.float64))
    return SparseNetwork(layers), tuple(values)


def _largest(strength: EdgeVector, k: int) -> np.ndarray:
    """Mark the k largest entries, the first ones of those that are equal."""
    if k >= len(strength):
        return np.ones(len(strength), dtype=bool)
    if k == 0:
        return np.zeros(len(strength), dtype=bool)
    cut = np.partition(strength, len(strength) - k)[len(strength) - k]
    kept = strength > cut
    kept[np.flatnonzero(strength == cut)[: k - np.count_nonzero(kept)]] = True
    return kept


def _part(graph: BipartiteGraph, stays: np.ndarray) -> BipartiteGraph:
    indptr = np.concatenate([[0], np.cumsum(np.bincount(graph.targets[stays], minlength=graph.n_out))])
    return BipartiteGraph.from_canonical(graph.n_in, graph.n_out, indptr, graph.indices[stays])


def _groups(sizes: Sequence[int], n_groups: Any) -> list[tuple[UnitIds, int]]:
    """Return for each level the group of each unit, and the number of groups."""
    if isinstance(n_groups, int | np.integer):
        rows: list[Any] = [n_groups] * len(sizes)
    else:
        rows = list(n_groups) if np.iterable(n_groups) and not isinstance(n_groups, str) else []
    if len(rows) != len(sizes):
        given = f"{len(rows)} entries" if rows else repr(n_groups)
        expected = f"a whole number, or one entry per level ({len(sizes)})"
        raise InvalidOption("n_groups", given, expected, "n_groups=20")
    return [_level(f"n_groups[{level}]", size, sum(sizes), rows[level]) for level, size in enumerate(sizes)]


def _level(subject: str, size: int, n_units: int, row: Any) -> tuple[UnitIds, int]:
    try:
        labels = np.asarray(row)
    except (TypeError, ValueError) as error:
        raise InvalidOption(subject, "rows of unequal length", "a number or labels", "n_groups=20") from error
    if labels.dtype.kind in "iu" and labels.shape == () and labels >= 1:
        count = min(int(labels), size)
        return np.arange(size, dtype=np.int64) * count // size, count
    # labels of the whole network's communities run up to its number of units; far beyond that they are a slip
    if labels.dtype.kind in "iu" and labels.shape == (size,) and labels.min() >= 0 and labels.max() < n_units:
        return labels.astype(np.int64), int(labels.max()) + 1
    given = repr(row) if labels.shape == () else f"{labels.dtype} of shape {labels.shape}"
    if labels.dtype.kind in "iu" and labels.shape == (size,):
        given = f"labels from {labels.min()} to {labels.max()}"
    expected = f"a whole number, at least 1, or {size} labels from 0, each below the number of units {n_units}"
    raise InvalidOption(subject, given, expected, "n_groups=20")
