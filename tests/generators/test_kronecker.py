"""Kronecker products against the dense product of matrices; stochastic Kronecker graphs against the exact law."""

import numpy as np
import pytest
import zoo
from hypothesis import given
from oracles import mask_of

from netsparse import errors
from netsparse.generators.products import kronecker, kronecker_power
from netsparse.generators.random import erdos_renyi
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
