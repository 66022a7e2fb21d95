"""`SpectralGap`: drop the weakest edges, grow across the bottlenecks of what is left. Ours."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from netsparse.rewiring.growth.fiedler import FiedlerGrowth
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.state import Kept
from netsparse.typing import UnitIds


@dataclass(frozen=True, repr=False)
class SpectralGap(RewiringRule):
    """Drop the weakest edges, grow across the bottlenecks of what is left: the normalised spectral gap rises. Ours.

    Once an epoch, 30 % of the edges of each layer by |w|; the pairs that grow are those with the largest
    (f_i - f_j)^2, f the Fiedler vector of the normalised Laplacian of the survivors, see `FiedlerGrowth`.

    Parameters
    ----------
    fraction : float
        Share of each layer's edges that is replaced.
    batches, degree_cap, isolated
        See `FiedlerGrowth`.
    drop, newborn, budget, schedule, every, until ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Warns
    -----
    SolverFallback
        See `FiedlerGrowth`.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> from netsparse.graph import apply
    >>> from netsparse.metrics import algebraic_connectivity
    >>> graph = erdos_renyi(100, 100, density=0.06, rng=0)
    >>> after, _ = apply(graph, SpectralGap().propose(graph, np.arange(600.0), rng=0))
    >>> gaps = [algebraic_connectivity(g, laplacian="normalized", component="giant") for g in (graph, after)]
    >>> gaps[1] > gaps[0]
    True
    """

    _: KW_ONLY
    batches: int = 16
    degree_cap: float = 2.0
    isolated: str = "joined"

    fixed: ClassVar[frozenset[str]] = frozenset({"grow"})

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_growth", FiedlerGrowth(self.batches, self.degree_cap, self.isolated))

    _growth: ClassVar[FiedlerGrowth]

    def grown(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the pairs with the largest (f_i - f_j)^2."""
        return self._growth(kept, n_grow, rng)
