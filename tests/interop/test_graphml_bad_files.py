"""GraphML files that are wrong, each in one way: one clear line, and no network."""

from __future__ import annotations

import networkx as nx
import pytest
import zoo

from netsparse.errors import InvalidFile, InvalidOption, NotWritable
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import read_graphml, read_graphml_units, write_graphml

NODE = '<node id="L1N0"><data key="layer">1</data><data key="index">0</data>'
EDGE = '<edge source="L0N1" target="L1N0"><data key="weight">-2.0</data><data key="sign">-1</data>'
KEY = '<key id="weight" for="edge" attr.name="weight" attr.type="double"/>'
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
BOMB = (
    '<!DOCTYPE graphml [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + k)} "{("&" + chr(97 + k) + ";") * 10}">' for k in range(8))
    + "]>\n"
)
OUTSIDE = '<!DOCTYPE graphml [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n'
SPOILT = {
    # the document
    "an empty file": (None, "", r"broken or truncated XML \(no element found"),
    "no XML": (None, "layer,source,target\n", r"broken or truncated XML \(syntax error"),
    "a broken tag": ("</graph>", "</grap>", "mismatched tag"),
    "an unknown encoding": ("UTF-8", "klingon", "unknown encoding"),
    "bytes of another encoding": ("UTF-8", "UTF-16", "broken or truncated XML"),
    "an undeclared entity": ("input 0", "&a;", "undefined entity"),
    "an entity bomb": (HEAD, HEAD + BOMB, "a document type declaration, expected none"),
    "an external entity": (HEAD, HEAD + OUTSIDE, "a document type declaration, expected none"),
    "a bare document type": (HEAD, HEAD + "<!DOCTYPE graphml>", "a document type declaration"),
    "another format": (None, "<gexf><graph><nodes/></graph></gexf>", "a <gexf> document, expected a <graphml>"),
    "a graph on its own": (None, "<graph/>", "a <graph> document|outside <graphml>"),
    "no graph": (None, "<graphml></graphml>", "no <graph>"),
    "no units": (None, "<graphml><graph></graph></graphml>", "no units"),
    "two graphs": ("</graph>", '</graph><graph edgedefault="directed"></graph>', "more than one <graph>"),
    "a graph in a node": (NODE, NODE + "<graph></graph>", "more than one <graph>"),
    "a node in a node": (NODE, NODE + '<node id="x"></node>', "<node> inside <node>"),
    "a node beside the graph": ("</graph>", '</graph><node id="x"></node>', "<node> inside <graphml>"),
    "a hyperedge": ("</graph>", "<hyperedge></hyperedge></graph>", "a <hyperedge>"),
    "a key without id": ('<key id="sign"', "<key", "a <key> without id"),
    "the same key twice": (KEY, KEY + KEY, "two keys 'weight'"),
    "a key after the graph": ("</graph>", f"</graph>{KEY.replace('weight', 'w')}", "the key 'w' after <graph>"),
    "a key inside the graph": (EDGE, KEY.replace("weight", "w") + EDGE, "the key 'w' after <graph>"),
    "a default of nothing": (KEY, "<default>1</default>" + KEY, "a <default> outside <key>"),
    "a default in the graph": (EDGE, "<default>1</default>" + EDGE, "a <default> outside <key>"),
    "a direction unknown": ('edgedefault="directed"', 'edgedefault="both"', "edgedefault 'both', expected directed or"),
    "data without a key": ('<data key="sign">-1<', "<data>-1<", "undeclared key None"),
    "an undeclared key": ('<data key="sign">-1<', '<data key="sing">-1<', "undeclared key 'sing'"),
    # units
    "a node without id": ('<node id="L1N0">', "<node>", "a <node> without id"),
    "the same node twice": ("</graph>", NODE + "</node></graph>", "two nodes 'L1N0'"),
    "another node, same unit": ("</graph>", NODE.replace("L1N0", "x") + "</node></graph>", "two units with layer 1"),
    "no layer": (NODE, NODE.replace('<data key="layer">1</data>', ""), "no layer on node 'L1N0', expected a layer"),
    "no index": (NODE, NODE.replace('<data key="index">0</data>', ""), "no index on node 'L1N0', expected an? index"),
    "no layer key": ('attr.name="layer"', 'attr.name="lair"', "no layer on node 'L0N0'"),
    "an empty layer": (NODE, NODE.replace(">1<", "><"), "layer '' on node 'L1N0'"),
    "a layer that is text": (NODE, NODE.replace(">1<", ">abc<"), "layer 'abc' on node 'L1N0'"),
    "a layer between layers": (NODE, NODE.replace(">1<", ">1.5<"), "layer '1.5' on node 'L1N0'"),
    "a negative layer": (NODE, NODE.replace(">1<", ">-1<"), "layer '-1' on node 'L1N0'"),
    "a layer that is not a number": (NODE, NODE.replace(">1<", ">nan<"), "layer 'nan' on node 'L1N0'"),
    "a layer in Python's spelling": (NODE, NODE.replace(">1<", ">0_1<"), "layer '0_1' on node 'L1N0'"),
    "an infinite layer": (NODE, NODE.replace(">1<", ">1e999<"), "layer '1e999' on node 'L1N0'"),
    "an index beyond all units": (NODE, NODE.replace(">0<", ">1e300<"), "index '1e300' on node 'L1N0'"),
    "a gap in the indices": (NODE, NODE.replace(">0<", ">1<"), "layer 1 without index 0"),
    "a huge gap": (NODE, NODE.replace(">0<", ">999999999999<"), "layer 1 without index 0"),
    "a gap in the layers": (NODE, NODE.replace(">1<", ">3<"), "units on layer 2, none on layer 1"),
    # edges
    "an edge without source": ('<edge source="L0N1" ', "<edge ", "an <edge> without source or target"),
    "an edge to nowhere": (EDGE, EDGE.replace("L0N1", "L0N9"), "an edge at node 'L0N9', which is not there"),
    "an edge twice": ("</graph>", EDGE + "</edge></graph>", "edge L0N1 -> L1N0 twice"),
    "an edge that skips": (EDGE, EDGE.replace("L1N0", "L2N0"), "edge L0N1 -> L2N0, which skips a layer"),
    "an edge backwards": (EDGE, '<edge source="L1N0" target="L0N1">', "edge L1N0 -> L0N1, which runs backwards"),
    "an edge inside a layer": (EDGE, EDGE.replace("L1N0", "L0N0"), "edge L0N1 -> L0N0, which stays inside a layer"),
    "a loop": (EDGE, EDGE.replace("L1N0", "L0N1"), "edge L0N1 -> L0N1, which stays inside a layer"),
    "one edge without weight": (EDGE, EDGE.replace('<data key="weight">-2.0</data>', ""), "no weight on edge L0N1"),
    "a weight that is text": (EDGE, EDGE.replace("-2.0", "heavy"), "weight 'heavy' on edge 'L0N1' -> 'L1N0'"),
    "an empty weight": (EDGE, EDGE.replace("-2.0", ""), "weight '' on edge 'L0N1' -> 'L1N0'"),
    "an infinite weight": (EDGE, EDGE.replace("-2.0", "-INF"), "weight -inf on edge L0N1 -> L1N0"),
    "a weight that is no number": (EDGE, EDGE.replace("-2.0", "NaN"), "weight 'NaN' on edge 'L0N1' -> 'L1N0'"),
    "a weight in Python's spelling": (EDGE, EDGE.replace("-2.0", "-1_0"), "weight '-1_0' on edge 'L0N1' -> 'L1N0'"),
    "a weight in digits of another script": (EDGE, EDGE.replace("-2.0", "&#1634;"), "weight '\u0662' on edge"),
    "two weights": (EDGE, EDGE + '<data key="weight">1</data>', "'weight' twice in one <edge>"),
    "a sign that is no number": (EDGE, EDGE.replace(">-1<", ">nan<"), "sign 'nan' on edge"),
    "an edge of unknown direction": (EDGE, EDGE.replace(" source", ' directed="maybe" source'), "directed 'maybe' on"),
    "the wrong sign": (EDGE, EDGE.replace(">-1<", ">1<"), "sign 1 beside weight -2 on edge L0N1 -> L1N0"),
    "a sign that is text": (EDGE, EDGE.replace(">-1<", ">minus<"), "sign 'minus' on edge"),
}  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    below = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    above = BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1)
    path = tmp_path_factory.mktemp("good") / "net.graphml"
    write_graphml(SparseNetwork([below, above]), path, weights=[[0.5, -2.0], [1.0]])
    return path.read_text()


def refuse(path, words):
    with pytest.raises(InvalidFile, match=words) as caught:
        read_graphml(path)
    line = str(caught.value)
    assert line.startswith(f"GraphML file '{path}': given ")
    assert "\n" not in line
    return caught.value


@pytest.mark.parametrize("name", SPOILT)
def test_one_clear_line(name, good, tmp_path):
    old, new, words = SPOILT[name]
    spoilt = new if old is None else good.replace(old, new, 1)
    assert spoilt != good
    (tmp_path / "net.graphml").write_text(spoilt)
    refuse(tmp_path / "net.graphml", words)


def test_truncated_anywhere(good, tmp_path):
    path = tmp_path / "net.graphml"
    for length in range(0, len(good.rstrip()), 7):
        path.write_text(good[:length])
        refuse(path, "broken or truncated XML")


def test_absent(tmp_path):
    error = refuse(tmp_path / "net.graphml", "no such file")
    assert isinstance(error, FileNotFoundError)


def test_a_folder(tmp_path):
    refuse(tmp_path, "a folder, expected a GraphML file")


@pytest.mark.parametrize("name", ["file/inside", "x" * 300, "a\0b"])
def test_paths_that_no_file_can_have(name, tmp_path):
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / name
    assert "no file (" in str(refuse(path, "a path that exists"))
    with pytest.raises((InvalidFile, NotWritable), match=r"^writing"):
        write_graphml(zoo.GRAPHS["one edge"], path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("path", ["", ".", "/", ".."])
def test_paths_without_the_name_of_a_file(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotWritable, match="not the name of a file"):
        write_graphml(zoo.GRAPHS["one edge"], path)
    refuse(path or ".", "a folder")


def test_what_is_no_path():
    with pytest.raises(InvalidFile, match="GraphML file '5'"):
        read_graphml(5)
    with pytest.raises(InvalidOption, match="path: given int"):
        write_graphml(zoo.GRAPHS["one edge"], 5)


def test_joints_and_inputs_that_contradict(tmp_path):
    path = tmp_path / "net.graphml"
    write_graphml(zoo.NETWORKS["joint"], path)
    good = path.read_text()
    for old, new, words in (
        ("[[0, 0, 0, 1, 1, 1]]", "[[0, 0, 0, 1, 1, 9]]", r"joints\[0\] with 6 units, the largest 9"),
        ("[[0, 0, 0, 1, 1, 1]]", "[[0, 0", "not JSON"),
        ("[[0, 0, 0, 1, 1, 1]]", "[" * 100_000, "not JSON"),
        ("[[0, 0, 0, 1, 1, 1]]", '{"a": 1}', "of type dict"),
        ("[[0, 0, 0, 1, 1, 1]]", "[[0, 0, 0, 1, 1, -1]]", "joint -1 on"),
        ('<data key="input">5</data>', '<data key="input">0</data>', "input 0 on edge L1N1 -> L2N1"),
        ('<data key="input">5</data>', "", "no input on edge L1N1 -> L2N1"),
        ('<data key="input">5</data>', '<data key="input">x</data>', "input 'x' on edge"),
        ('<data key="input">5</data>', '<data key="input">4</data>', "edge L1N1 -> L2N1 twice"),
    ):
        assert old in good
        path.write_text(good.replace(old, new))
        refuse(path, words)
    path.write_text(good.replace('<data key="joints">[[0, 0, 0, 1, 1, 1]]</data>', ""))
    refuse(path, "edge L1N1 -> L2N1 twice")


def test_unit_attributes_of_the_wrong_type(tmp_path):
    graph = nx.DiGraph()
    graph.add_node("a", layer=0, index=0, age=3)
    graph.add_node("b", layer=1, index=0, age=4)
    path = tmp_path / "net.graphml"
    nx.write_graphml(graph, path)
    assert [row.tolist() for row in read_graphml_units(path)["age"]] == [[3], [4]]
    good = path.read_text()
    for text in ("four", "4_0", "99999999999999999999"):
        path.write_text(good.replace(">4<", f">{text}<"))
        assert read_graphml(path)[0].sizes == (1, 1)
        with pytest.raises(InvalidFile, match="age with an entry that is not of type long"):
            read_graphml_units(path)
