"""Link removal: the accuracy of a trained model while its edges are removed, beside what is left of its wiring.

`link_removal` keeps the name of the published probe (arXiv:2602.21961); everywhere else an edge is an edge.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption
from netsparse.generators import complete
from netsparse.graph import SparseNetwork
from netsparse.nn import SparseMLP
from netsparse.percolation import percolate, removal_orders
from netsparse.train import Splits, evaluate
from netsparse.typing import Seed

STRUCTURE = ("giant_component", "second_component", "outputs_reachable")


def link_removal(
    model: SparseMLP,
    data: str | os.PathLike[str] | Dataset,
    *,
    order: Any = "random",
    scope: str = "layer",
    fractions: int | Sequence[float] = 20,
    trials: int | None = None,
    include_head: bool = False,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Remove more and more edges of a trained model, without retraining, and measure its accuracy on the test set.

    Exactly fraction * n_edges edges are gone at each point, halves rounded up; within a trial the removals are nested.
    The same removed edges give the structural observables, so function and structure share one axis. That definition
    is ours: the paper's details are not public.

    Parameters
    ----------
    model : SparseMLP
        Left as it is; a copy is probed.
    data : str, path or Dataset
        Whose test set is used, see `netsparse.datasets.load`.
    order : str or int array of shape (n_edges,)
        "random", or a permutation of the edge ids (layer by layer, in canonical order), first removed first.
    scope : {"layer", "network"}
        Whether every layer loses the same fraction, or all edges are pooled; see `netsparse.percolation.percolate`.
    fractions : int or sequence of float
        k means the k + 1 fractions 0, 1/k, ..., 1; or the fractions themselves, in [0, 1].
    trials : int, optional
        Number of independent orders; default 10, and 1 for an order given as an array.
    include_head : bool
        Whether the dense head's weights are removed too, as one more (complete) layer. At 1 % density they are about a
        quarter of all weights.
    data_dir : path, optional
        Where data sets lie or land.
    rng : int or numpy.random.Generator
        The same seed gives the same orders as `percolate` draws.

    Returns
    -------
    DataFrame
        One row per trial and fraction: probe, order, scope, trial, fraction_removed, n_removed, accuracy, loss,
        giant_component, second_component, outputs_reachable.

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
    >>> len(table), table["n_removed"].tolist()[:5]
    (10, [0, 96, 192, 288, 384])
    """
    dataset = load(data, data_dir=data_dir)
    model.check_data(dataset.n_features, dataset.n_classes)
    trials = (10 if isinstance(order, str) else 1) if trials is None else trials
    device = next(model.parameters()).device
    splits = Splits.of(dataset, 0, device)
    probed = copy.deepcopy(model)
    network, values = _edges(probed, include_head)
    original = [v.clone() for v in values]
    shares = _fractions(fractions)
    n_removed = np.floor(shares * network.n_edges + 0.5).astype(np.int64)
    starts = np.cumsum([0, *(layer.n_edges for layer in network.layers)])
    tables: list[pd.DataFrame] = []
    for trial, removal in enumerate(removal_orders(network, order=order, scope=scope, trials=trials, rng=rng)):
        structure = percolate(network, order=removal, observables=STRUCTURE).at(n_removed)
        for kept, live in zip(original, values, strict=True):
            live.copy_(kept)
        points: list[tuple[float, float]] = []
        gone = 0
        for count in n_removed.tolist():
            _remove(values, removal[gone:count], starts)
            gone = count
            points.append(evaluate(probed, splits.x_test, splits.y_test))
        columns = {
            "probe": "link_removal",
            "order": order if isinstance(order, str) else "given",
            "scope": scope,
            "trial": trial,
            "fraction_removed": shares,
            "n_removed": n_removed,
            "accuracy": [accuracy for _, accuracy in points],
            "loss": [loss for loss, _ in points],
            **{name: rows[0] for name, rows in structure.items()},
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _edges(model: SparseMLP, include_head: bool) -> tuple[SparseNetwork, list[Tensor]]:
    """Return the probed wiring, and the 1-D tensor of weights of each of its layers, to be written in place."""
    graphs = list(model.network.layers)
    values = [layer.weight.data for layer in model.sparse_layers()]
    if include_head:
        if model.head is None:
            given = "True for a model whose head is sparse"
            raise InvalidOption("include_head", given, "False, its last layer is removed anyway", "include_head=False")
        graphs.append(complete(model.head.in_features, model.head.out_features))
        values.append(model.head.weight.data.view(-1))
    return SparseNetwork(graphs), values


def _remove(values: Sequence[Tensor], edges: np.ndarray, starts: np.ndarray) -> None:
    layer_of = np.searchsorted(starts, edges, side="right") - 1
    for k, weights in enumerate(values):
        ids = edges[layer_of == k] - starts[k]
        weights[torch.as_tensor(ids, dtype=torch.int64, device=weights.device)] = 0.0


def _fractions(fractions: int | Sequence[float]) -> np.ndarray:
    expected, fix = "a number of steps, or increasing fractions in [0, 1]", "fractions=20"
    if isinstance(fractions, int | np.integer) and not isinstance(fractions, bool):
        if fractions < 1:
            raise InvalidOption("fractions", repr(fractions), expected, fix)
        return np.linspace(0.0, 1.0, int(fractions) + 1)
    try:
        shares = np.asarray(fractions, dtype=float)
    except (TypeError, ValueError):
        raise InvalidOption("fractions", repr(fractions), expected, fix) from None
    if shares.ndim != 1 or not len(shares) or not ((shares >= 0) & (shares <= 1)).all() or (np.diff(shares) <= 0).any():
        raise InvalidOption("fractions", repr(fractions), expected, fix)
    return shares
