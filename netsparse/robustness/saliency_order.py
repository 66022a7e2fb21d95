"""The removal order by saliency, whose scores need a trained model and data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from netsparse.datasets import Dataset
from netsparse.errors import InvalidOption, unknown_name
from netsparse.nn import SparseModel
from netsparse.percolation.edge_orders import ByScore
from netsparse.percolation.order import RemovalOrder, RemovalState, Scores
from netsparse.percolation.orders import ORDERS
from netsparse.percolation.removal import EDGES
from netsparse.robustness.perturbation import Probe
from netsparse.robustness.saliency import saliency
from netsparse.typing import EdgeVector


class BySaliency(RemovalOrder):
    """Edges by their saliency in a trained model, the highest first.

    Scores need a model and data, so the engine (`probe`, `link_removal`) finds them: on the training images, with the
    head where it is included. Anywhere else, `measured` says from what.

    Parameters
    ----------
    descending : bool
        Whether the edge that the loss depends on most goes first, or last.

    Examples
    --------
    >>> BySaliency()
    saliency_descending
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> order = BySaliency(descending=False).measured(model, "digits", n_samples=500)
    >>> order.removal(model.network, rng=0).items.shape
    (384,)
    """

    def __init__(self, descending: bool = True, scores: tuple[EdgeVector, ...] | None = None) -> None:
        if not isinstance(descending, bool):
            raise InvalidOption("descending", repr(descending), "True or False", "descending=True")
        self.descending, self.scores = descending, scores

    @property
    def definition(self) -> str:
        """Who goes first, in a few words."""
        return f"edges of the {'highest' if self.descending else 'lowest'} |w * gradient of the loss| first"

    def measured(self, model: SparseModel, data: Any, **options: Any) -> BySaliency:
        """Return the order by the `saliency` of this model; options as there."""
        return BySaliency(self.descending, saliency(model, data, **options))

    def score(self, state: RemovalState, rng: np.random.Generator | None) -> Scores | None:
        """Return the saliency of each edge; raises `InvalidOption` before it was measured."""
        if self.scores is None:
            expected = "scores of a trained model"
            raise InvalidOption("order", repr(self), expected, "BySaliency().measured(model, 'fashion-mnist')")
        return ByScore(self.scores, self.descending).score(state, rng)

    def __repr__(self) -> str:
        return "saliency_descending" if self.descending else "saliency_ascending"


SALIENCY_ORDERS: dict[str, BySaliency] = {str(order): order for order in (BySaliency(), BySaliency(descending=False))}
"""The orders by saliency by name; beside `netsparse.percolation.ORDERS`, which know no model."""


def named_order(order: Any) -> Any:
    """Return the saliency order of that name, or whatever else was given; raises `UnknownName` for another name."""
    if not isinstance(order, str) or order in ORDERS:
        return order
    known = {name: each for name, each in ORDERS.items() if each.of == EDGES} | SALIENCY_ORDERS
    if order not in known:
        raise unknown_name("order", order, known)
    return SALIENCY_ORDERS.get(order, order)


def with_saliency(probe: Probe, model: SparseModel, dataset: Dataset, *, include_head: bool) -> Probe:
    """Return the probe with its order's scores measured, where it removes edges by a saliency not measured yet."""
    order = getattr(probe, "order", None)
    if not isinstance(order, BySaliency) or order.scores is not None:
        return probe
    return replace(probe, order=order.measured(model, dataset, include_head=include_head))  # type: ignore[type-var]  # every probe is a dataclass
