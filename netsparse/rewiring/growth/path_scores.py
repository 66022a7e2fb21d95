"""Scores of free pairs from paths of three edges: CH2-L3, CH3-L3 and RA-L3, a few targets at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netsparse.errors import unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.typing import Float

EXACT = 2.0**-32
"""Terms of the sums over nodes are multiples of it, so that no order of adding them up rounds differently."""


@dataclass(frozen=True)
class PathScore:
    """A score of a free pair (u, v): what its local community of paths u - a - b - v amounts to.

    The community is the targets a of u and the sources b of v that lie on such paths. A unit of it with k edges in all
    has i inside the community and e = k - 1 - i outside; the one to u or v is neither.

    Parameters
    ----------
    is_sum_over_paths : bool
        Whether the score is the sum over paths of the product of what a and b count, or the sum over the units of the
        community of what each counts.
    by_degree, outside, inside : callable
        What a unit counts is by_degree(k) * outside(e) * inside(i).
    """

    is_sum_over_paths: bool
    outside: Callable[[np.ndarray], np.ndarray] = np.ones_like
    inside: Callable[[np.ndarray], np.ndarray] = np.ones_like
    by_degree: Callable[[np.ndarray], np.ndarray] = np.ones_like


def _inverse(count: np.ndarray) -> np.ndarray:
    return np.round(1.0 / (1.0 + count) / EXACT) * EXACT


def _plus_one(count: np.ndarray) -> np.ndarray:
    return 1.0 + count


def _root_of_inverse(count: np.ndarray) -> np.ndarray:
    return 1.0 / np.sqrt(1.0 + count)


def _root_of_plus_one(count: np.ndarray) -> np.ndarray:
    return np.sqrt(1.0 + count)


def _root_of_degree(count: np.ndarray) -> np.ndarray:
    return 1.0 / np.sqrt(np.maximum(count, 1.0))


SCORES: dict[str, PathScore] = {
    "ch3_l3n": PathScore(False, _inverse),
    "ch2_l3n": PathScore(False, _inverse, _plus_one),
    "ch3_l3p": PathScore(True, _root_of_inverse),
    "ch2_l3p": PathScore(True, _root_of_inverse, _root_of_plus_one),
    "ra_l3p": PathScore(True, by_degree=_root_of_degree),
}
"""The scores by name; n sums over the nodes of the community, p over the paths, as in the code of CHT's authors."""


def path_score_rows(
    graph: BipartiteGraph, first: int, last: int, *, score: str = "ch3_l3n"
) -> Float[np.ndarray, "row n_in"]:
    """Return the scores of all pairs that end at the targets from `first` to before `last`; edges have 0.

    With the local community of a free pair (u, v) - all a and b on paths u - a - b - v - and the edges i inside and e
    outside of it that a unit has:

    - "ch3_l3p": sum over the paths of 1 / sqrt((1 + e_a) (1 + e_b)), CH3-L3 as defined;
    - "ch2_l3p": sum over the paths of sqrt((1 + i_a) (1 + i_b)) / sqrt((1 + e_a) (1 + e_b)), CH2-L3 as defined;
    - "ch3_l3n": sum over the units of the community of 1 / (1 + e), what the code of CHT's authors trains with;
    - "ch2_l3n": sum over the units of the community of (1 + i) / (1 + e), from the same code;
    - "ra_l3p": sum over the paths of 1 / sqrt(k_a k_b), with all edges k of a unit.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring.
    first, last : int
        Targets, 0 <= first <= last <= n_out.
    score : str
        One of the above.

    Returns
    -------
    float array of shape (last - first, n_in)
        At least 0; 0 where there is no path.

    Raises
    ------
    UnknownName
        For an unknown score.

    Notes
    -----
    The paths are walked: time is that of all paths of three edges that end at the targets, memory the block's and a
    few numbers per unit. Terms of the sums over nodes are rounded to multiples of 2^-32, which makes these sums exact,
    and pairs of equal score equal.

    References
    ----------
    Zhang, Zhao, Wu, Muscoloni, Cannistraci, Epitopological learning and Cannistraci-Hebb network shape intelligence
    brain-inspired theory for ultra-sparse advantage in deep learning, ICLR 2024, openreview.net/forum?id=iayEcORsGd.
    RA-L3: Kovacs et al., Nature Communications 10, 1240 (2019), doi:10.1038/s41467-019-09177-y.

    Examples
    --------
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)  # 0 - 0 - 1 - 1
    >>> path_score_rows(path, 0, 2).tolist()  # both units on the way have no edge outside
    [[0.0, 0.0], [2.0, 0.0]]
    >>> path_score_rows(path, 1, 2, score="ra_l3p").round(6).tolist()
    [[0.5, 0.0]]
    """
    from netsparse.rewiring.growth.path_kernels import add_community_scores, add_path_scores  # numba loads here

    chosen = named_score(score)
    degrees = np.arange(max(graph.fan_in.max(initial=0), graph.fan_out.max(initial=0)) + 1, dtype=np.float64)
    outside, inside, by_degree = chosen.outside(degrees), chosen.inside(degrees), chosen.by_degree(degrees)
    wiring = graph.indptr, graph.indices, graph.by_source[0], graph.targets_by_source
    scores = np.zeros((last - first, graph.n_in))
    if chosen.is_sum_over_paths:
        add_path_scores(*wiring, first, outside, inside, by_degree, scores)
    else:
        add_community_scores(*wiring, first, outside, inside, scores)
    _clear_edges(graph, first, scores)
    return scores


def dense_path_scores(graph: BipartiteGraph, *, score: str = "ch3_l3n") -> Float[np.ndarray, "n_out n_in"]:
    """Return the scores of all pairs as one dense matrix, by matrix products where the score is a sum over nodes.

    With the mask M (n_out x n_in) and P = M M^T: C = [P > 0] f(k - 1 - P, P), the same with M^T M, and the scores
    are C M + M C'. The numbers are those of `path_score_rows`; for dense layers this is faster.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring; matrices of n_out x n_in, n_out x n_out and n_in x n_in are held.
    score : str
        See `path_score_rows`.

    Examples
    --------
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> dense_path_scores(path).tolist()
    [[0.0, 0.0], [2.0, 0.0]]
    """
    chosen = named_score(score)
    if chosen.is_sum_over_paths:
        return path_score_rows(graph, 0, graph.n_out, score=score)
    mask = np.zeros((graph.n_out, graph.n_in))
    mask[graph.targets, graph.sources] = 1.0
    scores = _community(mask @ mask.T, graph.fan_in, chosen) @ mask
    scores += mask @ _community(mask.T @ mask, graph.fan_out, chosen).T
    _clear_edges(graph, 0, scores)
    return scores


def walk_length(graph: BipartiteGraph) -> int:
    """Return how many paths of three edges, there and back, `path_score_rows` walks over all targets."""
    by_source = np.bincount(graph.sources, graph.fan_in[graph.targets], minlength=graph.n_in)
    return int(by_source @ graph.fan_out)


def named_score(score: str) -> PathScore:
    """Return the score of that name; raises `UnknownName`."""
    if score not in SCORES:
        raise unknown_name("score", score, SCORES)
    return SCORES[score]


def _community(shared: np.ndarray, degrees: np.ndarray, score: PathScore) -> np.ndarray:
    """Return at [v, a] what unit a counts for a pair that ends at v, where the two share so many neighbours."""
    outside = degrees[None, :] - 1.0 - shared
    counts = (shared > 0) & (outside >= 0)  # where all neighbours of a are those of v, there are only edges
    values = score.outside(np.maximum(outside, 0.0)) * score.inside(shared)
    return np.where(counts, values, 0.0)


def _clear_edges(graph: BipartiteGraph, first: int, scores: np.ndarray) -> None:
    last = first + len(scores)
    edges = slice(graph.indptr[first], graph.indptr[last])
    scores[graph.targets[edges] - first, graph.indices[edges]] = 0.0
