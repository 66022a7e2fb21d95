"""Pictures of one wiring: every edge has its mark, every unit its degree, every singular value its point."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from matplotlib.collections import PolyCollection

import netsparse as ns
from netsparse import plotting
from netsparse.errors import InvalidOption
from netsparse.generators import biregular, chung_lu, complete, erdos_renyi, layered, projective_plane, tree
from netsparse.metrics import ramanujan_excess, singular_values
from netsparse.plotting import spectrum
from netsparse.plotting.biadjacency import MARKS, edge_shares

mpl.use("Agg")

PICTURES = [plotting.biadjacency, plotting.degree_histogram, plotting.singular_spectrum]
ALL = {**zoo.GRAPHS, **zoo.NETWORKS}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def marks(ax):
    """Centres (input, output) of the squares."""
    (squares,) = [artist for artist in ax.collections if isinstance(artist, PolyCollection)]
    centres = [path.vertices[:4].mean(axis=0) for path in squares.get_paths()]
    return sorted((round(y), round(x)) for x, y in centres)


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("graph", ALL.values(), ids=ALL.keys())
def test_every_wiring_can_be_drawn_into_given_axes(picture, graph):
    figure, given_ax = plt.subplots()
    assert picture(graph, ax=given_ax) is given_ax
    figure.canvas.draw()


@pytest.mark.parametrize("picture", PICTURES)
def test_without_axes_there_is_a_new_figure(picture):
    before = set(plt.get_fignums())
    assert picture(complete(3, 2)).figure.number not in before


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("nonsense", [None, "erdos_renyi", np.eye(3)], ids=["None", "name", "array"])
def test_what_is_no_wiring_is_said_in_one_line(picture, nonsense):
    before = plt.get_fignums()
    with pytest.raises(InvalidOption, match=f"graph: given {type(nonsense).__name__}, expected a BipartiteGraph or a"):
        picture(nonsense)
    assert plt.get_fignums() == before


# biadjacency ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS.keys())
def test_every_edge_is_the_square_of_its_pair(graph):
    ax = plotting.biadjacency(graph)
    assert marks(ax) == sorted(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))
    assert ax.get_xlim() == (-0.5, graph.n_out - 0.5)
    assert ax.get_ylim() == (graph.n_in - 0.5, -0.5)  # the first input on top
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("input", "output")


def test_squares_are_one_unit_wide():
    (squares,) = plotting.biadjacency(zoo.GRAPHS["one edge among isolated units"]).collections
    np.testing.assert_array_equal(squares.get_paths()[0].get_extents().bounds, [1.5, 2.5, 1, 1])


def test_network_is_drawn_as_even_by_odd_levels():
    net = layered([4, 3, 5], n_edges=[6, 7], rng=0)
    ax = plotting.biadjacency(net)
    first = zip(net.layers[0].sources.tolist(), net.layers[0].targets.tolist(), strict=True)
    second = zip((net.layers[1].targets + 4).tolist(), net.layers[1].sources.tolist(), strict=True)
    assert marks(ax) == sorted([*first, *second])


def test_pairs_that_a_joint_makes_parallel_are_one_square():
    ax = plotting.biadjacency(zoo.NETWORKS["joint"])
    assert len(marks(ax)) == zoo.NETWORKS["joint"].biadjacency().nnz == 6 + 3


def test_many_edges_are_counted_in_few_cells():
    graph = erdos_renyi(5000, 900, n_edges=MARKS + 1, rng=0)
    ax = plotting.biadjacency(graph)
    (image,) = ax.images
    share = np.asarray(image.get_array())
    assert share.shape == (400, 400)
    assert not ax.collections
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 899.5), (4999.5, -0.5))
    assert list(image.get_extent()) == [-0.5, 899.5, 4999.5, -0.5]


def test_a_dense_layer_keeps_a_cell_per_pair():
    graph = chung_lu(200, 150, n_edges=MARKS + 5, rng=0)
    (image,) = plotting.biadjacency(graph).images
    np.testing.assert_array_equal(np.asarray(image.get_array()), graph.biadjacency().toarray())


@pytest.mark.parametrize("cells", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS.keys())
def test_shares_are_the_means_of_the_blocks(graph, cells):
    share = edge_shares(graph.sources, graph.targets, *graph.sizes, cells=cells)
    dense = graph.biadjacency().toarray()
    high, wide = (np.arange(n) * min(n, cells) // n for n in graph.sizes)
    expected = [[dense[np.ix_(high == i, wide == j)].mean() for j in range(share.shape[1])] for i in range(len(share))]
    np.testing.assert_allclose(share, expected)


def test_a_thread_is_stretched():
    assert plotting.biadjacency(tree(3, 3)).get_aspect() == 1.0
    assert plotting.biadjacency(complete(1, 50)).get_aspect() == "auto"


# degrees -------------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(graph=zoo.graphs())
def test_histogram_counts_the_units_of_both_sides(graph):
    _, ax = plt.subplots()
    plotting.degree_histogram(graph, ax=ax)
    for outline, degrees in zip(ax.patches, (graph.fan_out, graph.fan_in), strict=True):
        values, edges, _ = outline.get_data()
        np.testing.assert_allclose(values, np.histogram(degrees, edges)[0] / len(degrees))
        assert values.sum() == pytest.approx(1)
        assert (np.diff(edges) == 1).all()
    plt.close(ax.figure)


def test_wide_ranges_share_bins_of_whole_degrees():
    graph = chung_lu(2000, 300, n_edges=9000, exponent=2.1, rng=0)
    fan_out, fan_in = (outline.get_data() for outline in plotting.degree_histogram(graph).patches)
    np.testing.assert_array_equal(fan_out.edges, fan_in.edges)
    widths = np.diff(fan_in.edges)
    span = max(graph.fan_in.max(), graph.fan_out.max()) - min(graph.fan_in.min(), graph.fan_out.min()) + 1
    assert len(widths) <= 40
    assert set(widths) == {-(-span // 40)}
    for outline, degrees in ((fan_out, graph.fan_out), (fan_in, graph.fan_in)):
        np.testing.assert_allclose(outline.values, np.histogram(degrees, outline.edges)[0] / len(degrees))
        assert outline.values.sum() == pytest.approx(1)


def test_a_single_degree_stands_between_whole_numbers():
    ax = plotting.degree_histogram(complete(4, 4))
    ax.figure.canvas.draw()
    assert ax.get_xlim() == (2.5, 5.5)
    assert [label.get_text() for label in ax.get_xticklabels() if 2.5 < label.get_position()[0] < 5.5] == [
        "3",
        "4",
        "5",
    ]


def test_histogram_of_a_network_pools_its_layers():
    net = zoo.NETWORKS["three layers"]
    outline = plotting.degree_histogram(net).patches[1]
    values, edges, _ = outline.get_data()
    fan_in = np.concatenate([layer.fan_in for layer in net.layers])
    np.testing.assert_allclose(values, np.histogram(fan_in, edges)[0] / len(fan_in))
    assert outline.get_label() == "fan-in"


# spectrum ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL.keys())
def test_points_are_all_singular_values_by_rank(graph):
    first, others = plotting.singular_spectrum(graph).lines[:2]
    drawn = np.concatenate([first.get_xydata(), others.get_xydata()])
    expected = np.linalg.svd(graph.biadjacency().toarray(), compute_uv=False)
    np.testing.assert_array_equal(drawn[:, 0], np.arange(1, len(expected) + 1))
    np.testing.assert_allclose(drawn[:, 1], expected, atol=1e-9)


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL.keys())
def test_nothing_is_cut_off(graph):
    ax = plotting.singular_spectrum(graph)
    low, high = ax.get_ylim()
    assert all(low < y < high for line in ax.lines for y in line.get_ydata())


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL.keys())
def test_the_line_is_where_the_ramanujan_excess_is_zero(graph):
    lines = plotting.singular_spectrum(graph).lines
    assert len(lines) == (3 if graph.n_edges else 2)
    if graph.n_edges:
        second = singular_values(graph, k=2)[1:].sum()  # 0 where there is one value alone
        assert lines[2].get_ydata()[0] == pytest.approx(second - ramanujan_excess(graph))


def test_projective_plane_lies_below_the_line():
    first, others, bound = plotting.singular_spectrum(projective_plane(3)).lines
    assert first.get_ydata()[0] == pytest.approx(4)
    np.testing.assert_allclose(others.get_ydata(), np.sqrt(3))
    assert bound.get_ydata()[0] == pytest.approx(2 * np.sqrt(3))


def test_k_cuts_the_spectrum():
    graph = biregular(60, 40, fan_in=6, rng=0)
    first, others, _ = plotting.singular_spectrum(graph, k=5).lines
    np.testing.assert_allclose([*first.get_ydata(), *others.get_ydata()], singular_values(graph, k=40)[:5])


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "all"])
def test_impossible_k_is_refused(k):
    with pytest.raises(InvalidOption, match=r"^k: given"):
        plotting.singular_spectrum(complete(3, 3), k=k)


@pytest.mark.parametrize("k", [None, 20_000, 10**9])
def test_a_dense_solution_of_a_large_layer_is_refused_with_the_call_to_make(k, monkeypatch):
    monkeypatch.setattr(spectrum, "singular_values", lambda *_, **__: pytest.fail("solved"))
    graph = ns.BipartiteGraph.from_edges([0, 1], [0, 1], n_in=20_000, n_out=30_000)
    with pytest.raises(InvalidOption, match=r"k: given all 20000 singular values of 20000 x 30000 units.*try k=50"):
        plotting.singular_spectrum(graph, k=k)


def test_a_large_layer_is_drawn_with_k():
    graph = ns.BipartiteGraph.from_edges([0, 1], [0, 1], n_in=20_000, n_out=30_000)
    first, others, _ = plotting.singular_spectrum(graph, k=3).lines
    assert [*first.get_ydata(), *others.get_ydata()] == [1, 1, 0]
