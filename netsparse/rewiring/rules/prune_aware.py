"""`PruneAware`: structured rewiring that ends in singleton pruning to a lower density, and a frozen rest of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidDensity, InvalidOption, unknown_name
from netsparse.generators.budget import as_density
from netsparse.generators.proportional import proportional_counts
from netsparse.metrics.blocks import check_axis
from netsparse.rewiring.growth.nearest import NearestFree
from netsparse.rewiring.rules.pruning import SCOPES, smallest_by_layer
from netsparse.rewiring.rules.structured import Structured
from netsparse.rewiring.state import Kept, LayerState, Moment
from netsparse.typing import EdgeIds, EdgeVector, Seed, UnitIds

BIRTHS = ("near_random", "near_strongest", "anywhere")


@dataclass(frozen=True, repr=False)
class PruneAware(Structured):
    """Prune-aware rewiring: structured at one density, cut down to another one along zero vectors, then frozen.

    Until the share `until` of the run it is `Structured` (or its weight-based or unstructured sibling, see `births`).
    The last time that it is due, nothing grows and edges go, in this order, until exactly `final_density` is left:

    1. the dead, whose weight has lost its sign;
    2. edges alone in their vector along `axis` (living ones counted), which leave it a zero vector; the smallest |w|
       first;
    3. all others, the smallest |w| first.

    From then on the wiring is frozen and the weights train on, so that the network gets over it.

    Parameters
    ----------
    final_density : float, optional
        Of all layers together, in (0, 1]: int(final_density * all pairs) edges are left. None: half of the edges of the
        start, such as 99 % sparsity after 98 %.
    axis : {"out", "in"}
        What the vectors run over: "out", all targets of one source unit; "in", all sources of one target. See
        `netsparse.metrics.zero_vectors`.
    scope : {"layer", "network"}
        Whether every layer is cut down by the same factor, or the smallest of the whole network go, wherever they are.
    births : {"near_random", "near_strongest", "anywhere"}
        Where edges grow before: next to random living edges (`Structured`), next to the strongest
        (`StructuredByWeight`), or at any free pair (`BayesianSampling`), as a control.
    until : float
        Share of the run after which the wiring is frozen.
    density, metric, noise, sign_seed, drop, newborn, budget, every, ...
        As for `Structured`, up to the cut; `every` has to be a number of optimizer steps.

    Raises
    ------
    InvalidOption, InvalidDensity, UnknownName
        For impossible options, a final density above the one before, and a run without a step to prune at.

    Notes
    -----
    The thesis prunes after training and sees the accuracy fall; that training should know of the pruning to come is its
    outlook. The order above, the exact count, the scopes, and what "a few frozen steps" are, are ours. Vectors that
    lose their last but one edge in the third part become new singletons: there is one round.

    Weights keep their signs in the frozen part as before: an edge that loses its sign acts with 0 and may come back.
    The number of edges falls, so `keeps_count` is False. A network that is sparser already keeps its edges. A run of
    unknown length is at its beginning: nothing is cut.

    References
    ----------
    Seidel, Structured Adversarial Rewiring, thesis, winter term 2022/23.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> from netsparse.rewiring.signs import edge_signs
    >>> rule, graph = PruneAware(final_density=0.5, until=0.9), complete(4, 2)
    >>> theta = np.array([0.8, 0.1, 0.7, 0.2, 0.6, 0.3, 0.5, -0.4])
    >>> delta = rule.propose(graph, edge_signs(0, 0, graph) * theta, at=Moment(90, 100), rng=0)
    >>> delta.removed.tolist(), delta.n_added  # the dead, then 0.2, alone at its source; then 0.1 and 0.3
    ([1, 3, 5, 7], 0)
    """

    _: KW_ONLY
    final_density: float | None = None
    axis: str = "out"
    scope: str = "layer"
    births: str = "near_random"
    until: float = 0.9

    keeps_count: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.final_density is not None:
            object.__setattr__(self, "final_density", as_density(self.final_density, "final_density"))
        check_axis(self.axis)
        for name, table in (("scope", SCOPES), ("births", BIRTHS)):
            if getattr(self, name) not in table:
                raise unknown_name(name, getattr(self, name), table)
        if self.every is None:
            raise InvalidOption("every", "None", "optimizer steps, because the cut is at one of them", "every=1")
        if self.final_density is not None and self.density is not None and self.final_density > self.density:
            given, expected = f"{self.final_density:g}", f"at most density={self.density:g}, what there is before"
            raise InvalidDensity("final_density", given, expected, f"final_density={self.density / 2:g}")
        near = "weight" if self.births == "near_strongest" else "random"
        object.__setattr__(self, "_grow", NearestFree(near, self.metric))

    # when -------------------------------------------------------------------------------------------------------------

    def prunes_at(self, at: Moment) -> bool:
        """Tell whether a moment of a run is the one at which edges are cut down, the last at which the rule is due."""
        return bool(at.n_steps) and at.step >= self._last(at.n_steps or 0) > 0

    def _last(self, n_steps: int) -> int:
        every, (first, last) = self.every or 1, self.span(n_steps)
        due = last // every * every
        return due if due >= max(first, 1) else 0

    def check_run(self, n_steps: int) -> None:
        """Raise `InvalidOption` for a run in which the rule is never due: it would end at the density of its start."""
        if not self._last(n_steps):
            first, last = max(self.span(n_steps)[0], 1), self.span(n_steps)[1]
            given = f"{self.every} in a run of {n_steps} steps"
            where = f"between steps {first} and {last}" if first <= last else "in the time left by since and until"
            fix = "every=1" if first <= last else "more epochs"
            raise InvalidOption("every", given, f"a multiple of it {where}, to prune at", fix)

    def start(self, states: Sequence[LayerState], *, rng: Seed) -> Sequence[EdgeVector | None] | None:
        """Return |weight| * sign; raises `InvalidDensity` for a start below the final density."""
        n_edges = sum(state.graph.n_edges for state in states)
        if self.density is None and self.n_edges_at_end(states) > n_edges:
            n_pairs = sum(state.graph.n_in * state.graph.n_out for state in states)
            given, expected = f"{self.final_density:g}", f"at most {n_edges / n_pairs:.3g}, the density of the start"
            raise InvalidDensity("final_density", given, expected, "density=0.02, or a denser network")
        return super().start(states, rng=rng)

    # how much ---------------------------------------------------------------------------------------------------------

    def n_edges_at_end(self, states: Sequence[LayerState], at: Moment | None = None) -> int:
        """Return how many edges of all layers are left after the cut."""
        if self.final_density is not None:
            return int(self.final_density * sum(state.graph.n_in * state.graph.n_out for state in states))
        known = None if at is None else at.n_edges_at_start
        return sum((state.graph.n_edges for state in states) if known is None else known) // 2

    def n_drops(self, states: Sequence[LayerState], at: Moment) -> Sequence[int]:
        """Return how many edges of each layer go."""
        if not self.prunes_at(at):
            return super().n_drops(states, at)
        n_edges = np.array([state.graph.n_edges for state in states], dtype=np.int64)
        n_left = min(self.n_edges_at_end(states, at), int(n_edges.sum()))
        if self.scope == "layer":
            return (n_edges - proportional_counts(n_left, np.ones(len(states)), n_edges)).tolist()
        return smallest_by_layer([self._rank(state) for state in states], int(n_edges.sum()) - n_left)

    # whom -------------------------------------------------------------------------------------------------------------

    def dropped(self, state: LayerState, n_drop: int, at: Moment, rng: np.random.Generator) -> EdgeIds:
        """Return the ids of the edges of a layer that go; ties are broken at random."""
        if not self.prunes_at(at):
            return super().dropped(state, n_drop, at, rng)
        shuffled = rng.permutation(state.graph.n_edges)
        order = np.argsort(self._rank(state)[shuffled], kind="stable")
        return np.sort(shuffled[order[:n_drop]])

    def _rank(self, state: LayerState) -> EdgeVector:
        """Return numbers in the order in which edges go: the dead at -inf, singletons below 0, the others above."""
        sizes = np.abs(state.weights).astype(np.float64)
        is_alive = self.signs(state) * state.weights > 0.0 if self.has_death else state.weights != 0.0
        units = state.graph.sources if self.axis == "out" else state.graph.targets
        held = np.bincount(units[is_alive], minlength=max(state.graph.sizes))
        with np.errstate(divide="ignore", over="ignore"):  # of the dead
            alone = -1.0 / sizes  # comparable between layers and monotone in |w|, however small or large
        return np.where(is_alive, np.where(held[units] > 1, sizes, alone), -np.inf)

    # where ------------------------------------------------------------------------------------------------------------

    def shared(
        self, kept: Sequence[Kept], n_grow: Sequence[int], at: Moment, rng: np.random.Generator
    ) -> Sequence[int]:
        """Return how many edges each layer grows: none at the cut."""
        return [0] * len(kept) if self.prunes_at(at) else super().shared(kept, n_grow, at, rng)

    def grown(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the free places nearest to the edges that growth starts from, or any."""
        parts: Any = self._parts
        return parts[1](kept, n_grow, rng) if self.births == "anywhere" else super().grown(kept, n_grow, rng)
