"""`SRigL`: RigL in which every active unit of a layer has the same fan-in, and units that matter little are ablated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidOption, TrainingDiverged
from netsparse.graph import BipartiteGraph
from netsparse.rewiring.parts import Grow
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.scores import smallest_magnitude
from netsparse.rewiring.state import Kept, LayerState, Moment
from netsparse.typing import Bool, EdgeIds, Float, Int, UnitIds

BLOCK = 2**20
"""Gradients of pairs that are looked at at a time."""

FanIns = Int[np.ndarray, "n_out"]
"""Number of edges into each target unit."""


@dataclass(frozen=True, repr=False)
class SRigL(RewiringRule):
    """Structured RigL: drop the smallest |w| of the layer, grow by |gradient|, with a constant fan-in of active units.

    In each layer of n_edges edges, at each rewiring with K = round(fraction * n_edges):

    1. An edge is salient if it is not among the K smallest |w| of the layer; so is a free pair among the K largest
       |gradient| of the free pairs, the places of those K smallest included.
    2. A unit is ablated, losing all its edges, if it has fewer salient edges and pairs than `gamma_sal * k`, with k the
       mean fan-in of the units that have edges. It may come back: every rewiring judges all units anew.
    3. The new fan-in is k' = n_edges / n_active.
    4. K edges go: those of ablated units, then the smallest |w| of the layer; and where a unit still has more than k',
       its smallest ones.
    5. Every active unit grows its free pairs of largest |gradient| until its fan-in is k'. What was dropped in between
       may be among them and then stays as it was (`regrown="survivor"`).

    Parameters
    ----------
    fraction : float
        Share of each layer's edges that is replaced, falling with a cosine to 0 at `until`.
    gamma_sal : float
        Share of the fan-in that must be salient for a unit to stay, in [0, 1]; 0 ablates none. The authors' examples
        take 0.3 for a ResNet-50 and 0.05 for a ResNet-18.
    spares : sequence of int
        Layers by position, 0 first, that keep all their units. A last layer that gives the logits (`head=None`) belongs
        here; the authors' code spares the last layer, which in a model with a dense head is no sparse one.
    every, until, newborn, optimizer_state, skip_step ...
        As for every rule, see `RewiringRule`, with the defaults of RigL.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.
    TrainingDiverged
        When proposing, for gradients that are NaN or infinite.

    Notes
    -----
    The steps are those of the authors' released code (github.com/calgaryml/condensed-sparsity); the text of the paper
    could not be read here, so that its wording of saliency and of k is unverified. Ours are: the edge count is exact,
    fan-ins differing by one where n_active does not divide it (the units of most salient edges have one more; the code
    rounds down); of a unit with too many edges the largest |w| stay (the code cuts by position); free pairs alone
    are ranked by gradient (the code ranks edges, too); k is the mean fan-in (the code takes a share of n_in, or on
    request of the fan-in with no unit ablated); where more units are ablated than the rest has room for, the most
    salient come back, and at least one does. Ties between units go to the lower number, between pairs to the first in
    canonical order, between |w| of a layer at random and between those of a unit with too many to the first.

    Any wiring may be the start: the first rewiring gives it a constant fan-in. `generators.biregular` and
    `generators.near_biregular` start with one.

    References
    ----------
    Lasby, Golubeva, Evci, Nica, Ioannou, Dynamic Sparse Training with Structured Sparsity, ICLR 2024, arXiv:2305.02299.

    Examples
    --------
    >>> import numpy as np
    >>> from netsparse.graph import apply
    >>> from netsparse.nn import PairGradients
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 1, 1], n_in=4, n_out=2)
    >>> grads = PairGradients.from_dense(graph, [[0, 0, 5, 1], [3, 1, 0, 0]])
    >>> delta = SRigL(0.5).propose(graph, np.array([0.1, 0.9, -0.1, -0.9]), grads, rng=0)
    >>> apply(graph, delta)[0].fan_in.tolist(), delta.added_sources.tolist(), delta.added_targets.tolist()
    ([2, 2], [2, 0], [0, 1])
    """

    _: KW_ONLY
    grow: str | Grow = "gradient"
    schedule: str = "cosine"
    every: int | None = 100
    until: float = 0.75
    skip_step: bool = True
    regrown: str = "survivor"
    gamma_sal: float = 0.3
    spares: Sequence[int] = ()

    fixed: ClassVar[frozenset[str]] = frozenset({"drop", "grow", "budget"})
    also_needs: ClassVar[frozenset[str]] = frozenset({"grads"})
    _fan_ins: dict[int, FanIns] = field(init=False, repr=False, compare=False, default_factory=dict)
    # by layer, from what is dropped to what is grown: a unit without survivors may be ablated or about to grow

    def __post_init__(self) -> None:
        super().__post_init__()
        gamma = self.gamma_sal
        if not isinstance(gamma, Real) or isinstance(gamma, bool) or not 0.0 <= gamma <= 1.0:
            raise InvalidOption("gamma_sal", repr(gamma), "a share of the fan-in in [0, 1]", "gamma_sal=0.3")
        object.__setattr__(self, "gamma_sal", float(gamma))
        object.__setattr__(self, "spares", _as_layers(self.spares))

    def dropped(self, state: LayerState, n_drop: int, at: Moment, rng: np.random.Generator) -> EdgeIds:
        """Return the edges of ablated units, the smallest of the layer, and what is above the new fan-in."""
        graph = state.graph
        weakest = smallest_magnitude(state.weights, n_drop, rng)
        counts = salient_counts(state, weakest)
        gamma = 0.0 if state.index in self.spares else self.gamma_sal
        is_active = active_units(graph, counts, gamma)
        fan_ins = self._fan_ins[state.index] = even_fan_ins(graph.n_edges, counts, is_active)
        stays = is_active[graph.targets]
        n_left = n_drop - int(np.count_nonzero(~stays))
        if n_left > 0:
            candidates = np.flatnonzero(stays)
            stays[candidates[smallest_magnitude(state.weights[candidates], n_left, rng)]] = False
        survivors = np.flatnonzero(stays)
        stays[survivors[above(graph.targets[survivors], np.abs(state.weights[survivors]), fan_ins)]] = False
        return np.flatnonzero(~stays)

    def grown(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the free pairs of largest |gradient| of every active unit, up to its new fan-in."""
        fan_ins = self._fan_ins.pop(kept.before.index)
        pairs = [*top_pairs_by_unit(kept.graph, kept.grads, fan_ins - kept.graph.fan_in)]
        sources, targets = zip(*pairs, strict=True) if pairs else ((NOBODY,), (NOBODY,))
        return np.concatenate(sources), np.concatenate(targets)


NOBODY = np.empty(0, dtype=np.int64)


def salient_counts(state: LayerState, weakest: EdgeIds) -> FanIns:
    """Return how many salient edges and free pairs each unit has: all edges but `weakest`, and as many pairs.

    Examples
    --------
    >>> from netsparse.nn import PairGradients
    >>> graph = BipartiteGraph.from_edges([0, 1, 0], [0, 0, 1], n_in=3, n_out=2)
    >>> grads = PairGradients.from_dense(graph, [[0, 0, 1], [0, 0, 5]])
    >>> salient_counts(LayerState(0, graph, np.array([3.0, 2.0, 1.0]), grads), np.array([2])).tolist()
    [2, 1]
    """
    kept = Kept(state, weakest)
    _, targets = state.grads.top_free_pairs(kept.graph, len(weakest))
    return kept.graph.fan_in + np.bincount(targets, minlength=state.graph.n_out)


def active_units(graph: BipartiteGraph, counts: FanIns, gamma_sal: float) -> Bool[np.ndarray, "n_out"]:
    """Tell which units are not ablated: enough of them for all edges, the most salient in any case.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1, 0, 1], [0, 0, 1, 1], n_in=4, n_out=2)
    >>> active_units(graph, np.array([1, 3]), 0.6).tolist()
    [False, True]
    """
    if not graph.n_edges:
        return np.ones(graph.n_out, dtype=bool)
    is_active = counts >= gamma_sal * graph.n_edges / np.count_nonzero(graph.fan_in)
    fewest = -(-graph.n_edges // graph.n_in)
    if np.count_nonzero(is_active) < fewest:
        is_active[np.argsort(-counts, kind="stable")[:fewest]] = True
    return is_active


def even_fan_ins(n_edges: int, counts: FanIns, is_active: Bool[np.ndarray, "n_out"]) -> FanIns:
    """Share out the edges over the active units as evenly as can be, one more for those of the largest counts.

    Examples
    --------
    >>> even_fan_ins(5, np.array([1, 9, 2]), np.array([True, False, True])).tolist()
    [2, 0, 3]
    """
    n_active = np.count_nonzero(is_active)
    fan_ins = np.where(is_active, n_edges // n_active, 0)
    order = np.argsort(-np.where(is_active, counts, -1), kind="stable")
    fan_ins[order[: n_edges % n_active]] += 1
    return fan_ins


def above(targets: UnitIds, sizes: Float[np.ndarray, "edge"], fan_ins: FanIns) -> EdgeIds:
    """Return the positions of the edges that a unit has more than its fan-in, its smallest; `targets` increase.

    Examples
    --------
    >>> above(np.array([0, 0, 1, 1]), np.array([0.5, 0.1, 0.2, 0.3]), np.array([1, 2])).tolist()
    [1]
    """
    n_edges = np.bincount(targets, minlength=len(fan_ins))
    in_crowded = np.where(n_edges > fan_ins, n_edges, 0)
    edges = np.flatnonzero(in_crowded[targets])
    order = edges[np.lexsort((-sizes[edges], targets[edges]))]
    rank = np.arange(len(order)) - (np.cumsum(in_crowded) - in_crowded)[targets[order]]
    return np.sort(order[rank >= fan_ins[targets[order]]])


def top_pairs_by_unit(graph: BipartiteGraph, grads: Any, n_wanted: FanIns) -> Iterator[tuple[UnitIds, UnitIds]]:
    """Yield, for some units at a time, the pairs of largest |gradient| that are no edges, `n_wanted` of each unit.

    Exact; ties go to the lowest source. Rows of gradients are asked for in blocks, so that no matrix of all pairs
    exists.

    Examples
    --------
    >>> from netsparse.nn import PairGradients
    >>> graph = BipartiteGraph.from_edges([0], [0], n_in=3, n_out=2)
    >>> grads = PairGradients.from_dense(graph, [[9, 1, -2], [4, 4, 0]])
    >>> [(s.tolist(), t.tolist()) for s, t in top_pairs_by_unit(graph, grads, np.array([1, 1]))]
    [([2, 0], [0, 1])]
    """
    units = np.flatnonzero(n_wanted)
    height = max(1, BLOCK // graph.n_in)
    for first in range(0, len(units), height):
        some = units[first : first + height]
        sizes = np.abs(grads.rows(some))
        if not np.isfinite(sizes).all():
            given, expected = "NaN or infinite values", "finite inputs and gradients of every layer"
            raise TrainingDiverged("gradients", given, expected, "a smaller learning rate")
        for row, unit in enumerate(some):
            sizes[row, graph.indices[graph.indptr[unit] : graph.indptr[unit + 1]]] = -1.0
        yield _largest(sizes, n_wanted[some], some)


def _largest(sizes: Float[np.ndarray, "row n_in"], n_wanted: FanIns, units: UnitIds) -> tuple[UnitIds, UnitIds]:
    """Return sources and targets of the largest of each row, ties to the first."""
    n_in, most = sizes.shape[1], int(n_wanted.max())
    tops = np.sort(np.partition(sizes, n_in - most, axis=1)[:, n_in - most :], axis=1)
    cuts = tops[np.arange(len(tops)), most - n_wanted]
    keys = np.flatnonzero(sizes >= cuts[:, None])
    rows = keys // n_in
    n_found = np.bincount(rows, minlength=len(sizes))
    if (n_found > n_wanted).any():  # equal ones at the cut: those that come last are too many
        stays, is_tie = np.ones(len(keys), dtype=bool), sizes.ravel()[keys] == cuts[rows]
        ends = np.cumsum(n_found)
        for row in np.flatnonzero(n_found > n_wanted):
            own = slice(ends[row] - n_found[row], ends[row])
            stays[own][np.flatnonzero(is_tie[own])[n_wanted[row] - n_found[row] :]] = False
        keys, rows = keys[stays], rows[stays]
    return keys - rows * n_in, units[rows]


def _as_layers(spares: Any) -> tuple[int, ...]:
    layers = tuple(spares) if isinstance(spares, Sequence) and not isinstance(spares, str) else (spares,)
    for layer in layers:
        if not isinstance(layer, int | np.integer) or isinstance(layer, bool) or layer < 0:
            raise InvalidOption("spares", repr(spares), "positions of layers, 0 first", "spares=(2,)")
    return tuple(int(layer) for layer in layers)
