"""`MEST`: mutation within a bound on memory, hard or soft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import ClassVar

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.rewiring.drops import MagnitudeAndGradient
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.state import Kept, LayerState, Moment
from netsparse.typing import EdgeIds

BOUNDS = ("hard", "soft")


@dataclass(frozen=True, repr=False)
class MEST(RewiringRule):
    """Memory-Economic Sparse Training: drop the smallest |w| + lambda |dL/dw|, grow at random, less and less.

    Every 5 epochs. `bound="hard"` is Elastic Mutation (EM): a share of each layer's edges is dropped, and as many grow.
    `bound="soft"` is Elastic Mutation under a Soft Memory Bound (EM&S): first the edges grow beyond the number a layer
    had at the start, by that share of it, are trained, and before the next growth as many of smallest score are
    dropped; what is dropped has had its time to learn. The share falls in steps: after k of n milestones it is
    `fraction` * (1 - k / n).

    Parameters
    ----------
    fraction : float
        The share at the start. 0.2 is that of the scripts for EM at 90 and 95 % sparsity; for EM&S theirs is 0.5 at
        90 % and 1.0 at 95 %.
    gradient_weight : float
        Lambda, at least 0; at 0 no gradients are needed. 0.01 is ours: the paper's value could not be read
        (unverified); the released scripts leave it at 0.
    bound : {"hard", "soft"}
        Whether a layer may have more edges than at the start.
    milestones : sequence of float
        Shares of the run at which the share falls, increasing, in [0, 1]: epochs 90 and 120 of 160.
    grow, newborn, budget, every, every_epochs, since, until ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Notes
    -----
    Score, interval, milestones, bounds and growth at random from 0 are read from the authors' code. It rewires before
    the first step as well, here it is first done after 5 epochs, and its numbers come from a percentile of all weights,
    here they are exact. Outside a run the number at the start is the one that a layer has.

    Under the soft bound the count changes from one rewiring to the next, and a run ends with the number of its start if
    a rewiring falls behind the last milestone: no edges grow there, those in excess go. In a run so short that none
    does, the excess stays.

    References
    ----------
    Yuan et al., MEST: accurate and fast memory-economic sparse training framework on the edge, NeurIPS 2021,
    arXiv:2110.14032.

    Examples
    --------
    >>> rule = MEST(every_epochs=1)
    >>> [round(rule.fraction_at(Moment(step, 160)), 3) for step in (0, 89, 90, 119, 120, 159)]
    [0.2, 0.2, 0.1, 0.1, 0.0, 0.0]
    """

    fraction: float = 0.2
    _: KW_ONLY
    gradient_weight: float = 0.01
    bound: str = "hard"
    milestones: Sequence[float] = (0.5625, 0.75)
    every_epochs: int = 5

    fixed: ClassVar[frozenset[str]] = frozenset({"drop", "schedule", "end_fraction"})

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_scored", MagnitudeAndGradient(self.gradient_weight))
        if self.bound not in BOUNDS:
            raise unknown_name("bound", self.bound, BOUNDS)
        object.__setattr__(self, "milestones", _as_milestones(self.milestones))
        object.__setattr__(self, "gradient_weight", float(self.gradient_weight))
        if self.gradient_weight:
            object.__setattr__(self, "needs", self.needs | {"grads"})
        if self.bound == "soft":
            object.__setattr__(self, "keeps_count", False)

    _scored: ClassVar[MagnitudeAndGradient]

    def fraction_at(self, at: Moment) -> float:
        """Return the share of edges that is replaced, or grown in excess, at a moment of a run."""
        passed = sum(at.progress >= milestone for milestone in self.milestones)
        return self.fraction * (1.0 - passed / len(self.milestones))

    def n_drop(self, state: LayerState, at: Moment) -> int:
        """Return the share of a layer's edges, or what it has in excess under a soft bound."""
        if self.bound == "hard":
            return super().n_drop(state, at)
        return max(0, state.graph.n_edges - _at_start(state, at))

    def dropped(self, state: LayerState, n_drop: int, at: Moment, rng: np.random.Generator) -> EdgeIds:
        """Return the edges of smallest |w| + lambda |dL/dw|."""
        return self._scored(state, n_drop, rng)

    def shared(
        self, kept: Sequence[Kept], n_grow: Sequence[int], at: Moment, rng: np.random.Generator
    ) -> Sequence[int]:
        """Return how many edges each layer grows: what it has lost, or the excess that it has room for."""
        if self.bound == "soft":
            excess = [round(self.fraction_at(at) * _at_start(layer.before, at)) for layer in kept]
            n_grow = [min(n, layer.n_free) for n, layer in zip(excess, kept, strict=True)]
        return super().shared(kept, n_grow, at, rng)


def _at_start(state: LayerState, at: Moment) -> int:
    return state.graph.n_edges if at.n_edges_at_start is None else at.n_edges_at_start[state.index]


def _as_milestones(given: object) -> tuple[float, ...]:
    expected, fix = "shares of the run, increasing, in [0, 1]", "milestones=(0.5625, 0.75)"
    listed = given if isinstance(given, list | tuple) else ()
    shares = [float(m) for m in listed if isinstance(m, Real) and not isinstance(m, bool)]
    if not shares or len(shares) < len(listed) or shares != sorted(shares) or not 0.0 <= shares[0] <= shares[-1] <= 1.0:
        raise InvalidOption("milestones", repr(given), expected, fix)
    return tuple(shares)
