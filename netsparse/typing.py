"""Array vocabulary in the words of the field; shapes are checked in tests only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

EdgeIds = Int[np.ndarray, "edge"]
"""Positions in the canonical edge order of one graph."""

UnitIds = Int[np.ndarray, "unit"]
"""Numbers of units (neurons) inside one layer."""

EdgeVector = Float[np.ndarray, "edge"]
"""One real number per edge, in canonical edge order: weights, gradients, ages, scores."""

EdgeMask = Bool[np.ndarray, "edge"]
"""One truth value per edge, in canonical edge order."""

NetworkWeights = Sequence[EdgeVector]
"""One edge vector per layer of a `SparseNetwork`."""

Seed = int | np.random.Generator | np.random.SeedSequence
"""What every `rng=` accepts."""
