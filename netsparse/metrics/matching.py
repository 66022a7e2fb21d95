"""Distance of two topologies whose hidden units may be renamed: match the units first, then compare the edges."""

from __future__ import annotations

import numpy as np

from netsparse.errors import InvalidNetwork, InvalidSize
from netsparse.graph import BipartiteGraph
from netsparse.metrics.distance import check_pair, jaccard_of
from netsparse.metrics.matrices import Graph, places_in
from netsparse.typing import UnitIds

MATCHED_UNITS = 5000  # their overlaps are a dense matrix, 200 MB for so many


def matched_distance(a: Graph, b: Graph) -> float:
    """Jaccard distance of two topologies after renaming exchangeable units of `b` so that many edges agree.

    min over permutations of 1 - |A & pi(B)| / |A | pi(B)|. In a single layer the target units are renamed, and the
    minimum is exact. In a network the hidden units are renamed, inputs and outputs are not: level by level, each given
    the names found below, so that the result is an upper bound on the minimum over all names.

    Parameters
    ----------
    a, b : BipartiteGraph or SparseNetwork
        Two graphs, or two networks, of equal sizes and joints.

    Returns
    -------
    float
        In [0, 1], and for a single layer never above `jaccard_distance`; 0 for two layers that differ in the names of
        their targets, and for two networks that differ in those of hidden units, if no two units of a level have the
        same incoming edges (twins cannot be told apart from below).

    Raises
    ------
    InvalidOption
        If the two are no topologies, or not between the same units.
    InvalidSize
        If more than 5000 units have to be matched: overlaps of all pairs of units are held as a dense matrix.
    InvalidNetwork
        If a joint gives some units more inputs of the next layer than others.

    Notes
    -----
    A pair of units is worth the number of edges that enter both; the best matching is a linear assignment, O(n^3) in
    the units of a level. The greedy walk from the inputs follows Liu et al., Topological insights into sparse neural
    networks, ECML PKDD 2020, arXiv:2006.14085, who average a distance over units where we count the edges of all. For
    single layers symmetric, with the triangle inequality; for networks neither is promised.

    Examples
    --------
    >>> a = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 1], n_in=3, n_out=2)
    >>> b = BipartiteGraph.from_edges([2, 0, 1], [0, 1, 1], n_in=3, n_out=2)
    >>> matched_distance(a, b)
    0.0
    """
    check_pair(a, b)
    hidden = a.layers if isinstance(a, BipartiteGraph) else a.layers[:-1]
    for k, layer in enumerate(hidden):
        if layer.n_out > MATCHED_UNITS:
            expected = f"at most {MATCHED_UNITS}, because every unit is compared with every other one"
            raise InvalidSize(
                f"n_out of layer {k}", f"{layer.n_out} units to match", expected, "jaccard_distance(a, b)"
            )
    joints = getattr(a, "joints", ())
    n_shared, names = 0, np.arange(a.layers[0].n_in)
    for k, (one, other) in enumerate(zip(a.layers, b.layers, strict=True)):
        if k:
            names = _names_of_inputs(k, names, joints[k - 1])
        renamed = _renamed(other, names)
        if k < len(hidden):
            names, shared = _best_matching((one.weight_matrix() @ renamed.T).toarray())
        else:  # entry by entry: the overlaps of all pairs of outputs are as many as the outputs squared
            shared = one.weight_matrix().multiply(renamed.tocsr()).sum()
        n_shared += round(float(shared))
    return jaccard_of(n_shared, a.n_edges + b.n_edges)


def _renamed(layer: BipartiteGraph, names: UnitIds):
    """Return the matrix of `layer` with source s called names[s]."""
    matrix = layer.weight_matrix().tocsc()
    order = np.empty_like(names)
    order[names] = np.arange(len(names))
    return matrix[:, order]


def _best_matching(overlap: np.ndarray) -> tuple[UnitIds, float]:
    """Return for each column the row it is matched with, and the total overlap, which no other matching exceeds."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(overlap, maximize=True)
    names = np.empty(len(rows), dtype=np.int64)
    names[columns] = rows
    return names, float(overlap[rows, columns].sum())


def _names_of_inputs(k: int, names: UnitIds, joint: UnitIds | None) -> UnitIds:
    """Carry the names of units over a joint: the first input of a unit becomes the first of its namesake, and so on."""
    if joint is None:
        return names
    counts = np.bincount(joint, minlength=len(names))
    if counts.min() != counts.max():
        given = f"{counts.min()} to {counts.max()} inputs per unit"
        raise InvalidNetwork(f"joints[{k - 1}]", given, "as many inputs for each unit", "jaccard_distance(a, b)")
    inputs = np.empty((len(names), int(counts[0])), dtype=np.int64)
    place = places_in(joint)
    inputs[joint, place] = np.arange(len(joint))
    return inputs[names[joint], place]
