"""Random lifts and unions of permutations: exact degrees, inherited spectra, every graph reached, clear errors."""

import itertools
import math

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.generators import complete
from netsparse.generators.expander import permutation_union, random_lift
from netsparse.generators.ramanujan import projective_plane
from netsparse.metrics import component_sizes, singular_values


def is_simple(graph):
    rebuilt = ns.BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=graph.n_in, n_out=graph.n_out)
    return rebuilt == graph


def all_values(graph):
    return np.linalg.svd(graph.biadjacency().toarray(), compute_uv=False)


def check_lift(base, n_copies, seed):
    lift = random_lift(base, n_copies, rng=seed)
    assert lift.sizes == (base.n_in * n_copies, base.n_out * n_copies)
    assert lift.n_edges == base.n_edges * n_copies
    assert is_simple(lift)
    assert lift == random_lift(base, n_copies, rng=seed)
    assert np.array_equal(lift.fan_in, np.tile(base.fan_in, n_copies))
    assert np.array_equal(lift.fan_out, np.tile(base.fan_out, n_copies))
    # over each edge of the base lies a perfect matching, over each other pair nothing
    below = base.edge_ids(lift.sources % base.n_in, lift.targets % base.n_out)
    for copies in (lift.sources // base.n_in, lift.targets // base.n_out):
        over = set(zip(below.tolist(), copies.tolist(), strict=True))
        assert over == set(itertools.product(range(base.n_edges), range(n_copies)))


@pytest.mark.parametrize("base", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
def test_a_lift_is_a_perfect_matching_over_every_edge(base):
    for n_copies in (1, 2, 7):
        check_lift(base, n_copies, 3)
    assert random_lift(base, 1, rng=0) == base


@given(zoo.graphs(), st.integers(1, 6), st.integers(0, 2**32))
def test_a_lift_of_any_graph(base, n_copies, seed):
    check_lift(base, n_copies, seed)


@given(zoo.graphs(max_units=5), st.integers(1, 4), st.integers(0, 99))
def test_the_singular_values_of_the_base_stay(base, n_copies, seed):
    left = all_values(random_lift(base, n_copies, rng=seed)).tolist()
    for value in all_values(base):
        nearest = min(left, key=lambda other: abs(other - value))
        assert nearest == pytest.approx(value, abs=1e-9)
        left.remove(nearest)  # with multiplicity


def test_all_lifts_are_equally_likely():
    # 3 copies of a single edge: 6 matchings; chi-square with 5 degrees of freedom, 99.9 % quantile 20.5
    edge, rng, counts = zoo.GRAPHS["one edge"], np.random.default_rng(0), {}
    for _ in range(3000):
        lift = random_lift(edge, 3, rng=rng)
        counts[lift] = counts.get(lift, 0) + 1
    assert len(counts) == 6
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 20.5


def test_matchings_over_different_edges_are_independent():
    # a star of two edges, 3 copies: 36 pairs of matchings; 35 degrees of freedom, 99.9 % quantile 66.6
    star = ns.BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    rng, counts = np.random.default_rng(1), {}
    for _ in range(3600):
        lift = random_lift(star, 3, rng=rng)
        counts[lift] = counts.get(lift, 0) + 1
    assert len(counts) == 36
    assert sum((count - 100) ** 2 / 100 for count in counts.values()) < 66.6


@pytest.mark.parametrize(("base", "seed"), [(complete(4, 4), 0), (complete(6, 3), 1), (projective_plane(3), 2)])
def test_a_large_lift_of_a_ramanujan_layer_nearly_is_one(base, seed):
    lift = random_lift(base, 3000 // base.n_in, rng=seed)
    fan_in, fan_out = base.fan_in[0], base.fan_out[0]
    first, second = singular_values(lift, k=2)
    bound = math.sqrt(fan_in - 1) + math.sqrt(fan_out - 1)
    assert first == pytest.approx(math.sqrt(fan_in * fan_out), abs=1e-9)
    assert max(all_values(base)[1], 0.9 * bound) < second < 1.02 * bound  # below the bound only by what is finite


@settings(max_examples=150)
@given(st.integers(1, 12), st.data())
def test_a_union_of_permutations_is_regular_at_every_degree(n, data):
    degree, seed = data.draw(st.integers(0, n)), data.draw(st.integers(0, 2**32))
    graph = permutation_union(n, degree=degree, rng=seed)
    assert graph.sizes == (n, n)
    assert (graph.fan_in == degree).all()
    assert (graph.fan_out == degree).all()
    assert is_simple(graph)
    assert graph == permutation_union(n, n, degree=degree, rng=seed)
    if degree:
        assert graph == permutation_union(n, n, n_edges=n * degree, rng=seed)
        assert graph == permutation_union(n, density=degree / n, rng=seed)


@pytest.mark.parametrize(
    ("n", "degree"), [(300, 100), (201, 100), (200, 100), (200, 101), (200, 199), (2000, 40), (2000, 12)]
)
def test_unions_with_many_repairs_are_regular_and_simple(n, degree):
    graph = permutation_union(n, degree=degree, rng=0)
    assert set(graph.fan_in.tolist()) == set(graph.fan_out.tolist()) == {degree}
    assert is_simple(graph)


def test_one_permutation_is_uniform():
    # 24 permutations of 4 units; 23 degrees of freedom, 99.9 % quantile 49.7
    rng, counts = np.random.default_rng(0), {}
    for _ in range(4800):
        graph = permutation_union(4, degree=1, rng=rng)
        counts[graph] = counts.get(graph, 0) + 1
    assert len(counts) == 24
    assert sum((count - 200) ** 2 / 200 for count in counts.values()) < 49.7


def test_unions_that_differ_by_names_are_equally_likely():
    # two permutations of 4 units make 90 graphs: 18 of two squares and 72 cycles of length 8
    rng, counts = np.random.default_rng(0), {}
    for _ in range(5000):
        graph = permutation_union(4, degree=2, rng=rng)
        counts[graph] = counts.get(graph, 0) + 1
    squares = {graph for graph in counts if len(np.unique(graph.biadjacency().toarray(), axis=0)) == 2}
    assert len(squares) == 18
    for part, n_graphs, limit in ((squares, 18, 40.8), (counts.keys() - squares, 72, 112.3)):
        assert len(part) == n_graphs
        expected = sum(counts[graph] for graph in part) / n_graphs
        # 17 and 71 degrees of freedom, 99.9 % quantiles 40.8 and 112.3
        assert sum((counts[graph] - expected) ** 2 / expected for graph in part) < limit


def test_cycles_of_two_permutations_are_those_of_a_derangement():
    # uniform over derangements of many units, cycles number H_n - 1 on average, those of two units 1/2
    n, n_trials, rng = 300, 1000, np.random.default_rng(0)
    sizes = [component_sizes(permutation_union(n, degree=2, rng=rng)) for _ in range(n_trials)]
    n_cycles = np.mean([len(each) for each in sizes])
    # standard deviations of a mean: sqrt(H_n - pi^2 / 6) and sqrt(1/2), over sqrt(n_trials)
    harmonic = sum(1 / k for k in range(1, n + 1))
    assert abs(n_cycles - (harmonic - 1)) < 4 * math.sqrt(harmonic / n_trials)
    assert abs(np.mean([(each == 4).sum() for each in sizes]) - 0.5) < 4 * math.sqrt(0.5 / n_trials)


@pytest.mark.parametrize("degree", [3, 8])
def test_a_union_of_permutations_expands(degree):
    first, second = singular_values(permutation_union(4000, degree=degree, rng=0), k=2)
    assert first == pytest.approx(degree, abs=1e-9)
    assert 0.95 * 2 * math.sqrt(degree - 1) < second < 1.02 * 2 * math.sqrt(degree - 1)


def test_a_large_sparse_union_does_not_touch_all_pairs():
    graph = permutation_union(10**6, degree=2, rng=0)  # 10^12 pairs
    assert graph.n_edges == 2 * 10**6
    assert set(graph.fan_in.tolist()) == {2}


def test_a_union_is_a_generator_of_square_layers():
    net = ns.generators.layered([50, 50, 50], density=0.1, generator=permutation_union, rng=0)
    assert [set(layer.fan_out.tolist()) for layer in net.layers] == [{5}, {5}]


def test_numpy_numbers_do_not_overflow():
    assert permutation_union(np.uint8(200), degree=np.uint8(100), rng=0) == permutation_union(200, degree=100, rng=0)
    assert random_lift(complete(100, 100), np.int8(100), rng=0).n_in == 10_000


BASE = complete(2, 2)
BAD = [
    (lambda: random_lift(BASE, 0, rng=0), errors.InvalidOption, "n_copies: given 0"),
    (lambda: random_lift(BASE, 2.0, rng=0), errors.InvalidOption, "2.0"),
    (lambda: random_lift(BASE, True, rng=0), errors.InvalidOption, "True"),
    (lambda: random_lift(BASE, "3", rng=0), errors.InvalidOption, "'3'"),
    (lambda: random_lift(BASE, 3, rng=None), errors.InvalidSeed, "rng=0"),
    (lambda: random_lift(np.ones((2, 2)), 3, rng=0), errors.InvalidOption, "a ndarray, expected a BipartiteGraph"),
    (lambda: random_lift(BASE, 2**40, rng=0), errors.InvalidSize, "fewer than 2\\^63 pairs"),
    (lambda: permutation_union(0, degree=1, rng=0), errors.InvalidSize, "at least 1"),
    (lambda: permutation_union(6, 4, degree=1, rng=0), errors.InvalidSize, "6 and 4.*n_out=6, or biregular"),
    (lambda: permutation_union(6, rng=0), errors.InvalidOption, "given none, expected exactly one"),
    (lambda: permutation_union(6, degree=1, n_edges=6, rng=0), errors.InvalidOption, "degree and n_edges"),
    (lambda: permutation_union(6, degree=7, rng=0), errors.InvalidDegree, "0 to n_in = 6; try degree=6"),
    (lambda: permutation_union(60, degree=-1, rng=0), errors.InvalidDegree, "-1.*try degree=1"),
    (lambda: permutation_union(6, degree=2.5, rng=0), errors.InvalidDegree, "2.5"),
    (lambda: permutation_union(6, degree=True, rng=0), errors.InvalidDegree, "True"),
    (lambda: permutation_union(6, n_edges=9, rng=0), errors.InvalidDegree, "9 edges, .* n_in = 6.*degree=2, or near"),
    (lambda: permutation_union(6, density=0.1, rng=0), errors.InvalidDegree, "density: given 4 edges.*degree=1"),
    (lambda: permutation_union(6, n_edges=37, rng=0), errors.NotEnoughFreePairs, "n_edges=36"),
    (lambda: permutation_union(6, density=1.5, rng=0), errors.InvalidDensity, "1.5"),
    (lambda: permutation_union(6, density=0.001, rng=0), errors.NoEdges, "rounds to no edge"),
    (lambda: permutation_union(6, degree=2, rng=None), errors.InvalidSeed, "rng=0"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_clear_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
