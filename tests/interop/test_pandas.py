"""pandas: one row per edge, and back in any order of rows."""

from __future__ import annotations

import numpy as np
import oracles
import pandas as pd
import pytest
import zoo
from hypothesis import given

from netsparse.errors import InvalidEdges, InvalidSize
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import from_pandas, to_pandas

NETWORKS = {**{name: SparseNetwork([graph]) for name, graph in zoo.GRAPHS.items()}, **zoo.NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_one_row_per_edge(name, hard_weights):
    network = NETWORKS[name]
    weights = hard_weights(network)
    frame = to_pandas(network, weights)
    rows = oracles.edge_rows(network, weights)
    columns = ["layer", "source", "target", "weight"]
    assert frame[columns].values.tolist() == [[k, s, t, w] for k, s, _, t, w in rows]
    assert ("input" in frame) == (name == "joint")


@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip_in_any_order(name, hard_weights, same):
    network = NETWORKS[name]
    weights = hard_weights(network)
    frame = to_pandas(network, weights).sample(frac=1, random_state=1)
    joints = network.joints if name == "joint" else None
    same(from_pandas(frame, sizes=network.sizes, joints=joints), (network, weights))
    bare = frame.drop(columns="weight")
    same(from_pandas(bare, sizes=network.sizes, joints=joints), (network, None))


@given(network=zoo.networks())
def test_round_trip_of_any_network(network, hard_weights, same):
    weights = hard_weights(network)
    same(from_pandas(to_pandas(network, weights), sizes=network.sizes), (network, weights))


def test_the_dtype_of_the_weights_is_kept():
    graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    assert to_pandas(graph, np.float32([1, 2]))["weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layer": [0, 2]}, "layer 2 in row 1, expected a layer below 2"),
        ({"source": [0, 2]}, "source 2 in row 1, expected a source below 2"),
        ({"target": [4, 0]}, "target 4 in row 0, expected a target below 2"),
        ({"source": [0, -1]}, "source -1 on row 1"),
        ({"source": [0, 0.5]}, "source 0.5 on row 1"),
        ({"source": ["a", "b"]}, "source 'a' on row 0"),
        ({"layer": [0, 0], "source": [1, 1], "target": [1, 1]}, "edge L0N1 -> L1N1 twice"),
        ({"weight": [1.0, np.nan]}, "no weight on edge L1N1 -> L2N0"),
        ({"weight": ["x", "y"]}, "weight 'x' on row 0"),
    ],
)
def test_bad_tables(change, words):
    frame = pd.DataFrame({"layer": [0, 1], "source": [1, 1], "target": [1, 0]})
    assert from_pandas(frame, sizes=[2, 2, 1])[0].n_edges == 2
    with pytest.raises(InvalidEdges, match=words) as caught:
        from_pandas(frame.assign(**change), sizes=[2, 2, 1])
    assert str(caught.value).startswith("edge table: given ")


def test_missing_columns_and_sizes():
    frame = pd.DataFrame({"layer": [0], "from": [0], "target": [0]})
    with pytest.raises(InvalidEdges, match=r"columns layer, from, target, expected layer, source, target.* get source"):
        from_pandas(frame, sizes=[1, 1])
    good = frame.rename(columns={"from": "source"})
    with pytest.raises(InvalidSize, match=r"sizes\[1\]: given 0"):
        from_pandas(good, sizes=[1, 0])
    with pytest.raises(InvalidEdges, match="layer 0 in row 0"):
        from_pandas(good, sizes=[1])
    with pytest.raises(InvalidEdges, match="no units"):
        from_pandas(good.iloc[:0], sizes=[])
