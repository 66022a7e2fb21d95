"""Orders in which edges are removed: at random, by weight, by degrees, by betweenness, by scores of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.checks import as_count, as_edge_vector
from netsparse.metrics import edge_betweenness
from netsparse.metrics.shortest_paths import arcs
from netsparse.percolation.order import Items, RemovalOrder, RemovalState, check_recompute_every, recomputed
from netsparse.percolation.ranking import Scores
from netsparse.percolation.scopes import Positions
from netsparse.percolation.tournament import take_highest_products


@dataclass(frozen=True, slots=True)
class Random(RemovalOrder):
    """Edges in a uniformly random order.

    Examples
    --------
    >>> graph = BipartiteGraph.from_mask([[1, 1], [1, 0]])
    >>> sorted(Random().removal(graph, rng=0).items.tolist())
    [0, 1, 2]
    """

    @property
    def definition(self) -> str:
        """Who goes first, in a few words."""
        return "edges in a uniformly random order"

    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """All edges are alike."""
        return None


@dataclass(frozen=True, slots=True)
class ByWeight(RemovalOrder):
    """Edges by |w|.

    Weights of exactly 0 belong to edges like any others, the weakest. Only |w| exactly equal are ties.

    Parameters
    ----------
    descending : bool
        True: the strongest edges first (an attack); False: the weakest first (magnitude pruning).

    Examples
    --------
    >>> graph = BipartiteGraph.from_mask([[1, 1], [1, 0]])
    >>> ByWeight(descending=False).removal(graph, weights=[-0.5, 0.1, 0.0], rng=0).items.tolist()
    [2, 1, 0]
    """

    descending: bool = True
    needs_weights: ClassVar[bool] = True

    @property
    def definition(self) -> str:
        """Who goes first, in a few words."""
        return f"edges of the {'largest' if self.descending else 'smallest'} |w| first"

    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """Return |w|, or -|w|."""
        if state.strength is None:
            return None
        return state.strength if self.descending else -state.strength


@dataclass(frozen=True, slots=True, eq=False)
class ByScore(RemovalOrder):
    """Edges by scores of one's own.

    Parameters
    ----------
    scores : edge vector, or one per layer
        Real numbers of either sign, infinite ones included.
    highest_first : bool
        Whether the highest score goes first, or the lowest.

    Examples
    --------
    >>> graph = BipartiteGraph.from_mask([[1, 1], [1, 0]])
    >>> ByScore([0.5, 2.0, -1.0]).removal(graph, rng=0).items.tolist()
    [1, 0, 2]
    """

    scores: Any
    highest_first: bool = True

    @property
    def definition(self) -> str:
        """Who goes first, in a few words."""
        return f"edges of the {'highest' if self.highest_first else 'lowest'} given score first"

    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """Return the given scores, checked."""
        values = _as_scores(state.graph, self.scores)
        return values if self.highest_first else -values


@dataclass(frozen=True, slots=True)
class DegreeProduct(RemovalOrder):
    """Edges by the product of the degrees of their two units, the highest first.

    The degree k of a unit is its number of edges in the whole graph of units, incoming and outgoing ones together, so
    that the score of an edge from i to j is k_i k_j (Holme, Kim, Yoon and Han, Phys. Rev. E 65, 056109 (2002),
    doi:10.1103/PhysRevE.65.056109). That graph is the one that falls apart, and the degrees are those by which
    `UnitDegree` goes. The other reading, fan_out(i) fan_in(j) inside the layer, does not see that a hidden unit is a
    hub of the layer before; on a single layer both are the same. The choice is ours.

    Parameters
    ----------
    recompute_every : int, float or None
        See `RemovalOrder`. Every removal costs the degrees of the two units times the logarithm of the edges.

    Raises
    ------
    InvalidOption
        For an impossible `recompute_every`.

    Examples
    --------
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> int(DegreeProduct().removal(path, rng=0).items[0])
    1
    """

    recompute_every: int | float | None = None

    def __post_init__(self) -> None:
        check_recompute_every(self.recompute_every)

    @property
    def definition(self) -> str:
        """Who goes first, in a few words."""
        return "edges of the highest product of the degrees of their two units first" + recomputed(self.recompute_every)

    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """Return k_i k_j of each edge."""
        degrees = state.degrees
        return (degrees[state.ends[:, 0]] * degrees[state.ends[:, 1]]).astype(np.float64)

    def one_by_one(self, state: RemovalState, items: Items, rng: np.random.Generator) -> Positions:
        """Keep the products of all edges up to date."""
        sources, targets = state.ends.T
        indptr, _, edge_of_arc = arcs(state.n_units, sources, targets)
        order = np.empty_like(items.ids)
        return take_highest_products(
            state.ends, indptr, edge_of_arc, items.counts, items.turns, rng.random(len(order)), order
        )


@dataclass(frozen=True, slots=True)
class EdgeBetweenness(RemovalOrder):
    """Edges by betweenness (`netsparse.metrics.edge_betweenness`), the highest first.

    Paths follow the whole graph of units both ways. Betweennesses that agree to ten digits are ties: those of symmetric
    edges differ by rounding alone.

    Parameters
    ----------
    n_sources : int, optional
        Estimate from the shortest paths that start at this many units, drawn in each trial and at each recomputation
        anew; exact where not given.
    recompute_every : int, float or None
        See `RemovalOrder`. Each computation costs O(sources * edges).

    Raises
    ------
    InvalidOption
        For impossible options.

    References
    ----------
    Holme, Kim, Yoon and Han, Phys. Rev. E 65, 056109 (2002), doi:10.1103/PhysRevE.65.056109 (attack by recomputed
    betweenness); Girvan and Newman, Proc. Natl. Acad. Sci. 99, 7821 (2002), doi:10.1073/pnas.122653799.

    Examples
    --------
    >>> path = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> int(EdgeBetweenness().removal(path, rng=0).items[0])
    1
    """

    n_sources: int | None = None
    recompute_every: int | float | None = None

    def __post_init__(self) -> None:
        check_recompute_every(self.recompute_every)
        if self.n_sources is not None and as_count("n_sources", self.n_sources) == 0:
            raise InvalidOption("n_sources", "0", "at least 1, or None for all", "n_sources=256")

    @property
    def definition(self) -> str:
        """Who goes first, in a few words."""
        estimate = "" if self.n_sources is None else f" (estimated from {self.n_sources} sources)"
        return f"edges of the highest betweenness{estimate} first" + recomputed(self.recompute_every)

    @property
    def draws_scores(self) -> bool:
        """Whether sources are drawn."""
        return self.n_sources is not None

    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """Return the betweenness of each edge in what is left."""
        graph, left = state.graph, state.left.astype(np.float64)
        stops = np.cumsum([layer.n_edges for layer in graph.layers])[:-1]
        # an edge of weight 0 is none to the metric, so that no smaller graph has to be built
        mask = np.split(left, stops) if isinstance(graph, SparseNetwork) else left
        share, power = np.frexp(np.concatenate(edge_betweenness(graph, mask, n_sources=self.n_sources, rng=rng)))
        return np.ldexp(np.rint(np.ldexp(share, 34)), power - 34)


def _as_scores(graph: BipartiteGraph | SparseNetwork, scores: Any) -> Scores:
    rows = [scores] if isinstance(graph, BipartiteGraph) else scores
    n_layers, fix = len(graph.layers), "one edge vector per layer, each in canonical edge order"
    if not hasattr(rows, "__len__") or len(rows) != n_layers:
        given = f"{len(rows)} arrays" if hasattr(rows, "__len__") else repr(rows)
        raise InvalidEdgeVector("scores", given, f"one edge vector per layer ({n_layers})", fix)
    vectors = [
        as_edge_vector(f"scores of layer {k}", row, layer.n_edges)
        for k, (row, layer) in enumerate(zip(rows, graph.layers, strict=True))
    ]
    for k, vector in enumerate(vectors):
        if (len(vector) and vector.dtype.kind not in "fiub") or np.isnan(vector.astype(np.float64)).any():
            given = "NaN" if vector.dtype.kind == "f" else f"dtype {vector.dtype}"
            raise InvalidEdgeVector(f"scores of layer {k}", given, "real numbers", "numpy.nan_to_num(scores)")
    return np.concatenate(vectors).astype(np.float64)
