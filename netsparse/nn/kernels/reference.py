"""Reference kernel: plain gather and scatter, on any device and dtype; the oracle of every other kernel."""

from __future__ import annotations

import torch
from torch import Tensor

from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel


class Reference(Kernel):
    """Gather and scatter, on any device and dtype."""

    def spmm(self, index: EdgeIndex, weight: Tensor, x: Tensor) -> Tensor:
        """Return W x: (n_out, batch) from x (n_in, batch)."""
        out = x.new_zeros(index.n_out, x.shape[1])
        return out.index_add_(0, index.targets(), x.index_select(0, index.indices) * weight[:, None])

    def spmm_t(self, index: EdgeIndex, weight: Tensor, g: Tensor) -> Tensor:
        """Return W^T g: (n_in, batch) from g (n_out, batch)."""
        out = g.new_zeros(index.n_in, g.shape[1])
        return out.index_add_(0, index.indices.long(), g.index_select(0, index.targets()) * weight[:, None])

    def sddmm(self, index: EdgeIndex, g: Tensor, x: Tensor) -> Tensor:
        """Return the entries of g x^T at the edges: (n_edges,)."""
        return torch.sum(g.index_select(0, index.targets()) * x.index_select(0, index.indices), dim=1)
