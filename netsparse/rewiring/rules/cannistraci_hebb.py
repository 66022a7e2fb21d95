"""`CannistraciHebb` and its soft variant: growth by paths of three edges, once dead ends have been removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import ClassVar

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.rewiring.growth.path_growth import PathGrowth
from netsparse.rewiring.parts import Drop
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.rules.chain_removal import with_dead_ends
from netsparse.rewiring.scores import soft_smallest
from netsparse.rewiring.state import Kept, LayerState, Moment
from netsparse.typing import EdgeIds, UnitIds


@dataclass(frozen=True, repr=False)
class CannistraciHebb(RewiringRule):
    """Cannistraci-Hebb training (CHT): drop the weakest edges and dead ends, grow the pairs that most short paths join.

    Once an epoch, 30 % of the edges of each layer go by |w|; then all edges that are left on no path from the inputs to
    the last level (`with_dead_ends`); each layer grows as many as it has lost, the free pairs of highest CH3-L3 score.
    A layer whose topology has settled, so that more than 90 % of what would grow is what would go, stays as it is.

    Parameters
    ----------
    fraction : float
        Share of each layer's edges that goes by weight (the authors' zeta); dead ends come on top.
    drop : str or function
        Whom to drop: "magnitude", "importance" (|w| relative to the weights around, the authors' RI), "soft" (kept by
        lot, with probabilities proportional to |w|^T), or any other drop, see `netsparse.rewiring.drops`.
    score : {"ch3_l3n", "ch2_l3n", "ch3_l3p", "ch2_l3p", "ra_l3p"}
        What counts as short paths, see `path_score_rows`: summed over the nodes of the local community, as the authors'
        code does by default (n), or over its paths, as the scores are defined (p).
    soft : bool
        Whether the pairs that grow are drawn in proportion to the scores, instead of those of highest score.
    chain_removal : bool
        Whether dead ends go.
    early_stop : float or None
        Share of the edges to grow above which a layer is left alone if they equal those that would go; None: never.
    temperature, end_temperature : float
        T of drop="soft" at the beginning of the run, and at its end; in between it follows the steps.
    dense_limit : int
        Entries of the largest dense matrix that may be held, see `PathGrowth`; it changes time and memory alone.
    newborn, budget, schedule, every, until ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options, temperatures that `drop` does not follow among them, and an early stop with
        regrown="newborn", which would set the weights of the layer that it leaves alone to 0.

    Notes
    -----
    As in the authors' code, an edge that is dropped and grown in one rewiring counts as never touched, newborn edges
    are 0, and the optimizer leaves out the step before a rewiring. There, a layer of more than 90 % overlap goes on
    until all have reached it, and no layer is rewired from then on; here each layer is asked anew at each rewiring, so
    that a rule remembers nothing. Ties by lot are ours, see `PathGrowth`; the first version of their code drops each
    sign at its own threshold (`drop="sign_wise"`).

    References
    ----------
    Zhang, Zhao, Wu, Muscoloni, Cannistraci, Epitopological learning and Cannistraci-Hebb network shape intelligence
    brain-inspired theory for ultra-sparse advantage in deep learning, ICLR 2024, openreview.net/forum?id=iayEcORsGd.

    Examples
    --------
    >>> import numpy as np
    >>> from netsparse.graph import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 1, 2], [0, 0, 1, 2], n_in=3, n_out=3)
    >>> delta = CannistraciHebb(fraction=0.25).propose(graph, np.array([1.0, 1.0, 1.0, 0.1]), rng=0)
    >>> delta.removed.tolist(), delta.added_sources.tolist(), delta.added_targets.tolist()
    ([3], [0], [1])
    """

    _: KW_ONLY
    score: str = "ch3_l3n"
    soft: bool = False
    chain_removal: bool = True
    early_stop: float | None = 0.9
    temperature: float = 1.0
    end_temperature: float = 3.0
    dense_limit: int = 4_000_000
    skip_step: bool = True
    regrown: str = "survivor"

    fixed: ClassVar[frozenset[str]] = frozenset({"grow"})

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_growth", PathGrowth(self.score, self.soft, self.dense_limit))
        for name in ("temperature", "end_temperature"):
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool) or not 0.0 <= float(value) < float("inf"):
                raise InvalidOption(name, repr(value), "a number, at least 0", f"{name}=1.0")
            if self.drop != "soft" and value != type(self).__dataclass_fields__[name].default:
                raise InvalidOption(name, repr(value), "none beside a drop that does not follow it", "drop='soft'")
            object.__setattr__(self, name, float(value))
        if (share := self.early_stop) is not None:
            if not isinstance(share, Real) or isinstance(share, bool) or not 0.0 <= float(share) <= 1.0:
                raise InvalidOption("early_stop", repr(share), "a share in [0, 1], or None", "early_stop=0.9")
            if self.regrown != "survivor":
                given = f"{share} beside regrown={self.regrown!r}"
                raise InvalidOption("early_stop", given, "regrown='survivor' for it", "early_stop=None")
            object.__setattr__(self, "early_stop", float(share))

    _growth: ClassVar[PathGrowth]

    def temperature_at(self, at: Moment) -> float:
        """Return T of drop="soft" at a moment of a run."""
        return self.temperature + (self.end_temperature - self.temperature) * at.progress

    def dropped(self, state: LayerState, n_drop: int, at: Moment, rng: np.random.Generator) -> EdgeIds:
        """Return the ids of the edges of a layer that go, with T of the moment where drop="soft"."""
        if self.drop == "soft":
            return soft_smallest(state.weights, n_drop, self.temperature_at(at), rng)
        return super().dropped(state, n_drop, at, rng)

    def trimmed(self, states: Sequence[LayerState], removed: Sequence[EdgeIds]) -> Sequence[EdgeIds]:
        """Return the edges that go by weight, and the dead ends that they leave."""
        return with_dead_ends(states, removed) if self.chain_removal else removed

    def grown(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the pairs of highest score, or those of the removed edges where they are nearly the same."""
        sources, targets = self._growth(kept, n_grow, rng)
        before, removed = kept.before.graph, kept.removed
        if self.early_stop is not None and n_grow and n_grow == len(removed):
            n_same = int(np.count_nonzero(before.has_edges(sources, targets)))  # of the free pairs only removed ones
            if n_same > self.early_stop * n_grow:
                return before.sources[removed], before.targets[removed]
        return sources, targets


@dataclass(frozen=True, repr=False)
class CannistraciHebbSoft(CannistraciHebb):
    """Cannistraci-Hebb training with soft rules (CHTs): drop and grow by lot, in proportion to weights and scores.

    As `CannistraciHebb`, with drop="soft" (T from 1 to 3 over the run), soft=True and no early stop.

    References
    ----------
    Zhang, Zhao, Liao, Wu, Michieli, Cannistraci, Brain-inspired sparse training in MLP and transformers with network
    science modeling via Cannistraci-Hebb soft rule (2024), doi:10.20944/preprints202406.1136.v1.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> graph = erdos_renyi(20, 20, density=0.1, rng=0)
    >>> CannistraciHebbSoft(0.25).propose(graph, np.ones(40), rng=0).is_density_preserving
    True
    """

    _: KW_ONLY
    drop: str | Drop = "soft"
    soft: bool = True
    early_stop: float | None = None
