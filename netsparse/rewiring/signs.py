"""The sign of a position: fixed for ever, for edges and free pairs alike, without a table of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from netsparse.graph import BipartiteGraph
from netsparse.typing import EdgeVector, Int, UnitIds

STEP = np.uint64(0x9E3779B97F4A7C15)
"""What SplitMix64 adds to its state between two outputs: 2^64 over the golden ratio."""

SIGN_BIT, MINUS_ONE = np.uint32(0x80000000), np.uint32(0xBF800000)
"""Of a float32, and -1.0 as one."""


def signs(seed: int, layer: int, sources: UnitIds, targets: UnitIds) -> EdgeVector:
    """Return the signs of pairs of units: 1 or -1 with equal chances, a function of the four numbers alone.

    Every target unit has a SplitMix64 generator of its own, and the sign is the top bit of its output number `source`.
    It starts from output number `target` of the layer's generator, and that from output number `layer` of the one of
    the seed. Nothing is stored, and pairs can be asked for in any order. DEEP R keeps a matrix of random signs; that
    they come from a hash is ours.

    Parameters
    ----------
    seed : int
        One table of signs per seed, at least 0 and below 2^64.
    layer : int
        Position of the layer in the model.
    sources, targets : int arrays of shape (n_pairs,)
        The two ends of each pair.

    Returns
    -------
    float32 array of shape (n_pairs,)

    References
    ----------
    Steele, Lea, Flood, Fast splittable pseudorandom number generators, OOPSLA 2014, doi:10.1145/2660193.2660195.

    Examples
    --------
    >>> signs(0, 0, np.array([0, 1, 2, 3]), np.array([0, 0, 0, 0])).tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    return _top_bits(_states(seed, layer, np.asarray(targets).astype(np.uint64)), sources)


def edge_signs(seed: int, layer: int, graph: BipartiteGraph) -> EdgeVector:
    """Return `signs` of all edges of a graph, in canonical order.

    Examples
    --------
    >>> edge_signs(0, 0, BipartiteGraph.from_edges([0, 2], [0, 0], n_in=3, n_out=1)).tolist()
    [-1.0, -1.0]
    """
    return _top_bits(np.repeat(_all_states(seed, layer, graph.n_out), graph.fan_in), graph.indices)


@lru_cache(maxsize=16)  # rules ask for the same layers in every step
def _all_states(seed: int, layer: int, n_out: int) -> Int[np.ndarray, "unit"]:
    return _states(seed, layer, np.arange(n_out, dtype=np.uint64))


def _states(seed: int, layer: int, targets: Int[np.ndarray, "unit"]) -> Int[np.ndarray, "unit"]:
    """Return the state that the generator of each target unit starts from; overwrites `targets`."""
    layer_state = _mixed(_mixed(np.array([seed], dtype=np.uint64)) + STEP * np.array([layer + 1], dtype=np.uint64))
    targets += np.uint64(1)
    targets *= STEP
    targets += layer_state
    return _mixed(targets)


def _top_bits(states: Int[np.ndarray, "pair"], sources: UnitIds) -> EdgeVector:
    z = np.asarray(sources).astype(np.uint64)
    z += np.uint64(1)
    z *= STEP
    z += states
    top = (_mixed(z) >> np.uint64(32)).astype(np.uint32)
    top &= SIGN_BIT
    top ^= MINUS_ONE  # a set bit takes the minus away
    return top.view(np.float32)


def _mixed(z: Int[np.ndarray, "number"]) -> Int[np.ndarray, "number"]:
    """Return what SplitMix64 makes of its state; overwrites it."""
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z
