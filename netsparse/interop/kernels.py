"""Where inside a convolution's kernel an edge leaves from: the place of each patch entry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.graph import SparseNetwork
from netsparse.typing import UnitIds

KERNEL_COLUMNS = ("kernel_depth", "kernel_row", "kernel_col")
"""Edge attributes of convolutions; a kernel of fewer axes has the last ones."""

KernelShapes = tuple[tuple[int, ...] | None, ...]
"""For each layer the shape of its kernel, None for a linear layer."""


def checked_kernels(network: SparseNetwork, kernels: Any) -> KernelShapes:
    """Return the kernel shape of every layer; None stands for linear layers throughout.

    Raises
    ------
    InvalidOption
        If there is not one entry per layer, or an entry is no shape whose size divides the layer's inputs.
    """
    if kernels is None:
        return (None,) * len(network.layers)
    rows = list(kernels) if np.iterable(kernels) else []
    fix = "kernels=kernel_shapes(model)"
    if len(rows) != len(network.layers):
        raise InvalidOption("kernels", repr(kernels), f"one shape or None per layer ({len(network.layers)})", fix)
    shapes: list[tuple[int, ...] | None] = []
    for k, (row, graph) in enumerate(zip(rows, network.layers, strict=True)):
        shape = None if row is None else tuple(row) if np.iterable(row) else (row,)
        if shape is not None and not _fits(shape, graph.n_in):
            expected = f"None, or one to three whole numbers whose product divides the {graph.n_in} inputs"
            raise InvalidOption(f"kernels[{k}]", repr(row), expected, fix)
        shapes.append(shape)
    return tuple(shapes)


def n_axes(kernels: KernelShapes) -> int:
    """Return the largest number of axes of a kernel, 0 where there is none."""
    return max((len(shape) for shape in kernels if shape is not None), default=0)


def kernel_places(inputs: UnitIds, shape: tuple[int, ...] | None) -> dict[str, UnitIds]:
    """Return, by the names of `KERNEL_COLUMNS`, where in the kernel each input of a layer lies.

    Input i of a kernel of shape (rows, cols) is entry (row, col) of channel c: i = (c * rows + row) * cols + col.
    """
    if shape is None:
        return {}
    places = np.unravel_index(inputs % math.prod(shape), shape)
    return dict(zip(KERNEL_COLUMNS[-len(shape) :], places, strict=True))


def _fits(shape: tuple[Any, ...], n_in: int) -> bool:
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 1 for n in shape)
    return whole and len(shape) in (1, 2, 3) and n_in % math.prod(shape) == 0
