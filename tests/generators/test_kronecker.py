"""Kronecker products against the dense product of matrices; stochastic Kronecker graphs against the exact law."""

import itertools
import math

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import mask_of
from scipy import stats

from netsparse import errors
from netsparse.generators.products import kronecker, kronecker_power
from netsparse.generators.random import erdos_renyi
from netsparse.generators.self_similar import _arranged, _multisets, _orders, stochastic_kronecker
from netsparse.generators.structured import complete
from netsparse.graph import BipartiteGraph
from netsparse.metrics import singular_values

# products ------------------------------------------------------------------------------------------------------------


@given(zoo.graphs(4), zoo.graphs(4), zoo.graphs(3))
def test_the_product_is_that_of_the_matrices(a, b, c):
    product = kronecker(a, b, c)
    assert np.array_equal(mask_of(product), np.kron(mask_of(a), np.kron(mask_of(b), mask_of(c))))
    assert product == kronecker(kronecker(a, b), c) == kronecker(a, kronecker(b, c))
    assert product.n_edges == a.n_edges * b.n_edges * c.n_edges


@pytest.mark.parametrize("a", ["path", "star in", "no edges", "two equal blocks", "dense random"])
@pytest.mark.parametrize("b", ["cycle", "one edge among isolated units", "complete", "last row empty"])
def test_degrees_and_singular_values_multiply(a, b):
    a, b = zoo.GRAPHS[a], zoo.GRAPHS[b]
    product = kronecker(a, b)
    assert np.array_equal(product.fan_in, np.outer(a.fan_in, b.fan_in).ravel())
    assert np.array_equal(product.fan_out, np.outer(a.fan_out, b.fan_out).ravel())
    values = np.outer(singular_values(a, k=99), singular_values(b, k=99)).ravel()
    rank = min(product.n_in, product.n_out)
    expected = np.zeros(max(rank, len(values)))
    expected[: len(values)] = np.sort(values)[::-1]
    assert singular_values(product, k=rank) == pytest.approx(expected[:rank], abs=1e-10)


def test_powers_repeat_the_product_and_one_factor_is_itself():
    path = zoo.GRAPHS["path"]
    assert kronecker_power(path, 3) == kronecker(path, path, path)
    assert kronecker_power(path, 1) == kronecker(path) == path
    assert kronecker_power(path, np.int8(2)).n_in == 16


def test_products_are_linear_in_their_edges():
    sparse = erdos_renyi(1000, 1000, n_edges=100, rng=0)
    product = kronecker(sparse, erdos_renyi(1000, 1000, n_edges=200, rng=1))
    assert (product.n_in, product.n_edges) == (10**6, 20_000)


BAD_PRODUCTS = [
    (lambda: kronecker(), errors.InvalidGraph, "none"),
    (lambda: kronecker(complete(2, 2), np.eye(2)), errors.InvalidGraph, "ndarray"),
    (lambda: kronecker_power(None, 2), errors.InvalidGraph, "NoneType"),
    (lambda: kronecker_power(complete(2, 2), 0), errors.InvalidOption, "power"),
    (lambda: kronecker_power(complete(2, 2), 2.0), errors.InvalidOption, "2.0"),
    (lambda: kronecker_power(complete(2, 2), True), errors.InvalidOption, "True"),
    (lambda: kronecker_power(BipartiteGraph.from_edges([0], [0], n_in=2, n_out=2), 32), errors.InvalidSize, "2\\^63"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_PRODUCTS, ids=range(len(BAD_PRODUCTS)))
def test_bad_factors_are_one_clear_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# stochastic Kronecker graphs -----------------------------------------------------------------------------------------


def law_of(weights, count):
    """Probability of every set of `count` cells under successive sampling: all orders, one by one."""
    law = {}
    for order in itertools.permutations(np.flatnonzero(weights).tolist(), count):
        left, probability = weights.sum(), 1.0
        for cell in order:
            probability *= weights[cell] / left
            left -= weights[cell]
        chosen = frozenset(order)
        law[chosen] = law.get(chosen, 0.0) + probability
    return law


@pytest.mark.parametrize(
    ("initiator", "power", "count"),
    [
        ([[4, 2], [1, 1]], 1, 2),
        ([[4, 2], [1, 1]], 1, 3),
        ([[0.9, 0.05], [0, 0.3]], 1, 2),
        ([[3, 1, 1]], 2, 2),
        ([[3, 2], [1, 0]], 2, 2),
        ([[50], [1]], 3, 3),
        ([[50], [1]], 3, 7),
    ],
)
def test_the_law_is_that_of_successive_sampling(initiator, power, count):
    weights = np.ones((1, 1))
    for _ in range(power):
        weights = np.kron(weights, np.asarray(initiator, dtype=float))
    law = law_of(weights.T.ravel(), count)  # canonical order: by target, then by source
    rng, trials, seen = np.random.default_rng(7), 4000, dict.fromkeys(law, 0)
    for _ in range(trials):
        graph = stochastic_kronecker(initiator, power, n_edges=count, rng=rng)
        seen[frozenset((graph.targets.astype(int) * graph.n_in + graph.sources).tolist())] += 1
    assert sum(law.values()) == pytest.approx(1)
    # outcomes expected fewer than five times are taken together, as Pearson's test asks for
    expected = np.array([trials * law[chosen] for chosen in law])
    found = np.array([seen[chosen] for chosen in law], dtype=float)
    rare = expected < 5
    if rare.any():
        expected, found = (np.append(each[~rare], each[rare].sum()) for each in (expected, found))
    assert ((found - expected) ** 2 / expected).sum() < stats.chi2.ppf(0.999, len(expected) - 1)


@st.composite
def initiators(draw):
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    cells = st.sampled_from([0, 1e-12, 0.2, 0.2, 1, 3])
    return np.array(draw(st.lists(cells, min_size=rows * columns, max_size=rows * columns))).reshape(rows, columns)


@settings(max_examples=200)
@given(initiators(), st.integers(1, 3), st.floats(0, 1), st.integers(0, 2**32))
def test_the_count_is_exact_and_zeros_stay_empty(initiator, power, part, seed):
    room = int(np.count_nonzero(initiator)) ** power
    count = round(part * room)
    graph = stochastic_kronecker(initiator, power, n_edges=count, rng=seed)
    assert (graph.n_in, graph.n_out) == (initiator.shape[0] ** power, initiator.shape[1] ** power)
    assert graph.n_edges == count
    assert graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=graph.n_in, n_out=graph.n_out)
    assert graph == stochastic_kronecker(initiator, power, n_edges=count, rng=seed)
    pattern = kronecker_power(BipartiteGraph.from_mask(initiator.T), power)
    assert pattern.has_edges(graph.sources, graph.targets).all()
    if count == room:
        assert graph == pattern


@pytest.mark.parametrize("sizes", [(2, 9), (3, 5), (1, 4), (4, 1)])
def test_every_member_of_every_class_is_reached_once(sizes):
    n_values, power = sizes
    classes = _multisets(n_values, power)
    orders = _orders(classes)
    assert orders.sum() == n_values**power
    of_order = np.repeat(np.arange(len(classes)), orders)
    number = np.arange(len(of_order)) - np.repeat(np.cumsum(orders) - orders, orders)
    words = np.array(list(_arranged(classes[of_order].T, orders[of_order], number))).T
    assert np.array_equal(np.sort(words, axis=1), classes[of_order])
    assert {tuple(word) for word in words.tolist()} == set(itertools.product(range(n_values), repeat=power))


def test_expected_degrees_are_products_of_the_initiators_sums():
    # far below saturation a source's expected fan-out is the edge count times the product of its digits' row sums
    graph = stochastic_kronecker([[0.5, 0.2], [0.2, 0.1]], 16, n_edges=40_000, rng=0)
    heavy = np.bincount([bin(s).count("1") for s in graph.sources.tolist()], minlength=17)
    # 16 digits, each 1 with probability 0.3
    expected = graph.n_edges * stats.binom.pmf(np.arange(17), 16, 0.3)
    assert np.abs(heavy - expected)[expected > 50].max() < 5 * math.sqrt(graph.n_edges / 4)
    assert graph.fan_out.max() > 20 * graph.n_edges / graph.n_in


def test_saturated_hubs_do_not_stall():
    # rejection would draw the heaviest pair, of probability 0.99999 ^ 8, again and again
    for count in (50_000, 65_535, 65_536):
        assert stochastic_kronecker([[1, 1e-5], [1e-6, 1e-7]], 8, n_edges=count, rng=0).n_edges == count


def test_weights_may_differ_by_hundreds_of_orders_of_magnitude():
    graph = stochastic_kronecker([[1, 1e-150], [1e-150, 1e-300]], 3, n_edges=27, rng=0)
    weight = [
        bin(s).count("1") + bin(t).count("1")
        for s, t in zip(*map(np.ndarray.tolist, (graph.sources, graph.targets)), strict=True)
    ]
    # the pairs come in the order of their weight: 1 of weight 1, then 6, 15, and 5 of the next 20
    assert sorted(weight) == [0] + [1] * 6 + [2] * 15 + [3] * 5


def test_any_density_and_large_layers():
    assert stochastic_kronecker([[3, 1], [1, 2]], 5, density=0.1, rng=0).n_edges == round(0.1 * 1024)
    graph = stochastic_kronecker([[3, 1], [1, 2]], 18, n_edges=20_000, rng=np.random.default_rng(0))
    assert graph.n_edges == 20_000


BAD_INITIATORS = [
    (lambda: stochastic_kronecker([1, 2], 2, n_edges=1, rng=0), errors.InvalidOption, "initiator"),
    (lambda: stochastic_kronecker([[1, -2]], 2, n_edges=1, rng=0), errors.InvalidOption, "-2.0 in row 0"),
    (lambda: stochastic_kronecker([[1, 2], [3]], 2, n_edges=1, rng=0), errors.InvalidOption, "unequal length"),
    (lambda: stochastic_kronecker([[1, 2]], 0, n_edges=1, rng=0), errors.InvalidOption, "power"),
    (lambda: stochastic_kronecker([[1, 2], [3, 4]], 31, n_edges=1, rng=0), errors.InvalidSize, "power"),
    (lambda: stochastic_kronecker([[1, 2], [3, 4]], 40, n_edges=1, rng=0), errors.InvalidSize, "2\\^63"),
    (lambda: stochastic_kronecker([[1, 0], [0, 1]], 2, n_edges=5, rng=0), errors.NotEnoughFreePairs, "n_edges=4"),
    (lambda: stochastic_kronecker([[0, 0], [0, 0]], 2, n_edges=1, rng=0), errors.NotEnoughFreePairs, "weight"),
    (lambda: stochastic_kronecker([[1, 2]], 2, n_edges=1, rng=None), errors.InvalidSeed, "rng"),
    (lambda: stochastic_kronecker([[1, 2]], 2, rng=0), errors.InvalidOption, "exactly one"),
    (lambda: stochastic_kronecker(np.arange(1024).reshape(32, 32), 3, n_edges=1, rng=0), errors.InvalidSize, "classes"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_INITIATORS, ids=range(len(BAD_INITIATORS)))
def test_bad_initiators_are_one_clear_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
