"""Doors to foreign formats: networkx, igraph, scipy, torch, pandas, GraphML, npz; packages load on the first call."""

from netsparse.interop.graphml import read_graphml, read_graphml_units, write_graphml
from netsparse.interop.igraph import from_igraph, to_igraph
from netsparse.interop.networkx import from_networkx, to_networkx
from netsparse.interop.npz import read_npz, write_npz
from netsparse.interop.pandas import from_pandas, to_pandas
from netsparse.interop.scipy import from_scipy, to_scipy
from netsparse.interop.torch import from_torch, kernel_shapes, to_torch
from netsparse.interop.torch_state import read_torch
from netsparse.interop.viewing import collapsed, strongest_edges

__all__ = [
    "collapsed",
    "from_igraph",
    "from_networkx",
    "from_pandas",
    "from_scipy",
    "from_torch",
    "kernel_shapes",
    "read_graphml",
    "read_graphml_units",
    "read_npz",
    "read_torch",
    "strongest_edges",
    "to_igraph",
    "to_networkx",
    "to_pandas",
    "to_scipy",
    "to_torch",
    "write_graphml",
    "write_npz",
]
