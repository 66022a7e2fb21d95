"""Growth next to edges that are there: `NearestFree`, the free place closest to a random or to a strong edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.graph.free_pairs import free_pairs_without
from netsparse.rewiring.state import Kept
from netsparse.typing import EdgeIds, Int, UnitIds

STARTS = ("random", "weight")
METRICS = ("euclidean", "eq3_literal")


@dataclass(frozen=True)
class NearestFree:
    """Grow, for some of the edges that stay, the free place nearest to each: the thesis of Seidel (WS 2022/23).

    An edge is a place in the weight matrix. With `kernel_size` = (H, W) in the state of the layer its coordinates are
    (row, column, in channel, out channel), where source unit (channel * H + row) * W + column; without, they are
    (source, target). All in steps of one unit. Free are the pairs without an edge, those of edges just dropped among
    them, as in the thesis.

    Parameters
    ----------
    start : {"random", "weight"}
        Which n of the edges that stay are started from: n drawn at random without replacement, in random order, or
        those of the n largest |w|, the largest first.
    metric : {"euclidean", "eq3_literal"}
        What is smallest for the nearest place x of an edge p: sum (p_d - x_d)^2, or sum |p_d^2 - x_d^2|.

    Raises
    ------
    UnknownName
        For another start or metric.

    Notes
    -----
    The text of the thesis says Euclidean distance everywhere, its equation 3 prints sum |p_d^2 - x_d^2|: most probably
    a misprint, since that is no distance between places. From (1, 100) it ranks (14, 100), at 195, before (1, 99), at
    199; it draws edges along axes with small coordinates and towards low ones. It is here for comparison.

    Ours, because the thesis is silent: the n edges are served one after the other in the order above, each takes the
    nearest place that is still free, so that all places are distinct; among places equally near one is drawn with equal
    probability each (a fixed order would let every cluster creep in one direction); edges of equal |w| are ordered at
    random; where more are to grow than edges stay, all are served again and again, in a new order if it is random,
    grown edges never; where no edge stays, growth is uniform at random.

    Cost: a few look-ups for each edge that grows while there is a free place beside where it starts from. Where there
    is none, the rim of the solid region is searched as far as it may be nearest: some hundred look-ups in a block of a
    thousand units a side, and all of the rim from the middle of a round one, as it grows around a single edge that is
    served again and again. O(edges) memory, never a table of all places. The first
    call of a process loads the compiled search, or compiles it.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> from netsparse.rewiring.state import LayerState
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 2], [0, 0, 0, 1], n_in=5, n_out=2)
    >>> kept = Kept(LayerState(0, graph, np.array([3.0, 0.1, 0.2, 0.3])), np.empty(0, dtype=np.int64))
    >>> sources, targets = NearestFree("weight")(kept, 1, np.random.default_rng(0))  # next to (0, 0), the strongest
    >>> sources.tolist(), targets.tolist()
    ([0], [1])
    """

    start: str = "random"
    metric: str = "euclidean"

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise unknown_name("start", self.start, STARTS)
        if self.metric not in METRICS:
            raise unknown_name("metric", self.metric, METRICS)

    def __call__(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
        """Choose the edges to start from, and find a place for each."""
        before = kept.before.graph
        kept.check_room(n_grow)
        if not n_grow or not kept.n_edges:
            return free_pairs_without(before, kept.removed, n_grow, rng)
        from netsparse.rewiring.growth.nearest_kernel import nearest_free_places

        kernel = _checked_kernel(kept.before.kernel_size, before.n_in)
        edges = self._started_from(kept, n_grow, rng)
        graph, literal = kept.graph, self.metric == "eq3_literal"
        places = coordinates(graph.sources, graph.targets, kernel)
        return _units(
            nearest_free_places(graph, places, *_axes(graph, kernel), edges, literal=literal, rng=rng), kernel
        )

    def _started_from(self, kept: Kept, n_grow: int, rng: np.random.Generator) -> EdgeIds:
        """Return ids of edges that stay, in the order in which they are served."""
        n_rounds, n_rest = divmod(n_grow, kept.n_edges)
        if self.start == "random":
            rounds = [rng.permutation(kept.n_edges) for _ in range(n_rounds)]
            return np.concatenate([*rounds, rng.choice(kept.n_edges, n_rest, replace=False)])
        shuffled = rng.permutation(kept.n_edges)  # equal ones are then found in random order
        sizes = -np.abs(np.asarray(kept.weights)[shuffled])
        if not n_rounds and n_rest < kept.n_edges // 2:
            strongest = np.argpartition(sizes, n_rest)[:n_rest]
            return shuffled[strongest[np.argsort(sizes[strongest], kind="stable")]]
        return np.resize(shuffled[np.argsort(sizes, kind="stable")], n_grow)


def coordinates(
    sources: UnitIds, targets: UnitIds, kernel_size: tuple[int, int] | None = None
) -> Int[np.ndarray, "edge axis"]:
    """Return the places of edges in the weight matrix, one row each.

    (source, target) without a kernel; (row, column, in channel, out channel) with one of kernel_size = (H, W), where
    source = (channel * H + row) * W + column.

    Examples
    --------
    >>> coordinates(np.array([13]), np.array([7]), kernel_size=(3, 3)).tolist()  # 13 = (1 * 3 + 1) * 3 + 1
    [[1, 1, 1, 7]]
    """
    sources, targets = sources.astype(np.int64), targets.astype(np.int64)
    if kernel_size is None:
        return np.column_stack([sources, targets])
    height, width = kernel_size
    rows, columns = np.divmod(sources, width)
    channels, rows = np.divmod(rows, height)
    return np.column_stack([rows, columns, channels, targets])


def _axes(
    graph: BipartiteGraph, kernel_size: tuple[int, int] | None
) -> tuple[Int[np.ndarray, "axis"], Int[np.ndarray, "axis"]]:
    """Return the number of places along each axis, and what a step along it adds to target * n_in + source."""
    if kernel_size is None:
        return np.array([graph.n_in, graph.n_out]), np.array([1, graph.n_in])
    height, width = kernel_size
    sizes = (height, width, graph.n_in // (height * width), graph.n_out)
    return np.array(sizes), np.array([width, 1, height * width, graph.n_in])


def _units(places: Int[np.ndarray, "edge axis"], kernel_size: tuple[int, int] | None) -> tuple[UnitIds, UnitIds]:
    """Return sources and targets of the edges at these places."""
    if kernel_size is None:
        return places[:, 0].copy(), places[:, 1].copy()
    height, width = kernel_size
    row, column, channel, target = places.T
    return (channel * height + row) * width + column, target.copy()


def _checked_kernel(kernel_size: tuple[int, int] | None, n_in: int) -> tuple[int, int] | None:
    if kernel_size is None:
        return None
    height, width = map(int, kernel_size)
    if height < 1 or width < 1 or n_in % (height * width):
        expected = f"(height, width) whose product divides the {n_in} source units"
        raise InvalidOption("kernel_size", repr(kernel_size), expected, "kernel_size=None for a layer that is none")
    return height, width
