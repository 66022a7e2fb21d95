"""Compiled attack one by one: the item of the highest score goes, and the scores it touches are kept up to date.

Each group of items holds a tournament, a binary tree in which every node knows the best score below it and how many
items share that score. The winner is a uniformly random one of those that share the best score of all; a score that
changes is played again on its way to the top, as far as it makes a difference.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from netsparse.metrics.shortest_paths import ArcHeads, ArcStarts
from netsparse.percolation.scopes import Counts, Positions, Turns
from netsparse.typing import EdgeIds, Float, Int

GONE = -1  # below every score there is


@njit(cache=True, nogil=True)
def take_highest_products(
    ends: Int[np.ndarray, "edge 2"],
    indptr: ArcStarts,
    edge_of_arc: EdgeIds,
    counts: Counts,
    turns: Turns,
    uniform: Float[np.ndarray, "item"],
    order: Positions,
) -> Positions:
    """Fill `order` with the edges, each time the one of the highest product of the degrees left of its two units.

    `uniform` are numbers in [0, 1), one per removal. O(sum over units of degree^2 * log(edges)) at worst.
    """
    degree = indptr[1:] - indptr[:-1]
    starts, roots, best, shared = _plant(counts)
    group_of = np.empty(len(ends), dtype=np.int32)
    for g in range(len(counts)):
        for edge in range(starts[g], starts[g] + counts[g]):
            group_of[edge] = g
            product = degree[ends[edge, 0]] * degree[ends[edge, 1]]
            best[roots[g, 0] + roots[g, 1] + edge - starts[g]] = product
            shared[roots[g, 0] + roots[g, 1] + edge - starts[g]] = 1
    _play_all(roots, best, shared)
    here = np.ones(len(ends), dtype=np.bool_)
    for m in range(len(turns)):
        g = turns[m]
        taken = starts[g] + _winner(best, shared, roots[g, 0], roots[g, 1], uniform[m])
        order[m] = taken
        here[taken] = False
        _change(best, shared, roots[g, 0], roots[g, 1], taken - starts[g], GONE)
        for side in range(2):
            degree[ends[taken, side]] -= 1
        for side in range(2):
            unit = ends[taken, side]
            for arc in range(indptr[unit], indptr[unit + 1]):
                edge = edge_of_arc[arc]
                if here[edge]:
                    h = group_of[edge]
                    product = degree[ends[edge, 0]] * degree[ends[edge, 1]]
                    _change(best, shared, roots[h, 0], roots[h, 1], edge - starts[h], product)
    return order


@njit(cache=True, nogil=True)
def take_highest_degrees(
    units: Positions,
    indptr: ArcStarts,
    heads: ArcHeads,
    counts: Counts,
    turns: Turns,
    uniform: Float[np.ndarray, "item"],
    order: Positions,
) -> Positions:
    """Fill `order` with the positions in `units`, each time that of the unit with the most neighbours left.

    `uniform` are numbers in [0, 1), one per removal. O(edges * log(units)) at worst.
    """
    degree = indptr[1:] - indptr[:-1]
    starts, roots, best, shared = _plant(counts)
    position_of = np.full(len(degree), -1, dtype=np.int64)
    group_of = np.empty(len(units), dtype=np.int32)
    for g in range(len(counts)):
        for i in range(starts[g], starts[g] + counts[g]):
            group_of[i] = g
            position_of[units[i]] = i
            best[roots[g, 0] + roots[g, 1] + i - starts[g]] = degree[units[i]]
            shared[roots[g, 0] + roots[g, 1] + i - starts[g]] = 1
    _play_all(roots, best, shared)
    here = np.ones(len(degree), dtype=np.bool_)
    for m in range(len(turns)):
        g = turns[m]
        taken = starts[g] + _winner(best, shared, roots[g, 0], roots[g, 1], uniform[m])
        order[m] = taken
        unit = units[taken]
        here[unit] = False
        _change(best, shared, roots[g, 0], roots[g, 1], taken - starts[g], GONE)
        for arc in range(indptr[unit], indptr[unit + 1]):
            head = heads[arc]
            if here[head]:
                degree[head] -= 1
                i = position_of[head]
                if i >= 0:
                    h = group_of[i]
                    _change(best, shared, roots[h, 0], roots[h, 1], i - starts[h], degree[head])
    return order


@njit(cache=True, nogil=True)
def _plant(counts):
    """Return the groups' first items, their trees (first node, number of leaves), and the nodes, all without items.

    Node 1 of a tree is its root, the children of node i are 2 i and 2 i + 1, and the leaves come last.
    """
    starts = np.cumsum(counts) - counts
    roots = np.empty((len(counts), 2), dtype=np.int64)
    n_nodes = 0
    for g in range(len(counts)):
        n_leaves = 1
        while n_leaves < counts[g]:
            n_leaves *= 2
        roots[g, 0], roots[g, 1] = n_nodes, n_leaves
        n_nodes += 2 * n_leaves
    return starts, roots, np.full(n_nodes, GONE, dtype=np.int64), np.zeros(n_nodes, dtype=np.int64)


@njit(cache=True, nogil=True)
def _play_all(roots, best, shared):
    for g in range(len(roots)):
        for node in range(roots[g, 1] - 1, 0, -1):
            _play(best, shared, roots[g, 0], node)


@njit(cache=True, nogil=True)
def _play(best, shared, root, node):
    """Let the two children of a node play; tell whether that changed what the node knows."""
    left, right = root + 2 * node, root + 2 * node + 1
    if best[left] > best[right]:
        score, n_items = best[left], shared[left]
    elif best[left] < best[right]:
        score, n_items = best[right], shared[right]
    else:
        score, n_items = best[left], shared[left] + shared[right]
    changed = best[root + node] != score or shared[root + node] != n_items
    best[root + node], shared[root + node] = score, n_items
    return changed


@njit(cache=True, nogil=True)
def _change(best, shared, root, n_leaves, item, score):
    node = n_leaves + item
    best[root + node], shared[root + node] = score, 0 if score == GONE else 1
    node //= 2
    while node and _play(best, shared, root, node):
        node //= 2


@njit(cache=True, nogil=True)
def _winner(best, shared, root, n_leaves, uniform):
    """Return one of the items that share the best score; each is as likely."""
    score = best[root + 1]
    place = int(uniform * shared[root + 1])
    node = 1
    while node < n_leaves:
        node *= 2
        if best[root + node] == score:
            if place < shared[root + node]:
                continue
            place -= shared[root + node]
        node += 1
    return node - n_leaves
