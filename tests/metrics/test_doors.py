"""Every metric, given something that is no graph, says so in one line."""

import inspect

import networkx as nx
import numpy as np
import pytest

from netsparse import errors, metrics

OF_ONE_GRAPH = sorted(
    name
    for name in metrics.__all__
    if name[0].islower() and next(iter(inspect.signature(getattr(metrics, name)).parameters)) == "graph"
)
OTHERS = {"barber_modularity": ([0],)}
OPTIONS = {"inputs": [0], "outputs": [0], "block_shape": (2, 2), "rng": 0}


def test_most_metrics_are_of_one_graph():
    assert {"spectral_gap", "betweenness", "barber_modularity", "density"} <= set(OF_ONE_GRAPH)
    assert len(OF_ONE_GRAPH) > 60


@pytest.mark.parametrize(
    "given", [None, np.eye(3), nx.path_graph(3), [1, 2]], ids=["None", "array", "networkx", "list"]
)
@pytest.mark.parametrize("name", OF_ONE_GRAPH)
def test_something_that_is_no_graph_is_named(name, given):
    metric = getattr(metrics, name)
    needed = [n for n, p in inspect.signature(metric).parameters.items() if p.kind is p.KEYWORD_ONLY]
    options = {n: OPTIONS[n] for n in needed if n in OPTIONS}
    with pytest.raises(errors.InvalidGraph, match=rf"graph: given {type(given).__name__}, expected a Bipartite"):
        metric(given, *OTHERS.get(name, ()), **options)
