"""Wirings of VGG: the published counts, exact budgets, every generator and allocation, bad input in one line."""

import itertools
import math

import numpy as np
import oracles_vgg
import pytest

from netsparse import errors
from netsparse.generators import GENERATORS, vgg
from netsparse.generators.convolutional import BLOCKS, VGG_ALLOCATIONS, halvings, in_a_row

SMALL = {"width": 0.125, "shape": (8, 8)}


def counts(network):
    return [layer.n_edges for layer in network.layers]


@pytest.mark.parametrize(("density", "n_edges"), [(0.1, 820945), (0.05, 444934), (0.01, 144124)])
def test_published_starts_of_vgg16(density, n_edges):
    network = vgg(16, density=density, rng=0)
    assert network.n_edges == n_edges
    densities = [layer.density for layer in network.layers]
    expected = [0.6, 0.6, 0.2, 0.2, *[density / 2] * 11, 0.6]
    np.testing.assert_allclose(densities, expected, atol=1 / min(math.prod(s) for s in oracles_vgg.sides(16)))
    assert network.n_edges <= int(density * 15302848)


def test_published_start_above_its_budget_is_an_error():
    with pytest.raises(errors.InvalidDensity, match="106523 edges by the published rule, expected at most the 76514"):
        vgg(16, density=0.005, rng=0)
    scaled = vgg(16, density=0.005, allocation="scaled", rng=0)
    assert scaled.n_edges == 76514
    with pytest.raises(errors.InvalidDensity, match=r"allocation: given a start of .* try allocation='scaled'"):
        vgg(11, density=0.01, allocation="published", rng=0)


@pytest.mark.parametrize(("depth", "pairs"), [(11, 9810112), (16, 15302848)])
def test_pairs_of_the_published_networks(depth, pairs):
    assert sum(math.prod(side) for side in oracles_vgg.sides(depth)) == pairs
    network = vgg(depth, density=0.01, rng=0)
    assert sum(layer.n_in * layer.n_out for layer in network.layers) == pairs


@pytest.mark.parametrize("depth", BLOCKS)
@pytest.mark.parametrize(
    ("width", "shape", "n_classes"),
    [
        (1 / 8, (3, 32, 32), 10),
        (1 / 16, (8, 8), 10),
        (1 / 16, (28, 28), 7),
        (1 / 32, (2, 5, 40), 3),
        (1 / 64, (1, 1), 1),
    ],
)
def test_levels_are_those_of_the_plan(depth, width, shape, n_classes):
    network = vgg(depth, density=1.0, width=width, shape=shape, n_classes=n_classes, rng=0)
    whole = shape if len(shape) == 3 else (1, *shape)
    assert [layer.sizes for layer in network.layers] == oracles_vgg.sides(depth, width, whole, n_classes)
    assert network.density == 1.0


def test_full_vgg_drawn_without_a_random_number():
    assert vgg(16, density=1, width=1 / 8, rng=0) == vgg(16, density=1, width=1 / 8, rng=1)


def test_joints_name_the_channel_behind_each_input():
    network = vgg(11, density=0.2, width=0.125, rng=0)
    channels = [8, 16, 32, 32, 64, 64, 64]
    for k, n in enumerate(channels):  # of a patch of 3 x 3: input (channel * 3 + row) * 3 + column
        assert network.joints[k].tolist() == [i // 9 for i in range(9 * n)]
    assert network.joints[7].tolist() == [i // 4 for i in range(256)]  # 2 x 2 places, channel by channel
    assert network.joints[8] is network.joints[9] is None
    assert vgg(11, density=0.2, **SMALL, rng=0).joints[7] is None  # one place: the channels themselves


def test_inputs_in_a_row():
    assert in_a_row(3, 3) is None
    assert in_a_row(2, 4).tolist() == [0, 0, 1, 1]


def test_an_image_of_one_pixel_is_not_halved():
    assert halvings(11, 32, 32) == [True, True, True, True, False]
    assert halvings(11, 8, 8) == [True, True, True, False, False]
    assert halvings(11, 28, 28) == [True, True, True, True, False]
    assert halvings(11, 1, 40) == [False] * 5


@pytest.mark.parametrize("allocation", ["scaled", "uniform", "erk"])
@pytest.mark.parametrize(("depth", "density", "more"), [(11, 0.01, {}), (16, 0.05, {"width": 0.5}), (13, 0.3, SMALL)])
def test_budgets_are_exact(allocation, depth, density, more):
    network = vgg(depth, density=density, allocation=allocation, rng=0, **more)
    assert network.n_edges == int(density * sum(layer.n_in * layer.n_out for layer in network.layers))
    assert all(0 < layer.n_edges <= layer.n_in * layer.n_out for layer in network.layers)


def test_scaled_keeps_the_published_proportions():
    network = vgg(11, density=0.01, rng=0)
    pairs = np.array([math.prod(side) for side in oracles_vgg.sides(11)])
    published = np.array([0.6, 0.6, 0.2, 0.2, *[0.005] * 6, 0.6])
    expected = published * pairs * (int(0.01 * pairs.sum()) / (published * pairs).sum())
    assert np.abs(np.array(counts(network)) - expected).max() < 1.5


def test_uniform_is_the_same_density_everywhere():
    network = vgg(11, density=0.1, allocation="uniform", rng=0)
    np.testing.assert_allclose([layer.density for layer in network.layers], 0.1, rtol=5e-3)


def test_erk_is_proportional_to_sides_over_their_product():
    network = vgg(11, density=0.01, allocation="erk", rng=0)
    kernels = [(n_in // 9, n_out, 3, 3) for n_in, n_out in oracles_vgg.sides(11)[:8]]
    shares = np.array([sum(sides) / math.prod(sides) for sides in (*kernels, *oracles_vgg.sides(11)[8:])])
    density = np.array([layer.density for layer in network.layers])
    free = density < 1.0
    ratios = density[free] / shares[free]
    assert free.sum() >= 9
    np.testing.assert_allclose(ratios, ratios.mean(), rtol=5e-3)


def test_allocation_where_none_is_given():
    assert vgg(16, density=0.1, rng=0) == vgg(16, density=0.1, allocation="published", rng=0)
    assert vgg(11, density=0.1, rng=0) == vgg(11, density=0.1, allocation="scaled", rng=0)


# as by `layered`: degrees that divide evenly, equal sides, data and a density of 1 are asked for
CANNOT = {"biregular", "constant_fan_in", "constant_fan_out", "permutation_union", "feature_correlation", "complete"}


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_every_generator_draws_its_layers_or_says_in_one_line_why_not(name):
    options = {"density": 0.4, **SMALL, "allocation": "uniform", "generator": name, "rng": 0}
    if name in CANNOT:
        with pytest.raises(errors.NetsparseError) as caught:
            vgg(11, **options)
        assert "\n" not in str(caught.value)
        return
    network = vgg(11, **options)
    assert network.n_edges == int(0.4 * sum(math.prod(side) for side in oracles_vgg.sides(11, 0.125, (1, 8, 8))))
    assert network == vgg(11, **options)
    assert network.joints[0].tolist() == [i // 9 for i in range(72)]


def test_parameters_go_to_the_generator():
    rings = vgg(11, density=0.4, **SMALL, allocation="uniform", generator="watts_strogatz", beta=0.0, rng=0)
    assert rings == vgg(11, density=0.4, **SMALL, allocation="uniform", generator="watts_strogatz", beta=0.0, rng=1)
    with pytest.raises(errors.InvalidOption, match="parameter: given 'gamma'"):
        vgg(11, density=0.4, **SMALL, gamma=2.0, rng=0)


def test_same_seed_same_wiring():
    assert vgg(11, density=0.1, **SMALL, rng=3) == vgg(11, density=0.1, **SMALL, rng=3)
    assert vgg(11, density=0.1, **SMALL, rng=3) != vgg(11, density=0.1, **SMALL, rng=4)
    layers = vgg(11, density=0.1, width=0.125, rng=3).layers
    assert all(a != b for a, b in itertools.combinations(layers[5:8], 2)), "layers draw from generators of their own"


BAD = {
    "depth": ({"depth": 12}, errors.InvalidOption, "depth: given 12, expected one of 11, 13, 16, 19"),
    "a list of depths": ({"depth": [11]}, errors.InvalidOption, r"depth: given \[11\], expected one of 11, 13, 16, 19"),
    "density": ({"density": 1.2}, errors.InvalidDensity, "density: given 1.2"),
    "no density": ({"density": 0.0}, errors.InvalidDensity, "density: given 0"),
    "width": ({"width": 0.0}, errors.InvalidOption, "width: given 0.0"),
    "width of text": ({"width": "1/4"}, errors.InvalidOption, "width: given '1/4'"),
    "shape": ({"shape": (3, 32, 32, 1)}, errors.InvalidSize, "shape: given"),
    "side": ({"shape": (3, 0, 32)}, errors.InvalidSize, "shape: given"),
    "one number": ({"shape": 32}, errors.InvalidSize, "shape: given 32"),
    "classes": ({"n_classes": 0}, errors.InvalidSize, "n_classes: given 0"),
    "allocation": ({"allocation": "er"}, errors.UnknownName, "allocation: given 'er'"),
    "allocation of all": ({"density": 1.0, "allocation": "er"}, errors.UnknownName, "allocation: given 'er'"),
    "a list of allocations": ({"allocation": ["erk"]}, errors.UnknownName, r"allocation: given \['erk'\]"),
    "generator": ({"generator": "erdos"}, errors.UnknownName, "'erdos'"),
    "seed": ({"rng": "now"}, errors.InvalidSeed, "'now'"),
    "empty layer": ({"density": 0.0005, "width": 0.125}, errors.NoEdges, "without edges, expected at least one edge"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line(what):
    given, kind, says = BAD[what]
    options = {"depth": 11, "density": 0.1, "rng": 0} | given
    with pytest.raises(kind, match=says) as caught:
        vgg(options.pop("depth"), **options)
    assert "\n" not in str(caught.value)


def test_every_allocation_is_a_function_of_density_and_sides():
    sides = oracles_vgg.sides(16)
    for shares in VGG_ALLOCATIONS.values():
        assert len(shares(0.1, sides)) == 16
