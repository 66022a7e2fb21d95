"""Networks small enough to look at: the strongest edges, and groups of units."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse.errors import InvalidEdgeVector, InvalidNetwork, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import read_graphml, to_igraph, to_networkx, write_graphml
from netsparse.interop.viewing import collapsed, strongest_edges

NETWORKS = {**{name: SparseNetwork([graph]) for name, graph in zoo.GRAPHS.items()}, **zoo.NETWORKS}


def drawn(network, seed=0):
    """Weights with many ties and some zeros."""
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, graph.n_edges) / 2 for graph in network.layers]


def strongest_of(network, weights, k):
    """The k strongest edges as (layer, edge), found by sorting a list."""
    edges = [(-abs(w), layer, edge) for layer, row in enumerate(weights) for edge, w in enumerate(row.tolist())]
    return sorted((layer, edge) for _, layer, edge in sorted(edges)[:k])


# strongest_edges -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_the_k_strongest_edges(name):
    network, weights = NETWORKS[name], drawn(NETWORKS[name])
    for k in {0, 1, network.n_edges // 3, max(network.n_edges - 1, 0), network.n_edges, network.n_edges + 5}:
        found, values = strongest_edges(network, weights, k)
        assert found.n_edges == min(k, network.n_edges)
        assert found.sizes == network.sizes
        assert [layer.n_in for layer in found.layers] == [layer.n_in for layer in network.layers]
        expected = strongest_of(network, weights, k)
        for layer, (graph, row) in enumerate(zip(found.layers, values, strict=True)):
            edges = [edge for where, edge in expected if where == layer]
            below = network.layers[layer]
            sources, targets = below.sources[edges], below.targets[edges]
            assert graph == BipartiteGraph.from_edges(sources, targets, n_in=below.n_in, n_out=below.n_out)
            assert row.tolist() == weights[layer][edges].tolist()
    joints = zip(strongest_edges(network, weights, 1)[0].joints, network.joints, strict=True)
    assert all(np.array_equal(mine, theirs) for mine, theirs in joints if theirs is not None)


@given(network=zoo.networks(), data=st.data())
def test_no_edge_left_out_is_stronger_than_one_kept(network, data):
    finite = st.floats(-5, 5)
    weights = [np.array(data.draw(st.lists(finite, min_size=g.n_edges, max_size=g.n_edges))) for g in network.layers]
    k = data.draw(st.integers(0, network.n_edges))
    kept = np.concatenate(strongest_edges(network, weights, k)[1])
    magnitudes = np.sort(abs(np.concatenate(weights)))[::-1]
    assert np.sort(abs(kept))[::-1].tolist() == magnitudes[:k].tolist()


def test_types_are_kept_and_whole_numbers_do_not_wrap():
    graph = zoo.GRAPHS["star in"]
    network, (values,) = strongest_edges(graph, np.array([-128, 1, 2, 3, 4, 127], dtype=np.int8), np.int64(2))
    assert (values.dtype, values.tolist(), network.n_edges) == (np.int8, [-128, 127], 2)
    assert strongest_edges(graph, np.ones(6, np.float32), 3)[0].layers[0].sources.tolist() == [0, 1, 2]


@pytest.mark.parametrize("k", [-1, 1.5, True, None, "5"])
def test_numbers_of_edges_that_are_none(k):
    with pytest.raises(InvalidOption, match="number of strongest edges: given") as caught:
        strongest_edges(zoo.GRAPHS["complete"], np.ones(12), k)
    assert "\n" not in str(caught.value)


def test_what_strongest_edges_refuses():
    with pytest.raises(InvalidEdgeVector, match="weights: given None, expected one edge vector per layer"):
        strongest_edges(zoo.GRAPHS["complete"], None, 3)
    with pytest.raises(InvalidEdgeVector, match="finite"):
        strongest_edges(zoo.GRAPHS["complete"], np.full(12, np.nan), 3)
    with pytest.raises(InvalidNetwork, match="given int"):
        strongest_edges(5, None, 3)


@pytest.mark.parametrize("name", ["sparse random", "three layers", "joint"])
def test_the_viewers_doors_take_only_the_strongest(name, tmp_path, same):
    network, weights = NETWORKS[name], drawn(NETWORKS[name])
    expected = strongest_edges(network, weights, 5)
    write_graphml(network, tmp_path / "a", weights=weights, top_k=5)
    same(read_graphml(tmp_path / "a"), expected)
    assert nx.utils.graphs_equal(to_networkx(network, weights, top_k=5), to_networkx(*expected))
    mine, theirs = to_igraph(network, weights, top_k=5), to_igraph(*expected)
    assert mine.ecount() == 5
    assert mine.vcount() == sum(network.sizes)
    assert mine.get_edgelist() == theirs.get_edgelist()
    assert mine.es["weight"] == theirs.es["weight"]
    write_graphml(network, tmp_path / "a", weights=iter(weights), top_k=5)  # which can be walked through only once
    same(read_graphml(tmp_path / "a"), expected)
    assert to_networkx(network, iter(weights), top_k=5).number_of_edges() == 5
    assert to_igraph(network, iter(weights), top_k=5).ecount() == 5
    single = network.layers[0]
    assert to_networkx(single, weights[0], top_k=2).number_of_edges() == 2
    for door in (
        lambda: write_graphml(network, tmp_path / "b", top_k=5),
        lambda: to_networkx(network, top_k=5),
        lambda: to_igraph(network, top_k=5),
    ):
        with pytest.raises(InvalidEdgeVector, match="the strongest edges are those of largest"):
            door()
    with pytest.raises(InvalidOption, match="number of strongest edges: given -1"):
        write_graphml(network, tmp_path / "b", weights=weights, top_k=-1)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# collapsed -----------------------------------------------------------------------------------------------------------


def blocks_of(network, weights, labels, sizes):
    """Sums of |w| and numbers of edges between groups, edge by edge, as dense matrices (below x above)."""
    sums = [np.zeros(shape) for shape in itertools.pairwise(sizes)]
    counts = [np.zeros(shape) for shape in itertools.pairwise(sizes)]
    for k, graph in enumerate(network.layers):
        joint = network.joints[k - 1] if k else None
        for edge, (source, target) in enumerate(zip(graph.sources, graph.targets, strict=True)):
            unit = source if joint is None else joint[source]
            sums[k][labels[k][unit], labels[k + 1][target]] += abs(weights[k][edge])
            counts[k][labels[k][unit], labels[k + 1][target]] += 1
    return sums, counts


def check(network, weights, labels, sizes, n_groups):
    sums, counts = blocks_of(network, weights, labels, sizes)
    for given_weights, expected in ((weights, sums), (None, counts)):
        found, values = collapsed(network, given_weights, n_groups=n_groups)
        assert found.sizes == tuple(sizes)
        assert found.joints == (None,) * (len(sizes) - 2)
        for graph, row, block, count in zip(found.layers, values, expected, counts, strict=True):
            assert graph == BipartiteGraph.from_mask(count.T)
            assert row.dtype == np.float64
            np.testing.assert_allclose(graph.weight_matrix(row).toarray(), block.T, rtol=1e-12)


@pytest.mark.parametrize("n_groups", [1, 3, 1000])
@pytest.mark.parametrize("name", NETWORKS)
def test_contiguous_groups(name, n_groups):
    network = NETWORKS[name]
    sizes = [min(n_groups, size) for size in network.sizes]
    labels = [np.arange(size) * n // size for size, n in zip(network.sizes, sizes, strict=True)]
    for row, n in zip(labels, sizes, strict=True):
        members = np.bincount(row, minlength=n)
        assert members.max() - members.min() <= 1
        assert members.min() >= 1
        assert (np.diff(row) >= 0).all()
    check(network, drawn(network), labels, sizes, n_groups)
    check(network, drawn(network), labels, sizes, [n_groups] * len(sizes))


@pytest.mark.parametrize("name", NETWORKS)
def test_given_labels(name):
    network = NETWORKS[name]
    rng = np.random.default_rng(1)
    labels = [rng.integers(0, max(1, size // 2), size) for size in network.sizes]
    sizes = [int(row.max()) + 1 for row in labels]
    check(network, drawn(network), labels, sizes, labels)
    mixed = [*labels[:-1], 2]
    last = network.sizes[-1]
    labels[-1], sizes[-1] = np.arange(last) * min(2, last) // last, min(2, last)
    check(network, drawn(network), labels, sizes, mixed)


@given(network=zoo.networks(), n_groups=st.integers(1, 7), data=st.data())
def test_the_total_strength_of_a_layer_stays(network, n_groups, data):
    finite = st.floats(-5, 5)
    weights = [np.array(data.draw(st.lists(finite, min_size=g.n_edges, max_size=g.n_edges))) for g in network.layers]
    found, values = collapsed(network, weights, n_groups=n_groups)
    np.testing.assert_allclose([row.sum() for row in values], [abs(row).sum() for row in weights], rtol=1e-9)
    _, counts = collapsed(network, n_groups=n_groups)
    assert [row.sum() for row in counts] == [graph.n_edges for graph in network.layers]
    assert found.n_edges <= network.n_edges


def test_as_many_groups_as_units_is_the_network():
    network = zoo.NETWORKS["three layers"]
    weights = drawn(network)
    found, values = collapsed(network, weights, n_groups=list(network.sizes))
    assert found == network
    assert [row.tolist() for row in values] == [abs(row).tolist() for row in weights]


def test_a_label_without_units_is_an_isolated_group():
    graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=1)
    network, (values,) = collapsed(graph, [1.0, -2.0, 0.0], n_groups=[[0, 2, 0], [0]])
    assert network.sizes == (3, 1)
    assert network.layers[0].fan_out.tolist() == [1, 0, 1]
    assert values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("n_groups", "words"),
    [
        (0, r"n_groups\[0\]: given 0"),
        (-2, "given -2"),
        (True, "given True"),
        (1.5, "n_groups: given 1.5, expected a whole number, or one entry per level"),
        ("20", "n_groups: given '20'"),
        (np.array(3.5), r"n_groups: given array\(3.5\), expected a whole number, or one entry per level"),
        ([2], "1 entries, expected a whole number, or one entry per level"),
        ([2, 0], r"n_groups\[1\]: given 0"),
        ([[0, 1], 2], r"n_groups\[0\]: given int64 of shape \(2,\)"),
        ([[0, 1, 0, -1], 2], "labels from -1 to 1"),
        ([[0, 1, 0, 10**12], 2], "labels from 0 to 1000000000000, expected .* below the number of units 7"),
        ([[0.0, 1.0, 0.0, 1.0], 2], "float64"),
        ([[[0], [1, 2]], 2], "rows of unequal length"),
        (["ab", 2], "given 'ab'"),
    ],
)
def test_groups_that_do_not_fit(n_groups, words):
    with pytest.raises(InvalidOption, match=words) as caught:
        collapsed(zoo.GRAPHS["complete"], n_groups=n_groups)
    assert "\n" not in str(caught.value)


def test_what_collapsed_refuses():
    with pytest.raises(InvalidEdgeVector, match="finite"):
        collapsed(zoo.GRAPHS["complete"], np.full(12, np.inf), n_groups=2)
    with pytest.raises(InvalidNetwork, match="given int"):
        collapsed(5, n_groups=2)
