"""Growth that looks at no more than gradients: uniform, where they are largest, in proportion to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, TrainingDiverged
from netsparse.graph.free_pairs import free_pairs_without
from netsparse.rewiring.growth.highest_free import Scores, highest_free_pairs
from netsparse.rewiring.parts import needs
from netsparse.rewiring.state import Kept
from netsparse.typing import UnitIds


def uniform(kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
    """Grow uniformly random free pairs, the places of dropped edges among them: SET."""
    return free_pairs_without(kept.before.graph, kept.removed, n_grow, rng)


@needs("grads")
def gradient(kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
    """Grow the free pairs of largest |dL/dw|: RigL, Evci et al., arXiv:1911.11134. Ties in canonical order.

    All pairs are looked at, block by block. Gradients that know how to search (`grads.top_free_pairs`) do; others are
    asked for `grads.rows(targets)`, or pair by pair for `grads.at_pairs(sources, targets)`.
    """
    search = getattr(kept.grads, "top_free_pairs", None)
    if search is not None:
        return search(kept.graph, n_grow)
    return highest_free_pairs(kept.graph, n_grow, _sizes(kept))


@needs("grads")
@dataclass(frozen=True)
class SampledGradient:
    """Grow the pairs of largest |dL/dw| among free pairs drawn uniformly: for layers where all pairs are too many.

    Work and memory grow with the edges that grow, not with n_in x n_out. The sampling is ours. Ties in canonical order.

    Parameters
    ----------
    candidates : float
        Free pairs that are looked at for every edge that grows, at least 1; all of them where there are no more.

    Raises
    ------
    InvalidOption
        For fewer candidates.
    """

    candidates: float = 10.0

    def __post_init__(self) -> None:
        if not _is_number(self.candidates) or not 1.0 <= self.candidates < math.inf:
            expected = "how many pairs to choose each edge from, at least 1"
            raise InvalidOption("candidates", repr(self.candidates), expected, "candidates=10.0")

    def __call__(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Draw the candidates and grow the best."""
        n_candidates = max(n_grow, min(math.ceil(self.candidates * n_grow), kept.n_free))
        sources, targets = free_pairs_without(kept.before.graph, kept.removed, n_candidates, rng)
        if n_candidates == n_grow:
            return sources, targets
        values = np.abs(kept.grads.at_pairs(sources, targets))
        if not np.isfinite(values).all():
            given, expected = "NaN or infinite values", "finite gradients of every layer"
            raise TrainingDiverged("gradients", given, expected, "a smaller learning rate")
        bar = np.partition(values, n_candidates - n_grow)[n_candidates - n_grow]
        grows = values > bar
        grows[np.flatnonzero(values == bar)[: n_grow - np.count_nonzero(grows)]] = True
        return sources[grows], targets[grows]


@needs("grads")
@dataclass(frozen=True)
class SoftGradient:
    """Grow free pairs by lot, drawn without replacement with probabilities proportional to |dL/dw|^T: ours.

    The counterpart of `Soft` for growth: it explores where the largest gradients of a single batch mislead. Pairs of
    gradient zero come last, at random among themselves. One random number is drawn per pair of the layer.

    Parameters
    ----------
    temperature : float
        T, finite and at least 0: 0 is `uniform`, a large one nears `gradient`.

    Raises
    ------
    InvalidOption
        For another temperature.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not _is_number(self.temperature) or not 0.0 <= self.temperature < math.inf:
            expected = "a finite number, at least 0"
            raise InvalidOption("temperature", repr(self.temperature), expected, "temperature=1.0")

    def __call__(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Grow the pairs of largest T log|g| + G, G a Gumbel variable: the same law as drawing one by one."""
        sizes = _sizes(kept)
        none = self.temperature * math.log(np.nextafter(0.0, 1.0)) - 100.0  # below all others, whatever they draw

        def scores(first: int, last: int) -> np.ndarray:
            block = sizes(first, last).astype(np.float64)
            if not np.isfinite(block).all():
                return block
            is_zero = block == 0.0
            block = np.log(block, out=block, where=~is_zero)
            block *= self.temperature
            if self.temperature:
                block[is_zero] = none
            block += rng.gumbel(size=block.shape)
            return block

        return highest_free_pairs(kept.graph, n_grow, scores)


@needs("grads")
def momentum(kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
    """Grow the free pairs of largest |momentum| among 10 sampled candidates for each: SNFS, arXiv:1907.04840.

    No optimizer holds the momentum of a pair that is no edge: it is what the rule's window of backward passes adds up
    to (`gradient_steps`, `gradient_decay`). In a rule without a window this is `sampled_gradient`. The estimate from a
    window and from candidates is ours; the authors keep dense gradients and dense momenta.
    """
    return SampledGradient()(kept, n_grow, rng)


def _sizes(kept: Kept) -> Scores:
    """Return |gradient| of all pairs that end at a block of targets, from whichever question is answered."""
    grads, n_in = kept.grads, kept.before.graph.n_in
    rows = getattr(grads, "rows", None)

    def sizes(first: int, last: int) -> np.ndarray:
        targets = np.arange(first, last)
        if rows is not None:
            return np.abs(rows(targets))
        pairs = np.tile(np.arange(n_in), len(targets)), np.repeat(targets, n_in)
        return np.abs(grads.at_pairs(*pairs)).reshape(len(targets), n_in)

    return sizes


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
