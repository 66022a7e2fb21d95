"""Is the degree distribution scale-free: fit of a power law, its goodness, and what else could explain the degrees."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from netsparse.errors import InvalidDegree, InvalidOption, unknown_name
from netsparse.graph.checks import as_array, as_count
from netsparse.rng import as_rng
from netsparse.typing import Float, Int, Seed

if TYPE_CHECKING:
    from netsparse.metrics.zeta_law import Tail

ALTERNATIVES = ("exponential", "lognormal", "truncated_power_law", "stretched_exponential")
"""The distributions a power law is compared with."""


class PowerLawFit(NamedTuple):
    """A power law fitted to the tail of a list of degrees, and how much it is worth.

    Attributes
    ----------
    exponent : float
        a in P(k) ~ k^-a.
    exponent_error : float
        Its standard error, for the k_min found.
    k_min : int
        Smallest degree that follows the law.
    n_tail : int
        Number of degrees >= k_min. Fits to fewer than about 50 say little.
    distance : float
        Kolmogorov-Smirnov distance between the law and the tail.
    p_value : float
        Share of bootstrap samples that are as far from their own fit: up to 0.1 the power law is ruled out. NaN
        without a bootstrap.
    alternatives : pandas.DataFrame
        Columns `alternative`, `log_likelihood_ratio` (positive: the power law is likelier, negative: the alternative)
        and `p_value` (up to 0.1 the sign means something). NaN where the alternative's probabilities underflow.
    """

    exponent: float
    exponent_error: float
    k_min: int
    n_tail: int
    distance: float
    p_value: float
    alternatives: pd.DataFrame


def power_law_fit(
    degrees: Any,
    *,
    k_min: int | None = None,
    n_bootstrap: int = 100,
    alternatives: Iterable[str] = ALTERNATIVES,
    rng: Seed | None = None,
) -> PowerLawFit:
    """Fit a power law to the upper tail of a list of degrees, and test it.

    The law is P(k) = k^-a / zeta(a, k_min) for whole k >= k_min. For each possible k_min the exponent is the likeliest
    one; k_min is the one whose law is nearest to the degrees above it (Kolmogorov-Smirnov distance).

    Parameters
    ----------
    degrees : int array
        Degrees of units, `graph.fan_out` for example. Units of degree 0 are left out: no power law has a 0.
    k_min : int, optional
        Where the tail begins, if that is known; None finds it. With a k_min far out in a short tail the method often
        lets degrees pass that are not scale-free at all (Poisson, geometric): look at `n_tail` and at the exponent, or
        say how much of the degrees the law has to explain.
    n_bootstrap : int
        Number of samples behind `p_value`. Each has as many degrees as were given, drawn from the fitted law with
        probability n_tail / n and from the degrees below k_min otherwise, and is fitted as the degrees were, k_min
        included.
        p comes in steps of 1 / n_bootstrap with a standard error of at most 1 / (2 sqrt(n_bootstrap)): 0.05 for 100,
        0.01 for 2,500. 0 leaves the test out.
    alternatives : names from {"exponential", "lognormal", "truncated_power_law", "stretched_exponential"}
        What to compare with, each fitted to the degrees >= k_min; () for none.
    rng : int or numpy Generator
        Needed for the bootstrap alone.

    Returns
    -------
    PowerLawFit
        Same degrees and same seed, same result.

    Raises
    ------
    InvalidDegree
        If the degrees are not whole numbers of at least 0, or fewer than three different ones are positive, or fewer
        than two are `k_min` or more (a biregular layer has no tail to fit).
    InvalidOption, UnknownName, InvalidSeed
        For a bad `k_min` or `n_bootstrap`, an alternative that is not in the list, and a bootstrap without `rng`.

    Notes
    -----
    A. Clauset, C. R. Shalizi, M. E. J. Newman, Power-law distributions in empirical data, SIAM Review 51, 661 (2009),
    https://doi.org/10.1137/070710111. The alternatives are those of J. Alstott, E. Bullmore, D. Plenz, powerlaw: a
    Python package for analysis of heavy-tailed distributions, PLoS ONE 9, e85777 (2014),
    https://doi.org/10.1371/journal.pone.0085777, fitted by that package, and are compared by Vuong's test. The
    truncated power law k^-a exp(-b k) holds the power law as a special case: its ratio is never positive, and twice
    its size follows a chi-squared law with one degree of freedom.

    Both power laws are fitted here, not by the package. There exponents end at 3 by default (steeper laws are called
    no fit), the distance is taken only at the degrees that occur, likelihoods are lost to rounding where k_min^-a is
    small, and a fit takes too long to be repeated for hundreds of samples. Exponents are sought in (1, 100].

    Examples
    --------
    >>> from netsparse.metrics.zeta_law import draw
    >>> fit = power_law_fit(draw(2.5, 2, 2000, np.random.default_rng(0)), alternatives=["exponential"], rng=0)
    >>> fit.k_min, abs(fit.exponent - 2.5) < 3 * fit.exponent_error, fit.p_value > 0.1
    (2, True, True)
    >>> bool(fit.alternatives.log_likelihood_ratio[0] > 0)
    True
    """
    from netsparse.metrics.zeta_law import exponent_error, fitted_tail

    positive = _positive(degrees)
    names = _names(alternatives)
    n_bootstrap = as_count("n_bootstrap", n_bootstrap)
    if k_min is not None:
        k_min = _lower_end(k_min, positive)
    tail = fitted_tail(positive, k_min)
    p_value = float("nan")
    if n_bootstrap:
        p_value = _goodness(positive, tail, k_min, n_bootstrap, as_rng(rng))  # pyright: ignore[reportArgumentType]
    table = _compared(positive[positive >= tail.k_min], tail, names)
    return PowerLawFit(tail.exponent, exponent_error(tail), tail.k_min, tail.n_tail, tail.distance, p_value, table)


def _positive(degrees: Any) -> Int[np.ndarray, "unit"]:
    array = as_array("degrees", degrees)
    given = "" if array.ndim == 1 and array.dtype.kind in "iu" else f"{array.dtype} of shape {array.shape}"
    if not given and array.size:
        if array.min() < 0:
            given = "a negative degree"
        elif array.max() > np.iinfo(np.int64).max:
            given = f"a degree of {array.max()}, larger than a 64-bit integer"
    if given:
        raise InvalidDegree("degrees", given, "a 1-D array of whole numbers, at least 0", "degrees=graph.fan_out")
    positive = array[array > 0].astype(np.int64)
    n_distinct = len(np.unique(positive))
    if n_distinct < 3:
        fix = "degrees(network) over all units, or a graph whose degrees vary"
        raise InvalidDegree("degrees", f"{n_distinct} different positive values", "at least 3, for a tail to fit", fix)
    return positive


def _lower_end(k_min: Any, positive: Int[np.ndarray, "unit"]) -> int:
    k_min = as_count("k_min", k_min)
    if k_min < 1:
        raise InvalidOption("k_min", "0", "a degree of at least 1", "k_min=1")
    n_distinct = len(np.unique(positive[positive >= k_min]))
    if n_distinct < 2:
        given, fix = f"{n_distinct} different values of at least k_min={k_min}", "k_min=None"
        raise InvalidDegree("degrees", given, "at least 2, for a tail to fit", fix)
    return k_min


def _names(alternatives: Iterable[str]) -> list[str]:
    if isinstance(alternatives, str) or not isinstance(alternatives, Iterable):
        fix = f"alternatives=[{alternatives!r}]" if isinstance(alternatives, str) else "alternatives=['lognormal']"
        raise InvalidOption("alternatives", repr(alternatives), "a list of names", fix)
    names = list(alternatives)
    for name in names:
        if name not in ALTERNATIVES:
            raise unknown_name("alternatives", name, ALTERNATIVES)
    return names


def _goodness(
    positive: Int[np.ndarray, "unit"], tail: Tail, k_min: int | None, n_bootstrap: int, rng: np.random.Generator
) -> float:
    """Return the share of samples of the fitted model that are at least as far from a power law as the degrees are."""
    from netsparse.metrics.zeta_law import draw, fitted_tail

    body = positive[positive < tail.k_min]
    further = 0
    for _ in range(n_bootstrap):
        n_from_law = rng.binomial(len(positive), tail.n_tail / len(positive))
        sample = draw(tail.exponent, tail.k_min, n_from_law, rng)
        if n_from_law < len(positive):
            sample = np.concatenate([sample, rng.choice(body, len(positive) - n_from_law)])
        fitted_part = sample if k_min is None else sample[sample >= k_min]
        if len(np.unique(fitted_part)) > 1:  # equal degrees are fitted perfectly
            further += fitted_tail(sample, k_min).distance >= tail.distance
    return further / n_bootstrap


def _compared(degrees: Int[np.ndarray, "tail"], tail: Tail, names: list[str]) -> pd.DataFrame:
    from netsparse.metrics.zeta_law import log_zeta, truncated_log_likelihoods

    degrees = np.sort(degrees)  # as the package does: the ratio is taken degree by degree
    law = -tail.exponent * np.log(degrees) - log_zeta(tail.exponent, float(tail.k_min))
    rows: list[tuple[str, float, float]] = []
    for name in names:
        if name == "truncated_power_law":
            rows.append((name, *_nested_ratio(law, truncated_log_likelihoods(degrees, tail))))
        else:
            rows.append((name, *_ratio(law, _log_likelihoods(degrees, tail.k_min, name))))
    return pd.DataFrame(rows, columns=["alternative", "log_likelihood_ratio", "p_value"])


def _log_likelihoods(degrees: Int[np.ndarray, "tail"], k_min: int, name: str) -> Float[np.ndarray, "tail"]:
    """Log likelihood of each degree under the likeliest distribution of that name, by the package powerlaw."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # about starting points outside the bounds, deprecated names and probabilities that underflow
        warnings.simplefilter("ignore")
        import powerlaw

        fits = powerlaw.Fit(degrees, discrete=True, xmin=k_min, verbose=0)
        return np.asarray(getattr(fits, name).loglikelihoods(fits.data), dtype=float)


def _ratio(law: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the log likelihood ratio, and how often one so far from 0 comes about by chance (Vuong's test)."""
    differences = law - other
    if not np.isfinite(differences).all():
        return float("nan"), float("nan")
    ratio, spread = float(differences.sum()), float(np.sqrt(len(differences)) * differences.std())
    return ratio, math.erfc(abs(ratio) / (math.sqrt(2) * spread)) if spread > 0 else 1.0


def _nested_ratio(law: np.ndarray, larger: np.ndarray) -> tuple[float, float]:
    """Return the log likelihood ratio to a family with one parameter more, and its p by the chi-squared law."""
    ratio = min(float((law - larger).sum()), 0.0)  # the larger family holds the smaller one
    return ratio, math.erfc(math.sqrt(-ratio))
