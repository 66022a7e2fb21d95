"""Kernel on torch's own CSR products: MKL on the CPU, cuSPARSE on CUDA. Truly sparse."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel
from netsparse.nn.kernels.operands import misfit

with warnings.catch_warnings():
    # torch announces once per process that its CSR layout is in beta; let it say so here, to nobody
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
    _nothing = torch.tensor([0, 0]), torch.tensor([], dtype=torch.int64), torch.tensor([])
    torch.sparse_csr_tensor(*_nothing, (1, 1), check_invariants=False)


class TorchCsr(Kernel):
    """torch's sparse CSR products: MKL on the CPU, cuSPARSE on CUDA."""

    def why_not(self, device: torch.device, dtype: torch.dtype) -> str | None:
        """Return why this kernel cannot compute there in a few words, None where it can."""
        if device.type == "cpu" and dtype not in (torch.float32, torch.float64):
            return "torch's CSR products on the CPU compute in float32 and float64"
        return None

    def spmm(self, index: EdgeIndex, weight: Tensor, x: Tensor) -> Tensor:
        """Return W x: (n_out, batch) from x (n_in, batch)."""
        return _csr(index.indptr, index.indices, weight, (index.n_out, index.n_in)) @ x

    def spmm_t(self, index: EdgeIndex, weight: Tensor, g: Tensor) -> Tensor:
        """Return W^T g: (n_in, batch) from g (n_out, batch)."""
        values = weight.index_select(0, index.by_source)
        return _csr(index.source_indptr, index.source_targets, values, (index.n_in, index.n_out)) @ g

    def sddmm(self, index: EdgeIndex, g: Tensor, x: Tensor) -> Tensor:
        """Return the entries of g x^T at the edges: (n_edges,)."""
        pattern = _csr(index.indptr, index.indices, g.new_zeros(len(index.indices)), (index.n_out, index.n_in))
        return torch.sparse.sampled_addmm(pattern, g, x.t(), beta=0.0).values()


def _csr(indptr: Tensor, indices: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    if values.shape != indices.shape:  # torch would find out only by looking at all of the index
        raise misfit(values, indices.shape)
    return torch.sparse_csr_tensor(indptr, indices, values, size, check_invariants=False)
