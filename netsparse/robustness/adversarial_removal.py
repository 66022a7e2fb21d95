"""An attack on the graph: the edges that a model misses most are removed, round by round, by the loss gradient."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption, unknown_name
from netsparse.nn.model import SparseModel
from netsparse.rng import as_rng, spawn
from netsparse.robustness.attack_options import at_least_one, first_samples
from netsparse.robustness.choices import SCOPES, count_of, edge_groups, pooled
from netsparse.robustness.evaluation import BATCH_SIZE, check_head, wiring_of
from netsparse.robustness.link_removal import link_removal
from netsparse.train import Splits
from netsparse.train.left_alone import left_alone
from netsparse.train.threads import in_threads
from netsparse.typing import EdgeIds, EdgeVector, Seed

USUAL_SAMPLES = 2000
"""Samples that the loss is taken of where the caller says nothing: enough for a sign, and soon done."""


def adversarial_link_removal(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    scope: str = "layer",
    fractions: int | Sequence[float] = 20,
    rounds: int = 100,
    n_samples: int | None = None,
    split: str = "train",
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Remove the edges of a trained model that it misses most, round by round, and measure its accuracy.

    The edges and their order are those of `loss_order`; everything else is `link_removal`.

    Parameters
    ----------
    model, data, scope, fractions, include_head, workers, data_dir
        See `link_removal`.
    rounds, n_samples, split
        See `loss_order`. The accuracy is measured on the test set whichever split the attacker sees.
    rng : int or numpy.random.Generator
        Decides between edges of equal score.

    Returns
    -------
    DataFrame
        One row per fraction with the columns of `link_removal`; probe is "adversarial_link_removal".

    Raises
    ------
    UnknownName, InvalidOption, InvalidSize, InvalidSeed
        As `link_removal` and `loss_order`.

    Examples
    --------
    >>> import netsparse as ns
    >>> model = ns.nn.SparseMLP(ns.generators.layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> table = adversarial_link_removal(model, "digits", fractions=2, rounds=10, rng=0)
    >>> table["n_edges"].tolist(), table["probe"].unique().tolist()
    ([384, 192, 0], ['adversarial_link_removal'])
    """
    dataset, rng = load(data, data_dir=data_dir), as_rng(rng)
    n_samples = _samples_of(dataset, split, n_samples)
    options: dict[str, Any] = {"scope": scope, "rounds": rounds, "n_samples": n_samples, "split": split}
    order = loss_order(model, dataset, **options, include_head=include_head, rng=rng)
    of_probe: dict[str, Any] = {"include_head": include_head, "workers": workers}
    table = link_removal(model, dataset, order=order, scope=scope, fractions=fractions, **of_probe, rng=rng)
    named = ", ".join(f"{name}={value}" for name, value in options.items())
    return table.assign(probe="adversarial_link_removal", options=named)


def loss_order(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    scope: str = "layer",
    rounds: int = 100,
    n_samples: int | None = None,
    split: str = "train",
    include_head: bool = False,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> EdgeIds:
    """Return the edges in the order of a greedy attack: in each round those whose removal raises the loss most.

    To first order the loss rises by -w_e dL/dw_e when edge e is removed; L is the mean cross-entropy over the samples,
    its gradient that of the edges still there. So an edge that does harm goes last, whereas `saliency` takes the
    absolute value, of the whole model once. Greedy, first order and rounds of equal size are ours.

    Parameters
    ----------
    model : SparseModel
        Trained; left as it is.
    data : str, path or Dataset
        See `netsparse.datasets.load`.
    scope : {"layer", "network"}
        Whether every layer loses the same share of its edges in each round, or all edges are pooled.
    rounds : int
        Number of rounds until no edge is left. One is the order of the whole model.
    n_samples : int, optional
        Only the first so many samples of the split; 2,000 where not given, or all where there are fewer.
    split : {"train", "test"}
        Whose samples the attacker sees.
    include_head : bool
        Whether the dense head's weights are removed too, as one more (complete) layer.
    data_dir : path, optional
        Where data sets lie or land.
    rng : int or numpy.random.Generator
        Decides between edges of equal score.

    Returns
    -------
    int array of shape (n_edges,)
        Edge ids, layer by layer in canonical order, first removed first: an `order` of `link_removal`.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSize, InvalidSeed
        For unknown names, impossible numbers, a head that is not there, and a model that does not fit the data.

    Examples
    --------
    >>> import netsparse as ns
    >>> model = ns.nn.SparseMLP(ns.generators.layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> order = loss_order(model, "digits", rounds=4, rng=0)
    >>> sorted(order.tolist()) == list(range(384))
    True
    """
    check_head(model, include_head)
    if scope not in SCOPES:
        raise unknown_name("scope", scope, SCOPES)
    rounds = at_least_one("rounds", rounds)
    dataset = load(data, data_dir=data_dir)
    model.check_data(dataset.n_features, dataset.n_classes)
    n_samples = _samples_of(dataset, split, n_samples)
    (ties,) = spawn(rng, 1, purpose="ties")
    loss = _Loss(model, dataset, split, n_samples, include_head)
    wiring = wiring_of(model, include_head=include_head)
    groups, values = edge_groups(wiring, scope), pooled(wiring)
    gone = np.zeros(len(values), dtype=bool)
    order: list[np.ndarray] = []
    for done in range(rounds):
        counts = [count_of((done + 1) / rounds, len(group)) - int(gone[group].sum()) for group in groups]
        if not any(counts):
            continue
        rise = -values * loss.gradient(values)
        for group, count in zip(groups, counts, strict=True):
            left = ties.permutation(group[~gone[group]])
            chosen = left[np.argsort(-rise[left], kind="stable")[:count]]
            order.append(chosen)
            gone[chosen], values[chosen] = True, 0.0
    return np.concatenate([np.zeros(0, dtype=np.int64), *order])


class _Loss:
    """The mean cross-entropy of a model over samples, as a function of its weights; a removed edge has weight 0."""

    def __init__(self, model: SparseModel, dataset: Dataset, split: str, n_samples: int, include_head: bool) -> None:
        parameter = next(model.parameters())
        splits = Splits.of(dataset, 0, parameter.device)
        x, y = (splits.x_train, splits.y_train) if split == "train" else (splits.x_test, splits.y_test)
        self.model, self.head = model, model.head if include_head else None
        self.batches = list(
            zip(x[:n_samples].to(parameter.dtype).split(BATCH_SIZE), y[:n_samples].split(BATCH_SIZE), strict=True)
        )
        self.n_samples, self.network = n_samples, model.network
        self.n_threads = 1 if parameter.is_cuda else min(torch.get_num_threads(), len(self.batches))

    def gradient(self, values: EdgeVector) -> EdgeVector:
        """Return dL/dw of every edge, layer by layer, the head's last, at these weights."""
        stops = np.cumsum([layer.n_edges for layer in self.network.layers])
        *edges, rest = np.split(values, stops)
        head = None if self.head is None else rest.reshape(tuple(self.head.weight.shape))
        twin = self.model.with_edges(self.network, edges, head)
        weights: list[Tensor] = [layer.weight for layer in twin.sparse_layers()]
        weights += [] if head is None or twin.head is None else [twin.head.weight]
        with left_alone(twin):
            for weight in weights:
                weight.requires_grad_(True)
            totals = [torch.zeros_like(weight, dtype=torch.float64) for weight in weights]
            # a few batches at a time, since the gradients of all may not fit; added in the batches' order
            for begin in range(0, len(self.batches), self.n_threads):
                here = self.batches[begin : begin + self.n_threads]
                for gradients in in_threads(partial(_gradients, twin, weights), here, self.n_threads):
                    for total, gradient in zip(totals, gradients, strict=True):
                        total += gradient
        return np.concatenate([total.cpu().numpy().ravel() for total in totals]) / self.n_samples


def _gradients(model: SparseModel, weights: list[Tensor], batch: tuple[Tensor, Tensor]) -> list[Tensor]:
    """Return the gradients of the summed loss of a batch."""
    with torch.enable_grad():
        x, labels = batch
        loss = nn.functional.cross_entropy(model(x), labels, reduction="sum")
        return list(torch.autograd.grad(loss, weights))


def _samples_of(dataset: Dataset, split: str, n_samples: int | None) -> int:
    if split not in ("train", "test"):
        raise InvalidOption("split", repr(split), "'train' or 'test'", "split='train'")
    n = len(dataset.x_train if split == "train" else dataset.x_test)
    return first_samples(min(USUAL_SAMPLES, n) if n_samples is None else n_samples, n, split)
