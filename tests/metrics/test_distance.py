"""Distances between topologies: axioms, closed forms, brute force over all renamings."""

import itertools

import numpy as np
import oracles
import pytest
import scipy.stats
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import BipartiteGraph, SparseNetwork, errors
from netsparse.generators import biregular, complete, erdos_renyi, layered
from netsparse.metrics import matching
from netsparse.metrics.distance import degree_distance, jaccard_distance, spectral_distance
from netsparse.metrics.matching import matched_distance

ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
every = pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
SAME_UNITS = (jaccard_distance, matched_distance)
ANY_SIZES = (
    degree_distance,
    lambda a, b: degree_distance(a, b, side="out"),
    spectral_distance,
    lambda a, b: spectral_distance(a, b, k=3, matrix="biadjacency"),
)


@st.composite
def triples(draw, max_units=5):
    """Three graphs between the same units."""
    n_in, n_out = draw(st.integers(1, max_units)), draw(st.integers(1, max_units))
    keys = st.sets(st.integers(0, n_in * n_out - 1))
    return [
        BipartiteGraph.from_sorted_keys(np.array(sorted(draw(keys)), dtype=np.int64), n_in=n_in, n_out=n_out)
        for _ in range(3)
    ]


def relabelled(graph, seed):
    """The same wiring under other names: of the targets of one layer, of the hidden units of a network."""
    rng = np.random.default_rng(seed)
    names = [np.arange(graph.sizes[0]), *(rng.permutation(size) for size in graph.sizes[1:])]
    if not isinstance(graph, BipartiteGraph):
        names[-1] = np.arange(graph.sizes[-1])
    layers = []
    for k, layer in enumerate(graph.layers):
        inputs = names[k]
        joint = [None, *getattr(graph, "joints", ())][k]
        if joint is not None:
            at = [np.flatnonzero(joint == unit) for unit in range(graph.sizes[k])]
            inputs = np.empty(len(joint), dtype=int)
            for unit, places in enumerate(at):
                inputs[places] = at[names[k][unit]]
        pairs = inputs[layer.sources], names[k + 1][layer.targets]
        layers.append(BipartiteGraph.from_edges(*pairs, n_in=layer.n_in, n_out=layer.n_out))
    return layers[0] if isinstance(graph, BipartiteGraph) else SparseNetwork(layers, graph.joints)


def jaccard_of_sets(one, other):
    return 1 - len(one & other) / len(one | other) if one | other else 0.0


def edges_of(graph):
    return {(k, *pair) for k, layer in enumerate(graph.layers) for pair in oracles.pairs_of(layer)}


# axioms --------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(triples())
def test_they_are_symmetric_and_hold_the_triangle_inequality(case):
    a, b, c = case
    for distance in (*SAME_UNITS, *ANY_SIZES):
        assert distance(a, a) == pytest.approx(0, abs=1e-9)
        assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-9)
        assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9
    assert (jaccard_distance(a, b) == 0) == (a == b)
    assert 0 <= matched_distance(a, b) <= jaccard_distance(a, b) <= 1


@every
def test_the_zoo_is_at_no_distance_from_itself(graph):
    for distance in (*SAME_UNITS, *ANY_SIZES):
        assert distance(graph, graph) == pytest.approx(0, abs=1e-9)


@settings(deadline=None)
@given(zoo.graphs(), zoo.graphs(), zoo.networks())
def test_degrees_and_spectra_of_any_sizes_compare(a, b, c):
    for distance in ANY_SIZES:
        assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-9)
        assert distance(a, b) <= distance(a, c) + distance(c, b) + 1e-9


# Jaccard -------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(zoo.graph_pairs())
def test_jaccard_is_that_of_the_sets(pair):
    assert jaccard_distance(*pair) == pytest.approx(jaccard_of_sets(*map(edges_of, pair)), abs=1e-15)


def test_layers_of_a_network_are_one_set():
    full = layered([4, 3, 2], density=1.0, rng=0)
    thin = full.replace(1, BipartiteGraph.from_edges([0], [0], n_in=3, n_out=2))
    assert jaccard_distance(full, thin) == pytest.approx(1 - 13 / 18)


def test_extremes():
    empty, full = BipartiteGraph.from_edges([], [], n_in=4, n_out=3), complete(4, 3)
    assert jaccard_distance(empty, empty) == 0
    assert jaccard_distance(empty, full) == 1
    assert matched_distance(empty, full) == 1


# degrees -------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(zoo.graphs(), zoo.graphs())
def test_degree_distance_is_that_of_scipy(a, b):
    for side, degrees in (("in", "fan_in"), ("out", "fan_out")):
        expected = scipy.stats.wasserstein_distance(getattr(a, degrees), getattr(b, degrees))
        assert degree_distance(a, b, side=side) == pytest.approx(expected, abs=1e-12)


def test_degree_distance_of_regular_layers_is_the_difference_of_degrees():
    a, b = biregular(40, 20, fan_in=6, rng=0), biregular(60, 30, fan_in=2, rng=0)
    assert degree_distance(a, b) == pytest.approx(4)
    assert degree_distance(a, b, side="out") == pytest.approx(2)
    networks = SparseNetwork([a, biregular(20, 20, fan_in=6, rng=0)]), SparseNetwork([b])
    assert degree_distance(*networks) == pytest.approx(4)


# spectra -------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(zoo.graphs(), zoo.graphs(), st.integers(1, 12))
def test_spectral_distance_is_that_of_dense_spectra(a, b, k):
    expected = {}
    for matrix in ("normalized", "biadjacency"):
        spectra = []
        for graph in (a, b):
            dense = oracles.mask_of(graph).astype(float)
            if matrix == "normalized":
                sizes = np.maximum(np.outer(dense.sum(axis=1), dense.sum(axis=0)), 1)
                dense /= np.sqrt(sizes)
            values = np.linalg.svd(dense, compute_uv=False)[:k]
            spectra.append(np.pad(values, (0, k - len(values))))
        expected[matrix] = float(np.linalg.norm(spectra[0] - spectra[1]))
        assert spectral_distance(a, b, k=k, matrix=matrix) == pytest.approx(expected[matrix], abs=1e-9)


def test_parallel_edges_of_a_joint_are_normalized_together():
    network = zoo.NETWORKS["joint"]
    adjacency = oracles.adjacency_of(network)
    degrees = np.maximum(adjacency.sum(axis=1), 1)
    values = np.sort(np.linalg.eigvalsh(adjacency / np.sqrt(np.outer(degrees, degrees))))[::-1]
    nothing = zoo.GRAPHS["no edges"]
    expected = np.linalg.norm(np.maximum(values[:4], 0))
    assert spectral_distance(network, nothing, k=4) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_names_do_not_matter_to_spectra_and_degrees(seed):
    graph = erdos_renyi(320, 400, density=0.02, rng=seed)
    for distance in ANY_SIZES:
        assert distance(graph, relabelled(graph, seed)) == pytest.approx(0, abs=1e-7)


# matching ------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(triples(max_units=4))
def test_no_permutation_of_the_targets_does_better(case):
    a, b, _ = case
    mask_a, mask_b = oracles.mask_of(a), oracles.mask_of(b)
    best = 1.0
    for order in itertools.permutations(range(a.n_out)):
        union = (mask_a | mask_b[list(order)]).sum()
        shared = (mask_a & mask_b[list(order)]).sum()
        best = min(best, 1 - shared / union if union else 0.0)
    assert matched_distance(a, b) == pytest.approx(best, abs=1e-15)


@settings(deadline=None)
@given(zoo.graphs(), st.integers(0, 2**32 - 1))
def test_a_layer_is_at_no_distance_from_its_copy_under_other_names(graph, seed):
    assert matched_distance(graph, relabelled(graph, seed)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_network_is_at_no_distance_from_its_copy_under_other_names(seed):
    network = layered([40, 60, 50, 10], density=0.15, rng=seed)
    copy = relabelled(network, seed)
    assert jaccard_distance(network, copy) > 0.5
    assert matched_distance(network, copy) == 0
    assert matched_distance(copy, network) == 0


def test_outputs_of_a_network_keep_their_names():
    network = layered([20, 30, 10], density=0.3, rng=0)
    last = network.layers[1]
    turned = BipartiteGraph.from_edges(last.sources, (last.targets + 1) % 10, n_in=30, n_out=10)
    assert matched_distance(network, network.replace(1, turned)) > 0
    alone = SparseNetwork([last]), SparseNetwork([turned])
    assert matched_distance(*alone) == jaccard_distance(*alone) > 0
    assert matched_distance(last, turned) == 0


@pytest.mark.parametrize("seed", range(4))
def test_the_names_found_for_a_network_are_names(seed):
    """What is found can be had by some renaming of hidden units, tried one by one, and is not below the best."""
    a, b = (layered([4, 4, 3], density=0.5, rng=seed + k) for k in (0, 100))
    possible = []
    for order in itertools.permutations(range(4)):
        names = np.array(order)
        first, last = b.layers
        renamed = [
            BipartiteGraph.from_edges(first.sources, names[first.targets], n_in=4, n_out=4),
            BipartiteGraph.from_edges(names[last.sources], last.targets, n_in=4, n_out=3),
        ]
        possible.append(jaccard_distance(a, SparseNetwork(renamed)))
    found = matched_distance(a, b)
    assert min(abs(found - value) for value in possible) < 1e-12
    assert found >= min(possible)


def test_names_are_carried_over_a_joint():
    rng = np.random.default_rng(0)
    below = BipartiteGraph.from_mask(rng.random((5, 12)) < 0.4)
    above = BipartiteGraph.from_mask(rng.random((7, 15)) < 0.4)
    network = SparseNetwork([below, above], joints=[rng.permutation(np.repeat(np.arange(5), 3))])
    copy = relabelled(network, 1)
    assert jaccard_distance(network, copy) > 0.3
    assert matched_distance(network, copy) == 0


# refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", SAME_UNITS)
def test_unequal_units_get_one_line(distance):
    with pytest.raises(
        errors.InvalidOption, match="layers 4:3 and 3:4, expected two topologies between the same units"
    ):
        distance(complete(4, 3), complete(3, 4))
    with pytest.raises(errors.InvalidOption, match="a single layer and a network"):
        distance(complete(4, 3), SparseNetwork([complete(4, 3)]))
    with pytest.raises(errors.InvalidOption, match=r"layers 4:3-3:2 and 4:3"):
        distance(layered([4, 3, 2], density=0.5, rng=0), SparseNetwork([complete(4, 3)]))
    joint = zoo.NETWORKS["joint"]
    other = SparseNetwork(joint.layers, joints=[[0, 1, 0, 1, 0, 1]])
    with pytest.raises(errors.InvalidOption, match="different joints between layers 0 and 1"):
        distance(joint, other)


@pytest.mark.parametrize("distance", [*SAME_UNITS, *ANY_SIZES])
@pytest.mark.parametrize("given", [None, 5, np.eye(3)])
def test_something_that_is_no_topology_is_named(distance, given):
    for pair, name in (((given, complete(2, 2)), "a"), ((complete(2, 2), given), "b")):
        with pytest.raises(errors.InvalidOption, match=f"{name}: given {type(given).__name__}"):
            distance(*pair)


def test_too_many_units_to_match(monkeypatch):
    monkeypatch.setattr(matching, "MATCHED_UNITS", 2)
    with pytest.raises(errors.InvalidSize, match=r"n_out of layer 0: given 3 units to match, expected at most 2"):
        matched_distance(complete(4, 3), complete(4, 3))
    wide = SparseNetwork([complete(4, 2), complete(2, 3)])
    assert matched_distance(wide, wide) == 0  # outputs are not matched


def test_a_joint_of_uneven_shares_is_refused():
    network = SparseNetwork([complete(2, 2), complete(3, 2)], joints=[[0, 0, 1]])
    with pytest.raises(errors.InvalidNetwork, match="1 to 2 inputs per unit"):
        matched_distance(network, network)


@pytest.mark.parametrize("k", [0, -1, 1.5, None])
def test_impossible_number_of_singular_values(k):
    with pytest.raises(errors.InvalidOption, match="k=2"):
        spectral_distance(complete(2, 2), complete(2, 2), k=k)


def test_unknown_options_list_the_known_ones():
    with pytest.raises(errors.UnknownName, match="one of in, out"):
        degree_distance(complete(2, 2), complete(2, 2), side="left")
    with pytest.raises(errors.UnknownName, match="one of biadjacency, normalized"):
        spectral_distance(complete(2, 2), complete(2, 2), matrix="laplacian")


def test_outputs_are_compared_without_a_table_of_all_pairs_of_them():
    """Every output reads the same unit: all pairs of them overlap, 10^10 in all."""
    first, n_out = complete(2, 1), 100_000
    fan = BipartiteGraph.from_edges(np.zeros(n_out, dtype=int), np.arange(n_out), n_in=1, n_out=n_out)
    half = BipartiteGraph.from_edges(np.zeros(n_out // 2, dtype=int), np.arange(n_out // 2), n_in=1, n_out=n_out)
    found = matched_distance(SparseNetwork([first, fan]), SparseNetwork([first, half]))
    assert found == 1 - (2 + n_out // 2) / (2 + n_out)


def test_more_singular_values_than_memory_holds_are_those_there_are():
    a, b = complete(3, 3), complete(3, 2)
    for matrix in ("normalized", "biadjacency"):
        assert spectral_distance(a, b, k=10**12, matrix=matrix) == spectral_distance(a, b, k=3, matrix=matrix)
