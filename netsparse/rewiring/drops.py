"""Whom to drop: `(state, n_drop, rng) -> edge ids`, exact counts but for the one by death, ties broken at random."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidOption, TrainingDiverged
from netsparse.rewiring.parts import Drop, needs
from netsparse.rewiring.scores import relative_importance, smallest_magnitude, smallest_sign_wise, soft_smallest
from netsparse.rewiring.signs import edge_signs
from netsparse.rewiring.state import LayerState
from netsparse.typing import EdgeIds, EdgeVector

# by weight ------------------------------------------------------------------------------------------------------------


def magnitude(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the edges of smallest |w|: RigL, Evci et al., arXiv:1911.11134."""
    return smallest_magnitude(state.weights, n_drop, rng)


def sign_wise(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the positive and the negative edges closest to zero: SET, see `smallest_sign_wise`."""
    return smallest_sign_wise(state.weights, n_drop, rng)


def importance(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the edges of smallest |w| relative to the weights around: the code of CHT, see `relative_importance`."""
    return smallest_magnitude(relative_importance(state.graph, state.weights), n_drop, rng)


@dataclass(frozen=True)
class Soft:
    """Drop all edges but those that are kept by lot, with probabilities proportional to |w|^T: see `soft_smallest`.

    Parameters
    ----------
    temperature : float
        T, at least 0: 0 is at random, infinity is `magnitude`.

    Raises
    ------
    InvalidOption
        For another temperature.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> state = LayerState(0, complete(2, 2), np.array([0.0, 1.0, 0.0, -1.0]))
    >>> Soft(temperature=2.0)(state, 2, np.random.default_rng(0)).tolist()
    [0, 2]
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        _check_positive("temperature", self.temperature, "temperature=1.0", infinite=True)

    def __call__(self, state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
        """Drop the edges that are last in the race."""
        return soft_smallest(state.weights, n_drop, self.temperature, rng)


# by sign --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Death:
    """Drop the edges with theta <= 0, where the weight is sign * theta: how many they are is theirs, not `fraction`'s.

    In rules whose edges start with their signs, `SignedRule`; elsewhere half of all random weights are dead.

    Parameters
    ----------
    sign_seed : int, optional
        Of the signs, see `netsparse.rewiring.signs`. None: the one of the rule it is a part of, 0 outside of one.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 0, 0], n_in=4, n_out=1)
    >>> theta = np.array([0.1, -0.2, 0.3, 0.0])
    >>> Death()(LayerState(0, graph, edge_signs(0, 0, graph) * theta), 0, np.random.default_rng(0)).tolist()
    [1, 3]
    """

    sign_seed: int | None = None

    counts_itself: ClassVar[bool] = True
    """Rules refuse a fraction beside it."""

    def __call__(self, state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
        """Find them; `n_drop` and `rng` are not asked."""
        return np.flatnonzero(edge_signs(self.sign_seed or 0, state.index, state.graph) * state.weights <= 0.0)


# by gradient ----------------------------------------------------------------------------------------------------------


@needs("grads")
def sensitivity(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the edges of smallest |w * dL/dw|, what the loss would change by to first order if they went."""
    return smallest_magnitude(state.weights * _gradients(state), n_drop, rng)


@needs("grads")
@dataclass(frozen=True)
class MagnitudeAndGradient:
    """Drop the edges of smallest |w| + lambda |dL/dw|: MEST, Yuan et al., arXiv:2110.14032.

    Parameters
    ----------
    gradient_weight : float
        Lambda, at least 0. 0.01 is ours: the paper's could not be read (unverified), and its scripts leave it at 0.

    Raises
    ------
    InvalidOption
        For another number.
    """

    gradient_weight: float = 0.01

    def __post_init__(self) -> None:
        _check_positive("gradient_weight", self.gradient_weight, "gradient_weight=0.01")

    def __call__(self, state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
        """Drop the edges of smallest score; without a weight gradients are not asked for."""
        scores = np.abs(state.weights)
        if self.gradient_weight:
            scores = scores + self.gradient_weight * np.abs(_gradients(state))
        return smallest_magnitude(scores, n_drop, rng)


def _gradients(state: LayerState) -> EdgeVector:
    grads = state.grads.at_edges()
    if not np.isfinite(grads).all():
        given, expected = "NaN or infinite values", "finite gradients of every layer"
        raise TrainingDiverged("gradients", given, expected, "a smaller learning rate")
    return grads


# by age ---------------------------------------------------------------------------------------------------------------


@needs("ages")
def oldest(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the edges that were born first: ours, a topology that forgets at a fixed rate, whatever has been learnt."""
    ages = np.asarray(state.ages, dtype=np.float64)
    return smallest_magnitude(ages.max(initial=0.0) - ages, n_drop, rng)


@needs("ages")
def youngest(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the edges that were born last: ours, a control in which the first edges stay for ever."""
    return smallest_magnitude(np.asarray(state.ages, dtype=np.float64), n_drop, rng)


@needs("ages")
@dataclass(frozen=True)
class Mature:
    """Drop the edges of smallest |w| among those that have had time to learn: ours.

    A newborn edge starts at or near zero and is the first to go by |w|, if the rewirings follow each other closely.
    Here the edges below an age are spared; where that leaves too few, the smallest |w| of the young go as well.
    ITOP (arXiv:2102.02887) reaches the same by waiting longer between rewirings.

    Parameters
    ----------
    age : int
        Optimizer steps from which on an edge counts as mature, at least 0.

    Raises
    ------
    InvalidOption
        For another age.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> state = LayerState(0, complete(4, 1), np.array([0.0, 0.3, 0.2, 0.1]), ages=np.array([5, 200, 300, 40]))
    >>> Mature(age=100)(state, 1, np.random.default_rng(0)), Mature(age=100)(state, 3, np.random.default_rng(0))
    (array([2]), array([0, 1, 2]))
    """

    age: int = 100

    def __post_init__(self) -> None:
        if not isinstance(self.age, int | np.integer) or isinstance(self.age, bool) or self.age < 0:
            raise InvalidOption("age", repr(self.age), "a whole number of optimizer steps, at least 0", "age=100")

    def __call__(self, state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
        """Drop mature edges first."""
        is_mature = np.asarray(state.ages) >= self.age
        mature, young = np.flatnonzero(is_mature), np.flatnonzero(~is_mature)
        n_mature = min(n_drop, len(mature))
        gone = mature[smallest_magnitude(state.weights[mature], n_mature, rng)]
        if n_mature == n_drop:
            return gone
        return np.sort(np.append(gone, young[smallest_magnitude(state.weights[young], n_drop - n_mature, rng)]))


# by nothing -----------------------------------------------------------------------------------------------------------


def at_random(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop edges uniformly at random."""
    return np.sort(rng.choice(state.graph.n_edges, n_drop, replace=False, shuffle=False))


def _check_positive(name: str, value: Any, fix: str, *, infinite: bool = False) -> None:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if not (0.0 <= number < np.inf or (infinite and number == np.inf)):
        raise InvalidOption(name, repr(value), "a number, at least 0" + ", or inf" * infinite, fix)


DROPS: dict[str, Drop] = {
    "magnitude": magnitude,
    "sign_wise": sign_wise,
    "sensitivity": sensitivity,
    "magnitude_and_gradient": MagnitudeAndGradient(),
    "soft": Soft(),
    "importance": importance,
    "death": Death(),
    "mature": Mature(),
    "oldest": oldest,
    "youngest": youngest,
    "random": at_random,
}
