"""Layers with hubs: the laws of both models exactly, on small spaces; tails, saturation and speed on large ones."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from netsparse import BipartiteGraph, errors
from netsparse.generators import erdos_renyi
from netsparse.generators.race import first_arrivals
from netsparse.generators.scale_free import chung_lu, preferential_attachment

BOTH = pytest.mark.parametrize("generator", [chung_lu, preferential_attachment])
PROPENSITIES = st.lists(st.sampled_from([0.0, 1e-3, 0.5, 1.0, 7.0, 1e4]), min_size=1, max_size=8)


def is_simple(graph):
    return graph == BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=graph.n_in, n_out=graph.n_out)


def tail_exponent(degrees, least, *, shift=0.0):
    """Estimate of gamma from the degrees of at least `least`, were they (k + shift) ** -gamma."""
    tail = degrees[degrees >= least] + shift
    return 1 + len(tail) / np.log(tail / (least - 0.5 + shift)).sum()


def agrees(counts, probability, n_trials):
    """Chi-square at its 99.9 % quantile; the impossible must not have come up, which a KeyError has told."""
    assert sum(probability.values()) == pytest.approx(1)
    chi_square = sum((counts[each] - n_trials * p) ** 2 / (n_trials * p) for each, p in probability.items())
    return chi_square < stats.chi2.ppf(0.999, len(probability) - 1)


@BOTH
@settings(deadline=None, max_examples=300)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_edge_count_is_exact_at_every_density(generator, n_in, n_out, part, seed):
    n_edges = round(part * n_in * n_out)
    graph = generator(n_in, n_out, n_edges=n_edges, rng=seed)
    assert (*graph.sizes, graph.n_edges) == (n_in, n_out, n_edges)
    assert is_simple(graph)
    assert graph == generator(n_in, n_out, n_edges=n_edges, rng=seed)


@BOTH
@pytest.mark.parametrize("density", [0.01, 0.3, 0.8, 0.999, 1.0])
def test_every_density_is_reached(generator, density):
    graph = generator(300, 200, density=density, rng=0)
    assert graph.n_edges == round(density * 60_000)
    assert is_simple(graph)
    other = generator(300, 200, density=density, rng=1)
    assert (graph == other) == (density == 1)


@BOTH
def test_numpy_numbers_do_not_overflow(generator):
    plain = generator(200, 250, n_edges=120, rng=0)
    assert plain == generator(np.uint8(200), np.uint8(250), n_edges=np.int8(120), rng=0)


@BOTH
def test_large_sparse_layers_do_not_touch_all_pairs(generator):
    assert generator(10**6, 10**6, n_edges=50_000, rng=0).n_edges == 50_000


@BOTH
@pytest.mark.parametrize("density", [0.01, 0.05])
def test_tails_are_much_heavier_than_by_chance(generator, density):
    graph, even = (draw(1000, 1000, density=density, rng=0) for draw in (generator, erdos_renyi))
    for degrees, random in ((graph.fan_in, even.fan_in), (graph.fan_out, even.fan_out)):
        assert degrees.max() > 2 * random.max()
        assert degrees.var() > 5 * random.var()


# Chung-Lu ------------------------------------------------------------------------------------------------------------


def successive_sampling(rates, n_drawn):
    """Probability of every set of `n_drawn` things drawn one by one in proportion to their rates."""
    probability = {}
    for order in itertools.permutations(range(len(rates)), n_drawn):
        left, p = sum(rates), 1.0
        for thing in order:
            p *= rates[thing] / left
            left -= rates[thing]
        probability[frozenset(order)] = probability.get(frozenset(order), 0.0) + p
    return probability


@pytest.mark.parametrize("n_edges", [1, 2, 3, 5])
@pytest.mark.parametrize("weights_in", [[1.0, 1.0, 1.0], [6.0, 2.0, 1.0], [1.0, 30.0, 0.3]])
def test_the_law_is_successive_sampling(weights_in, n_edges):
    weights_out = [1.0, 3.0]
    rates = [a * b for b in weights_out for a in weights_in]
    probability = successive_sampling(rates, n_edges)
    rng, counts, n_trials = np.random.default_rng(n_edges), dict.fromkeys(probability, 0), 3000
    for _ in range(n_trials):
        graph = chung_lu(3, 2, n_edges=n_edges, weights_in=weights_in, weights_out=weights_out, rng=rng)
        counts[frozenset((graph.targets * 3 + graph.sources).tolist())] += 1
    likely = {each: p for each, p in probability.items() if n_trials * p >= 3}
    rare = set(probability) - set(likely)
    if rare:  # merged, so that chi-square holds
        likely["rare"], counts["rare"] = sum(probability[each] for each in rare), sum(counts[each] for each in rare)
    assert agrees(counts, likely, n_trials)


def test_a_race_that_is_run_on_has_the_same_law(monkeypatch):
    # stopped far too early, it goes on in many legs
    from netsparse.generators import race

    monkeypatch.setattr(race, "_stop", lambda *_: 0.01)
    rates_in, rates_out = np.array([3.0, 1.0]), np.array([2.0, 1.0])
    probability = successive_sampling([a * b for b in rates_out for a in rates_in], 2)
    rng, counts, n_trials = np.random.default_rng(0), dict.fromkeys(probability, 0), 3000
    for _ in range(n_trials):
        counts[frozenset(first_arrivals(rates_in, rates_out, 2, rng).tolist())] += 1
    assert agrees(counts, probability, n_trials)


@pytest.mark.parametrize("density", [0.02, 0.4, 0.9])
def test_pairs_come_up_as_often_as_in_a_plain_draw(density):
    # 30 x 20 units, against numpy's own draw of pairs without replacement
    a, b = np.geomspace(1, 0.01, 30), np.geomspace(1, 0.1, 20)
    rates, n_edges, n_trials = np.outer(b, a).ravel(), round(density * 600), 400
    rng, ours, plain = np.random.default_rng(0), np.zeros(600), np.zeros(600)
    for _ in range(n_trials):
        graph = chung_lu(30, 20, n_edges=n_edges, weights_in=a, weights_out=b, rng=rng)
        ours[graph.targets * 30 + graph.sources] += 1
        plain[rng.choice(600, n_edges, replace=False, p=rates / rates.sum())] += 1
    pooled = (ours + plain) / (2 * n_trials)
    sd = np.sqrt(2 * n_trials * pooled * (1 - pooled))
    unsure = sd > 0
    score = (ours - plain)[unsure] / sd[unsure]
    assert np.abs(score).max() < 5
    assert np.mean(score**2) == pytest.approx(1, abs=0.35)


def test_expected_degrees_are_proportional_to_propensities_at_low_density():
    weights_in, weights_out = np.random.default_rng(0).uniform(1, 5, 40), np.geomspace(1, 20, 50)
    fan_in, fan_out, n_trials = np.zeros(50), np.zeros(40), 3000
    rng = np.random.default_rng(1)
    for _ in range(n_trials):
        graph = chung_lu(40, 50, n_edges=10, weights_in=weights_in, weights_out=weights_out, rng=rng)
        fan_in += graph.fan_in
        fan_out += graph.fan_out
    for found, weights in ((fan_in, weights_out), (fan_out, weights_in)):
        expected = 10 * n_trials * weights / weights.sum()
        # hubs lose a few per cent to pairs that cannot be drawn twice
        assert np.abs(found / expected - 1).max() < 0.05 + 5 / math.sqrt(expected.min())
        assert np.corrcoef(found, expected)[0, 1] > 0.995


def test_equal_propensities_are_erdos_renyi():
    counts, n_trials, ones = {}, 3000, np.ones(2)
    rng = np.random.default_rng(0)
    for _ in range(n_trials):
        graph = chung_lu(2, 2, n_edges=2, weights_in=ones, weights_out=ones, rng=rng)
        counts[graph] = counts.get(graph, 0) + 1
    assert len(counts) == 6
    assert agrees(counts, dict.fromkeys(counts, 1 / 6), n_trials)


@settings(deadline=None)
@given(PROPENSITIES, PROPENSITIES, st.floats(0, 1), st.integers(0, 99))
def test_units_without_propensity_have_no_edge(weights_in, weights_out, part, seed):
    n_pairs = np.count_nonzero(weights_in) * np.count_nonzero(weights_out)
    n_in, n_out = len(weights_in), len(weights_out)
    options = {"weights_in": weights_in, "weights_out": weights_out, "rng": seed}
    graph = chung_lu(n_in, n_out, n_edges=round(part * n_pairs), **options)
    assert graph.n_edges == round(part * n_pairs)
    assert is_simple(graph)
    assert not graph.fan_out[np.array(weights_in) == 0].any()
    assert not graph.fan_in[np.array(weights_out) == 0].any()
    if n_pairs < n_in * n_out:
        with pytest.raises(errors.NotEnoughFreePairs, match=f"at most the {n_pairs} pairs of units with positive"):
            chung_lu(n_in, n_out, n_edges=n_pairs + 1, **options)


@pytest.mark.parametrize("exponent", [2.2, 2.5, 3.5])
def test_the_exponent_of_the_tail_is_the_one_asked_for(exponent):
    graph = chung_lu(200_000, 200_000, n_edges=10**6, exponent=exponent, rng=0)
    for degrees in (graph.fan_in, graph.fan_out):
        assert tail_exponent(degrees, 25) == pytest.approx(exponent, abs=0.2)


def test_an_infinite_exponent_is_no_tail():
    graph = chung_lu(1000, 1000, density=0.01, exponent=math.inf, rng=0)
    assert graph.fan_in.var() == pytest.approx(10, rel=0.3)


def test_the_unit_of_the_propensities_does_not_matter():
    weights = np.array([1.0, 2.0, 5.0, 9.0])
    graphs = {chung_lu(4, 4, n_edges=6, weights_in=weights * unit, rng=0) for unit in (1.0, 2.0**900, 2.0**-900)}
    assert len(graphs) == 1


def test_hubs_are_dealt_out_at_random():
    places = {int(chung_lu(50, 50, n_edges=200, rng=seed).fan_in.argmax()) for seed in range(10)}
    assert len(places) > 5


@pytest.mark.parametrize("spread", [30, 90])
def test_saturated_hubs_do_not_stall(spread):
    # rates fall so steeply that the edges are the pairs of smallest i + j: drawing pairs until enough are distinct
    # would not end in the age of the universe
    weights = 10.0 ** -np.linspace(0, spread, 500)
    graph = chung_lu(500, 500, density=0.5, weights_in=weights, weights_out=weights, rng=0)
    together = graph.sources.astype(int) + graph.targets
    assert graph.n_edges == 125_000
    assert np.count_nonzero(together < 400) == 400 * 401 // 2
    assert together.max() < 600


# preferential attachment ---------------------------------------------------------------------------------------------


def choices(weights, n_wanted):
    """Probability of every set of `n_wanted` units drawn one by one by their weights, none twice."""
    units = list(weights)
    return {
        frozenset(units[i] for i in chosen): p
        for chosen, p in successive_sampling([weights[unit] for unit in units], n_wanted).items()
    }


def grown(n_in, n_out, n_edges, attractiveness):
    """Probability of every graph, as a set of pairs, by following every course that growth can take."""
    n_units, probability = n_in + n_out, {}
    initial = attractiveness * n_edges / n_units

    def arrive(order, k, edges, p):
        if k == n_units:
            free = sorted(set(itertools.product(range(n_in), range(n_in, n_units))) - edges)
            rest = list(itertools.combinations(free, n_edges - len(edges)))
            for extra in rest:
                graph = edges | set(extra)
                probability[graph] = probability.get(graph, 0.0) + p / len(rest)
            return
        unit = order[k]
        others = [other for other in order[:k] if (other < n_in) != (unit < n_in)]
        n_wanted = min((k + 1) * n_edges // n_units - len(edges), len(others))
        weights = {other: sum(other in edge for edge in edges) + initial for other in others}
        for chosen, share in choices(weights, n_wanted).items():
            pairs = {(min(unit, other), max(unit, other)) for other in chosen}
            arrive(order, k + 1, edges | pairs, p * share)

    for order in itertools.permutations(range(n_units)):
        arrive(order, 0, frozenset(), 1 / math.factorial(n_units))
    return probability


def check_growth(n_in, n_out, n_edges, attractiveness, n_trials=6000):
    probability = grown(n_in, n_out, n_edges, attractiveness)
    rng, counts = np.random.default_rng(0), dict.fromkeys(probability, 0)
    for _ in range(n_trials):
        graph = preferential_attachment(n_in, n_out, n_edges=n_edges, attractiveness=attractiveness, rng=rng)
        counts[frozenset(zip(graph.sources.tolist(), (graph.targets + n_in).tolist(), strict=True))] += 1
    assert agrees(counts, probability, n_trials)


@pytest.mark.parametrize(
    ("n_in", "n_out", "n_edges", "attractiveness"),
    [(2, 2, 2, 0.5), (2, 2, 3, 1.0), (3, 2, 3, 0.1), (3, 2, 5, 2.0), (2, 4, 4, 0.2), (1, 4, 3, 0.5)],
)
def test_the_law_is_the_definition(n_in, n_out, n_edges, attractiveness):
    check_growth(n_in, n_out, n_edges, attractiveness)


@pytest.mark.parametrize(("n_in", "n_out", "n_edges", "attractiveness"), [(3, 2, 4, 0.1), (2, 4, 4, 0.2)])
def test_the_law_is_the_definition_where_all_partners_are_chosen_by_the_race(
    n_in, n_out, n_edges, attractiveness, monkeypatch
):
    # no draw allowed; the compiled loop has the patience built in, so this runs the Python underneath
    from netsparse.generators import attachment

    monkeypatch.setattr(attachment, "PATIENCE", 0)
    monkeypatch.setattr(attachment, "_choose", attachment._choose.py_func)
    monkeypatch.setattr(attachment, "grow", attachment.grow.py_func)
    check_growth(n_in, n_out, n_edges, attractiveness, n_trials=4000)


def chosen_often(patience, weights, n_wanted, n_trials):
    """How often every set of units is chosen by the inner loop, when it gives up drawing after `patience` tries."""
    from netsparse.generators import attachment

    degrees = np.array(weights, dtype=np.int64)
    ends = np.repeat(np.arange(len(degrees)), degrees)
    rng, counts = np.random.default_rng(0), {}
    choose = attachment._choose if patience is None else attachment._choose.py_func
    for k in range(n_trials):
        room = np.concatenate([ends, np.zeros(n_wanted, dtype=np.int64)])
        marks = np.full(len(degrees), -1, dtype=np.int64)
        choose(room, len(ends), np.arange(len(degrees)), degrees, n_wanted, 0.5, marks, k, rng)
        chosen = frozenset(room[len(ends) :].tolist())
        assert len(chosen) == n_wanted
        counts[chosen] = counts.get(chosen, 0) + 1
    return counts


@pytest.mark.parametrize("patience", [None, 0, 1])
@pytest.mark.parametrize("n_wanted", [1, 2, 4])
def test_giving_up_on_draws_does_not_change_the_law(patience, n_wanted, monkeypatch):
    # of 5 partners: draws for 1 and 2, the race for 4; draws that are given up are finished by the race
    from netsparse.generators import attachment

    if patience is not None:
        monkeypatch.setattr(attachment, "PATIENCE", patience)
    degrees, n_trials = [8, 3, 1, 0, 0], 3000
    probability = choices({unit: degree + 0.5 for unit, degree in enumerate(degrees)}, n_wanted)
    counts = {**dict.fromkeys(probability, 0), **chosen_often(patience, degrees, n_wanted, n_trials)}
    assert set(counts) == set(probability)
    likely = {each: p for each, p in probability.items() if n_trials * p >= 3}
    rare = set(probability) - set(likely)
    if rare:
        likely["rare"], counts["rare"] = sum(probability[each] for each in rare), sum(counts[each] for each in rare)
    assert agrees(counts, likely, n_trials)


@pytest.mark.parametrize(
    ("n_in", "n_out", "attractiveness", "gammas"),
    [
        (200_000, 200_000, 0.5, (3.5, 3.5)),
        (200_000, 200_000, 0.05, (3.05, 3.05)),
        (60_000, 240_000, 0.5, (2.375, None)),
    ],
)
def test_the_tail_has_the_mean_field_exponent(n_in, n_out, attractiveness, gammas):
    graph = preferential_attachment(n_in, n_out, n_edges=3 * (n_in + n_out), attractiveness=attractiveness, rng=0)
    for degrees, gamma in zip((graph.fan_out, graph.fan_in), gammas, strict=True):
        if gamma is not None:
            # some 1,000 degrees of at least 40: a standard error of 0.08
            assert tail_exponent(degrees, 40, shift=3 * attractiveness) == pytest.approx(gamma, abs=0.25)


def test_great_attractiveness_takes_the_tail_away():
    spread = [
        preferential_attachment(1000, 1000, density=0.02, attractiveness=value, rng=0).fan_in.var()
        for value in (0.01, 0.5, 5, 1e300)
    ]
    assert spread == sorted(spread, reverse=True)
    assert spread[0] > 3 * spread[-1]


def test_a_single_hub_does_not_stall():
    # with hardly any attractiveness the first sources are wanted by all of 50,000 targets
    graph = preferential_attachment(1000, 50_000, n_edges=300_000, attractiveness=1e-9, rng=0)
    assert graph.n_edges == 300_000
    assert graph.fan_out.max() > 30_000


BAD = [
    (lambda g: g(9, 9, rng=0), errors.InvalidOption, "neither"),
    (lambda g: g(9, 9, n_edges=82, rng=0), errors.NotEnoughFreePairs, "n_edges=81"),
    (lambda g: g(9, 9, density=0.001, rng=0), errors.NoEdges, "no edge"),
    (lambda g: g(9, 9, density=-1, rng=0), errors.InvalidDensity, "given -1"),
    (lambda g: g(9, 0, density=0.5, rng=0), errors.InvalidSize, "n_out"),
    (lambda g: g(9, 9, density=0.5, rng=None), errors.InvalidSeed, "rng=0"),
]
BAD_OPTIONS = [
    *[(chung_lu, {"exponent": bad}, "exponent: .*2.5") for bad in (1, 0.5, -2, math.nan, "2", None, True)],
    (chung_lu, {"exponent": 1.001}, "an exponent at which the propensities of 9 units span"),
    (chung_lu, {"weights_in": np.ones(8)}, r"weights_in: given float64 of shape \(8,\), expected 9 finite numbers"),
    (chung_lu, {"weights_out": [[1.0] * 9]}, r"weights_out: .*shape \(1, 9\)"),
    (chung_lu, {"weights_in": [1.0] * 8 + [-1.0]}, "-1.0 for unit 8"),
    (chung_lu, {"weights_in": [math.nan] + [1.0] * 8}, "nan for unit 0"),
    (chung_lu, {"weights_in": [1.0, math.inf] + [1.0] * 7}, "inf for unit 1"),
    (chung_lu, {"weights_in": ["a"] * 9}, "numbers"),
    (chung_lu, {"weights_in": [[1], [1, 2]]}, "rows of unequal length"),
    (chung_lu, {"weights_in": [1e-200] + [1.0] * 8}, "1e-200 for unit 0 beside 1.0"),
    *[
        (preferential_attachment, {"attractiveness": bad}, "above 0; try attractiveness=0.5")
        for bad in (0, -1, math.nan, math.inf, "1", None, True)
    ],
]


@BOTH
@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_counts_are_one_clear_line(generator, call, error, message):
    with pytest.raises(error, match=message) as caught:
        call(generator)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("generator", "options", "message"), BAD_OPTIONS, ids=range(len(BAD_OPTIONS)))
def test_bad_options_are_one_clear_line(generator, options, message):
    with pytest.raises(errors.InvalidOption, match=message) as caught:
        generator(9, 9, n_edges=20, rng=0, **options)
    assert "\n" not in str(caught.value)
