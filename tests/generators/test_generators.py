"""Every generator: exact counts, simple graphs, the same graph for the same seed, one clear line for bad input."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.generators import GENERATORS, OWN_SIZES

NEEDS_DATA = {"feature_correlation"}
DIVISIBLE = {"biregular", "constant_fan_in", "constant_fan_out", "permutation_union", "complete"}
ANY_COUNT = sorted(set(GENERATORS) - NEEDS_DATA - DIVISIBLE)
RANDOM = sorted(set(ANY_COUNT) - {"banded", "circulant"})
every_count = pytest.mark.parametrize("name", ANY_COUNT)


def drawn(name, n_in, n_out, *, rng, **options):
    """What the generator of this name draws; `rng` only where it takes one."""
    randomness = {"rng": rng} if name in RANDOM else {}
    return GENERATORS[name](n_in, n_out, **options, **randomness)


def is_simple(graph):
    rebuilt = ns.BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=graph.n_in, n_out=graph.n_out)
    return rebuilt == graph


@every_count
@settings(deadline=None)  # the first call of some compiles
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_edge_count_is_exact_at_every_density(name, n_in, n_out, part, seed):
    n_edges = round(part * n_in * n_out)
    graph = drawn(name, n_in, n_out, n_edges=n_edges, rng=seed)
    assert (graph.n_in, graph.n_out, graph.n_edges) == (n_in, n_out, n_edges)
    assert is_simple(graph)
    assert graph == drawn(name, n_in, n_out, n_edges=n_edges, rng=seed)


@every_count
def test_density_means_the_nearest_number_of_edges(name):
    assert drawn(name, 784, 1000, density=0.01, rng=0).n_edges == 7840
    assert drawn(name, 7, 3, density=0.5, rng=0).n_edges == round(0.5 * 21)


@pytest.mark.parametrize("name", RANDOM)
def test_different_seeds_give_different_graphs(name):
    graphs = {drawn(name, 30, 20, density=0.1, rng=seed) for seed in range(5)}
    assert len(graphs) == 5


def test_erdos_renyi_is_uniform_over_edge_sets():
    # 2 edges among 4 pairs: 6 equally likely graphs; chi-square with 5 degrees of freedom, 99.9 % quantile 20.5
    rng = np.random.default_rng(0)
    counts = {}
    for _ in range(6000):
        graph = ns.generators.erdos_renyi(2, 2, n_edges=2, rng=rng)
        counts[graph] = counts.get(graph, 0) + 1
    assert len(counts) == 6
    assert sum((c - 1000) ** 2 / 1000 for c in counts.values()) < 20.5


def test_erdos_renyi_rejection_branch_is_uniform_over_pairs():
    hits = np.zeros((10, 10))
    rng = np.random.default_rng(0)
    for _ in range(3000):
        graph = ns.generators.erdos_renyi(10, 10, n_edges=30, rng=rng)
        hits[graph.targets, graph.sources] += 1
    # each pair is hit 900 times on average with a standard deviation of sqrt(3000 * .3 * .7) = 25
    assert np.abs(hits - 900).max() < 5 * 25


@given(st.integers(1, 10), st.integers(1, 10), st.data())
def test_biregular_degrees_are_exact(n_in, n_out, data):
    feasible = [d for d in range(n_in + 1) if (n_out * d) % n_in == 0]
    fan_in = data.draw(st.sampled_from(feasible))
    graph = ns.generators.biregular(n_in, n_out, fan_in=fan_in, rng=data.draw(st.integers(0, 99)))
    assert set(graph.fan_in.tolist()) == {fan_in}
    assert set(graph.fan_out.tolist()) == {n_out * fan_in // n_in}
    assert is_simple(graph)


@pytest.mark.parametrize(
    ("n_in", "n_out", "fan_in", "nearest"),
    [(784, 1000, 8, 98), (784, 1000, 160, 196), (4, 6, 3, 4), (5, 3, 1, 5), (3, 3, 7, 3)],
)
def test_infeasible_fan_in_names_the_nearest_feasible_one(n_in, n_out, fan_in, nearest):
    with pytest.raises(errors.InvalidDegree, match=f"fan_in={nearest}, the nearest"):
        ns.generators.biregular(n_in, n_out, fan_in=fan_in, rng=0)
    ns.generators.biregular(n_in, n_out, fan_in=nearest, rng=0)


@settings(max_examples=300)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_near_biregular_degrees_differ_by_at_most_one(n_in, n_out, part, seed):
    graph = ns.generators.near_biregular(n_in, n_out, n_edges=round(part * n_in * n_out), rng=seed)
    assert np.ptp(graph.fan_in) <= 1
    assert np.ptp(graph.fan_out) <= 1


def test_near_biregular_reaches_every_graph_about_equally_often():
    # all 2-regular simple graphs on 3 + 3 units: the 6 complements of perfect matchings
    rng = np.random.default_rng(0)
    counts = {}
    for _ in range(3000):
        graph = ns.generators.biregular(3, 3, fan_in=2, rng=rng)
        counts[graph] = counts.get(graph, 0) + 1
    assert len(counts) == 6
    assert min(counts.values()) > 350


@every_count
def test_large_sparse_layers_do_not_touch_all_pairs(name):
    # 10^12 pairs: an array over them could not be allocated
    assert drawn(name, 10**6, 10**6, n_edges=50_000, rng=0).n_edges == 50_000


@every_count
@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint8])
def test_numpy_sizes_do_not_overflow(name, kind):
    sizes = {np.int16: (1000, 1000), np.int32: (100_000, 100_000), np.uint8: (200, 200)}[kind]
    graph = drawn(name, kind(sizes[0]), kind(sizes[1]), n_edges=kind(100), rng=0)
    assert graph == drawn(name, *sizes, n_edges=100, rng=0)
    assert type(graph.n_in) is int


def test_numpy_degrees_do_not_overflow():
    assert set(ns.generators.biregular(np.uint8(100), np.uint8(100), fan_in=np.uint8(8), rng=0).fan_out.tolist()) == {8}


@given(st.lists(st.integers(1, 12), min_size=2, max_size=4), st.floats(1e-5, 0.2), st.sampled_from(["erk", "uniform"]))
def test_the_advised_density_works(sizes, density, allocation):
    options = {"allocation": allocation, "rng": 0}
    try:
        ns.generators.layered(sizes, density=density, **options)
    except errors.NoEdges as error:
        advised = float(error.fix.split("=")[1].split()[0])
        ns.generators.layered(sizes, density=min(1.0, advised), **options)


def test_complete():
    graph = ns.generators.complete(4, 3)
    assert graph.n_edges == 12
    assert graph == ns.BipartiteGraph.from_mask(np.ones((3, 4)))


def test_uniform_allocation():
    net = ns.generators.layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    assert [layer.n_edges for layer in net.layers] == [7840, 10000, 10000]


@given(st.lists(st.integers(1, 40), min_size=2, max_size=5), st.floats(0.01, 1))
def test_erk_spends_the_budget_exactly(sizes, density):
    counts = ns.generators.erk(sizes, density)
    pairs = [a * b for a, b in itertools.pairwise(sizes)]
    assert sum(counts) == round(density * sum(pairs))
    assert all(0 <= count <= pair for count, pair in zip(counts, pairs, strict=True))


def test_erk_is_proportional_to_the_sum_of_sizes_where_no_layer_is_full():
    counts = ns.generators.erk([784, 1000, 1000, 1000], 0.01)
    assert np.allclose(np.array(counts) / np.array([1784, 2000, 2000]), 27840 / 5784, atol=1e-3)


def test_erk_fills_small_layers_and_gives_the_rest_to_the_others():
    assert ns.generators.erk([1000, 1000, 2], 0.1)[1] == 2000


def test_layered_same_seed_same_network_and_layers_are_independent():
    a = ns.generators.layered([50, 50, 50], density=0.1, rng=3)
    assert a == ns.generators.layered([50, 50, 50], density=0.1, rng=3)
    assert a.layers[0] != a.layers[1]
    assert a != ns.generators.layered([50, 50, 50], density=0.1, rng=4)


def test_layered_takes_a_density_per_layer_a_named_generator_and_a_callable():
    net = ns.generators.layered([20, 30, 40], density=[0.1, 0.5], generator="near_biregular", rng=0)
    assert [layer.n_edges for layer in net.layers] == [60, 600]
    net = ns.generators.layered([6, 4, 6], density=0.5, generator="biregular", rng=0)
    assert [set(layer.fan_in.tolist()) for layer in net.layers] == [{3}, {2}]
    own = ns.generators.layered([20, 30], density=0.1, generator=ns.generators.erdos_renyi, rng=0)
    assert own == ns.generators.layered([20, 30], density=0.1, rng=0)
    by_function = ns.generators.layered([6, 4, 6], density=0.5, generator=ns.generators.biregular, rng=0)
    assert by_function == ns.generators.layered([6, 4, 6], density=0.5, generator="biregular", rng=0)
    assert ns.generators.layered([3, 4], density=1, generator=ns.generators.complete, rng=0).n_edges == 12
    assert ns.generators.layered([3, 4], density=1, generator="complete", rng=0).density == 1.0


@given(st.lists(st.integers(1, 40), min_size=2, max_size=5), st.floats(0, 1), st.sampled_from(["erk", "uniform"]))
def test_a_number_of_edges_is_spent_exactly(sizes, part, allocation):
    pairs = [a * b for a, b in itertools.pairwise(sizes)]
    counts = ns.generators.ALLOCATIONS[allocation](sizes, n_edges=round(part * sum(pairs)))
    assert sum(counts) == round(part * sum(pairs))
    assert all(0 <= count <= pair for count, pair in zip(counts, pairs, strict=True))
    if allocation == "uniform":
        assert all(abs(count - part * pair) < 2 for count, pair in zip(counts, pairs, strict=True))


def test_layered_takes_edges_parameters_and_a_generator_per_layer():
    net = ns.generators.layered([20, 30, 40], n_edges=[60, 600], rng=0)
    assert [layer.n_edges for layer in net.layers] == [60, 600]
    assert ns.generators.layered([20, 30, 40], n_edges=777, rng=0).n_edges == 777
    blocks = ns.generators.layered([20, 20, 20], density=0.1, generator="block_diagonal", n_blocks=2, bridges=0, rng=0)
    assert all(((layer.sources < 10) == (layer.targets < 10)).all() for layer in blocks.layers)
    mixed = ns.generators.layered([20, 20, 20], density=0.1, generator=["circulant", "erdos_renyi"], rng=0)
    assert mixed.layers[0] == ns.generators.circulant(20, 20, density=0.1)
    assert mixed.layers[1] == ns.generators.layered([20, 20, 20], density=0.1, rng=0).layers[1]


def test_every_generator_is_in_one_of_the_tables():
    tables = {"ALLOCATIONS", "GENERATORS", "NULL_MODELS", "OWN_SIZES", "VGG_ALLOCATIONS"}
    others = {"layered", "vgg", "uniform", "erk", "density_preserving", "degree_preserving", "randomized"}
    assert set(ns.generators.__all__) - tables - others == {*GENERATORS, *OWN_SIZES}
    assert not set(GENERATORS) & set(OWN_SIZES)
    # the docstring says for each of them whether it takes a density
    assert all(name in ns.generators.layered.__doc__ for name in (*GENERATORS, *OWN_SIZES))


@pytest.mark.parametrize("name", OWN_SIZES)
def test_generators_with_sizes_of_their_own_are_refused_with_the_call_to_make(name):
    with pytest.raises(errors.InvalidOption, match=rf"generators\.{name}\("):
        ns.generators.layered([8, 8], density=0.5, generator=name, rng=0)


@pytest.mark.parametrize(
    "name", ["projective_plane", "lubotzky_phillips_sarnak", "butterfly", "radix_net", "stochastic_kronecker"]
)
def test_the_calls_to_make_work(name):
    made = eval(f"generators.{OWN_SIZES[name]}", {"generators": ns.generators})
    assert made.n_edges > 0


BAD = [
    (lambda: ns.generators.erdos_renyi(10, 10, density=0.0, rng=0), errors.InvalidDensity, "in \\(0, 1\\]"),
    (lambda: ns.generators.erdos_renyi(10, 10, density=1.5, rng=0), errors.InvalidDensity, "1.5"),
    (lambda: ns.generators.erdos_renyi(10, 10, density=float("nan"), rng=0), errors.InvalidDensity, "nan"),
    (lambda: ns.generators.erdos_renyi(10, 10, density="a lot", rng=0), errors.InvalidDensity, "a lot"),
    (lambda: ns.generators.erdos_renyi(10, 10, density=0.001, rng=0), errors.NoEdges, "density=0.01 or more"),
    (lambda: ns.generators.erdos_renyi(10, 10, rng=0), errors.InvalidOption, "neither"),
    (lambda: ns.generators.erdos_renyi(10, 10, density=0.1, n_edges=3, rng=0), errors.InvalidOption, "both"),
    (lambda: ns.generators.erdos_renyi(10, 10, n_edges=101, rng=0), errors.NotEnoughFreePairs, "n_edges=100"),
    (lambda: ns.generators.erdos_renyi(10, 10, n_edges=-1, rng=0), errors.InvalidOption, "-1"),
    (lambda: ns.generators.erdos_renyi(0, 10, density=0.1, rng=0), errors.InvalidSize, "at least 1"),
    (lambda: ns.generators.erdos_renyi(2.5, 10, density=0.1, rng=0), errors.InvalidSize, "2.5"),
    (lambda: ns.generators.erdos_renyi(10, 10, density=0.1, rng=None), errors.InvalidSeed, "rng=0"),
    (lambda: ns.generators.biregular(4, 4, fan_in=2.5, rng=0), errors.InvalidDegree, "2.5"),
    (lambda: ns.generators.biregular(4, 4, fan_in="two", rng=0), errors.InvalidDegree, "two"),
    (lambda: ns.generators.biregular(4, 4, fan_in=float("inf"), rng=0), errors.InvalidDegree, "inf"),
    (lambda: ns.generators.layered(10, density=0.1, rng=0), errors.InvalidSize, "sequence"),
    (
        lambda: ns.generators.layered([10, 9], density=0.1, generator=None, rng=0),
        errors.InvalidOption,
        "function called",
    ),
    (lambda: ns.generators.layered([10, 9], density=0.1, allocation=[1], rng=0), errors.UnknownName, "erk, uniform"),
    (
        lambda: ns.generators.layered(
            [10, 9], density=0.1, generator=lambda *a, **k: ns.generators.complete(10, 9), rng=0
        ),
        errors.InvalidOption,
        "exactly 9 edges",
    ),
    (lambda: ns.generators.erk([10, 10], 2.0), errors.InvalidDensity, "2.0"),
    (lambda: ns.generators.uniform([10, 10], -1), errors.InvalidDensity, "-1"),
    (lambda: ns.generators.layered([10], density=0.1, rng=0), errors.InvalidSize, "two levels"),
    (lambda: ns.generators.layered([10, "x"], density=0.1, rng=0), errors.InvalidSize, "'x'"),
    (
        lambda: ns.generators.layered([10, 10], density=[0.1, 0.2], rng=0),
        errors.InvalidDensity,
        "one per layer",
    ),
    (lambda: ns.generators.layered([10, 1], density=0.01, rng=0), errors.NoEdges, "10 -> 1"),
    (lambda: ns.generators.layered([10, 9], rng=0), errors.InvalidOption, "neither"),
    (lambda: ns.generators.layered([10, 9], density=0.1, n_edges=9, rng=0), errors.InvalidOption, "both"),
    (lambda: ns.generators.layered([10, 9], density=[0.1], n_edges=9, rng=0), errors.InvalidOption, "both"),
    (lambda: ns.generators.layered([10, 9], n_edges=91, rng=0), errors.NotEnoughFreePairs, "n_edges=90"),
    (lambda: ns.generators.layered([10, 9, 9], n_edges=[1], rng=0), errors.InvalidOption, "one per layer"),
    (
        lambda: ns.generators.layered([10, 9], density=0.1, generator=["circulant"] * 2, rng=0),
        errors.InvalidOption,
        "one per layer",
    ),
    (
        lambda: ns.generators.layered([10, 9], density=0.1, generator="block_diagonal", beta=0.1, rng=0),
        errors.InvalidOption,
        "'beta', expected a parameter of block_diagonal: n_blocks, bridges",
    ),
    (lambda: ns.generators.layered([10, 9], density=0.1, p=0.1, rng=0), errors.InvalidOption, "which has none"),
    (
        lambda: ns.generators.layered([10, 9], density=0.5, generator="small_word", rng=0),
        errors.UnknownName,
        "erdos_renyi",
    ),
    (
        lambda: ns.generators.layered([10, 9], density=0.5, allocation="erl", rng=0),
        errors.UnknownName,
        "erk, uniform",
    ),
    (
        lambda: ns.generators.layered([10, 9], density=0.5, generator="complete", rng=0),
        errors.InvalidDensity,
        "density=1",
    ),
    (
        lambda: ns.generators.layered([10, 9], density=0.5, generator="biregular", rng=0),
        errors.InvalidDegree,
        "near_bireg",
    ),
    (
        lambda: ns.generators.layered([6, 6], density=0.5, generator="feature_correlation", rng=0),
        errors.InvalidOption,
        "given no 'data', expected a value, which feature_correlation cannot do without",
    ),
    (
        lambda: ns.generators.layered([6, 6], density=0.5, generator=max, rng=0),
        errors.InvalidOption,
        "given max, expected a function called as",
    ),
    (lambda: ns.generators.constant_fan_in(6, 4, fan_in=10**400, rng=0), errors.InvalidDegree, "try fan_in=6,"),
    (lambda: ns.generators.constant_fan_in(6, 4, fan_in=-(10**400), rng=0), errors.InvalidDegree, "try fan_in=1,"),
    (lambda: ns.generators.permutation_union(5, degree=10**400, rng=0), errors.InvalidDegree, "try degree=5"),
    (lambda: ns.generators.erk([2**40, 2**40], 1e-12), errors.InvalidSize, "fewer than 2\\^63 pairs"),
    (
        lambda: ns.generators.uniform([2**31] * 4, 1e-12),
        errors.InvalidSize,
        "in all layers, expected fewer than 2\\^63",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_clear_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
