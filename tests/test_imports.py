"""`import netsparse` is light, and every name it promises is there."""

import json
import subprocess
import sys

import pytest

import netsparse

HEAVY = ("torch", "igraph", "matplotlib", "numba", "pandas", "networkx", "sklearn")

LOADED = """
import json, sys
{statement}
print(json.dumps(sorted(set({heavy!r}) & set(sys.modules))))
"""


def loaded_by(statement):
    """Heavy packages in `sys.modules` of a fresh interpreter after `statement`."""
    code = LOADED.format(statement=statement, heavy=HEAVY)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(found.stdout)


def test_the_probe_sees_what_is_loaded():
    assert loaded_by("import networkx") == ["networkx"]


@pytest.mark.parametrize(
    "statement",
    [
        "import netsparse",
        "import netsparse; dir(netsparse); netsparse.__version__",
        "import netsparse; netsparse.BipartiteGraph.from_edges([0], [0], n_in=1, n_out=1)",
        "import netsparse; netsparse.generators.layered([9, 9], density=0.5, rng=0)",
    ],
)
def test_graphs_and_generators_load_nothing_heavy(statement):
    assert loaded_by(statement) == []


def test_metrics_load_pandas_alone():
    assert loaded_by("import netsparse; netsparse.metrics.spectral_gap") == ["pandas"]


@pytest.mark.parametrize("name", netsparse.__all__)
def test_every_public_name_is_there(name):
    assert getattr(netsparse, name) is not None
    assert name in dir(netsparse)


@pytest.mark.parametrize("room", netsparse.ROOMS)
def test_every_room_says_what_it_offers(room):
    module = getattr(netsparse, room)
    assert module.__name__ == f"netsparse.{room}"
    assert module.__doc__
    names = list(getattr(module, "__all__", ()))
    assert all(hasattr(module, name) for name in names)
    if hasattr(module, "__path__"):
        assert names
        upper = [name for name in names if name.isupper()]
        classes = [name for name in names if not name.isupper() and name[0].isupper()]
        functions = [name for name in names if name[0].islower()]
        assert names == sorted(names) or names == sorted(upper) + sorted(classes) + sorted(functions)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'percolate'; it has BipartiteGraph, .*train"):
        netsparse.percolate  # noqa: B018
