"""`BipartiteGraph`: the wiring of one sparse layer, as a frozen value.

Orientation, said once: an edge runs from a *source* (a unit of the layer's input side, `0 .. n_in - 1`) to a
*target* (a unit of its output side, `0 .. n_out - 1`). Edges are stored in CSR order by target: `(indptr, indices)`
are the CSR arrays of the weight matrix W (n_out x n_in) that torch multiplies with, and, read as CSC, those of the
biadjacency matrix B = W^T (n_in x n_out) of network science. An edge id is a position in this order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from netsparse.errors import EdgeNotFound, InvalidEdges
from netsparse.graph.checks import as_array, as_edge_vector, as_sides, as_unit_ids
from netsparse.graph.compiled import addresses, native_function
from netsparse.graph.frozen import Frozen, frozen, index_dtype
from netsparse.graph.lookup import locate, numpy_locate
from netsparse.graph.pairs import as_pairs, check_canonical, duplicate_pair, pair_keys
from netsparse.typing import Bool, EdgeIds, EdgeVector, Int, UnitIds


class BipartiteGraph(Frozen):
    """A simple bipartite graph between `n_in` source units and `n_out` target units; it holds no weights.

    Weights, gradients, momenta and scores are *edge vectors*: 1-D arrays in the graph's canonical edge order
    (sorted by target, then by source). Isolated units and graphs without edges are legal values.

    Parameters
    ----------
    n_in, n_out : int
        Number of units on either side, at least 1.
    indptr : int array of shape (n_out + 1,)
        Edges `indptr[t] .. indptr[t + 1] - 1` end at target `t`.
    indices : int array of shape (n_edges,)
        Source unit of each edge, strictly increasing inside a row.

    Raises
    ------
    InvalidSize, InvalidGraph
        For sizes below one, and for arrays that are not in canonical order.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 2, 1], [1, 0, 1], n_in=3, n_out=2)
    >>> graph
    BipartiteGraph(3 -> 2, 3 edges, density 0.5)
    >>> graph.sources.tolist(), graph.targets.tolist()
    ([2, 0, 1], [0, 1, 1])
    """

    __slots__ = ("__weakref__", "_cache", "indices", "indptr", "n_in", "n_out")
    n_in: int
    n_out: int
    indptr: Int[np.ndarray, "n_out+1"]
    indices: UnitIds
    _cache: dict[str, Any]

    def __init__(self, n_in: int, n_out: int, indptr: np.ndarray, indices: np.ndarray) -> None:
        n_in, n_out = as_sides(n_in, n_out)
        indptr, indices = as_unit_ids("indptr", indptr), as_unit_ids("indices", indices)
        check_canonical(n_in, n_out, indptr, indices)
        dtype = index_dtype(n_in, n_out, len(indices))
        self._fill(n_in=n_in, n_out=n_out, _cache={})
        self._fill(indptr=frozen(indptr.astype(dtype)), indices=frozen(indices.astype(dtype)))

    @classmethod
    def from_canonical(cls, n_in: int, n_out: int, indptr: np.ndarray, indices: np.ndarray) -> BipartiteGraph:
        """Wrap arrays known to be canonical and owned by nobody else: trusted, not checked, not copied."""
        graph = object.__new__(cls)
        dtype = index_dtype(n_in, n_out, len(indices))
        graph._fill(n_in=n_in, n_out=n_out, _cache={})
        graph._fill(indptr=frozen(indptr.astype(dtype, copy=False)), indices=frozen(indices.astype(dtype, copy=False)))
        return graph

    @classmethod
    def trusted(
        cls, n_in: int, n_out: int, indptr: np.ndarray, indices: np.ndarray, known: dict[str, Any]
    ) -> BipartiteGraph:
        """Wrap what a change of a graph made: canonical, frozen, of the right width, and properties known of it."""
        graph = object.__new__(cls)
        graph._fill(n_in=n_in, n_out=n_out, indptr=indptr, indices=indices, _cache=known)
        return graph

    @classmethod
    def from_edges(cls, sources: Any, targets: Any, *, n_in: int, n_out: int) -> BipartiteGraph:
        """Build a graph from pairs of units in any order.

        Parameters
        ----------
        sources, targets : int arrays of shape (n_edges,)
            The two ends of each edge. To bring a weight per pair along, use `edge_ids` afterwards:
            `weights[graph.edge_ids(sources, targets)] = values`.
        n_in, n_out : int
            Number of units on either side.

        Raises
        ------
        InvalidSize, InvalidEdges, EdgeOutOfRange, DuplicateEdge
            The last two name the offending pair.

        Examples
        --------
        >>> BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1).n_edges
        2
        """
        n_in, n_out = as_sides(n_in, n_out)
        sources, targets = as_pairs(sources, targets, n_in, n_out)
        keys = pair_keys(sources, targets, n_in)
        keys.sort()
        repeated = np.flatnonzero(keys[1:] == keys[:-1])
        if len(repeated):
            raise duplicate_pair(int(keys[repeated[0]]), n_in)
        return cls.from_sorted_keys(keys, n_in=n_in, n_out=n_out)

    @classmethod
    def from_sorted_keys(cls, keys: Int[np.ndarray, "edge"], *, n_in: int, n_out: int) -> BipartiteGraph:
        """Build a graph from strictly increasing pair keys `target * n_in + source` (trusted, no check)."""
        n_in, n_out = as_sides(n_in, n_out)
        targets = keys // n_in
        indptr = np.zeros(n_out + 1, dtype=np.int64)
        np.cumsum(np.bincount(targets, minlength=n_out), out=indptr[1:])
        return cls.from_canonical(n_in, n_out, indptr, keys - targets * n_in)

    @classmethod
    def from_mask(cls, mask: Any) -> BipartiteGraph:
        """Build a graph from a dense 0/1 matrix of shape (n_out, n_in), the orientation of torch weights.

        Every entry that is not exactly zero is an edge.

        Raises
        ------
        InvalidEdges
            If `mask` is not a 2-D array.
        """
        mask = as_array("mask", mask)
        if mask.ndim != 2:
            raise InvalidEdges(
                "mask", f"an array of shape {mask.shape}", "shape (n_out, n_in)", "mask.reshape(n_out, n_in)"
            )
        n_out, n_in = mask.shape
        targets, sources = np.nonzero(mask)
        return cls.from_edges(sources, targets, n_in=n_in, n_out=n_out)

    @classmethod
    def from_scipy(cls, matrix: Any) -> BipartiteGraph:
        """Build a graph from a scipy sparse weight matrix of shape (n_out, n_in).

        Explicitly stored zeros are edges (a newborn edge has weight 0). Values are read separately, with
        `matrix.tocsr()` in canonical format or through `netsparse.interop.from_scipy`.

        Raises
        ------
        InvalidEdges, DuplicateEdge
            If `matrix` is not sparse, or stores a pair twice.
        """
        sparse: Any = matrix  # scipy's base class does not declare the conversions that every format has
        if not sp.issparse(matrix) or sparse.ndim != 2:
            given = f"{type(matrix).__name__} of {getattr(matrix, 'ndim', 0)} dimensions"
            fix = "BipartiteGraph.from_mask(matrix)"
            raise InvalidEdges("matrix", given, "a scipy sparse matrix of shape (n_out, n_in)", fix)
        coo = sparse.tocoo(copy=False)
        n_out, n_in = coo.shape
        return cls.from_edges(coo.col, coo.row, n_in=n_in, n_out=n_out)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return len(self.indices)

    @property
    def density(self) -> float:
        """Fraction of the n_in x n_out pairs that are edges."""
        return self.n_edges / (self.n_in * self.n_out)

    @property
    def sparsity(self) -> float:
        """Fraction of the n_in x n_out pairs that are not edges: 1 - density."""
        return 1.0 - self.density

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of units on each level, `(n_in, n_out)`, as a `SparseNetwork` has it."""
        return (self.n_in, self.n_out)

    @property
    def layers(self) -> tuple[BipartiteGraph, ...]:
        """The graph itself as a network of one layer."""
        return (self,)

    @property
    def sources(self) -> UnitIds:
        """Source unit of each edge (the same array as `indices`)."""
        return self.indices

    @property
    def targets(self) -> UnitIds:
        """Target unit of each edge."""
        if "targets" not in self._cache:
            units = np.arange(self.n_out, dtype=self.indices.dtype)
            self._cache["targets"] = frozen(np.repeat(units, np.diff(self.indptr)))
        return self._cache["targets"]

    @property
    def fan_in(self) -> UnitIds:
        """Number of edges into each target unit, shape (n_out,)."""
        if "fan_in" not in self._cache:
            self._cache["fan_in"] = frozen(np.diff(self.indptr))
        return self._cache["fan_in"]

    @property
    def fan_out(self) -> UnitIds:
        """Number of edges out of each source unit, shape (n_in,)."""
        if "fan_out" not in self._cache:
            if "by_source" in self._cache:
                counts = np.diff(self.by_source[0])
            else:
                counts = np.bincount(self.indices, minlength=self.n_in)
            self._cache["fan_out"] = frozen(counts.astype(self.indptr.dtype, copy=False))
        return self._cache["fan_out"]

    @property
    def by_source(self) -> tuple[Int[np.ndarray, "{self.n_in}+1"], EdgeIds]:
        """The edges sorted by source: `(indptr, edge_ids)`; edges `edge_ids[indptr[s]:indptr[s + 1]]` leave source `s`.

        Inside a source the targets increase. Found by a counting sort, linear in the edges; `apply` brings it along.
        """
        if "by_source" not in self._cache:
            dtype = self.indices.dtype
            columns = self.weight_matrix(np.arange(self.n_edges, dtype=dtype)).tocsc()
            self.remember(
                by_source=(frozen(columns.indptr.astype(dtype, copy=False)), frozen(columns.data)),
                targets_by_source=frozen(columns.indices.astype(dtype, copy=False)),
            )
        return self._cache["by_source"]

    @property
    def targets_by_source(self) -> UnitIds:
        """Target of each edge in the order of `by_source`: with its indptr the CSR of W^T, kept as `by_source` is."""
        if "targets_by_source" not in self._cache:
            _ = self.by_source  # the same sort finds both
        return self._cache["targets_by_source"]

    def cached(self) -> frozenset[str]:
        """Names of the properties that have been computed and are kept."""
        return frozenset(self._cache) - {"at", "at_index"}

    def has(self, name: str) -> bool:
        """Tell whether a property has been computed and is kept."""
        return name in self._cache

    def addresses(self) -> tuple[int, ...]:
        """Where indptr and indices lie in memory, for compiled code; asked once, they stay there."""
        if "at" not in self._cache:
            self._cache["at"] = tuple(addresses(self.indptr, self.indices))
        return self._cache["at"]

    def index_addresses(self) -> tuple[int, ...]:
        """Where the two arrays of `by_source` and that of `targets_by_source` lie in memory."""
        if "at_index" not in self._cache:
            self._cache["at_index"] = tuple(addresses(*self.by_source, self.targets_by_source))
        return self._cache["at_index"]

    def remember(self, **properties: Any) -> None:
        """Keep properties that were found on another way; trusted, read-only arrays nobody else holds."""
        self._cache.update(properties)

    def edge_ids(self, sources: Any, targets: Any) -> EdgeIds:
        """Return the ids of the edges between the given pairs of units.

        Raises
        ------
        InvalidEdges, EdgeOutOfRange, EdgeNotFound
            The last two name the first offending pair.
        """
        sources, targets = as_pairs(sources, targets, self.n_in, self.n_out)
        position, found = self._locate(sources, targets)
        if not found.all():
            miss = int(np.flatnonzero(~found)[0])
            pair = f"({int(sources[miss])}, {int(targets[miss])})"
            fix = "graph.has_edges(sources, targets) first"
            raise EdgeNotFound("edge (source, target)", pair, "a pair that is an edge", fix)
        return position

    def has_edges(self, sources: Any, targets: Any) -> Bool[np.ndarray, "pair"]:
        """Tell for each pair of units whether it is an edge.

        Raises
        ------
        InvalidEdges, EdgeOutOfRange
            For arrays of unequal length, and for units that do not exist.
        """
        sources, targets = as_pairs(sources, targets, self.n_in, self.n_out)
        return self._locate(sources, targets)[1]

    def are_free(self, keys: Int[np.ndarray, "pair"], gone: Int[np.ndarray, "gone"]) -> Bool[np.ndarray, "pair"]:
        """Tell for pair keys `target * n_in + source` whether they are no edges, or edges of the sorted ids `gone`.

        Trusted, no check.
        """
        targets = keys // self.n_in
        places, taken = self._locate(keys - targets * self.n_in, targets)
        if len(gone) and taken.any():
            hits = np.flatnonzero(taken)
            at = np.minimum(np.searchsorted(gone, places[hits]), len(gone) - 1)
            taken[hits] = gone[at] != places[hits]
        return ~taken

    def count_edges(self, sources: UnitIds, targets: UnitIds, at: tuple[int, int] | None = None) -> int:
        """Return how many of the pairs are edges; trusted, no check. `at`: where the two lie in memory, if known."""
        count = native_function("count_edges", self.indices.dtype)
        if count is None:
            return int(np.count_nonzero(numpy_locate(self.indptr, self.indices, sources, targets)[1]))
        return count(len(sources), *(at or addresses(sources, targets)), *self.addresses())

    def _locate(self, sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return locate(self.indptr, self.indices, self.addresses(), sources, targets)

    def weight_matrix(self, values: Any = None) -> sp.csr_array[Any]:
        """Return W (n_out x n_in) as a scipy CSR array that shares this graph's index arrays.

        Parameters
        ----------
        values : array of shape (n_edges,), optional
            One number per edge, shared without a copy; ones (float64) where not given. Zeros stay stored.
        """
        values = np.ones(self.n_edges) if values is None else as_edge_vector("values", values, self.n_edges)
        matrix = sp.csr_array((values, self.indices, self.indptr), shape=(self.n_out, self.n_in), copy=False)
        matrix.has_canonical_format = True
        return matrix

    def biadjacency(self, values: Any = None) -> sp.csc_array[Any]:
        """Return B = W^T (n_in x n_out) as a scipy CSC array that shares this graph's index arrays."""
        values = np.ones(self.n_edges) if values is None else as_edge_vector("values", values, self.n_edges)
        matrix = sp.csc_array((values, self.indices, self.indptr), shape=(self.n_in, self.n_out), copy=False)
        matrix.has_canonical_format = True
        return matrix

    def unit_edges(self) -> tuple[UnitIds, UnitIds]:
        """Return the edges as pairs of units numbered over both sides: sources, then targets shifted by n_in."""
        return self.sources.astype(np.int64), self.targets.astype(np.int64) + self.n_in

    def edge_vectors(self, weights: Any) -> tuple[EdgeVector, ...]:
        """Return `weights`, one edge vector, checked and as the single layer's entry."""
        return (as_edge_vector("weights", weights, self.n_edges),)

    def reverse(self) -> tuple[BipartiteGraph, EdgeIds]:
        """Swap the two sides.

        Returns
        -------
        graph : BipartiteGraph
            Every edge (s, t) as (t, s).
        edge_ids : int array of shape (n_edges,)
            Id in this graph of each edge of the new one: `values[edge_ids]` carries an edge vector along.
        """
        indptr, edge_ids = self.by_source
        return BipartiteGraph.from_canonical(self.n_out, self.n_in, indptr, self.targets_by_source), edge_ids

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BipartiteGraph):
            return NotImplemented
        return self is other or (
            (self.n_in, self.n_out) == (other.n_in, other.n_out)
            and np.array_equal(self.indptr, other.indptr)
            and np.array_equal(self.indices, other.indices)
        )

    def __hash__(self) -> int:
        if "hash" not in self._cache:
            self._cache["hash"] = hash((self.n_in, self.n_out, self.indptr.tobytes(), self.indices.tobytes()))
        return self._cache["hash"]

    def __reduce__(self) -> tuple[Any, ...]:
        # an unpickled array would be writable again; going through the constructor freezes it
        return BipartiteGraph, (self.n_in, self.n_out, self.indptr, self.indices)

    def __repr__(self) -> str:
        return f"BipartiteGraph({self.n_in} -> {self.n_out}, {self.n_edges:,} edges, density {self.density:.3g})"

    def _repr_html_(self) -> str:
        rows = {
            "units": f"{self.n_in:,} &rarr; {self.n_out:,}",
            "edges": f"{self.n_edges:,}",
            "density": f"{self.density:.4g}",
            "fan-in (min / mean / max)": _spread(self.fan_in),
            "fan-out (min / mean / max)": _spread(self.fan_out),
        }
        cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items())
        return f"<table><caption>BipartiteGraph</caption>{cells}</table>"


def _spread(degrees: np.ndarray) -> str:
    return f"{degrees.min()} / {degrees.mean():.2f} / {degrees.max()}"
