"""A network as columns, one row per unit and one per edge: what networkx, igraph, pandas and GraphML are given.

Attributes have the same names in every format. Units: `layer` (level of the unit, 0 for the inputs), `index` (number
of the unit inside its level), `bipartite` (0 or 1, the level's parity, networkx's convention), `kind` (input, hidden
or output), `label`. Edges: `input` (only where a joint lies below the layer), and with weights `weight`, `sign` and
`abs_weight`, the last one because layout algorithms want weights that are not negative. A graph attribute `joints`
exists only where the network has joints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidNetwork, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.typing import EdgeVector, UnitIds

BLOCK = 16_384
"""Rows handed over at a time; memory stays flat however many edges there are."""

UNIT_COLUMNS = ("layer", "index", "bipartite", "kind", "label")
WEIGHT_COLUMNS = ("weight", "sign", "abs_weight")
OUR_OWN = frozenset(UNIT_COLUMNS) - {"label"} | {"id", "name"}

UnitAttributes = Mapping[str, Sequence[Any]]
"""For each attribute name, one array per level with one entry per unit."""


class UnitBlock(NamedTuple):
    """Some units of one level."""

    level: int
    units: range
    columns: dict[str, list[Any]]

    @property
    def names(self) -> list[str]:
        """Names of the units, `L1N23` for unit 23 of level 1."""
        return [f"L{self.level}N{unit}" for unit in self.units]


class EdgeBlock(NamedTuple):
    """Some edges of one layer; sources are units of level `layer`, targets of level `layer + 1`."""

    layer: int
    sources: UnitIds
    targets: UnitIds
    columns: dict[str, np.ndarray]


def as_network(network: SparseNetwork | BipartiteGraph) -> SparseNetwork:
    """Return a network; a single graph counts as a network of one layer.

    Raises
    ------
    InvalidNetwork
        For any other type.
    """
    if isinstance(network, SparseNetwork):
        return network
    if isinstance(network, BipartiteGraph):
        return SparseNetwork([network])
    given = type(network).__name__
    raise InvalidNetwork("network", given, "a SparseNetwork or a BipartiteGraph", "netsparse.SparseNetwork(layers)")


def as_layer(graph: BipartiteGraph) -> BipartiteGraph:
    """Return a single graph as it is.

    Raises
    ------
    InvalidNetwork
        For any other type, a network too.
    """
    if isinstance(graph, BipartiteGraph):
        return graph
    raise InvalidNetwork("graph", type(graph).__name__, "a BipartiteGraph, one layer", "network.layers[0]")


def finite_weights(network: SparseNetwork | BipartiteGraph, weights: Any) -> tuple[EdgeVector, ...] | None:
    """Return one checked edge vector per layer, or None where no weights are given.

    Raises
    ------
    InvalidEdgeVector
        For wrong shapes, and for entries that are not finite real numbers: foreign formats read NaN as "missing".
    """
    if weights is None:
        return None
    vectors = network.edge_vectors(weights)
    for k, vector in enumerate(vectors):
        if vector.dtype.kind not in "biuf":
            fix = f"weights[{k}].astype(float)"
            raise InvalidEdgeVector(f"weights[{k}]", f"dtype {vector.dtype}", "real numbers", fix)
        bad = np.flatnonzero(~np.isfinite(vector))
        if len(bad):
            given = f"{vector[bad[0]]} at edge {bad[0]}"
            raise InvalidEdgeVector(f"weights[{k}]", given, "finite numbers", "numpy.nan_to_num(weights)")
    return vectors


def joints_text(network: SparseNetwork) -> str | None:
    """Return the joints as JSON, one null or list of units between two layers; None where there is no joint."""
    if all(joint is None for joint in network.joints):
        return None
    return json.dumps([None if joint is None else joint.tolist() for joint in network.joints])


def kind_of(level: int, n_levels: int) -> str:
    """Return what the units of a level are in their network: input, hidden or output."""
    return "input" if level == 0 else "output" if level == n_levels - 1 else "hidden"


def unit_blocks(sizes: Sequence[int], attributes: Mapping[str, Sequence[np.ndarray]]) -> Iterator[UnitBlock]:
    """Yield all units, level by level; `attributes` come from `checked_attributes`."""
    for level, size in enumerate(sizes):
        kind = kind_of(level, len(sizes))
        stem = f"hidden{level}" if kind == "hidden" else kind
        for start in range(0, size, BLOCK):
            units = range(start, min(start + BLOCK, size))
            n = len(units)
            columns: dict[str, list[Any]] = {
                "layer": [level] * n,
                "index": list(units),
                "bipartite": [level % 2] * n,
                "kind": [kind] * n,
                "label": [f"{stem} {unit}" for unit in units],
            }
            extra = {name: rows[level][start : units.stop].tolist() for name, rows in attributes.items()}
            yield UnitBlock(level, units, columns | extra)


def edge_blocks(network: SparseNetwork, weights: Sequence[EdgeVector] | None) -> Iterator[EdgeBlock]:
    """Yield all edges, layer by layer in canonical order; `weights` come from `finite_weights`."""
    for k, graph in enumerate(network.layers):
        joint = network.joints[k - 1] if k else None
        for start in range(0, graph.n_edges, BLOCK):
            rows = slice(start, start + BLOCK)
            sources, columns = graph.sources[rows], {}
            if joint is not None:
                columns["input"] = sources
                sources = joint[sources]
            if weights is not None:
                values = weights[k][rows].astype(np.float64)
                columns |= {"weight": values, "sign": np.sign(values).astype(int), "abs_weight": abs(values)}
            yield EdgeBlock(k, sources, graph.targets[rows], columns)


def has_parallel_edges(network: SparseNetwork) -> bool:
    """Tell whether a joint contracts two edges onto the same pair of units."""
    for joint, graph in zip(network.joints, network.layers[1:], strict=True):
        if joint is not None:
            keys = np.sort(graph.targets.astype(np.int64) * (joint.max() + 1) + joint[graph.sources])
            if (keys[1:] == keys[:-1]).any():
                return True
    return False


def checked_attributes(sizes: Sequence[int], attributes: UnitAttributes | None) -> dict[str, list[np.ndarray]]:
    """Return every attribute as one array per level, of one type: int64, float64 or strings (booleans become 0, 1).

    Raises
    ------
    InvalidOption
        If an attribute has our own name, the wrong number of entries, or entries of another type.
    """
    checked: dict[str, list[np.ndarray]] = {}
    if attributes is not None and not isinstance(attributes, Mapping):
        given, expected = f"a {type(attributes).__name__}", "a mapping of names to arrays, one per level"
        raise InvalidOption("unit_attributes", given, expected, "unit_attributes={'bias': [...]}")
    for name, rows in (attributes or {}).items():
        subject = f"unit_attributes[{name!r}]"
        if not isinstance(name, str) or name in OUR_OWN:
            raise InvalidOption(subject, "this name", "a string that is not our own", f"'my_{name}'")
        try:
            arrays = [np.asarray(row) for row in rows]
        except (TypeError, ValueError) as error:
            given = f"an object of type {type(rows).__name__}"
            raise InvalidOption(
                subject, given, "one array per level, one entry per unit", "a list of arrays"
            ) from error
        shapes = [array.shape for array in arrays]
        if shapes != [(size,) for size in sizes]:
            fix = f"arrays of lengths {', '.join(map(str, sizes))}"
            raise InvalidOption(subject, f"shapes {shapes}", "one array per level, one entry per unit", fix)
        checked[name] = _of_one_type(subject, arrays)
    return checked


def _of_one_type(subject: str, arrays: list[np.ndarray]) -> list[np.ndarray]:
    if all(isinstance(entry, str) for array in arrays for entry in array.tolist()):
        return [array.astype(object) for array in arrays]
    kinds = {array.dtype.kind for array in arrays}
    if not kinds <= set("biuf"):
        given = f"types {', '.join(str(array.dtype) for array in arrays)}"
        raise InvalidOption(subject, given, "numbers, or strings, on every level", "array.astype(str)")
    return [array.astype(np.float64 if "f" in kinds else np.int64) for array in arrays]
