"""`SparseNetwork`: a chain of bipartite graphs, the wiring of a whole feed-forward network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import scipy.sparse as sp

from netsparse.errors import InvalidEdgeVector, InvalidNetwork
from netsparse.graph.bipartite import BipartiteGraph
from netsparse.graph.checks import as_edge_vector, as_unit_ids
from netsparse.graph.frozen import Frozen, frozen
from netsparse.typing import EdgeVector, UnitIds


class SparseNetwork(Frozen):
    """A feed-forward network's wiring: layer k connects the units of level k to those of level k + 1.

    Parameters
    ----------
    layers : sequence of BipartiteGraph
        At least one.
    joints : sequence of (None or int array), optional
        `joints[k]` says how layer k's outputs meet layer k + 1's inputs: None where they are the same units (an
        MLP), else an array of length `layers[k + 1].n_in` naming the output unit of layer k behind each input (a
        convolution reads the same channel at many patch positions).

    Raises
    ------
    InvalidNetwork
        If there is no layer, or two layers do not fit onto each other.

    Examples
    --------
    >>> a = BipartiteGraph.from_edges([0, 1], [0, 1], n_in=2, n_out=2)
    >>> b = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    >>> SparseNetwork([a, b])
    SparseNetwork(2-2-1, 4 edges, density 0.667)
    """

    __slots__ = ("joints", "layers")
    _change_with = "network.replace(k, graph)"
    layers: tuple[BipartiteGraph, ...]
    joints: tuple[UnitIds | None, ...]

    def __init__(self, layers: Any, joints: Any = None) -> None:
        layers = _as_tuple(layers)
        if not layers or not all(isinstance(layer, BipartiteGraph) for layer in layers):
            given = f"{[type(layer).__name__ for layer in layers]}"
            raise InvalidNetwork("layers", given, "one BipartiteGraph or more", "SparseNetwork([graph])")
        joints = (None,) * (len(layers) - 1) if joints is None else _as_tuple(joints)
        if len(joints) != len(layers) - 1:
            raise InvalidNetwork(
                "joints", f"{len(joints)} for {len(layers)} layers", "one between two layers", "joints=None"
            )
        fitted = tuple(_joint(k, joint, layers[k], layers[k + 1]) for k, joint in enumerate(joints))
        self._fill(layers=layers, joints=fitted)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of units on each level: the inputs, then the outputs of each layer."""
        return (self.layers[0].n_in, *(layer.n_out for layer in self.layers))

    @property
    def n_edges(self) -> int:
        """Number of edges over all layers."""
        return sum(layer.n_edges for layer in self.layers)

    @property
    def density(self) -> float:
        """Edges over possible edges, all layers together."""
        return self.n_edges / sum(layer.n_in * layer.n_out for layer in self.layers)

    @property
    def sparsity(self) -> float:
        """1 - density."""
        return 1.0 - self.density

    def replace(self, k: Any, graph: BipartiteGraph) -> SparseNetwork:
        """Return a network with layer `k` replaced; raises `InvalidNetwork` where it does not fit or does not exist."""
        layers = list(self.layers)
        if not isinstance(k, int | np.integer) or not -len(layers) <= k < len(layers):
            raise InvalidNetwork("layer", f"{k!r}", f"0 to {len(layers) - 1}", "network.replace(0, graph)")
        layers[k] = graph
        return SparseNetwork(layers, self.joints)

    def unit_edges(self) -> tuple[UnitIds, UnitIds]:
        """Return all edges as pairs of units numbered through the levels, layer by layer in canonical order.

        Inputs of a layer behind a joint are contracted onto the units that feed them, so that a pair may repeat.
        """
        offsets = np.concatenate([[0], np.cumsum(self.sizes)])
        sources: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        for k, layer in enumerate(self.layers):
            joint = self.joints[k - 1] if k else None
            units = layer.sources if joint is None else joint[layer.sources]
            sources.append(units.astype(np.int64) + offsets[k])
            targets.append(layer.targets.astype(np.int64) + offsets[k + 1])
        return np.concatenate(sources), np.concatenate(targets)

    def edge_vectors(self, weights: Any) -> tuple[EdgeVector, ...]:
        """Return `weights` as one checked edge vector per layer.

        Raises
        ------
        InvalidEdgeVector
            If there is not one array per layer with one entry per edge.
        """
        rows = list(cast(Any, weights)) if isinstance(weights, Iterable) else []
        if len(rows) != len(self.layers):
            given = f"{len(rows)} arrays" if isinstance(weights, Iterable) else f"{weights!r}"
            expected = f"one edge vector per layer ({len(self.layers)})"
            raise InvalidEdgeVector("weights", given, expected, "result.weights")
        pairs = enumerate(zip(rows, self.layers, strict=True))
        return tuple(as_edge_vector(f"weights[{k}]", row, layer.n_edges) for k, (row, layer) in pairs)

    def adjacency(self, weights: Any = None) -> sp.csr_array[Any]:
        """Return the adjacency matrix of all units, block upper triangular: entry (u, v) is the edge u -> v.

        Parameters
        ----------
        weights : sequence of arrays, optional
            One edge vector per layer; ones where not given. Edges that a joint contracts onto the same pair add up.

        Returns
        -------
        scipy.sparse.csr_array of shape (n_units, n_units), `n_units = sum(sizes)`.
        """
        values = np.ones(self.n_edges) if weights is None else np.concatenate(self.edge_vectors(weights))
        n_units = sum(self.sizes)
        matrix = sp.coo_array((values, self.unit_edges()), shape=(n_units, n_units)).tocsr()
        matrix.sum_duplicates()
        return matrix

    def biadjacency(self, weights: Any = None) -> sp.csc_array[Any]:
        """Return the undirected whole network as one bipartite graph: even levels x odd levels.

        Every edge joins an even and an odd level, so the whole network is bipartite too and its spectrum is that of
        this matrix. Rows are the units of levels 0, 2, 4 ..., columns those of levels 1, 3, 5 ...
        """
        sizes = self.sizes
        starts = np.zeros(len(sizes), dtype=np.int64)
        for level in range(2, len(sizes)):
            starts[level] = starts[level - 2] + sizes[level - 2]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        place = np.concatenate([np.arange(n) + start for n, start in zip(sizes, starts, strict=True)])
        is_even = np.repeat(np.arange(len(sizes)) % 2 == 0, np.diff(offsets))
        sources, targets = self.unit_edges()
        rows = place[np.where(is_even[sources], sources, targets)]
        columns = place[np.where(is_even[sources], targets, sources)]
        values = np.ones(self.n_edges) if weights is None else np.concatenate(self.edge_vectors(weights))
        shape = (sum(sizes[0::2]), sum(sizes[1::2]))
        matrix = sp.coo_array((values, (rows, columns)), shape=shape).tocsc()
        matrix.sum_duplicates()
        return matrix

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseNetwork):
            return NotImplemented
        return self.layers == other.layers and all(
            (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b))
            for a, b in zip(self.joints, other.joints, strict=True)
        )

    def __hash__(self) -> int:
        return hash((self.layers, tuple(None if joint is None else joint.tobytes() for joint in self.joints)))

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseNetwork, (self.layers, self.joints)

    def __repr__(self) -> str:
        sizes = "-".join(str(size) for size in self.sizes)
        return f"SparseNetwork({sizes}, {self.n_edges:,} edges, density {self.density:.3g})"

    def _repr_html_(self) -> str:
        head = "<tr><th>layer</th><th>n_in</th><th>n_out</th><th>edges</th><th>density</th></tr>"
        rows = "".join(
            f"<tr><td>{k}</td><td>{g.n_in:,}</td><td>{g.n_out:,}</td><td>{g.n_edges:,}</td><td>{g.density:.4g}</td></tr>"
            for k, g in enumerate(self.layers)
        )
        return f"<table><caption>{self!r}</caption>{head}{rows}</table>"


def _as_tuple(values: Any) -> tuple[Any, ...]:
    """Return what a sequence holds; anything else stands for itself, so that the checks can name it."""
    return tuple(values) if hasattr(values, "__iter__") else (values,)


def _joint(k: int, joint: Any, below: BipartiteGraph, above: BipartiteGraph) -> UnitIds | None:
    if joint is None:
        if below.n_out != above.n_in:
            given = f"{below.n_out} outputs below {above.n_in} inputs"
            raise InvalidNetwork(
                f"layers {k} and {k + 1}", given, "as many outputs as inputs", "equal sizes, or a joint"
            )
        return None
    units = as_unit_ids(f"joints[{k}]", joint).astype(np.int64)
    outside = units[(units < 0) | (units >= below.n_out)]
    if len(units) != above.n_in or len(outside):
        expected = f"{above.n_in} units, each below {below.n_out}"
        given = f"unit {outside[0]}" if len(outside) else f"{len(units)} entries"
        raise InvalidNetwork(f"joints[{k}]", given, expected, "one output unit per input")
    return frozen(units)
