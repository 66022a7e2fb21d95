"""Where a network looks: the fan-out of every input pixel, as an image."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from netsparse.graph import SparseNetwork
from netsparse.plotting.canvas import axes


def input_fan_out(
    network: SparseNetwork,
    shape: tuple[int, ...],
    *,
    title: str = "",
    largest: float | None = None,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the number of edges that leave each input unit, laid out as the image it came from.

    Parameters
    ----------
    network : SparseNetwork
        Its first level is the image's pixels.
    shape : tuple of int
        Shape of one image: (height, width), or (channels, height, width), whose channels are added up; any other shape
        is drawn as one row.
    title : str
        What stands above.
    largest : float, optional
        Top of the colour scale, to compare pictures.
    colorbar : bool
        Whether to draw the scale; one is enough for pictures with the same `largest`.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The axes drawn into.
    """
    ax = axes(ax, width=3.4, height=3.4)
    fan_out = np.asarray(network.layers[0].fan_out)
    fits = int(np.prod(shape)) == len(fan_out)
    image = fan_out.reshape(shape) if fits and len(shape) in (2, 3) else fan_out.reshape(1, -1)
    image = image.sum(axis=0) if image.ndim == 3 else image
    drawn = ax.imshow(
        image, cmap="magma", vmin=0, vmax=largest, interpolation="nearest", aspect="equal" if len(image) > 1 else "auto"
    )
    ax.set(xticks=[], yticks=[], title=title)
    if colorbar:
        ax.figure.colorbar(drawn, ax=ax, shrink=0.8, label="fan-out")
    return ax
