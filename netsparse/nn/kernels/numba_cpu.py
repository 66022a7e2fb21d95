"""Kernel in numba for the CPU: what `native_cpu` does, where no C++ compiler was there; compiled on first use."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from itertools import pairwise
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel
from netsparse.nn.kernels.operands import readable

ALONE_BELOW = 2_000_000
"""Multiply-adds below which one thread does a product by itself: waking another one costs as much."""


class NumbaCpu(Kernel):
    """Loops over the batch compiled by numba, four edges at a time, rows shared between threads.

    The same bits for any number of threads: `torch.set_num_threads` says how many. The first process that computes in a
    dtype compiles for some seconds, later ones read what it left on disk.
    """

    def why_not(self, device: torch.device, dtype: torch.dtype) -> str | None:
        """Return why this kernel cannot compute there in a few words, None where it can."""
        if device.type != "cpu":
            return "it computes on the CPU"
        if dtype not in (torch.float32, torch.float64):
            return "it computes in float32 and float64"
        return why_no_numba()

    def spmm(self, index: EdgeIndex, weight: Tensor, x: Tensor) -> Tensor:
        """Return W x: (n_out, batch) from x (n_in, batch)."""
        return self.forward(index, weight, None, x, None)[0]

    def spmm_t(self, index: EdgeIndex, weight: Tensor, g: Tensor) -> Tensor:
        """Return W^T g: (n_in, batch) from g (n_out, batch)."""
        g, weight = readable(g, (index.n_out, g.shape[1]), g), readable(weight, index.indices.shape, g)
        grad_x = g.new_empty(index.n_in, g.shape[1])
        arrays = (index.source_indptr, index.source_targets, index.by_source, weight, g, grad_x)
        _run("to_sources", index.source_indptr, g, *(each.detach().numpy() for each in arrays))
        return grad_x

    def sddmm(self, index: EdgeIndex, g: Tensor, x: Tensor) -> Tensor:
        """Return the entries of g x^T at the edges: (n_edges,)."""
        return self._by_target(index, x, None, None, g, True, False)[1]  # type: ignore[return-value]

    def forward(
        self, index: EdgeIndex, weight: Tensor, bias: Tensor | None, x: Tensor, slope: float | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return y = f(W x + b) and what `backward` reads the sign of W x + b from."""
        x, weight = readable(x, (index.n_in, x.shape[1]), x), readable(weight, index.indices.shape, x)
        y = x.new_empty(index.n_out, x.shape[1])
        z = torch.empty_like(y) if slope is not None and slope < 0.0 else None
        bias = y.new_empty(0) if bias is None else readable(bias, (index.n_out,), x)
        arrays = (index.indptr, index.indices, weight, bias, x, y)
        _run(
            "forward",
            index.indptr,
            x,
            *(each.detach().numpy() for each in arrays),
            _matrix(z, y),
            slope is not None,
            _scalar(slope, y),
        )
        return y, None if slope is None else y if z is None else z

    def backward(
        self,
        index: EdgeIndex,
        weight: Tensor,
        x: Tensor,
        signs: Tensor | None,
        slope: float | None,
        g: Tensor,
        wanted: tuple[bool, bool, bool],
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Return the gradients of x, weight and bias, each only if it is `wanted`, from g, that of y."""
        before, grad_weight, grad_bias = self._by_target(index, x, signs, slope, g, *wanted[1:])
        return self.spmm_t(index, weight, before) if wanted[0] else None, grad_weight, grad_bias

    def _by_target(
        self,
        index: EdgeIndex,
        x: Tensor,
        signs: Tensor | None,
        slope: float | None,
        g: Tensor,
        edges_wanted: bool,
        bias_wanted: bool,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return g' = g f'(W x + b), and the gradients of weight and bias that are wanted."""
        batch = g.shape[1]
        g, x = readable(g, (index.n_out, batch), g), readable(x, (index.n_in, batch), g)
        signs = None if signs is None else readable(signs, (index.n_out, batch), g)
        before = g if signs is None else torch.empty_like(g)
        grad_weight = g.new_empty(len(index.indices) if edges_wanted else 0)
        grad_bias = g.new_empty(index.n_out if bias_wanted else 0)
        if signs is not None or edges_wanted or bias_wanted:
            index_arrays = (index.indptr.numpy(), index.indices.numpy(), x.detach().numpy(), g.numpy())
            results = (before.numpy(), grad_weight.numpy(), grad_bias.numpy())
            _run("by_target", index.indptr, g, *index_arrays, _matrix(signs, g), _scalar(slope, g), *results)
        return before, grad_weight if edges_wanted else None, grad_bias if bias_wanted else None


@cache
def why_no_numba() -> str | None:
    """Return why numba cannot compile here in a few words, None where it can."""
    try:
        loops = _loops()
        index, one = np.zeros(2, dtype=np.int32), np.zeros((1, 1), dtype=np.float32)
        loops.to_sources(0, 1, index, index, index, one[0], one, one)
    except (
        Exception
    ) as error:  # whatever a compiler, a cache folder or an import may raise: the products have other ways
        return f"numba cannot compile here ({type(error).__name__}: {error})".splitlines()[0]
    return None


@cache
def _loops() -> ModuleType:
    return import_module("netsparse.nn.kernels.numba_loops")


def _run(name: str, indptr: Tensor, values: Tensor, *arguments: object) -> None:
    """Run the loops of a name over all rows, alone or shared out so that each thread has as many edges.

    The threads are our own and sleep between products: those of numba come with a second OpenMP runtime, and two of
    them that spin while they wait take the processors from each other.
    """
    rows, n_threads = indptr.numpy(), torch.get_num_threads()
    n_edges, batch = int(rows[-1]), values.shape[1]
    function = getattr(_loops(), name)
    if n_threads == 1 or n_edges * batch <= ALONE_BELOW:
        function(0, len(rows) - 1, *arguments)
        return
    bounds = np.searchsorted(rows, np.linspace(0, n_edges, n_threads + 1)).tolist()
    bounds[0], bounds[-1] = 0, len(rows) - 1
    parts = list(pairwise(bounds))
    others = [_helpers(n_threads - 1).submit(function, *part, *arguments) for part in parts[1:]]
    function(*parts[0], *arguments)
    for other in others:
        other.result()


@cache
def _helpers(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="netsparse-numba")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # threads do not survive a fork


def _matrix(values: Tensor | None, like: Tensor) -> np.ndarray:
    return like.new_empty(0, 0).numpy() if values is None else values.numpy()


def _scalar(slope: float | None, like: Tensor) -> np.generic:
    """Return the slope in the numbers of `like`: a Python float would widen every product it enters."""
    return np.float32(slope or 0.0) if like.dtype == torch.float32 else np.float64(slope or 0.0)
