"""Weight shuffling: the trained weights on the trained topology, but no longer each on its own edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from netsparse.robustness.choices import SCOPES, count_of, edge_groups, pooled, split
from netsparse.robustness.perturbation import Perturbed, Probe, check_choice, check_flag
from netsparse.robustness.wiring import Wiring
from netsparse.typing import EdgeIds, Int


@dataclass(frozen=True)
class WeightShuffle(Probe):
    """Permute the weights of a random fraction of the edges among themselves; the topology stays.

    Parameters
    ----------
    within : {"layer", "network"}
        "layer": weights stay in their layer; floor(f E_k + 1/2) of its E_k edges take part. "network": the edges of all
        layers are one pool.
    keep_signs : bool
        Permute the magnitudes alone, every edge keeps its sign.

    Raises
    ------
    InvalidOption
        For options that are none of these.

    Notes
    -----
    The permutation of the edges that take part is uniform, so that a few weights come back to where they were. The
    multiset of weights is kept bit for bit (of their magnitudes with `keep_signs`, where a weight of 0 counts as
    positive, -0.0 as negative); across layers that takes layers of one float type, as a model has. Within a trial, one
    more edge exchanges its weight with one of those that take part already. Weight shuffling is a probe of
    arXiv:2602.21961; its details are not public, this definition and the options are ours.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1, 1]])])
    >>> _, (weights,) = WeightShuffle(keep_signs=True).perturb(network, [[1.0, 2.0, -3.0, 4.0]], 1, rng=0)
    >>> weights.tolist()
    [3.0, 1.0, -4.0, 2.0]
    """

    name: ClassVar[str] = "weight_shuffle"
    meaning: ClassVar[str] = "fraction of the edges that exchange their weights"
    within: str = "layer"
    keep_signs: bool = False

    def __post_init__(self) -> None:
        check_choice("within", self.within, SCOPES)
        check_flag("keep_signs", self.keep_signs)

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw the order in which edges join the shuffle, and with whom each exchanges its weight then."""
        groups = edge_groups(wiring, self.within)
        drawn = [(rng.permutation(group), rng.integers(np.arange(1, len(group) + 1))) for group in groups]

        def at(fraction: float) -> Wiring:
            before = pooled(wiring)
            after = before.copy()
            for order, partners in drawn:
                n_shuffled = count_of(fraction, len(order))
                after[order[:n_shuffled]] = before[exchanged(order[:n_shuffled], partners)]
            return split(wiring, np.copysign(after, before) if self.keep_signs else after)

        return at


@njit(cache=True, nogil=True)
def exchanged(edges: EdgeIds, partners: Int[np.ndarray, "edge"]) -> EdgeIds:
    """Return the edges after each in turn has changed places with one of itself and those before it.

    `partners[i]` is the place, uniform in 0 .. i, of the edge that the i-th changes with: the Fisher-Yates shuffle from
    its other end, so that every permutation of the first n edges is equally likely, and one more edge moves two.
    """
    shuffled = edges.copy()
    for i in range(len(edges)):
        j = partners[i]
        shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
    return shuffled
