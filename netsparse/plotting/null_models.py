"""How far measured values lie from those of randomised copies, in standard deviations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from netsparse.errors import InvalidOption, unknown_name
from netsparse.plotting.canvas import COLOURS, axes, colours, plain

MARKERS = "osD^vP"
USUAL = 2.0  # about 95 % of normally distributed copies lie within
TICKS = (USUAL, *(10.0**k for k in range(1, 16)))


def null_comparison(tables: Mapping[str, pd.DataFrame], *, layer: str = "network", ax: Axes | None = None) -> Axes:
    """Draw the z-scores of metrics against their null model: a row per metric, a dot per topology.

    The axis is linear within 2 standard deviations (the grey band: nothing unusual) and logarithmic beyond. A z that
    is not defined (all copies have the same value, so that null_std is 0) has no dot, and a metric without any dot
    has no row.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Name of a topology -> `netsparse.metrics.summarize(..., null_model=...)`. Every name has a colour and marker
        of its own up to 36 of them.
    layer : str
        Which rows: "network", the whole, or the number of a layer, "0".
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: one line of dots per topology, its x the z-scores.

    Raises
    ------
    InvalidOption
        If `tables` is no mapping of tables with null columns.
    UnknownName
        If a table has no such layer.

    Examples
    --------
    >>> from netsparse.generators import projective_plane
    >>> from netsparse.metrics import summarize
    >>> table = summarize(projective_plane(3), metrics=["spectral_gap"], null_model="degree", rng=0)
    >>> ax = null_comparison({"plane": table})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['spectral_gap', 'normalized_spectral_gap', 'ramanujan_excess']
    """
    scores = {name: _scores(table, layer) for name, table in _checked(tables).items()}
    shown = list(dict.fromkeys(metric for z in scores.values() for metric in z.index))
    ax = plain(axes(ax, width=7.2, height=1.2 + 0.45 * max(len(shown), 2)))
    ax.axvspan(-USUAL, USUAL, color="0.92", linewidth=0, zorder=0)
    ax.axvline(0, color="0.6", linewidth=0.8, zorder=1)
    spread = np.linspace(-0.3, 0.3, len(scores)) if len(scores) > 1 else np.zeros(1)  # side by side, not on each other
    for k, ((name, z), colour) in enumerate(zip(scores.items(), colours(scores).values(), strict=True)):
        height = [shown.index(metric) + spread[k] for metric in z.index]
        marker = MARKERS[(k + k // len(COLOURS)) % len(MARKERS)]
        ax.plot(z.to_numpy(), height, marker, color=colour, markersize=5, alpha=0.9, label=name)
    ax.set_xscale("symlog", linthresh=USUAL, linscale=0.8)
    ax.xaxis.set_major_locator(FixedLocator([0.0, *(sign * z for z in TICKS for sign in (-1, 1))]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda z, _: f"{z:g}"))
    ax.set_yticks(range(len(shown)), shown)
    ax.set(ylim=(len(shown) - 0.5, -0.5) if shown else (0.5, -0.5))
    ax.set_xlabel("z-score: standard deviations from the mean of the null model")
    if scores:
        ax.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0)
    return ax


def _checked(tables: Mapping[str, pd.DataFrame]) -> Mapping[str, pd.DataFrame]:
    expected = "a mapping from names to tables with null columns"
    fix = "{'SET': summarize(network, null_model='degree', rng=0)}"
    if not isinstance(tables, Mapping):
        raise InvalidOption("tables", type(tables).__name__, expected, fix)
    for name, table in tables.items():
        if not isinstance(table, pd.DataFrame) or not {"layer", "metric", "z"} <= set(table.columns):
            given = f"a table without z at {name!r}" if isinstance(table, pd.DataFrame) else type(table).__name__
            raise InvalidOption("tables", given, expected, fix)
    return tables


def _scores(table: pd.DataFrame, layer: str) -> pd.Series:
    rows = table[table["layer"] == layer]
    if not len(rows):
        raise unknown_name("layer", layer, dict.fromkeys(table["layer"]))
    z = rows.set_index("metric")["z"].astype(float)
    return z[np.isfinite(z)]
