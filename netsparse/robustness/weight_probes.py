"""Probes of the weights on an unchanged topology: shuffling, sign flips, binarisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from netsparse.robustness.choices import SCOPES, edge_groups, nested_choice, pooled, split
from netsparse.robustness.perturbation import Perturbed, Probe, check_choice
from netsparse.robustness.wiring import Wiring


@dataclass(frozen=True)
class SignFlip(Probe):
    """Give a random fraction of the edges the opposite sign; every |w| stays.

    Parameters
    ----------
    scope : {"layer", "network"}
        "layer": the fraction of every layer, floor(f E_k + 1/2) of its E_k edges. "network": of all edges pooled.

    Raises
    ------
    InvalidOption
        For another scope.

    Notes
    -----
    Edges of weight 0 are edges: they are chosen as often as others, and stay 0. At strength 1 all signs are flipped,
    which is no noise any more; at 1/2 a sign says nothing. arXiv:2508.05463 names sign flips among its probes; its
    details are not public, this definition is ours.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1, 1]])])
    >>> _, (weights,) = SignFlip().perturb(network, [[1.0, 2.0, -3.0, 4.0]], 0.5, rng=0)
    >>> weights.tolist()
    [-1.0, 2.0, 3.0, 4.0]
    """

    name: ClassVar[str] = "sign_flip"
    meaning: ClassVar[str] = "fraction of the edges whose sign is flipped"
    scope: str = "layer"

    def __post_init__(self) -> None:
        check_choice("scope", self.scope, SCOPES)

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw which edges are flipped first."""
        choose = nested_choice(edge_groups(wiring, self.scope), rng)

        def at(fraction: float) -> Wiring:
            values = pooled(wiring)
            chosen = np.concatenate(choose(fraction))
            values[chosen] = -values[chosen]
            return split(wiring, values)

        return at
