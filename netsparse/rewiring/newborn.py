"""What a newborn edge weighs: `(kept, sources, targets, rng) -> weights`, None for zeros."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.rewiring.parts import Newborn, named_part
from netsparse.rewiring.signs import signs
from netsparse.rewiring.state import Kept
from netsparse.typing import EdgeVector, UnitIds


def zero(kept: Kept, sources: UnitIds, targets: UnitIds, rng: np.random.Generator) -> EdgeVector | None:
    """Start at 0, so that growing changes no output: RigL, CHT, and the Keras code of SET."""
    return None


@dataclass(frozen=True)
class Normal:
    """Start at N(0, std^2); 0.1 is what the NumPy code of SET's authors uses."""

    std: float = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.std, Real) or isinstance(self.std, bool) or not 0.0 <= self.std < float("inf"):
            raise InvalidOption("newborn", repr(self.std), "a standard deviation, at least 0", "newborn=0.1")

    def __call__(self, kept: Kept, sources: UnitIds, targets: UnitIds, rng: np.random.Generator) -> EdgeVector | None:
        """Draw the weights."""
        return rng.normal(0.0, self.std, len(sources)) if self.std else None


def he_uniform(kept: Kept, sources: UnitIds, targets: UnitIds, rng: np.random.Generator) -> EdgeVector | None:
    """Start at U(-l, l) with l = sqrt(6 / n_in), the dense fan-in, as Curci, Mocanu, Pechenizkiy, arXiv:2102.01732."""
    bound = np.sqrt(6.0 / kept.before.graph.n_in)
    return rng.uniform(-bound, bound, len(sources))


def xavier_uniform(kept: Kept, sources: UnitIds, targets: UnitIds, rng: np.random.Generator) -> EdgeVector | None:
    """Start at U(-l, l) with l = sqrt(6 / (n_in + n_out)), the other choice in the code of arXiv:2102.01732."""
    bound = np.sqrt(6.0 / sum(kept.before.graph.sizes))
    return rng.uniform(-bound, bound, len(sources))


@dataclass(frozen=True)
class SignedValue:
    """Start at the same theta everywhere: the weight is that number times the sign of the position.

    Parameters
    ----------
    theta : float
        Above 0; 1e-12 in the codes of DEEP R and of Bayesian connectivity sampling.
    sign_seed : int, optional
        As for `Death`.

    Raises
    ------
    InvalidOption
        For another number.
    """

    theta: float = 1e-12
    sign_seed: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.theta, Real) or isinstance(self.theta, bool) or not 0.0 < self.theta < float("inf"):
            raise InvalidOption("theta", repr(self.theta), "a number above 0", "SignedValue(1e-12)")

    def __call__(self, kept: Kept, sources: UnitIds, targets: UnitIds, rng: np.random.Generator) -> EdgeVector | None:
        """Return the weights."""
        return signs(self.sign_seed or 0, kept.before.index, sources, targets).astype(np.float64) * self.theta


NEWBORNS: dict[str, Newborn] = {
    "zero": zero,
    "normal": Normal(),
    "he_uniform": he_uniform,
    "xavier_uniform": xavier_uniform,
    "signed": SignedValue(),
}


def named_newborn(newborn: Any) -> Newborn:
    """Return the part of that name, the normal distribution of that standard deviation, or the part itself."""
    if isinstance(newborn, Real) and not isinstance(newborn, bool):
        return Normal(float(newborn)) if newborn else zero
    return named_part("newborn", newborn, NEWBORNS)
