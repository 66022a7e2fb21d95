"""Non-backtracking eigenvalues against the dense matrix over directed edges and closed forms."""

import networkx as nx
import numpy as np
import oracles
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import BipartiteGraph, errors
from netsparse.generators import biregular, complete, erdos_renyi
from netsparse.metrics import non_backtracking
from netsparse.metrics.non_backtracking import non_backtracking_eigenvalue, non_backtracking_excess
from netsparse.metrics.two_core import two_core

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)


def cycle(n):
    i = np.arange(n)
    return BipartiteGraph.from_edges(np.r_[i, (i + 1) % n], np.r_[i, i], n_in=n, n_out=n)


def moduli(graph):
    """|nu| of all eigenvalues nu = mu^2 on one half, from the matrix over directed edges, step by step.

    The units of levels 0, 2, 4 ... are even. Two steps lead from an edge out of an even unit to another such edge, so
    that the square of the matrix splits into two halves with the same non-zero eigenvalues.
    """
    sources, targets = (ends.tolist() for ends in graph.unit_edges())
    n = len(sources)
    directed = [(s, t, e) for e, (s, t) in enumerate(zip(sources, targets, strict=True))]
    directed += [(t, s, e) for s, t, e in directed]
    matrix = np.array([[float(head == tail and e != f) for tail, _, f in directed] for _, head, e in directed])
    matrix = matrix.reshape(2 * n, 2 * n)
    level = np.repeat(np.arange(len(graph.sizes)), graph.sizes)
    even = [level[tail] % 2 == 0 for tail, _, _ in directed]
    half = (matrix @ matrix)[np.ix_(even, even)]
    return np.r_[np.sort(np.abs(np.linalg.eigvals(half)))[::-1], 0, 0] if n else np.zeros(2)


def has_cycle(graph):
    multigraph = nx.MultiGraph(zip(*(ends.tolist() for ends in graph.unit_edges()), strict=True))
    return multigraph.number_of_edges() > multigraph.number_of_nodes() - nx.number_connected_components(multigraph)


def agrees(graph):
    # a defective eigenvalue 0 of size n comes out of a dense solver as eps^(1 / n): forests are told apart by cycles
    first, second = moduli(graph)[:2] if has_cycle(graph) else (0.0, 0.0)
    assert non_backtracking_eigenvalue(graph) == pytest.approx(np.sqrt(first), rel=1e-5, abs=1e-9)
    assert non_backtracking_excess(graph) == pytest.approx(np.sqrt(second) - first**0.25, abs=1e-4)


@every
def test_dense_matrix_over_directed_edges(graph):
    agrees(graph)


@given(st.one_of(zoo.graphs(max_units=7), zoo.networks(max_units=4)))
def test_dense_matrix_over_directed_edges_of_random_graphs(graph):
    agrees(graph)


@given(zoo.graphs(max_units=7))
def test_iteration_agrees_with_the_dense_solver(graph):
    dense = non_backtracking_eigenvalue(graph), non_backtracking_excess(graph)
    other, _ = graph.reverse()
    assert (non_backtracking_eigenvalue(other), non_backtracking_excess(other)) == pytest.approx(dense, abs=1e-5)


@pytest.mark.parametrize("n_edges", [900, 1600, 4000])
def test_iteration_agrees_with_the_dense_solver_on_larger_graphs(n_edges, monkeypatch):
    graph = erdos_renyi(220, 180, n_edges=n_edges, rng=1)
    iterated = non_backtracking_eigenvalue(graph), non_backtracking_excess(graph)
    monkeypatch.setattr(non_backtracking, "DENSE_UNITS", 1000)
    assert iterated == pytest.approx((non_backtracking_eigenvalue(graph), non_backtracking_excess(graph)), abs=1e-5)


@pytest.mark.parametrize("n", [2, 3, 50, 2000])
def test_one_cycle(n):
    assert non_backtracking_eigenvalue(cycle(n)) == 1.0
    assert non_backtracking_excess(cycle(n)) == 0.0


@pytest.mark.parametrize("name", ["no edges", "one edge", "star in", "path", "perfect matching"])
def test_forests(name):
    assert non_backtracking_eigenvalue(zoo.GRAPHS[name]) == 0.0
    assert non_backtracking_excess(zoo.GRAPHS[name]) == 0.0


def test_a_long_path_is_peeled_in_linear_time():
    i = np.arange(20_000)
    path = BipartiteGraph.from_edges(np.r_[i, i[1:]], np.r_[i, i[:-1]], n_in=20_000, n_out=20_000)
    assert non_backtracking_eigenvalue(path) == 0.0


@pytest.mark.parametrize(("m", "n"), [(2, 5), (3, 3), (4, 9), (30, 400)])
def test_complete_graph(m, n):
    """Every other singular value is 0, so that nu = -(m - 1) and -(n - 1) beside (m - 1) (n - 1)."""
    graph = complete(m, n)
    assert non_backtracking_eigenvalue(graph) == pytest.approx(np.sqrt((m - 1) * (n - 1)))
    expected = np.sqrt(max(m, n) - 1) - ((m - 1) * (n - 1)) ** 0.25
    assert non_backtracking_excess(graph) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("n_in", "n_out", "fan_in"), [(60, 40, 6), (600, 400, 6), (400, 400, 3), (20, 16, 5)])
def test_biregular_graphs_need_no_iteration_and_agree_with_it(n_in, n_out, fan_in, monkeypatch):
    graph = biregular(n_in, n_out, fan_in=fan_in, rng=0)
    fan_out = n_out * fan_in // n_in
    assert non_backtracking_eigenvalue(graph) == pytest.approx(np.sqrt((fan_in - 1) * (fan_out - 1)))
    by_singular_values = non_backtracking_excess(graph)
    block = graph.biadjacency().tocsr()
    operator, n = non_backtracking._squares(block)
    values = np.sort(np.abs(non_backtracking._all(operator, n)))[::-1]
    assert by_singular_values == pytest.approx(np.sqrt(values[1]) - values[0] ** 0.25, abs=1e-5)


def test_two_equal_components_rival_each_other():
    blocks = BipartiteGraph.from_mask(np.kron(np.eye(2), np.ones((4, 4))))
    assert non_backtracking_excess(blocks) == pytest.approx(3 - np.sqrt(3))


def test_random_graphs_are_nearly_ramanujan_and_modules_are_not():
    sizes, rng = (400, 400), np.random.default_rng(0)
    side = np.arange(800) < 400
    mask = rng.random(sizes) < np.where(np.equal.outer(side[::2], side[::2]), 0.05, 0.003)
    assert abs(non_backtracking_excess(erdos_renyi(*sizes, n_edges=int(mask.sum()), rng=0))) < 0.3
    assert non_backtracking_excess(BipartiteGraph.from_mask(mask)) > 3


def test_a_solver_that_gives_up_says_so(monkeypatch):
    graph = erdos_renyi(300, 300, n_edges=1500, rng=0)
    expected = non_backtracking_excess(graph)
    monkeypatch.setattr(non_backtracking, "RESTARTS", 1)
    monkeypatch.setattr(non_backtracking, "KRYLOV", 10)
    with pytest.warns(errors.SolverFallback, match="a dense solver has answered"):
        assert non_backtracking_excess(graph) == pytest.approx(expected, abs=1e-6)
    monkeypatch.setattr(non_backtracking, "DENSE_FALLBACK", 100)
    with pytest.raises(errors.NotConverged, match="Arnoldi"):
        non_backtracking_excess(graph)


@pytest.mark.parametrize("n", [200, 5000])
def test_a_ring_with_a_chord(n):
    """A theta graph: three paths of a, b, c steps between two units, mu_1 from the equation of its three arcs."""
    i, span = np.arange(n), n // 3
    sources, targets = np.r_[i, (i + 1) % n, 0], np.r_[i, i, span]
    graph = BipartiteGraph.from_edges(sources, targets, n_in=n, n_out=n)
    arcs = np.array([2 * span + 1, 2 * n - 2 * span - 1, 1])
    low, high = 1.0, 3.0
    for _ in range(100):  # growth along one arc and on into either of the other two
        middle = (low + high) / 2
        arc = np.diag(middle ** -arcs.astype(float))
        turns = np.ones((3, 3)) - np.eye(3)
        low, high = (middle, high) if np.abs(np.linalg.eigvals(arc @ turns)).max() > 1 else (low, middle)
    assert non_backtracking_eigenvalue(graph) - 1 == pytest.approx(low - 1, rel=1e-4)


def test_the_leading_value_survives_a_solver_that_gives_up(monkeypatch):
    graph = erdos_renyi(300, 300, n_edges=1500, rng=0)
    expected = non_backtracking_eigenvalue(graph)
    monkeypatch.setattr(non_backtracking, "RESTARTS", 1)
    monkeypatch.setattr(non_backtracking, "KRYLOV", 4)
    with pytest.warns(errors.SolverFallback, match="Bethe-Hessian have answered"):
        assert non_backtracking_eigenvalue(graph) == pytest.approx(expected, rel=1e-8)


@every
def test_two_core(graph):
    sources, targets = graph.unit_edges()
    kept = two_core(sum(graph.sizes), sources, targets)
    simple = oracles.undirected(graph)
    if simple.number_of_edges() == graph.n_edges:
        core = {frozenset(edge) for edge in nx.k_core(simple, 2).edges}
        assert {frozenset((s, t)) for s, t in zip(sources[kept].tolist(), targets[kept].tolist(), strict=True)} == core
    degrees = np.bincount(np.r_[sources[kept], targets[kept]])
    assert not (degrees == 1).any()
