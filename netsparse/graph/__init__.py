"""Sparse layers and networks as graph values, and their change as data."""

from netsparse.graph.bipartite import BipartiteGraph
from netsparse.graph.delta import EdgeDelta, EdgeMap, apply, carry, diff, subgraph, survivors
from netsparse.graph.free_pairs import free_pairs
from netsparse.graph.network import SparseNetwork

__all__ = [
    "BipartiteGraph",
    "EdgeDelta",
    "EdgeMap",
    "SparseNetwork",
    "apply",
    "carry",
    "diff",
    "free_pairs",
    "subgraph",
    "survivors",
]
