"""What rewiring does: the edges that stayed, came and went, and how the topology moves as training goes on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from netsparse.errors import unknown_name
from netsparse.graph import BipartiteGraph, diff
from netsparse.plotting.biadjacency import ELONGATED, MARKS, OUTLINE, edge_shares
from netsparse.plotting.canvas import COLOURS, axes, colours, plain
from netsparse.typing import UnitIds

STAYED, CAME, WENT = "#c3c8cf", COLOURS[0], COLOURS[1]
CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


def rewired(before: BipartiteGraph, after: BipartiteGraph, *, legend: bool = True, ax: Axes | None = None) -> Axes:
    """Draw two wirings of a layer on top of each other: edges that stayed grey, that came blue, that went red.

    Inputs from top to bottom, outputs from left to right, as `biadjacency` draws them. Up to 20,000 edges are squares
    one by one; of more, the colour of a cell is the share of its edges that came, from 0 (white) to 1 (blue).

    Parameters
    ----------
    before, after : BipartiteGraph
        Between the same units.
    legend : bool
        Whether to say what the colours mean, and how many edges have each.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into; unit i lies around i on its axis.

    Raises
    ------
    InvalidGraph, InvalidEdges
        If one is no graph, or the two are not between the same units.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> ax = rewired(*(erdos_renyi(30, 20, density=0.1, rng=seed) for seed in (0, 1)))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['9 stayed', '51 came', '51 went']
    """
    delta = diff(before, after)
    ax = axes(ax, width=4.0, height=4.0)
    gone = np.zeros(before.n_edges, dtype=bool)
    gone[delta.removed] = True
    n_stayed = before.n_edges - delta.n_removed
    if before.n_edges + delta.n_added <= MARKS:
        _squares(ax, before.sources[~gone], before.targets[~gone], STAYED)
        _squares(ax, before.sources[gone], before.targets[gone], WENT)
        _squares(ax, delta.added_sources, delta.added_targets, CAME)
    else:
        sizes = before.n_in, before.n_out
        born = edge_shares(delta.added_sources, delta.added_targets, *sizes)
        there = edge_shares(after.sources, after.targets, *sizes)
        share = np.divide(born, there, out=np.zeros_like(born), where=there > 0)
        ax.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0, extent=(-0.5, sizes[1] - 0.5, sizes[0] - 0.5, -0.5))
    ax.set(xlim=(-0.5, before.n_out - 0.5), ylim=(before.n_in - 0.5, -0.5), xlabel="output", ylabel="input")
    is_long = max(before.sizes) >= ELONGATED * min(before.sizes)
    ax.set_aspect("auto" if is_long else "equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    if legend:
        counts = (("stayed", n_stayed, STAYED), ("came", delta.n_added, CAME), ("went", delta.n_removed, WENT))
        marks = [Patch(facecolor=colour, label=f"{count:,} {name}") for name, count, colour in counts]
        ax.legend(
            handles=marks, frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=3
        )
    return ax


def _squares(ax: Axes, sources: UnitIds, targets: UnitIds, colour: str) -> None:
    corners = np.stack([targets, sources], axis=1)[:, None, :] + CORNERS
    look = {"facecolor": colour, "edgecolor": colour, "linewidth": OUTLINE}
    ax.add_collection(PolyCollection(list(corners), snap=False, **look))  # snapped to pixels, some would vanish


def topology_history(
    tables: Mapping[str, pd.DataFrame],
    quantity: str,
    *,
    layer: int | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity of the wiring against the optimizer step, a colour per run.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Name of a run -> `result.topology`, as `netsparse.train.fit` returns it.
    quantity : str
        One of its columns, for instance "itop_rate" or "age_mean".
    layer : int, optional
        Which layer; None draws the mean over all layers.
    legend : bool
        Whether to say which run has which colour.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into.

    Raises
    ------
    UnknownName
        For something that is no column.
    """
    ax = plain(axes(ax))
    for name, colour in colours(tables).items():
        table = tables[name]
        if quantity not in table:
            raise unknown_name("quantity", quantity, table.columns)
        rows = table if layer is None else table[table["layer"] == layer]
        line = rows.groupby("step")[quantity].mean()
        ax.plot(line.index, line, "-", color=colour, linewidth=1.6, marker="o" if len(line) <= 40 else "", markersize=3)
        ax.lines[-1].set_label(name)
    ax.set(xlabel="optimizer step", ylabel=quantity.replace("_", " "))
    if legend:
        ax.legend(frameon=False, fontsize="small")
    return ax
