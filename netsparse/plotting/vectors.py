"""Zero vectors in pictures: matrices of several wirings side by side, and their fractions against random placement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import stdtrit

from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph
from netsparse.metrics.blocks import check_axis, zero_vectors
from netsparse.plotting.bands import checked_table, legend_beside
from netsparse.plotting.biadjacency import biadjacency
from netsparse.plotting.canvas import COLOURS, axes, colours, plain

EMPTY = COLOURS[3]
CONFIDENCE = 0.95
TABLE = "zero_vector_table(result.network)"


def zero_vector_matrices(
    graphs: Mapping[str, BipartiteGraph],
    *,
    axis: str = "out",
    columns: int = 3,
    figure: Figure | SubFigure | None = None,
) -> dict[str, Axes]:
    """Draw one layer of several wirings side by side, as `biadjacency` does, with the zero vectors marked.

    Parameters
    ----------
    graphs : mapping of str to BipartiteGraph
        Name of a wiring -> one of its layers: the same one of each, unstructured, structured and weight-based, say.
    axis : {"out", "in"}
        Which vectors are marked: "out", rows without an edge (units that no edge leaves); "in", columns without one
        (units that none enters).
    columns : int
        Panels in a row.
    figure : Figure or SubFigure, optional
        Where to draw; a new one if not given.

    Returns
    -------
    dict of str to Axes
        Panels by name, in the order of `graphs`; above each the fraction of zero vectors.

    Raises
    ------
    InvalidOption, UnknownName
        For something else than a mapping of layers, another axis, and `columns` below 1.

    Examples
    --------
    >>> from netsparse.generators import banded, erdos_renyi
    >>> graphs = {"random": erdos_renyi(30, 20, density=0.05, rng=0), "band": banded(30, 20, density=0.05)}
    >>> panels = zero_vector_matrices(graphs)
    >>> panels["band"].get_title()
    'band: 0.0 % zero vectors'
    """
    check_axis(axis)
    if not isinstance(columns, int) or isinstance(columns, bool) or columns < 1:
        raise InvalidOption("columns", repr(columns), "a whole number of at least 1", "columns=3")
    fix = "{'SET': result.network.layers[0]}"
    if not isinstance(graphs, Mapping) or not graphs:
        raise InvalidOption("graphs", type(graphs).__name__, "a mapping from names to layers, not empty", fix)
    for name, graph in graphs.items():
        if not isinstance(graph, BipartiteGraph):
            raise InvalidOption(f"graphs[{name!r}]", type(graph).__name__, "a BipartiteGraph, one layer", fix)
    columns = min(columns, len(graphs))
    n_rows = -(-len(graphs) // columns)
    if figure is None:
        figure = plt.figure(figsize=(0.4 + 3.2 * columns, 0.7 + 3.9 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, columns, squeeze=False)
    panels: dict[str, Axes] = {}
    for ax, (name, graph) in zip(grid.flat, graphs.items(), strict=False):
        biadjacency(graph, ax=ax)
        _mark(ax, graph, axis)
        ax.set_title(f"{name}: {100 * zero_vectors(graph, axis=axis):.1f} % zero vectors", fontsize="medium")
        panels[name] = ax
    for ax in grid.flat[len(graphs) :]:
        ax.set_axis_off()
    marked = Patch(facecolor=EMPTY, alpha=0.6, label=f"no edge along '{axis}'")
    figure.legend(handles=[marked], loc="outside lower center", frameon=False, fontsize="small")
    return panels


def _mark(ax: Axes, graph: BipartiteGraph, axis: str) -> None:
    """Draw a bar over every zero vector, from one side of the matrix to the other."""
    empty = np.flatnonzero((graph.fan_out if axis == "out" else graph.fan_in) == 0).astype(float)
    across = np.array([-0.5, (graph.n_out if axis == "out" else graph.n_in) - 0.5])
    low, high = empty - 0.5, empty + 0.5
    along = np.stack([low, low, high, high], axis=1)
    crosswise = np.broadcast_to(across[[0, 1, 1, 0]], along.shape)
    corners = np.stack([crosswise, along] if axis == "out" else [along, crosswise], axis=2)
    ax.add_collection(PolyCollection(list(corners), facecolor=EMPTY, alpha=0.6, linewidth=0, zorder=0.5))


def zero_vector_fractions(
    tables: Mapping[str, pd.DataFrame],
    *,
    quantity: str = "zero_vectors",
    axis: str = "out",
    ax: Axes | None = None,
) -> Axes:
    """Draw the fraction of zero vectors layer by layer, for several rules, above what random placement would have.

    A filled point is the mean over networks with its 95 % interval (Student's t, where there are several); the open bar
    beside it in the same colour is what uniformly random layers of the same sizes and edge counts have, mean and
    1.96 standard deviations of one such layer.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Name of a rule -> `netsparse.metrics.zero_vector_table(...)` of a network it made, or several of them one below
        the other with a column that tells them apart, such as "seed": every row counts as one network.
    quantity : str
        Which quantity of the tables.
    axis : str
        Which axis of the tables.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: one container of error bars per rule for what was measured, one for the baseline.

    Raises
    ------
    InvalidOption
        For something else than a mapping of such tables, and one without rows for this quantity and axis.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.metrics.vector_table import zero_vector_table
    >>> nets = [layered([60, 40, 20], density=0.05, rng=seed) for seed in range(3)]
    >>> ax = zero_vector_fractions({"random": pd.concat([zero_vector_table(net) for net in nets])})
    >>> [label.get_text() for label in ax.get_xticklabels()][:3], len(ax.containers)
    (['0', '1', 'network'], 2)
    """
    chosen = _chosen(tables, quantity, axis)
    layers = list(dict.fromkeys(layer for rows in chosen.values() for layer in rows["layer"]))
    layers = [layer for layer in layers if layer.isdigit()] + [layer for layer in layers if not layer.isdigit()]
    ax = plain(axes(ax, width=2.6 + 0.5 * len(layers) * max(1.0, 0.5 * len(chosen)), height=3.8))
    step = 0.8 / len(chosen)
    for k, ((_, rows), colour) in enumerate(zip(chosen.items(), colours(chosen).values(), strict=True)):
        centre = (k - (len(chosen) - 1) / 2) * step
        numbers = [_measured(rows[rows["layer"] == layer]) for layer in layers if (rows["layer"] == layer).any()]
        places = np.array([layers.index(layer) for layer in layers if (rows["layer"] == layer).any()]) + centre
        mean, half, null_mean, null_half = np.array(numbers).T
        look: dict[str, Any] = {"linestyle": "none", "color": colour}
        ax.errorbar(
            places + 0.18 * step,
            null_mean,
            null_half,
            marker="_",
            markersize=7,
            linewidth=4,
            alpha=0.3,
            zorder=1,
            **look,
        )
        ax.errorbar(
            places - 0.18 * step, mean, half, marker="o", markersize=4, linewidth=1.2, capsize=2, zorder=2, **look
        )
    whole = sum(layer.isdigit() for layer in layers)
    if 0 < whole < len(layers):
        ax.axvline(whole - 0.5, color="0.8", linewidth=0.8)
    ax.set_xticks(range(len(layers)), [layer.replace(" ", "\n") for layer in layers], fontsize="small")
    ax.set(xlabel="layer", ylabel=f"fraction of {quantity.replace('_', ' ')}", xlim=(-0.6, len(layers) - 0.4))
    ax.set_ylim(bottom=0)
    ax.grid(visible=False, axis="x")
    runs = [Line2D([], [], color=colour, linewidth=4, label=name) for name, colour in colours(chosen).items()]
    kinds = [
        Line2D([], [], color="0.3", marker="o", markersize=4, linestyle="none", label="measured, 95 %"),
        Line2D([], [], color="0.3", alpha=0.3, linewidth=4, label="at random, 95 %"),
    ]
    legend_beside(ax, [*runs, *kinds])
    return ax


def _chosen(tables: Any, quantity: str, axis: str) -> dict[str, pd.DataFrame]:
    if not isinstance(tables, Mapping) or not tables:
        expected = "a mapping from names of rules to tables, not empty"
        raise InvalidOption("tables", type(tables).__name__, expected, f"{{'SET': {TABLE}}}")
    columns = ("layer", "axis", "quantity", "value", "null_mean", "null_std")
    chosen: dict[str, pd.DataFrame] = {}
    for name, table in tables.items():
        rows = checked_table(f"tables[{name!r}]", table, columns, TABLE)
        rows = rows[(rows["quantity"] == quantity) & (rows["axis"] == axis)]
        if not len(rows):
            pairs = table[["quantity", "axis"]].drop_duplicates()
            known = [f"{held} along {over}" for held, over in pairs.itertuples(index=False)] or ["those of a table"]
            given = f"no rows of {quantity!r} along {axis!r}"
            fix = f"quantity={table['quantity'].iloc[0]!r}, axis={table['axis'].iloc[0]!r}" if len(table) else TABLE
            raise InvalidOption(f"tables[{name!r}]", given, "one of " + ", ".join(known), fix)
        chosen[name] = rows
    return chosen


def _measured(rows: pd.DataFrame) -> tuple[float, float, float, float]:
    """Return mean and half an interval of what was measured, and of one random layer."""
    values, n = rows["value"].to_numpy(dtype=float), len(rows)
    half = 0.0
    if n > 1:
        half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * float(values.std(ddof=1)) / math.sqrt(n)
    return float(values.mean()), half, float(rows["null_mean"].mean()), 1.96 * float(rows["null_std"].mean())
