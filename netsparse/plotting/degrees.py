"""How many edges units have: the tail over several networks, or both sides of one wiring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter, MaxNLocator

from netsparse.graph import SparseNetwork
from netsparse.metrics.matrices import Graph
from netsparse.plotting.canvas import COLOURS, axes, colours, plain
from netsparse.plotting.sides import as_graph

BINS = 40  # at most


def degree_distribution(networks: Mapping[str, SparseNetwork], *, ax: Axes | None = None) -> Axes:
    """Draw the complementary cumulative distribution of fan-out over all units that feed a sparse layer.

    P(fan-out >= k) against k on logarithmic axes: a straight line would be a power law, a cliff an Erdos-Renyi layer.

    Parameters
    ----------
    networks : mapping of str to SparseNetwork
        Name -> wiring.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into.
    """
    ax = plain(axes(ax))
    for name, colour in colours(networks).items():
        degrees = np.concatenate([layer.fan_out for layer in networks[name].layers])
        counts = np.bincount(degrees)
        at_least = counts[::-1].cumsum()[::-1] / len(degrees)
        k = np.flatnonzero(counts)
        k = k[k > 0]
        size = 4 if len(k) > 1 else 9  # a regular network is one point
        ax.plot(k, at_least[k], ".-", color=colour, markersize=size, linewidth=1.2, drawstyle="steps-pre", label=name)
    ax.set(xlabel="fan-out k, all sparse layers", ylabel="share of units with fan-out >= k", xscale="log", yscale="log")
    ax.xaxis.set_major_formatter(LogFormatter())
    ax.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.6, 0.8)))  # in plain numbers, where there is room
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
    for (side, degrees), colour in zip(pooled.items(), COLOURS, strict=False):
        shares = np.bincount((degrees - low) // width, minlength=len(edges) - 1) / len(degrees)
        ax.stairs(shares, edges, fill=True, facecolor=(colour, 0.3), edgecolor=colour, linewidth=1.2, label=side)
    ax.set(xlabel="degree", ylabel="share of units", xlim=(edges[0] - width, edges[-1] + width), ylim=(0, None))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))  # of half degrees there are none
    ax.legend(frameon=False, fontsize="small")
    return ax
