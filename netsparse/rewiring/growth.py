"""Whom to grow: `(kept, n_grow, rng) -> (sources, targets)`, distinct pairs that are free among the survivors."""

from __future__ import annotations

import numpy as np

from netsparse.graph.free_pairs import free_pairs_without
from netsparse.rewiring.parts import Grow, needs
from netsparse.rewiring.state import Kept
from netsparse.typing import UnitIds


def uniform(kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
    """Grow uniformly random free pairs, the places of dropped edges among them: SET."""
    return free_pairs_without(kept.before.graph, kept.removed, n_grow, rng)


@needs("grads")
def gradient(kept: Kept, n_grow: int, rng: np.random.Generator) -> tuple[UnitIds, UnitIds]:
    """Grow the free pairs of largest |dL/dw|: RigL, Evci et al., arXiv:1911.11134. Ties in canonical order."""
    return kept.grads.top_free_pairs(kept.graph, n_grow)


GROWTHS: dict[str, Grow] = {
    "uniform": uniform,
    "gradient": gradient,
}
