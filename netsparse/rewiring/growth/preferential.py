"""Growth by degree: `DegreePreferential`, free pairs of well connected units are the likelier ones."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph
from netsparse.rewiring.state import Kept
from netsparse.typing import Float, UnitIds

STEEPEST = 10.0  # so that the rates of all pairs stay far inside the range of doubles
TRUSTED = 1e-9  # a share of all rates below which a difference is mostly rounding; the race is then run in stretches
SPARE = 1.1  # by what the first stretch of the race is longer than it has to be on average


@dataclass(frozen=True)
class DegreePreferential:
    """Grow free pairs with probability ~ ((k_source + 1) (k_target + 1))^exponent, where k counts edges that stay.

    Parameters
    ----------
    exponent : float
        In [-10, 10]: 1 is linear preference, 0 uniform growth, below 0 the poorly connected come first.

    Raises
    ------
    InvalidOption
        For another exponent.
    NotEnoughFreePairs
        At growth, if more edges are asked for than there are free pairs.

    Notes
    -----
    Ours; the 1 gives units without an edge a chance. The law exactly: pairs are drawn one after the other, each with
    probability proportional to its weight among the pairs still free; degrees are those before growth and do not change
    on the way. Done as a race: every pair arrives at an exponential time whose rate is its weight, so that the next to
    arrive is always drawn in this way, and the first free ones are taken, in the order they come. Time and memory are
    linear in the pairs that arrive, edges among them at most once in each stretch of the race; no table of all pairs.

    Examples
    --------
    >>> from netsparse.rewiring.state import LayerState
    >>> graph = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 0], n_in=3, n_out=3)
    >>> kept = Kept(LayerState(0, graph, np.ones(3)), np.empty(0, dtype=np.int64))
    >>> sources, targets = DegreePreferential(10.0)(kept, 1, np.random.default_rng(0))
    >>> sources.tolist(), targets.tolist()  # weights (2 * 2)^10 here, at most (3 * 1)^10 elsewhere
    ([1], [1])
    """

    exponent: float = 1.0

    def __post_init__(self) -> None:
        number = isinstance(self.exponent, Real) and not isinstance(self.exponent, bool)
        if not number or not -STEEPEST <= self.exponent <= STEEPEST:
            expected = f"a number in [-{STEEPEST:g}, {STEEPEST:g}]"
            raise InvalidOption("exponent", repr(self.exponent), expected, "exponent=1.0")
        object.__setattr__(self, "exponent", float(self.exponent))

    def __call__(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Run the race."""
        kept.check_room(n_grow)
        graph = kept.graph
        fastest_in, rates_in = _rates(graph.fan_out, self.exponent)
        fastest_out, rates_out = _rates(graph.fan_in, self.exponent)
        keys = np.empty(0, dtype=np.int64)
        if n_grow:
            keys = _first_free_arrivals(graph, n_grow, fastest_in, rates_in, fastest_out, rates_out, rng)
        targets = keys // graph.n_in
        return keys - targets * graph.n_in, targets


def _rates(degrees: UnitIds, exponent: float) -> tuple[UnitIds, Float[np.ndarray, "unit"]]:
    """Return units by how fast they are, the fastest first with rate 1, and their rates in this order."""
    logs = exponent * np.log1p(degrees.astype(np.float64))
    order = np.argsort(-logs, kind="stable")
    return order, np.exp(logs[order] - logs[order[0]])


def _first_free_arrivals(
    graph: BipartiteGraph,
    n_grow: int,
    fastest_in: UnitIds,
    rates_in: Float[np.ndarray, "source"],
    fastest_out: UnitIds,
    rates_out: Float[np.ndarray, "target"],
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the keys of the first free pairs to arrive, in the order they come."""
    from netsparse.generators.race import arrivals

    by_source, by_target = np.empty(graph.n_in), np.empty(graph.n_out)
    by_source[fastest_in], by_target[fastest_out] = rates_in, rates_out
    of_edges = float((by_source[graph.sources] * by_target[graph.targets]).sum())
    of_all = rates_in.sum() * rates_out.sum()
    of_free = max(of_all - of_edges, TRUSTED * of_all)
    keys, times = np.empty(0, dtype=np.int64), np.empty(0)
    begin, end = 0.0, SPARE * n_grow / of_free  # by then fewer arrive than rate times time
    while True:
        room = n_grow + n_grow // 4 + 64
        places, waits = arrivals(rates_in, rates_out, end - begin, room, rng)
        targets, sources = np.divmod(places, graph.n_in)
        found = fastest_out[targets] * graph.n_in + fastest_in[sources]
        new = graph.are_free(found, np.empty(0, dtype=np.int64)) & ~np.isin(found, keys)  # who is in runs no more
        keys, times = np.concatenate([keys, found[new]]), np.concatenate([times, begin + waits[new]])
        if len(keys) >= n_grow:
            return keys[np.argsort(times, kind="stable")[:n_grow]]
        begin, end = end, 2.0 * end
