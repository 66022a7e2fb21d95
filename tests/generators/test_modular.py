"""Block models: exact counts per pair of blocks, uniform inside them, and the spectral gap that bridges open."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsparse import errors
from netsparse.generators.modular import block_diagonal, stochastic_block_model
from netsparse.generators.proportional import proportional_counts
from netsparse.metrics import spectral_gap


def block_counts(graph, blocks_in, blocks_out):
    """Edges between each pair of contiguous near-equal blocks, edge by edge; the larger blocks come first."""
    block_of_source = np.concatenate(
        [[b] * len(part) for b, part in enumerate(np.array_split(range(graph.n_in), blocks_in))]
    )
    block_of_target = np.concatenate(
        [[b] * len(part) for b, part in enumerate(np.array_split(range(graph.n_out), blocks_out))]
    )
    counts = np.zeros((blocks_in, blocks_out), dtype=int)
    for source, target in zip(graph.sources, graph.targets, strict=True):
        counts[int(block_of_source[source]), int(block_of_target[target])] += 1
    return counts


def shares(total, densities, capacities):
    """Real-valued shares min(1, c a) * capacity by bisection on c: the slow, obvious version."""
    low, high = 0.0, 1.0
    while (np.minimum(1, high * densities) * capacities).sum() < total - 1e-9:
        high *= 2
    for _ in range(200):
        c = (low + high) / 2
        low, high = (low, c) if (np.minimum(1, c * densities) * capacities).sum() > total else (c, high)
    return np.minimum(1, high * densities) * capacities


@given(
    st.lists(st.tuples(st.sampled_from([0, 1e-3, 0.5, 1, 7]), st.integers(0, 30)), min_size=1, max_size=8), st.data()
)
def test_counts_are_the_proportional_shares_rounded_by_largest_remainders(cells, data):
    densities, capacities = np.array([a for a, _ in cells], dtype=float), np.array([n for _, n in cells])
    total = data.draw(st.integers(0, int(capacities[densities > 0].sum())))
    counts = proportional_counts(total, densities, capacities)
    exact = shares(total, densities, capacities)
    assert counts.sum() == total
    assert (counts <= capacities).all()
    assert not counts[densities == 0].any()
    assert np.abs(counts - exact).max() < 1 + 1e-6
    raised = counts > exact + 1e-6
    lowered = counts < exact - 1e-6
    if raised.any() and lowered.any():
        assert (exact % 1)[raised].min() >= (exact % 1)[lowered].max() - 1e-6


def test_proportions_may_differ_by_hundreds_of_orders_of_magnitude():
    assert proportional_counts(15, np.array([1.0, 1e-310]), np.array([10, 20])).tolist() == [10, 5]
    assert proportional_counts(10**6, np.array([1.0, 1.0]), np.array([2**62, 2**62])).tolist() == [500_000, 500_000]


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_any_count_at_any_size_with_the_default_blocks(n_in, n_out, part, seed):
    n_edges = round(part * n_in * n_out)
    for generator in (stochastic_block_model, block_diagonal):
        graph = generator(n_in, n_out, n_edges=n_edges, rng=seed)
        assert (graph.n_in, graph.n_out, graph.n_edges) == (n_in, n_out, n_edges)
        assert (np.diff(graph.targets.astype(int) * n_in + graph.sources) > 0).all()
        assert graph == generator(n_in, n_out, n_edges=n_edges, rng=seed)


def test_edges_per_block_pair_follow_the_affinity():
    affinity = [[6, 1, 0], [2, 3, 4]]
    graph = stochastic_block_model(40, 60, n_edges=800, affinity=affinity, rng=0)
    # 20 x 20 pairs each: 800 * affinity / 16
    assert block_counts(graph, 2, 3).tolist() == [[300, 50, 0], [100, 150, 200]]
    assert graph == stochastic_block_model(40, 60, n_edges=800, affinity=np.array(affinity) * 1e-30, rng=0)


def test_a_full_block_pair_hands_its_surplus_on_in_proportion():
    graph = stochastic_block_model(20, 20, n_edges=220, affinity=[[100, 1], [2, 1]], rng=0)
    assert block_counts(graph, 2, 2).tolist() == [[100, 30], [60, 30]]


def test_ratio_is_density_inside_over_density_between():
    for ratio in (0, 0.5, 1, 4):
        counts = block_counts(stochastic_block_model(60, 90, n_edges=1800, n_blocks=3, ratio=ratio, rng=0), 3, 3)
        between = 1800 / (3 * ratio + 6)  # a whole number for each of these ratios
        assert counts.tolist() == [[ratio * between if a == b else between for b in range(3)] for a in range(3)]


def test_edges_are_uniform_inside_a_block_pair():
    # 2 edges among the 2 x 3 pairs of the only allowed block pair: 15 graphs; chi-square, 14 degrees of freedom,
    # 99.9 % quantile 36.1
    rng, counts = np.random.default_rng(0), {}
    for _ in range(4500):
        graph = stochastic_block_model(4, 6, n_edges=2, affinity=[[0, 0], [1, 0]], rng=rng)
        assert graph.sources.min() >= 2
        assert graph.targets.max() <= 2
        counts[graph] = counts.get(graph, 0) + 1
    assert len(counts) == 15
    assert sum((c - 300) ** 2 / 300 for c in counts.values()) < 36.1


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6), st.data())
def test_bridges_are_exact_and_blocks_are_near_biregular(n_in, n_out, n_blocks, data):
    groups = [np.array_split(range(n), n_blocks) for n in (n_in, n_out)]
    inside = sum(len(a) * len(b) for a, b in zip(*groups, strict=True))
    bridges = data.draw(st.integers(0, n_in * n_out - inside))
    n_edges = bridges + data.draw(st.integers(0, inside))
    graph = block_diagonal(
        n_in, n_out, n_edges=n_edges, n_blocks=n_blocks, bridges=bridges, rng=data.draw(st.integers(0, 99))
    )
    counts = block_counts(graph, n_blocks, n_blocks)
    assert counts.sum() == n_edges
    assert counts.sum() - np.trace(counts) == bridges
    for b, (sources, targets) in enumerate(zip(*groups, strict=True)):
        if len(sources) and len(targets):
            within = graph.weight_matrix().toarray()[np.ix_(targets, sources)]
            assert np.ptp(within.sum(axis=0)) <= 1
            assert np.ptp(within.sum(axis=1)) <= 1
            assert abs(counts[b, b] - (n_edges - bridges) * within.size / inside) < 1


def test_without_a_number_there_are_as_few_bridges_as_possible():
    assert np.trace(block_counts(block_diagonal(8, 8, n_edges=16, rng=0), 4, 4)) == 16
    assert np.trace(block_counts(block_diagonal(8, 8, n_edges=20, rng=0), 4, 4)) == 16


def test_bridges_are_uniform_over_the_pairs_between_blocks():
    hits, rng = np.zeros((7, 5)), np.random.default_rng(0)
    for _ in range(3000):
        graph = block_diagonal(7, 5, n_edges=4, n_blocks=3, bridges=4, rng=rng)
        hits[graph.sources, graph.targets] += 1
    sources, targets = np.repeat([0, 1, 2], [3, 2, 2]), np.repeat([0, 1, 2], [2, 2, 1])
    between = sources[:, None] != targets
    assert not hits[~between].any()
    # 23 pairs, each hit 3000 * 4 / 23 = 522 times on average with a standard deviation of 20.8
    assert np.abs(hits[between] - 3000 * 4 / between.sum()).max() < 5 * 20.8


def test_two_complete_blocks_have_no_gap_and_bridges_open_it():
    blocks = block_diagonal(8, 8, n_edges=32, n_blocks=2, bridges=0, rng=0)
    assert spectral_gap(blocks) == pytest.approx(0, abs=1e-12)
    gaps = [
        np.mean([spectral_gap(block_diagonal(60, 60, n_edges=720, n_blocks=3, bridges=k, rng=s)) for s in range(6)])
        for k in (0, 40, 120, 360)
    ]
    assert gaps[0] == pytest.approx(0, abs=1e-9)
    assert all(b > a + 0.3 for a, b in itertools.pairwise(gaps))


def test_many_blocks_and_many_units_are_cheap():
    assert block_diagonal(10**6, 10**6, n_edges=50_000, bridges=20_000, rng=0).n_edges == 50_000
    assert stochastic_block_model(10**6, 10**6, n_edges=50_000, rng=0).n_edges == 50_000
    assert block_diagonal(3, 5, n_edges=4, n_blocks=10**12, rng=0).n_edges == 4


sbm = functools.partial(stochastic_block_model, 4, 4, rng=0)
diagonal = functools.partial(block_diagonal, 8, 8, n_edges=20, rng=0)

BAD = [
    (lambda: sbm(n_edges=3, affinity=[[1, -1]]), errors.InvalidOption, "-1.0 in row 0, column 1"),
    (lambda: sbm(n_edges=3, affinity=[[1, np.nan]]), errors.InvalidOption, "nan in row 0"),
    (lambda: sbm(n_edges=3, affinity=[[1], [1, 2]]), errors.InvalidOption, "unequal length"),
    (lambda: sbm(n_edges=3, affinity=[1, 2]), errors.InvalidOption, r"shape \(2,\)"),
    (lambda: sbm(n_edges=3, affinity=[["a"]]), errors.InvalidOption, "of shape"),
    (lambda: sbm(n_edges=9, affinity=[[1, 0], [0, 1]]), errors.NotEnoughFreePairs, "n_edges=8"),
    (lambda: sbm(n_edges=1, affinity=[[0]]), errors.NotEnoughFreePairs, "positive affinity"),
    (lambda: sbm(n_edges=1, affinity=np.ones((2001, 1))), errors.InvalidOption, "2001 x 1"),
    (lambda: sbm(n_edges=1, n_blocks=10**5), errors.InvalidOption, "block_diagonal"),
    (lambda: sbm(n_edges=1, n_blocks=0), errors.InvalidOption, "n_blocks"),
    (lambda: sbm(n_edges=1, ratio=-1), errors.InvalidOption, "ratio"),
    (lambda: sbm(n_edges=1, ratio=float("inf")), errors.InvalidOption, "ratio"),
    (lambda: sbm(), errors.InvalidOption, "exactly one"),
    (lambda: sbm(n_edges=1, rng=None), errors.InvalidSeed, "rng"),
    (lambda: diagonal(bridges=2), errors.NotEnoughFreePairs, "bridges=4 or more"),
    (lambda: diagonal(bridges=21), errors.InvalidOption, "bridges=20"),
    (lambda: diagonal(n_edges=64, bridges=49), errors.NotEnoughFreePairs, "bridges=48"),
    (lambda: diagonal(bridges=-1), errors.InvalidOption, "-1"),
    (lambda: diagonal(bridges=1.5), errors.InvalidOption, "1.5"),
    (lambda: diagonal(n_blocks=True), errors.InvalidOption, "True"),
    (lambda: block_diagonal(0, 8, n_edges=20, rng=0), errors.InvalidSize, "n_in"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_clear_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_advised_number_of_bridges_works():
    assert diagonal(bridges=4).n_edges == 20
    assert diagonal(n_edges=64, bridges=48).n_edges == 64
