"""Spectral metrics against closed forms, dense solvers and networkx, on both sides of the dense limit."""

from typing import Any

import networkx as nx
import numpy as np
import oracles
import pytest
import scipy.sparse as sp
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse import BipartiteGraph, SparseNetwork, errors, metrics
from netsparse.generators import banded, biregular, complete, erdos_renyi
from netsparse.metrics import eigen, laplacian, spectral

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
TIGHT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9}


def cycle(n):
    """The ring of 2n units."""
    i = np.arange(n)
    return BipartiteGraph.from_edges(np.r_[i, (i + 1) % n], np.r_[i, i], n_in=n, n_out=n)


def path(n):
    """The path of 2n units."""
    i = np.arange(n)
    return BipartiteGraph.from_edges(np.r_[i, i[1:]], np.r_[i, i[:-1]], n_in=n, n_out=n)


def band(n, width):
    i = np.repeat(np.arange(n), width)
    return BipartiteGraph.from_edges((i + np.tile(np.arange(width), n)) % n, i, n_in=n, n_out=n)


def projective_plane(q):
    """Points and lines of the plane over the field of prime order q; an edge where a point lies on a line."""
    points = [(1, a, b) for a in range(q) for b in range(q)] + [(0, 1, a) for a in range(q)] + [(0, 0, 1)]
    return BipartiteGraph.from_mask(np.array(points) @ np.array(points).T % q == 0)


def side_by_side(*graphs):
    """Disjoint union."""
    ins, outs = np.cumsum([0, *(g.n_in for g in graphs)]), np.cumsum([0, *(g.n_out for g in graphs)])
    sources = np.concatenate([g.sources + o for g, o in zip(graphs, ins, strict=False)])
    targets = np.concatenate([g.targets + o for g, o in zip(graphs, outs, strict=False)])
    return BipartiteGraph.from_edges(sources, targets, n_in=int(ins[-1]), n_out=int(outs[-1]))


def relabelled(graph, seed):
    """The same wiring with the units of every level renamed, and the edge vectors that go with it."""
    rng = np.random.default_rng(seed)
    names = [rng.permutation(size) for size in graph.sizes]
    layers, orders = [], []
    for k, layer in enumerate(graph.layers):
        sources, targets = names[k][layer.sources], names[k + 1][layer.targets]
        layers.append(BipartiteGraph.from_edges(sources, targets, n_in=layer.n_in, n_out=layer.n_out))
        orders.append(np.lexsort((sources, targets)))
    return (layers[0] if hasattr(graph, "n_in") else SparseNetwork(layers)), orders


BIG = {
    "biregular": biregular(400, 320, fan_in=5, rng=0),
    "complete": complete(310, 320),
    "cycle": cycle(350),
    "path": path(350),
    "band": band(320, 3),
    "sparse with isolated units": erdos_renyi(400, 350, n_edges=700, rng=0),
    "two equal blocks": side_by_side(band(305, 4), band(305, 4)),
    "long and flat": erdos_renyi(320, 2000, n_edges=6000, rng=1),
}
big = pytest.mark.parametrize("graph", BIG.values(), ids=BIG)


# closed forms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_in", "n_out"), [(2, 2), (3, 7), (9, 4), (310, 305), (2, 400)])
def test_complete_bipartite_graph(n_in, n_out):
    graph = complete(n_in, n_out)
    assert metrics.singular_values(graph).tolist() == pytest.approx([np.sqrt(n_in * n_out), 0], **TIGHT)
    assert metrics.algebraic_connectivity(graph) == pytest.approx(min(n_in, n_out))
    assert metrics.algebraic_connectivity(graph, laplacian="normalized") == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 3, 10, 200, 2000])
def test_even_cycle(n):
    graph = cycle(n)
    second = 2 * np.cos(np.pi / n)
    assert metrics.singular_values(graph, k=3 if n > 2 else 2).tolist() == pytest.approx(
        [2.0, second, second] if n > 2 else [2.0, 0.0], **TIGHT
    )
    expected = 2 - 2 * np.cos(np.pi / n)
    assert metrics.algebraic_connectivity(graph) == pytest.approx(expected, rel=1e-6)
    assert metrics.algebraic_connectivity(graph, laplacian="normalized") == pytest.approx(expected / 2, rel=1e-6)


@pytest.mark.parametrize("n", [2, 5, 200, 2000])
def test_path(n):
    graph = path(n)
    expected = 2 * np.cos(np.pi * np.arange(1, 3) / (2 * n + 1))
    assert metrics.singular_values(graph).tolist() == pytest.approx(expected.tolist(), **TIGHT)
    assert metrics.algebraic_connectivity(graph) == pytest.approx(2 - 2 * np.cos(np.pi / (2 * n)), rel=1e-6)


@pytest.mark.parametrize("n", [2, 9, 500])
def test_star(n):
    graph = complete(n, 1)
    assert metrics.singular_values(graph).tolist() == pytest.approx([np.sqrt(n)])
    assert metrics.spectral_gap(graph) == pytest.approx(np.sqrt(n))  # one singular value: the second is 0
    assert metrics.algebraic_connectivity(graph) == pytest.approx(1)


def test_single_edge():
    graph = zoo.GRAPHS["one edge"]
    assert metrics.spectral_gap(graph, [-0.3]) == pytest.approx(0.3)
    assert metrics.algebraic_connectivity(graph, [-0.3]) == pytest.approx(0.6)
    assert metrics.algebraic_connectivity(graph, laplacian="normalized") == pytest.approx(2)


@pytest.mark.parametrize("n", [5, 1000])
def test_perfect_matching_has_no_gap(n):
    graph = biregular(n, n, fan_in=1, rng=0)
    assert metrics.singular_values(graph, k=5).tolist() == [1.0] * 5
    assert metrics.spectral_gap(graph) == 0.0
    assert metrics.algebraic_connectivity(graph) == 0.0
    assert metrics.algebraic_connectivity(graph, component="giant") == pytest.approx(2)


@pytest.mark.parametrize(("n_in", "n_out", "fan_in"), [(12, 8, 6), (600, 400, 6)])
def test_biregular_graph_begins_with_the_root_of_its_degrees(n_in, n_out, fan_in):
    graph = biregular(n_in, n_out, fan_in=fan_in, rng=0)
    assert metrics.singular_values(graph)[0] == pytest.approx(np.sqrt(fan_in * (n_out * fan_in // n_in)))


@pytest.mark.parametrize("size", [3, 310])
def test_equal_blocks_are_all_found(size):
    graph = side_by_side(*[band(size, 2)] * 4)
    assert metrics.singular_values(graph, k=4).tolist() == pytest.approx([2.0] * 4)
    assert metrics.spectral_gap(graph) == pytest.approx(0, abs=1e-12)


def test_no_edges():
    graph = zoo.GRAPHS["no edges"]
    assert metrics.singular_values(graph, k=2).tolist() == [0.0, 0.0]
    assert metrics.spectral_gap(graph) == 0.0
    for component in ("all", "giant"):
        for kind in ("combinatorial", "normalized"):
            assert metrics.algebraic_connectivity(graph, component=component, laplacian=kind) == 0.0


# dense solvers -------------------------------------------------------------------------------------------------------


@every
def test_singular_values_agree_with_the_dense_matrix(graph):
    expected = np.linalg.svd(graph.biadjacency().toarray(), compute_uv=False)
    for k in (1, 2, 4, 1000):
        found = metrics.singular_values(graph, k=k)
        assert found.tolist() == pytest.approx(expected[:k].tolist(), **TIGHT)
    second = expected[1] if len(expected) > 1 else 0.0
    assert metrics.spectral_gap(graph) == pytest.approx(expected[0] - second, **TIGHT)


@every
def test_algebraic_connectivity_agrees_with_the_dense_matrix(graph):
    sizes = metrics.component_sizes(graph)
    for kind in ("combinatorial", "normalized"):
        found = metrics.algebraic_connectivity(graph, component="giant", laplacian=kind)
        assert found == pytest.approx(of_the_giant(graph, None, kind) if graph.n_edges else 0.0, **TIGHT)
        expected = found if len(sizes) == 1 else 0.0
        assert metrics.algebraic_connectivity(graph, laplacian=kind) == expected


def of_the_giant(graph, weights, kind):
    """The smallest lambda_2 among the largest components, by a dense solver."""
    labels, adjacency = metrics.component_labels(graph, weights), oracles.adjacency_of(graph, weights)
    sizes = np.bincount(labels)
    tied = [np.ix_(labels == c, labels == c) for c in np.flatnonzero(sizes == sizes[0])]
    return min(oracles.second_laplacian_eigenvalue(adjacency[t], normalized=kind == "normalized") for t in tied)


@big
@pytest.mark.parametrize("has_weights", [False, True])
def test_beyond_the_dense_limit(graph, has_weights):
    weights = np.random.default_rng(3).normal(size=graph.n_edges) if has_weights else None
    dense = np.abs(graph.biadjacency(weights).toarray())
    expected = np.linalg.svd(dense, compute_uv=False)[:5]
    assert metrics.singular_values(graph, weights, k=5).tolist() == pytest.approx(expected.tolist(), **TIGHT)
    assert metrics.spectral_gap(graph, weights) == pytest.approx(expected[0] - expected[1], **TIGHT)
    for kind in ("combinatorial", "normalized"):
        found = metrics.algebraic_connectivity(graph, weights, component="giant", laplacian=kind)
        assert found == pytest.approx(of_the_giant(graph, weights, kind), rel=1e-6, abs=1e-12)


@st.composite
def weighted(draw):
    graph = draw(st.one_of(zoo.graphs(), zoo.networks()))
    numbers = st.floats(-4, 4, allow_subnormal=False).map(lambda x: 0.0 if abs(x) < 1e-3 else x)
    values = np.array(draw(st.lists(numbers, min_size=graph.n_edges, max_size=graph.n_edges)), dtype=float)
    vectors = np.split(values, np.cumsum([layer.n_edges for layer in graph.layers])[:-1])
    return graph, vectors


def packed(graph, vectors):
    return vectors[0] if hasattr(graph, "n_in") else list(vectors)


@given(weighted(), st.sampled_from([1, 2, 5]))
def test_weighted_values_agree_with_the_dense_matrix(case, k):
    graph, vectors = case
    expected = np.linalg.svd(np.abs(graph.biadjacency(packed(graph, vectors)).toarray()), compute_uv=False)[:k]
    found = metrics.singular_values(graph, packed(graph, vectors), k=k)
    assert found.tolist() == pytest.approx(expected.tolist(), **TIGHT)


@given(weighted(), st.sampled_from(["combinatorial", "normalized"]))
def test_weighted_connectivity_agrees_with_the_dense_matrix(case, kind):
    graph, vectors = case
    adjacency = oracles.adjacency_of(graph, packed(graph, vectors))
    found = metrics.algebraic_connectivity(graph, packed(graph, vectors), laplacian=kind)
    if nx.is_connected(nx.from_numpy_array(adjacency)):
        expected = oracles.second_laplacian_eigenvalue(adjacency, normalized=kind == "normalized")
        assert found == pytest.approx(expected, **TIGHT)
    else:
        assert found == 0.0


@given(weighted(), st.integers(0, 2**16))
def test_relabelling_changes_nothing(case, seed):
    graph, vectors = case
    other, orders = relabelled(graph, seed)
    moved = [vector[order] for vector, order in zip(vectors, orders, strict=True)]
    before, after = (graph, packed(graph, vectors)), (other, packed(other, moved))
    assert metrics.spectral_gap(*before) == pytest.approx(metrics.spectral_gap(*after), **TIGHT)
    for component in ("all", "giant"):
        for kind in ("combinatorial", "normalized"):
            options = {"component": component, "laplacian": kind}
            left = metrics.algebraic_connectivity(*before, **options)
            assert left == pytest.approx(metrics.algebraic_connectivity(*after, **options), **TIGHT)


@big
def test_relabelling_changes_nothing_beyond_the_dense_limit(graph):
    other, _ = relabelled(graph, 7)
    assert metrics.spectral_gap(graph) == pytest.approx(metrics.spectral_gap(other), **TIGHT)
    assert metrics.algebraic_connectivity(graph, component="giant") == pytest.approx(
        metrics.algebraic_connectivity(other, component="giant"), rel=1e-6
    )


@given(weighted())
def test_iteration_and_dense_solver_agree(case):
    graph, vectors = case
    weights = packed(graph, vectors)
    dense = metrics.singular_values(graph, weights, k=2), metrics.algebraic_connectivity(graph, weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spectral, "DENSE_SIDE", 0)
        patch.setattr(laplacian, "DENSE_UNITS", 1)
        sparse = metrics.singular_values(graph, weights, k=2), metrics.algebraic_connectivity(graph, weights)
    assert sparse[0].tolist() == pytest.approx(dense[0].tolist(), rel=1e-7, abs=1e-9)
    assert sparse[1] == pytest.approx(dense[1], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["cycle", "path", "band", "biregular"])
def test_factorised_fallback_agrees_with_iteration(name, monkeypatch):
    graph = BIG[name]
    gap, connectivity = metrics.spectral_gap(graph), metrics.algebraic_connectivity(graph)
    monkeypatch.setattr(spectral, "krylov_eigenpairs", _raise)
    monkeypatch.setattr(laplacian, "_by_shift", _raise)
    assert metrics.spectral_gap(graph) == pytest.approx(gap, **TIGHT)
    assert metrics.algebraic_connectivity(graph) == pytest.approx(connectivity, rel=1e-6)


def _raise(*_):
    raise errors.NotConverged("Lanczos iteration", "a test", "nothing", "nothing")


def test_a_solver_that_gives_up_is_replaced_and_says_so(monkeypatch):
    graph = erdos_renyi(1200, 1200, n_edges=5400, rng=0)
    gap, connectivity = metrics.spectral_gap(graph), metrics.algebraic_connectivity(graph, component="giant")
    monkeypatch.setattr(eigen, "FILTERED_FROM", 10_000)  # behind a filter even this little is enough
    monkeypatch.setattr(eigen, "RESTARTS", 1)
    monkeypatch.setattr(eigen, "KRYLOV", 3)
    with pytest.warns(errors.SolverFallback, match="after 1 restarts; LOBPCG has answered"):
        assert metrics.spectral_gap(graph) == pytest.approx(gap, rel=1e-7)
    monkeypatch.setattr(eigen, "DENSE_FALLBACK", 4000)
    with pytest.warns(errors.SolverFallback, match="a dense solver has answered"):
        assert metrics.algebraic_connectivity(graph, component="giant") == pytest.approx(connectivity, rel=1e-6)


def test_when_every_solver_gives_up_there_is_no_number(monkeypatch):
    monkeypatch.setattr(eigen, "RESTARTS", 1)
    monkeypatch.setattr(eigen, "KRYLOV", 3)
    monkeypatch.setattr(eigen, "LOBPCG_STEPS", 1)
    with pytest.raises(errors.NotConverged, match="LOBPCG"):
        metrics.singular_values(erdos_renyi(1200, 1200, n_edges=5400, rng=0), k=2)


@pytest.mark.parametrize("name", BIG)
def test_filtered_iteration_agrees_with_the_plain_one(name, monkeypatch):
    graph = BIG[name]
    gap, connectivity = metrics.spectral_gap(graph), metrics.algebraic_connectivity(graph, component="giant")
    monkeypatch.setattr(eigen, "FILTERED_FROM", eigen.PROBE + 1)
    assert metrics.spectral_gap(graph) == pytest.approx(gap, **TIGHT)
    assert metrics.algebraic_connectivity(graph, component="giant") == pytest.approx(connectivity, rel=1e-6)


@given(st.integers(0, 2**16), st.integers(1, 2))
def test_the_filter_keeps_the_order_of_any_spectrum(seed, k):
    """Also of spectra far below 0, where an even polynomial would turn the lowest value into the largest."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(60, 60)))
    values = np.sort(rng.normal(size=60) * 10 ** rng.uniform(-3, 3) + rng.normal() * 10)
    matrix = (basis * values) @ basis.T
    filtered = eigen._filtered(lambda x: matrix @ x, rng.random(60), k)
    assert filtered is not None
    image = np.column_stack([filtered[0](column) for column in basis.T])
    spread = np.einsum("ij,ij->j", basis, image)
    assert np.argsort(-spread)[:k].tolist() == np.argsort(-values)[:k].tolist()


def hypercube(dimension):
    units = np.arange(2**dimension)
    parity = np.array([unit.bit_count() % 2 for unit in units.tolist()])
    place = np.where(parity == 0, np.cumsum(parity == 0), np.cumsum(parity)) - 1
    even = np.flatnonzero(parity == 0)
    sources = np.concatenate([place[even]] * dimension)
    targets = np.concatenate([place[even ^ (1 << bit)] for bit in range(dimension)])
    return BipartiteGraph.from_edges(sources, targets, n_in=len(even), n_out=len(even))


@pytest.mark.parametrize("dimension", [3, 6, 11])
def test_hypercube(dimension):
    """Adjacency eigenvalues d - 2j, Laplacian eigenvalues 2j, d of them for j = 1."""
    graph = hypercube(dimension)
    assert metrics.singular_values(graph, k=3).tolist() == pytest.approx([dimension] + [dimension - 2] * 2, **TIGHT)
    assert metrics.algebraic_connectivity(graph) == pytest.approx(2, rel=1e-6)


@pytest.mark.parametrize("q", [2, 3, 23])
def test_projective_plane(q):
    """Points and lines of PG(2, q): sigma_1 = q + 1 and q^2 + q times sqrt(q); q = 2 is the Heawood graph."""
    graph = projective_plane(q)
    found = metrics.singular_values(graph, k=4)
    assert found.tolist() == pytest.approx([q + 1] + [np.sqrt(q)] * 3, **TIGHT)
    assert metrics.algebraic_connectivity(graph) == pytest.approx(q + 1 - np.sqrt(q), rel=1e-6)


def test_a_ring_of_a_hundred_thousand_units_does_not_hang():
    n = 50_000
    expected = 2 - 2 * np.cos(np.pi / n)
    assert metrics.algebraic_connectivity(cycle(n)) == pytest.approx(expected, rel=1e-6)
    assert metrics.spectral_gap(cycle(n)) == pytest.approx(expected, abs=1e-12)


# networkx, networks, determinism -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cycle", "path", "complete", "dense random", "star in"])
def test_networkx_agrees(name):
    graph = zoo.GRAPHS[name]
    peer = nx.algebraic_connectivity(oracles.undirected(graph), method="tracemin_lu", tol=1e-12)
    assert metrics.algebraic_connectivity(graph) == pytest.approx(peer, rel=1e-6)


def test_a_joint_keeps_the_multiplicity_of_contracted_edges():
    network = zoo.NETWORKS["joint"]
    adjacency = oracles.adjacency_of(network)
    assert adjacency.max() > 1
    assert metrics.algebraic_connectivity(network) == pytest.approx(oracles.second_laplacian_eigenvalue(adjacency))
    signs = [np.array([1.0, -1.0] * 3), np.array([1.0, -1.0, 1.0, -1.0])]  # opposite signs must not cancel
    assert metrics.spectral_gap(network, signs) == pytest.approx(metrics.spectral_gap(network))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_extreme_weights_scale_the_result(scale):
    graph = BIG["biregular"]
    weights = np.full(graph.n_edges, scale)
    assert metrics.spectral_gap(graph, weights) / scale == pytest.approx(metrics.spectral_gap(graph))
    assert metrics.algebraic_connectivity(graph, weights) / scale == pytest.approx(
        metrics.algebraic_connectivity(graph)
    )


# parts that hardly hang together -------------------------------------------------------------------------------------


def chain(*parts, joints):
    """The parts side by side, joined by single edges of the given weights; every other weight is 1."""
    inside = side_by_side(*parts)
    ins, outs = np.cumsum([0, *(g.n_in for g in parts)]), np.cumsum([0, *(g.n_out for g in parts)])
    starts, ends = ins[: len(joints)], outs[1:-1]
    sources, targets = np.r_[inside.sources, starts], np.r_[inside.targets, ends]
    weights = np.r_[np.ones(inside.n_edges), joints][np.lexsort((sources, targets))]
    return BipartiteGraph.from_edges(sources, targets, n_in=inside.n_in, n_out=inside.n_out), weights


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize(("first", "second"), [(20, 40), (120, 200)], ids=["dense", "sparse"])
def test_two_parts_joined_by_little(first, second, epsilon):
    """lambda_2 = epsilon (1 / n_1 + 1 / n_2) to first order; the same one under any names of the units."""
    graph, weights = chain(band(first, 12), band(second, 12), joints=[epsilon])
    expected = epsilon * (1 / (2 * first) + 1 / (2 * second))
    for seed in range(3):
        other, (order,) = relabelled(graph, seed)
        assert metrics.algebraic_connectivity(other, weights[order]) == pytest.approx(expected, rel=2 * epsilon + 1e-6)


@pytest.mark.parametrize("joints", [[1e-14], [1e-20], [1e-30], [1e-16, 1e-16], [1e-8, 1e-18]])
@pytest.mark.parametrize("size", [20, 120], ids=["dense", "sparse"])
def test_a_value_lost_in_rounding_is_refused(size, joints):
    parts = [erdos_renyi(size, size, density=0.3, rng=k) for k in range(len(joints) + 1)]
    graph, weights = chain(*parts, joints=joints)
    for seed in range(3):
        other, (order,) = relabelled(graph, seed)
        with pytest.raises(errors.NotConverged):
            metrics.algebraic_connectivity(other, weights[order])


@pytest.mark.parametrize("epsilon", [1e-8, 1e-20])
def test_a_unit_on_a_thread_keeps_its_digits(epsilon):
    graph = BipartiteGraph.from_edges(
        np.r_[np.arange(5).repeat(5), 0], np.r_[np.tile(np.arange(5), 5), 5], n_in=5, n_out=6
    )
    weights = np.where(graph.targets == 5, epsilon, 1.0)
    assert metrics.algebraic_connectivity(graph, weights) == pytest.approx(epsilon * (1 + 1 / 10), rel=1e-6)


def test_factors_of_an_indefinite_matrix_are_refused():
    with pytest.raises(errors.NotConverged, match="factorisation"):
        eigen.factorised(sp.csc_array([[1.0, 2.0], [2.0, 1.0]]))


def test_an_inaccurate_eigenvector_is_not_believed(monkeypatch):
    """The residual sends a poor result of the iteration on to the factorisation."""
    graph, calls = BIG["band"], []
    expected = metrics.algebraic_connectivity(graph)

    def poor(matvec, n, k):
        calls.append(n)
        values, vectors = eigen.krylov_eigenpairs(matvec, n, k)
        return values, vectors + 0.01 * np.random.default_rng(0).normal(size=(n, k))

    monkeypatch.setattr(laplacian, "krylov_eigenpairs", poor)
    assert metrics.algebraic_connectivity(graph) == pytest.approx(expected, rel=1e-9)
    assert len(calls) == 1


def test_near_trees_do_not_wait_for_the_iteration(monkeypatch):
    def never(*_):
        raise AssertionError("the iteration takes long on paths")

    monkeypatch.setattr(laplacian, "_by_shift", never)
    assert metrics.algebraic_connectivity(path(350)) == pytest.approx(2 - 2 * np.cos(np.pi / 700), rel=1e-6)


def test_equal_values_inside_a_component_are_all_found():
    """Four copies around one hub: all but the symmetric modes are threefold, and one Lanczos run misses some."""
    copy = erdos_renyi(120, 120, n_edges=360, rng=0)
    apart = side_by_side(copy, copy, copy, copy)
    sources, targets = np.r_[apart.sources, [480] * 4], np.r_[apart.targets, 0:480:120]
    graph = BipartiteGraph.from_edges(sources, targets, n_in=481, n_out=480)
    expected = np.linalg.svd(graph.biadjacency().toarray(), compute_uv=False)[:4]
    assert metrics.singular_values(graph, k=4).tolist() == pytest.approx(expected.tolist(), **TIGHT)


@big
def test_the_same_input_gives_the_same_bits(graph):
    def measured():
        return metrics.singular_values(graph, k=4).tobytes(), metrics.algebraic_connectivity(graph, component="giant")

    assert measured() == measured()


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "2"])
def test_impossible_number_of_singular_values(k):
    with pytest.raises(errors.InvalidOption, match="k=2"):
        metrics.singular_values(zoo.GRAPHS["complete"], k=k)


@pytest.mark.parametrize("options", [{"component": "largest"}, {"laplacian": "random-walk"}])
def test_unknown_options_list_the_known_ones(options):
    with pytest.raises(errors.InvalidOption, match=r"'all' or 'giant'|'combinatorial' or 'normalized'"):
        metrics.algebraic_connectivity(zoo.GRAPHS["complete"], **options)


@pytest.mark.parametrize("filtered_from", [eigen.FILTERED_FROM, eigen.PROBE + 1], ids=["plain", "filtered"])
@pytest.mark.parametrize("joint", [1e-9, 1e-13])
@pytest.mark.parametrize("n_parts", [3, 4])
def test_almost_equal_parts_do_not_hide_each_other(n_parts, joint, filtered_from, monkeypatch):
    """All but one part are equal: the iteration sees one vector for all of them, and the odd one as the second."""
    part = biregular(120, 120, fan_in=3, rng=0)
    odd = BipartiteGraph.from_edges(part.sources[1:], part.targets[1:], n_in=120, n_out=120)
    graph, weights = chain(*[part] * (n_parts - 1), odd, joints=[joint] * (n_parts - 1))
    monkeypatch.setattr(eigen, "FILTERED_FROM", filtered_from)
    expected = np.linalg.svd(graph.biadjacency(weights).toarray(), compute_uv=False)[:2]
    assert metrics.singular_values(graph, weights).tolist() == pytest.approx(expected.tolist(), **TIGHT)


@pytest.mark.parametrize("factors_first", [0, laplacian.FACTORS_FIRST])
def test_tiny_eigenvalues_do_not_mislead_the_iteration(factors_first, monkeypatch):
    """A plain iteration settles on 0.00428, an eigenvalue too, with a small residual: lambda_2 is 50 times smaller."""
    graph = erdos_renyi(100, 46, n_edges=173, rng=579)
    rng = np.random.default_rng(578)
    rng.integers(5, 120), rng.integers(5, 120), rng.integers(1, 200)
    weights = rng.choice([0, 1e-3, 1, -2.0, 50], size=graph.n_edges)
    expected = of_the_giant(graph, weights, "combinatorial")
    assert 1e-5 < expected < 1e-3
    monkeypatch.setattr(laplacian, "FACTORS_FIRST", factors_first)
    for filtered_from in (eigen.FILTERED_FROM, eigen.PROBE + 1):
        monkeypatch.setattr(eigen, "FILTERED_FROM", filtered_from)
        found = metrics.algebraic_connectivity(graph, weights, component="giant")
        assert found == pytest.approx(expected, rel=1e-6)


def test_large_expanders_are_not_factorised():
    """Weights over six decades are more than Lanczos iteration manages; factors of this graph would take an hour."""
    graph = erdos_renyi(12_000, 12_000, n_edges=120_000, rng=0)
    weights = np.random.default_rng(0).choice([1e-4, 1e-3, 1.0, 50.0], size=graph.n_edges)
    with pytest.raises(errors.NotConverged, match="factors of up to"):
        metrics.algebraic_connectivity(graph, weights, component="giant")


@pytest.mark.parametrize("order", ["as it is", "shuffled"])
def test_the_cost_of_elimination_is_small_for_bands_and_large_for_expanders(order):
    band, expander = (
        banded(3_000, 3_000, n_edges=30_000).weight_matrix(),
        biregular(3_000, 3_000, fan_in=10, rng=0).weight_matrix(),
    )
    costs = []
    for half in (band, expander):
        matrix = sp.block_array([[None, half], [half.T, None]]).tocsr()
        if order == "shuffled":
            places = np.random.default_rng(0).permutation(6_000)
            matrix = matrix[places][:, places]
        costs.append(eigen._elimination_cost(matrix))
    assert costs[0] < 6_000 * 60**2
    assert costs[1] > 6_000 * 1_000**2
