"""Growth across bottlenecks: by hand, beside dense matrices, and what it is for - a larger gap without hubs."""

import networkx as nx
import numpy as np
import oracles
import oracles_paths
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.metrics import algebraic_connectivity, n_components
from netsparse.rewiring.growth import fiedler
from netsparse.rewiring.growth.component_joining import joining_pairs
from netsparse.rewiring.growth.farthest_pairs import farthest_pairs
from netsparse.rewiring.growth.fiedler import FiedlerGrowth, fiedler_vector
from netsparse.rewiring.rules.spectral_gap import SpectralGap
from netsparse.rewiring.state import Kept, LayerState

NOBODY = np.empty(0, dtype=np.int64)


def kept_of(graph, removed=NOBODY):
    return Kept(LayerState(0, graph, np.ones(graph.n_edges)), np.asarray(removed, dtype=np.int64))


def grown(graph, sources, targets):
    return ns.apply(graph, ns.EdgeDelta([], sources, targets))[0]


def gap(graph, component="all"):
    return algebraic_connectivity(graph, laplacian="normalized", component=component)


# by hand --------------------------------------------------------------------------------------------------------------


def test_a_rewiring_of_eight_edges_by_hand():
    # without its two weak edges s0 - t1 and s3 - t1 this is the path s0 t0 s1 t1 s2 t2 s3. Its Fiedler vector is
    # sqrt(degree) * cos(pi j / 6) along the path: 1, 1.2247, 0.7071, 0, -0.7071, -1.2247, -1.
    graph = ns.BipartiteGraph.from_edges([0, 1, 0, 1, 2, 3, 2, 3], [0, 0, 1, 1, 1, 1, 2, 2], n_in=4, n_out=3)
    weights = np.array([1.0, 1.0, 0.1, 1.0, 1.0, -0.1, 1.0, 1.0])
    delta = SpectralGap(fraction=0.25, batches=1).propose(graph, weights, rng=0)
    assert delta.removed.tolist() == [2, 5]
    # farthest apart: the ends, s0 and t2 (1 + 1.2247) and s3 and t0 (the same); both ends get one
    assert set(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True)) == {(0, 2), (3, 0)}
    at_source, at_target = fiedler_vector(kept_of(graph, [2, 5]).graph)
    sign = np.sign(at_source[0])
    np.testing.assert_allclose(sign * at_source / abs(at_source[0]), [1, 0.5**0.5, -(0.5**0.5), -1], rtol=1e-8)
    np.testing.assert_allclose(sign * at_target / abs(at_source[0]), [1.5**0.5, 0, -(1.5**0.5)], atol=1e-8)


def test_two_blocks_of_eight_edges_are_joined_first_by_hand():
    graph = zoo.GRAPHS["two equal blocks"]  # two complete blocks of 2 x 2
    sources, targets = FiedlerGrowth()(kept_of(graph), 1, np.random.default_rng(0))
    assert sources[0] // 2 != targets[0] // 2
    # now f has one sign on each block, and is largest where the blocks are not joined: the next edge joins them again
    sources, targets = FiedlerGrowth()(kept_of(graph), 2, np.random.default_rng(0))
    assert (sources // 2 != targets // 2).all()
    assert len({*sources.tolist()}) == len({*targets.tolist()}) == 2  # by units that had no new edge yet


# parts ----------------------------------------------------------------------------------------------------------------


def connected(graph):
    return grown(graph, *joining_pairs(graph, graph.n_in + graph.n_out, np.random.default_rng(0)))


@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_the_fiedler_vector_is_that_of_the_dense_laplacian(name):
    graph = connected(zoo.GRAPHS[name])
    laplacian, units = oracles_paths.normalised_laplacian(graph)
    values, vectors = np.linalg.eigh(laplacian)
    f = np.concatenate(fiedler_vector(graph))[units]
    if min(graph.n_in, graph.n_out) == 1:
        assert not f.any()
        return
    f = f / np.linalg.norm(f)
    np.testing.assert_allclose(laplacian @ f, values[1] * f, atol=1e-7)
    if values[2] - values[1] > 1e-6:
        assert abs(f @ vectors[:, 1]) == pytest.approx(1.0, abs=1e-7)


def test_the_fiedler_vector_of_a_graph_too_large_for_a_dense_solver():
    graph = connected(ns.generators.erdos_renyi(700, 900, density=0.01, rng=0))
    laplacian, units = oracles_paths.normalised_laplacian(graph)
    f = np.concatenate(fiedler_vector(graph))[units]
    f = f / np.linalg.norm(f)
    np.testing.assert_allclose(laplacian @ f, np.linalg.eigvalsh(laplacian)[1] * f, atol=1e-7)


@given(zoo.graphs(), st.data())
def test_the_farthest_pairs_are_those_of_a_sorted_list_of_all(graph, data):
    few = st.sampled_from([-1.5, -1.0, 0.0, 0.0, 0.25, 1.0, 2.0])  # many ties
    at_source = np.array(data.draw(st.lists(few, min_size=graph.n_in, max_size=graph.n_in)))
    at_target = np.array(data.draw(st.lists(few, min_size=graph.n_out, max_size=graph.n_out)))
    room_s = np.array(data.draw(st.lists(st.integers(0, 3), min_size=graph.n_in, max_size=graph.n_in)))
    room_t = np.array(data.draw(st.lists(st.integers(0, 3), min_size=graph.n_out, max_size=graph.n_out)))
    n = data.draw(st.integers(0, 30))
    found = farthest_pairs(graph, at_source, at_target, n, room_at_source=room_s, room_at_target=room_t)
    expected = oracles_paths.farthest_pairs(graph, at_source, at_target, n, room_s.tolist(), room_t.tolist())
    assert list(zip(*(units.tolist() for units in found), strict=True)) == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_farthest_pairs_of_a_larger_graph(seed):
    rng = np.random.default_rng(seed)
    graph = ns.generators.erdos_renyi(60, 45, density=0.3, rng=rng)
    values, room = (rng.normal(size=60), rng.normal(size=45)), (np.full(60, 2), np.full(45, 3))
    found = farthest_pairs(graph, *values, 200, room_at_source=room[0], room_at_target=room[1])
    expected = oracles_paths.farthest_pairs(graph, *values, 200, *room)
    assert list(zip(*(units.tolist() for units in found), strict=True)) == expected


@given(zoo.graphs(), st.integers(0, 20), st.booleans(), st.integers(0, 2**16))
def test_components_are_joined_one_by_one_the_larger_ones_first(graph, n, with_isolated, seed):
    sources, targets = joining_pairs(graph, n, np.random.default_rng(seed), with_isolated=with_isolated)
    whole = oracles.undirected(graph)
    parts = sorted((part for part in nx.connected_components(whole)), key=len, reverse=True)
    if not with_isolated:
        parts = [part for part in parts if len(part) > 1]
    assert len(sources) == min(n, max(len(parts) - 1, 0))
    giant, waiting = None, [len(part) for part in parts[1:]]
    for k, (s, t) in enumerate(zip(sources.tolist(), (targets + graph.n_in).tolist(), strict=True)):
        one, other = nx.node_connected_component(whole, s), nx.node_connected_component(whole, t)
        assert one != other
        if giant is None:  # where several are largest, any of them
            giant = max((one, other), key=len)
        giant, joined = (one, other) if s in giant or one >= giant else (other, one)
        assert len(joined) == waiting[k] or graph.n_edges == 0
        ends = [(x, y) for x in joined for y in giant if (x < graph.n_in) != (y < graph.n_in)]
        assert whole.degree(s) + whole.degree(t) == min(whole.degree(x) + whole.degree(y) for x, y in ends)
        whole.add_edge(s, t)
        giant = giant | joined


# the whole ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_one_batch_is_that_of_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    graph = connected(ns.generators.erdos_renyi(20, 25, density=0.12, rng=rng))
    sources, targets = FiedlerGrowth(batches=1, degree_cap=np.inf)(kept_of(graph), 12, rng)
    laplacian, _ = oracles_paths.normalised_laplacian(graph)
    f = np.linalg.eigh(laplacian)[1][:, 1]
    at_source, at_target = f[:20], f[20:]
    expected = oracles_paths.farthest_pairs(graph, at_source, at_target, 12, np.ones(20, int), np.ones(25, int))
    # units with the same neighbours are equally far, in whichever order rounding puts them
    distances = [abs(at_source[s] - at_target[t]) for s, t in zip(sources, targets, strict=True)]
    np.testing.assert_allclose(distances, [abs(at_source[s] - at_target[t]) for s, t in expected], atol=1e-7)


@given(
    zoo.graphs(), st.sampled_from(["joined", "left"]), st.integers(1, 5), st.sampled_from([1.0, 2.0, np.inf]), st.data()
)
def test_growth_is_exact_and_free_whatever_the_options(graph, isolated, batches, cap, data):
    n = data.draw(st.integers(0, graph.n_in * graph.n_out - graph.n_edges))
    growth = FiedlerGrowth(batches, cap, isolated)
    sources, targets = growth(kept_of(graph), n, np.random.default_rng(0))
    after = grown(graph, sources, targets)  # refuses pairs that are edges or come twice
    assert after.n_edges == graph.n_edges + n
    again = growth(kept_of(graph), n, np.random.default_rng(0))
    np.testing.assert_array_equal(again, (sources, targets))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("sizes", "density"), [((200, 250), 0.025), ((300, 200), 0.05)])
def test_the_gap_rises_beyond_uniform_growth_without_hubs(sizes, density, seed):
    rng = np.random.default_rng(seed)
    graph = ns.generators.erdos_renyi(*sizes, density=density, rng=rng)
    weights = rng.normal(size=graph.n_edges)
    by_rule = ns.apply(graph, SpectralGap().propose(graph, weights, rng=seed))[0]
    uniform = ns.apply(graph, ns.rewiring.SET(drop="magnitude").propose(graph, weights, rng=seed))[0]
    assert by_rule.n_edges == uniform.n_edges == graph.n_edges
    assert gap(by_rule) > gap(uniform, "giant") >= gap(uniform)
    kept = kept_of(graph, SpectralGap().propose(graph, weights, rng=seed).removed).graph
    for after, before, mean in (
        (by_rule.fan_in, kept.fan_in, graph.n_edges / sizes[1]),
        (by_rule.fan_out, kept.fan_out, graph.n_edges / sizes[0]),
    ):
        assert after.max() <= max(np.ceil(2 * mean), before.max())


def test_it_mends_what_a_cut_has_nearly_parted():
    rng = np.random.default_rng(0)
    halves = [ns.generators.erdos_renyi(50, 50, density=0.12, rng=rng) for _ in range(2)]
    sources = np.concatenate([halves[0].sources, halves[1].sources + 50, [3]])
    targets = np.concatenate([halves[0].targets, halves[1].targets + 50, [70]])
    graph = ns.BipartiteGraph.from_edges(sources, targets, n_in=100, n_out=100)  # one edge between two halves
    s, t = FiedlerGrowth(batches=5)(kept_of(graph), 20, rng)
    assert ((s < 50) != (t < 50)).mean() > 0.9
    random_pairs = ns.graph.free_pairs(graph, 20, rng=rng)
    assert gap(grown(graph, s, t), "giant") > 1.5 * gap(grown(graph, *random_pairs), "giant")


def test_isolated_units_are_joined_or_left():
    graph = ns.BipartiteGraph.from_edges([0, 0, 1, 1, 2], [0, 1, 0, 2, 2], n_in=6, n_out=5)  # s3, s4, s5, t3, t4
    joined = grown(graph, *FiedlerGrowth()(kept_of(graph), 6, np.random.default_rng(0)))
    assert n_components(joined) == 1
    left = grown(graph, *FiedlerGrowth(isolated="left")(kept_of(graph), 4, np.random.default_rng(0)))
    assert left.n_edges == 9  # all pairs of s0, s1, s2 and t0, t1, t2
    assert not left.fan_out[3:].any()
    assert not left.fan_in[3:].any()
    more = grown(graph, *FiedlerGrowth(isolated="left")(kept_of(graph), 5, np.random.default_rng(0)))
    assert more.fan_out[3:].sum() + more.fan_in[3:].sum() > 0  # nobody else is left
    empty = zoo.GRAPHS["no edges"]
    assert grown(empty, *FiedlerGrowth()(kept_of(empty), 6, np.random.default_rng(0))).n_edges == 6
    seen = {
        tuple(units.tobytes() for units in FiedlerGrowth(isolated="left")(kept_of(empty), 2, np.random.default_rng(k)))
        for k in range(9)
    }
    assert len(seen) > 1


def test_a_batch_without_a_vector_is_uniform_and_says_so(monkeypatch):
    def give_up(*args, **options):
        raise errors.NotConverged("Lanczos iteration", "nothing", "something", "a smaller graph")

    monkeypatch.setattr(fiedler, "singular_pairs", give_up)
    graph = ns.generators.erdos_renyi(30, 30, density=0.2, rng=0)
    with pytest.warns(errors.SolverFallback, match="uniformly random"):
        sources, _ = FiedlerGrowth(batches=1)(kept_of(graph), 10, np.random.default_rng(0))
    assert len(sources) == 10


BAD = [
    (lambda: SpectralGap(batches=0), errors.InvalidOption, "at least 1"),
    (lambda: SpectralGap(batches=2.5), errors.InvalidOption, r"2\.5"),
    (lambda: SpectralGap(degree_cap=0.5), errors.InvalidOption, "at least 1"),
    (lambda: SpectralGap(degree_cap=float("nan")), errors.InvalidOption, "nan"),
    (lambda: SpectralGap(isolated="alone"), errors.UnknownName, "joined, left"),
    (lambda: SpectralGap(grow="gradient"), errors.InvalidOption, "does not follow it"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_options(call, error, message):
    with pytest.raises(error, match=message):
        call()
