"""From columns back to a network: every check a foreign format needs, written once.

Units are known by their `layer` and `index` attributes, never by their names or their order, because other tools
rename and reorder. A whole number may come as a float (igraph has no other numbers).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netsparse.errors import NetsparseError
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.typing import EdgeVector, UnitIds

LARGEST = 2**53
"""Whole numbers beyond this one are not exact as floats, and no unit has them."""

Weights = tuple[EdgeVector, ...]
Joints = list[UnitIds | None]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where columns come from: how its errors begin, which class they have and what they suggest."""

    subject: str
    error: type[NetsparseError]
    fix: str

    def bad(self, given: str, expected: str, fix: str | None = None) -> NetsparseError:
        """Return the error for something found there."""
        return self.error(self.subject, given, expected, fix or self.fix)


@dataclass(frozen=True, slots=True)
class EdgeColumns:
    """Edges between positions in the columns of units.

    `weights`, `signs` and `inputs` have one float per edge, NaN where the edge has none, or are None where no edge
    has one. An edge that is not directed runs from the lower to the higher layer.
    """

    tails: UnitIds
    heads: UnitIds
    directed: bool | np.ndarray = True
    weights: EdgeVector | None = None
    signs: EdgeVector | None = None
    inputs: EdgeVector | None = None


def check_type(origin: Origin, value: object, kind: type) -> None:
    """Refuse a foreign object that is not of the type the door is for."""
    if not isinstance(value, kind):
        package = kind.__module__.partition(".")[0]
        raise origin.bad(f"an object of type {type(value).__name__}", f"{package}.{kind.__name__}")


def network_from_columns(
    origin: Origin, levels: UnitIds, indices: UnitIds, edges: EdgeColumns, joints: Joints | None = None
) -> tuple[SparseNetwork, Weights | None]:
    """Return the network and its weights (None where no edge has one).

    Raises
    ------
    NetsparseError
        Of the origin's class, if levels or indices repeat or have gaps, if an edge repeats, skips a layer or runs
        backwards, if only some edges have a weight, if a sign contradicts its weight, if joints do not fit.
    """
    sizes = _sizes(origin, levels, indices)
    if joints is not None:
        _check_joints(origin, joints, sizes)
    tails, heads = _oriented(origin, levels, indices, edges)
    layer, sources, targets = levels[tails], indices[tails], indices[heads]
    names = _Names(layer, sources, targets)
    weights = _weights(origin, edges, names)
    if joints is not None:
        sources = _inputs(origin, edges.inputs, joints, layer, sources, names)
    order = np.lexsort((sources, targets, layer))
    layer, sources, targets = layer[order], sources[order], targets[order]
    _check_unique(origin, layer, sources, targets, names, order)
    n_inputs = list(sizes[:-1])
    for k, joint in enumerate(joints or ()):
        n_inputs[k + 1] = sizes[k + 1] if joint is None else len(joint)
    bounds = np.searchsorted(layer, np.arange(len(sizes)))
    layers: list[BipartiteGraph] = []
    for k, n_in in enumerate(n_inputs):
        rows = slice(bounds[k], bounds[k + 1])
        keys = targets[rows] * n_in + sources[rows]
        layers.append(BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=sizes[k + 1]))
    network = SparseNetwork(layers, joints)
    if weights is None:
        return network, None
    values = weights[order]
    return network, tuple(values[bounds[k] : bounds[k + 1]].copy() for k in range(len(layers)))


def whole_column(
    origin: Origin, what: str, values: Sequence[Any] | np.ndarray, name: Callable[[int], str]
) -> np.ndarray:
    """Return a column of whole numbers of at least 0 as int64; `name(row)` is how an error calls a row."""
    array = _as_array(values)
    if array.dtype.kind in "iuf" and bool(((array >= 0) & (array < LARGEST) & (array == np.floor(array))).all()):
        return array.astype(np.int64)
    rows = values.tolist() if isinstance(values, np.ndarray) else values
    for row, value in enumerate(rows):
        if not _is_real(value) or not 0 <= value < LARGEST or value != int(value):
            raise not_whole(origin, what, value, name(row))
    return np.array([int(value) for value in rows], dtype=np.int64)


def real_column(
    origin: Origin, what: str, values: Sequence[Any] | np.ndarray | None, name: Callable[[int], str]
) -> np.ndarray | None:
    """Return a column of numbers as float64, NaN where it holds None; None where there is no such column.

    A NaN it holds already counts as None, as it does in igraph and pandas; `refuse_nan` is for formats that can leave
    a number out.
    """
    if values is None:
        return None
    array = _as_array(values)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    rows = values.tolist() if isinstance(values, np.ndarray) else values
    for row, value in enumerate(rows):
        if value is not None and not _is_real(value):
            raise not_a_number(origin, what, value, name(row))
    return np.array([np.nan if value is None else float(value) for value in rows])


def refuse_nan(origin: Origin, what: str, values: Sequence[Any], name: Callable[[int], str]) -> Sequence[Any]:
    """Return `values` as they are; an entry that is there but no number is an error."""
    for row, value in enumerate(values):
        if isinstance(value, float | np.floating) and np.isnan(value):
            raise not_a_number(origin, what, float(value), name(row))
    return values


def not_whole(origin: Origin, what: str, value: object, name: str) -> NetsparseError:
    """Error for an attribute of a unit that is missing or not a whole number."""
    given = f"no {what} on {name}" if value is None else f"{what} {value!r} on {name}"
    return origin.bad(given, f"a {what} on every unit, a whole number from 0", f"{what}=0, 1, 2 ... on every unit")


def not_a_number(origin: Origin, what: str, value: object, name: str) -> NetsparseError:
    """Error for an attribute of an edge that is not a number."""
    return origin.bad(f"{what} {value!r} on {name}", "a finite number", f"{what}=0.5, or no {what} on any edge")


def parse_joints(origin: Origin, value: Any) -> Joints | None:
    """Return the joints written by `columns.joints_text` (or given as lists); None for None."""
    expected = "a list with null or a list of units between every two layers"
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise origin.bad("a graph attribute 'joints' that is not JSON", expected) from error
    if value is None:
        return None
    if not isinstance(value, list | tuple | np.ndarray):
        raise origin.bad(f"a graph attribute 'joints' of type {type(value).__name__}", expected)
    joints: Joints = []
    for k, joint in enumerate(value):
        if joint is not None and not isinstance(joint, list | tuple | np.ndarray):
            raise origin.bad(f"joints[{k}] of type {type(joint).__name__}", expected)
        units = None if joint is None else whole_column(origin, "joint", joint, lambda row, k=k: f"joints[{k}][{row}]")
        joints.append(units)
    return joints


def _sizes(origin: Origin, levels: UnitIds, indices: UnitIds) -> tuple[int, ...]:
    if not len(levels):
        raise origin.bad("no units", "units on two layers or more")
    order = np.lexsort((indices, levels))
    level, index = levels[order], indices[order]
    found, counts = np.unique(level, return_counts=True)
    gap = np.flatnonzero(found != np.arange(len(found)))
    if len(gap):
        raise origin.bad(f"units on layer {found[gap[0]]}, none on layer {gap[0]}", "layers 0, 1, 2 ... without gaps")
    if len(found) < 2:
        raise origin.bad("units on one layer only", "units on two layers or more")
    expected = np.arange(len(level)) - np.repeat(np.cumsum(counts) - counts, counts)
    wrong = np.flatnonzero(index != expected)
    if len(wrong):
        first = wrong[0]
        given = f"layer {level[first]} without index {expected[first]}"
        if index[first] < expected[first]:
            given = f"two units with layer {level[first]} and index {index[first]}"
        raise origin.bad(given, "every index 0, 1, 2 ... of a layer exactly once")
    return tuple(int(count) for count in counts)


def _oriented(origin: Origin, levels: UnitIds, indices: UnitIds, edges: EdgeColumns) -> tuple[np.ndarray, np.ndarray]:
    tails, heads = edges.tails, edges.heads
    step = levels[heads] - levels[tails]
    flip = (step < 0) & ~np.broadcast_to(np.asarray(edges.directed, dtype=bool), step.shape)
    if flip.any():
        tails, heads = np.where(flip, heads, tails), np.where(flip, tails, heads)
        step = abs(step) if flip.all() else np.where(flip, -step, step)
    wrong = np.flatnonzero(step != 1)
    if len(wrong):
        tail, head = tails[wrong[0]], heads[wrong[0]]
        name = f"edge L{levels[tail]}N{indices[tail]} -> L{levels[head]}N{indices[head]}"
        how = "skips a layer" if step[wrong[0]] > 1 else "stays inside a layer"
        how = how if step[wrong[0]] >= 0 else "runs backwards"
        raise origin.bad(f"{name}, which {how}", "edges from one layer to the next")
    return tails, heads


@dataclass(frozen=True, slots=True)
class _Names:
    """How errors call an edge: by its units, whatever the foreign format called them."""

    layer: np.ndarray
    sources: np.ndarray
    targets: np.ndarray

    def __getitem__(self, edge: Any) -> str:
        k = self.layer[edge]
        return f"edge L{k}N{self.sources[edge]} -> L{k + 1}N{self.targets[edge]}"


def _weights(origin: Origin, edges: EdgeColumns, names: _Names) -> EdgeVector | None:
    weights, signs = edges.weights, edges.signs
    if weights is None:
        return None
    missing = np.flatnonzero(np.isnan(weights))
    if len(weights) and len(missing) == len(weights):
        return None
    if len(missing):
        raise origin.bad(f"no weight on {names[missing[0]]}", "a weight on every edge, or on none")
    infinite = np.flatnonzero(np.isinf(weights))
    if len(infinite):
        raise not_a_number(origin, "weight", float(weights[infinite[0]]), names[infinite[0]])
    if signs is not None:
        wrong = np.flatnonzero(~np.isnan(signs) & (signs != np.sign(weights)))
        if len(wrong):
            edge = wrong[0]
            given = f"sign {signs[edge]:g} beside weight {weights[edge]:g} on {names[edge]}"
            raise origin.bad(given, "the sign of the weight: -1, 0 or 1", "dropping sign, it is not needed")
    return weights


def _check_joints(origin: Origin, joints: Joints, sizes: tuple[int, ...]) -> None:
    if len(joints) != len(sizes) - 2:
        given = f"{len(joints)} joints for {len(sizes) - 1} layers"
        raise origin.bad(given, "one joint between every two layers")
    for k, joint in enumerate(joints):
        if joint is not None and (len(joint) == 0 or joint.max() >= sizes[k + 1]):
            given = f"joints[{k}] with {len(joint)} units, the largest {max(joint, default=None)}"
            raise origin.bad(given, f"one unit or more, each below {sizes[k + 1]}")


def _inputs(
    origin: Origin, inputs: np.ndarray | None, joints: Joints, layer: np.ndarray, sources: np.ndarray, names: _Names
) -> UnitIds:
    sources = sources.copy()
    for k, joint in enumerate(joints):
        if joint is None:
            continue
        rows = np.flatnonzero(layer == k + 1)
        given = np.full(len(rows), np.nan) if inputs is None else inputs[rows]
        fits = (given >= 0) & (given < len(joint)) & (given == np.floor(given))
        positions = np.where(fits, given, 0).astype(np.int64)
        wrong = np.flatnonzero(~fits | (joint[positions] != sources[rows]))
        if len(wrong):
            edge = wrong[0]
            what = "no input" if np.isnan(given[edge]) else f"input {given[edge]:g}"
            expected = f"an input that joints[{k}] feeds from the edge's source"
            raise origin.bad(f"{what} on {names[rows[edge]]}", expected)
        sources[rows] = positions
    return sources


def _check_unique(
    origin: Origin, layer: np.ndarray, sources: np.ndarray, targets: np.ndarray, names: _Names, order: np.ndarray
) -> None:
    same = (layer[1:] == layer[:-1]) & (targets[1:] == targets[:-1]) & (sources[1:] == sources[:-1])
    repeated = np.flatnonzero(same)
    if len(repeated):
        raise origin.bad(f"{names[order[repeated[0]]]} twice", "every edge once")


def _as_array(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    if not isinstance(values, np.ndarray) and bool in set(map(type, values)):
        return np.empty(0, dtype=object)  # numpy would take True for 1
    try:
        return np.asarray(values)
    except (ValueError, OverflowError):  # ragged lists, numbers beyond any type: found one by one
        return np.empty(0, dtype=object)


def _is_real(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
