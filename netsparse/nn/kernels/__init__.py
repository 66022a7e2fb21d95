"""Kernels of a sparse layer on feature-major operands: spmm, its transpose, sddmm, and the layer made of them."""

from netsparse.nn.kernels.dispatch import KERNELS, kernel_name
from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel
from netsparse.nn.kernels.product import SparseProduct

__all__ = ["KERNELS", "EdgeIndex", "Kernel", "SparseProduct", "kernel_name"]
