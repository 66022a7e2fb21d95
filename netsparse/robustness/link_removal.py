"""Link removal: the accuracy of a trained model while its edges are removed, beside what is left of its wiring.

`link_removal` keeps the name of the published probe (arXiv:2602.21961); everywhere else an edge is an edge.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

from netsparse.datasets import Dataset
from netsparse.errors import InvalidOption
from netsparse.nn import SparseModel
from netsparse.percolation.order import RemovalOrder
from netsparse.robustness.fractions import as_fractions
from netsparse.robustness.probing import probe
from netsparse.robustness.removal_probes import LinkRemoval
from netsparse.robustness.saliency_order import named_order
from netsparse.typing import Seed


def link_removal(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    order: Any = "random",
    scope: str = "layer",
    fractions: int | Sequence[float] = 20,
    trials: int | None = None,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Remove more and more edges of a trained model, without retraining, and measure its accuracy on the test set.

    Exactly fraction * n_edges edges are gone at each point, halves rounded up; within a trial the removals are nested.
    The same removed edges give the structural observables, so function and structure share one axis. That definition
    is ours: the paper's details are not public.

    Parameters
    ----------
    model : SparseModel
        Left as it is.
    data : str, path or Dataset
        Whose test set is used, see `netsparse.datasets.load`.
    order : str, RemovalOrder, or int sequence of length n_edges
        A name from `netsparse.percolation.ORDERS`, "saliency_descending" or "saliency_ascending" (|w * gradient| on the
        training images, see `saliency`), an order object, or a permutation of the edge ids (layer by layer, in
        canonical order), first removed first.
    scope : {"layer", "network"}
        Whether every layer loses the same fraction, or all edges are pooled; see `netsparse.percolation.percolate`.
    fractions : int or sequence of float
        k means the k + 1 fractions 0, 1/k, ..., 1; or the fractions themselves, in [0, 1].
    trials : int, optional
        Number of independent orders; default 10, and 1 for an order given as permutation.
    include_head : bool
        Whether the dense head's weights are removed too, as one more (complete) layer. At 1 % density they are about a
        quarter of all weights.
    workers : int, optional
        Number of threads, see `probe`.
    data_dir : path, optional
        Where data sets lie or land.
    rng : int or numpy.random.Generator
        The same seed gives the same orders as `percolate` draws.

    Returns
    -------
    DataFrame
        One row per trial and fraction, the columns of `probe`; the strength is the fraction removed.

    Raises
    ------
    InvalidOption, InvalidSize, UnknownName, InvalidSeed
        For options that do not fit, and for a model that does not fit the data.

    Examples
    --------
    >>> import netsparse as ns
    >>> net = ns.generators.layered([64, 30], density=0.2, rng=0)
    >>> model = ns.nn.SparseMLP(net, n_classes=10, rng=0)
    >>> table = link_removal(model, "digits", fractions=4, trials=2, rng=0)
    >>> len(table), table["n_edges"].tolist()[:5]
    (10, [384, 288, 192, 96, 0])
    """
    order = named_order(order)
    given = not isinstance(order, str | RemovalOrder)
    if given and trials not in (None, 1):
        found = f"{trials} for one given order"
        raise InvalidOption("trials", found, "one trial, as all would be the same", "trials=1")
    return probe(
        model,
        data,
        LinkRemoval(order, scope),
        strengths=as_fractions(fractions),
        trials=(1 if given else 10) if trials is None else trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )
