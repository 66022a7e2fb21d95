"""`Structured` and `StructuredByWeight`: Bayesian connectivity sampling that grows next to the edges there are."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from netsparse.rewiring.growth.nearest import NearestFree
from netsparse.rewiring.parts import Grow
from netsparse.rewiring.rules.bayesian import BayesianSampling
from netsparse.rewiring.state import Kept
from netsparse.typing import UnitIds


@dataclass(frozen=True, repr=False)
class Structured(BayesianSampling):
    """Structured rewiring: `BayesianSampling` whose births take the free places nearest to random living edges.

    Parameters
    ----------
    metric : {"euclidean", "eq3_literal"}
        See `NearestFree`, which says also what the thesis leaves open and how it is done here.
    density, noise, sign_seed, drop, newborn, budget, every, ...
        As for `BayesianSampling`; with `drop="magnitude"` (and `every=None` for once an epoch) it is structured growth
        beside any other choice of whom to drop.

    Raises
    ------
    InvalidOption, InvalidDensity, UnknownName
        For impossible options.

    Notes
    -----
    The thesis prints neither noise nor the value of a new edge; both are those of the rule it changes. Its algorithm
    lists theta < 0 as unconnected, where dormant theta is 0: read as theta <= 0.

    References
    ----------
    Seidel, Structured Adversarial Rewiring, thesis, winter term 2022/23; the step it changes: Ozdenizci, Legenstein,
    ICML 2021, PMLR 139:8314-8324.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 8, 9], [0, 0, 3, 3], n_in=10, n_out=4)
    >>> rule = Structured(0.25, drop="magnitude")
    >>> delta = rule.propose(graph, np.array([0.9, 0.8, 0.7, 0.1]), rng=0)
    >>> delta.removed.tolist(), delta.added_sources.tolist(), delta.added_targets.tolist()
    ([3], [7], [3])
    """

    _: KW_ONLY
    metric: str = "euclidean"

    fixed: ClassVar[frozenset[str]] = BayesianSampling.fixed | {"grow"}
    near: ClassVar[str] = "random"
    """Which edges growth starts from, see `NearestFree`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_grow", NearestFree(self.near, self.metric))

    _grow: ClassVar[Grow]

    def grown(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the free places nearest to the edges that growth starts from."""
        return self._grow(kept, n_grow, rng)


@dataclass(frozen=True, repr=False)
class StructuredByWeight(Structured):
    """Weight-based structured rewiring: `Structured` that grows next to the living edges of largest |w|.

    Parameters
    ----------
    metric, density, noise, sign_seed, drop, newborn, budget, every, ...
        As for `Structured`.

    Raises
    ------
    InvalidOption, InvalidDensity, UnknownName
        For impossible options.

    References
    ----------
    As for `Structured`.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 8, 9], [0, 0, 3, 3], n_in=10, n_out=4)
    >>> rule = StructuredByWeight(0.25, drop="magnitude")
    >>> delta = rule.propose(graph, np.array([0.1, 0.2, 0.3, 0.9]), rng=0)
    >>> delta.removed.tolist(), delta.added_sources.tolist(), delta.added_targets.tolist()
    ([0], [9], [2])
    """

    near: ClassVar[str] = "weight"
