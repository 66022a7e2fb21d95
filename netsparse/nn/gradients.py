"""Gradients of pairs that are no edges, from what a layer saw in the backward pass; never a dense matrix of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netsparse.errors import (
    EdgeOutOfRange,
    InvalidGraph,
    InvalidOption,
    InvalidSize,
    NotEnoughFreePairs,
    TrainingDiverged,
)
from netsparse.graph import BipartiteGraph, free_pairs
from netsparse.graph.checks import as_array, as_count, as_unit_ids
from netsparse.graph.pairs import as_pairs
from netsparse.nn.kernels import KERNELS, EdgeIndex, kernel_name
from netsparse.nn.largest import Best, leave_out, places
from netsparse.typing import EdgeVector, Float, Seed, UnitIds

Reduce = Callable[[Tensor], Tensor]
"""Sums a tensor over processes, in place or not, and returns the sum."""

CHUNK = 2**18
"""Most products that are held at a time where single pairs are asked for: they stay in a processor's cache."""
TILE = 128, 4096
"""Targets and sources of one matrix product where all pairs are asked for, at most.

Always the same, since a product of another shape may round differently.
"""
SAMPLE = 2**14
"""Pairs that are looked at to find out what a large gradient is."""
MEMORY = 64 * 2**20
"""Bytes of the largest block that is summed over processes at a time."""


class PairGradients:
    """Gradient of the loss with respect to the weight of any pair (s, t) of one layer, edge or not.

    dL / dW_ts = sum over the batch of g_t x_s, with the layer's inputs x (n_in, batch) and the gradient g (n_out,
    batch) of W x + b. Only x and g are kept; whatever is asked for is computed from them, in the precision of the
    weights, float32 at least.

    Parameters
    ----------
    graph : BipartiteGraph
        The layer's wiring.
    calls : sequence of (x, g), tensors of shape (n_in, batch) and (n_out, batch)
        What one or several backward passes saw; the gradients add up.
    reduce : callable, optional
        Sums a tensor over processes; applied to every answer, so that all of them get the same one. Every process then
        has to ask the same questions in the same order.

    Raises
    ------
    InvalidGraph, InvalidSize
        If `graph` is none, or tensors do not fit it or each other.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0], [1], n_in=2, n_out=2)
    >>> x, g = torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.tensor([[3.0, 0.0], [1.0, -2.0]])
    >>> grads = PairGradients(graph, [(x, g)])
    >>> grads.at_edges(), grads.at_pairs([0, 1], [0, 1]), grads.rows([1])
    (array([-3.], dtype=float32), array([ 3., -2.], dtype=float32), array([[-3., -2.]], dtype=float32))
    >>> grads.top_free_pairs(graph, 2)
    (array([0, 1]), array([0, 1]))
    """

    def __init__(
        self, graph: BipartiteGraph, calls: Sequence[tuple[Tensor, Tensor]] = (), *, reduce: Reduce | None = None
    ) -> None:
        if not isinstance(graph, BipartiteGraph):
            raise InvalidGraph("graph", type(graph).__name__, "a BipartiteGraph", "layer.graph")
        self.graph, self.reduce = graph, reduce
        self._calls: list[tuple[Tensor, Tensor]] = []
        self._versions: list[tuple[int, int]] = []
        for x, g in calls:
            self.add(x, g)

    @classmethod
    def from_dense(cls, graph: BipartiteGraph, matrix: Any) -> PairGradients:
        """Return the gradients that a dense matrix (n_out, n_in) holds, to call a rule by hand with.

        Raises
        ------
        InvalidSize
            If the matrix has another shape.

        Examples
        --------
        >>> graph = BipartiteGraph.from_edges([0], [0], n_in=3, n_out=1)
        >>> PairGradients.from_dense(graph, [[5.0, 1.0, -2.0]]).top_free_pairs(graph, 1)
        (array([2]), array([0]))
        """
        dense = torch.tensor(as_array("matrix", matrix).astype(np.float64))
        if dense.shape != (graph.n_out, graph.n_in):
            expected = f"({graph.n_out}, {graph.n_in}), (n_out, n_in)"
            raise InvalidSize(
                "matrix", f"shape {tuple(dense.shape)}", expected, "matrix.T for one of sources x targets"
            )
        return cls(graph, [(torch.eye(graph.n_in, dtype=dense.dtype), dense)])

    def add(self, x: Tensor, g: Tensor) -> None:
        """Add what one more backward pass saw; the tensors are kept as they are, not copied.

        Raises
        ------
        InvalidSize
            If they are not of shape (n_in, batch) and (n_out, batch).
        """
        if x.shape[:1] + g.shape[:1] != self.graph.sizes or x.shape[1:] != g.shape[1:] or x.dim() != 2:
            expected = f"({self.graph.n_in}, batch) and ({self.graph.n_out}, batch)"
            raise InvalidSize("x and g", f"shapes {tuple(x.shape)} and {tuple(g.shape)}", expected, "x.t(), g.t()")
        x, g = x.detach(), g.detach()
        self._calls.append((x, g))
        self._versions.append((_version(x), _version(g)))

    def at_edges(self, graph: BipartiteGraph | None = None) -> EdgeVector:
        """Return the gradient of every edge, shape (n_edges,), of `graph` or of the wiring that was recorded.

        Raises
        ------
        InvalidGraph, InvalidOption
            If `graph` is of other sizes; if there is nothing to answer from (so do all the others).
        """
        graph = self._fitting(self.graph if graph is None else graph)
        calls = self._operands()
        x = calls[0][0]
        kernel = KERNELS[kernel_name("auto", graph, batch=x.shape[1], device=x.device, dtype=x.dtype)]
        if not kernel.is_sparse:
            return self.at_pairs(graph.sources, graph.targets)
        index = EdgeIndex.of(graph, x.device)
        values = x.new_zeros(graph.n_edges)
        for x, g in calls:
            values += kernel.sddmm(index, g.contiguous(), x.contiguous())
        return self._answer(values)

    def at_pairs(self, sources: Any, targets: Any) -> Float[np.ndarray, "pair"]:
        """Return the gradient of each pair, shape (n_pairs,); the memory needed beside it does not grow with them.

        Raises
        ------
        InvalidEdges, EdgeOutOfRange, InvalidOption
            For arrays of unequal length, and for units that do not exist.
        """
        sources, targets = as_pairs(sources, targets, *self.graph.sizes)
        calls = self._operands()
        x = calls[0][0]
        values = x.new_zeros(len(sources))
        for x, g in calls:
            chunk = max(1, CHUNK // max(1, x.shape[1]))
            for start in range(0, len(sources), chunk):
                some = slice(start, start + chunk)
                s, t = (_ids(units[some], x.device) for units in (sources, targets))
                values[some] += x.index_select(0, s).mul_(g.index_select(0, t)).sum(1)
        return self._answer(values)

    def rows(self, targets: Any) -> Float[np.ndarray, "row n_in"]:
        """Return the gradients of all pairs that end at `targets`, a block of shape (len(targets), n_in).

        Raises
        ------
        InvalidEdges, EdgeOutOfRange, InvalidOption
            For units that do not exist.
        """
        targets = as_unit_ids("targets", targets)
        wrong = targets[(targets < 0) | (targets >= self.graph.n_out)]
        if len(wrong):
            expected = f"units 0 to {self.graph.n_out - 1}"
            raise EdgeOutOfRange("target", str(wrong[0]), expected, "numpy.arange(graph.n_out)")
        calls = self._operands()
        x = calls[0][0]
        block, ids = x.new_zeros(len(targets), self.graph.n_in), _ids(targets, x.device)
        for x, g in calls:
            block.addmm_(g.index_select(0, ids), x.t())
        return self._answer(block)

    def top_free_pairs(self, kept_graph: BipartiteGraph, n: int, *, memory: int = MEMORY) -> tuple[UnitIds, UnitIds]:
        """Return the `n` pairs of largest |gradient| among those that are no edges of `kept_graph`.

        Exact, and of all pairs: n_in x n_out products are formed, but a block at a time, of which only candidates
        stay. Ties go to the pair that comes first in canonical order. The blocks are made of tiles of one fixed shape,
        so that the answer does not depend on `memory`.

        Parameters
        ----------
        kept_graph : BipartiteGraph
            The edges that stay.
        n : int
            How many pairs.
        memory : int
            Bytes of the largest block to be summed over processes at a time, a tile of about 2 MiB (4 MiB in float64)
            at least. One process alone needs no more than a tile. The candidates take some 30 bytes per pair of `n`.

        Returns
        -------
        sources, targets : int arrays of shape (n,)
            In canonical order.

        Raises
        ------
        InvalidGraph, InvalidOption, NotEnoughFreePairs, TrainingDiverged
            If `kept_graph` is of other sizes, `n` or `memory` no number, for more pairs than are free, and for
            gradients that are NaN or infinite.

        References
        ----------
        Growing where the gradient is largest: Evci, Gale, Menick, Castro, Elsen, Rigging the lottery, ICML 2020,
        arXiv:1911.11134. The search in tiles is ours.
        """
        kept, n = self._with_free_pairs(kept_graph, n)
        memory = as_count("memory", memory)
        calls = self._operands()
        self._check_finite(calls)
        best = self._best(kept, n, calls, memory, self._likely_threshold(n))
        if best.n_held < n:  # it was too high
            best = self._best(kept, n, calls, memory, 0.0)
        return self._as_pairs(best, n)

    def sampled_top_free_pairs(
        self, kept_graph: BipartiteGraph, n: int, n_candidates: int, rng: Seed
    ) -> tuple[UnitIds, UnitIds]:
        """Return the `n` pairs of largest |gradient| among `n_candidates` free pairs of `kept_graph` drawn uniformly.

        For layers where all pairs are too many: work and memory grow with the candidates. As many candidates as there
        are free pairs, or more, are all of them.

        Parameters
        ----------
        kept_graph : BipartiteGraph
            The edges that stay.
        n : int
            How many pairs.
        n_candidates : int
            How many to choose from, at least `n`.
        rng : int or numpy.random.Generator
            Source of the candidates; with several processes the same in each.

        Returns
        -------
        sources, targets : int arrays of shape (n,)
            In canonical order.

        Raises
        ------
        InvalidGraph, InvalidOption, NotEnoughFreePairs, TrainingDiverged
            As `top_free_pairs`, and for fewer candidates than pairs.
        """
        kept, n = self._with_free_pairs(kept_graph, n)
        n_candidates = as_count("n_candidates", n_candidates)
        if n_candidates < n:
            raise InvalidOption("n_candidates", str(n_candidates), f"at least n={n}", f"n_candidates={10 * n}")
        self._check_finite(self._operands())
        n_free = kept.n_in * kept.n_out - kept.n_edges
        sources, targets = free_pairs(kept, min(n_candidates, n_free), rng=rng)
        values = torch.from_numpy(np.abs(self.at_pairs(sources, targets)))
        best = Best(n)
        best.offer(values, torch.from_numpy(targets * kept.n_in + sources))
        return self._as_pairs(best, n)

    def __repr__(self) -> str:
        n_samples = sum(x.shape[1] for x, _ in self._calls)
        return f"PairGradients({self.graph!r}, {n_samples} samples in {len(self._calls)} passes)"

    def _operands(self) -> list[tuple[Tensor, Tensor]]:
        if not self._calls:
            fix = "with recorded_gradients(model) as grads: objective(model(x), y).backward()"
            raise InvalidOption("gradients", "no backward pass", "one at least, its forward pass inside too", fix)
        if self._versions != [(_version(x), _version(g)) for x, g in self._calls]:
            fix = "model(x.clone()), or to ask before the next batch is written"
            raise InvalidOption("gradients", "tensors changed in place since the backward pass", "as it saw them", fix)
        dtype = torch.float32
        for x, g in self._calls:
            dtype = torch.promote_types(dtype, torch.promote_types(x.dtype, g.dtype))
        return [(x.to(dtype), g.to(dtype)) for x, g in self._calls]

    def _likely_threshold(self, n: int) -> float:
        """Return a |gradient| that more than `n` pairs are likely to reach, from a sample spread evenly over all.

        Where the search starts; the result does not depend on it.
        """
        n_pairs = self.graph.n_in * self.graph.n_out
        if n_pairs < 16 * SAMPLE:
            return 0.0
        keys = (np.arange(SAMPLE) * 0.6180339887498949 % 1.0 * n_pairs).astype(np.int64)  # the golden ratio's multiples
        sampled = np.sort(np.abs(self.at_pairs(keys % self.graph.n_in, keys // self.graph.n_in)))
        above = SAMPLE * n / n_pairs
        place = int(above + 4.0 * above**0.5) + 4
        return float(sampled[-place]) if place < SAMPLE else 0.0

    def _best(
        self, kept: BipartiteGraph, n: int, calls: list[tuple[Tensor, Tensor]], memory: int, threshold: float
    ) -> Best:
        """Search all free pairs whose |gradient| reaches the threshold; there may be fewer than n of them."""
        best = Best(n, threshold)
        for first_target, first_source, block in self._blocks(calls, memory) if n else ():
            leave_out(kept, first_target, first_source, block.abs_())
            for top in range(0, len(block), TILE[0]):  # what passes at first may be all of a tile
                tile = block[top : top + TILE[0]]
                at = places(tile.view(-1), best.threshold)
                rows = at // tile.shape[1]
                keys = (first_target + top + rows) * kept.n_in + (first_source + at - rows * tile.shape[1])
                best.offer(tile.view(-1)[at], keys)
        return best

    def _blocks(self, calls: list[tuple[Tensor, Tensor]], memory: int) -> Iterator[tuple[int, int, Tensor]]:
        """Yield first target, first source and gradients of all pairs of consecutive targets and sources."""
        height, width = TILE[0], min(TILE[1], self.graph.n_in)
        like = calls[0][0]
        tiles = 1 if self.reduce is None else max(1, memory // (height * width * like.element_size()))
        band = min(tiles * height, self.graph.n_out)
        buffer = like.new_empty(band * width)
        for first_target in range(0, self.graph.n_out, band):
            for first_source in range(0, self.graph.n_in, width):
                sources = slice(first_source, first_source + width)
                shape = min(band, self.graph.n_out - first_target), min(width, self.graph.n_in - first_source)
                block = buffer[: shape[0] * shape[1]].view(shape)
                for top in range(0, shape[0], height):
                    tile = block[top : top + height]
                    rows = slice(first_target + top, first_target + top + len(tile))
                    for k, (x, g) in enumerate(calls):
                        tile.addmm_(g[rows], x[sources].t(), beta=float(k > 0))
                yield first_target, first_source, block if self.reduce is None else self.reduce(block)

    def _answer(self, values: Tensor) -> np.ndarray:
        return (values if self.reduce is None else self.reduce(values)).cpu().numpy()

    def _fitting(self, graph: Any) -> BipartiteGraph:
        if not isinstance(graph, BipartiteGraph) or graph.sizes != self.graph.sizes:
            given = repr(graph) if isinstance(graph, BipartiteGraph) else type(graph).__name__
            expected = f"a BipartiteGraph of {self.graph.n_in} sources and {self.graph.n_out} targets"
            raise InvalidGraph("graph", given, expected, "layer.graph")
        return graph

    def _with_free_pairs(self, graph: Any, n: Any) -> tuple[BipartiteGraph, int]:
        graph, n = self._fitting(graph), as_count("n", n)
        n_free = graph.n_in * graph.n_out - graph.n_edges
        if n > n_free:
            given, expected = f"{n} new edges", f"at most the {n_free} free pairs"
            raise NotEnoughFreePairs("new edges", given, expected, "a lower density or a smaller fraction")
        return graph, n

    def _check_finite(self, calls: list[tuple[Tensor, Tensor]]) -> None:
        flags = [x.isfinite().logical_not().any() | g.isfinite().logical_not().any() for x, g in calls]
        n_bad = torch.stack(flags).sum()
        # one that diverged stops all processes, before the others wait for its blocks
        if (n_bad if self.reduce is None else self.reduce(n_bad)).item():
            raise _diverged()

    def _as_pairs(self, best: Best, n: int) -> tuple[UnitIds, UnitIds]:
        keys = best.sorted_keys()
        if len(keys) < n:  # finite factors whose products are too large
            raise _diverged()
        targets = keys // self.graph.n_in
        return keys - targets * self.graph.n_in, targets


def _version(tensor: Tensor) -> int:
    """Return how often a tensor was written to; torch does not count for one made in inference mode."""
    return 0 if tensor.is_inference() else tensor._version


def _ids(units: UnitIds, device: torch.device) -> Tensor:
    # a copy of their own: torch takes no negative strides, and warns of read-only arrays
    return torch.from_numpy(np.array(units)).to(device)


def _diverged() -> TrainingDiverged:
    given, expected = "NaN or infinite values", "finite inputs and gradients of every layer"
    return TrainingDiverged("gradients", given, expected, "a smaller learning rate")
