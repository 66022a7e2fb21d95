"""`vgg`: the wiring of a VGG network, convolutions and linear layers, with densities by a published rule or our own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidDensity, InvalidOption, InvalidSize, NoEdges, unknown_name
from netsparse.generators.budget import as_density
from netsparse.generators.layered import LayerGenerator, checked_generators, drawn
from netsparse.generators.proportional import proportional_counts
from netsparse.graph import SparseNetwork
from netsparse.graph.checks import as_size
from netsparse.rng import spawn
from netsparse.typing import Seed, UnitIds

BLOCKS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions of each block, by the number of layers; between two blocks the image is halved."""

CHANNELS, HIDDEN = (64, 128, 256, 512, 512), 256
"""Channels of each block, and units of the two hidden linear layers, at width 1."""

PLACES = 9
"""Of a patch of 3 x 3."""


def vgg(
    depth: int = 11,
    *,
    density: float,
    width: float = 1.0,
    shape: Sequence[int] = (3, 32, 32),
    n_classes: int = 10,
    allocation: str | None = None,
    generator: str | LayerGenerator = "erdos_renyi",
    rng: Seed,
    **parameters: Any,
) -> SparseNetwork:
    """Draw the wiring of a VGG network for small images: 3 x 3 convolutions in five blocks, then three linear layers.

    Blocks of 64, 128, 256, 512 and 512 channels, the image halved between two of them (not behind the last one), then
    channels * height * width -> 256 -> 256 -> n_classes. A source unit of a convolution is a place (channel, row,
    column) of a patch; joints say which unit is behind each. An image of one pixel a side is not halved any more.

    Parameters
    ----------
    depth : {11, 13, 16, 19}
        Number of layers.
    density : float
        Of all layers together, in (0, 1]: the budget is int(density * all pairs).
    width : float
        Factor on the channels and on the hidden linear layers, rounded, at least one unit.
    shape : (channels, height, width)
        Of an image; (height, width) is one of one channel.
    n_classes : int
        Units of the last layer.
    allocation : {"published", "scaled", "uniform", "erk"}, optional
        How dense each layer is.

        "published": the rule of Ozdenizci and Legenstein: 0.6 for the first two convolutions and the last layer, 0.2
        for the next two convolutions, density / 2 for all others. Below the budget mostly: their rule, Bayesian
        connectivity sampling, adds the rest in its first step. A start above the budget is an error.
        "scaled": the same proportions, multiplied by one factor so that the edges are exactly the budget (ours).
        "uniform": the same density everywhere. "erk": proportional to the sum of the four sides of the kernel over
        their product. Both exactly the budget.

        None: "published" for 16 layers, where it is, and "scaled" for others, for which nothing is published and whose
        budget it may exceed: at 1 % by more than twice for 11 layers.
    generator : str or callable
        Draws each layer, see `layered`.
    rng : int or numpy.random.Generator
        Each layer draws from its own child generator.
    **parameters
        Handed to the generator of every layer.

    Returns
    -------
    SparseNetwork
        With joints; `netsparse.nn.VGG` makes a model of it.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidDensity, NoEdges, UnknownName, InvalidSeed
        For impossible options, a start above the budget, and a layer that would have no edge.

    References
    ----------
    Simonyan, Zisserman, Very deep convolutional networks, arXiv:1409.1556, for the convolutions; head, densities and
    the missing last pooling are those of the code of Ozdenizci, Legenstein, Training adversarially robust sparse
    networks via Bayesian connectivity sampling, ICML 2021, PMLR 139:8314-8324.

    Examples
    --------
    >>> vgg(16, density=0.01, rng=0).n_edges, vgg(16, density=1, rng=0).n_edges
    (144124, 15302848)
    >>> vgg(11, density=0.01, width=0.25, rng=0)
    SparseNetwork(27-16-32-64-64-128-128-128-128-64-64-10, 6,139 edges, density 0.01)
    """
    if depth not in tuple(BLOCKS):  # whatever is given, one that cannot be hashed too
        raise InvalidOption("depth", repr(depth), "one of " + ", ".join(map(str, BLOCKS)), "depth=11")
    density = as_density(density)
    sides = _sides(depth, as_width(width), as_image_shape(shape), as_size("n_classes", n_classes))
    chosen = ("published" if depth == 16 else "scaled") if allocation is None else allocation
    if chosen not in tuple(VGG_ALLOCATIONS):
        raise unknown_name("allocation", chosen, VGG_ALLOCATIONS)
    full = [math.prod(side) for side in sides]
    counts = full if density == 1.0 else _counts(depth, density, sides, chosen)
    draws = checked_generators("complete" if density == 1.0 else generator, parameters, len(sides))
    children = spawn(rng, len(sides), purpose="wiring")
    layers = [
        drawn(draw, *side, count, child, parameters)
        for draw, side, count, child in zip(draws, sides, counts, children, strict=True)
    ]
    return SparseNetwork(layers, [in_a_row(below[1], above[0]) for below, above in itertools.pairwise(sides)])


def as_image_shape(shape: Any) -> tuple[int, int, int]:
    """Return (channels, height, width), one channel where only height and width are given; raises `InvalidSize`."""
    sides: tuple[Any, ...] = tuple(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else (shape,)
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) and side >= 1 for side in sides)
    if len(sides) not in (2, 3) or not whole:
        fix = "shape=(3, 32, 32)"
        raise InvalidSize("shape", repr(shape), "(channels, height, width) or (height, width) of an image", fix)
    channels, height, width = (1, *sides) if len(sides) == 2 else sides
    return int(channels), int(height), int(width)


def as_width(width: Any) -> float:
    """Return the factor on all widths; raises `InvalidOption`."""
    if not isinstance(width, Real) or isinstance(width, bool) or not 0.0 < float(width) <= 16.0:
        raise InvalidOption("width", repr(width), "a factor above 0, at most 16", "width=0.25")
    return float(width)


def halvings(depth: int, height: int, width: int) -> list[bool]:
    """Return, for each block of convolutions, whether the image is halved behind it."""
    halved: list[bool] = []
    for _ in BLOCKS[depth][:-1]:
        halved.append(min(height, width) > 1)
        if halved[-1]:
            height, width = height // 2, width // 2
    return [*halved, False]


def _sides(depth: int, width: float, shape: tuple[int, int, int], n_classes: int) -> list[tuple[int, int]]:
    """Return n_in and n_out of every layer."""
    channels, height, across = shape
    sides: list[tuple[int, int]] = []
    for n_convolutions, n_channels, halved in zip(
        BLOCKS[depth], CHANNELS, halvings(depth, height, across), strict=True
    ):
        out = max(1, round(width * n_channels))
        for _ in range(n_convolutions):
            sides.append((channels * PLACES, out))
            channels = out
        if halved:
            height, across = height // 2, across // 2
    hidden = max(1, round(width * HIDDEN))
    return [*sides, (channels * height * across, hidden), (hidden, hidden), (hidden, n_classes)]


def in_a_row(n_units: int, n_inputs: int) -> UnitIds | None:
    """Return the joint of two layers where the inputs of a unit follow each other, in patches and flattened images.

    None where the inputs are the units.

    Examples
    --------
    >>> in_a_row(2, 6), in_a_row(2, 2)
    (array([0, 0, 0, 1, 1, 1]), None)
    """
    return None if n_units == n_inputs else np.repeat(np.arange(n_units), n_inputs // n_units)


def _counts(depth: int, density: float, sides: list[tuple[int, int]], allocation: str) -> list[int]:
    pairs = np.array([math.prod(side) for side in sides], dtype=np.int64)
    budget = int(density * int(pairs.sum()))
    relative = np.array(VGG_ALLOCATIONS[allocation](density, sides))
    if allocation == "published":
        counts = [int(share * n) for share, n in zip(relative.tolist(), pairs.tolist(), strict=True)]
        if sum(counts) > budget:
            given = f"a start of {sum(counts)} edges by the published rule"
            expected = f"at most the {budget} of density {density:g}"
            raise InvalidDensity("allocation", given, expected, "allocation='scaled' or a higher density")
    else:
        counts = proportional_counts(budget, relative, pairs).tolist()
    if not all(counts):
        k = counts.index(0)
        given = f"{density:g}, which leaves layer {k} ({sides[k][0]} -> {sides[k][1]}) without edges"
        raise NoEdges("density", given, "at least one edge in every layer", "a higher density or a larger width")
    return counts


def _published(density: float, sides: list[tuple[int, int]]) -> list[float]:
    n_convolutions = len(sides) - 3
    relative = [0.5 * density] * len(sides)
    for k, value in enumerate((0.6, 0.6, 0.2, 0.2)[:n_convolutions]):
        relative[k] = value
    return [*relative[:-1], 0.6]


def _uniform(density: float, sides: list[tuple[int, int]]) -> list[float]:
    return [1.0] * len(sides)


def _erk(density: float, sides: list[tuple[int, int]]) -> list[float]:
    kernels = [(n_in // PLACES, n_out, 3, 3) for n_in, n_out in sides[:-3]]
    return [sum(shape) / math.prod(shape) for shape in (*kernels, *sides[-3:])]


VGG_ALLOCATIONS: dict[str, Callable[[float, list[tuple[int, int]]], list[float]]] = {
    "published": _published,
    "scaled": _published,
    "uniform": _uniform,
    "erk": _erk,
}
"""Relative densities of the layers, by name."""
