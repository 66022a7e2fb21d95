"""The two units at the ends of each edge, side by side: what every pass over the edges of a network reads."""

from __future__ import annotations

import numpy as np

from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.frozen import index_dtype
from netsparse.typing import Int

EdgeEnds = Int[np.ndarray, "edge 2"]
"""The two units at the ends of each edge, numbered over all levels, in canonical edge order."""


def edge_ends(graph_or_network: BipartiteGraph | SparseNetwork) -> EdgeEnds:
    """Return the pairs of `unit_edges()` side by side, in the smallest type and without arrays in between.

    Examples
    --------
    >>> edge_ends(BipartiteGraph.from_mask([[1, 1], [0, 1]])).tolist()
    [[0, 2], [1, 2], [1, 3]]
    """
    sizes, joints = graph_or_network.sizes, (None, *getattr(graph_or_network, "joints", ()))
    ends = np.empty((graph_or_network.n_edges, 2), dtype=index_dtype(sum(sizes)))
    edge = unit = 0
    for layer, joint, size in zip(graph_or_network.layers, joints, sizes, strict=False):
        here = ends[edge : edge + layer.n_edges]
        np.add(layer.sources if joint is None else joint[layer.sources], unit, out=here[:, 0], casting="same_kind")
        np.add(layer.targets, unit + size, out=here[:, 1], casting="same_kind")
        edge, unit = edge + layer.n_edges, unit + size
    return ends
