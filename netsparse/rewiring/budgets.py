"""Where the edges that are to grow go: `(kept of every layer, counts, rng) -> counts`, the same number in all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netsparse.rewiring.parts import Budget
from netsparse.rewiring.state import Kept


def by_layer(kept: Sequence[Kept], n_grow: Sequence[int], rng: np.random.Generator) -> Sequence[int]:
    """Every layer grows as many edges as it has lost: SET, RigL, DEEP R."""
    return n_grow


BUDGETS: dict[str, Budget] = {
    "layer": by_layer,
}
