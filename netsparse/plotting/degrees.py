"""How many edges units have: the tail over several networks, or both sides of one wiring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter, MaxNLocator

from netsparse.errors import InvalidOption, unknown_name
from netsparse.metrics.degree import degrees
from netsparse.metrics.matrices import Graph
from netsparse.plotting.canvas import COLOURS, axes, colours, plain
from netsparse.plotting.sides import as_graph

BINS = 40  # at most
DEGREE = {"out": "fan-out", "in": "fan-in", "all": "degree"}


def degree_distribution(networks: Mapping[str, Graph], *, side: str = "out", ax: Axes | None = None) -> Axes:
    """Draw the complementary cumulative distribution of the degree over all units, a line per network.

    P(degree >= k) against k on logarithmic axes: a straight line would be a power law, a cliff an Erdos-Renyi layer.
    Several names show several networks, or one before and after a training or a probe.

    Parameters
    ----------
    networks : mapping of str to SparseNetwork or BipartiteGraph
        Name -> wiring.
    side : {"out", "in", "all"}
        Whose degrees, as in `netsparse.metrics.degrees`: fan-out over all units that feed a sparse layer, fan-in over
        all that are fed by one, or the edges into and out of every unit.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: a line per name through the degrees that occur. Isolated units count in the share and have
        no point.

    Raises
    ------
    InvalidOption
        For something else than a mapping of wirings.
    UnknownName
        For another side.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 0, 0, 1], [0, 1, 2, 0], n_in=4, n_out=3)
    >>> ax = degree_distribution({"net": graph}, side="in")
    >>> ax.lines[0].get_xdata().tolist(), ax.lines[0].get_ydata().round(2).tolist()
    ([1, 2], [1.0, 0.33])
    """
    if not isinstance(networks, Mapping):
        expected = "a mapping from names to networks"
        raise InvalidOption("networks", type(networks).__name__, expected, "{'SET': result.network}")
    if side not in DEGREE:
        raise unknown_name("side", side, DEGREE)
    ax = plain(axes(ax))
    for place, (name, colour) in enumerate(colours(networks).items()):
        found = degrees(as_graph(networks[name]), side=side)
        counts = np.bincount(found)
        at_least = counts[::-1].cumsum()[::-1] / len(found)
        k = np.flatnonzero(counts)
        k = k[k > 0]
        size = 4 if len(k) > 1 else 9  # a regular network is one point
        dashes = (0, (3, 1.5)) if place % 2 else "-"  # what lies under an equal line can be seen
        look = {"marker": ".", "markersize": size, "linewidth": 1.2, "linestyle": dashes, "drawstyle": "steps-pre"}
        ax.plot(k, at_least[k], color=colour, label=name, **look)
    label = DEGREE[side]
    ax.set(xlabel=f"{label} k, all sparse layers", ylabel=f"share of units with {label} >= k")
    if not any(np.size(line.get_xdata()) for line in ax.lines):
        ax.set(xlim=(0.9, 10.0), ylim=(0.1, 1.1))  # nothing to scale logarithmic axes by
    ax.set(xscale="log", yscale="log")
    ax.xaxis.set_major_formatter(LogFormatter())
    ax.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.6, 0.8)))  # in plain numbers, where there is room
    if len(networks):
        ax.legend(frameon=False, fontsize="small")
    return ax


def degree_histogram(graph: Graph, *, ax: Axes | None = None) -> Axes:
    """Draw the share of units by degree: fan-out over the sources, fan-in over the targets, isolated units included.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; the layers of a network are pooled.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: a filled outline per side, whose heights add up to 1. Both have the same bins, each as
        wide as a whole number of degrees, at most 40 of them.

    Raises
    ------
    InvalidOption
        If `graph` is neither a layer nor a network.

    Examples
    --------
    >>> from netsparse.generators import constant_fan_in
    >>> ax = degree_histogram(constant_fan_in(100, 100, fan_in=8, rng=0))
    >>> fan_out, fan_in = [outline.get_data() for outline in ax.patches]
    >>> float(fan_in.edges[fan_in.values.argmax()]), float(fan_in.values.max())
    (7.5, 1.0)
    """
    layers = as_graph(graph).layers
    pooled = {
        "fan-out": np.concatenate([layer.fan_out for layer in layers]),
        "fan-in": np.concatenate([layer.fan_in for layer in layers]),
    }
    low, high = min(d.min() for d in pooled.values()), max(d.max() for d in pooled.values())
    width = -(-(high - low + 1) // BINS)
    edges = np.arange(low, high + width + 1, width) - 0.5  # the last bin may reach past the largest degree
    ax = plain(axes(ax))
    for (side, found), colour in zip(pooled.items(), COLOURS, strict=False):
        shares = np.bincount((found - low) // width, minlength=len(edges) - 1) / len(found)
        ax.stairs(shares, edges, fill=True, facecolor=(colour, 0.3), edgecolor=colour, linewidth=1.2, label=side)
    ax.set(xlabel="degree", ylabel="share of units", xlim=(edges[0] - width, edges[-1] + width), ylim=(0, None))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))  # of half degrees there are none
    ax.legend(frameon=False, fontsize="small")
    return ax
