"""Finite-size scaling: thresholds of growing networks on the way to infinity, curves of all sizes on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from netsparse.errors import InvalidOption
from netsparse.percolation.collapse import Collapse
from netsparse.percolation.finite_size import FiniteSizeFit
from netsparse.plotting.bands import checked_table, darker, legend_beside
from netsparse.plotting.canvas import axes, colours, plain

COLUMNS = ("n_units", "mean", "error")
MARKERS = "osD^vP"
MEAN_FIELD = 1 / 3  # the exponent of the shift of a threshold with the number of units


def finite_size(
    thresholds: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    fits: Mapping[str, FiniteSizeFit] | None = None,
    theory: Mapping[str, float] | None = None,
    exponent: float = MEAN_FIELD,
    ax: Axes | None = None,
) -> Axes:
    """Draw thresholds against N^(-exponent), with their fit, its value at infinite size, and theory.

    Networks of N units that fall apart at p_c(N) = p_c + a N^(-exponent) lie on a straight line, whose height at the
    left edge is the threshold p_c of the infinite network.

    Parameters
    ----------
    thresholds : DataFrame, or mapping of str to DataFrame
        Name of an ensemble -> columns n_units, mean (fraction kept) and error (the bar to either side). Or one table
        with the names in a column "ensemble".
    fits : mapping of str to FiniteSizeFit, optional
        `netsparse.percolation.finite_size_fit` of ensembles: a line, and a diamond at infinite size with the 95 %
        interval.
    theory : mapping of str to float, optional
        Fraction kept at the threshold of the infinite network, a dashed horizontal line.
    exponent : float
        Of the axis, above 0; a fit with another exponent is a bent line.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into; the numbers of units stand above, fitted and predicted values in the legend.

    Raises
    ------
    InvalidOption
        For something else than such tables, and for an exponent that is not above 0.

    Examples
    --------
    >>> table = pd.DataFrame({"n_units": [1000, 8000], "mean": [0.45, 0.475], "error": 0.001})
    >>> ax = finite_size({"biregular": table}, theory={"biregular": 0.5})
    >>> [container[0].get_xdata().round(3).tolist() for container in ax.containers]
    [[0.1, 0.05]]
    """
    if not isinstance(exponent, int | float) or isinstance(exponent, bool) or not 0 < exponent < math.inf:
        raise InvalidOption("exponent", repr(exponent), "a number above 0", "exponent=1/3")
    ensembles = _ensembles(thresholds)
    ax = plain(axes(ax, width=8.4, height=4.4))
    sizes = np.concatenate([np.asarray(table["n_units"], dtype=float) for table in ensembles.values()])
    reach = 1.06 * float((sizes**-exponent).max())
    x = np.linspace(0.0, reach, 200)[1:]
    handles: list[Any] = []
    for place, (name, colour) in enumerate(colours(ensembles).items()):
        table, said = ensembles[name], name
        at = np.asarray(table["n_units"], dtype=float) ** -exponent
        look = {"fmt": MARKERS[place % len(MARKERS)], "markersize": 4, "capsize": 2, "linewidth": 1.0}
        fit, expected = (fits or {}).get(name), (theory or {}).get(name)
        if fit is not None:
            heights = [fit.threshold, *fit.at(x ** (-1 / exponent))]
            ax.plot([0.0, *x], heights, color=colour, linewidth=1.4)
            limit = {**look, "fmt": "D", "markersize": 7, "markerfacecolor": "white"}
            ax.errorbar([0.0], [fit.threshold], [fit.error], color=colour, clip_on=False, zorder=5, **limit)
            said += f"\n  $N \\to \\infty$: {_fitted(fit.threshold, fit.error)}"
        if expected is not None:
            ax.axhline(expected, color=darker(colour), linewidth=1.1, linestyle=(0, (5, 3)), zorder=1)
            said += f"\n  theory: {expected:.5g}"
        handles.append(ax.errorbar(at, table["mean"], table["error"], color=colour, label=said, **look))
    _axis_of_sizes(ax, sizes, exponent, reach)
    ax.set_ylabel("fraction of edges kept at the threshold")
    legend_beside(ax, handles)
    return ax


def collapse(collapse: Collapse, *, ax: Axes | None = None) -> Axes:
    r"""Draw the curves of networks of several sizes, scaled so that they lie on each other.

    y = value * N^h against x = (p - p_c) N^w, with the error bars of the means over trials.

    Parameters
    ----------
    collapse : Collapse
        `netsparse.percolation.scaling_collapse` of curves.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: points per size, darker for larger networks; exponents stand on the axes, threshold and
        quality above the legend to the right, fitted ones with their errors.

    Raises
    ------
    InvalidOption
        For something else than a collapse.

    Examples
    --------
    >>> from netsparse.generators import biregular
    >>> from netsparse.percolation import percolate
    >>> from netsparse.percolation.collapse import scaling_collapse
    >>> curves = [percolate(biregular(n, n, fan_in=3, rng=n), trials=10, rng=n) for n in (200, 800)]
    >>> ax = collapse(scaling_collapse(curves, threshold=1 / 2, exponents=(1 / 3, 1 / 3)))
    >>> [entry.get_text() for entry in ax.get_legend().get_texts()], ax.get_xlabel()
    (['400 units', '1,600 units'], '$(p - p_c)\\,N^{w}$,  $w$ = 0.3333')
    """
    if not isinstance(collapse, Collapse):
        fix = "scaling_collapse([small_curve, large_curve])"
        raise InvalidOption("collapse", type(collapse).__name__, "a Collapse", fix)
    table = collapse.to_frame()
    ax = plain(axes(ax, width=7.6, height=4.2))
    sizes = sorted(table["n_units"].unique())
    shades = mpl.colormaps["viridis_r"](np.linspace(0.12, 1.0, len(sizes)))
    handles: list[Any] = []
    for place, (size, shade) in enumerate(zip(sizes, shades, strict=True)):
        rows = table[table["n_units"] == size].sort_values("x")
        look = {"fmt": MARKERS[place % len(MARKERS)], "markersize": 3.5, "elinewidth": 0.8}
        look |= {"color": to_hex(shade), "ecolor": (to_hex(shade), 0.35)}
        handles.append(ax.errorbar(rows["x"], rows["y"], rows["y_error"], label=f"{int(size):,} units", **look))
    name = collapse.observable.replace("_", " ")
    width = _fitted(collapse.width_exponent, collapse.width_error)
    height = _fitted(collapse.height_exponent, collapse.height_error)
    ax.set(xlabel=f"$(p - p_c)\\,N^{{w}}$,  $w$ = {width}", ylabel=f"{name} $\\times\\,N^{{h}}$,  $h$ = {height}")
    threshold = _fitted(collapse.threshold, collapse.threshold_error)
    title = f"$p_c$ = {threshold}\nquality {collapse.quality:.2f}"
    legend_beside(ax, handles, title=title)
    return ax


def _ensembles(thresholds: Any) -> dict[str, pd.DataFrame]:
    fix = "finite_size({'biregular': table})"
    if isinstance(thresholds, Mapping):
        tables = {str(name): checked_table(f"thresholds[{name!r}]", t, COLUMNS, fix) for name, t in thresholds.items()}
    else:
        table = checked_table("thresholds", thresholds, ("ensemble", *COLUMNS), fix)
        tables = {str(name): rows for name, rows in table.groupby("ensemble", sort=False)}
    if not tables or not all(len(table) and (table["n_units"] > 0).all() for table in tables.values()):
        raise InvalidOption("thresholds", "no networks of at least one unit", "a table per ensemble", fix)
    return tables


def _axis_of_sizes(ax: Axes, sizes: np.ndarray, exponent: float, reach: float) -> None:
    """Write N^(-exponent) below and N itself above."""
    power = "1/3" if math.isclose(exponent, MEAN_FIELD) else f"{exponent:g}"
    ax.set(xlabel=f"$N^{{-{power}}}$", xlim=(-0.02 * reach, reach))
    above = ax.secondary_xaxis("top")
    low, high = math.log10(sizes.min()), math.log10(sizes.max())
    decades = [k for k in range(20) if low - 0.3 <= k <= high + 0.3 and 10.0 ** (-k * exponent) <= reach]
    names = ["$\\infty$", *(f"$10^{k}$" for k in decades)]
    above.set_xticks([0.0, *(10.0 ** (-k * exponent) for k in decades)], names)
    above.set_xlabel("units N")
    above.spines["top"].set_visible(False)


def _fitted(value: float, error: float) -> str:
    """Write a number with its error, to two digits of the error; what was given has none."""
    digits = 4 if not math.isfinite(error) or error <= 0 else min(max(1 - math.floor(math.log10(error)), 2), 8)
    return f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if math.isfinite(error) and error > 0 else "")
