"""Probes of the topology that keep the trained weights: rewiring that keeps every degree, and none of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from netsparse.generators.null_models import degree_preserving
from netsparse.graph import BipartiteGraph, EdgeDelta, SparseNetwork, apply, carry
from netsparse.graph.free_pairs import sample_free_keys
from netsparse.graph.pairs import pair_keys
from netsparse.rng import seeds
from netsparse.robustness.choices import count_of
from netsparse.robustness.perturbation import Perturbed, Probe, check_flag
from netsparse.robustness.wiring import Wiring

Move = Callable[[float], EdgeDelta]
"""One layer's change at a strength: edge `removed[i]` moves to the i-th added pair."""


@dataclass(frozen=True)
class DegreePreservingRewiring(Probe):
    """Shuffle the trained topology by edge swaps: every unit keeps its degree, every weight its source.

    The strength is the number of proposed swaps per edge: two edges (a, x) and (b, y) drawn at random become (a, y) and
    (b, x), each with the weight of its source, unless one of these exists. From about ten on, the topology is a random
    one with these degrees, see `netsparse.generators.degree_preserving`.

    Parameters
    ----------
    keep_signs : bool
        Swap only edges of the same sign, so that every unit keeps its number of positive and of negative edges too.

    Raises
    ------
    InvalidOption
        If `keep_signs` is not a truth value.

    Notes
    -----
    The strengths of a trial share its seed, but a longer chain is not the continuation of a shorter one. The null model
    asks what the degrees alone explain; a trained model as its subject is ours (arXiv:2508.05463 randomises bipartite
    layers; its details are not public).

    Examples
    --------
    >>> network = SparseNetwork([BipartiteGraph.from_edges([0, 1, 2], [0, 1, 2], n_in=3, n_out=3)])
    >>> after, (weights,) = DegreePreservingRewiring().perturb(network, [[1.0, 2.0, 3.0]], 5, rng=2)
    >>> after.layers[0].sources.tolist(), weights.tolist()
    ([2, 1, 0], [3.0, 2.0, 1.0])
    """

    name: ClassVar[str] = "degree_preserving_rewiring"
    meaning: ClassVar[str] = "proposed edge swaps per edge"
    strengths: ClassVar[tuple[float, ...]] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    largest: ClassVar[float] = float("inf")
    keep_signs: bool = False

    def __post_init__(self) -> None:
        check_flag("keep_signs", self.keep_signs)

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw the seed of each layer's chain."""
        layer_seeds = seeds(rng, wiring.n_probed, purpose="degree-preserving rewiring")
        signs = wiring.probed_weights if self.keep_signs else [None] * wiring.n_probed

        def chain(k: int) -> Move:
            layer = wiring.network.layers[k]
            return lambda swaps: degree_preserving(layer, signs=signs[k], swaps_per_edge=swaps, rng=layer_seeds[k])

        return _moved(wiring, [chain(k) for k in range(wiring.n_probed)])


@dataclass(frozen=True)
class RandomTopology(Probe):
    """Move a random fraction of each layer's edges, with their weights, to uniformly random pairs of units.

    At strength 1 every layer is a uniformly random simple graph with its number of edges, carrying the trained weights
    in random order: nothing but the size of the layers and the distribution of the weights is left.

    Notes
    -----
    floor(f E_k + 1/2) of a layer's E_k edges move, to pairs that no edge that stays holds; the places of the edges
    that move are free too, so that an edge may by chance stay where it was. Edges that move at a strength move at all
    larger ones. Ours (arXiv:2508.05463 randomises bipartite layers; its details are not public).

    Examples
    --------
    >>> network = SparseNetwork([BipartiteGraph.from_edges([0, 1, 2], [0, 0, 0], n_in=3, n_out=4)])
    >>> after, (weights,) = RandomTopology().perturb(network, [[1.0, 2.0, 3.0]], 1, rng=0)
    >>> after.layers[0].fan_in.tolist(), sorted(weights.tolist())
    ([0, 1, 1, 1], [1.0, 2.0, 3.0])
    """

    name: ClassVar[str] = "random_topology"
    meaning: ClassVar[str] = "fraction of each layer's edges moved to random pairs"

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw which edges move first, and where to."""
        return _moved(wiring, [_random_moves(layer, rng) for layer in wiring.probed.layers])


def _random_moves(layer: BipartiteGraph, rng: np.random.Generator) -> Move:
    # the layer's edges and as many distinct pairs, both in random order. When n edges move, E - n stay; of any E pairs
    # at least n are not among those, and the first n of them are a uniform draw from all pairs that are free then
    drawn = rng.permutation(sample_free_keys(np.empty(0, dtype=np.int64), layer.n_in * layer.n_out, layer.n_edges, rng))
    order = rng.permutation(layer.n_edges)
    rank = np.empty_like(order)
    rank[order] = np.arange(layer.n_edges)
    edges = pair_keys(layer.sources, layer.targets, layer.n_in)
    edge = np.minimum(np.searchsorted(edges, drawn), len(edges) - 1)
    # a drawn pair that is an edge is taken until that edge moves
    taken_until = np.where(edges[edge] == drawn, rank[edge], -1)

    def at(fraction: float) -> EdgeDelta:
        n_moved = count_of(fraction, layer.n_edges)
        free = drawn[taken_until < n_moved][:n_moved]
        return EdgeDelta(order[:n_moved], free % layer.n_in, free // layer.n_in)

    return at


def _moved(wiring: Wiring, moves: Sequence[Move]) -> Perturbed:
    """Apply each layer's move; every weight goes with its edge."""

    def at(strength: float) -> Wiring:
        layers, weights = list(wiring.network.layers), list(wiring.weights)
        for k, move in enumerate(moves):
            delta = move(strength)
            if delta.n_removed:
                layers[k], edge_map = apply(layers[k], delta)
                weights[k] = carry(weights[k], edge_map, fill=weights[k][delta.removed])
        return replace(wiring, network=SparseNetwork(layers, wiring.network.joints), weights=tuple(weights))

    return at
