"""Which vector of the weight tensor each edge lies in, along any axis: of the matrix, and of a kernel of four axes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.typing import Int

MATRIX_AXES = ("out", "in")
KERNEL_AXES = ("in_channel", "kernel_row", "kernel_col", "kernel")
VECTOR_AXES = MATRIX_AXES + KERNEL_AXES
"""What vectors may run over; the last four only in convolutions."""


class Vectors(NamedTuple):
    """The vectors of a layer along one axis; together they hold every pair once.

    Parameters
    ----------
    n_vectors, length : int
        How many there are, and how many pairs each holds.
    of_edge : int array of shape (n_edges,)
        The vector that each edge lies in, from 0 to n_vectors - 1.
    """

    n_vectors: int
    length: int
    of_edge: Int[np.ndarray, "edge"]


def vectors_along(graph: BipartiteGraph, axis: str, kernel_size: tuple[int, int] | None = None) -> Vectors:
    """Return the vectors of a layer along an axis.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring of one layer.
    axis : str
        What a vector runs over while everything else is fixed: "out", all targets of one source unit; "in", all sources
        of one target. In a convolution, whose source unit is (channel * height + row) * width + column: "in_channel",
        all channels at one place of the patch; "kernel_row" and "kernel_col", the rows and the columns of the patch of
        one pair of channels; "kernel", all its places.
    kernel_size : (int, int), optional
        Height and width of the patch of a convolution.

    Raises
    ------
    UnknownName
        For another axis.
    InvalidOption
        For an axis of kernels without a kernel size, or one whose places do not divide the source units.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 4, 13], [0, 0, 1], n_in=18, n_out=4)  # two channels, patches of 3 x 3
    >>> vectors_along(graph, "out").of_edge.tolist(), vectors_along(graph, "kernel", (3, 3)).of_edge.tolist()
    ([0, 4, 13], [0, 0, 3])
    >>> vectors_along(graph, "in_channel", (3, 3))[:2], vectors_along(graph, "kernel_row", (3, 3))[:2]
    ((36, 2), (24, 3))
    """
    check_vector_axis(axis)
    sources, targets = graph.sources.astype(np.int64), graph.targets.astype(np.int64)
    if axis == "out":
        return Vectors(graph.n_in, graph.n_out, sources)
    if axis == "in":
        return Vectors(graph.n_out, graph.n_in, targets)
    height, width = _patch(kernel_size, graph.n_in, axis)
    n_places, n_channels = height * width, graph.n_in // (height * width)
    places = sources % n_places
    if axis == "in_channel":
        return Vectors(graph.n_out * n_places, n_channels, targets * n_places + places)
    kernels = targets * n_channels + sources // n_places
    n_kernels = graph.n_out * n_channels
    if axis == "kernel_row":
        return Vectors(n_kernels * width, height, kernels * width + places % width)
    if axis == "kernel_col":
        return Vectors(n_kernels * height, width, kernels * height + places // width)
    return Vectors(n_kernels, n_places, kernels)


def check_vector_axis(axis: object) -> None:
    """Raise `UnknownName` for an axis that is none of `VECTOR_AXES`."""
    if not isinstance(axis, str) or axis not in VECTOR_AXES:
        raise unknown_name("axis", axis, VECTOR_AXES)


def _patch(kernel_size: tuple[int, int] | None, n_in: int, axis: str) -> tuple[int, int]:
    sides = tuple(kernel_size) if isinstance(kernel_size, tuple | list) else ()
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) and side >= 1 for side in sides)
    if len(sides) != 2 or not whole or n_in % (int(sides[0]) * int(sides[1])):
        expected = f"(height, width) whose product divides the {n_in} source units, for axis {axis!r}"
        raise InvalidOption("kernel_size", repr(kernel_size), expected, "kernel_size=(3, 3), or axis='out'")
    return int(sides[0]), int(sides[1])
