"""GraphML: a network with its weights as a file that Gephi, Cytoscape, networkx and igraph open, streamed both ways."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from netsparse.atomic import atomic_path
from netsparse.errors import InvalidFile, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop.assembly import Origin, Weights, network_from_columns, parse_joints
from netsparse.interop.columns import (
    UNIT_COLUMNS,
    UnitAttributes,
    as_network,
    checked_attributes,
    edge_blocks,
    finite_weights,
    joints_text,
    unit_blocks,
)
from netsparse.interop.files import checked_target, opened
from netsparse.interop.graphml_parser import GraphMLColumns, parse
from netsparse.interop.kernels import KERNEL_COLUMNS, KernelShapes, checked_kernels, kernel_places, n_axes
from netsparse.interop.viewing import strongest_edges
from netsparse.typing import EdgeVector

TYPES = {
    "layer": "int",
    "index": "int",
    "bipartite": "int",
    "kind": "string",
    "label": "string",
    "input": "int",
    **dict.fromkeys(KERNEL_COLUMNS, "int"),
    "weight": "double",
    "sign": "int",
    "abs_weight": "double",
}
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPES = {"\r": "&#13;"}
NOT_FINITE = {"nan": "NaN", "inf": "INF", "-inf": "-INF"}


def write_graphml(
    network: SparseNetwork | BipartiteGraph,
    path: str | os.PathLike[str],
    *,
    weights: Any = None,
    unit_attributes: UnitAttributes | None = None,
    kernels: Sequence[Any] | None = None,
    top_k: int | None = None,
) -> None:
    """Write a network as a directed GraphML graph, whole or not at all, in memory that does not grow with the edges.

    Nodes are named `L1N23` (unit 23 of level 1; level 0 holds the inputs) and carry `layer`, `index`, `bipartite`
    (0 or 1), `kind` (input, hidden, output) and `label`; isolated units are written too. With weights, edges carry
    `weight`, `sign` and `abs_weight` (layouts want weights that are not negative), as decimals that read back as the
    identical float64. Below a joint they carry `input`, and the graph carries the joints as JSON. There are no
    booleans and one type per key, as Gephi wants it. The same network gives the same bytes.

    A viewer in a browser stops answering at about 7,000 nodes and 60,000 edges (Gephi Lite, on a laptop), and a drawing
    of more than a few thousand edges shows little: `top_k` writes the strongest edges alone, `collapsed` merges units
    into groups. Nothing is left out without being asked for.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        What to write.
    path : path
        Usually ends in `.graphml`; an older file is replaced.
    weights : sequence of arrays, optional
        One edge vector per layer; the edge vector itself for a BipartiteGraph.
    unit_attributes : mapping of str to a sequence of arrays, optional
        Further node attributes: for each name, one array per level with one entry per unit (numbers or strings).
        `label` replaces our own labels. `read_graphml_units` reads them back.
    kernels : sequence of (None or tuple of int), optional
        The shape of each layer's convolution kernel, None for a linear layer, as `kernel_shapes(model)` gives it. The
        edges of a convolution then carry `kernel_row` and `kernel_col` (and `kernel_depth`), the place inside the
        kernel of the patch entry they leave from: input i = (channel * n_rows + row) * n_cols + col.
    top_k : int, optional
        Write only the k edges of largest |w|, see `strongest_edges`; needs weights. All units are written.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector, InvalidOption
        For another type of network, weights that do not fit or are not finite, unit attributes or kernels that do not
        fit, a `top_k` that is no number of edges or comes without weights.
    InvalidFile, DiskFull
        If there is no such folder (also a FileNotFoundError), and if the disk is full.

    References
    ----------
    Brandes et al., "GraphML Progress Report", Graph Drawing 2001, DOI 10.1007/3-540-45848-4_59.

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.graphml")
    >>> layer = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> write_graphml(layer, path, weights=[0.5, -2.0])
    >>> network, weights = read_graphml(path)
    >>> network, weights[0].tolist()
    (SparseNetwork(3-1, 2 edges, density 0.667), [0.5, -2.0])
    """
    whole = as_network(network)
    vectors = finite_weights(network, weights)
    attributes = checked_attributes(whole.sizes, unit_attributes)
    for name in attributes:
        _clean(f"unit_attributes[{name!r}]", name)
    shapes = checked_kernels(whole, kernels)
    if top_k is not None:
        whole, vectors = strongest_edges(whole, vectors, top_k)
    checked_target(path, "net.graphml")
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(HEAD)
        file.writelines(_graph(whole, vectors, attributes, shapes))
        file.write("</graph>\n</graphml>\n")


def read_graphml(path: str | os.PathLike[str]) -> tuple[SparseNetwork, Weights | None]:
    """Read a network from a GraphML file, ours or one that another tool wrote from it.

    Units are known by their node attributes `layer` and `index`, whatever their names and their order, and whole
    numbers may be written as floats. The edges of an undirected graph run from the lower to the higher layer. Other
    attributes are passed over. The file is streamed; a document type declaration is refused, entity bombs with it.

    igraph writes 15 significant digits: weights that went through it are exact to float32, not to float64. It cannot
    read weights of a magnitude below 2.3e-308 at all.

    Returns
    -------
    network : SparseNetwork
    weights : tuple of arrays, or None
        One float64 edge vector per layer; None where the file has no weights.

    Raises
    ------
    InvalidFile
        If the file is absent (also a FileNotFoundError) or not well-formed, attributes are missing or of the wrong
        type, layers or indices have gaps or repeat, edges repeat, skip a layer or run backwards, only some edges have
        a weight, or a `sign` contradicts its `weight`.

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.graphml")
    >>> write_graphml(BipartiteGraph.from_edges([2], [0], n_in=3, n_out=1), path)
    >>> read_graphml(path)
    (SparseNetwork(3-1, 1 edges, density 0.333), None)
    """
    origin = _origin(path)
    columns = _parsed(origin, path, keep_attributes=False)
    joints = parse_joints(origin, columns.joints)
    return network_from_columns(origin, columns.levels, columns.indices, columns.edges, joints)


def read_graphml_units(path: str | os.PathLike[str]) -> dict[str, list[np.ndarray]]:
    """Read the further unit attributes of a GraphML file, in the form in which `write_graphml` takes them.

    Returns
    -------
    dict of str to list of arrays
        For each attribute that is not our own, one array per level with one entry per unit: int64, float64 or
        strings, as the file declares it. Where units lack the attribute, numbers are float64 with NaN, strings are
        empty.

    Raises
    ------
    InvalidFile
        As `read_graphml`, and if a value is not of its declared type.

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.graphml")
    >>> layer = BipartiteGraph.from_edges([2], [0], n_in=3, n_out=1)
    >>> write_graphml(layer, path, unit_attributes={"bias": [[0.0, 0.0, 0.0], [0.5]]})
    >>> [row.tolist() for row in read_graphml_units(path)["bias"]]
    [[0.0, 0.0, 0.0], [0.5]]
    """
    origin = _origin(path)
    columns = _parsed(origin, path, keep_attributes=True)
    network, _ = network_from_columns(
        origin, columns.levels, columns.indices, columns.edges, parse_joints(origin, columns.joints)
    )
    order = np.lexsort((columns.indices, columns.levels))
    bounds = np.cumsum(network.sizes)[:-1]
    return {
        name: np.split(_attribute(origin, name, columns, order), bounds)
        for name in columns.attributes
        if name not in UNIT_COLUMNS
    }


def _attribute(origin: Origin, name: str, columns: GraphMLColumns, order: np.ndarray) -> np.ndarray:
    texts, kind = columns.attributes[name], columns.types[name]
    rows = [texts.get(row) for row in order.tolist()]
    if kind in ("boolean", "string"):
        return np.array([text or "" for text in rows], dtype=object)
    whole = kind in ("int", "long") and None not in rows
    try:
        if any("_" in text for text in texts.values()):
            raise ValueError("1_000 is a number in Python only")
        numbers = [np.nan if text is None else int(text) if whole else float(text) for text in rows]
        return np.array(numbers, dtype=np.int64 if whole else np.float64)
    except (ValueError, OverflowError) as error:
        raise origin.bad(f"{name} with an entry that is not of type {kind}", kind) from error


def _origin(path: str | os.PathLike[str]) -> Origin:
    return Origin(f"GraphML file '{path}'", InvalidFile, "a file from netsparse.interop.write_graphml")


def _parsed(origin: Origin, path: str | os.PathLike[str], *, keep_attributes: bool) -> GraphMLColumns:
    with opened(origin, path, "a GraphML file") as file:
        return parse(origin, file, keep_attributes=keep_attributes)


def _graph(
    network: SparseNetwork,
    weights: Sequence[EdgeVector] | None,
    attributes: Mapping[str, list[np.ndarray]],
    kernels: KernelShapes,
) -> Iterator[str]:
    """Yield the document from the first key to the last edge, block by block."""
    joints = joints_text(network)
    if joints is not None:
        yield _key("graph", "joints", "joints", "string")
    ids = {name: name for name in ("layer", "index", "bipartite", "kind", "label")}
    for name in ids:
        yield _key("node", name, name, TYPES[name])
    for number, (name, rows) in enumerate(attributes.items()):
        if name not in ids:
            ids[name] = f"u{number}"
            yield _key("node", ids[name], name, _type_of(rows))
    edge_columns = [] if joints is None else ["input"]
    edge_columns += KERNEL_COLUMNS[len(KERNEL_COLUMNS) - n_axes(kernels) :]
    edge_columns += [] if weights is None else ["weight", "sign", "abs_weight"]
    for name in edge_columns:
        yield _key("edge", name, name, TYPES[name])
    yield '<graph id="G" edgedefault="directed">\n'
    if joints is not None:
        yield f'<data key="joints">{joints}</data>\n'
    for block in unit_blocks(network.sizes, attributes):
        cells = "".join(_cell(ids[name]) for name in block.columns)
        template = f'<node id="%s">{cells}</node>\n'
        texts = (_texts(name, column) for name, column in block.columns.items())
        yield "".join(map(template.__mod__, zip(block.names, *texts, strict=True)))
    for block in edge_blocks(network, weights):
        ends = f'source="L{block.layer}N%d" target="L{block.layer + 1}N%d"'
        columns = block.columns | kernel_places(block.columns.get("input", block.sources), kernels[block.layer])
        template = f"<edge {ends}>{''.join(map(_cell, columns))}</edge>\n"
        if not columns:
            template = f"<edge {ends}/>\n"
        rows = (column.tolist() for column in (block.sources, block.targets, *columns.values()))
        # %r of a float is the shortest decimal that reads back as the same float64
        yield "".join(map(template.__mod__, zip(*rows, strict=True)))


def _key(domain: str, key: str, name: str, kind: str) -> str:
    quoted = quoteattr(name, ESCAPES)
    return f'<key id="{key}" for="{domain}" attr.name={quoted} attr.type="{kind}"/>\n'


def _cell(key: str) -> str:
    return f'<data key="{key}">%{"r" if TYPES.get(key) == "double" else "s"}</data>'


def _type_of(rows: list[np.ndarray]) -> str:
    if rows[0].dtype.kind != "i":
        return "double" if rows[0].dtype.kind == "f" else "string"
    return "int" if all(row.min() >= -(2**31) and row.max() < 2**31 for row in rows) else "long"


def _texts(name: str, column: list[Any]) -> list[Any]:
    """Return a column of one type as what `%s` puts into a cell."""
    if isinstance(column[0], str):
        return [escape(_clean(f"unit_attributes[{name!r}]", text), ESCAPES) for text in column]
    if isinstance(column[0], float):
        return [NOT_FINITE.get(text, text) for text in map(repr, column)]
    return column


def _clean(subject: str, text: str) -> str:
    if NOT_IN_XML.search(text):
        raise InvalidOption(subject, ascii(text), "text without control characters", "text.strip()")
    return text
