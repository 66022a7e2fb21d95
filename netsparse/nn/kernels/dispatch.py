"""Which kernel computes a layer: by name, or `auto`."""

from __future__ import annotations

import torch

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.nn.kernels.dense import Dense
from netsparse.nn.kernels.kernel import Kernel
from netsparse.nn.kernels.native_cpu import NativeCpu
from netsparse.nn.kernels.numba_cpu import NumbaCpu
from netsparse.nn.kernels.reference import Reference
from netsparse.nn.kernels.torch_csr import TorchCsr

KERNELS: dict[str, Kernel] = {
    "reference": Reference(),
    "torch_csr": TorchCsr(),
    "dense": Dense(),
    "native_cpu": NativeCpu(),
    "numba_cpu": NumbaCpu(),
}

BATCH = 128
"""The batch for which a layer that has not seen one yet tells its kernel."""


def kernel_name(
    backend: str,
    graph: BipartiteGraph,
    *,
    batch: int = BATCH,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> str:
    """Return the name of the kernel that `backend` means for `graph`.

    "auto" is `dense` for a complete graph, whose weights are a matrix as they lie, otherwise `native_cpu` where that
    is, and `torch_csr` elsewhere.

    Raises
    ------
    UnknownName
        The message lists the kernels.
    InvalidOption
        If the kernel asked for cannot compute there.

    Examples
    --------
    >>> kernel_name("auto", BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1))
    'dense'
    """
    device = torch.device("cpu") if device is None else device
    if backend == "auto":
        if graph.n_edges == graph.n_in * graph.n_out:
            return "dense"
        return "torch_csr" if KERNELS["native_cpu"].why_not(device, dtype) else "native_cpu"
    if backend not in KERNELS:
        raise unknown_name("backend", backend, {"auto": None, **KERNELS})
    reason = KERNELS[backend].why_not(device, dtype)
    if reason is not None:
        given = f"{backend!r}, but {reason}"
        raise InvalidOption("backend", given, f"a kernel for {dtype} on {device}", "backend='auto'")
    return backend
