"""Sums over all input-output paths of a product along the path, in numbers that no depth can overflow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.metrics.matrices import Graph
from netsparse.typing import EdgeVector, Float, Int, UnitIds

NOTHING_BESIDE = -2000  # a term smaller by this power of two does not change a sum of floats


def steps(graph: Graph) -> Iterator[tuple[UnitIds, BipartiteGraph]]:
    """Yield for each layer the unit of the level below that each edge leaves, and the layer.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> [(units.tolist(), layer.n_out) for units, layer in steps(complete(2, 1))]
    [([0, 1], 1)]
    """
    joints = (None, *getattr(graph, "joints", ()))
    for layer, joint in zip(graph.layers, joints, strict=True):
        yield (layer.sources if joint is None else joint[layer.sources]), layer


def path_sums(
    graph: Graph, values: tuple[EdgeVector, ...], start: Float[np.ndarray, "input"]
) -> tuple[Float[np.ndarray, "output"], Int[np.ndarray, "output"]]:
    """Sum over the paths into each output `start` at the input times the values along the path.

    The sums are size * 2^power, with size 0 or in [0.5, 1): floats with an exponent of their own, which neither
    overflow nor underflow. One sweep over the levels, O(edges).

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> size, power = path_sums(complete(3, 1), (np.full(3, 1e300),), np.full(3, 1e300))
    >>> round(float(log_of(size, power)[0] / np.log(10)), 6)
    600.477121
    """
    size, power = np.frexp(start)
    power = power.astype(np.int64)
    for (units, layer), value in zip(steps(graph), values, strict=True):
        fraction, shift = np.frexp(value)
        part, part_power = size[units] * fraction, power[units] + shift
        alive = part > 0
        part, part_power, targets = part[alive], part_power[alive], layer.targets[alive]
        # each target adds up in units of its own largest power of two
        largest = np.full(layer.n_out, np.iinfo(np.int64).min)
        np.maximum.at(largest, targets, part_power)
        shift = np.maximum(part_power - largest[targets], NOTHING_BESIDE).astype(np.int32)
        size, shift = np.frexp(np.bincount(targets, np.ldexp(part, shift), minlength=layer.n_out))
        power = np.where(size > 0, largest + shift, 0)
    return size, power


def log_sum(size: Float[np.ndarray, "unit"], power: Int[np.ndarray, "unit"]) -> float:
    """Natural logarithm of the sum of size * 2^power; -inf where all are 0.

    Examples
    --------
    >>> round(float(log_sum(np.array([0.5, 0.5, 0.0]), np.array([2000, 2000, 0])) / np.log(2)), 6)
    2000.0
    """
    size, power = size[size > 0], power[size > 0]
    if len(size) == 0:
        return -math.inf
    largest = power.max()
    total = np.ldexp(size, np.maximum(power - largest, NOTHING_BESIDE).astype(np.int32)).sum()
    return float(log_of(total, largest))


def log_of(size: Any, power: Any) -> Any:
    """Natural logarithm of size * 2^power, to the last digit where that number is a float.

    Examples
    --------
    >>> float(log_of(0.75, 2)) == float(np.log(3.0))
    True
    """
    whole = np.abs(power) < 1000
    near = np.log(np.ldexp(size, np.where(whole, power, 0).astype(np.int32)))
    return np.where(whole, near, np.log(size) + power * math.log(2))
