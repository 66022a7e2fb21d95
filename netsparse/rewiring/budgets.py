"""Where the edges that are to grow go: `(kept of every layer, counts, rng) -> counts`, the same number in all.

No budget asks a layer for more than it has free: what is beyond goes to the layers with room, shared out by the same
rule again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from netsparse.errors import NotEnoughFreePairs, TrainingDiverged
from netsparse.rewiring.parts import Budget, needs
from netsparse.rewiring.state import Kept

Shares = Callable[[int, np.ndarray], np.ndarray]
"""`(n, shares) -> counts`: how n edges fall to layers of these shares, which are not all zero."""


def by_layer(kept: Sequence[Kept], n_grow: Sequence[int], rng: np.random.Generator) -> Sequence[int]:
    """Every layer grows as many edges as it has lost: SET, RigL, DEEP R."""
    return n_grow


def by_size(kept: Sequence[Kept], n_grow: Sequence[int], rng: np.random.Generator) -> Sequence[int]:
    """Every edge goes to a layer drawn with probability proportional to n_in * n_out, independently of the others.

    As the missing edges of Bayesian connectivity sampling: Ozdenizci and Legenstein, ICML 2021. Edges migrate between
    layers, on average towards equal densities.
    """
    sizes = np.array([float(layer.before.graph.n_in) * layer.before.graph.n_out for layer in kept])
    return shared_out(
        sum(n_grow), sizes, [layer.n_free for layer in kept], lambda n, p: rng.multinomial(n, p / p.sum())
    )


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


def shared_out(n: int, shares: np.ndarray, room: Sequence[int], split: Shares) -> list[int]:
    """Return how `n` edges fall to layers of these shares and of limited room.

    They are split by shares; what is beyond the room of a layer is split among those with room, until there is no
    more of it. Where only layers of share 0 have room left, their room is their share.

    Parameters
    ----------
    n : int
        Edges to share out.
    shares : float array of shape (n_layers,)
        At least 0, of any sum.
    room : sequence of int
        How many edges fit into each layer.
    split : callable
        `(n, shares) -> counts`, such as `by_largest_remainder`.

    Raises
    ------
    NotEnoughFreePairs
        If there is less room than edges.

    Examples
    --------
    >>> shared_out(10, np.array([8.0, 1.0, 1.0]), [4, 100, 100], by_largest_remainder)
    [4, 3, 3]
    """
    left = np.array(room, dtype=np.int64)
    if n > left.sum():
        expected = f"at most the {left.sum()} free pairs of all layers"
        raise NotEnoughFreePairs("new edges", f"{n} new edges", expected, "a lower density or a smaller fraction")
    counts = np.zeros(len(left), dtype=np.int64)
    while n:
        some = np.where(left > 0, shares, 0.0)
        given = np.minimum(split(n, some if some.any() else left.astype(float)), left)
        counts, left, n = counts + given, left - given, n - int(given.sum())
    return counts.tolist()


def by_largest_remainder(n: int, shares: np.ndarray) -> np.ndarray:
    """Return whole numbers of sum `n` in proportion to the shares: those cut off most by rounding down get one more.

    Ties go to the first layers.

    Examples
    --------
    >>> by_largest_remainder(7, np.array([1.0, 1.0, 2.0])).tolist()
    [2, 2, 3]
    """
    exact = n * (shares / shares.sum())
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(counts - exact, kind="stable")
    order = order[shares[order] > 0]
    counts[order[: n - counts.sum()]] += 1
    return counts


def _in_proportion(kept: Sequence[Kept], n_grow: Sequence[int], shares: np.ndarray) -> Sequence[int]:
    if not np.isfinite(shares).all():
        given, expected = "NaN or infinite values", "finite weights and momenta of every layer"
        raise TrainingDiverged("budget", given, expected, "a smaller learning rate")
    if not shares.any():
        return n_grow
    return shared_out(sum(n_grow), shares, [layer.n_free for layer in kept], by_largest_remainder)


def _mean_size(values: np.ndarray | None) -> float:
    return float(np.abs(values).mean(dtype=np.float64)) if values is not None and len(values) else 0.0


BUDGETS: dict[str, Budget] = {
    "layer": by_layer,
    "size": by_size,
    "momentum": by_momentum,
    "magnitude": by_magnitude,
    "bernoulli": Bernoulli(),
}
