"""The compiled search for the nearest free place: around an edge first, then in a tree of boxes without a free place.

The grid of all places is a box; a box is halved across its longest side, down to single places. A box has the number 1
where it is the whole grid, and 2i and 2i + 1 where it is a half of box i. A box without a free place is stored by its
number, unless a box around it is stored: so memory is linear in the places taken, and a search for the nearest free
place leaves out solid regions, however large, in one step. The tree is made when the first edge has no free place
beside it: in a sparse layer never.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numba import njit

from netsparse.graph import BipartiteGraph
from netsparse.rewiring.growth.key_set import empty_set, enlarged, holds, insert, remove
from netsparse.typing import EdgeIds, Int

Places = Int[np.ndarray, "place axis"]
"""Coordinates of places in a grid of two to four axes."""


def nearest_free_places(
    graph: BipartiteGraph,
    places: Places,
    sizes: Int[np.ndarray, "axis"],
    strides: Int[np.ndarray, "axis"],
    edges: EdgeIds,
    *,
    literal: bool,
    rng: np.random.Generator,
) -> Places:
    """Return for each of `edges` in turn the nearest place that is free by then; it is taken from there on.

    Parameters
    ----------
    graph : BipartiteGraph
        Whose edges are the places taken.
    places : int64 array of shape (n_edges, n_axes)
        Where its edges are in the grid.
    sizes, strides : int64 arrays of shape (n_axes,)
        Places along each axis, and what a step along it adds to the pair key `target * n_in + source`.
    edges : int64 array of shape (n_grow,)
        Ids of edges; as many places as that have to be free (trusted).
    literal : bool
        Whether sum |p^2 - x^2| is minimised over the axes instead of sum (p - x)^2.
    rng : numpy.random.Generator
        Draws one of the free places that are equally near, each with the same probability.
    """
    steps = [step for step in product((-1, 0, 1), repeat=len(sizes)) if any(step)]
    beside = np.array(sorted(steps, key=lambda step: sum(map(abs, step))), dtype=np.int64)
    wires = graph.n_in, graph.indptr, graph.indices
    return _served(wires, places, sizes, strides, edges, beside, literal, rng)


@njit(cache=True, nogil=True)
def _served(wires, places, sizes, strides, edges, beside, literal, rng):
    """Serve the edges one after the other, with a tree from where one is needed."""
    n_levels, shallowest = _depths(sizes)
    boxes = np.empty((n_levels + 2, 2, len(sizes)), dtype=np.int64)
    numbers, bounds = np.empty(n_levels + 2, dtype=np.int64), np.empty(n_levels + 2, dtype=np.int64)
    # single places have numbers from deep_from on and a table of their own, large and slow to look into; the few larger
    # boxes that are full are in the other one
    deep_from, deep = 1 << shallowest, np.empty(0, dtype=np.int64)
    shallow, n_shallow = np.zeros(1024, dtype=np.int64), 0
    found, grown = np.empty((len(edges), len(sizes)), dtype=np.int64), empty_set(len(edges))
    for i in range(len(edges)):
        point = places[edges[i]]
        if not _beside(point, sizes, strides, wires, grown, beside, literal, found[i], rng):
            if len(deep) == 0:
                deep = empty_set(len(places) + len(edges))
                for place in places:
                    shallow, n_shallow = _take(_number(place, sizes, boxes), deep, deep_from, shallow, n_shallow)
                for place in found[:i]:
                    shallow, n_shallow = _take(_number(place, sizes, boxes), deep, deep_from, shallow, n_shallow)
            _nearest(point, sizes, literal, deep, deep_from, shallow, boxes, numbers, bounds, found[i], rng)
        insert(grown, _key(found[i], strides) + 1)
        if len(deep):
            shallow, n_shallow = _take(_number(found[i], sizes, boxes), deep, deep_from, shallow, n_shallow)
    return found


@njit(cache=True, nogil=True)
def _beside(point, sizes, strides, wires, grown, beside, literal, found, rng):
    """Look at the places that differ by at most 1 along each axis; tell whether the nearest of all is one of them."""
    nearest, n_ties, outside = np.iinfo(np.int64).max, 0, np.iinfo(np.int64).max
    for k in range(len(beside)):
        is_inside, distance, key = True, 0, 0
        for axis in range(len(sizes)):
            at = point[axis] + beside[k, axis]
            is_inside &= 0 <= at < sizes[axis]
            distance += _gap(point[axis], at, at + 1, literal)
            key += at * strides[axis]
        if not is_inside or distance > nearest or _is_edge(wires, key) or holds(grown, key + 1):
            continue
        n_ties = 1 if distance < nearest else n_ties + 1
        nearest = distance
        if n_ties == 1 or rng.random() * n_ties < 1.0:
            for axis in range(len(sizes)):
                found[axis] = point[axis] + beside[k, axis]
    for axis in range(len(sizes)):
        if point[axis] >= 2:
            outside = min(outside, _gap(point[axis], point[axis] - 2, point[axis] - 1, literal))
        if point[axis] + 2 < sizes[axis]:
            outside = min(outside, _gap(point[axis], point[axis] + 2, point[axis] + 3, literal))
    return n_ties > 0 and nearest < outside


@njit(cache=True, nogil=True)
def _is_edge(wires, key):
    """Tell whether a pair is an edge of the graph."""
    n_in, indptr, indices = wires
    target = key // n_in
    source, low, high = key - target * n_in, indptr[target], indptr[target + 1]
    while low < high:
        middle = (low + high) >> 1
        if indices[middle] < source:
            low = middle + 1
        else:
            high = middle
    return low < indptr[target + 1] and indices[low] == source


@njit(cache=True, nogil=True)
def _key(place, strides):
    key = 0
    for axis in range(len(strides)):
        key += place[axis] * strides[axis]
    return key


@njit(cache=True, nogil=True)
def _depths(sizes):
    """Return how many times a box is halved at most, and at least, before it is a single place."""
    most, least = 0, 0
    for size in sizes:
        while size > 1:
            size, most = (size + 1) >> 1, most + 1
    for size in sizes:
        while size > 1:
            size, least = size >> 1, least + 1
    return most, least


@njit(cache=True, nogil=True)
def _nearest(point, sizes, literal, deep, deep_from, shallow, boxes, numbers, bounds, found, rng):
    """Write the nearest free place into `found`; boxes further away are never opened."""
    nearest, n_ties = np.iinfo(np.int64).max, 0
    boxes[0, 0], boxes[0, 1] = 0, sizes
    numbers[0], bounds[0], n_waiting = 1, 0, 1
    while n_waiting:
        n_waiting -= 1
        at, number, bound = n_waiting, numbers[n_waiting], bounds[n_waiting]
        while bound <= nearest:  # down through the nearer halves, while further ones wait below
            axis = _longest(boxes, at)
            low, high = boxes[at, 0, axis], boxes[at, 1, axis]
            if high - low == 1:
                n_ties = 1 if bound < nearest else n_ties + 1
                nearest = bound
                if n_ties == 1 or rng.random() * n_ties < 1.0:
                    for other in range(len(point)):
                        found[other] = boxes[at, 0, other]
                break
            middle = (low + high) >> 1
            near = 0 if point[axis] < middle else 1
            start, stop = (middle, high) if near == 0 else (low, middle)
            further = bound - _gap(point[axis], low, high, literal) + _gap(point[axis], start, stop, literal)
            near_number, far_number = 2 * number + near, 2 * number + 1 - near
            full = deep if near_number >= deep_from else shallow
            has_far = further <= nearest and not holds(full, far_number)
            if holds(full, near_number):
                if not has_far:
                    break
                boxes[at, 0, axis], boxes[at, 1, axis], number, bound = start, stop, far_number, further
                continue
            if has_far:
                for other in range(len(point)):
                    boxes[at + 1, 0, other], boxes[at + 1, 1, other] = boxes[at, 0, other], boxes[at, 1, other]
                boxes[at, 0, axis], boxes[at, 1, axis], numbers[at], bounds[at] = start, stop, far_number, further
                at += 1
                n_waiting = at
            boxes[at, 1 - near, axis] = middle
            number = near_number


@njit(cache=True, nogil=True)
def _gap(at, low, high, literal):
    """Return what an axis adds to the distance between a coordinate and the nearest of low .. high - 1."""
    if low <= at < high:
        return 0
    nearest = low if at < low else high - 1
    return abs(at * at - nearest * nearest) if literal else (at - nearest) * (at - nearest)


@njit(cache=True, nogil=True)
def _longest(boxes, at):
    """Return the axis across which a box is halved: its longest one, the first of several."""
    axis, length = 0, boxes[at, 1, 0] - boxes[at, 0, 0]
    for other in range(1, boxes.shape[2]):
        if boxes[at, 1, other] - boxes[at, 0, other] > length:
            axis, length = other, boxes[at, 1, other] - boxes[at, 0, other]
    return axis


@njit(cache=True, nogil=True)
def _number(place, sizes, boxes):
    """Return the number of the box that holds a single place and no other; the first of `boxes` is written over."""
    boxes[0, 0], boxes[0, 1] = 0, sizes
    number = 1
    while True:
        axis = _longest(boxes, 0)
        low, high = boxes[0, 0, axis], boxes[0, 1, axis]
        if high - low == 1:
            return number
        middle = (low + high) >> 1
        is_upper = place[axis] >= middle
        boxes[0, 0 if is_upper else 1, axis] = middle
        number = 2 * number + is_upper


@njit(cache=True, nogil=True)
def _take(number, deep, deep_from, shallow, n_shallow):
    """Store a full box; where the other half is full too, take that one out and store the whole instead."""
    while number > 1:
        other = number ^ 1
        is_deep = other >= deep_from
        if not holds(deep if is_deep else shallow, other):
            break
        remove(deep if is_deep else shallow, other)
        n_shallow -= not is_deep
        number >>= 1
    if number >= deep_from:
        insert(deep, number)
        return shallow, n_shallow
    insert(shallow, number)
    n_shallow += 1
    return (enlarged(shallow) if 2 * n_shallow > len(shallow) else shallow), n_shallow
