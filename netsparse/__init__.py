"""netsparse: sparse neural networks as bipartite graphs - generate, measure, rewire, train, percolate, export."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from netsparse import (
        bench,
        datasets,
        errors,
        generators,
        graph,
        interop,
        metrics,
        nn,
        percolation,
        plotting,
        provenance,
        rewiring,
        rng,
        robustness,
        train,
    )
    from netsparse.graph import BipartiteGraph, EdgeDelta, EdgeMap, SparseNetwork, apply, carry, diff

ROOMS = (
    "bench", "datasets", "errors", "generators", "graph", "interop", "metrics", "nn", "percolation", "plotting",
    "provenance", "rewiring", "rng", "robustness", "train",
)  # fmt: skip
GRAPH = ("BipartiteGraph", "EdgeDelta", "EdgeMap", "SparseNetwork", "apply", "carry", "diff")

__all__ = [
    "BipartiteGraph",
    "EdgeDelta",
    "EdgeMap",
    "SparseNetwork",
    "__version__",
    "apply",
    "bench",
    "carry",
    "datasets",
    "diff",
    "errors",
    "generators",
    "graph",
    "interop",
    "metrics",
    "nn",
    "percolation",
    "plotting",
    "provenance",
    "rewiring",
    "rng",
    "robustness",
    "train",
]


def __getattr__(name: str) -> Any:
    # a room is loaded when it is first touched: who measures graphs never waits for torch
    if name in ROOMS:
        return importlib.import_module(f"netsparse.{name}")
    if name in GRAPH:
        return getattr(importlib.import_module("netsparse.graph"), name)
    raise AttributeError(f"module 'netsparse' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
