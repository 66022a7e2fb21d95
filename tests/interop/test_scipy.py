"""scipy: one layer as a matrix that shares its memory, read back from every sparse format."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
import scipy.sparse as sp
import zoo
from hypothesis import given

from netsparse.errors import DuplicateEdge, InvalidEdges, InvalidEdgeVector, InvalidSize
from netsparse.interop import from_scipy, to_scipy

FORMATS = ("csr", "csc", "coo", "lil", "dok")


@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_the_matrix_is_that_of_the_layer(name):
    graph = zoo.GRAPHS[name]
    values = np.arange(1.0, graph.n_edges + 1)
    matrix = to_scipy(graph, values)
    assert matrix.shape == (graph.n_out, graph.n_in)
    np.testing.assert_array_equal(matrix.toarray(), oracles.dense_of(graph, values))
    np.testing.assert_array_equal(to_scipy(graph).toarray(), oracles.mask_of(graph))


def test_memory_is_shared():
    graph = zoo.GRAPHS["sparse random"]
    values = np.arange(graph.n_edges, dtype=np.float32)
    matrix = to_scipy(graph, values)
    assert np.shares_memory(matrix.indices, graph.indices)
    assert np.shares_memory(matrix.indptr, graph.indptr)
    assert np.shares_memory(matrix.data, values)
    values[0] = 7
    assert matrix[graph.targets[0], graph.sources[0]] == 7


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_round_trip_keeps_zeros_and_dtype(name, layout, kind):
    graph = zoo.GRAPHS[name]
    values = np.arange(graph.n_edges, dtype=np.float32)  # the first one is a stored zero
    found, stored = from_scipy(kind(to_scipy(graph, values)).asformat(layout))
    assert found == graph
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, values)


@given(graph=zoo.graphs())
def test_round_trip_of_any_graph(graph):
    values = np.arange(graph.n_edges)
    coo = to_scipy(graph, values).tocoo()
    backwards = sp.coo_array((coo.data[::-1], (coo.row[::-1], coo.col[::-1])), shape=coo.shape)
    found, stored = from_scipy(backwards)
    assert found == graph
    assert stored.tolist() == values.tolist()


def test_values_are_a_copy():
    graph = zoo.GRAPHS["complete"]
    matrix = to_scipy(graph, np.ones(graph.n_edges))
    _, values = from_scipy(matrix)
    matrix.data[:] = 5
    assert values.tolist() == [1.0] * graph.n_edges


def test_blocks_and_diagonals():
    blocks, values = from_scipy(sp.bsr_array(np.array([[1.0, 0, 0, 0], [0, 2, 0, 0]]), blocksize=(2, 2)))
    assert (blocks.n_edges, values.tolist()) == (4, [1.0, 0.0, 0.0, 2.0])
    diagonal, values = from_scipy(sp.dia_array(np.diag([1.0, 2.0, 3.0])))
    assert (oracles.pairs_of(diagonal), values.tolist()) == ({(0, 0), (1, 1), (2, 2)}, [1.0, 2.0, 3.0])


def test_what_is_no_layer():
    with pytest.raises(InvalidEdges, match="given ndarray of 2 dimensions, expected a scipy sparse matrix"):
        from_scipy(np.eye(2))
    with pytest.raises(InvalidEdges, match=r"shape \(n_out, n_in\)"):
        from_scipy(sp.coo_array(np.array([0.0, 1.0])))
    with pytest.raises(DuplicateEdge, match=r"\(1, 0\) twice"):
        from_scipy(sp.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(1, 2)))
    with pytest.raises(InvalidSize):
        from_scipy(sp.csr_array((0, 3)))
    with pytest.raises(InvalidEdgeVector, match="one entry per edge"):
        to_scipy(zoo.GRAPHS["complete"], [1.0])
