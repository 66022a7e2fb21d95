"""The examples in the docstrings of every module run and print what they say."""

import doctest
import importlib
import pkgutil

import matplotlib.pyplot as plt
import pytest

import netsparse

FOUND = sorted(module.name for module in pkgutil.walk_packages(netsparse.__path__, "netsparse."))
# importing the one runs it; the other runs inside the build backend, which need not be installed
MODULES = ["netsparse", *(name for name in FOUND if not name.endswith(("__main__", "build_hook")))]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)  # an example that writes a file leaves nothing behind
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    plt.close("all")  # examples draw, and matplotlib warns of many open figures
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples fail; see the captured output"


def test_every_floor_is_walked():
    rooms = {name.split(".")[1] for name in MODULES if "." in name}
    assert {"graph", "generators", "metrics", "rewiring", "percolation", "nn", "train"} <= rooms
