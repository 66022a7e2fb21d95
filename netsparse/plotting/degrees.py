"""How many edges the units of a network have, before and after training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from netsparse.graph import SparseNetwork
from netsparse.plotting.canvas import axes, colours, plain


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
