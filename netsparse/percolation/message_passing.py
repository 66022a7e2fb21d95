"""Message passing: which units are in the giant component, and how large the other components are, without a trial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from netsparse.errors import NotConverged
from netsparse.graph.frozen import frozen, index_dtype
from netsparse.metrics.connectivity import component_labels
from netsparse.metrics.matrices import Graph, check_graph
from netsparse.percolation import message_equations as equations
from netsparse.percolation import message_kernels as kernels
from netsparse.percolation.kept import Fractions, as_fractions, kept_per_layer
from netsparse.typing import EdgeVector, Float

PerUnit = Float[np.ndarray, "unit"]
"""One number per unit, numbered through the levels."""

Matrix = tuple[equations.Found, equations.Found, equations.Found]
"""t and off-diagonal entry of each edge, and the diagonal; see `netsparse.percolation.message_equations`."""

TOLERANCE = 1e-10  # error of a message, as estimated
AT_REST = TOLERANCE / 100  # change of a sweep that does little but round
ROUGHLY = 1e-4  # error of Newton's step, relative
QUICK = 0.3  # change of one sweep over that of the sweep before: below, sweeps cost less than Newton's step
ENOUGH = 1e-8  # error of the sizes, relative
NOTHING = 1e-7  # messages closer to 1 are 1: at the threshold rounding leaves the root of its error
CERTAIN = 1e-11  # fractions kept closer to 1 are 1: one sweep changes no message by less than this but by rounding
UNSURE = 1e-5  # fractions closer to 1 leave the linear equations too few digits
MOST_SWEEPS = 10_000
MOST_STEPS = 5_000
PATIENCE = 10  # sweeps after messages were too far away for Newton's method


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedComponents:
    """What message passing expects of the components around each unit.

    Attributes
    ----------
    in_giant : float array of shape (n_units,)
        Probability that each unit is in the giant component, units numbered through the levels.
    finite_size : float array of shape (n_units,)
        Mean number of units in the component of each unit, itself included, given that it is not in the giant one; NaN
        where it always is. At the threshold itself inf, or as large as rounding lets it be.
    """

    in_giant: PerUnit
    finite_size: PerUnit

    @property
    def giant_component(self) -> float:
        """Expected fraction of units in the giant component: the mean of `in_giant`."""
        return float(self.in_giant.mean())

    @property
    def susceptibility(self) -> float:
        """Mean size of the component of a random unit outside the giant one, in units; 0 where all units are in it."""
        outside = 1 - self.in_giant
        counted = outside > 0
        return float(outside[counted] @ self.finite_size[counted] / outside[counted].sum()) if counted.any() else 0.0


def expected_components(graph: Graph, fraction_kept: Any) -> ExpectedComponents:
    r"""Giant component and finite components that message passing expects where each edge is kept at random.

    u_{i<-j} = 1 - p + p prod_{k in N(j) - i} u_{j<-k} is the probability that the edge from i to j does not lead to
    the giant component; unit i is in it with probability 1 - prod_j u_{i<-j}. With a factor z for each unit that is
    reached, the same equations generate the sizes of the finite components, and their derivatives at z = 1 the means.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network the undirected whole. Edges that a joint contracts onto the same pair of units stay
        separate edges.
    fraction_kept : float, or one per layer
        The probability p, from 0 to 1, that an edge is kept, independently of all others.

    Returns
    -------
    ExpectedComponents

    Raises
    ------
    InvalidGraph, InvalidOption
        For what is no graph, and for fractions that are none.
    NotConverged
        Where messages do not settle: at fractions so close to 1 that cycles (within 1e-5 of 1) and long chains of units
        with two edges each (when one is whole half the time) are hardly ever broken, and where some layers keep all
        their edges while the others are near a threshold.

    Notes
    -----
    Exact where the components of the graph are trees, and then without a giant component: what this method calls
    giant has a cycle, so that with all edges kept a single cycle counts as giant and a large tree does not; as soon as
    an edge may be missing it takes two cycles. Fractions within 1e-11 of 1 are taken for 1. Asymptotic for large graphs
    that are trees locally. Where units are removed at random instead of edges, `in_giant` times p is
    the probability to be present and in the giant component, and `finite_size` is that of the units present.

    The smallest solution is the one that counts: u = 1 always is one. Sweeps that start from 0 rise towards it, and so
    does Newton's method (Etessami and Yannakakis, J. ACM 56, 1, 2009, doi:10.1145/1462153.1462154), which is used where
    sweeps alone would be slow. Its linear equations, and those for the mean sizes, are reduced from arcs to units,
    where they are symmetric. Messages are settled to about 1e-10, and are taken for 1 within 1e-7 of it.

    References
    ----------
    B. Karrer, M. E. J. Newman, L. Zdeborova, Percolation on sparse networks, Physical Review Letters 113, 208702
    (2014), https://doi.org/10.1103/PhysRevLett.113.208702

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> expected_components(complete(1, 3), 0.5).finite_size.tolist()  # a star: 1 + 3 / 2, 1 + (1 + 2 / 2) / 2
    [2.5, 2.0, 2.0, 2.0]
    """
    check_graph(graph)
    kept = kept_per_layer(graph, fraction_kept)
    return _Messages(graph).settled(np.repeat(kept, [layer.n_edges for layer in graph.layers]))


def component_curves(graph: Graph, fractions_kept: Any) -> dict[str, Fractions]:
    """Giant component and susceptibility of message passing along a curve of fractions kept.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        As for `expected_components`.
    fractions_kept : float array of shape (n_points,)
        In any order, each the probability to keep an edge.

    Returns
    -------
    dict of str to float array of shape (n_points,)
        "giant_component" and "susceptibility", as those properties of `expected_components` at each fraction, which
        are found faster together: each solution starts from the one before.

    Raises
    ------
    InvalidGraph, InvalidOption, NotConverged
        As `expected_components`.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> curves = component_curves(complete(1, 3), [0.0, 0.5])
    >>> curves["giant_component"].tolist(), curves["susceptibility"].tolist()
    ([0.0, 0.0], [1.0, 2.125])
    """
    check_graph(graph)
    fractions = as_fractions("fractions_kept", fractions_kept)
    messages = _Messages(graph)
    giant, susceptibility = np.empty(len(fractions)), np.empty(len(fractions))
    # the solution for many edges lies below the one for few: a start from which it is still found
    for point in np.argsort(-fractions, kind="stable"):
        found = messages.settled(np.full(graph.n_edges, fractions[point]))
        giant[point], susceptibility[point] = found.giant_component, found.susceptibility
    return {"giant_component": giant, "susceptibility": susceptibility}


class _Messages:
    """The messages of one graph, for fractions kept that do not rise from one call to the next."""

    def __init__(self, graph: Graph) -> None:
        n_units = sum(graph.sizes)
        ends = np.stack(graph.unit_edges(), axis=1)
        self.units = kernels.leaves_first(n_units, ends)
        rank = np.empty(n_units, dtype=np.int64)
        rank[self.units] = np.arange(n_units)
        ranks = rank[ends]
        low, high = ranks.min(axis=1), ranks.max(axis=1)
        self.edges = np.lexsort((low, high))
        self.starts = np.zeros(n_units + 1, dtype=np.int64)
        np.cumsum(np.bincount(high, minlength=n_units), out=self.starts[1:])
        self.low = low[self.edges].astype(index_dtype(n_units))
        component = component_labels(graph)
        n_edges = np.bincount(component[ends[:, 0]], minlength=n_units)
        self.component = component[ends[self.edges, 0]]
        self.one_cycle = n_edges <= np.bincount(component, minlength=n_units)
        self.up, self.down = np.zeros(len(ends)), np.zeros(len(ends))

    def settled(self, kept_edges: EdgeVector) -> ExpectedComponents:
        """Find the messages and what follows from them, in the order of the graph's units."""
        kept = kept_edges[self.edges]
        kept[1.0 - kept < CERTAIN] = 1.0
        # sweeps would creep round a single cycle, which leads nowhere once an edge of it may be missing
        lost = self.one_cycle.copy()
        lost[self.component[kept == 1.0]] = False
        self.up[lost[self.component]] = self.down[lost[self.component]] = 1.0
        if len(kept) and 1.0 - kept.max() < UNSURE:  # above all: what is certain cannot be eliminated
            outside, size = self._by_sweeps(kept)
        else:
            outside, size = self._by_newton(kept)
        in_giant, finite_size = np.empty_like(outside), np.empty_like(outside)
        in_giant[self.units], finite_size[self.units] = 1.0 - outside, size
        return ExpectedComponents(frozen(in_giant), frozen(finite_size))

    def _by_sweeps(self, kept: EdgeVector) -> tuple[PerUnit, PerUnit]:
        growth_up, growth_down = np.zeros(len(kept)), np.zeros(len(kept))
        wiring = self.up, self.down, kept, self.starts, self.low
        _repeat(lambda: kernels.sweep(*wiring))
        _repeat(lambda: kernels.growth_sweep(growth_up, growth_down, *wiring))
        outside = kernels.products(self.up, self.down, self.starts, self.low)
        total = kernels.product_growth(growth_up, growth_down, self.up, self.down, self.starts, self.low)
        return outside, _ratio(total, outside)

    def _by_newton(self, kept: EdgeVector) -> tuple[PerUnit, PerUnit]:
        if not (self.down == 1.0).all() or not (self.up == 1.0).all():  # fewer edges still leave no giant component
            self._settle(kept)
        if len(kept) and 1.0 - min(self.up.min(), self.down.min()) < NOTHING:
            self.up[:], self.down[:] = 1.0, 1.0
        outside = kernels.products(self.up, self.down, self.starts, self.low)
        roots = np.sqrt(outside)
        found = self._matrix(kept, roots)
        solution = self._solved(found, roots, ENOUGH)
        if solution is None:  # as close to the threshold as rounding tells
            return outside, np.full_like(outside, np.inf)
        return outside, _ratio(solution, roots)

    def _settle(self, kept: EdgeVector) -> None:
        change = before = step = np.inf
        patience = 2
        for _ in range(MOST_SWEEPS):
            change = kernels.sweep(self.up, self.down, kept, self.starts, self.low)
            rate = change / before if before < np.inf else 1.0
            before, patience = change, patience - 1
            nearly = rate < QUICK and change * rate / (1 - rate) <= TOLERANCE
            if change > 0 and not nearly and (rate < QUICK or patience > 0):
                continue
            # also where sweeps have come to rest: what they still do slowly hides behind what they did fast
            last, step = step, self._newton(kept)
            falls = step / last if max(step, last) < np.inf else 1.0
            if step * min(1.0, falls) <= TOLERANCE:  # the size of the next one, at most
                return
            if step == np.inf and change <= AT_REST:
                return
            before, patience = np.inf, 1 if step < np.inf else PATIENCE
        raise _unsettled(change, MOST_SWEEPS)

    def _newton(self, kept: EdgeVector) -> float:
        """Take Newton's step and return how large it was; inf where messages are too far away for it."""
        outside = kernels.products(self.up, self.down, self.starts, self.low)
        roots = np.sqrt(outside)
        found = self._matrix(kept, roots)
        wiring = self.up, self.down, kept, found[0], self.starts, self.low, outside, roots
        if len(found[0]) < len(kept):
            return np.inf
        solution = self._solved(found, equations.newton_right(*wiring), ROUGHLY)
        return np.inf if solution is None else equations.newton_step(*wiring, solution)

    def _matrix(self, kept: EdgeVector, roots: PerUnit) -> Matrix:
        return equations.matrix(self.up, self.down, kept, self.starts, self.low, roots)

    def _solved(self, found: Matrix, right: PerUnit, tolerance: float) -> PerUnit | None:
        _, off, diagonal = found
        pivot = equations.pivots(off, diagonal, self.starts, self.low) if len(diagonal) else diagonal
        if len(pivot) == 0:
            return None
        wiring = off, diagonal, pivot, self.starts, self.low
        solution, worked = equations.solve(*wiring, right, tolerance, MOST_STEPS)
        return solution if worked else None


def _repeat(sweep: Callable[[], float]) -> None:
    """Sweep until nothing changes any more but by rounding."""
    change = np.inf
    for _ in range(MOST_SWEEPS):
        change = sweep()
        if change <= AT_REST:
            return
    raise _unsettled(change, MOST_SWEEPS)


def _unsettled(change: float, n_sweeps: int) -> NotConverged:
    given, expected = f"a change of {change:.1e} in sweep {n_sweeps}", f"messages within {TOLERANCE:.0e}"
    return NotConverged("message passing", given, expected, "fractions further from 1, or 1 itself")


def _ratio(total: PerUnit, weight: PerUnit) -> PerUnit:
    """Divide; NaN where the weight is 0."""
    return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
