"""`GradualMagnitudePruning`: fewer and fewer edges along a cubic schedule; nothing grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.generators.budget import as_density
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.schedules import inverse_power
from netsparse.rewiring.state import Kept, LayerState, Moment
from netsparse.typing import EdgeVector

SCOPES = ("layer", "network")


@dataclass(frozen=True, repr=False)
class GradualMagnitudePruning(RewiringRule):
    """Prune gradually: every `every` steps the edges of smallest |w| go, until a given density is left.

    The sparsity follows s_t = s_f + (s_i - s_f) (1 - (t - t_0) / (t_end - t_0))^3, from the sparsity s_i of the start
    to s_f = 1 - `density`. t_0 is the step `since` * n_steps, and t_end the last step at which the rule is due, the
    last multiple of `every` before `until`: round(density * pairs) edges are then left, exactly.

    Parameters
    ----------
    density : float
        What is left at the end, in (0, 1], of the pairs of each layer or of the network.
    start_density : float, optional
        What the schedule starts from, in (0, 1]; None: what there was before the first step, or, where that is unknown,
        is now.
    scope : {"layer", "network"}
        Whether every layer is pruned to that density, or all weights are compared with one another.
    every : int
        Optimizer steps between two prunings; the schedule cannot go by epochs.
    since, until : float
        Shares of the run between which edges go. The network then recovers until the end of the run.

    Raises
    ------
    InvalidDensity, InvalidOption, UnknownName
        For impossible options.

    Notes
    -----
    The number of edges falls, so `keeps_count` is False. A layer (or network) that has fewer edges than the schedule
    says keeps them all. Ties go at random, those between layers to the first layer. A run of unknown length is at its
    beginning: nothing goes. One without a multiple of `every` between `since` and `until` has no time to prune; `fit`
    refuses it, see `check_run`.

    The paper prunes layer by layer while training goes on; that counts are exact, the last one is reached whatever
    `every` and `until`, and `scope="network"` are ours.

    References
    ----------
    Zhu, Gupta, To prune, or not to prune: exploring the efficacy of pruning for model compression, arXiv:1710.01878.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> rule = GradualMagnitudePruning(density=0.25, every=10)
    >>> weights = np.array([0.8, -0.1, 0.7, 0.2, -0.6, 0.3, 0.5, 0.4])
    >>> [rule.n_edges_at(Moment(step, 100), 8, 8) for step in (0, 10, 20, 30, 60, 90)]
    [8, 6, 4, 3, 2, 2]
    >>> rule.propose(complete(4, 2), weights, at=Moment(20, 100), rng=0).removed.tolist()
    [1, 3, 5, 7]
    """

    _: KW_ONLY
    density: float = 0.1
    start_density: float | None = None
    scope: str = "layer"
    every: int | None = 100
    until: float = 0.75

    keeps_count: ClassVar[bool] = False
    fixed: ClassVar[frozenset[str]] = frozenset(
        {"fraction", "drop", "grow", "newborn", "budget", "schedule", "end_fraction", "regrown", "optimizer_state"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "density", as_density(self.density))
        if self.start_density is not None:
            object.__setattr__(self, "start_density", as_density(self.start_density, "start_density"))
        if self.scope not in SCOPES:
            raise unknown_name("scope", self.scope, SCOPES)
        if self.every is None:
            raise InvalidOption("every", "None", "optimizer steps, because the schedule goes by them", "every=100")

    def n_edges_at(self, at: Moment, n_pairs: int, n_at_start: int) -> int:
        """Return how many of `n_pairs` pairs the schedule leaves, of those that were edges at the start."""
        start = n_at_start / n_pairs if self.start_density is None else self.start_density
        return round(n_pairs * (self.density + (start - self.density) * inverse_power(self._time(at))))

    def check_run(self, n_steps: int) -> None:
        """Raise `InvalidOption` for a run without a step at which edges go: all would stay, whatever `density` says."""
        first, last = self._window(n_steps)
        if not 0 < last >= first:
            start, end = max(math.ceil(first), 1), self.span(n_steps)[1]
            given = f"{self.every} in a run of {n_steps} steps"
            where = f"between steps {start} and {end}" if start <= end else "in the time left by since and until"
            fix = f"every={(end - start) // 10 or 1}" if start <= end else "more epochs"
            raise InvalidOption("every", given, f"a multiple of it {where}, where edges go", fix)

    def _window(self, n_steps: int) -> tuple[float, int]:
        """Return where the schedule begins to count, and the last step at which the rule is due; 0 if there is none."""
        every = self.every or 1
        return self.since * n_steps, self.span(n_steps)[1] // every * every

    def _time(self, at: Moment) -> float:
        if not at.n_steps:
            return 0.0
        first, last = self._window(at.n_steps)
        if last > first:
            return min(max((at.step - first) / (last - first), 0.0), 1.0)
        return float(at.step >= last == first > 0)

    def n_drop(self, state: LayerState, at: Moment) -> int:
        """Return by how many edges a layer is above the schedule."""
        n_edges, n_pairs = state.graph.n_edges, state.graph.n_in * state.graph.n_out
        n_at_start = n_edges if at.n_edges_at_start is None else at.n_edges_at_start[state.index]
        return max(n_edges - self.n_edges_at(at, n_pairs, n_at_start), 0)

    def n_drops(self, states: Sequence[LayerState], at: Moment) -> Sequence[int]:
        """Return how many edges of each layer go: as it alone says, or by the smallest weights of all layers."""
        if self.scope == "layer":
            return super().n_drops(states, at)
        n_edges = [state.graph.n_edges for state in states]
        n_pairs = sum(state.graph.n_in * state.graph.n_out for state in states)
        n_at_start = sum(n_edges if at.n_edges_at_start is None else at.n_edges_at_start)
        n_gone = sum(n_edges) - self.n_edges_at(at, n_pairs, n_at_start)
        return smallest_by_layer([np.abs(state.weights) for state in states], max(n_gone, 0))

    def shared(
        self, kept: Sequence[Kept], n_grow: Sequence[int], at: Moment, rng: np.random.Generator
    ) -> Sequence[int]:
        """Return zeros: nothing grows."""
        return [0] * len(kept)


def smallest_by_layer(sizes: Sequence[EdgeVector], n: int) -> list[int]:
    """Return how many of the `n` smallest numbers of all layers lie in each; equal ones count from the first layer on.

    Examples
    --------
    >>> smallest_by_layer([np.array([3.0, 1.0, 2.0]), np.array([0.5, 2.0])], 4)
    [2, 2]
    """
    if n == 0:
        return [0] * len(sizes)
    cut = np.partition(np.concatenate(sizes), n - 1)[n - 1]
    counts = [int(np.count_nonzero(part < cut)) for part in sizes]
    for k, part in enumerate(sizes):
        counts[k] += min(int(np.count_nonzero(part == cut)), n - sum(counts))
    return counts
