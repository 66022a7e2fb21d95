"""`EdgeIndex`: a graph's index arrays as tensors on one device, in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netsparse.errors import InvalidGraph
from netsparse.graph import BipartiteGraph


@dataclass(frozen=True, slots=True)
class EdgeIndex:
    """What a kernel needs to know of a graph.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    indptr, indices : int tensors of shape (n_out + 1,), (n_edges,)
        CSR of W (n_out x n_in): edges by target.
    source_indptr, source_targets, by_source : int tensors of shape (n_in + 1,), (n_edges,), (n_edges,)
        CSR of W^T: edges by source, the target of each, and its edge id.

    Raises
    ------
    InvalidGraph
        Unless the arrays are of these shapes, contiguous, on one device and of one width of ids, int32 or int64.
        What they hold is not looked at: `of` reads a graph, which has been.
    """

    n_in: int
    n_out: int
    indptr: Tensor
    indices: Tensor
    source_indptr: Tensor
    source_targets: Tensor
    by_source: Tensor

    def __post_init__(self) -> None:
        arrays = (self.indptr, self.indices, self.source_indptr, self.source_targets, self.by_source)
        edges, first = self.indices.shape[:1], self.indptr
        shapes = ((self.n_out + 1,), edges, (self.n_in + 1,), edges, edges)
        for array, shape in zip(arrays, shapes, strict=True):  # compiled code reads them by their addresses
            if (
                array.shape != shape
                or array.dtype is not first.dtype
                or array.dtype not in (torch.int32, torch.int64)
                or array.device != first.device
                or not array.is_contiguous()
            ):
                given = f"an array of shape {tuple(array.shape)} of {array.dtype} on {array.device}"
                expected = f"{tuple(shape)}, contiguous, of {first.dtype} on {first.device} as the others"
                raise InvalidGraph("index", given, expected, "EdgeIndex.of(graph)")

    @property
    def is_complete(self) -> bool:
        """Whether every pair is an edge."""
        return len(self.indices) == self.n_in * self.n_out

    def targets(self) -> Tensor:
        """Return the target unit of each edge, shape (n_edges,), int64."""
        counts = self.indptr.diff()
        return torch.repeat_interleave(torch.arange(self.n_out, device=counts.device), counts)

    @classmethod
    def of(cls, graph: BipartiteGraph, device: torch.device | None = None) -> EdgeIndex:
        """Read the index of `graph` onto `device`; on the CPU the arrays are shared, not copied."""
        indptr, edge_ids = graph.by_source
        arrays = (graph.indptr, graph.indices, indptr, graph.targets_by_source, edge_ids)
        return cls(graph.n_in, graph.n_out, *(shared(array).to(device) for array in arrays))


def shared(array: np.ndarray) -> Tensor:
    """Return a tensor over the memory of a (possibly read-only) numpy array."""
    # torch.from_numpy warns on read-only arrays; DLPack aliases them silently, and nothing here writes to an index
    return torch.from_dlpack(array)
