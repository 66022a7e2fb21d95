"""The published rules, each a preset of drop, grow and newborn value under its paper's name."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.scores import smallest_magnitude, smallest_sign_wise
from netsparse.typing import EdgeIds, EdgeVector

DROPS: dict[str, Callable[[EdgeVector, int, np.random.Generator], EdgeIds]] = {
    "sign_wise": smallest_sign_wise,
    "magnitude": smallest_magnitude,
}


class SET(RewiringRule):
    """Sparse Evolutionary Training: drop the weakest edges of each sign, grow as many at uniformly random free pairs.

    Parameters
    ----------
    fraction : float
        Share of each layer's edges that is replaced (the paper's zeta).
    drop : {"sign_wise", "magnitude"}
        "sign_wise" is the published rule: the positive weights closest to zero and the negative weights closest to
        zero. "magnitude" is the later variant, smallest |w| whatever the sign, as in Evci et al., arXiv:1911.11134.
    newborn_std : float
        Newborn edges weigh N(0, newborn_std^2). 0, the default, is what the authors' Keras code does; their NumPy code
        uses 0.1.
    every : int, optional
        Optimizer steps between two rewirings. None, the default, is the published rule: once an epoch.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Notes
    -----
    The edge count of every layer is constant and exact; the published code drops by threshold and may lose the
    threshold elements too. Places of edges just dropped may be grown again, as published, so that the turnover can be
    smaller than `fraction`. Optimizer state of a newborn edge is zero.

    References
    ----------
    Mocanu, Mocanu, Stone, Nguyen, Gibescu, Liotta, Nature Communications 9, 2383 (2018),
    doi:10.1038/s41467-018-04316-3.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 1, 1], n_in=4, n_out=2)
    >>> delta = SET(fraction=0.5).propose(graph, np.array([0.1, 0.9, -0.1, -0.9]), rng=0)
    >>> delta.removed.tolist(), delta.n_added
    ([0, 2], 2)
    """

    def __init__(
        self, fraction: float = 0.3, *, drop: str = "sign_wise", newborn_std: float = 0.0, every: int | None = None
    ) -> None:
        super().__init__(fraction, every=every)
        if drop not in DROPS:
            raise unknown_name("drop", drop, DROPS)
        if not isinstance(newborn_std, Real) or not 0.0 <= newborn_std < float("inf"):
            raise InvalidOption("newborn_std", repr(newborn_std), "a standard deviation, at least 0", "newborn_std=0.0")
        self.criterion, self.newborn_std = drop, float(newborn_std)  # `drop` is the method

    def drop(
        self, graph: BipartiteGraph, weights: EdgeVector, grads: Any, n_drop: int, rng: np.random.Generator
    ) -> EdgeIds:
        """Return the weakest edges, sign by sign or all together."""
        return DROPS[self.criterion](weights, n_drop, rng)

    def newborn(self, n_grow: int, rng: np.random.Generator) -> EdgeVector | None:
        """Return N(0, newborn_std^2) draws, or None for zeros."""
        return rng.normal(0.0, self.newborn_std, n_grow) if self.newborn_std else None

    def parameters(self) -> dict[str, Any]:
        """Return the options that make this rule again."""
        return {**super().parameters(), "drop": self.criterion, "newborn_std": self.newborn_std}


RULES: dict[str, Callable[..., RewiringRule]] = {"set": SET}


def named_rule(rule: str | RewiringRule) -> RewiringRule:
    """Return the rule itself, or the one of that name with its default options; raises `UnknownName`."""
    if isinstance(rule, RewiringRule):
        return rule
    if not isinstance(rule, str) or rule not in RULES:
        raise unknown_name("rule", rule, RULES)
    return RULES[rule]()
