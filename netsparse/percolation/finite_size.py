"""From finite sizes to the infinite network: thresholds of an ensemble, and the power law that extrapolates them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import least_squares
from scipy.special import chdtrc, ndtri

from netsparse.errors import InvalidOption, NotConverged, unknown_name
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.percolation.interval import CONFIDENCE
from netsparse.percolation.simulation import percolate
from netsparse.rng import as_rng, seeds
from netsparse.typing import Float, Seed

PerSize = Float[np.ndarray, "size"]
"""One number per network size."""

PEAKS = ("second_component", "susceptibility")
"""Observables with a peak that is found in every single trial."""

MEAN_FIELD = 1 / 3
"""1 / nu-bar of uncorrelated random graphs whose third moment of the degrees stays finite."""

LEAST_EXPONENT, LARGEST_EXPONENT = 0.02, 3.0


@dataclass(frozen=True, slots=True)
class FiniteSizeFit:
    """Thresholds of networks of several sizes, extrapolated to the infinite one.

    Attributes
    ----------
    threshold : float
        p_c, the value at infinite size, in the unit of what was fitted (a fraction kept, usually).
    error : float
        Half-width of its 95 % interval.
    exponent, exponent_error : float
        w of N^(-w) and the half-width of its 95 % interval, 0 where the exponent was given.
    amplitudes : tuple of float
        a_1, a_2, ...: the coefficients of N^(-w), N^(-2w), ...
    chi2 : float
        Sum of squared residuals, each in units of its standard error.
    dof : int
        Number of sizes less the number of fitted parameters; chi2 is about as large where the model is right.
    """

    threshold: float
    error: float
    exponent: float
    exponent_error: float
    amplitudes: tuple[float, ...]
    chi2: float
    dof: int

    @property
    def amplitude(self) -> float:
        """Coefficient of the leading power."""
        return self.amplitudes[0]

    @property
    def p_value(self) -> float:
        """Probability of a chi2 at least as large if the model is right; NaN without degrees of freedom."""
        return float(chdtrc(self.dof, self.chi2)) if self.dof else math.nan

    def at(self, n_units: Any) -> PerSize:
        """Return the fitted threshold of networks of `n_units` units.

        Examples
        --------
        >>> FiniteSizeFit(0.25, 0.01, 0.5, 0.0, (2.0,), 0.0, 0).at([100, 10_000]).tolist()
        [0.45, 0.27]
        """
        sizes = np.asarray(n_units, dtype=np.float64)
        shifts = [a * sizes ** (-k * self.exponent) for k, a in enumerate(self.amplitudes, start=1)]
        return self.threshold + np.sum(shifts, axis=0)


def finite_size_fit(
    n_units: Any, thresholds: Any, standard_errors: Any, *, exponent: float | None = MEAN_FIELD, powers: int = 1
) -> FiniteSizeFit:
    r"""Fit p_c(N) = p_c + a_1 N^(-w) + a_2 N^(-2w) + ... to the thresholds of networks of several sizes.

    Weighted least squares: the sum of ((p(N_i) - model(N_i)) / s_i)^2 is smallest.

    Parameters
    ----------
    n_units : array of shape (n_sizes,)
        Units of each network, on all levels.
    thresholds : array of shape (n_sizes,)
        Mean threshold at each size, or its mean difference from theory (which extrapolates to 0).
    standard_errors : array of shape (n_sizes,)
        Standard error of each mean, s / sqrt(trials). `Threshold.error` is the half-width of a 95 % interval, which
        is t(0.975, trials - 1) of them, 2.01 with 50 trials.
    exponent : float, optional
        w, 1/3 (mean field) by default; None fits it as well.
    powers : int
        Number of powers of N^(-w). One is the asymptotic law; the second is the leading correction to it, an analytic
        one, and is needed where small networks are fitted together with large ones (its chi2 says when).

    Returns
    -------
    FiniteSizeFit
        The errors are 1.96 standard deviations of the parameters (a normal quantile: the s_i are known from many
        trials each and are not rescaled by chi2, so that a bad fit shows as a large chi2 and not as a wide interval).
        Fewer than about 30 trials leave the s_i themselves uncertain, and intervals too narrow.

    Raises
    ------
    InvalidOption
        For arrays that are not finite, not of one length, or hold fewer different sizes than there are parameters;
        standard errors not above 0; an exponent not above 0, or above 3; powers below 1.
    NotConverged
        If no exponent between 0.02 and 3 is best, as where thresholds do not depend on the size.

    Notes
    -----
    The window of the transition is N^(-1/3) wide in the Erdos-Renyi graph, and in graphs of given degrees whose third
    moment is finite (a degree exponent above 4); for 3 < tau < 4 the power is (tau - 3) / (tau - 1) instead.

    References
    ----------
    B. Bollobas, The evolution of random graphs, Transactions of the AMS 286, 257 (1984),
    https://doi.org/10.1090/S0002-9947-1984-0756039-5

    S. Dhara, R. van der Hofstad, J. S. H. van Leeuwaarden, S. Sen, Critical window for the configuration model: finite
    third moment degrees, Electronic Journal of Probability 22, 16 (2017), https://arxiv.org/abs/1605.02868

    Examples
    --------
    >>> n = np.array([1_000, 8_000, 27_000, 1_000_000])
    >>> fit = finite_size_fit(n, 0.25 + 2 / np.cbrt(n), np.full(4, 0.001))
    >>> round(fit.threshold, 6), round(fit.amplitude, 6), fit.dof, fit.chi2 < 1e-9
    (0.25, 2.0, 2, True)
    """
    if not isinstance(powers, int | np.integer) or isinstance(powers, bool) or powers < 1:
        raise InvalidOption("powers", repr(powers), "a whole number of at least 1", "powers=1")
    n_parameters = 1 + int(powers) + (exponent is None)
    sizes, values, errors = _checked(n_units, thresholds, standard_errors, n_parameters)
    if exponent is not None:
        is_number = isinstance(exponent, int | float | np.number) and not isinstance(exponent, bool)
        if not is_number or not 0 < exponent <= LARGEST_EXPONENT:
            expected = f"a number above 0 and up to {LARGEST_EXPONENT:g}, or None to fit it"
            raise InvalidOption("exponent", repr(exponent), expected, "exponent=1/3")
    w = _best_exponent(sizes, values, errors, powers) if exponent is None else float(exponent)
    columns, coefficients = _linear_fit(sizes, values, errors, w, powers)
    jacobian = columns
    if exponent is None:
        k = np.arange(1, powers + 1)
        slope = -(columns[:, 1:] * (k * coefficients[1:])).sum(axis=1) * np.log(sizes)
        jacobian = np.column_stack([columns, slope])
    half_widths = ndtri((1 + CONFIDENCE) / 2) * _deviations(jacobian / errors[:, None])
    residuals = (values - columns @ coefficients) / errors
    return FiniteSizeFit(
        threshold=float(coefficients[0]),
        error=float(half_widths[0]),
        exponent=w,
        exponent_error=float(half_widths[-1]) if exponent is None else 0.0,
        amplitudes=tuple(coefficients[1:].tolist()),
        chi2=float(residuals @ residuals),
        dof=len(sizes) - n_parameters,
    )


def ensemble_thresholds(
    draw: Callable[[np.random.Generator], BipartiteGraph | SparseNetwork],
    n_trials: int,
    *,
    method: str | Iterable[str] = "second_component",
    critical: Callable[[Any], float] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Return the thresholds of `n_trials` networks of an ensemble, each drawn afresh and taken apart once at random.

    Trials on one and the same graph say how its threshold scatters with the order of removal; trials on fresh graphs
    are what an ensemble average, and so a theory of the ensemble, is about. No curve is kept.

    Parameters
    ----------
    draw : callable
        `draw(rng)` returns a graph or network.
    n_trials : int
        Number of networks.
    method : {"second_component", "susceptibility"}, or several of them
        Which peak is taken for the threshold; of several, each is read off the same curve.
    critical : callable, optional
        `critical(network)` is the critical fraction kept that theory gives for this very network. With realised
        degrees that scatter from network to network, the difference scatters less than the threshold.
    rng : int or numpy Generator
        Same seed, same thresholds.

    Returns
    -------
    pandas.DataFrame
        A row per trial and method: trial, seed, n_units, method, fraction_kept (at the peak; NaN for a network that
        has none) and critical (NaN where not asked for). With r = numpy.random.default_rng(seed), `draw(r)` and then
        `percolate(network, rng=r)` repeat the trial.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSeed
        For another method, fewer than one trial, and no seed.

    Examples
    --------
    >>> from netsparse.generators import biregular
    >>> found = ensemble_thresholds(lambda rng: biregular(300, 300, fan_in=3, rng=rng), 20, rng=0)
    >>> len(found), bool(0.5 < found["fraction_kept"].mean() < 0.6)
    (20, True)
    """
    methods = list(method) if isinstance(method, Iterable) and not isinstance(method, str) else [method]
    for name in methods or [None]:
        if not isinstance(name, str) or name not in PEAKS:
            raise unknown_name("method", name, PEAKS)
    if not isinstance(n_trials, int | np.integer) or isinstance(n_trials, bool) or n_trials < 1:
        raise InvalidOption("n_trials", repr(n_trials), "a whole number of at least 1", "n_trials=50")
    for name, given in {"draw": draw, "critical": critical}.items():
        if not callable(given) and (given is not None or name == "draw"):
            expected, fix = "a function", "draw=lambda rng: biregular(300, 300, fan_in=3, rng=rng)"
            raise InvalidOption(name, repr(given), expected, fix if name == "draw" else "critical=None")
    rows: list[dict[str, Any]] = []
    for trial, seed in enumerate(seeds(rng, int(n_trials), purpose="ensemble")):
        generator = as_rng(seed)
        network = draw(generator)
        curve = percolate(network, observables=methods, rng=generator)
        row = {
            "trial": trial,
            "seed": seed,
            "n_units": sum(network.sizes),
            "critical": math.nan if critical is None else float(critical(network)),
        }
        rows += [{**row, "method": name, "fraction_kept": curve.threshold(name).fraction_kept} for name in methods]
    return pd.DataFrame(rows, columns=["trial", "seed", "n_units", "method", "fraction_kept", "critical"])


def _checked(n_units: Any, thresholds: Any, standard_errors: Any, n_parameters: int) -> tuple[PerSize, ...]:
    named = {"n_units": n_units, "thresholds": thresholds, "standard_errors": standard_errors}
    fix = "thresholds and errors of the same sizes, without those that are NaN"
    arrays: dict[str, np.ndarray] = {}
    for name, given in named.items():
        try:
            arrays[name] = np.asarray(given)
        except ValueError as error:
            raise InvalidOption(name, "rows of unequal length", "numbers, one per size", fix) from error
    length = arrays["n_units"].size
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or array.shape != (length,):
            expected = f"{length} numbers, one per size"
            raise InvalidOption(name, f"{array.dtype} of shape {array.shape}", expected, fix)
        if not np.isfinite(array).all() or (name != "thresholds" and (array <= 0).any()):
            expected = "finite numbers" if name == "thresholds" else "finite numbers above 0"
            bad = ~np.isfinite(array) | (array <= 0 if name != "thresholds" else False)
            raise InvalidOption(name, str(array[bad][0]), expected, fix)
    n_different = len(np.unique(arrays["n_units"]))
    if n_different < n_parameters:
        given, expected = f"{n_different} different sizes", f"at least {n_parameters}, one per fitted parameter"
        raise InvalidOption("n_units", given, expected, "more sizes, or fewer powers")
    return tuple(array.astype(np.float64) for array in arrays.values())


def _linear_fit(sizes: PerSize, values: PerSize, errors: PerSize, w: float, powers: int) -> tuple[np.ndarray, PerSize]:
    columns = sizes[:, None] ** (-w * np.arange(powers + 1))
    weighted = columns / errors[:, None]
    scale = np.linalg.norm(weighted, axis=0)  # N^(-2w) is tiny beside 1: columns of one length keep the solution exact
    solution = np.linalg.lstsq(weighted / scale, values / errors, rcond=None)[0]
    return columns, solution / scale


def _deviations(weighted: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each parameter of a least-squares fit with unit errors."""
    scale = np.linalg.norm(weighted, axis=0)
    scale[scale == 0] = 1.0
    return np.sqrt(np.diag(np.linalg.pinv((weighted / scale).T @ (weighted / scale)))) / scale


def _best_exponent(sizes: PerSize, values: PerSize, errors: PerSize, powers: int) -> float:
    """Minimise chi2 over the exponent alone: for each one the other parameters are a linear fit."""

    def residuals(w: np.ndarray) -> PerSize:
        columns, coefficients = _linear_fit(sizes, values, errors, float(w[0]), powers)
        return (values - columns @ coefficients) / errors

    bounds = (LEAST_EXPONENT, LARGEST_EXPONENT)
    # a grid first: chi2 as a function of the exponent may have a flat end, where a descent would stop
    start = min(np.geomspace(*bounds, 61), key=lambda w: float((residuals(np.array([w])) ** 2).sum()))
    found = least_squares(residuals, [np.clip(start, 1.001 * bounds[0], 0.999 * bounds[1])], bounds=bounds, xtol=1e-12)
    w = float(found.x[0])
    if not found.success or w < 1.01 * LEAST_EXPONENT or w > 0.99 * LARGEST_EXPONENT:
        expected = f"a best one between {LEAST_EXPONENT} and {LARGEST_EXPONENT:g}"
        raise NotConverged("exponent", f"{w:.3g}, at the end of the range", expected, "exponent=1/3")
    return w
