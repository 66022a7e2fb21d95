"""Probes that take edges away: link removal, the removal of whole units, magnitude pruning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidOption, unknown_name
from netsparse.percolation.order import RemovalOrder
from netsparse.percolation.orders import ORDERS, as_order
from netsparse.percolation.removal import EDGES, UNITS, Removal
from netsparse.robustness.choices import SCOPES, count_of
from netsparse.robustness.perturbation import Perturbed, Probe, check_choice
from netsparse.robustness.wiring import Wiring


@dataclass(frozen=True)
class LinkRemoval(Probe):
    """Remove a fraction of the edges, in a removal order; the units stay.

    Parameters
    ----------
    order : str, RemovalOrder or sequence of int
        Who goes first: a name from `netsparse.percolation.ORDERS`, an order object, or a permutation of the edge ids
        (layer by layer, each in canonical order). Orders that need weights get those that are perturbed.
    scope : {"layer", "network"}
        Whether every layer loses the same fraction, or all edges are pooled; see `netsparse.percolation.percolate`.

    Raises
    ------
    UnknownName, InvalidOption
        For an unknown order or scope, and for an order of units.

    Notes
    -----
    Exactly floor(f E + 1/2) of the E edges that may be changed are gone at strength f, those gone at a smaller strength
    among them. They are the edges that `netsparse.percolation.percolate` removes from the same layers in the trial of
    the same seed, so that function and structure break on one axis. Link removal is the published probe
    (arXiv:2602.21961), whose details are not public; this definition is ours.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1, 1]])])
    >>> after, (weights,) = LinkRemoval("weight_descending").perturb(network, [[1.0, 2.0, -3.0, 4.0]], 0.5, rng=0)
    >>> after.n_edges, weights.tolist()
    (2, [1.0, 2.0])
    """

    name: ClassVar[str] = "link_removal"
    meaning: ClassVar[str] = "fraction of the edges removed"
    order: Any = "random"
    scope: str = "layer"

    def __post_init__(self) -> None:
        check_choice("scope", self.scope, SCOPES)
        if hasattr(self.order, "__len__") and not isinstance(self.order, str | RemovalOrder):
            object.__setattr__(self, "order", _as_tuple("order", self.order, "order='random'"))
        else:
            _as_order_of(EDGES, self.order)

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw the order of the edges."""
        return self.prepare(wiring)(rng)

    def prepare(self, wiring: Wiring) -> Callable[[np.random.Generator], Perturbed]:
        """Find the scores that all trials share."""
        probed = wiring.probed
        if isinstance(self.order, tuple):
            given = Removal.of_edges(as_order(np.asarray(self.order), probed.n_edges))
            return lambda rng: _edges_go(wiring, given)
        order = _as_order_of(EDGES, self.order)
        removal = order.start(probed, scope=self.scope, weights=wiring.probed_weights)
        return lambda rng: _edges_go(wiring, removal(rng))


@dataclass(frozen=True)
class MagnitudePruning(Probe):
    """Remove the fraction of the edges with the smallest |w|: `LinkRemoval` in the order "weight_ascending".

    Parameters
    ----------
    scope : {"layer", "network"}
        "layer": every layer loses the same fraction. "network": one threshold for all.

    Raises
    ------
    InvalidOption
        For another scope.

    Notes
    -----
    A weight of 0 belongs to an edge like any other, the smallest; equal |w| are ties, broken at random in each trial,
    all that its trials differ by. One shot, nothing is trained again. arXiv:2508.05463 names pruning among its probes;
    its details are not public, this definition is ours.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1, 1]])])
    >>> MagnitudePruning().perturb(network, [[1.0, 2.0, -3.0, 4.0]], 0.5, rng=0)[1][0].tolist()
    [-3.0, 4.0]
    """

    name: ClassVar[str] = "magnitude_pruning"
    meaning: ClassVar[str] = "fraction of the edges removed, smallest |w| first"
    scope: str = "layer"

    def __post_init__(self) -> None:
        check_choice("scope", self.scope, SCOPES)

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw who goes first of equal |w|."""
        return LinkRemoval("weight_ascending", self.scope).draw(wiring, rng)


@dataclass(frozen=True)
class UnitRemoval(Probe):
    """Remove a fraction of the units, each with all its edges.

    Parameters
    ----------
    order : str or RemovalOrder
        Who goes first: "random_units", "unit_degree", "adaptive_unit_degree", or an order object of units.
    scope : {"layer", "network"}
        Whether every level loses the same fraction of its units, or all are pooled.
    levels : {"hidden", "inputs", "outputs"}, sequence of int, or None
        Which levels lose units. "hidden": all but the inputs and the class outputs; with a dense head the last level
        below it is hidden too, included or not. The others are of the layers that may be changed: "outputs" is the last
        level of these, None all of them.

    Raises
    ------
    UnknownName, InvalidOption
        For unknown names, an order of edges, and levels without a unit.

    Notes
    -----
    Exactly floor(f n + 1/2) of the n units of these levels are gone at strength f, those gone at a smaller strength
    among them: the same ones as in `netsparse.percolation.percolate` of the layers that may be changed, for the same
    levels (by number) and seed. A removed unit also loses its edges into a dense head that is not included, else its
    bias would still be heard there: the one case in which a probe reaches beyond the layers probed. Degrees are counted
    in the layers that may be changed. The definition is ours.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1], [1]]), BipartiteGraph.from_mask([[1, 1]])])
    >>> after, _ = UnitRemoval().perturb(network, [[1.0, 2.0], [3.0, 4.0]], 0.5, rng=0)
    >>> [layer.n_edges for layer in after.layers]
    [1, 1]
    """

    name: ClassVar[str] = "unit_removal"
    meaning: ClassVar[str] = "fraction of the units removed"
    reaches_head: ClassVar[bool] = True
    order: Any = "random_units"
    scope: str = "layer"
    levels: Any = "hidden"

    def __post_init__(self) -> None:
        check_choice("scope", self.scope, SCOPES)
        _as_order_of(UNITS, self.order)
        if self.levels is not None and not isinstance(self.levels, str):
            object.__setattr__(self, "levels", _as_tuple("levels", self.levels, "levels='hidden'"))

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw the order of the units."""
        return self.prepare(wiring)(rng)

    def prepare(self, wiring: Wiring) -> Callable[[np.random.Generator], Perturbed]:
        """Find the scores that all trials share."""
        levels = _hidden(wiring) if self.levels == "hidden" else self.levels
        order = _as_order_of(UNITS, self.order)
        removal = order.start(wiring.probed, scope=self.scope, weights=wiring.probed_weights, levels=levels)
        ends = np.stack(wiring.network.unit_edges(), axis=1)
        return lambda rng: _units_go(wiring, removal(rng), ends)


def _edges_go(wiring: Wiring, removal: Removal) -> Perturbed:
    def at(fraction: float) -> Wiring:
        gone = np.zeros(len(removal.edges), dtype=bool)
        gone[removal.edges[: count_of(fraction, removal.n_items)]] = True
        return wiring.without(gone)

    return at


def _units_go(wiring: Wiring, removal: Removal, ends: np.ndarray) -> Perturbed:
    def at(fraction: float) -> Wiring:
        gone = np.zeros(sum(wiring.network.sizes), dtype=bool)
        gone[removal.items[: count_of(fraction, removal.n_items)]] = True
        return wiring.without(gone[ends[:, 0]] | gone[ends[:, 1]])

    return at


def _hidden(wiring: Wiring) -> list[int]:
    """Return the levels between the inputs and the class outputs, as far as layers below or above them are probed."""
    levels = list(range(1, min(wiring.n_probed + 1, len(wiring.network.layers))))
    if not levels:
        given = f"'hidden' for {wiring.network!r}"
        raise InvalidOption("levels", given, "a level between inputs and outputs", "levels='inputs'")
    return levels


def _as_tuple(name: str, values: Any, fix: str) -> tuple[Any, ...]:
    """Return a list of numbers, or one, as a value, which a probe is; raises `InvalidOption` for lists of lists."""
    try:
        given = np.asarray(values)
    except ValueError:
        raise InvalidOption(name, "rows of unequal length", "a list of whole numbers", fix) from None
    if given.ndim > 1:
        raise InvalidOption(name, f"{given.dtype} of shape {given.shape}", "a list of whole numbers", fix)
    return tuple(given.ravel().tolist())


def _as_order_of(kind: str, order: Any) -> RemovalOrder:
    names = [name for name, known in ORDERS.items() if known.of == kind]
    found = ORDERS.get(order) if isinstance(order, str) else order
    if not isinstance(found, RemovalOrder):
        raise unknown_name("order", order, names)
    if found.of != kind:
        other = "UnitRemoval" if kind == EDGES else "LinkRemoval"
        raise InvalidOption("order", f"{order!r}, of {found.of}", f"one of {kind}", f"{other}(order={order!r})")
    return found
