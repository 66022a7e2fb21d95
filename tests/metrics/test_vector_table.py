"""Zero vectors along every axis against tensors of four axes; their baseline against every layer there is."""

import itertools
from fractions import Fraction
from math import comb, sqrt

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, SparseNetwork, apply, errors
from netsparse.generators import erdos_renyi, layered
from netsparse.generators.convolutional import vgg
from netsparse.metrics.block_baselines import expected_singleton_vectors, expected_zero_vectors
from netsparse.metrics.blocks import singleton_pruning, singleton_vectors, zero_vectors
from netsparse.metrics.vector_axes import VECTOR_AXES, vectors_along
from netsparse.metrics.vector_moments import vector_moments
from netsparse.metrics.vector_table import QUANTITIES, zero_vector_table

HELD = [(0,), (1,), (0, 1)]
RUNS_OVER = {"out": (3,), "in": (0, 1, 2), "in_channel": (2,), "kernel_row": (0,), "kernel_col": (1,), "kernel": (0, 1)}
"""Axes of a tensor [row, column, in channel, out channel] that a vector runs over."""


def tensor_of(graph, kernel_size):
    """The mask as [row, column, in channel, out channel], edge by edge."""
    height, width = kernel_size
    tensor = np.zeros((height, width, graph.n_in // (height * width), graph.n_out), dtype=bool)
    for source, target in zip(graph.sources.tolist(), graph.targets.tolist(), strict=True):
        tensor[source // width % height, source % width, source // (height * width), target] = True
    return tensor


def at(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


@st.composite
def convolutions(draw):
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    n_in, n_out = height * width * draw(st.integers(1, 3)), draw(st.integers(1, 4))
    keys = draw(st.sets(st.integers(0, n_in * n_out - 1)))
    graph = BipartiteGraph.from_sorted_keys(np.array(sorted(keys), dtype=np.int64), n_in=n_in, n_out=n_out)
    return graph, (height, width)


@settings(deadline=None, max_examples=50)
@given(convolutions(), st.sampled_from(VECTOR_AXES))
def test_every_axis_is_that_of_the_tensor(case, axis):
    graph, kernel_size = case
    counts = tensor_of(graph, kernel_size).sum(axis=RUNS_OVER[axis]).ravel()
    vectors = vectors_along(graph, axis, kernel_size)
    assert vectors.n_vectors == counts.size
    assert vectors.n_vectors * vectors.length == graph.n_in * graph.n_out
    assert sorted(np.bincount(vectors.of_edge, minlength=vectors.n_vectors)) == sorted(counts)
    table = zero_vector_table(graph, axis=axis, kernel_sizes=kernel_size)
    for quantity, held in QUANTITIES.items():
        row = at(table, layer="0", quantity=quantity)
        assert row["value"] == pytest.approx(np.isin(counts, held).mean())


@pytest.mark.parametrize("network", zoo.NETWORKS.values(), ids=zoo.NETWORKS)
@pytest.mark.parametrize("axis", ["out", "in"])
def test_the_rows_are_the_metrics_of_the_room(network, axis):
    table = zero_vector_table(network, axis=axis)
    for name, layer in [*((str(k), layer) for k, layer in enumerate(network.layers)), ("network", network)]:
        zero, single, pruned = (at(table, layer=name, quantity=quantity) for quantity in QUANTITIES)
        assert zero["value"] == pytest.approx(zero_vectors(layer, axis=axis))
        assert single["value"] == pytest.approx(singleton_vectors(layer, axis=axis))
        assert zero["null_mean"] == pytest.approx(expected_zero_vectors(layer, axis=axis), rel=1e-12)
        assert single["null_mean"] == pytest.approx(expected_singleton_vectors(layer, axis=axis), rel=1e-12)
        after = [apply(part, singleton_pruning(part, axis=axis))[0] for part in layer.layers]
        joints = network.joints if name == "network" else None
        assert pruned["value"] == pytest.approx(zero_vectors(SparseNetwork(after, joints), axis=axis))
    mean = at(table, layer="mean over layers", quantity="zero_vectors")
    parts = [at(table, layer=str(k), quantity="zero_vectors") for k in range(len(network.layers))]
    assert mean["value"] == pytest.approx(np.mean([part["value"] for part in parts]))
    assert mean["null_std"] == pytest.approx(sqrt(sum(part["null_std"] ** 2 for part in parts)) / len(parts))


@pytest.mark.parametrize(
    ("n_vectors", "length"), [(1, 1), (1, 4), (4, 1), (2, 2), (3, 2), (2, 3), (3, 3), (5, 2), (2, 5)]
)
@pytest.mark.parametrize("held", HELD)
def test_moments_are_those_over_every_layer(n_vectors, length, held):
    n_pairs = n_vectors * length
    for n_edges in range(n_pairs + 1):
        numbers = [
            sum(np.isin(np.bincount(np.array(keys, dtype=int) // length, minlength=n_vectors), held))
            for keys in itertools.combinations(range(n_pairs), n_edges)
        ]
        mean, std = vector_moments(n_vectors, length, n_edges, held)
        assert mean == pytest.approx(np.mean(numbers), rel=1e-12, abs=1e-12)
        assert std == pytest.approx(np.std(numbers), rel=1e-9, abs=1e-12)
        assert (std == 0) == (len(set(numbers)) == 1)


def exact(n_vectors, length, n_edges, held):
    """The variance in whole numbers."""
    n_pairs = n_vectors * length
    every = comb(n_pairs, n_edges)

    def chosen(n_taken, taken):
        rest = n_edges - sum(taken)
        ways = comb(n_pairs - n_taken * length, rest) if rest >= 0 else 0
        for a in taken:
            ways *= comb(length, a)
        return Fraction(ways, every)

    single = sum(chosen(1, (a,)) for a in held)
    both = sum(chosen(2, (a, b)) for a in held for b in held)
    return n_vectors * single * (1 - single) + n_vectors * (n_vectors - 1) * (both - single**2)


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize(
    ("n_vectors", "length", "n_edges"),
    [
        (1000, 50, 2),
        (1000, 50, 500),
        (300, 400, 1200),
        (50, 1000, 1000),
        (2000, 3, 4000),
        (400, 20, 7999),
        (90, 4, 353),
    ],
)
def test_large_layers_keep_their_digits(n_vectors, length, n_edges, held):
    std = vector_moments(n_vectors, length, n_edges, held)[1]
    assert std**2 == pytest.approx(float(exact(n_vectors, length, n_edges, held)), rel=1e-7, abs=1e-20)


def test_random_layers_have_their_moments():
    """The mean of 800 z-scores is 0 and their deviation 1, within four standard errors."""
    graphs = [erdos_renyi(60, 40, n_edges=150, rng=rng) for rng in np.random.default_rng(0).spawn(800)]
    table = zero_vector_table(graphs[0], axis="out")  # the baseline is that of all
    rows = [at(table, layer="0", quantity=quantity) for quantity in QUANTITIES]
    values = np.array([[np.isin(g.fan_out, held).mean() for held in QUANTITIES.values()] for g in graphs])
    scores = (values - [row["null_mean"] for row in rows]) / [row["null_std"] for row in rows]
    assert scores[0] == pytest.approx([row["z"] for row in rows])
    assert (np.abs(scores.mean(axis=0)) < 4 / sqrt(800)).all()
    assert (np.abs(scores.std(axis=0) - 1) < 4 / sqrt(1600)).all()


def test_a_network_is_its_layers_together():
    table = zero_vector_table(layered([30, 20, 5], density=0.1, rng=0), axis="out")
    first, second, pooled = (at(table, layer=name, quantity="zero_vectors") for name in ("0", "1", "network"))
    assert pooled["n_vectors"] == 50
    assert pooled["value"] == pytest.approx(0.6 * first["value"] + 0.4 * second["value"])
    assert pooled["null_std"] == pytest.approx(
        sqrt((30 * first["null_std"]) ** 2 + (20 * second["null_std"]) ** 2) / 50
    )
    assert table[table.layer.isin(["network", "mean over layers"])]["length"].isna().all()
    assert (first["length"], second["length"]) == (20, 5)


def test_edges_of_weight_zero_are_absent():
    graph = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 1], n_in=4, n_out=2)
    weights = np.where(graph.sources == 1, 0.0, 1.0)
    thin = BipartiteGraph.from_edges([0, 0], [0, 1], n_in=4, n_out=2)
    assert zero_vector_table(graph, weights).equals(zero_vector_table(thin))


def test_a_vgg_has_the_axes_of_its_kernels_in_its_convolutions_alone():
    network = vgg(11, density=0.05, width=0.125, rng=0)
    sizes = [(3, 3)] * 8 + [None] * 3
    table = zero_vector_table(network, axis=["out", "kernel"], kernel_sizes=sizes)
    layers = table[table.quantity == "zero_vectors"].groupby("axis")["layer"].apply(list)
    whole = ["network", "mean over layers"]
    assert layers["out"] == [*map(str, range(11)), *whole]
    assert layers["kernel"] == [*map(str, range(8)), *whole]
    row = at(table, layer="2", axis="kernel", quantity="zero_vectors")
    assert (row["n_vectors"], row["length"]) == (16 * 32, 9)


def test_impossible_options_get_one_line():
    graph = zoo.GRAPHS["complete"]
    with pytest.raises(errors.UnknownName, match="kernel_row"):
        zero_vector_table(graph, axis="rows")
    with pytest.raises(errors.UnknownName, match="kernel_row"):
        zero_vector_table(graph, axis=0)  # type: ignore[arg-type]
    for held in ((2,), (0, 2), (), (1, 1)):
        with pytest.raises(errors.InvalidOption, match=r"\(0,\), \(1,\) or \(0, 1\)"):
            vector_moments(3, 4, 5, held)
    with pytest.raises(errors.InvalidOption, match="from 0 to the 12 pairs"):
        vector_moments(3, 4, 13)
    with pytest.raises(errors.InvalidOption, match="one axis or more"):
        zero_vector_table(graph, axis=[])
    with pytest.raises(errors.InvalidOption, match="the patch of a convolution"):
        zero_vector_table(graph, axis="kernel")
    for sizes in ((3, 3), (0, 2), "ab", (2, 2.0)):
        with pytest.raises(errors.InvalidOption, match="kernel_size"):
            zero_vector_table(graph, axis="kernel", kernel_sizes=sizes)  # 4 source units
    with pytest.raises(errors.InvalidOption, match="one pair or None for each of 3 layers"):
        zero_vector_table(zoo.NETWORKS["three layers"], axis="kernel", kernel_sizes=[(3, 3)])
    with pytest.raises(errors.InvalidGraph):
        zero_vector_table("graph")
