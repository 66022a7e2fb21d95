"""`BipartiteGraph`: constructors, queries and value semantics, over every graph of the zoo."""

import copy
import pickle

import numpy as np
import oracles
import pytest
import scipy.sparse as sp
import zoo

from netsparse import BipartiteGraph, errors

every = pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
SQUARE = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)


# constructors --------------------------------------------------------------------------------------------------------


@every
def test_rows_are_sorted_and_unique(graph):
    for t in range(graph.n_out):
        row = graph.indices[graph.indptr[t] : graph.indptr[t + 1]]
        assert (np.diff(row) > 0).all()
    assert graph.indptr[0] == 0
    assert graph.indptr[-1] == graph.n_edges == len(graph.sources) == len(graph.targets)


@every
def test_every_constructor_leads_to_the_same_graph(graph):
    size = {"n_in": graph.n_in, "n_out": graph.n_out}
    keys = graph.targets.astype(np.int64) * graph.n_in + graph.sources
    mask = oracles.mask_of(graph)
    same = {
        "arrays": BipartiteGraph(graph.n_in, graph.n_out, graph.indptr, graph.indices),
        "pairs": BipartiteGraph.from_edges(graph.sources[::-1], graph.targets[::-1], **size),
        "lists": BipartiteGraph.from_edges(graph.sources.tolist(), graph.targets.tolist(), **size),
        "keys": BipartiteGraph.from_sorted_keys(keys, **size),
        "mask": BipartiteGraph.from_mask(mask),
        "weights": BipartiteGraph.from_mask(np.where(mask, -0.5, 0.0)),
        "csr": BipartiteGraph.from_scipy(sp.csr_array(mask)),
        "coo matrix": BipartiteGraph.from_scipy(sp.coo_matrix(mask)),
        "own matrix": BipartiteGraph.from_scipy(graph.weight_matrix(np.zeros(graph.n_edges))),
    }
    for name, other in same.items():
        assert other == graph, name
        assert hash(other) == hash(graph), name
        assert other.indices.dtype == other.indptr.dtype == np.int32, name


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_integers_of_any_width_are_units(dtype):
    graph = BipartiteGraph.from_edges(np.array([1, 0], dtype), np.array([120, 3], dtype), n_in=2, n_out=127)
    assert oracles.pairs_of(graph) == {(1, 120), (0, 3)}


@pytest.mark.parametrize("size", [0, -3, 2.0, True, "4", None])
@pytest.mark.parametrize("side", ["n_in", "n_out"])
def test_impossible_sizes(size, side):
    sizes = {"n_in": 2, "n_out": 2, side: size}
    with pytest.raises(errors.InvalidSize, match=rf"{side}: given .* try {side}=1000"):
        BipartiteGraph.from_edges([], [], **sizes)
    with pytest.raises(errors.InvalidSize):
        BipartiteGraph(sizes["n_in"], sizes["n_out"], np.zeros(3, int), np.empty(0, int))


def test_numpy_integers_are_sizes():
    assert BipartiteGraph.from_edges([], [], n_in=np.int16(2), n_out=np.uint8(3)).sizes == (2, 3)


@pytest.mark.parametrize(
    ("sources", "targets", "pair"), [([0, 5], [1, 0], r"\(5, 0\)"), ([0, 1], [1, 3], r"\(1, 3\)"), ([-1], [0], r"\(-1")]
)
def test_a_unit_out_of_range_is_named(sources, targets, pair):
    for call in (
        lambda: BipartiteGraph.from_edges(sources, targets, n_in=5, n_out=3),
        lambda: _small(sources, targets),
    ):
        with pytest.raises(errors.EdgeOutOfRange, match=pair):
            call()


def _small(sources, targets):
    return zoo._graph(5, 3, [(0, 0)]).has_edges(sources, targets)


def test_a_duplicate_pair_is_named():
    with pytest.raises(errors.DuplicateEdge, match=r"\(4, 1\) twice"):
        BipartiteGraph.from_edges([4, 0, 4], [1, 1, 1], n_in=5, n_out=3)


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        ([0.0], [0], "float64"),
        ([True], [0], "bool"),
        ([[0]], [[0]], r"shape \(1, 1\)"),
        ([0, 1], [0], "2 sources and 1 targets"),
        (None, None, "object"),
        (["a"], [0], "1-D array of integers"),
    ],
)
def test_pairs_of_the_wrong_kind(sources, targets, message):
    with pytest.raises(errors.InvalidEdges, match=message):
        BipartiteGraph.from_edges(sources, targets, n_in=5, n_out=3)


@pytest.mark.parametrize(
    ("indptr", "indices", "message"),
    [
        ([0, 1], [0], "indptr: given 2 entries"),
        ([1, 1, 1], [0], "indptr"),
        ([0, 1, 2], [0], "indptr"),
        ([0, 2, 1], [0], "indptr"),
        ([], [], "indptr: given 0 entries"),
        ([0, 1, 2], [0, 2], "units 0 to 2"),
        ([0, 1, 2], [0, -1], "units -1 to 0"),
        ([0, 2, 2], [1, 0], "not strictly increasing"),
        ([0, 2, 2], [1, 1], "not strictly increasing"),
        ([0, 0, 2], [1, 0], "not strictly increasing"),
    ],
)
def test_arrays_that_are_not_canonical(indptr, indices, message):
    with pytest.raises(errors.InvalidGraph, match=message):
        BipartiteGraph(2, 2, np.array(indptr, int), np.array(indices, int))


def test_a_new_row_may_start_below_the_last_source():
    graph = BipartiteGraph(3, 5, np.array([0, 0, 2, 2, 4, 4]), np.array([0, 2, 0, 1]))
    assert oracles.pairs_of(graph) == {(0, 1), (2, 1), (0, 3), (1, 3)}


@pytest.mark.parametrize("mask", [np.zeros(3), np.zeros((1, 2, 3)), 1.0])
def test_a_mask_is_a_matrix(mask):
    with pytest.raises(errors.InvalidEdges, match="mask"):
        BipartiteGraph.from_mask(mask)


def test_a_mask_without_units():
    with pytest.raises(errors.InvalidSize, match="n_out: given 0"):
        BipartiteGraph.from_mask(np.zeros((0, 3)))


def test_from_scipy_refuses_what_is_not_sparse():
    with pytest.raises(errors.InvalidEdges, match=r"ndarray.*from_mask"):
        BipartiteGraph.from_scipy(np.eye(3))


def test_from_scipy_refuses_a_vector():
    with pytest.raises(errors.InvalidEdges):
        BipartiteGraph.from_scipy(sp.coo_array(np.array([1, 0, 1])))


def test_from_scipy_names_a_pair_stored_twice():
    matrix = sp.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2))
    with pytest.raises(errors.DuplicateEdge, match=r"\(1, 0\) twice"):
        BipartiteGraph.from_scipy(matrix)


def test_explicit_zeros_of_a_sparse_matrix_are_edges():
    assert BipartiteGraph.from_scipy(sp.csr_array(([0.0], [1], [0, 1]), shape=(1, 2))).n_edges == 1
    assert BipartiteGraph.from_mask(np.array([[0.0, -0.0]])).n_edges == 0


def test_sizes_whose_pairs_do_not_fit_into_an_integer():
    with pytest.raises(errors.InvalidSize):
        BipartiteGraph.from_edges([2**40], [2**30 - 1], n_in=2**41, n_out=2**30)


# properties and queries ----------------------------------------------------------------------------------------------


@every
def test_counts_agree_with_the_mask(graph):
    mask = oracles.mask_of(graph)
    assert graph.n_edges == mask.sum()
    assert graph.density == mask.mean()
    assert graph.sparsity == 1 - mask.mean()
    assert graph.sizes == (graph.n_in, graph.n_out) == mask.shape[::-1]
    assert graph.layers == (graph,)
    assert (graph.fan_in == mask.sum(axis=1)).all()
    assert (graph.fan_out == mask.sum(axis=0)).all()


@every
def test_by_source_lists_the_edges_of_each_source(graph):
    indptr, edge_ids = graph.by_source
    for s in range(graph.n_in):
        ids = edge_ids[indptr[s] : indptr[s + 1]]
        assert ids.tolist() == np.flatnonzero(graph.sources == s).tolist()
        assert (np.diff(graph.targets[ids]) > 0).all()


@every
def test_edge_ids_are_positions(graph):
    shuffled = np.random.default_rng(0).permutation(graph.n_edges)
    assert (graph.edge_ids(graph.sources[shuffled], graph.targets[shuffled]) == shuffled).all()
    assert graph.edge_ids([], []).shape == (0,)


@every
def test_has_edges_agrees_with_the_mask(graph):
    targets, sources = np.indices((graph.n_out, graph.n_in)).reshape(2, -1)
    assert (graph.has_edges(sources, targets) == oracles.mask_of(graph).ravel()).all()


def test_a_missing_edge_is_named():
    with pytest.raises(errors.EdgeNotFound, match=r"\(0, 1\)"):
        SQUARE.edge_ids([1, 0], [1, 1])
    assert issubclass(errors.EdgeNotFound, KeyError)


@every
def test_weight_matrix_and_biadjacency_agree_with_the_oracle(graph):
    values = np.arange(1.0, graph.n_edges + 1)
    dense = oracles.dense_of(graph, values)
    assert (graph.weight_matrix(values).toarray() == dense).all()
    assert (graph.biadjacency(values).toarray() == dense.T).all()
    assert (graph.weight_matrix().toarray() == oracles.mask_of(graph)).all()
    assert (graph.biadjacency().toarray() == oracles.mask_of(graph).T).all()
    assert graph.weight_matrix(values).format == "csr"
    assert graph.biadjacency(values).format == "csc"


@every
def test_matrices_share_memory(graph):
    values = np.ones(graph.n_edges, dtype=np.float32)
    for matrix in (graph.weight_matrix(values), graph.biadjacency(values)):
        assert matrix.dtype == np.float32
        assert matrix.has_canonical_format
        assert matrix.nnz == graph.n_edges
        for mine, theirs in ((values, matrix.data), (graph.indices, matrix.indices), (graph.indptr, matrix.indptr)):
            assert np.shares_memory(mine, theirs) or not len(mine)


def test_zeros_stay_stored():
    assert SQUARE.weight_matrix(np.zeros(3)).nnz == 3


@pytest.mark.parametrize("values", [np.ones(2), np.ones((3, 1)), 1.0])
def test_edge_vectors_have_one_entry_per_edge(values):
    for call in (SQUARE.weight_matrix, SQUARE.biadjacency, SQUARE.edge_vectors):
        with pytest.raises(errors.InvalidEdgeVector, match=r"shape \(3,\)"):
            call(values)


def test_edge_vectors_are_not_copied():
    weights = np.ones(3)
    assert SQUARE.edge_vectors(weights)[0] is weights


@every
def test_unit_edges_number_both_sides(graph):
    sources, targets = graph.unit_edges()
    assert (sources == graph.sources).all()
    assert (targets == graph.targets + graph.n_in).all()
    assert sources.dtype == targets.dtype == np.int64


@every
def test_reverse_swaps_the_sides(graph):
    turned, edge_ids = graph.reverse()
    values = np.arange(graph.n_edges) + 1.0
    assert (oracles.dense_of(turned, values[edge_ids]) == oracles.dense_of(graph, values).T).all()
    assert BipartiteGraph(turned.n_in, turned.n_out, turned.indptr, turned.indices) == turned
    assert turned.reverse()[0] == graph


# value semantics -----------------------------------------------------------------------------------------------------


def arrays_of(graph):
    return {
        "indptr": graph.indptr,
        "indices": graph.indices,
        "targets": graph.targets,
        "fan_in": graph.fan_in,
        "fan_out": graph.fan_out,
        "by_source[0]": graph.by_source[0],
        "by_source[1]": graph.by_source[1],
    }


@every
def test_arrays_are_read_only_and_32_bit(graph):
    for name, array in arrays_of(graph).items():
        assert array.dtype == np.int32, name
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@every
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_graph_comes_back_equal_and_read_only(graph, protocol):
    back = pickle.loads(pickle.dumps(graph, protocol))
    assert back == graph
    assert not any(array.flags.writeable for array in arrays_of(back).values())


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_copies_are_equal_and_read_only(copier):
    back = copier(SQUARE)
    assert back == SQUARE
    assert not back.indices.flags.writeable


def test_the_graph_does_not_share_arrays_that_others_can_write():
    indptr, indices = np.array([0, 1, 2], np.int32), np.array([0, 1], np.int32)
    graph = BipartiteGraph(2, 2, indptr, indices)
    indices[0] = 1
    assert graph.indices.tolist() == [0, 1]
    assert indices.flags.writeable


def test_equality_is_by_value():
    graphs = list(zoo.GRAPHS.values())
    for i, a in enumerate(graphs):
        for j, b in enumerate(graphs):
            assert (a == b) == (i == j)
    assert len(set(graphs)) == len(graphs)
    assert SQUARE != "a graph"
    wide = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=3, n_out=2)
    assert wide != SQUARE  # the same arrays, one more unit


def test_attributes_cannot_be_set_and_the_error_names_the_right_call():
    with pytest.raises(errors.GraphIsFrozen, match=r"BipartiteGraph.indices.*netsparse.graph.apply\(graph, delta\)"):
        SQUARE.indices = np.zeros(3)
    with pytest.raises(errors.GraphIsFrozen):
        del SQUARE.n_in
    with pytest.raises(errors.GraphIsFrozen):
        SQUARE.weights = np.ones(3)
    with pytest.raises(AttributeError):
        SQUARE.density = 0.5


def test_wide_indices_only_where_32_bits_do_not_suffice():
    wide = BipartiteGraph.from_edges([2**31 + 5], [0], n_in=2**32, n_out=1)
    assert wide.indices.dtype == wide.indptr.dtype == np.int64
    assert wide.edge_ids([2**31 + 5], [0]).tolist() == [0]
    assert BipartiteGraph.from_edges([2**31 - 2], [0], n_in=2**31 - 1, n_out=1).indices.dtype == np.int32


def test_repr_and_html():
    assert repr(SQUARE) == "BipartiteGraph(2 -> 2, 3 edges, density 0.75)"
    html = SQUARE._repr_html_()
    assert html.startswith("<table>")
    assert html.endswith("</table>")
    assert "2 &rarr; 2" in html
    assert "<th>edges</th><td>3</td>" in html
    assert "1 / 1.50 / 2" in html


@every
def test_every_graph_prints_itself(graph):
    assert f"{graph.n_in} -> {graph.n_out}" in repr(graph)
    assert "fan-in" in graph._repr_html_()
