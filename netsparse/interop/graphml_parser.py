"""The streamed half of reading GraphML: XML events become columns of units and edges, and no tree is ever built."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from netsparse.errors import NetsparseError
from netsparse.interop.assembly import EdgeColumns, Origin, not_a_number, not_whole
from netsparse.typing import UnitIds

CHUNK = 1 << 18
EDGE_NUMBERS = ("weight", "sign", "input")
EDGE_DEFAULT = {"directed": True, "undirected": False}
DIRECTED = {"true": True, "false": False}
NO_LEVEL = -1


@dataclass(frozen=True, slots=True)
class GraphMLColumns:
    """What a file says: units by position, edges between positions, texts of further unit attributes."""

    levels: UnitIds
    indices: UnitIds
    edges: EdgeColumns
    joints: str | None
    attributes: dict[str, dict[int, str]]
    types: dict[str, str]


def parse(origin: Origin, file: BinaryIO, *, keep_attributes: bool) -> GraphMLColumns:
    """Return the columns of an open GraphML file.

    Raises
    ------
    NetsparseError
        Of the origin's class, if it is not well-formed XML without a document type, not GraphML, or has values of
        the wrong type, repeated nodes or edges to unknown nodes.
    """
    events = _Events(origin, keep_attributes)
    parser = DefusedXMLParser(target=events, forbid_dtd=True)
    try:
        while chunk := file.read(CHUNK):
            parser.feed(chunk)
        parser.close()
    except NetsparseError:
        raise
    except DefusedXmlException as error:
        raise origin.bad("a document type declaration", "none: it can hide an entity bomb") from error
    except (ParseError, ValueError, LookupError) as error:  # the last two: encodings that expat does not know
        raise origin.bad(f"broken or truncated XML ({error})", "well-formed XML") from error
    return events.columns()


class _Events:
    """Target of the XML parser; one element at a time, its data held until it ends.

    Data belongs to the element it sits in, whatever its key says it is `for`: Cytoscape writes weights of edges under
    keys for nodes. What a key is for decides where its default goes.
    """

    def __init__(self, origin: Origin, keep_attributes: bool) -> None:
        self.origin, self.keep_attributes = origin, keep_attributes
        self.root = ""
        self.n_graphs = 0
        self.directed = True
        self.names: dict[str, tuple[str, str]] = {}  # key id -> (what it is for, attribute name)
        self.key: str | None = None  # id of the key that is being declared
        self.types: dict[str, str] = {}
        self.defaults: dict[str, dict[str, str]] = {"node": {}, "edge": {}, "graph": {}}
        self.position: dict[str, int] = {}
        self.levels, self.indices = array("q"), array("q")
        self.tails, self.heads = array("q"), array("q")
        self.is_directed = array("b")
        self.numbers: dict[str, array[float]] = {}
        self.attributes: dict[str, dict[int, str]] = {}
        self.graph_row: dict[str, str] = {}
        self.element = ""  # the node, edge or graph that data belongs to
        self.header: dict[str, str] = {}
        self.row: dict[str, str] = self.graph_row
        self.field = ""  # the attribute whose text is being read
        self.texts: list[str] | None = None
        self.depth = 0  # of foreign markup inside a data element

    # parser events -----------------------------------------------------------------------------------------------

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self.texts is not None:
            self.depth += 1
            return
        tag = tag.rpartition("}")[2]
        if tag == "data":
            self.field = self._field(attributes.get("key"))
            self.texts = []
        elif tag in ("edge", "node"):
            if self.element != "graph":
                self._bad(f"<{tag}> inside <{self.element or self.root}>", f"<{tag}> inside <graph>")
            self.element, self.header, self.row = tag, attributes, {}
        elif tag == "key":
            self._declare(attributes)
        elif tag == "default":
            if self.key is None:
                self._bad("a <default> outside <key>", "the default of a key inside it")
            self.texts = []
        elif tag == "graph":
            self._open_graph(attributes)
        elif tag in ("hyperedge", "port"):
            self._bad(f"a <{tag}>", "nodes and edges between two nodes")
        elif not self.root:
            if tag != "graphml":
                self._bad(f"a <{tag}> document", "a <graphml> document")
            self.root = tag

    def data(self, text: str) -> None:
        if self.texts is not None and not self.depth:
            self.texts.append(text)

    def end(self, tag: str) -> None:
        if self.depth:
            self.depth -= 1
            return
        tag = tag.rpartition("}")[2]
        if tag == "data":
            if self.field in self.row:
                self._bad(f"{self.field!r} twice in one <{self.element}>", "one value of every attribute")
            self.row[self.field] = "".join(self.texts or ())
            self.texts = None
        elif tag in ("edge", "node"):
            self.row = self.defaults[tag] | self.row
            (self._edge if tag == "edge" else self._node)()
            self.element, self.row = "graph", self.graph_row
        elif tag == "graph":
            self.element = ""
        elif tag == "key":
            self.key = None
        elif tag == "default" and self.key is not None:
            domain, name = self.names[self.key]
            for one in ("node", "edge", "graph") if domain == "all" else (domain,):
                self.defaults.setdefault(one, {})[name] = "".join(self.texts or ())
            self.texts = None

    def close(self) -> None:
        """End of the document; what it held is fetched with `columns`."""

    # elements ----------------------------------------------------------------------------------------------------

    def _declare(self, attributes: dict[str, str]) -> None:
        key = attributes.get("id")
        if key is None:
            self._bad("a <key> without id", "an id on every <key>")
        if key in self.names:
            self._bad(f"two keys {key!r}", "every <key> once")
        if self.n_graphs:
            self._bad(f"the key {key!r} after <graph>", "every <key> before <graph>")
        domain, name = attributes.get("for", "all"), attributes.get("attr.name", key)
        self.names[key] = domain, name
        self.key = key
        if domain in ("node", "all") or name not in self.types:
            self.types[name] = attributes.get("attr.type", "string")
        if domain in ("edge", "all") and name in EDGE_NUMBERS:
            self.numbers[name] = array("d")

    def _field(self, key: str | None) -> str:
        if key not in self.names:
            self._bad(f"data with the undeclared key {key!r}", "a <key> for it")
        return self.names[key][1]

    def _open_graph(self, attributes: dict[str, str]) -> None:
        self.n_graphs += 1
        if self.n_graphs > 1 or not self.root:
            self._bad("more than one <graph>, or one outside <graphml>", "one <graph> inside <graphml>")
        default = attributes.get("edgedefault", "directed")
        if default not in EDGE_DEFAULT:
            self._bad(f"edgedefault {default!r}", "directed or undirected")
        self.directed = EDGE_DEFAULT[default]
        self.element, self.graph_row = "graph", {}
        self.row = self.graph_row

    def _node(self) -> None:
        name = self.header.get("id")
        if name is None:
            self._bad("a <node> without id", "an id on every node")
        position = self._unit(name)
        if self.levels[position] != NO_LEVEL:
            self._bad(f"two nodes {name!r}", "every node once")
        self.levels[position] = self._whole("layer", name)
        self.indices[position] = self._whole("index", name)
        if self.keep_attributes:
            for what, text in self.row.items():
                self.attributes.setdefault(what, {})[position] = text

    def _edge(self) -> None:
        tail, head = self.header.get("source"), self.header.get("target")
        if tail is None or head is None:
            self._bad("an <edge> without source or target", "both on every edge")
        self.tails.append(self._unit(tail))
        self.heads.append(self._unit(head))
        directed = self.header.get("directed")
        if directed is not None and directed not in DIRECTED:
            self._bad(f"directed {directed!r} on edge {tail!r} -> {head!r}", "true or false")
        self.is_directed.append(self.directed if directed is None else DIRECTED[directed])
        for what in EDGE_NUMBERS:
            text = self.row.get(what)
            if what not in self.numbers:
                if text is None:
                    continue
                self.numbers[what] = array("d", [np.nan]) * (len(self.tails) - 1)
            number = np.nan if text is None else as_number(text)
            if text is not None and math.isnan(number):  # NaN stands for an edge without the attribute
                raise not_a_number(self.origin, what, text, f"edge {tail!r} -> {head!r}")
            self.numbers[what].append(number)

    def _unit(self, name: str) -> int:
        """Return the position of a node; an edge may come before the nodes it joins."""
        position = self.position.setdefault(name, len(self.position))
        if position == len(self.levels):
            self.levels.append(NO_LEVEL)
            self.indices.append(NO_LEVEL)
        return position

    def _whole(self, what: str, name: str) -> int:
        text = self.row.get(what)
        number = np.nan if text is None else as_number(text)
        if not number.is_integer() or not 0 <= number < 2**53:
            raise not_whole(self.origin, what, text, f"node {name!r}")
        return int(number)

    def _bad(self, given: str, expected: str) -> NoReturn:
        raise self.origin.bad(given, expected)

    # result ------------------------------------------------------------------------------------------------------

    def columns(self) -> GraphMLColumns:
        """Return what the document held."""
        if not self.n_graphs:
            self._bad("no <graph>", "one <graph> inside <graphml>")
        levels, indices = _column(self.levels, np.int64), _column(self.indices, np.int64)
        unknown = np.flatnonzero(levels == NO_LEVEL)
        if len(unknown):
            name = list(self.position)[unknown[0]]
            self._bad(f"an edge at node {name!r}, which is not there", "a <node> for both ends of every edge")
        numbers = {what: _column(column, np.float64) for what, column in self.numbers.items()}
        edges = EdgeColumns(
            _column(self.tails, np.int64),
            _column(self.heads, np.int64),
            _column(self.is_directed, np.int8) != 0,
            numbers.get("weight"),
            numbers.get("sign"),
            numbers.get("input"),
        )
        types = {name: self.types.get(name, "string") for name in self.attributes}
        joints = (self.defaults["graph"] | self.graph_row).get("joints")
        return GraphMLColumns(levels, indices, edges, joints, self.attributes, types)


def as_number(text: str) -> float:
    """Return the number written as `text`; NaN for a text that is none.

    Python's own spellings (1_000, digits of other scripts) are no numbers in a file.
    """
    try:
        return float(text) if text.isascii() and "_" not in text else np.nan
    except ValueError:
        return np.nan


def _column(column: array[Any], dtype: Any) -> np.ndarray:
    return np.frombuffer(column, dtype=dtype) if column else np.empty(0, dtype=dtype)
