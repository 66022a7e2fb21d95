"""What is of the wrong type altogether is refused at the door of every format, in one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import zoo

from netsparse import interop
from netsparse.errors import InvalidEdges, InvalidEdgeVector, InvalidFile, InvalidNetwork, InvalidOption, InvalidSize
from netsparse.graph import SparseNetwork
from netsparse.interop.npz import read_npz, write_npz
from netsparse.interop.torch import kernel_shapes
from netsparse.interop.torch_state import read_torch
from netsparse.interop.viewing import collapsed, strongest_edges

GRAPH = zoo.GRAPHS["one edge"]
NETWORK = SparseNetwork([GRAPH])
TABLE = pd.DataFrame({"layer": [0], "source": [0], "target": [0]})
REFUSED = {
    "from_networkx": (lambda: interop.from_networkx(5), InvalidNetwork, r"type int, expected networkx\.Graph"),
    "from_igraph": (lambda: interop.from_igraph(5), InvalidNetwork, r"type int, expected igraph\.Graph"),
    "from_pandas": (
        lambda: interop.from_pandas(5, sizes=[1, 1]),
        InvalidEdges,
        "type int, expected pandas.DataFrame",
    ),
    "sizes": (lambda: interop.from_pandas(TABLE, sizes=5), InvalidSize, "sizes: given 5"),
    "joints": (lambda: interop.from_pandas(TABLE, sizes=[1, 1], joints=5), InvalidEdges, "'joints' of type int"),
    "from_scipy": (lambda: interop.from_scipy(5), InvalidEdges, "given int"),
    "from_torch": (lambda: interop.from_torch(5), InvalidNetwork, "source: given int"),
    "to_scipy": (lambda: interop.to_scipy(NETWORK), InvalidNetwork, "given SparseNetwork, expected a BipartiteGraph"),
    "to_torch": (lambda: interop.to_torch(NETWORK), InvalidNetwork, "given SparseNetwork, expected a BipartiteGraph"),
    "to_networkx": (lambda: interop.to_networkx(5), InvalidNetwork, "network: given int"),
    "to_igraph": (lambda: interop.to_igraph(5), InvalidNetwork, "network: given int"),
    "to_pandas": (lambda: interop.to_pandas(5), InvalidNetwork, "network: given int"),
    "write_graphml": (lambda: interop.write_graphml(5, "a"), InvalidNetwork, "network: given int"),
    "write_npz": (lambda: write_npz(5, "a"), InvalidNetwork, "network: given int"),
    "a path to write to": (lambda: write_npz(GRAPH, 5), InvalidOption, "path: given int, expected a path"),
    "read_npz": (lambda: read_npz(None), InvalidFile, "npz file 'None': given no file"),
    "read_torch": (lambda: read_torch(None), InvalidFile, "torch file 'None': given no file"),
    "inputs of read_torch": (lambda: read_torch("a", n_in=1.5), InvalidSize, "n_in: given 1.5"),
    "kernel_shapes": (lambda: kernel_shapes(5), InvalidNetwork, "source: given int"),
    "a tensor's kernel": (lambda: kernel_shapes(torch.ones(2, 2)), InvalidNetwork, "source: given Tensor"),
    "strongest_edges": (lambda: strongest_edges(5, None, 1), InvalidNetwork, "network: given int"),
    "collapsed": (lambda: collapsed(5, n_groups=1), InvalidNetwork, "network: given int"),
    "kernels": (
        lambda: interop.write_graphml(GRAPH, "a", kernels=5),
        InvalidOption,
        r"kernels: given 5, expected one shape or None per layer \(1\)",
    ),
    "top_k": (
        lambda: interop.to_networkx(GRAPH, [1.0], top_k=0.5),
        InvalidOption,
        "number of strongest edges: given 0.5",
    ),
    "unit_attributes": (
        lambda: interop.to_networkx(GRAPH, unit_attributes=[1]),
        InvalidOption,
        "unit_attributes: given a list, expected a mapping",
    ),
    "a unit attribute": (
        lambda: interop.to_networkx(GRAPH, unit_attributes={"a": 5}),
        InvalidOption,
        "given an object of type int",
    ),
    "bytes of another order": (
        lambda: interop.to_torch(GRAPH, np.ones(1, ">f8")),
        InvalidEdgeVector,
        "dtype >f8, expected numbers of a type torch has",
    ),
    "a tensor without values": (
        lambda: interop.from_torch(torch.empty(2, 2, device="meta")),
        InvalidEdges,
        r"shape \(2, 2\) on the meta device",
    ),
    "a model without values": (
        lambda: interop.from_torch(torch.nn.Linear(2, 2, device="meta")),
        InvalidEdges,
        r"shape \(2, 2\) on the meta device",
    ),
}


@pytest.mark.parametrize("door", REFUSED)
def test_one_line_at_the_door(door):
    enter, error, words = REFUSED[door]
    with pytest.raises(error, match=words) as caught:
        enter()
    assert "\n" not in str(caught.value)


def test_read_only_bytes_of_another_order():
    values = np.ones(1, ">f8")
    values.setflags(write=False)
    with pytest.raises(InvalidEdgeVector, match="dtype >f8"):
        interop.to_torch(GRAPH, values)
