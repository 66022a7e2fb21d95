"""`DeepR`: a random walk of the weights under L1, death at zero, and rebirth at random places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from netsparse.rewiring.rules.signed import SignedRule, check_scale
from netsparse.rewiring.state import LayerState
from netsparse.typing import EdgeVector, Seed


@dataclass(frozen=True, repr=False)
class DeepR(SignedRule):
    """DEEP R: every step theta of each edge gets noise and a pull towards 0; whoever reaches it is replaced.

    The weight of a pair is sign * max(theta, 0) with a sign fixed for ever. Every optimizer step is followed by
    theta += lr * N(0, noise^2) - lr * l1 for all edges. Those with theta <= 0 have died, and each layer grows exactly
    as many at uniformly random free pairs, the places of the dead among them, with theta = 1e-12. The authors' script
    trains by SGD without momentum or weight decay, at a learning rate of 0.5 and below.

    Parameters
    ----------
    l1 : float
        Pull towards 0, before it is multiplied by the learning rate.
    noise : float
        Standard deviation of the noise, before it is multiplied by the learning rate.
    budget : str or function
        "layer": the exact count of every layer. `BySize(densities=(0.01, 0.03, 0.3))` of `netsparse.rewiring.by_size`
        is the paper's global variant: each missing edge chooses its layer with probability ~ n_in * n_out * density.
    sign_seed : int
        Of the signs, see `netsparse.rewiring.signs`.
    drop, grow, newborn, every, ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    References
    ----------
    Bellec, Kappel, Maass, Legenstein, Deep rewiring: training very sparse deep networks, ICLR 2018, arXiv:1711.05136.

    Examples
    --------
    >>> import numpy as np
    >>> from netsparse.graph import BipartiteGraph
    >>> from netsparse.rewiring.signs import edge_signs
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 0, 0], n_in=4, n_out=2)
    >>> theta = np.array([0.1, -0.2, 0.3, 0.0])
    >>> delta = DeepR().propose(graph, edge_signs(0, 0, graph) * theta, rng=0)
    >>> delta.removed.tolist(), delta.n_added
    ([1, 3], 2)
    """

    _: KW_ONLY
    noise: float = 1e-5
    l1: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("l1", self.l1, type(self))

    def after_step(self, states: Sequence[LayerState], *, lr: float, rng: Seed) -> Sequence[EdgeVector | None] | None:
        """Return the weights with noise and pull, and 0 where theta is not above 0."""
        return [
            self._pulled(state, weights, lr)
            for state, weights in zip(states, self.shaken(states, lr, rng), strict=True)
        ]

    def _pulled(self, state: LayerState, weights: EdgeVector, lr: float) -> EdgeVector:
        signs = self.signs(state)
        weights -= signs * weights.dtype.type(lr * self.l1)
        if self.has_death:
            weights[signs * weights <= 0.0] = 0.0
        return weights
