"""Edges that stayed, came and went, each where it belongs."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import netsparse as ns
from netsparse import errors, plotting
from netsparse.plotting.rewiring import CAME, STAYED, WENT


def places(collection):
    """Return the pairs (source, target) that squares stand for."""
    middles = [path.vertices[:4].mean(axis=0) for path in collection.get_paths()]
    return {(round(y), round(x)) for x, y in middles}


def test_every_edge_is_drawn_once_in_the_colour_of_what_became_of_it():
    before = ns.BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 1, 1], n_in=4, n_out=3)
    after = ns.BipartiteGraph.from_edges([0, 3, 1, 2], [0, 1, 2, 2], n_in=4, n_out=3)
    ax = plotting.rewired(before, after)
    drawn = {mpl.colors.to_hex(part.get_facecolor()[0]): places(part) for part in ax.collections}
    assert drawn == {STAYED: {(0, 0), (3, 1)}, WENT: {(1, 0), (2, 1)}, CAME: {(1, 2), (2, 2)}}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["2 stayed", "2 came", "2 went"]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 2.5), (3.5, -0.5))


def test_many_edges_are_cells_with_the_share_that_came():
    before = ns.generators.erdos_renyi(300, 300, n_edges=21_000, rng=0)
    added = ns.graph.free_pairs(before, 4000, rng=0)
    after, _ = ns.apply(before, ns.EdgeDelta(np.arange(4000), *added))
    ax = plotting.rewired(before, after, legend=False)
    share = np.asarray(ax.images[0].get_array())
    assert ax.get_legend() is None
    assert share[added[0], added[1]].min() == 1.0
    assert share.sum() == 4000


def test_a_quantity_of_the_topology_over_the_steps():
    table = pd.DataFrame({"step": [10, 10, 20, 20], "layer": [0, 1, 0, 1], "itop_rate": [0.1, 0.3, 0.2, 0.6]})
    mean = plotting.topology_history({"SET": table}, "itop_rate").lines[0]
    np.testing.assert_allclose(mean.get_xydata(), [[10, 0.2], [20, 0.4]])
    one = plotting.topology_history({"SET": table}, "itop_rate", layer=1).lines[0]
    np.testing.assert_allclose(one.get_ydata(), [0.3, 0.6])
    with pytest.raises(errors.UnknownName, match="itop_rate"):
        plotting.topology_history({"SET": table}, "age")


def test_wirings_between_other_units_are_refused():
    with pytest.raises(errors.InvalidEdges, match="same units"):
        plotting.rewired(ns.generators.complete(2, 2), ns.generators.complete(2, 3))
