"""Where a plot goes, and how it looks: axes on demand, one colour per run."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

COLOURS = (
    "#1b6ca8", "#d1495b", "#8d96a3", "#edae49", "#66a182", "#5c4d7d", "#4fb3d9", "#b0578d", "#7a5c3e", "#1f2d3d",
)  # fmt: skip


def axes(ax: Axes | None, *, width: float = 6.4, height: float = 4.0) -> Axes:
    """Return `ax`, or the axes of a new figure of the given size in inches."""
    return ax if ax is not None else plt.subplots(figsize=(width, height), layout="constrained")[1]


def colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each name, the same one for the same position in every figure."""
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}


def plain(ax: Axes) -> Axes:
    """Take away the frame's top and right side and add a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax
