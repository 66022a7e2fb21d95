"""Opening the room loads none of the foreign packages, and the first sparse tensor is made without a warning."""

from __future__ import annotations

import subprocess
import sys


def run(code):
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


def test_the_room_is_light():
    loaded = run(
        "import sys, netsparse.interop\n"
        "print([name for name in ('torch', 'igraph', 'networkx', 'pandas', 'numba') if name in sys.modules])"
    )
    assert loaded.stdout.strip() == "[]", loaded.stderr


def test_the_first_csr_tensor_is_silent():
    quiet = run(
        "import netsparse as ns\n"
        "graph = ns.BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1)\n"
        "print(ns.interop.to_torch(graph).layout, ns.interop.to_torch(graph, layout='coo').layout)"
    )
    assert quiet.stdout.strip() == "torch.sparse_csr torch.sparse_coo", quiet.stderr
    assert quiet.stderr == ""
