"""Growth across the bottlenecks that the Fiedler vector sees, under a cap on degrees. Ours."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from numbers import Real

import numpy as np

from netsparse.errors import InvalidOption, NotConverged, SolverFallback, unknown_name
from netsparse.graph import BipartiteGraph, EdgeDelta, apply, free_pairs
from netsparse.metrics.spectral import singular_pairs
from netsparse.rewiring.growth.component_joining import joining_pairs
from netsparse.rewiring.growth.farthest_pairs import farthest_pairs
from netsparse.rewiring.state import Kept
from netsparse.typing import Float, UnitIds

ISOLATED = ("joined", "left")


def fiedler_vector(graph: BipartiteGraph) -> tuple[Float[np.ndarray, "n_in"], Float[np.ndarray, "n_out"]]:
    """Return the Fiedler vector of the normalised Laplacian of a graph whose edges all lie in one component.

    The eigenvector f of I - D^-1/2 A D^-1/2 at its second smallest eigenvalue, over the units that have edges. For a
    bipartite graph its two parts are, up to a common factor, the singular vectors at the second largest singular value
    sigma of the biadjacency matrix with every edge divided by the root of both degrees; the eigenvalue is 1 - sigma.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring; weights count nowhere.

    Returns
    -------
    at_source, at_target : float arrays of shape (n_in,), (n_out,)
        f, each part of norm 1, of either sign; 0 at units without an edge, and everywhere if one side has a single
        unit with edges.

    Raises
    ------
    NotConverged
        If every solver gives up.

    References
    ----------
    Fiedler, Czech. Math. J. 23, 298 (1973), doi:10.21136/CMJ.1973.101168; Chung, Spectral Graph Theory (1997).

    Examples
    --------
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)  # 0 - 0 - 1 - 1
    >>> at_source, at_target = fiedler_vector(path)
    >>> abs(at_source).round(3).tolist(), bool(at_source[0] * at_target[1] < 0)
    ([0.816, 0.577], True)
    """
    sources, targets = np.flatnonzero(graph.fan_out), np.flatnonzero(graph.fan_in)
    at_source, at_target = np.zeros(graph.n_in), np.zeros(graph.n_out)
    if min(len(sources), len(targets)) > 1:
        weights = 1.0 / np.sqrt(graph.fan_in[graph.targets].astype(np.float64) * graph.fan_out[graph.sources])
        block = graph.weight_matrix(weights)[targets][:, sources].tocsr()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SolverFallback)  # another solver has answered: the same vector
            left, _, right = singular_pairs(block, 2, upper=1.0)
        at_source[sources], at_target[targets] = right[:, 1], left[:, 1]
    return at_source, at_target


@dataclass(frozen=True)
class FiedlerGrowth:
    """Grow the free pairs with the largest (f_i - f_j)^2, f the Fiedler vector of the surviving graph: ours.

    To first order (f_i - f_j)^2 is what an edge adds to the quadratic form that f minimises. As long as there are
    several components, f is constant on each of them, and any pair between two is best: each is joined to the largest
    first, the larger ones first, by one pair of units of fewest edges. The other pairs are grown in batches, each by
    the f of the graph with all that has grown before. In a batch the pairs are taken in the order of falling
    (f_i - f_j)^2, but a unit takes part in a second one only when no other pair is left, and so on: f says nothing
    about what a unit needs once it has been helped.

    Parameters
    ----------
    batches : int
        How often f is computed, at least 1: more of them lead to a larger gap, in proportionately more time.
    degree_cap : float
        No unit gets an edge beyond this many times the mean degree of its side (after growth), at least 1, so that no
        hubs grow; infinity for no cap. Where no pair is left under it, the cap rises step by step until there is one.
        Units that have more edges already keep them.
    isolated : {"joined", "left"}
        Whether units without an edge are components to be joined, one edge each, before all else; or are left as they
        are, unless all other pairs are taken.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Warns
    -----
    SolverFallback
        If f was not found for a batch: its pairs are then uniformly random.

    Notes
    -----
    The gap between the first two singular values of the unnormalised matrix is not what is grown: hubs inflate it.
    Without any edge there is no f, and with isolated="left" growth is then uniform.

    Examples
    --------
    >>> from netsparse.rewiring.state import LayerState
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> kept = Kept(LayerState(0, path, np.ones(3)), np.array([], dtype=np.int64))
    >>> [units.tolist() for units in FiedlerGrowth()(kept, 1, np.random.default_rng(0))]
    [[0], [1]]
    """

    batches: int = 16
    degree_cap: float = 2.0
    isolated: str = "joined"

    def __post_init__(self) -> None:
        if not isinstance(self.batches, int | np.integer) or isinstance(self.batches, bool) or self.batches < 1:
            raise InvalidOption("batches", repr(self.batches), "a whole number, at least 1", "batches=16")
        if not isinstance(self.degree_cap, Real) or isinstance(self.degree_cap, bool) or not self.degree_cap >= 1.0:
            expected = "a multiple of the mean degree, at least 1"
            raise InvalidOption("degree_cap", repr(self.degree_cap), expected, "degree_cap=2.0")
        if self.isolated not in ISOLATED:
            raise unknown_name("isolated", self.isolated, ISOLATED)

    def __call__(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Return the pairs, in the order in which they have grown."""
        kept.check_room(n_grow)
        sources, targets = joining_pairs(kept.graph, n_grow, rng, with_isolated=self.isolated == "joined")
        grown = [(sources, targets)]
        graph = _with(kept.graph, sources, targets)
        caps = [self._cap(kept.n_edges + n_grow, *sides) for sides in (graph.sizes, graph.sizes[::-1])]
        left = n_grow - len(sources)
        for batch in range(self.batches):
            missing = left // self.batches + (batch < left % self.batches)
            if not missing:
                break
            try:
                values = fiedler_vector(graph) if graph.n_edges else None
            except NotConverged as error:
                warnings.warn(f"{error}: a batch of pairs is uniformly random", SolverFallback, stacklevel=2)
                values = None
            while missing:
                if values is None:
                    pairs = free_pairs(graph, missing, rng=rng)
                else:
                    pairs = self._farthest(graph, values, missing, caps)
                graph = _with(graph, *pairs)
                missing -= len(pairs[0])
                grown.append(pairs)
        return np.concatenate([pair[0] for pair in grown]), np.concatenate([pair[1] for pair in grown])

    def _cap(self, n_edges: int, n_units: int, n_others: int) -> int:
        return int(
            min(n_others, math.ceil(self.degree_cap * n_edges / n_units) if self.degree_cap < math.inf else n_others)
        )

    def _farthest(
        self, graph: BipartiteGraph, values: tuple[np.ndarray, np.ndarray], n: int, caps: list[int]
    ) -> tuple[UnitIds, UnitIds]:
        """Return one pair per unit at most, and one pair in all at least; raises the caps where that needs it."""
        degrees = graph.fan_out, graph.fan_in
        spared = 1 if self.isolated == "left" else 0
        while True:
            room = [((d < cap) & (d >= spared)).astype(np.int64) for d, cap in zip(degrees, caps, strict=True)]
            pairs = farthest_pairs(graph, *values, n, room_at_source=room[0], room_at_target=room[1])
            if len(pairs[0]):
                return pairs
            if caps[0] >= graph.n_out and caps[1] >= graph.n_in:
                spared = 0
            caps[:] = [cap + max(1, cap // 8) for cap in caps]


def _with(graph: BipartiteGraph, sources: UnitIds, targets: UnitIds) -> BipartiteGraph:
    return apply(graph, EdgeDelta([], sources, targets))[0] if len(sources) else graph
