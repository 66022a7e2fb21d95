"""igraph: a network as an igraph Graph, and back; igraph is loaded by the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netsparse.errors import InvalidNetwork
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop.assembly import (
    EdgeColumns,
    Origin,
    Weights,
    check_type,
    network_from_columns,
    parse_joints,
    real_column,
    whole_column,
)
from netsparse.interop.columns import (
    WEIGHT_COLUMNS,
    UnitAttributes,
    as_network,
    checked_attributes,
    edge_blocks,
    finite_weights,
    joints_text,
    unit_blocks,
)
from netsparse.interop.viewing import strongest_edges

if TYPE_CHECKING:
    import igraph

ORIGIN = Origin("igraph graph", InvalidNetwork, "the vertex and edge attributes that to_igraph writes")


def to_igraph(
    network: SparseNetwork | BipartiteGraph,
    weights: Any = None,
    *,
    unit_attributes: UnitAttributes | None = None,
    top_k: int | None = None,
) -> igraph.Graph:
    """Return the network as a directed igraph graph, edges running from the inputs to the outputs.

    Vertices are numbered through the levels; they have the attributes `name` (`L1N23` is unit 23 of level 1),
    `layer`, `index`, `bipartite` (0 or 1), `kind` and `label`. Edges keep the canonical order, layer by layer, and
    have `weight`, `sign` and `abs_weight` if weights are given, `input` where a joint lies below the layer.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        What to convert.
    weights : sequence of arrays, optional
        One edge vector per layer; the edge vector itself for a BipartiteGraph.
    unit_attributes : mapping of str to a sequence of arrays, optional
        Further vertex attributes: for each name, one array per level with one entry per unit.
    top_k : int, optional
        Only the k edges of largest |w|, see `strongest_edges`; needs weights. All units stay vertices.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector, InvalidOption
        For another type of network, weights that do not fit or are not finite, unit attributes that do not fit,
        a `top_k` that is no number of edges or comes without weights.

    Examples
    --------
    >>> layer = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> graph = to_igraph(layer, [0.5, -2.0])
    >>> graph.get_edgelist(), graph.es["weight"], graph.vs["name"]
    ([(0, 3), (1, 3)], [0.5, -2.0], ['L0N0', 'L0N1', 'L0N2', 'L1N0'])
    """
    import igraph

    whole = as_network(network)
    vectors = finite_weights(network, weights)
    if top_k is not None:
        whole, vectors = strongest_edges(whole, vectors, top_k)
    units: dict[str, list[Any]] = {}
    for block in unit_blocks(whole.sizes, checked_attributes(whole.sizes, unit_attributes)):
        for name, column in {"name": block.names, **block.columns}.items():
            units.setdefault(name, []).extend(column)
    columns: dict[str, list[Any]] = {} if vectors is None else {name: [] for name in WEIGHT_COLUMNS}
    if any(joint is not None for joint in whole.joints):
        columns["input"] = []
    for block in edge_blocks(whole, vectors):
        for name, rows in columns.items():
            # layers without a joint have no input: None keeps the column aligned with the edges
            column = block.columns.get(name)
            rows.extend([None] * len(block.sources) if column is None else column.tolist())
    ends = np.stack(whole.unit_edges(), axis=1)
    graph = igraph.Graph(n=sum(whole.sizes), edges=ends, directed=True, vertex_attrs=units, edge_attrs=columns)
    joints = joints_text(whole)
    if joints is not None:
        graph["joints"] = joints
    return graph


def from_igraph(graph: igraph.Graph) -> tuple[SparseNetwork, Weights | None]:
    """Read a network from an igraph graph whose vertices have the attributes `layer` and `index`.

    Vertex numbers and names do not matter. None and NaN both stand for a missing attribute, because igraph itself puts
    NaN where a file leaves a number out. The edges of an undirected graph run from the lower to the higher layer.

    Returns
    -------
    network : SparseNetwork
    weights : tuple of arrays, or None
        One float64 edge vector per layer; None where no edge has a `weight`.

    Raises
    ------
    InvalidNetwork
        If it is no igraph graph, attributes are missing or of the wrong type, layers or indices
        have gaps or repeat, edges repeat, skip a layer or run backwards, only some edges have a weight, or a `sign`
        contradicts its `weight`.

    Examples
    --------
    >>> layer = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> network, weights = from_igraph(to_igraph(layer, [0.5, -2.0]))
    >>> network.layers[0] == layer, weights[0].tolist()
    (True, [0.5, -2.0])
    """
    import igraph

    check_type(ORIGIN, graph, igraph.Graph)

    def column(sequence: Any, what: str) -> list[Any] | None:
        return sequence[what] if what in sequence.attributes() else None

    ends = np.array(graph.get_edgelist(), dtype=np.int64).reshape(-1, 2)
    levels, indices = (
        whole_column(ORIGIN, what, column(graph.vs, what) or [None] * graph.vcount(), lambda row: f"vertex {row}")
        for what in ("layer", "index")
    )
    weights, signs, inputs = (
        real_column(ORIGIN, what, column(graph.es, what), lambda row: f"edge {ends[row, 0]} -> {ends[row, 1]}")
        for what in ("weight", "sign", "input")
    )
    joints = parse_joints(ORIGIN, graph["joints"] if "joints" in graph.attributes() else None)
    edges = EdgeColumns(ends[:, 0], ends[:, 1], graph.is_directed(), weights, signs, inputs)
    return network_from_columns(ORIGIN, levels, indices, edges, joints)
