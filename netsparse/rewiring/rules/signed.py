"""Rules in which every position has a sign for ever, and an edge lives as long as its weight has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.rewiring.drops import Death
from netsparse.rewiring.newborn import SignedValue
from netsparse.rewiring.parts import Drop, Newborn
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.signs import edge_signs
from netsparse.rewiring.state import LayerState
from netsparse.rng import as_rng
from netsparse.typing import EdgeVector, Seed


@dataclass(frozen=True, repr=False)
class SignedRule(RewiringRule):
    """What DEEP R and its relatives have in common: theta = sign * weight, noise at every step, death at theta <= 0.

    An edge that has died has the weight 0 from the end of that optimizer step on, as in W = sign * max(theta, 0).
    With `every=1` it is replaced right then; with a larger one, or after the last step of a run, it stays for a while,
    acts with 0, and may come back to life with its own sign.

    Parameters
    ----------
    noise : float
        Standard deviation of the noise: every step adds lr * N(0, noise^2) to theta of every edge.
    sign_seed : int
        Of the signs, see `netsparse.rewiring.signs`: part of the rule and not of a run, like its other options.
    drop : str or function
        Other than by death, only where wanted for a comparison: signs then matter to newborn edges alone.
    every, newborn, ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options; for a `fraction` or a schedule of it beside death, which follows none.
    """

    _: KW_ONLY
    drop: str | Drop = "death"
    newborn: str | float | Newborn = "signed"
    every: int | None = 1
    noise: float = 0.0
    sign_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("noise", self.noise, type(self))
        seed = self.sign_seed
        if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**64:
            raise InvalidOption("sign_seed", repr(seed), "a whole number from 0 to 2**64 - 1", "sign_seed=0")
        object.__setattr__(self, "sign_seed", int(seed))
        object.__setattr__(self, "_parts", tuple(_seeded(part, self.sign_seed) for part in self._parts))

    @property
    def has_death(self) -> bool:
        """Whether edges go because their weight has lost its sign."""
        return isinstance(self._parts[0], Death)

    def start(self, states: Sequence[LayerState], *, rng: Seed) -> Sequence[EdgeVector | None] | None:
        """Return |weight| * sign: every edge starts alive."""
        return [np.abs(state.weights) * self.signs(state) for state in states]

    def after_step(self, states: Sequence[LayerState], *, lr: float, rng: Seed) -> Sequence[EdgeVector | None] | None:
        """Return the weights with the noise, and 0 where theta is not above 0."""
        return [
            self.living(state, weights) for state, weights in zip(states, self.shaken(states, lr, rng), strict=True)
        ]

    def shaken(self, states: Sequence[LayerState], lr: float, rng: Seed) -> list[EdgeVector]:
        """Return weights + lr * N(0, noise^2), new arrays; the sign of noise of either sign is nobody's."""
        if not self.noise:
            return [state.weights.copy() for state in states]
        kind = np.float64 if any(state.weights.dtype == np.float64 for state in states) else np.float32
        ends = np.cumsum([len(state.weights) for state in states])
        drawn = as_rng(rng).standard_normal(int(ends[-1]) if len(ends) else 0, dtype=kind)
        drawn *= kind(lr * self.noise)
        parts = np.split(drawn, ends[:-1])
        for part, state in zip(parts, states, strict=True):
            part += state.weights
        return parts

    def living(self, state: LayerState, weights: EdgeVector) -> EdgeVector:
        """Return `weights` with those of the dead set to 0, in place; all of them where edges go for other reasons."""
        if self.has_death:
            weights[self.signs(state) * weights <= 0.0] = 0.0
        return weights

    def signs(self, state: LayerState) -> EdgeVector:
        """Return the signs of the edges of a layer."""
        return edge_signs(self.sign_seed, state.index, state.graph)


def _seeded(part: Any, sign_seed: int) -> Any:
    """Return a part with the rule's seed of the signs, where it asks for one and has none."""
    asks = isinstance(part, Death | SignedValue) and part.sign_seed is None
    return replace(part, sign_seed=sign_seed) if asks else part


def check_scale(name: str, value: Any, rule: type) -> None:
    """Raise `InvalidOption` unless an option is a finite number of at least 0."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0.0 <= float(value) < float("inf"):
        fix = f"{name}={rule.__dataclass_fields__[name].default}"
        raise InvalidOption(name, repr(value), "a finite number, at least 0", fix)
