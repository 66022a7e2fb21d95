"""GraphML: our file, read by us, by networkx and by igraph; and what those two write of it, read by us."""

from __future__ import annotations

import errno
import subprocess
import sys
import tempfile
from pathlib import Path

import igraph
import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse.errors import DiskFull, InvalidEdgeVector, InvalidFile, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import (
    from_networkx,
    read_graphml,
    read_graphml_units,
    to_igraph,
    to_networkx,
    write_graphml,
)

NETWORKS = {**{name: SparseNetwork([graph]) for name, graph in zoo.GRAPHS.items()}, **zoo.NETWORKS}
SMALL = BipartiteGraph.from_edges([0, 2], [1, 0], n_in=3, n_out=2)
EXPECTED = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
<key id="layer" for="node" attr.name="layer" attr.type="int"/>
<key id="index" for="node" attr.name="index" attr.type="int"/>
<key id="bipartite" for="node" attr.name="bipartite" attr.type="int"/>
<key id="kind" for="node" attr.name="kind" attr.type="string"/>
<key id="label" for="node" attr.name="label" attr.type="string"/>
<key id="weight" for="edge" attr.name="weight" attr.type="double"/>
<key id="sign" for="edge" attr.name="sign" attr.type="int"/>
<key id="abs_weight" for="edge" attr.name="abs_weight" attr.type="double"/>
<graph id="G" edgedefault="directed">
<node id="L0N0"><data key="layer">0</data><data key="index">0</data><data key="bipartite">0</data>\
<data key="kind">input</data><data key="label">input 0</data></node>
<node id="L1N0"><data key="layer">1</data><data key="index">0</data><data key="bipartite">1</data>\
<data key="kind">output</data><data key="label">output 0</data></node>
<edge source="L0N0" target="L1N0"><data key="weight">-0.1</data><data key="sign">-1</data>\
<data key="abs_weight">0.1</data></edge>
</graph>
</graphml>
"""


def test_the_file_to_the_letter(tmp_path):
    write_graphml(zoo.GRAPHS["one edge"], tmp_path / "a.graphml", weights=[-0.1])
    assert (tmp_path / "a.graphml").read_bytes() == EXPECTED.encode()


@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(name, tmp_path, hard_weights, same):
    network, path = NETWORKS[name], tmp_path / "net.graphml"
    weights = hard_weights(network)
    write_graphml(network, path)
    same(read_graphml(path), (network, None))
    write_graphml(network, path, weights=weights)
    same(read_graphml(path), (network, weights))
    assert list(tmp_path.iterdir()) == [path]


@given(network=zoo.networks(), data=st.data())
def test_round_trip_of_any_network_with_any_finite_weights(network, data, same):
    finite = st.floats(allow_nan=False, allow_infinity=False)
    weights = [np.array(data.draw(st.lists(finite, min_size=g.n_edges, max_size=g.n_edges))) for g in network.layers]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.graphml"
        write_graphml(network, path, weights=weights)
        same(read_graphml(path), (network, weights))


@pytest.mark.parametrize("name", NETWORKS)
def test_networkx_reads_what_to_networkx_gives(name, tmp_path, hard_weights):
    network, path = NETWORKS[name], tmp_path / "net.graphml"
    weights = hard_weights(network)
    write_graphml(network, path, weights=weights)
    read, made = nx.read_graphml(path), to_networkx(network, weights)
    assert type(read) is type(made)
    assert list(read.nodes(data=True)) == list(made.nodes(data=True))
    assert list(read.edges(data=True)) == list(made.edges(data=True))
    assert read.graph.get("joints") == made.graph.get("joints")


@pytest.mark.parametrize("name", NETWORKS)
def test_igraph_reads_edge_for_edge(name, tmp_path, hard_weights):
    network, path = NETWORKS[name], tmp_path / "net.graphml"
    weights = hard_weights(network)
    write_graphml(network, path, weights=weights)
    read, made = igraph.Graph.Read_GraphML(str(path)), to_igraph(network, weights)
    assert read.vs["id"] == made.vs["name"]
    assert read.get_edgelist() == made.get_edgelist()
    for what in ("layer", "index", "bipartite", "kind", "label"):
        assert read.vs[what] == made.vs[what]
    for what in ("weight", "sign", "abs_weight"):
        assert read.es[what] == made.es[what]
    rows = oracles.edge_rows(network, weights)
    found = [(e.source_vertex["id"], e.target_vertex["id"], e["weight"]) for e in read.es]
    assert found == [(f"L{k}N{s}", f"L{k + 1}N{t}", w) for k, s, _, t, w in rows]


@pytest.mark.parametrize("name", NETWORKS)
def test_back_from_networkx(name, tmp_path, hard_weights, same):
    network, ours, theirs = NETWORKS[name], tmp_path / "a.graphml", tmp_path / "b.graphml"
    weights = hard_weights(network)
    write_graphml(network, ours, weights=weights)
    nx.write_graphml(nx.read_graphml(ours), theirs)
    assert b'for="node" attr.name="layer"' in theirs.read_bytes()
    assert b'key id="layer"' not in theirs.read_bytes()  # renamed to d0, d1 ...
    same(read_graphml(theirs), (network, weights if network.n_edges else None))
    nx.write_graphml(to_networkx(network), theirs)
    same(read_graphml(theirs), (network, None))


@pytest.mark.parametrize("name", NETWORKS)
def test_back_from_igraph(name, tmp_path, hard_weights):
    network, ours, theirs = NETWORKS[name], tmp_path / "a.graphml", tmp_path / "b.graphml"
    weights = [np.float32(vector.clip(-1e30, 1e30)) for vector in hard_weights(network)]
    write_graphml(network, ours, weights=weights)
    igraph.Graph.Read_GraphML(str(ours)).write_graphml(str(theirs))
    assert b'<node id="n0">' in theirs.read_bytes()  # renamed
    assert b'attr.name="layer" attr.type="double"' in theirs.read_bytes()  # igraph has no integers
    found, values = read_graphml(theirs)
    assert found == network
    assert values is not None
    # igraph writes 15 digits: exact for every float32 weight
    for mine, theirs in zip(weights, values, strict=True):
        assert np.float32(theirs).tolist() == mine.tolist()


def test_the_same_network_gives_the_same_bytes(tmp_path, hard_weights):
    network = zoo.NETWORKS["three layers"]
    weights = hard_weights(network)
    copy = SparseNetwork(
        [
            BipartiteGraph.from_edges(g.sources[::-1], g.targets[::-1], n_in=g.n_in, n_out=g.n_out)
            for g in network.layers
        ]
    )
    write_graphml(network, tmp_path / "a", weights=weights)
    write_graphml(copy, tmp_path / "b", weights=[values.copy() for values in weights])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_more_than_one_block_and_float32(tmp_path):
    rng = np.random.default_rng(0)
    keys = np.sort(rng.choice(300 * 17_000, 40_000, replace=False))
    graph = BipartiteGraph.from_sorted_keys(keys, n_in=300, n_out=17_000)
    weights = rng.standard_normal(graph.n_edges).astype(np.float32)
    write_graphml(graph, tmp_path / "a", weights=weights)
    network, values = read_graphml(tmp_path / "a")
    assert network == SparseNetwork([graph])
    assert values is not None
    assert values[0].tolist() == weights.astype(float).tolist()


# unit attributes -----------------------------------------------------------------------------------------------------


def test_unit_attributes_round_trip(tmp_path):
    path = tmp_path / "net.graphml"
    attributes = {
        "bias": [[0.1, -2.0, np.nan], [np.inf, -np.inf]],
        "big": [[1, 2, 3], [2**40, -(2**40)]],
        "kept": [[True, False, True], [True, True]],
        '100 % <odd> & "quoted"': [["a<b", "ü%s", 'x"&"y'], ["line\r\nbreak", ""]],
    }
    write_graphml(SMALL, path, unit_attributes=attributes)
    found = read_graphml_units(path)
    assert list(found) == list(attributes)
    for name, rows in attributes.items():
        for mine, given_row in zip(found[name], rows, strict=True):
            np.testing.assert_array_equal(mine, np.asarray(given_row))
    assert found["big"][0].dtype == np.int64
    assert read_graphml(path) == (SparseNetwork([SMALL]), None)
    text = path.read_text()
    assert 'attr.name="big" attr.type="long"' in text
    assert 'attr.name="kept" attr.type="int"' in text
    assert "boolean" not in text
    node = nx.read_graphml(path).nodes["L0N1"]
    assert (node["bias"], node["kept"], node['100 % <odd> & "quoted"']) == (-2.0, 0, "ü%s")
    assert igraph.Graph.Read_GraphML(str(path)).vs["bias"][3:] == [np.inf, -np.inf]


def test_units_keep_their_attributes_in_any_order(tmp_path):
    path = tmp_path / "net.graphml"
    write_graphml(SMALL, path, unit_attributes={"pixel": [[10, 11, 12], [20, 21]]})
    graph = igraph.Graph.Read_GraphML(str(path)).permute_vertices([3, 0, 4, 2, 1])
    graph.write_graphml(str(path))
    assert [row.tolist() for row in read_graphml_units(path)["pixel"]] == [[10, 11, 12], [20, 21]]


@pytest.mark.parametrize("name", ["weight", "sign", "abs_weight", "input", "joints", "u0", "edge"])
def test_units_may_have_attributes_named_like_those_of_edges(name, tmp_path):
    path, network = tmp_path / "net.graphml", zoo.NETWORKS["joint"]
    weights = tuple(np.arange(graph.n_edges) + 1.0 for graph in network.layers)
    attributes = {"other": [["x"] * size for size in network.sizes], name: [np.arange(size) for size in network.sizes]}
    write_graphml(network, path, weights=weights, unit_attributes=attributes)
    found = read_graphml_units(path)
    assert list(found) == list(attributes)
    assert [row.tolist() for row in found[name]] == [row.tolist() for row in attributes[name]]
    read, values = read_graphml(path)
    assert read == network
    assert values is not None
    assert [value.tolist() for value in values] == [value.tolist() for value in weights]


def test_attributes_that_some_units_lack(tmp_path):
    graph = to_networkx(SMALL)
    graph.nodes["L0N1"].update(age=3, mark="x")
    nx.write_graphml(graph, tmp_path / "a")
    found = read_graphml_units(tmp_path / "a")
    np.testing.assert_array_equal(found["age"][0], [np.nan, 3.0, np.nan])
    assert found["mark"][0].tolist() == ["", "x", ""]


def test_own_labels(tmp_path):
    write_graphml(SMALL, tmp_path / "a", unit_attributes={"label": [["r", "g", "b"], ["cat", "dog"]]})
    labels = nx.get_node_attributes(nx.read_graphml(tmp_path / "a"), "label")
    assert list(labels.values()) == ["r", "g", "b", "cat", "dog"]
    assert read_graphml_units(tmp_path / "a") == {}


@pytest.mark.parametrize("bad", [{"na\x00me": [[1, 2, 3], [4, 5]]}, {"name_of": [["a", "b", "c"], ["d", "\x1b[0m"]]}])
def test_control_characters_are_refused_and_nothing_is_left(bad, tmp_path):
    with pytest.raises(InvalidOption, match="text without control characters"):
        write_graphml(SMALL, tmp_path / "a", unit_attributes=bad)
    assert list(tmp_path.iterdir()) == []


# what other tools write ----------------------------------------------------------------------------------------------

GEPHI = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:y="http://www.yworks.com/xml/graphml">
<key attr.name="label" attr.type="string" for="node" id="label"/>
<key attr.name="Edge Label" attr.type="string" for="edge" id="edgelabel"/>
<key attr.name="weight" attr.type="double" for="edge" id="weight"><default>1.0</default></key>
<key attr.name="layer" attr.type="float" for="all" id="k1"><desc>level</desc><default>1</default></key>
<key attr.name="index" attr.type="string" for="node" id="k2"/>
<key for="node" id="d6" yfiles.type="nodegraphics"/>
<graph edgedefault="undirected">
<desc>edges may come first</desc>
<edge id="7" source="c" target="a"><data key="weight"> -2.5 </data></edge>
<node id="a"><data key="k1">0.0</data><data key="k2"> 0 </data>
  <data key="d6"><y:ShapeNode><y:node id="trap"/><data key="nothing">9</data></y:ShapeNode></data></node>
<node id="b"><data key="k1">0E0</data><data key="k2">1</data><data key="label">layer &amp; &#60;</data></node>
<node id="c"><data key="k2">0</data></node>
<edge source="b" target="c" directed="true"/>
</graph></graphml>
"""


def test_a_file_in_another_hand(tmp_path):
    (tmp_path / "a").write_text(GEPHI)
    network, weights = read_graphml(tmp_path / "a")
    assert network == SparseNetwork([BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)])
    assert weights is not None
    assert weights[0].tolist() == [-2.5, 1.0]  # the second by the key's default


def test_weights_under_a_key_for_nodes(tmp_path):
    # as Cytoscape declares them
    text = EXPECTED.replace('id="weight" for="edge"', 'id="weight" for="node"')
    assert text != EXPECTED
    (tmp_path / "a").write_text(text)
    _, weights = read_graphml(tmp_path / "a")
    assert weights is not None
    assert weights[0].tolist() == [-0.1]


def test_data_belong_to_the_element_they_sit_in(tmp_path):
    text = GEPHI.replace('<edge source="b" target="c" directed="true"/>', "<!-- late -->")
    text = text.replace('for="edge" id="weight"', 'for="node" id="weight"')
    text = text.replace("<!-- late -->", '<edge source="b" target="c"><data key="w2">3</data></edge>')
    text = text.replace("<graph ", '<key id="w2" for="port" attr.name="weight" attr.type="float"/><graph ')
    (tmp_path / "a").write_text(text)
    weights = read_graphml(tmp_path / "a")[1]
    assert weights is not None
    assert weights[0].tolist() == [-2.5, 3.0]
    (tmp_path / "a").write_text(text.replace('<data key="w2">3</data>', ""))
    with pytest.raises(InvalidFile, match="no weight on edge L0N1 -> L1N0"):  # the default is one of nodes
        read_graphml(tmp_path / "a")


def test_an_edge_without_a_weight_before_the_first_with_one(tmp_path):
    text = GEPHI.replace("<default>1.0</default>", "").replace('for="edge" id="weight"', 'for="node" id="weight"')
    text = text.replace('<data key="weight"> -2.5 </data>', "")
    (tmp_path / "a").write_text(text)
    assert read_graphml(tmp_path / "a")[1] is None
    last = '<edge source="b" target="c" directed="true"/>'
    (tmp_path / "a").write_text(text.replace(last, last.replace("/>", '><data key="weight">1</data></edge>')))
    with pytest.raises(InvalidFile, match="no weight on edge L0N0 -> L1N0"):
        read_graphml(tmp_path / "a")


def test_weights_that_are_all_nan_are_not_no_weights(tmp_path):
    (tmp_path / "a").write_text(EXPECTED.replace(">-0.1<", ">NaN<"))
    with pytest.raises(InvalidFile, match="weight 'NaN' on edge 'L0N0' -> 'L1N0'"):
        read_graphml(tmp_path / "a")


def test_utf16(tmp_path):
    (tmp_path / "a").write_bytes(EXPECTED.replace("UTF-8", "UTF-16").encode("utf-16"))
    assert read_graphml(tmp_path / "a")[0].sizes == (1, 1)


# writing where it cannot be done -------------------------------------------------------------------------------------


def test_an_older_file_survives_bad_weights(tmp_path):
    path = tmp_path / "net.graphml"
    write_graphml(SMALL, path)
    before = path.read_bytes()
    with pytest.raises(InvalidEdgeVector, match="finite"):
        write_graphml(SMALL, path, weights=[1.0, np.inf])
    with pytest.raises(InvalidEdgeVector, match="one entry per edge"):
        write_graphml(SMALL, path, weights=[1.0])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("netsparse.interop.graphml.edge_blocks", full)
    with pytest.raises(DiskFull, match="a full disk"):
        write_graphml(SMALL, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InvalidFile, match="no folder") as caught:
        write_graphml(SMALL, tmp_path / "nowhere" / "a")
    assert isinstance(caught.value, FileNotFoundError)


# size ----------------------------------------------------------------------------------------------------------------

MEASURE = """
import resource, sys, time, numpy as np
import netsparse as ns
path, n_edges, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
keys = np.arange(0, 2 * n_edges, 2)
network = ns.BipartiteGraph.from_sorted_keys(keys, n_in=2000, n_out=1000)
weights = np.random.default_rng(0).standard_normal(n_edges)
import defusedxml.ElementTree, netsparse.interop
small = ns.BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1)
ns.interop.write_graphml(small, path + ".small", weights=[1.0])
ns.interop.read_graphml(path + ".small")
before, start = peak(), time.perf_counter()
if what == "write":
    ns.interop.write_graphml(network, path, weights=weights)
else:
    found, values = ns.interop.read_graphml(path)
    assert found.layers[0] == network and values[0].tobytes() == weights.tobytes()
print(time.perf_counter() - start, peak() - before)
"""


@pytest.mark.slow
def test_a_million_edges_in_flat_memory(tmp_path):
    def measure(what, n_edges):
        arguments = [sys.executable, "-c", MEASURE, str(tmp_path / f"{n_edges}.graphml"), str(n_edges), what]
        run = subprocess.run(arguments, capture_output=True, text=True, check=True)
        seconds, growth = map(float, run.stdout.split())
        return seconds, growth

    measure("write", 100_000)
    seconds, growth = measure("write", 1_000_000)
    assert seconds < 60
    assert growth < 32e6  # a block of lines, however many edges follow
    seconds, growth = measure("read", 1_000_000)
    assert seconds < 60
    assert growth < 200 * 1_000_000  # bytes per edge for its arrays; an element tree takes more than 2,000


def test_from_networkx_and_read_graphml_agree(tmp_path, hard_weights, same):
    network = zoo.NETWORKS["joint"]
    write_graphml(network, tmp_path / "a", weights=hard_weights(network))
    same(from_networkx(nx.read_graphml(tmp_path / "a")), read_graphml(tmp_path / "a"))
