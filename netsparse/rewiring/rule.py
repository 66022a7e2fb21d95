"""`RewiringRule`: the skeleton of every rule - when, how much, drop, grow, budget, value - written once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph, EdgeDelta
from netsparse.graph.checks import as_count, as_unit_ids
from netsparse.rewiring.budgets import BUDGETS
from netsparse.rewiring.checks import check_share, check_whole, checked_state
from netsparse.rewiring.drops import DROPS
from netsparse.rewiring.growth import GROWTHS
from netsparse.rewiring.newborn import named_newborn
from netsparse.rewiring.parts import Budget, Drop, Grow, Newborn, named_part, needed_by
from netsparse.rewiring.schedules import SCHEDULES
from netsparse.rewiring.state import START, Kept, LayerState, Moment, distinct
from netsparse.rng import streams
from netsparse.typing import EdgeIds, EdgeVector, Seed, UnitIds

OPTIMIZER_STATES = ("zero", "kept", "all_zero")
REGROWN = ("newborn", "survivor")


@dataclass(frozen=True, repr=False)
class RewiringRule:
    """A rule proposes an `EdgeDelta` for every layer; it never touches a model, a mask or an optimizer.

    It is a value made of parts, each a name or a function of one's own; the published rules are presets of them, and
    their deviations from one another are options. A preset changes defaults and, where a rule does more than its
    parts, overrides one of the methods that `propose_all` calls in this order: `n_drops`, `dropped`,
    `trimmed`, `shared`, `grown`, `values`.

    Parameters
    ----------
    fraction : float
        Share of a layer's edges that is replaced at each rewiring, in [0, 1]: round(fraction * n_edges) of them.
    drop : str or function
        Whom to drop, see `netsparse.rewiring.drops`.
    grow : str or function
        Whom to grow, see `netsparse.rewiring.growth`.
    newborn : str, float or function
        What a newborn edge weighs, see `netsparse.rewiring.newborn`; a number is the standard deviation of a normal
        distribution.
    budget : str or function
        Where the edges that grow go, see `netsparse.rewiring.budgets`.
    schedule : {"constant", "cosine", "linear", "inverse_power"}
        How `fraction` goes from its value at `since` to `end_fraction` at `until`.
    end_fraction : float
        What the schedule leads to; nothing to a constant one.
    every : int, optional
        Optimizer steps between two rewirings, 1 for one at every step; None: epochs count.
    every_epochs : int
        Epochs between two rewirings where `every` is None.
    since, until : float
        Shares of the run between which the rule acts, in [0, 1].
    skip_step : bool
        Whether the optimizer step that a rewiring follows is left out: RigL uses its gradients to grow instead.
    regrown : {"newborn", "survivor"}
        What a pair is that is dropped and grown in one rewiring: an edge that starts anew, or one that was never
        touched and keeps weight, optimizer state and age.
    optimizer_state : {"zero", "kept", "all_zero"}
        State of a newborn edge: 0; what the edge that was dropped at its place had, where there was one; or 0 for it
        and all other edges of the layer.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Attributes
    ----------
    keeps_count : bool
        Whether as many edges grow as are dropped, over all layers. A rule that does not says why; a budget that does
        not carries the attribute `keeps_count = False`.
    needs : frozenset of str
        What of a `LayerState` it reads that is only there on request: "grads", "momentum", "ages".
    gradient_steps, gradient_decay : int, float
        Over how many backward passes before a rewiring `grads` reaches, and the factor between one and the next.
    """

    fraction: float = 0.3
    _: KW_ONLY
    drop: str | Drop = "magnitude"
    grow: str | Grow = "uniform"
    newborn: str | float | Newborn = "zero"
    budget: str | Budget = "layer"
    schedule: str = "constant"
    end_fraction: float = 0.0
    every: int | None = None
    every_epochs: int = 1
    since: float = 0.0
    until: float = 1.0
    skip_step: bool = False
    regrown: str = "newborn"
    optimizer_state: str = "zero"

    keeps_count: ClassVar[bool] = True
    fixed: ClassVar[frozenset[str]] = frozenset()
    """Options that a preset leaves as they are, because it would not follow them."""
    also_needs: ClassVar[frozenset[str]] = frozenset()
    """What the methods that a preset overrides read on request."""
    gradient_steps: ClassVar[int] = 1
    gradient_decay: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        for option in fields(self):  # numpy's numbers would not be equal in a file
            if isinstance(value := getattr(self, option.name, None), np.generic):
                object.__setattr__(self, option.name, value.item())
        for name in self.fixed:
            default = type(self).__dataclass_fields__[name].default
            if getattr(self, name) != default:
                expected = f"none beside {type(self).__name__}, which does not follow it"
                raise InvalidOption(name, repr(getattr(self, name)), expected, f"leaving {name} out")
        for name in ("fraction", "end_fraction", "since", "until"):
            check_share(name, getattr(self, name), type(self))
        if self.since > self.until:
            given = f"{self.since} after until={self.until}"
            raise InvalidOption("since", given, "a share of the run before the other", "since=0.0")
        check_whole("every", self.every, allows_none=True)
        check_whole("every_epochs", self.every_epochs)
        for name in ("fraction", "end_fraction", "since", "until"):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name, table in (("schedule", SCHEDULES), ("regrown", REGROWN), ("optimizer_state", OPTIMIZER_STATES)):
            if getattr(self, name) not in table:
                raise unknown_name(name, getattr(self, name), table)
        parts = (
            named_part("drop", self.drop, DROPS),
            named_part("grow", self.grow, GROWTHS),
            named_part("budget", self.budget, BUDGETS),
            named_newborn(self.newborn),
        )
        for name in ("fraction", "end_fraction", "schedule") if getattr(parts[0], "counts_itself", False) else ():
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                expected = f"none beside drop={self.drop!r}: as many die as die"
                raise InvalidOption(name, repr(getattr(self, name)), expected, f"drop='magnitude', {name}=...")
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "keeps_count", type(self).keeps_count and getattr(parts[2], "keeps_count", True))
        object.__setattr__(self, "needs", self.also_needs.union(*map(needed_by, parts)))

    needs: ClassVar[frozenset[str]]
    _parts: ClassVar[tuple[Drop, Grow, Budget, Newborn]]

    # how much ---------------------------------------------------------------------------------------------------------

    def fraction_at(self, at: Moment) -> float:
        """Return the share of edges that is replaced at a moment of a run."""
        span = self.until - self.since
        t = min(max((at.progress - self.since) / span, 0.0), 1.0) if span else 0.0
        return self.end_fraction + (self.fraction - self.end_fraction) * SCHEDULES[self.schedule](t)

    def span(self, n_steps: int) -> tuple[int, int]:
        """Return the first and the last optimizer step of a run after which the rule may act; the very last is none."""
        rounding = 1e-9 * n_steps  # 0.29 of 100 steps are 29
        return math.ceil(self.since * n_steps - rounding), min(int(self.until * n_steps + rounding), n_steps - 1)

    # the steps of a proposal: what presets override -------------------------------------------------------------------

    def n_drops(self, states: Sequence[LayerState], at: Moment) -> Sequence[int]:
        """Return how many edges of each layer go, once all layers have been looked at."""
        return [self.n_drop(state, at) for state in states]

    def n_drop(self, state: LayerState, at: Moment) -> int:
        """Return how many edges of a layer go."""
        return round(self.fraction_at(at) * state.graph.n_edges)

    def dropped(self, state: LayerState, n_drop: int, at: Moment, rng: np.random.Generator) -> EdgeIds:
        """Return the ids of the edges of a layer that go."""
        return self._parts[0](state, n_drop, rng)

    def trimmed(self, states: Sequence[LayerState], removed: Sequence[EdgeIds]) -> Sequence[EdgeIds]:
        """Return the ids that go in each layer, once all layers have been looked at: the same, or some more."""
        return removed

    def shared(
        self, kept: Sequence[Kept], n_grow: Sequence[int], at: Moment, rng: np.random.Generator
    ) -> Sequence[int]:
        """Return how many edges each layer grows."""
        return self._parts[2](kept, n_grow, rng)

    def grown(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the pairs that a layer grows, free among its survivors: the places of dropped edges are free again."""
        return self._parts[1](kept, n_grow, rng)

    def values(self, kept: Kept, sources: UnitIds, targets: UnitIds, rng: np.random.Generator) -> EdgeVector | None:
        """Return the weights of newborn edges; None means 0."""
        return self._parts[3](kept, sources, targets, rng)

    # proposing --------------------------------------------------------------------------------------------------------

    def propose(
        self,
        graph: BipartiteGraph,
        weights: Any,
        grads: Any = None,
        *,
        momentum: Any = None,
        ages: Any = None,
        kernel_size: tuple[int, int] | None = None,
        at: Moment = START,
        rng: Seed,
    ) -> EdgeDelta:
        """Propose the change of one layer; usable without any training loop.

        Parameters
        ----------
        graph : BipartiteGraph
            The layer's wiring.
        weights : array of shape (n_edges,)
            Its weights, in canonical edge order.
        grads, momentum, ages, kernel_size
            See `LayerState`, for rules that need them.
        at : Moment
            Where in a run.
        rng : int or numpy.random.Generator
            Source of randomness.

        Raises
        ------
        InvalidEdgeVector
            If there is not one finite weight per edge, or momentum or age where the rule reads them.
        InvalidOption
            If something is missing that the rule needs, or a part returns what it must not: edges that there are not,
            another number of pairs than it was asked for, counts that are none.
        """
        state = LayerState(0, graph, weights, grads, momentum, ages, kernel_size)
        return self.propose_all([state], at=at, rng=rng)[0]

    def propose_all(self, states: Sequence[LayerState], *, at: Moment = START, rng: Seed) -> list[EdgeDelta]:
        """Propose the change of every layer of a model, each from its own child generator.

        Parameters
        ----------
        states : sequence of LayerState
            One per layer.
        at : Moment
            Where in a run; rules with a schedule read it.
        rng : int or numpy.random.Generator
            Source of randomness.
        """
        states = [checked_state(state, self.needs) for state in states]
        *children, last = streams(rng, len(states) + 1, purpose="rewiring")
        removed: Sequence[EdgeIds] = [
            self.dropped(state, n_drop, at, child)
            for state, n_drop, child in zip(states, self.n_drops(states, at), children, strict=True)
        ]
        gone = self.trimmed(states, removed)
        kept = [Kept(state, self._gone(state, ids)) for state, ids in zip(states, gone, strict=True)]
        n_grow = self._counts(self.shared(kept, [len(layer.removed) for layer in kept], at, last), len(kept))
        if self.keeps_count and sum(n_grow) != sum(len(layer.removed) for layer in kept):
            given = f"{sum(len(layer.removed) for layer in kept)} edges dropped, {sum(n_grow)} to be grown"
            fix = "a budget that shares out all of them, or keeps_count = False"
            raise InvalidOption(type(self).__name__, given, "as many of the one as of the other", fix)
        return [self._delta(*part) for part in zip(kept, n_grow, children, strict=True)]

    def _delta(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> EdgeDelta:
        kept.check_room(n_grow)
        sources, targets = map(as_unit_ids, ("added_sources", "added_targets"), self.grown(kept, n_grow, rng))
        if len(sources) != n_grow:
            fix = "a grow that returns as many pairs as it is asked for"
            raise InvalidOption(type(self).__name__, f"{len(sources)} pairs grown", f"exactly {n_grow}", fix)
        removed, graph = kept.removed, kept.before.graph
        if self.regrown == "survivor" and len(removed) and n_grow:
            were_edges = graph.has_edges(sources, targets)  # of the free pairs only the removed were
            back = graph.edge_ids(sources[were_edges], targets[were_edges])
            removed = np.setdiff1d(removed, back)
            if len(kept.removed) - len(removed) != len(back):
                given = f"{len(back)} pairs grown that were edges, {len(kept.removed) - len(removed)} of them dropped"
                expected, fix = "distinct pairs that are free among the survivors", "a grow that looks at kept.graph"
                raise InvalidOption(type(self).__name__, given, expected, fix)
            sources, targets = sources[~were_edges], targets[~were_edges]
        return EdgeDelta(removed, sources, targets, self.values(kept, sources, targets, rng))

    def _counts(self, n_grow: Sequence[int], n_layers: int) -> list[int]:
        if len(n_grow) != n_layers:
            fix = "a budget that returns one number per layer"
            raise InvalidOption(type(self).__name__, f"{len(n_grow)} numbers of edges to grow", f"{n_layers}", fix)
        return [as_count("n_grow", n) for n in n_grow]

    def _gone(self, state: LayerState, ids: Any) -> EdgeIds:
        given = as_unit_ids("removed", ids)
        gone = distinct(given)
        if len(gone) and not 0 <= gone[0] <= gone[-1] < state.graph.n_edges:
            wrong, expected = f"edges {gone[0]} to {gone[-1]} dropped", f"ids from 0 to {state.graph.n_edges - 1}"
            raise InvalidOption(type(self).__name__, wrong, expected, "positions in state.weights")
        if len(gone) != len(given):
            counts = f"{len(given)} ids of {len(gone)} edges dropped"
            raise InvalidOption(type(self).__name__, counts, "every edge once", "numpy.unique(ids)")
        return gone

    # beside the rewirings ---------------------------------------------------------------------------------------------

    def check_run(self, n_steps: int) -> None:
        """Raise `InvalidOption` for a run of so many optimizer steps in which the rule cannot do what it promises.

        Called before the first step; most rules promise nothing about the end of a run.
        """

    def start(self, states: Sequence[LayerState], *, rng: Seed) -> Sequence[EdgeVector | None] | None:
        """Return the weights that training starts from, one edge vector per layer; None leaves them as they are.

        Called once, before the first step; a rule with a memory empties it here.
        """
        return None

    def after_step(self, states: Sequence[LayerState], *, lr: float, rng: Seed) -> Sequence[EdgeVector | None] | None:
        """Return the weights after what the rule does to them in every optimizer step (noise, decay); None: nothing.

        Called after each step and before a rewiring that follows it, only where a rule overrides it.
        """
        return None

    @property
    def acts_after_steps(self) -> bool:
        """Whether the rule overrides `after_step`."""
        return type(self).after_step is not RewiringRule.after_step

    def memory(self) -> dict[str, np.ndarray]:
        """Return what the rule remembers from one call to the next, for a checkpoint; most remember nothing."""
        return {}

    def remember(self, memory: dict[str, np.ndarray]) -> None:
        """Take over what `memory` returned."""

    # as a value -------------------------------------------------------------------------------------------------------

    @classmethod
    def options(cls) -> dict[str, Any]:
        """Return the options it takes and their defaults."""
        names = [f for f in fields(cls) if f.init and f.name not in cls.fixed]
        return {f.name: None if f.default is MISSING else f.default for f in names}

    def parameters(self) -> dict[str, Any]:
        """Return the options that make this rule again: `type(rule)(**rule.parameters())`."""
        return {name: getattr(self, name) for name in self.options()}

    def __repr__(self) -> str:
        defaults = self.options()
        changed = {name: value for name, value in self.parameters().items() if value != defaults[name]}
        return f"{type(self).__name__}({', '.join(f'{name}={_named(value)}' for name, value in changed.items())})"


def _named(value: Any) -> str:
    return getattr(value, "__qualname__", None) or repr(value)
