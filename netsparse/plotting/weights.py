"""How weights are spread over the edges, and what a probe or a training did to weights and degrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from netsparse.errors import InvalidOption
from netsparse.graph import SparseNetwork
from netsparse.plotting.canvas import axes, colours, plain
from netsparse.plotting.degrees import degree_distribution
from netsparse.typing import EdgeVector

BINS = 61  # odd: zero has a bin of its own in the middle
FIX = "{'before': result.weights, 'after': weights}"


def weight_distribution(
    weights: Mapping[str, Any], *, bins: int = BINS, log: bool = True, ax: Axes | None = None
) -> Axes:
    """Draw the share of edges by weight, all layers pooled, an outline per set of weights.

    The bins are the same for all sets, lie symmetrically around 0 and reach to the largest |w| of all, so that a
    change of signs is a mirror image and no weight is left out.

    Parameters
    ----------
    weights : mapping of str to edge vector, or sequence of edge vectors
        Name -> the weights of a layer, or of a network as one vector per layer, such as `result.weights`.
    bins : int
        Number of bins, odd, at least 3: the middle one holds 0.
    log : bool
        Whether shares are on a logarithmic axis, on which the tails can be seen.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into: outlines whose heights add up to 1.

    Raises
    ------
    InvalidOption
        For something else than a mapping of real, finite vectors, and for an impossible number of bins.

    Examples
    --------
    >>> before, after = np.array([-1.0, 0.1, 1.0]), (np.array([1.0]), np.zeros(3))
    >>> ax = weight_distribution({"before": before, "after": after}, bins=3)
    >>> [outline.get_data().values.round(2).tolist() for outline in ax.patches]
    [[0.33, 0.33, 0.33], [0.0, 0.75, 0.25]]
    """
    if not isinstance(bins, int | np.integer) or isinstance(bins, bool) or bins < 3 or bins % 2 == 0:
        raise InvalidOption("bins", repr(bins), "an odd number of at least 3", f"bins={BINS}")
    if not isinstance(weights, Mapping):
        raise InvalidOption("weights", type(weights).__name__, "a mapping from names to edge vectors", FIX)
    pooled = {name: _pooled(name, given) for name, given in weights.items()}
    largest = max((float(np.abs(values).max()) for values in pooled.values() if len(values)), default=0.0) or 1.0
    edges = np.linspace(-largest, largest, bins + 1)
    ax = plain(axes(ax))
    for place, (name, colour) in enumerate(colours(pooled).items()):
        shares = np.histogram(pooled[name], edges)[0] / max(len(pooled[name]), 1)
        dashes = (0, (3, 1.5)) if place % 2 else "-"  # what lies under an equal outline can be seen
        look = {"facecolor": (colour, 0.15), "edgecolor": colour, "linestyle": dashes, "linewidth": 1.4}
        ax.stairs(shares, edges, fill=True, label=name, **look)
    ax.set(xlabel="weight", ylabel="share of edges", xlim=(-1.03 * largest, 1.03 * largest))
    if log and any(len(values) for values in pooled.values()):
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, None)
    if pooled:
        ax.legend(frameon=False, fontsize="small")
    return ax


def before_and_after(
    before: Any,
    after: Any,
    *,
    names: tuple[str, str] = ("before", "after"),
    figure: Figure | SubFigure | None = None,
) -> dict[str, Axes]:
    """Draw what a probe or a training changed, in one row: fan-out, fan-in, weights.

    Parameters
    ----------
    before, after : (SparseNetwork, weights)
        A wiring with its weights, one edge vector per layer: what `Probe.perturb` takes and returns, or
        `(result.network, result.weights)`.
    names : (str, str)
        What the legends call them.
    figure : Figure or SubFigure, optional
        Where to draw; a new one if not given.

    Returns
    -------
    dict of str to Axes
        "fan_out", "fan_in" and "weights".

    Raises
    ------
    InvalidOption
        For something else than pairs of a network and weights.
    InvalidEdgeVector
        For weights that do not fit the edges.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> net = layered([20, 30, 10], density=0.2, rng=0)
    >>> weights = [np.ones(layer.n_edges) for layer in net.layers]
    >>> list(before_and_after((net, weights), (net, [-w for w in weights])))
    ['fan_out', 'fan_in', 'weights']
    """
    if not isinstance(names, tuple | list) or not len(names) == len(set(names)) == 2:
        raise InvalidOption("names", repr(names), "two different names", "names=('before', 'after')")
    pairs = {names[0]: _wired("before", before), names[1]: _wired("after", after)}
    if figure is None:
        figure = plt.figure(figsize=(10.5, 3.3), layout="constrained")
    fan_out, fan_in, weights = figure.subplots(1, 3)
    networks = {name: network for name, (network, _) in pairs.items()}
    degree_distribution(networks, side="out", ax=fan_out)
    degree_distribution(networks, side="in", ax=fan_in)
    weight_distribution({name: vectors for name, (_, vectors) in pairs.items()}, ax=weights)
    for ax in (fan_in, weights):
        if legend := ax.get_legend():
            legend.remove()  # one says it for the row
    return {"fan_out": fan_out, "fan_in": fan_in, "weights": weights}


def _pooled(name: str, given: Any) -> EdgeVector:
    expected = "an edge vector, or one per layer, of finite numbers"
    vectors = [given] if isinstance(given, np.ndarray) else given
    try:
        parts = [np.asarray(vector) for vector in vectors]
    except (TypeError, ValueError, RuntimeError):  # a tensor that needs its gradient says so by a RuntimeError
        raise InvalidOption(f"weights[{name!r}]", type(given).__name__, expected, FIX) from None
    bad = [part for part in parts if part.ndim != 1 or part.dtype.kind not in "fiu" or not np.isfinite(part).all()]
    if bad:
        kind = "values that are not finite" if bad[0].dtype.kind == "f" and bad[0].ndim == 1 else f"{bad[0].dtype}"
        given = kind if bad[0].ndim == 1 else f"an array of shape {bad[0].shape}"
        raise InvalidOption(f"weights[{name!r}]", given, expected, FIX)
    return np.concatenate([np.zeros(0), *parts])


def _wired(side: str, given: Any) -> tuple[SparseNetwork, tuple[EdgeVector, ...]]:
    if not isinstance(given, tuple | list) or len(given) != 2 or not isinstance(given[0], SparseNetwork):
        expected = "a pair of a SparseNetwork and its weights"
        raise InvalidOption(side, type(given).__name__, expected, f"{side}=(result.network, result.weights)")
    network, weights = given
    return network, network.edge_vectors(weights)
