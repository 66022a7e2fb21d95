"""Butterflies and mixed-radix networks: the same number of paths between every input and every output."""

import functools
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors
from netsparse.generators.stacks import butterfly, radix_net
from netsparse.graph import BipartiteGraph
from netsparse.metrics import singular_values


def paths(network):
    """Number of paths from each input to each output: the product of the dense layers."""
    matrices = [layer.weight_matrix().toarray().astype(int) for layer in network.layers]
    return functools.reduce(lambda below, matrix: matrix @ below, matrices)


def divisors(n):
    return [d for d in range(2, n + 1) if n % d == 0]


@st.composite
def radix_systems(draw):
    """One to three systems of radices with the same product up to 24; the last may have a divisor of it."""
    n_units = draw(st.integers(2, 24))
    systems = []
    for k, is_last in enumerate([False] * draw(st.integers(0, 2)) + [True]):
        left = draw(st.sampled_from(divisors(n_units))) if k and is_last else n_units
        system = []
        while left > 1:
            system.append(draw(st.sampled_from(divisors(left))))
            left //= system[-1]
        systems.append(system)
    return systems


@pytest.mark.parametrize("m", range(1, 8))
def test_butterflies_connect_every_input_with_every_output_once(m):
    network = butterfly(2**m)
    assert network.sizes == (2**m,) * (m + 1)
    assert network.n_edges == 2 * m * 2**m
    assert (paths(network) == 1).all()
    for k, layer in enumerate(network.layers):
        pairs = set(zip(layer.sources.tolist(), layer.targets.tolist(), strict=True))
        assert pairs == {(i, j) for i in range(2**m) for j in (i, i ^ 2**k)}


def test_butterfly_layers_are_separate_complete_blocks_of_two_units():
    for layer in butterfly(16).layers:
        assert singular_values(layer, k=16) == pytest.approx([2.0] * 8 + [0.0] * 8, abs=1e-12)


@given(radix_systems(), st.data())
def test_radix_nets_are_symmetric(systems, data):
    n_levels = sum(map(len, systems)) + 1
    widths = data.draw(st.lists(st.integers(1, 3), min_size=n_levels, max_size=n_levels))
    network = radix_net(systems, widths=widths)
    n_units = math.prod(systems[0])
    assert network.sizes == tuple(width * n_units for width in widths)
    between = math.prod(widths[1:-1])
    if len(systems) > 1:
        between *= n_units ** (len(systems) - 2) * math.prod(systems[-1])
    assert (paths(network) == between).all()
    radices = [radix for system in systems for radix in system]
    for layer, radix, (d_in, d_out) in zip(network.layers, radices, itertools.pairwise(widths), strict=True):
        assert set(layer.fan_in.tolist()) == {radix * d_in}
        assert set(layer.fan_out.tolist()) == {radix * d_out}
        assert layer == BipartiteGraph.from_edges(layer.sources, layer.targets, n_in=layer.n_in, n_out=layer.n_out)


def test_the_edges_of_a_mixed_radix_layer_are_those_of_the_definition():
    network = radix_net([2, 3, 2])
    for layer, (step, radix) in zip(network.layers, [(1, 2), (2, 3), (6, 2)], strict=True):
        pairs = set(zip(layer.sources.tolist(), layer.targets.tolist(), strict=True))
        assert pairs == {(j, (j + v * step) % 12) for j in range(12) for v in range(radix)}


def test_dense_widths_put_blocks_in_the_place_of_edges():
    thin, wide = radix_net([3, 2]), radix_net([3, 2], widths=[2, 1, 3])
    for k, (d_in, d_out) in enumerate([(2, 1), (1, 3)]):
        block = np.ones((d_out, d_in))
        expected = np.kron(block, thin.layers[k].weight_matrix().toarray())
        assert np.array_equal(wide.layers[k].weight_matrix().toarray(), expected)


def test_one_flat_system_is_one_nested_system():
    assert (
        radix_net([2, 5]) == radix_net([[2, 5]]) == radix_net(np.array([2, 5])) == radix_net((2, 5), widths=[1, 1, 1])
    )


def test_large_networks_are_linear_in_their_edges():
    assert butterfly(2**14).n_edges == 2 * 14 * 2**14
    assert radix_net([32, 32], widths=[1, 4, 1]).n_edges == 2 * 1024 * 32 * 4


@pytest.mark.parametrize(("n_units", "advice"), [(3, "2 or n_units=4"), (12, "8 or n_units=16"), (1, "2"), (0, "2")])
def test_butterfly_sizes_name_the_nearest_feasible_ones(n_units, advice):
    with pytest.raises(errors.InvalidSize, match=f"n_units={advice}"):
        butterfly(n_units)


BAD = [
    (lambda: butterfly(8.0), errors.InvalidSize, "8.0"),
    (lambda: butterfly("8"), errors.InvalidSize, "'8'"),
    (lambda: butterfly(True), errors.InvalidSize, "True"),
    (lambda: butterfly(2**40), errors.InvalidSize, "2\\^63"),
    (lambda: radix_net(6), errors.InvalidOption, "radices"),
    (lambda: radix_net("23"), errors.InvalidOption, "'23'"),
    (lambda: radix_net([]), errors.InvalidOption, "at least 2"),
    (lambda: radix_net([[2], []]), errors.InvalidOption, "at least 2"),
    (lambda: radix_net([2, 1]), errors.InvalidOption, "at least 2"),
    (lambda: radix_net([2, [3]]), errors.InvalidOption, "at least 2"),
    (lambda: radix_net([2, 3.0]), errors.InvalidOption, "at least 2"),
    (lambda: radix_net([[2, 3], [3], [6]]), errors.InvalidOption, "product 3 of system 1, expected .* first, 6"),
    (lambda: radix_net([[2, 3], [4]]), errors.InvalidOption, "a divisor of it"),
    (lambda: radix_net([2**20, 2**20]), errors.InvalidSize, "2\\^63"),
    (lambda: radix_net([2, 3], widths=[1, 1]), errors.InvalidSize, "one number per level \\(3\\)"),
    (lambda: radix_net([2, 3], widths=2), errors.InvalidSize, "one number per level"),
    (lambda: radix_net([2, 3], widths=[1, 0, 1]), errors.InvalidSize, "widths"),
    (lambda: radix_net([2, 3], widths=[1, 2**60, 2**60]), errors.InvalidSize, "2\\^63"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_clear_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
