"""Kernel in Triton for CUDA: one program per unit and tile of the batch, truly on the edges, no atomics."""

# the constants of a program are annotated with a type that is loaded later
# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from netsparse.nn.kernels.index import EdgeIndex
from netsparse.nn.kernels.kernel import Kernel

DTYPES = torch.float32, torch.float64, torch.float16, torch.bfloat16
EDGES = 16
"""Edges that a program reads at a time."""
BATCH = 128
"""Most samples of a tile."""

tl: Any = None
"""`triton.language`, a global of the programs; there once they were asked for."""


class TritonCuda(Kernel):
    """Programs for CUDA that walk along the edges of a unit, `EDGES` at a time, over a tile of the batch.

    Bias and activation are in the forward program; the gradient before the activation and its sum over the batch, that
    of the bias, are one program. Sums are taken in float32, or in float64 for float64, in an order that is the same
    every time. Compiled by Triton on first use, for each dtype, width of tile and slope.
    """

    def why_not(self, device: torch.device, dtype: torch.dtype) -> str | None:
        """Return why this kernel cannot compute there in a few words, None where it can."""
        if device.type != "cuda":
            return "it computes on a CUDA device"
        if dtype not in DTYPES:
            return "it computes in " + ", ".join(str(known).removeprefix("torch.") for known in DTYPES)
        return None if _has_triton() else "triton is not installed"

    def spmm(self, index: EdgeIndex, weight: Tensor, x: Tensor) -> Tensor:
        """Return W x: (n_out, batch) from x (n_in, batch)."""
        return self.forward(index, weight, None, x, None)[0]

    def spmm_t(self, index: EdgeIndex, weight: Tensor, g: Tensor) -> Tensor:
        """Return W^T g: (n_in, batch) from g (n_out, batch)."""
        grad_x = g.new_empty(index.n_in, g.shape[1])
        _multiply(index.source_indptr, index.source_targets, weight, index.by_source, g, grad_x)
        return grad_x

    def sddmm(self, index: EdgeIndex, g: Tensor, x: Tensor) -> Tensor:
        """Return the entries of g x^T at the edges: (n_edges,)."""
        batch, n_edges = g.shape[1], len(index.indices)
        if not batch:
            return g.new_zeros(n_edges)
        grad_weight = g.new_empty(n_edges)
        # long rows are shared between programs: on average each takes eight times EDGES of them
        shares = min(64, 1 + n_edges // (8 * EDGES * index.n_out))
        pointers = index.indptr, index.indices, g, x, grad_weight
        _launch("at_edges", (index.n_out, shares), *pointers, batch, EDGES, _tile(batch))
        return grad_weight

    def forward(
        self, index: EdgeIndex, weight: Tensor, bias: Tensor | None, x: Tensor, slope: float | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return y = f(W x + b), and what `backward` reads the sign of W x + b from: y unless the slope is negative."""
        y = x.new_empty(index.n_out, x.shape[1])
        z = torch.empty_like(y) if slope is not None and slope < 0.0 else None
        _multiply(index.indptr, index.indices, weight, None, x, y, bias, z, slope)
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
        # written once, since every edge reads it again
        g, grad_bias = _before_activation(g, signs, slope, wanted[2])
        grad_x = self.spmm_t(index, weight, g) if wanted[0] else None
        return grad_x, self.sddmm(index, g, x) if wanted[1] else None, grad_bias


def _multiply(
    indptr: Tensor,
    units: Tensor,
    weight: Tensor,
    edge_ids: Tensor | None,
    x: Tensor,
    y: Tensor,
    bias: Tensor | None = None,
    z: Tensor | None = None,
    slope: float | None = None,
) -> None:
    batch = x.shape[1]
    if batch:
        # what is not there is replaced by what is, and never read
        pointers = (
            units if edge_ids is None else edge_ids,
            x,
            weight if bias is None else bias,
            y,
            y if z is None else z,
        )
        flags = edge_ids is not None, bias is not None, z is not None, slope
        tile = _tile(batch)
        grid = len(y), -(-batch // tile)
        _launch("multiply", grid, indptr, units, weight, *pointers, batch, *flags, EDGES, tile)


def _before_activation(
    g: Tensor, signs: Tensor | None, slope: float | None, wants_sum: bool
) -> tuple[Tensor, Tensor | None]:
    """Return g f'(W x + b), g itself without an activation, and its sum over the batch where that is wanted."""
    if signs is None or slope is None:
        return g, g.sum(1) if wants_sum else None
    inner, total, batch = torch.empty_like(g), g.new_empty(len(g)), g.shape[1]
    _launch("before_activation", (len(g),), g, signs, inner, total, batch, slope, _tile(batch))
    return inner, total if wants_sum else None


def _tile(batch: int) -> int:
    """Return the samples of a tile, a power of two."""
    return min(BATCH, max(16, 1 << (batch - 1).bit_length())) if batch else 16


def _launch(name: str, grid: tuple[int, ...], *arguments: Any) -> None:
    first = arguments[0]
    sums = _programs()["float64" if any(_is_double(argument) for argument in arguments) else "float32"]
    # Triton launches on the current device, whichever the tensors are on
    with torch.cuda.device(first.device) if first.is_cuda else nullcontext():
        _programs()[name][grid](*arguments, sums, enable_fp_fusion=True)


def _is_double(argument: Any) -> bool:
    return isinstance(argument, Tensor) and argument.dtype == torch.float64


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None


@cache
def _programs() -> dict[str, Any]:
    """Return the programs by name, and the types that they sum in: made on first use, so that Triton is loaded then."""
    global tl
    import triton  # pyright: ignore[reportMissingImports]
    import triton.language  # pyright: ignore[reportMissingImports]

    tl = triton.language

    @triton.jit
    def multiply(
        indptr, units, weight, edge_ids, x, bias, y, z, batch,
        HAS_IDS: tl.constexpr, HAS_BIAS: tl.constexpr, KEEPS_Z: tl.constexpr, SLOPE: tl.constexpr,
        EDGES: tl.constexpr, BATCH: tl.constexpr, SUMS: tl.constexpr,
    ):  # fmt: skip
        row = tl.program_id(0)
        columns = tl.program_id(1) * BATCH + tl.arange(0, BATCH)
        inside = columns < batch
        start = tl.load(indptr + row)
        end = tl.load(indptr + row + 1)
        total = tl.zeros([BATCH], SUMS)
        for first in range(start, end, EDGES):
            edges = first + tl.arange(0, EDGES)
            there = edges < end
            ids = edges
            if HAS_IDS:
                ids = tl.load(edge_ids + edges, mask=there, other=0)
            w = tl.load(weight + ids, mask=there, other=0.0).to(SUMS)
            rows = tl.load(units + edges, mask=there, other=0).to(tl.int64)
            places = rows[:, None] * batch + columns[None, :]
            values = tl.load(x + places, mask=there[:, None] & inside[None, :], other=0.0).to(SUMS)
            total += tl.sum(w[:, None] * values, axis=0)
        if HAS_BIAS:
            total += tl.load(bias + row).to(SUMS)
        here = row.to(tl.int64) * batch + columns
        if KEEPS_Z:
            tl.store(z + here, total.to(z.dtype.element_ty), mask=inside)
        if SLOPE is not None:
            if SLOPE == 0.0:  # noqa: SIM108 - Triton leaves out the branch not taken
                total = tl.where(total <= 0.0, 0.0, total)  # what is no number stays none
            else:
                total = tl.where(total > 0.0, total, total * SLOPE)
        tl.store(y + here, total.to(y.dtype.element_ty), mask=inside)

    @triton.jit
    def before_activation(
        g, signs, inner, sums, batch,
        SLOPE: tl.constexpr, BATCH: tl.constexpr, SUMS: tl.constexpr,
    ):  # fmt: skip
        row = tl.program_id(0)
        total = tl.zeros([BATCH], SUMS)
        for first in range(0, batch, BATCH):
            columns = first + tl.arange(0, BATCH)
            inside = columns < batch
            here = row.to(tl.int64) * batch + columns
            values = tl.load(g + here, mask=inside, other=0.0).to(SUMS)
            above = tl.load(signs + here, mask=inside, other=0.0).to(SUMS) > 0.0
            if SLOPE == 0.0:  # noqa: SIM108 - Triton leaves out the branch not taken
                values = tl.where(above, values, 0.0)
            else:
                values = tl.where(above, values, values * SLOPE)
            tl.store(inner + here, values.to(inner.dtype.element_ty), mask=inside)
            total += values
        tl.store(sums + row, tl.sum(total, axis=0).to(sums.dtype.element_ty))

    @triton.jit
    def at_edges(
        indptr, units, g, x, grad_weight, batch,
        EDGES: tl.constexpr, BATCH: tl.constexpr, SUMS: tl.constexpr,
    ):  # fmt: skip
        row = tl.program_id(0)
        start = tl.load(indptr + row) + tl.program_id(1) * EDGES
        end = tl.load(indptr + row + 1)
        for first in range(start, end, EDGES * tl.num_programs(1)):
            edges = first + tl.arange(0, EDGES)
            there = edges < end
            rows = tl.load(units + edges, mask=there, other=0).to(tl.int64)
            total = tl.zeros([EDGES], SUMS)
            for left in range(0, batch, BATCH):
                columns = left + tl.arange(0, BATCH)
                inside = columns < batch
                ours = tl.load(g + row.to(tl.int64) * batch + columns, mask=inside, other=0.0).to(SUMS)
                places = rows[:, None] * batch + columns[None, :]
                values = tl.load(x + places, mask=there[:, None] & inside[None, :], other=0.0).to(SUMS)
                total += tl.sum(values * ours[None, :], axis=1)
            tl.store(grad_weight + edges, total.to(grad_weight.dtype.element_ty), mask=there)

    programs = {program.__name__: program for program in (multiply, before_activation, at_edges)}
    return {**programs, "float32": tl.float32, "float64": tl.float64}
