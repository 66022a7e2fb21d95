"""networkx: a network as a DiGraph, and back."""

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
    refuse_nan,
    whole_column,
)
from netsparse.interop.columns import (
    UnitAttributes,
    as_network,
    checked_attributes,
    edge_blocks,
    finite_weights,
    has_parallel_edges,
    joints_text,
    unit_blocks,
)
from netsparse.interop.viewing import strongest_edges

if TYPE_CHECKING:
    import networkx as nx

ORIGIN = Origin("networkx graph", InvalidNetwork, "the node and edge attributes that to_networkx writes")


def to_networkx(
    network: SparseNetwork | BipartiteGraph,
    weights: Any = None,
    *,
    unit_attributes: UnitAttributes | None = None,
    top_k: int | None = None,
) -> nx.DiGraph:
    """Return the network as a directed networkx graph, edges running from the inputs to the outputs.

    Nodes are named `L1N23` (unit 23 of level 1; level 0 holds the inputs) and have the attributes `layer`, `index`,
    `bipartite` (0 or 1), `kind` and `label`; with weights, edges have `weight`, `sign` and `abs_weight`. Isolated
    units are nodes too. `networkx.multipartite_layout(graph, subset_key="layer")` draws it.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        What to convert.
    weights : sequence of arrays, optional
        One edge vector per layer; the edge vector itself for a BipartiteGraph.
    unit_attributes : mapping of str to a sequence of arrays, optional
        Further node attributes: for each name, one array per level with one entry per unit.
    top_k : int, optional
        Only the k edges of largest |w|, see `strongest_edges`; needs weights. All units stay nodes.

    Returns
    -------
    networkx.DiGraph
        A MultiDiGraph where a joint makes parallel edges; then `input` tells them apart.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector, InvalidOption
        For another type of network, weights that do not fit or are not finite, unit attributes that do not fit,
        a `top_k` that is no number of edges or comes without weights.

    Examples
    --------
    >>> layer = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> graph = to_networkx(layer, [0.5, -2.0])
    >>> list(graph.nodes)
    ['L0N0', 'L0N1', 'L0N2', 'L1N0']
    >>> graph.edges["L0N1", "L1N0"]
    {'weight': -2.0, 'sign': -1, 'abs_weight': 2.0}
    """
    import networkx as nx

    whole = as_network(network)
    vectors = finite_weights(network, weights)
    if top_k is not None:
        whole, vectors = strongest_edges(whole, vectors, top_k)
    graph = nx.MultiDiGraph() if has_parallel_edges(whole) else nx.DiGraph()
    joints = joints_text(whole)
    if joints is not None:
        graph.graph["joints"] = joints
    for block in unit_blocks(whole.sizes, checked_attributes(whole.sizes, unit_attributes)):
        rows = zip(*block.columns.values(), strict=True)
        graph.add_nodes_from(
            (name, dict(zip(block.columns, row, strict=True))) for name, row in zip(block.names, rows, strict=True)
        )
    for block in edge_blocks(whole, vectors):
        keys, columns = list(block.columns), [column.tolist() for column in block.columns.values()]
        ends = zip(block.sources.tolist(), block.targets.tolist(), *columns, strict=True)
        below, above = block.layer, block.layer + 1
        graph.add_edges_from(
            (f"L{below}N{source}", f"L{above}N{target}", dict(zip(keys, row, strict=True)))
            for source, target, *row in ends
        )
    return graph


def from_networkx(graph: nx.Graph) -> tuple[SparseNetwork, Weights | None]:
    """Read a network from a networkx graph whose nodes have the attributes `layer` and `index`.

    Node names and the order of nodes and edges do not matter. The edges of an undirected graph run from the lower
    to the higher layer.

    Returns
    -------
    network : SparseNetwork
    weights : tuple of arrays, or None
        One float64 edge vector per layer; None where no edge has the attribute `weight`.

    Raises
    ------
    InvalidNetwork
        If it is no networkx graph, attributes are missing or of the wrong type (NaN is no weight), layers or indices
        have gaps or repeat, edges repeat, skip a layer or run backwards, only some edges have a weight, or a `sign`
        contradicts its `weight`.

    Examples
    --------
    >>> import networkx as nx
    >>> graph = nx.Graph([("x", "y", {"weight": 0.5})])
    >>> nx.set_node_attributes(graph, {"x": {"layer": 0, "index": 0}, "y": {"layer": 1, "index": 0}})
    >>> network, weights = from_networkx(graph)
    >>> network, weights[0].tolist()
    (SparseNetwork(1-1, 1 edges, density 1), [0.5])
    """
    import networkx as nx

    check_type(ORIGIN, graph, nx.Graph)
    names = list(graph.nodes)
    position = {name: row for row, name in enumerate(names)}
    data = [attributes for _, attributes in graph.nodes(data=True)]
    levels, indices = (
        whole_column(ORIGIN, what, [row.get(what) for row in data], lambda row: f"node {names[row]!r}")
        for what in ("layer", "index")
    )
    pairs = list(graph.edges(data=True))
    tails = np.array([position[pair[0]] for pair in pairs], dtype=np.int64)
    heads = np.array([position[pair[1]] for pair in pairs], dtype=np.int64)

    def numbers(what: str) -> np.ndarray | None:
        def name(row: int) -> str:
            return f"edge {pairs[row][0]!r} -> {pairs[row][1]!r}"

        values = refuse_nan(ORIGIN, what, [pair[2].get(what) for pair in pairs], name)
        return real_column(ORIGIN, what, values or None, name)

    weights, signs, inputs = (numbers(what) for what in ("weight", "sign", "input"))
    edges = EdgeColumns(tails, heads, graph.is_directed(), weights, signs, inputs)
    return network_from_columns(ORIGIN, levels, indices, edges, parse_joints(ORIGIN, graph.graph.get("joints")))
