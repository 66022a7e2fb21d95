"""`SoftDeepR`: every position walks, edge or not; who is above zero is an edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from numbers import Real
from typing import ClassVar

import numpy as np

from netsparse.errors import InvalidDensity, InvalidOption
from netsparse.graph.free_pairs import sample_free_keys
from netsparse.graph.pairs import pair_keys
from netsparse.rewiring.rules.first_passage import UntouchedLaw
from netsparse.rewiring.rules.signed import SignedRule, check_scale
from netsparse.rewiring.signs import signs
from netsparse.rewiring.state import Kept, LayerState, Moment
from netsparse.rng import as_rng
from netsparse.typing import EdgeVector, Seed, UnitIds


@dataclass(frozen=True, repr=False)
class SoftDeepR(SignedRule):
    """Soft DEEP R: no place is ever chosen, theta of every position walks, and the positions above 0 are the edges.

    Every optimizer step adds lr * N(0, noise^2) to theta of all positions and takes lr * l1 from those above 0; theta
    is held above theta_clip = -(1 - p0) / (p0 beta), with beta = l1 / T and T = lr * noise^2 / 2. Where no gradient
    acts, a share of about p0 of the positions is above 0 in the long run. The number of edges is not kept: it is
    whatever the walk makes of it (`keeps_count` is False).

    Only edges and positions that have been edges are stored, which is ours: what falls to 0 leaves the graph, and its
    theta walks on, exactly, in the rule's memory, until it comes above 0 again. Of all others, in the paper a matrix,
    nothing is known but that they were never above 0, so that the law of one of them is the law of each
    (`UntouchedLaw`, uniform on [theta_clip, 0] at the start): every step a binomial number of them passes, at uniformly
    random places that have never been edges. The memory grows with the pairs that have ever been edges. At the paper's
    noise and l1 a p0 of 0.01 is fifty steps of noise deep, and after some thousand steps most pairs have been edges:
    the rule is for layers that would fit as matrices.

    Parameters
    ----------
    p0 : float, optional
        Share of the positions that theta_clip aims at, in (0, 1). None: the density each layer starts with.
    l1 : float
        Pull of the edges towards 0, before it is multiplied by the learning rate; above 0.
    noise : float
        Standard deviation of the noise, before it is multiplied by the learning rate; above 0.
    sign_seed : int
        Of the signs, see `netsparse.rewiring.signs`.

    Raises
    ------
    InvalidOption, InvalidDensity
        For impossible options.

    Notes
    -----
    theta_clip belongs to one learning rate, that of the first step, and stays as it is (ours). Steps of a rate that has
    fallen to less than a fiftieth are finer than the grid of the law, and their first passages approximate.

    References
    ----------
    Bellec, Kappel, Maass, Legenstein, Deep rewiring: training very sparse deep networks, ICLR 2018, arXiv:1711.05136.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, apply
    >>> from netsparse.rewiring.signs import edge_signs
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 0, 0], n_in=4, n_out=2)
    >>> rule, rng = SoftDeepR(), np.random.default_rng(0)
    >>> state = LayerState(0, graph, edge_signs(0, 0, graph) * np.array([1e-3, -1e-9, 1e-3, 1e-3]))
    >>> (weights,) = rule.after_step([state], lr=0.05, rng=rng)
    >>> (delta,) = rule.propose_all([LayerState(0, graph, weights)], rng=rng)
    >>> delta.removed.tolist()
    [1]
    """

    _: KW_ONLY
    noise: float = 1e-5
    l1: float = 1e-5
    p0: float | None = None
    _walks: dict[int, _Walk] = field(init=False, repr=False, compare=False, default_factory=dict)

    keeps_count: ClassVar[bool] = False
    fixed: ClassVar[frozenset[str]] = frozenset(
        {"fraction", "end_fraction", "schedule", "drop", "grow", "newborn", "budget", "every", "every_epochs", "since"}
        | {"until", "regrown", "optimizer_state", "skip_step"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("noise", "l1"):
            check_scale(name, getattr(self, name), type(self))
            if not getattr(self, name):
                raise InvalidOption(name, "0", "a number above 0: it sets how deep positions fall", f"{name}=1e-5")
        p0 = self.p0
        if p0 is not None:
            if not isinstance(p0, Real) or isinstance(p0, bool) or not 0.0 < float(p0) < 1.0:
                raise InvalidDensity("p0", repr(p0), "a number between 0 and 1, or None", "p0=0.01")
            object.__setattr__(self, "p0", float(p0))

    def start(self, states: Sequence[LayerState], *, rng: Seed) -> Sequence[EdgeVector | None] | None:
        """Forget all walks; return |weight| * sign."""
        self._walks.clear()
        return super().start(states, rng=rng)

    def theta_clip(self, p0: float, lr: float) -> float:
        """Return -(1 - p0) / (p0 beta): how deep positions may fall at a learning rate.

        Examples
        --------
        >>> f"{SoftDeepR().theta_clip(0.01, lr=0.05):.3e}"
        '-2.475e-05'
        """
        temperature = lr * self.noise**2 / 2.0
        return -(1.0 - p0) / (p0 * self.l1 / temperature)

    def after_step(self, states: Sequence[LayerState], *, lr: float, rng: Seed) -> Sequence[EdgeVector | None] | None:
        """Let all positions walk; return the weights of the edges, 0 where theta is not above 0."""
        if not lr:
            return None
        rng = as_rng(rng)
        for state in states:
            if state.index not in self._walks:
                self._walks[state.index] = self._begun(state, lr)
        return [self._walked(state, lr, rng) for state in states]

    def _begun(self, state: LayerState, lr: float) -> _Walk:
        graph = state.graph
        n_pairs = graph.n_in * graph.n_out
        # a layer without an edge, or with all of them, has no density that a depth could be made of
        p0 = min(max(graph.density, 1.0 / n_pairs), 1.0 - 0.5 / n_pairs) if self.p0 is None else self.p0
        law = UntouchedLaw.uniform(floor=self.theta_clip(p0, lr), step=lr * self.noise)
        return _Walk(np.empty(0, dtype=np.int64), np.empty(0), law)

    def _walked(self, state: LayerState, lr: float, rng: np.random.Generator) -> EdgeVector:
        walk, graph, step = self._walks[state.index], state.graph, lr * self.noise
        of_edges, edge_keys = self.signs(state), pair_keys(graph.sources, graph.targets, graph.n_in)
        at = np.searchsorted(walk.keys, edge_keys)
        known = np.flatnonzero(at < len(walk.keys))
        known = known[walk.keys[at[known]] == edge_keys[known]]
        asleep = known[walk.theta[at[known]] <= 0.0]  # has died and is still there: no gradient reaches it
        theta = of_edges * state.weights.astype(np.float64)
        theta[asleep] = walk.theta[at[asleep]]
        elsewhere = np.delete(np.arange(len(walk.keys)), at[known])
        keys = np.concatenate([edge_keys, walk.keys[elsewhere]])
        # the pull is on those above 0 before the optimizer's step: all edges but those asleep
        pulled = np.ones(len(theta), dtype=bool)
        pulled[asleep] = False
        pulled = np.concatenate([pulled, walk.theta[elsewhere] > 0.0])
        theta = np.concatenate([theta, walk.theta[elsewhere]])
        theta += step * rng.standard_normal(len(theta)) - lr * self.l1 * pulled
        np.maximum(theta, walk.law.floor, out=theta)
        first_keys, first_theta, law = self._first_passages(walk.law, graph.n_in * graph.n_out, keys, step, rng)
        n_edges = graph.n_edges
        stored = np.concatenate([np.flatnonzero(theta[:n_edges] <= 0.0), np.arange(n_edges, len(theta))])
        keys, dormant = np.concatenate([keys[stored], first_keys]), np.concatenate([theta[stored], first_theta])
        order = np.argsort(keys)
        self._walks[state.index] = _Walk(keys[order], dormant[order], law)
        return (of_edges * np.maximum(theta[:n_edges], 0.0)).astype(state.weights.dtype, copy=False)

    def _first_passages(
        self, law: UntouchedLaw, n_pairs: int, visited: np.ndarray, step: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, UntouchedLaw]:
        """Return keys and theta of the positions that come above 0 for the first time, and the law of the others."""
        after, chance = law.after(step)
        n_passed = int(rng.binomial(n_pairs - len(visited), min(chance, 1.0)))
        return sample_free_keys(np.sort(visited), n_pairs, n_passed, rng), law.passages(step, n_passed, rng), after

    def shared(
        self, kept: Sequence[Kept], n_grow: Sequence[int], at: Moment, rng: np.random.Generator
    ) -> Sequence[int]:
        """Return how many positions of each layer are above 0 and no edges yet."""
        return [len(self._risen(layer)[0]) for layer in kept]

    def grown(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return them."""
        targets, sources = np.divmod(self._risen(kept)[0], kept.before.graph.n_in)
        return sources, targets

    def values(self, kept: Kept, sources: UnitIds, targets: UnitIds, rng: np.random.Generator) -> EdgeVector | None:
        """Return sign * theta, where they have come to."""
        return self._risen(kept)[1] * signs(self.sign_seed, kept.before.index, sources, targets)

    def _risen(self, kept: Kept) -> tuple[np.ndarray, np.ndarray]:
        """Return keys and theta of the positions in memory that are above 0 and no edges."""
        walk, graph = self._walks.get(kept.before.index), kept.before.graph
        if walk is None:
            return np.empty(0, dtype=np.int64), np.empty(0)
        above = walk.theta > 0.0
        keys, theta = walk.keys[above], walk.theta[above]
        targets, sources = np.divmod(keys, graph.n_in)
        free = ~graph.has_edges(sources, targets)
        return keys[free], theta[free]

    def memory(self) -> dict[str, np.ndarray]:
        """Return keys and theta of each layer's positions that are no edges, and the law of those that never were."""
        arrays: dict[str, np.ndarray] = {}
        for index, walk in self._walks.items():
            arrays |= {f"{index}.keys": walk.keys, f"{index}.theta": walk.theta}
            arrays |= {f"{index}.chances": walk.law.chances, f"{index}.floor": np.array(walk.law.floor)}
        return arrays

    def remember(self, memory: dict[str, np.ndarray]) -> None:
        """Take over what `memory` returned, in place of all walks."""
        self._walks.clear()
        for index in sorted({int(name.split(".")[0]) for name in memory}):
            keys, theta, chances, floor = (memory[f"{index}.{part}"] for part in ("keys", "theta", "chances", "floor"))
            self._walks[index] = _Walk(keys, theta, UntouchedLaw(float(floor), chances))


@dataclass(frozen=True)
class _Walk:
    """What is remembered of a layer: positions that are no edges and have been, by increasing key, and all others."""

    keys: np.ndarray
    theta: np.ndarray
    law: UntouchedLaw
