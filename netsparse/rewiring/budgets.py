"""Where the edges that are to grow go: `(kept of every layer, counts, rng) -> counts`, the same number in all.

No budget asks a layer for more than it has free: what is beyond goes to the layers with room, shared out by the same
rule again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from netsparse.errors import NotEnoughFreePairs, TrainingDiverged
from netsparse.generators.proportional import proportional_counts
from netsparse.rewiring.by_size import BY_SIZE
from netsparse.rewiring.parts import Budget, needs
from netsparse.rewiring.state import Kept


def by_layer(kept: Sequence[Kept], n_grow: Sequence[int], rng: np.random.Generator) -> Sequence[int]:
    """Every layer grows as many edges as it has lost: SET, RigL, DEEP R."""
    return n_grow


@needs("momentum")
def by_momentum(kept: Sequence[Kept], n_grow: Sequence[int], rng: np.random.Generator) -> Sequence[int]:
    """Edges go where the mean |momentum| of a layer's edges is large: SNFS, Dettmers and Zettlemoyer, arXiv:1907.04840.

    In proportion to the mean, taken over all edges before any is dropped, as the authors' code does; rounded so that
    the number is exact, by largest remainders (ours). Where no layer has any momentum, every one gets back what it has
    lost (ours).
    """
    means = [_mean_size(layer.before.momentum) for layer in kept]
    return _in_proportion(kept, n_grow, np.array(means))


def by_magnitude(kept: Sequence[Kept], n_grow: Sequence[int], rng: np.random.Generator) -> Sequence[int]:
    """Edges go where the mean |w| of a layer's edges is large: another choice in SNFS's code, see `by_momentum`."""
    return _in_proportion(kept, n_grow, np.array([_mean_size(layer.before.weights) for layer in kept]))


@dataclass(frozen=True)
class Bernoulli:
    """Every free pair of a layer grows with probability n / n_free, n edges lost: the code of ITOP, arXiv:2102.02887.

    The number is right only on average and drifts, so that a rule with this budget does not keep its count. It is drawn
    as a binomial number, of which any rule then grows exactly as many; grown uniformly, that is the same law.
    """

    keeps_count: ClassVar[bool] = False

    def __call__(self, kept: Sequence[Kept], n_grow: Sequence[int], rng: np.random.Generator) -> Sequence[int]:
        """Draw the number of each layer."""
        free = [layer.n_free for layer in kept]
        rates = [min(n / max(n_free, 1), 1.0) for n_free, n in zip(free, n_grow, strict=True)]
        return [int(rng.binomial(n_free, rate)) for n_free, rate in zip(free, rates, strict=True)]


def shared_out(n: int, shares: np.ndarray, room: Sequence[int]) -> list[int]:
    """Return how `n` edges fall to layers in proportion to their shares, none beyond its room.

    What is beyond the room of a layer is shared out among those with room, in the same proportions; fractions go to the
    largest remainders, the first of equals. Where only layers of share 0 have room left, their room is their share.

    Parameters
    ----------
    n : int
        Edges to share out.
    shares : float array of shape (n_layers,)
        At least 0, of any sum.
    room : sequence of int
        How many edges fit into each layer.

    Raises
    ------
    NotEnoughFreePairs
        If there is less room than edges.

    Examples
    --------
    >>> shared_out(10, np.array([8.0, 1.0, 1.0]), [4, 100, 100])
    [4, 3, 3]
    """
    rooms = np.array(room, dtype=np.int64)
    if n > rooms.sum():
        expected = f"at most the {rooms.sum()} free pairs of all layers"
        raise NotEnoughFreePairs("new edges", f"{n} new edges", expected, "a lower density or a smaller fraction")
    wanted = np.where(shares > 0, rooms, 0)
    first = min(n, int(wanted.sum()))
    counts = proportional_counts(first, shares / shares.max(initial=1.0) / np.maximum(rooms, 1), wanted)
    return (counts + proportional_counts(n - first, np.ones(len(rooms)), rooms - wanted)).tolist()


def _in_proportion(kept: Sequence[Kept], n_grow: Sequence[int], shares: np.ndarray) -> Sequence[int]:
    if not np.isfinite(shares).all():
        given, expected = "NaN or infinite values", "finite weights and momenta of every layer"
        raise TrainingDiverged("budget", given, expected, "a smaller learning rate")
    if not shares.any():
        return n_grow
    return shared_out(sum(n_grow), shares, [layer.n_free for layer in kept])


def _mean_size(values: np.ndarray | None) -> float:
    return float(np.abs(values).mean(dtype=np.float64)) if values is not None and len(values) else 0.0


BUDGETS: dict[str, Budget] = {
    "layer": by_layer,
    "size": BY_SIZE,
    "momentum": by_momentum,
    "magnitude": by_magnitude,
    "bernoulli": Bernoulli(),
}
