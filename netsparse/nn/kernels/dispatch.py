"""Which kernel computes a layer: by name, or `auto`."""

from __future__ import annotations

import warnings
from functools import cache

import torch

from netsparse.errors import InvalidOption, KernelFallback, unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.nn.kernels.dense import Dense
from netsparse.nn.kernels.kernel import Kernel
from netsparse.nn.kernels.measured import densest_convolution, fastest_first
from netsparse.nn.kernels.native_cpu import NativeCpu
from netsparse.nn.kernels.numba_cpu import NumbaCpu
from netsparse.nn.kernels.reference import Reference
from netsparse.nn.kernels.torch_csr import TorchCsr
from netsparse.nn.kernels.triton_cuda import TritonCuda

KERNELS: dict[str, Kernel] = {
    "reference": Reference(),
    "torch_csr": TorchCsr(),
    "dense": Dense(),
    "native_cpu": NativeCpu(),
    "numba_cpu": NumbaCpu(),
    "triton_cuda": TritonCuda(),
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

    "auto" is `dense` for a complete graph, whose weights are a matrix as they lie. For any other graph it is, on the
    CPU, the fastest that can compute there by the measurements in `netsparse.nn.kernels.measured`. On a GPU it is
    `torch_csr`: nothing has been measured there yet, so `triton_cuda` is chosen by name only. `reference` computes
    what no other kernel can.

    Raises
    ------
    UnknownName
        The message lists the kernels.
    InvalidOption
        If the kernel asked for cannot compute there.

    Warns
    -----
    KernelFallback
        Once, if neither compiled code nor numba is there for the CPU.

    Examples
    --------
    >>> kernel_name("auto", BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1))
    'dense'
    """
    device = torch.device("cpu") if device is None else device
    if backend == "auto":
        return _auto(graph, batch, device, dtype)
    if backend not in KERNELS:
        raise unknown_name("backend", backend, {"auto": None, **KERNELS})
    reason = KERNELS[backend].why_not(device, dtype)
    if reason is not None:
        given = f"{backend!r}, but {reason}"
        raise InvalidOption("backend", given, f"a kernel for {dtype} on {device}", "backend='auto'")
    return backend


def convolution_kernel_name(
    backend: str,
    graph: BipartiteGraph,
    *,
    batch: int = BATCH,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> str:
    """Return the name of the kernel that `backend` means for a convolution over `graph`, of a batch of images.

    "auto" is, on the CPU, `native_cpu` up to the density at which `dense` was measured to be as fast (see
    `netsparse.nn.kernels.measured.densest_convolution`), and `dense` above it and everywhere else: on other devices, in
    other dtypes, without compiled code. Kernels that unroll the patches were slower than `native_cpu` in all cases, at
    1 % often faster than `dense` and at 10 % of large images slower, and take kh * kw times the memory of the images:
    they are chosen by name only.

    Raises
    ------
    UnknownName, InvalidOption
        As `kernel_name`.

    Examples
    --------
    >>> convolution_kernel_name("auto", BipartiteGraph.from_edges([0], [0], n_in=9, n_out=1), dtype=torch.float16)
    'dense'
    """
    device = torch.device("cpu") if device is None else device
    if backend != "auto":
        return kernel_name(backend, graph, device=device, dtype=dtype)
    most = densest_convolution(graph.n_in, batch) * graph.n_in * graph.n_out
    if graph.n_edges <= most and KERNELS["native_cpu"].why_not(device, dtype) is None:
        return "native_cpu"
    return "dense"


def _auto(graph: BipartiteGraph, batch: int, device: torch.device, dtype: torch.dtype) -> str:
    if graph.n_edges == graph.n_in * graph.n_out:
        return "dense"
    on_cpu = device.type == "cpu"
    names = fastest_first(graph.n_in, graph.n_out, graph.n_edges, batch) if on_cpu else ["torch_csr", "dense"]
    if names[0] != "dense":
        names.insert(names.index("dense"), "reference")  # slow, but no matrix of all pairs where few of them are edges
    reasons: list[str] = []
    for name in names:
        reason = KERNELS[name].why_not(device, dtype)
        if reason is None:
            if on_cpu and len(reasons) == 2:
                _warn_of_fallback("; ".join(reasons))
            return name
        reasons.append(f"{name}: {reason}")
    return "reference"  # computes everywhere


@cache
def _warn_of_fallback(reasons: str) -> None:
    """Warn the first time that these reasons are met."""
    message = f"sparse layers compute with torch's own products, which are slower here, because {reasons}"
    warnings.warn(message, KernelFallback, stacklevel=2)
