"""Whom to drop: `(state, n_drop, rng) -> edge ids`, exact counts, ties broken at random."""

from __future__ import annotations

import numpy as np

from netsparse.rewiring.parts import Drop, needs
from netsparse.rewiring.scores import smallest_magnitude, smallest_sign_wise
from netsparse.rewiring.state import LayerState
from netsparse.typing import EdgeIds


def magnitude(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the edges of smallest |w|: RigL, Evci et al., arXiv:1911.11134."""
    return smallest_magnitude(state.weights, n_drop, rng)


def sign_wise(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the positive and the negative edges closest to zero: SET, see `smallest_sign_wise`."""
    return smallest_sign_wise(state.weights, n_drop, rng)


@needs("grads")
def sensitivity(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop the edges of smallest |w * dL/dw|, what the loss would change by to first order if they went."""
    return smallest_magnitude(state.weights * state.grads.at_edges(), n_drop, rng)


def at_random(state: LayerState, n_drop: int, rng: np.random.Generator) -> EdgeIds:
    """Drop edges uniformly at random."""
    return np.sort(rng.choice(state.graph.n_edges, n_drop, replace=False, shuffle=False))


DROPS: dict[str, Drop] = {
    "magnitude": magnitude,
    "sign_wise": sign_wise,
    "sensitivity": sensitivity,
    "random": at_random,
}
