"""Power laws: numbers drawn from one are recognised, others are not, and each step agrees with plain sums."""

import inspect
import warnings

import numpy as np
import powerlaw
import pytest
import zoo
from mpmath import mp, zeta

from netsparse import errors
from netsparse.generators import erdos_renyi
from netsparse.metrics.degree import degrees
from netsparse.metrics.power_law import ALTERNATIVES, power_law_fit
from netsparse.metrics.zeta_law import Tail, draw, exponent_error, fitted_tail, log_zeta, truncated_log_likelihoods


def with_body(exponent, k_min, n_tail, *, seed):
    """Degrees that follow a power law from k_min on, and below it are anything but one: rising."""
    rng = np.random.default_rng(seed)
    below = np.arange(1, k_min)
    body = np.repeat(below, 20 * below)
    return np.concatenate([body, draw(exponent, k_min, n_tail, rng)])


def by_package(drawn, k_min, alternative=None):
    """The package's own fit of the power law, or its likelihood ratio and p against an alternative."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = powerlaw.Fit(drawn, discrete=True, xmin=k_min, estimate_discrete=False, verbose=0)
        return fit.power_law if alternative is None else fit.distribution_compare("power_law", alternative)


def tail_probability(exponent, k_min, k):
    """P(K >= k), by mpmath."""
    return float(zeta(exponent, k) / zeta(exponent, k_min))


def ratios(fit):
    return dict(zip(fit.alternatives.alternative, fit.alternatives.log_likelihood_ratio, strict=True))


@pytest.mark.parametrize("exponent", [1.01, 1.5, 2.0, 3.7, 20.0, 100.0])
@pytest.mark.parametrize("k", [1, 2, 17, 700, 3000, 10**6])
def test_the_zeta_function_keeps_its_digits(exponent, k):
    with mp.workdps(30 + int(exponent * np.log10(k))):  # mpmath counts digits from the point, not from the first one
        expected = float(mp.log(zeta(exponent, k)))
    assert float(log_zeta(exponent, float(k))) == pytest.approx(expected, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(("exponent", "k_min"), [(1.5, 1), (2.5, 1), (2.5, 8), (4.0, 3)])
def test_draws_follow_the_law(exponent, k_min):
    n = 20_000
    drawn = draw(exponent, k_min, n, np.random.default_rng(5))
    assert drawn.min() == k_min
    for k in k_min + np.array([1, 2, 5, 20, 300]):
        p = tail_probability(exponent, k_min, int(k))
        assert abs((drawn >= k).mean() - p) < 4.5 * np.sqrt(p * (1 - p) / n) + 1e-12


def test_draws_have_no_upper_end_but_that_of_the_integers():
    drawn = draw(1.05, 1, 2000, np.random.default_rng(0))
    assert drawn.min() == 1
    assert drawn.max() > 10**15
    assert (draw(1.001, 3, 500, np.random.default_rng(0)) >= 3).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_exponent_is_the_likeliest(seed):
    drawn = draw(2.2 + seed / 2, 2, 500, np.random.default_rng(seed))
    tail = fitted_tail(drawn, 2)
    grid = np.linspace(1.05, 8, 5000)
    likelihood = -grid * np.log(drawn).sum() - len(drawn) * log_zeta(grid, 2.0)
    assert tail.exponent == pytest.approx(grid[np.argmax(likelihood)], abs=1e-3)
    assert -tail.exponent * np.log(drawn).sum() - len(drawn) * log_zeta(tail.exponent, 2.0) >= likelihood.max()


@pytest.mark.parametrize("k_min", [1, 2, 5, 9])
def test_the_exponent_agrees_with_the_package(k_min):
    drawn = draw(2.4, 1, 3000, np.random.default_rng(3))
    fit = by_package(drawn, k_min)
    assert fitted_tail(drawn, k_min).exponent == pytest.approx(fit.alpha, abs=2e-4)
    assert exponent_error(fitted_tail(drawn, k_min)) == pytest.approx(fit.standard_err, rel=0.4)


def test_the_distance_is_taken_over_all_whole_numbers():
    drawn = draw(2.0, 1, 60, np.random.default_rng(1))  # with wide gaps between the largest
    for k_min in np.unique(drawn)[:-1].tolist():
        tail = fitted_tail(drawn, k_min)
        kept = drawn[drawn >= k_min]
        k = np.arange(k_min, drawn.max() + 2)
        law = np.exp(log_zeta(tail.exponent, k) - log_zeta(tail.exponent, float(k_min)))
        data = (kept[None, :] >= k[:, None]).mean(axis=1)
        assert tail.distance == pytest.approx(np.abs(law - data).max(), abs=1e-12)


def test_the_lower_end_is_the_one_with_the_smallest_distance():
    drawn = with_body(2.6, 4, 400, seed=2)
    best = fitted_tail(drawn)
    each = {k: fitted_tail(drawn, k).distance for k in np.unique(drawn)[:-1].tolist()}
    assert best.k_min == min(each, key=each.get)
    assert best == fitted_tail(drawn, best.k_min)


def test_a_lower_end_that_does_not_occur_is_a_lower_end_all_the_same():
    drawn = np.array([3, 3, 4, 6, 9])
    tail = fitted_tail(drawn, 2)
    assert tail.k_min == 2
    assert tail.n_tail == 5
    grid = np.linspace(1.01, 8, 5000)
    likelihood = -grid * np.log(drawn).sum() - len(drawn) * log_zeta(grid, 2.0)
    assert tail.exponent == pytest.approx(grid[np.argmax(likelihood)], abs=2e-3)


def test_the_error_is_the_spread_of_the_exponent():
    found = [fitted_tail(draw(2.5, 2, 300, np.random.default_rng(seed)), 2).exponent for seed in range(200)]
    expected = exponent_error(Tail(2.5, 2, 300, 0.0))
    assert np.std(found) == pytest.approx(expected, rel=0.2)
    assert abs(np.mean(found) - 2.5) < 4 * expected / np.sqrt(200) + 0.02


@pytest.mark.parametrize(("exponent", "k_min"), [(2.1, 1), (2.5, 6), (3.5, 2), (4.5, 1)])
def test_a_power_law_is_recognised(exponent, k_min):
    fit = power_law_fit(with_body(exponent, k_min, 1500, seed=7), n_bootstrap=50, rng=0)
    assert abs(fit.exponent - exponent) < 3.5 * fit.exponent_error
    assert k_min <= fit.k_min <= 2 * k_min + 2
    assert fit.p_value > 0.1
    found = ratios(fit)
    assert list(found) == list(ALTERNATIVES)
    assert found["exponential"] > 10
    assert -3 < found["truncated_power_law"] <= 0


@pytest.mark.parametrize(
    "drawn",
    [
        np.random.default_rng(0).geometric(0.1, 3000),
        np.random.default_rng(0).poisson(8, 3000) + 1,
        1 + np.random.default_rng(0).integers(0, 60, 3000),
    ],
    ids=["geometric", "poisson", "uniform"],
)
def test_others_are_ruled_out(drawn):
    fit = power_law_fit(drawn, k_min=2, n_bootstrap=40, rng=0)
    assert fit.k_min == 2
    assert fit.p_value == 0
    found = fit.alternatives.set_index("alternative")
    assert (found.log_likelihood_ratio < -50).all()
    assert (found.p_value < 1e-6).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_geometric_distribution_is_ruled_out_or_passes_far_out_in_its_tail_alone(seed):
    drawn = np.random.default_rng(seed).geometric(0.1, 5000)
    fit = power_law_fit(drawn, n_bootstrap=30, rng=0)
    assert fit.p_value <= 0.1 or fit.n_tail < 0.05 * len(drawn)
    assert fit.exponent > 4
    whole = power_law_fit(drawn, k_min=1, n_bootstrap=30, rng=0)
    assert whole.p_value == 0
    assert ratios(whole)["exponential"] < -1000


def test_random_wiring_is_not_scale_free():
    graph = erdos_renyi(2000, 2000, density=0.005, rng=0)
    fit = power_law_fit(graph.fan_out, k_min=5, n_bootstrap=40, alternatives=["lognormal"], rng=0)
    assert fit.p_value == 0
    assert ratios(fit)["lognormal"] < -100


@pytest.mark.slow
def test_p_is_evenly_spread_over_true_power_laws():
    values = [
        power_law_fit(with_body(2.5, 3, 300, seed=s), n_bootstrap=100, alternatives=(), rng=s).p_value
        for s in range(60)
    ]
    assert 0.35 < np.mean(values) < 0.75
    assert np.mean(np.array(values) <= 0.1) < 0.25


@pytest.mark.parametrize("k_min", [1, 4, 50])
def test_the_truncated_law_sums_to_one_and_is_the_likeliest(k_min):
    rng = np.random.default_rng(k_min)
    k = np.arange(k_min, 60_000, dtype=float)
    share = k**-1.6 * np.exp(-k / 40)
    drawn = rng.choice(k.astype(int), 1500, p=share / share.sum())
    tail = fitted_tail(drawn, k_min)
    found = truncated_log_likelihoods(drawn, tail)
    best = np.inf
    for a in np.linspace(0, 4, 41):
        for b in np.geomspace(1e-4, 0.5, 60):
            cost = np.log((k**-a * np.exp(-b * k)).sum()) * len(drawn) + a * np.log(drawn).sum() + b * drawn.sum()
            best = min(best, cost)
    assert -found.sum() <= best + 1e-6
    assert -found.sum() == pytest.approx(best, abs=1.5)
    # each likelihood is that of a law: a and b read off two of them give norm and all the others
    at = {int(x): v for x, v in zip(drawn, found, strict=True)}
    x = np.array(sorted(at))
    y = np.array([at[int(v)] for v in x])
    terms = np.column_stack([-np.log(x), -x, np.ones(len(x))])
    a, b, log_norm = np.linalg.lstsq(terms, y, rcond=None)[0]
    assert np.allclose(terms @ [a, b, log_norm], y, atol=1e-9)
    assert np.log((k**-a * np.exp(-b * k)).sum()) == pytest.approx(-log_norm, abs=1e-6)


def test_a_truncated_power_law_beats_the_power_law_it_came_from():
    k = np.arange(1, 5000, dtype=float)
    share = k**-1.5 * np.exp(-k / 30)
    drawn = np.random.default_rng(0).choice(k.astype(int), 2000, p=share / share.sum())
    fit = power_law_fit(drawn, k_min=1, n_bootstrap=0, alternatives=["truncated_power_law"])
    assert fit.alternatives.log_likelihood_ratio[0] < -20
    assert fit.alternatives.p_value[0] < 1e-6


@pytest.mark.slow
def test_the_truncated_law_agrees_with_the_package():
    drawn = draw(2.2, 5, 400, np.random.default_rng(0))
    fit = power_law_fit(drawn, k_min=5, n_bootstrap=0, alternatives=["truncated_power_law"])
    ratio, p_value = by_package(drawn, 5, "truncated_power_law")
    assert fit.alternatives.log_likelihood_ratio[0] == pytest.approx(ratio, abs=1e-3)
    assert fit.alternatives.p_value[0] == pytest.approx(p_value, abs=1e-2)


def test_ratios_and_their_p_are_those_of_the_package():
    drawn = np.sort(draw(2.3, 3, 800, np.random.default_rng(4)))
    names = ["exponential", "lognormal", "stretched_exponential"]
    fit = power_law_fit(np.random.default_rng(0).permutation(drawn), k_min=3, n_bootstrap=0, alternatives=names)
    for name, ratio, p_value in fit.alternatives.itertuples(index=False):
        assert (ratio, p_value) == pytest.approx(by_package(drawn, 3, name), abs=2e-3), name


def test_the_order_of_the_degrees_and_zeros_do_not_matter():
    drawn = with_body(2.5, 3, 300, seed=1)
    mixed = np.random.default_rng(0).permutation(np.concatenate([drawn, np.zeros(50, dtype=int)]))
    first, second = (power_law_fit(d, n_bootstrap=0) for d in (drawn, mixed))
    assert first[:4] == second[:4]
    assert first.distance == second.distance
    np.testing.assert_allclose(first.alternatives.iloc[:, 1:], second.alternatives.iloc[:, 1:], rtol=1e-9)


def test_the_same_seed_gives_the_same_p():
    drawn = with_body(2.5, 3, 200, seed=1)
    values = [power_law_fit(drawn, n_bootstrap=20, alternatives=(), rng=rng).p_value for rng in (3, 3, 4, 5, 6)]
    assert values[0] == values[1]
    assert len(set(values)) > 1
    assert all((p * 20) % 1 == pytest.approx(0, abs=1e-9) or (p * 20) % 1 == pytest.approx(1) for p in values)


def test_without_a_bootstrap_there_is_no_p_and_no_seed_needed():
    fit = power_law_fit(zoo.GRAPHS["dense random"].fan_out, n_bootstrap=0, alternatives=())
    assert np.isnan(fit.p_value)
    assert fit.alternatives.empty
    assert fit.alternatives.columns.tolist() == ["alternative", "log_likelihood_ratio", "p_value"]


@pytest.mark.parametrize("drawn", [[5, 6, 7], [1, 1, 2, 900], [100, 101, 102] * 50, [10**6, 10**6 + 1, 3 * 10**6]])
def test_any_three_degrees_get_an_answer(drawn):
    fit = power_law_fit(drawn, n_bootstrap=10, rng=0)
    assert 1 < fit.exponent <= 100
    assert 0 <= fit.distance <= 1
    assert 0 <= fit.p_value <= 1
    assert ratios(fit)["truncated_power_law"] <= 0


def test_one_alternative_may_be_asked_for_twice_or_by_any_iterable():
    fit = power_law_fit([1, 1, 1, 2, 3], n_bootstrap=0, alternatives=iter(("exponential", "exponential")))
    assert fit.alternatives.alternative.tolist() == ["exponential", "exponential"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([4, 4, 4, 4, 0], "degrees: given 1 different positive values, expected at least 3"),
        ([0, 0], "given 0 different positive values"),
        ([], "degrees: given float64 of shape"),
        ([1, 2, -3], "a negative degree"),
        (np.array([2**63, 1, 2], dtype=np.uint64), "a degree of 9223372036854775808, larger than a 64-bit integer"),
        ([1.5, 2.0, 3.0], "float64 of shape"),
        ([[1, 2, 3]], "int64 of shape"),
        ("abc", "whole numbers"),
    ],
)
def test_degrees_without_a_tail_get_one_clear_line(given, message):
    with pytest.raises(errors.InvalidDegree, match=message) as caught:
        power_law_fit(given, n_bootstrap=0)
    assert "\n" not in str(caught.value)


def test_bad_options_get_one_clear_line():
    drawn = [1, 2, 3, 4, 4]
    with pytest.raises(errors.InvalidSeed, match="rng: given None"):
        power_law_fit(drawn)
    with pytest.raises(errors.UnknownName, match=r"alternatives: given 'pareto', expected one of exp.*lognormal"):
        power_law_fit(drawn, n_bootstrap=0, alternatives=["pareto"])
    with pytest.raises(errors.InvalidOption, match=r"alternatives=\['lognormal'\]"):
        power_law_fit(drawn, n_bootstrap=0, alternatives="lognormal")
    with pytest.raises(errors.InvalidOption, match="n_bootstrap: given -1"):
        power_law_fit(drawn, n_bootstrap=-1)
    for k_min in (0, -2, 1.5):
        with pytest.raises(errors.InvalidOption, match="k_min"):
            power_law_fit(drawn, k_min=k_min, n_bootstrap=0)
    with pytest.raises(errors.InvalidDegree, match="1 different values of at least k_min=4"):
        power_law_fit(drawn, k_min=4, n_bootstrap=0)
    with pytest.raises(errors.InvalidDegree, match="of shape"):
        power_law_fit(zoo.GRAPHS["path"], n_bootstrap=0)


def test_degrees_of_a_network_are_degrees():
    fit = power_law_fit(degrees(zoo.NETWORKS["three layers"]), n_bootstrap=0, alternatives=())
    assert fit.n_tail > 1
    assert inspect.signature(power_law_fit).parameters["rng"].default is None
