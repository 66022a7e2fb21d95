"""Dense kernel: one matrix product over all n_out x n_in pairs, for complete layers and for comparison.

The canonical edge order of a complete graph is the row-major order of W, so there the weights are viewed as a matrix
without a copy. For any other graph they are scattered into a dense matrix first.
"""

from __future__ import annotations

from torch import Tensor

from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel


class Dense(Kernel):
    """One matrix product over all n_out x n_in pairs."""

    is_sparse = False

    def spmm(self, index: EdgeIndex, weight: Tensor, x: Tensor) -> Tensor:
        """Return W x: (n_out, batch) from x (n_in, batch)."""
        return _dense_matrix(index, weight) @ x

    def spmm_t(self, index: EdgeIndex, weight: Tensor, g: Tensor) -> Tensor:
        """Return W^T g: (n_in, batch) from g (n_out, batch)."""
        return _dense_matrix(index, weight).t() @ g

    def sddmm(self, index: EdgeIndex, g: Tensor, x: Tensor) -> Tensor:
        """Return the entries of g x^T at the edges: (n_edges,)."""
        pairs = (g @ x.t()).flatten()
        return pairs if index.is_complete else pairs[_pair_keys(index)]


def _dense_matrix(index: EdgeIndex, weight: Tensor) -> Tensor:
    if index.is_complete:
        return weight.view(index.n_out, index.n_in)
    matrix = weight.new_zeros(index.n_out * index.n_in)
    matrix[_pair_keys(index)] = weight
    return matrix.view(index.n_out, index.n_in)


def _pair_keys(index: EdgeIndex) -> Tensor:
    return index.targets() * index.n_in + index.indices
